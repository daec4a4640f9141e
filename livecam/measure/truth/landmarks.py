"""Indices of MediaPipe's landmarks on the lids and the lips."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LidLandmarks:
    """The lids of one eye, each row from corner to corner."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]
    fold: tuple[int, ...]  # of the skin above the upper lid
    above: tuple[int, ...]  # the fold, below the brow


# Left and right eye of the head.
LID_LANDMARKS: tuple[LidLandmarks, LidLandmarks] = (
    LidLandmarks(
        lower=(249, 390, 373, 374, 380, 381, 382),
        upper=(466, 388, 387, 386, 385, 384, 398),
        fold=(467, 260, 259, 257, 258, 286, 414),
        above=(342, 445, 444, 443, 442, 441, 413),
    ),
    LidLandmarks(
        lower=(7, 163, 144, 145, 153, 154, 155),
        upper=(246, 161, 160, 159, 158, 157, 173),
        fold=(247, 30, 29, 27, 28, 56, 190),
        above=(113, 225, 224, 223, 222, 221, 189),
    ),
)

MOUTH_CORNERS = (61, 291)
_UPPER_INNER = (191, 80, 81, 82, 13, 312, 311, 310, 415)
_LOWER_INNER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
INNER_LIPS = (78, *_UPPER_INNER, 308, *_LOWER_INNER)
UPPER_LIP = (*_UPPER_INNER, 185, 40, 39, 37, 0, 267, 269, 270, 409)
LOWER_LIP = (*_LOWER_INNER, 146, 91, 181, 84, 17, 314, 405, 321, 375)

# Points at which registration is measured: eyes, nose, chin, before the ears, mouth, forehead.
REGISTERED_POINTS = (33, 133, 362, 263, 1, 168, 152, 234, 454, 61, 291, 10)

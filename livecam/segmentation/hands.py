"""Hands near the head: when to look for them, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.base import Hand
from livecam.segmentation.hand_shape import Points, corner_of, size_of

# Finds hands in a picture: points float32[21, 2], image-normalised, and how sure.
Find: TypeAlias = Callable[[Image], Sequence[tuple[NDArray[np.float32], float]]]

REST_S = 0.5  # between two looks while no hand is near
BUSY_REST_S = 0.1  # while one is
EARLY_S = 0.02  # pictures come in steps: one that is due so soon is taken
LATELY_S = 1.0  # a hand that was near so long ago may come back
FORGIVEN = 1  # looks that may miss a hand before it is gone
NEAR = 1.0  # face widths from the oval
VIEW = 4.4  # side of the square looked at, in face widths
VIEW_STAYS = 0.08  # of that side: while the head moves less, the same square is looked at
NOWHERE = Rect(0, 0, 0, 0)
VIEW_PX = 384  # that side for the network
UNSURE = 0.5


@dataclass(frozen=True, slots=True)
class HandSighting(Hand):
    """A hand, and the picture in which it lay just so."""

    picture: Image  # uint8[h, w, 4]; not written to
    at: float  # the moment of that picture, seconds


class HandWatch:
    """Decides when to look for hands near a face. One thread.

    Between two looks the last sightings stand: whoever shows them carries them on.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._seen: tuple[HandSighting, ...] = ()
        self._looked_at, self._near_at = -np.inf, -np.inf
        self._missed = 0
        self._view = NOWHERE

    def look(self, frame: Frame, face_landmarks: Points, now: float) -> tuple[Hand, ...]:
        """The hands near a face (landmarks float32[478, 2], pixels of the frame)."""
        if now < self._looked_at:  # a film began again
            self.reset()
        rest_s = BUSY_REST_S if now - self._near_at <= LATELY_S else REST_S
        if now - self._looked_at < rest_s - EARLY_S:
            return self._seen
        self._looked_at = now
        found = self._look_around(frame, face_landmarks)
        if found:
            self._seen, self._missed, self._near_at = found, 0, now
        else:
            self._missed += 1
            if self._missed > FORGIVEN:
                self._seen = ()
        return self._seen

    def reset(self) -> None:
        """Forgets what it saw: a cut."""
        self._seen, self._missed, self._view = (), 0, NOWHERE
        self._looked_at = self._near_at = -np.inf

    def _look_around(self, frame: Frame, face: Points) -> tuple[HandSighting, ...]:
        view = self._view = steady_view(self._view, face, *frame.size)
        hands = []
        for points, score in self._find(_shrunk(frame.image, view)):
            inside = points * np.float32(view.width) + corner_of(view)
            if score >= UNSURE and is_near(inside, face):
                hands.append(HandSighting(inside, score, frame.image, frame.captured_at))
        return tuple(hands)


def _shrunk(image: Image, view: Rect) -> Image:
    """A square of a picture, black where it reaches over: only in a square MediaPipe is exact."""
    side = min(VIEW_PX, view.width)
    scale = side / view.width
    inside = view.clipped(image.shape[1], image.shape[0])
    square = np.zeros((side, side, 4), np.uint8)
    if inside.empty:
        return square
    x, y = round((inside.x0 - view.x0) * scale), round((inside.y0 - view.y0) * scale)
    width = max(1, min(side - x, round(inside.width * scale)))
    height = max(1, min(side - y, round(inside.height * scale)))
    cv2.resize(
        image[inside.slices], (width, height), square[y : y + height, x : x + width],
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    return square


def steady_view(before: Rect, face: Points, width: int, height: int) -> Rect:
    """The view before while it still fits: the finder follows hands from view to view."""
    view = view_around(face, width, height)
    corners = ((v.x0, v.y0, v.x1, v.y1) for v in (before, view))
    moved = max(abs(a - b) for a, b in zip(*corners, strict=True))
    return before if moved < VIEW_STAYS * max(view.width, view.height) else view


def view_around(face: Points, width: int, height: int) -> Rect:
    """The square of head and shoulders, as far as possible inside a picture of that size."""
    low, high = face.min(axis=0), face.max(axis=0)
    side = max(8, min(round(VIEW * float(high[0] - low[0])), max(width, height)))
    x, y = (
        (length - side) // 2 if side >= length else min(max(round(c - side / 2), 0), length - side)
        for c, length in zip(((low + high) / 2).tolist(), (width, height), strict=True)
    )
    return Rect(x, y, x + side, y + side)


def is_near(hand: Points, face: Points) -> bool:
    """Whether a hand's box comes within a face width of the face."""
    low, high = face.min(axis=0), face.max(axis=0)
    reach = NEAR * (high[0] - low[0])
    return bool((hand.max(axis=0) > low - reach).all() and (hand.min(axis=0) < high + reach).all())


def covers(hand: Points, face: Points) -> bool:
    """Whether a hand's box, with a margin, comes over the face's."""
    margin = 0.4 * size_of(hand)
    low, high = hand.min(axis=0) - margin, hand.max(axis=0) + margin
    return bool((high > face.min(axis=0)).all() and (low < face.max(axis=0)).all())

"""The shape of a hand, drawn from MediaPipe's 21 landmarks.

The wrist comes first, then four points from root to tip for the thumb and each finger. Lengths are
in hand sizes, from the wrist to the middle knuckle.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Rect
from livecam.segmentation.base import Mask

Points: TypeAlias = NDArray[np.float32]  # float32[n, 2], pixels

WRIST, INDEX_ROOT, MIDDLE_ROOT, RING_ROOT, LITTLE_ROOT = 0, 5, 9, 13, 17
PALM = (0, 1, 5, 9, 13, 17)
FINGERS = tuple(tuple(range(first, first + 4)) for first in (1, 5, 9, 13, 17))
PALM_RADIUS = 0.10  # by which the palm extends beyond its points
# Radius at each point of a thumb or finger.
THUMB_RADII, FINGER_RADII = (0.16, 0.145, 0.12, 0.095), (0.125, 0.105, 0.09, 0.078)
FOREARM, FOREARM_RADIUS = 0.14, 0.2  # length beyond the wrist, and radius there
SUBPIXEL_BITS = 3
BOX_MARGIN = 0.4  # beyond the points: nothing of a hand lies outside


def draw_hand(points: Points, width: int, height: int, thickness: float) -> Mask:
    """Draws the shape of a hand, uint8[height, width], 0 or 255; `thickness` scales its radii."""
    mask = np.zeros((height, width), np.uint8)
    unit = hand_size(points) * thickness
    back = points[WRIST] - points[MIDDLE_ROOT]
    forearm = points[WRIST] + back * np.float32(FOREARM)
    ends = np.concatenate((points, forearm[None]))
    along = ends[_TO] - ends[_FROM]
    side = np.stack((-along[:, 1], along[:, 0]), axis=1)
    side /= np.maximum(np.linalg.norm(side, axis=1), 1e-3)[:, None]
    a, b = side * (_FROM_RADII * unit), side * (_TO_RADII * unit)
    quads = np.stack((ends[_FROM] + a, ends[_TO] + b, ends[_TO] - b, ends[_FROM] - a), axis=1)
    for quad in _fixed_point(quads):
        cv2.fillConvexPoly(mask, quad, (255,), shift=SUBPIXEL_BITS)
    centres, radii = _fixed_point(points).tolist(), _fixed_point(_RADII * unit).tolist()
    for centre, radius in zip(centres, radii, strict=True):
        cv2.circle(mask, centre, max(1, radius), (255,), -1, shift=SUBPIXEL_BITS)
    fill_hull(mask, points[list(PALM)])
    return mask


def fill_hull(mask: Mask, points: Points) -> None:
    """Fills the convex hull of points with 255."""
    hull = _fixed_point(np.asarray(cv2.convexHull(points.astype(np.float32)), np.float32))
    cv2.fillConvexPoly(mask, hull, (255,), shift=SUBPIXEL_BITS)


def hand_size(points: Points) -> float:
    """Returns the pixels from the wrist to the middle knuckle, as if the palm faced the camera."""
    spans = np.linalg.norm(points[[5, 9, 13, 17]] - points[0], axis=1)
    across = float(np.linalg.norm(points[INDEX_ROOT] - points[LITTLE_ROOT]))
    return max(1.0, float(spans.mean()), 1.4 * across)


def hand_box(points: Points, width: int, height: int) -> Rect:
    """Returns the bounding box of a hand with its margin, inside a frame of that size."""
    margin = round(BOX_MARGIN * hand_size(points)) + 2
    return _box(points).grown(margin).clipped(width, height)


def bounding_box(points: Points, shape: tuple[int, ...], margin: float = 0.1) -> Rect:
    """Returns the box of points in an image of that shape, with a margin in parts of its width."""
    box = _box(points)
    return box.grown(round(margin * box.width)).clipped(shape[1], shape[0])


def top_left(box: Rect) -> Points:
    """Returns the top left corner, float32[2]."""
    return np.array((box.x0, box.y0), np.float32)


def _box(points: Points) -> Rect:
    low, high = points.min(axis=0), points.max(axis=0)
    return Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def _fixed_point(points: NDArray[np.float32]) -> NDArray[np.int32]:
    """Coordinates as OpenCV draws them with `shift=SUBPIXEL_BITS`."""
    return np.rint(points * (1 << SUBPIXEL_BITS)).astype(np.int32)


# Radius at each point, and the tapered strips between two: bones, the rim of the palm, the wrist.
_RADII = np.array((PALM_RADIUS, *THUMB_RADII, *FINGER_RADII * 4), np.float32)
_RIM = list(zip(PALM, (*PALM[1:], PALM[0]), strict=True))
_STRIPS = [(f[i], f[i + 1]) for f in FINGERS for i in range(3)] + _RIM + [(WRIST, 21)]
_FROM, _TO = (list(ends) for ends in zip(*_STRIPS, strict=True))
_ENDS = np.append(_RADII, np.float32(FOREARM_RADIUS))[:, None]
_FROM_RADII, _TO_RADII = _ENDS[_FROM].copy(), _ENDS[_TO].copy()
_FROM_RADII[-1] = FOREARM_RADIUS

"""The shape of a hand that MediaPipe's 21 points describe.

The wrist, then four points from root to tip for the thumb and each finger. Lengths are in parts of
the hand's size, from wrist to the middle knuckle.
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
PALM_RADIUS = 0.10  # by which the palm reaches over its points
# Radius at each point of a thumb or finger.
THUMB_RADII, FINGER_RADII = (0.16, 0.145, 0.12, 0.095), (0.125, 0.105, 0.09, 0.078)
FOREARM, FOREARM_RADIUS = 0.14, 0.2  # how far beyond the wrist, and how thick
SUBPIXEL_BITS = 3
REACH = 0.4  # beyond the points that nothing of a hand lies outside of


def drawn(points: Points, width: int, height: int, growth: float) -> Mask:
    """The shape of a hand, uint8[height, width], 0 or 255; `growth` scales how thick it is."""
    mask = np.zeros((height, width), np.uint8)
    unit = size_of(points) * growth
    back = points[WRIST] - points[MIDDLE_ROOT]
    beyond = points[WRIST] + back * np.float32(FOREARM)
    ends = np.concatenate((points, beyond[None]))
    along = ends[_TO] - ends[_FROM]
    side = np.stack((-along[:, 1], along[:, 0]), axis=1)
    side /= np.maximum(np.linalg.norm(side, axis=1), 1e-3)[:, None]
    a, b = side * (_FROM_RADII * unit), side * (_TO_RADII * unit)
    quads = np.stack((ends[_FROM] + a, ends[_TO] + b, ends[_TO] - b, ends[_FROM] - a), axis=1)
    for quad in fixed(quads):
        cv2.fillConvexPoly(mask, quad, (255,), shift=SUBPIXEL_BITS)
    for centre, radius in zip(fixed(points).tolist(), fixed(_RADII * unit).tolist(), strict=True):
        cv2.circle(mask, centre, max(1, radius), (255,), -1, shift=SUBPIXEL_BITS)
    fill_hull(mask, points[list(PALM)])
    return mask


def fill_hull(mask: Mask, points: Points) -> None:
    """Fills the convex hull of points with 255."""
    hull = fixed(np.asarray(cv2.convexHull(points.astype(np.float32)), np.float32))
    cv2.fillConvexPoly(mask, hull, (255,), shift=SUBPIXEL_BITS)


def size_of(points: Points) -> float:
    """From the wrist to the middle knuckle, in pixels, were the palm seen from straight ahead."""
    spans = np.linalg.norm(points[[5, 9, 13, 17]] - points[0], axis=1)
    across = float(np.linalg.norm(points[INDEX_ROOT] - points[LITTLE_ROOT]))
    return max(1.0, float(spans.mean()), 1.4 * across)


def box_of(points: Points, width: int, height: int) -> Rect:
    """Everything that may be shown of a hand."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = round(REACH * size_of(points)) + 2
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    return box.grown(reach).clipped(width, height)


def box_around(points: Points, shape: tuple[int, ...], margin: float = 0.1) -> Rect:
    """The box of points in a picture of that shape, with a margin in parts of its width."""
    low, high = points.min(axis=0), points.max(axis=0)
    box = Rect(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
    return box.grown(round(margin * box.width)).clipped(shape[1], shape[0])


def corner_of(box: Rect) -> Points:
    """The top left corner, float32[2]."""
    return np.array((box.x0, box.y0), np.float32)


def fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
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

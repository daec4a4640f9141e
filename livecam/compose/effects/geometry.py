"""Locates the parts of a face in the image from its landmarks.

The local axes of a frontal face are x to the right of the image, y down and z out of the face; the
unit is the distance between the eyes (6.3 cm on an adult).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.core.face import FACE_OVAL
from livecam.core.frame import Rect
from livecam.segmentation.hand_shape import FINGERS, PALM
from livecam.vision.transforms import Points2

Plane: TypeAlias = NDArray[np.float32]  # float32[h, w]

LANDMARKS = 478
MIN_UNIT_PX = 8.0  # smaller faces get no effects
FINGER_WIDTH = 0.34  # eye distances, for a hand as near as the face

# Contours in MediaPipe's mesh, each closed. "Left" lies left in the image.
EYE_LEFT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
EYE_RIGHT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
BROW_LEFT = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
BROW_RIGHT = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSTRIL_LEFT = (79, 166, 75, 242, 238)
NOSTRIL_RIGHT = (309, 392, 305, 462, 458)
LIPS_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
LIPS_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip

# Landmarks that no expression moves, in MediaPipe's canonical face (its geometry metadata),
# centimetres: x right, y up, z out of the face.
EYE_DISTANCE_CM = 6.302
_RIGID = (10, 168, 6, 4, 33, 133, 263, 362, 127, 356, 234, 454)
_CANONICAL_CM = np.array(
    (
        (0.0, 8.26, 4.48), (0.0, 3.27, 5.24), (0.0, 2.47, 5.79), (0.0, -0.46, 7.59),
        (-4.45, 2.66, 3.17), (-1.86, 2.59, 3.76), (4.45, 2.66, 3.17), (1.86, 2.59, 3.76),
        (-7.74, 2.36, -2.01), (7.74, 2.36, -2.01), (-7.66, 0.67, -2.44), (7.66, 0.67, -2.44),
    )
)  # fmt: skip
_MODEL = _CANONICAL_CM * (1, -1, 1) / EYE_DISTANCE_CM
_MODEL_MIDDLE = _MODEL.mean(axis=0)
_FIT = np.linalg.pinv(_MODEL - _MODEL_MIDDLE)  # float64[3, 12]


@dataclass(frozen=True, slots=True)
class FaceAxes:
    """The local axes of a face in the image, in orthographic projection."""

    unit_px: float  # the distance between the eyes in frontal view
    # float64[3, 3]: from local axes to those of the image (x right, y down, z to the viewer)
    turn: NDArray[np.float64]

    @property
    def plane_px(self) -> NDArray[np.float64]:
        """From units in the plane of the face to pixels, float64[2, 2]."""
        return self.unit_px * self.turn[:2, :2]

    @property
    def frontal(self) -> float:
        """The cosine to the camera: 1 in frontal view, 0 in profile, negative from behind."""
        return float(self.turn[2, 2])


def face_axes(points: Points2) -> FaceAxes:
    """Fits the local axes of a face to its rigid landmarks; `points` is float32[478, 2], pixels."""
    rigid = points[list(_RIGID)].astype(np.float64)
    matrix = (_FIT @ (rigid - rigid.mean(axis=0))).T  # float64[2, 3]
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right  # the nearest rotation's first two rows
    return FaceAxes(float(sizes.mean()), np.vstack((rows, np.cross(rows[0], rows[1]))))


def face_points(layers: Layers) -> Points2 | None:
    """Returns the landmarks of the face, if it is large enough for effects."""
    if layers.segmentation is None:
        return None
    points = layers.segmentation.landmarks_px
    if points.shape != (LANDMARKS, 2) or not np.isfinite(points).all():
        return None
    eyes = points[[33, 133]].mean(axis=0), points[[263, 362]].mean(axis=0)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    high = float(np.hypot(*(points[152] - points[10])))
    return points if max(apart, high / 3) >= MIN_UNIT_PX else None


def uncovered_points(layers: Layers) -> Points2 | None:
    """Returns the landmarks of a face that no head covers, if it is large enough for effects."""
    points = face_points(layers)
    if points is None:
        return None
    middle = points.mean(axis=0)
    hidden = any(
        avatar.face_px is None or _inside(avatar.face_px, middle) for avatar in layers.avatars
    )
    return None if hidden else points


def _inside(outline: Points2, point: NDArray[np.float32]) -> bool:
    polygon = np.ascontiguousarray(outline, np.float32)
    return cv2.pointPolygonTest(polygon, (float(point[0]), float(point[1])), False) >= 0


def box_around(points: Points2, margin_px: float, width: int, height: int) -> Rect:
    """Returns the rectangle around points, grown and clipped to the image; may be empty."""
    low = np.floor(points.min(axis=0) - margin_px).astype(int)
    high = np.ceil(points.max(axis=0) + margin_px).astype(int) + 1
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])).clipped(width, height)


def fill(
    mask: NDArray[np.uint8], points: Points2, origin: tuple[int, int], scale: float, value: int
) -> None:
    """Fills an antialiased polygon, in place.

    `points` are pixels of the image; `mask` starts at pixel `origin` of the image and has `scale`
    times its resolution.
    """
    # Pixel centres are at 0.5 in both grids; cv2 takes sixteenths of a pixel.
    placed = (points - np.asarray(origin, np.float32) + 0.5) * scale - 0.5
    cv2.fillPoly(mask, [np.rint(placed * 16).astype(np.int32)], (value,), cv2.LINE_AA, 4)


def hide_hands(
    mask: NDArray[np.uint8],
    layers: Layers,
    origin: tuple[int, int],
    scale: float,
    unit_px: float,
) -> None:
    """Clears the mask where a hand is in front of the face; arguments as in `fill`."""
    width = max(1, round(FINGER_WIDTH * unit_px * scale))
    for hand in layers.segmentation.hands if layers.segmentation is not None else ():
        placed = (hand.points - np.asarray(origin, np.float32) + 0.5) * scale - 0.5
        bones = np.rint(placed * 16).astype(np.int32)
        palm = bones[list(PALM)]
        cv2.fillPoly(mask, [palm], (0,), cv2.LINE_AA, 4)
        cv2.polylines(mask, [palm], True, (0,), width, cv2.LINE_AA, 4)
        fingers = [bones[list(finger)] for finger in FINGERS]
        cv2.polylines(mask, fingers, False, (0,), width, cv2.LINE_AA, 4)


def contour(points: Points2, indices: Sequence[int], growth: float = 1.0) -> Points2:
    """Returns the landmarks of a contour, scaled about their centre by `growth`."""
    chosen = points[list(indices)]
    middle = chosen.mean(axis=0)
    grown: Points2 = (middle + (chosen - middle) * growth).astype(np.float32)
    return grown


def oval(points: Points2) -> Points2:
    """Returns the outline of the face, float32[36, 2]."""
    chosen: Points2 = points[list(FACE_OVAL)]
    return chosen

"""Where a face's parts lie in a picture, from its landmarks alone.

The local frame of a face has its x axis to the right of a face that looks into the camera, y
down, z out of the face; its unit is the distance between the eyes (6.3 cm on a grown-up).
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

Points: TypeAlias = NDArray[np.float32]  # float32[k, 2], pixels
Plane: TypeAlias = NDArray[np.float32]  # float32[h, w]

LANDMARKS = 478
SMALLEST_UNIT_PX = 8.0  # below, a face is too small for any effect to be seen
FINGER_WIDTH = 0.34  # eye distances, a hand being as near as the face
PALM = (0, 1, 5, 9, 13, 17)
FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))

# Contours in MediaPipe's mesh, each closed. "Left" lies left in the picture.
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
_STILL = (10, 168, 6, 4, 33, 133, 263, 362, 127, 356, 234, 454)
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
class FaceFrame:
    """Where the local frame of a face lies in the picture; far away, so without perspective."""

    unit_px: float  # the eyes' distance, as if the face looked into the camera
    # float64[3, 3]: local axes to the picture's (x right, y down, z towards the viewer)
    turn: NDArray[np.float64]

    @property
    def plane_px(self) -> NDArray[np.float64]:
        """float64[2, 2]: steps in the face's plane, in units, to pixels."""
        return self.unit_px * self.turn[:2, :2]

    @property
    def frontal(self) -> float:
        """1 when the face looks into the camera, 0 in profile; negative from behind."""
        return float(self.turn[2, 2])


def frame_of(points: Points) -> FaceFrame:
    """The local frame of a face, fitted to landmarks (float32[478, 2] pixels) that keep still."""
    seen = points[list(_STILL)].astype(np.float64)
    matrix = (_FIT @ (seen - seen.mean(axis=0))).T  # float64[2, 3]
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right  # the nearest two rows of a rotation
    return FaceFrame(float(sizes.mean()), np.vstack((rows, np.cross(rows[0], rows[1]))))


def face_points(layers: Layers) -> Points | None:
    """The landmarks of the face in the picture, where it is large enough for effects."""
    if layers.segmentation is None:
        return None
    points = layers.segmentation.landmarks_px
    if points.shape != (LANDMARKS, 2) or not np.isfinite(points).all():
        return None
    eyes = points[[33, 133]].mean(axis=0), points[[263, 362]].mean(axis=0)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    high = float(np.hypot(*(points[152] - points[10])))
    return points if max(apart, high / 3) >= SMALLEST_UNIT_PX else None


def bare_points(layers: Layers) -> Points | None:
    """The same, but None below a head: nothing of such a face will be seen."""
    points = face_points(layers)
    if points is None:
        return None
    middle = points.mean(axis=0)
    hidden = any(
        avatar.face_px is None or _inside(avatar.face_px, middle) for avatar in layers.avatars
    )
    return None if hidden else points


def _inside(outline: Points, point: NDArray[np.float32]) -> bool:
    polygon = np.ascontiguousarray(outline, np.float32)
    return cv2.pointPolygonTest(polygon, (float(point[0]), float(point[1])), False) >= 0


def box_around(points: Points, margin_px: float, width: int, height: int) -> Rect:
    """The rectangle around points, grown, inside a picture of that size; may be empty."""
    low = np.floor(points.min(axis=0) - margin_px).astype(int)
    high = np.ceil(points.max(axis=0) + margin_px).astype(int) + 1
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])).clipped(width, height)


def fill(
    mask: NDArray[np.uint8], points: Points, origin: tuple[int, int], scale: float, value: int
) -> None:
    """Fills a polygon with soft edges, in place.

    `points` are pixels of the picture; `mask` starts at its pixel `origin`, and holds `scale`
    of its pixels along one of the picture's.
    """
    # Pixel centres: 0.5 in both grids; cv2 takes sixteenths.
    placed = (points - np.asarray(origin, np.float32) + 0.5) * scale - 0.5
    cv2.fillPoly(mask, [np.rint(placed * 16).astype(np.int32)], (value,), cv2.LINE_AA, 4)


def hide_hands(
    mask: NDArray[np.uint8],
    layers: Layers,
    origin: tuple[int, int],
    scale: float,
    unit_px: float,
) -> None:
    """Empties the mask where a hand is before the face; arguments as in `fill`."""
    width = max(1, round(FINGER_WIDTH * unit_px * scale))
    for hand in layers.segmentation.hands if layers.segmentation is not None else ():
        placed = (hand.points - np.asarray(origin, np.float32) + 0.5) * scale - 0.5
        bones = np.rint(placed * 16).astype(np.int32)
        palm = bones[list(PALM)]
        cv2.fillPoly(mask, [palm], (0,), cv2.LINE_AA, 4)
        cv2.polylines(mask, [palm], True, (0,), width, cv2.LINE_AA, 4)
        fingers = [bones[list(finger)] for finger in FINGERS]
        cv2.polylines(mask, fingers, False, (0,), width, cv2.LINE_AA, 4)


def contour(points: Points, names: Sequence[int], growth: float = 1.0) -> Points:
    """The landmarks of a contour, moved away from their middle by `growth`."""
    chosen = points[list(names)]
    middle = chosen.mean(axis=0)
    grown: Points = (middle + (chosen - middle) * growth).astype(np.float32)
    return grown


def oval(points: Points) -> Points:
    """The outline of the face, float32[36, 2]."""
    chosen: Points = points[list(FACE_OVAL)]
    return chosen

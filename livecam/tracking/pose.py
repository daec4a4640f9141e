"""Where a head is and how it is turned, from where its landmarks are seen.

MediaPipe gives a pose too, by lifting its landmarks into space and laying its model face over
them (weighted Procrustes). Their depths, however, run along the line on which the face is seen,
not along the camera's axis: lifted, the face of a head off the middle is sheared, and the best
rotation makes up for only a part of that, as a face is wider than deep. Its error is near 0.6 of
the angle under which the head is seen.

Here the same model face is projected by the camera and brought to lie on the landmarks: Gauss
and Newton's method on the reprojection error (Hartley and Zisserman, Multiple View Geometry,
2nd edition, 2003, sections 7.2 and A6.1), from MediaPipe's pose on. The depths count too, as
without them the pitch of a distant face is noise, but less, as they are less true.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Landmarks, Matrix4
from livecam.core.spaces import (
    compose,
    decompose,
    focal_px,
    matrix_from_quaternion,
    quaternion_from_vector,
)
from livecam.tracking.face_model import FaceModel

Rows = NDArray[np.float64]

STEPS = 2  # of Gauss and Newton; more change a pose by less than its noise
# Steps that turn the head or change its distance more than that lead nowhere.
MOST_STEP_RAD, MOST_FARTHER = 1.0, 2.0
# The landmarks' depths are so much less true than their places in the picture.
DEPTH_COUNTS = 0.4


class PoseSolver:
    """Lays a model face on the landmarks of one face after the other; remembers nothing."""

    def __init__(self, model: FaceModel) -> None:
        self._counts = np.flatnonzero(model.weights)
        self._weights = model.weights[self._counts] / model.weights.sum()
        points = model.points[self._counts]
        self._middle = self._weights @ points
        self._points = (points - self._middle).T
        self._row_weights = np.outer((1.0, 1.0, DEPTH_COUNTS**2), self._weights)

    def pose(self, landmarks: Landmarks, start: Matrix4, width: int, height: int) -> Matrix4:
        """camera_from_head of a face in a picture of that size, from a rough one on.

        Landmarks that no face could show leave the rough one as it is, but for its scale.
        """
        seen = self._seen(landmarks, width, height)
        translation, quaternion = decompose(start)
        turn = matrix_from_quaternion(quaternion)
        place = translation + turn @ self._middle
        for _ in range(STEPS):
            step = self._step(seen, turn, place)
            turn = matrix_from_quaternion(quaternion_from_vector(step[:3])) @ turn
            place = place + step[3:]
            farther = place[2] / translation[2]
            near = 1 / MOST_FARTHER < farther < MOST_FARTHER
            if not (near and np.abs(step[:3]).max() < MOST_STEP_RAD):
                return compose(translation, quaternion)
        out = np.eye(4)
        out[:3, :3], out[:3, 3] = turn, place - turn @ self._middle
        return out

    def _seen(self, landmarks: Landmarks, width: int, height: int) -> Rows:
        """Slopes of the lines of sight, right and up, and depths along them, float64[3, n].

        Depths are in parts of the distance, from their mean on: their zero is no place on a face.
        """
        seen: Rows = landmarks[self._counts].T.astype(np.float64)
        focal = focal_px(height)
        seen -= ((0.5,), (0.5,), (0.0,))
        seen *= ((width / focal,), (-height / focal,), (width / focal,))
        right, up, depth = seen @ self._weights
        seen[2] -= depth
        seen[2] /= np.sqrt(1 + right**2 + up**2)
        return seen

    def _step(self, seen: Rows, turn: Rows, place: Rows) -> Rows:
        """A rotation vector and a way, float64[6], by which the face comes nearer."""
        turned = turn @ self._points
        x, y, z = turned + place[:, None]
        right, up = x / -z, y / -z
        distance = np.sqrt(place @ place)
        sight = place / distance
        residuals = np.stack((right, up, sight @ turned / distance)) - seen
        # A small turn r moves a point q by r x q; d(x / -z) = (dx + right dz) / -z.
        qx, qy, qz = turned
        none, one = np.zeros_like(z), np.ones_like(z)
        slopes = np.empty((6, 3, len(z)))
        slopes[:, 0] = right * qy, qz - right * qx, -qy, one, none, right
        slopes[:, 1] = up * qy - qz, -up * qx, qx, none, one, up
        slopes[:, :2] /= -z
        sx, sy, sz = sight / distance
        slopes[:3, 2] = qy * sz - qz * sy, qz * sx - qx * sz, qx * sy - qy * sx
        slopes[3:, 2] = 0
        weighted = (slopes * self._row_weights).reshape(6, -1)
        normal = weighted @ slopes.reshape(6, -1).T
        return np.asarray(-np.linalg.solve(normal, weighted @ residuals.ravel()))

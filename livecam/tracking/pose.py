"""Estimates the pose of a head from the landmarks of its face.

MediaPipe returns a pose too, by lifting its landmarks to 3-D and fitting the canonical face to
them (weighted Procrustes). Their depths, however, run along the line of sight, not along the
camera's axis: the lifted face of a head off the optical axis is sheared, and the best rotation
compensates only a part of that, as a face is wider than deep. Its error is near 0.6 of the angle
between the head and the axis.

Here the canonical face is projected by the camera and fitted to the landmarks by the Gauss-Newton
method on the reprojection error (Hartley and Zisserman, Multiple View Geometry, 2nd edition, 2003,
sections 7.2 and A6.1), starting from MediaPipe's pose. The depths are residuals too, as without
them the pitch of a distant face is noise, but with less weight, as they are less accurate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Landmarks
from livecam.core.spaces import (
    Matrix4,
    compose,
    decompose,
    focal_px,
    matrix_from_quaternion,
    quaternion_from_vector,
)
from livecam.tracking.face_model import FaceModel

Array = NDArray[np.float64]

ITERATIONS = 2  # more change a pose by less than its noise
# A step beyond these, or a ratio of distances beyond that, diverges.
MAX_STEP_RAD, MAX_DISTANCE_RATIO = 1.0, 2.0
DEPTH_WEIGHT = 0.4  # of a depth's residual, relative to one in the image plane


class PoseSolver:
    """Fits the canonical face to the landmarks of single faces; stateless."""

    def __init__(self, model: FaceModel) -> None:
        self._used = np.flatnonzero(model.weights)
        self._weights = model.weights[self._used] / model.weights.sum()
        points = model.points[self._used]
        self._centroid = self._weights @ points
        self._points = (points - self._centroid).T
        self._row_weights = np.outer((1.0, 1.0, DEPTH_WEIGHT**2), self._weights)

    def solve(self, landmarks: Landmarks, start: Matrix4, width: int, height: int) -> Matrix4:
        """Estimates camera_from_head of a face in a frame of that size, from an initial estimate.

        When the iteration diverges the result is the initial estimate without its scale.
        """
        measured = self._measured(landmarks, width, height)
        translation, quaternion = decompose(start)
        rotation = matrix_from_quaternion(quaternion)
        centroid = translation + rotation @ self._centroid
        for _ in range(ITERATIONS):
            step = self._gauss_newton_step(measured, rotation, centroid)
            rotation = matrix_from_quaternion(quaternion_from_vector(step[:3])) @ rotation
            centroid = centroid + step[3:]
            ratio = centroid[2] / translation[2]
            is_near = 1 / MAX_DISTANCE_RATIO < ratio < MAX_DISTANCE_RATIO
            if not (is_near and np.abs(step[:3]).max() < MAX_STEP_RAD):
                return compose(translation, quaternion)
        out = np.eye(4)
        out[:3, :3], out[:3, 3] = rotation, centroid - rotation @ self._centroid
        return out

    def _measured(self, landmarks: Landmarks, width: int, height: int) -> Array:
        """Computes normalised image coordinates, right and up, and relative depths, float64[3, n].

        Depths run along the line of sight, in parts of the distance, relative to their mean:
        their zero has no meaning.
        """
        measured: Array = landmarks[self._used].T.astype(np.float64)
        focal = focal_px(height)
        measured -= ((0.5,), (0.5,), (0.0,))
        measured *= ((width / focal,), (-height / focal,), (width / focal,))
        right, up, depth = measured @ self._weights
        measured[2] -= depth
        measured[2] /= np.sqrt(1 + right**2 + up**2)
        return measured

    def _gauss_newton_step(self, measured: Array, rotation: Array, centroid: Array) -> Array:
        """Computes a rotation vector and a translation, float64[6], that reduce the residuals."""
        rotated = rotation @ self._points
        x, y, z = rotated + centroid[:, None]
        right, up = x / -z, y / -z
        distance = np.sqrt(centroid @ centroid)
        sight = centroid / distance
        residuals = np.stack((right, up, sight @ rotated / distance)) - measured
        jacobian = _jacobian(rotated, right, up, z, sight / distance)
        weighted = (jacobian * self._row_weights).reshape(6, -1)
        normal = weighted @ jacobian.reshape(6, -1).T
        return np.asarray(-np.linalg.solve(normal, weighted @ residuals.ravel()))


def _jacobian(rotated: Array, right: Array, up: Array, z: Array, sight: Array) -> Array:
    """Derivatives of the projections by rotation and translation, float64[6, 3, n].

    A small rotation r moves a point q by r x q; d(x / -z) = (dx + right dz) / -z.
    """
    qx, qy, qz = rotated
    zero, one = np.zeros_like(z), np.ones_like(z)
    out = np.empty((6, 3, len(z)))
    out[:, 0] = right * qy, qz - right * qx, -qy, one, zero, right
    out[:, 1] = up * qy - qz, -up * qx, qx, zero, one, up
    out[:, :2] /= -z
    sx, sy, sz = sight
    out[:3, 2] = qy * sz - qz * sy, qz * sx - qx * sz, qx * sy - qy * sx
    out[3:, 2] = 0
    return out

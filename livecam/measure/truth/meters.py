"""Compares poses and weights of a film with the truth: errors, jitter and lag.

Poses are camera_from_head float64[n, 4, 4]. Frames without a face are rows of NaN, which are left
out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.core.spaces import (
    Matrix4,
    Vector3,
    compose,
    focal_px,
    quaternion_from_matrix,
    quaternion_from_vector,
    rotation_vector,
    transformed,
)
from livecam.measure import paths as complete
from livecam.measure.paths import Paths

Array = NDArray[np.float64]

MIN_LAG_S, MAX_LAG_S, LAG_STEP_S = -0.06, 0.14, 0.004
MAX_ITERATIONS, DIFFERENCE_STEP, HUBER_PX = 6, 1e-4, 5.0
DEPTH_WEIGHT = 0.1  # of errors along the optical axis over those across: they hardly show
MIN_MOTION_PX = 3.0  # rms; with less, no lag can be measured


@dataclass(frozen=True, slots=True)
class HeadOffset:
    """The constant transform between a tracker's model of a head and the true head.

    One image does not tell size from distance: a larger model is estimated farther away.
    """

    size: float  # of the model over that of the true head
    model_from_true: Matrix4  # rigid, metres of the true head

    def removed(self, estimated: Array) -> Array:
        """Returns the estimated poses for the true head instead of the model."""
        out = estimated.copy()
        out[:, :3, 3] /= self.size
        return np.asarray(out @ self.model_from_true)

    @property
    def turn_deg(self) -> Vector3:
        return np.degrees(rotation_vector(quaternion_from_matrix(self.model_from_true[:3, :3])))

    @property
    def shift_mm(self) -> Vector3:
        return np.asarray(1e3 * self.model_from_true[:3, 3])


def head_offset(true: Array, estimated: Array, points: Array, height: int) -> HeadOffset:
    """Returns the offset that fits points of the head, float64[p, 3], to their true positions.

    Gauss-Newton on seven parameters with Huber's weights (Robust Estimation of a Location
    Parameter, 1964), so that a few broken poses do not count.
    """
    rows = _valid(estimated)
    target, given = _positions_px(true[rows], points, height), estimated[rows]
    offset = HeadOffset(1.0, np.eye(4))

    def residual(offset: HeadOffset) -> Array:
        return _positions_px(offset.removed(given), points, height) - target

    for _ in range(MAX_ITERATIONS):
        error = residual(offset)
        changed = [residual(_updated(offset, step)) for step in DIFFERENCE_STEP * np.eye(7)]
        jacobian = (np.stack(changed, axis=-1) - error[..., None]) / DIFFERENCE_STEP
        length = np.sqrt((error**2).sum(axis=(1, 2)) / len(points))
        weight = np.sqrt(np.minimum(1, HUBER_PX / np.maximum(length, 1e-9)))[:, None, None]
        a, b = (weight[..., None] * jacobian).reshape(-1, 7), (weight * error).reshape(-1)
        offset = _updated(offset, np.linalg.lstsq(a, -b, rcond=None)[0])
    return offset


def _positions_px(heads: Array, points: Array, height: int) -> Array:
    """Returns the pixels of points and, with a low weight, their depths; float64[n, p, 3]."""
    camera = transformed(points, heads)
    focal = focal_px(height)
    return np.concatenate(
        (
            focal * camera[..., :2] / -camera[..., 2:],
            DEPTH_WEIGHT * focal * np.log(np.maximum(-camera[..., 2:], 1e-3)),
        ),
        axis=2,
    )


def _updated(offset: HeadOffset, by: Array) -> HeadOffset:
    """Adds the logarithm of a size, a rotation vector and metres."""
    small = compose(by[4:], quaternion_from_vector(by[1:4]))
    return HeadOffset(offset.size * float(np.exp(by[0])), offset.model_from_true @ small)


def euler_angles_deg(heads: Array) -> Array:
    """Returns yaw, pitch and roll in degrees, float64[n, 3], like spaces.euler_deg."""
    yaw = np.arctan2(heads[:, 0, 2], heads[:, 2, 2])
    pitch = np.arcsin(np.clip(-heads[:, 1, 2], -1, 1))
    roll = np.arctan2(heads[:, 1, 0], heads[:, 1, 1])
    return np.asarray(np.degrees(np.stack((yaw, pitch, roll), axis=1)))


def rotation_errors_deg(true: Array, estimated: Array) -> Array:
    """Returns the absolute errors of yaw, pitch and roll, float64[n, 3]."""
    return np.asarray(
        np.abs((euler_angles_deg(estimated) - euler_angles_deg(true) + 180) % 360 - 180)
    )


def translation_errors_mm(true: Array, estimated: Array) -> Array:
    """Returns the distances of the heads' origins, float64[n]."""
    return np.asarray(1e3 * np.linalg.norm(estimated[:, :3, 3] - true[:, :3, 3], axis=1))


def registration_px(true: Paths, estimated: Paths) -> Array:
    """Returns the mean distance of each frame's points from the true ones, float64[n]."""
    return np.asarray(np.linalg.norm(estimated - true, axis=2).mean(axis=1))


def wobble_px(paths: Paths) -> float:
    """Returns the jitter of a still head: rms distance of the points from their means."""
    return complete.wobble_px(paths[_valid(paths)])


def jitter_px(true: Paths, estimated: Paths) -> float:
    """Returns the jitter of a moving head: rms of the noise in the points' errors.

    From second differences, so that the slow part of the error, due to lag and the shape of a
    model, does not count. White noise keeps its own size.
    """
    error = (estimated - true)[_valid(estimated)]
    return float(np.sqrt((np.diff(error, 2, axis=0) ** 2).sum(axis=2).mean() / 6))


def lag_s(
    times: Array, published: Array, truth_at: Callable[[Array], Array], *, scaled: bool = False
) -> float | None:
    """Returns the lag of the published values behind the truth, by the best fit.

    `published` is float64[n, ...]; `truth_at` returns the same for any times. A constant offset
    does not count, with `scaled` neither does a constant factor. None when the best fit is at a
    bound, or fewer than ten frames have a face.
    """
    rows = _valid(published)
    times, measured = times[rows], _centred(published[rows])
    if len(times) < 10:
        return None

    def misfit(lag: float) -> float:
        true = _centred(truth_at(times - lag))
        if scaled:
            true = true * ((true * measured).sum() / max(float((true * true).sum()), 1e-12))
        return float(((measured - true) ** 2).sum())

    coarse = np.arange(MIN_LAG_S, MAX_LAG_S, LAG_STEP_S)
    costs = np.array([misfit(lag) for lag in coarse])
    best = int(np.argmin(costs))
    if best in (0, len(coarse) - 1):
        return None
    left, middle, right = costs[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float(coarse[best] + LAG_STEP_S * 0.5 * (left - right) / bend) if bend > 0 else None


def moves(paths: Paths) -> bool:
    """Returns whether points move enough to measure a lag."""
    return wobble_px(paths) > MIN_MOTION_PX


def _centred(values: Array) -> Array:
    flat = values.reshape(len(values), -1)
    return np.asarray(flat - flat.mean(axis=0))


def _valid(values: Array) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))

"""How far a stream of poses or weights is from the truth: whole arrays in, numbers out.

Poses are camera_from_head float64[n, 4, 4]. What was not seen is a row of NaN and does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Matrix4, Vector3
from livecam.core.spaces import (
    compose,
    focal_px,
    quaternion_from_matrix,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.measure import paths as still
from livecam.measure.paths import Paths

Array = NDArray[np.float64]

MIN_LAG_S, MAX_LAG_S, LAG_STEP_S = -0.06, 0.14, 0.004
MIN_MOTION_PX = 3.0  # rms; less moves too little to tell a lag


@dataclass(frozen=True, slots=True)
class HeadOffset:
    """The constant by which a tracker's model of a head differs from the true head.

    Size cannot be told from distance in one picture: a head modelled larger is seen farther away.
    """

    size: float  # the model's over the true head's
    model_from_true: Matrix4  # rigid, metres of the true head

    def removed(self, estimated: Array) -> Array:
        """The estimate as if its model were the true head."""
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
    """The offset that brings points of the head, float64[p, 3], nearest to their true places.

    Least squares over the seven parameters by Gauss and Newton's method, robust after Huber
    (Robust Estimation of a Location Parameter, 1964), so that a few broken poses do not count.
    """
    rows = _seen(estimated)
    wanted, given = _residual_px(true[rows], points, height), estimated[rows]
    offset = HeadOffset(1.0, np.eye(4))

    def away_with(offset: HeadOffset) -> Array:
        return _residual_px(offset.removed(given), points, height) - wanted

    for _ in range(MAX_ITERATIONS):
        away = away_with(offset)
        nudged = [away_with(_changed(offset, nudge)) for nudge in DIFFERENCE_STEP * np.eye(7)]
        slopes = (np.stack(nudged, axis=-1) - away[..., None]) / DIFFERENCE_STEP
        length = np.sqrt((away**2).sum(axis=(1, 2)) / len(points))
        weight = np.sqrt(np.minimum(1, HUBER_PX / np.maximum(length, 1e-9)))[:, None, None]
        a, b = (weight[..., None] * slopes).reshape(-1, 7), (weight * away).reshape(-1)
        offset = _changed(offset, np.linalg.lstsq(a, -b, rcond=None)[0])
    return offset


MAX_ITERATIONS, DIFFERENCE_STEP, HUBER_PX = 6, 1e-4, 5.0
DEPTH_WEIGHT = 0.1  # of what the same way across would: the picture hardly shows it


def _residual_px(heads: Array, points: Array, height: int) -> Array:
    """Places of points as a camera cares for them, float64[n, p, 3]: pixels, and a little depth."""
    camera = points @ heads[:, :3, :3].transpose(0, 2, 1) + heads[:, None, :3, 3]
    focal = focal_px(height)
    return np.concatenate(
        (
            focal * camera[..., :2] / -camera[..., 2:],
            DEPTH_WEIGHT * focal * np.log(np.maximum(-camera[..., 2:], 1e-3)),
        ),
        axis=2,
    )


def _changed(offset: HeadOffset, by: Array) -> HeadOffset:
    """Changed by the logarithm of the size, a rotation vector and metres."""
    small = compose(by[4:], quaternion_from_vector(by[1:4]))
    return HeadOffset(offset.size * float(np.exp(by[0])), offset.model_from_true @ small)


def euler_angles_deg(heads: Array) -> Array:
    """Yaw, pitch and roll in degrees, float64[n, 3], as spaces.euler_deg tells them."""
    yaw = np.arctan2(heads[:, 0, 2], heads[:, 2, 2])
    pitch = np.arcsin(np.clip(-heads[:, 1, 2], -1, 1))
    roll = np.arctan2(heads[:, 1, 0], heads[:, 1, 1])
    return np.asarray(np.degrees(np.stack((yaw, pitch, roll), axis=1)))


def rotation_errors_deg(true: Array, estimated: Array) -> Array:
    """Sizes of the errors of yaw, pitch and roll, float64[n, 3]."""
    return np.asarray(
        np.abs((euler_angles_deg(estimated) - euler_angles_deg(true) + 180) % 360 - 180)
    )


def translation_errors_mm(true: Array, estimated: Array) -> Array:
    """How far the heads' origins lie apart, float64[n]."""
    return np.asarray(1e3 * np.linalg.norm(estimated[:, :3, 3] - true[:, :3, 3], axis=1))


def registration_px(true: Paths, estimated: Paths) -> Array:
    """How far the points of one moment lie beside the true ones, float64[n]: their mean."""
    return np.asarray(np.linalg.norm(estimated - true, axis=2).mean(axis=1))


def wobble_px(paths: Paths) -> float:
    """Of a still head: root mean square of the points' distances to their mean places."""
    return still.wobble_px(paths[_seen(paths)])


def jitter_px(true: Paths, estimated: Paths) -> float:
    """Of a moving head: root mean square of what trembles in the points' errors.

    Second differences of the error: its slow part, as lag and the shape of a model make it, does
    not count. White noise keeps its own size.
    """
    error = (estimated - true)[_seen(estimated)]
    return float(np.sqrt((np.diff(error, 2, axis=0) ** 2).sum(axis=2).mean() / 6))


def lag_s(
    times: Array, published: Array, truth_at: Callable[[Array], Array], *, scaled: bool = False
) -> float | None:
    """By how much the truth must be delayed to fit what was published best.

    `published` is float64[n, ...]; `truth_at` tells the same of any moments. A constant offset
    does not count, with `scaled` neither a constant factor. None when no delay within
    bounds fits best, or hardly anything was seen.
    """
    rows = _seen(published)
    times, shown = times[rows], _centred(published[rows])
    if len(times) < 10:
        return None

    def misfit(lag: float) -> float:
        true = _centred(truth_at(times - lag))
        if scaled:
            true = true * ((true * shown).sum() / max(float((true * true).sum()), 1e-12))
        return float(((shown - true) ** 2).sum())

    coarse = np.arange(MIN_LAG_S, MAX_LAG_S, LAG_STEP_S)
    costs = np.array([misfit(lag) for lag in coarse])
    best = int(np.argmin(costs))
    if best in (0, len(coarse) - 1):
        return None
    left, middle, right = costs[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float(coarse[best] + LAG_STEP_S * 0.5 * (left - right) / bend) if bend > 0 else None


def moves(paths: Paths) -> bool:
    """The points move enough to tell a lag."""
    return wobble_px(paths) > MIN_MOTION_PX


def _centred(values: Array) -> Array:
    flat = values.reshape(len(values), -1)
    return np.asarray(flat - flat.mean(axis=0))


def _seen(values: Array) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))

"""Filters the pose of a head with any `Filter` of six components.

The filter works in the tangent space at the last estimate: each measurement is written as its
difference to that, in units of the tracker's noise: across, up, along the line of sight, then
the rotation vector of the difference (the log map, so the sign of a quaternion does not
matter). Across and up are viewing angles times the distance, which decorrelates them from the
depth, the noisiest of the six: it cannot shake the head sideways.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FacePose
from livecam.core.spaces import (
    Quaternion,
    Vector3,
    conjugate,
    multiply,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.filtering.base import Filter
from livecam.filtering.noise import NoiseEstimate

# Standard deviations of the raw pose of a still head before a webcam: metres across, up and
# along, then radians of pitch, yaw and roll.
POSE_NOISE = np.array((0.32e-3, 0.27e-3, 0.83e-3, *np.radians((0.30, 0.23, 0.11))))
# Factors over it: a bright close face has less than half, one in the dark several times as much.
MIN_NOISE, MAX_NOISE = 0.4, 6.0
MIN_DISTANCE_M = 0.02  # a head closer than this is an invalid measurement; keeps divisions safe


class PoseFilter:
    """Filters poses measured at irregular times; `dt` as in `Filter`."""

    def __init__(self, filter: Filter) -> None:
        self._filter = filter
        self._noise = NoiseEstimate(len(POSE_NOISE), MIN_NOISE, MAX_NOISE)
        self.reset()

    def replace(self, filter: Filter) -> None:
        """Goes on with another filter from the last estimate."""
        self._filter = filter
        if self._pose is not None:
            filter.step(self._vector, 0.0)

    def reset(self) -> None:
        self._filter.reset()
        self._noise.reset()
        self._pose: FacePose | None = None
        self._raw: FacePose | None = None
        self._vector = np.zeros(6)

    def step(self, pose: FacePose, dt: float) -> FacePose:
        if self._pose is None or self._raw is None:
            self._filter.step(self._vector, 0.0)
            self._pose = pose
        elif dt > 0:
            self._noise.step(_difference(self._raw, pose) / POSE_NOISE)
            noise = POSE_NOISE * self._noise.value
            innovation = _difference(self._pose, pose) / noise
            vector = self._filter.step(self._vector + innovation, dt)
            self._pose = _displaced(self._pose, (vector - self._vector) * noise)
            self._vector = vector
        self._raw = pose
        return self._pose

    def predict(self, dt: float) -> FacePose:
        """Extrapolates the pose to dt seconds after the last step.

        Raises:
            ValueError: nothing was measured yet.
        """
        if self._pose is None:
            raise ValueError("nothing was measured yet")
        displacement = self._filter.predict(dt) - self._vector
        return _displaced(self._pose, displacement * POSE_NOISE * self._noise.value)


def _distance(translation: Vector3) -> float:
    return max(-float(translation[2]), MIN_DISTANCE_M)


def _difference(start: FacePose, end: FacePose) -> NDArray[np.float64]:
    """Computes the displacement between poses: metres across, up and along, a rotation vector."""
    out = np.empty(6)
    near, far = _distance(start.translation), _distance(end.translation)
    out[:2] = end.translation[:2] * (near / far) - start.translation[:2]
    out[2] = math.log(far / near) * near
    out[3:] = rotation_vector(multiply(conjugate(start.rotation), end.rotation))
    return out


def _displaced(start: FacePose, displacement: NDArray[np.float64]) -> FacePose:
    """Returns the pose at a displacement from another; the inverse of `_difference`."""
    near = _distance(start.translation)
    far = near * math.exp(displacement[2] / near)
    translation = np.empty(3)
    translation[:2] = (start.translation[:2] + displacement[:2]) * (far / near)
    translation[2] = -far
    rotation: Quaternion = multiply(start.rotation, quaternion_from_vector(displacement[3:]))
    return FacePose(translation, rotation / np.linalg.norm(rotation))

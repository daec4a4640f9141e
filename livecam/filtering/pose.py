"""Steadies a head's position and rotation with any `Filter` of six numbers.

The filter never sees a quaternion or a metre. Each measurement is written as its difference
to the last estimate, in units of the tracker's noise: across, up, along the line of sight,
then the rotation vector of the difference (the log map, so the sign of a quaternion does not
matter). Across and up are angles seen from the camera times the distance: the depth, the
noisiest of the six, then cannot shake the head sideways.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FacePose, Quaternion, Vector3
from livecam.core.spaces import conjugate, multiply, quaternion_from_vector, rotation_vector
from livecam.filtering.base import Filter
from livecam.filtering.noise import NoiseLevel

# Standard deviations of the raw pose of a still head before a webcam: metres across, up and
# along, then radians of pitch, yaw and roll.
POSE_NOISE = np.array((0.32e-3, 0.27e-3, 0.83e-3, *np.radians((0.30, 0.23, 0.11))))
# Factors over it: a bright close face has less than half, one in the dark several times as much.
LEAST_NOISE, MOST_NOISE = 0.4, 6.0
NEAREST_M = 0.02  # a head closer than this is a broken measurement; keeps divisions safe


class PoseFilter:
    """Steadies poses measured at uneven times; `dt` as in `Filter`."""

    def __init__(self, filter: Filter) -> None:
        self._filter = filter
        self._level = NoiseLevel(len(POSE_NOISE), LEAST_NOISE, MOST_NOISE)
        self.reset()

    def reset(self) -> None:
        self._filter.reset()
        self._level.reset()
        self._pose: FacePose | None = None
        self._raw: FacePose | None = None
        self._flat = np.zeros(6)

    def step(self, pose: FacePose, dt: float) -> FacePose:
        if self._pose is None or self._raw is None:
            self._filter.step(self._flat, 0.0)
            self._pose = pose
        elif dt > 0:
            self._level.step(_difference(self._raw, pose) / POSE_NOISE)
            noise = POSE_NOISE * self._level.value
            away = _difference(self._pose, pose) / noise
            flat = self._filter.step(self._flat + away, dt)
            self._pose = _moved(self._pose, (flat - self._flat) * noise)
            self._flat = flat
        self._raw = pose
        return self._pose

    def predict(self, dt: float) -> FacePose:
        """Where the head will be dt seconds after the last step.

        Raises:
            ValueError: nothing was measured yet.
        """
        if self._pose is None:
            raise ValueError("nothing was measured yet")
        ahead = self._filter.predict(dt) - self._flat
        return _moved(self._pose, ahead * POSE_NOISE * self._level.value)


def _distance(translation: Vector3) -> float:
    return max(-float(translation[2]), NEAREST_M)


def _difference(start: FacePose, end: FacePose) -> NDArray[np.float64]:
    """The way from one pose to another: metres across, up and along, and a rotation vector."""
    out = np.empty(6)
    near, far = _distance(start.translation), _distance(end.translation)
    out[:2] = end.translation[:2] * (near / far) - start.translation[:2]
    out[2] = math.log(far / near) * near
    out[3:] = rotation_vector(multiply(conjugate(start.rotation), end.rotation))
    return out


def _moved(start: FacePose, way: NDArray[np.float64]) -> FacePose:
    """The pose that lies that way from another; undoes `_difference`."""
    near = _distance(start.translation)
    far = near * math.exp(way[2] / near)
    translation = np.empty(3)
    translation[:2] = (start.translation[:2] + way[:2]) * (far / near)
    translation[2] = -far
    rotation: Quaternion = multiply(start.rotation, quaternion_from_vector(way[3:]))
    return FacePose(translation, rotation / np.linalg.norm(rotation))

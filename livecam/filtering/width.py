"""Estimates the width of a face relative to the tracker's canonical face."""

from __future__ import annotations

import math

import numpy as np

from livecam.core.face import Face
from livecam.core.spaces import project


class WidthEstimate:
    """Estimates the ratio of a face's width to the canonical one; slowly, from frontal frames."""

    TIME_CONSTANT_S = 10.0
    MIN_RATIO, MAX_RATIO = 0.95, 1.25  # 1.03..1.16 were measured
    MAX_YAW_RAD, MAX_PITCH_RAD = math.radians(20), math.radians(30)
    # Landmarks 234 and 454, before the ears, in MediaPipe's canonical face, metres.
    SIDES = (234, 454)
    CANONICAL = np.array(((-0.0766, 0.0067, -0.0244), (0.0766, 0.0067, -0.0244)))
    TYPICAL = 1.09

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._ratio = self.TYPICAL
        self._weight_s = 0.0  # duration of the measurements so far

    def step(self, face: Face, width: int, height: int, dt: float) -> float:
        if self._is_frontal(face):
            measured = min(max(self._measured(face, width, height), self.MIN_RATIO), self.MAX_RATIO)
            # A running mean at first, a low-pass later; the first frame counts as a whole second.
            weight = dt if self._weight_s else 1.0
            self._weight_s = min(self._weight_s + weight, self.TIME_CONSTANT_S)
            self._ratio += (measured - self._ratio) * weight / self._weight_s
        return self._ratio

    def _is_frontal(self, face: Face) -> bool:
        x, y, z = face.camera_from_head[:3, 2].tolist()  # direction of the face
        yaw, pitch = math.atan2(x, z), math.atan2(-y, math.hypot(x, z))
        return abs(yaw) < self.MAX_YAW_RAD and abs(pitch) < self.MAX_PITCH_RAD

    def _measured(self, face: Face, width: int, height: int) -> float:
        measured = face.landmarks[self.SIDES, :2] * (width, height)
        expected = project(face.camera_from_head, self.CANONICAL, width, height)
        return math.dist(*measured) / math.dist(*expected)

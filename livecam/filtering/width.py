"""How wide somebody's face is, against the face that the tracker assumes."""

from __future__ import annotations

import math

import numpy as np

from livecam.core.face import Face
from livecam.core.spaces import project


class WidthEstimate:
    """How much wider the face is than the pose's own metric face; slow, from frontal frames."""

    SETTLE_S = 10.0
    LOW, HIGH = 0.95, 1.25  # 1.03..1.16 were seen
    MOST_YAW_RAD, MOST_PITCH_RAD = math.radians(20), math.radians(30)
    # Landmarks 234 and 454, before the ears, in MediaPipe's canonical face, metres.
    SIDES = (234, 454)
    CANONICAL = np.array(((-0.0766, 0.0067, -0.0244), (0.0766, 0.0067, -0.0244)))
    TYPICAL = 1.09

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._ratio = self.TYPICAL
        self._weight_s = 0.0  # how long it was measured

    def step(self, face: Face, width: int, height: int, dt: float) -> float:
        if self._is_frontal(face):
            measured = min(max(self._measured(face, width, height), self.LOW), self.HIGH)
            # A mean at first, a slow low-pass later; the first frame counts as a whole second.
            weight = dt if self._weight_s else 1.0
            self._weight_s = min(self._weight_s + weight, self.SETTLE_S)
            self._ratio += (measured - self._ratio) * weight / self._weight_s
        return self._ratio

    def _is_frontal(self, face: Face) -> bool:
        x, y, z = face.camera_from_head[:3, 2].tolist()  # the way the face looks
        yaw, pitch = math.atan2(x, z), math.atan2(-y, math.hypot(x, z))
        return abs(yaw) < self.MOST_YAW_RAD and abs(pitch) < self.MOST_PITCH_RAD

    def _measured(self, face: Face, width: int, height: int) -> float:
        seen = face.landmarks[self.SIDES, :2] * (width, height)
        expected = project(face.camera_from_head, self.CANONICAL, width, height)
        return math.dist(*seen) / math.dist(*expected)

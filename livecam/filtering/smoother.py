"""From the raw detections of one face to its steadied state.

`PoseFilter` and `ExpressionFilter` steady its motion, `WidthEstimate` its size.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.core.face import Face, FacePose, FaceState, Landmarks, convex_outline
from livecam.core.frame import Frame
from livecam.core.spaces import Matrix4, decompose, focal_px, project, unproject
from livecam.filtering.base import FILTERS
from livecam.filtering.expression import ExpressionFilter
from livecam.filtering.pose import PoseFilter
from livecam.filtering.width import WidthEstimate

# A frame of a slow camera and the time that tracking takes; beyond it a head overshoots visibly.
MAX_PREDICTION_S = 0.1
LOST_S = 0.3  # after a gap this long nothing of the old movement is true any more

# A change that no head makes: the picture was cut, or the tracker found it anew.
JUMP_M, JUMP_M_PER_S = 0.08, 4.0
JUMP_RAD, JUMP_RAD_PER_S = float(np.radians(25)), float(np.radians(900))


class Smoother:
    """Steadies one person's face. One thread; no clock of its own.

    Frames come in order; when time falls (a looped file) everything starts anew.
    """

    def __init__(self, settings: SmoothingSettings) -> None:
        self._expression = ExpressionFilter()
        self._width = WidthEstimate()
        self._now = -np.inf
        self._size = (0, 0)  # of the last frame
        self.configure(settings)

    def configure(self, settings: SmoothingSettings) -> None:
        """Takes new settings; the steadied pose starts anew from the next measurement."""
        self._settings = settings
        self._pose_filter = PoseFilter(FILTERS.create(settings.filter, settings))
        self._raw: FacePose | None = None
        self._state: FaceState | None = None

    def reset(self) -> None:
        """Forgets everything: the next face is like the first."""
        self._width.reset()
        self._forget_movement()

    def follow(self, face: Face, frame: Frame) -> FaceState:
        """The steadied face at the time of its frame; `reset` before another person's."""
        self._begin(frame)
        self._state = self._steadied(face, frame)
        return self._state

    @property
    def state(self) -> FaceState | None:
        """The last state, of its own frame; None before the first."""
        return self._state

    def at(self, time: float) -> FaceState | None:
        """The last state carried forward to that time, at most MAX_PREDICTION_S.

        Its outline holds the face where it was seen and where it should be: it may have stopped.
        """
        state = self._state
        if state is None:
            return None
        ahead_s = min(max(time - state.at, 0.0), MAX_PREDICTION_S)
        if ahead_s == 0:
            return state
        pose = self._pose_filter.predict(ahead_s)
        assert state.source is not None
        seen = state.source.points_px(*self._size)
        moved = moved_px(state.source.landmarks, state.pose.matrix, pose.matrix, *self._size)
        return replace(
            state,
            pose=pose,
            at=state.at + ahead_s,
            source=None,
            landmarks_px=moved,
            outline_px=convex_outline(np.concatenate((seen, moved))),
        )

    def _begin(self, frame: Frame) -> None:
        if frame.captured_at < self._now:
            self.reset()
        self._now = frame.captured_at
        self._size = frame.size

    def _steadied(self, face: Face, frame: Frame) -> FaceState:
        raw = FacePose(*decompose(face.camera_from_head))
        dt = 0.0 if self._state is None else frame.captured_at - self._state.at
        if self._raw is not None and dt > 0 and (dt > LOST_S or _jumped(self._raw, raw, dt)):
            self._forget_movement()
        self._raw = raw
        return FaceState(
            pose=self._pose_filter.step(raw, dt),
            weights=self._expression.step(face.weights, dt),
            width_ratio=self._width.step(face, frame.width, frame.height, dt),
            at=frame.captured_at,
            source=face,
        )

    def _forget_movement(self) -> None:
        self._pose_filter.reset()
        self._expression.reset()
        self._raw = None
        self._state = None


def moved_px(
    landmarks: Landmarks, before: Matrix4, after: Matrix4, width: int, height: int
) -> NDArray[np.float32]:
    """Where landmarks go when the head goes from one place to another, float32[478, 2] pixels.

    Places are camera_from_head. Landmarks have depths in the scale of the picture; how far away
    the head is, the pose tells.
    """
    points = landmarks.astype(np.float64) * (width, height, width)
    away = -before[2, 3] * (1 + points[:, 2] / focal_px(height))
    camera = unproject(points[:, :2], away, width, height)
    seen = project(after @ np.linalg.inv(before), camera, width, height)
    return seen.astype(np.float32)


def _jumped(before: FacePose, now: FacePose, dt: float) -> bool:
    moved = math.dist(before.translation, now.translation)
    turned = 2 * math.acos(min(abs(float(before.rotation @ now.rotation)), 1.0))
    return moved > JUMP_M + JUMP_M_PER_S * dt or turned > JUMP_RAD + JUMP_RAD_PER_S * dt

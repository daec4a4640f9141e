"""Filters the raw detections of one face into its state.

`PoseFilter` and `ExpressionFilter` filter its motion, `WidthEstimate` its size.
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

# The period of a slow camera and the latency of the tracker; beyond it a head overshoots visibly.
MAX_PREDICTION_S = 0.1
MAX_GAP_S = 0.3  # after a longer gap the filters start anew

# A change faster than any head's: a cut, or a false track.
JUMP_M, JUMP_M_PER_S = 0.08, 4.0
JUMP_RAD, JUMP_RAD_PER_S = float(np.radians(25)), float(np.radians(900))


class Smoother:
    """Filters one person's face. One thread; no clock of its own.

    Frames come in order; falling time (a looped file) resets everything.
    """

    def __init__(self, settings: SmoothingSettings) -> None:
        self._settings = settings
        self._expression = ExpressionFilter()
        self._width = WidthEstimate()
        self._pose_filter = PoseFilter(FILTERS.create(settings.filter, settings))
        self._now = -np.inf
        self._size = (0, 0)  # of the last frame
        self._raw: FacePose | None = None
        self._state: FaceState | None = None

    def adopt(self, settings: SmoothingSettings) -> None:
        """Changes the strength of smoothing; the head stays where it is."""
        if settings != self._settings:
            self._settings = settings
            self._pose_filter.replace(FILTERS.create(settings.filter, settings))

    def reset(self) -> None:
        """Drops all state, as before another person's face."""
        self._width.reset()
        self._reset_motion()

    def update(self, face: Face, frame: Frame) -> FaceState:
        """Filters a face measured in a frame; `reset` before another person's."""
        if frame.captured_at < self._now:
            self.reset()
        self._now = frame.captured_at
        self._size = frame.size
        self._state = self._filtered(face, frame)
        return self._state

    @property
    def state(self) -> FaceState | None:
        """The last state, at the time of its own frame; None before the first."""
        return self._state

    def predict(self, time: float) -> FaceState | None:
        """Extrapolates the last state to a time, by at most MAX_PREDICTION_S.

        Its outline holds the measured and the predicted face, as the head may have stopped.
        """
        state = self._state
        if state is None:
            return None
        horizon_s = min(max(time - state.at, 0.0), MAX_PREDICTION_S)
        if horizon_s == 0:
            return state
        pose = self._pose_filter.predict(horizon_s)
        assert state.source is not None
        measured = state.source.points_px(*self._size)
        predicted = _moved_landmarks_px(
            state.source.landmarks, state.pose.matrix, pose.matrix, *self._size
        )
        return replace(
            state,
            pose=pose,
            at=state.at + horizon_s,
            source=None,
            landmarks_px=predicted,
            outline_px=convex_outline(np.concatenate((measured, predicted))),
        )

    def _filtered(self, face: Face, frame: Frame) -> FaceState:
        raw = FacePose(*decompose(face.camera_from_head))
        dt = 0.0 if self._state is None else frame.captured_at - self._state.at
        if self._raw is not None and dt > 0 and (dt > MAX_GAP_S or _is_jump(self._raw, raw, dt)):
            self._reset_motion()
        self._raw = raw
        return FaceState(
            pose=self._pose_filter.step(raw, dt),
            weights=self._expression.step(face.weights, dt),
            width_ratio=self._width.step(face, frame.width, frame.height, dt),
            at=frame.captured_at,
            source=face,
        )

    def _reset_motion(self) -> None:
        self._pose_filter.reset()
        self._expression.reset()
        self._raw = None
        self._state = None


def _moved_landmarks_px(
    landmarks: Landmarks, before: Matrix4, after: Matrix4, width: int, height: int
) -> NDArray[np.float32]:
    """Landmarks after a motion of the head between two camera_from_head, float32[478, 2] pixels.

    Their depths are in the scale of the image; the head's distance comes from its pose.
    """
    points = landmarks.astype(np.float64) * (width, height, width)
    distance = -before[2, 3] * (1 + points[:, 2] / focal_px(height))
    camera = unproject(points[:, :2], distance, width, height)
    projected = project(after @ np.linalg.inv(before), camera, width, height)
    return projected.astype(np.float32)


def _is_jump(before: FacePose, now: FacePose, dt: float) -> bool:
    moved_m = math.dist(before.translation, now.translation)
    rotated_rad = 2 * math.acos(min(abs(float(before.rotation @ now.rotation)), 1.0))
    return moved_m > JUMP_M + JUMP_M_PER_S * dt or rotated_rad > JUMP_RAD + JUMP_RAD_PER_S * dt

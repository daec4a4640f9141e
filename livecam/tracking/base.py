"""Who finds the faces: the protocol, the registry, and the smallest tracker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from livecam.core.face import Face, Observation
from livecam.core.frame import Frame
from livecam.core.registry import Registry


class Tracker(Protocol):
    """Finds the faces in one picture after the other.

    Made, used and closed on one thread. Frames come in the order they were taken; the same
    moment may come twice. Results are raw: no smoothing, no memory that lags.
    Raise `TrackingError` when it cannot go on; the caller makes a new one.
    """

    def track(self, frame: Frame) -> Observation: ...

    def close(self) -> None: ...


class ScriptedTracker:
    """Sees the faces that a function names for each frame: for tests and demonstrations."""

    def __init__(self, script: Callable[[Frame], tuple[Face, ...]]) -> None:
        self._script = script

    def track(self, frame: Frame) -> Observation:
        return Observation(frame, self._script(frame))

    def close(self) -> None:
        pass


TRACKERS: Registry[Tracker] = Registry(
    "tracker",
    {
        "mediapipe": "livecam.tracking.face_landmarker:FaceLandmarker",
    },
)

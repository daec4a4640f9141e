"""Face trackers: the protocol, the registry, and the smallest tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from livecam.config.settings import TrackingSettings
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.core.observation import Observation
from livecam.core.registry import Registry


class Tracker(Protocol):
    """Finds the faces in one frame after the other.

    Made, used and closed on one thread. Frames come in the order they were taken; the same
    time may come twice. Results are raw: no smoothing, no memory that lags.
    Raise `TrackingError` when it cannot go on; the caller makes a new one.

    A registered class has `from_settings(settings: TrackingSettings)`. Its `assets` are checked
    before that, so that a missing model ends the program at once and not on the tracker's thread.
    """

    assets: ClassVar[Sequence[str]]  # names of the asset files it needs

    def track(self, frame: Frame) -> Observation: ...

    def close(self) -> None: ...


class ScriptedTracker:
    """Returns the faces that a function names for each frame."""

    assets: ClassVar[Sequence[str]] = ()

    def __init__(self, script: Callable[[Frame], tuple[Face, ...]]) -> None:
        self._script = script

    def track(self, frame: Frame) -> Observation:
        return Observation(frame, self._script(frame))

    def close(self) -> None:
        pass


TRACKERS: Registry[[TrackingSettings], Tracker] = Registry(
    "tracker",
    {
        "mediapipe": "livecam.tracking.face_landmarker:FaceLandmarker",
    },
)

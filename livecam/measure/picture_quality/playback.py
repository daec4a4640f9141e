"""Plays a film through tracking and segmentation, as `livecam run` or `livecam convert` would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.config.settings import Settings
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.filtering.smoother import Smoother
from livecam.measure.late_results import LateResults
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.cast import Wearer
from livecam.pipeline.driver import AvatarDriver
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.warp import warped
from livecam.tracking.base import Tracker

Points = NDArray[np.float32]  # float32[478, 2], pixels
Film = Callable[[], Iterable[Frame]]  # starts again with every call
Mode = Literal["live", "convert"]


@dataclass(frozen=True, slots=True)
class CompositionInput:
    """A frame, and the other inputs of its composite."""

    frame: Frame
    state: AvatarState
    segmentation: Segmentation | None
    face: Face  # as tracked, not smoothed


class LiveSegmentation:
    """Segments as the live pipeline does: periodically, with latency, and warped. One thread."""

    def __init__(self, segmenter: Segmenter, rate_hz: float) -> None:
        self._segmenter = segmenter
        self._period_s = 1 / rate_hz
        self._results = LateResults[Segmentation]()

    def segment(
        self, frame: Frame, face: Face | None, points: Points | None
    ) -> Segmentation | None:
        if self._results.is_due(frame.captured_at):
            face_px = None if face is None else face.points_px(*frame.size)
            result = self._segmenter.segment(frame, face_px)
            self._results.put(frame.captured_at, result, self._period_s)
        newest = self._results.newest(frame.captured_at)
        if newest is None or points is None:
            return None
        return warped(newest, points, frame.captured_at)


class OfflineSegmentation:
    """Segments every frame, with a clean plate of the whole film. One thread."""

    def __init__(self, segmenter: Segmenter, film: Film) -> None:
        segmenter.learn_plate(film())
        plate = segmenter.plate()
        segmenter.reset()
        segmenter.set_plate(plate)
        self._segmenter = segmenter

    def segment(
        self, frame: Frame, face: Face | None, points: Points | None
    ) -> Segmentation | None:
        return None if points is None else self._segmenter.segment(frame, points)


class SegmentationSource(Protocol):
    """Segments frames in their order, given the face as tracked and its smoothed points."""

    def segment(
        self, frame: Frame, face: Face | None, points: Points | None
    ) -> Segmentation | None: ...


def composition_inputs(
    film: Film, avatar: Avatar, settings: Settings, tracker: Tracker, source: SegmentationSource
) -> Iterator[CompositionInput]:
    """Yields every frame of a film in which a face wears the avatar.

    Raises:
        TrackingError: a network failed.
    """
    people = PeopleTracker()
    wearer = Wearer(AvatarDriver(0, avatar, settings.avatar), Smoother(settings.smoothing))
    for frame in film():
        track = primary_track(people.update(tracker.track(frame)))
        wearer.update(track, frame)
        face, state = None if track is None else track.face, wearer.face
        points = None if state is None else state.points_px(*frame.size)
        segmentation = source.segment(frame, face, points)
        if state is None or face is None:
            continue
        avatar_state = wearer.driver.drive(state, frame)
        yield CompositionInput(frame, avatar_state, segmentation, face)

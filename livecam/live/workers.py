"""The workers of a live run: capture, tracking and segmentation, each on its own thread."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from livecam.core.errors import SourceError
from livecam.core.frame import Frame, check_shows_face
from livecam.core.language import tr
from livecam.core.mailbox import Mailbox
from livecam.core.observation import HeadEvidence, Observation
from livecam.core.timing import CaptureSchedule, Clock, StageTimer
from livecam.core.worker import Worker
from livecam.live.governor import Governor
from livecam.live.tracking_pause import TrackingPause
from livecam.live.witness_search import WitnessSearch
from livecam.people.account import known_heads
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.face_following import FaceFollowing
from livecam.segmentation.base import PersonMask, Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.witness import WitnessDetector
from livecam.sources.base import Source, SourceInfo
from livecam.tracking.base import Tracker

log = logging.getLogger(__name__)

TAKE_S = 0.5  # the interval at which workers check for their end, at most
MAX_WITNESS_WAIT_S = 3.0  # how long a start or a cut waits for the first search
MAX_UNTAKEN_S = 0.25  # then a frame is tracked anyway: people are followed while nobody draws
MIN_LOOKS_PER_S = 4.0  # that a rung leaves: older masks count as late (segmentation/base.RECENT_S)
LOW_PRIORITY = 10  # of the segmentation and witness threads
OPEN_S = 20.0  # a camera that has not opened by then never will


class CaptureWorker:
    """Owns the source; hands its frames to the tracker and to the main loop."""

    def __init__(self, make_source: Callable[[], Source], timer: StageTimer) -> None:
        self.frames: Mailbox[Frame] = Mailbox("frames")
        self.newest: Mailbox[Frame] = Mailbox("newest")
        self.schedule: CaptureSchedule | None = None  # None: every frame is handed over
        self.info: SourceInfo | None = None
        self.opened = threading.Event()  # set once the first try to open has ended
        self.lost = threading.Event()  # the device is gone; cleared by its next frame
        self.ended = False
        self.captured = 0
        self.worker = Worker("capture", self, on_error=self._failed)
        self._make_source = make_source
        self._source: Source | None = None
        self._timer = timer
        self._first_error: Exception | None = None

    def wait_until_open(self) -> SourceInfo:
        """Waits for the source; returns what it granted.

        Raises:
            SourceError: it could not be opened; whatever it raised.
        """
        if not self.opened.wait(OPEN_S):
            raise SourceError(
                "the source did not open within {seconds:.0f} s",
                hint="unplug the camera and plug it in again, or pass --source sample",
                seconds=OPEN_S,
            )
        if self.info is None:
            raise self._first_error or SourceError("the source did not open")
        return self.info

    def start(self) -> None:
        self._source = self._make_source()
        info = self._source.open()
        check_shows_face(info.name, info.width, info.height)
        if self.info is not None and info != self.info:
            log.info("%s is now %dx%d", info.name, info.width, info.height)
        self.info = info
        self.opened.set()

    def step(self) -> bool:
        assert self._source is not None
        with self._timer.stage("capture"):
            frame = self._source.read()
            if frame is not None:
                self._timer.begin_frame(frame.index)
        if frame is None:
            self.ended = True
            return False
        self.lost.clear()
        if self.schedule is None or self.schedule.takes(frame.captured_at):
            self.captured += 1
            self.frames.put(frame)
            self.newest.put(frame)
        return True

    def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            _close(tr("the source"), source)

    def _failed(self, error: Exception) -> None:
        self.lost.set()
        if self.info is None:
            self._first_error = error
            self.worker.request_stop()  # before the first frame we fail fast
            self.opened.set()


class TrackingWorker:
    """Owns the tracker and the people tracker: the newest frame in, an observation out.

    A frame is tracked once the observation before it was taken: none is tracked in vain.
    """

    def __init__(
        self,
        make_tracker: Callable[[], Tracker],
        people: PeopleTracker,
        frames: Mailbox[Frame],
        governor: Governor,
        clock: Clock,
        timer: StageTimer,
    ) -> None:
        self.governor = governor
        self.observations: Mailbox[Observation] = Mailbox("observations")
        self.sampled: Mailbox[Observation] = Mailbox("sampled")  # for segmentation
        self.witnessed: Mailbox[Observation] = Mailbox("witnessed")  # for the witnesses
        self.evidence: Callable[[], HeadEvidence | None] | None = None  # without witnesses None
        self.worker = Worker("track", self)
        self.tracked = 0
        self.withholds = False  # observations go nowhere: the benchmark measures the tracker alone
        self._make_tracker = make_tracker
        self._people = people  # used on this thread alone
        self._people_reset = threading.Event()
        self._frames = frames
        self._clock, self._timer = clock, timer
        self._busy = False
        self._pause = TrackingPause()
        self._following = FaceFollowing()
        self._put_at: float | None = None  # when the last observation was handed over
        self._waits_since: float | None = None  # time of the first frame that was not searched
        self._tracker: Tracker | None = None

    def start(self) -> None:
        self._tracker = self._make_tracker()

    def step(self) -> bool:
        assert self._tracker is not None
        self._wait_until_wanted()
        frame = self._frames.take(TAKE_S)
        if frame is None:
            return True
        self._timer.begin_frame(frame.index)
        self._busy = True
        try:
            if self.withholds:
                self._tracked(frame, self._tracker)
            else:
                self._hand_on(self._observed(frame, self._tracker))
            self.tracked += 1
        finally:
            self._busy = False
        return True

    def stop(self) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            _close(tr("the tracker"), tracker)

    @property
    def is_idle(self) -> bool:
        """Whether no frame waits, is being tracked, or was tracked and not taken; any thread."""
        return self._frames.is_empty and not self._busy and self.observations.is_empty

    def keep_slots(self, keep_s: float) -> None:
        """Sets how long a slot is kept for a missing face; any thread may call it."""
        self._people.set_keep_s(keep_s)

    def reset_people(self) -> None:
        """Lets all tracks begin anew with the next frame; any thread may call it."""
        self._people_reset.set()

    def _wait_until_wanted(self) -> None:
        """Waits until the last observation was taken, and then for the pause."""
        if self._put_at is None:
            return
        taken = self.observations.wait_until_empty(MAX_UNTAKEN_S)
        self._pause.untaken(self._clock.now() - self._put_at)
        self._put_at = None
        if taken:
            self._clock.sleep(self._pause.seconds)

    def _observed(self, frame: Frame, tracker: Tracker) -> Observation:
        """Tracks a frame by optical flow where the governor and the frame allow it."""
        if self._people_reset.is_set():
            self._following.reset()
        elif self.governor.rung.follows:
            with self._timer.stage("track by flow"):
                followed = self._following.follow(frame)
            if followed is not None:
                return followed
        return self._tracked(frame, tracker)

    def _tracked(self, frame: Frame, tracker: Tracker) -> Observation:
        with self._timer.stage("track"):
            return tracker.track(frame)

    def _hand_on(self, observation: Observation) -> None:
        evidence = None if self.evidence is None else self.evidence()
        with self._timer.stage("associate"):
            observation = self._associated(observation, evidence)
        self._following.note(observation)
        if self._is_accounted_for(observation):
            self.observations.put(observation)
            self._put_at = self._clock.now()
        self.sampled.put(observation)
        self.witnessed.put(observation)

    def _associated(self, observation: Observation, evidence: HeadEvidence | None) -> Observation:
        if self._people_reset.is_set():
            self._people_reset.clear()
            self._people.reset()
        return self._people.update(observation, evidence)

    def _is_accounted_for(self, observation: Observation) -> bool:
        """Returns whether the witnesses searched this shot, or are too late to be waited for.

        Until then nobody knows who is beside the face that was found.
        """
        now = observation.frame.captured_at
        if observation.is_searched or self.evidence is None:
            self._waits_since = None
            return True
        if self._waits_since is None:
            self._waits_since = now
        return now - self._waits_since > MAX_WITNESS_WAIT_S


class _Closable(Protocol):
    def close(self) -> None: ...


def _close(name: str, opened: _Closable) -> None:
    """Closes what a worker opened; an error is logged, since a task must not raise in `stop`."""
    try:
        opened.close()
    except Exception as error:
        log.warning("%s did not close cleanly: %s", name, error, exc_info=True)


def _lower_priority() -> None:
    """Lets this thread run when no other of ours wants to: nothing waits for later results.

    The first one is waited for. Linux has a priority for every thread; elsewhere all have the same.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)


MakeSegmenter = Callable[[], Segmenter]


class SegmentationWorker:
    """Owns the segmenter: some times a second an observation in, a segmentation out.

    Never delays a frame: the pipeline takes the newest segmentation, of whatever time it is.
    While nothing needs segmentations there is no segmenter, and none of them.
    """

    def __init__(
        self,
        make_segmenter: MakeSegmenter | None,
        observations: Mailbox[Observation],
        rate_hz: float,
        governor: Governor,
        clock: Clock,
        timer: StageTimer,
    ) -> None:
        self.worker = Worker("segment", self)
        self._make_segmenter = make_segmenter  # replaced as a whole
        self._observations = observations
        self._rate_hz, self._governor = rate_hz, governor
        self._clock, self._timer = clock, timer
        self._segmenter: Segmenter | None = None
        self._made_by: MakeSegmenter | None = None
        self._newest: Segmentation | None = None  # replaced as a whole: any thread may read it
        self._searching = threading.Lock()  # held while a frame is segmented
        self._reset_plate = threading.Event()

    def newest(self) -> Segmentation | None:
        """Returns the newest result; any thread may ask."""
        return self._newest

    @property
    def is_searching(self) -> bool:
        """Whether a frame is being segmented."""
        return self._searching.locked()

    def is_working(self) -> bool:
        """Returns whether results come: there is a segmenter, and it did not fail; any thread."""
        return self._make_segmenter is not None and self.worker.last_error is None

    def newest_person(self) -> PersonMask | None:
        """Returns the newest person mask; any thread may ask."""
        segmenter = self._segmenter
        return None if segmenter is None else segmenter.newest_person

    def reset_plate(self) -> None:
        """Lets the background be learned anew; any thread may call it."""
        self._reset_plate.set()

    def change(self, make_segmenter: MakeSegmenter | None) -> None:
        """Goes on with another segmenter, or without any; any thread may call it."""
        self._make_segmenter = make_segmenter

    def start(self) -> None:
        self._remake()

    def step(self) -> bool:
        began = self._clock.now()
        observation = self._observations.take(TAKE_S)
        if self._made_by is not self._make_segmenter:
            self.stop()
            self._remake()
        if observation is None or self._segmenter is None:
            return True
        self._timer.begin_frame(observation.frame.index)
        with self._searching, self._timer.stage("segment"):
            segmentation = self._segment(observation, self._segmenter)
        if segmentation is not None:
            if self._newest is None:
                _lower_priority()
            self._newest = segmentation
        least_hz = min(self._rate_hz, MIN_LOOKS_PER_S)
        rate_hz = max(self._rate_hz * self._governor.rung.looks, least_hz)
        left_s = 1 / rate_hz - (self._clock.now() - began)
        if left_s > 0:
            self._clock.sleep(left_s)
        return True

    def stop(self) -> None:
        segmenter, self._segmenter = self._segmenter, None
        self._newest = None
        if segmenter is not None:
            _close(tr("the segmenter"), segmenter)

    def _remake(self) -> None:
        self._made_by = make = self._make_segmenter
        self._segmenter = None if make is None else make()

    def _segment(self, observation: Observation, segmenter: Segmenter) -> Segmentation | None:
        """Segments a frame around the primary wearer; None while they are not visible."""
        if self._reset_plate.is_set():
            self._reset_plate.clear()
            segmenter.reset_plate()
        frame, track = observation.frame, primary_track(observation)
        heads = known_heads(observation)
        if track is None or track.face is None:
            return segmenter.segment(frame, None, None, heads)
        points = track.face.points_px(*frame.size)
        return segmenter.segment(frame, points, track.id, heads)


class WitnessWorker:
    """Owns the witnesses: detectors that find heads which the tracker misses."""

    def __init__(
        self,
        make_detector: Callable[[], WitnessDetector],
        observations: Mailbox[Observation],
        person: Callable[[], PersonMask | None],
        timer: StageTimer,
    ) -> None:
        self.worker = Worker("witness", self)
        self._make_detector = make_detector
        self._observations = observations
        self._person = person
        self._timer = timer
        self._search: WitnessSearch | None = None
        self._newest: HeadEvidence | None = None  # replaced as a whole: any thread may read it
        self._searching = threading.Lock()  # held while a frame is searched

    def newest(self) -> HeadEvidence | None:
        """Returns the newest evidence; any thread may ask."""
        return self._newest

    @property
    def is_searching(self) -> bool:
        """Whether a frame is being searched."""
        return self._searching.locked()

    def start(self) -> None:
        self._search = WitnessSearch(self._make_detector())

    def step(self) -> bool:
        assert self._search is not None
        observation = self._observations.take(TAKE_S)
        if observation is None:
            return True
        self._timer.begin_frame(observation.frame.index)
        with self._searching, self._timer.stage("witness"):
            evidence = self._search.search_when_due(observation, self._person())
        if evidence is not None:
            if self._newest is None:
                _lower_priority()
            self._newest = evidence
        return True

    def stop(self) -> None:
        search, self._search = self._search, None
        if search is not None:
            _close(tr("the witnesses"), search)

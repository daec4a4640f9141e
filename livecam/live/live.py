"""The line run live: capture, tracking and every sink on its own thread, drawing on this one."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import cv2

from livecam.core.commands import Command
from livecam.core.errors import SourceError
from livecam.core.face import Observation
from livecam.core.frame import Frame, PixelFormat
from livecam.core.mailbox import Mailbox
from livecam.core.timing import Clock, Pacer, StageTimer
from livecam.core.worker import Worker
from livecam.live.outlets import Outlet, Picture
from livecam.motion.base import Listener
from livecam.people.choice import FaceChoice
from livecam.pipeline.pipeline import Line, Published
from livecam.pipeline.stats import Shown, StatsLine, StatsWriter
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.sources.base import Source, SourceInfo
from livecam.tracking.base import Tracker

log = logging.getLogger(__name__)

TAKE_S = 0.5  # workers look up at least so often
LOW_PRIORITY = 10  # of the thread that looks for person, hair and hands
OPEN_S = 20.0  # a camera that has not opened by then never will
# The default of 5 ms makes a 60 Hz loop beside bursts of Python late by 8.6 ms (p99); this, 4.4.
SWITCH_INTERVAL_S = 0.001
# Knobs of glibc's malloc (malloc.h) and what they are set to.
M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
MALLOC_KNOBS = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 256 << 20))


def prepare_process() -> None:
    """Sets what the whole process shares, before any thread starts.

    Pictures are allocated on one thread and freed on another: glibc's arena per thread left
    0.4 MB a second behind. One arena that keeps what it has stays flat.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    cv2.setNumThreads(1)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such knobs
            library = ctypes.CDLL(None)
            for knob, value in MALLOC_KNOBS:
                library.mallopt(knob, value)


class Capture:
    """The worker that owns the source; hands every picture to the tracker and to who wants it."""

    def __init__(self, make_source: Callable[[], Source], timer: StageTimer) -> None:
        self.frames: Mailbox[Frame] = Mailbox("frames")
        self.newest: Mailbox[Frame] = Mailbox("newest")
        self.info: SourceInfo | None = None
        self.opened = threading.Event()  # set once the first try to open has ended
        self.lost = threading.Event()  # the device is gone; cleared by its next picture
        self.ended = False
        self.worker = Worker("capture", self, on_error=self._failed)
        self._make_source = make_source
        self._source: Source | None = None
        self._timer = timer
        self._first_error: Exception | None = None

    def wait_until_open(self) -> SourceInfo:
        """What the source granted.

        Raises:
            SourceError: it could not be opened; whatever it raised.
        """
        if not self.opened.wait(OPEN_S):
            raise SourceError(
                f"the source did not open within {OPEN_S:.0f} s",
                hint="unplug the camera and plug it in again, or pass --source sample",
            )
        if self.info is None:
            raise self._first_error or SourceError("the source did not open")
        return self.info

    def start(self) -> None:
        self._source = self._make_source()
        info = self._source.open()
        if self.info is not None:
            log.info("%s is back", info.name)
        self.info = info
        self.opened.set()

    def step(self) -> bool:
        assert self._source is not None
        with self._timer.stage("capture"):
            frame = self._source.read()
        if frame is None:
            self.ended = True
            return False
        self.lost.clear()
        self.frames.put(frame)
        self.newest.put(frame)
        return True

    def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            try:
                source.close()
            except Exception as error:
                log.warning("the source did not close cleanly: %s", error)

    def _failed(self, error: Exception) -> None:
        self.lost.set()
        if self.info is None:
            self._first_error = error
            self.worker.request_stop()  # before the first picture we fail fast
            self.opened.set()


class Tracking:
    """The worker that owns the tracker: the newest frame in, an observation out."""

    def __init__(
        self,
        make_tracker: Callable[[], Tracker],
        frames: Mailbox[Frame],
        timer: StageTimer,
    ) -> None:
        self.observations: Mailbox[Observation] = Mailbox("observations")
        self.watched: Mailbox[Observation] = Mailbox("watched")  # for who looks now and then
        self.worker = Worker("track", self)
        self.busy = False
        self.tracked = 0
        self._make_tracker = make_tracker
        self._frames = frames
        self._timer = timer
        self._tracker: Tracker | None = None

    def start(self) -> None:
        self._tracker = self._make_tracker()

    def step(self) -> bool:
        assert self._tracker is not None
        frame = self._frames.take(TAKE_S)
        if frame is None:
            return True
        self.busy = True
        try:
            with self._timer.stage("track"):
                observation = self._tracker.track(frame)
            self.tracked += 1
            self.observations.put(observation)
            self.watched.put(observation)
        finally:
            self.busy = False
        return True

    def stop(self) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            tracker.close()


def _give_way() -> None:
    """Lets this thread run when no other of ours wants to: nothing waits for it.

    Linux has a priority for every thread; elsewhere all stay alike.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)


class Watching:
    """The worker that owns the scene reader: now and then a tracked picture in, a scene out.

    Never delays a picture: whoever asks gets the newest scene, of whatever moment it is.
    """

    def __init__(
        self,
        make_reader: Callable[[], Segmenter],
        observations: Mailbox[Observation],
        looks_per_s: float,
        clock: Clock,
        timer: StageTimer,
    ) -> None:
        self.worker = Worker("segment", self)
        self._make_reader = make_reader
        self._observations = observations
        self._rest_s = 1 / looks_per_s
        self._clock, self._timer = clock, timer
        self._reader: Segmenter | None = None
        self._choice = FaceChoice()
        self._newest: Segmentation | None = None  # replaced as a whole: any thread may read it
        self._begin_anew = threading.Event()

    def newest(self) -> Segmentation | None:
        """What was seen last; any thread may ask."""
        return self._newest

    def take_plate(self) -> None:
        """Asks for the background to be learned anew; any thread may call it."""
        self._begin_anew.set()

    def start(self) -> None:
        _give_way()
        self._reader = self._make_reader()

    def step(self) -> bool:
        assert self._reader is not None
        began = self._clock.now()
        observation = self._observations.take(TAKE_S)
        if observation is None:
            return True
        if self._begin_anew.is_set():
            self._begin_anew.clear()
            self._reader.reset_plate()
        with self._timer.stage("segment"):
            face = self._choice.choose(observation)
            frame = observation.frame
            points = None if face is None else face.points_px(*frame.size)
            scene = self._reader.segment(frame, points)
        if scene is not None:
            self._newest = scene
        left_s = self._rest_s - (self._clock.now() - began)
        if left_s > 0:
            self._clock.sleep(left_s)
        return True

    def stop(self) -> None:
        reader, self._reader = self._reader, None
        self._newest = None
        if reader is not None:
            reader.close()


def watching(
    make_reader: Callable[[], Segmenter] | None,
    tracking: Tracking,
    looks_per_s: float,
    clock: Clock,
    timer: StageTimer,
) -> Watching | None:
    """The worker that looks at what is tracked; None when nobody wants to know."""
    if make_reader is None:
        return None
    return Watching(make_reader, tracking.watched, looks_per_s, clock, timer)


class Live:
    """Runs the line until it is told to stop, the time is up or the source has ended.

    Everything but capture, tracking and sinks happens on the thread that calls `loop`: it owns
    the GL context, the window and the clock.
    """

    def __init__(
        self,
        line: Line,
        capture: Capture,
        tracking: Tracking,
        outlets: Sequence[Outlet],
        clock: Clock,
        timer: StageTimer,
        stats: StatsWriter | None = None,
        on_published: Callable[[Published], Sequence[Command]] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.line = line
        self.outlets = list(outlets)
        self.published = 0
        self.pacer = Pacer(line.output.fps, clock.now())
        self._capture, self._tracking = capture, tracking
        self._clock, self._timer = clock, timer
        self._stats = stats
        self._on_published = on_published
        self._listeners = list(listeners)
        self._stopping = threading.Event()
        self._source_known_lost = False
        self._alpha = line.settings.picture.background == "alpha"

    def stop(self) -> None:
        """Asks the loop to end; any thread may call it."""
        self._stopping.set()

    def loop(self, seconds: float | None = None) -> None:
        end_at = None if seconds is None else self._clock.now() + seconds
        while not self._stopping.is_set() and not self._source_ended():
            if end_at is not None and self._clock.now() >= end_at:
                break
            observation, newest = self._wait()
            now = self._clock.now()
            taken_at = self._taken_at(observation, newest)
            if taken_at is not None and not self.pacer.accepts(taken_at):
                continue  # the camera is faster than the published rate
            self._notice_lost_source()
            self.line.wants_planes = any(o.format is PixelFormat.I420 for o in self.outlets)
            self._publish(self.line.show(observation, now, newest), taken_at)
        self._publish(self.line.farewell(self._clock.now()))

    def missed(self) -> dict[str, int]:
        """Values that nobody took in time, per mailbox, and ticks without a picture."""
        boxes: list[Mailbox[Any]] = [self._capture.frames, self._tracking.observations]
        boxes += [outlet.mailbox for outlet in self.outlets]
        return {box.name: box.missed for box in boxes} | {"ticks": self.pacer.missed}

    @property
    def _shows_newest(self) -> bool:
        return self.line.settings.smoothing.alignment == "newest"

    def _wait(self) -> tuple[Observation | None, Frame | None]:
        patience_s = self.pacer.repeat_in_s(self._clock.now())
        if self._shows_newest:
            newest = self._capture.newest.take(patience_s)
            return self._tracking.observations.take(0), newest
        observation = self._tracking.observations.take(patience_s)
        return observation, None if observation is not None else self._capture.newest.take(0)

    def _taken_at(self, observation: Observation | None, newest: Frame | None) -> float | None:
        """The moment of the new picture that will be shown; None when the last one is repeated."""
        if newest is not None and self._shows_newest:
            return newest.captured_at
        return None if observation is None else observation.frame.captured_at

    def _source_ended(self) -> bool:
        return self._capture.ended and not self._tracking.busy and self._capture.worker.finished

    def _notice_lost_source(self) -> None:
        lost = self._capture.lost.is_set()
        if lost and not self._source_known_lost:
            self.line.source_lost()
        self._source_known_lost = lost

    def _publish(self, published: Published, taken_at: float | None = None) -> None:
        now = self._clock.now()
        picture = Picture(published.picture, self._timer, published.planes, self._alpha)
        for outlet in self.outlets:
            outlet.put(picture)
        self.pacer.published(now, taken_at)
        self._tell(published, now)
        if self._stats is not None:
            self._stats.write(self._stats_line(published, now))
        self.published += 1
        if self._on_published is not None:
            for command in self._on_published(published):
                self.line.command(command)
                if command is Command.QUIT:
                    self.stop()

    def _tell(self, published: Published, now: float) -> None:
        """Lets everybody know what the published face does; who fails is asked no more."""
        face = published.face if published.state in (Shown.AVATAR, Shown.HOLD) else None
        for listener in list(self._listeners):
            try:
                listener.observe(face, now)
            except Exception as error:
                log.warning("the face is not told any more: %s", error)
                self._listeners.remove(listener)

    def _stats_line(self, published: Published, now: float) -> StatsLine:
        return StatsLine(
            frame=self.published,
            captured_at=published.picture.captured_at,
            published_at=now,
            state=published.state,
            tracked=published.tracked,
            face=published.face,
            head_box=published.box,
            stage_ms=self._timer.last_ms(),
            missed=self.missed(),
        )

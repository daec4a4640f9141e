"""The main loop of a live run: takes observations, publishes frames, keeps the rate."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from livecam.core.commands import Command
from livecam.core.frame import Frame, PixelFormat
from livecam.core.mailbox import Mailbox
from livecam.core.observation import Observation
from livecam.core.timing import CaptureSchedule, Clock, Pacer, StageTimer
from livecam.live.sink_worker import OutputFrame, SinkWorker
from livecam.live.workers import CaptureWorker, TrackingWorker
from livecam.motion.base import Listener
from livecam.pipeline.pipeline import Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.pipeline.stats import StatsLine, StatsWriter

log = logging.getLogger(__name__)


class LiveLoop:
    """Runs the pipeline until `stop` is called, the time is up or the source has ended.

    Everything but capture, tracking and sinks happens on the thread that calls `loop`: it owns
    the GL context, the window and the clock.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        capture: CaptureWorker,
        tracking: TrackingWorker,
        sinks: Sequence[SinkWorker],
        clock: Clock,
        timer: StageTimer,
        stats: StatsWriter | None = None,
        on_published: Callable[[Published], Sequence[Command]] | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.pipeline = pipeline
        self.sinks = list(sinks)
        self.published = 0
        self.pacer = Pacer(pipeline.output.fps, clock.now())
        self.governor = tracking.governor  # the tracker and the segmenter obey it, too
        self._capture, self._tracking = capture, tracking
        capture.schedule = CaptureSchedule(pipeline.output.fps)
        self._clock, self._timer = clock, timer
        self._stats = stats
        self._on_published = on_published
        self._listeners = list(listeners)
        self._stopping = threading.Event()
        self._source_known_lost = False
        self._lost_before = 0  # frames of the camera, until the last new one was published

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
            self._notice_lost_source()
            wants_planes = any(sink.format is PixelFormat.I420 for sink in self.sinks)
            self.pipeline.composition.wants_planes = wants_planes
            self.pipeline.composition.detail = self.governor.rung.detail
            is_new = (newest if self._shows_newest else observation) is not None
            self._publish(self.pipeline.show(observation, now, newest), repeated=not is_new)
        self._publish(self.pipeline.final_frame(self._clock.now()))

    def missed(self) -> dict[str, int]:
        """Values that were replaced before they were taken, per mailbox, and ticks without a
        frame."""
        boxes: list[Mailbox[Any]] = [self._capture.frames, self._tracking.observations]
        boxes += [sink.mailbox for sink in self.sinks]
        return {box.name: box.missed for box in boxes} | {"ticks": self.pacer.missed}

    @property
    def _shows_newest(self) -> bool:
        return self.pipeline.settings.smoothing.alignment == "newest"

    def _wait(self) -> tuple[Observation | None, Frame | None]:
        patience_s = self.pacer.repeat_in_s(self._clock.now())
        if self._shows_newest:
            newest = self._capture.newest.take(patience_s)
            # An observation waits for a new frame: it would be drawn over its own, an older one.
            return None if newest is None else self._tracking.observations.take(0), newest
        observation = self._tracking.observations.take(patience_s)
        return observation, None if observation is not None else self._capture.newest.take(0)

    def _source_ended(self) -> bool:
        return self._capture.worker.finished and self._capture.ended and self._tracking.is_idle

    def _notice_lost_source(self) -> None:
        lost = self._capture.lost.is_set()
        if lost and not self._source_known_lost:
            self.pipeline.source_lost()
            self._tracking.reset_people()
        self._source_known_lost = lost

    def _publish(self, published: Published, *, repeated: bool = False) -> None:
        now = self._clock.now()
        alpha = self.pipeline.settings.picture.is_alpha
        output = OutputFrame(published.frame, self._timer, published.planes, alpha)
        for sink in self.sinks:
            sink.put(output)
        self.pacer.published(now, repeated=repeated)
        if not repeated:
            self._govern(published, now)
        self._notify(published, now)
        if self._stats is not None:
            self._stats.write(self._stats_line(published, now))
        self.published += 1
        if self._on_published is not None:
            for command in self._on_published(published):
                self.pipeline.command(command)
                if command is Command.QUIT:
                    self.stop()

    def _govern(self, published: Published, now: float) -> None:
        """Tells the governor of a new frame that shows the avatar: others cost other work."""
        lost = self._lost
        if published.state is Shown.AVATAR:
            at = published.frame.captured_at
            self.governor.published(at, now - at, lost - self._lost_before)
        self._lost_before = lost

    @property
    def _lost(self) -> int:
        """Frames of the camera that were replaced before they could be shown."""
        if self._shows_newest:
            return self._capture.newest.missed
        return self._capture.frames.missed + self._tracking.observations.missed

    def _notify(self, published: Published, now: float) -> None:
        """Passes the published face to the listeners; one that fails is dropped."""
        face = published.face if published.state in (Shown.AVATAR, Shown.HOLD) else None
        for listener in list(self._listeners):
            try:
                listener.observe(face, now)
            except Exception as error:
                log.warning("a listener of the face was dropped: %s", error, exc_info=True)
                self._listeners.remove(listener)

    def _stats_line(self, published: Published, now: float) -> StatsLine:
        return StatsLine(
            frame=self.published,
            captured_at=published.frame.captured_at,
            published_at=now,
            state=published.state,
            tracked=published.tracked,
            face=published.face,
            head_box=published.box,
            stage_ms=self._timer.last_ms(),
            missed=self.missed(),
            rung=self.governor.level,
        )

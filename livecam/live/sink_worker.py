"""Runs each sink on a thread of its own, so that a slow or failing one never stops the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from livecam.compose.background import flattened
from livecam.core.errors import SinkError
from livecam.core.frame import Frame, Image, PixelFormat
from livecam.core.language import tr
from livecam.core.mailbox import Mailbox
from livecam.core.timing import Clock, StageTimer
from livecam.core.worker import Worker
from livecam.media.color import I420Converter
from livecam.sinks.base import FileSink, OutputInfo, Sink

log = logging.getLogger(__name__)

END_S = 5.0  # that a sink has to close
FILE_END_S = 60.0  # that a file has beyond: a slow encoder or disk
TAKE_S = 0.5  # the interval at which a sink's thread checks for its end, at most


class OutputFrame:
    """A published frame in the format each sink wants; converted once, by the first.

    Any thread may ask: the conversion then runs on that sink's thread, not on the one that
    draws the next frame.
    """

    def __init__(
        self,
        frame: Frame,
        timer: StageTimer | None = None,
        planes: Image | None = None,
        alpha: bool = False,
    ) -> None:
        self.rgba = frame
        self._alpha = alpha  # transparent pixels become black in a format without alpha
        self._timer = timer or StageTimer(1)
        self._lock = threading.Lock()
        self._i420: Frame | None = None  # guarded by _lock
        if planes is not None:
            self._i420 = Frame(planes, frame.index, frame.captured_at, PixelFormat.I420)

    def as_format(self, format: PixelFormat) -> Frame:
        if format is PixelFormat.RGBA:
            return self.rgba
        with self._lock:
            if self._i420 is None:
                frame = self.rgba
                with self._timer.stage("convert"):
                    opaque = flattened(frame.image) if self._alpha else frame.image
                    image = _converter(frame.width, frame.height).convert(opaque)
                self._i420 = Frame(image, frame.index, frame.captured_at, PixelFormat.I420)
            return self._i420


@lru_cache(maxsize=2)
def _converter(width: int, height: int) -> I420Converter:
    """Returns a converter that is kept: to make one costs 0.5 ms."""
    return I420Converter(width, height)


class SinkWorker:
    """One sink on one thread, fed through a mailbox: it gets the newest frame it can take."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Sink],
        info: OutputInfo,
        clock: Clock,
        timer: StageTimer | None = None,
        depth: int = 1,
    ) -> None:
        self.name = name
        self.mailbox: Mailbox[OutputFrame] = Mailbox(f"sink:{name}", depth)
        self.description = ""  # for people, once the sink is open
        self.format: PixelFormat | None = None  # that it wants, once made
        self.sent = 0
        self.written = 0  # frames in the file of a file sink; it repeats some
        self.latencies_s: list[float] = []  # captured -> accepted by the sink; only if kept
        self.keep_latencies = False
        self._make = make
        self._info = info
        self._clock = clock
        self._timer = timer or StageTimer()
        self._sink: Sink | None = None
        self._last_index = -1
        self._ending = False
        self.open_error: Exception | None = None  # of the newest try to open it
        self._tried = threading.Event()
        self._close_error: Exception | None = None
        self._end_error: Exception | None = None
        self._worker = Worker(f"sink:{name}", self)

    def begin(self) -> None:
        self._worker.start()

    def wait_until_open(self, timeout_s: float) -> None:
        """Waits for the first try to open the sink; then `open_error` tells whether it failed."""
        self._tried.wait(timeout_s)

    def wait_until_ended(self, timeout_s: float) -> bool:
        """Waits for the end that was requested; False when it takes longer."""
        return self._worker.join(timeout_s)

    def put(self, output: OutputFrame) -> None:
        self.mailbox.put(output)

    def request_end(self) -> None:
        """Lets the sink take what is waiting for it, then close; returns at once."""
        self._ending = True
        self._worker.request_stop()

    def end(self) -> None:
        """Ends the sink and waits for it: for a file longer, and says so."""
        self.request_end()
        if self._end_error is None and not self._worker.join(END_S):
            unfinished = self.unfinished
            if unfinished is not None:
                log.warning("%s: still writing, %.0f s at most", self.description, FILE_END_S)
                self._worker.join(FILE_END_S)
            if not self._worker.join(0):
                self._end_error = _end_error(unfinished)
        self.mailbox.close()

    @property
    def unfinished(self) -> Path | None:
        """The hidden file that the sink is writing, if it writes one."""
        sink = self._sink
        return sink.unfinished if isinstance(sink, FileSink) else None

    @property
    def last_error(self) -> Exception | None:
        """The last error in opening, sending or closing; None after a success."""
        return self._worker.last_error or self._close_error or self._end_error

    @property
    def result(self) -> str:
        """What became of the frames, for people."""
        if not self.written:
            return tr("{sink}: {frames} frames", sink=self.description, frames=self.sent)
        return tr(
            "{sink}: {seconds:.1f} s, {frames} frames",
            sink=self.description, seconds=self.written / self._info.fps, frames=self.written,
        )  # fmt: skip

    # The worker's task, on its own thread.

    def start(self) -> None:
        try:
            self._sink = self._make()
            self.format = self._sink.format
            self.description = self._sink.open(self._info)
            self.open_error = None
        except Exception as error:
            self.open_error = error
            raise
        finally:
            self._tried.set()

    def step(self) -> bool:
        output = self.mailbox.take(TAKE_S)
        if output is not None:
            self._send(output)
        return True

    def stop(self) -> None:
        sink = self._sink
        if sink is None:
            return
        try:
            while (
                self._ending and self.description and (waiting := self.mailbox.take(0)) is not None
            ):
                sink.send(waiting.as_format(sink.format))
        except Exception as error:
            log.warning("%s lost the last pictures: %s", self.name, error, exc_info=True)
        self.written = sink.written if isinstance(sink, FileSink) else 0
        try:
            sink.close()
        except Exception as error:
            self._close_error = error
            log.warning("%s did not close cleanly: %s", self.name, error, exc_info=True)
        self._sink = None

    def _send(self, output: OutputFrame) -> None:
        sink = self._sink
        assert sink is not None
        self._timer.begin_frame(output.rgba.index)
        frame = output.as_format(sink.format)
        with self._timer.stage(f"sink:{self.name}"):
            sink.send(frame)
        self.sent += 1
        if self.keep_latencies and frame.index != self._last_index:
            self.latencies_s.append(self._clock.now() - frame.captured_at)
        self._last_index = frame.index


def _end_error(unfinished: Path | None) -> SinkError:
    if unfinished is None:
        return SinkError("it did not close in time")
    return SinkError(
        "it was not finished in time; what was written is in {unfinished}",
        hint="rename the file to keep it, or delete it",
        unfinished=unfinished,
    )

"""Plays a video file as a live camera would."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame
from livecam.core.language import tr
from livecam.core.timing import Clock
from livecam.media.reader import VideoReader
from livecam.sources.base import SourceInfo

log = logging.getLogger(__name__)

MAX_WAIT_S = 0.9  # a longer pause in the file is bridged with its last frame
MAX_OVERDUE_S = 0.1  # a schedule missed by more is shifted, so that the lag does not accumulate


class VideoFile:
    """Plays a video file.

    Frames come at the file's own pace and are stamped with the clock; the file starts again at its
    end when `loop` is set. What is unusual about it is logged once.
    """

    def __init__(self, clock: Clock, path: Path | str, *, loop: bool = True) -> None:
        self._clock = clock
        self._path = Path(path)
        self._loop = loop
        self._reader: VideoReader | None = None
        self._frames: Iterator[Frame] = iter(())
        self._index = 0
        self._last: Frame | None = None
        self._pending: Frame | None = None  # decoded, not due yet; stamped with its due time
        self._size: tuple[int, int] | None = None  # of the newest frame; None once a change is said
        self._ended = False  # once or more

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, Path(settings.source).expanduser(), loop=settings.loop)

    def open(self) -> SourceInfo:
        self._reader = VideoReader(self._path)
        self._frames = iter(self._reader)
        info = self._reader.info
        self._size = info.width, info.height
        if info.is_hdr:
            log.info("%s is HDR; it becomes SDR", self._path.name)
        self._start_at: float | None = None  # on the clock, of the file's time 0
        return SourceInfo(self._name(), info.width, info.height, info.fps)

    def read(self) -> Frame | None:
        if self._pending is None:
            self._pending = self._next_due()
        if self._pending is None:
            return None
        pause_s = self._pending.captured_at - self._clock.now()
        if pause_s > MAX_WAIT_S and self._last is not None:
            self._clock.sleep(MAX_WAIT_S)
            return self._stamped(self._last, self._clock.now())
        self._clock.sleep(pause_s)
        due, self._pending = self._pending, None
        return self._stamped(due, due.captured_at)

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _name(self) -> str:
        return tr("video {name}", name=self._path.name)

    def _stamped(self, frame: Frame, at: float) -> Frame:
        self._last = Frame(frame.image, self._index, at)
        self._index += 1
        return self._last

    def _next_due(self) -> Frame | None:
        """Returns the next frame of the file, stamped with the time at which it is due."""
        frame = next(self._frames, None)
        if frame is None:
            self._log_missing()
            frame = self._first_again() if self._loop else None
        if frame is None:
            return None
        self._log_size(frame)
        now = self._clock.now()
        if self._start_at is None:
            self._start_at = now - frame.captured_at
        overdue_s = now - (self._start_at + frame.captured_at)
        if overdue_s > MAX_OVERDUE_S:
            self._start_at += overdue_s
        return Frame(frame.image, frame.index, self._start_at + frame.captured_at)

    def _first_again(self) -> Frame | None:
        """Starts the file again when its last frame is over."""
        assert self._reader is not None
        end_s = self._reader.end_s
        self._reader.close()
        self._reader = VideoReader(self._path)
        self._frames = iter(self._reader)
        frame = next(self._frames, None)
        if frame is None or self._start_at is None:
            raise SourceError(
                "{path} gives no pictures", hint="the file may have changed", path=self._path
            )
        self._start_at += end_s
        return frame

    def _log_size(self, frame: Frame) -> None:
        if self._size is not None and frame.size != self._size:
            self._size = None
            log.warning("%s changes its size; it is now %dx%d", self._path.name, *frame.size)

    def _log_missing(self) -> None:
        assert self._reader is not None
        if self._reader.missing and not self._ended:
            shown = self._reader.given
            log.warning(
                "%s: %d of %d pictures could be read",
                self._path.name, shown, shown + self._reader.missing,
            )  # fmt: skip
        self._ended = True

"""Plays a video file as a live camera would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame
from livecam.core.timing import Clock
from livecam.media.reader import VideoReader
from livecam.sources.base import SourceInfo

LONGEST_WAIT_S = 0.9  # a longer pause in the file is bridged with its last picture
LATEST_S = 0.1  # a schedule missed by more starts anew, as delay must not pile up


class VideoFile:
    """A video file as a source.

    Frames come at the file's own pace and are stamped with the clock; the file starts again at its
    end when `loop` is set.
    """

    def __init__(self, clock: Clock, path: Path | str, *, loop: bool = True) -> None:
        self._clock = clock
        self._path = Path(path)
        self._loop = loop
        self._reader: VideoReader | None = None
        self._frames: Iterator[Frame] = iter(())
        self._index = 0
        self._shown: Frame | None = None
        self._waiting: Frame | None = None  # decoded, not due yet; stamped with its due time

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, Path(settings.source).expanduser(), loop=settings.loop)

    def open(self) -> SourceInfo:
        self._reader = VideoReader(self._path)
        self._frames = iter(self._reader)
        info = self._reader.info
        self._period_s = float(1 / info.rate)
        self._start_at: float | None = None  # on the clock, of the file's time 0
        return SourceInfo(self._name(), info.width, info.height, info.fps)

    def read(self) -> Frame | None:
        if self._waiting is None:
            self._waiting = self._next_due()
        if self._waiting is None:
            return None
        pause_s = self._waiting.captured_at - self._clock.now()
        if pause_s > LONGEST_WAIT_S and self._shown is not None:
            self._clock.sleep(LONGEST_WAIT_S)
            return self._show(self._shown, self._clock.now())
        self._clock.sleep(pause_s)
        due, self._waiting = self._waiting, None
        return self._show(due, due.captured_at)

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _name(self) -> str:
        return f"video {self._path.name}"

    def _show(self, frame: Frame, at: float) -> Frame:
        self._shown = Frame(frame.image, self._index, at)
        self._index += 1
        return self._shown

    def _next_due(self) -> Frame | None:
        """The next picture of the file, with the clock time at which it is due."""
        frame = next(self._frames, None)
        if frame is None and self._loop:
            frame = self._first_again()
        if frame is None:
            return None
        now = self._clock.now()
        if self._start_at is None:
            self._start_at = now - frame.captured_at
        late_s = now - (self._start_at + frame.captured_at)
        if late_s > LATEST_S:
            self._start_at += late_s
        return Frame(frame.image, frame.index, self._start_at + frame.captured_at)

    def _first_again(self) -> Frame | None:
        """Starts the file again, one period after its last picture."""
        assert self._reader is not None
        self._reader.close()
        self._reader = VideoReader(self._path)
        self._frames = iter(self._reader)
        frame = next(self._frames, None)
        if frame is None or self._shown is None:
            raise SourceError(f"{self._path} gives no pictures", hint="the file may have changed")
        self._start_at = self._shown.captured_at + self._period_s - frame.captured_at
        return frame

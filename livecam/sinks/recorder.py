"""Records published frames at a constant rate into a file that survives a full disk."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar, Self

from livecam.config.settings import Settings
from livecam.core.errors import SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.core.hidden_file import free_name
from livecam.core.language import tr
from livecam.media.writer import VideoWriter, make_folder
from livecam.sinks.base import OutputInfo

log = logging.getLogger(__name__)

MAX_GAP_S = 10.0  # a machine that slept is not worth hours of one frame
MAX_HELD_S = 0.5  # a frame repeated for longer is recorded at once, not with the next new one


class Recorder:
    """Writes H.264 (`.mp4`, `.mkv`), BT.709, with one frame in each slot of 1 / fps seconds.

    With alpha: QuickTime Animation (`.mov`) or VP9 (`.webm`), and frames are RGBA.

    Live frames come early, late, or not at all. Each goes into the slot nearest to its
    `captured_at`; the last frame is repeated in empty slots; of two for one slot the first is
    kept. Recorded time never runs back, and gaps are cut to `MAX_GAP_S`.

    The file has its name once it is closed; a file that is already there is never
    overwritten without `force`: the new one becomes `name-2.mp4`.

    Args:
        path: of the file; its folder is made when it is missing.
        force: overwrite.
        alpha: keep the alpha of the frames.
    """

    backlog: ClassVar[int] = 8  # frames that may wait for the encoder

    def __init__(self, path: str | Path, force: bool = False, alpha: bool = False) -> None:
        self.path = Path(path)
        self.format = PixelFormat.RGBA if alpha else PixelFormat.I420
        self._alpha = alpha
        self._force = force
        self.written = 0
        self._writer: VideoWriter | None = None
        self._last: Frame | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        alpha = settings.picture.is_alpha
        return cls(Path(settings.sinks.record).expanduser(), alpha=alpha)

    def open(self, info: OutputInfo) -> str:
        """Starts the file.

        Raises:
            SinkError: it cannot be written there, or not in that format.
        """
        make_folder(self.path.parent)
        if not self._force:
            self.path = free_name(self.path)
        self._slots = _Slots(info.fps)
        self._writer = VideoWriter(
            self.path, info.width, info.height, info.fps, effort="live", alpha=self._alpha,
            keep_existing=not self._force,
        )  # fmt: skip
        return tr("recording {path}", path=self.path)

    @property
    def unfinished(self) -> Path | None:
        """The hidden file that is being written; None before and after."""
        writer = self._writer
        return None if writer is None else writer.unfinished

    def send(self, frame: Frame) -> None:
        """Adds a frame at its time.

        Raises:
            SinkError: the disk is full or gone; `close` keeps what was written.
        """
        if self._writer is None:
            raise SinkError("the recorder is not open")
        slots = self._slots.slots_for(frame.captured_at)
        for _ in range(slots - 1):
            self._writer.write(self._last or frame)
        if slots:
            self._writer.write(frame)
        self.written = self._writer.frames
        self._last = frame

    def close(self) -> None:
        """Completes the file.

        Raises:
            SinkError: the disk is full; what was written until then has the file's name.
        """
        writer, self._last = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        finally:
            self._writer = None
        if writer.path != self.path:
            log.warning("another run wrote %s meanwhile: this is %s", self.path, writer.path)
            self.path = writer.path


class _Slots:
    """Counts the slots by which a frame advances the recording: 0, 1, or more after a gap."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._start: float | None = None  # the time of slot 0
        self._next = 0
        self._newest = 0.0
        self._held = 0  # how often the newest frame was repeated

    def slots_for(self, captured_at: float) -> int:
        if self._start is None:
            self._start = self._newest = captured_at
            self._next = 1
            return 1
        if captured_at == self._newest:
            return self._repeat()
        self._newest, self._held = captured_at, 0
        slot = round((captured_at - self._start) * self._fps)
        steps = slot + 1 - self._next
        maximum = round(MAX_GAP_S * self._fps)
        if abs(steps) > maximum:  # the clock jumped, or the machine slept
            wanted = maximum if steps > 0 else 1
            self._start += (steps - wanted) / self._fps
            steps = wanted
        steps = max(steps, 0)
        self._next += steps
        return steps

    def _repeat(self) -> int:
        """Ignores a short repetition: the time of the next new frame fills its slots."""
        self._held += 1
        if self._held <= MAX_HELD_S * self._fps:
            return 0
        self._next += 1
        return 1

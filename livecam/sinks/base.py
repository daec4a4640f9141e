"""Sinks of published frames: the protocol, the registry, and the smallest sink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

from livecam.config.settings import Settings
from livecam.core.frame import Frame, PixelFormat
from livecam.core.language import tr
from livecam.core.registry import Registry


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """Size and rate of the published frames."""

    width: int  # even
    height: int  # even
    fps: float


class Sink(Protocol):
    """Receives finished frames.

    `open` is called once before any `send`, `close` exactly once after the last, also when
    `open` failed; all on the same thread. Frames have the size agreed in `open` and the
    pixel format that the sink names. Raise `SinkError` when the device is gone; the caller
    will close the sink and open it again, with growing pauses.

    A registered class has `from_settings(settings: Settings)`, which opens nothing.
    """

    backlog: ClassVar[int]  # how many frames may wait for it; a new one then replaces the oldest
    format: PixelFormat  # what `send` wants

    def open(self, info: OutputInfo) -> str:
        """Opens the device or file; returns its name for people: 'virtual camera /dev/video2'."""
        ...

    def send(self, frame: Frame) -> None: ...

    def close(self) -> None: ...


@runtime_checkable
class FileSink(Protocol):
    """A sink that writes one file under a hidden name: its end may take longer."""

    written: int  # frames in the file, repeated ones too; any thread may read it

    @property
    def unfinished(self) -> Path | None:
        """The hidden file, until `close` has given it its name; any thread may ask."""
        ...


class NullSink:
    """Discards every frame, in the format of a virtual camera: for measuring."""

    backlog: ClassVar[int] = 1
    format = PixelFormat.I420

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls()

    def open(self, info: OutputInfo) -> str:
        return tr("nothing ({width}x{height})", width=info.width, height=info.height)

    def send(self, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


SINKS: Registry[[Settings], Sink] = Registry(
    "sink",
    {
        "virtual-camera": "livecam.sinks.virtual_camera:VirtualCamera",
        "record": "livecam.sinks.recorder:Recorder",
        "png": "livecam.sinks.png:PngSequence",
        "null": "livecam.sinks.base:NullSink",
    },
)

"""Where pictures go: the protocol, the registry, and the smallest sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from livecam.core.frame import Frame, PixelFormat
from livecam.core.registry import Registry


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """What every published frame looks like."""

    width: int  # even
    height: int  # even
    fps: float


class Sink(Protocol):
    """Receives finished frames.

    `open` is called once before any `send`, `close` exactly once after the last, also when
    `open` failed; all on the same thread. Frames have the size agreed in `open` and the
    pixel format that the sink names. Raise `SinkError` when the device is gone; the caller
    will close the sink and open it again, with growing pauses.
    """

    format: PixelFormat  # what `send` wants

    def open(self, info: OutputInfo) -> str:
        """Opens the way out; returns it in words for people: 'virtual camera /dev/video2'."""
        ...

    def send(self, frame: Frame) -> None: ...

    def close(self) -> None: ...


class MemorySink:
    """Keeps the frames it was sent: for tests, and the example for the next sink."""

    def __init__(self, format: PixelFormat = PixelFormat.RGBA, keep: int | None = None) -> None:
        self.format = format
        self.frames: list[Frame] = []
        self.info: OutputInfo | None = None
        self._keep = keep

    def open(self, info: OutputInfo) -> str:
        self.info = info
        return "memory"

    def send(self, frame: Frame) -> None:
        self.frames.append(frame)
        if self._keep is not None:
            del self.frames[: -self._keep]

    def close(self) -> None:
        pass


class NullSink:
    """Throws everything away, in the format of a virtual camera: for measuring."""

    format = PixelFormat.I420

    def open(self, info: OutputInfo) -> str:
        return f"nothing ({info.width}x{info.height})"

    def send(self, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


SINKS: Registry[Sink] = Registry(
    "sink",
    {
        "virtual-camera": "livecam.sinks.virtual_camera:VirtualCamera",
        "record": "livecam.sinks.recorder:Recorder",
        "preview": "livecam.sinks.preview:Preview",
        "png": "livecam.sinks.png:PngSequence",
        "null": "livecam.sinks.base:NullSink",
        "memory": "livecam.sinks.base:MemorySink",
    },
)

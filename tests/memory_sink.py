"""A sink that keeps the frames it was sent."""

from __future__ import annotations

from livecam.core.frame import Frame, PixelFormat
from livecam.sinks.base import OutputInfo


class MemorySink:
    """Keeps all frames, in the format that is asked of it."""

    backlog = 1

    def __init__(self, format: PixelFormat = PixelFormat.RGBA) -> None:
        self.format = format
        self.frames: list[Frame] = []
        self.info: OutputInfo | None = None

    def open(self, info: OutputInfo) -> str:
        self.info = info
        return "memory"

    def send(self, frame: Frame) -> None:
        self.frames.append(frame)

    def close(self) -> None: ...

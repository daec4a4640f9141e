"""Turns the frames of a source, for cameras that hang or stand on their side."""

from __future__ import annotations

from dataclasses import replace

from livecam.core.frame import Frame
from livecam.media.shape import rotated
from livecam.sources.base import Source, SourceInfo


class Rotated:
    """Rotates the frames of another source clockwise by 90, 180 or 270 degrees."""

    def __init__(self, source: Source, degrees: int) -> None:
        self._source = source
        self._degrees = degrees

    def open(self) -> SourceInfo:
        info = self._source.open()
        if self._degrees == 180:
            return info
        return replace(info, width=info.height, height=info.width)

    def read(self) -> Frame | None:
        frame = self._source.read()
        if frame is None:
            return None
        image = rotated(frame.image, self._degrees)
        return Frame(image, frame.index, frame.captured_at)

    def close(self) -> None:
        self._source.close()

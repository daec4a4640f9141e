"""Turns the frames of a source, for cameras that hang or stand on their side."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from livecam.core.frame import Frame
from livecam.media.shape import ROTATIONS
from livecam.sources.base import Source, SourceInfo


class Rotated:
    """Rotates the frames of another source clockwise by 90, 180 or 270 degrees."""

    def __init__(self, source: Source, degrees: int) -> None:
        self._source = source
        self._code = ROTATIONS[degrees]
        self._sideways = degrees != 180

    def open(self) -> SourceInfo:
        info = self._source.open()
        if not self._sideways:
            return info
        return replace(info, width=info.height, height=info.width)

    def read(self) -> Frame | None:
        frame = self._source.read()
        if frame is None:
            return None
        image = np.asarray(cv2.rotate(frame.image, self._code), np.uint8)
        return Frame(image, frame.index, frame.captured_at)

    def close(self) -> None:
        self._source.close()

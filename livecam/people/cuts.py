"""Recognises a cut between two frames as they come, from a few of their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, PixelFormat

# A cut leaves hardly any place as it was (see convert/shots.py for the numbers).
STAMP = (27, 48)  # rows and columns that are compared
CHANGED, MIN_CHANGED, MIN_CHANGE = 12, 0.75, 20.0


class CutDetector:
    """Compares each frame with the one before. One thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._stamp: NDArray[np.int16] | None = None

    def is_cut(self, frame: Frame) -> bool:
        """Returns whether this frame shows another shot than the last one."""
        if frame.format is not PixelFormat.RGBA:
            return False
        down, across = (max(1, side // cells) for side, cells in zip(
            frame.image.shape[:2], STAMP, strict=True))  # fmt: skip
        stamp = frame.image[down // 2 :: down, across // 2 :: across, :3].astype(np.int16)
        before, self._stamp = self._stamp, stamp
        if before is None or before.shape != stamp.shape:
            return False
        change = np.abs(stamp - before)
        if change.mean() <= MIN_CHANGE:
            return False
        return bool((change.max(axis=2) > CHANGED).mean() > MIN_CHANGED)

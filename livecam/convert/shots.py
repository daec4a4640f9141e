"""Finds the cuts of a film, from frames shrunk to the size of a stamp.

A cut changes both the places of things (mean difference of the stamps, the best of small shifts, so
that a shaken camera does not count) and the colours (histogram), much more than the
frames around it do, and the frame before it does not come back at once (so that a flash does
not count), and leaves hardly any place as it was (so that something passing before the camera does
not count). Frames of another size begin a shot, too. See Boreczky and Rowe, "Comparison of video
shot boundary detection techniques", 1996, for the measures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise, product

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

STAMP = (48, 27)  # pixels
SHIFT = 2  # a stamp may have moved by so many of them
MIN_CHANGE = 9.0  # mean difference of two shots, of 255
MIN_RECOLOURING = 0.12  # share of the pixels that changed their colour bin
# Share of the stamp that differs by more than CHANGED: between the eight clips at least .92,
# within them, 20 frames apart, at most .60.
CHANGED = 12
MIN_CHANGED = 0.75
STANDS_OUT = 3.0  # times the typical change around it
AROUND = 12  # frames on either side that give the typical change
FLASH = 3  # frames on either side in which the same frame may come back
SAME = 0.5  # of the change: the frame before came back
OVERLAP = FLASH + 1  # frames before a part of a film that must be known to it

Stamp = NDArray[np.int16]  # int16[27, 48, 3]


class ShotFinder:
    """Takes the frames one after the other; keeps a few stamps and two numbers a frame."""

    def __init__(self) -> None:
        self._size = (0, 0)  # of the newest frame
        self._resized: set[int] = set()  # frames of another size than the one before
        self._change: list[float] = []  # from the frame before
        self._recolouring: list[float] = []
        self._everywhere: list[bool] = []  # hardly any place stayed as it was
        self._return: dict[int, float] = {}  # candidate -> smallest change across it
        self._stamps: deque[Stamp] = deque(maxlen=2 * FLASH)
        self._histogram: NDArray[np.float64] | None = None

    def add(self, image: Image) -> None:
        """Adds the next frame, uint8[h, w, 4]."""
        size = (image.shape[1], image.shape[0])
        if self._change and size != self._size:
            self._resized.add(len(self._change))
        self._size = size
        stamp = cv2.resize(image, STAMP, interpolation=cv2.INTER_AREA)[..., :3].astype(np.int16)
        histogram = _histogram(stamp)
        if self._histogram is None:
            self._change.append(0.0)
            self._recolouring.append(0.0)
            self._everywhere.append(False)
        else:
            self._change.append(_change(self._stamps[-1], stamp))
            self._recolouring.append(float(np.abs(histogram - self._histogram).sum() / 2))
            changed = np.abs(self._stamps[-1] - stamp).max(axis=2) > CHANGED
            self._everywhere.append(bool(changed.mean() > MIN_CHANGED))
        self._histogram = histogram
        self._stamps.append(stamp)
        self._compare_across(len(self._change) - FLASH, before=len(self._stamps) - FLASH)

    @property
    def stamp(self) -> Stamp:
        """The stamp of the newest frame."""
        return self._stamps[-1]

    @property
    def may_cut(self) -> bool:
        """Whether the newest frame may be the first of a shot."""
        index = len(self._change) - 1
        return index in self._resized or self._changes_at(index)

    def finish(self) -> None:
        """Compares the last frames, once all were added."""
        count = len(self._change)
        for index in range(max(1, count - FLASH + 1), count):
            self._compare_across(index, before=len(self._stamps) - (count - index))
        self._stamps.clear()

    def part(self, frames: range) -> ShotFinder:
        """Returns what is known of some of the frames that were added, to be joined with others.

        The film went on for FLASH - 1 frames after them, or ended; OVERLAP frames before them were
        added too, or they are the first.
        """
        out = ShotFinder()
        out._extend(self, frames)
        return out

    @classmethod
    def joined(cls, parts: Sequence[ShotFinder]) -> ShotFinder:
        """Joins the parts of a film, in order; `shots` then returns those of the whole film."""
        out = cls()
        for each in parts:
            out._extend(each, range(len(each._change)))
        return out

    def _extend(self, other: ShotFinder, frames: range) -> None:
        """Adds what another finder knows of some of its frames."""
        own, shift = slice(frames.start, frames.stop), len(self._change) - frames.start
        self._change += other._change[own]
        self._recolouring += other._recolouring[own]
        self._everywhere += other._everywhere[own]
        self._resized |= {i + shift for i in other._resized if i in frames}
        self._return |= {i + shift: value for i, value in other._return.items() if i in frames}

    def shots(self) -> list[range]:
        """Returns the frames of each shot, once all frames were added."""
        self.finish()
        count = len(self._change)
        cuts = {0, count, *self._resized, *(i for i in self._return if self._cuts_at(i))}
        return [range(a, b) for a, b in pairwise(sorted(cuts))]

    def _compare_across(self, index: int, before: int) -> None:
        """Measures whether the frame before frame `index` comes back after it."""
        if index < 1 or before < 1 or not self._changes_at(index):
            return
        stamps = list(self._stamps)
        older, newer = stamps[max(0, before - FLASH) : before], stamps[before : before + FLASH]
        pairs = [
            _change(a, b)
            for (i, a), (j, b) in product(enumerate(reversed(older)), enumerate(newer))
            if i + j > 0
        ]
        self._return[index] = min(pairs, default=np.inf)

    def _changes_at(self, index: int) -> bool:
        return (
            self._everywhere[index]
            and self._change[index] > MIN_CHANGE
            and self._recolouring[index] > MIN_RECOLOURING
        )

    def _cuts_at(self, index: int) -> bool:
        if self._return[index] < SAME * self._change[index]:
            return False
        return all(
            values[index] > STANDS_OUT * _typical(values, index)
            for values in (self._change, self._recolouring)
        )


def _typical(values: list[float], index: int) -> float:
    """Returns the median of the frames around one, without it and the first frame of the film."""
    around = values[max(1, index - AROUND) : index] + values[index + 1 : index + 1 + AROUND]
    return float(np.median(around)) if around else 0.0


def _change(a: Stamp, b: Stamp) -> float:
    """Computes the mean difference of two stamps at the shift that fits best."""
    height, width = a.shape[:2]
    inner = b[SHIFT : height - SHIFT, SHIFT : width - SHIFT]
    shifts = product(range(2 * SHIFT + 1), repeat=2)
    return min(
        float(np.abs(a[y : y + inner.shape[0], x : x + inner.shape[1]] - inner).mean())
        for y, x in shifts
    )


def _histogram(stamp: Stamp) -> NDArray[np.float64]:
    """Computes the shares of the colours, float64[216]."""
    bins = stamp * 6 // 256
    code = (bins[..., 0] * 6 + bins[..., 1]) * 6 + bins[..., 2]
    return np.bincount(code.ravel(), minlength=216) / code.size

"""Adapts the pupils of an avatar to the brightness of the real face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

SAMPLES = 24  # along each side of the face's box
MIN_DILATION, MAX_DILATION = 0.8, 1.25
REFERENCE = 0.42  # brightness of a well exposed face, sRGB 0..1
PER_STOP = 0.22  # change of the radius when the brightness doubles
CONSTRICT_S, DILATE_S = 0.25, 0.9  # time constants: pupils close faster than they open
ADAPT_S = 25.0  # time constant of adaptation to a lasting change of light
ADAPTED_SHARE = 0.6


class Pupil:
    """Computes the dilation of both pupils: 1 at rest. One thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._adapted: float | None = None  # stops over REFERENCE
        self._size = 1.0

    def step(self, brightness: float | None, dt: float) -> float:
        """Returns the dilation dt seconds later; without a brightness (0..1) it returns to 1."""
        goal = 1.0 if brightness is None else self._goal(brightness, dt)
        constant = CONSTRICT_S if goal < self._size else DILATE_S
        self._size += (goal - self._size) * (1 - float(np.exp(-dt / constant)))
        return self._size

    def _goal(self, brightness: float, dt: float) -> float:
        stops = float(np.log2(max(brightness, 0.02) / REFERENCE))
        if self._adapted is None:
            self._adapted = stops
        self._adapted += (stops - self._adapted) * (1 - float(np.exp(-dt / ADAPT_S)))
        felt = stops - ADAPTED_SHARE * self._adapted
        return min(max(1 - PER_STOP * felt, MIN_DILATION), MAX_DILATION)


def mean_brightness(image: Image, outline: NDArray[np.float32] | None) -> float | None:
    """Returns the mean brightness (sRGB, 0..1) in the box around an outline float32[k, 2], pixels.

    Samples a few hundred pixels of an RGBA image; None when the outline lies outside.
    """
    if outline is None:
        return None
    height, width = image.shape[:2]
    x0, y0 = np.clip(outline.min(axis=0), 0, (width, height)).astype(int)
    x1, y1 = np.clip(outline.max(axis=0), 0, (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    samples = image[
        y0 : y1 : max(1, (y1 - y0) // SAMPLES), x0 : x1 : max(1, (x1 - x0) // SAMPLES), 1
    ]
    return float(samples.mean()) / 255

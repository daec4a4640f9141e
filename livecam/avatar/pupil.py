"""Pupils that react to the light on the real face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

SAMPLES = 24  # along each side of the face's box
NARROWEST, WIDEST = 0.8, 1.25
USUAL = 0.42  # brightness of a well exposed face, sRGB 0..1
PER_DOUBLING = 0.22  # of the brightness, as a change of the radius
CONSTRICT_S, DILATE_S = 0.25, 0.9  # time constants: pupils close faster than they open
ADAPT_S = 25.0  # a change of light that lasts is partly got used to
ADAPTED_SHARE = 0.6


class Pupil:
    """The dilation of both pupils: 1 at rest, NARROWEST..WIDEST. One thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._used_to: float | None = None  # doublings over USUAL
        self._size = 1.0

    def step(self, brightness: float | None, dt: float) -> float:
        """The dilation dt seconds later; without a brightness (0..1) it goes back to rest."""
        goal = 1.0 if brightness is None else self._goal(brightness, dt)
        constant = CONSTRICT_S if goal < self._size else DILATE_S
        self._size += (goal - self._size) * (1 - float(np.exp(-dt / constant)))
        return self._size

    def _goal(self, brightness: float, dt: float) -> float:
        light = float(np.log2(max(brightness, 0.02) / USUAL))
        if self._used_to is None:
            self._used_to = light
        self._used_to += (light - self._used_to) * (1 - float(np.exp(-dt / ADAPT_S)))
        felt = light - ADAPTED_SHARE * self._used_to
        return min(max(1 - PER_DOUBLING * felt, NARROWEST), WIDEST)


def mean_brightness(image: Image, outline: NDArray[np.float32] | None) -> float | None:
    """The mean brightness (sRGB, 0..1) within the box of an outline float32[k, 2] in pixels.

    From a few hundred pixels of an RGBA picture; None when the outline lies outside.
    """
    if outline is None:
        return None
    height, width = image.shape[:2]
    x0, y0 = np.clip(outline.min(axis=0), 0, (width, height)).astype(int)
    x1, y1 = np.clip(outline.max(axis=0), 0, (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    some = image[y0 : y1 : max(1, (y1 - y0) // SAMPLES), x0 : x1 : max(1, (x1 - x0) // SAMPLES), 1]
    return float(some.mean()) / 255

"""How noisy a stream is: learnt from the stream itself, in seconds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class NoiseLevel:
    """Standard deviations of the noise of each component, as factors over the usual ones.

    Looks at how much each step differs from the one before: what is measured moves smoothly,
    noise does not. A low quantile, because moving is no noise; found by stochastic approximation
    (Robbins, Monro: A Stochastic Approximation Method, 1951), so that nothing is kept.

    Args:
        size: how many components.
        low, high: between which the factors stay.
    """

    QUANTILE = 0.35
    USUAL = 0.4538  # that quantile of the size of a normal number
    RATE = 0.05  # the share by which a measurement changes the factors
    UP, DOWN = math.exp(RATE * QUANTILE), math.exp(RATE * (QUANTILE - 1))

    def __init__(self, size: int, low: float, high: float) -> None:
        self._size, self._low, self._high = size, low, high
        self.reset()

    def reset(self) -> None:
        self.value = np.ones(self._size)
        self._last: NDArray[np.float64] | None = None

    def step(self, change: NDArray[np.float64]) -> None:
        """Takes the raw change since the last measurement, in usual standard deviations."""
        if self._last is not None:
            # White noise bends by sqrt(1 + 4 + 1) of its standard deviation.
            seen = np.abs(change - self._last) / (math.sqrt(6) * self.USUAL)
            value = self.value * np.where(seen > self.value, self.UP, self.DOWN)
            self.value = np.minimum(np.maximum(value, self._low), self._high)
        self._last = change

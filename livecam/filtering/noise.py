"""Estimates the measurement noise of a stream from the stream itself, within seconds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class NoiseEstimate:
    """Estimates the noise of each component, as a factor over its nominal standard deviation.

    Evaluates second differences: a motion is smooth, white noise is not. Their low quantile
    ignores quick motion; it is tracked by stochastic approximation (Robbins, Monro: A Stochastic
    Approximation Method, 1951), which needs no history.

    Args:
        size: number of components.
        low, high: bounds of the factors.
    """

    QUANTILE = 0.35
    NORMAL_QUANTILE = 0.4538  # that quantile of the absolute value of a standard normal variable
    RATE = 0.05  # relative change of a factor by one measurement
    UP, DOWN = math.exp(RATE * QUANTILE), math.exp(RATE * (QUANTILE - 1))

    def __init__(self, size: int, low: float, high: float) -> None:
        self._size, self._low, self._high = size, low, high
        self.reset()

    def reset(self) -> None:
        self.value = np.ones(self._size)
        self._last: NDArray[np.float64] | None = None

    def step(self, change: NDArray[np.float64]) -> None:
        """Takes the raw change since the last measurement, in nominal standard deviations."""
        if self._last is not None:
            # The second difference of white noise has sqrt(1 + 4 + 1) its standard deviation.
            sample = np.abs(change - self._last) / (math.sqrt(6) * self.NORMAL_QUANTILE)
            value = self.value * np.where(sample > self.value, self.UP, self.DOWN)
            self.value = np.minimum(np.maximum(value, self._low), self._high)
        self._last = change

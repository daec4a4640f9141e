"""Tracks a quantile of a stream over the last half minute.

The calibration of a person adapts more slowly; this removes the drift that remains.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SlowQuantile:
    """Estimates a quantile of a vector over half a minute, from one sample a quarter second.

    The estimate begins at `prior`. It follows the quantile of the samples with a time constant,
    so that it does not jump when a sample comes or goes.
    """

    PERIOD_S = 0.25
    SAMPLES = 120  # half a minute
    PRIOR_SAMPLES = 16  # weight of the prior: four seconds
    SETTLE_S = 1.0

    def __init__(self, quantile: float, prior: ArrayLike) -> None:
        self._quantile = quantile
        self._prior = np.atleast_1d(np.asarray(prior, np.float64))
        self.reset()

    def reset(self) -> None:
        self._samples = np.empty((self.SAMPLES, len(self._prior)))
        self._samples[: self.PRIOR_SAMPLES] = self._prior
        self._count = self.PRIOR_SAMPLES
        self._since_s = self.PERIOD_S
        self._target = self._prior.copy()
        self._value = self._prior.copy()

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        """Returns the estimate dt seconds later; with dt <= 0 the value x is not used."""
        if dt > 0:
            self._since_s += dt
            if self._since_s >= self.PERIOD_S:
                self._since_s = 0.0
                self._samples[self._count % self.SAMPLES] = x
                self._count += 1
                samples = self._samples[: min(self._count, self.SAMPLES)]
                self._target = np.quantile(samples, self._quantile, axis=0)
            self._value = self._value + (self._target - self._value) * dt / (self.SETTLE_S + dt)
        return self._value

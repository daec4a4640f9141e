"""What a stream was like in the last half minute: a slow quantile of it.

What is known of one person for longer is learnt by habit.py; this takes off what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SlowQuantile:
    """A quantile over the last half minute of a vector, taken from one sample a quarter second.

    Before enough was seen it leans on `prior`, the value expected of anybody. Changes reach the
    answer gently, so that nothing steps when a sample comes or goes.
    """

    EVERY_S = 0.25
    SAMPLES = 120  # half a minute
    PRIOR_SAMPLES = 16  # the prior weighs as much as four seconds
    SETTLE_S = 1.0

    def __init__(self, quantile: float, prior: ArrayLike) -> None:
        self._quantile = quantile
        self._prior = np.atleast_1d(np.asarray(prior, np.float64))
        self.reset()

    def reset(self) -> None:
        self._samples = np.empty((self.SAMPLES, len(self._prior)))
        self._samples[: self.PRIOR_SAMPLES] = self._prior
        self._count = self.PRIOR_SAMPLES
        self._since_s = self.EVERY_S
        self._target = self._prior.copy()
        self._value = self._prior.copy()

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        """The quantile dt seconds later, with x seen meanwhile; at dt <= 0 nothing is learnt."""
        if dt > 0:
            self._since_s += dt
            if self._since_s >= self.EVERY_S:
                self._since_s = 0.0
                self._samples[self._count % self.SAMPLES] = x
                self._count += 1
                seen = self._samples[: min(self._count, self.SAMPLES)]
                self._target = np.quantile(seen, self._quantile, axis=0)
            self._value = self._value + (self._target - self._value) * dt / (self.SETTLE_S + dt)
        return self._value

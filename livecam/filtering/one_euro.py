"""The One-Euro filter: calm when still, quick when moving.

Casiez, Roussel, Vogel: 1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems, CHI 2012. The cutoff frequency of a first-order low-pass rises with the
speed of the signal: `cutoff = min_cutoff + beta * speed`.

Three things are added here. All components share one speed, the length of the velocity: a head
that turns also shifts a little, and what each shows faintly is clear together. With `noise`
given, the speed that noise alone shows is taken off first, and the filter opens softly beyond
it, as real noise has outliers: so it can be far calmer at rest without being slower in motion.
And its memory grows no faster than time passes: after a movement it is the mean of everything
since, instead of creeping to rest for seconds.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.filtering.base import smoothing_strength

# The speed taken off, over the root mean square that noise shows. With six components, white
# noise is above it in one frame of a thousand.
FLOOR = 2.0
KNEE = 1.0  # a speed this many floors above the floor opens the filter half as far as it would


class OneEuro:
    """Steadies a vector.

    Args:
        min_cutoff: Hz, at rest.
        beta: Hz per unit of speed (units a second).
        derivative_cutoff: Hz, of the low-pass on the velocity.
        noise: standard deviation of each component at rest; 0 gives the filter of the paper.
    """

    def __init__(
        self,
        min_cutoff: float = 1.0,
        beta: float = 0.0,
        derivative_cutoff: float = 1.0,
        noise: float = 0.0,
    ) -> None:
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._derivative_cutoff = derivative_cutoff
        self._noise = noise
        self.reset()

    @classmethod
    def from_settings(cls, settings: SmoothingSettings) -> Self:
        strength = smoothing_strength(settings)
        return cls(
            min_cutoff=0.05 / strength,
            beta=0.6 / max(strength, 1.0) ** 2,
            derivative_cutoff=6.0,
            noise=min(strength, 1.0),
        )

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] = np.zeros(0)
        self._memory_s = 0.0  # the time constant of the low-pass
        self._openness = 0.0  # 0 at rest .. 1 much faster than noise

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
        elif dt > 0:
            # The paper's difference is to the last *estimate*: after a stop the velocity fades
            # only as the estimate arrives, so the filter does not fall asleep on the way.
            change = x - self._estimate
            share = dt / (_time_constant(self._derivative_cutoff) + dt)
            self._velocity = self._velocity + share * (change / dt - self._velocity)
            speed = float(np.sqrt(self._velocity @ self._velocity))
            floor = self._noise_speed(len(change), share, dt)
            excess = max(speed - floor, 0.0)
            if excess > 0:
                excess *= excess / (excess + KNEE * floor)
            self._openness = excess / speed if speed > 0 else 0.0
            cutoff = self._min_cutoff + self._beta * excess
            self._memory_s = min(self._memory_s + dt, _time_constant(cutoff))
            self._estimate = self._estimate + dt / (self._memory_s + dt) * change
        return self._estimate.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._openness * self._velocity * max(dt, 0.0)

    def _noise_speed(self, components: int, share: float, dt: float) -> float:
        """The speed that white noise shows: a low-pass leaves share / (2 - share) of it."""
        left = self._noise * float(np.sqrt(components * share / (2 - share)))
        return FLOOR * left / dt


def _time_constant(cutoff: float) -> float:
    return 1 / (2 * np.pi * cutoff)

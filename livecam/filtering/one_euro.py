"""The One-Euro filter: a low-pass with a cutoff frequency that rises with the speed.

Casiez, Roussel, Vogel: 1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems, CHI 2012. The cutoff frequency of a first-order low-pass rises with the
speed of the signal: `cutoff = min_cutoff + beta * speed`.

Three things are added here. All components share one speed, the length of the velocity: a head
that turns also shifts a little, and the sum of faint components exceeds the noise. With `noise`
given, the apparent speed of noise alone is subtracted first, with a soft knee, as real noise has
outliers: the cutoff at rest can be far lower without more lag in motion. And the time constant
grows no faster than time passes: after a motion the estimate is the mean of all samples since,
instead of an exponential approach that lasts for seconds.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.filtering.base import smoothing_strength

# The noise floor that is subtracted from the speed, over the root mean square of the noise. With
# six components, white noise exceeds it in one frame of a thousand.
FLOOR = 2.0
KNEE = 1.0  # at a speed this many floors above the floor half of the excess counts


class OneEuro:
    """A speed-adaptive low-pass of a vector.

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
        self._time_constant_s = 0.0  # of the low-pass
        self._motion_share = 0.0  # of the speed: 0 at rest .. 1 much faster than noise

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
        elif dt > 0:
            # The difference of the paper is to the last *estimate*: after a stop the velocity
            # decays only as the estimate converges, so the cutoff does not drop too early.
            change = x - self._estimate
            alpha = dt / (_time_constant(self._derivative_cutoff) + dt)
            self._velocity = self._velocity + alpha * (change / dt - self._velocity)
            speed = float(np.sqrt(self._velocity @ self._velocity))
            floor = self._noise_speed(len(change), alpha, dt)
            excess = max(speed - floor, 0.0)
            if excess > 0:
                excess *= excess / (excess + KNEE * floor)
            self._motion_share = excess / speed if speed > 0 else 0.0
            cutoff = self._min_cutoff + self._beta * excess
            self._time_constant_s = min(self._time_constant_s + dt, _time_constant(cutoff))
            self._estimate = self._estimate + dt / (self._time_constant_s + dt) * change
        return self._estimate.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._motion_share * self._velocity * max(dt, 0.0)

    def _noise_speed(self, components: int, alpha: float, dt: float) -> float:
        """Computes white noise's speed: a low-pass leaves alpha / (2 - alpha) of its variance."""
        deviation = self._noise * float(np.sqrt(components * alpha / (2 - alpha)))
        return FLOOR * deviation / dt


def _time_constant(cutoff: float) -> float:
    return 1 / (2 * np.pi * cutoff)

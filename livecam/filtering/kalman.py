"""A Kalman filter that expects a constant velocity, disturbed by white acceleration.

Model and process noise after Bar-Shalom, Li, Kirubarajan: Estimation with Applications to
Tracking and Navigation, 2001, section 6.2.2 (continuous white-noise acceleration).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# How unsure the first velocity is, in measurement noises a second.
FIRST_SPEED = 100.0


class ConstantVelocityKalman:
    """Steadies a vector; components do not know of each other.

    Every parameter is a number or float64[n]. `noise` is the measurement's standard deviation,
    `acceleration` the square root of the spectral density of the acceleration (units / s^1.5).
    """

    def __init__(self, noise: ArrayLike = 1.0, acceleration: ArrayLike = 10.0) -> None:
        self._noise = np.square(np.asarray(noise, np.float64))
        self._density = np.square(np.asarray(acceleration, np.float64))
        self.reset()

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] = np.zeros(0)
        # The covariance of position and velocity, one symmetric 2x2 matrix a component.
        self._pp: NDArray[np.float64] = self._noise
        self._pv: NDArray[np.float64] = np.zeros_like(self._noise)
        self._vv: NDArray[np.float64] = self._noise * FIRST_SPEED**2

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
        elif dt > 0:
            expected = self._estimate + self._velocity * dt
            self._grow(dt)
            self._estimate = expected + self._correct(x - expected)
        return self._estimate.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._velocity * max(dt, 0.0)

    def _grow(self, dt: float) -> None:
        """Time passes: the covariance becomes F P F' + Q."""
        self._pp = self._pp + dt * (2 * self._pv + dt * self._vv) + self._density * dt**3 / 3
        self._pv = self._pv + dt * self._vv + self._density * dt**2 / 2
        self._vv = self._vv + self._density * dt

    def _correct(self, surprise: NDArray[np.float64]) -> NDArray[np.float64]:
        """A measurement arrives: how far the estimate moves."""
        total = self._pp + self._noise
        gain, velocity_gain = self._pp / total, self._pv / total
        self._velocity = self._velocity + velocity_gain * surprise
        self._vv = self._vv - velocity_gain * self._pv
        self._pv = (1 - gain) * self._pv
        self._pp = (1 - gain) * self._pp
        correction: NDArray[np.float64] = gain * surprise
        return correction

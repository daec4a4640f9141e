"""A Kalman filter with a constant-velocity model, disturbed by white-noise acceleration.

Model and process noise after Bar-Shalom, Li, Kirubarajan: Estimation with Applications to
Tracking and Navigation, 2001, section 6.2.2 (continuous white-noise acceleration). One
acceleration cannot serve a still head and a quick nod, so it varies between two values with the
innovations (the same book's adjustable process noise, section 11.2).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.filtering.base import smoothing_strength

# Standard deviation of the initial velocity, in standard deviations of the noise a second.
INITIAL_SPEED = 100.0
# Innovations are low-passed, as noise alternates, and compared with the root mean square of noise
# alone: up to the first multiple the process noise is that at rest, from the second on that in
# motion.
INNOVATION_CUTOFF_HZ = 6.0
REST_RATIO, MOTION_RATIO = 2.0, 6.0


class ConstantVelocityKalman:
    """Estimates a vector and its velocity; its components share one covariance.

    Args:
        noise: standard deviation of each measured component.
        acceleration: square root of the spectral density of the acceleration in motion,
            units / s^1.5.
        at_rest: the same at rest; None keeps `acceleration` throughout.
    """

    def __init__(
        self, noise: float = 1.0, acceleration: float = 10.0, at_rest: float | None = None
    ) -> None:
        self._variance = noise**2
        self._acceleration = acceleration
        self._at_rest = acceleration if at_rest is None else at_rest
        self.reset()

    @classmethod
    def from_settings(cls, settings: SmoothingSettings) -> Self:
        strength = smoothing_strength(settings)
        return cls(acceleration=1000 / strength**2, at_rest=0.03 / strength**2)

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] = np.zeros(0)
        self._trend: NDArray[np.float64] = np.zeros(0)
        # The covariance of position and velocity.
        self._pp, self._pv = self._variance, 0.0
        self._vv = self._variance * INITIAL_SPEED**2

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
            self._trend = np.zeros_like(self._estimate)
        elif dt > 0:
            expected = self._estimate + self._velocity * dt
            innovation = x - expected
            self._predict_covariance(dt, self._adapted_acceleration(innovation, dt))
            self._estimate = expected + self._correct(innovation)
        return self._estimate.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._velocity * max(dt, 0.0)

    def _adapted_acceleration(self, innovation: NDArray[np.float64], dt: float) -> float:
        """Adapts the process noise between rest and motion, by the low-passed innovations."""
        alpha = dt / (1 / (2 * np.pi * INNOVATION_CUTOFF_HZ) + dt)
        self._trend = self._trend + alpha * (innovation - self._trend)
        noise = float(np.sqrt(self._variance * len(innovation) * alpha / (2 - alpha)))
        ratio = float(np.sqrt(self._trend @ self._trend)) / noise
        motion = min(max((ratio - REST_RATIO) / (MOTION_RATIO - REST_RATIO), 0.0), 1.0)
        return self._at_rest + (self._acceleration - self._at_rest) * motion

    def _predict_covariance(self, dt: float, acceleration: float) -> None:
        """Predicts the covariance: P becomes F P F' + Q."""
        density = acceleration**2
        self._pp += dt * (2 * self._pv + dt * self._vv) + density * dt**3 / 3
        self._pv += dt * self._vv + density * dt**2 / 2
        self._vv += density * dt

    def _correct(self, innovation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrects velocity and covariance; returns the correction of the estimate."""
        gain = self._pp / (self._pp + self._variance)
        velocity_gain = self._pv / (self._pp + self._variance)
        self._velocity = self._velocity + velocity_gain * innovation
        self._vv -= velocity_gain * self._pv
        self._pv *= 1 - gain
        self._pp *= 1 - gain
        return gain * innovation

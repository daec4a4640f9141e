"""Several Kalman filters at once: one that expects rest, others movement, and all may be right.

Blom, Bar-Shalom: The Interacting Multiple Model Algorithm for Systems with Markovian Switching
Coefficients, IEEE Trans. Automatic Control 33(8), 1988. Each model answers with how likely the
measurement is if it is right; before the next one all start from a mixture of what they believe.
At rest the velocity is zero, so a still head is the mean of what was seen. The movements are those
of Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001,
section 6.2.2 (continuous white-noise acceleration), which have no lag behind a steady motion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.filtering.base import smoothing_strength
from livecam.filtering.kalman import FIRST_SPEED

Array = NDArray[np.float64]


class InteractingModels:
    """Steadies a vector; its components share the models and their covariances.

    Args:
        noise: standard deviation of each measured component.
        accelerations: square roots of the spectral densities of each movement's acceleration,
            units / s^1.5.
        walk: how far the rest itself creeps, units / s^0.5.
        stay_s: how long one model is right, on average, before another is.
        trust: the power to which likelihoods are taken (Bissiri, Holmes, Walker: A General
            Framework for Updating Belief Distributions, 2016). Below 1 as the noise of a
            head's six numbers goes together and has outliers.
    """

    def __init__(
        self,
        noise: float = 1.0,
        accelerations: Sequence[float] = (100.0, 1000.0),
        walk: float = 0.05,
        stay_s: float = 6.0,
        trust: float = 0.35,
    ) -> None:
        self._variance = noise**2
        self._densities = np.square(accelerations)[:, None, None]
        # Over time a velocity becomes a way, but at rest it becomes nothing.
        self._forward = np.tile(np.eye(2), (1 + len(self._densities), 1, 1))
        self._forward[0, 1, 1] = 0.0
        self._walk = walk
        self._stay_s = stay_s
        self._trust = trust
        self.reset()

    @classmethod
    def from_settings(cls, settings: SmoothingSettings) -> Self:
        strength = smoothing_strength(settings)
        accelerations = np.array((100.0, 1000.0)) / max(strength, 1.0) ** 2
        return cls(noise=min(strength, 1.0), accelerations=accelerations.tolist())

    def reset(self) -> None:
        self._estimate: Array | None = None
        self._velocity: Array = np.zeros(0)
        # Of each model: how likely it is right; positions, less the estimate, and velocities
        # float64[models, 2, n]; the covariance of the two.
        models = 1 + len(self._densities)
        self._right = np.full(models, 1 / models)
        self._states = np.zeros((models, 2, 0))
        self._spreads = np.tile(np.diag((1.0, FIRST_SPEED**2)) * self._variance, (models, 1, 1))

    def step(self, x: Array, dt: float) -> Array:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
            self._states = np.zeros((len(self._right), 2, len(x)))
        elif dt > 0:
            self._mix(dt)
            self._let_pass(dt)
            self._measure(x - self._estimate)
            change, self._velocity = _mixed(self._right[None], self._states)[0]
            self._estimate = self._estimate + change
            self._states[:, 0] -= change
        return self._estimate.copy()

    def predict(self, dt: float) -> Array:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._velocity * max(dt, 0.0)

    def _mix(self, dt: float) -> None:
        """Any model may have given way to any other: each starts from what all believe."""
        models = len(self._right)
        leaves = (1 - math.exp(-dt / self._stay_s)) / (models - 1)
        changes = leaves + (1 - models * leaves) * np.eye(models)
        shares = changes * self._right  # of every model (a column) in every new one (a row)
        self._right = changes @ self._right
        shares /= self._right[:, None]
        # What the models disagree on is uncertain too.
        beliefs = self._spreads + _mean_square(self._states)
        self._states = _mixed(shares, self._states)
        self._spreads = _mixed(shares, beliefs) - _mean_square(self._states)

    def _let_pass(self, dt: float) -> None:
        """Time passes: every covariance P becomes F P F' + Q."""
        forward = self._forward
        forward[1:, 0, 1] = dt
        self._states = forward @ self._states
        self._spreads = forward @ self._spreads @ forward.transpose(0, 2, 1)
        self._spreads[0, 0, 0] += self._walk**2 * dt
        self._spreads[1:] += self._densities * ((dt**3 / 3, dt**2 / 2), (dt**2 / 2, dt))

    def _measure(self, x: Array) -> None:
        """A measurement arrives: every model learns from it, and is judged by it."""
        surprises = x - self._states[:, 0]
        variances = self._spreads[:, 0, 0] + self._variance
        gains = self._spreads[:, :, :1] / variances[:, None, None]
        self._states += gains * surprises[:, None]
        self._spreads = self._spreads - gains * self._spreads[:, :1]
        fits = np.vecdot(surprises, surprises) / variances + len(x) * np.log(variances)
        right = self._right * np.exp(-0.5 * self._trust * (fits - fits.min()))
        self._right = right / right.sum()


def _mixed(shares: Array, of_models: Array) -> Array:
    """One mixture for each row of shares, of what each model says, float64[models, 2, ...]."""
    flat = shares @ of_models.reshape(len(of_models), -1)
    return np.asarray(flat.reshape(-1, *of_models.shape[1:]))


def _mean_square(states: Array) -> Array:
    """The second moments of positions and velocities, float64[models, 2, 2]."""
    return np.asarray(states @ states.transpose(0, 2, 1) / states.shape[2])

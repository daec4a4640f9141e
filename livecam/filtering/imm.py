"""The interacting multiple model estimator: a model of rest and several of motion.

Blom, Bar-Shalom: The Interacting Multiple Model Algorithm for Systems with Markovian Switching
Coefficients, IEEE Trans. Automatic Control 33(8), 1988. Each model is a Kalman filter; its
probability follows from the likelihood of the measurements, and before each step all filters start
from a mixture of their states. In the model of rest the velocity is zero, so the estimate of a
still head is the mean of its measurements. The models of motion are those of Bar-Shalom, Li,
Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, section 6.2.2
(continuous white-noise acceleration), which have no lag behind a constant velocity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.filtering.base import smoothing_strength
from livecam.filtering.kalman import INITIAL_SPEED

Array = NDArray[np.float64]


class InteractingModels:
    """Estimates a vector; its components share the models and their covariances.

    Args:
        noise: standard deviation of each measured component.
        accelerations: square roots of the spectral densities of each motion model's acceleration,
            units / s^1.5.
        rest_drift: square root of the spectral density of the random walk at rest, units / s^0.5.
        sojourn_s: mean time that one model stays the true one.
        likelihood_power: exponent of the likelihoods (Bissiri, Holmes, Walker: A General
            Framework for Updating Belief Distributions, 2016). Below 1 as the noise of a pose's
            six components is correlated and has outliers.
    """

    def __init__(
        self,
        noise: float = 1.0,
        accelerations: Sequence[float] = (100.0, 1000.0),
        rest_drift: float = 0.05,
        sojourn_s: float = 6.0,
        likelihood_power: float = 0.35,
    ) -> None:
        self._variance = noise**2
        self._densities = np.square(accelerations)[:, None, None]
        # The state transitions: at rest the velocity becomes zero.
        self._transitions = np.tile(np.eye(2), (1 + len(self._densities), 1, 1))
        self._transitions[0, 1, 1] = 0.0
        self._rest_drift = rest_drift
        self._sojourn_s = sojourn_s
        self._likelihood_power = likelihood_power
        self.reset()

    @classmethod
    def from_settings(cls, settings: SmoothingSettings) -> Self:
        strength = smoothing_strength(settings)
        accelerations = np.array((100.0, 1000.0)) / max(strength, 1.0) ** 2
        return cls(noise=min(strength, 1.0), accelerations=accelerations.tolist())

    def reset(self) -> None:
        self._estimate: Array | None = None
        self._velocity: Array = np.zeros(0)
        # Of each model: its probability; positions, relative to the estimate, and velocities
        # float64[models, 2, n]; the covariance of the two.
        models = 1 + len(self._densities)
        self._probabilities = np.full(models, 1 / models)
        self._states = np.zeros((models, 2, 0))
        initial = np.diag((1.0, INITIAL_SPEED**2)) * self._variance
        self._covariances = np.tile(initial, (models, 1, 1))

    def step(self, x: Array, dt: float) -> Array:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._velocity = np.zeros_like(self._estimate)
            self._states = np.zeros((len(self._probabilities), 2, len(x)))
        elif dt > 0:
            self._mix(dt)
            self._predict(dt)
            self._correct(x - self._estimate)
            change, self._velocity = _mixture(self._probabilities[None], self._states)[0]
            self._estimate = self._estimate + change
            self._states[:, 0] -= change
        return self._estimate.copy()

    def predict(self, dt: float) -> Array:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        return self._estimate + self._velocity * max(dt, 0.0)

    def _mix(self, dt: float) -> None:
        """Mixes the states of all models for each, by the Markov transitions (interaction)."""
        models = len(self._probabilities)
        leave = (1 - math.exp(-dt / self._sojourn_s)) / (models - 1)
        transitions = leave + (1 - models * leave) * np.eye(models)
        weights = transitions * self._probabilities  # of every model (a column) in each (a row)
        self._probabilities = transitions @ self._probabilities
        weights /= self._probabilities[:, None]
        # The spread of the means adds to the covariance of a mixture.
        moments = self._covariances + _second_moments(self._states)
        self._states = _mixture(weights, self._states)
        self._covariances = _mixture(weights, moments) - _second_moments(self._states)

    def _predict(self, dt: float) -> None:
        """Predicts the state of each model: every covariance P becomes F P F' + Q."""
        f = self._transitions
        f[1:, 0, 1] = dt
        self._states = f @ self._states
        self._covariances = f @ self._covariances @ f.transpose(0, 2, 1)
        self._covariances[0, 0, 0] += self._rest_drift**2 * dt
        self._covariances[1:] += self._densities * ((dt**3 / 3, dt**2 / 2), (dt**2 / 2, dt))

    def _correct(self, x: Array) -> None:
        """Corrects every model by a measurement, and its probability by the likelihood."""
        innovations = x - self._states[:, 0]
        variances = self._covariances[:, 0, 0] + self._variance
        gains = self._covariances[:, :, :1] / variances[:, None, None]
        self._states += gains * innovations[:, None]
        self._covariances = self._covariances - gains * self._covariances[:, :1]
        # Twice the negative log-likelihood, but for a constant.
        deviances = np.vecdot(innovations, innovations) / variances + len(x) * np.log(variances)
        likelihoods = np.exp(-0.5 * self._likelihood_power * (deviances - deviances.min()))
        probabilities = self._probabilities * likelihoods
        self._probabilities = probabilities / probabilities.sum()


def _mixture(weights: Array, of_models: Array) -> Array:
    """Computes weighted sums over the models, float64[models, 2, ...], by rows of weights."""
    flat = weights @ of_models.reshape(len(of_models), -1)
    return np.asarray(flat.reshape(-1, *of_models.shape[1:]))


def _second_moments(states: Array) -> Array:
    """Computes the second moments of positions and velocities, float64[models, 2, 2]."""
    return np.asarray(states @ states.transpose(0, 2, 1) / states.shape[2])

"""Filters blendshape weights by noise-adaptive low-passes that do not smear a blink."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.core.face import EXPRESSIONS, Weights, values_by_prefix
from livecam.filtering.noise import NoiseEstimate

# Standard deviations of the raw weights of a still face before a webcam; as in `values_by_prefix`.
NOISE: tuple[tuple[str, float], ...] = (
    ("", 0.005),
    ("brow", 0.012),
    ("browOuter", 0.03),
    ("eye", 0.01),
    ("eyeLook", 0.015),
    ("eyeLookDown", 0.03),
    ("eyeSquint", 0.03),
    ("mouthLowerDown", 0.025),
    ("mouthPress", 0.02),
    ("mouthSmile", 0.01),
    ("mouthUpperUp", 0.025),
)


class ExpressionFilter:
    """Low-passes the 52 weights with a cutoff that rises with the signal-to-noise ratio.

    Weights rise at once and fall a little more slowly.
    """

    REST_CUTOFF_HZ = 1.0
    RISE_CUTOFF_HZ = 30.0
    FALL_CUTOFF_HZ = 12.0
    # In standard deviations of the noise: up to the first a change may be noise, from the second
    # on it is signal. The change itself is low-passed before the comparison, as noise alternates.
    NOISE_SIGMAS, SIGNAL_SIGMAS = 2.0, 8.0
    CHANGE_CUTOFF_HZ = 8.0
    # Factors over the nominal noise. Speech resembles noise too: a mouth that never rests must
    # not count as noise.
    MIN_NOISE, MAX_NOISE = 0.6, 2.5

    def __init__(self) -> None:
        # Gaze, and all weights that form opposite pairs, must not lag in one direction only: the
        # two lags would add up to a wrong direction.
        symmetric = [name.startswith(("eyeLook", "jawLeft", "jawRight")) for name in EXPRESSIONS]
        self._fall_cutoff_hz = np.where(symmetric, self.RISE_CUTOFF_HZ, self.FALL_CUTOFF_HZ)
        self._nominal_noise = values_by_prefix(NOISE)
        self._noise = NoiseEstimate(len(EXPRESSIONS), self.MIN_NOISE, self.MAX_NOISE)
        self.reset()

    def reset(self) -> None:
        self._noise.reset()
        self._estimate: NDArray[np.float64] | None = None
        self._raw: Weights | None = None
        self._trend = np.zeros(len(EXPRESSIONS))

    def step(self, weights: Weights, dt: float) -> Weights:
        if self._estimate is None or self._raw is None:
            self._estimate = weights.astype(np.float64)
        elif dt > 0:
            self._noise.step((weights - self._raw) / self._nominal_noise)
            change = weights - self._estimate
            alpha = smoothing_factor(self.CHANGE_CUTOFF_HZ, dt)
            self._trend = self._trend + alpha * (change - self._trend)
            alpha = smoothing_factor(self._cutoff_hz(change), dt)
            self._estimate = self._estimate + alpha * change
        self._raw = weights
        return self._estimate.astype(np.float32)

    def _cutoff_hz(self, change: NDArray[np.float64]) -> NDArray[np.float64]:
        """Computes each weight's cutoff frequency from the signal-to-noise ratio of its trend."""
        sigmas = np.abs(self._trend) / (self._nominal_noise * self._noise.value)
        span = self.SIGNAL_SIGMAS - self.NOISE_SIGMAS
        signal = np.clip((sigmas - self.NOISE_SIGMAS) / span, 0, 1)
        fast = np.where(change > 0, self.RISE_CUTOFF_HZ, self._fall_cutoff_hz)
        return np.asarray(self.REST_CUTOFF_HZ + signal * (fast - self.REST_CUTOFF_HZ))


def smoothing_factor(cutoff_hz: ArrayLike, dt: float) -> NDArray[np.float64]:
    """Computes the weight of a new sample in a first-order low-pass after dt seconds."""
    angle = 2 * np.pi * dt * np.asarray(cutoff_hz)
    return np.asarray(angle / (angle + 1))

"""Steadies expression weights without smearing a blink."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.core.face import EXPRESSIONS, Weights, per_expression
from livecam.filtering.noise import NoiseLevel

# Standard deviations of the raw weights of a still face before a webcam; as in `per_expression`.
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
    """Steadies the 52 weights: calm while nothing happens, at once in, a little slower out."""

    CALM_HZ = 1.0
    IN_HZ = 30.0
    OUT_HZ = 12.0
    # In standard deviations of its noise: a change this small may be noise; this large is meant.
    # The change is itself low-passed a little before it is judged, as noise goes to and fro.
    OPENS, OPEN = 2.0, 8.0
    JUDGE_HZ = 8.0
    # Factors over the usual noise. Speech looks like noise too: a mouth that never rests must
    # not be held for one.
    LOW, HIGH = 0.6, 2.5

    def __init__(self) -> None:
        # Gaze, and everything that has a left and a right of its own, must not lag in one
        # direction: the two would add up to a look at nothing.
        both_ways = [name.startswith(("eyeLook", "jawLeft", "jawRight")) for name in EXPRESSIONS]
        self._out_hz = np.where(both_ways, self.IN_HZ, self.OUT_HZ)
        self._usual_noise = per_expression(NOISE)
        self._level = NoiseLevel(len(EXPRESSIONS), self.LOW, self.HIGH)
        self.reset()

    def reset(self) -> None:
        self._level.reset()
        self._estimate: NDArray[np.float64] | None = None
        self._raw: Weights | None = None
        self._trend = np.zeros(len(EXPRESSIONS))

    def step(self, weights: Weights, dt: float) -> Weights:
        if self._estimate is None or self._raw is None:
            self._estimate = weights.astype(np.float64)
        elif dt > 0:
            self._level.step((weights - self._raw) / self._usual_noise)
            change = weights - self._estimate
            self._trend = self._trend + _share(self.JUDGE_HZ, dt) * (change - self._trend)
            clear = np.abs(self._trend) / (self._usual_noise * self._level.value)
            meant = np.clip((clear - self.OPENS) / (self.OPEN - self.OPENS), 0, 1)
            fast = np.where(change > 0, self.IN_HZ, self._out_hz)
            cutoff = self.CALM_HZ + meant * (fast - self.CALM_HZ)
            self._estimate = self._estimate + _share(cutoff, dt) * change
        self._raw = weights
        return self._estimate.astype(np.float32)


def _share(cutoff: ArrayLike, dt: float) -> NDArray[np.float64]:
    """How much of a change a first-order low-pass of that cutoff (Hz) takes in dt seconds."""
    turn = 2 * np.pi * dt * np.asarray(cutoff)
    return np.asarray(turn / (turn + 1))

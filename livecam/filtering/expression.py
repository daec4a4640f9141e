"""Steadies expression weights without smearing a blink."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.core.face import EXPRESSIONS, Weights


class ExpressionFilter:
    """Steadies the 52 weights: calm while nothing happens, at once in, a little slower out."""

    CALM_HZ = 1.0
    IN_HZ = 30.0
    OUT_HZ = 12.0
    # Raw weights of a face at rest have standard deviations up to 0.04. The change is itself
    # low-passed a little before it is judged, as noise goes to and fro.
    OPENS, OPEN = 0.04, 0.16  # a change this small may be noise; this large is meant
    JUDGE_HZ = 8.0

    def __init__(self) -> None:
        # Gaze, and everything that has a left and a right of its own, must not lag in one
        # direction: the two would add up to a look at nothing.
        both_ways = [name.startswith(("eyeLook", "jawLeft", "jawRight")) for name in EXPRESSIONS]
        self._out_hz = np.where(both_ways, self.IN_HZ, self.OUT_HZ)
        self.reset()

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._trend = np.zeros(len(EXPRESSIONS))

    def step(self, weights: Weights, dt: float) -> Weights:
        if self._estimate is None:
            self._estimate = weights.astype(np.float64)
        elif dt > 0:
            change = weights - self._estimate
            self._trend = self._trend + _share(self.JUDGE_HZ, dt) * (change - self._trend)
            meant = np.clip((np.abs(self._trend) - self.OPENS) / (self.OPEN - self.OPENS), 0, 1)
            fast = np.where(change > 0, self.IN_HZ, self._out_hz)
            cutoff = self.CALM_HZ + meant * (fast - self.CALM_HZ)
            self._estimate = self._estimate + _share(cutoff, dt) * change
        return self._estimate.astype(np.float32)


def _share(cutoff: ArrayLike, dt: float) -> NDArray[np.float64]:
    """How much of a change a first-order low-pass of that cutoff (Hz) takes in dt seconds."""
    turn = 2 * np.pi * dt * np.asarray(cutoff)
    return np.asarray(turn / (turn + 1))

"""The One-Euro filter: calm when still, quick when moving.

Casiez, Roussel, Vogel: 1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems, CHI 2012. The cutoff frequency of a first-order low-pass rises with the
speed of the signal: `cutoff = min_cutoff + beta * speed`.

One addition: `speed_floor`, the speed that noise alone can show. Below it nothing opens, so
that the filter can be much calmer at rest and still be quick: `beta * max(0, speed - floor)`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class OneEuro:
    """Steadies a vector, each component by its own speed.

    Every parameter is a number or float64[n]. `min_cutoff` in Hz, `beta` in Hz per unit of
    speed, `speed_floor` in units a second, `derivative_cutoff` in Hz.
    """

    def __init__(
        self,
        min_cutoff: ArrayLike = 1.0,
        beta: ArrayLike = 0.0,
        speed_floor: ArrayLike = 0.0,
        derivative_cutoff: ArrayLike = 1.0,
    ) -> None:
        self._min_cutoff = np.asarray(min_cutoff, np.float64)
        self._beta = np.asarray(beta, np.float64)
        self._speed_floor = np.asarray(speed_floor, np.float64)
        self._derivative_cutoff = np.asarray(derivative_cutoff, np.float64)
        self.reset()

    def reset(self) -> None:
        self._estimate: NDArray[np.float64] | None = None
        self._speed: NDArray[np.float64] = np.zeros(0)

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            self._estimate = np.array(x, np.float64)
            self._speed = np.zeros_like(self._estimate)
        elif dt > 0:
            # The paper's difference is to the last *estimate*: after a stop the speed fades
            # only as the estimate arrives, so the filter does not fall asleep on the way.
            change = x - self._estimate
            self._speed += _share(self._derivative_cutoff, dt) * (change / dt - self._speed)
            excess = np.maximum(np.abs(self._speed) - self._speed_floor, 0.0)
            cutoff = self._min_cutoff + self._beta * excess
            self._estimate = self._estimate + _share(cutoff, dt) * change
        return self._estimate.copy()

    def predict(self, dt: float) -> NDArray[np.float64]:
        if self._estimate is None:
            raise ValueError("nothing was measured yet")
        moving = np.abs(self._speed) > self._speed_floor
        return self._estimate + np.where(moving, self._speed, 0.0) * max(dt, 0.0)


def _share(cutoff: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
    """How much of a step a first-order low-pass of that cutoff takes in dt seconds."""
    turn = 2 * np.pi * cutoff * dt
    share: NDArray[np.float64] = turn / (turn + 1)
    return share

"""Filters of a vector measured over time: the protocol and the registry."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.core.registry import Registry


class Filter(Protocol):
    """Filters a vector that is measured at irregular times.

    `step(x, dt)` takes the new measurement float64[n] and the seconds since the last one
    (dt <= 0 returns the last estimate unchanged) and returns the estimate float64[n]; the
    first call after construction or `reset` returns x itself. After `reset` it behaves
    like a new one. `predict(dt)` extrapolates the vector to dt seconds after the last step.

    A registered class has `from_settings(settings: SmoothingSettings)`: the filter for vectors
    whose measurement noise has a standard deviation of 1.
    """

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]: ...

    def predict(self, dt: float) -> NDArray[np.float64]: ...

    def reset(self) -> None: ...


def smoothing_strength(settings: SmoothingSettings) -> float:
    """Returns the strength of smoothing: 1 at the default setting, at most 2, never 0."""
    return max(2 * settings.smoothing, 0.02)


FILTERS: Registry[[SmoothingSettings], Filter] = Registry(
    "filter",
    {
        "one-euro": "livecam.filtering.one_euro:OneEuro",
        "kalman": "livecam.filtering.kalman:ConstantVelocityKalman",
        "imm": "livecam.filtering.imm:InteractingModels",
    },
)

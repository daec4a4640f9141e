"""What steadies a stream of numbers: the protocol and the registry."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.core.registry import Registry


class Filter(Protocol):
    """Steadies a vector that is measured at uneven times.

    `step(x, dt)` takes the new measurement float64[n] and the seconds since the last one
    (dt <= 0 returns the last estimate unchanged) and returns the estimate float64[n]; the
    first call after construction or `reset` returns x itself. After `reset` it behaves
    like a new one. `predict(dt)` tells where the vector will be dt seconds after the last step.
    """

    def step(self, x: NDArray[np.float64], dt: float) -> NDArray[np.float64]: ...

    def predict(self, dt: float) -> NDArray[np.float64]: ...

    def reset(self) -> None: ...


FILTERS: Registry[Filter] = Registry(
    "filter",
    {
        "one-euro": "livecam.filtering.one_euro:OneEuro",
        "kalman": "livecam.filtering.kalman:ConstantVelocityKalman",
        "imm": "livecam.filtering.imm:InteractingModels",
    },
)

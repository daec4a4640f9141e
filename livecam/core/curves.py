"""Interpolation curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def smoothstep(low: float, high: float, x: ArrayLike) -> NDArray[np.float64]:
    """Rises from 0 at `low` to 1 at `high`, flat at both (Hermite); `low` may be the greater."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))

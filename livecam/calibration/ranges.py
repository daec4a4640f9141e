"""The range of each blendshape weight as the tracker measures it of one person.

The tracker measures people differently: narrow eyes at rest as half a blink, full lips as a pucker,
an eye behind glasses less shut than the other. `WeightRanges` maps the weights of one person to
those of a typical face. `livecam calibrate` measures them, `livecam run` goes on estimating them
online (range_estimator.py), profile.py keeps both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import EXPRESSIONS, Weights, indices_with_prefix

# (prefix of the name, weight of a typical face at rest, and its maximum): what the gains of
# avatar/expression.py expect. Other weights keep their range and only lose their rest.
TYPICAL = (
    ("eyeBlink", 0.08, 0.65),
    ("eyeWide", 0.0, 0.33),
    ("eyeLook", 0.05, 0.80),
    ("browInnerUp", 0.0, 0.65),
    ("browOuterUp", 0.0, 0.65),
    ("mouthSmile", 0.0, 0.80),
    ("jawOpen", 0.0, 0.65),
    ("mouthPucker", 0.0, 0.90),
)
MIN_SPAN = 0.08  # between rest and maximum; less is noise
MIN_STRETCH, MAX_STRETCH = 0.5, 3.0
MAX_REST = 0.45  # a rest above this is an expression
MAX_DEAD_ZONE = 0.05

# float64[52]: the table above; NaN where the maximum is not known.
TYPICAL_REST = np.zeros(len(EXPRESSIONS))
TYPICAL_MAXIMUM = np.full(len(EXPRESSIONS), np.nan)
for _prefix, _rest, _maximum in TYPICAL:
    TYPICAL_REST[indices_with_prefix(_prefix)] = _rest
    TYPICAL_MAXIMUM[indices_with_prefix(_prefix)] = _maximum


@dataclass(frozen=True)
class WeightRanges:
    """Rest, maximum and dead zone of one person's weights, as the tracker gives them."""

    rest: NDArray[np.float64]  # float64[52]
    maximum: NDArray[np.float64]  # float64[52]; NaN where it is not known
    # float64[52]; smaller differences from the rest are noise
    dead_zone: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EXPRESSIONS)))

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52].

        d |d| / (|d| + dead zone) instead of a difference d: flat at the rest, straight far from it.
        """
        offset, slope, dead_zone = self._curve
        moved = weights.astype(np.float64) - self.rest
        size = np.abs(moved)
        size /= size + dead_zone
        moved *= slope
        moved *= size
        moved += offset
        out: Weights = np.clip(moved, 0.0, 1.0).astype(np.float32)
        return out

    @cached_property
    def _curve(self) -> tuple[NDArray[np.float64], ...]:
        """The rest of a typical face, the slope of the mapping, and the dead zone."""
        span = self.maximum - self.rest
        with np.errstate(invalid="ignore"):  # NaN is no span either
            known = (span >= MIN_SPAN) & np.isfinite(TYPICAL_MAXIMUM)
        span = np.where(known, span, 1 - np.minimum(self.rest, MAX_REST))
        stretch = np.clip((TYPICAL_MAXIMUM - TYPICAL_REST) / span, MIN_STRETCH, MAX_STRETCH)
        slope = np.where(known, stretch, 1 / span)
        dead_zone = np.maximum(self.dead_zone, 1e-9)
        return np.where(known, TYPICAL_REST, 0.0), slope * (span + dead_zone) / span, dead_zone


@dataclass(frozen=True)
class OnlineEstimate:
    """Ranges that were estimated online, and for how long a resting face was observed."""

    ranges: WeightRanges
    observed_s: float

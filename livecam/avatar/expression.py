"""Converts the 52 measured blendshape weights to the morph weights of an avatar.

Raw weights are misread on a head with big eyes: a half blink as annoyed, a resting brow as
angry, an O-mouth as a grin. So the wearer's resting level is subtracted from each weight, it gets a
gain, and a few are coupled as in a real face.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Profile
from livecam.avatar.baseline import SlowQuantile
from livecam.core.curves import smoothstep
from livecam.core.face import EXPRESSIONS, INDEX, Weights, indices_with_prefix, values_by_prefix

REST_QUANTILE = 0.20
MAX_REST = 0.35  # a level above this is an expression, not a face at rest
MAX_WEIGHT = 1.2  # of the funnel, which may go a little beyond its morph target
SNEER_OF_BROW, SNEER_OF_LIP = 0.35, 0.6  # the tracker never measures a sneer

# The format of `values_by_prefix`.
GAINS: tuple[tuple[str, float], ...] = (
    ("", 1.0),
    ("brow", 1.5),
    ("browDown", 1.1),
    ("eyeWide", 3.0),
    ("eyeSquint", 0.6),
    ("eyeLook", 0.9),
    ("jawOpen", 1.5),
    ("mouth", 1.1),
    ("mouthFrown", 3.5),  # an obvious one is measured as 0.13
    ("mouthShrug", 1.5),
    ("mouthSmile", 1.25),
    ("noseSneer", 2.0),
)
# No resting level is subtracted: it is zero, or meaningful.
ABSOLUTE = ("eyeBlink", "eyeLook", "mouthSmile", "jawOpen")

BLINK_OPEN, BLINK_SHUT = 0.27, 0.62
LOOK_DOWN_SHARE = 0.10  # lids sink when the eyes look down, without a blink
# A wink: one eye differs while the other is clearly open. Its shut eye measures 0.44 to 0.55
# only; in an asymmetric blink, or looking down, the more open eye measures 0.24 and more.
WINK_DIFFERS, WINK_SURE = 0.15, 0.28
OTHER_OPEN, OTHER_SHUT = 0.15, 0.30
WINK_OPEN, WINK_SHUT = 0.18, 0.42

_BLINK = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
_LOOK_DOWN = [INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]]
_WIDE = [INDEX["eyeWideLeft"], INDEX["eyeWideRight"]]
_BROW_DOWN = [INDEX["browDownLeft"], INDEX["browDownRight"]]
# rows of left and right, int[3, 2]
_OTHER_LID = np.array(
    [
        [INDEX[name + side] for side in ("Left", "Right")]
        for name in ("eyeWide", "eyeSquint", "eyeLookDown")
    ]
)
_SMILE = [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]
_CHEEK = [INDEX["cheekSquintLeft"], INDEX["cheekSquintRight"]]
_SNEER = [INDEX["noseSneerLeft"], INDEX["noseSneerRight"]]
_UPPER_LIP = [INDEX["mouthUpperUpLeft"], INDEX["mouthUpperUpRight"]]
_OUTER_BROW = [INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"]]
_INNER_BROW, _JAW = INDEX["browInnerUp"], INDEX["jawOpen"]
_FUNNEL, _PUCKER = INDEX["mouthFunnel"], INDEX["mouthPucker"]
_EYES = indices_with_prefix("eyeBlink", "eyeLook")


class ExpressionGains:
    """Converts steadied weights to morph weights; estimates the wearer's resting level.

    Args:
        gains: an avatar's own factors by expression name, over the general ones.
        strength: of all but the eyes; 0 is a still face, 1 normal, 2 a cartoon.
        profile: the calibration of the wearer, if there is one.
    """

    def __init__(
        self,
        gains: Mapping[str, float],
        strength: float = 1.0,
        profile: Profile | None = None,
    ) -> None:
        self._profile = profile
        self._gains = values_by_prefix(GAINS)
        for name, factor in gains.items():
            self._gains[INDEX[name]] *= factor
        self.set_strength(strength)
        self._blink_gains = np.array([gains.get(EXPRESSIONS[i], 1.0) for i in _BLINK])
        self._has_rest = np.array([not name.startswith(ABSOLUTE) for name in EXPRESSIONS])
        self._rest = SlowQuantile(REST_QUANTILE, prior=np.zeros(len(EXPRESSIONS)))

    def set_strength(self, strength: float) -> None:
        """Sets the strength of all but the eyes."""
        self._strengths = np.full(len(EXPRESSIONS), strength)
        self._strengths[_EYES] = 1.0

    def reset(self) -> None:
        self._rest.reset()

    def morphs(
        self, weights: Weights, dt: float, arkit_mask: NDArray[np.bool_] | None = None
    ) -> Weights:
        """Returns morph weights float32[52] for weights measured dt seconds after the last.

        Those in `arkit_mask`, bool[52], are on ARKit's scale already and pass unchanged.
        """
        given = weights.astype(np.float64)
        if self._profile is not None:
            weights = self._profile.normalised(weights)
        raw = weights.astype(np.float64)
        rest = np.minimum(self._rest.step(raw, dt), MAX_REST) * self._has_rest
        out = np.maximum(raw - rest, 0.0) / (1 - rest) * self._gains
        out[_BLINK] = blinks(raw) * self._blink_gains
        _couple(out, raw)
        if arkit_mask is not None:
            np.copyto(out, given, where=arkit_mask)
        morphs: Weights = np.clip(out * self._strengths, 0.0, MAX_WEIGHT).astype(np.float32)
        return morphs


def blinks(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns how far each lid is shut, float64[2]: both alike, unless it is a wink."""
    shut = raw[_BLINK] - LOOK_DOWN_SHARE * raw[_LOOK_DOWN]
    both = smoothstep(BLINK_OPEN, BLINK_SHUT, shut.mean())
    each = smoothstep(WINK_OPEN, WINK_SHUT, raw[_BLINK])
    wink = smoothstep(WINK_DIFFERS, WINK_SURE, abs(raw[_BLINK[0]] - raw[_BLINK[1]]))
    wink *= 1 - smoothstep(OTHER_OPEN, OTHER_SHUT, raw[_BLINK].min())
    lids: NDArray[np.float64] = both + (each - both) * wink
    return lids


def _couple(out: NDArray[np.float64], raw: NDArray[np.float64]) -> None:
    """Couples weights that move together in a real face, in place."""
    jaw = min(float(out[_JAW]), 1.0)
    # An open mouth without a smile is round; without the funnel it would resemble a grin.
    roundness = jaw * max(0.0, 1 - 1.6 * min(float(out[_SMILE].max()), 1.0))
    lips = 0.8 + 1.2 * raw[_JAW]
    # Pucker and funnel both round the lips: at once they would do it twice.
    pucker = min(float(out[_PUCKER]) * lips, 1.0)
    out[_PUCKER] = pucker
    out[_FUNNEL] = max(out[_FUNNEL] * lips, 0.75 * roundness) * (1 - pucker)
    out[_INNER_BROW] += 0.25 * jaw
    out[_OUTER_BROW] += 0.25 * jaw
    out[_WIDE] += 0.2 * jaw
    # Other weights of a lid fade as it shuts: their sum would push it past the lower one.
    out[_OTHER_LID] *= 1 - np.minimum(out[_BLINK], 1.0)
    out[_BROW_DOWN] *= 1 - 0.4 * np.minimum(out[_BLINK], 1.0)
    out[_SNEER] += SNEER_OF_BROW * out[_BROW_DOWN] + SNEER_OF_LIP * out[_UPPER_LIP]
    out[_CHEEK] += 0.4 * out[_SMILE]
    np.minimum(out, 1.0, out=out, where=_AT_MOST_ONE)


_AT_MOST_ONE = np.arange(len(EXPRESSIONS)) != _FUNNEL

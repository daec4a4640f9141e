"""From the 52 weights that were measured to the morphs that an avatar shows.

Raw weights look wrong on a head with big eyes: a half blink reads annoyed, a brow at rest
angry, an O-mouth as a grin. So each weight loses its wearer's own resting level, gets a gain,
and a few are coupled as in a real face.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Profile
from livecam.avatar.baseline import SlowQuantile
from livecam.core.curves import smoothstep
from livecam.core.face import EXPRESSIONS, INDEX, Weights, named, per_expression

REST_QUANTILE = 0.20
MOST_REST = 0.35  # a resting level above this is an expression, not a face at rest
LARGEST = 1.2  # the funnel may go a little beyond what the artist drew
SNEER_OF_BROW, SNEER_OF_LIP = 0.35, 0.6  # the tracker never measures a sneer

# As in `per_expression`.
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
# Read as they are: their rest is zero, or means something.
ABSOLUTE = ("eyeBlink", "eyeLook", "mouthSmile", "jawOpen")

BLINK_OPEN, BLINK_SHUT = 0.27, 0.62
LOOK_DOWN_SHARE = 0.10  # lids sink when the eyes look down; that is no blink
# A wink: one eye differs while the other is clearly open. Its shut eye reads 0.44 to 0.55 only;
# in a lopsided blink, or looking down, the more open eye reads 0.24 and more.
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
_EYES = named("eyeBlink", "eyeLook")


class ExpressionGains:
    """Turns steadied weights into morphs; learns slowly how its wearer looks at rest.

    Args:
        gains: an avatar's own factors by expression name, over the general ones.
        strength: 0 keeps the face still (eyes apart), 1 is normal, 2 is a cartoon.
        profile: how its wearer is measured, when that is known.
    """

    def __init__(
        self,
        gains: Mapping[str, float],
        strength: float = 1.0,
        profile: Profile | None = None,
    ) -> None:
        self._profile = profile
        self._gains = per_expression(GAINS)
        for name, factor in gains.items():
            self._gains[INDEX[name]] *= factor
        strengths = np.full(len(EXPRESSIONS), strength)
        strengths[_EYES] = 1.0
        self._strengths = strengths
        self._blink_gains = np.array([gains.get(EXPRESSIONS[i], 1.0) for i in _BLINK])
        self._follows_rest = np.array([not name.startswith(ABSOLUTE) for name in EXPRESSIONS])
        self._rest = SlowQuantile(REST_QUANTILE, prior=np.zeros(len(EXPRESSIONS)))

    def reset(self) -> None:
        self._rest.reset()

    def morphs(
        self, weights: Weights, dt: float, arkit_mask: NDArray[np.bool_] | None = None
    ) -> Weights:
        """Morph weights float32[52] for steadied weights measured dt seconds after the last.

        Those in `arkit_mask`, bool[52], are on ARKit's scale already and pass unchanged.
        """
        given = weights.astype(np.float64)
        if self._profile is not None:
            weights = self._profile.normalised(weights)
        raw = weights.astype(np.float64)
        rest = np.minimum(self._rest.step(raw, dt), MOST_REST) * self._follows_rest
        out = np.maximum(raw - rest, 0.0) / (1 - rest) * self._gains
        out[_BLINK] = blinks(raw) * self._blink_gains
        _couple(out, raw)
        if arkit_mask is not None:
            np.copyto(out, given, where=arkit_mask)
        morphs: Weights = np.clip(out * self._strengths, 0.0, LARGEST).astype(np.float32)
        return morphs


def blinks(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each lid is shut, float64[2]: both alike, unless it is a wink."""
    shut = raw[_BLINK] - LOOK_DOWN_SHARE * raw[_LOOK_DOWN]
    both = smoothstep(BLINK_OPEN, BLINK_SHUT, shut.mean())
    each = smoothstep(WINK_OPEN, WINK_SHUT, raw[_BLINK])
    wink = smoothstep(WINK_DIFFERS, WINK_SURE, abs(raw[_BLINK[0]] - raw[_BLINK[1]]))
    wink *= 1 - smoothstep(OTHER_OPEN, OTHER_SHUT, raw[_BLINK].min())
    lids: NDArray[np.float64] = both + (each - both) * wink
    return lids


def _couple(out: NDArray[np.float64], raw: NDArray[np.float64]) -> None:
    """Lets the parts of the face move together, in place."""
    jaw = min(float(out[_JAW]), 1.0)
    # An open mouth without a smile is round: the funnel keeps it from looking like a grin.
    roundness = jaw * max(0.0, 1 - 1.6 * min(float(out[_SMILE].max()), 1.0))
    lips = 0.8 + 1.2 * raw[_JAW]
    # Either makes the ring of the lips alone: together they would make it twice.
    pucker = min(float(out[_PUCKER]) * lips, 1.0)
    out[_PUCKER] = pucker
    out[_FUNNEL] = max(out[_FUNNEL] * lips, 0.75 * roundness) * (1 - pucker)
    out[_INNER_BROW] += 0.25 * jaw
    out[_OUTER_BROW] += 0.25 * jaw
    out[_WIDE] += 0.2 * jaw
    # What else moves a lid fades as it shuts: together they would push it past the lower one.
    out[_OTHER_LID] *= 1 - np.minimum(out[_BLINK], 1.0)
    out[_BROW_DOWN] *= 1 - 0.4 * np.minimum(out[_BLINK], 1.0)
    out[_SNEER] += SNEER_OF_BROW * out[_BROW_DOWN] + SNEER_OF_LIP * out[_UPPER_LIP]
    out[_CHEEK] += 0.4 * out[_SMILE]
    np.minimum(out, 1.0, out=out, where=_AT_MOST_ONE)


_AT_MOST_ONE = np.arange(len(EXPRESSIONS)) != _FUNNEL

"""The expression presets of VRM avatars as mixtures of ARKit's.

VRM 0 has presets with names of its own (https://github.com/vrm-c/vrm-specification, "0.0",
BlendShapePresetName); VRM 1 renamed them, and VMC's specification lists both beside each
other. A sender may know only these. The mixtures are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import EXPRESSIONS, INDEX, Weights


def _both(name: str, amount: float) -> dict[str, float]:
    return {f"{name}Left": amount, f"{name}Right": amount}


_PRESETS: dict[str, dict[str, float]] = {
    "a": {"jawOpen": 0.7, **_both("mouthLowerDown", 0.3), **_both("mouthUpperUp", 0.2)},
    "i": {"jawOpen": 0.15, **_both("mouthStretch", 0.5), **_both("mouthLowerDown", 0.4)},
    "u": {"jawOpen": 0.15, "mouthPucker": 0.8, "mouthFunnel": 0.2},
    "e": {"jawOpen": 0.35, **_both("mouthStretch", 0.4), **_both("mouthLowerDown", 0.3)},
    "o": {"jawOpen": 0.45, "mouthFunnel": 0.7, "mouthPucker": 0.2},
    "blink": _both("eyeBlink", 1),
    "blink_l": {"eyeBlinkLeft": 1},
    "blink_r": {"eyeBlinkRight": 1},
    "joy": {**_both("mouthSmile", 0.9), **_both("cheekSquint", 0.7), **_both("eyeSquint", 0.5)},
    "fun": {**_both("mouthSmile", 0.6), **_both("eyeSquint", 0.2)},
    "angry": {**_both("browDown", 1), **_both("mouthFrown", 0.5), **_both("noseSneer", 0.4)},
    "sorrow": {"browInnerUp": 1, **_both("mouthFrown", 0.7), **_both("eyeLookDown", 0.2)},
    "surprised": {**_both("eyeWide", 1), **_both("browOuterUp", 0.8), "browInnerUp": 0.8,
                  "jawOpen": 0.3},
    "lookup": _both("eyeLookUp", 1),
    "lookdown": _both("eyeLookDown", 1),
    "lookleft": {"eyeLookOutLeft": 1, "eyeLookInRight": 1},
    "lookright": {"eyeLookInLeft": 1, "eyeLookOutRight": 1},
}  # fmt: skip
_RENAMED = {
    "aa": "a", "ih": "i", "ou": "u", "ee": "e", "oh": "o",
    "happy": "joy", "sad": "sorrow", "relaxed": "fun",
    "blinkleft": "blink_l", "blinkright": "blink_r",
}  # fmt: skip

# The presets by name in small letters, those of VRM 1 too: their rows in _MIXTURES.
PRESETS: dict[str, int] = {name: row for row, name in enumerate(_PRESETS)}
PRESETS |= {new: PRESETS[old] for new, old in _RENAMED.items()}

_MIXTURES = np.zeros((len(_PRESETS), len(EXPRESSIONS)), np.float32)
for _row, _mixture in enumerate(_PRESETS.values()):
    for _name, _amount in _mixture.items():
        _MIXTURES[_row, INDEX[_name]] = _amount


def from_presets(values: dict[int, float]) -> tuple[Weights, NDArray[np.bool_]]:
    """Mixes all presets to weights, and a mask of those that they set, from values by row."""
    rows = list(values)
    amounts = np.clip(np.array(list(values.values()), np.float32), 0, 1)
    weights: Weights = np.minimum(amounts @ _MIXTURES[rows], 1)
    mask: NDArray[np.bool_] = np.any(_MIXTURES[rows] > 0, axis=0)
    return weights, mask

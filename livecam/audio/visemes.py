"""The mouth that makes a sound: from what is being said to ARKit's weights.

Vowels are placed by their first two formants, between averages of men and of women: 33 and 28
of G. Peterson and H. Barney ("Control methods used in a study of the vowels", J. Acoust. Soc.
Am. 24, 1952, table II), 45 and 48 of J. Hillenbrand, L. Getty, M. Clark and K. Wheeler
("Acoustic characteristics of American English vowels", J. Acoust. Soc. Am. 97, 1995, table V).
Women's vocal tracts are shorter, and all of their formants higher by much the same factor; so a
speaker is one number, the mean of the logarithms (T. Nearey, "Phonetic Feature Systems for
Vowels", 1978), learnt slowly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livecam.audio.voice import Speech
from livecam.core.face import EXPRESSIONS, INDEX, Weights


def both(**weights: float) -> dict[str, float]:
    """Weights for the left and the right side."""
    return {name + side: w for name, w in weights.items() for side in ("Left", "Right")}


# Each viseme at full loudness. Jaws differ most, because they are what is seen from afar.
VISEMES: dict[str, Mapping[str, float]] = {
    "A": {"jawOpen": 0.72, "mouthFunnel": 0.20, **both(mouthLowerDown=0.10)},
    "E": {
        "jawOpen": 0.38,
        **both(mouthStretch=0.25, mouthSmile=0.20, mouthLowerDown=0.18, mouthUpperUp=0.08),
    },
    "I": {
        "jawOpen": 0.16,
        **both(mouthStretch=0.35, mouthSmile=0.32, mouthLowerDown=0.25, mouthUpperUp=0.15),
    },
    "O": {"jawOpen": 0.46, "mouthFunnel": 0.90},
    "U": {"jawOpen": 0.22, "mouthPucker": 0.90, "mouthFunnel": 0.25},
    "M": {"mouthRollLower": 0.35, "mouthRollUpper": 0.30, **both(mouthPress=0.40)},
    "S": {
        "jawOpen": 0.06,
        **both(mouthStretch=0.25, mouthSmile=0.15, mouthLowerDown=0.40, mouthUpperUp=0.25),
    },
    "SH": {"jawOpen": 0.10, "mouthFunnel": 0.85, "mouthPucker": 0.25, **both(mouthUpperUp=0.20)},
    "F": {"jawOpen": 0.10, "mouthRollLower": 0.60, **both(mouthUpperUp=0.45)},
}
VOWELS = "AEIOU"

# Hz: F1 and F2 of men, of women, in each study. A as in hod, E as in hayed, I as in heed, O as in
# hoed, U as in who'd; the older study has no hayed and no hoed.
FORMANTS_HZ: dict[str, tuple[tuple[float, float], ...]] = {
    "A": ((730, 1090), (850, 1220), (768, 1333), (936, 1551)),
    "E": ((476, 2089), (536, 2530)),
    "I": ((270, 2290), (310, 2790), (342, 2322), (437, 2761)),
    "O": ((497, 910), (555, 1035)),
    "U": ((300, 870), (370, 950), (378, 997), (459, 1105)),
}
NEAR = 0.20  # in natural logarithms of F1 and F2: how far a vowel strays from its average
SPEAKER_S = 8.0  # of voice; the mean over fewer vowels tells the vowel, not the speaker
MOST_SPEAKER = 0.16  # a man, a woman or a child differs from their average by no more

# How soon a weight gets most of the way (1 - 1/e): to open, for lips to change, to shut.
JAW_OPENS_S, LIPS_MOVE_S, LIPS_SHUT_S, RELEASES_S = 0.012, 0.025, 0.015, 0.070
LIPS_WHEN_QUIET = 0.4  # soft speech moves the lips less, but it moves them

TOLD: NDArray[np.bool_] = np.array([n.startswith(("mouth", "jaw")) for n in EXPRESSIONS])


class Visemes:
    """Moves a mouth along with speech: opens fast, lets go more slowly. One thread."""

    def __init__(self) -> None:
        self.weights: Weights = np.zeros(len(EXPRESSIONS), np.float32)
        self._vowel = np.zeros(len(VOWELS))
        self._speaker = 0.0  # the logarithm of the formants' factor over the average speaker's

    def say(self, speech: Speech, hop_s: float) -> Weights:
        """The mouth one hop later; a new array each time."""
        goal = self._goal(speech, hop_s)
        shutting = max(speech.murmur, speech.hiss)
        down_s = RELEASES_S + (LIPS_MOVE_S - RELEASES_S) * shutting
        settle_s = np.where(goal > self.weights, _RISES_S, down_s)
        step = 1.0 - np.exp(-hop_s / settle_s)
        self.weights = (self.weights + (goal - self.weights) * step).astype(np.float32)
        return self.weights

    def _goal(self, speech: Speech, hop_s: float) -> NDArray[np.float64]:
        if speech.hiss > 0:
            s = 1.0 - max(speech.hush, speech.breath)
            hush = speech.hush * (1.0 - speech.breath)
            mixed = np.array((s, hush, speech.breath))
            hissing: NDArray[np.float64] = speech.hiss * (mixed / mixed.sum()) @ _HISSES
            return hissing
        if speech.loud == 0.0 and speech.murmur == 0.0:
            return _REST
        if speech.formants is not None:
            self._vowel = self._placed(*speech.formants)
            self._learn_speaker(*speech.formants, hop_s)
        lips = LIPS_WHEN_QUIET + (1 - LIPS_WHEN_QUIET) * speech.loud
        open_ = self._vowel @ _OPEN * np.where(_IS_JAW, speech.loud, lips)
        goal: NDArray[np.float64] = open_ + (_SHUT - open_) * speech.murmur
        return goal

    def _placed(self, f1_hz: float, f2_hz: float) -> NDArray[np.float64]:
        """How much of each vowel it is, float64[5]; together 1."""
        at = np.log((f1_hz, f2_hz)) - self._speaker
        away = ((_AVERAGES - at) ** 2).sum(axis=1) / (2 * NEAR**2)
        near = np.exp(away.min() - away)
        shares: NDArray[np.float64] = near / near.sum()
        return shares

    def _learn_speaker(self, f1_hz: float, f2_hz: float, hop_s: float) -> None:
        heard = (math.log(f1_hz) + math.log(f2_hz)) / 2 - _AVERAGE
        heard = min(max(heard, -MOST_SPEAKER), MOST_SPEAKER)
        self._speaker += (heard - self._speaker) * (1.0 - math.exp(-hop_s / SPEAKER_S))


def weights_of(named: Mapping[str, float]) -> NDArray[np.float64]:
    """float64[52] of weights by name."""
    out = np.zeros(len(EXPRESSIONS))
    out[[INDEX[name] for name in named]] = list(named.values())
    return out


_REST = np.zeros(len(EXPRESSIONS))
_OPEN = np.array([weights_of(VISEMES[vowel]) for vowel in VOWELS])  # float64[5, 52]
_SHUT = weights_of(VISEMES["M"])
_HISSES = np.array([weights_of(VISEMES[name]) for name in ("S", "SH", "F")])
# float64[5, 2], logarithms
_AVERAGES = np.array([np.log(FORMANTS_HZ[vowel]).mean(axis=0) for vowel in VOWELS])
_AVERAGE = float(_AVERAGES.mean())
_IS_JAW = np.array([name.startswith("jaw") for name in EXPRESSIONS])
_RISES_S = np.where(_IS_JAW, JAW_OPENS_S, np.where(_SHUT > 0, LIPS_SHUT_S, LIPS_MOVE_S))

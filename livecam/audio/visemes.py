"""Visemes: from speech sounds to ARKit's weights of the mouth.

Vowels are classified by their first two formants, against averages of men and of women: 33 and 28
of G. Peterson and H. Barney ("Control methods used in a study of the vowels", J. Acoust. Soc.
Am. 24, 1952, table II), 45 and 48 of J. Hillenbrand, L. Getty, M. Clark and K. Wheeler
("Acoustic characteristics of American English vowels", J. Acoust. Soc. Am. 97, 1995, table V).
Women's vocal tracts are shorter, and all of their formants higher by much the same factor; so a
speaker is one number, the mean of the logarithms (T. Nearey, "Phonetic Feature Systems for
Vowels", 1978), estimated slowly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livecam.audio.voice_activity import Speech
from livecam.core.face import EXPRESSIONS, INDEX, Weights


def both(**weights: float) -> dict[str, float]:
    """Returns each weight for the left and the right side."""
    return {name + side: w for name, w in weights.items() for side in ("Left", "Right")}


# Each viseme at full loudness. Jaws differ most, because they are visible from afar.
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
VOWEL_SPREAD = 0.20  # standard deviation of a vowel from its average, in log F1 and log F2
SPEAKER_S = 8.0  # of voice; the mean over fewer vowels depends on the vowels, not the speaker
MAX_SPEAKER = 0.16  # a man, a woman or a child differs from their average by no more

# Time constants of the weights: to open, for lips to change, to close, to release.
JAW_OPENS_S, LIPS_MOVE_S, LIPS_CLOSE_S, RELEASES_S = 0.012, 0.025, 0.015, 0.070
QUIET_LIPS = 0.4  # share of the lips' movement in the softest speech

MOUTH_MASK: NDArray[np.bool_] = np.array([n.startswith(("mouth", "jaw")) for n in EXPRESSIONS])


class VisemeBlender:
    """Blends visemes over time: a mouth opens fast and closes more slowly. One thread."""

    def __init__(self) -> None:
        self.weights: Weights = np.zeros(len(EXPRESSIONS), np.float32)
        self._vowel = np.zeros(len(VOWELS))
        self._speaker = 0.0  # the logarithm of the formants' factor over the average speaker's

    def update(self, speech: Speech, hop_s: float) -> Weights:
        """Returns the weights one hop later; a new array each time."""
        goal = self._goal(speech, hop_s)
        closing = max(speech.bilabial, speech.fricative)
        down_s = RELEASES_S + (LIPS_MOVE_S - RELEASES_S) * closing
        settle_s = np.where(goal > self.weights, _RISES_S, down_s)
        step = 1.0 - np.exp(-hop_s / settle_s)
        self.weights = (self.weights + (goal - self.weights) * step).astype(np.float32)
        return self.weights

    def _goal(self, speech: Speech, hop_s: float) -> NDArray[np.float64]:
        if speech.fricative > 0:
            alveolar = 1.0 - max(speech.postalveolar, speech.labiodental)
            postalveolar = speech.postalveolar * (1.0 - speech.labiodental)
            mixed = np.array((alveolar, postalveolar, speech.labiodental))
            fricative: NDArray[np.float64] = speech.fricative * (mixed / mixed.sum()) @ _FRICATIVES
            return fricative
        if speech.loudness == 0.0 and speech.bilabial == 0.0:
            return _REST
        if speech.formants is not None:
            self._vowel = self._vowel_shares(*speech.formants)
            self._update_speaker(*speech.formants, hop_s)
        lips = QUIET_LIPS + (1 - QUIET_LIPS) * speech.loudness
        open_ = self._vowel @ _OPEN * np.where(_IS_JAW, speech.loudness, lips)
        goal: NDArray[np.float64] = open_ + (_CLOSED - open_) * speech.bilabial
        return goal

    def _vowel_shares(self, f1_hz: float, f2_hz: float) -> NDArray[np.float64]:
        """Computes the likelihood of each vowel, float64[5]; together 1."""
        at = np.log((f1_hz, f2_hz)) - self._speaker
        away = ((_AVERAGES - at) ** 2).sum(axis=1) / (2 * VOWEL_SPREAD**2)
        near = np.exp(away.min() - away)
        shares: NDArray[np.float64] = near / near.sum()
        return shares

    def _update_speaker(self, f1_hz: float, f2_hz: float, hop_s: float) -> None:
        measured = (math.log(f1_hz) + math.log(f2_hz)) / 2 - _AVERAGE
        measured = min(max(measured, -MAX_SPEAKER), MAX_SPEAKER)
        self._speaker += (measured - self._speaker) * (1.0 - math.exp(-hop_s / SPEAKER_S))


def weights_of(named: Mapping[str, float]) -> NDArray[np.float64]:
    """Returns float64[52] of weights by name."""
    out = np.zeros(len(EXPRESSIONS))
    out[[INDEX[name] for name in named]] = list(named.values())
    return out


_REST = np.zeros(len(EXPRESSIONS))
_OPEN = np.array([weights_of(VISEMES[vowel]) for vowel in VOWELS])  # float64[5, 52]
_CLOSED = weights_of(VISEMES["M"])
_FRICATIVES = np.array([weights_of(VISEMES[name]) for name in ("S", "SH", "F")])
# float64[5, 2], logarithms
_AVERAGES = np.array([np.log(FORMANTS_HZ[vowel]).mean(axis=0) for vowel in VOWELS])
_AVERAGE = float(_AVERAGES.mean())
_IS_JAW = np.array([name.startswith("jaw") for name in EXPRESSIONS])
_RISES_S = np.where(_IS_JAW, JAW_OPENS_S, np.where(_CLOSED > 0, LIPS_CLOSE_S, LIPS_MOVE_S))

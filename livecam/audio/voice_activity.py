"""Voice activity detection, and the kind of each speech sound.

A voice is periodic, louder than the room's noise, and lasts. So fans, hum and the clicks of a
keyboard are no voice: what is not periodic raises the noise floor that a voice must exceed, and
what decays at once never counts as begun. Only an unvoiced fricative (s, sh, f) is accepted without
a voice, because almost all of its power lies above 1.5 kHz, where that of a room does not.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from livecam.audio.features import BIN_HZ, BINS, Spectrum, SpeechFeatures, band, decibels, formants

VOICE_BAND = band(200, 4000)  # above mains hum
DEEP_BAND, HIGH_BAND = band(100, 600), band(600, 4000)
LOW_BAND, FRICATIVE_BAND = band(200, 1500), band(2000, 8000)
WHOLE_BAND = band(200, 8000)

MIN_VOICE_DB = -55.0
OVER_NOISE_DB = 9.0
BELOW_TYPICAL_DB = 26.0  # a quieter voice is that of another person, farther away
FALLING_DB = 5.0  # in one hop; what falls so fast at its beginning is a click
BEGINS = 2  # voiced hops in a row

PERIODICITY_BEGINS, PERIODICITY_GOES_ON = 0.70, 0.45

FLOOR_DB, MIN_FLOOR_DB = -65.0, -80.0
FLOOR_FALLS_S = 0.05
FLOOR_RISES_DB_PER_S = 20.0  # without a voice
FLOOR_CREEPS_DB_PER_S = 1.0  # under a voice: a tone that never ends is a machine's
STEADY_DB = 0.4  # a tone that varies by less comes from a machine
NOISE_S = 0.5
NOISE_SHARE = 1.5  # of the mean noise spectrum that is subtracted; more noise is rare

TYPICAL_DB = -24.0  # of a speaker, before the first speech
TYPICAL_FIRST_S, TYPICAL_LAST_S = 0.4, 6.0  # of speech; time constants of the typical level
LOUDNESS_DB = -20.0, -5.0  # over the typical level

# A hum through closed lips is low and quiet; an "oo" is low, but louder.
BILABIAL_HIGH_SHARE = 0.26, 0.17
BILABIAL_DB = -8.0, -11.0  # relative to the recent peak level
PEAK_FALLS_DB_PER_S = 10.0
MIN_PEAK_DB = 4.0  # over the typical level

FRICATIVE_LOW_SHARE = 0.12, 0.05
FRICATIVE_LASTS = 3  # hops
POSTALVEOLAR_HZ = 4900.0, 4300.0  # spectral centroid: that of an s is higher, of a sh lower
LABIODENTAL_DB = -14.0, -20.0  # over the typical level; an f is weaker than an s


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech sound of one hop; every number but the formants is 0..1."""

    loudness: float = 0.0  # relative to this speaker's; 0 without a voice
    formants: tuple[float, float] | None = None  # Hz; of a voice
    bilabial: float = 0.0  # voice through closed lips: m, b
    fricative: float = 0.0  # s, sh or f
    postalveolar: float = 0.0  # the fricative is a sh
    labiodental: float = 0.0  # the fricative is an f


SILENCE = Speech()


class SpeechDetector:
    """Detects speech, and adapts to the room's noise and the speaker's level. One thread."""

    def __init__(self) -> None:
        self.floor_db = FLOOR_DB  # of the room, in the band of voices
        self.typical_db = TYPICAL_DB  # of the speaker, in the same band
        self._peak_db = MIN_VOICE_DB  # recent
        self._voice_s = 0.0
        self._is_speaking = False
        self._voiced_hops = 0  # in a row, that may be the beginning of a voice
        self._fricative_hops = 0
        self._level_db = FLOOR_DB
        self._noise = np.zeros(BINS)
        self._tone = ToneDetector()

    def detect(self, features: SpeechFeatures, hop_s: float) -> Speech:
        """Returns the speech sound of the next hop."""
        level_db = decibels(float(features.spectrum[VOICE_BAND].sum()))
        falling = features.level_db < self._level_db - FALLING_DB
        self._level_db = features.level_db
        self._is_speaking = self._is_voice(features.periodicity, level_db, falling)
        self._update_noise(features, level_db, hop_s)
        clean = np.maximum(features.spectrum - NOISE_SHARE * self._noise, 0.0)
        if self._is_speaking:
            self._fricative_hops = 0
            return self._voice(clean, level_db, hop_s)
        return self._fricative(clean, falling)

    def _is_voice(self, periodicity: float, level_db: float, falling: bool) -> bool:
        threshold_db = max(
            MIN_VOICE_DB, self.floor_db + OVER_NOISE_DB, self.typical_db - BELOW_TYPICAL_DB
        )
        if level_db < threshold_db:
            self._voiced_hops = 0
        elif self._is_speaking:
            return periodicity > PERIODICITY_GOES_ON
        elif periodicity > PERIODICITY_BEGINS and not falling:
            self._voiced_hops += 1
        else:
            self._voiced_hops = 0
        return self._voiced_hops >= BEGINS

    def _update_noise(self, features: SpeechFeatures, level_db: float, hop_s: float) -> None:
        steady = self._tone.is_steady(features.level_db)
        excess_db = level_db - self.floor_db
        if excess_db < 0:
            self.floor_db += excess_db * _share(hop_s, FLOOR_FALLS_S)
        else:
            voice = self._is_speaking and not steady
            slope = FLOOR_CREEPS_DB_PER_S if voice else FLOOR_RISES_DB_PER_S
            self.floor_db += min(excess_db, slope * hop_s)
        self.floor_db = max(self.floor_db, MIN_FLOOR_DB)
        if not self._is_speaking and excess_db < OVER_NOISE_DB:
            self._noise += (features.spectrum - self._noise) * _share(hop_s, NOISE_S)

    def _voice(self, clean: Spectrum, level_db: float, hop_s: float) -> Speech:
        over_typical_db = level_db - self.typical_db
        high = float(clean[HIGH_BAND].sum())
        high_share = high / (high + float(clean[DEEP_BAND].sum()) + 1e-12)
        self._peak_db = max(
            level_db, self._peak_db - PEAK_FALLS_DB_PER_S * hop_s, self.typical_db + MIN_PEAK_DB
        )
        quiet = _between(level_db - self._peak_db, *BILABIAL_DB)
        bilabial = _between(high_share, *BILABIAL_HIGH_SHARE) * quiet
        if bilabial < 0.5:
            self._voice_s += hop_s
            learns_s = min(max(self._voice_s, TYPICAL_FIRST_S), TYPICAL_LAST_S)
            self.typical_db += over_typical_db * _share(hop_s, learns_s)
        return Speech(
            loudness=_between(over_typical_db, *LOUDNESS_DB),
            formants=formants(clean) if bilabial < 1 else None,
            bilabial=bilabial,
        )

    def _fricative(self, clean: Spectrum, falling: bool) -> Speech:
        whole = float(clean[WHOLE_BAND].sum())
        high = float(clean[FRICATIVE_BAND].sum())
        over_typical_db = decibels(high) - self.typical_db
        low_share = float(clean[LOW_BAND].sum()) / (whole + 1e-12)
        strength = _between(low_share, *FRICATIVE_LOW_SHARE)
        noise_db = decibels(float(self._noise[FRICATIVE_BAND].sum()))
        audible = decibels(high) > max(MIN_VOICE_DB, noise_db + OVER_NOISE_DB)
        if not audible or falling or over_typical_db < -BELOW_TYPICAL_DB or strength == 0.0:
            self._fricative_hops = 0
            return SILENCE
        self._fricative_hops += 1
        if self._fricative_hops < FRICATIVE_LASTS:
            return SILENCE
        centroid_hz = float(clean[FRICATIVE_BAND] @ _FRICATIVE_HZ) / (high + 1e-12)
        return Speech(
            fricative=strength,
            postalveolar=_between(centroid_hz, *POSTALVEOLAR_HZ),
            labiodental=_between(over_typical_db, *LABIODENTAL_DB),
        )


class ToneDetector:
    """Detects the steady tone of a machine; the level of a voice always varies. One thread."""

    def __init__(self) -> None:
        # Whole periods of any mains hum fit into 50 ms, so that its level is constant.
        self._newest: deque[float] = deque(maxlen=5)  # mean squares of hops
        self._levels_db: deque[float] = deque(maxlen=60)

    def is_steady(self, level_db: float) -> bool:
        """Returns whether the level was constant for more than half a second, this hop included."""
        self._newest.append(10 ** (level_db / 10))
        self._levels_db.append(decibels(sum(self._newest) / len(self._newest)))
        whole = len(self._levels_db) == self._levels_db.maxlen
        return whole and max(self._levels_db) - min(self._levels_db) < STEADY_DB


_FRICATIVE_HZ = np.arange(BINS)[FRICATIVE_BAND] * float(BIN_HZ)


def _share(hop_s: float, settle_s: float) -> float:
    """Returns the share of the step response of a first-order low-pass in one hop."""
    return 1.0 - math.exp(-hop_s / settle_s)


def _between(x: float, none: float, full: float) -> float:
    """Rises from 0 at or before `none` to 1 at or beyond `full`; either may be the larger."""
    t = min(max((x - none) / (full - none), 0.0), 1.0)
    return t * t * (3 - 2 * t)

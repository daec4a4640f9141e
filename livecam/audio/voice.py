"""Whether somebody speaks, how loudly for them, and what kind of sound it is.

A voice is periodic, stands out of the room's noise, and lasts. So a hiss of a fan, a hum and the
clicks of a keyboard are none: what is not periodic raises the floor that a voice must exceed,
and what falls off at once never began. Only an s or sh may come without a voice, because its
sound lies almost wholly above 1.5 kHz, where that of a room does not.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from livecam.audio.hearing import BIN_HZ, BINS, Heard, Spectrum, band, decibels, formants

VOICE_BAND = band(200, 4000)  # above mains hum
DEEP_BAND, HIGH_BAND = band(100, 600), band(600, 4000)
LOW_BAND, HISS_BAND = band(200, 1500), band(2000, 8000)
WHOLE_BAND = band(200, 8000)

QUIETEST_VOICE_DB = -55.0
OVER_NOISE_DB = 9.0
BELOW_USUAL_DB = 26.0  # quieter than that is somebody else's voice
FALLING_DB = 5.0  # in one hop; what falls so fast at its beginning is a click
BEGINS = 2  # hops that must be a voice

PITCH_BEGINS, PITCH_GOES_ON = 0.70, 0.45

FLOOR_DB, LOWEST_FLOOR_DB = -65.0, -80.0
FLOOR_FALLS_S = 0.05
FLOOR_RISES_DB_PER_S = 20.0  # without a voice
FLOOR_CREEPS_DB_PER_S = 1.0  # under a voice: a note that never ends is a machine's
MACHINE_DB = 0.4
NOISE_S = 0.5
NOISE_SHARE = 1.5  # of the noise's mean is taken away: more of it than that is rare

USUAL_DB = -24.0  # before anybody spoke
USUAL_FIRST_S, USUAL_LAST_S = 0.4, 6.0  # of speech; how soon a voice's level is learnt
LOUD_FROM_DB, LOUD_TO_DB = -20.0, -5.0  # over what is usual

# A hum with shut lips is deep and quiet; an "oo" is deep, but louder.
MURMUR_HIGH_SHARE = 0.26, 0.17
MURMUR_DB = -8.0, -11.0  # under the loudest of late
LATELY_DB_PER_S = 10.0  # how fast that is forgotten
LOUDEST_DB = 4.0  # over what is usual, when nothing loud was heard of late

HISS_LOW_SHARE = 0.12, 0.05
HISS_LASTS = 3  # hops
HUSH_HZ = 4900.0, 4300.0  # the middle of an s lies higher, of a sh lower
BREATH_DB = -14.0, -20.0  # over what is usual; an f is weaker than an s


@dataclass(frozen=True, slots=True)
class Speech:
    """What is being said in one hop; every number but the formants is 0..1."""

    loud: float = 0.0  # for this speaker; 0 while there is no voice
    formants: tuple[float, float] | None = None  # Hz; of a voice
    murmur: float = 0.0  # how much the voice comes through shut lips: m, b
    hiss: float = 0.0  # s, sh, f
    hush: float = 0.0  # the hiss is a sh
    breath: float = 0.0  # the hiss is an f


SILENCE = Speech()


class Voice:
    """Finds the speech in what was heard, and learns the room and the speaker. One thread."""

    def __init__(self) -> None:
        self.floor_db = FLOOR_DB  # of the room, in the band of voices
        self.usual_db = USUAL_DB  # of the speaker, in the same band
        self._loudest_db = QUIETEST_VOICE_DB  # of late
        self._spoken_s = 0.0
        self._speaking = False
        self._begun = 0  # hops that may be the beginning of a voice
        self._hissing = 0
        self._level_db = FLOOR_DB
        self._noise = np.zeros(BINS)
        self._steadiness = Steadiness()

    def find(self, heard: Heard, hop_s: float) -> Speech:
        level_db = decibels(float(heard.spectrum[VOICE_BAND].sum()))
        falling = heard.level_db < self._level_db - FALLING_DB
        self._level_db = heard.level_db
        self._speaking = self._voiced(heard.pitch, level_db, falling)
        self._learn_room(heard, level_db, hop_s)
        clean = np.maximum(heard.spectrum - NOISE_SHARE * self._noise, 0.0)
        if self._speaking:
            self._hissing = 0
            return self._spoken(clean, level_db, hop_s)
        return self._hissed(clean, falling)

    def _voiced(self, pitch: float, level_db: float, falling: bool) -> bool:
        least_db = max(
            QUIETEST_VOICE_DB, self.floor_db + OVER_NOISE_DB, self.usual_db - BELOW_USUAL_DB
        )
        if level_db < least_db:
            self._begun = 0
        elif self._speaking:
            return pitch > PITCH_GOES_ON
        elif pitch > PITCH_BEGINS and not falling:
            self._begun += 1
        else:
            self._begun = 0
        return self._begun >= BEGINS

    def _learn_room(self, heard: Heard, level_db: float, hop_s: float) -> None:
        machine = self._steadiness.is_machine(heard.level_db)
        away_db = level_db - self.floor_db
        if away_db < 0:
            self.floor_db += away_db * _share(hop_s, FLOOR_FALLS_S)
        else:
            voice = self._speaking and not machine
            slope = FLOOR_CREEPS_DB_PER_S if voice else FLOOR_RISES_DB_PER_S
            self.floor_db += min(away_db, slope * hop_s)
        self.floor_db = max(self.floor_db, LOWEST_FLOOR_DB)
        if not self._speaking and away_db < OVER_NOISE_DB:
            self._noise += (heard.spectrum - self._noise) * _share(hop_s, NOISE_S)

    def _spoken(self, clean: Spectrum, level_db: float, hop_s: float) -> Speech:
        over_usual_db = level_db - self.usual_db
        high = float(clean[HIGH_BAND].sum())
        high_share = high / (high + float(clean[DEEP_BAND].sum()) + 1e-12)
        self._loudest_db = max(
            level_db, self._loudest_db - LATELY_DB_PER_S * hop_s, self.usual_db + LOUDEST_DB
        )
        quiet = _between(level_db - self._loudest_db, *MURMUR_DB)
        murmur = _between(high_share, *MURMUR_HIGH_SHARE) * quiet
        if murmur < 0.5:
            self._spoken_s += hop_s
            learns_s = min(max(self._spoken_s, USUAL_FIRST_S), USUAL_LAST_S)
            self.usual_db += over_usual_db * _share(hop_s, learns_s)
        return Speech(
            loud=_between(over_usual_db, LOUD_FROM_DB, LOUD_TO_DB),
            formants=formants(clean) if murmur < 1 else None,
            murmur=murmur,
        )

    def _hissed(self, clean: Spectrum, falling: bool) -> Speech:
        whole = float(clean[WHOLE_BAND].sum())
        high = float(clean[HISS_BAND].sum())
        over_usual_db = decibels(high) - self.usual_db
        low_share = float(clean[LOW_BAND].sum()) / (whole + 1e-12)
        strength = _between(low_share, *HISS_LOW_SHARE)
        noise_db = decibels(float(self._noise[HISS_BAND].sum()))
        heard = decibels(high) > max(QUIETEST_VOICE_DB, noise_db + OVER_NOISE_DB)
        if not heard or falling or over_usual_db < -BELOW_USUAL_DB or strength == 0.0:
            self._hissing = 0
            return SILENCE
        self._hissing += 1
        if self._hissing < HISS_LASTS:
            return SILENCE
        middle_hz = float(clean[HISS_BAND] @ _HISS_HZ) / (high + 1e-12)
        return Speech(
            hiss=strength,
            hush=_between(middle_hz, *HUSH_HZ),
            breath=_between(over_usual_db, *BREATH_DB),
        )


class Steadiness:
    """Tells a machine's tone from a voice, which never stays as loud as it is. One thread."""

    def __init__(self) -> None:
        # Whole periods of any mains hum fit into 50 ms, so that its level stands still.
        self._newest: deque[float] = deque(maxlen=5)  # mean squares of hops
        self._levels_db: deque[float] = deque(maxlen=60)

    def is_machine(self, level_db: float) -> bool:
        """Whether the level has not changed for more than half a second, this hop included."""
        self._newest.append(10 ** (level_db / 10))
        self._levels_db.append(decibels(sum(self._newest) / len(self._newest)))
        whole = len(self._levels_db) == self._levels_db.maxlen
        return whole and max(self._levels_db) - min(self._levels_db) < MACHINE_DB


_HISS_HZ = np.arange(BINS)[HISS_BAND] * float(BIN_HZ)


def _share(hop_s: float, settle_s: float) -> float:
    """How much of the way to its goal something goes in one hop."""
    return 1.0 - math.exp(-hop_s / settle_s)


def _between(x: float, none: float, full: float) -> float:
    """0 at or before `none` .. 1 at or beyond `full`, smoothly; either may be the larger."""
    t = min(max((x - none) / (full - none), 0.0), 1.0)
    return t * t * (3 - 2 * t)

"""Feature extraction from speech every 10 ms: level, periodicity, spectrum, formants.

All come from the newest 25 ms. The spectrum has bins of 25 Hz up to 8 kHz whatever the device's
rate, so that nothing needs to be resampled. Formants are the poles
of an all-pole model of the part up to 5 kHz (selective linear prediction: J. Makhoul, "Spectral
linear prediction: properties and applications", IEEE Trans. ASSP 23, 1975). The
periodicity is the maximum, over the periods of voices, of the normalised cross-correlation between
the newest 12 ms and earlier ones (D. Talkin, "A robust algorithm for pitch tracking", in Speech
Coding and Synthesis, 1995); it does not need a whole window of voice and so has little latency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]  # float32[n], mono, -1..1
Spectrum: TypeAlias = NDArray[np.float64]  # float64[BINS], power in each bin of BIN_HZ

WINDOW_S = 0.025
RISE_SHARE = 0.7  # of the window; its steep end gives weight to the newest samples
BIN_HZ = 25
TOP_HZ = 8000
BINS = TOP_HZ // BIN_HZ + 1

SLOW_HZ = 4000  # about the rate of the signal in which the period is searched
SLOW_HOP = 40  # samples of it: the hop, 10 ms
CORRELATED = 48  # samples of it that are compared, 12 ms
MIN_PERIOD, MAX_PERIOD = 10, 52  # samples of it: 400 Hz to 77 Hz

FORMANTS_TOP_HZ = 5000
POLES = 10  # two for each formant of an adult's vocal tract up to there
LAG_WINDOW_HZ = 40  # widens the peaks that are single harmonics of a high voice
F1_HZ, F2_HZ = (180.0, 1150.0), (520.0, 3200.0)
MAX_BANDWIDTH_HZ = 600.0  # wider poles are the tilt of the spectrum
MIN_SPACING_HZ = 150.0  # two poles nearer than this are one formant

MIN_LEVEL_DB = -120.0


@dataclass(frozen=True, slots=True)
class SpeechFeatures:
    """Features of one hop of 10 ms."""

    level_db: float  # of these 10 ms alone; 0 is a full square wave
    periodicity: float  # -1..1: normalised cross-correlation with earlier sound
    spectrum: Spectrum  # of the newest 25 ms; the receiver owns it


class FeatureExtractor:
    """Cuts sound into hops and computes the features of each. One thread.

    `hop_s` is 10 ms as nearly as the rate allows.
    """

    def __init__(self, rate_hz: float) -> None:
        self._factor = max(1, round(rate_hz / SLOW_HZ))
        self.hop = self._factor * SLOW_HOP
        self.hop_s = self.hop / rate_hz
        length = max(round(rate_hz * WINDOW_S), self.hop)
        self._window = _window(length)
        self._size = round(rate_hz / BIN_HZ)
        self._kept = min(BINS, self._size // 2 + 1)
        # By Parseval's theorem the bins of a spectrum then add up to the mean square.
        self._scale = 2.0 / (self._size * float(np.sum(self._window**2)))
        # A triangle is the low-pass filter before decimation.
        kernel = np.convolve(np.ones(self._factor), np.ones(self._factor))
        self._kernel = (kernel / kernel.sum()).astype(np.float32)
        self._recent = np.zeros(max(length, self.hop + len(self._kernel) - 1), np.float32)
        self._windowed = np.zeros(length, np.float32)
        self._slow = np.zeros(CORRELATED + MAX_PERIOD, np.float32)
        # Views of it, float32[periods, CORRELATED]: the sound one period ago, shortest first.
        shifts = np.lib.stride_tricks.sliding_window_view(self._slow, CORRELATED)
        self._earlier = shifts[MAX_PERIOD - MIN_PERIOD :: -1]
        self._remainder = np.zeros(0, np.float32)

    def extract(self, samples: Samples) -> Iterator[SpeechFeatures]:
        """Yields the features of each whole hop of the samples and of the rest of the last call."""
        sound = np.concatenate((self._remainder, samples)) if len(self._remainder) else samples
        whole = len(sound) // self.hop * self.hop
        for start in range(0, whole, self.hop):
            yield self._hop(sound[start : start + self.hop])
        self._remainder = sound[whole:].copy()

    def _hop(self, new: Samples) -> SpeechFeatures:
        self._recent[: -self.hop] = self._recent[self.hop :]
        self._recent[-self.hop :] = new
        return SpeechFeatures(
            decibels(float(new @ new) / self.hop), self._periodicity(), self._spectrum()
        )

    def _spectrum(self) -> Spectrum:
        np.multiply(self._recent[-len(self._windowed) :], self._window, out=self._windowed)
        lines = np.fft.rfft(self._windowed, self._size)[: self._kept]
        out = np.zeros(BINS)
        np.multiply(lines.real**2 + lines.imag**2, self._scale, out=out[: self._kept])
        return out

    def _periodicity(self) -> float:
        tail = self._recent[-(self.hop + len(self._kernel) - 1) :]
        self._slow[:-SLOW_HOP] = self._slow[SLOW_HOP:]
        self._slow[-SLOW_HOP:] = np.convolve(tail, self._kernel, "valid")[:: self._factor]
        newest = self._slow[-CORRELATED:] - self._slow[-CORRELATED:].mean()
        earlier = self._earlier
        energy = np.einsum("ij,ij->i", earlier, earlier) - earlier.sum(axis=1) ** 2 / CORRELATED
        correlation = earlier @ newest
        correlation /= np.sqrt(np.maximum(energy, 0) * float(newest @ newest)) + 1e-9
        return float(correlation.max())


def _window(length: int) -> NDArray[np.float32]:
    """Computes an asymmetric Hann window: a long rising half and a short falling half."""
    rise = round(length * RISE_SHARE)
    up = 0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise)
    fall = length - rise
    down = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall)
    return np.concatenate((up, down)).astype(np.float32)


def decibels(mean_square: float) -> float:
    """Computes the level of a mean square in dB."""
    return 10 * math.log10(mean_square) if mean_square > 1e-12 else MIN_LEVEL_DB


def band(low_hz: float, high_hz: float) -> slice:
    """Returns the bins of a spectrum between two frequencies."""
    return slice(round(low_hz / BIN_HZ), round(high_hz / BIN_HZ) + 1)


_VOICE = band(100, FORMANTS_TOP_HZ)
_HZ = np.arange(BINS)[_VOICE] * BIN_HZ
_ANGLES = np.pi * _HZ / FORMANTS_TOP_HZ
# Pre-emphasis: radiation rises by 6 dB an octave less than the glottal source falls.
_EMPHASIS = 1.0 + 0.95**2 - 2 * 0.95 * np.cos(_ANGLES)
_LAG_WINDOW = np.exp(-0.5 * (np.pi * LAG_WINDOW_HZ / FORMANTS_TOP_HZ * np.arange(POLES + 1)) ** 2)
_LAGS = np.cos(np.outer(np.arange(POLES + 1), _ANGLES)) * _EMPHASIS * _LAG_WINDOW[:, None]
_TOEPLITZ = np.abs(np.subtract.outer(np.arange(POLES), np.arange(POLES)))


def formants(spectrum: Spectrum) -> tuple[float, float] | None:
    """Estimates the first two formants in Hz; None when there are no such two."""
    lags = _LAGS @ spectrum[_VOICE]
    if lags[0] <= 1e-12:
        return None
    lags[0] *= 1 + 1e-6  # silence in half of the spectrum would make it singular
    companion = np.zeros((POLES, POLES))
    companion[0] = np.linalg.solve(lags[_TOEPLITZ], lags[1:])
    companion[np.arange(1, POLES), np.arange(POLES - 1)] = 1.0
    poles = np.linalg.eigvals(companion)
    poles = poles[poles.imag > 0]
    hz = np.angle(poles) * FORMANTS_TOP_HZ / np.pi
    width_hz = -np.log(np.abs(poles) + 1e-12) * 2 * FORMANTS_TOP_HZ / np.pi
    peaks = np.sort(hz[width_hz < MAX_BANDWIDTH_HZ])
    first = peaks[(peaks > F1_HZ[0]) & (peaks < F1_HZ[1])]
    if not len(first):
        return None
    second = peaks[(peaks > max(F2_HZ[0], first[0] + MIN_SPACING_HZ)) & (peaks < F2_HZ[1])]
    return (float(first[0]), float(second[0])) if len(second) else None

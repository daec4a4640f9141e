"""Estimates a person's expression ranges online, without asking for expressions.

The rest of a weight is a low quantile of what a still face shows that is turned to the camera. How
far a lid comes down is estimated from blinks: people blink completely without being asked. How far
a smile goes is not known before the widest one was measured, so the typical maximum holds until
more is. Estimates decay within minutes: the person before the camera now counts.

The quantile is followed by stochastic approximation (Robbins and Monro, 1951, "A stochastic
approximation method", Annals of Mathematical Statistics 22): up by a share of a step for each
sample above, down by the rest of it for each below. It keeps no samples.
"""

from __future__ import annotations

import math

import numpy as np

from livecam.calibration.ranges import (
    MAX_REST,
    TYPICAL_MAXIMUM,
    TYPICAL_REST,
    OnlineEstimate,
    WeightRanges,
)
from livecam.core.face import EXPRESSIONS, INDEX, FaceState, Weights, indices_with_prefix

SAMPLE_S = 0.25  # a sample is the mean of the weights measured meanwhile
MAX_GAP_S = 0.2  # between two faces; after a longer one sampling starts again
MIN_FRONTAL_COS = math.cos(math.radians(25))  # turned farther, the tracker guesses weights
MAX_MOVE_M, MAX_TURN_RAD = 0.025, math.radians(7.5)  # of a still head within one sample
MAX_CHANGE = 0.04  # of a still weight from one sample to the next
MAX_LOOK_DOWN, MAX_SHUT = 0.35, 0.5  # weights of both eyes, at lids that may be at rest
MAX_SMILE, MAX_JAW = 0.2, 0.2  # smiling and talking are not rest, however long they last

REST_QUANTILE = 0.3
STEP = 0.004  # of the rest: 0.3 a minute up, twice that down
ANNEALING_S = 20.0  # the first steps are larger, by this over the observed time,
ANNEALING_OFFSET_S = 1.0  # counted from here
GUIDED_STEP, GUIDED_RANGE = 0.3, 0.1  # a guided rest is corrected slowly, and not far
MAX_ESTIMATED_REST = 0.9 * MAX_REST

DEAD_ZONE = 0.02  # differences of a still face, which mean nothing
MAX_STRETCH = 1.6  # stretched further, noise is visible
MAX_BLINK_STRETCH = 2.2
DECAY_S = 300.0  # time constant in which a maximum that is not reached again becomes typical
MAXIMUM_STEP = 0.2  # share of the distance to a sample beyond the maximum

MAX_PRIOR_S = 300.0  # an earlier estimate counts no longer: a guest of a minute is a sixth

BLINK_BEGINS, BLINK_ENDS = 0.15, 0.10  # over the rest, mean of both eyes
BLINK_S = (0.05, 0.5)  # a blink's length; lowered and tired eyes last longer
MIN_BLINK = 0.12  # over the rest, of either eye; less is a wink
BLINK_UP, BLINK_DOWN = 0.2, 0.08  # share of the distance to a blink by which the maximum moves

_BLINK = np.array([INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]])
_LOOK_DOWN = np.array([INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]])
_LIDS = np.array(indices_with_prefix("eyeBlink", "eyeSquint", "eyeWide"))
_LOOK = indices_with_prefix("eyeLook")
_SMILE, _JAW = indices_with_prefix("mouthSmile"), INDEX["jawOpen"]
_RANGED = np.isfinite(TYPICAL_MAXIMUM)
_RANGED[indices_with_prefix("eyeBlink", "eyeLook")] = False


class RangeEstimator:
    """Estimates the rest and the maximum of one person's weights. One thread.

    Args:
        before: an earlier estimate.
        observed_s: the time a resting face was observed for it.
        guided: ranges of a guided calibration; where they are known, they are kept.
    """

    def __init__(
        self,
        before: WeightRanges | None = None,
        observed_s: float = 0.0,
        guided: WeightRanges | None = None,
    ) -> None:
        self.observed_s = observed_s
        self.run_s = 0.0  # the part of it that was observed in this run
        self._guided = guided
        first = before or guided
        # Lids of a typical face rest a little down; without another estimate these do.
        self._low = np.zeros(len(EXPRESSIONS))
        self._low[_BLINK] = TYPICAL_REST[_BLINK]
        self._high = np.full(len(EXPRESSIONS), MAX_ESTIMATED_REST)
        self._step, self._annealing_s = STEP, ANNEALING_S
        if guided is not None:
            self._step, self._annealing_s = STEP * GUIDED_STEP, 0.0
            self._low = np.maximum(guided.rest - GUIDED_RANGE, 0.0)
            self._high = guided.rest + GUIDED_RANGE
        # A direction of the eyes is not a rest.
        self._low[_LOOK] = self._high[_LOOK] = 0.0 if guided is None else guided.rest[_LOOK]
        self._rest = np.zeros(len(EXPRESSIONS)) if first is None else first.rest.copy()
        np.clip(self._rest, self._low, self._high, out=self._rest)
        self._maximum = np.where(_RANGED, TYPICAL_MAXIMUM, np.nan)
        self._maximum[_BLINK] = TYPICAL_MAXIMUM[_BLINK]
        if before is not None:
            np.copyto(self._maximum, before.maximum, where=np.isfinite(before.maximum))
        self._sum = np.zeros(len(EXPRESSIONS))
        self._sample = np.zeros(len(EXPRESSIONS))
        self._before = np.zeros(len(EXPRESSIONS))
        self._change = np.zeros(len(EXPRESSIONS))
        self._error = np.zeros(len(EXPRESSIONS))
        self._updated = np.zeros(len(EXPRESSIONS), bool)
        self._peak = np.zeros(2)
        self._last: FaceState | None = None
        self._first: FaceState | None = None  # of the sample
        self._still = True  # so far in the sample
        self._restart()
        self.ranges = self._current_ranges()

    def observe(self, face: FaceState) -> None:
        """Updates the estimate with a steadied face; one of the same time is left out."""
        before, self._last = self._last, face
        dt = math.inf if before is None else face.at - before.at
        if dt == 0:
            return
        whole = math.isfinite(float(face.weights.sum()))
        if before is None or not 0 < dt < MAX_GAP_S or not whole or not _is_frontal(face):
            self._restart()
            return
        self._first = self._first or before
        self._still = self._still and _is_still(self._first, face)
        self._sum += face.weights
        self._count += 1
        self._span_s += dt
        self._track_blink(face.weights, dt)
        if self._span_s >= SAMPLE_S:
            self._end_sample()
            self._first = face

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52]."""
        return self.ranges.normalised(weights)

    def _restart(self) -> None:
        """Starts sampling again, after a gap or a face that cannot be used."""
        self._start_sample()
        self._first = None
        self._has_before = False
        self._blink_s = -1.0  # no blink
        self._lids_known = False

    def _start_sample(self) -> None:
        self._sum[:] = 0.0
        self._count, self._span_s, self._still = 0, 0.0, True

    def _end_sample(self) -> None:
        """Takes the mean of the faces since the last sample and updates the estimate."""
        np.divide(self._sum, self._count, out=self._sample)
        np.subtract(self._sample, self._before, out=self._change)
        np.abs(self._change, out=self._change)
        if self._has_before and self._still and self._mouth_at_rest():
            np.less(self._change, MAX_CHANGE, out=self._updated)
            if not self._lids_at_rest():
                self._updated[_LIDS] = False
            self._update_rest(self._span_s)
        self._update_maximum(self._span_s)
        self._before, self._sample = self._sample, self._before
        self._has_before = True
        self._start_sample()
        self.ranges = self._current_ranges()

    def _mouth_at_rest(self) -> bool:
        """Returns whether neither a smile nor an open mouth moves cheeks, lids and lips."""
        smile, jaw = self._sample[_SMILE].mean(), self._sample[_JAW]
        return bool(smile < MAX_SMILE and jaw < MAX_JAW)

    def _lids_at_rest(self) -> bool:
        """Returns whether the lids are neither shut nor lowered with the gaze."""
        down, shut = self._sample[_LOOK_DOWN].mean(), self._sample[_BLINK].mean()
        return bool(down < MAX_LOOK_DOWN and shut < MAX_SHUT)

    def _update_rest(self, dt: float) -> None:
        larger = max(1.0, self._annealing_s / (ANNEALING_OFFSET_S + self.observed_s))
        step = self._step * larger * dt / SAMPLE_S
        np.subtract(self._sample, self._rest, out=self._error)
        # Not beyond the sample, so that the rest of an unchanging face does not change.
        np.clip(self._error, step * (REST_QUANTILE - 1), step * REST_QUANTILE, out=self._error)
        self._error *= self._updated
        self._rest += self._error
        np.clip(self._rest, self._low, self._high, out=self._rest)
        self.observed_s += dt
        self.run_s += dt

    def _update_maximum(self, dt: float) -> None:
        grown = _RANGED & (self._sample > self._maximum)
        self._maximum[grown] += MAXIMUM_STEP * (self._sample - self._maximum)[grown]
        self._maximum[_RANGED] += ((TYPICAL_MAXIMUM - self._maximum) * (dt / DECAY_S))[_RANGED]

    def _track_blink(self, weights: Weights, dt: float) -> None:
        """Finds whole blinks of both eyes, which show how far these lids come down."""
        over = weights[_BLINK] - self._rest[_BLINK]
        mean = 0.5 * float(over[0] + over[1])
        if self._blink_s < 0:
            # A blink begins with open eyes: after a gap they must have been measured open.
            if mean < BLINK_ENDS:
                self._lids_known = True
            elif mean > BLINK_BEGINS and self._lids_known:
                self._blink_s = 0.0
                self._peak[:] = 0.0
        if self._blink_s < 0:
            return
        self._blink_s += dt
        np.maximum(self._peak, over, out=self._peak)
        if mean < BLINK_ENDS:
            if BLINK_S[0] < self._blink_s < BLINK_S[1] and self._peak.min() > MIN_BLINK:
                self._update_blink()
            self._blink_s = -1.0

    def _update_blink(self) -> None:
        miss = self._rest[_BLINK] + self._peak - self._maximum[_BLINK]
        self._maximum[_BLINK] += np.where(miss > 0, BLINK_UP, BLINK_DOWN) * miss

    def _current_ranges(self) -> WeightRanges:
        """Returns the estimate, with maxima so far from the rest that noise stays small."""
        rest, maximum = self._rest.copy(), self._maximum.copy()
        # Blinks that reach the typical maximum are not weakened.
        maximum[_BLINK] = np.minimum(maximum[_BLINK], TYPICAL_MAXIMUM[_BLINK])
        stretch = np.full(len(EXPRESSIONS), MAX_STRETCH)
        stretch[_BLINK] = MAX_BLINK_STRETCH
        np.maximum(maximum, rest + (TYPICAL_MAXIMUM - TYPICAL_REST) / stretch, out=maximum)
        dead_zone = np.full(len(EXPRESSIONS), DEAD_ZONE)
        dead_zone[_LOOK] = 0.0
        if self._guided is not None:
            np.copyto(maximum, self._guided.maximum, where=np.isfinite(self._guided.maximum))
            dead_zone = self._guided.dead_zone
        return WeightRanges(rest, maximum, dead_zone)


def merged(before: OnlineEstimate | None, estimator: RangeEstimator) -> OnlineEstimate:
    """Returns the mean of an earlier and the present estimate, weighted by their times.

    A guest of a minute hardly changes it.
    """
    now, observed_s = estimator.ranges, min(estimator.observed_s, MAX_PRIOR_S)
    if before is None:
        return OnlineEstimate(now, observed_s)
    share = estimator.run_s / (estimator.run_s + min(before.observed_s, MAX_PRIOR_S))
    then = before.ranges
    maximum = np.where(
        np.isfinite(then.maximum), then.maximum + share * (now.maximum - then.maximum), now.maximum
    )
    rest = then.rest + share * (now.rest - then.rest)
    return OnlineEstimate(WeightRanges(rest, maximum, now.dead_zone), observed_s)


def _is_frontal(face: FaceState) -> bool:
    """Returns whether the face is turned to the camera."""
    w, x, y, z = face.pose.rotation.tolist()
    forward = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))
    position = face.pose.translation.tolist()
    distance = math.hypot(*position)
    along = -sum(a * p for a, p in zip(forward, position, strict=True))
    return distance > 0 and along >= MIN_FRONTAL_COS * distance


def _is_still(one: FaceState, other: FaceState) -> bool:
    """Returns whether a head hardly moved from one state to the other."""
    moved = math.dist(one.pose.translation.tolist(), other.pose.translation.tolist())
    alike = abs(float(one.pose.rotation @ other.pose.rotation))
    return moved < MAX_MOVE_M and 2 * math.acos(min(alike, 1.0)) < MAX_TURN_RAD

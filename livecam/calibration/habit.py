"""How somebody usually is, learnt while they are looked at and not asked for anything.

A rest is a low quantile of what a still face shows that is turned to the camera. How far a lid
comes down is learnt from blinks, because those are whole whether one wants or not; how far a
smile goes, nobody can know who was not shown the widest, so there the usual range holds until
more was seen. Everything is forgotten within minutes: whoever sits there now counts.

The quantile is followed by stochastic approximation (Robbins and Monro, 1951, "A stochastic
approximation method", Annals of Mathematical Statistics 22): up by a share of a step for each
sample above, down by the rest of it for each below. It needs no memory of samples.
"""

from __future__ import annotations

import math

import numpy as np

from livecam.calibration.profile import MOST_REST, USUAL_REST, USUAL_UTMOST, Learnt, Measured
from livecam.core.face import EXPRESSIONS, INDEX, FaceState, Weights, named

EVERY_S = 0.25  # one sample; it is the mean of what was seen meanwhile
GAP_S = 0.2  # after a pause this long nothing belongs together any more
TURNED_COS = math.cos(math.radians(25))  # off the camera; farther, weights are guesses
STILL_M, STILL_RAD = 0.025, math.radians(7.5)  # so far a head may go in one sample
STILL_CHANGE = 0.04  # of a weight from one sample to the next
LOOKS_DOWN, SHUT = 0.35, 0.5  # weights of both eyes: lids that are no rest
SMILES, OPEN_MOUTHED = 0.2, 0.2  # whoever smiles or talks is not at rest, however long it lasts

REST_QUANTILE = 0.3
STEP = 0.004  # of the rest: 0.3 a minute up, twice that down
EAGER_S, MOST_EAGER_S = 20.0, 1.0  # nothing is known yet: the first steps are larger, as 1 / time
GUIDED_SHARE, GUIDED_LEEWAY = 0.3, 0.1  # what was asked for is corrected slowly, and not far
HIGHEST_REST = 0.9 * MOST_REST

QUIET = 0.02  # a dead zone: differences of a still face that mean nothing
MOST_STRETCH = 1.6  # stretched further, noise is seen
MOST_BLINK_STRETCH = 2.2
FORGET_S = 300.0  # a range that is not seen again

MOST_KNOWN_S = 300.0  # what is kept weighs no more: a guest of a minute is a sixth of it

BLINK_BEGINS, BLINK_ENDS = 0.15, 0.10  # over the rest, mean of both eyes
BLINK_S = (0.05, 0.5)  # whole ones; a look down and tired eyes last longer
LEAST_BLINK = 0.12  # over the rest, of either eye; less is a wink
BLINK_UP, BLINK_DOWN = 0.2, 0.08  # so far a blink moves the range

_BLINK = np.array([INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]])
_LOOK_DOWN = np.array([INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]])
_LIDS = np.array(named("eyeBlink", "eyeSquint", "eyeWide"))
_LOOK = named("eyeLook")
_SMILE, _JAW = named("mouthSmile"), INDEX["jawOpen"]
_RANGED = np.isfinite(USUAL_UTMOST)
_RANGED[named("eyeBlink", "eyeLook")] = False


class Habit:
    """Learns what one person's face shows at rest and at its utmost. One thread.

    Args:
        before: what was learnt earlier.
        known_s: how long that was learnt.
        guided: what the person was asked for; where it speaks, it wins.
    """

    def __init__(
        self, before: Measured | None = None, known_s: float = 0.0, guided: Measured | None = None
    ) -> None:
        self.known_s = known_s
        self.learnt_s = 0.0  # of that in this run
        self._guided = guided
        first = before or guided
        # A usual face's lids rest a little down: as long as nothing else is known, this is one.
        self._least = np.zeros(len(EXPRESSIONS))
        self._least[_BLINK] = USUAL_REST[_BLINK]
        self._most = np.full(len(EXPRESSIONS), HIGHEST_REST)
        self._step, self._eager_s = STEP, EAGER_S
        if guided is not None:
            self._step, self._eager_s = STEP * GUIDED_SHARE, 0.0
            self._least = np.maximum(guided.rest - GUIDED_LEEWAY, 0.0)
            self._most = guided.rest + GUIDED_LEEWAY
        # Where somebody looks is no rest.
        self._least[_LOOK] = self._most[_LOOK] = 0.0 if guided is None else guided.rest[_LOOK]
        self._rest = np.zeros(len(EXPRESSIONS)) if first is None else first.rest.copy()
        np.clip(self._rest, self._least, self._most, out=self._rest)
        self._utmost = np.where(_RANGED, USUAL_UTMOST, np.nan)
        self._utmost[_BLINK] = USUAL_UTMOST[_BLINK]
        if before is not None:
            np.copyto(self._utmost, before.utmost, where=np.isfinite(before.utmost))
        self._sum = np.zeros(len(EXPRESSIONS))
        self._sample = np.zeros(len(EXPRESSIONS))
        self._before = np.zeros(len(EXPRESSIONS))
        self._change = np.zeros(len(EXPRESSIONS))
        self._gap = np.zeros(len(EXPRESSIONS))
        self._calm = np.zeros(len(EXPRESSIONS), bool)
        self._peak = np.zeros(2)
        self._seen: FaceState | None = None
        self._first: FaceState | None = None  # of the sample
        self._still = True  # so far in the sample
        self._begin_anew()
        self.measured = self._told()

    def see(self, face: FaceState) -> None:
        """Takes in a steadied face; one that was seen already says nothing new."""
        before, self._seen = self._seen, face
        dt = math.inf if before is None else face.at - before.at
        if dt == 0:
            return
        whole = math.isfinite(float(face.weights.sum()))
        if before is None or not 0 < dt < GAP_S or not whole or not _turned_here(face):
            self._begin_anew()
            return
        self._first = self._first or before
        self._still = self._still and _is_near(self._first, face)
        self._sum += face.weights
        self._count += 1
        self._span_s += dt
        self._watch_lids(face.weights, dt)
        if self._span_s >= EVERY_S:
            self._learn()
            self._first = face

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52]."""
        return self.measured.normalised(weights)

    def _begin_anew(self) -> None:
        """What was seen so far does not belong to what comes."""
        self._begin_sample()
        self._first = None
        self._has_before = False
        self._blink_s = -1.0  # no blink
        self._lids_known = False

    def _begin_sample(self) -> None:
        self._sum[:] = 0.0
        self._count, self._span_s, self._still = 0, 0.0, True

    def _learn(self) -> None:
        """One more sample."""
        np.divide(self._sum, self._count, out=self._sample)
        np.subtract(self._sample, self._before, out=self._change)
        np.abs(self._change, out=self._change)
        if self._has_before and self._still and self._at_ease():
            np.less(self._change, STILL_CHANGE, out=self._calm)
            if not self._open_eyed():
                self._calm[_LIDS] = False
            self._learn_rest(self._span_s)
        self._learn_range(self._span_s)
        self._before, self._sample = self._sample, self._before
        self._has_before = True
        self._begin_sample()
        self.measured = self._told()

    def _at_ease(self) -> bool:
        """Whether this may be a rest: cheeks, lids and lips follow a smile and an open mouth."""
        smile, jaw = self._sample[_SMILE].mean(), self._sample[_JAW]
        return bool(smile < SMILES and jaw < OPEN_MOUTHED)

    def _open_eyed(self) -> bool:
        """Whether the lids may be as they are at rest: neither shut nor following a look down."""
        down, shut = self._sample[_LOOK_DOWN].mean(), self._sample[_BLINK].mean()
        return bool(down < LOOKS_DOWN and shut < SHUT)

    def _learn_rest(self, dt: float) -> None:
        eager = max(1.0, self._eager_s / (MOST_EAGER_S + self.known_s))
        step = self._step * eager * dt / EVERY_S
        np.subtract(self._sample, self._rest, out=self._gap)
        # Never beyond what was seen, so that a face that stays the same has a rest that does.
        np.clip(self._gap, step * (REST_QUANTILE - 1), step * REST_QUANTILE, out=self._gap)
        self._gap *= self._calm
        self._rest += self._gap
        np.clip(self._rest, self._least, self._most, out=self._rest)
        self.known_s += dt
        self.learnt_s += dt

    def _learn_range(self, dt: float) -> None:
        grown = _RANGED & (self._sample > self._utmost)
        self._utmost[grown] += 0.2 * (self._sample - self._utmost)[grown]
        self._utmost[_RANGED] += ((USUAL_UTMOST - self._utmost) * (dt / FORGET_S))[_RANGED]

    def _watch_lids(self, weights: Weights, dt: float) -> None:
        """A whole blink of both eyes tells how far these lids are seen to come down."""
        over = weights[_BLINK] - self._rest[_BLINK]
        mean = 0.5 * float(over[0] + over[1])
        if self._blink_s < 0:
            # A blink begins with open eyes: after a gap they must have been seen so.
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
            if BLINK_S[0] < self._blink_s < BLINK_S[1] and self._peak.min() > LEAST_BLINK:
                self._learn_blink()
            self._blink_s = -1.0

    def _learn_blink(self) -> None:
        miss = self._rest[_BLINK] + self._peak - self._utmost[_BLINK]
        self._utmost[_BLINK] += np.where(miss > 0, BLINK_UP, BLINK_DOWN) * miss

    def _told(self) -> Measured:
        """What is known now: never stretched so far that noise is seen."""
        rest, utmost = self._rest.copy(), self._utmost.copy()
        # A blink that is seen whole needs no help.
        utmost[_BLINK] = np.minimum(utmost[_BLINK], USUAL_UTMOST[_BLINK])
        most = np.full(len(EXPRESSIONS), MOST_STRETCH)
        most[_BLINK] = MOST_BLINK_STRETCH
        np.maximum(utmost, rest + (USUAL_UTMOST - USUAL_REST) / most, out=utmost)
        quiet = np.full(len(EXPRESSIONS), QUIET)
        quiet[_LOOK] = 0.0
        if self._guided is not None:
            np.copyto(utmost, self._guided.utmost, where=np.isfinite(self._guided.utmost))
            quiet = self._guided.quiet
        return Measured(rest, utmost, quiet)


def blended(before: Learnt | None, habit: Habit) -> Learnt:
    """What to keep: of what was kept and what was learnt now, each as long as it was learnt.

    So a guest who sits there for a moment leaves hardly a trace.
    """
    now = habit.measured
    if before is None:
        return Learnt(now, min(habit.known_s, MOST_KNOWN_S))
    share = habit.learnt_s / (habit.learnt_s + min(before.known_s, MOST_KNOWN_S))
    then = before.measured
    utmost = np.where(
        np.isfinite(then.utmost), then.utmost + share * (now.utmost - then.utmost), now.utmost
    )
    rest = then.rest + share * (now.rest - then.rest)
    return Learnt(Measured(rest, utmost, now.quiet), min(habit.known_s, MOST_KNOWN_S))


def _turned_here(face: FaceState) -> bool:
    """Whether the camera sees the face from the front."""
    w, x, y, z = face.pose.rotation.tolist()
    ahead = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))
    place = face.pose.translation.tolist()
    away = math.hypot(*place)
    return away > 0 and -sum(a * p for a, p in zip(ahead, place, strict=True)) >= TURNED_COS * away


def _is_near(one: FaceState, other: FaceState) -> bool:
    """Whether a head is hardly anywhere else."""
    moved = math.dist(one.pose.translation.tolist(), other.pose.translation.tolist())
    alike = abs(float(one.pose.rotation @ other.pose.rotation))
    return moved < STILL_M and 2 * math.acos(min(alike, 1.0)) < STILL_RAD

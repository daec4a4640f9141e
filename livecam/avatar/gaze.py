"""Where the eyes look and how far the lids are shut.

What was measured says it roughly: each eye for itself, noisy, lost while a lid is down. Eyes
move together, they meet where they look, they jump and then rest, and a blink is whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.baseline import SlowQuantile
from livecam.core.face import INDEX, Weights

# int[2, 4]: left and right eye; in, out, up, down
_LOOK = np.array(
    [
        [INDEX[f"eyeLook{way}{side}"] for way in ("In", "Out", "Up", "Down")]
        for side in ("Left", "Right")
    ]
)
_BLINK = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
# What else moves a lid, int[2, 2]; it fades as the lid shuts (see avatar/expression.py).
_WIDE_SQUINT = np.array(
    [[INDEX[name + side] for side in ("Left", "Right")] for name in ("eyeWide", "eyeSquint")]
)
FULL_TURN_RAD = float(np.radians(31.0))  # of an eye to the side, at weight 1

HIDDEN_FROM, HIDDEN_AT = 0.15, 0.5  # a lid so far down hides its eye from the tracker
# Eyes so far in, on the mean of both, are crossed on purpose; measured on straight ones: 0.1.
CROSSED_FROM, CROSSED_AT = 0.2, 0.4
# Seen from the lens, large eyes that meet in it look crossed: so much of the true angle is right.
VERGENCE_SHARE = 0.35
NEAREST_M, FARTHEST_M = 0.35, 2.0

STEADY_CHANGE = 0.04  # weights that stay within this say nothing new about the gaze
STEADY_HZ = 1.5
STEADY_AFTER_S = 0.6
SACCADE_S, RETURN_S = 0.012, 0.08  # time constants of a jump, and back to what is measured
BETWEEN_S = (0.5, 2.2)  # small saccades
REACH = (0.02, 0.05)  # of them, as weights: 0.6 to 1.5 degrees
IDLE_REACH = (0.03, 0.16)  # while nobody is seen

CLOSES, OPENS = 0.45, 0.30  # a lid this far down is shutting; a shut one this far up opens
AHEAD_S = 0.02  # a lid that comes down fast is shutting a little earlier
SHUT_PER_S, OPEN_PER_S = 14.0, 8.0
SHUT_S = 0.06  # at least, so that two pictures at 30 a second show it
LOWEST = 0.22  # of a lid that rests half open
DROOP_SHARE = 0.5
REST_QUANTILE, MOST_REST, ASLEEP = 0.3, 0.3, 0.6
BLINKS_S = (1.8, 5.5)  # between natural blinks, while nobody is seen
FIRST_BLINK_S = 0.6


class Gaze:
    """Both eyes as a pair. Directions are left and up, in weights of a full turn."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        self._aim = np.zeros(2)
        self._slow: NDArray[np.float64] | None = None
        self._steady_s = 0.0
        self._wait_s = BETWEEN_S[0]
        self._small = np.zeros(2)  # the small saccade, and where it goes
        self._small_goal = np.zeros(2)

    def step(
        self, morphs: NDArray[np.float64], vergence: float, dt: float, idle: bool, amount: float
    ) -> None:
        """Cleans the look weights in place.

        Args:
            morphs: float64[52], measured; the lids are those measured too.
            vergence: how far each eye turns in, as a weight.
            dt: seconds since the last step.
            idle: nothing is measured: the eyes come to rest ahead and wander a little.
            amount: of the small movements, 0..1.
        """
        if idle:
            self._aim = self._aim * float(np.exp(-dt / 0.5))
            crossed = 0.0
        else:
            crossed = self._measure(morphs)
        small = self._wander(dt, idle) * amount
        left, up = self._aim + small
        turned_in = max(vergence, crossed)
        out = np.array((left - turned_in, -(left + turned_in)))  # left eye, right eye: outwards
        morphs[_LOOK[:, 0]] = np.clip(-out, 0.0, 1.0)
        morphs[_LOOK[:, 1]] = np.clip(out, 0.0, 1.0)
        morphs[_LOOK[:, 2]] = min(max(up, 0.0), 1.0)
        morphs[_LOOK[:, 3]] = min(max(-up, 0.0), 1.0)

    def _measure(self, morphs: NDArray[np.float64]) -> float:
        """Takes the measured aim over; how far both eyes are turned in on purpose."""
        look = morphs[_LOOK]
        look[:, 3] /= 1 - np.minimum(morphs[_BLINK], HIDDEN_AT)  # it had faded, see below
        hidden = (morphs[_BLINK] - HIDDEN_FROM) / (HIDDEN_AT - HIDDEN_FROM)
        trust = 1 - np.clip(hidden, 0.0, 1.0)
        inwards = look[:, 0] - look[:, 1]
        total = float(trust.sum())
        if total > 0.5:
            left = float(trust[1] * inwards[1] - trust[0] * inwards[0]) / total
            up = float(trust @ (look[:, 2] - look[:, 3])) / total
            self._aim = np.array((left, up))
        crossed = float(inwards.mean())
        sure = min(max((crossed - CROSSED_FROM) / (CROSSED_AT - CROSSED_FROM), 0.0), 1.0)
        return crossed * sure * float(trust.min())

    def _wander(self, dt: float, idle: bool) -> NDArray[np.float64]:
        """Small saccades, once the measured gaze has rested for a while."""
        if self._slow is None:
            self._slow = self._aim.copy()
        away = self._aim - self._slow
        self._slow += away * (1 - np.exp(-2 * np.pi * STEADY_HZ * dt))
        steady = idle or float(np.abs(away).max()) < STEADY_CHANGE
        self._steady_s = self._steady_s + dt if steady else 0.0
        if not idle and self._steady_s < STEADY_AFTER_S:
            self._small_goal, constant = np.zeros(2), RETURN_S
        else:
            constant = SACCADE_S
            self._wait_s -= dt
            if self._wait_s <= 0:
                self._wait_s = float(self._random.uniform(*BETWEEN_S))
                reach = self._random.uniform(*(IDLE_REACH if idle else REACH))
                turn = self._random.uniform(0, 2 * np.pi)
                self._small_goal = reach * np.array((np.cos(turn), 0.6 * np.sin(turn)))
        self._small += (self._small_goal - self._small) * (1 - np.exp(-dt / constant))
        return self._small


class Lids:
    """Two lids that are open or shut, and quick between.

    A lid that begins to shut shuts wholly and stays so for a moment, even when the camera saw
    only half of it; one that rests half open is raised.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._rest = SlowQuantile(REST_QUANTILE, prior=np.zeros(2))
        self.reset()

    def reset(self) -> None:
        self._rest.reset()
        self._lid: NDArray[np.float64] | None = None  # float64[2], 1 is shut
        self._before = np.zeros(2)
        self._shut = np.zeros(2, bool)
        self._shut_s = np.zeros(2)
        self._wait_s = FIRST_BLINK_S

    def step(self, morphs: NDArray[np.float64], dt: float, idle: bool) -> None:
        """Cleans the blink weights in place, and those that give way to them.

        While idle nothing is measured, and the lids blink by themselves.
        """
        measured = np.zeros(2) if idle else morphs[_BLINK]
        awake = dt if not idle and float(measured.max()) < ASLEEP else 0.0
        rest = self._rest.step(np.minimum(measured, MOST_REST), awake)
        down = np.maximum(measured - rest, 0.0) / (1 - rest)
        if self._lid is None:  # the first picture shows what it shows
            self._shut = down > CLOSES
            self._lid = np.where(self._shut, 1.0, _droop(down))
        elif dt > 0:
            self._move(down, (down - self._before) / dt, dt, idle and self._blinks(dt))
        self._before = down
        before = np.minimum(morphs[_BLINK], 0.99)
        morphs[_WIDE_SQUINT] *= np.minimum((1 - self._lid) / (1 - before), 1.0)
        morphs[_LOOK[:, 3]] *= 1 - self._lid
        morphs[_BLINK] = self._lid

    def _move(
        self, down: NDArray[np.float64], speed: NDArray[np.float64], dt: float, blink: bool
    ) -> None:
        assert self._lid is not None
        self._shut_s = np.where(self._shut & (self._lid >= 1), self._shut_s + dt, 0.0)
        stays = self._shut & ((self._shut_s < SHUT_S) | (down > OPENS))
        shuts = (down + AHEAD_S * speed > CLOSES) & (down > OPENS)
        self._shut = stays | shuts | blink
        goal = np.where(self._shut, 1.0, _droop(down))
        low, high = self._lid - OPEN_PER_S * dt, self._lid + SHUT_PER_S * dt
        # What was measured may be quicker still.
        self._lid = np.clip(goal, low, np.maximum(high, np.minimum(down, 1.0)))

    def _blinks(self, dt: float) -> bool:
        self._wait_s -= dt
        if self._wait_s > 0:
            return False
        self._wait_s = float(self._random.uniform(*BLINKS_S))
        return True


def vergence(half_apart_m: float, distance_m: float) -> float:
    """How far each eye turns in to meet the other in the lens, as a weight.

    Both are metres in camera space: half the way between the eyes, and from them to the lens.
    """
    distance_m = min(max(distance_m, NEAREST_M), FARTHEST_M)
    return VERGENCE_SHARE * float(np.arctan2(half_apart_m, distance_m)) / FULL_TURN_RAD


def look_of(morphs: Weights) -> NDArray[np.float64]:
    """Where each eye looks, float64[2, 2]: left and right eye; left and up, as weights."""
    look = morphs[_LOOK].astype(np.float64)
    out = look[:, 1] - look[:, 0]
    return np.stack((out * (1, -1), look[:, 2] - look[:, 3]), axis=1)


def _droop(down: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a lid hangs that does not shut."""
    return np.minimum(DROOP_SHARE * down, LOWEST)

"""Cleans the measured gaze and lids: conjugate gaze, vergence, saccades, whole blinks.

The tracker measures each eye on its own, with noise, and loses it while its lid is down. Real
eyes move together, converge on a point, jump and then rest, and a blink is complete.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.baseline import SlowQuantile
from livecam.core.face import INDEX

# int[2, 4]: indices of left and right eye; in, out, up, down
_LOOK = np.array(
    [
        [INDEX[f"eyeLook{direction}{side}"] for direction in ("In", "Out", "Up", "Down")]
        for side in ("Left", "Right")
    ]
)
_BLINK = [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]
# int[2, 2]: other weights that move a lid; they fade as it shuts (see avatar/expression.py).
_WIDE_SQUINT = np.array(
    [[INDEX[name + side] for side in ("Left", "Right")] for name in ("eyeWide", "eyeSquint")]
)
FULL_TURN_RAD = float(np.radians(31.0))  # yaw of an eye at weight 1

HIDDEN_FROM, HIDDEN_AT = 0.15, 0.5  # blink weights between which the eye becomes unreliable
# Mean inward weights from which eyes are crossed on purpose; straight ones measure up to 0.1.
CROSSED_FROM, CROSSED_AT = 0.2, 0.4
# Large eyes that converge on the lens appear crossed in its image: this share of the true angle.
VERGENCE_SHARE = 0.35
MIN_DISTANCE_M, MAX_DISTANCE_M = 0.35, 2.0

STEADY_CHANGE = 0.04  # smaller changes of the weights are noise: the gaze rests
STEADY_S = 0.1  # time constant of the mean that the gaze is compared with
STEADY_AFTER_S = 0.6
# Time constants of a saccade, and of the return to the measured gaze.
SACCADE_S, RETURN_S = 0.012, 0.08
INTERVAL_S = (0.5, 2.2)  # between small saccades
AMPLITUDE = (0.02, 0.05)  # of them, as weights: 0.6 to 1.5 degrees
IDLE_AMPLITUDE = (0.03, 0.16)  # while no face is tracked
VERTICAL_SHARE = 0.6  # vertical amplitude over the horizontal one
IDLE_S = 0.5  # time constant of the return to the front

CLOSES, OPENS = 0.45, 0.30  # a lid this far down is shutting; a shut one this far up opens
LID_PREDICTION_S = 0.02  # of a lid, so that a fast one shuts earlier
SHUT_PER_S, OPEN_PER_S = 14.0, 8.0
MIN_SHUT_S = 0.06  # so that two frames at 30 a second show it
DROOP_SHARE, MAX_DROOP = 0.5, 0.22  # of a lid that rests half open
REST_QUANTILE, MAX_REST, ASLEEP = 0.3, 0.3, 0.6
BLINKS_S = (1.8, 5.5)  # between natural blinks, while no face is tracked
FIRST_BLINK_S = 0.6


class Gaze:
    """Estimates the direction of both eyes as a pair: left and up, as weights of a full turn.

    Plain numbers: for two eyes arrays cost more than they save.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        self._aim = (0.0, 0.0)
        self._slow: tuple[float, float] | None = None
        self._steady_s = 0.0
        self._wait_s = INTERVAL_S[0]
        self._offset = (0.0, 0.0)  # of the small saccade, and its goal
        self._offset_goal = (0.0, 0.0)

    def step(
        self, morphs: NDArray[np.float64], vergence: float, dt: float, idle: bool, amount: float
    ) -> None:
        """Cleans the eyeLook weights in place.

        Args:
            morphs: float64[52], measured; the lids are those measured too.
            vergence: how far each eye turns in, as a weight.
            dt: seconds since the last step.
            idle: nothing is measured: the eyes return to the front and wander a little.
            amount: of the small saccades, 0..1.
        """
        if idle:
            self._aim = _eased(self._aim, (0.0, 0.0), dt, IDLE_S)
        else:
            vergence = max(vergence, self._measure(morphs))
        saccade = self._wander(dt, idle)
        left, up = (aim + amount * more for aim, more in zip(self._aim, saccade, strict=True))
        for indices, out in zip(_LOOK, (left - vergence, -left - vergence), strict=True):
            morphs[indices] = [min(max(weight, 0.0), 1.0) for weight in (-out, out, up, -up)]

    def _measure(self, morphs: NDArray[np.float64]) -> float:
        """Updates the aim; returns how far both eyes are turned in on purpose."""
        blinks = [float(blink) for blink in morphs[_BLINK]]
        trust = [_fade(HIDDEN_AT, HIDDEN_FROM, blink) for blink in blinks]
        gazes: list[list[float]] = morphs[_LOOK].tolist()
        inwards = [gaze[0] - gaze[1] for gaze in gazes]
        # eyeLookDown was faded by the blink (avatar/expression.py): undone here.
        ups = [
            gaze[2] - gaze[3] / (1 - min(blink, HIDDEN_AT))
            for gaze, blink in zip(gazes, blinks, strict=True)
        ]
        total = sum(trust)
        if total > 0.5:
            left = (trust[1] * inwards[1] - trust[0] * inwards[0]) / total
            self._aim = (left, (trust[0] * ups[0] + trust[1] * ups[1]) / total)
        crossed = sum(inwards) / 2
        return crossed * _fade(CROSSED_FROM, CROSSED_AT, crossed) * min(trust)

    def _wander(self, dt: float, idle: bool) -> tuple[float, float]:
        """Returns the offset of small saccades, once the measured gaze has rested for a while."""
        slow = self._aim if self._slow is None else self._slow
        away = max(abs(aim - mean) for aim, mean in zip(self._aim, slow, strict=True))
        self._slow = _eased(slow, self._aim, dt, STEADY_S)
        self._steady_s = self._steady_s + dt if idle or away < STEADY_CHANGE else 0.0
        if not idle and self._steady_s < STEADY_AFTER_S:
            self._offset_goal = (0.0, 0.0)
            self._offset = _eased(self._offset, self._offset_goal, dt, RETURN_S)
            return self._offset
        self._wait_s -= dt
        if self._wait_s <= 0:
            self._wait_s = float(self._random.uniform(*INTERVAL_S))
            reach = float(self._random.uniform(*(IDLE_AMPLITUDE if idle else AMPLITUDE)))
            turn = float(self._random.uniform(0, 2 * math.pi))
            self._offset_goal = (reach * math.cos(turn), VERTICAL_SHARE * reach * math.sin(turn))
        self._offset = _eased(self._offset, self._offset_goal, dt, SACCADE_S)
        return self._offset


class Lids:
    """Makes the blinks of two lids complete and fast.

    A lid that begins to shut shuts completely and stays shut for MIN_SHUT_S, even when only half
    a blink was measured; one that rests half open is raised.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._rest = SlowQuantile(REST_QUANTILE, prior=np.zeros(2))
        self.reset()

    def reset(self) -> None:
        self._rest.reset()
        self._lids = (Lid(), Lid())
        self._wait_s = FIRST_BLINK_S

    def step(self, morphs: NDArray[np.float64], dt: float, idle: bool) -> None:
        """Cleans the blink weights in place, and fades the other weights of the lids by them.

        While idle nothing is measured, and the lids blink by themselves.
        """
        measured = np.zeros(2) if idle else morphs[_BLINK]
        awake = dt if not idle and float(measured.max()) < ASLEEP else 0.0
        rest = self._rest.step(np.minimum(measured, MAX_REST), awake)
        blink = idle and self._is_blink_due(dt)
        for i, lid in enumerate(self._lids):
            resting, before = float(rest[i]), min(float(morphs[_BLINK[i]]), 0.99)
            down = max(float(measured[i]) - resting, 0.0) / (1 - resting)
            shut = lid.step(min(down, 1.0), dt, blink)
            morphs[_BLINK[i]] = shut
            morphs[_WIDE_SQUINT[:, i]] *= min((1 - shut) / (1 - before), 1.0)
            morphs[_LOOK[i, 3]] *= 1 - shut

    def _is_blink_due(self, dt: float) -> bool:
        self._wait_s -= dt
        if self._wait_s > 0:
            return False
        self._wait_s = float(self._random.uniform(*BLINKS_S))
        return True


class Lid:
    """One lid: 0 is open, 1 is shut."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._before = 0.0
        self._shut = False
        self._shut_s = 0.0

    def step(self, down: float, dt: float, blink: bool) -> float:
        """Returns how far it is shut dt seconds later; `down` is what was measured."""
        before, self._before = self._before, down
        if self._at is None:  # the first measurement is taken as it is
            self._shut = down > CLOSES
            self._at = 1.0 if self._shut else _droop(down)
        elif dt > 0:
            self._decide(down, (down - before) / dt, dt, blink)
            goal = 1.0 if self._shut else _droop(down)
            # The measured lid may be faster still.
            highest = max(self._at + SHUT_PER_S * dt, down)
            self._at = min(max(goal, self._at - OPEN_PER_S * dt), highest)
        return self._at

    def _decide(self, down: float, speed: float, dt: float, blink: bool) -> None:
        self._shut_s = self._shut_s + dt if self._shut and self._at == 1.0 else 0.0
        stays = self._shut and (self._shut_s < MIN_SHUT_S or down > OPENS)
        shuts = down > OPENS and down + LID_PREDICTION_S * speed > CLOSES
        self._shut = stays or shuts or blink


def vergence(half_apart_m: float, distance_m: float) -> float:
    """Returns how far each eye turns in to converge on the lens, as a weight.

    Both are metres in camera space: half the distance between the eyes, and theirs to the lens.
    """
    distance_m = min(max(distance_m, MIN_DISTANCE_M), MAX_DISTANCE_M)
    return VERGENCE_SHARE * float(np.arctan2(half_apart_m, distance_m)) / FULL_TURN_RAD


def _droop(down: float) -> float:
    """Limits how far a lid hangs that is not shutting."""
    return min(DROOP_SHARE * down, MAX_DROOP)


def _fade(at_0: float, at_1: float, x: float) -> float:
    """Rises linearly from 0 at one bound to 1 at the other, clamped beyond."""
    return min(max((x - at_0) / (at_1 - at_0), 0.0), 1.0)


def _eased(
    at: tuple[float, float], goal: tuple[float, float], dt: float, constant_s: float
) -> tuple[float, float]:
    share = 1 - math.exp(-dt / constant_s)
    return at[0] + share * (goal[0] - at[0]), at[1] + share * (goal[1] - at[1])

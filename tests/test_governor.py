"""The governor on simulated machines: it settles, does not hunt, and recovers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from livecam.config.settings import LiveQuality
from livecam.live.governor import MAX_PATIENCE_S, Governor
from livecam.live.ladder import LADDER

LAST = len(LADDER) - 1
TRACKING_S = 0.015
COSTS = np.linspace(1.0, 0.5, len(LADDER))  # of a frame, by the rung

# How long drawing a frame takes on the first rung, by the time.
Load = Callable[[float], float]


class Machine:
    """A camera, and a machine that draws the newest frame whenever it is free."""

    def __init__(self, quality: LiveQuality = "auto", fps: float = 30.0) -> None:
        self.governor = Governor(quality)
        self.fps = fps
        self.levels: list[tuple[float, int]] = []  # time and rung of each published frame
        self._free_at = 0.0
        self._frame = 0

    def run(self, until_s: float, load: Load) -> None:
        while self._free_at < until_s:
            frame = max(int(self._free_at * self.fps), self._frame + 1)
            captured_at = frame / self.fps
            began_at = max(self._free_at, captured_at + TRACKING_S)
            self._free_at = began_at + load(began_at) * COSTS[self.governor.level]
            lost, self._frame = frame - self._frame - 1, frame
            self.governor.published(captured_at, self._free_at - captured_at, lost)
            self.levels.append((captured_at, self.governor.level))

    def changes(self, since_s: float = 0.0) -> int:
        levels = [level for at, level in self.levels if at >= since_s]
        return sum(a != b for a, b in pairwise(levels))

    def share_on(self, level: int, since_s: float) -> float:
        return float(np.mean([each == level for at, each in self.levels if at >= since_s]))


def constant(seconds: float) -> Load:
    return lambda now: seconds


def noisy(seconds: float, seed: int = 1) -> Load:
    rng = np.random.default_rng(seed)
    return lambda now: seconds * float(rng.lognormal(0.0, 0.15))


def fitting(level: int) -> float:
    """The load that this rung holds, and the one above it does not."""
    return 0.985 / 30 / float(COSTS[level])


def test_a_machine_that_is_fast_enough_stays_on_the_first_rung() -> None:
    machine = Machine()
    machine.run(600, noisy(0.018))
    assert machine.changes() == 0
    assert machine.governor.level == 0


def test_sporadic_stalls_change_nothing() -> None:
    machine, rng, stalls = Machine(), np.random.default_rng(2), 1

    def load(now: float) -> float:
        nonlocal stalls
        if now < 5.3 * stalls:
            return 0.02
        stalls += 1
        return float(rng.uniform(0.1, 0.5))

    machine.run(600, load)
    assert stalls > 100
    assert machine.changes() == 0


@pytest.mark.parametrize("level", range(1, LAST + 1))
def test_under_a_constant_load_it_settles_on_the_rung_that_holds_the_rate(level: int) -> None:
    machine = Machine()
    machine.run(900, constant(fitting(level)))
    assert machine.share_on(level, since_s=300) > 0.93
    assert machine.changes(since_s=300) <= 2 * 600 / MAX_PATIENCE_S + 4


@pytest.mark.parametrize("seed", range(4))
def test_under_a_noisy_load_it_does_not_hunt(seed: int) -> None:
    machine = Machine()
    machine.run(900, noisy(fitting(3), seed))
    assert machine.changes(since_s=300) <= 3 * 600 / MAX_PATIENCE_S + 4
    assert max(level for at, level in machine.levels if at > 300) <= LAST


def test_under_a_step_of_the_load_it_is_in_time_within_a_few_seconds() -> None:
    machine = Machine()
    machine.run(60, constant(0.02))
    machine.run(120, lambda now: 0.02 if now < 60 else fitting(LAST))
    at_last = next(at for at, level in machine.levels if level == LAST)
    assert at_last < 60 + 20


def test_a_hopeless_load_is_met_in_steps_of_two() -> None:
    machine = Machine()
    machine.run(30, constant(0.15))
    assert machine.governor.level == LAST
    assert machine.changes() == -(-LAST // 2)


def test_it_climbs_again_when_the_load_has_gone() -> None:
    machine = Machine()
    machine.run(300, constant(0.15))
    machine.run(300 + MAX_PATIENCE_S + 20 * LAST, constant(0.01))
    assert machine.governor.level == 0
    before = machine.changes()
    machine.run(900, constant(0.01))
    assert machine.changes() == before


def test_under_a_ramp_it_goes_down_one_rung_after_the_other_and_up_again() -> None:
    machine = Machine()
    machine.run(600, lambda now: 0.02 + 0.04 * min(now, 600 - now) / 300)
    levels = [level for at, level in machine.levels if at < 300]
    assert machine.governor.level < max(levels)
    assert max(levels) == LAST
    assert sum(b < a for a, b in pairwise(levels)) <= 8  # tries in vain on the way down


def test_a_slow_camera_is_no_load() -> None:
    machine = Machine(fps=12.0)
    machine.run(120, constant(0.03))
    assert machine.changes() == 0


def test_no_rate_above_the_target_is_worth_a_rung() -> None:
    machine = Machine(fps=60.0)
    machine.run(120, constant(0.028))
    assert machine.changes() == 0


def test_while_nobody_is_visible_nothing_is_judged() -> None:
    governor = Governor()
    for i in range(100):  # every one of them late, and alone
        governor.published(10.0 * i, 0.5, 10)
    assert governor.level == 0


@pytest.mark.parametrize(("quality", "level"), [("high", 0), ("low", LAST)])
def test_a_pinned_quality_stays(quality: LiveQuality, level: int) -> None:
    machine = Machine(quality)
    machine.run(60, lambda now: 0.1 if now > 30 else 0.01)
    assert {each for _, each in machine.levels} == {level}


def test_a_quality_that_is_pinned_while_it_runs_holds_at_once() -> None:
    machine = Machine()
    machine.governor.quality = "low"
    assert machine.governor.rung is LADDER[-1]
    machine.governor.quality = "auto"
    assert machine.governor.rung is LADDER[0]


def test_each_rung_allows_no_more_than_the_one_before() -> None:
    for above, below in pairwise(LADDER):
        assert above != below
        assert below.looks <= above.looks
        assert below.follows >= above.follows
        assert above.detail.scale - below.detail.scale in (0, 0.125)  # the eye does not notice it
        assert below.detail.light_period_s >= above.detail.light_period_s


def test_a_camera_that_is_late_itself_costs_nothing() -> None:
    governor = Governor()
    for frame in range(3000):
        governor.published(frame / 30, 0.2 + 0.01 * (frame % 3), 0)
    assert governor.level == 0
    for frame in range(3000, 4000):
        governor.published(frame / 30, 0.3, 0)
    assert governor.level > 0

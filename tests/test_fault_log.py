"""Faults that come and go are logged once, then counted."""

from __future__ import annotations

import logging

import pytest

from livecam.core import worker as worker_module
from livecam.core.errors import SourceError
from livecam.core.fault_log import MAX_KINDS, STEADY_S, FaultLog
from livecam.core.worker import Worker
from tests.faces import face
from tests.test_pipeline import Stage


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def fault_log() -> tuple[FaultLog, Clock]:
    clock = Clock()
    return FaultLog(logging.getLogger("livecam.test"), "capture", clock.now), clock


def tracebacks(caplog: pytest.LogCaptureFixture) -> int:
    return sum(bool(record.exc_info) for record in caplog.records)


def test_thirty_two_faults_in_eight_seconds_are_three_lines(caplog):
    faults, clock = fault_log()
    for i in range(32):
        faults.failed(ValueError(f"bad size {i}"))
        clock.seconds += 0.125
        faults.worked()
        clock.seconds += 0.125
    assert caplog.messages == [
        "capture: bad size 0",
        "capture: works again",
        "capture: bad size 20 (20 times more in 5 s)",
    ]
    assert tracebacks(caplog) == 1


def test_a_lasting_fault_is_counted_at_growing_intervals(caplog):
    faults, clock = fault_log()
    for _ in range(3600):
        faults.failed(SourceError("the camera is gone"))
        clock.seconds += 1
    assert len(caplog.messages) == 12  # at 5, 15, 35, 75, 155, 315, 635 s, then every ten minutes
    assert tracebacks(caplog) == 1


def test_when_a_repeated_fault_has_ended_it_is_said_once(caplog):
    faults, clock = fault_log()
    for _ in range(3):
        faults.failed(SourceError("the camera is gone"))
        faults.worked()
        clock.seconds += 1
    for _ in range(30):
        clock.seconds += 1
        faults.worked()
    assert caplog.messages == [
        "capture: the camera is gone",
        "capture: works again",
        "capture: works again after 2 faults",
    ]


def test_a_fault_after_a_steady_time_is_new(caplog):
    faults, clock = fault_log()
    for _ in range(2):
        faults.failed(SourceError("the camera is gone"))
        faults.worked()
        clock.seconds += STEADY_S
        faults.worked()
    assert caplog.messages == ["capture: the camera is gone", "capture: works again"] * 2


def test_other_faults_are_logged_too_but_not_without_end(caplog):
    faults, _ = fault_log()
    for letter in "abcdefghijklmnopqrstuvwxyz":
        faults.failed(SourceError(letter))
    assert len(caplog.messages) == MAX_KINDS


def test_a_worker_that_fails_now_and_then_logs_few_lines(caplog, monkeypatch):
    class NowAndThen:
        steps = 0

        def start(self) -> None:
            pass

        def step(self) -> bool:
            self.steps += 1
            if self.steps % 2:
                raise RuntimeError("now and then")
            return self.steps < 80

        def stop(self) -> None:
            pass

    monkeypatch.setattr(worker_module, "FIRST_PAUSE_S", 0.001)
    worker = Worker("capture", NowAndThen())
    worker.start()
    assert worker.join(30)
    assert caplog.messages == ["capture: now and then", "capture: works again"]
    assert tracebacks(caplog) == 1


def test_a_compositor_that_fails_now_and_then_logs_few_lines(caplog):
    stage = Stage()
    for i in range(80):
        stage.break_graphics(i % 2 == 1)
        stage.now += 5  # beyond any pause before the next try
        stage.observe(face())
    assert caplog.messages == [
        "drawing: the driver gave up",
        "drawing: works again",
    ]

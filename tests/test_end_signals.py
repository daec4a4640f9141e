"""Processes end calmly, whatever signals arrive and however often; a slow file is waited for."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import runpy
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.cli import CANCELLED
from livecam.cli import main as cli_main
from livecam.cli.main import execute
from livecam.convert.outcome import Conversion
from livecam.core import end_signals as end_signals_module
from livecam.core.end_signals import (
    END_SIGNALS,
    checkpoint,
    end_signals,
    is_closed_terminal,
    leave_closed_terminal,
)
from livecam.live import sink_worker
from livecam.sinks.recorder import Recorder

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends signals of POSIX")
RUN = ["run", "--source", "pattern", "--avatar", "none", "--no-learn", "--no-virtual-camera",
       "--no-preview", "--seconds", "0.5", "--width", "320", "--height", "240"]  # fmt: skip


@posix
def test_every_way_to_end_a_command_leaves_complete_files_or_none(repository: Path):
    """A dozen of the trials: several signals, at the start, a closed terminal, SIGKILL."""
    script = runpy.run_path(str(repository / "scripts" / "trial_signals.py"))
    trials = script["run_trials"](9, seed=20, commands=("run",))
    trials += script["run_trials"](2, seed=20, commands=("convert",), endings=("signals", "kill"))
    trials += script["run_trials"](1, seed=20, commands=("render",), endings=("burst",))
    assert [str(trial) for trial in trials if trial.faults] == []


@posix
def test_the_first_signal_interrupts_and_the_others_do_nothing():
    with end_signals():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        for number in END_SIGNALS * 3:
            os.kill(os.getpid(), number)


@posix
def test_a_loop_that_is_asked_to_stop_is_not_interrupted():
    calls = []
    with end_signals() as signals:
        signals.call(lambda: calls.append(1))
        for number in END_SIGNALS * 3:
            os.kill(os.getpid(), number)
    assert calls == [1]


@posix
def test_a_signal_that_came_before_the_loop_ends_it_at_once():
    calls = []
    with end_signals() as signals, signals.held():
        os.kill(os.getpid(), signal.SIGTERM)
        signals.call(lambda: calls.append(1))
    assert calls == [1]


@posix
def test_held_work_is_interrupted_at_its_checkpoints():
    with end_signals() as signals, signals.held():
        checkpoint()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            checkpoint()
    checkpoint()


def signal_in_a_callback() -> None:
    """A library that calls back, as GLFW and MediaPipe do."""
    ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGTERM))()


def signal_in_a_finalizer() -> None:
    class Ends:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    Ends()


def signal_in_a_weak_reference() -> None:
    """As those of the import system's locks."""
    thing = type("Thing", (), {})()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del thing
    assert reference() is None


@posix
@pytest.mark.parametrize(
    "lose", [signal_in_a_callback, signal_in_a_finalizer, signal_in_a_weak_reference]
)
def test_an_interrupt_that_python_could_only_report_is_raised_again(
    lose: Callable[[], None], capfd: pytest.CaptureFixture[str]
):
    def work() -> None:
        lose()
        for _ in range(10_000):
            time.sleep(0.001)

    hook = sys.unraisablehook
    with end_signals(), pytest.raises(KeyboardInterrupt):
        work()
    assert sys.unraisablehook == hook
    assert capfd.readouterr().err == ""


@posix
def test_other_errors_in_a_callback_are_reported_as_before(monkeypatch: pytest.MonkeyPatch):
    reported: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: reported.append(lost.exc_type))
    with end_signals():
        ctypes.CFUNCTYPE(None)(lambda: [][0])()
    assert reported == [IndexError]


@posix
def test_a_conversion_whose_last_film_is_complete_ends_with_130_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def converted(*_: object, **__: object) -> Conversion:
        with end_signals() as signals, signals.held():
            os.kill(os.getpid(), signal.SIGINT)
        return Conversion((), ())

    monkeypatch.setattr("livecam.convert.convert_files", converted)
    with end_signals():
        assert execute(["convert", "a.mp4", "b.mp4"]) == CANCELLED


@posix
def test_handlers_are_put_back_and_an_inner_block_leaves_them():
    before = {number: signal.getsignal(number) for number in END_SIGNALS}
    with end_signals() as outer:
        with end_signals() as inner:
            assert inner is outer
        assert signal.getsignal(signal.SIGTERM) == outer.handle
    assert {number: signal.getsignal(number) for number in END_SIGNALS} == before


@posix
def test_nohup_is_respected():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with end_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_write_to_a_closed_terminal_is_its_end_and_no_error(monkeypatch: pytest.MonkeyPatch):
    master, terminal = os.openpty()
    monkeypatch.setattr(end_signals_module, "OUTPUTS", (terminal,))
    broken = OSError(errno.EIO, "Input/output error")
    assert not is_closed_terminal(broken)  # a camera, not the terminal
    os.close(master)
    with pytest.raises(OSError, match="Input/output error") as caught:
        os.write(terminal, b"a line")
    assert is_closed_terminal(caught.value)
    assert not is_closed_terminal(OSError(errno.EIO, "Input/output error", "film.mp4"))
    assert not is_closed_terminal(ValueError("anything else"))

    def writes(words: list[str]) -> int:
        return os.write(terminal, b"a line")

    monkeypatch.setattr(cli_main, "_run", writes)
    assert cli_main.execute([]) == CANCELLED
    leave_closed_terminal()
    assert os.write(terminal, b"a line") == 6
    os.close(terminal)


def test_another_thread_installs_nothing():
    before = {number: signal.getsignal(number) for number in END_SIGNALS}

    def work() -> None:
        with end_signals() as signals, signals.held():
            checkpoint()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert {number: signal.getsignal(number) for number in END_SIGNALS} == before


def slow_close(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    close = Recorder.close

    def slow(self: Recorder) -> None:
        time.sleep(seconds)
        close(self)

    monkeypatch.setattr(Recorder, "close", slow)
    monkeypatch.setattr(sink_worker, "END_S", 0.1)


def test_a_recording_that_takes_long_to_finish_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    slow_close(monkeypatch, 1.0)
    with caplog.at_level(logging.WARNING):
        assert execute([*RUN, "--record", str(tmp_path / "a.mp4")]) == 0
    assert "still writing, 60 s at most" in caplog.text
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_recording_that_cannot_finish_fails_and_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    slow_close(monkeypatch, 3.0)
    monkeypatch.setattr(sink_worker, "FILE_END_S", 0.2)
    assert execute([*RUN, "--record", str(tmp_path / "a.mp4")]) == 3
    (hidden,) = tmp_path.iterdir()
    assert f"what was written is in {hidden}" in caplog.text
    deadline = time.monotonic() + 20  # the thread still finishes: let it
    while hidden.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

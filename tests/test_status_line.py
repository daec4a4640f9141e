"""The line of a live run in a real pseudo-terminal, and the bars of films in the same one."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from livecam.cli.main import execute
from livecam.cli.status_line import ShowStatus, status_line, status_words
from livecam.config.paths import LOG_FILE_VARIABLE
from tests.fetched import asset_or_skip

pty = pytest.importorskip("pty", reason="there are no such terminals here")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

RUN = ("run", "--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
       "--also-to", "null", "--no-learn", "--no-control", "--width", "160",
       "--height", "120")  # fmt: skip
STATUS = {"state": "avatar", "frozen": False, "recording": None, "fps": 29.97, "delay_ms": 48.4,
          "rung": 0, "running_s": 725.9}  # fmt: skip
LONG = "a long line, " * 12
# Lines that come between the others, and only sometimes: of MediaPipe, and of the moving pattern.
REMARKS = ("INFO", "W0", "the background changed: it is learned anew")
PREPARED = f"""
import logging, sys
from livecam.cli.command_log import log_to_terminal
from livecam.cli.status_line import status_line
log_to_terminal(logging.INFO, debug=False)
log = logging.getLogger("livecam.test")
status = {STATUS!r}
"""
SHOWN = """
with status_line() as show:
    log.info("before")
    show(status)
    input()
    log.info("[b]meanwhile[/b] /a/path 42 {LONG}")
    print("printed", file=sys.stderr)
    print("result")
    input()
""".replace("{LONG}", LONG)
BARS = """
from livecam.cli.progress import film_bars
with film_bars() as bars:
    bar = bars("a.mp4")
    bar.open(10)
    input()
    log.error("a.mp4: cannot be read, {LONG}")
    bar.advance(3)
    input()
    bar.close()
""".replace("{LONG}", LONG)


class Terminal:
    """A terminal with one program in it; it shows what a real one of endless width would."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self.received = ""
        self._handle = handle

    def until(self, pattern: str) -> None:
        """Reads until the newest lines match, or the program has ended."""
        while not re.search(pattern, self.received):
            if not self._read():
                raise AssertionError(f"{pattern!r} never came:\n{self.received!r}")

    def enter(self) -> None:
        os.write(self._handle, b"\n")

    def end(self) -> list[str]:
        """Waits for the end; returns the lines on the screen, without the one of the cursor."""
        while self._read():
            pass
        self.process.wait(60)
        *lines, last = screen(self.received)
        assert last == ""
        return lines

    def _read(self) -> bool:
        try:
            piece = os.read(self._handle, 65536)
        except OSError:  # the other end is closed
            return False
        self.received += piece.decode()
        return bool(piece)


@contextmanager
def terminal(*words: str, columns: int = 80, **variables: str) -> Iterator[Terminal]:
    """Starts Python with these arguments in a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    settings = termios.tcgetattr(theirs)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    unset = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    environ |= {"TERM": "xterm", LOG_FILE_VARIABLE: "", **variables}
    process = subprocess.Popen(
        [sys.executable, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def screen(text: str) -> list[str]:
    """The lines that a terminal shows: as much of its codes as Rich uses without a full screen."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece == "\x1b[1A":
            row -= 1
        elif piece.startswith("\x1b"):
            assert piece.endswith("m"), f"another code: {piece!r}"
        else:
            lines[row] = lines[row].ljust(column)
            lines[row] = lines[row][:column] + piece + lines[row][column + len(piece) :]
            column += len(piece)
    while len(lines) > row + 1 and lines[-1] == "":
        lines.pop()
    return lines


def test_the_most_important_values_come_first():
    assert status_words(STATUS) == "avatar | 30.0 fps | 48 ms | 0:12:05"
    changed = STATUS | {"frozen": True, "recording": "a.mp4", "delay_ms": None, "rung": 2}
    assert status_words(changed) == "avatar | frozen | recording | 30.0 fps | rung 2 | 0:12:05"
    assert status_words({}) == ""


def test_log_lines_appear_whole_above_the_line_and_it_vanishes():
    with terminal("-c", PREPARED + SHOWN) as there:
        there.until(r"\| 0:12:05")
        assert screen(there.received) == ["before", status_words(STATUS)]
        there.enter()
        there.until("printed")
        there.enter()
        lines = there.end()
    meanwhile = f"[b]meanwhile[/b] /a/path 42 {LONG}".rstrip()
    assert sorted(line.rstrip() for line in lines) == sorted(
        ["before", meanwhile, "printed", "result"]
    )
    assert "\x1b[?25l" not in there.received  # a crash leaves the cursor visible


def test_a_narrow_terminal_wraps_nothing():
    with terminal("-c", PREPARED + SHOWN, columns=20) as there:
        there.until("avatar")
        there.enter()
        there.until("printed")
        there.enter()
        there.end()
    shown = re.findall(r"\x1b\[2K(avatar[^\r\n]*)", there.received)
    assert shown
    assert all(len(line) <= 20 and line.endswith("…") for line in shown)


def test_an_error_leaves_a_clean_end():
    failing = PREPARED + SHOWN.replace("    input()\n", "    raise SystemExit('error: broken')\n")
    with terminal("-c", failing) as there:
        assert there.end() == ["before", "error: broken"]


def test_a_crash_leaves_the_cursor(tmp_path: Path):
    crashing = PREPARED + SHOWN.replace("    input()\n", "    import os; os.abort()\n")
    with terminal("-c", crashing) as there, pytest.raises(AssertionError):
        there.until("never")
    assert "\x1b[?25l" not in there.received


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_some_terminals_show_no_line(variables: dict[str, str]):
    with terminal("-c", PREPARED + "with status_line() as show: print(show)", **variables) as there:
        assert there.end() == ["None"]
    assert "\x1b" not in there.received


def test_a_pipe_gets_no_line_and_imports_no_rich():
    code = PREPARED + "with status_line() as show: print(show, 'rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"FORCE_COLOR": "1"}, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("None False\n", "")


def test_results_go_where_stdout_leads(tmp_path: Path):
    out = tmp_path / "out"
    redirected = f"import os\nos.dup2(os.open({str(out)!r}, os.O_WRONLY | os.O_CREAT), 1)\n"
    with terminal("-c", redirected + PREPARED + SHOWN) as there:
        there.until("avatar")
        there.enter()
        there.until("printed")
        there.enter()
        assert "result" not in there.end()
    assert out.read_text() == "result\n"


def test_the_bars_of_films_let_log_lines_through():
    with terminal("-c", PREPARED + BARS) as there:
        there.until("looking")
        there.enter()
        there.until("cannot be read")
        there.enter()
        assert [line.rstrip() for line in there.end()] == [
            f"a.mp4: cannot be read, {LONG}".rstrip()
        ]
    assert "\x1b[?25l" not in there.received


# Real runs


def in_a_terminal(end: Callable[[Terminal], None], *words: str) -> tuple[Terminal, list[str]]:
    asset_or_skip("face-landmarker")
    with terminal("-m", "livecam", *RUN, *words) as there:
        end(there)
        return there, there.end()


def check_run(there: Terminal, lines: list[str]) -> None:
    assert there.process.returncode == 0, there.received
    words = [re.split(r"[ ,]", line)[0] for line in lines if not line.startswith(REMARKS)]
    assert words == ["reading", "publishing", "published", "nothing"]
    assert re.search(r"\x1b\[2Kcurtain \| [\d.]+ fps \| 0:00:0\d", there.received)


def test_a_run_shows_its_status_until_the_time_is_up():
    check_run(*in_a_terminal(lambda there: None, "--seconds", "2.5"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_clean_end(number: signal.Signals):
    def end(there: Terminal) -> None:
        there.until(r"curtain \|")
        there.process.send_signal(number)

    check_run(*in_a_terminal(end, "--seconds", "60"))


def test_a_run_goes_on_without_its_terminal(tmp_path: Path):
    """Without SIGHUP, which ends it: as after `setsid`, or in a window manager that just dies."""
    asset_or_skip("face-landmarker")
    log = tmp_path / "a.log"
    words = (*RUN, "--seconds", "3", "--log-file", str(log))
    with terminal("-m", "livecam", *words) as there:
        there.until(r"curtain \|")
        os.close(there._handle)
        there._handle = os.open(os.devnull, os.O_RDONLY)
        while there.process.poll() is None:
            time.sleep(0.05)
    text = log.read_text()
    assert there.process.returncode == 0, text
    assert "published" in text
    assert "ERROR" not in text


def test_the_line_shows_what_the_status_of_the_run_is(monkeypatch: pytest.MonkeyPatch):
    asset_or_skip("face-landmarker")
    seen: list[dict[str, Any]] = []

    @contextmanager
    def recording_line() -> Iterator[ShowStatus]:
        yield seen.append

    monkeypatch.setattr("livecam.cli.status_line.status_line", recording_line)
    assert execute([*RUN, "--seconds", "1.2"]) == 0
    assert 1 <= len(seen) <= 4
    assert {"state", "fps", "delay_ms", "frozen", "recording", "published"} <= seen[-1].keys()
    assert seen[-1]["running_s"] >= seen[0]["running_s"] >= 0
    assert status_line is not recording_line

"""`livecam ctl` against real runs, each in a process of its own."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livecam.compose import covers
from livecam.control.client import RefusedError, ask
from livecam.control.commands import COMMANDS
from livecam.control.protocol import Request, decoded_reply, encoded_request
from livecam.core.errors import ControlError
from livecam.media.reader import VideoReader
from tests.control_target import connected
from tests.fetched import asset_or_skip
from tests.test_control import as_root, as_stranger, garbage, told_to_quit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
RUN = ["run", "--source", "pattern", "--avatar", "none", "--no-virtual-camera", "--no-preview",
       "--also-to", "null", "--no-learn", "--width", "320", "--height", "240"]  # fmt: skip
PATIENCE_S = 60.0  # a run that is not there by then has failed
MESSAGES = 10_000
HEAVY = ("numpy", "cv2", "mediapipe", "moderngl", "av", "glfw", "rich")


class Home:
    """The folders of a user, and what they type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.sockets = folder / "livecam"
        self.environ = os.environ | {
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        self.work.mkdir()

    def livecam(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "livecam", *words], cwd=cwd or self.work, env=self.environ,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    def ctl(self, *words: str, cwd: Path | None = None) -> str:
        """What `livecam ctl` prints, after it was obeyed."""
        done = self.livecam("ctl", *words, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def tell(self, command: str, *words: str, to: int | None = None) -> dict[str, Any]:
        """The same without a process of its own for the client, which is quicker."""
        return dict(ask(command, words, number=to, folder=self.sockets)[0].result)

    def refused(self, *words: str) -> tuple[int, str]:
        """The exit code and the message of a command that is refused."""
        done = self.livecam("ctl", *words)
        assert done.stdout == ""
        message, *hints = done.stderr.splitlines()
        assert message.startswith("error: ")
        assert all(hint.startswith("hint: ") for hint in hints)
        assert len(hints) <= 1
        return done.returncode, message.removeprefix("error: ")

    def status(self) -> dict[str, Any]:
        return self.tell("status", to=1)

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A run that can be reached; it is killed where the test did not end it."""
        there = len(list(self.sockets.glob("*.sock"))) if self.sockets.is_dir() else 0
        run = subprocess.Popen(
            [sys.executable, "-m", "livecam", *RUN, *words], cwd=self.work, env=self.environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: len(list(self.sockets.glob("*.sock"))) > there or run.poll() is not None)
            assert run.poll() is None, run.communicate()[1]
            yield run
        finally:
            run.kill()
            run.communicate()


def until(reached: Callable[[], bool]) -> None:
    """Waits for another process."""
    ends_at = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < ends_at, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    asset_or_skip("face-landmarker")
    with tempfile.TemporaryDirectory(prefix="livecam-") as made:
        yield Home(Path(made))


@pytest.fixture(scope="module")
def run(home: Home) -> Iterator[subprocess.Popen[str]]:
    """One run for the tests that leave it running."""
    with home.running() as process:
        yield process


@pytest.fixture
def user(home: Home, run: subprocess.Popen[str]) -> Iterator[Home]:
    """A user with a run, which goes on publishing after the test."""
    yield home
    published = home.status()["published"]
    until(lambda: home.status()["published"] > published)
    assert run.poll() is None


def test_the_status_is_that_of_the_run(user: Home, run: subprocess.Popen[str]):
    status = json.loads(user.ctl("status", "--json"))
    assert status["process"] == run.pid
    assert status["number"] == 1
    assert status["source"].startswith("test pattern 320x240")
    assert status["output"].startswith("320x240")
    assert status["sinks"] == ["nothing (320x240)"]
    assert status["avatar"] == "none"
    assert status["state"] == "curtain"  # nobody is in the test pattern
    assert (status["curtain"], status["frozen"], status["recording"]) == (False, False, None)
    assert status["settings"]["source.source"] == "pattern"
    assert "privacy.on_lost" not in status["settings"]  # it is the default
    assert "test pattern 320x240" in user.ctl("status")


def test_the_curtain_is_drawn_when_panic_returns(user: Home):
    user.tell("set", "on_lost", "passthrough")
    until(lambda: not shows_curtain(snapshot(user)))  # while it stalls, it shows one by itself
    assert user.ctl("panic") == "curtain  yes\n"
    assert shows_curtain(snapshot(user))
    assert user.status()["curtain"] is True
    user.ctl("panic")  # unlike the key P it never opens the curtain
    assert user.status()["state"] == "curtain"
    user.tell("curtain", "off")
    until(lambda: user.status()["state"] == "passthrough")
    user.tell("curtain", "on")
    assert shows_curtain(snapshot(user))
    user.tell("curtain", "off")
    user.tell("set", "on_lost", "hold")


def snapshot(user: Home) -> np.ndarray:
    user.tell("snapshot", str(user.work / "now.png"), "force", to=1)
    return cv2.imread(str(user.work / "now.png"))


def shows_curtain(image: np.ndarray) -> bool:
    card = cv2.cvtColor(covers.curtain(320, 240), cv2.COLOR_RGBA2BGR)
    return np.array_equal(image, card)


def test_a_mirrored_picture_is_mirrored_back(user: Home):
    assert user.ctl("mirror") == "mirror  yes\n"
    assert user.ctl("get", "output.mirror") == "output.mirror  yes\n"
    assert user.ctl("mirror") == "mirror  no\n"
    assert json.loads(user.ctl("get", "--json", "mirror")) == {"output.mirror": False}


def test_the_frozen_picture_goes_on(user: Home):
    user.ctl("freeze", "on")
    assert user.status()["frozen"] is True
    user.tell("freeze", "off")
    assert user.status()["frozen"] is False


def test_settings_change_by_key_and_by_flag(user: Home):
    assert user.ctl("set", "effects.lips", "0.5") == "effects.lips  0.5\n"
    assert user.ctl("set", "--", "--chin", "-0.25") == "effects.chin  -0.25\n"
    assert user.ctl("set", "chin", "-0.5") == "effects.chin  -0.5\n"
    assert user.status()["settings"]["effects.chin"] == -0.5
    for key in ("lips", "chin"):
        user.tell("set", key, "0")
    assert "effects.chin" not in user.status()["settings"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("set", "lpis", "1"), 2, 'no setting is called "lpis" - did you mean "lips"?'),
        (("set", "lips", "9"), 2, "effects.lips must be a number from 0 to 1, not 9"),
        (("set", "hands", "maybe"), 2, "picture.hands must be true or false, not maybe"),
        (("set", "source.fps", "20"), 2, "source.fps cannot change while livecam runs"),
        (("set", "lut", "nothing.cube"), 2, "nothing.cube"),
        (("get", "effects"), 2, 'no setting is called "effects"'),
        (("avatar", "foks"), 5, 'no avatar is called "foks" - did you mean "fox"?'),
        (("curtain", "maybe"), 2, 'curtain must be on or off, not "maybe"'),
        (("record", "stop"), 2, "nothing is being recorded"),
        (("snapshot", "/picture.gif"), 3, "picture.gif is neither .png nor .jpg"),
        (("snapshot", "/nowhere/picture.png"), 3, "picture.png cannot be written"),
    ],
)
def test_what_is_wrong_gets_one_clear_line(
    user: Home, words: tuple[str, ...], code: int, message: str
):
    with pytest.raises(RefusedError) as caught:
        user.tell(*words)
    assert message in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == code


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("avatar", "foks"), 5, 'no avatar is called "foks" - did you mean "fox"?'),
        (("status", "--to", "7"), 6, "no livecam with the number 7 is running"),
        (("dance",), 2, "no such command 'dance'"),
        (("set", "lips"), 2, "missing argument 'VALUE'"),
    ],
)
def test_the_command_line_ends_with_that_line_and_an_exit_code(
    user: Home, words: tuple[str, ...], code: int, message: str
):
    found, text = user.refused(*words)
    assert message in text
    assert found == code


def test_a_setting_of_the_start_says_when_it_takes_effect(user: Home):
    done = user.livecam("ctl", "set", "fps", "20")
    assert "hint: it takes effect at the next start" in done.stderr


def test_the_head_changes_while_frames_are_published(user: Home):
    assert user.ctl("avatar", "fox") == "avatar  fox\n"
    assert user.status()["avatar"] == "fox"
    user.tell("next-avatar")
    assert user.status()["avatar"] == "frog"
    user.tell("avatar", "none")
    assert user.status()["avatar"] == "none"


def test_a_recording_is_named_and_complete_when_it_is_stopped(user: Home):
    path = Path(user.ctl("record", "start").split()[1])
    assert path.parent == user.work / "out"
    assert user.ctl("record", "start").split()[1] == str(path)  # it goes on
    assert user.status()["recording"] == str(path)
    assert f"recording {path}" in user.status()["sinks"]
    assert user.ctl("record", "stop").splitlines() == [f"recorded  {path}", "complete  yes"]
    with VideoReader(path) as film:
        assert film.info.width == 320
    assert user.status()["recording"] is None


def test_a_recording_that_cannot_begin_is_an_error_and_no_recording(user: Home):
    folder = user.work / "out"
    if folder.is_dir():
        folder.rename(user.work / "out-before")
    folder.write_text("in the way")
    code, message = user.refused("record", "start")
    folder.unlink()
    assert code == 3
    assert str(folder) in message
    assert user.status()["recording"] is None


def test_a_snapshot_is_relative_to_the_client_and_replaces_nothing(user: Home):
    elsewhere = user.folder / "elsewhere"
    elsewhere.mkdir()
    user.ctl("snapshot", "a.png", cwd=elsewhere)
    before = (elsewhere / "a.png").read_bytes()
    code, message = user.refused("snapshot", str(elsewhere / "a.png"))
    assert (code, message) == (3, f"{elsewhere / 'a.png'} exists already")
    assert (elsewhere / "a.png").read_bytes() == before
    user.tell("set", "on_lost", "passthrough")
    until(lambda: not shows_curtain(snapshot(user)))

    def replaced() -> bool:
        user.ctl("snapshot", "--force", "a.png", cwd=elsewhere)
        return (elsewhere / "a.png").read_bytes() != before

    until(replaced)
    user.tell("set", "on_lost", "hold")
    user.ctl("snapshot", "b.JPG", cwd=elsewhere)
    assert cv2.imread(str(elsewhere / "b.JPG")).shape == (240, 320, 3)
    assert sorted(path.name for path in elsewhere.iterdir()) == ["a.png", "b.JPG"]


def test_ten_thousand_random_messages_break_nothing(user: Home):
    """Bytes, and requests with bytes changed: 900 are requests, of which 200 are obeyed."""
    chance, count = random.Random(16), 20  # connections side by side
    before = user.status()["published"]
    ends = [connected(user.sockets / "control-1.sock") for _ in range(count)]
    replies = [end.makefile("rb") for end in ends]
    for _ in range(MESSAGES // count):
        for end in ends:
            end.sendall(harmless(chance) + b"\n")
        for reply in replies:
            decoded_reply(reply.readline())
    for each in (*replies, *ends):
        each.close()
    assert user.status()["published"] > before
    user.tell("curtain", "off")
    user.tell("freeze", "off")


def harmless(chance: random.Random) -> bytes:
    """Garbage that does not by accident end the run, write files, or load a thousand heads."""
    while True:
        line = garbage(chance)
        if not any(word in line for word in (b"quit", b"record", b"snapshot", b"avatar")):
            return line


def test_a_request_of_unknown_words_reaches_the_run_and_is_refused_there(user: Home):
    with connected(user.sockets / "control-1.sock") as end, end.makefile("rb") as replies:
        for command in COMMANDS.keys() - {"quit", "panic", "next-avatar", "mirror"}:
            end.sendall(encoded_request(Request(command, ("\ud800", "{}", "\x1b", "", ""))))
            assert "\n" not in decoded_reply(replies.readline()).error


@pytest.mark.parametrize("manual", ["manual.md", "manual.zh-CN.md"])
def test_the_example_of_the_manual_draws_the_curtain(user: Home, manual: str, repository: Path):
    text = (repository / "docs" / manual).read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example
    done = subprocess.run(
        [sys.executable, "-c", example[1]], env=user.environ, capture_output=True, text=True,
        timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    assert done.stdout == "{'version': 1, 'ok': True, 'result': {'curtain': True}}\n"
    assert user.tell("curtain", "off") == {"curtain": False}


@as_root
def test_another_user_is_refused(user: Home):
    user.folder.chmod(0o755)
    try:
        words = as_stranger(lambda: told_to_quit(user.sockets / "control-1.sock"))
    finally:
        user.folder.chmod(0o700)
    assert words == "PermissionError"


def test_two_runs_are_told_apart_and_quit_ends_one_with_its_files(user: Home):
    with user.running("--record", "film.mkv") as second:
        assert user.refused("mirror") == (2, "2 livecams are running")
        assert user.ctl("panic") == "curtain  yes\n" * 2
        path = user.ctl("record", "start", "--to", "2").split()[1]
        user.ctl("quit", "--to", "2")
        assert second.wait(PATIENCE_S) == 0
        for film in (user.work / "film.mkv", Path(path)):
            with VideoReader(film) as reader:
                assert reader.info.width == 320
    assert [path.name for path in user.sockets.iterdir()] == ["control-1.sock"]
    user.tell("curtain", "off")


def test_a_killed_run_leaves_no_trace_that_matters(user: Home):
    with user.running() as second:
        second.send_signal(signal.SIGKILL)
        second.wait()
    assert (user.sockets / "control-2.sock").exists()
    assert user.status()["number"] == 1  # nobody asks which run is meant
    user.tell("mirror")
    user.tell("mirror")


def test_without_control_a_run_has_no_socket_and_no_client_finds_it():
    with tempfile.TemporaryDirectory(prefix="livecam-") as made:
        user = Home(Path(made))
        done = user.livecam(*RUN, "--no-control", "--seconds", "1")
        assert done.returncode == 0
        assert not user.sockets.exists()
        assert user.refused("status") == (6, "no livecam is running")
        with pytest.raises(ControlError):
            ask("status", folder=user.sockets)


def test_a_run_without_a_place_for_its_socket_goes_on_with_a_warning():
    with tempfile.TemporaryDirectory(prefix="livecam-") as made:
        user = Home(Path(made))
        user.sockets.symlink_to(user.work)
        done = user.livecam(*RUN, "--seconds", "1")
        assert done.returncode == 0
        assert "`livecam ctl` cannot reach this run" in done.stderr
        assert list(user.work.iterdir()) == []


def test_the_client_imports_nothing_heavy(home: Home):
    code = (
        "import sys; from livecam.cli.main import execute; execute(['ctl', 'status', '--to', '9']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=home.environ, capture_output=True, text=True,
        timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"

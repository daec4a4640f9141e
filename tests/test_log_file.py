"""The log in a file: private, shared by processes, rotated, and never the end of a run."""

from __future__ import annotations

import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.cli.command_log import TerminalFormatter, run_logged
from livecam.core import log_file as log_file_module
from livecam.core.errors import SinkError
from livecam.core.fault_log import FaultLog
from livecam.core.log_file import LogFile, current_log_file
from livecam.core.private_folder import folder_lock
from tests.fetched import asset_or_skip
from tests.test_control import STRANGER, as_root

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
RUN = ("run", "--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
       "--also-to", "null", "--no-learn", "--no-control", "--width", "160", "--height", "120",
       "--seconds", "0.3")  # fmt: skip
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (\d+) (\w+) ([\w.]+): (.*)")
WRITER = """
import logging, sys
from pathlib import Path
from livecam.core import log_file
log_file.MAX_BYTES = 20_000
log = logging.getLogger("livecam.test")
log.setLevel("INFO")
log.addHandler(log_file.LogFile(Path(sys.argv[1])))
for number in range(150):
    log.info("%s %d %s", sys.argv[2], number, "." * 40)
"""
LOCKER = """
import sys, time
from pathlib import Path
from livecam.core.private_folder import folder_lock
with folder_lock(Path(sys.argv[1]), 5):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """In a folder that is not there."""
    return tmp_path / "log" / "livecam.log"


@pytest.fixture
def open_path(path: Path) -> Path:
    path.parent.mkdir()
    return path


@pytest.fixture
def log(path: Path) -> Iterator[logging.Logger]:
    """A logger that writes into the file alone."""
    logger = logging.getLogger("test.log_file")
    handler = LogFile(path, private_folder=True)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    handler.close()


def handler_of(log: logging.Logger) -> LogFile:
    return next(each for each in log.handlers if isinstance(each, LogFile))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def messages(path: Path) -> list[str]:
    found = map(LINE.fullmatch, path.read_text("utf-8").splitlines())
    return [match[4] for match in found if match]


def failed() -> int:
    raise SinkError("the disk is full", "make room")


# What a record becomes


def test_a_line_has_time_process_level_and_module(log: logging.Logger, path: Path):
    log.warning("it rains")
    match = LINE.fullmatch(path.read_text().rstrip("\n"))
    assert match
    assert match.groups() == (str(os.getpid()), "WARNING", "test.log_file", "it rains")


def test_a_traceback_is_indented_and_the_terminal_leaves_it_out(log: logging.Logger, path: Path):
    record = log.makeRecord("x", logging.ERROR, "", 1, "broken", (), None)
    try:
        failed()
    except SinkError:
        record.exc_info = sys.exc_info()
    handler_of(log).handle(record)
    first, *rest = path.read_text().splitlines()
    assert first.endswith("x: broken")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
    assert TerminalFormatter(debug=False).format(record) == "broken"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("to rtmp://bob:pass@live.example/app/live_KEY?k=1 now", "to rtmp://live.example/... now"),
        ("['srt://live.example:99?passphrase=x']", "['srt://live.example:99/...']"),
        ("rtmp:/live.example/app/KEY is no folder", "rtmp:/live.example/... is no folder"),
        ("C:/Users/a.mp4 and /home/you/a b.mp4", "C:/Users/a.mp4 and /home/you/a b.mp4"),
        ("\x1b[2Jcamera\x07", "\N{REPLACEMENT CHARACTER}[2Jcamera\N{REPLACEMENT CHARACTER}"),
        ("浣熊", "浣熊"),
    ],
)
def test_of_an_address_the_host_alone_is_written(
    log: logging.Logger, path: Path, said: str, written: str
):
    log.info("%s", said)
    assert messages(path) == [written]


def test_a_message_of_several_lines_cannot_pass_for_another_record(log: logging.Logger, path: Path):
    log.info("one\n2026-11-30 00:00:00,000 1 ERROR livecam.x: forged")
    assert len(messages(path)) == 1


# Who can read it, and where it is not written


def test_file_and_folder_can_be_opened_by_their_user_alone(log: logging.Logger, path: Path):
    before = os.umask(0)
    try:
        log.info("private")
    finally:
        os.umask(before)
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_a_log_that_others_could_read_is_closed_to_them(log: logging.Logger, path: Path):
    log.info("one")
    path.chmod(0o644)
    path.parent.chmod(0o755)
    log.info("two")
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def refused(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> str:
    """The one warning of a log that cannot be written."""
    for number in range(3):
        log.info("line %d", number)
    (warning,) = (each.getMessage() for each in caplog.records if each.name != log.name)
    assert warning.startswith(f"nothing is logged into {handler_of(log).path}: ")
    return warning


def test_a_link_in_place_of_the_file_is_not_followed(
    log: logging.Logger, path: Path, caplog: pytest.LogCaptureFixture
):
    precious = path.parent.parent / "precious"
    precious.write_text("precious")
    path.parent.mkdir()
    path.symlink_to(precious)
    refused(log, caplog)
    assert precious.read_text() == "precious"


def test_a_link_in_place_of_the_folder_is_refused(
    log: logging.Logger, path: Path, caplog: pytest.LogCaptureFixture
):
    (path.parent.parent / "elsewhere").mkdir()
    path.parent.symlink_to(path.parent.parent / "elsewhere")
    assert refused(log, caplog).endswith("others could open it")
    assert not path.exists()


@as_root
def test_a_folder_or_a_file_of_another_user_is_refused(
    log: logging.Logger, path: Path, caplog: pytest.LogCaptureFixture
):
    log.info("mine")
    os.chown(path, STRANGER, STRANGER)
    assert refused(log, caplog).endswith("it belongs to another user")
    os.chown(path.parent, STRANGER, STRANGER)
    log.info("more")
    assert messages(path) == ["mine"]


@pytest.mark.parametrize("content", [b"\0\0\0 ftypisom", b"dear diary\n"])
def test_what_holds_no_log_is_left_alone(
    log: logging.Logger, path: Path, content: bytes, caplog: pytest.LogCaptureFixture
):
    path.parent.mkdir()
    path.write_bytes(content)
    assert refused(log, caplog).endswith("it holds something else than a log")
    assert path.read_bytes() == content


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_refused(
    log: logging.Logger, path: Path, make: object, caplog: pytest.LogCaptureFixture
):
    path.parent.mkdir()
    make(path)  # type: ignore[operator]
    refused(log, caplog)


def test_a_log_that_can_be_written_again_goes_on(
    log: logging.Logger, path: Path, caplog: pytest.LogCaptureFixture
):
    path.parent.write_text("a file in place of the folder")
    refused(log, caplog)
    path.parent.unlink()
    log.info("again")
    assert messages(path) == ["again"]


# Rotation, and several processes


def test_several_processes_lose_and_tear_no_line(path: Path):
    path.parent.mkdir()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == [f"livecam.log{end}" for end in ("", ".1", ".2")]
    assert all(each.stat().st_size <= 20_000 for each in files)
    assert {mode_of(each) for each in files} == {0o600}
    written = [line for each in files[::-1] for line in each.read_text().splitlines()]
    found = [match[4] for match in map(LINE.fullmatch, written) if match]
    assert len(found) == len(written)
    for name in "abcd":
        own = [int(line.split()[1]) for line in found if line.startswith(name)]
        assert own == list(range(150))


def test_a_file_that_cannot_be_renamed_now_is_written_on(
    log: logging.Logger, path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As on Windows, while an editor has it open."""

    def held(source: str, target: str) -> None:
        raise PermissionError(13, "it is used by another process", source)

    monkeypatch.setattr(handler_of(log), "maxBytes", 200)
    with monkeypatch.context() as patch:
        patch.setattr(log_file_module.os, "rename", held)
        for number in range(5):
            log.info("line %d", number)
    assert messages(path) == [f"line {number}" for number in range(5)]
    log.info("line 5")
    assert messages(path) == ["line 5"]
    assert messages(path.with_name("livecam.log.1"))[-1] == "line 4"


def test_a_process_that_keeps_the_lock_stops_no_other(
    log: logging.Logger,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(log_file_module, "PATIENCE_S", 0.01)
    path.parent.mkdir(mode=0o700)
    locker = [sys.executable, "-c", LOCKER, str(path.parent)]
    with subprocess.Popen(locker, stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout is not None
        assert stuck.stdout.readline()
        assert refused(log, caplog).endswith("another process has locked it")
        with pytest.raises(TimeoutError), folder_lock(path.parent, 0):
            pass
        stuck.kill()
    log.info("free")
    assert messages(path) == ["free"]


def test_an_error_per_frame_fills_no_file(log: logging.Logger, path: Path):
    seconds = 0.0
    faults = FaultLog(log, "drawing", lambda: seconds)
    for _ in range(30 * 60 * 60):  # an hour
        faults.failed(ValueError("the driver gave up"))
        seconds += 1 / 30
    assert len(messages(path)) < 20
    assert path.read_text().count("Traceback") == 0  # it was never raised
    assert path.stat().st_size < 4000


# Commands


def test_the_log_of_a_command_begins_with_its_line_and_ends_with_its_failure(open_path: Path):
    with pytest.raises(SinkError):
        run_logged(failed, open_path)
    text = open_path.read_text()
    first, last = messages(open_path)
    assert re.match(r"livecam [\d.]+, Python 3\.\S+, \S+ \S+ \S+: \S+", first)
    assert last == "the disk is full; make room"
    assert "    Traceback" in text
    assert "SinkError: the disk is full" in text
    assert current_log_file() is None


def test_the_exit_code_of_a_command_is_logged(open_path: Path):
    assert run_logged(lambda: 3, open_path) == 3
    assert messages(open_path)[-1] == "ended with exit code 3"


def test_what_fails_in_a_thread_is_logged(open_path: Path):
    def command() -> int:
        thread = threading.Thread(target=failed)
        thread.start()
        thread.join()
        return 0

    run_logged(command, open_path)
    assert "a thread failed: the disk is full" in messages(open_path)


class User:
    """A user with a folder of their own, and no settings."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.default = home / ".local" / "state" / "livecam" / "log" / "livecam.log"
        if sys.platform == "darwin":
            self.default = home / "Library" / "Logs" / "livecam" / "livecam.log"
        keep = {n: v for n, v in os.environ.items() if not n.startswith(("LIVECAM_", "XDG_"))}
        self.environ = keep | {"HOME": str(home)}

    def livecam(
        self, *words: str, limit_bytes: int | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if limit_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        return subprocess.run(
            [sys.executable, "-m", "livecam", *words], cwd=self.home,
            env=self.environ | variables, preexec_fn=limit, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip


@pytest.fixture
def user(tmp_path: Path) -> User:
    models = str(asset_or_skip("face-landmarker").parent)
    user = User(tmp_path)
    user.environ["LIVECAM_ASSETS"] = models
    return user


def test_a_run_says_the_same_in_its_file_as_on_the_terminal(user: User):
    done = user.livecam(*RUN)
    assert done.returncode == 0, done.stderr
    lines = messages(user.default)
    assert "run --source pattern" in lines[0]
    said = [line for line in lines if line in done.stderr.splitlines()]
    assert [line.split()[0] for line in said] == ["reading", "publishing", "published", "nothing"]
    assert (mode_of(user.default), mode_of(user.default.parent)) == (0o600, 0o700)


def test_an_error_is_a_sentence_on_the_terminal_and_a_traceback_in_the_file(user: User):
    done = user.livecam("run", "--avatar", "nobody")
    assert "Traceback" not in done.stderr
    assert 'no avatar is called "nobody"' in messages(user.default)[-1]
    assert "    Traceback" in user.default.read_text()


def test_an_option_that_is_unknown_is_logged(user: User):
    """It is seen nowhere else when it stands in a shortcut of the desktop."""
    user.livecam("--avatr", "fox")
    assert "no such option: --avatr" in messages(user.default)[-1]
    user.livecam("convert", "--no-log-file", "--avatr", "fox")
    assert len(messages(user.default)) == 2


@pytest.mark.parametrize(
    "words",
    [
        "--help", "-V", "run --help", "config", "config folders", "config init", "presets",
        "avatars", "avatars list", "devices", "assets list", "assets verify", "ctl status",
        "ctl panic", "nonsense",
    ],
)  # fmt: skip
def test_commands_that_only_print_make_no_file(user: User, words: str):
    user.livecam(*words.split())
    assert not user.default.parent.exists()


def test_the_file_can_be_another_one_or_none(user: User):
    other = user.home / "other.log"
    wrong = ("run", "--fps", "x")
    assert user.livecam(*wrong, "--no-log-file").returncode == 2
    assert user.livecam(*wrong, "--log-file", "").returncode == 2
    assert user.livecam(*wrong, LIVECAM_LOG_FILE="").returncode == 2
    assert not user.default.exists()
    assert user.livecam(*wrong, "--log-file", "other.log").returncode == 2
    assert user.livecam(*wrong, LIVECAM_LOG_FILE=str(other)).returncode == 2
    assert user.livecam(*wrong, "--no-log-file", LIVECAM_LOG_FILE=str(other)).returncode == 2
    assert len(messages(other)) == 4
    assert mode_of(user.home) != 0o700 or not user.default.exists()


def test_a_log_that_cannot_be_written_costs_a_run_one_warning(user: User):
    (user.home / ".local").write_text("a file in place of a folder")
    (user.home / "Library").write_text("a file in place of a folder")
    done = user.livecam(*RUN)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing is logged into") == 1
    assert "published" in done.stderr


def test_a_full_disk_costs_a_run_one_warning(user: User):
    done = user.livecam(*RUN, limit_bytes=100)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing is logged into") == 1
    assert "published" in done.stderr


def test_control_c_is_logged(user: User):
    words = [sys.executable, "-m", "livecam", *RUN[:-1], "60"]
    running = subprocess.Popen(words, env=user.environ, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert "reading test pattern" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert any(line.startswith(("published", "interrupted")) for line in messages(user.default))

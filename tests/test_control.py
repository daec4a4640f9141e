"""The control channel: who may connect, what is obeyed, and that no client breaks it."""

from __future__ import annotations

import json
import os
import random
import socket
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.config.paths import user_cache_folder, user_runtime_folder
from livecam.control import client as client_module
from livecam.control import folder as folder_module
from livecam.control import server as server_module
from livecam.control.base import Transport
from livecam.control.client import RefusedError, ask
from livecam.control.commands import COMMANDS, execute
from livecam.control.folder import open_place, running, transport_here
from livecam.control.loopback_transport import LoopbackTransport
from livecam.control.protocol import (
    MAX_REQUEST_BYTES,
    Reply,
    Request,
    decoded_reply,
    decoded_request,
    encoded_reply,
    encoded_request,
)
from livecam.control.server import MAX_CONNECTIONS, ControlServer
from livecam.control.unix_transport import UnixTransport
from livecam.core import private_folder
from livecam.core.errors import ControlError, LivecamError, UsageError
from tests.control_target import RecordingTarget, connected, line_from, served

posix = pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as another user"
)
pytestmark = posix
STRANGER = 65534  # the user `nobody`
STATUS = encoded_request(Request("status"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the files of runs, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="livecam-") as made:
        yield Path(made) / "livecam"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# Messages.


@pytest.mark.parametrize(
    "request_",
    [
        Request("panic"),
        Request("set", ("effects.lip_color", "#ff0000")),
        Request("avatar", ('狐狸\n\t\0"\\',)),
        Request("snapshot", (os.fsdecode(b"/tmp/\xff\xfe.png"),), "token"),
    ],
)
def test_a_request_is_one_line_and_is_decoded_as_it_was(request_: Request):
    line = encoded_request(request_)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decoded_request(line) == request_


@pytest.mark.parametrize(
    "reply", [Reply({"settings": {"effects.lips": 0.5}}), Reply({}, "no", "try", 3)]
)
def test_a_reply_is_decoded_as_it_was(reply: Reply):
    assert decoded_reply(encoded_reply(reply)) == reply


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"panic",
        b"\xff\xfe\0",
        b"[]",
        b'"panic"',
        b"{}",
        b'{"version": 2, "command": "panic"}',
        b'{"version": true, "command": "panic"}',
        b'{"version": 1, "command": 7}',
        b'{"version": 1, "command": "panic", "arguments": "all"}',
        b'{"version": 1, "command": "panic", "arguments": [1]}',
        b'{"version": 1, "command": "panic", "arguments": ["", "", "", "", "", "", "", "", ""]}',
        b'{"version": 1, "command": "panic", "token": null}',
        b'{"version": 1, "version": 1, "command": "panic"}',
        b'{"version": 1e400, "command": "panic"}',
        b'{"version": ' + b"9" * 5000 + b', "command": "panic"}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
    ],
)
def test_what_is_no_request_gets_one_clear_line(line: bytes):
    with pytest.raises(UsageError) as caught:
        decoded_request(line)
    assert "\n" not in caught.value.message + caught.value.hint
    assert 10 < len(caught.value.message) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=12,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1) | JSON,
        "command": st.sampled_from([*COMMANDS]) | JSON,
        "arguments": st.lists(st.text(), max_size=3) | JSON,
        "token": st.text() | JSON,
    },
)


@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON | OBJECTS))
@settings(max_examples=500, deadline=None)
def test_whatever_is_sent_is_a_request_or_refused(line: bytes):
    try:
        request = decoded_request(line)
        execute(request, RecordingTarget())
    except LivecamError as error:
        encoded_reply(Reply.of_error(error))


# Commands.


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("panic",), ("curtain", True)),
        (("curtain", "on"), ("curtain", True)),
        (("curtain", "off"), ("curtain", False)),
        (("freeze", "on"), ("freeze", True)),
        (("mirror",), ("mirror",)),
        (("avatar", "fox"), ("avatar", "fox")),
        (("next-avatar",), ("next-avatar",)),
        (("learn-background",), ("learn-background",)),
        (("set", "effects.lips", "0.5"), ("set", "effects.lips", "0.5")),
        (("get", "lips"), ("get", "lips")),
        (("record", "start"), ("record", "start")),
        (("record", "stop"), ("record", "stop")),
        (("snapshot", "/tmp/a.png"), ("snapshot", Path("/tmp/a.png"), False)),
        (("snapshot", "/tmp/a.png", "force"), ("snapshot", Path("/tmp/a.png"), True)),
        (("status",), ("status",)),
        (("quit",), ("quit",)),
    ],
)
def test_every_command_reaches_its_target(words: tuple[str, ...], told: tuple[object, ...]):
    target = RecordingTarget()
    execute(Request(words[0], words[1:]), target)
    assert target.told == [told]


def test_every_command_is_tried_above():
    (mark,) = test_every_command_reaches_its_target.pytestmark
    assert {words[0] for words, _ in mark.args[1]} == COMMANDS.keys()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("panik",), 'no command is called "panik" - did you mean "panic"?'),
        (("",), 'no command is called ""'),
        (("panic", "now"), "panic takes no argument, not 1 words"),
        (("curtain",), "curtain takes on|off, not 0 words"),
        (("curtain", "maybe"), 'curtain must be on or off, not "maybe"'),
        (("record", "pause"), 'record must be start or stop, not "pause"'),
        (("set", "effects.lips"), "set takes KEY VALUE, not 1 words"),
        (("snapshot", "a.png"), 'a snapshot needs the whole path of its file, not "a.png"'),
        (("snapshot", "/a\0.png"), "a snapshot needs the whole path of its file"),
        (("snapshot", "/a.png", "yes"), 'a snapshot may have the word "force", not "yes"'),
        (("x" * 9000,), 'no command is called "xxx'),
        (("\x1b[2J",), 'no command is called "\N{REPLACEMENT CHARACTER}[2J"'),
    ],
)
def test_a_wrong_command_gets_one_clear_line(words: tuple[str, ...], message: str):
    target = RecordingTarget()
    with pytest.raises(UsageError) as caught:
        execute(Request(words[0], words[1:]), target)
    assert message in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert len(caught.value.message) < 200
    assert not target.told


def test_an_error_inside_is_answered_and_logged(folder: Path, caplog: pytest.LogCaptureFixture):
    class Broken(RecordingTarget):
        def status(self) -> dict[str, object]:
            raise ZeroDivisionError("oops")

    with served(folder, Broken()):
        with pytest.raises(RefusedError, match="ZeroDivisionError: oops"):
            ask("status", folder=folder)
        ask("panic", folder=folder)
    assert "Traceback" in caplog.text


# The folder and its files.


def test_folder_and_socket_can_be_opened_by_their_user_alone(folder: Path):
    with served(folder) as server:
        assert mode_of(folder) == 0o700
        assert mode_of(folder / "control-1.sock") == 0o600
        assert server.number == 1
    assert list(folder.iterdir()) == []


def test_the_umask_does_not_open_the_socket(folder: Path):
    before = os.umask(0)
    try:
        with served(folder):
            assert mode_of(folder) == 0o700
            assert mode_of(folder / "control-1.sock") == 0o600
    finally:
        os.umask(before)


def test_a_folder_that_others_could_open_is_closed_to_them(folder: Path):
    folder.mkdir(mode=0o755)
    with served(folder):
        assert mode_of(folder) == 0o700


def test_a_link_in_place_of_the_folder_is_refused(folder: Path):
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir(mode=0o755)
    folder.symlink_to(elsewhere)
    with pytest.raises(ControlError, match="others could open it"):
        open_place(UnixTransport(), folder)
    assert mode_of(elsewhere) == 0o755
    assert list(elsewhere.iterdir()) == []
    assert list(running(UnixTransport(), folder)) == []


@as_root
def test_a_folder_of_another_user_is_refused(folder: Path):
    folder.mkdir(mode=0o700)
    os.chown(folder, STRANGER, STRANGER)
    with pytest.raises(ControlError, match="others could open it"):
        open_place(UnixTransport(), folder)
    assert list(running(UnixTransport(), folder)) == []


def test_a_folder_that_cannot_be_made_is_one_clear_error(folder: Path):
    folder.parent.joinpath("file").touch()
    with pytest.raises(ControlError) as caught:
        open_place(UnixTransport(), folder.parent / "file" / "livecam")
    assert "there can be no control channel in" in caught.value.message
    assert "XDG_RUNTIME_DIR" in caught.value.hint


def test_a_path_that_is_too_long_for_a_socket_is_one_clear_error(folder: Path):
    with pytest.raises(ControlError, match="there can be no control channel in"):
        open_place(UnixTransport(), folder / ("long" * 30))


def test_a_link_at_the_place_of_the_socket_is_replaced_and_not_followed(folder: Path):
    folder.mkdir(mode=0o700)
    precious = folder.parent / "precious"
    precious.write_text("precious")
    (folder / "control-1.sock").symlink_to(precious)
    with served(folder) as server:
        assert server.number == 1
        assert stat.S_ISSOCK((folder / "control-1.sock").lstat().st_mode)
    assert precious.read_text() == "precious"
    assert mode_of(precious) != 0o600


def test_a_link_to_the_socket_of_another_run_leads_nobody_there(folder: Path):
    other = folder.with_name("other")
    with served(other) as server:
        folder.mkdir(mode=0o700)
        (folder / "control-1.sock").symlink_to(other / "control-1.sock")
        with served(folder):
            assert not (folder / "control-1.sock").is_symlink()
        assert server.number == 1
        ask("status", folder=other)


@pytest.mark.parametrize("planted", [Path.touch, Path.mkdir])
def test_something_else_at_the_place_of_the_socket_stops_nothing(folder: Path, planted):
    folder.mkdir(mode=0o700)
    planted(folder / "control-1.sock")
    with served(folder) as server:
        assert server.number == (1 if planted is Path.touch else 2)
        assert ask("status", folder=folder) == [Reply({"told": "status"})]


def test_the_socket_of_a_dead_run_is_replaced(folder: Path):
    folder.mkdir(mode=0o700)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(folder / "control-1.sock"))
    dead.close()  # a run that was killed leaves its file
    with pytest.raises(ControlError, match="no livecam is running"):
        ask("status", folder=folder)
    with served(folder) as server:
        assert server.number == 1
        ask("status", folder=folder)


def test_a_run_removes_no_file_but_its_own(folder: Path):
    path = folder / "control-1.sock"
    with served(folder):
        path.unlink()
        path.write_text("of another one")
    assert path.read_text() == "of another one"


def test_two_runs_get_two_numbers_and_must_be_chosen_between(folder: Path):
    first, second = RecordingTarget(), RecordingTarget()
    with served(folder, first), served(folder, second) as server:
        assert server.number == 2
        with pytest.raises(UsageError) as caught:
            ask("mirror", folder=folder)
        assert caught.value.message == "2 livecams are running"
        assert caught.value.hint == "choose one with --to: 1, 2"
        ask("mirror", folder=folder, number=2)
        with pytest.raises(ControlError, match="no livecam with the number 3"):
            ask("mirror", folder=folder, number=3)
        assert (first.told, second.told) == ([], [("mirror",)])
        assert len(ask("panic", folder=folder, everyone=True)) == 2
    assert first.told[-1] == second.told[-1] == ("curtain", True)


def test_a_run_that_hangs_does_not_keep_another_one_from_panic(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client_module, "REPLY_S", 1.0)
    target = RecordingTarget()
    with (
        ControlServer(open_place(UnixTransport(), folder)),
        served(folder, target),
        pytest.raises(ControlError, match="livecam 1 does not answer"),
    ):
        ask("panic", folder=folder, everyone=True)
    assert target.told == [("curtain", True)]


def test_the_number_of_a_run_that_has_ended_is_given_again(folder: Path):
    with served(folder):
        with served(folder) as second:
            assert second.number == 2
        with served(folder) as third:
            assert third.number == 2


def test_there_is_an_end_to_the_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder_module, "MAX_RUNS", 2)
    with served(folder), served(folder), pytest.raises(ControlError, match="2 livecams run"):
        open_place(UnixTransport(), folder)


def test_without_a_run_the_client_says_so(folder: Path):
    with pytest.raises(ControlError) as caught:
        ask("status", folder=folder)
    assert caught.value.message == "no livecam is running"
    assert caught.value.exit_code == 6
    assert not folder.exists()


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_the_session_folder_is_used_where_it_is_private(
    folder: Path, mode: int, monkeypatch: pytest.MonkeyPatch
):
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    private, else_ = folder / "livecam", user_cache_folder() / "run"
    assert user_runtime_folder() == (private if mode == 0o700 else else_)


@pytest.mark.parametrize("value", ["", "relative", "/nowhere/at/all"])
def test_without_a_session_folder_it_is_the_cache(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    assert user_runtime_folder() == user_cache_folder() / "run"


# Clients.


def test_half_a_line_does_nothing_until_the_rest_comes(folder: Path):
    target = RecordingTarget()
    with served(folder, target) as server:
        path, line = folder / f"control-{server.number}.sock", encoded_request(Request("mirror"))
        with connected(path) as given_up:
            given_up.sendall(line[:20])
        with connected(path) as slow:
            for byte in line:
                slow.sendall(bytes([byte]))
            assert decoded_reply(line_from(slow)).result == {"told": "mirror"}
    assert target.told == [("mirror",)]


def test_several_requests_at_once_are_answered_in_their_order(folder: Path):
    commands = ["status", "mirror", "nonsense", "next-avatar", "quit"] * 20
    lines = b"".join(encoded_request(Request(command)) for command in commands)
    with served(folder), connected(folder / "control-1.sock") as end:
        end.sendall(lines)
        end.shutdown(socket.SHUT_WR)  # as `nc -N` does
        replies = [decoded_reply(line_from(end)) for _ in commands]
        assert line_from(end) == b""
    for command, reply in zip(commands, replies, strict=True):
        assert reply.error.startswith("no command") if command == "nonsense" else not reply.error


@pytest.mark.parametrize("ended", [b"", b"\n"])
def test_a_huge_line_is_refused_and_the_connection_ends(folder: Path, ended: bytes):
    with served(folder), connected(folder / "control-1.sock") as end:
        end.sendall(b"x" * (MAX_REQUEST_BYTES + 1) + ended)
        assert "more than 64 KiB" in decoded_reply(line_from(end)).error
        assert line_from(end) == b""
        ask("status", folder=folder)


def test_a_line_of_the_largest_size_is_read(folder: Path):
    line = encoded_request(Request("avatar", ("x",)))
    line = encoded_request(Request("avatar", ("x" * (MAX_REQUEST_BYTES - len(line) + 2),)))
    assert len(line) == MAX_REQUEST_BYTES + 1
    target = RecordingTarget()
    with served(folder, target), connected(folder / "control-1.sock") as end:
        end.sendall(line)
        assert not decoded_reply(line_from(end)).error
    assert len(str(target.told[0][1])) > 60_000


def test_a_client_that_never_reads_makes_nobody_wait(folder: Path):
    class Talkative(RecordingTarget):
        def get_setting(self, key: str) -> dict[str, object]:
            return {"text": "x" * 500_000}  # more than the system keeps for a reader

    with (
        served(folder, Talkative()),
        connected(folder / "control-1.sock") as lazy,
        lazy.makefile("rb") as replies,
    ):
        lazy.sendall(encoded_request(Request("get", ("x",))) * 100)
        for _ in range(20):
            ask("status", folder=folder)
        for _ in range(3):  # nothing is lost when it reads after all
            assert len(decoded_reply(replies.readline()).result["text"]) == 500_000


def test_of_too_many_connections_the_oldest_ends(folder: Path):
    with served(folder), ExitStack() as stack:
        ends = [
            stack.enter_context(connected(folder / "control-1.sock"))
            for _ in range(MAX_CONNECTIONS + 5)
        ]
        ends[-1].sendall(STATUS)
        assert not decoded_reply(line_from(ends[-1])).error
        assert [line_from(end) for end in ends[:5]] == [b""] * 5
        ends[5].sendall(STATUS)
        assert not decoded_reply(line_from(ends[5])).error


def test_a_crowd_of_clients_breaks_nothing(folder: Path, caplog: pytest.LogCaptureFixture):
    with served(folder), ExitStack() as stack:
        ends: list[socket.socket] = []
        for _ in range(20 * MAX_CONNECTIONS):
            ends.append(stack.enter_context(connected(folder / "control-1.sock")))
            for end in ends[-MAX_CONNECTIONS - 2 :]:
                with suppress(OSError):  # it had to make room
                    end.sendall(STATUS)
        ask("status", folder=folder)
    assert not caplog.records  # the server did not fail and begin anew


def test_a_client_that_leaves_without_its_answer_changes_nothing(folder: Path):
    target = RecordingTarget()
    with served(folder, target):
        for _ in range(50):
            with connected(folder / "control-1.sock") as end:
                end.sendall(STATUS)
        ask("mirror", folder=folder)
    assert target.told[-1] == ("mirror",)


def test_a_request_that_a_run_does_not_take_is_answered_and_never_executed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server_module, "ANSWER_S", 0.0)
    with (
        ControlServer(open_place(UnixTransport(), folder)) as server,
        connected(folder / "control-1.sock") as end,
    ):
        end.sendall(encoded_request(Request("quit")))
        assert "did not finish the command" in decoded_reply(line_from(end)).error
        assert list(server.take()) == []


def test_a_run_that_ends_answers_who_is_waiting(folder: Path):
    server = ControlServer(open_place(UnixTransport(), folder))
    with connected(folder / "control-1.sock") as end:
        end.sendall(STATUS)
        (pending,) = wait_for_one(server)
        server.close()
        pending.answer(Reply({"too": "late"}))
        assert decoded_reply(line_from(end)).error == "that livecam is ending"
        assert line_from(end) == b""


def wait_for_one(server: ControlServer) -> list[server_module.PendingRequest]:
    while not (taken := list(server.take())):
        pass
    return taken


def test_what_answers_but_is_no_livecam_is_an_error_of_one_line(folder: Path):
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "control-1.sock"))
        other.listen(1)
        code = (
            "import socket, sys; s = socket.socket(fileno=int(sys.argv[1]));"
            "c = s.accept()[0]; c.recv(1000); c.sendall(b'HTTP/1.1 400\\r\\n\\r\\n')"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(other.fileno())], pass_fds=[other.fileno()]
        )
        with pytest.raises(ControlError, match="is not JSON"):
            ask("status", folder=folder)
        assert child.wait(20) == 0


def test_ten_thousand_random_messages_break_nothing(folder: Path):
    """Through real connections; a real run gets its own in test_ctl.py."""
    target, chance = RecordingTarget(), random.Random(15)
    with served(folder, target):
        for _ in range(100):
            with connected(folder / "control-1.sock") as end, end.makefile("rb") as replies:
                for _ in range(100):
                    end.sendall(garbage(chance) + b"\n")
                    decoded_reply(replies.readline())
        ask("mirror", folder=folder)
    assert target.told[-1] == ("mirror",)


def garbage(chance: random.Random) -> bytes:
    """Bytes, and requests with bytes changed; most lines of both kinds are none."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randrange(200)).replace(b"\n", b"")
    words = tuple(str(chance.randbytes(3)) for _ in range(chance.randrange(3)))
    line = bytearray(encoded_request(Request(chance.choice([*COMMANDS]), words))[:-1])
    for _ in range(chance.randrange(6)):
        line[chance.randrange(len(line))] = chance.choice(b'{}[]",:\\\0\xffa0 ')
    return bytes(line)


# Another user.


def as_stranger(act: Callable[[], str]) -> str:
    """What a function returns in a process of another user, or the name of its `OSError`."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this process has threads: the child uses none
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            try:
                words = act()
            except OSError as error:
                words = type(error).__name__
            os.write(writing, words.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        words = pipe.read()
    os.waitpid(child, 0)
    return words


def told_to_quit(path: Path) -> str:
    with connected(path) as end:
        with suppress(BrokenPipeError):  # it was refused before
            end.sendall(encoded_request(Request("quit")))
        return decoded_reply(line_from(end)).error


@as_root
def test_another_user_cannot_reach_the_socket(folder: Path):
    target = RecordingTarget()
    folder.parent.chmod(0o755)
    with served(folder, target):
        assert as_stranger(lambda: told_to_quit(folder / "control-1.sock")) == "PermissionError"
        ask("status", folder=folder)
    assert target.told == [("status",)]


@as_root
@pytest.mark.skipif(sys.platform != "linux", reason="SO_PEERCRED is Linux's")
def test_another_user_is_refused_even_where_the_modes_were_opened(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    target = RecordingTarget()
    folder.parent.chmod(0o755)
    with served(folder, target):
        folder.chmod(0o755)
        (folder / "control-1.sock").chmod(0o666)
        words = as_stranger(lambda: told_to_quit(folder / "control-1.sock"))
        assert words == "that livecam belongs to another user"
        folder.chmod(0o700)
        ask("status", folder=folder)
    assert target.told == [("status",)]
    assert "another user tried to control this livecam" in caplog.text


# The loopback transport, for Windows.


def loopback_request(folder: Path, token: str) -> Reply:
    port = json.loads((folder / "control-1.port").read_text())["port"]
    with socket.create_connection(("127.0.0.1", port), 20) as end:
        end.sendall(encoded_request(Request("quit", (), token)))
        return decoded_reply(line_from(end))


def test_over_loopback_the_token_of_the_file_is_needed(folder: Path):
    target, transport = RecordingTarget(), LoopbackTransport()
    with served(folder, target, transport):
        assert mode_of(folder / "control-1.port") == 0o600
        ask("status", folder=folder, transport=transport)
        for token in ("", "0" * 64, "\ud800"):
            assert "the token is missing or wrong" in loopback_request(folder, token).error
    assert target.told == [("status",)]
    assert list(folder.iterdir()) == []


def test_over_loopback_the_port_is_one_of_this_machine_alone(folder: Path):
    endpoint = open_place(LoopbackTransport(), folder).endpoint
    assert endpoint.listener.getsockname()[0] == "127.0.0.1"
    endpoint.listener.close()


@as_root
def test_over_loopback_another_user_cannot_read_the_token(folder: Path):
    folder.parent.chmod(0o755)
    with served(folder, transport=LoopbackTransport()):
        folder.chmod(0o755)
        assert as_stranger((folder / "control-1.port").read_text) == "PermissionError"


@pytest.mark.parametrize(
    "text", ["", "{}", '{"port": 0, "token": "x"}', '{"port": "1", "token": ""}', "[1]", "\0"]
)
def test_over_loopback_a_broken_file_is_replaced(folder: Path, text: str):
    folder.mkdir(mode=0o700)
    (folder / "control-1.port").write_text(text)
    transport = LoopbackTransport()
    assert list(running(transport, folder)) == []
    with served(folder, transport=transport) as server:
        assert server.number == 1
        ask("status", folder=folder, transport=transport)


def test_over_loopback_a_link_is_not_followed_and_two_runs_get_two_numbers(folder: Path):
    folder.mkdir(mode=0o700)
    precious = folder.parent / "precious"
    precious.write_text("precious")
    (folder / "control-1.port").symlink_to(precious)
    transport = LoopbackTransport()
    with served(folder, transport=transport), served(folder, transport=transport) as second:
        assert second.number == 2
    assert precious.read_text() == "precious"


def test_the_loopback_transport_serves_windows(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """With what is Windows' alone replaced: its lock, its option of sockets, no user ids."""

    locked = []

    class Msvcrt:
        LK_NBLCK = 2

        @staticmethod
        def locking(fd: int, mode: int, count: int) -> None:
            locked.append((mode, count))

    assert isinstance(transport_here(), UnixTransport)
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(private_folder, "msvcrt", Msvcrt, raising=False)
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    monkeypatch.delattr(os, "geteuid")
    transport: Transport = transport_here()
    assert isinstance(transport, LoopbackTransport)
    with served(folder, transport=transport):
        assert ask("status", folder=folder) == [Reply({"told": "status"})]
    assert locked == [(Msvcrt.LK_NBLCK, 1)]
    assert [path.name for path in folder.iterdir()] == ["lock"]
    with pytest.raises(OSError, match="no Unix sockets"):
        UnixTransport().connect(folder / "control-1.sock", 1)

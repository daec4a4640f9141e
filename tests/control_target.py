"""A target of control commands for tests, and a run that has nothing but the control channel."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from livecam.control.base import Result, Transport
from livecam.control.commands import obey
from livecam.control.folder import open_place
from livecam.control.server import ControlServer
from livecam.control.unix_transport import UnixTransport

PATIENCE_S = 20.0
PAUSE_S = 0.002  # the interval at which requests are taken, as a run does between its frames


class RecordingTarget:
    """Notes what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def _done(self, *words: object) -> Future[Result]:
        self.told.append(words)
        done: Future[Result] = Future()
        done.set_result({"told": str(words[0])})
        return done

    def set_curtain(self, drawn: bool) -> Future[Result]:
        return self._done("curtain", drawn)

    def set_frozen(self, frozen: bool) -> Future[Result]:
        return self._done("freeze", frozen)

    def mirror(self) -> Future[Result]:
        return self._done("mirror")

    def learn_background(self) -> Result:
        return self._done("learn-background").result()

    def change_avatar(self, name: str) -> Future[Result]:
        return self._done("avatar", name)

    def next_avatar(self) -> Future[Result]:
        return self._done("next-avatar")

    def get_setting(self, key: str) -> Result:
        return self._done("get", key).result()

    def change_setting(self, key: str, text: str) -> Future[Result]:
        return self._done("set", key, text)

    def start_recording(self) -> Future[Result]:
        return self._done("record", "start")

    def stop_recording(self) -> Future[Result]:
        return self._done("record", "stop")

    def snapshot(self, path: Path, force: bool) -> Future[Result]:
        return self._done("snapshot", path, force)

    def status(self) -> Result:
        return self._done("status").result()

    def quit(self) -> Result:
        return self._done("quit").result()


@contextmanager
def served(
    folder: Path, target: RecordingTarget | None = None, transport: Transport | None = None
) -> Iterator[ControlServer]:
    """Serves a target from a thread, as the main loop of a run does."""
    target, ended = target or RecordingTarget(), threading.Event()
    with ControlServer(open_place(transport or UnixTransport(), folder)) as server:

        def loop() -> None:
            while not ended.wait(PAUSE_S):
                for pending in server.take():
                    obey(pending, target)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield server
        finally:
            ended.set()
            thread.join()


def connected(path: Path) -> socket.socket:
    return UnixTransport().connect(path, PATIENCE_S).connection


def line_from(end: socket.socket) -> bytes:
    """The next line; what there is when the other end closes."""
    line = b""
    while not line.endswith(b"\n") and (data := end.recv(1)):
        line += data
    return line

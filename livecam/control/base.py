"""The protocols of the control channel: what it controls, and how clients reach it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

BACKLOG = 128  # clients that wait to be accepted
Result: TypeAlias = dict[str, Any]  # values that JSON knows, by name


class ControlTarget(Protocol):
    """What a control command ends in: a running livecam.

    All methods are called between two frames, on the thread that publishes them, and must not
    wait. One that takes longer returns a `Future`. A `LivecamError`, raised or in the future,
    tells the user why a command was not obeyed.
    """

    def set_curtain(self, drawn: bool) -> Future[Result]: ...

    def set_frozen(self, frozen: bool) -> Future[Result]: ...

    def mirror(self) -> Future[Result]: ...

    def learn_background(self) -> Result: ...

    def change_avatar(self, name: str) -> Future[Result]: ...

    def next_avatar(self) -> Future[Result]: ...

    def get_setting(self, key: str) -> Result: ...

    def change_setting(self, key: str, text: str) -> Future[Result]: ...

    def start_recording(self) -> Future[Result]: ...

    def stop_recording(self) -> Future[Result]: ...

    def snapshot(self, path: Path, force: bool) -> Future[Result]: ...

    def status(self) -> Result: ...

    def quit(self) -> Result: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running livecam listens."""

    listener: socket.socket
    token: str  # that a request must have; empty: none
    is_allowed: Callable[[socket.socket], bool]  # whether the process at the other end may ask


@dataclass(frozen=True, slots=True)
class Route:
    """A client's connection to a running livecam."""

    connection: socket.socket
    token: str


class Transport(Protocol):
    """How a client reaches a running livecam, by a file in a folder that only the user can open."""

    suffix: str  # of that file

    def listen(self, path: Path) -> Endpoint:
        """Makes the file, where there is none, and listens; raises OSError."""
        ...

    def connect(self, path: Path, timeout_s: float) -> Route:
        """Connects to the livecam whose file that is; raises OSError when none listens."""
        ...

"""The folder in which running livecams are found: `control-1.sock`, `control-2.sock` and so on.

Only the user can open it. Numbers are given under a lock of the folder: whoever holds it tries
which files belong to a process that still listens, and takes the first free number.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livecam.config.paths import user_runtime_folder
from livecam.control.base import Endpoint, Route, Transport
from livecam.control.loopback_transport import LoopbackTransport
from livecam.control.unix_transport import UnixTransport
from livecam.core.errors import ControlError, reason_of
from livecam.core.private_folder import folder_lock, is_private, make_private

MAX_RUNS = 64  # at a time
CONNECT_S = 2.0
LOCK_S = 10.0  # within which another run has chosen its place
NAME = "control-"


def transport_here() -> Transport:
    """Returns the transport of this system."""
    return LoopbackTransport() if sys.platform == "win32" else UnixTransport()


@dataclass(frozen=True, slots=True)
class RunPlace:
    """The place at which one run is found."""

    number: int  # from 1
    path: Path


class OwnPlace:
    """The place of this run: it listens until `close`, which removes its file."""

    def __init__(self, place: RunPlace, endpoint: Endpoint) -> None:
        self.number = place.number
        self.path = place.path
        self.endpoint = endpoint
        self._identity = _identity(place.path)

    def close(self) -> None:
        self.endpoint.listener.close()
        with suppress(OSError):
            if _identity(self.path) == self._identity:  # else it is another one's by now
                self.path.unlink()


def open_place(transport: Transport, folder: Path | None = None) -> OwnPlace:
    """Listens at the first place that no running livecam has.

    Files of runs that have ended are replaced. Links are never followed, but replaced too.

    Raises:
        ControlError: the folder cannot be made, is not private, or has no free place.
    """
    folder = user_runtime_folder() if folder is None else folder
    try:
        make_private(folder)
        with folder_lock(folder, LOCK_S):
            for number in range(1, MAX_RUNS + 1):
                place = RunPlace(number, _path(folder, number, transport))
                if not _is_taken(place, transport):
                    return OwnPlace(place, transport.listen(place.path))
    except OSError as err:
        raise ControlError(
            "there can be no control channel in {folder}: {reason}",
            hint="set XDG_RUNTIME_DIR to a folder of your own, or run with --no-control",
            folder=folder, reason=reason_of(err),
        ) from err  # fmt: skip
    raise ControlError("{count} livecams run already", hint="end one of them", count=MAX_RUNS)


def running(transport: Transport, folder: Path | None = None) -> Iterator[tuple[RunPlace, Route]]:
    """Connects to each livecam of this user that runs; the caller closes the routes."""
    folder = user_runtime_folder() if folder is None else folder
    if not _is_safe(folder):
        return
    for number in range(1, MAX_RUNS + 1):
        place = RunPlace(number, _path(folder, number, transport))
        if not os.path.lexists(place.path):
            continue
        try:
            route = transport.connect(place.path, CONNECT_S)
        except OSError:  # left by a run that has ended
            continue
        yield place, route


def _path(folder: Path, number: int, transport: Transport) -> Path:
    return folder / f"{NAME}{number}{transport.suffix}"


def _is_safe(folder: Path) -> bool:
    """Returns whether nobody else can have put files into the folder.

    Windows has no modes: there it lies in the user's profile.
    """
    return folder.is_dir() if sys.platform == "win32" else is_private(folder)


def _is_taken(place: RunPlace, transport: Transport) -> bool:
    """Returns whether a run listens there; what an ended one left is removed."""
    if not os.path.lexists(place.path):
        return False
    try:
        if not place.path.is_symlink():
            transport.connect(place.path, CONNECT_S).connection.close()
            return True
    except ConnectionRefusedError:
        pass
    except OSError:  # it is too busy to accept
        return True
    try:
        place.path.unlink()
    except OSError:  # a folder
        return True
    return False


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino

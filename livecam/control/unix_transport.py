"""Unix sockets: on Linux and macOS the file itself is the socket."""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from pathlib import Path

from livecam.control.base import BACKLOG, Endpoint, Route

RETRY_S = 0.01
UCRED = struct.Struct("3i")  # unix(7): pid, uid, gid


class UnixTransport:
    """Reaches a livecam by a socket that only its user can open."""

    suffix = ".sock"

    def listen(self, path: Path) -> Endpoint:
        door = _new_socket()
        try:
            door.bind(str(path))
            path.chmod(0o600)
            door.listen(BACKLOG)  # nobody can connect before
        except BaseException:
            door.close()
            raise
        return Endpoint(door, "", is_own_user)

    def connect(self, path: Path, timeout_s: float) -> Route:
        end = _new_socket()
        try:
            end.settimeout(timeout_s)
            _connect(end, path, timeout_s)
        except BaseException:
            end.close()
            raise
        return Route(end, "")


def is_own_user(connection: socket.socket) -> bool:
    """Returns whether this user's process is at the other end.

    Linux tells; elsewhere the permissions of file and folder must do.
    """
    if sys.platform != "linux":
        return True
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
    return bool(UCRED.unpack(data)[1] == os.geteuid())


def _connect(end: socket.socket, path: Path, timeout_s: float) -> None:
    """Connects; unlike with TCP, the system itself does not wait while too many others do."""
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            end.connect(str(path))
            return
        except BlockingIOError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(RETRY_S)


def _new_socket() -> socket.socket:
    if sys.platform == "win32":  # where Python has none: python/cpython#77589
        raise OSError("there are no Unix sockets here")
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

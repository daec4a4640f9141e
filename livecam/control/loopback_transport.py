"""TCP on the loopback interface: for Windows, where Python has no Unix sockets.

Any user of the machine could connect. The file therefore holds a random token beside the port, and
a request without it is refused: whoever can read the file may ask.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

from livecam.control.base import BACKLOG, Endpoint, Route
from livecam.core.errors import ControlError
from livecam.core.hidden_file import NEW_FILE
from livecam.core.text_files import parse_json, read_text

HOST = "127.0.0.1"
MAX_BYTES = 1024


class LoopbackTransport:
    """Reaches a livecam by a port of this machine, with a token that only its user can read."""

    suffix = ".port"

    def listen(self, path: Path) -> Endpoint:
        door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if sys.platform == "win32":  # else another program may listen on the same port
                door.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            door.bind((HOST, 0))
            door.listen(BACKLOG)
            token = secrets.token_hex(32)
            _write(path, f'{{"port": {door.getsockname()[1]}, "token": "{token}"}}\n')
        except BaseException:
            door.close()
            raise
        return Endpoint(door, token, lambda connection: True)

    def connect(self, path: Path, timeout_s: float) -> Route:
        port, token = _read(path)
        return Route(socket.create_connection((HOST, port), timeout_s), token)


def _write(path: Path, text: str) -> None:
    # On Windows the mode does nothing: a new file has the permissions of its folder, which lies
    # in the user's profile.
    with open(os.open(path, NEW_FILE, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def _read(path: Path) -> tuple[int, str]:
    try:
        content = parse_json(read_text(path, MAX_BYTES, ControlError))
        port, token = content["port"], content["token"]
    except (ControlError, ValueError, TypeError, KeyError) as err:
        raise ConnectionRefusedError(f"{path} names no port") from err
    if type(port) is not int or not 0 < port < 65536 or not isinstance(token, str):
        raise ConnectionRefusedError(f"{path} names no port")
    return port, token

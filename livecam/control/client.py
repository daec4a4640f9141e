"""The client of the control channel: finds the running livecam and asks it.

Imports little, so that `livecam ctl` is quick.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from livecam.control.base import Route, Transport
from livecam.control.folder import RunPlace, running, transport_here
from livecam.control.protocol import (
    MAX_REPLY_BYTES,
    Reply,
    Request,
    decoded_reply,
    encoded_request,
)
from livecam.core.errors import ControlError, LivecamError, UsageError

REPLY_S = 15.0  # longer than a server waits for its run


class RefusedError(LivecamError):
    """The running livecam did not obey; with its words and its exit code."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.error, reply.hint)
        self.exit_code = reply.exit_code


def ask(
    command: str,
    arguments: Sequence[str] = (),
    *,
    number: int | None = None,
    everyone: bool = False,
    transport: Transport | None = None,
    folder: Path | None = None,
) -> list[Reply]:
    """Sends a command to the running livecam and returns its reply.

    Args:
        command: what it shall do.
        arguments: of the command.
        number: of the run, where several run.
        everyone: send it to all that run, when no number is given.
        transport: the one of this system.
        folder: where runs are found; the user's own.

    Raises:
        ControlError: none runs, several do and none was chosen, or it does not answer.
        RefusedError: it did not obey; once all were asked.
    """
    routes = list(running(transport or transport_here(), folder))
    try:
        chosen = _chosen(routes, number, everyone)
        for _, route in chosen:  # to all first: one that hangs must not keep others from a panic
            _send(route, Request(command, tuple(arguments), route.token))
        replies = [_reply(route, place.number) for place, route in chosen]
    finally:
        for _, route in routes:
            route.connection.close()
    for reply in replies:
        if reply.error:
            raise RefusedError(reply)
    return replies


def _chosen(
    routes: Sequence[tuple[RunPlace, Route]], number: int | None, everyone: bool
) -> Sequence[tuple[RunPlace, Route]]:
    if not routes:
        raise ControlError(
            "no livecam is running", hint="start `livecam run`; --no-control keeps it from this"
        )
    numbers = ", ".join(str(place.number) for place, _ in routes)
    if number is not None:
        found = [each for each in routes if each[0].number == number]
        if not found:
            raise ControlError(
                "no livecam with the number {number} is running", hint="there are: {names}",
                number=number, names=numbers,
            )  # fmt: skip
        return found
    if len(routes) > 1 and not everyone:
        raise UsageError(
            "{count} livecams are running", hint="choose one with --to: {numbers}",
            count=len(routes), numbers=numbers,
        )  # fmt: skip
    return routes


def _send(route: Route, request: Request) -> None:
    route.connection.settimeout(REPLY_S)
    with suppress(OSError):  # it may have refused already; its reply says why
        route.connection.sendall(encoded_request(request))


def _reply(route: Route, number: int) -> Reply:
    try:
        return decoded_reply(_line(route.connection))
    except OSError as err:
        raise ControlError(
            "livecam {number} does not answer", hint="see what it logs; it may hang",
            number=number,
        ) from err  # fmt: skip


def _line(end: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        data = end.recv(MAX_REPLY_BYTES)
        if not data or len(received) > MAX_REPLY_BYTES:
            raise ControlError("the running livecam ended before it answered")
        received += data
    return bytes(received)

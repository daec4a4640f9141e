"""The server of the control channel, on a thread of its own.

It reads requests and hands them over: the thread that publishes takes them between two frames, and
answers. Neither waits for the other, and no client can make the server wait.
"""

from __future__ import annotations

import hmac
import logging
import queue
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from livecam.control.folder import OwnPlace
from livecam.control.protocol import (
    MAX_REQUEST_BYTES,
    Reply,
    Request,
    decoded_request,
    encoded_reply,
)
from livecam.core.closing import Closing
from livecam.core.errors import ControlError, UsageError
from livecam.core.worker import Worker

log = logging.getLogger(__name__)

ANSWER_S = 10.0  # after which a client is told so, and a request that still waits is dropped
SELECT_S = 0.5  # the interval at which the thread checks for its end, at most
MAX_CONNECTIONS = 32
MAX_TAKEN = 8  # requests between two frames: a flood of them must not delay one
CHUNK_BYTES = 16 << 10


class PendingRequest:
    """A request that waits for its answer. Any thread may use it; the first answer counts."""

    def __init__(self, request: Request, server: ControlServer, connection: _Connection) -> None:
        self.request = request
        self.due_at = time.monotonic() + ANSWER_S
        self._server = server
        self._connection = connection
        self._lock = threading.Lock()
        self._answered = False  # guarded by _lock

    def answer(self, reply: Reply) -> None:
        """Sends the reply, unless there was one."""
        with self._lock:
            if self._answered:
                return
            self._answered = True
        self._server.deliver(self._connection, reply)

    @property
    def is_answered(self) -> bool:
        """Whether there was an answer: also that it is too late."""
        with self._lock:
            return self._answered


class ControlServer(Closing):
    """Serves the clients of one run.

    `close` is called by the thread that made it; it answers all that still wait, and removes the
    file by which the run is found.
    """

    def __init__(self, place: OwnPlace) -> None:
        self.number = place.number
        self._place = place
        self._requests: queue.SimpleQueue[PendingRequest] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[tuple[_Connection, Reply]] = queue.SimpleQueue()
        self._waking, self._awake = socket.socketpair()
        for end in (self._waking, self._awake, place.endpoint.listener):
            end.setblocking(False)
        self._selector: selectors.BaseSelector | None = None
        self._connections: list[_Connection] = []  # used on the server's thread alone
        self._worker = Worker("control", self)
        self._worker.start()

    def take(self) -> Iterator[PendingRequest]:
        """Yields requests that have come, `MAX_TAKEN` at most; never waits."""
        with suppress(queue.Empty):
            for _ in range(MAX_TAKEN):
                pending = self._requests.get_nowait()
                if not pending.is_answered:
                    yield pending

    def deliver(self, connection: _Connection, reply: Reply) -> None:
        """Lets the server's thread send a reply; any thread may call it."""
        self._replies.put((connection, reply))
        self._wake()

    def close(self) -> None:
        self._worker.request_stop()
        self._wake()
        self._worker.join()
        self._place.close()
        self._waking.close()
        self._awake.close()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: nobody is waiting
            self._waking.send(b"\0")

    # The worker's task, on the server's thread.

    def start(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._place.endpoint.listener, selectors.EVENT_READ)
        self._selector.register(self._awake, selectors.EVENT_READ)

    def step(self) -> bool:
        assert self._selector is not None
        for key, events in self._selector.select(SELECT_S):
            if isinstance(key.data, _Connection):
                self._serve(key.data, events)
            elif key.fileobj is self._awake:
                with suppress(OSError):
                    self._awake.recv(CHUNK_BYTES)
            else:
                self._accept()
        self._send_replies()
        self._answer_late()
        return True

    def stop(self) -> None:
        for connection in self._connections:
            if connection.pending is not None:
                connection.pending.answer(_ending())
        with suppress(OSError):
            self._send_replies()
        for connection in list(self._connections):
            self._drop(connection)
        if self._selector is not None:
            self._selector.close()
            self._selector = None

    def _accept(self) -> None:
        """Accepts all clients that wait."""
        while True:
            try:
                client, _ = self._place.endpoint.listener.accept()
            except OSError:  # there are no more, or too many files are open
                return
            self._welcome(client)

    def _welcome(self, client: socket.socket) -> None:
        client.setblocking(False)
        connection = _Connection(client)
        if len(self._connections) >= MAX_CONNECTIONS:
            self._drop(self._connections[0])  # the oldest one
        self._connections.append(connection)
        try:
            if not self._place.endpoint.is_allowed(client):
                log.warning("another user tried to control this livecam, and was refused")
                connection.send_last(_refused())
        except OSError as error:
            connection.fail(error)
        self._update(connection)

    def _serve(self, connection: _Connection, events: int) -> None:
        if connection not in self._connections:  # it has just made room for another one
            return
        try:
            if events & selectors.EVENT_WRITE:
                connection.flush()
            if events & selectors.EVENT_READ:
                connection.receive()
            self._read_request(connection)
        except OSError as error:
            connection.fail(error)
        self._update(connection)

    def _read_request(self, connection: _Connection) -> None:
        """Hands over the next request of a client, or answers what is none."""
        while (line := connection.next_line()) is not None:
            try:
                request = decoded_request(line)
            except UsageError as error:
                connection.send(Reply.of_error(error))
                continue
            token = self._place.endpoint.token
            if not hmac.compare_digest(request.token.encode("utf-8", "replace"), token.encode()):
                connection.send_last(_without_token())
                return
            connection.pending = PendingRequest(request, self, connection)
            self._requests.put(connection.pending)

    def _send_replies(self) -> None:
        with suppress(queue.Empty):
            while True:
                connection, reply = self._replies.get_nowait()
                connection.pending = None
                self._send(connection, reply)

    def _send(self, connection: _Connection, reply: Reply) -> None:
        if connection not in self._connections:
            return
        try:
            connection.send(reply)
            self._read_request(connection)  # it may have sent more
        except OSError as error:
            connection.fail(error)
        self._update(connection)

    def _answer_late(self) -> None:
        now = time.monotonic()
        for connection in self._connections:
            if connection.pending is not None and now > connection.pending.due_at:
                connection.pending.answer(_late())

    def _update(self, connection: _Connection) -> None:
        """Waits for what the connection needs next, or ends it."""
        assert self._selector is not None
        events = connection.events
        if connection.is_over:
            self._drop(connection)
        elif connection.sock not in self._selector.get_map():
            if events:
                self._selector.register(connection.sock, events, connection)
        elif events:
            self._selector.modify(connection.sock, events, connection)
        else:  # it is waiting for an answer
            self._selector.unregister(connection.sock)

    def _drop(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        if self._selector is not None and connection.sock in self._selector.get_map():
            self._selector.unregister(connection.sock)
        connection.sock.close()


class _Connection:
    """One client: what it sent and what it was not yet sent. The server's thread alone."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.pending: PendingRequest | None = None
        self._received = bytearray()
        self._unsent = bytearray()
        self._ends = False  # it sends no more, or is not listened to any more
        self._broken = False

    @property
    def events(self) -> int:
        """What to wait for: a client gets its reply before it is read from again."""
        if self._unsent:
            return selectors.EVENT_WRITE
        return 0 if self.pending is not None or self._ends else selectors.EVENT_READ

    @property
    def is_over(self) -> bool:
        return self._broken or (self._ends and self.pending is None and not self._unsent)

    def receive(self) -> None:
        """Reads what has come; raises OSError when the client is gone."""
        try:
            data = self.sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        self._received += data
        self._ends = self._ends or not data

    def next_line(self) -> bytes | None:
        """Returns the next line; None while another request waits, or none is complete."""
        if self.pending is not None or self._unsent:
            return None
        line, newline, rest = self._received.partition(b"\n")
        if len(line) > MAX_REQUEST_BYTES:
            self.send_last(_too_long())
            return None
        if not newline:
            return None
        self._received = rest
        return bytes(line)

    def send(self, reply: Reply) -> None:
        """Sends a reply, or as much of it as the client takes now; raises OSError."""
        self._unsent += encoded_reply(reply)
        self.flush()

    def send_last(self, reply: Reply) -> None:
        """Sends a reply after which the connection ends."""
        self._received.clear()
        self._ends = True
        self.send(reply)

    def fail(self, error: OSError) -> None:
        """Ends the connection: the client is gone."""
        log.debug("a client of the control channel is gone: %s", error)
        self._broken = True

    def flush(self) -> None:
        with suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: self.sock.send(self._unsent)]


def _refused() -> Reply:
    return Reply.of_error(ControlError("that livecam belongs to another user"))


def _ending() -> Reply:
    return Reply.of_error(ControlError("that livecam is ending"))


def _late() -> Reply:
    return Reply.of_error(
        ControlError(
            "that livecam did not finish the command within {seconds:.0f} s",
            hint="see what it logs; it may be busy, or its driver hangs",
            seconds=ANSWER_S,
        )
    )


def _too_long() -> Reply:
    return Reply.of_error(
        UsageError(
            "a message has more than {size} KiB", hint="send one object a line",
            size=MAX_REQUEST_BYTES >> 10,
        )
    )  # fmt: skip


def _without_token() -> Reply:
    return Reply.of_error(
        ControlError("the token is missing or wrong", hint="use `livecam ctl`, which reads it")
    )

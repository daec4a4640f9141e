"""Listening on a UDP port, and parsing of addresses."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable

from livecam.core.closing import Closing
from livecam.core.errors import ConfigError, DeviceError, reason_of
from livecam.core.language import tr
from livecam.core.worker import Worker
from livecam.protocols.flood import (
    MAX_BATCH,
    CpuBudget,
    Datagram,
    Kinds,
    SocketAddress,
    newest_of_each_kind,
)

LOOPBACK = "127.0.0.1"
MAX_PACKET = 65535  # of UDP
WAIT_S = 0.1  # how long the thread listens before it checks whether it must stop
CLOSE_S = 2.0
GREET_EVERY_S = 1.0  # while nothing arrives
RECEIVE_BUFFER = 1 << 20  # bytes; a frame of VMC may come in more than a hundred packets


class MalformedError(Exception):
    """A packet violates its protocol; it is counted and has no effect."""


class UdpInbox(Closing):
    """Passes packets that arrive at one port to `decode`, in order, on a thread of its own.

    When more arrive than can be decoded, those that a newer one replaces are left out; `kinds`
    says which. `decode` raises MalformedError for packets that it refuses. An empty address is
    loopback, which other machines cannot reach; port 0 takes any free one. A `greeting` is sent to
    its address at once, and again while nothing arrives.

    Raises:
        DeviceError: the address is not of this machine, or the port is taken.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        decode: Callable[[bytes], None],
        greeting: tuple[bytes, SocketAddress] | None = None,
        kinds: Kinds | None = None,
    ) -> None:
        self._decode = decode
        self._kinds = kinds or Kinds()
        self._budget: CpuBudget | None = None  # of the thread, once it runs
        self._greeting = greeting
        self._greeted_waits = 0
        self._lock = threading.Lock()
        # guarded by _lock:
        self._received = 0
        self._malformed = 0
        self._socket = _bound(name, address, port)
        try:
            if greeting is not None:
                self._greet(*greeting)
        except DeviceError:
            self._socket.close()
            raise
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._buffer = memoryview(bytearray(MAX_PACKET))
        self._worker = Worker(f"protocol:{name}", self)
        self._worker.start()

    @property
    def address(self) -> str:
        return str(self._socket.getsockname()[0])

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def received(self) -> int:
        """Packets that arrived, the malformed ones too."""
        with self._lock:
            return self._received

    @property
    def malformed(self) -> int:
        with self._lock:
            return self._malformed

    def start(self) -> None:
        """Does nothing: the port is open since this object was made."""

    def step(self) -> bool:
        if not self._selector.select(WAIT_S):
            self._greet_again()
            return True
        self._budget = self._budget or CpuBudget()
        batch = self._waiting()
        malformed = sum(map(self._decode_first, newest_of_each_kind(batch, self._kinds)))
        with self._lock:
            self._received += len(batch)
            self._malformed += malformed
        time.sleep(self._budget.rest_s())
        return True

    def _waiting(self) -> list[Datagram]:
        """Takes the packets that wait at the port off it."""
        batch: list[Datagram] = []
        for _ in range(MAX_BATCH):
            try:
                size, sender = self._socket.recvfrom_into(self._buffer)
            except BlockingIOError:
                break
            except OSError:
                continue  # Windows reports here that a greeting was refused
            batch.append(Datagram(bytes(self._buffer[:size]), sender))
        return batch

    def _decode_first(self, packets: list[bytes]) -> int:
        """Decodes the first well-formed packet; returns how many before it are malformed."""
        for malformed, packet in enumerate(packets):
            try:
                self._decode(packet)
                return malformed
            except MalformedError:
                continue
        return len(packets)

    def stop(self) -> None:
        """Does nothing: the port stays open until `close`."""

    def close(self) -> None:
        """Stops listening, within CLOSE_S."""
        self._worker.request_stop()
        self._worker.join(CLOSE_S)
        self._selector.close()
        self._socket.close()

    def _greet(self, packet: bytes, address: SocketAddress) -> None:
        try:
            self._socket.sendto(packet, address)
        except OSError as err:
            raise DeviceError(
                "{host} cannot be reached from {address}: {reason}",
                hint="listen on the address that this computer has in the other one's network",
                host=address[0], address=self.address, reason=reason_of(err),
            ) from err  # fmt: skip

    def _greet_again(self) -> None:
        self._greeted_waits += 1
        if self._greeting is not None and self._greeted_waits * WAIT_S >= GREET_EVERY_S:
            self._greeted_waits = 0
            self._greet(*self._greeting)


def socket_address(text: str, default_port: int, default_host: str = LOOPBACK) -> SocketAddress:
    """Resolves the address that `host:port`, `host`, `:port` or `[::1]:port` names.

    Raises:
        ConfigError: it names none.
    """
    hint = tr(
        'write "host:port", for example "{host}:{port}"', host=default_host, port=default_port
    )
    host, port = _host_and_port(text.strip())
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError('"{value}" has no port between 1 and 65535', hint=hint, value=text)
    try:
        return _resolved(host or default_host, int(port or default_port))[1]
    except (OSError, UnicodeError) as err:
        raise ConfigError(
            '"{value}" is no address that is known here', hint=hint, value=text
        ) from err


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    if text.count(":") > 1:
        return text, ""  # an IPv6 address without brackets
    host, _, port = text.partition(":")
    return host, port


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    # Programs that use these protocols listen on IPv4 where a name has both.
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    family, address = found[0][0], found[0][4]
    return family, address  # type: ignore[return-value]  # typeshed has a third kind: no IPv6


def _bound(name: str, address: str, port: int) -> socket.socket:
    if not 0 <= port < 65536:
        raise ConfigError(
            "{name}: port {port} does not exist",
            hint="ports go from 1 to 65535",
            name=name,
            port=port,
        )
    try:
        family, where = _resolved(address or LOOPBACK, port)
    except (OSError, UnicodeError) as err:
        raise DeviceError(
            '{name}: "{address}" is no address',
            hint="{loopback} listens to this machine alone",
            name=name, address=address, loopback=LOOPBACK,
        ) from err  # fmt: skip
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows would let two programs share it
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        opened.bind(where)
    except OSError as err:
        opened.close()
        raise DeviceError(
            "{name} cannot listen on {host} port {port}: {reason}",
            hint="another program may have the port: close it, or choose another port; "
            "the address must be one of this machine ({loopback}: this machine alone)",
            name=name, host=where[0], port=port, reason=reason_of(err), loopback=LOOPBACK,
        ) from err  # fmt: skip
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    opened.setblocking(False)
    return opened

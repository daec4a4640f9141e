"""What all receivers share: a port, the newest performance, and what may be believed."""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.face import EXPRESSIONS, INDEX, Performance, Quaternion, Vector3, Weights
from livecam.core.timing import Clock
from livecam.protocols.udp import MalformedError, SocketAddress, UdpInbox

PLACES = {name.lower(): place for name, place in INDEX.items()}  # senders differ in letter case
LARGEST_WEIGHT = 10.0  # some apps send beyond 1 on purpose; ten times full is no expression
LARGEST_M = 10.0
RESTING_PLACE = np.array((0.0, 0.0, -0.6))  # metres; of heads that are told without a place
NEAREST_M = 0.15  # before the camera; nearer, no lens shows a whole head


class Script(Protocol):
    """Understands one protocol; used by one thread.

    `read` answers with the newest that is known after this packet, or None when nothing is.
    It raises MalformedError, and then nothing has changed.
    """

    def read(self, packet: bytes, now: float) -> Performance | None: ...


class Receiver(Closing):
    """A performer that listens to a UDP port. Any thread may ask."""

    USUAL_PORT: ClassVar[int]
    STALE_S: ClassVar[float] = 0.5  # what is older is not shown

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        clock: Clock,
        script: Script,
        greeting: tuple[bytes, SocketAddress] | None = None,
    ) -> None:
        self._clock = clock
        self._script = script
        self._newest: Performance | None = None  # frozen, and replaced as a whole
        self._inbox = UdpInbox(name, address, port or self.USUAL_PORT, self._read, greeting)

    @property
    def address(self) -> str:
        return self._inbox.address

    @property
    def port(self) -> int:
        return self._inbox.port

    @property
    def received(self) -> int:
        """Packets that arrived, the malformed ones too."""
        return self._inbox.received

    @property
    def malformed(self) -> int:
        return self._inbox.malformed

    def at(self, now: float) -> Performance | None:
        newest = self._newest
        return newest if newest is not None and now - newest.at <= self.STALE_S else None

    def close(self) -> None:
        self._inbox.close()

    def _read(self, packet: bytes) -> None:
        self._newest = self._script.read(packet, self._clock.now())


def performance(values: dict[int, float]) -> tuple[Weights, NDArray[np.bool_]]:
    """Weights between 0 and 1, and their mask, of values by their index in EXPRESSIONS."""
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    mask = np.zeros(len(EXPRESSIONS), bool)
    places = list(values)
    weights[places] = np.clip(list(values.values()), 0, 1)
    mask[places] = True
    return weights, mask


def believable(value: object, largest: float) -> float:
    """A finite number of at most that size, or MalformedError."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise MalformedError(f"{value!r} is no number")
    if not math.isfinite(value) or abs(value) > largest:
        raise MalformedError(f"{value!r} cannot be meant")
    return float(value)


def unit(q: Quaternion) -> Quaternion:
    """The rotation of a quaternion that need not have unit length, or MalformedError."""
    length = float(np.linalg.norm(q))
    if not 0.5 < length < 2:
        raise MalformedError("no rotation")
    return q / length


def before_camera(place: Vector3) -> Vector3:
    """The place, moved back when it is behind the camera or too close to it."""
    return np.array((place[0], place[1], min(float(place[2]), -NEAREST_M)))

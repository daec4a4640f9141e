"""The base class of UDP receivers, and the checks of what they receive."""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.face import EXPRESSIONS, INDEX, Performance, Weights
from livecam.core.spaces import Quaternion, Vector3
from livecam.core.timing import Clock
from livecam.protocols.flood import Kinds, SocketAddress
from livecam.protocols.udp import MalformedError, UdpInbox

# By name in small letters: senders differ in letter case.
WEIGHT_INDEX = {name.lower(): index for name, index in INDEX.items()}
MAX_WEIGHT = 10.0  # some apps send beyond 1 on purpose; ten times full is no expression
MAX_M = 10.0
REST_POSITION = np.array((0.0, 0.0, -0.6))  # metres; of heads that come without a position
MIN_DEPTH_M = 0.15  # nearer to the camera no lens shows a whole head


class Decoder(Protocol):
    """Decodes the packets of one protocol; used by one thread.

    `decode` returns the newest performance after this packet, or None when there is none.
    It raises MalformedError and then leaves its state unchanged.
    """

    def decode(self, packet: bytes, now: float) -> Performance | None: ...


class Receiver(Closing):
    """A performer that listens to a UDP port. Any thread may call it."""

    DEFAULT_PORT: ClassVar[int]
    STALE_S: ClassVar[float] = 0.5  # an older performance is not shown

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        clock: Clock,
        decoder: Decoder,
        greeting: tuple[bytes, SocketAddress] | None = None,
        kinds: Kinds | None = None,
    ) -> None:
        self._clock = clock
        self._decoder = decoder
        self._newest: Performance | None = None  # immutable, and replaced as a whole
        self._inbox = UdpInbox(
            name, address, port or self.DEFAULT_PORT, self._decode, greeting, kinds
        )

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

    def _decode(self, packet: bytes) -> None:
        self._newest = self._decoder.decode(packet, self._clock.now())


def weights_and_mask(values: dict[int, float]) -> tuple[Weights, NDArray[np.bool_]]:
    """Returns weights, clipped to 0..1, and their mask, from values by index of expression."""
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    mask = np.zeros(len(EXPRESSIONS), bool)
    indices = list(values)
    weights[indices] = np.clip(list(values.values()), 0, 1)
    mask[indices] = True
    return weights, mask


def plausible(value: object, maximum: float) -> float:
    """Returns a finite number of at most that size; raises MalformedError."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise MalformedError(f"{value!r} is no number")
    if not math.isfinite(value) or abs(value) > maximum:
        raise MalformedError(f"{value!r} is out of range")
    return float(value)


def unit(q: Quaternion) -> Quaternion:
    """Scales a quaternion to unit length; raises MalformedError."""
    length = float(np.linalg.norm(q))
    if not 0.5 < length < 2:
        raise MalformedError("no rotation")
    return q / length


def in_front_of_camera(position: Vector3) -> Vector3:
    """Moves a position back when it is behind the camera or too close to it."""
    return np.array((position[0], position[1], min(float(position[2]), -MIN_DEPTH_M)))

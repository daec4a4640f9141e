"""Bounds what a flood of packets costs: only the newest of each kind are decoded.

A receiver decodes all packets while they are few. When a backlog has built up, packets that a newer
one replaces are skipped, and the thread rests when it has used up its share of one processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeAlias

SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]  # of IPv4, of IPv6

MAX_BACKLOG = 8  # packets: up to here every one is decoded
MAX_BATCH = 512  # packets that are taken off the socket at once
MAX_KINDS = 256  # that are decoded of one batch
MAX_TRIES = 3  # packets of one kind that are tried, the newest first, until one is well-formed
# Of one processor. Typical senders need 0.1 to 4 per cent.
CPU_SHARE = 0.1
BURST_S = 0.05  # of processor time, saved up while few packets come
MAX_REST_S = 0.2


class Datagram(NamedTuple):
    """A packet and its sender."""

    data: bytes
    sender: SocketAddress


class Kinds:
    """Classifies packets by the older ones they replace; for protocols with complete packets.

    `of` returns the kind of a packet: a newer packet of the same sender and kind replaces it.
    `ends_frame` says whether a packet makes those before it count: they are not replaced by packets
    after it.
    """

    def of(self, packet: bytes) -> Hashable:
        return None

    def ends_frame(self, packet: bytes) -> bool:
        return False


def newest_of_each_kind(batch: Sequence[Datagram], kinds: Kinds) -> list[list[bytes]]:
    """Returns the packets to decode, in the order of their arrival; of each kind the newest first.

    The others of a kind are for the case that the newest is malformed.
    """
    if len(batch) <= MAX_BACKLOG:
        return [[datagram.data] for datagram in batch]
    in_last_frame = not any(kinds.ends_frame(datagram.data) for datagram in batch)
    groups: dict[Hashable, list[bytes]] = {}
    for data, sender in reversed(batch):
        in_last_frame = in_last_frame or kinds.ends_frame(data)
        group = groups.setdefault((in_last_frame, sender, kinds.of(data)), [])
        if len(group) < MAX_TRIES:
            group.append(data)
        if len(groups) == MAX_KINDS:
            break
    return list(reversed(groups.values()))


class CpuBudget:
    """Limits the processor time of one thread to a share, after a burst. Used on that thread."""

    def __init__(
        self,
        share: float = CPU_SHARE,
        now: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        self._share = share
        self._now, self._used = now, used
        self._left_s = BURST_S
        self._last: tuple[float, float] | None = None

    def rest_s(self) -> float:
        """Returns how long the thread must rest now to stay within its share."""
        now, used = self._now(), self._used()
        before, used_before = self._last or (now, used)
        self._last = (now, used)
        self._left_s += self._share * (now - before) - (used - used_before)
        self._left_s = min(self._left_s, BURST_S)
        return min(max(-self._left_s / self._share, 0.0), MAX_REST_S)

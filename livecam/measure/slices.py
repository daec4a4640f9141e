"""Counts and CPU time of a live session: up to one time, or in a slice between two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from livecam.measure.thread_times import ThreadKey

ENDED = "ended"  # the threads of a film's decoder end with it


@dataclass(frozen=True, slots=True)
class Slice:
    """What a session did, and the time that took."""

    wall_s: float
    cpu_s: float  # of all threads
    threads_ns: Counter[ThreadKey]  # CPU nanoseconds of each, where the system tells
    captured: int  # pictures that the source gave
    tracked: int  # pictures in which faces were searched
    shown: int  # pictures that were published; a repeated one counts once
    missed: Counter[str]  # values that were replaced before they were taken, per mailbox

    def __sub__(self, before: Slice) -> Slice:
        return Slice(
            self.wall_s - before.wall_s,
            self.cpu_s - before.cpu_s,
            self.threads_ns - before.threads_ns,
            self.captured - before.captured,
            self.tracked - before.tracked,
            self.shown - before.shown,
            self.missed - before.missed,
        )

    @property
    def cpu_ms_per_shown(self) -> float:
        """CPU milliseconds for each picture that was published; at least one is assumed."""
        return 1e3 * self.cpu_s / max(1, self.shown)

    @property
    def cpu_ms_per_tracked(self) -> float:
        """CPU milliseconds for each picture that was tracked; at least one is assumed."""
        return 1e3 * self.cpu_s / max(1, self.tracked)


def ms_per_picture(slices: Sequence[Slice], pictures: int) -> defaultdict[str, float]:
    """Returns the CPU milliseconds of each thread over that many pictures; 0 for other names.

    Threads that ended in a slice count together as ENDED; empty where the system does not tell.
    """
    times: defaultdict[str, float] = defaultdict(float)
    for each in filter(lambda each: each.threads_ns, slices):
        for thread, ns in each.threads_ns.items():
            times[thread.name] += ns / 1e6 / max(1, pictures)
        lost_ms = 1e3 * each.cpu_s - sum(each.threads_ns.values()) / 1e6
        times[ENDED] += max(0.0, lost_ms) / max(1, pictures)
    return times

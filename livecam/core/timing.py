"""Clocks, and how long things take."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """The one monotonic clock of a run. Seconds."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class ManualClock:
    """A clock that a test sets by hand; sleeping moves it on at once."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now += max(0.0, seconds)


@dataclass(frozen=True, slots=True)
class StageTime:
    """Wall time and the running thread's CPU time of one stage, in milliseconds."""

    wall_ms: float
    cpu_ms: float


class StageTimer:
    """Measures named stages; the last value and a window of the newest of each are kept.

    May be used from several threads as long as each stage name belongs to one of them.
    """

    def __init__(self, window: int = 600) -> None:
        self._window = window
        self._history: dict[str, deque[StageTime]] = {}
        self._lock = threading.Lock()  # guards _history's keys

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - wall) * 1e3, (time.thread_time() - cpu) * 1e3)

    def add(self, name: str, wall_ms: float, cpu_ms: float = 0.0) -> None:
        history = self._history.get(name)
        if history is None:
            with self._lock:
                history = self._history.setdefault(name, deque(maxlen=self._window))
        history.append(StageTime(wall_ms, cpu_ms))

    def clear(self) -> None:
        """Forgets everything measured so far."""
        with self._lock:
            for history in self._history.values():
                history.clear()

    def last_ms(self) -> dict[str, float]:
        """The newest wall time of every stage."""
        with self._lock:
            return {name: round(h[-1].wall_ms, 3) for name, h in self._history.items() if h}

    def history(self) -> dict[str, list[StageTime]]:
        """A copy of everything in the window, oldest first."""
        with self._lock:
            return {name: list(h) for name, h in self._history.items() if h}


PULL = 0.1  # how far each picture draws the schedule towards its own moment


class Pacer:
    """When to publish: new pictures on a schedule, the last one again in between.

    The schedule is one of moments at which pictures were *taken*: how long each then took to
    track and to draw varies by more than a period, and must not cost a picture. It is drawn
    slowly towards the camera's own moments, or half of its pictures could fall on the line
    between two ticks. When none has come for one and a half periods, the caller repeats the
    last one, then every period; repeats take no new picture's tick. What is missed is counted,
    never caught up.
    """

    def __init__(self, fps: float, now: float) -> None:
        self.period_s = 1 / fps
        self.missed = 0  # whole periods in which nothing was published
        self._tick = -math.inf  # the next new picture should be taken then
        self._last = now
        self._repeat_at = now

    def accepts(self, taken_at: float) -> bool:
        """A picture taken then may be published; earlier ones would exceed the rate."""
        return taken_at >= self._tick - self.period_s / 2

    def repeat_in_s(self, now: float) -> float:
        """Seconds until the last picture must be repeated."""
        return max(0.0, self._repeat_at - now)

    def published(self, now: float, taken_at: float | None = None) -> None:
        """A picture was published: a new one taken at `taken_at`, or (None) the last one again."""
        self.missed += max(0, int((now - self._last) / self.period_s + 1e-6) - 1)
        self._last = now
        self._repeat_at = now + self.period_s * (1.0 if taken_at is None else 1.5)
        if taken_at is not None:
            tick = self._tick if math.isfinite(self._tick) else taken_at
            tick += max(0, int((taken_at - tick) / self.period_s + 1e-6)) * self.period_s
            self._tick = tick + self.period_s + PULL * (taken_at - tick)

"""Clocks, stage timing, and the pacing of published frames."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from livecam.core.trace import Trace


class Clock(Protocol):
    """The monotonic clock of a run, in seconds."""

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
    """A clock that is set by hand; sleeping advances it at once."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now += max(0.0, seconds)


GRID_TOLERANCE = 1e-6  # of a period: sums of frame times are a little off


def is_due(period_s: float, last_s: float, now_s: float) -> bool:
    """Returns whether a multiple of a period was reached since the last time something was done.

    What is done every so often in a film is done in the same frames wherever one begins with it.
    """
    if last_s == -math.inf:
        return True
    before, after = (math.floor(at / period_s + GRID_TOLERANCE) for at in (last_s, now_s))
    return after > before


@dataclass(frozen=True, slots=True)
class StageTime:
    """Wall time and the running thread's CPU time of one stage, in milliseconds."""

    wall_ms: float
    cpu_ms: float


class StageTimer:
    """Measures named stages; the last value and a window of the newest of each are kept.

    With a trace, every stage is recorded there too. May be used from several threads as long as
    each stage name belongs to one of them.
    """

    def __init__(self, window: int = 600, trace: Trace | None = None) -> None:
        self.paused = False  # stages that end meanwhile are not kept
        self._trace = trace
        self._window = window
        self._history: dict[str, deque[StageTime]] = {}
        self._lock = threading.Lock()  # guards _history's keys

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            wall_s, cpu_s = time.perf_counter() - wall, time.thread_time() - cpu
            if not self.paused:
                self.add(name, wall_s * 1e3, cpu_s * 1e3)
                if self._trace is not None:
                    self._trace.add(name, wall, wall_s, cpu_s)

    def begin_frame(self, index: int) -> None:
        """Notes for the trace which frame the calling thread works on from now on."""
        if self._trace is not None:
            self._trace.begin_frame(index)

    def add(self, name: str, wall_ms: float, cpu_ms: float = 0.0) -> None:
        history = self._history.get(name)
        if history is None:
            with self._lock:
                history = self._history.setdefault(name, deque(maxlen=self._window))
        history.append(StageTime(wall_ms, cpu_ms))

    def clear(self) -> None:
        """Discards everything measured so far."""
        with self._lock:
            for history in self._history.values():
                history.clear()

    def last_ms(self) -> dict[str, float]:
        """Returns the newest wall time of every stage."""
        with self._lock:
            return {name: round(h[-1].wall_ms, 3) for name, h in self._history.items() if h}

    def history(self) -> dict[str, list[StageTime]]:
        """Returns a copy of everything in the window, oldest first."""
        with self._lock:
            return {name: list(h) for name, h in self._history.items() if h}


RATE_FRAMES = 31  # over which a rate is measured


class RateMeter:
    """Measures the rate of events over the newest of them. One thread."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)

    def add(self, now: float) -> None:
        self._times.append(now)

    @property
    def fps(self) -> float:
        """Events a second; 0 before the second one."""
        if len(self._times) < 2 or self._times[-1] <= self._times[0]:
            return 0.0
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])


PULL = 0.1  # the share of its phase error by which each new frame corrects the schedule


class CaptureSchedule:
    """Decides which frames of a camera are used: no more than are published. One thread.

    The schedule is one of *capture* times: how long each frame then takes to track and to draw
    varies by more than a period, and must not cost a frame. Its phase follows the camera's slowly,
    or half of the frames could fall on the border between two ticks.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._tick = -math.inf  # when the next frame should be captured

    def takes(self, captured_at: float) -> bool:
        """Returns whether a frame captured then is used; asked once for each, in order."""
        period_s, tick = self._period_s, self._tick
        if captured_at < tick - period_s / 2:
            return False
        tick = tick if math.isfinite(tick) else captured_at
        tick += max(0, int((captured_at - tick) / period_s + 1e-6)) * period_s
        self._tick = tick + period_s + PULL * (captured_at - tick)
        return True


class Pacer:
    """Decides when to repeat the last frame, so that a virtual camera never starves.

    When no frame has come for one and a half periods, the caller repeats the last one, then every
    period. Missed periods are counted, never caught up.
    """

    def __init__(self, fps: float, now: float) -> None:
        self.period_s = 1 / fps
        self.missed = 0  # whole periods in which nothing was published
        self._last = now
        self._repeat_at = now

    def repeat_in_s(self, now: float) -> float:
        """Returns the seconds until the last frame must be repeated."""
        return max(0.0, self._repeat_at - now)

    def published(self, now: float, *, repeated: bool = False) -> None:
        """Notes a published frame: a new one, or the last one again."""
        self.missed += max(0, int((now - self._last) / self.period_s + 1e-6) - 1)
        self._last = now
        self._repeat_at = now + self.period_s * (1.0 if repeated else 1.5)

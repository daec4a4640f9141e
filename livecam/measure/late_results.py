"""The results of a periodic worker, which arrive late: as in `livecam run`, but in one thread."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")
LATENCY_S = 0.1  # from the capture of a frame until its result arrives
TIME_TOLERANCE_S = 1e-3  # timestamps are rounded


class LateResults(Generic[T]):
    """Says when the worker takes a frame, and delays its results. Times are those of frames."""

    def __init__(self) -> None:
        self._next_at = -np.inf
        self._waiting: deque[tuple[float, T]] = deque()
        self._newest: T | None = None

    def is_due(self, captured_at: float) -> bool:
        """Returns whether the worker takes the frame of that time."""
        return captured_at + TIME_TOLERANCE_S >= self._next_at

    def put(self, captured_at: float, result: T | None, period_s: float) -> None:
        """Takes the result for the frame of that time; None when there is none."""
        self._next_at = captured_at + period_s
        if result is not None:
            self._waiting.append((captured_at + LATENCY_S, result))

    def newest(self, now: float) -> T | None:
        """Returns the newest result that has arrived; `now` does not fall."""
        while self._waiting and self._waiting[0][0] <= now + TIME_TOLERANCE_S:
            self._newest = self._waiting.popleft()[1]
        return self._newest

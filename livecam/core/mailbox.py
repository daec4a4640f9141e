"""A bounded queue between two threads that drops the oldest value when it is full."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands values from one thread to another; when it is full, the oldest value is dropped.

    `put` never waits; dropped values are counted in `missed`. One slot (the default) keeps
    latency low: a queue of ten makes results half a second old. Only a recorder, which wants
    every frame, has a few more. `close` wakes every waiting thread. Any thread may call anything.
    """

    def __init__(self, name: str, depth: int = 1) -> None:
        self.name = name
        self._changed = threading.Condition()
        # guarded by _changed:
        self._values: deque[T] = deque(maxlen=depth)
        self._missed = 0
        self._closed = False

    def put(self, value: T) -> None:
        with self._changed:
            if self._closed:
                return
            if len(self._values) == self._values.maxlen:
                self._missed += 1
            self._values.append(value)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """Takes the oldest value, waiting at most that long; None without one or when closed."""
        with self._changed:
            if not self._values and not self._closed and timeout_s > 0:
                self._changed.wait_for(lambda: self._values or self._closed, timeout=timeout_s)
            if not self._values:
                return None
            self._changed.notify_all()
            return self._values.popleft()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Waits at most that long until all values were taken; returns whether they were."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._values, timeout=timeout_s)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._values.clear()
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        with self._changed:
            return not self._values

    @property
    def missed(self) -> int:
        with self._changed:
            return self._missed

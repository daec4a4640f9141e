"""One slot between two threads: the newest value wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands the newest value from one thread to another.

    `put` never waits; a value that nobody took in time is replaced and counted in `missed`.
    `close` wakes every waiter. Any thread may call anything.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        # guarded by _changed:
        self._value: T | None = None
        self._missed = 0
        self._closed = False

    def put(self, value: T) -> None:
        with self._changed:
            if self._closed:
                return
            if self._value is not None:
                self._missed += 1
            self._value = value
            self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """The newest value, waiting at most that long for one; None when none came or closed."""
        with self._changed:
            if self._value is None and not self._closed and timeout_s > 0:
                self._changed.wait_for(
                    lambda: self._value is not None or self._closed, timeout=timeout_s
                )
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._value = None
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    @property
    def missed(self) -> int:
        with self._changed:
            return self._missed

"""Logs faults that repeat: the first one in full, then counts at growing intervals."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from livecam.core.language import tr

FIRST_INTERVAL_S = 5.0  # between the first fault and the first count of its repetitions
MAX_INTERVAL_S = 600.0
STEADY_S = 10.0  # without a fault, after which the next one is logged in full
MAX_KINDS = 8  # of faults that are distinguished; further ones are counted with the last


@dataclass(slots=True)
class _Repeated:
    """One kind of fault since it was last logged."""

    logged_at: float
    interval_s: float = FIRST_INTERVAL_S
    count: int = 0  # not yet logged


class FaultLog:
    """The faults of one worker or stage. One thread.

    Two faults are of one kind when their messages differ in numbers at most. The first of a
    kind is logged with its traceback.
    """

    def __init__(
        self, log: logging.Logger, name: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._name = tr(name)
        self._now = now
        self._kinds: dict[str, _Repeated] = {}
        self._failed_at = 0.0
        self._announced = False  # that it works again, since the last new kind of fault
        self._faults = 0  # since it last was logged to work

    def failed(self, error: Exception) -> None:
        """Logs a fault, or counts it."""
        now = self._failed_at = self._now()
        self._faults += 1
        repeated = self._repeated(error)
        if repeated is None:
            self._kinds[_kind(error)] = _Repeated(now)
            self._announced = False
            self._log.warning("%s: %s", self._name, error, exc_info=error)
            return
        repeated.count += 1
        since_s = now - repeated.logged_at
        if since_s >= repeated.interval_s:
            again = tr("{count} times more in {s:.0f} s", count=repeated.count, s=since_s)
            self._log.warning("%s: %s (%s)", self._name, error, again)
            repeated.interval_s = min(2 * repeated.interval_s, MAX_INTERVAL_S)
            repeated.logged_at, repeated.count = now, 0

    def worked(self) -> None:
        """Logs that it works again: at once the first time, later only when it is steady."""
        if not self._kinds:
            return
        steady = self._now() - self._failed_at >= STEADY_S
        if self._faults and (steady or not self._announced):
            if self._faults > 1:
                self._log.info("%s: works again after %d faults", self._name, self._faults)
            else:
                self._log.info("%s: works again", self._name)
            self._faults, self._announced = 0, True
        if steady:
            self._kinds.clear()

    def _repeated(self, error: Exception) -> _Repeated | None:
        found = self._kinds.get(_kind(error))
        if found is None and len(self._kinds) == MAX_KINDS:
            return next(reversed(self._kinds.values()))
        return found


def _kind(error: Exception) -> str:
    return re.sub(r"\d+", "#", f"{type(error).__name__}: {error}")

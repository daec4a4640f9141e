"""Who does the work on the items: this process, one item after the other. See `cluster.py`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from livecam.batch.item import Item
from livecam.batch.work import Orders, Result, close_converters, convert_item
from livecam.core.closing import Closing
from livecam.core.end_signals import checkpoint

# Receives the number of an item, the share of it that is done, and the seconds left if known;
# on any thread.
TellShare = Callable[[int, float, float | None], None]


def cores() -> int:
    """Returns how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Engine(Protocol):
    """Converts items. Used on the main thread; `close` ends all work."""

    @property
    def jobs(self) -> int:
        """How many items are converted at a time."""
        ...

    def results(
        self, items: Mapping[int, Item], orders: Orders, tell: TellShare
    ) -> Iterator[tuple[int, Result]]:
        """Yields the number and result of each item as soon as it is done, in any order.

        Raises:
            KeyboardInterrupt: a signal came; unfinished files are gone.
            LivecamError: no item can be converted any more.
        """

    def close(self) -> None: ...


class OwnProcess(Closing):
    """Converts items in this process."""

    jobs = 1

    def results(
        self, items: Mapping[int, Item], orders: Orders, tell: TellShare
    ) -> Iterator[tuple[int, Result]]:
        for number, item in items.items():
            checkpoint()
            tell(number, 0.0, None)
            yield number, convert_item(item, orders, partial(tell, number))

    def close(self) -> None:
        close_converters()

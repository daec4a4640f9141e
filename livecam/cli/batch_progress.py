"""The bars of a batch: one for all items, one for each that is being converted; else lines."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from livecam.batch.item import Item
from livecam.batch.work import ItemState, Result
from livecam.cli.progress import TimeLeftColumn, progress_bars, shortened
from livecam.core.language import tr

log = logging.getLogger(__name__)


class BatchBars:
    """The bars of one batch. All items count alike, as their lengths are not known before."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()  # guards all below
        self._items: Sequence[Item] = ()
        self._bars: dict[int, TaskID] = {}
        self._shares: dict[int, float] = {}
        self._todo = self._done = 0
        self._begun = 0.0
        self._film_s = 0.0
        self._whole: TaskID | None = None

    def begin(self, items: Sequence[Item], todo: Sequence[int], jobs: int) -> None:
        with self._lock:
            self._items, self._todo = items, len(todo)
            self._begun = time.monotonic()
            self._whole = self._progress.add_task(
                tr("all"), total=float(len(todo)), note="", left_s=None
            )
        kept = len(items) - len(todo)
        log.info("%d to convert by %d at a time, %d are there already", len(todo), jobs, kept)

    def share(self, number: int, share: float, left_s: float | None) -> None:
        with self._lock:
            if number not in self._bars:
                name = escape(shortened(self._items[number].name))
                self._bars[number] = self._progress.add_task(name, total=1.0, note="", left_s=None)
            self._shares[number] = share
            self._progress.update(self._bars[number], completed=share, left_s=left_s)
            self._show()

    def done(self, number: int, result: Result) -> None:
        outcome = result.outcome
        with self._lock:
            if number in self._bars:
                self._progress.remove_task(self._bars.pop(number))
            self._shares.pop(number, None)
            self._done += 1
            self._film_s += outcome.seconds
            self._show()
        if result.state is ItemState.DONE:
            log.info(
                "%d of %d: %s, %.1f s of film in %.1f s",
                self._done, self._todo, self._items[number].name, outcome.seconds, outcome.took_s,
            )  # fmt: skip

    def _show(self) -> None:
        assert self._whole is not None
        done = self._done + sum(self._shares.values())
        took_s = time.monotonic() - self._begun
        left_s = took_s / done * (self._todo - done) if self._done else None
        words = tr("{done} of {all}", done=self._done, all=self._todo)
        if self._done:
            rate = self._film_s / took_s * 60
            words += " " + tr("{rate:.1f} film min/h", rate=rate)
        self._progress.update(self._whole, completed=done, note=words, left_s=left_s)


@contextmanager
def batch_bars() -> Iterator[BatchBars]:
    """Yields the bars of a batch."""
    percent = TextColumn("{task.percentage:>3.0f} %")
    note = TextColumn("{task.fields[note]}")
    with progress_bars(BarColumn(), percent, note, TimeLeftColumn()) as progress:
        yield BatchBars(progress)

"""Runs a batch: converts the items that are not finished, and returns what became of all."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Protocol

from livecam.batch.engine import Engine, OwnProcess
from livecam.batch.item import Item
from livecam.batch.work import ItemState, Orders, Result, failed_outcome, finished
from livecam.config.settings import Settings
from livecam.convert.converter import words_of
from livecam.convert.outcome import Conversion
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.errors import ControlError, LivecamError
from livecam.core.language import tr
from livecam.pipeline.build import avatars_of, check_picture_files
from livecam.storage.place import Place

log = logging.getLogger(__name__)

MIN_FREE = 300 << 20  # bytes of an output's disk; below, no further item is begun
LEFT = (ItemState.STOPPED, ItemState.NO_ROOM)


class BatchProgress(Protocol):
    """Shows how far a batch is. `share` is called on any thread, the others on the main one."""

    def begin(self, items: Sequence[Item], todo: Sequence[int], jobs: int) -> None:
        """Begins the work on the items of these numbers."""

    def share(self, number: int, share: float, left_s: float | None) -> None:
        """Tells the share of an item that is done, and the seconds that it will still take."""

    def done(self, number: int, result: Result) -> None:
        """Ends an item."""


class NoBatchProgress:
    """Shows nothing."""

    def begin(self, items: Sequence[Item], todo: Sequence[int], jobs: int) -> None: ...

    def share(self, number: int, share: float, left_s: float | None) -> None: ...

    def done(self, number: int, result: Result) -> None: ...


@dataclass(slots=True)
class BatchOutcome:
    """What became of a batch; items without a result are left for another run."""

    items: Sequence[Item]
    results: dict[int, Result] = field(default_factory=dict)
    took_s: float = 0.0
    problem: str = ""  # why the run ended before its items

    @property
    def left(self) -> list[Item]:
        """The items that are not done."""
        return [item for n, item in enumerate(self.items) if n not in self.results]

    def of(self, *states: ItemState) -> list[Result]:
        """Returns the results of some states, in the order of the items."""
        return [self.results[n] for n in sorted(self.results) if self.results[n].state in states]

    @property
    def film_s(self) -> float:
        """Seconds of film that this run converted."""
        return sum(each.outcome.seconds for each in self.of(ItemState.DONE))

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time that this run used for it."""
        return sum(each.cpu_s for each in self.of(ItemState.DONE))

    @property
    def film_minutes_per_core_hour(self) -> float:
        """Minutes of film that one processor core converts in an hour; 0 if nothing was."""
        return self.film_s / self.cpu_s * 60 if self.cpu_s else 0.0

    @property
    def conversion(self) -> Conversion:
        """The same as the report of `convert` shows it."""
        done = self.of(ItemState.DONE, ItemState.KEPT, ItemState.FAILED)
        left = (failed_outcome(item, "").job for item in self.left)
        renderer = next((each.renderer for each in done if each.renderer), "")
        return Conversion(tuple(each.outcome for each in done), tuple(left), renderer)

    @property
    def is_complete(self) -> bool:
        """Whether every item has its result."""
        return not self.left and not self.of(ItemState.FAILED)


def run_batch(
    items: Sequence[Item],
    orders: Orders,
    make_engine: Callable[[int], Engine] = lambda jobs: OwnProcess(),
    progress: BatchProgress | None = None,
) -> BatchOutcome:
    """Converts all items that are not finished.

    One that fails is no reason to end; a full disk and a signal are.

    Args:
        items: with different outputs.
        orders: what holds for all; its name of the run is replaced.
        make_engine: receives how many items are to be converted.
        progress: shows how far the batch is.

    Raises:
        LivecamError: nothing can be converted: a setting names what is not there, or there is no
            worker.
    """
    shown = progress or NoBatchProgress()
    done = BatchOutcome(items)
    begun = time.monotonic()
    check_settings(items)
    with end_signals() as signals, signals.held():
        try:
            todo = _todo(done, orders)
            _convert(done, todo, orders, make_engine, shown)
        except KeyboardInterrupt:
            done.problem = tr("stopped")
    done.took_s = time.monotonic() - begun
    return done


def check_settings(items: Sequence[Item]) -> None:
    """Refuses settings that name an avatar or a file that is not there.

    Raises:
        LivecamError: they do.
    """
    known: list[Settings] = []
    for item in items:
        if item.settings in known:
            continue
        known.append(item.settings)
        try:
            check_picture_files(item.settings)
            avatars_of(item.settings.avatar)
        except LivecamError as error:
            if not item.origin:
                raise
            words = tr("{place}: {message}", place=item.origin, message=error.message)
            raise type(error)(words, error.hint) from error


def _todo(done: BatchOutcome, orders: Orders) -> dict[int, Item]:
    """Returns the items to convert, by their numbers; takes over the results of the others."""
    todo: dict[int, Item] = {}
    for number, item in enumerate(done.items):
        checkpoint()
        try:
            record = finished(item, orders)
        except LivecamError as error:
            log.error("%s: %s", item.name, words_of(error))
            done.results[number] = Result(ItemState.FAILED, failed_outcome(item, words_of(error)))
            continue
        if record is not None and record.outcome is not None:
            done.results[number] = Result(ItemState.KEPT, record.outcome, record.cpu_s)
        else:
            todo[number] = item
    return todo


def _convert(
    done: BatchOutcome,
    todo: dict[int, Item],
    orders: Orders,
    make_engine: Callable[[int], Engine],
    progress: BatchProgress,
) -> None:
    if not todo:
        return
    orders = orders.of_run(secrets.token_hex(4))
    with ExitStack() as stack:
        engine = make_engine(len(todo))
        stack.callback(engine.close)
        progress.begin(done.items, list(todo), engine.jobs)
        results = engine.results(todo, orders, progress.share)
        stack.callback(results.close)  # type: ignore[attr-defined]  # it is a generator
        for number, result in _until_lost(results, done):
            if result.state is ItemState.NO_ROOM:
                done.problem = result.outcome.error
                return
            if result.state is ItemState.KEPT:  # a worker was lost that had just made it
                result = replace(result, state=ItemState.DONE)
            if result.state is not ItemState.STOPPED:
                done.results[number] = result
            progress.done(number, result)
            done.problem = _full_disk(todo.values())
            if done.problem:
                return


def _until_lost(
    results: Iterator[tuple[int, Result]], done: BatchOutcome
) -> Iterator[tuple[int, Result]]:
    """Yields results until those who make them cannot be reached any more."""
    try:
        yield from results
    except ControlError as error:
        done.problem = words_of(error)


def _full_disk(items: Iterable[Item]) -> str:
    """Returns a sentence if a disk of the outputs is nearly full."""
    folders: dict[Place, None] = dict.fromkeys(item.output.parent for item in items)
    for folder in folders:
        free = folder.free_bytes()
        if free is not None and free < MIN_FREE:
            return tr(
                "the disk of {folder} has {free} MB left: no further film is begun",
                folder=folder, free=free // 10**6,
            )  # fmt: skip
    return ""

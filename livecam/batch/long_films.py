"""Has a long film converted in pieces: submits each step when the one before is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

from livecam.batch import film_work
from livecam.batch.film_work import LongFilm
from livecam.batch.item import Item
from livecam.batch.work import Orders, Result
from livecam.convert.pieces import survey_ranges

# What the stages usually take, compared with one another.
SURVEYED, PLANNED, DRAWN, JOINED = 1.0, 0.7, 4.0, 0.1


class Submit(Protocol):
    """Submits work on the item: `part` of its film, which advances by so many frames."""

    def __call__(
        self, work: Callable[..., Any], *arguments: Any, part: int, frames: int = 0
    ) -> Any: ...


class StepFailedError(Exception):
    """A step has failed; holds the result of the item."""


class FilmShares:
    """Adds up what the parts of each long film have done, and tells it; used on any thread."""

    def __init__(self, tell: Callable[[int, float, float | None], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()  # guards all below
        self._weights: dict[int, list[float]] = {}
        self._shares: dict[int, list[float]] = {}
        self._begun: dict[int, float] = {}

    def begin(self, number: int, pieces: int) -> None:
        """Begins a film of so many pieces."""
        parts = [SURVEYED / pieces] * pieces + [PLANNED] + [DRAWN / pieces] * pieces + [JOINED]
        with self._lock:
            self._weights[number], self._shares[number] = parts, [0.0] * len(parts)
            self._begun[number] = time.monotonic()

    def tell(self, number: int, part: int, share: float, left_s: float | None) -> None:
        """Tells how much of a part is done, from 1; part 0 is an item that is not cut."""
        if not part:
            self._tell(number, share, left_s)
            return
        with self._lock:
            shares = self._shares.get(number)
            if shares is None:
                return
            shares[part - 1] = max(shares[part - 1], share)
            weights = self._weights[number]
            done = sum(w * s for w, s in zip(weights, shares, strict=True)) / sum(weights)
            took_s = time.monotonic() - self._begun[number]
        self._tell(number, done, took_s / done * (1 - done) if done > 0 else None)


def convert_in_pieces(
    client: Any, submit: Submit, item: Item, orders: Orders, film: LongFilm,
    done: Callable[[int], None],
) -> Result:  # fmt: skip
    """Converts a film in pieces; waits for each step, so it wants a thread of its own.

    Args:
        client: of Dask.
        submit: submits work on the item.
        item: what is converted.
        orders: what holds for the run.
        film: the item, as it was begun.
        done: is told each part that is done, from 1.

    Raises:
        Exception: a step was taken back, or its workers were lost too often.
    """
    run = _FilmRun(client, submit, item, orders, film, done)
    try:
        return run.result()
    except StepFailedError as failure:
        film_work.remove_pieces(item.output)
        return cast(Result, failure.args[0])


class _FilmRun:
    """The steps of one film. The plan stays with the worker that made it; pieces get their part."""

    def __init__(
        self, client: Any, submit: Submit, item: Item, orders: Orders, film: LongFilm,
        done: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._client, self._submit, self._done = client, submit, done
        self._item, self._orders, self._film = item, orders, film
        self._cpu_s = 0.0

    def result(self) -> Result:
        begun = time.monotonic()
        film, count = self._film, self._film.pieces
        surveys = [
            self._submit(partial(_survey, frames), part=1 + k, frames=film.begun.frames // count)
            for k, frames in enumerate(survey_ranges(film.begun.frames, count))
        ]
        self._await(surveys, first=1)
        plan = self._submit(partial(_plan, self._orders, film), *surveys, part=1 + count)
        self._await([plan], first=1 + count)
        ranges = self._client.submit(film_work.ranges, plan, count, priority=1).result()
        plans = [
            self._client.submit(film_work.piece_plan, plan, frames, priority=1) for frames in ranges
        ]
        drawn = [
            self._submit(_draw, each, frames, part=2 + count + k, frames=len(frames))
            for k, (each, frames) in enumerate(zip(plans, ranges, strict=True))
        ]
        self._await(drawn, first=2 + count)
        pieces = [step.value for step in self._client.gather(drawn)]
        outline = self._client.submit(film_work.outline, plan, priority=1)
        took_s = time.monotonic() - begun
        work = partial(_join, film, pieces, took_s, self._cpu_s)
        join = self._submit(work, outline, part=2 + 2 * count)
        self._await([join], first=2 + 2 * count)
        return cast(Result, join.result().value)

    def _await(self, futures: list[Any], first: int) -> None:
        """Waits for steps, whose values stay with their workers; a failed one ends the film."""
        costs = [self._client.submit(film_work.cost, each, priority=1) for each in futures]
        for part, future in enumerate(costs, first):
            cost = future.result()
            if isinstance(cost, Result):
                self._client.cancel(futures, force=True)
                raise StepFailedError(cost)
            self._done(part)
            self._cpu_s += cost


# The steps, as workers run them: of the item, with a receiver of the frames that are done.

Frames = Callable[[int], None]


def _survey(frames: range, item: Item, advance: Frames) -> Any:
    return film_work.survey(item, frames, advance)


def _plan(orders: Orders, film: LongFilm, item: Item, advance: Frames, *surveys: Any) -> Any:
    return film_work.plan(item, orders, film, [step.value for step in surveys])


def _draw(item: Item, advance: Frames, plan: Any, frames: range) -> Any:
    return film_work.write(item, plan, frames, advance)


def _join(
    film: LongFilm, pieces: list[Any], took_s: float, cpu_s: float, item: Item, advance: Frames,
    outline: Any,
) -> Any:  # fmt: skip
    return film_work.join(item, outline, film, pieces, took_s, cpu_s)

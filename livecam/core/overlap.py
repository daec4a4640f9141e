"""Lets work on successive values overlap: each step on a thread of its own, the order kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

DEPTH = 1  # values that wait between two steps: frames of films are large
_END: Any = object()


@contextmanager
def ahead(values: Iterable[T]) -> Iterator[Iterator[T]]:
    """Yields the values again; another thread computes the next ones while one is in use.

    That thread alone iterates over the `values`, which may come from another `ahead`. What they
    raise is raised here, in its place among them. The block ends when the value that is being
    computed is done; those that wait are dropped, and a generator is closed on its thread.
    """
    iterator = iter(values)
    waiting = deque[Future[T]]()
    with ThreadPoolExecutor(1, "ahead") as thread:

        def taken() -> Iterator[T]:
            waiting.extend(thread.submit(next, iterator, _END) for _ in range(DEPTH))
            while (value := waiting.popleft().result()) is not _END:
                waiting.append(thread.submit(next, iterator, _END))
                yield value

        try:
            yield taken()
        finally:
            for each in waiting:
                each.cancel()
            if isinstance(iterator, Generator):
                thread.submit(iterator.close).result()


@contextmanager
def behind(work: Callable[[T], None]) -> Iterator[Callable[[T], None]]:
    """Yields a function that lets another thread do a piece of work with a value.

    It waits while another value waits. What `work` raises is raised by one of the next calls, or
    at the end of the block, which waits until all is done.
    """
    waiting = deque[Future[None]]()
    with ThreadPoolExecutor(1, "behind") as thread:

        def hand_over(value: T) -> None:
            if len(waiting) > DEPTH:
                waiting.popleft().result()
            waiting.append(thread.submit(work, value))

        try:
            yield hand_over
            while waiting:
                waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()

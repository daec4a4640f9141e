"""Overlapped work done in one thread: in place of the executor of `core/overlap.py`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from livecam.core.closing import Closing


class LazyExecutor(Closing):
    """Computes each value when it is asked for."""

    def __init__(self, max_workers: int, name: str) -> None: ...

    def submit(self, work: Callable[..., Any], *arguments: object) -> LazyFuture:
        return LazyFuture(work, *arguments)

    def close(self) -> None: ...


class LazyFuture:
    def __init__(self, work: Callable[..., Any], *arguments: object) -> None:
        self._work, self._arguments = work, arguments

    def result(self) -> Any:
        return self._work(*self._arguments)

    def cancel(self) -> None: ...


class EagerExecutor(Closing):
    """Computes each value as early as a thread may."""

    def __init__(self, max_workers: int, name: str) -> None: ...

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        future = Future[Any]()
        try:
            future.set_result(work(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future

    def close(self) -> None: ...

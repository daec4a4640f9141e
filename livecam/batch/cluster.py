"""Converts items by workers of Dask: processes of this machine, or of others.

The one home of Dask. A worker that is lost loses no item: Dask gives it to another one, three
times at most. Workers of this machine are joined by TLS with keys of this run, so that no other
user of the machine can give them work.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from livecam.batch import film_work
from livecam.batch.engine import TellShare, cores
from livecam.batch.film_work import LongFilm
from livecam.batch.fingerprint import Fingerprint, fingerprint
from livecam.batch.item import Item
from livecam.batch.long_films import FilmShares, convert_in_pieces
from livecam.batch.work import (
    TELL_EVERY_S,
    ItemState,
    Orders,
    Result,
    Tell,
    attempted,
    convert_or_begin,
    failed_outcome,
)
from livecam.core.closing import Closing
from livecam.core.end_signals import ask_to_end, checkpoint
from livecam.core.errors import ControlError, LivecamError, UsageError
from livecam.core.language import set_language, tr
from livecam.core.library_log import filter_library_log

log = logging.getLogger(__name__)

TRIES = 3  # of an item whose workers are lost or fail
CONNECT_S = 10.0
WORKER_WAIT_S = 60.0  # until the first worker is there
STOP_WAIT_S = 20.0  # until the workers have dropped their items
POLL_S = 0.25
LOOPBACK_PORT = "127.0.0.1:0"  # a free one; without an address it is one of all networks
TOPIC = "livecam-batch"
THREADS = ("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")  # Mesa, OpenMP, OpenCV
# Dask lets glibc return every frame that is freed to the system, which clears the memory again.
MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
CONFIG = {
    "distributed.scheduler.allowed-failures": TRIES - 1,
    # A worker that dies takes one item with it, not also the one that waits for it.
    "distributed.scheduler.worker-saturation": 1.0,
    # Dask has an HTTP server in each process: nobody needs its pages.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.nanny.pre-spawn-environ": MALLOC,
    # Dask measures itself a hundred times a second, in each process.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
}


asked = fingerprint  # on every worker


class WrongWorkerError(Exception):
    """A worker that would convert films in another way; holds its address and why."""


class Cluster(Closing):
    """Workers of Dask; use with `with`.

    Args:
        jobs: workers on this machine, if there is no scheduler.
        scheduler: the address of Dask's scheduler, whose workers do the work.

    Raises:
        UsageError: Dask is missing.
        ControlError: the scheduler cannot be reached, has no worker, or only ones that would
            convert in another way.
    """

    def __init__(self, jobs: int, scheduler: str = "") -> None:
        try:
            import dask
            import distributed
        except ImportError as error:
            raise UsageError(
                "{option} needs Dask, which is not installed",
                hint="pip install 'livecam[cluster]', or leave it out",
                option="--scheduler" if scheduler else f"--jobs {jobs}",
            ) from error
        self._local: Any = None
        self._futures: dict[str, Any] = {}  # of the run, by their keys
        self._excluded: set[str] = set()  # workers that would convert in another way
        self._expected = fingerprint()
        dask.config.set(CONFIG)
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        if scheduler:
            self._client = _connected(scheduler)
        else:
            self._local = _local_cluster(jobs)
            self._client = distributed.Client(self._local)
        try:
            self._await_workers(scheduler)
        except BaseException:
            self.close()
            raise

    @property
    def jobs(self) -> int:
        return sum(self._workers().values()) or 1

    def results(
        self, items: Mapping[int, Item], orders: Orders, tell: TellShare
    ) -> Iterator[tuple[int, Result]]:
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        tries = dict.fromkeys(items, 0)
        shares = FilmShares(tell)
        self._client.subscribe_topic(TOPIC, partial(_pass_on, orders.run, shares))
        running: dict[str, tuple[int, Any]] = {}
        films = ThreadPoolExecutor(max(2, self.jobs), "long film")  # they only wait

        def submit(number: int) -> None:
            tries[number] += 1
            work = partial(_convert, orders)
            future = self._submit(number, items[number], orders, work, attempt=tries[number])
            running[future.key] = number, future
            future.add_done_callback(done.put)

        def cut(number: int, film: LongFilm) -> None:
            job = films.submit(self._in_pieces, number, items[number], orders, film, shares)
            job.key = f"film {number}"  # type: ignore[attr-defined]  # as those of Dask
            running[job.key] = number, job  # type: ignore[attr-defined]
            job.add_done_callback(done.put)

        try:
            for number in sorted(items, key=lambda n: -_bytes_of(items[n])):
                submit(number)  # long ones first, so that no worker waits for another at the end
            while running:
                future = self._next(done)
                number, _ = running.pop(future.key)
                item = items[number]
                last = isinstance(future, Future) or tries[number] >= TRIES
                result = self._result(future, item, last=last)
                if not isinstance(future, Future):  # else Dask makes it again if it is lost
                    del self._futures[future.key]
                    future.release()
                if isinstance(result, LongFilm):
                    cut(number, result)
                elif result is None:
                    submit(number)
                else:
                    self._forget(orders.run, number)
                    yield number, result
        finally:
            with suppress(Exception):  # the scheduler may be gone
                self._client.unsubscribe_topic(TOPIC)
            if running:
                self._stop(orders.run)
            self._futures.clear()
            films.shutdown(wait=False, cancel_futures=True)

    def _in_pieces(
        self, number: int, item: Item, orders: Orders, film: LongFilm, shares: FilmShares
    ) -> Result:
        """Converts a film in pieces, on a thread of its own."""

        def submit(work: Callable[..., Any], *arguments: Any, part: int, frames: int = 0) -> Any:
            step = partial(_step, work, frames)
            return self._submit(number, item, orders, step, *arguments, part=part)

        shares.begin(number, film.pieces)
        return convert_in_pieces(
            self._client, submit, item, orders, film,
            lambda part: shares.tell(number, part, 1.0, None),
        )  # fmt: skip

    def close(self) -> None:
        with suppress(Exception):
            self._client.close(timeout=5)
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=STOP_WAIT_S)

    def _workers(self) -> dict[str, int]:
        """Returns the addresses of the workers that may be used, with their threads."""
        found = self._client.scheduler_info(n_workers=-1)["workers"]
        return {
            address: each["nthreads"]
            for address, each in found.items()
            if address not in self._excluded
        }

    def _await_workers(self, scheduler: str) -> None:
        """Waits for a worker that is fit; the others are named and never used."""
        until = time.monotonic() + WORKER_WAIT_S
        while not self._client.scheduler_info(n_workers=-1)["workers"]:
            checkpoint()
            if time.monotonic() > until:
                raise ControlError(
                    "no worker has joined {scheduler}",
                    hint="start some: dask worker {scheduler} --nthreads 1",
                    scheduler=scheduler or tr("this machine"),
                )
            time.sleep(POLL_S)
        threads = self._workers()
        for address, found in self._client.run(asked, on_error="return").items():
            reason = self._unfit(found) or _reason_of_threads(threads.get(address, 1))
            if reason:
                self._exclude(address, reason)
        if not self._workers():
            raise self._no_fit_worker()

    def _unfit(self, found: Fingerprint | Exception) -> str:
        """Returns why a worker is not used; empty if it is."""
        if isinstance(found, ImportError):
            return tr("without livecam")
        if isinstance(found, Exception):
            return str(found)
        return self._expected.difference(found)

    def _exclude(self, address: str, reason: str) -> None:
        if address not in self._excluded:
            log.warning("the worker %s is not used: %s", address, reason)
        self._excluded.add(address)

    @staticmethod
    def _no_fit_worker() -> LivecamError:
        return ControlError(
            "no worker converts films as this livecam does",
            hint="install the same livecam there, and run `livecam assets fetch`",
        )

    @staticmethod
    def _lost_scheduler() -> LivecamError:
        return ControlError(
            "the scheduler does not answer any more",
            hint="run the same command again: what is done stays done",
        )

    def _submit(
        self, number: int, item: Item, orders: Orders, work: Callable[..., Any], *arguments: Any,
        attempt: int = 1, part: int = 0,
    ) -> Any:  # fmt: skip
        """Submits work on an item; the parts of a film that is begun go before other items."""
        fit = list(self._workers()) if self._excluded else None
        if fit == []:
            raise self._no_fit_worker()
        future = self._client.submit(
            _work, Work(orders.run, number, part), replace(item), item.settings_sha256,
            self._expected, orders.language, work, *arguments,
            key=f"livecam-{orders.run}-{number}-{part}-{attempt}", workers=fit, pure=False,
            retries=TRIES - 1 if part else 0, priority=int(part > 0),
        )  # fmt: skip
        self._futures[future.key] = future
        return future

    def _forget(self, run: str, number: int) -> None:
        """Lets the workers drop the results of all work on an item."""
        for key in [each for each in self._futures if each.startswith(f"livecam-{run}-{number}-")]:
            del self._futures[key]

    def _next(self, done: queue.SimpleQueue[Any]) -> Any:
        """Waits for the next item that is done."""
        while True:
            checkpoint()
            with suppress(queue.Empty):
                return done.get(timeout=POLL_S)
            if self._client.status not in ("running", "connecting"):
                raise self._lost_scheduler()

    def _result(self, future: Any, item: Item, *, last: bool) -> Result | LongFilm | None:
        """Returns the result of an item, or a film to cut; None if it is to be tried again."""
        from distributed.scheduler import KilledWorker

        try:
            return cast("Result | LongFilm", future.result())
        except WrongWorkerError as error:
            self._exclude(*error.args)
            return None
        except KilledWorker:
            words = tr("its workers were lost {n} times", n=TRIES)
        except CancelledError as error:  # not by us
            raise self._lost_scheduler() from error
        except Exception as error:
            if not last:
                log.warning("%s: the worker failed (%s); it is tried again", item.name, error)
                return None
            words = tr("unexpected: {error}", error=error)
        log.error("%s: %s", item.name, words)
        return Result(ItemState.FAILED, failed_outcome(item, words))

    def _stop(self, run: str) -> None:
        """Takes back all work of a run, and waits until the workers have dropped what they do."""
        from distributed import wait

        with suppress(Exception):
            self._client.run(_stop_run, run, on_error="ignore")
            states = self._states(run)
            futures = [each for each in self._futures.values() if each.status == "pending"]
            begun = [each for each in futures if states.get(each.key) == "processing"]
            self._client.cancel([each for each in futures if each not in begun], force=True)
            wait(begun, timeout=STOP_WAIT_S)
            self._client.cancel(begun, force=True)

    def _states(self, run: str) -> dict[str, str]:
        """Returns the states of the items at the scheduler, by their keys."""

        def states(run: str, dask_scheduler: Any) -> dict[str, str]:
            tasks = dask_scheduler.tasks.items()
            return {key: task.state for key, task in tasks if key.startswith(f"livecam-{run}-")}

        found: dict[str, str] = self._client.run_on_scheduler(states, run)
        return found


def _bytes_of(item: Item) -> int:
    """Returns how large the source of an item is; 0 if that is not known."""
    try:
        return item.source.size() or 0
    except LivecamError:  # the one who converts it tells
        return 0


def _reason_of_threads(threads: int) -> str:
    """Returns why a worker with so many threads is not used; a context of OpenGL has one."""
    return "" if threads == 1 else tr("with several threads: start it with --nthreads 1")


def _connected(scheduler: str) -> Any:
    from distributed import Client

    try:
        return Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError, TypeError) as error:
        raise ControlError(
            "the scheduler {address} cannot be reached",
            hint="start one: dask scheduler, or check the address",
            address=scheduler,
        ) from error


def _local_cluster(jobs: int) -> Any:
    from distributed import LocalCluster
    from distributed.security import Security

    threads = str(max(1, cores() // jobs))
    return LocalCluster(
        n_workers=jobs, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=LOOPBACK_PORT, worker_dashboard_address=LOOPBACK_PORT,
        silence_logs=logging.CRITICAL,
        security=Security.temporary(), env=dict.fromkeys(THREADS, threads),
        preload=[__name__],
    )  # fmt: skip


def dask_setup(worker: Any) -> None:
    """Prepares a worker process of this machine; Dask calls it.

    Ctrl-C reaches all processes of a terminal: the main one ends the others.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    filter_library_log()


# On a worker

_stopped: set[str] = set()  # runs that were stopped
_current = ""  # the run that is worked for


def _stop_run(run: str) -> None:
    """Lets this worker drop its item, if it is one of that run; called on another thread."""
    _stopped.add(run)
    ask_to_end(_current == run)


@dataclass(frozen=True, slots=True)
class Work:
    """What work is for, as its progress names it."""

    run: str
    number: int  # of the item
    part: int  # of its film; 0: the whole item


def _work(
    told: Work, item: Item, settings_sha256: str, expected: Fingerprint, language: str,
    work: Callable[..., Any], *arguments: Any,
) -> Any:  # fmt: skip
    """Does some work on an item on this worker; returns what it returns, with what was logged.

    Work that is stopped is the result of its item.
    """
    global _current
    from distributed import get_worker

    worker = get_worker()
    message = told.run, told.number, told.part  # what Dask can send
    set_language(language)
    reason = expected.difference(fingerprint()) or _reason_of_threads(worker.state.nthreads)
    if not reason and item.settings_sha256 != settings_sha256:
        reason = tr("without the files that the settings name, or with others")
    if reason:
        raise WrongWorkerError(worker.address, reason)

    def tell(share: float, left_s: float | None) -> None:
        worker.log_event(TOPIC, (*message, share, left_s, []))

    _current = told.run
    ask_to_end(told.run in _stopped)
    try:
        with _collected_log() as lines:
            tell(0.0, None)
            done = work(item, tell, *arguments)
        worker.log_event(TOPIC, (*message, 0.0, None, lines))
        return done
    except KeyboardInterrupt:
        return Result(ItemState.STOPPED, failed_outcome(item, ""))
    finally:
        _current = ""
        ask_to_end(False)


def _convert(orders: Orders, item: Item, tell: Tell) -> Result | LongFilm:
    """Converts an item, or begins one that is to be cut."""
    return convert_or_begin(item, orders, tell, film_work.begin)


def _step(work: Callable[..., Any], frames: int, item: Item, tell: Tell, *arguments: Any) -> Any:
    """Does one step of a film that is cut; tells how many of its frames are done."""
    used, told_at, done = time.process_time(), 0.0, 0

    def advance(count: int) -> None:
        nonlocal told_at, done
        done += count
        if time.monotonic() - told_at >= TELL_EVERY_S:
            told_at = time.monotonic()
            tell(min(1.0, done / max(1, frames)), None)

    value = attempted(item, lambda: work(item, advance, *arguments))
    if isinstance(value, Result):
        return value
    return film_work.Step(value, time.process_time() - used)


@contextmanager
def _collected_log() -> Iterator[list[tuple[int, str]]]:
    """Collects what livecam logs, for the process that gave the item."""
    lines: list[tuple[int, str]] = []
    handler = _Collector(lines)
    logger = logging.getLogger("livecam")
    logger.addHandler(handler)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


class _Collector(logging.Handler):
    """Keeps lines; without tracebacks, which stay in the log of the worker."""

    def __init__(self, lines: list[tuple[int, str]]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        template = tr(record.msg) if isinstance(record.msg, str) else str(record.msg)
        line = template % record.args if record.args else template
        self._lines.append((record.levelno, line))


def _pass_on(run: str, shares: FilmShares, event: tuple[float, Any]) -> None:
    """Passes on what a worker tells of its work, and what it logged."""
    _, (of, number, part, share, left_s, lines) = event
    if of == run:
        if not lines:
            shares.tell(number, part, share, left_s)
        for level, line in lines:
            log.log(level, "%s", line)

"""Steps on threads of their own: in order, bounded, and nothing is left of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from livecam.core import overlap
from livecam.core.overlap import DEPTH, ahead, behind
from tests.sequential import LazyExecutor

WAIT_S = 30.0  # of an event that comes at once


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


def failing(error: BaseException, after: int) -> Iterator[int]:
    yield from range(after)
    raise error


def test_values_keep_their_order_through_several_steps() -> None:
    with ahead(range(50)) as values, ahead(n * n for n in values) as squares:
        assert list(squares) == [n * n for n in range(50)]


def test_the_next_value_is_computed_while_one_is_in_use() -> None:
    second = threading.Event()

    def values() -> Iterator[int]:
        yield 0
        second.set()
        yield 1

    with ahead(values()) as taken:
        next(taken)
        assert second.wait(WAIT_S)


def test_no_more_values_wait_than_may() -> None:
    computed = []

    def values() -> Iterator[int]:
        for n in range(100):
            computed.append(n)
            yield n

    with ahead(values()) as taken:
        assert [next(taken), next(taken)] == [0, 1]
    assert len(computed) <= 2 + DEPTH


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_error_comes_in_the_place_of_its_value(error: BaseException) -> None:
    taken = list[int]()

    def take() -> None:
        with (
            ahead(failing(error, after=3)) as values,
            ahead(n + 1 for n in values) as numbers,
        ):
            taken.extend(numbers)

    with pytest.raises(type(error)) as raised:
        take()
    assert raised.value is error
    assert taken == [1, 2, 3]


def test_a_generator_is_closed_on_the_thread_that_ran_it() -> None:
    threads = []

    def values() -> Iterator[int]:
        threads.append(threading.current_thread())
        try:
            yield from range(9)
        finally:
            threads.append(threading.current_thread())

    with ahead(values()) as taken:
        next(taken)
    began, ended = threads
    assert began is ended is not threading.current_thread()


def test_a_block_may_end_before_the_first_value() -> None:
    with ahead(failing(ValueError(), after=0)):
        pass


def test_work_is_done_in_order_before_the_block_ends() -> None:
    done = []
    with behind(done.append) as hand_over:
        for n in range(50):
            hand_over(n)
    assert done == list(range(50))


def test_work_that_fails_is_told_once_and_no_more_is_handed_over() -> None:
    done = list[float]()

    def work(n: int) -> None:
        done.append(1 / n)

    def hand_over_all() -> None:
        with behind(work) as hand_over:
            for n in (2, 1, 0, 0, 1, 2):
                hand_over(n)

    with pytest.raises(ZeroDivisionError):
        hand_over_all()
    assert done == [0.5, 1.0]


def test_the_last_work_that_fails_is_told_too() -> None:
    with pytest.raises(ZeroDivisionError), behind(lambda n: 1 // n) as hand_over:
        hand_over(0)


def test_the_lazy_executor_computes_nothing_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "ThreadPoolExecutor", LazyExecutor)
    events = []

    def values() -> Iterator[int]:
        for n in range(3):
            events.append(f"computed {n}")
            yield n

    with ahead(values()) as taken:
        events.extend(f"used {n}" for n in taken)
    assert events == [f"{verb} {n}" for n in range(3) for verb in ("computed", "used")]

"""Output of the command line: tables, settings and progress bars."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from livecam.cli.printing import print_outcomes, print_pairs, print_table
from livecam.cli.progress import FilmBar
from livecam.convert.jobs import ConversionJob
from livecam.convert.outcome import Outcome
from livecam.convert.progress import FilmTimes, Pass
from livecam.core.timing import ManualClock

FILM = ConversionJob(Path("clip [1].mp4"), Path("out/clip [1]-livecam.mp4"))


def test_converted_films_are_a_table_with_the_shots_that_show_no_avatar(
    capsys: pytest.CaptureFixture[str],
):
    done = Outcome(
        FILM, 250, 10.0, 2, "copied", 12.34, uncovered=["0:01.0-0:01.4"],
        hidden=["0:05.0-0:06.0"], streams=["sound 1 (aac): copied"], notes=["a note [x]"],
    )  # fmt: skip

    print_outcomes([done])
    headings, row, *shots = capsys.readouterr().out.splitlines()
    assert headings.split() == [
        "film", "frames", "seconds", "took", "s", "faces", "passed", "sound", "result",
    ]  # fmt: skip
    assert row.split() == [
        "clip", "[1].mp4", "250", "10.0", "12.3", "2", "1", "copied", "clip", "[1]-livecam.mp4",
    ]  # fmt: skip
    assert shots == [
        "clip [1].mp4: no face found, passed through: 0:01.0-0:01.4",
        "clip [1].mp4: covered as a whole: 0:05.0-0:06.0",
        "clip [1].mp4: a note [x]",
        "clip [1].mp4: sound 1 (aac): copied",
    ]


def test_a_film_that_failed_has_one_word_in_place_of_numbers(capsys: pytest.CaptureFixture[str]):
    """Why it failed was said at once."""
    failed = Outcome(FILM, error="the file is broken [x]; try another")
    print_outcomes([failed, failed])
    row = capsys.readouterr().out.splitlines()[1]
    assert " ".join(row.split()) == "clip [1].mp4 failed"
    print_outcomes([failed])
    assert not capsys.readouterr().out


def test_no_films_are_no_table(capsys: pytest.CaptureFixture[str]):
    print_outcomes([])
    assert not capsys.readouterr().out


def test_a_table_has_a_column_for_every_key_of_any_row(capsys: pytest.CaptureFixture[str]):
    print_table([{"name": "a"}, {"name": "b", "lag_ms": None, "on": True}], False, "")
    headings, first, second = capsys.readouterr().out.splitlines()
    assert headings.split() == ["name", "lag", "ms", "on"]
    assert first.split() == ["a"]
    assert second.split() == ["b", "-", "yes"]


def test_pairs_stand_in_two_columns(capsys: pytest.CaptureFixture[str]):
    print_pairs({"fps": 30, "size_of_it": (640, 480), "stages": {"head": 1.5}})
    assert capsys.readouterr().out.splitlines() == [
        "fps         30",
        "size of it  640, 480",
        "stages      head 1.5",
    ]


def test_words_are_translated_for_people_and_columns_are_counted_in_cells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = {"fps": "帧/秒", "state": "状态", "hold": "保持", "median": "中位数", "yes": "是"}
    monkeypatch.setattr("livecam.core.language._translations", words)
    row = {"fps": True, "state": "hold", "delay": {"median": 1.5}, "name": "hold"}
    print_pairs(row)
    assert capsys.readouterr().out.splitlines() == [
        "帧/秒  是",
        "状态   保持",
        "delay  中位数 1.5",
        "name   hold",
    ]
    print_table([row], True, "")
    assert json.loads(capsys.readouterr().out) == [row]


def test_the_bar_of_a_film_counts_all_passes():
    console = Console(file=StringIO(), force_terminal=True)
    progress = Progress(TextColumn("{task.description} {task.percentage:.0f}"), console=console)
    bar = FilmBar(progress, "clip [1].mp4")
    bar.open(8)  # the container lies: there are ten
    (task,) = progress.tasks
    shares = [0.0]
    for _ in range(10):
        bar.advance(1)
        shares.append(task.percentage)
    bar.learn_background()
    assert console.render_str(task.description).plain == "clip [1].mp4: learning the background"
    shares.append(task.percentage)
    bar.draw(10)
    for _ in range(10):
        bar.advance(1)
        shares.append(task.percentage)
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert shares[10] < 50  # drawing takes longer
    bar.close()
    assert not progress.tasks


def converted(times: FilmTimes, clock: ManualClock, frames: int = 100) -> list[tuple[float, float]]:
    """Plays a conversion; returns the time left as it was told and as it was.

    Looking takes 0.1 s a frame and 2 s at its end, the background 3 s, drawing 0.5 s a frame.
    """
    told: list[tuple[float, float]] = []

    def step(seconds: float, done: int) -> None:
        clock.sleep(seconds)
        times.advance(done)
        left = times.left_s
        told.append((-1.0 if left is None else left, end - clock.now()))

    end = clock.now() + frames * 0.6 + 5
    times.begin("look", frames)
    for _ in range(frames):
        step(0.1, 1)
    clock.sleep(2)
    times.begin("background", frames)
    for _ in range(3):
        step(1, 0)
    times.begin("draw", frames)
    for _ in range(frames):
        step(0.5, 1)
    times.end()
    return told


def test_the_time_left_is_told_when_it_is_known_and_true():
    clock, known = ManualClock(), dict[Pass, float]()
    first = converted(FilmTimes(known, clock), clock)
    assert all(told == -1 for told, _ in first[:103])  # nothing is known of drawing yet
    assert all(told == pytest.approx(true, abs=1e-6) for told, true in first[-90:])
    second = converted(FilmTimes(known, clock), clock)
    assert all(abs(told - true) < 2.2 for told, true in second)


def test_a_film_of_unknown_length_has_a_rate_and_no_time_left():
    clock = ManualClock()
    times = FilmTimes({}, clock)
    times.begin("look", 0)
    for _ in range(20):
        clock.sleep(0.1)
        times.advance(1)
    assert times.fps == pytest.approx(10)
    assert times.share is None
    assert times.left_s is None

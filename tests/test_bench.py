"""`livecam bench`: real short runs, and what is made of their numbers."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from livecam.cli.main import execute
from livecam.config.settings import Settings
from livecam.core.errors import UsageError
from livecam.core.timing import StageTimer
from livecam.core.trace import Trace, TraceEvent
from livecam.measure import bench, trace_file
from livecam.measure.bench_tables import thread_table
from livecam.measure.comparison import compared, read_result
from livecam.measure.scaled_clip import scaled_clip
from livecam.measure.slices import ENDED, Slice
from livecam.measure.thread_times import ThreadKey, pin_to_cores, thread_cpu_ns, usable_cores
from livecam.measure.trace_picture import BAR_PX, WIDTH_PX, middle_of, stack
from livecam.media.reader import VideoReader
from livecam.sources.sample_clip import sample_clip_path
from tests.fetched import asset_or_skip

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells and allows this")
KEYS_OF_THE_FIRST_RELEASE = {
    "fps", "cpu_ms_per_frame", "delay_ms", "memory_mb", "memory_growth_mb", "tier", "renderer",
    "size", "seconds", "published", "tracked", "states", "missed", "stages",
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace()


@pytest.fixture(scope="module")
def result(trace: Trace) -> dict[str, Any]:
    """A run of two short rounds on the sample."""
    asset_or_skip("face-landmarker")
    if not sample_clip_path().is_file():
        pytest.skip("the sample clip is not made")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LINE_S", 1.0), ("FLOOR_S", 1.0), ("WARM_UP_S", 0.5)):
            patch.setattr(bench, name, value)
        settings = Settings.model_validate({"render": {"tier": "light"}})
        return bench.bench(settings, seconds=2.0, source="sample", trace=trace)


def test_the_line_is_measured_in_turns_with_its_floor(result):
    rounds = result["rounds"]
    assert len(rounds) == 2
    assert result["ratio"] == pytest.approx(
        statistics.median(each["ratio"] for each in rounds), abs=0.001
    )
    for each in rounds:
        assert each["ratio"] == pytest.approx(
            each["cpu_ms_per_picture"] / each["floor_cpu_ms_per_picture"], rel=0.01
        )
    assert result["ratio"] > 1
    assert result["floor_fps"] > 0


def test_every_picture_and_frame_is_counted_once(result):
    assert result["published"] == result["shown"] + result["repeats"]
    assert result["published"] == sum(result["states"].values())
    assert result["tracked"] <= result["published"]
    missed = max(0, result["captured"] - result["shown"])
    assert result["missed_percent"] == pytest.approx(100 * missed / result["captured"], abs=0.01)


def test_the_keys_of_the_first_release_stay(result):
    assert result.keys() >= KEYS_OF_THE_FIRST_RELEASE
    assert result["delay_ms"].keys() == {"median", "p95", "first_quarter", "last_quarter"}


@linux
def test_nothing_but_capture_and_tracker_works_for_the_floor(result):
    threads = result["threads"]
    for name in ("capture", "track"):
        assert threads[name]["floor"] > 0
    for name in ("main", "segment", "witness"):
        assert threads[name]["floor"] < 0.1 * threads[name]["line"]


def test_the_trace_has_the_stages_of_the_line_alone(result, trace: Trace):
    found = Counter(event.name for event in trace.events)
    assert found == {name: times["count"] for name, times in result["stages"].items()}
    assert {"capture", "track", "main", "sink:null"} <= set(trace.threads.values())
    assert all(event.frame is not None for event in trace.events if event.name == "compose")


def test_a_trace_is_drawn_and_written_for_viewers(result, trace: Trace, tmp_path: Path):
    trace_file.write_trace(tmp_path / "new" / "run.svg", trace)
    trace_file.write_trace(tmp_path / "run.json", trace)
    picture = ElementTree.parse(tmp_path / "new" / "run.svg").getroot()
    assert {"main", "track"} <= {text.text for text in picture.iter(f"{SVG}text")}
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X"}


# --- stages and traces --------------------------------------------------------------------------


def event(name: str, began_at: float, wall_s: float, frame: int | None = 0) -> TraceEvent:
    return TraceEvent(name, 7, began_at, wall_s, wall_s / 2, frame)


def traced(*events: TraceEvent) -> Trace:
    trace = Trace()
    trace.events, trace.threads = list(events), {7: "main"}
    return trace


def test_a_timer_records_each_stage_with_thread_and_frame():
    trace = Trace()
    timer = StageTimer(trace=trace)

    def track() -> None:
        timer.begin_frame(5)
        with timer.stage("track"), timer.stage("search"):
            pass

    thread = threading.Thread(target=track, name="track")
    thread.start()
    thread.join()
    with timer.stage("compose"):
        pass
    assert [(e.name, trace.threads[e.thread], e.frame) for e in trace.events] == [
        ("search", "track", 5), ("track", "track", 5), ("compose", "main", None),
    ]  # fmt: skip


def test_a_paused_timer_keeps_nothing():
    trace = Trace()
    timer = StageTimer(trace=trace)
    timer.paused = True
    with timer.stage("draw"):
        pass
    assert timer.history() == {}
    assert trace.events == []


def test_viewers_get_microseconds_from_the_first_stage_on():
    trace = traced(event("inner", 10.001, 0.002), event("outer", 10.0, 0.004, frame=None))
    name, inner, outer = trace_file.chrome_trace(trace)["traceEvents"]
    assert (name["name"], name["tid"], name["args"]) == ("thread_name", 7, {"name": "main"})
    assert (inner["ts"], inner["dur"], inner["tdur"]) == (1000, 2000, 1000)
    assert (outer["ts"], outer["args"], inner["args"]) == (0, {}, {"frame": 0})


def test_bars_stand_below_those_around_them():
    events = [event("b", 1.0, 1.0), event("in b", 1.1, 0.2), event("a", 0.0, 1.0)]
    assert [(e.name, depth) for e, depth in stack(iter(events))] == [
        ("a", 0), ("b", 0), ("in b", 1),
    ]  # fmt: skip


def test_the_picture_shows_the_frames_in_the_middle():
    trace = traced(*(event("compose", index * 0.1, 0.08, frame=index) for index in range(9)))
    window = middle_of(trace)
    assert (window.start, window.end) == pytest.approx((0.3, 0.58))
    text = trace_file.trace_svg(trace)
    bars = [
        bar for bar in ElementTree.fromstring(text).iter(f"{SVG}rect") if bar.get("fill-opacity")
    ]
    assert len(bars) == 3
    assert all(float(bar.get("x", 0)) + float(bar.get("width", 0)) <= WIDTH_PX for bar in bars)
    assert {bar.get("height") for bar in bars} == {str(BAR_PX - 1)}
    assert len({bar.get("fill") for bar in bars}) == 3


def test_a_trace_without_stages_is_an_empty_picture():
    assert "fill-opacity" not in trace_file.trace_svg(Trace())
    assert trace_file.chrome_trace(Trace())["traceEvents"] == []


def test_the_ending_of_a_name_says_how_a_trace_is_written(tmp_path: Path):
    trace_file.check_trace_file(tmp_path / "run.JSON")
    with pytest.raises(UsageError, match=r"no name for a trace"):
        trace_file.check_trace_file(tmp_path / "run.png")


# --- threads and cores --------------------------------------------------------------------------


def a_slice(cpu_s: float, **threads_ms: float) -> Slice:
    names = enumerate(threads_ms)
    times = {ThreadKey(number, name): int(1e6 * threads_ms[name]) for number, name in names}
    return Slice(1.0, cpu_s, Counter(times), 10, 10, 10, Counter())


def test_times_of_threads_are_those_for_a_picture_and_the_ended_are_the_rest():
    table = thread_table([a_slice(0.5, main=300, track=100)], [a_slice(0.1, main=0, track=100)])
    assert table == {
        "main": {"line": 30.0, "floor": 0.0},
        "track": {"line": 10.0, "floor": 10.0},
        ENDED: {"line": 10.0, "floor": 0.0},
    }


def test_a_slice_is_the_difference_of_two_readings():
    after = Slice(5.0, 2.0, Counter(), 30, 20, 15, Counter(frames=7, ticks=2))
    before = Slice(4.0, 1.5, Counter(), 10, 8, 5, Counter(frames=4, ticks=2))
    found = after - before
    assert (found.wall_s, found.captured, found.tracked, found.shown) == (1.0, 20, 12, 10)
    assert (found.missed["frames"], found.missed["ticks"]) == (3, 0)
    assert found.cpu_ms_per_shown == pytest.approx(50.0)


@linux
def test_a_thread_is_found_by_its_name():
    done = threading.Event()

    def work() -> None:
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
        done.wait()

    before = time.thread_time()
    thread = threading.Thread(target=work, name="worker-3")
    thread.start()
    while not (found := times_of("worker")) or found < 0.02:
        assert time.thread_time() - before < 5
    done.set()
    thread.join()
    assert times_of("main") > 0
    assert times_of("worker") == 0


def times_of(name: str) -> float:
    return sum(ns / 1e9 for thread, ns in thread_cpu_ns().items() if thread.name == name)


@linux
def test_all_threads_are_pinned():
    usable = os.sched_getaffinity(0)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        pin_to_cores(1)
        assert usable_cores() == 1
        assert thread.native_id is not None
        assert len(os.sched_getaffinity(thread.native_id)) == 1
    finally:
        done.set()
        thread.join()
        for task in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), usable)


@linux
def test_more_cores_than_there_are_cannot_be_asked_for():
    with pytest.raises(UsageError, match=r"10000 cores are asked for, and there are"):
        pin_to_cores(10_000)


def test_where_a_process_cannot_be_pinned_that_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match=r"cannot pin a process"):
        pin_to_cores(1)
    assert usable_cores() == os.cpu_count()


# --- results that are compared ------------------------------------------------------------------

STAGE = {"cpu_median": 2.0, "wall_median": 4.0}
A = {"ratio": 4.0, "delay_ms": {"median": 80.0}, "repeats": 0, "stages": {"draw": STAGE}}
B = {"ratio": 3.0, "delay_ms": {"median": 60.0}, "repeats": 2, "stages": {}, "threads": {}}


def test_results_are_compared_number_by_number():
    tables = compared(A, B)
    rows = {row.pop("what"): row for row in tables["measures"]}
    assert rows["ratio"] == {"a": 4.0, "b": 3.0, "b_over_a": 0.75}
    assert rows["delay ms median"]["b_over_a"] == 0.75
    assert rows["repeats"] == {"a": 0, "b": 2, "b_over_a": None}
    assert rows["fps"] == {"a": None, "b": None, "b_over_a": None}
    assert tables["stages"][0] == {
        "stage": "draw", "kind": "cpu", "a": 2.0, "b": None, "b_over_a": None,
    }  # fmt: skip
    assert tables["threads"] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stages": 1}'])
def test_what_is_no_result_is_refused(text: str, tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="json"):
        read_result(path)


def test_two_files_are_compared_on_the_command_line(tmp_path: Path, capsys):
    for name, result in (("a.json", A), ("b.json", B)):
        (tmp_path / name).write_text(json.dumps(result))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert execute(["bench", "compare", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == compared(A, B)
    assert execute(["bench", "compare", *files]) == 0
    assert "0.75" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["compare"], ["compare", "a.json"], ["line", "a.json"]])
def test_files_are_for_comparing_two_of_them(words: list[str], capsys):
    assert execute(["bench", *words]) == 2
    assert "two results are compared" in capsys.readouterr().err


# --- films that are scaled ----------------------------------------------------------------------


def test_a_film_is_scaled_and_cropped_to_a_size(clip, tmp_path: Path):
    film, folder = clip(frames=6, width=96, height=64), tmp_path / "scaled"
    folder.mkdir()
    with VideoReader(scaled_clip(str(film), (48, 48), folder)) as reader:
        assert (reader.info.width, reader.info.height, reader.info.fps) == (48, 48, 25.0)
        assert sum(1 for _ in reader) == 6


def test_what_is_no_film_is_not_scaled(tmp_path: Path):
    with pytest.raises(UsageError, match=r"pattern is no film"):
        scaled_clip("pattern", (64, 64), tmp_path)

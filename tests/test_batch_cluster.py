"""Batches by several workers: real processes of Dask, which are killed."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from livecam.batch.cluster import Cluster
from livecam.batch.fingerprint import fingerprint
from livecam.batch.item import Item
from livecam.batch.run import BatchOutcome, run_batch
from livecam.batch.work import ItemState, Orders, Result
from livecam.cli.main import execute
from livecam.core.errors import ControlError, UsageError
from livecam.core.frame import Image
from tests.batches import FLAGS, DeadlyItem, items, small_films
from tests.test_convert import beep, differs, film, packets, pictures, room, times, with_portrait
from tests.test_pieces import MAX_NOISE

CLIPS, WORKERS, KILLED = 30, 4, 2
SOME = 8  # clips for the tests that need fewer


@pytest.fixture(scope="module")
def clips(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    small_films(folder, portrait, CLIPS)
    return folder


@pytest.fixture(scope="module")
def unharmed(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run by as many workers, none of which was killed."""
    folder = tmp_path_factory.mktemp("unharmed")
    assert by_workers(items(clips, folder), WORKERS).is_complete
    return folder


def by_workers(wanted: list[Item], jobs: int, progress: object = None) -> BatchOutcome:
    return run_batch(wanted, Orders(), lambda n: Cluster(min(n, jobs)), progress)  # type: ignore[arg-type]


def workers() -> list[psutil.Process]:
    """The processes of workers that this one has begun."""
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if any("spawn_main" in word for word in each.cmdline())
    ]


class Killer:
    """Kills workers, chosen at random, each after some results more."""

    def __init__(self, kill: int) -> None:
        self.left = kill
        self.killed: list[int] = []
        self.results = 0

    def begin(self, items: object, todo: object, jobs: int) -> None: ...

    def share(self, number: int, share: float, left_s: float | None) -> None: ...

    def done(self, number: int, result: Result) -> None:
        self.results += 1
        if self.left and self.results % 5 == 0:
            victim = random.choice(workers())
            victim.kill()
            self.killed.append(victim.pid)
            self.left -= 1


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("a*.mp4"))}


def test_workers_that_are_killed_lose_no_result(clips: Path, unharmed: Path, tmp_path: Path):
    killer = Killer(KILLED)
    done = by_workers(items(clips, tmp_path), WORKERS, killer)
    assert len(set(killer.killed)) == KILLED
    assert done.is_complete
    assert len(done.of(ItemState.DONE)) == CLIPS
    assert contents(tmp_path) == contents(unharmed)
    assert not list(tmp_path.glob(".*unfinished*"))
    assert workers() == []


def test_a_run_that_is_killed_goes_on_and_does_nothing_twice(clips: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    for clip in sorted(clips.iterdir())[:SOME]:
        (tmp_path / "in" / clip.name).symlink_to(clip)
    clips = tmp_path / "in"
    command = [sys.executable, "-m", "livecam", "batch", clips, tmp_path / "out", "--jobs", "2"]
    command += [word for name, value in FLAGS.items() for word in (f"--{name}", value)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_until(lambda: len(list((tmp_path / "out").glob("a*.mp4"))) >= 3)
        run.kill()
    wait_until(lambda: not workers())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("a*.mp4")}
    done = by_workers(items(clips, tmp_path / "out"), 2)
    assert done.is_complete
    assert len(done.of(ItemState.KEPT)) == len(before) < SOME
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((tmp_path / "out").glob("a*.mp4"))) == SOME
    assert not list((tmp_path / "out").glob(".*unfinished*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of a terminal")
def test_ctrl_c_in_a_terminal_ends_all_processes(clips: Path, tmp_path: Path):
    command = [sys.executable, "-m", "livecam", "batch", clips, tmp_path / "out", "--jobs", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as run:
        wait_until(lambda: list((tmp_path / "out").glob("a*.mp4")))
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: workers get it too
        printed, _ = run.communicate(timeout=60)
    assert run.returncode == 130, printed
    assert "the same command goes on" in printed
    assert "Traceback" not in printed
    assert not list((tmp_path / "out").glob(".*unfinished*"))
    wait_until(lambda: not [p for p in psutil.process_iter() if in_session(p, run.pid)])


def test_an_item_that_ends_its_workers_ends_alone(clips: Path, tmp_path: Path):
    wanted = items(clips, tmp_path)[:3]
    deadly = DeadlyItem(wanted[0].source, wanted[0].output, wanted[0].settings)
    done = by_workers([deadly, *wanted[1:]], 2)
    assert [done.results[n].state for n in range(3)] == [
        ItemState.FAILED,
        ItemState.DONE,
        ItemState.DONE,
    ]
    assert "lost 3 times" in done.results[0].outcome.error


def test_workers_listen_on_loopback_alone():
    with Cluster(2):
        end = time.monotonic() + 30
        while len(workers()) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        processes = [psutil.Process(), *workers()]
        heard = {
            (process.pid, each.laddr.ip)
            for process in processes
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
    assert len({pid for pid, _ in heard}) == 3
    assert {address for _, address in heard} == {"127.0.0.1"}


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers, which others have begun."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def test_the_workers_of_a_scheduler_convert(
    scheduler: str, clips: Path, unharmed: Path, tmp_path: Path
):
    wanted = items(clips, tmp_path)[:2]
    done = run_batch(wanted, Orders(), lambda n: Cluster(0, scheduler))
    assert done.is_complete
    assert done.results[0].outcome.took_s > 0
    assert [path.name for path in sorted(tmp_path.glob("a*.mp4"))] == [
        item.output.name for item in wanted
    ]


def test_workers_with_another_livecam_are_named_and_not_used(
    scheduler: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    newer = replace(fingerprint(), version="99.0")
    monkeypatch.setattr("livecam.batch.cluster.fingerprint", lambda: newer)
    # What is sent to workers is their own function.
    monkeypatch.setattr("livecam.batch.cluster.asked", fingerprint)
    with pytest.raises(ControlError, match="no worker converts films as this livecam does"):
        Cluster(0, scheduler)
    assert "99.0" in caplog.text


def test_workers_with_several_threads_are_not_used(caplog: pytest.LogCaptureFixture):
    from distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, host="127.0.0.1", silence_logs=50,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        pytest.raises(ControlError, match="no worker converts films"),
    ):  # fmt: skip
        Cluster(0, cluster.scheduler_address)
    assert "--nthreads 1" in caplog.text


def test_a_scheduler_that_goes_ends_the_run_and_what_is_done_stays(clips: Path, tmp_path: Path):
    from distributed import LocalCluster

    others = LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", silence_logs=50,
        dashboard_address="127.0.0.1:0",
    )  # fmt: skip

    class Ending(Killer):
        def done(self, number: int, result: Result) -> None:
            others.close()

    wanted = items(clips, tmp_path)[:3]
    done = run_batch(wanted, Orders(), lambda n: Cluster(0, others.scheduler_address), Ending(0))
    assert len(done.of(ItemState.DONE)) >= 1
    assert "scheduler does not answer" in done.problem
    assert len(done.left) >= 1


def test_a_fingerprint_tells_what_differs():
    ours = fingerprint()
    name = ours.assets[0][0]
    assert ours.difference(ours) == ""
    assert "99.0 instead of" in ours.difference(replace(ours, version="99.0"))
    assert "same version" in ours.difference(replace(ours, code_sha256="0"))
    have = replace(ours, assets=((name, True),))
    lack = replace(ours, assets=((name, False),))
    assert name in have.difference(lack)
    assert "missing here" in lack.difference(have)


def test_without_dask_several_jobs_are_refused_and_one_works(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="needs Dask"):
        Cluster(2)
    assert execute(["batch", str(clips), str(tmp_path), "--jobs", "2"]) == 2
    assert "livecam[cluster]" in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_one_sentence():
    with pytest.raises(ControlError, match=r"127\.0\.0\.1:9 cannot be reached"):
        Cluster(0, "tcp://127.0.0.1:9")


def wait_until(happened: object, limit_s: float = 90.0) -> None:
    end = time.monotonic() + limit_s
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def in_session(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


@pytest.fixture(scope="module")
def long_film(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 80 frames with sound; what is made of it as a whole lies beside it."""
    folder = tmp_path_factory.mktemp("long")
    sound = beep(folder / "beep.m4a", 3.2)
    images = [
        with_portrait(room(320, 240, seed=1), portrait, 40 + 20 * math.sin(i / 9), 6, 0.6)
        for i in range(80)
    ]
    (folder / "in").mkdir()
    source = film(folder / "in" / "film.mp4", images, sound)
    assert by_workers(items(folder / "in", folder / "whole"), 2).is_complete
    return source


@pytest.mark.parametrize("killed", [0, 1])
def test_a_long_film_is_converted_in_pieces_by_several_workers(
    long_film: Path, tmp_path: Path, killed: int
):
    whole = long_film.parents[1] / "whole" / "film-livecam.mp4"
    parts: set[float] = set()

    class Watching(Killer):
        def share(self, number: int, share: float, left_s: float | None) -> None:
            parts.add(share)
            if share > 0.5 and self.left:  # while it is drawn
                self.left = 0
                random.choice(workers()).kill()

    wanted = items(long_film.parent, tmp_path)
    orders = Orders(piece_s=0.8)
    done = run_batch(wanted, orders, lambda n: Cluster(2), Watching(killed))
    assert done.is_complete, done.results[0].outcome.error
    joined = tmp_path / "film-livecam.mp4"
    assert packets(joined) == packets(long_film)
    assert times(joined) == times(whole)
    away = [differs(a, b) for a, b in zip(pictures(whole), pictures(joined), strict=True)]
    assert max(away) < MAX_NOISE
    assert len(parts) > 3
    assert sorted(os.listdir(tmp_path / ".livecam")) == ["film-livecam.mp4.json"]
    assert done.results[0].outcome.frames == 80
    assert done.cpu_s > 0


def test_a_long_film_that_ends_early_is_converted_as_far_as_it_goes(
    tmp_path: Path, long_film: Path
):
    (tmp_path / "in").mkdir()
    data = long_film.read_bytes()
    (tmp_path / "in" / "a.mp4").write_bytes(data[: len(data) // 2])
    done = run_batch(
        items(tmp_path / "in", tmp_path / "out"), Orders(piece_s=0.8), lambda n: Cluster(2)
    )
    outcome = done.results[0].outcome
    assert done.is_complete
    assert 0 < outcome.frames < 80
    assert f"{outcome.frames} of 80 pictures could be read" in outcome.notes

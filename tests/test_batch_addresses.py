"""Batches from and to buckets of a real S3-compatible server, and from the web."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecam.batch import film_work
from livecam.batch.film_work import LongFilm, Step, pieces_folder
from livecam.batch.item import Item
from livecam.batch.plan import items_of, plan_of
from livecam.batch.run import run_batch
from livecam.batch.scratch import PREFIX, remove_abandoned
from livecam.batch.work import ItemState, Orders, convert_or_begin
from livecam.cli.main import execute
from livecam.convert.outcome import Outcome
from livecam.convert.pieces import survey_ranges
from livecam.core.frame import Image
from livecam.media.results import is_result
from livecam.storage.place import place_of
from tests.batches import FLAGS, ran, small_film, small_films
from tests.s3_server import S3Server

DONE, KEPT, FAILED = ItemState.DONE, ItemState.KEPT, ItemState.FAILED


@pytest.fixture
def films(s3: S3Server, portrait: Image, tmp_path: Path) -> str:
    """A folder of the bucket with two films."""
    for path in small_films(tmp_path / "in", portrait, 2):
        s3.client.upload_file(str(path), s3.bucket, f"in/{path.name}")
    return f"{s3.folder}/in"


def listed(films: str, s3: S3Server) -> list[Item]:
    return items_of(plan_of([films]), f"{s3.folder}/out", FLAGS)


def test_films_of_a_bucket_are_converted_into_it(films: str, s3: S3Server, tmp_path: Path):
    assert ran(listed(films, s3))[1] == [DONE, DONE]
    assert {key for key in s3.keys() if key.startswith("out/a")} == {  # noqa: SIM118  # no dict
        "out/a00-livecam.mp4",
        "out/a01-livecam.mp4",
    }
    s3.client.download_file(s3.bucket, "out/a00-livecam.mp4", str(tmp_path / "got.mp4"))
    assert is_result(tmp_path / "got.mp4")
    assert s3.uploads() == []
    assert ran(listed(films, s3))[1] == [KEPT, KEPT]


def test_what_changed_in_a_bucket_is_converted_again(
    films: str, s3: S3Server, portrait: Image, tmp_path: Path
):
    ran(listed(films, s3))
    other = small_film(tmp_path / "other.mp4", portrait, 9)
    s3.client.upload_file(str(other), s3.bucket, "in/a01.mp4")
    s3.client.copy_object(
        Bucket=s3.bucket, Key="in/a00.mp4", CopySource=f"{s3.bucket}/in/a00.mp4",
        MetadataDirective="REPLACE", Metadata={"new": "date"},
    )  # fmt: skip
    assert ran(listed(films, s3))[1] == [KEPT, DONE]


def test_an_object_of_others_is_never_replaced(
    films: str, s3: S3Server, portrait: Image, tmp_path: Path
):
    theirs = small_film(tmp_path / "theirs.mp4", portrait, 9)
    s3.client.upload_file(str(theirs), s3.bucket, "out/a00-livecam.mp4")
    done, states = ran(listed(films, s3), force=True)
    assert states == [FAILED, DONE]
    assert "livecam did not write it" in done.results[0].outcome.error
    got = s3.client.get_object(Bucket=s3.bucket, Key="out/a00-livecam.mp4")["Body"].read()
    assert got == theirs.read_bytes()


def test_nothing_of_a_film_stays_on_this_machine(
    films: str, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    s3.client.put_object(Bucket=s3.bucket, Key="in/bad.mp4", Body=b"no film")
    done, states = ran(listed(films, s3))
    assert states == [DONE, DONE, FAILED]
    assert str(tmp_path) not in done.results[2].outcome.error
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_the_folder_of_a_process_that_was_killed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"{PREFIX}abc"
    left.mkdir()
    (left / "in-use").write_bytes(b"")
    (left / "film.mp4").write_bytes(b"a face")
    remove_abandoned()
    assert not left.exists()


def test_several_workers_use_a_bucket_and_the_report_goes_there(films: str, s3: S3Server):
    command = ["batch", films, f"{s3.folder}/out", "--jobs", "2", "--tier", "light"]
    assert execute([*command, "--report", f"{s3.folder}/out/report.json"]) == 0
    assert {"out/a00-livecam.mp4", "out/a01-livecam.mp4", "out/report.json"} <= set(s3.keys())


def test_a_long_film_of_a_bucket_is_joined_from_its_pieces_though_a_worker_is_lost(
    s3: S3Server, portrait: Image, tmp_path: Path
):
    path = small_film(tmp_path / "in.mp4", portrait, frames=12)
    s3.client.upload_file(str(path), s3.bucket, "in/film.mp4")
    [item] = listed(f"{s3.folder}/in", s3)
    orders = Orders(piece_s=0.12)
    film = convert_or_begin(item, orders, lambda *_: None, film_work.begin)
    assert isinstance(film, LongFilm)
    assert film.pieces > 1
    ranges = survey_ranges(film.begun.frames, film.pieces)
    surveys = [film_work.survey(item, frames, lambda n: None) for frames in ranges]
    plan = Step(film_work.plan(item, orders, film, surveys), 0.0)
    pieces = [
        film_work.write(item, film_work.piece_plan(plan, frames), frames, lambda n: None)
        for frames in film_work.ranges(plan, film.pieces)
    ]
    waiting = pieces_folder(item.output)
    assert set(waiting.names()) == {piece.path.name for piece in pieces}

    def join() -> Outcome:
        done = film_work.join(item, film_work.outline(plan), film, pieces, 1.0, 0.5)
        assert done.state is DONE
        assert not waiting.is_folder()
        return done.outcome

    first = join()
    assert first.frames == 12
    version = item.output.version()
    again = join()  # its worker was lost before it could tell
    assert (again.frames, again.took_s) == (first.frames, first.took_s)
    assert item.output.version() == version
    assert ran([item])[1] == [KEPT]


def test_an_output_that_cannot_be_written_fails_before_the_film_is_converted(
    films: str, s3: S3Server
):
    wanted = listed(films, s3)
    gone = Item(wanted[0].source, place_of("s3://no-such-bucket/a.mp4"), wanted[0].settings)
    done = run_batch([gone], Orders())
    assert done.results[0].state is FAILED
    assert "bucket" in done.results[0].outcome.error
    assert done.results[0].outcome.took_s == 0

"""Batches in one process: what is converted, what is kept, and what is told of it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from livecam.batch.item import Item
from livecam.batch.plan import items_of, plan_of
from livecam.batch.record import read_record, record_place
from livecam.batch.report import document, html, table
from livecam.batch.run import run_batch
from livecam.batch.work import ItemState, Orders, Result
from livecam.cli.main import execute
from livecam.convert.jobs import ConversionJob
from livecam.core.errors import LivecamError, UsageError
from livecam.core.frame import Image
from livecam.core.hidden_file import HiddenFile
from livecam.media.results import is_result
from livecam.storage.place import place_of
from tests.batches import FLAGS, items, ran, small_film, small_films

DONE, KEPT, FAILED = ItemState.DONE, ItemState.KEPT, ItemState.FAILED


def test_a_folder_is_converted_and_the_same_command_keeps_it(portrait: Image, tmp_path: Path):
    films = small_films(tmp_path / "in", portrait, 2)
    done, states = ran(items(tmp_path / "in", tmp_path / "out"))
    results = [tmp_path / "out" / f"{film.stem}-livecam.mp4" for film in films]
    assert states == [DONE, DONE]
    assert all(map(is_result, results))
    assert done.is_complete
    assert done.film_s == pytest.approx(2 * 0.2)
    assert done.film_minutes_per_core_hour > 0
    written = [path.stat().st_mtime_ns for path in results]
    again, states = ran(items(tmp_path / "in", tmp_path / "out"))
    assert states == [KEPT, KEPT]
    assert again.cpu_s == 0
    assert [path.stat().st_mtime_ns for path in results] == written


def test_what_changed_is_converted_again_and_nothing_else(portrait: Image, tmp_path: Path):
    films = small_films(tmp_path / "in", portrait, 3)
    out = tmp_path / "out"
    ran(items(tmp_path / "in", out))
    os.utime(films[0])  # the same content at another time
    small_film(films[1], portrait, 7)
    (out / "a02-livecam.mp4").unlink()
    assert ran(items(tmp_path / "in", out))[1] == [KEPT, DONE, DONE]
    assert ran(items(tmp_path / "in", out, big_eyes=0.5))[1] == [DONE, DONE, DONE]
    assert ran(items(tmp_path / "in", out, big_eyes=0.5))[1] == [KEPT, KEPT, KEPT]
    assert ran(items(tmp_path / "in", out, big_eyes=0.5), again=True)[1] == [DONE, DONE, DONE]


def test_a_file_that_a_setting_names_counts_by_its_content(tmp_path: Path):
    look = tmp_path / "look.cube"
    look.write_text("LUT_3D_SIZE 2\n" + "0 0 0\n" * 8)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"any")
    before = items(tmp_path / "in", tmp_path / "out", lut=str(look))[0].settings_sha256
    assert items(tmp_path / "in", tmp_path / "out", lut=str(look))[0].settings_sha256 == before
    look.write_text("LUT_3D_SIZE 2\n" + "1 0 0\n" * 8)
    assert items(tmp_path / "in", tmp_path / "out", lut=str(look))[0].settings_sha256 != before


def test_a_bad_film_is_told_and_stops_no_other(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 1)
    (tmp_path / "in" / "a.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\7" * 500)
    done, states = ran(items(tmp_path / "in", tmp_path / "out"))
    assert states == [FAILED, DONE]
    assert "a.mp4" in done.results[0].outcome.error
    assert not done.is_complete
    assert sorted(os.listdir(tmp_path / "out")) == [".livecam", "a00-livecam.mp4"]


def test_no_file_of_others_is_lost(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 2)
    wanted = items(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out").mkdir()
    theirs = small_film(tmp_path / "out" / "a00-livecam.mp4", portrait, 3)
    theirs.rename(tmp_path / "out" / "kept.mp4")
    theirs = tmp_path / "out" / "kept.mp4"
    own = Item(wanted[0].source, place_of(str(theirs)), wanted[0].settings)
    before = theirs.read_bytes()
    done, states = ran([own, wanted[1]], force=True)
    assert states == [FAILED, DONE]
    assert "livecam did not write it" in done.results[0].outcome.error
    assert theirs.read_bytes() == before


def test_a_result_without_a_record_is_replaced_with_force_alone(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 1)
    wanted = items(tmp_path / "in", tmp_path / "out")
    ran(wanted)
    shutil.rmtree(tmp_path / "out" / ".livecam")
    done, states = ran(wanted)
    assert states == [FAILED]
    assert "--force" in done.results[0].outcome.error
    assert ran(wanted, force=True)[1] == [DONE]


def test_what_a_killed_run_left_is_removed_and_made_again(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 1)
    (wanted,) = items(tmp_path / "in", tmp_path / "out")
    ran([wanted])
    record = read_record(wanted.output)
    assert record is not None
    # As it is when a worker dies while it replaces a result: the record is that of the beginning.
    type(record)(wanted.settings_sha256).write(wanted.output)
    output = wanted.output.local_path
    assert output is not None
    left = HiddenFile(output)
    left._close()  # the process that held it is gone
    left.hidden.write_bytes(b"half a film")
    assert ran([wanted])[1] == [DONE]
    assert not left.hidden.exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 99}', b"\xff"])
def test_a_damaged_record_counts_as_none(damage: bytes, tmp_path: Path):
    output = place_of(str(tmp_path / "a.mp4"))
    record_place(output).write_bytes(damage)
    assert read_record(output) is None


def test_a_record_is_read_as_it_was_written(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 1)
    (wanted,) = items(tmp_path / "in", tmp_path / "out")
    done = run_batch([wanted], Orders(pictures="both"))
    record = read_record(wanted.output)
    assert record is not None
    assert record.outcome is not None
    outcome = done.results[0].outcome
    kept = record.outcome
    assert kept.record is not None
    assert outcome.record is not None
    assert kept.record.thumbnails == outcome.record.thumbnails
    assert kept.record.thumbnails[0].before
    assert kept.record.parts == outcome.record.parts
    assert (kept.frames, kept.seconds, kept.sound) == (5, outcome.seconds, outcome.sound)
    assert kept.job == ConversionJob(Path("a00.mp4"), Path("a00-livecam.mp4"))
    path = record_place(wanted.output).local_path
    assert path is not None
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_signal_ends_a_batch_and_the_same_command_goes_on(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 3)
    wanted = items(tmp_path / "in", tmp_path / "out")

    class Interrupting:
        def begin(self, items: object, todo: object, jobs: int) -> None: ...

        def share(self, number: int, share: float, left_s: float | None) -> None:
            if number == 1:
                os.kill(os.getpid(), signal.SIGINT)

        def done(self, number: int, result: Result) -> None: ...

    done = run_batch(wanted, Orders(), progress=Interrupting())
    assert done.problem == "stopped"
    assert [item.name for item in done.left] == ["a01.mp4", "a02.mp4"]
    assert sorted(os.listdir(tmp_path / "out")) == [".livecam", "a00-livecam.mp4"]
    assert ran(wanted)[1] == [KEPT, DONE, DONE]


def test_a_full_disk_ends_a_batch_without_failures(
    portrait: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    small_films(tmp_path / "in", portrait, 2)
    wanted = items(tmp_path / "in", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("livecam.batch.run.MIN_FREE", 1 << 60)
        done, states = ran(wanted)
    assert states == [DONE]
    assert "no further film is begun" in done.problem
    assert ran(wanted)[1] == [KEPT, DONE]


def test_reports_hold_every_item(portrait: Image, tmp_path: Path):
    small_films(tmp_path / "in", portrait, 1)
    (tmp_path / "in" / "=bad.mp4").write_bytes(b"no film")
    wanted = items(tmp_path / "in", tmp_path / "out")
    done = run_batch(wanted, Orders(pictures="both"))
    rows = list(csv.DictReader(io.StringIO(table(done))))
    assert [row["state"] for row in rows] == ["failed", "done"]
    assert rows[1]["seconds"] == "0.2"
    told = json.loads(document(done))
    assert [film["state"] for film in told["items"]] == ["failed", "done"]
    assert told["items"][1]["pictures"][0]["before_jpeg"]
    page = html(done, "both")
    assert page.count("<article") == 2
    assert "minutes of film a core hour" in page
    assert str(tmp_path) not in page


def test_the_command_converts_a_plan_and_writes_reports(
    portrait: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    small_films(tmp_path / "clips", portrait, 2)
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'output = "done"\ntier = "light"\n'
        '[[items]]\ninput = "clips/a00.mp4"\navatar = "fox"\noutput = "fox.mp4"\n'
        '[[items]]\ninput = "clips/a01.mp4"\navatar = "panda"\n',
        "utf-8",
    )
    command = ["batch", str(plan), "--jobs", "1", "--report", str(tmp_path / "r.csv")]
    assert execute(command) == 0
    assert sorted(os.listdir(tmp_path / "done")) == [".livecam", "a01-livecam.mp4", "fox.mp4"]
    assert "converted 2" in capsys.readouterr().out
    assert execute(command) == 0  # the report is one of ours, and replaced
    assert "already there 2" in capsys.readouterr().out
    (tmp_path / "r.csv").write_text("my own, table\n")
    assert execute(command) == 3
    assert (tmp_path / "r.csv").read_text() == "my own, table\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["in"], "a folder to write into"),
        (["plan.toml", "in", "out"], "a plan stands alone"),
        (["in", "out", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "exclude each other"),
        (["in", "out", "--strict", "--pass-unsure"], "exclude each other"),
        (["in", "out", "--report", "r.txt"], "name it .html, .csv or .json"),
        (["empty", "out"], "no film was found"),
        (["in", "out", "--avatar", "foxx"], 'no avatar is called "foxx"'),
        (["in", "gopher://x/out"], "gopher"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for folder in ("in", "empty"):
        Path(folder).mkdir()
    Path("in/a.mp4").write_bytes(b"any")
    assert execute(["batch", *words]) in (2, 5)
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


# Plans


def listed(tmp_path: Path, name: str, text: str | bytes, out: str | None = "out") -> list[Item]:
    """The items of a plan in a file, beside which lie two films."""
    from livecam.batch.plan import read_plan

    for film in ("a.mp4", "b 二.mp4"):
        (tmp_path / film).write_bytes(b"any")
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return items_of(read_plan(path), out and str(tmp_path / out), FLAGS)


CSV_ROWS = "input,output,avatar,big-eyes,strict\na.mp4,x.mp4,fox,0.4,yes\nb 二.mp4,,panda,,\n"


@pytest.mark.parametrize(
    "text",
    [
        CSV_ROWS,
        CSV_ROWS.replace(",", ";").replace("\n", "\r\n"),
        CSV_ROWS.replace(",", "\t"),
        CSV_ROWS.encode("utf-8-sig"),
        CSV_ROWS.encode("utf-16"),
        "\n" + CSV_ROWS + "\n,,,,\n",
    ],
)
def test_tables_of_spreadsheet_programs_are_plans(text: str | bytes, tmp_path: Path):
    one, two = listed(tmp_path, "plan.csv", text)
    assert (one.source.local_path, one.output.local_path) == (
        tmp_path / "a.mp4",
        tmp_path / "out" / "x.mp4",
    )
    assert two.output.local_path == tmp_path / "out" / "b 二-livecam.mp4"
    assert (one.settings.avatar.avatar, two.settings.avatar.avatar) == ("fox", "panda")
    assert (one.settings.effects.big_eyes, two.settings.effects.big_eyes) == (0.4, 0)
    assert (one.strict, two.strict) == (True, False)
    assert one.settings.render.tier == "light"


def test_a_row_wins_over_the_command_and_that_over_the_plan(tmp_path: Path):
    text = 'avatar = "owl"\ntier = "full"\n[[items]]\ninput = "a.mp4"\n'
    assert listed(tmp_path, "p.toml", text)[0].settings.avatar.avatar == "raccoon"
    assert listed(tmp_path, "p.toml", text)[0].settings.render.tier == "light"
    (own,) = listed(tmp_path, "p.toml", text + 'avatar = "fox"\n')
    assert own.settings.avatar.avatar == "fox"


@pytest.mark.parametrize(
    ("name", "text", "place", "told"),
    [
        ("p.csv", "input,avatr\na.mp4,fox\n", "line 2", 'did you mean "avatar"'),
        ("p.csv", "avatar\nfox\n", "line 2", '"input" is missing'),
        ("p.csv", "input\na.mp4,fox\n", "line 2", "more cells"),
        ("p.csv", 'input\n"a.mp4\n', "line", "not valid CSV"),
        ("p.csv", "input,big-eyes\na.mp4,huge\n", "line 2", "big-eyes must be a number"),
        ("p.csv", "input,strict\na.mp4,maybe\n", "line 2", "true or false"),
        ("p.csv", "input\n", "", "lists nothing"),
        ("p.csv", "input\n我的视频.mp4\n".encode("gbk"), "line 2", "UTF-8"),
        (
            "p.toml",
            '[[items]]\ninput = "a.mp4"\nbig-eye = 1\n',
            "line 3",
            '"big_eyes"',
        ),
        ("p.toml", "items = 3\n", "line 1", "list of tables"),
        ("p.toml", 'input = "a.mp4"\n', "line 1", '"input"'),
        ("p.toml", "[[items]\n", "line 1", "not valid TOML"),
        ("p.toml", '[[items]]\ninput = "a.mp4"\nrecord-motion = "x"\n', "line 3", "record-motion"),
    ],
)
def test_a_wrong_plan_is_told_with_its_line(
    name: str, text: str | bytes, place: str, told: str, tmp_path: Path
):
    with pytest.raises(LivecamError) as caught:
        listed(tmp_path, name, text)
    words = f"{caught.value.message}; {caught.value.hint}"
    assert place in words
    assert told in words


def test_outputs_that_would_replace_one_another_are_refused(tmp_path: Path):
    twice = "input,output\na.mp4,x.mp4\nb 二.mp4,X.mp4\n"
    with pytest.raises(UsageError, match=r"line 2 and .*line 3 have the same output"):
        listed(tmp_path, "p.csv", twice)
    with pytest.raises(UsageError, match="never overwritten"):
        listed(tmp_path, "p.csv", "input,output\na.mp4,../b 二.mp4\nb 二.mp4,x.mp4\n")
    with pytest.raises(UsageError, match="no place is named"):
        listed(tmp_path, "p.csv", "input\na.mp4\n", out=None)


def test_one_film_may_be_listed_with_several_heads(tmp_path: Path):
    found = listed(tmp_path, "p.csv", "input,avatar\na.mp4,fox\na.mp4,owl\n")
    assert len({item.output for item in found}) == 2


def test_a_folder_is_listed_without_results_and_hidden_files(tmp_path: Path):
    for name in ("b.MOV", "a.mp4", "a-livecam.mp4", ".c.mp4", "d.txt", "e.jpg"):
        (tmp_path / name).write_bytes(b"any")
    found = items_of(plan_of([str(tmp_path)]), str(tmp_path / "out"), FLAGS)
    assert [item.name for item in found] == ["a.mp4", "b.MOV", "e.jpg"]
    assert [item.output.name for item in found][1:] == ["b-livecam.mp4", "e-livecam.jpg"]

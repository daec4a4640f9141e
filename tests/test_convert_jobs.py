"""Which films `convert` converts into which files, and that no file is lost by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livecam.cli.main import execute
from livecam.convert.jobs import check_job, jobs_for
from livecam.core.errors import LivecamError, SinkError, UsageError
from livecam.core.frame import Frame
from livecam.media.containers import WRITABLE, WRITABLE_ALPHA
from livecam.media.results import RESULT_TAGS, is_result
from livecam.media.writer import VideoWriter


def film(path: Path, *, ours: bool = False, alpha: bool = False) -> Path:
    """A film of one grey picture, by somebody else or as `convert` writes them."""
    tags = RESULT_TAGS if ours else {"comment": "holidays"}
    with VideoWriter(path, 64, 48, 25, tags=tags, alpha=alpha) as writer:
        writer.write(Frame(np.full((48, 64, 4), 99, np.uint8), 0, 0.0))
    return path


def refused(inputs: list[Path], output: Path, *, force: bool = True) -> LivecamError | None:
    """Returns why the first job is refused; None if it may begin."""
    jobs = jobs_for(inputs, output)
    try:
        check_job(jobs[0], jobs, force=force)
    except LivecamError as error:
        return error
    return None


@pytest.mark.parametrize("suffix", WRITABLE)
def test_force_replaces_results_of_livecam_and_no_other_file(tmp_path: Path, suffix: str):
    source = film(tmp_path / "a.mp4")
    ours, theirs = film(tmp_path / f"b{suffix}", ours=True), film(tmp_path / f"c{suffix}")
    assert refused([source], ours) is None
    error = refused([source], theirs)
    assert error is not None
    assert "livecam did not write it" in error.message
    assert "--force" not in error.hint


@pytest.mark.parametrize("suffix", WRITABLE_ALPHA)
def test_results_with_alpha_are_known_too(tmp_path: Path, suffix: str):
    assert is_result(film(tmp_path / f"a{suffix}", ours=True, alpha=True))
    assert not is_result(film(tmp_path / f"b{suffix}", alpha=True))


def test_without_force_a_result_is_kept_and_force_is_named(tmp_path: Path):
    source, ours = film(tmp_path / "a.mp4"), film(tmp_path / "b.mp4", ours=True)
    error = refused([source], ours, force=False)
    assert error is not None
    assert "--force" in error.hint


def test_results_of_older_versions_are_known_by_their_names(tmp_path: Path):
    source = film(tmp_path / "a.mp4")
    assert refused([source], film(tmp_path / "a-livecam.mp4")) is None


@pytest.mark.parametrize(("data", "kept"), [(b"precious", True), (b"", False)])
def test_a_file_that_is_no_film_is_kept_unless_it_is_empty(tmp_path: Path, data: bytes, kept: bool):
    source, output = film(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    output.write_bytes(data)
    assert (refused([source], output) is not None) == kept


def test_a_result_that_is_read_is_not_replaced(tmp_path: Path):
    """Also not by another of its names."""
    source = film(tmp_path / "a.mp4", ours=True)
    (tmp_path / "symlink.mp4").symlink_to(source)
    (tmp_path / "link.mp4").hardlink_to(source)
    for name in ("a.mp4", "symlink.mp4", "link.mp4"):
        error = refused([source], tmp_path / name)
        assert error is not None
        assert "never overwritten" in error.message


def test_a_forgotten_out_costs_no_film(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    first, second = film(tmp_path / "a.mp4"), film(tmp_path / "b.mp4")
    before = second.read_bytes()
    assert execute(["convert", "--force", str(first), str(second)]) == 1
    assert second.read_bytes() == before
    assert caplog.text.count("choose another name") == 1
    assert not capsys.readouterr().out  # it is said once


def test_several_films_are_not_written_into_a_folder_with_the_name_of_a_film(tmp_path: Path):
    films = [film(tmp_path / "a.mp4"), film(tmp_path / "b.mp4")]
    for inputs in (films, [tmp_path]):
        with pytest.raises(UsageError, match=r"both\.MP4 is the name of one file"):
            jobs_for(inputs, tmp_path / "both.MP4")
    (tmp_path / "both.MP4").mkdir()
    assert len(jobs_for(films, tmp_path / "both.MP4")) == 2
    with pytest.raises(UsageError, match="is a file, but there are 2 films"):
        jobs_for(films, films[0])


def test_outputs_differ_in_more_than_upper_and_lower_case(tmp_path: Path):
    sources = [tmp_path / "x" / "Clip.mov", tmp_path / "y" / "clip.mov"]
    names = [job.output.name for job in jobs_for(sources, tmp_path)]
    assert names == ["Clip-livecam.mp4", "clip-mov-livecam.mp4"]


def test_a_folder_gives_all_kinds_of_films(tmp_path: Path):
    names = ["a.FLV", "b.wmv", "c.mts", "d.m2ts", "e.gif", "f.avi", "g.webm", "h.rmvb"]
    for name in (*names, "notes.txt", ".hidden.mp4", "a-livecam.mp4"):
        (tmp_path / name).touch()
    found = jobs_for([tmp_path], tmp_path / "out")
    assert [job.source.name for job in found] == names


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path):
    error = refused([film(tmp_path / "a.mp4")], tmp_path / "a.mp4" / "b.mp4")
    assert isinstance(error, SinkError)


@pytest.mark.parametrize("words", [["-clip.mp4", "out.mp4"], ["a.mp4", "--clip.mp4"]])
def test_a_name_that_begins_with_a_dash_gets_the_remedy(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert execute(["convert", *words]) == 2
    name = next(word for word in words if word.startswith("-"))
    assert f"behind --: livecam convert -- {name}" in capsys.readouterr().err


def test_an_unknown_option_is_no_file_name(capsys: pytest.CaptureFixture[str]):
    assert execute(["convert", "a.mp4", "b.mp4", "--scaled=0.5x"]) == 2
    assert "--help" in capsys.readouterr().err

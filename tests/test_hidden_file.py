"""Files get their name when complete; a planted link is never followed, a leftover is reported."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livecam.core import hidden_file
from livecam.core.hidden_file import (
    HiddenFile,
    free_name,
    hidden_names,
    leftovers,
    replaced_file,
)

WRITER = """
import sys, time
from pathlib import Path
from livecam.core.hidden_file import HiddenFile
file = HiddenFile(Path(sys.argv[1]))
with file.opened() as stream:
    stream.write(b"half")
    stream.flush()
    print(file.hidden, flush=True)
    time.sleep(60)
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="links and locks of POSIX")


@pytest.fixture(autouse=True)
def nothing_reported():
    hidden_file._report_leftovers.cache_clear()


def started_writer(path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that is writing a hidden file, and that file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_file_is_replaced_as_a_whole(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replaced_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_leaves_the_old_file_alone(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(TypeError), replaced_file(path) as file:
        file.write("no bytes")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@posix
def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path):
    with replaced_file(tmp_path / "a", mode=0o600) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


@posix
def test_a_planted_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Even one under the very name that will be drawn."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(hidden_file.secrets, "token_hex", lambda n: "0" * 16)
    (tmp_path / ".a.unfinished-0000000000000000.mp4").symlink_to(victim)
    with pytest.raises(FileExistsError):
        HiddenFile(tmp_path / "a.mp4")
    assert victim.read_text() == "precious"


@posix
def test_a_link_under_the_final_name_is_replaced_and_not_followed(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.csv").symlink_to(victim)
    with replaced_file(tmp_path / "a.csv") as file:
        file.write(b"new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "a.csv").is_symlink()


def test_hidden_names_cannot_be_guessed(tmp_path: Path):
    files = [HiddenFile(tmp_path / "a.mp4") for _ in range(20)]
    assert len({file.hidden for file in files}) == 20
    for file in files:
        file.discard()
        file.discard()
    assert os.listdir(tmp_path) == []


def test_two_files_that_finish_under_one_name_are_both_kept(tmp_path: Path):
    first, second = HiddenFile(tmp_path / "a.mp4"), HiddenFile(tmp_path / "a.mp4")
    assert first.commit(keep_existing=True).name == "a.mp4"
    assert second.commit(keep_existing=True).name == "a-2.mp4"
    assert sorted(os.listdir(tmp_path)) == ["a-2.mp4", "a.mp4"]


@posix
def test_a_name_that_a_broken_link_has_is_not_free(tmp_path: Path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "nowhere")
    assert free_name(tmp_path / "a.mp4").name == "a-2.mp4"


def test_a_name_of_255_bytes_can_be_hidden(tmp_path: Path):
    path = tmp_path / ("é" * 125 + ".mp4")
    with replaced_file(path) as file:
        file.write(b"x")
    assert path.exists()


@posix
def test_a_file_that_is_being_written_is_no_leftover_and_a_killed_ones_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    process, hidden = started_writer(tmp_path / "a.mp4")
    try:
        assert leftovers(tmp_path) == []
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert leftovers(tmp_path) == [hidden]
    with caplog.at_level(logging.WARNING):
        for name in ("b.mp4", "c.mp4"):
            HiddenFile(tmp_path / name).discard()
    (line,) = caplog.messages
    assert str(hidden) in line
    assert hidden.read_bytes() == b"half"


@posix
def test_nothing_else_is_taken_for_a_leftover(tmp_path: Path):
    token = "unfinished-0123456789abcdef"
    (tmp_path / ".a.123.mp4").write_text("another program's")
    (tmp_path / f"a.{token}.mp4").write_text("not hidden")
    (tmp_path / f".a.{token}\n.mp4").write_text("a name that would break the line")
    (tmp_path / f".b.{token}.mp4").symlink_to("/etc/passwd")
    (tmp_path / f".c.{token}.mp4").mkdir()
    os.mkfifo(tmp_path / f".d.{token}.mp4")
    newborn = tmp_path / f".newborn.{token}.mp4"
    newborn.touch()
    os.utime(newborn, (time.time() + 60, time.time() + 60))  # however slow this machine is
    assert leftovers(tmp_path) == []
    assert leftovers(tmp_path / "missing") == []


@pytest.mark.parametrize("name", ["名" * 83 + ".mp4", "😀" * 62 + ".mp4", "x" * 251 + ".mp4"])
def test_the_longest_names_have_a_hidden_one_that_is_short(tmp_path: Path, name: str):
    file = HiddenFile(tmp_path / name)
    assert len(os.fsencode(file.hidden.name)) <= 143  # the most that an encrypted home takes
    assert hidden_names(tmp_path / name).fullmatch(file.hidden.name)
    assert file.commit() == tmp_path / name
    assert os.listdir(tmp_path) == [name]


def test_a_number_in_a_long_name_takes_the_place_of_whole_characters(tmp_path: Path):
    path = tmp_path / ("名" * 83 + ".jpeg")
    path.touch()
    assert free_name(path).name == "名" * 82 + "-2.jpeg"
    free_name(path).touch()

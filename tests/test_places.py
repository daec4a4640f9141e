"""Where one may not write or read: one sentence, a hint, an exit code, and nothing is begun."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from livecam.config.assets import asset_path
from livecam.config.paths import LOG_FILE_VARIABLE
from livecam.core.errors import SinkError, file_error
from livecam.core.frame import Frame
from livecam.core.places import check_own_file, check_place, check_space
from livecam.media.writer import VideoWriter
from livecam.motion.take import TakeWriter
from tests.test_takes import state

MODELS = asset_path("face-landmarker").parent
# Permissions do not apply to root: PR_CAPBSET_DROP (prctl(2)) takes CAP_DAC_OVERRIDE and
# CAP_DAC_READ_SEARCH (capabilities(7)) from the program that is started next.
AS_ORDINARY_USER = """
import ctypes, os, sys
if sys.platform == "linux":
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
pytestmark = posix
Livecam = Callable[..., subprocess.CompletedProcess[str]]

RUN = ("run", "--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
       "--also-to", "null", "--width", "160", "--height", "120", "--seconds", "1")  # fmt: skip
OUTPUTS = (
    (*RUN, "--record", "{}/x.mp4"),
    (*RUN, "--png", "{}/x"),
    (*RUN, "--png", "{}"),
    (*RUN, "--record-motion", "{}/x.jsonl"),
    (*RUN, "--stats", "{}/x.jsonl"),
    ("convert", "film.mp4", "{}/x.mp4"),
    ("convert", "film.mp4", "x.mp4", "--stats", "{}/x.jsonl"),
    ("convert", "film.mp4", "x.mp4", "--record-motion", "{}/x.jsonl"),
    ("avatars", "sheet", "fox", "--out", "{}/x.png"),
    ("avatars", "show", "fox", "--png", "{}/x"),
    ("motion", "render", "take.jsonl", "{}/x.mp4"),
    ("motion", "render", "take.jsonl", "{}/x"),
    ("motion", "export", "take.jsonl", "{}/x.glb"),
    ("motion", "export", "take.jsonl", "{}/x.csv"),
)
INPUTS = (
    (*RUN, "--background", "{}/x.png"),
    (*RUN, "--lut", "{}/x.cube"),
    (*RUN, "--stickers", "{}/x"),
    (*RUN, "--motion", "{}/x.jsonl"),
    ("run", "--source", "{}/x.mp4"),
    ("run", "--avatar", "{}/x"),
    ("run", "--preset", "{}/x.toml"),
    ("convert", "{}/x.mp4", "x.mp4"),
    ("motion", "show", "{}/x.jsonl"),
)


@pytest.fixture
def livecam(tmp_path: Path) -> Livecam:
    """Runs `livecam` where permissions apply, in a folder with a film and a take."""
    with VideoWriter(tmp_path / "film.mp4", 320, 240, 25) as writer:
        for index in range(3):
            writer.write(Frame(np.full((240, 320, 4), 255, np.uint8), index, index / 25))
    take = TakeWriter(tmp_path / "take.jsonl")
    for index in range(3):
        take.observe(state(index), 100 + index / 30)
    take.close()
    own = {name: v for name, v in os.environ.items() if not name.startswith(("LIVECAM_", "XDG_"))}
    own[LOG_FILE_VARIABLE] = ""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_ORDINARY_USER, "-m", "livecam", *words], cwd=tmp_path,
            env=own | {"LIVECAM_ASSETS": str(MODELS)} | variables, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(params=[0o000, 0o555], ids=["forbidden", "read-only"])
def closed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that nobody may enter, or nobody may write into."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(request.param)
    yield folder
    folder.chmod(0o755)


def refused(done: subprocess.CompletedProcess[str], place: str) -> bool:
    """Whether a command was refused in one sentence that names the place, with a hint."""
    text = done.stdout + done.stderr
    return (
        done.returncode in (1, 2, 3)
        and place in text
        and "Traceback" not in text
        and "something went wrong" not in text
        and "unexpected" not in text
        and (done.stderr.splitlines()[-1].startswith("hint: ") or "; choose" in text)
    )


@pytest.mark.parametrize("words", OUTPUTS, ids=lambda words: f"{words[0]} {' '.join(words[-2:])}")
def test_no_output_option_fails_with_a_traceback(
    words: tuple[str, ...], closed: Path, livecam: Livecam
):
    done = livecam(*(word.format(closed) for word in words))
    assert refused(done, str(closed)), done.stdout + done.stderr
    assert "published" not in done.stderr  # it ended before it began


@pytest.mark.parametrize("words", INPUTS, ids=lambda words: f"{words[0]} {' '.join(words[-2:])}")
def test_a_file_that_may_not_be_read_is_named(
    words: tuple[str, ...], tmp_path: Path, livecam: Livecam
):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    try:
        done = livecam(*(word.format(folder) for word in words))
    finally:
        folder.chmod(0o755)
    assert refused(done, str(folder)), done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("config", "init"),
        ("assets", "fetch", "hair"),
        ("calibrate", "--source", "film.mp4"),
        ("calibrate", "--source", "sample", "--profile", "sample"),
    ],
    ids=" ".join,
)
def test_the_users_folders_may_be_closed(words: tuple[str, ...], closed: Path, livecam: Livecam):
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(closed))
    done = livecam(*words, **places)
    assert done.returncode == SinkError.exit_code
    assert refused(done, str(closed)), done.stderr


def test_folders_that_are_missing_can_be_made(tmp_path: Path):
    check_place(tmp_path / "a" / "b" / "c.mp4")
    assert not (tmp_path / "a").exists()


def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path):
    for path in (tmp_path / ("名" * 84 + ".mp4"), tmp_path / ("x" * 300) / "a.mp4"):
        with pytest.raises(SinkError, match="too long") as caught:
            check_place(path)
        assert "shorter" in caught.value.hint


def test_a_disk_without_room_is_refused(tmp_path: Path):
    check_space(tmp_path / "new" / "film.mp4", 1)
    with pytest.raises(SinkError, match="MB left") as caught:
        check_space(tmp_path / "new" / "film.mp4", 1 << 60)
    assert "space" in caught.value.hint


def test_two_things_never_go_into_one_file(tmp_path: Path):
    path = tmp_path / "film.mp4"
    path.touch()
    (tmp_path / "link.mp4").symlink_to(path)
    check_own_file(tmp_path / "stats.jsonl", [path])
    for other in (path, tmp_path / "link.mp4", tmp_path / "x" / ".." / "film.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(SinkError, match="something else"):
            check_own_file(other, [path])
    with pytest.raises(SinkError, match="something else"):  # neither is there yet
        check_own_file(tmp_path / "new", [tmp_path / "new"])


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(SinkError, match="is no folder"):
        check_place(tmp_path / "a" / "b.mp4")
    with pytest.raises(SinkError, match="is no folder"):
        check_place(tmp_path / "a" / "b" / "c.mp4")


def test_the_hint_of_a_refusal_fits_its_cause():
    assert "space" in file_error(OSError(28, "No space left on device", "film.mp4")).hint
    assert "permissions" in file_error(PermissionError(13, "Permission denied", "film.mp4")).hint
    assert file_error(OSError(13, "Permission denied", "a.mp4")).message == (
        "a.mp4 cannot be used: permission denied"
    )

"""`livecam config folders` names every folder in which livecam keeps something."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.avatar.library import avatar_folders
from livecam.calibration.profile import online_path, profile_path
from livecam.cli.main import execute
from livecam.config.assets import asset_path
from livecam.config.loader import user_file_path
from livecam.config.paths import asset_folder, user_folders, user_log_file, user_runtime_folder
from livecam.config.presets import preset_folders
from livecam.segmentation.plate import _path_of as plate_path
from livecam.sources.sample_clip import sample_clip_path
from tests.user_folders import empty_user_folders

MODELS = asset_path("face-landmarker").parent  # before the user's folders are empty ones
RUN = ("run", "--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
       "--width", "160", "--height", "120", "--seconds", "0.5", "--record", "film.mp4")  # fmt: skip


def test_all_that_is_kept_lies_in_these_folders():
    kept = (
        user_file_path(), asset_folder(), profile_path("me"), online_path("me"),
        avatar_folders()[0], preset_folders()[0], plate_path("camera", (640, 480)),
        sample_clip_path(), user_log_file(), user_runtime_folder(),
    )  # fmt: skip
    folders = user_folders().values()
    assert all(folder.name == "livecam" for folder in folders)
    assert [path for path in kept if not any(map(path.is_relative_to, folders))] == []


def test_they_are_printed_for_people_and_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    empty_user_folders(tmp_path, monkeypatch)
    assert execute(["config", "folders"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert execute(["config", "folders", "--json"]) == 0
    folders = json.loads(capsys.readouterr().out)
    assert [" ".join(line.split()) for line in lines] == [f"{n} {p}" for n, p in folders.items()]
    assert list(tmp_path.iterdir()) == []  # they are not made


@pytest.mark.skipif(
    sys.platform == "win32", reason="the folders of Windows are asked of the system"
)
def test_whoever_deletes_them_has_deleted_all(tmp_path: Path):
    keep = {n: v for n, v in os.environ.items() if not n.startswith(("LIVECAM_", "XDG_"))}
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    environ = keep | {
        "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime), "LIVECAM_ASSETS": str(MODELS),
    }  # fmt: skip

    def livecam(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "livecam", *words], cwd=tmp_path, env=environ, check=True,
            capture_output=True, text=True, timeout=120,
        ).stdout  # fmt: skip

    livecam("config", "init")
    livecam(*RUN)
    folders = json.loads(livecam("config", "folders", "--json"))
    assert {name for name, path in folders.items() if Path(path).is_dir()} >= {"settings", "log"}
    for path in set(folders.values()):
        shutil.rmtree(path, ignore_errors=True)
    assert [path for path in tmp_path.rglob("*") if "livecam" in path.name] == []

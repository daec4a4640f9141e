"""The folders of a user, for tests: never those of the person who runs them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from livecam.config.paths import LOG_FILE_VARIABLE, asset_folder
from livecam.sources.sample_clip import sample_clip_path

KINDS = ("CONFIG_HOME", "DATA_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR")


def use_own_user_folders() -> None:
    """Gives this process, and those it starts, folders of a user that end with it.

    The fetched models and the sample clip are linked into them. The language is English.
    """
    taken = (asset_folder, sample_clip_path)
    there = [path() for path in taken]
    own = Path(tempfile.mkdtemp(prefix="livecam-user-"))  # 0700, and short enough for a socket
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    for kind in KINDS:
        os.environ[f"XDG_{kind}"] = str(own / kind.lower())
        (own / kind.lower()).mkdir(mode=0o700)
    for path, real in zip(taken, there, strict=True):
        path().parent.mkdir(parents=True, exist_ok=True)
        path().symlink_to(real)
    os.environ["LC_ALL"] = "C.UTF-8"


def empty_user_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder that of the user, and clears all variables of ours; no log file is written."""
    clear_variables(monkeypatch)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # English, whatever this machine speaks
    for name in ("HOME", "APPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder))


def clear_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clears all variables of ours but the one by which tests write no log file."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        if name != LOG_FILE_VARIABLE:
            monkeypatch.delenv(name)

"""The folders of a user, for tests of the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def empty_user_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder that of the user, and clears all variables of ours."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")  # English, whatever this machine speaks
    for name in ("HOME", "APPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder))

"""The folders of a user, for tests of the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livecam.config.paths import LOG_FILE_VARIABLE


def empty_user_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder that of the user, and clears all variables of ours; no log file is written."""
    clear_variables(monkeypatch)
    for name in ("HOME", "APPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder))


def clear_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clears all variables of ours but the one by which tests write no log file."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        if name != LOG_FILE_VARIABLE:
            monkeypatch.delenv(name)

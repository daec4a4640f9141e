"""Folders of the user and of the package."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import platformdirs

APP = "livecam"
PACKAGE = Path(__file__).resolve().parents[1]


def user_config_folder() -> Path:
    """Returns the folder of the user's settings."""
    return platformdirs.user_config_path(APP, appauthor=False)


def user_file_path() -> Path:
    """Returns the path of the user's own settings; the file need not be there."""
    return user_config_folder() / "livecam.toml"


def user_data_folder() -> Path:
    """Returns the folder of data to be kept: fetched models, the user's avatars and presets."""
    return platformdirs.user_data_path(APP, appauthor=False)


def user_cache_folder() -> Path:
    """Returns the folder of data that can be made again: the sample clip."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def user_runtime_folder() -> Path:
    """Returns the folder of the sockets of running processes.

    It lies in that of the login session, `XDG_RUNTIME_DIR`, where this is private to the user:
    `sudo` may pass on that of another one. It need not be there.
    """
    session = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return session / APP if is_private(session) else user_cache_folder() / "run"


def is_private(folder: Path) -> bool:
    """Returns whether that is a folder, no link, which only this user can open (POSIX alone)."""
    if not folder.is_absolute() or not hasattr(os, "geteuid"):
        return False
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o77


def asset_folder() -> Path:
    """Returns the folder of fetched models and images."""
    return user_data_folder() / "assets"


def shipped_folder(kind: str) -> Path:
    """Returns `shaders`, `avatars` or `presets` of the package, in a wheel or a checkout."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind

"""Folders of the user and of the package."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from livecam.core.private_folder import is_private

APP = "livecam"
LOG_FILE_VARIABLE = "LIVECAM_LOG_FILE"  # names another file to log into; empty: none
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


def user_log_file() -> Path:
    """Returns the file into which commands log, if they are told no other one."""
    return platformdirs.user_log_path(APP, appauthor=False) / "livecam.log"


def user_folders() -> dict[str, Path]:
    """Returns all folders of the user that livecam writes to by itself; some may not be there.

    They hold nothing but what is livecam's: whoever removes them removes all of it.
    """
    return {
        "settings": _own_part(user_config_folder()),
        "data": _own_part(user_data_folder()),
        "cache": _own_part(user_cache_folder()),
        "log": _own_part(user_log_file()),
        "sockets": _own_part(user_runtime_folder()),
    }


def _own_part(path: Path) -> Path:
    """Returns the folder above that has our name."""
    return next(each for each in (path, *path.parents) if each.name == APP)


def asset_folder() -> Path:
    """Returns the folder of fetched models and images."""
    return user_data_folder() / "assets"


def shipped_folder(kind: str) -> Path:
    """Returns `shaders`, `avatars` or `presets` of the package, in a wheel or a checkout."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind

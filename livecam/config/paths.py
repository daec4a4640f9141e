"""Folders of the user and of the package."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "livecam"
PACKAGE = Path(__file__).resolve().parents[1]


def user_config_folder() -> Path:
    """Returns the folder of the user's settings."""
    return platformdirs.user_config_path(APP, appauthor=False)


def user_data_folder() -> Path:
    """Returns the folder of data to be kept: fetched models, the user's avatars and presets."""
    return platformdirs.user_data_path(APP, appauthor=False)


def user_cache_folder() -> Path:
    """Returns the folder of data that can be made again: the sample clip."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def asset_folder() -> Path:
    """Returns the folder of fetched models and images."""
    return user_data_folder() / "assets"


def shipped_folder(kind: str) -> Path:
    """Returns `shaders`, `avatars` or `presets` of the package, in a wheel or a checkout."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind

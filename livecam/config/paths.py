"""Where livecam keeps its files: the user's own folders, and what ships with it."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "livecam"
PACKAGE = Path(__file__).resolve().parents[1]


def user_config_folder() -> Path:
    """Settings that the user wrote."""
    return platformdirs.user_config_path(APP, appauthor=False)


def user_data_folder() -> Path:
    """What must not vanish: fetched models, the user's own avatars and presets."""
    return platformdirs.user_data_path(APP, appauthor=False)


def user_cache_folder() -> Path:
    """What can be made again: the sample clip."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def asset_folder() -> Path:
    """Fetched models and pictures."""
    return user_data_folder() / "assets"


def shipped_folder(kind: str) -> Path:
    """The `shaders`, `avatars` or `presets` that came with livecam, in a wheel or a checkout."""
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind

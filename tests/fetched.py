"""Models and images that are fetched; a test that needs a missing one is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecam.config.assets import asset_path
from livecam.core.errors import AssetError


def asset_or_skip(name: str) -> Path:
    try:
        return asset_path(name)
    except AssetError as error:
        pytest.skip(f"{error} ({error.hint})")

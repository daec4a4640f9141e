"""Tells films and photos that `convert` wrote from those of others, by a tag in them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av

from livecam.media.opening import open_input
from livecam.media.stills import SOFTWARE, is_still, software_of

RESULT_TAGS = {"comment": SOFTWARE}  # players show it; MP4, MOV, MKV and WebM hold it


def is_result(path: Path) -> bool:
    """Returns whether `convert` wrote a file; False where that cannot be read."""
    with suppress(OSError, ValueError, SyntaxError, av.FFmpegError):
        return software_of(path) == SOFTWARE if is_still(path) else _has_tags(path)
    return False


def _has_tags(path: Path) -> bool:
    with open_input(path) as container:
        found = {name.lower(): value for name, value in container.metadata.items()}
    return all(found.get(name) == value for name, value in RESULT_TAGS.items())

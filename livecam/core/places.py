"""Checks of places that files are to be written to, before the work that fills them begins."""

from __future__ import annotations

import os
from pathlib import Path

from livecam.core.errors import SinkError
from livecam.core.language import to_translate

HINT = to_translate("choose another folder, or change its permissions")


def check_place(path: Path, *, in_place: bool = False) -> None:
    """Refuses a path that no file can be written to; folders that are missing can be made.

    `in_place` files are opened where they are, not replaced by a new one.

    Raises:
        SinkError: what is there is no folder, or may not be written.
    """
    if in_place and os.path.isfile(path):
        if not os.access(path, os.W_OK):
            raise SinkError("{path} may not be written", hint="name another file", path=path)
        return
    folder = _nearest(path.absolute().parent)
    if not os.path.isdir(folder):
        raise SinkError(
            "{folder} is no folder: {path} cannot be written", HINT, folder=folder, path=path
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(
            "nothing may be written into {folder}: it is not permitted", HINT, folder=folder
        )


def _nearest(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder

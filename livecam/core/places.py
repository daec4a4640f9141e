"""Names and places of files that are to be written, checked before the work that fills them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from livecam.core.errors import FullDiskError, SinkError
from livecam.core.language import to_translate

HINT = to_translate("choose another folder, or change its permissions")
MAX_NAME_BYTES = 255  # of a file's name on ext4, APFS and NTFS (there UTF-16 units)


def fitting_name(stem: str, ending: str, most: int = MAX_NAME_BYTES) -> str:
    """Joins stem and ending; the stem loses whole characters where the name is too long."""
    while stem and len(os.fsencode(stem + ending)) > most:
        stem = stem[:-1]
    return stem + ending


def check_place(path: Path, *, in_place: bool = False) -> None:
    """Refuses a path that no file can be written to; folders that are missing can be made.

    `in_place` files are opened where they are, not replaced by a new one.

    Raises:
        SinkError: what is there is no folder, or may not be written; or the name is too long.
    """
    _check_name(path)
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


def check_own_file(path: Path, others: Iterable[Path]) -> None:
    """Refuses a file that is one of those that are read or written besides.

    Raises:
        SinkError: it is.
    """
    if any(_is_same(path, other) for other in others):
        raise SinkError(
            "{path} is read or written for something else", "name another file", path=path
        )


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one is not there yet
        return path.absolute() == other.absolute()


def check_space(path: Path, wanted: int) -> None:
    """Refuses a file of so many bytes, `wanted`, where the disk has less room.

    Raises:
        FullDiskError: it has.
    """
    free = free_bytes(path)
    if free is not None and free < wanted:
        raise FullDiskError(
            "the disk of {folder} has {free} MB left; {name} needs about {wanted} MB or more",
            hint="free some space, or choose a folder on another disk",
            folder=_nearest(path.absolute().parent), free=free // 10**6,
            name=path.name, wanted=-(-wanted // 10**6),
        )  # fmt: skip


def free_bytes(path: Path) -> int | None:
    """Returns how much room the disk of a path has, which need not exist; None if unknown."""
    try:
        return shutil.disk_usage(_nearest(path.absolute())).free
    except OSError:  # a network disk need not tell
        return None


def _check_name(path: Path) -> None:
    """Asks the file system whether a name is too long: some take less than others."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise SinkError(
                "the name {name} is too long for a file", "choose a shorter one", name=path.name
            ) from error


def _nearest(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder

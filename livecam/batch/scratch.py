"""Folders for films on their way from and to other machines; none is left behind for long.

A folder of a process that was killed is removed by the next one: it may hold real faces.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "livecam-batch-"
LOCK = "in-use"  # locked as long as the process lives
NEW_LOCK = LOCK if sys.platform == "win32" else "new"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yields a folder that only this user can open, and removes it."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # mode 0700
    try:
        with (folder / NEW_LOCK).open("wb") as lock:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX)
                os.rename(folder / NEW_LOCK, folder / LOCK)  # it is locked when others see it
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Removes the folders of processes that do not live any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_ours(folder) and not _is_in_use(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    return sys.platform == "win32" or folder.lstat().st_uid == os.geteuid()


def _is_in_use(lock: Path) -> bool:
    """Returns whether a process holds the lock; raises OSError where there is none yet."""
    if sys.platform == "win32":  # which deletes no open file
        lock.unlink()
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

"""Folders that only this user can open, and a lock of such a folder between processes.

Windows has no modes: there these folders lie in the user's profile.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livecam.core.language import tr

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

RETRY_S = 0.005  # between two tries to lock
LOCK_FILE = "lock"  # on Windows, where no folder can be opened


def is_private(folder: Path) -> bool:
    """Returns whether that is a folder, no link, which only this user can open (POSIX alone)."""
    if not folder.is_absolute() or not hasattr(os, "geteuid"):
        return False
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o77


def make_private(folder: Path) -> None:
    """Makes a folder that only this user can open; one that is there is closed to others.

    Raises:
        PermissionError: it is a link, or belongs to another user.
        OSError: it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    if not folder.is_symlink() and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)
    if not is_private(folder):
        raise PermissionError(errno.EACCES, tr("others could open it"), str(folder))


@contextmanager
def folder_lock(folder: Path, patience_s: float) -> Iterator[None]:
    """Keeps out other processes that lock the same folder; nobody where the disk has no locks.

    Raises:
        TimeoutError: another one had it all the time.
        OSError: the folder cannot be opened.
    """
    if sys.platform == "win32":
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    else:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ends_at = time.monotonic() + patience_s
        while not _locked(handle):
            if time.monotonic() >= ends_at:
                reason = tr("another process has locked it")
                raise TimeoutError(errno.ETIMEDOUT, reason, str(folder))
            time.sleep(RETRY_S)
        yield
    finally:
        os.close(handle)  # which unlocks


def _locked(handle: int) -> bool:
    """Returns whether others are kept out, as far as the disk can do that."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # some network disks have no locks
        pass
    return True

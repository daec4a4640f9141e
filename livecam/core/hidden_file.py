"""Files that get their name once they are complete; until then they are hidden beside it.

The hidden name has a random part and is opened with O_EXCL: a link that was planted under a guessed
name is never followed. A file that a crash left behind is reported, and never deleted.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from livecam.core.places import fitting_name

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

# O_EXCL follows no link in the last part of a path; O_NOFOLLOW says so once more.
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
NEW_FILE |= getattr(os, "O_BINARY", 0)
MAX_STEM = 48  # bytes of the name in the hidden one: some disks take names of 143 bytes only
MAX_REPORTED = 3  # leftovers of one folder that are named
NEWBORN_S = 1.0  # an empty file that is younger may not have its lock yet
RECENT_S = 60.0  # a file written to since then may be in use, where a disk has no locks
_HIDDEN = re.compile(r"\.([^\x00-\x1f\x7f]+)\.unfinished-[0-9a-f]{16}(\.[^.\x00-\x1f\x7f]+)?")


class HiddenFile:
    """A new file under a hidden name beside its own: `commit` names it, `discard` removes it.

    A lock tells other processes that the file is still being written. One thread at a time.

    Args:
        path: the name it will get.
        mode: its permissions, before the umask.

    Raises:
        OSError: the folder is missing or may not be written.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        _report_leftovers(path.parent.absolute())
        token = secrets.token_hex(8)
        self.path = path
        self.hidden = path.with_name(f".{_short_stem(path)}.unfinished-{token}{path.suffix}")
        self._fd: int | None = os.open(self.hidden, NEW_FILE, mode)
        if sys.platform != "win32":
            with suppress(OSError):  # some network disks have no locks
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Opens the file for writing."""
        assert self._fd is not None
        with open(self._fd, "wb", closefd=False) as stream:
            yield stream

    def commit(self, *, keep_existing: bool = False) -> Path:
        """Gives the file its name and returns it; a file of that name is replaced.

        With `keep_existing` it is not: the new file becomes `name-2`, `name-3` ...

        Raises:
            OSError: it cannot be renamed; it is still there under the hidden name.
        """
        if sys.platform == "win32":  # which renames no open file
            self._close()
        if keep_existing:
            self.path = _renamed_to_free(self.hidden, self.path)
        else:
            os.replace(self.hidden, self.path)
        self._close()
        return self.path

    def discard(self) -> None:
        """Removes the file; does nothing after `commit`."""
        if sys.platform == "win32":
            self._close()
        self.hidden.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


@contextmanager
def replaced_file(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Opens a file for writing that replaces `path` as a whole once the block has ended.

    An error leaves the old file as it was and nothing else.

    Raises:
        OSError: it cannot be written.
    """
    file = HiddenFile(path, mode)
    try:
        with file.opened() as stream:
            yield stream
        file.commit()
    except BaseException:
        file.discard()
        raise


def free_name(path: Path) -> Path:
    """Returns the path itself, or `name-2`, `name-3` ... when there is such a file already."""
    candidate, number = path, 1
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(fitting_name(path.stem, f"-{number}{path.suffix}"))
    return candidate


def hidden_names(path: Path) -> re.Pattern[str]:
    """Returns the pattern of the hidden names that `path` may have had."""
    stem, suffix = re.escape(_short_stem(path)), re.escape(path.suffix)
    return re.compile(rf"\.{stem}\.unfinished-[0-9a-f]{{16}}{suffix}")


def leftovers(folder: Path) -> list[Path]:
    """Returns this user's unfinished files in a folder that no process writes any more."""
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".")]
        return [folder / name for name in sorted(names) if _is_leftover(folder / name)]
    return []


def _short_stem(path: Path) -> str:
    return fitting_name(path.stem, "", MAX_STEM)


@cache
def _report_leftovers(folder: Path) -> None:
    """Logs the leftovers of a folder, once in a process."""
    found = leftovers(folder)
    for path in found[:MAX_REPORTED]:
        log.warning("%s was left by a run that was cut off: rename or delete it", path)
    if len(found) > MAX_REPORTED:
        log.warning("%s holds %d more such files", folder, len(found) - MAX_REPORTED)


def _is_leftover(path: Path) -> bool:
    if not _HIDDEN.fullmatch(path.name):
        return False
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or not _is_ours(found):
            return False
        age_s = time.time() - found.st_mtime
        return not (found.st_size == 0 and age_s < NEWBORN_S) and not _is_in_use(path, age_s)
    except OSError:  # it has just got its name, or is not ours
        return False


def _is_ours(found: os.stat_result) -> bool:
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def _is_in_use(path: Path, age_s: float) -> bool:
    if sys.platform != "win32":
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        except OSError:
            pass  # there are no locks
        finally:
            os.close(fd)
    return age_s < RECENT_S


def _renamed_to_free(hidden: Path, path: Path) -> Path:
    while True:
        free = free_name(path)
        try:
            if sys.platform != "win32":
                os.link(hidden, free)  # unlike a rename it replaces nothing
                hidden.unlink()
            else:
                os.rename(hidden, free)
            return free
        except FileExistsError:
            continue
        except OSError:  # a disk without links
            if os.path.lexists(free):
                continue
            os.replace(hidden, free)
            return free

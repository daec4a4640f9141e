"""The log in a file of the user: several processes may write to it at once.

Each record is one line, and its traceback indented lines below. Of addresses with a scheme only the
host is written: passwords and stream keys stand in the rest.
"""

from __future__ import annotations

import copy
import errno
import logging
import os
import re
import stat
import sys
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from livecam.core.printable import printable
from livecam.core.private_folder import folder_lock, make_private

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
OLD_FILES = 3  # livecam.log.1 is the newest of them
PATIENCE_S = 0.2  # after which another process that has the lock is stuck
FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")  # as FORMAT begins
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]+:/{1,2})(?:[^\s/@]*@)?([^\s/?#'\"]*)[^\s'\"]*", re.I)
# A link in the last part of a path is not followed, and a pipe is not waited for.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class LogFile(RotatingFileHandler):
    """Appends records to a file that this user alone can read.

    The file is opened for each record, under a lock of its folder: no process writes while another
    one renames the files, and Windows, which renames no open file, can rename them too. A file that
    cannot be written costs one warning.

    Args:
        path: of the file; what holds no log is not written to.
        private_folder: its folder is livecam's own: it is made, and closed to others.
    """

    def __init__(self, path: Path, *, private_folder: bool = False) -> None:
        super().__init__(
            path, maxBytes=MAX_BYTES, backupCount=OLD_FILES, encoding="utf-8",
            errors="backslashreplace", delay=True,
        )  # fmt: skip
        self.path = Path(self.baseFilename)
        self.failure: OSError | None = None  # the first one
        self._private_folder = private_folder
        self.setFormatter(_FileFormatter(FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._private_folder:
                make_private(self.path.parent)
            with folder_lock(self.path.parent, PATIENCE_S):
                super().emit(record)
                self._close_stream()
        except OSError:
            self.handleError(record)

    def doRollover(self) -> None:  # noqa: N802 - the name in the standard library
        with suppress(OSError):  # another program has it open: the next record tries again
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif self.failure is None:
            self.failure = error
            log.warning("nothing is logged into %s: %s", self.path, error.strerror or error)

    def _open(self) -> TextIOWrapper:
        return open(
            self.path, "a", encoding=self.encoding, errors=self.errors, opener=_open_own_log
        )

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()


def current_log_file() -> LogFile | None:
    """Returns the file that this process logs into, if there is one."""
    handlers = logging.getLogger().handlers
    return next((each for each in handlers if isinstance(each, LogFile)), None)


class _FileFormatter(logging.Formatter):
    """Formats a record for the file; other handlers of the record format its traceback anew."""

    def format(self, record: logging.LogRecord) -> str:
        own = copy.copy(record)
        own.exc_text = None
        text = _ADDRESS.sub(r"\1\2/...", super().format(own))
        return printable(text, keep="\n").replace("\n", "\n    ")


def _open_own_log(path: str, flags: int) -> int:
    """Opens a log for appending, or makes one (an opener of `open`)."""
    handle = os.open(path, flags & ~os.O_WRONLY | os.O_RDWR | _NO_LINK, 0o600)
    try:
        _check_log(handle)
    except OSError:
        os.close(handle)
        raise
    return handle


def _check_log(handle: int) -> None:
    """Refuses what is no file of this user, or holds something else; closes it to others."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise PermissionError(errno.EACCES, "it belongs to another user")
    if found.st_size and not _TIME.match(os.read(handle, 24)):
        raise FileExistsError(errno.EEXIST, "it holds something else than a log")
    if sys.platform != "win32" and found.st_mode & 0o77:
        os.fchmod(handle, 0o600)

"""MediaPipe and LiteRT speak from C++, and at length: their log lines and their errors."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

_stderr_lock = threading.Lock()
_LIBRARY_LINE = re.compile(
    rb"[IWEF]\d{4} [\d:.]+ |WARNING: All log messages before absl::|INFO: Created TensorFlow Lite"
)


@contextmanager
def library_log_silenced() -> Iterator[None]:
    """Keeps their own lines off stderr; what anyone else wrote meanwhile is passed on.

    They log straight to file descriptor 2, whatever their log level says.
    """
    with _stderr_lock, tempfile.TemporaryFile() as caught:
        try:
            terminal = os.dup(2)
        except OSError:  # a program without a standard error
            yield
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            caught.seek(0)
            others = [line for line in caught if not _LIBRARY_LINE.match(line)]
            os.write(terminal, b"".join(others))
            os.close(terminal)


class FirstLooks:
    """Keeps the first looks of one tracker quiet: it talks of its graph when it first finds one.

    Not for ever: while it does so, what others write waits.
    """

    LOOKS = 30

    def __init__(self) -> None:
        self._left = self.LOOKS

    def quiet(self) -> AbstractContextManager[None]:
        """For one look."""
        if self._left == 0:
            return nullcontext()
        self._left -= 1
        return library_log_silenced()

    def found(self) -> None:
        """It has had its say."""
        self._left = 0


def first_line(error: BaseException) -> str:
    """What an error of theirs says, without its C++ stack."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

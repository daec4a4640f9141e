"""Log lines and error messages that MediaPipe and LiteRT write from C++."""

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
    """Removes the libraries' log lines from stderr; other lines written meanwhile are passed on.

    The libraries log straight to file descriptor 2, whatever their log level says.
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


class QuietStart:
    """Silences the first inferences of one tracker, which logs its graph at its first detection.

    Only the first: while a library is silenced, what other threads write to stderr waits.
    """

    INFERENCES = 30

    def __init__(self) -> None:
        self._left = self.INFERENCES

    def inference(self) -> AbstractContextManager[None]:
        """Surrounds one inference."""
        if self._left == 0:
            return nullcontext()
        self._left -= 1
        return library_log_silenced()

    def detected(self) -> None:
        """Ends the suppression: the graph was logged."""
        self._left = 0


def first_line(error: BaseException) -> str:
    """Returns the message of an error of MediaPipe or LiteRT without its C++ stack."""
    return str(error).strip().partition("\n")[0] or type(error).__name__

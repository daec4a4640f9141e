"""Log lines and error messages that MediaPipe and LiteRT write from C++.

These libraries write to the C stream `stderr`, whatever their log level says. On Linux that stream
is led through `sed`, which drops the known lines, for the life of the process; file descriptor 2,
Python's `sys.stderr` and the standard error of child processes stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The severities I, W and E of Abseil; a fatal line is the last word of a crash, and stays.
LIBRARY_LINES = (
    r"[IWE][0-9]{4} [0-9:.]+ ",
    "WARNING: All log messages before absl::",
    "INFO: Created TensorFlow Lite",
)
# Ends at the end of its input, after the last words of a crash; unbuffered, in any encoding.
FILTER = ("sed", "-u", "-E", f"/^({'|'.join(LIBRARY_LINES)})/d")
UNBUFFERED = 2  # _IONBF of <stdio.h>

_filter: subprocess.Popen[bytes] | None = None
_streams: tuple[int | None, int | None] | None = None  # C's own, and the filtered one


def filter_library_log() -> None:
    """Hides the known log lines of the libraries from now on; called once, by a program's start.

    Does nothing without the GNU C library, where alone `stderr` is a variable that may be set
    (its manual, "Standard Streams"), without `sed`, or without a standard error.
    """
    global _filter
    if _filter is not None or sys.stderr is None or not _has_gnu_c_library():
        return
    reading, writing = os.pipe()
    try:
        # A session of its own: Ctrl-C and a closed terminal must not end it before us.
        _filter = subprocess.Popen(
            FILTER,
            stdin=reading,
            stdout=2,
            env=os.environ | {"LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError:
        os.close(writing)
    else:
        _set_c_stderr(writing)
    finally:
        os.close(reading)


@contextmanager
def unfiltered_c_stderr() -> Iterator[None]:
    """Gives C its own `stderr` back: for a library that silences file descriptor 2 by itself."""
    if _streams is None:
        yield
        return
    variable = _c_stderr()
    own, filtered = _streams
    variable.value = own
    try:
        yield
    finally:
        variable.value = filtered


def first_line(error: BaseException) -> str:
    """Returns the message of an error of MediaPipe or LiteRT without its C++ stack."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _has_gnu_c_library() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, ValueError, OSError):
        return False


def _c_stderr() -> ctypes.c_void_p:
    """Returns the variable `stderr` of the C library."""
    return ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")


def _set_c_stderr(descriptor: int) -> None:
    global _streams
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fdopen(descriptor, b"w"))
    if stream:
        libc.setvbuf(stream, None, UNBUFFERED, 0)
        variable = _c_stderr()
        _streams = variable.value, stream.value
        variable.value = stream.value

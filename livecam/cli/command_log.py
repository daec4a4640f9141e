"""What a command logs: lines on stderr, and the same lines with all tracebacks in a file.

Those of the file stay English: who reports a fault may not know who can read them.

Imports little: commands that only print have no file.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from livecam.cli.failure import failure_of
from livecam.core.language import tr

# For the file alone: stderr shows these things in another way.
file_log = logging.getLogger("livecam.command")
file_log.propagate = False
file_log.addHandler(logging.NullHandler())


class TerminalHandler(logging.Handler):
    """Writes to what `sys.stderr` is at that time: Rich replaces it while a line is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class TerminalFormatter(logging.Formatter):
    """Translates messages; without `debug`, leaves out tracebacks, which are in the file."""

    def __init__(self, *, debug: bool) -> None:
        super().__init__("%(asctime)s %(name)s: %(message)s" if debug else "%(message)s")
        self._debug = debug

    def format(self, record: logging.LogRecord) -> str:
        own = copy.copy(record)
        if isinstance(own.msg, str):
            own.msg = tr(own.msg)
        if not self._debug:
            own.exc_info = own.exc_text = None
        return super().format(own)


def log_to_terminal(level: int, *, debug: bool) -> None:
    """Logs to stderr from that level on; with `debug` also the times and all tracebacks."""
    root = logging.getLogger()
    known = (each for each in root.handlers if isinstance(each, TerminalHandler))
    terminal = next(known, TerminalHandler())
    terminal.setLevel(level)
    terminal.setFormatter(TerminalFormatter(debug=debug))
    logging.basicConfig(handlers=[terminal])
    # Only our own: other libraries have much to say about fonts and the like.
    logging.getLogger("livecam").setLevel(level)


def wanted_log_file(option: str | None, *, off: bool) -> Path | None:
    """Returns the file to log into: that of the option, the variable, or the default; or none."""
    from livecam.config.paths import LOG_FILE_VARIABLE, user_log_file

    named = os.environ.get(LOG_FILE_VARIABLE) if option is None else option
    if off or named == "":
        return None
    return user_log_file() if named is None else Path(named).expanduser()


def run_logged(command: Callable[[], int], path: Path | None) -> int:
    """Runs a command that logs into a file, unless `path` is None; returns its exit code."""
    if path is None:
        return command()
    with _log_file(path):
        _log_start()
        try:
            code = command()
        except KeyboardInterrupt:
            file_log.info("interrupted")
            raise
        except Exception as error:
            _log_failure(error, exc_info=True)
            raise
        if code:
            file_log.error("ended with exit code %d", code)
        return code


def log_usage_error(error: Exception, path: Path | None) -> None:
    """Logs why a command could not begin."""
    if path is not None:
        with _log_file(path):
            _log_start()
            _log_failure(error, exc_info=False)


def _log_failure(error: Exception, *, exc_info: bool) -> None:
    failure = failure_of(error)
    file_log.error("%s; %s", failure.message, failure.hint, exc_info=exc_info)


def _log_start() -> None:
    import platform
    import shlex

    from livecam import __version__

    system = platform.uname()
    file_log.info(
        "livecam %s, Python %s, %s %s %s: %s", __version__, platform.python_version(),
        system.system, system.release, system.machine, shlex.join(sys.argv),
    )  # fmt: skip


def _log_error_of_thread(error: threading.ExceptHookArgs) -> None:
    """Logs what nothing has caught in a thread, and prints it as usual."""
    kind, value, traceback = error.exc_type, error.exc_value, error.exc_traceback
    if value is not None:
        file_log.error("a thread failed: %s", value, exc_info=(kind, value, traceback))
    threading.__excepthook__(error)


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    from livecam.config.paths import user_log_file
    from livecam.core.log_file import LogFile

    file = LogFile(path, private_folder=path == user_log_file())
    ours, loggers = logging.getLogger("livecam"), (logging.getLogger(), file_log)
    level, hook = ours.level, threading.excepthook
    for each in loggers:
        each.addHandler(file)
    ours.setLevel(logging.DEBUG)
    threading.excepthook = _log_error_of_thread
    try:
        yield
    finally:
        threading.excepthook = hook
        ours.setLevel(level)
        for each in loggers:
            each.removeHandler(file)
        file.close()

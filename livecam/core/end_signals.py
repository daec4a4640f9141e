"""The signals that end a process: SIGINT (Ctrl-C), SIGTERM, SIGHUP (a closed terminal).

The first one begins the shutdown, all later ones are ignored until the process has ended: a second
one does not interrupt what is being closed.

An interrupt that falls into a callback of a library, a finalizer or a weak reference is lost there:
Python only reports it. It is raised again a moment later.
"""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Windows has no SIGHUP, and closes a console with SIGBREAK.
END_SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if name in signal.Signals.__members__
)
OUTPUTS = (1, 2)  # file descriptors of standard output and error
AGAIN_S = 0.01  # after which a lost interrupt is raised again


class EndSignals:
    """The reaction to the first signal: interrupts the main thread, or calls a callback."""

    def __init__(self) -> None:
        self.received = False
        self._on_end: Callable[[], None] | None = None
        self._held = 0
        self._again = False  # an interrupt was lost, and is about to be raised again

    def call(self, on_end: Callable[[], None]) -> None:
        """Makes the first signal call that instead of raising; at once, if it has come already."""
        self._on_end = on_end
        if self.received:
            on_end()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lets a signal interrupt only at a `checkpoint`."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal, on the main thread."""
        leave_closed_terminal()
        again, self._again = self._again, False
        if self.received and not again:
            return
        self.received = True
        if self._on_end is not None:
            self._on_end()
        elif not self._held:
            raise KeyboardInterrupt

    def catch_lost(self, lost: sys.UnraisableHookArgs) -> bool:
        """Raises an interrupt again that Python could only report; returns whether it was one."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            return False
        self._again = True
        # No `threading.Thread`: the interrupt may have been lost while a lock of it is held.
        _thread.start_new_thread(self._interrupt_again, ())
        return True

    def close(self) -> None:
        """Raises nothing again from now on."""
        self._again = False

    def _interrupt_again(self) -> None:
        time.sleep(AGAIN_S)
        if self._again:
            _thread.interrupt_main()


_installed: EndSignals | None = None
_asked = threading.Event()  # another thread wants the work to end


@contextmanager
def end_signals() -> Iterator[EndSignals]:
    """Handles the signals that end a process; inside another such block that one still does.

    On another thread than the main one, which no signal reaches, it does nothing.
    """
    global _installed
    if _installed is not None:
        yield _installed
        return
    signals = EndSignals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {n: signal.getsignal(n) for n in END_SIGNALS if not _is_shielded(n)}
    report = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if signals.catch_lost(lost) else report(lost)
    _installed = signals
    for number in before:
        signal.signal(number, signals.handle)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) == signals.handle:  # else the process is about to end
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signals.close()
        sys.unraisablehook = report
        _installed = None


def ignore_end_signals() -> None:
    """Ignores further signals: all files are closed, and the process is about to end."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def checkpoint() -> None:
    """Ends a long piece of work here, between two frames, if a signal or a thread asks for it.

    Raises:
        KeyboardInterrupt: it does.
    """
    if _asked.is_set() or (_installed is not None and _installed.received):
        raise KeyboardInterrupt


def ask_to_end(wanted: bool = True) -> None:
    """Lets the work of other threads end at its next `checkpoint`, or takes that back."""
    _asked.set() if wanted else _asked.clear()


def is_closed_terminal(error: BaseException) -> bool:
    """Returns whether a write failed because the terminal was closed.

    That may be seen before the signal is handled.
    """
    if not isinstance(error, OSError) or error.errno != errno.EIO or error.filename is not None:
        return False
    return (_installed is not None and _installed.received) or any(map(_is_closed, OUTPUTS))


def _is_shielded(number: signal.Signals) -> bool:
    """Returns whether `nohup` shields the process from a closed terminal."""
    return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN


def leave_closed_terminal() -> None:
    """Sends output to nowhere where its terminal is gone, so that no write of a message fails."""
    for output in OUTPUTS:
        if _is_closed(output):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, output)
            os.close(nowhere)


def _is_closed(output: int) -> bool:
    """Returns whether an output is a terminal that was closed."""
    try:
        os.get_terminal_size(output)
    except OSError as error:
        return error.errno == errno.EIO
    return False

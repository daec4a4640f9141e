"""A named thread that restarts its task after an error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from livecam.core.fault_log import FaultLog

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 1.0  # a camera plugged in again must be back within two seconds


class Task(Protocol):
    """The work of one worker. All three methods run on the worker's thread.

    `start` opens what the task owns and may raise; `step` does one piece of work, waiting at
    most half a second, and returns whether there is more to do; `stop` closes what `start`
    opened, is called after every attempted `start`, and does not raise.
    """

    def start(self) -> None: ...

    def step(self) -> bool: ...

    def stop(self) -> None: ...


class Worker:
    """Runs a task on its own thread; a task that raises is stopped and, after a pause, restarted.

    The pauses grow from FIRST_PAUSE_S to MAX_PAUSE_S and start over after a successful step.
    Faults that repeat are counted, not logged one by one.
    """

    def __init__(
        self, name: str, task: Task, on_error: Callable[[Exception], None] | None = None
    ) -> None:
        self.name = name
        self._task = task
        self._on_error = on_error
        self._stopping = threading.Event()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.last_error: Exception | None = None
        self._faults = FaultLog(log, name)

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        self._stopping.set()

    def join(self, timeout_s: float = 2.0) -> bool:
        """Waits for the end; False when the thread did not end in time."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Whether the task has nothing more to do, or the worker was stopped."""
        return self._finished.is_set()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        more = True
        while more and not self._stopping.is_set():
            try:
                self._task.start()
                while more and not self._stopping.is_set():
                    more = self._task.step()
                    pause_s = FIRST_PAUSE_S
                    self.last_error = None
                    self._faults.worked()
            except Exception as error:
                self.last_error = error
                if self._on_error is not None:
                    self._on_error(error)
                # A caller that asked for the end in on_error tells the user itself.
                if not self._stopping.is_set():
                    self._faults.failed(error)
            finally:
                self._task.stop()
            if more and not self._stopping.is_set():
                self._stopping.wait(pause_s)
                pause_s = min(pause_s * 2, MAX_PAUSE_S)
        self._finished.set()

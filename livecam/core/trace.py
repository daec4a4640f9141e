"""Records the stages of a run, thread by thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One stage on one thread."""

    name: str
    thread: int  # its id in the system
    began_at: float  # seconds of `time.perf_counter`
    wall_s: float
    cpu_s: float  # of the thread
    frame: int | None  # index of the frame that the thread worked on, where it is known


class Trace:
    """Collects the stages of all threads. Any thread may call anything."""

    def __init__(self) -> None:
        self.events: list[TraceEvent] = []  # in the order in which they ended
        self.threads: dict[int, str] = {}  # names by thread id
        self._working = threading.local()

    def begin_frame(self, index: int) -> None:
        """Notes the frame that the calling thread works on from now on."""
        self._working.frame = index

    def add(self, name: str, began_at: float, wall_s: float, cpu_s: float) -> None:
        """Adds a stage of the calling thread that has just ended."""
        thread = threading.get_native_id()
        if thread not in self.threads:
            self.threads[thread] = thread_name(threading.current_thread())
        frame = getattr(self._working, "frame", None)
        self.events.append(TraceEvent(name, thread, began_at, wall_s, cpu_s, frame))


def thread_name(thread: threading.Thread) -> str:
    """Returns the name of one of our threads; "main" for the one that draws."""
    return "main" if thread is threading.main_thread() else thread.name

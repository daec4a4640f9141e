"""Reads how much CPU time each thread of this process has used, and chooses its cores."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from livecam.core.errors import UsageError
from livecam.core.trace import thread_name

TASKS = Path("/proc/self/task")  # Linux; elsewhere the system does not tell
NUMBER = re.compile(r"[-_/:]?\d+$")  # of a thread in its pool


class ThreadKey(NamedTuple):
    """One thread; those of a pool have one name."""

    id: int
    name: str


def thread_cpu_ns() -> Counter[ThreadKey]:
    """Returns the CPU nanoseconds of all threads; empty where the system does not tell.

    Our threads have the names that we gave them, those of libraries their own without its number.
    Those that have ended are missing.
    """
    ours = {thread.native_id: thread_name(thread) for thread in threading.enumerate()}
    times: Counter[ThreadKey] = Counter()
    for task in TASKS.glob("*"):
        with suppress(OSError):  # it has just ended
            ran_ns = int((task / "schedstat").read_text().split()[0])
            name = ours.get(int(task.name)) or (task / "comm").read_text().strip()
            times[ThreadKey(int(task.name), NUMBER.sub("", name))] = ran_ns
    return times


def usable_cores() -> int:
    """Returns how many cores this process may use."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def pin_to_cores(cores: int) -> None:
    """Lets this process, with all its threads, use that many cores.

    Raises:
        UsageError: the system cannot do that, or there are fewer.
    """
    if sys.platform != "linux":
        raise UsageError("this system cannot pin a process to cores", "leave out --cores")
    usable = sorted(os.sched_getaffinity(0))
    if cores > len(usable):
        raise UsageError(
            "{cores} cores are asked for, and there are {usable}",
            "pass a smaller --cores",
            cores=cores, usable=len(usable),
        )  # fmt: skip
    for task in TASKS.glob("*"):  # a thread that starts later inherits it from its parent
        with suppress(OSError):
            os.sched_setaffinity(int(task.name), usable[:cores])

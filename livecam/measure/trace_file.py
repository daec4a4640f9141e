"""Writes a trace: for a viewer (Perfetto, chrome://tracing), or as a picture.

The format for viewers is Chrome's trace event format: a complete event ("X") for each stage, and
the names of the threads as metadata ("M").
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from livecam.core.errors import SinkError, UsageError, file_error
from livecam.core.hidden_file import replaced_file
from livecam.core.places import check_place
from livecam.core.trace import Trace, TraceEvent
from livecam.measure.trace_picture import trace_svg

SUFFIXES = (".json", ".svg")


def check_trace_file(path: Path) -> None:
    """Refuses a path that no trace can be written to.

    Raises:
        SinkError: nothing may be written there.
        UsageError: the name does not say which format.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            "{path} is no name for a trace",
            "name a .json for a viewer of traces, or an .svg for a picture",
            path=path,
        )
    check_place(path)


def write_trace(path: Path, trace: Trace) -> None:
    """Writes all of a trace (.json), or the picture of a few frames (.svg).

    Raises:
        SinkError: the file cannot be written.
    """
    is_picture = path.suffix.lower() == ".svg"
    text = trace_svg(trace) if is_picture else json.dumps(chrome_trace(trace))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise file_error(error, SinkError, path) from error


def chrome_trace(trace: Trace) -> dict[str, Any]:
    """Returns a trace in Chrome's trace event format."""
    start = min((event.began_at for event in trace.events), default=0.0)
    names = [
        {
            "name": "thread_name",
            "ph": "M",
            "pid": os.getpid(),
            "tid": thread,
            "args": {"name": name},
        }
        for thread, name in trace.threads.items()
    ]
    stages = [_complete_event(event, start) for event in trace.events]
    return {"traceEvents": names + stages, "displayTimeUnit": "ms"}


def _complete_event(event: TraceEvent, start: float) -> dict[str, Any]:
    return {
        "name": event.name,
        "cat": "stage",
        "ph": "X",
        "pid": os.getpid(),
        "tid": event.thread,
        "ts": _microseconds(event.began_at - start),
        "dur": _microseconds(event.wall_s),
        "tdur": _microseconds(event.cpu_s),
        "args": {} if event.frame is None else {"frame": event.frame},
    }


def _microseconds(seconds: float) -> float:
    return round(1e6 * seconds, 1)

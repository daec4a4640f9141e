"""The line in the terminal that says what a live run is doing. Imports Rich only to show it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from livecam.cli.printing import can_rewrite
from livecam.core.language import tr

if TYPE_CHECKING:
    from rich.text import Text

ShowStatus = Callable[[dict[str, Any]], None]
LINES_PER_S = 2.0
BARE = "passthrough"  # the state in which the camera image is published


@contextmanager
def status_line() -> Iterator[ShowStatus | None]:
    """Yields what takes the status of a run; None where no terminal can show it.

    A thread of its own writes the line: a terminal that is stopped (Ctrl-S) stops nothing else. At
    the end the line vanishes.
    """
    if os.environ.get("NO_COLOR") or not can_rewrite():
        yield None
        return
    from livecam.cli.rewritten import LineConsole, LiveLine, results_are_seen

    newest: dict[str, Any] = {}

    def show(status: dict[str, Any]) -> None:
        nonlocal newest
        newest = status

    line = LiveLine(
        console=LineConsole(), get_renderable=lambda: _text(newest), transient=True,
        refresh_per_second=LINES_PER_S, redirect_stdout=results_are_seen(),
    )  # fmt: skip
    with line:
        yield show


def _text(status: dict[str, Any]) -> Text:
    from rich.text import Text

    style = "red" if status.get("state") == BARE else ""
    return Text(status_words(status), style, no_wrap=True, overflow="ellipsis")


def status_words(status: dict[str, Any]) -> str:
    """Returns the values of `livecam ctl status` that change, the most important ones first."""
    if not status:
        return ""
    delay_ms, running = status["delay_ms"], timedelta(seconds=int(status["running_s"]))
    words = (
        tr(status["state"] or ""),
        tr("frozen") if status["frozen"] else "",
        tr("recording") if status["recording"] else "",
        tr("{fps:.1f} fps", fps=status["fps"]),
        "" if delay_ms is None else tr("{delay:.0f} ms", delay=delay_ms),
        tr("rung {rung}", rung=status["rung"]) if status["rung"] else "",
        str(running),
    )
    return " | ".join(word for word in words if word)

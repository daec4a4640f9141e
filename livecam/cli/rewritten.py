"""Lines on stderr that are rewritten in place, while a terminal shows them. Imports Rich.

Rich puts itself in the place of `sys.stderr` meanwhile, so that what is printed there appears above
them.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from livecam.cli.printing import can_rewrite


class LineConsole(Console):
    """stderr, for lines that are rewritten: others appear as they are, unbroken and uncoloured."""

    def __init__(self) -> None:
        super().__init__(stderr=True, force_terminal=can_rewrite(), highlight=False, soft_wrap=True)

    def show_cursor(self, show: bool = True) -> bool:
        """Leaves the cursor visible: a crash would leave the terminal without one."""
        return False


def results_are_seen() -> bool:
    """Returns whether stdout is on the terminal too, and must not be printed into a line."""
    return sys.stdout is not None and sys.stdout.isatty()


class LiveLine(Live):
    """Rewrites a line until its terminal is gone, and then stops nothing."""

    def refresh(self) -> None:
        with suppress(OSError):
            super().refresh()

    def stop(self) -> None:
        with suppress(OSError):
            super().stop()

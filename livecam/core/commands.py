"""Commands that the user gives while livecam runs."""

from __future__ import annotations

from enum import Enum


class Command(Enum):
    """A command from a hotkey or a panel; it is executed between two frames."""

    HELP = "show or hide the list of keys"
    MIRROR = "mirror the picture"
    NEXT_AVATAR = "next avatar"
    RECORD = "start or stop recording"
    FREEZE = "freeze the picture"
    TAKE_PLATE = "learn the empty background anew"
    PANIC = "draw the curtain at once"
    QUIT = "quit"

"""Commands that the user gives while livecam runs."""

from __future__ import annotations

from enum import Enum

from livecam.core.language import to_translate


class Command(Enum):
    """A command from a hotkey or a panel; it is executed between two frames."""

    HELP = to_translate("show or hide the list of keys")
    MIRROR = to_translate("mirror the picture")
    NEXT_AVATAR = to_translate("next avatar")
    RECORD = to_translate("start or stop recording")
    FREEZE = to_translate("freeze the picture")
    TAKE_PLATE = to_translate("learn the empty background anew")
    PANIC = to_translate("draw the curtain at once")
    QUIT = to_translate("quit")

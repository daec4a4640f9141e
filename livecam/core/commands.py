"""What a person asks of a running camera, from the keyboard or the panel."""

from __future__ import annotations

from enum import Enum


class Command(Enum):
    """One wish; the app obeys it between two frames."""

    HELP = "help"
    MIRROR = "mirror"
    NEXT_AVATAR = "next avatar"
    RECORD = "record"
    FREEZE = "freeze"
    PANIC = "panic"  # curtain at once, until asked again
    QUIT = "quit"

"""What a published frame shows."""

from __future__ import annotations

from enum import Enum


class Shown(str, Enum):
    """What a published frame shows."""

    AVATAR = "avatar"
    HOLD = "hold"
    BLUR = "blur"
    CURTAIN = "curtain"
    PASSTHROUGH = "passthrough"

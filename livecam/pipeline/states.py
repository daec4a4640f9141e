"""The states of a published frame."""

from __future__ import annotations

from enum import Enum


class Shown(str, Enum):
    """The state of a published frame: what it shows."""

    AVATAR = "avatar"
    HOLD = "hold"
    BLUR = "blur"
    CURTAIN = "curtain"
    PASSTHROUGH = "passthrough"

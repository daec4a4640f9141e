"""The states of a published frame."""

from __future__ import annotations

from enum import Enum

from livecam.core.language import to_translate


class Shown(str, Enum):
    """The state of a published frame: what it shows."""

    AVATAR = to_translate("avatar")
    HOLD = to_translate("hold")
    BLUR = to_translate("blur")
    CURTAIN = to_translate("curtain")
    PASSTHROUGH = to_translate("passthrough")

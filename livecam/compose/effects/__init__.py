"""Effects on the real face and on the composite, each a stage of its own.

`face_stages` change the camera image before a head is drawn: skin, make-up, shape. They skip a
face that a head covers. `over_stages` draw stickers after the head; `look_stages` come last. All of
them need the segmentation of the frame, and do nothing without. None of them decides what may be
published.
"""

from __future__ import annotations

from livecam.compose.base import Stage
from livecam.compose.effects.deform import Deform
from livecam.compose.effects.look import Look, list_looks
from livecam.compose.effects.makeup import Makeup
from livecam.compose.effects.skin import SmoothSkin
from livecam.compose.effects.stickers import Stickers, list_stickers
from livecam.config.settings import EffectSettings

__all__ = ["face_stages", "list_looks", "list_stickers", "look_stages", "over_stages"]


def face_stages(settings: EffectSettings) -> list[Stage]:
    """Makes the stages of the real face that the settings enable, in their order.

    The shape comes last: it moves skin and lips away from the landmarks.
    """
    return [kind(settings) for kind in (SmoothSkin, Makeup, Deform) if kind.wanted(settings)]


def over_stages(settings: EffectSettings) -> list[Stage]:
    """Makes the stages that draw over face and head.

    Raises:
        ConfigError: a sticker is unknown or broken.
    """
    return [Stickers(settings)] if Stickers.wanted(settings) else []


def look_stages(settings: EffectSettings) -> list[Stage]:
    """Makes the stage of the colour look.

    Raises:
        ConfigError: the look is unknown, or its file is broken.
    """
    return [Look(settings)] if Look.wanted(settings) else []

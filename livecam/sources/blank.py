"""A plain grey image at a constant rate: the background of a face without a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np

from livecam.config.settings import SourceSettings
from livecam.core.frame import Image
from livecam.core.language import tr
from livecam.core.timing import Clock
from livecam.sources.image import RepeatedImage

# sRGB: the card's middle and its corners.
LIGHT, DARK = (96, 104, 116), (52, 57, 66)


class BlankCard(RepeatedImage):
    """A grey-blue card, a little lighter in the middle."""

    def __init__(
        self, clock: Clock, width: int = 1280, height: int = 720, fps: float = 30.0
    ) -> None:
        super().__init__(clock, tr("blank card"), lambda: card(width, height), fps)

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        return cls(clock, settings.width, settings.height, settings.fps)


def card(width: int, height: int) -> Image:
    """Draws the card, uint8[height, width, 4], read-only; dithered against banding."""
    y, x = np.mgrid[0:9, 0:9] / 8 - 0.5
    far = np.clip(np.hypot(x, y * 0.8) / 0.64, 0, 1)[..., None]
    small = (np.array(LIGHT) + (np.array(DARK) - np.array(LIGHT)) * far).astype(np.float32)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    dither = np.random.default_rng(0).random((height, width, 1), np.float32) - 0.5
    out = np.full((height, width, 4), 255, np.uint8)
    out[..., :3] = np.rint(smooth + dither)
    out.flags.writeable = False
    return out

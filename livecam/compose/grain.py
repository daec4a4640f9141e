"""Adds the noise of the camera to all that is not the camera's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.camera_model import LUMAS, UNKNOWN, CameraModel
from livecam.core.frame import Rect
from livecam.kernels.pixels import GRAIN_SCALE, GRAIN_TILE, GRAIN_UNIT, add_grain

RANGE = 4.0  # deviations
BLUR_STEP_PX = 0.2  # a smaller change of the blur needs no new tile
STRIDE = (97, 61)  # offset of the tile from frame to frame


class Grain:
    """Adds noise where `Layers.synthetic` is not 0; implements compose/base.Stage.

    `model` is that of the camera, `strength` the share of its noise; both may change between
    frames. `frame_number` chooses the noise: the same frame always gets the same.
    """

    name = "grain"

    def __init__(self, model: CameraModel = UNKNOWN, strength: float = 1.0) -> None:
        self.model = model
        self.strength = strength
        self._grain_px = -1.0
        self._tile = np.zeros((GRAIN_TILE, GRAIN_TILE), np.int16)
        self.reset()

    def reset(self) -> None:
        """Starts again with the first frame's noise."""
        self.frame_number = 1

    def apply(self, layers: Layers) -> None:
        number = self.frame_number
        self.frame_number += 1
        amounts = self._amounts()
        rect = bounding_rect(layers.synthetic)
        if rect.empty or not amounts.any():
            return
        if abs(self.model.grain_px - self._grain_px) > BLUR_STEP_PX:
            self._grain_px = self.model.grain_px
            self._tile = grain_tile(self._grain_px)
        x, y = (number * stride % GRAIN_TILE for stride in STRIDE)
        add_grain(layers.image, layers.synthetic, amounts, self._tile, (x, y), rect)

    def _amounts(self) -> NDArray[np.uint8]:
        """Returns the deviation at every luma in parts of GRAIN_SCALE, uint8[256]."""
        noise = np.interp(np.arange(256), LUMAS, self.model.noise)
        return np.rint(np.minimum(self.strength * GRAIN_SCALE * noise, 255)).astype(np.uint8)


def bounding_rect(mask: NDArray[np.uint8]) -> Rect:
    """Returns the bounds of all pixels of a mask that are not 0."""
    x, y, width, height = cv2.boundingRect(mask)
    return Rect(x, y, x + width, y + height)


def grain_tile(blur_px: float) -> NDArray[np.int16]:
    """Makes noise of deviation 1, in parts of GRAIN_UNIT: int16[GRAIN_TILE, GRAIN_TILE]."""
    tile = np.random.default_rng(1).standard_normal((GRAIN_TILE, GRAIN_TILE))
    if blur_px > 0:
        wrapped = cv2.copyMakeBorder(tile, 16, 16, 16, 16, cv2.BORDER_WRAP)
        blurred = cv2.GaussianBlur(wrapped, (0, 0), blur_px)[16:-16, 16:-16]
        tile = np.asarray(blurred, np.float64)
    tile = np.clip(tile / tile.std(), -RANGE, RANGE)
    return np.asarray(np.rint(GRAIN_UNIT * tile), np.int16)

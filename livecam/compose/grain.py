"""Adds the noise of the camera to all that is not the camera's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.camera_model import LUMAS, UNKNOWN, CameraModel
from livecam.core.frame import Rect

TILE = 256
STEPS = 16.0  # fixed-point fractions of a level in the amounts
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
        self._buffers = np.zeros((3, 0, 0), np.uint8)
        self._change = np.zeros((0, 0, 4), np.uint8)
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
        self._allocate(*layers.synthetic.shape)
        height, width = rect.height, rect.width
        part, change = layers.image[rect.slices], self._change[:height, :width]
        amount, grey, zero = self._buffers[:, :height, :width]
        cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY, dst=grey)
        cv2.LUT(grey, amounts, dst=amount)
        cv2.multiply(amount, layers.synthetic[rect.slices], dst=amount, scale=1 / 255)
        x, y = (number * stride % TILE for stride in STRIDE)
        scale = RANGE / 255 / STEPS
        for grain, combine in zip(self._tiles, (cv2.add, cv2.subtract), strict=True):
            cv2.multiply(amount, grain[y : y + height, x : x + width], dst=grey, scale=scale)
            cv2.merge((grey, grey, grey, zero), dst=change)
            combine(part, change, dst=part)

    def _amounts(self) -> NDArray[np.uint8]:
        """Returns the deviation at every luma times STEPS, uint8[256]."""
        noise = np.interp(np.arange(256), LUMAS, self.model.noise)
        return np.rint(np.minimum(self.strength * STEPS * noise, 255)).astype(np.uint8)

    def _allocate(self, height: int, width: int) -> None:
        """Prepares the grain and the buffers for an image of that size."""
        grown = self._change.shape[:2] != (height, width)
        if grown:
            self._buffers = np.zeros((3, height, width), np.uint8)
            self._change = np.empty((height, width, 4), np.uint8)
        if grown or abs(self.model.grain_px - self._grain_px) > BLUR_STEP_PX:
            self._grain_px = self.model.grain_px
            self._tiles = grain_tiles(self._grain_px, height, width)


def bounding_rect(mask: NDArray[np.uint8]) -> Rect:
    """Returns the bounds of all pixels of a mask that are not 0."""
    x, y, width, height = cv2.boundingRect(mask)
    return Rect(x, y, x + width, y + height)


def grain_tiles(
    blur_px: float, height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Makes noise of deviation 1 as its positive and its negative part; RANGE is 255.

    Each is uint8[TILE + height, TILE + width] at least: a tile is repeated, so that a whole
    image fits at any offset.
    """
    tile = np.random.default_rng(1).standard_normal((TILE, TILE))
    if blur_px > 0:
        wrapped = cv2.copyMakeBorder(tile, 16, 16, 16, 16, cv2.BORDER_WRAP)
        blurred = cv2.GaussianBlur(wrapped, (0, 0), blur_px)[16:-16, 16:-16]
        tile = np.asarray(blurred, np.float64)
    tile = tile * (255 / RANGE / tile.std())
    repeats = (1 + -(-height // TILE), 1 + -(-width // TILE))
    more, less = (
        np.tile(np.rint(np.clip(side * tile, 0, 255)).astype(np.uint8), repeats) for side in (1, -1)
    )
    return more, less

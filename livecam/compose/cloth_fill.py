"""Computes cloth to cover hair that lies on the clothes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.grid import upsampled
from livecam.compose.inpainting import push_pull, settled
from livecam.compose.person_parts import PersonParts
from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Segmentation
from livecam.vision.morphology import disc

# Head radii below, from where texture is copied.
TEXTURE_FROM = (0.30, 0.45, 0.62, 0.80, 1.0)


class ClothFill:
    """Estimates the colour of the clothes; smoothed over time against flicker. One thread."""

    def __init__(self) -> None:
        self._colours: NDArray[np.float32] | None = None  # on the grid

    @property
    def is_known(self) -> bool:
        """Whether there is an estimate."""
        return self._colours is not None

    def update(self, coarse: NDArray[np.uint8], cloth: NDArray[np.float32]) -> None:
        """Estimates from the cells of cloth float32[rows, columns], 0 or 1, of a frame."""
        estimate = push_pull(coarse.astype(np.float32), cloth)
        self._colours = settled(self._colours, estimate)

    def image(
        self, source: Image, cloth: NDArray[np.float32], cell: int, rect: Rect, unit_px: float
    ) -> NDArray[np.uint8]:
        """Returns colour and texture of cloth in a rectangle, uint8[h, w, 3]."""
        assert self._colours is not None  # update() made it
        colours = upsampled(np.clip(self._colours, 0, 255).astype(np.uint8), cell, rect)
        texture = _texture(source, cloth, cell, rect, unit_px)
        return np.asarray(np.clip(colours + texture, 0, 255), np.uint8)


def cloth_cells(segmentation: Segmentation, parts: PersonParts) -> NDArray[np.float32]:
    """Returns the cells that are surely cloth, float32[rows, columns], 0 or 1."""
    reach = max(1, round(0.05 * parts.unit_px / segmentation.cell))
    hair = cv2.dilate(parts.hair_on_body, disc(reach)) > 25
    skin = cv2.dilate(parts.skin, disc(1)) > 128
    return ((parts.body > 230) & ~hair & ~skin & (parts.at_seam > 128)).astype(np.float32)


def _texture(
    source: Image, cloth: NDArray[np.float32], cell: int, rect: Rect, unit_px: float
) -> NDArray[np.float32]:
    """Returns the high pass of cloth farther down, float32[h, w, 3], to be added."""
    height = source.shape[0]
    tallest = round(TEXTURE_FROM[-1] * unit_px)
    area = Rect(rect.x0, rect.y0, rect.x1, min(height, rect.y1 + tallest))
    image = source[area.slices][..., :3].astype(np.float32)
    sure = upsampled((cloth * 255).astype(np.uint8), cell, area).astype(np.float32) / 255
    sure = np.asarray(cv2.erode(sure, np.ones((5, 5), np.uint8)), np.float32)
    side = 2 * round(0.10 * unit_px) + 1
    total, weight = cv2.blur(image * sure[..., None], (side, side)), cv2.blur(sure, (side, side))
    detail = (image - total / np.maximum(weight, 0.02)[..., None]) * sure[..., None]
    out = np.zeros((rect.height, rect.width, 3), np.float32)
    filled = np.zeros((rect.height, rect.width), np.float32)
    for below in TEXTURE_FROM:
        down = round(below * unit_px)
        rows = min(rect.height, area.height - down)
        if rows <= 0:
            break
        share = sure[down : down + rows] * (1 - filled[:rows])
        out[:rows] += detail[down : down + rows] * share[..., None]
        filled[:rows] += share
    return out

"""Removes the parts of a head beyond its avatar: hair, ears and headphones.

They are replaced by background, and hair on the clothes by cloth. The background is the clean
plate where it is known, at full resolution; elsewhere it is inpainted, and resembles defocus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.compose.background_fill import BackgroundFill
from livecam.compose.base import Layers
from livecam.compose.cloth_fill import ClothFill, cloth_cells
from livecam.compose.grid import downsampled, opaque, pixel_rect
from livecam.compose.person_parts import PersonParts
from livecam.core.frame import Image, Rect
from livecam.kernels.pixels import lay_over
from livecam.segmentation.base import Segmentation

MARGIN = 6  # cells around the replaced rectangle, for the motion until the next segmentation
MIN_CLOTH = 60  # cells of cloth, else none is copied


class HeadRemoval:
    """The stage that replaces the head around the avatar; used on one thread."""

    name = "remove head"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._background = BackgroundFill()
        self._filled: tuple[Rect, Image] | None = None  # the background of a rectangle
        self._cloth = ClothFill()

    def apply(self, layers: Layers) -> None:
        segmentation, parts = layers.segmentation, layers.parts
        if segmentation is None or parts is None:
            return
        self._fill_background(layers, segmentation, parts)
        self._fill_cloth(layers, segmentation, parts)

    def _fill_background(
        self, layers: Layers, segmentation: Segmentation, parts: PersonParts
    ) -> None:
        rect = pixel_rect(parts.remove, segmentation)
        if rect.empty:
            return
        filled = self._filled
        if layers.coarse_source is not None or filled is None or not _within(rect, filled[0]):
            coarse = _coarse_source(layers, segmentation)
            wide = rect.grown(MARGIN * segmentation.cell).clipped(*segmentation.size)
            image = self._background.image(segmentation, parts, coarse, wide)
            self._filled = filled = (wide, image)
        area, background = filled
        lay_over(
            layers.image, background, area, parts.remove, segmentation.cell, rect,
            layers.filled, layers.synthetic,
        )  # fmt: skip

    def _fill_cloth(self, layers: Layers, segmentation: Segmentation, parts: PersonParts) -> None:
        rect = pixel_rect(parts.hair_on_body, segmentation)
        if rect.empty or np.count_nonzero(parts.hair_on_body > 60) < 4:
            return
        cloth = cloth_cells(segmentation, parts)
        if np.count_nonzero(cloth) < MIN_CLOTH:
            return
        if layers.coarse_source is not None or not self._cloth.is_known:
            self._cloth.update(_coarse_source(layers, segmentation), cloth)
        image = self._cloth.image(layers.source, cloth, segmentation.cell, rect, parts.unit_px)
        lay_over(
            layers.image, opaque(image), rect, parts.hair_on_body, segmentation.cell, rect,
            layers.synthetic, layers.synthetic,
        )  # fmt: skip


def _coarse_source(layers: Layers, segmentation: Segmentation) -> NDArray[np.uint8]:
    """Returns the frame on the grid; computed here when the head left the cached rectangle."""
    if layers.coarse_source is not None:
        return layers.coarse_source
    shape = segmentation.person.shape
    return downsampled(layers.source, segmentation.cell, shape)[..., :3].copy()


def _within(rect: Rect, area: Rect) -> bool:
    return area.x0 <= rect.x0 and area.y0 <= rect.y0 and rect.x1 <= area.x1 and rect.y1 <= area.y1

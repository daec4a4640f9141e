"""Computes the background behind a person: from the clean plate, else inpainted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.grid import blend_over, downsampled, opaque, upsampled
from livecam.compose.inpainting import inpainted, settled
from livecam.compose.person_parts import PersonParts
from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Plate, Segmentation
from livecam.vision.morphology import disc


class BackgroundFill:
    """Estimates the background; smoothed over time against flicker. One thread."""

    def __init__(self) -> None:
        self._colours: NDArray[np.float32] | None = None  # inpainted, on half the grid
        self._coarse_plate: tuple[Plate, NDArray[np.uint8], NDArray[np.float32]] | None = None

    def image(
        self,
        segmentation: Segmentation,
        parts: PersonParts,
        coarse: NDArray[np.uint8],
        rect: Rect,
    ) -> Image:
        """Returns the background in a rectangle, uint8[h, w, 4].

        `coarse` uint8[rows, columns, 3] is the frame on the grid of the segmentation.
        """
        plate = segmentation.plate
        if plate is None:
            return self._inpainted(segmentation, parts, coarse, rect)
        out = opaque(plate.image[rect.slices])
        if self._covers(plate, segmentation, parts):
            return out
        unknown = cv2.dilate(cv2.bitwise_not(plate.known[rect.slices]), disc(3))
        alpha = np.asarray(cv2.blur(unknown, (7, 7)), np.uint8)
        blend_over(out, self._inpainted(segmentation, parts, coarse, rect), alpha)
        return out

    def _covers(self, plate: Plate, segmentation: Segmentation, parts: PersonParts) -> bool:
        """Returns whether the plate is known wherever it will be visible."""
        _, known = self._plate_on_grid(plate, segmentation.cell, parts.remove.shape)
        visible = (parts.remove > 0) & (parts.covered == 0)
        return bool((known[visible] > 0).all())

    def _inpainted(
        self,
        segmentation: Segmentation,
        parts: PersonParts,
        coarse: NDArray[np.uint8],
        rect: Rect,
    ) -> Image:
        """Returns the plate where it is known and inpainted colours elsewhere, uint8[h, w, 4]."""
        colours, known = self._known_colours(segmentation, parts, coarse)
        estimate = inpainted(*_halved(colours, np.where(known > 0.99, 1, 0).astype(np.float32)))
        self._colours = settled(self._colours, estimate)
        rows, columns = known.shape
        whole = cv2.resize(self._colours, (columns, rows), interpolation=cv2.INTER_LINEAR)
        grid = np.clip(whole, 0, 255).astype(np.uint8)
        return opaque(upsampled(grid, segmentation.cell, rect))

    def _known_colours(
        self, segmentation: Segmentation, parts: PersonParts, coarse: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns colours of frame and plate on the grid, and 0 unknown .. 1 known."""
        person, hair = segmentation.person, segmentation.hair
        foreground = person if hair is None else cv2.max(person, hair)
        reach = max(1, round(0.13 * parts.unit_px / segmentation.cell))
        foreground = cv2.dilate(cv2.max(foreground, parts.remove), disc(reach))
        known = np.where(foreground > 20, 0, 1).astype(np.float32)
        colours = coarse.astype(np.float32)
        if segmentation.plate is not None:
            image, weight = self._plate_on_grid(segmentation.plate, segmentation.cell, known.shape)
            weight = weight * (1 - known)
            colours += (image - colours) * weight[..., None]
            known = np.maximum(known, weight)
        return colours, known

    def _plate_on_grid(
        self, plate: Plate, cell: int, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        if self._coarse_plate is None or self._coarse_plate[0] is not plate:
            image = downsampled(plate.image, cell, shape)
            known = downsampled(plate.known, cell, shape)
            self._coarse_plate = (plate, image, np.where(known == 255, 1, 0).astype(np.float32))
        return self._coarse_plate[1], self._coarse_plate[2]


def _halved(
    colours: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Halves the grid of known colours: inpainted colours have no finer detail."""
    rows, columns = known.shape
    size = ((columns + 1) // 2, (rows + 1) // 2)
    weight = np.asarray(cv2.resize(known, size, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(colours * known[..., None], size, interpolation=cv2.INTER_AREA)
    mean = np.asarray(total / np.maximum(weight, 1e-3)[..., None], np.float32)
    return mean, np.where(weight > 0.4, 1, 0).astype(np.float32)

"""Converts between the grid of a segmentation and the pixels of its image.

The grid has one element for each cell of `Segmentation.cell` by as many pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Mask, Segmentation


def pixel_rect(mask: Mask, segmentation: Segmentation) -> Rect:
    """Returns the rectangle of pixels under all cells that are not 0, and a cell around them."""
    x, y, columns, rows = cv2.boundingRect(mask)
    cell = segmentation.cell
    box = Rect(x * cell, y * cell, (x + columns) * cell, (y + rows) * cell)
    return box.grown(cell).clipped(*segmentation.size) if columns and rows else Rect(0, 0, 0, 0)


def upsampled(grid: NDArray[np.uint8], cell: int, rect: Rect) -> NDArray[np.uint8]:
    """Upsamples an array on the grid, bilinear, in a rectangle of pixels."""
    inverse = np.array(
        ((1 / cell, 0, (rect.x0 + 0.5) / cell - 0.5), (0, 1 / cell, (rect.y0 + 0.5) / cell - 0.5)),
        np.float32,
    )
    return np.asarray(
        cv2.warpAffine(
            grid,
            inverse,
            (rect.width, rect.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def downsampled(image: NDArray[np.uint8], cell: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Averages an image uint8[h, w, ...] over the cells of the grid."""
    rows, columns = shape[:2]
    height, width = image.shape[:2]
    down, right = rows * cell - height, columns * cell - width
    if down or right:
        image = np.asarray(
            cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE), np.uint8
        )
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def opaque(image: NDArray[np.uint8]) -> Image:
    """Adds an opaque alpha channel to uint8[h, w, 3]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)


def blend_over(part: Image, over: Image, alpha: NDArray[np.uint8]) -> None:
    """Blends an image over a part of another in place; where alpha is 0 every byte is kept."""
    share = alpha.astype(np.float32) * np.float32(1 / 255)
    # Blended as encoded sRGB: the colours are similar.
    part[...] = cv2.blendLinear(over, np.ascontiguousarray(part), share, 1 - share)

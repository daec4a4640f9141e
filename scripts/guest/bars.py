"""Flat patches of colours that tell a wrong matrix, a wrong range and swapped planes apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLORS = np.array(
    [
        (200, 40, 40), (40, 170, 60), (40, 60, 200), (210, 200, 40),
        (60, 190, 200), (190, 60, 180), (224, 172, 140), (96, 100, 104),
        (235, 235, 235), (20, 20, 20), (128, 128, 128), (150, 110, 70),
    ],
    np.uint8,
)  # fmt: skip
ROWS, COLUMNS = 3, 4


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """uint8[height, width, 4], RGBA."""
    row = np.arange(height) * ROWS // height
    column = np.arange(width) * COLUMNS // width
    image = np.full((height, width, 4), 255, np.uint8)
    image[..., :3] = COLORS[row[:, None] * COLUMNS + column[None, :]]
    return image


def measured(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64[12, 3]: what a picture shows in the middle of each patch."""
    height, width = image.shape[:2]
    means = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            y, x = (2 * row + 1) * height // (2 * ROWS), (2 * column + 1) * width // (2 * COLUMNS)
            patch = image[y - height // 20 : y + height // 20, x - width // 20 : x + width // 20]
            means.append(patch[..., :3].reshape(-1, 3).mean(axis=0))
    return np.array(means)

"""What was seen in a picture besides the face: person, hair, hands, and the empty background.

Masks lie on a grid over the whole picture, coarser than its pixels: cell (i, j) of `cells` covers
the pixels `[i * cell, (i + 1) * cell)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

Mask: TypeAlias = NDArray[np.uint8]  # uint8[rows, columns], 0..255

LONGEST_GRID = 256  # cells along the longer side of a picture


@dataclass(frozen=True, slots=True)
class Hand:
    """One hand near the head."""

    points: NDArray[np.float32]  # float32[21, 2], pixels; MediaPipe's order, the wrist first
    seen: float  # how sure, 0..1


@dataclass(frozen=True, slots=True)
class Plate:
    """The background without the person, as far as it is known."""

    image: Image  # uint8[h, w, 3], the size of the picture
    known: Mask  # uint8[h, w]: 255 where it was seen


@dataclass(frozen=True, slots=True)
class Scene:
    """What was seen in one picture."""

    at: float  # the moment that it is true for, seconds
    size: tuple[int, int]  # of the picture
    cell: int  # pixels along a cell of the grid
    person: Mask  # on the grid
    hair: Mask | None  # on the grid; None where no model can tell
    face: NDArray[np.float32]  # float32[478, 2], pixels: landmarks of the face it was seen with
    hands: tuple[Hand, ...] = ()
    plate: Plate | None = None
    unsure_px: float = 0.0  # by how much the masks may be off: they were carried
    seen_at: float | None = None  # the moment of the picture it was seen in, when it was carried


def cell_of(width: int, height: int) -> int:
    """How many pixels a cell of the grid spans in a picture of that size."""
    return max(1, round(max(width, height) / LONGEST_GRID))


def grid_of(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the grid over a picture of that size; the last ones may reach over."""
    cell = cell_of(width, height)
    return -(-width // cell), -(-height // cell)

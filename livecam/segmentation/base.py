"""The result of the segmentation networks for one frame: person, hair, hands, clean plate.

Masks lie on a grid over the whole image, coarser than its pixels: row i of it covers the pixel
rows `[i * cell, (i + 1) * cell)`, and so do the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image

Mask: TypeAlias = NDArray[np.uint8]  # uint8[rows, columns], 0..255

MAX_GRID_CELLS = 256  # along the longer side of an image
RECENT_S = 0.5  # an older segmentation hides parts of a frame, and decides on nothing that is shown


@dataclass(frozen=True, slots=True, eq=False)
class PersonMask:
    """The masks of persons in one frame, whether a face was detected or not."""

    at: float  # time of the frame, seconds
    size: tuple[int, int]  # of the frame, pixels
    mask: Mask  # on the grid


@dataclass(frozen=True, slots=True)
class Hand:
    """The landmarks of one hand near the head."""

    points: NDArray[np.float32]  # float32[21, 2], pixels; MediaPipe's order, the wrist first
    confidence: float  # 0..1


@dataclass(frozen=True, slots=True)
class Plate:
    """The background without the person, as far as it is known."""

    image: Image  # uint8[h, w, 3], the size of the frame
    known: Mask  # uint8[h, w]: 255 where the background was visible


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Masks of person and hair, hands and clean plate of one frame."""

    at: float  # the time the masks are valid for, seconds
    size: tuple[int, int]  # of the frame, pixels
    cell: int  # pixels along a cell of the grid
    person: Mask  # on the grid
    hair: Mask | None  # on the grid; None without a hair network
    landmarks_px: NDArray[np.float32]  # float32[478, 2], pixels: the face the masks move with
    hands: tuple[Hand, ...] = ()
    plate: Plate | None = None
    track_id: int | None = None  # of the person it was computed for
    uncertainty_px: float = 0.0  # position error of warped masks, an estimate
    computed_at: float | None = None  # time of the frame the networks ran on, when warped

    @property
    def is_recent(self) -> bool:
        """Whether it may decide what is shown of the camera's image: hands, and a person alone."""
        return self.computed_at is None or abs(self.at - self.computed_at) <= RECENT_S


def cell_of(width: int, height: int) -> int:
    """Returns the side in pixels of a grid cell for a frame of that size."""
    return max(1, round(max(width, height) / MAX_GRID_CELLS))


def grid_of(width: int, height: int) -> tuple[int, int]:
    """Returns columns and rows of the grid over a frame; the last cells may extend beyond it."""
    cell = cell_of(width, height)
    return -(-width // cell), -(-height // cell)

"""The kernel that computes how masks on a grid are warped with a moving head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.kernels.base import ArrayOf, Kernel

Floats = NDArray[np.float32]


def _inverse_map_plain(
    columns: Floats, rows: Floats, cell: float, back: Floats, chin: Floats, chin_back: Floats,
    reach: float, shoulders: float,
) -> None:  # fmt: skip
    side, half, one = np.float32(cell), np.float32(0.5), np.float32(1)
    x = ((np.arange(columns.shape[1], dtype=np.float32) + half) * side)[None]
    y = ((np.arange(columns.shape[0], dtype=np.float32) + half) * side)[:, None]
    below = np.minimum(np.maximum((y - chin[1]) / np.float32(reach), np.float32(0)), one)
    share = one - (one - np.float32(shoulders)) * below
    away_x = back[0, 0] * x + back[0, 1] * y + back[0, 2] - x
    away_y = back[1, 0] * x + back[1, 1] * y + back[1, 2] - y
    columns[...] = (x + share * (away_x * (one - below) + chin_back[0] * below)) / side - half
    rows[...] = (y + share * (away_y * (one - below) + chin_back[1] * below)) / side - half


def _inverse_map_loops(
    columns: Floats, rows: Floats, cell: float, back: Floats, chin: Floats, chin_back: Floats,
    reach: float, shoulders: float,
) -> None:  # fmt: skip
    side, half, one = np.float32(cell), np.float32(0.5), np.float32(1)
    for row in range(columns.shape[0]):
        y = (np.float32(row) + half) * side
        below = min(max((y - chin[1]) / np.float32(reach), np.float32(0)), one)
        share = one - (one - np.float32(shoulders)) * below
        to_columns, to_rows = columns[row], rows[row]
        for column in range(columns.shape[1]):
            x = (np.float32(column) + half) * side
            away_x = back[0, 0] * x + back[0, 1] * y + back[0, 2] - x
            away_y = back[1, 0] * x + back[1, 1] * y + back[1, 2] - y
            x_back = x + share * (away_x * (one - below) + chin_back[0] * below)
            y_back = y + share * (away_y * (one - below) + chin_back[1] * below)
            to_columns[column] = x_back / side - half
            to_rows[column] = y_back / side - half


_GRID, _FEW = ArrayOf("float32", 2, written=True), ArrayOf("float32", 1)

# Writes the source column and row of each cell: (columns, rows float32[rows, columns], the side of
# a cell in pixels, the head's motion backwards float32[2, 3], the chin float32[2] and its way back,
# the pixels below the chin over which the motion decays, the share that is left there).
inverse_map = Kernel(
    _inverse_map_plain, _inverse_map_loops, _GRID, _GRID, float, ArrayOf("float32", 2), _FEW, _FEW,
    float, float,
)  # fmt: skip

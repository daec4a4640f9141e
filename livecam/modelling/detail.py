"""How finely a head is made, at each of its two levels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelOfDetail:
    """How finely a head is made."""

    voxel: float  # head units
    skin_triangles: int
    pattern: int  # further vertices where the paint needs them
    eye: tuple[int, int]  # rings, spokes
    lid: tuple[int, int]  # columns, rows
    lip: int  # points along the lip curve
    detailed_lips: bool
    cavity_rows: int
    teeth: tuple[int, int, int]  # teeth, columns each, rows
    tongue: tuple[int, int]  # rings, sides
    nose: tuple[float, int]  # voxel, triangles
    whisker: tuple[int, int]  # rings, sides
    painted_strands: bool  # fur where no shells will be drawn
    occlusion_rays: int


FULL = LevelOfDetail(
    0.018, 16000, 3000, (14, 33), (33, 15), 57, True, 8, (12, 6, 5), (14, 14), (0.011, 1400),
    (9, 5), False, 20,
)  # fmt: skip
LIGHT = LevelOfDetail(
    0.022, 2300, 500, (9, 21), (15, 9), 25, False, 6, (10, 4, 3), (8, 8), (0.016, 320), (4, 3),
    True, 16,
)  # fmt: skip

"""The two levels of detail of a head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelOfDetail:
    """The resolution of every part of a head."""

    fine: bool  # for a GPU; otherwise for software renderers
    voxel: float  # head units
    skin_triangles: int
    paint_vertices: int  # added to the skin where the paint needs them
    eye: tuple[int, int]  # rings, spokes
    lid: tuple[int, int]  # columns, rows
    lip_points: int  # along the lip curve
    cavity_rows: int
    teeth: tuple[int, int, int]  # teeth, columns each, rows
    tongue: tuple[int, int]  # rings, sides
    nose: tuple[float, int]  # voxel, triangles
    whisker: tuple[int, int]  # rings, sides
    painted_strands: bool  # fur strands in the vertex colours, where no shells are drawn
    occlusion_rays: int

    def small_part(self, triangles: int) -> tuple[float, int]:
        """Computes voxel size and triangle count of a part with that many triangles when fine."""
        return (0.012, triangles) if self.fine else (0.020, triangles // 5)


FULL = LevelOfDetail(
    True, 0.018, 16000, 3000, (14, 33), (33, 15), 57, 8, (12, 6, 5), (14, 14), (0.011, 1400),
    (9, 5), False, 20,
)  # fmt: skip
LIGHT = LevelOfDetail(
    False, 0.022, 2300, 500, (9, 21), (15, 9), 25, 6, (10, 4, 3), (8, 8), (0.016, 320), (4, 3),
    True, 16,
)  # fmt: skip

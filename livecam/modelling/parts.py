"""The pieces that a head is assembled from, in head units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Material
from livecam.modelling.expressions import Displacements
from livecam.modelling.mesh import Triangles, vertex_normals
from livecam.modelling.remesh import small_isosurface
from livecam.modelling.sdf import ScalarField, gradient, smoothstep
from livecam.modelling.vectors import Array, Vector, vector

_OPEN_STEP = 0.035  # head units over a surface, where the distance tells how open it lies


def _not_given() -> Array:
    return np.empty(0, np.float32)


def _no_bone() -> NDArray[np.uint8]:
    return np.empty(0, np.uint8)


@dataclass(slots=True)
class MeshPart:
    """A piece of a head with its vertex attributes and morphs; missing ones get defaults.

    The attributes are those of `livecam.avatar.base.Mesh`.
    """

    name: str
    material: Material
    points: Array
    triangles: Triangles
    colors: Array
    morphs: Displacements
    normals: Array = field(default_factory=_not_given)
    occlusion: Array = field(default_factory=_not_given)
    fur: Array = field(default_factory=_not_given)
    comb: Array = field(default_factory=_not_given)
    head_weight: Array = field(default_factory=_not_given)
    bone: NDArray[np.uint8] = field(default_factory=_no_bone)
    sway: Array = field(default_factory=_not_given)

    def __post_init__(self) -> None:
        count = len(self.points)
        if not len(self.normals):
            self.normals = vertex_normals(self.points, self.triangles)
        if not len(self.occlusion):
            self.occlusion = np.ones(count, np.float32)
        if not len(self.fur):
            self.fur = np.zeros(count, np.float32)
        if not len(self.comb):
            self.comb = np.zeros((count, 3), np.float32)
        if not len(self.head_weight):
            self.head_weight = np.ones(count, np.float32)
        if not len(self.bone):
            self.bone = np.zeros(count, np.uint8)
        if not len(self.sway):
            self.sway = np.zeros(count, np.float32)


def mirror_part(part: MeshPart, name: str) -> MeshPart:
    """Copies a part without morphs to the other side of the head."""
    flip = vector((-1, 1, 1))
    return MeshPart(
        name,
        part.material,
        part.points * flip,
        part.triangles[:, ::-1].copy(),
        part.colors,
        {},
        normals=part.normals * flip,
        occlusion=part.occlusion,
        fur=part.fur,
        comb=part.comb * flip,
        head_weight=part.head_weight,
        bone=part.bone,
        sway=part.sway,
    )


def part_from_sdf(
    name: str,
    material: Material,
    sdf: ScalarField,
    box: tuple[Vector, Vector],
    resolution: tuple[float, int],
    paint: Callable[[Array, Array], Array],
    morphs: Callable[[Array], Displacements],
) -> MeshPart:
    """Extracts a small part from a distance function.

    `box` holds its lower and upper corner, `resolution` voxel size and triangle count; `paint`
    takes the points and how open they lie (0..1), `morphs` the points.
    """
    points, triangles = small_isosurface(sdf, *box, *resolution)
    normals = gradient(sdf, points, 0.01)
    openness = smoothstep(0.0, 0.05, sdf(points + normals * _OPEN_STEP) * (0.05 / _OPEN_STEP))
    return MeshPart(
        name,
        material,
        points,
        triangles,
        paint(points, openness).astype(np.float32),
        morphs(points),
        normals=normals,
        occlusion=(0.35 + 0.65 * openness).astype(np.float32),
    )

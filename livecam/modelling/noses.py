"""Noses: the leathery tip of a muzzle, nostrils in smooth skin, a ring through the septum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import tube
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.mesh import grid, orient_along
from livecam.modelling.parts import MeshPart, part_from_sdf
from livecam.modelling.sdf import cone, ellipsoid, project_to_surface, smooth_max, smooth_min
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import (
    Array,
    Vector,
    as_tuple,
    mirrored,
    on_side,
    tiled,
    unit,
    vector,
)


def leather_nose(
    shape: HeadShape, fields: ExpressionFields, resolution: tuple[float, int]
) -> MeshPart:
    """Builds the leathery tip with nostrils; it moves with the muzzle."""
    species = shape.species
    centre = vector(species.nose)
    rx, ry, rz = species.nose_radii

    def sdf(p: Array) -> Array:
        at = p - centre
        q = mirrored(at)
        d = ellipsoid(q, (0, 0.01, 0), species.nose_radii)
        wing = ellipsoid(q, (rx * 0.52, -ry * 0.25, rz * 0.1), (rx * 0.52, ry * 0.62, rz * 0.8))
        d = smooth_min(d, wing, 0.05)
        stem = cone(at, (0, -ry * 0.5, 0.03), (0, -ry * 1.8, -0.035), 0.03, 0.02)
        d = smooth_min(d, stem, 0.05)
        hole = cone(
            q, (rx * 0.50, -ry * 0.30, rz * 0.95), (rx * 0.85, -ry * 0.12, rz * 0.75), 0.030, 0.018
        )
        return smooth_max(d, -hole, 0.03)

    def paint(points: Array, openness: Array) -> Array:
        return tiled(species.nose_color, len(points))

    box = as_tuple(centre - 0.26), as_tuple(centre + 0.26)
    return part_from_sdf("nose", Material.NOSE, sdf, box, resolution, paint, fields)


@dataclass(frozen=True, slots=True)
class NoseRing:
    """A ring through the septum that hangs on a bone; it leans back into the nose."""

    centre: Vector
    radius: float
    thickness: float
    color: Vector
    bone: str

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        steps, sides = (44, 10) if detail.fine else (16, 5)
        turn = np.linspace(0, 2 * np.pi, steps, dtype=np.float32)
        line = vector(self.centre) + self.radius * np.stack(
            (np.sin(turn), np.cos(turn), 0.30 * (1 - np.cos(turn))), axis=1
        ).astype(np.float32)
        ring = tube(line, np.full(steps, self.thickness, np.float32), sides)
        root = np.broadcast_to(line[0], ring.points.shape).astype(np.float32)
        ones = np.ones(len(root), np.float32)
        bone = shape.species.bone_number(self.bone)
        return [
            MeshPart(
                "noseRing",
                Material.METAL,
                ring.points,
                ring.triangles,
                tiled(self.color, len(root)),
                fields(ring.points, root, ones),
                bone=np.full(len(root), bone, np.uint8),
                sway=ones,
            )
        ]


@dataclass(frozen=True, slots=True)
class Nostrils:
    """Two dark dimples on smooth skin, as parts of their own so that few triangles suffice."""

    left: Vector  # on the surface or a little under it
    size: float
    color: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        return [self._nostril(shape, fields, detail.fine, sign) for sign in (-1.0, 1.0)]

    def _nostril(
        self, shape: HeadShape, fields: ExpressionFields, fine: bool, sign: float
    ) -> MeshPart:
        rings, spokes = (5, 20) if fine else (3, 9)
        middle = project_to_surface(shape, on_side(vector(self.left), sign)[None], 8)[0]
        normal = shape.normals(middle[None])[0]
        across = unit(np.cross(vector((0.25 * sign, 1, 0)), normal).astype(np.float32))
        up = np.cross(normal, across)
        rows, columns = np.meshgrid(
            np.linspace(0.02, 1, rings, dtype=np.float32),
            2 * np.pi * np.arange(spokes + 1, dtype=np.float32) / spokes,
            indexing="ij",
        )
        r, turn = rows.ravel(), columns.ravel()
        wide = self.size * r * np.cos(turn)
        tall = 0.72 * self.size * r * np.sin(turn) * (1 + 0.3 * np.cos(turn))
        disc = middle + wide[:, None] * across + tall[:, None] * up
        points = project_to_surface(shape, disc, 4)
        points = points + 0.006 * shape.normals(points)
        return MeshPart(
            "nostril",
            shape.species.skin,
            points.astype(np.float32),
            orient_along(points, grid(rings, spokes + 1), normal),
            tiled(self.color, len(points)) * (0.4 + 0.6 * r**2)[:, None],
            fields(points),
            normals=unit(normal + 0.0 * points),
            occlusion=(0.25 + 0.55 * r**2).astype(np.float32),
        )

"""Whiskers: tapering hairs on both sides of a muzzle."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.expressions import SIDES, ExpressionFields
from livecam.modelling.mesh import Triangles, orient_outward, tube_grid
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import project_to_surface
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, tiled, unit, vector

# Root height and depth relative to the muzzle's tip, then reach, rise and droop of the hair.
_HAIRS = (
    (0.030, 0.00, 0.62, 0.17, 0.14),
    (-0.005, -0.03, 0.70, 0.05, 0.16),
    (-0.045, -0.07, 0.60, -0.08, 0.16),
    (0.015, -0.10, 0.50, 0.10, 0.10),
)
_ROOT_RADIUS, _TIP_RADIUS = 0.0105, 0.0022


def whiskers(shape: HeadShape, fields: ExpressionFields, rings: int, sides: int) -> list[MeshPart]:
    """Builds the whiskers; each moves rigidly with its root."""
    species = shape.species
    tip = species.muzzle_to
    t = np.linspace(0, 1, rings)
    out = []
    for sign, side in SIDES:
        for number, (dy, dz, reach, rise, droop) in enumerate(_HAIRS):
            root = vector(((species.pad_x + 0.075) * sign, tip[1] + dy, tip[2] + 0.02 + dz))
            root = project_to_surface(shape, root[None], 4)[0]
            line = root + np.stack(
                (sign * reach * t, rise * t - droop * t * t, -0.08 * t - 0.20 * t * t), axis=1
            )
            points, triangles = _tapered_tube(line.astype(np.float32), sides)
            roots = np.broadcast_to(root, points.shape).astype(np.float32)
            out.append(
                MeshPart(
                    f"whisker{side}{number}",
                    Material.WHISKER,
                    points,
                    triangles,
                    tiled(species.whisker, len(points)),
                    fields(points, roots),
                )
            )
    return out


def _tapered_tube(line: Array, sides: int) -> tuple[Array, Triangles]:
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    across = unit(np.cross(along, vector((0, 1, 0.3))).astype(np.float32))
    up = np.cross(along, across)
    radius = np.linspace(_ROOT_RADIUS, _TIP_RADIUS, len(line))[:, None]
    angles = 2 * np.pi * np.arange(sides) / sides
    rings = [line + radius * (np.cos(a) * across + np.sin(a) * up) for a in angles]
    points = np.stack(rings, axis=1).reshape(-1, 3).astype(np.float32)
    centres = np.repeat(line, sides, axis=0)
    return points, orient_outward(points, tube_grid(len(line), sides), centres)

"""Freckles: small discs on the skin of a human, crisp at any level of detail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.humans import HumanShape
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import project_to_surface
from livecam.modelling.vectors import Array, Vector, tiled, unit, vector

_SPOKES = 6
_LIFT = 0.006  # head units over the skin
_Z_START = 0.95  # from here discs are projected onto the face


def freckles(
    shape: HumanShape,
    fields: ExpressionFields,
    color: Vector,
    discs: Sequence[tuple[float, float, float]],
) -> MeshPart:
    """Builds discs (x, y, radius) on the face; each moves with the skin at its centre."""
    centres = [
        project_to_surface(shape, np.array(((x, y, _Z_START),), np.float32), 8) for x, y, _ in discs
    ]
    points = np.concatenate(
        [_disc(shape, c, radius) for c, (_, _, radius) in zip(centres, discs, strict=True)]
    ).astype(np.float32)
    k, each = np.arange(_SPOKES), _SPOKES + 1
    fan = np.stack((0 * k, k + 1, (k + 1) % _SPOKES + 1), axis=1)
    return MeshPart(
        "freckles",
        Material.SKIN,
        points,
        np.concatenate([fan + n * each for n in range(len(discs))]).astype(np.int64),
        tiled(color, len(points)),
        fields(points, np.repeat(np.concatenate(centres), each, axis=0).astype(np.float32)),
        normals=unit(shape.normals(points, 0.03)),
    )


def _disc(shape: HumanShape, centre: Array, radius: float) -> Array:
    """Places the centre and the rim of a disc on the skin, float32[1 + spokes, 3]."""
    around = 2 * np.pi * np.arange(_SPOKES) / _SPOKES
    rim = np.stack((np.cos(around), np.sin(around)), axis=1)
    normal = shape.normals(centre, 0.03)[0]
    across = unit(np.cross(vector((0, 1, 0)), normal).astype(np.float32)[None])[0]
    up = np.cross(normal, across)
    ring = centre + radius * (rim[:, :1] * across + rim[:, 1:] * up)
    points = np.concatenate((centre, ring)).astype(np.float32)
    lifted: Array = project_to_surface(shape, points, 2) + normal * _LIFT
    return lifted

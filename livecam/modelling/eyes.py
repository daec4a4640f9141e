"""Eyeballs with morphs that turn them."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.expressions import SIDES, Displacements
from livecam.modelling.mesh import Triangles, face_normals, grid, orient_outward
from livecam.modelling.parts import MeshPart
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, length, rotation, tiled, vector

_TOE_OUT_DEG = 3.0  # keeps large eyes from appearing crossed
_POLAR_DEG = 118.0  # the back of the ball is never visible
_DRAW_BACK = -0.47  # of the radius: half-shut lids cut straight through the ball's arc
_UP_DEG, _DOWN_DEG, _ASIDE_DEG = -25.0, 27.0, 31.0


def eyes(shape: HeadShape, rings: int, spokes: int) -> list[MeshPart]:
    """Builds both eyeballs; `comb` holds the direction from the centre, for the iris."""
    ball, triangles = _ball(rings, spokes)
    return [_eye(shape, ball, triangles, sign, side) for sign, side in SIDES]


def _ball(rings: int, spokes: int) -> tuple[Array, Triangles]:
    """Builds a unit sphere, its rings denser around the pole that faces +z."""
    polar = np.radians(_POLAR_DEG) * np.linspace(0, 1, rings) ** 0.9
    around = np.linspace(0, 2 * np.pi, spokes)
    phi, theta = np.meshgrid(around, polar, indexing="ij")
    ball = np.stack(
        (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), axis=-1
    )
    ball = ball.reshape(-1, 3).astype(np.float32)
    triangles = orient_outward(ball, grid(spokes, rings), np.zeros(3, np.float32))
    return ball, triangles[length(face_normals(ball, triangles)) > 1e-6]


def _eye(shape: HeadShape, ball: Array, triangles: Triangles, sign: float, side: str) -> MeshPart:
    species = shape.species
    base = ball @ rotation((0, 1, 0), _TOE_OUT_DEG * sign).T
    points = base * species.eye_radius + vector((species.eye[0] * sign, *species.eye[1:]))

    def turned(axis: Vector, degrees: float) -> Array:
        moved: Array = (base @ rotation(axis, degrees).T - base) * species.eye_radius
        return moved

    back = np.broadcast_to(vector((0, 0, _DRAW_BACK * species.eye_radius)), points.shape)
    morphs: Displacements = {
        "eyeLookUp" + side: turned((1, 0, 0), _UP_DEG),
        "eyeLookDown" + side: turned((1, 0, 0), _DOWN_DEG),
        "eyeLookOut" + side: turned((0, 1, 0), _ASIDE_DEG * sign),
        "eyeLookIn" + side: turned((0, 1, 0), -_ASIDE_DEG * sign),
        "eyeBlink" + side: back,
    }
    return MeshPart(
        "eye" + side,
        Material.EYE,
        points,
        triangles,
        tiled((1, 1, 1), len(points)),
        morphs,
        normals=base,
        comb=ball,
    )

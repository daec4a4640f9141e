"""The parts that are not skin: eyes, lids, nose, whiskers.

Each is a `MeshPart`: points and triangles with colours and its own displacements, in head units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Material
from livecam.modelling.mesh import Triangles, face_normals, grid, projected, small_surface
from livecam.modelling.morphs import SIDES, Displacements, ExpressionFields
from livecam.modelling.sdf import (
    Array,
    Vector,
    cone,
    ellipsoid,
    gradient,
    length,
    mirrored,
    smooth_max,
    smooth_min,
    smoothstep,
    unit,
    vector,
)
from livecam.modelling.shape import HeadShape

EYE_TOE_OUT_DEG = 3.0  # a hint of it keeps large eyes from looking crossed


def _not_given() -> Array:
    return np.empty(0, np.float32)


def _no_bone() -> NDArray[np.uint8]:
    return np.empty(0, np.uint8)


@dataclass(slots=True)
class MeshPart:
    """A piece of a head before it is packed; what is not given is made from the rest."""

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
    bone: NDArray[np.uint8] = field(default_factory=_no_bone)  # as in Mesh
    sway: Array = field(default_factory=_not_given)

    def __post_init__(self) -> None:
        count = len(self.points)
        if not len(self.normals):
            self.normals = smooth_normals(self.points, self.triangles)
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


def smooth_normals(points: Array, triangles: Triangles) -> Array:
    """Unit normals at the vertices, weighted by area."""
    faces = face_normals(points, triangles)
    out = np.zeros_like(points)
    for corner in range(3):
        np.add.at(out, triangles[:, corner], faces)
    return unit(out)


def outward(points: Array, triangles: Triangles, centre: Array) -> Triangles:
    """The triangles turned so that they face away from a centre."""
    middle = points[triangles].mean(axis=1)
    facing = (face_normals(points, triangles) * (middle - centre)).sum()
    return triangles if facing > 0 else triangles[:, ::-1].copy()


def rotation(axis: Vector, degrees: float) -> Array:
    """The 3x3 rotation about a unit axis (Rodrigues)."""
    a = np.radians(degrees)
    x, y, z = axis
    k = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    out: Array = (np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k).astype(np.float32)
    return out


def flat(color: Vector, count: int) -> Array:
    """One colour for many points."""
    return np.tile(vector(color), (count, 1))


# ---------------------------------------------------------------- eyes


def eyes(shape: HeadShape, rings: int, spokes: int) -> list[MeshPart]:
    """Two balls that turn; `comb` carries the direction from the centre, for the iris."""
    row = shape.species
    # Rings stand closer round the pole that looks ahead; the back is never seen.
    polar = np.radians(118) * np.linspace(0, 1, rings) ** 0.9
    around = np.linspace(0, 2 * np.pi, spokes)
    phi, theta = np.meshgrid(around, polar, indexing="ij")
    ball = np.stack(
        (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), axis=-1
    )
    ball = ball.reshape(-1, 3).astype(np.float32)
    triangles = grid(spokes, rings)
    triangles = outward(ball, triangles, np.zeros(3, np.float32))
    triangles = triangles[length(face_normals(ball, triangles)) > 1e-6]
    out = []
    for sign, name in SIDES:
        base = ball @ rotation((0, 1, 0), EYE_TOE_OUT_DEG * sign).T
        placed = base * row.eye_radius + vector((row.eye[0] * sign, *row.eye[1:]))

        def turned(axis: Vector, degrees: float, base: Array = base) -> Array:
            moved: Array = (base @ rotation(axis, degrees).T - base) * row.eye_radius
            return moved

        # Half-shut lids cut straight through the ball's arc, so it draws back a little.
        back = np.broadcast_to(vector((0, 0, -0.47 * row.eye_radius)), placed.shape)
        morphs = {
            "eyeLookUp" + name: turned((1, 0, 0), -25),
            "eyeLookDown" + name: turned((1, 0, 0), 27),
            "eyeLookOut" + name: turned((0, 1, 0), 31 * sign),
            "eyeLookIn" + name: turned((0, 1, 0), -31 * sign),
            "eyeBlink" + name: back,
        }
        out.append(
            MeshPart(
                "eye" + name,
                Material.EYE,
                placed,
                triangles,
                flat((1, 1, 1), len(placed)),
                morphs,
                normals=base,
                comb=ball,
            )
        )
    return out


# ---------------------------------------------------------------- nose


def nose(shape: HeadShape, fields: ExpressionFields, voxel: float, triangles: int) -> MeshPart:
    """The leathery tip, with nostrils, riding on the muzzle."""
    row = shape.species
    centre = vector(row.nose)
    rx, ry, rz = row.nose_radii

    def form(p: Array) -> Array:
        at = p - centre
        q = mirrored(at)
        d = ellipsoid(q, (0, 0.01, 0), row.nose_radii)
        wing = ellipsoid(q, (rx * 0.52, -ry * 0.25, rz * 0.1), (rx * 0.52, ry * 0.62, rz * 0.8))
        d = smooth_min(d, wing, 0.05)
        stem = cone(at, (0, -ry * 0.5, 0.03), (0, -ry * 1.8, -0.035), 0.03, 0.02)
        d = smooth_min(d, stem, 0.05)
        hole = cone(
            q, (rx * 0.50, -ry * 0.30, rz * 0.95), (rx * 0.85, -ry * 0.12, rz * 0.75), 0.030, 0.018
        )
        return smooth_max(d, -hole, 0.03)

    low = tuple(float(v) for v in centre - 0.26)
    high = tuple(float(v) for v in centre + 0.26)
    points, faces = small_surface(form, low, high, voxel, triangles)  # type: ignore[arg-type]
    normals = gradient(form, points, 0.01)
    open_air = smoothstep(0.0, 0.05, form(points + normals * 0.035) * (0.05 / 0.035))
    return MeshPart(
        "nose",
        Material.NOSE,
        points,
        faces,
        flat(row.nose_color, len(points)),
        fields(points),
        normals=normals,
        occlusion=0.35 + 0.65 * open_air,
    )


# ---------------------------------------------------------------- whiskers

# Root height and depth relative to the muzzle's tip, then how the whisker leaves: x, y, droop.
_WHISKERS = (
    (0.030, 0.00, 0.62, 0.17, 0.14),
    (-0.005, -0.03, 0.70, 0.05, 0.16),
    (-0.045, -0.07, 0.60, -0.08, 0.16),
    (0.015, -0.10, 0.50, 0.10, 0.10),
)


def whiskers(shape: HeadShape, fields: ExpressionFields, rings: int, sides: int) -> list[MeshPart]:
    """Tapering hairs on both sides of the muzzle; each moves as one with its root."""
    row = shape.species
    tip = row.muzzle_to
    t = np.linspace(0, 1, rings)
    out = []
    for sign, name in SIDES:
        for number, (dy, dz, reach, rise, droop) in enumerate(_WHISKERS):
            root = vector(((row.pad_x + 0.075) * sign, tip[1] + dy, tip[2] + 0.02 + dz))
            root = projected(shape, root[None], 4)[0]
            line = root + np.stack(
                (sign * reach * t, rise * t - droop * t * t, -0.08 * t - 0.20 * t * t), axis=1
            )
            points, faces = _tube(line.astype(np.float32), 0.0105, 0.0022, sides)
            anchors = np.broadcast_to(root, points.shape).astype(np.float32)
            out.append(
                MeshPart(
                    f"whisker{name}{number}",
                    Material.WHISKER,
                    points,
                    faces,
                    flat(row.whisker, len(points)),
                    fields(points, anchors),
                )
            )
    return out


def _tube(line: Array, r0: float, r1: float, sides: int) -> tuple[Array, Triangles]:
    """A closed tube along a line, thinning from r0 to r1."""
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    across = unit(np.cross(along, vector((0, 1, 0.3))).astype(np.float32))
    up = np.cross(along, across)
    radius = np.linspace(r0, r1, len(line))[:, None]
    angles = 2 * np.pi * np.arange(sides) / sides
    rings = [line + radius * (np.cos(a) * across + np.sin(a) * up) for a in angles]
    points = np.stack(rings, axis=1).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(len(line) - 1), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    faces = np.concatenate(
        (np.stack((a, b, a + sides), axis=1), np.stack((b, b + sides, a + sides), axis=1))
    )
    centres = np.repeat(line, sides, axis=0)
    facing = (face_normals(points, faces) * (points - centres)[faces].mean(axis=1)).sum()
    return points, faces if facing > 0 else faces[:, ::-1].copy()

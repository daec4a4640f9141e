"""The description of an accessory and the surfaces that accessories are made of.

Numbers are in head units, fitted to the raccoon; the anchors of a head (anchors.py) move and
scale an accessory to fit others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.accessories import Press
from livecam.avatar.base import Bone, Material
from livecam.modelling.mesh import TriangleMesh, face_normals, grid, orient_outward, vertex_normals
from livecam.modelling.parts import MeshPart
from livecam.modelling.vectors import Array, Vector, length, tiled, unit, vector


@dataclass(frozen=True, slots=True)
class AccessoryModel:
    """Name, kind, maker and rig of one accessory."""

    name: str
    title: str
    title_zh: str
    kind: str  # one of ACCESSORY_KINDS
    make: Callable[[bool], list[MeshPart]]  # fine, or coarser for software renderers
    bones: tuple[Bone, ...] = ()  # head units
    press: Press | None = None  # head units


def make_part(
    name: str,
    material: Material,
    surface: TriangleMesh,
    colors: Vector | Array,
    *,
    bone: int = 0,
    fur: float = 0.0,
    occlusion: Array | None = None,
) -> MeshPart:
    """Builds a part of one material, rigid or hung on a bone."""
    count = len(surface.points)
    painted = tiled(colors, count) if isinstance(colors, tuple) else colors.astype(np.float32)
    normals = vertex_normals(surface.points, surface.triangles)
    return MeshPart(
        name,
        material,
        surface.points,
        surface.triangles,
        painted,
        {},
        normals=normals,
        occlusion=np.ones(count, np.float32) if occlusion is None else occlusion,
        fur=np.full(count, fur, np.float32),
        comb=normals,
        bone=np.full(count, bone, np.uint8),
        sway=np.full(count, float(bone > 0), np.float32),
    )


# ---------------------------------------------------------------- surfaces


def grid_mesh(points: Array, wrap_rows: bool = False, wrap_columns: bool = False) -> TriangleMesh:
    """Triangulates points[rows, columns, 3] so that they face outward; drops empty triangles."""
    triangles = grid(
        *points.shape[:2], wrap_rows=wrap_rows, wrap_columns=wrap_columns, clockwise=True
    )
    vertices = points.reshape(-1, 3).astype(np.float32)
    at_pole = length(face_normals(vertices, triangles)) <= 1e-9
    return TriangleMesh(
        vertices, orient_outward(vertices, triangles, vertices.mean(axis=0))[~at_pole]
    )


def lathe(profile: Array, sides: int, squash: float = 1.0) -> Array:
    """Revolves (radius, height) pairs, from top to bottom, about y: points[rows, sides, 3]."""
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack((np.sin(turn), np.zeros(sides), np.cos(turn) * squash), axis=1)
    out: Array = profile[:, :1, None] * ring + profile[:, 1:, None] * vector((0, 1, 0))
    return out.astype(np.float32)


def lathe_mesh(profile: Array, sides: int, squash: float = 1.0) -> TriangleMesh:
    """Builds a surface of revolution."""
    return grid_mesh(lathe(profile, sides, squash), wrap_columns=True)


def rod(
    line: Array, across: Array, half: tuple[float, float], sides: int, ring: bool
) -> TriangleMesh:
    """Sweeps a superellipse along a line; `half` is its size along `across` and perpendicular."""
    if ring:
        along = unit(np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0))
    else:
        along = unit(np.gradient(line, axis=0))
    other = unit(np.cross(along, across))
    turn = 2 * np.pi * np.arange(sides) / sides
    c, s = (np.sign(f(turn)) * np.abs(f(turn)) ** 0.8 for f in (np.cos, np.sin))
    points = (
        line[:, None]
        + half[0] * c[None, :, None] * across[:, None]
        + half[1] * s[None, :, None] * other[:, None]
    )
    return grid_mesh(points, wrap_rows=ring, wrap_columns=True)


def transform(surface: TriangleMesh, rotation: Array, offset: Vector = (0, 0, 0)) -> TriangleMesh:
    """Rotates a surface about the origin, then moves it."""
    points = (surface.points @ rotation.T + vector(offset)).astype(np.float32)
    return TriangleMesh(points, surface.triangles)


def mirror(surface: TriangleMesh) -> TriangleMesh:
    """Copies a surface to the other side of the head."""
    return TriangleMesh(surface.points * vector((-1, 1, 1)), surface.triangles[:, ::-1].copy())

"""Triangle meshes as arrays: grids, tubes, edges, normals and winding order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.modelling.vectors import Array, unit

Triangles: TypeAlias = NDArray[np.int64]  # int64[m, 3], counter-clockwise from outside
Edge: TypeAlias = tuple[int, int]  # two vertices, the lower index first


@dataclass(frozen=True, slots=True)
class TriangleMesh:
    """Vertices and the triangles between them."""

    points: Array  # float32[n, 3]
    triangles: Triangles


def compact(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Removes the vertices that no triangle uses."""
    used, renumbered = np.unique(triangles, return_inverse=True)
    return points[used], renumbered.reshape(-1, 3)


# ---------------------------------------------------------------- connectivity


def grid(
    rows: int,
    columns: int,
    *,
    wrap_rows: bool = False,
    wrap_columns: bool = False,
    clockwise: bool = False,
) -> Triangles:
    """Triangulates points[rows * columns], columns running fastest.

    The winding order is that with rows downwards and columns to the right. `wrap_rows` and
    `wrap_columns` join the last row or column to the first.
    """
    i, j = np.meshgrid(
        np.arange(rows - (not wrap_rows)), np.arange(columns - (not wrap_columns)), indexing="ij"
    )
    down, right = (i + 1) % rows, (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + right, down * columns + j, down * columns + right
    halves = ((a, b, c), (b, d, c)) if clockwise else ((a, c, b), (b, c, d))
    corners = [np.stack(half, axis=-1).reshape(-1, 3) for half in halves]
    return np.concatenate(corners).astype(np.int64)


def tube_grid(rings: int, sides: int) -> Triangles:
    """Triangulates the wall of a tube, points[rings * sides]."""
    return grid(rings, sides, wrap_columns=True, clockwise=True)


def closed_tube_grid(rings: int, sides: int) -> Triangles:
    """Triangulates the wall of a tube, points[rings * sides], and a fan over both ends."""
    k = np.arange(1, sides - 1)
    last = (rings - 1) * sides
    root = np.stack((0 * k, k + 1, k), axis=1)
    tip = np.stack((0 * k + last, k + last, k + 1 + last), axis=1)
    return np.concatenate((tube_grid(rings, sides), root, tip)).astype(np.int64)


def unique_edges(triangles: Triangles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lists every edge once, int64[k, 2], with the number of triangles that share it."""
    ends = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    edges, use = np.unique(np.sort(ends, axis=1), axis=0, return_counts=True)
    return edges, use


def split_edges(triangles: Triangles, vertices: Mapping[Edge, int]) -> Triangles:
    """Splits every triangle at the new vertices on its edges; the winding order stays."""
    parts = [_split_triangle(tuple(int(v) for v in tri), vertices) for tri in triangles]
    return np.array([tri for part in parts for tri in part], np.int64)


def _split_triangle(
    tri: tuple[int, ...], vertices: Mapping[Edge, int]
) -> list[tuple[int, int, int]]:
    mids = [vertices.get((min(p), max(p)), -1) for p in zip(tri, tri[1:] + tri[:1], strict=True)]
    split = [i for i in range(3) if mids[i] >= 0]
    if not split:
        return [(tri[0], tri[1], tri[2])]
    # Turn it so that an unsplit edge comes last (one split edge: the split one first).
    first = split[0]
    if len(split) == 2:
        first = next(i for i in range(3) if mids[(i + 2) % 3] < 0)
    a, b, c = (tri[(first + i) % 3] for i in range(3))
    ab, bc = mids[first], mids[(first + 1) % 3]
    if len(split) == 1:
        return [(a, ab, c), (ab, b, c)]
    if len(split) == 3:
        ca = mids[(first + 2) % 3]
        return [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return [(ab, b, bc), (a, ab, bc), (a, bc, c)]


# ---------------------------------------------------------------- normals and winding order


def face_normals(points: Array, triangles: Triangles) -> Array:
    """Computes the normals of the triangles, float32[m, 3], of length twice the area."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    out: Array = np.cross(b - a, c - a)
    return out


def vertex_normals(points: Array, triangles: Triangles) -> Array:
    """Computes unit normals at the vertices, weighted by the area of the triangles."""
    faces = face_normals(points, triangles)
    out = np.zeros_like(points)
    for corner in range(3):
        np.add.at(out, triangles[:, corner], faces)
    return unit(out)


def orient_along(points: Array, triangles: Triangles, directions: Array) -> Triangles:
    """Reverses the winding order if most triangles face against `directions`, [3] or [n, 3]."""
    along = directions if directions.ndim == 1 else directions[triangles].mean(axis=1)
    agreement = (face_normals(points, triangles) * along).sum()
    return triangles if agreement > 0 else triangles[:, ::-1].copy()


def orient_outward(points: Array, triangles: Triangles, centres: Array) -> Triangles:
    """Reverses the winding order if most triangles face their centres, [3] or [n, 3]."""
    return orient_along(points, triangles, points - centres)

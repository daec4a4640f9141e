"""From a signed distance function to a mesh: marching cubes, decimation, relaxation, refinement.

The one home of scikit-image and fast-simplification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import fast_simplification
import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse import csgraph
from skimage.measure import marching_cubes

from livecam.modelling.mesh import Triangles, compact, split_edges, unique_edges
from livecam.modelling.sdf import ScalarField, gradient, project_to_surface
from livecam.modelling.vectors import Array, Vector, length, vector

_SLAB = 16  # layers of the voxel grid that are evaluated at once
_ROUND_SHARES = (0.5, 0.3, 0.2)  # of the new vertices that each round of refinement may add
_MIN_ERROR = 0.05  # interpolation error, in the units of the values, that is worth a vertex
_MIN_EDGE = 0.02  # head units; shorter edges are not split


@dataclass(frozen=True, slots=True)
class Stretch:
    """A local magnification of space before decimation, so that a region keeps more triangles."""

    centre: Vector
    size: Vector
    strength: float = 1.1

    def __call__(self, p: Array) -> Array:
        """Computes the displacement of each point."""
        off = p - vector(self.centre)
        q = off / vector(self.size)
        falloff = self.strength * np.exp(-np.einsum("...i,...i->...", q, q))
        out: Array = (off * falloff[:, None]).astype(np.float32)
        return out


def isosurface(
    field: ScalarField, low: Vector, high: Vector, voxel: float
) -> tuple[Array, Triangles]:
    """Extracts the zero set of a field inside a box by marching cubes; keeps its largest piece."""
    start = vector(low)
    counts = np.ceil((vector(high) - start) / voxel).astype(int)
    axes = [start[i] + np.arange(counts[i], dtype=np.float32) * np.float32(voxel) for i in range(3)]
    volume = np.empty(counts, np.float32)
    for i in range(0, counts[0], _SLAB):
        slab = np.stack(np.meshgrid(axes[0][i : i + _SLAB], *axes[1:], indexing="ij"), axis=-1)
        volume[i : i + _SLAB] = field(slab)
    cubes = cast("Callable[..., tuple[Array, NDArray[np.int32], Array, Array]]", marching_cubes)
    points, triangles, _, _ = cubes(volume, 0.0, spacing=(voxel,) * 3)
    points = (points + start).astype(np.float32)
    return _largest_piece(points, _orient_uphill(field, points, triangles.astype(np.int64)))


def _orient_uphill(field: ScalarField, points: Array, triangles: Triangles) -> Triangles:
    corners = points[triangles[:: max(1, len(triangles) // 500)]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agreement = (normals * gradient(field, corners.mean(axis=1))).sum()
    return triangles if agreement > 0 else triangles[:, ::-1].copy()


def _largest_piece(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    ends = np.r_[triangles[:, 0], triangles[:, 1]], np.r_[triangles[:, 1], triangles[:, 2]]
    graph = sparse.coo_matrix((np.ones(len(ends[0])), ends), (len(points),) * 2)
    _, piece = csgraph.connected_components(graph, directed=False)
    largest = np.bincount(piece).argmax()
    return compact(points, triangles[piece[triangles[:, 0]] == largest])


def small_isosurface(
    field: ScalarField, low: Vector, high: Vector, voxel: float, target: int
) -> tuple[Array, Triangles]:
    """Extracts a small part as a mesh of about `target` triangles."""
    points, triangles = simplify(*isosurface(field, low, high, voxel), target)
    return project_to_surface(field, points), triangles


def simplify(
    points: Array, triangles: Triangles, target: int, stretches: tuple[Stretch, ...] = ()
) -> tuple[Array, Triangles]:
    """Decimates a mesh to about `target` triangles, with more of them in stretched regions."""

    def displacement(p: Array) -> Array:
        return sum((stretch(p) for stretch in stretches), np.zeros_like(p))

    warped, fewer = fast_simplification.simplify(
        points + displacement(points), triangles.astype(np.int32), target_count=target, agg=4
    )
    warped = warped.astype(np.float32)
    out = warped.copy()
    # Damped fixed-point iteration inverts the stretch: out + displacement(out) = warped.
    for _ in range(60 if stretches else 0):
        out += 0.45 * (warped - (out + displacement(out)))
    return compact(out, fewer.astype(np.int64))


def relax(field: ScalarField, points: Array, triangles: Triangles, steps: int = 3) -> Array:
    """Evens out the vertices over the surface (Laplacian smoothing) to avoid slivers."""
    edges, use = unique_edges(triangles)
    count = np.bincount(edges.ravel(), minlength=len(points))[:, None]
    on_border = np.zeros(len(points), bool)
    on_border[edges[use == 1]] = True
    for _ in range(steps):
        total = np.zeros_like(points)
        np.add.at(total, edges[:, 0], points[edges[:, 1]])
        np.add.at(total, edges[:, 1], points[edges[:, 0]])
        step = np.where(on_border[:, None], 0, (total / count - points) * 0.4)
        points = project_to_surface(field, (points + step).astype(np.float32), 1)
    return points


def refine(
    field: ScalarField, points: Array, triangles: Triangles, values: ScalarField, max_new: int
) -> tuple[Array, Triangles]:
    """Splits edges along which `values` (float32[n, k]) interpolate badly, the worst first.

    Adds at most `max_new` vertices, on the surface.
    """
    for share in _ROUND_SHARES:
        edges, use = unique_edges(triangles)
        a, b = edges[use == 2].T
        at_ends = values(points)
        middle = project_to_surface(field, (points[a] + points[b]) / 2)
        error = np.abs(values(middle) - (at_ends[a] + at_ends[b]) / 2).max(axis=1)
        size = length(points[a] - points[b])
        worst = np.argsort(-error * size, kind="stable")[: round(max_new * share)]
        worst = np.sort(worst[(error[worst] > _MIN_ERROR) & (size[worst] > _MIN_EDGE)])
        new = {(int(a[i]), int(b[i])): len(points) + k for k, i in enumerate(worst)}
        triangles = split_edges(triangles, new)
        points = np.concatenate((points, middle[worst])).astype(np.float32)
    return points, triangles

"""From a distance function to triangles: marching cubes, decimation, projection, cutting.

The one home of scikit-image, scipy and fast-simplification; needed at build time only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import fast_simplification
import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse import csgraph
from skimage.measure import marching_cubes

from livecam.modelling.sdf import Array, ScalarField, Vector, gradient, length, vector

Triangles: TypeAlias = NDArray[np.int64]  # int64[m, 3], counter-clockwise seen from outside

_SLAB = 16  # layers of the grid that are evaluated at once
_VISIBLE = 0.05  # a smaller error of a colour, as its square root, is not worth a vertex
_SHORTEST = 0.02  # head units; no shorter edge is split


@dataclass(frozen=True, slots=True)
class Stretch:
    """A bell of space that is drawn out before decimation, so that it keeps more triangles."""

    centre: Vector
    size: Vector
    strength: float = 1.1

    def __call__(self, p: Array) -> Array:
        """How far each point is moved."""
        off = p - vector(self.centre)
        q = off / vector(self.size)
        bell = self.strength * np.exp(-np.einsum("...i,...i->...", q, q))
        out: Array = (off * bell[:, None]).astype(np.float32)
        return out


def surface(field: ScalarField, low: Vector, high: Vector, voxel: float) -> tuple[Array, Triangles]:
    """The zero set of a field inside a box, its largest piece, as points and triangles."""
    start = vector(low)
    counts = np.ceil((vector(high) - start) / voxel).astype(int)
    axes = [start[i] + np.arange(counts[i], dtype=np.float32) * np.float32(voxel) for i in range(3)]
    volume = np.empty(counts, np.float32)
    for i in range(0, counts[0], _SLAB):
        grid = np.stack(np.meshgrid(axes[0][i : i + _SLAB], *axes[1:], indexing="ij"), axis=-1)
        volume[i : i + _SLAB] = field(grid)
    cubes = cast("Callable[..., tuple[Array, NDArray[np.int32], Array, Array]]", marching_cubes)
    points, triangles, _, _ = cubes(volume, 0.0, spacing=(voxel,) * 3)
    points = (points + start).astype(np.float32)
    return _largest_piece(points, _outward(field, points, triangles.astype(np.int64)))


def _outward(field: ScalarField, points: Array, triangles: Triangles) -> Triangles:
    corners = points[triangles[:: max(1, len(triangles) // 500)]]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agreement = (faces * gradient(field, corners.mean(axis=1))).sum()
    return triangles if agreement > 0 else triangles[:, ::-1].copy()


def _largest_piece(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    ends = np.r_[triangles[:, 0], triangles[:, 1]], np.r_[triangles[:, 1], triangles[:, 2]]
    graph = sparse.coo_matrix((np.ones(len(ends[0])), ends), (len(points),) * 2)
    _, piece = csgraph.connected_components(graph, directed=False)
    largest = np.bincount(piece).argmax()
    return compact(points, triangles[piece[triangles[:, 0]] == largest])


def compact(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Only the points that triangles use."""
    used, renumbered = np.unique(triangles, return_inverse=True)
    return points[used], renumbered.reshape(-1, 3)


def face_normals(points: Array, triangles: Triangles) -> Array:
    """float32[m, 3], length twice the area."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    out: Array = np.cross(b - a, c - a)
    return out


def simplified(
    points: Array, triangles: Triangles, target: int, stretches: tuple[Stretch, ...] = ()
) -> tuple[Array, Triangles]:
    """About `target` triangles; more of them where space is stretched."""

    def moved(p: Array) -> Array:
        return sum((stretch(p) for stretch in stretches), np.zeros_like(p))

    warped, fewer = fast_simplification.simplify(
        points + moved(points), triangles.astype(np.int32), target_count=target, agg=4
    )
    warped = warped.astype(np.float32)
    out = warped.copy()
    for _ in range(60 if stretches else 0):  # the fixed point of out + moved(out) = warped
        out += 0.45 * (warped - (out + moved(out)))
    return compact(out, fewer.astype(np.int64))


def projected(field: ScalarField, points: Array, steps: int = 2) -> Array:
    """The points moved onto the surface by damped Newton steps."""
    for _ in range(steps):
        points = points - (field(points)[:, None] * gradient(field, points)) * np.float32(0.8)
    return points.astype(np.float32)


def relaxed(field: ScalarField, points: Array, triangles: Triangles, steps: int = 3) -> Array:
    """The points spread more evenly over the surface, so that no triangle is a sliver."""
    ends = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    edges = np.unique(np.sort(ends, axis=1), axis=0)
    count = np.bincount(edges.ravel(), minlength=len(points))[:, None]
    # An edge of the mesh, used by one triangle only, stays where it is.
    _, use = np.unique(np.sort(ends, axis=1), axis=0, return_counts=True)
    fixed = np.zeros(len(points), bool)
    fixed[edges[use == 1]] = True
    for _ in range(steps):
        total = np.zeros_like(points)
        np.add.at(total, edges[:, 0], points[edges[:, 1]])
        np.add.at(total, edges[:, 1], points[edges[:, 0]])
        step = np.where(fixed[:, None], 0, (total / count - points) * 0.4)
        points = projected(field, (points + step).astype(np.float32), 1)
    return points


def refined(
    field: ScalarField, points: Array, triangles: Triangles, value: ScalarField, most: int
) -> tuple[Array, Triangles]:
    """Splits edges along which `value` (float32[n, k]) is badly interpolated, the worst first.

    At most `most` points are added; they are moved onto the surface.
    """
    rounds = 3
    for number in range(rounds):
        edges = np.sort(np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
        edges, use = np.unique(edges, axis=0, return_counts=True)
        edges = edges[use == 2]
        a, b = edges.T
        ends = value(points)
        middle = projected(field, (points[a] + points[b]) / 2)
        wrong = np.abs(value(middle) - (ends[a] + ends[b]) / 2).max(axis=1)
        size = length(points[a] - points[b])
        worst = np.argsort(-wrong * size, kind="stable")[: round(most * (0.5, 0.3, 0.2)[number])]
        worst = np.sort(worst[(wrong[worst] > _VISIBLE) & (size[worst] > _SHORTEST)])
        split = {(int(a[i]), int(b[i])): len(points) + k for k, i in enumerate(worst)}
        parts = [_split_triangle(tuple(int(v) for v in tri), split) for tri in triangles]
        triangles = np.array([tri for part in parts for tri in part], np.int64)
        points = np.concatenate((points, middle[worst])).astype(np.float32)
    return points, triangles


def small_surface(
    field: ScalarField, low: Vector, high: Vector, voxel: float, target: int
) -> tuple[Array, Triangles]:
    """A small part as a decimated mesh."""
    points, triangles = simplified(*surface(field, low, high, voxel), target)
    return projected(field, points), triangles


# ---------------------------------------------------------------- cutting


@dataclass(frozen=True, slots=True)
class SlitMesh:
    """A mesh that was slit along a line: both lips have their own vertices."""

    points: Array
    triangles: Triangles
    side: Array  # float32[n]: +1 and -1 on the two edges of the slit, 0 elsewhere
    edge: Array  # float32[k, 3], the slit and its two ends, in no order


def slit(points: Array, triangles: Triangles, height: ScalarField, inside: ScalarField) -> SlitMesh:
    """Cuts a mesh along `height` = 0 where `inside` > 0; the two edges stay together in place."""
    points, triangles, zero = _split_along(points, triangles, height, inside)
    open_ = np.zeros(len(points), bool)
    open_[zero] = inside(points[zero]) > 0
    # A curved line cuts off corners: where a triangle lies, its vertices off the line say best.
    off = height(points)
    off[zero] = 0
    off = off[triangles].sum(axis=1)
    middle = height(points[triangles].mean(axis=1))
    below = np.where(np.abs(off) > 1e-6, off, middle) < 0
    copies = np.flatnonzero(open_)
    twin = np.arange(len(points))
    twin[copies] = len(points) + np.arange(len(copies))
    uncut, triangles = triangles, np.where(below[:, None], twin[triangles], triangles)
    side = np.r_[np.where(open_, 1.0, 0.0), np.full(len(copies), -1.0)].astype(np.float32)
    ends = np.zeros(len(points), bool)  # where the two edges meet again
    ends[zero] = ~open_[zero]
    at_end = uncut[open_[uncut].any(axis=1) & ends[uncut].any(axis=1)]
    tips = np.unique(at_end[ends[at_end]])
    edge = np.concatenate((points[copies], points[tips]))
    return SlitMesh(np.concatenate((points, points[copies])), triangles, side, edge)


def _split_along(
    points: Array, triangles: Triangles, height: ScalarField, inside: ScalarField
) -> tuple[Array, Triangles, NDArray[np.int64]]:
    """Triangles split so that the line runs along edges; also the vertices on it."""
    margin = -0.08
    h, near = height(points), inside(points) > margin
    size = np.sqrt(length(face_normals(points, triangles)).mean())
    # Vertices almost on the line are moved onto it: no slivers.
    on = near & (np.abs(h) < 0.22 * size)
    points = points.copy()
    points[on, 1] -= h[on]
    h = np.where(on, 0, h).astype(np.float32)
    edges = np.sort(np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
    edges = np.unique(edges, axis=0)
    a, b = edges.T
    crossed = (h[a] * h[b] < 0) & (near[a] | near[b])
    a, b = a[crossed], b[crossed]
    t = (h[a] / (h[a] - h[b]))[:, None]
    fresh = (points[a] + (points[b] - points[a]) * t).astype(np.float32)
    fresh[:, 1] -= height(fresh)
    number = {(int(i), int(j)): len(points) + k for k, (i, j) in enumerate(zip(a, b, strict=True))}
    out = [_split_triangle(tuple(int(v) for v in tri), number) for tri in triangles]
    split = np.array([tri for part in out for tri in part], np.int64)
    zero = np.r_[np.flatnonzero(on), np.arange(len(points), len(points) + len(fresh))]
    return np.concatenate((points, fresh)), split, zero


def _split_triangle(
    tri: tuple[int, ...], number: dict[tuple[int, int], int]
) -> list[tuple[int, int, int]]:
    """The parts of a triangle whose edges carry new vertices; keeps its sense of turning."""
    mids = [number.get((min(p), max(p)), -1) for p in zip(tri, tri[1:] + tri[:1], strict=True)]
    marked = [i for i in range(3) if mids[i] >= 0]
    if not marked:
        return [(tri[0], tri[1], tri[2])]
    # Turn it so that an unsplit edge comes last (one split edge: the split one first).
    first = marked[0]
    if len(marked) == 2:
        first = next(i for i in range(3) if mids[(i + 2) % 3] < 0)
    a, b, c = (tri[(first + i) % 3] for i in range(3))
    ab, bc = mids[first], mids[(first + 1) % 3]
    if len(marked) == 1:
        return [(a, ab, c), (ab, b, c)]
    if len(marked) == 3:
        ca = mids[(first + 2) % 3]
        return [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return [(ab, b, bc), (a, ab, bc), (a, bc, c)]


def grid(columns: int, rows: int) -> Triangles:
    """Triangles over points[columns * rows], rows running fastest."""
    i, j = np.meshgrid(np.arange(columns - 1), np.arange(rows - 1), indexing="ij")
    a = (i * rows + j).ravel()
    return np.concatenate(
        (
            np.stack((a, a + rows, a + 1), axis=1),
            np.stack((a + 1, a + rows, a + rows + 1), axis=1),
        )
    ).astype(np.int64)

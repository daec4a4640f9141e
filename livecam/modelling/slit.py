"""Cuts a mesh open along a curve: the slit of the mouth between the lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livecam.modelling.mesh import Triangles, face_normals, split_edges, unique_edges
from livecam.modelling.sdf import ScalarField
from livecam.modelling.vectors import Array, length

_SNAP = 0.22  # over the mean edge length: vertices nearer to the curve are moved onto it
_MARGIN = -0.08  # edges are split along the curve where `inside` is greater than this


@dataclass(frozen=True, slots=True)
class SlitMesh:
    """A mesh with a slit: both edges of the slit have vertices of their own, at equal positions."""

    points: Array
    triangles: Triangles
    side: Array  # float32[n]: +1 on the upper and -1 on the lower edge of the slit, 0 elsewhere
    edge: Array  # float32[k, 3], the points of the slit and its two ends, unordered


def slit(points: Array, triangles: Triangles, height: ScalarField, inside: ScalarField) -> SlitMesh:
    """Cuts a mesh along `height` = 0 where `inside` > 0, without moving the two edges apart."""
    points, triangles, zero = _split_along(points, triangles, height, inside)
    is_open = np.zeros(len(points), bool)
    is_open[zero] = inside(points[zero]) > 0
    below = _are_below(points, triangles, height, zero)
    copies = np.flatnonzero(is_open)
    twin = np.arange(len(points))
    twin[copies] = len(points) + np.arange(len(copies))
    side = np.r_[np.where(is_open, 1.0, 0.0), np.full(len(copies), -1.0)].astype(np.float32)
    is_end = np.zeros(len(points), bool)  # where the two edges of the slit meet again
    is_end[zero] = ~is_open[zero]
    at_end = triangles[is_open[triangles].any(axis=1) & is_end[triangles].any(axis=1)]
    tips = np.unique(at_end[is_end[at_end]])
    return SlitMesh(
        points=np.concatenate((points, points[copies])),
        triangles=np.where(below[:, None], twin[triangles], triangles),
        side=side,
        edge=np.concatenate((points[copies], points[tips])),
    )


def _are_below(
    points: Array, triangles: Triangles, height: ScalarField, zero: NDArray[np.int64]
) -> NDArray[np.bool_]:
    # A curved line cuts off corners, so the vertices off the line decide, not the centroid.
    off = height(points)
    off[zero] = 0
    off = off[triangles].sum(axis=1)
    middle = height(points[triangles].mean(axis=1))
    below: NDArray[np.bool_] = np.where(np.abs(off) > 1e-6, off, middle) < 0
    return below


def _split_along(
    points: Array, triangles: Triangles, height: ScalarField, inside: ScalarField
) -> tuple[Array, Triangles, NDArray[np.int64]]:
    """Splits triangles so that the curve runs along edges; also lists the vertices on it."""
    h, near = height(points), inside(points) > _MARGIN
    size = np.sqrt(length(face_normals(points, triangles)).mean())
    snapped = near & (np.abs(h) < _SNAP * size)  # avoids slivers
    points = points.copy()
    points[snapped, 1] -= h[snapped]
    h = np.where(snapped, 0, h).astype(np.float32)
    a, b = unique_edges(triangles)[0].T
    crossed = (h[a] * h[b] < 0) & (near[a] | near[b])
    a, b = a[crossed], b[crossed]
    t = (h[a] / (h[a] - h[b]))[:, None]
    new = (points[a] + (points[b] - points[a]) * t).astype(np.float32)
    new[:, 1] -= height(new)
    number = {(int(i), int(j)): len(points) + k for k, (i, j) in enumerate(zip(a, b, strict=True))}
    zero = np.r_[np.flatnonzero(snapped), np.arange(len(points), len(points) + len(new))]
    return np.concatenate((points, new)), split_edges(triangles, number), zero

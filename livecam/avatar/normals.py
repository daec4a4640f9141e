"""Computes the normals of vertices from the triangles around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Points


def area_weighted_normals(positions: Points, triangles: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Sums the area-weighted normals of the triangles of each vertex: float64[n, 3], not unit."""
    corners = positions[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows, count = triangles.ravel(), len(positions)
    sums = [np.bincount(rows, np.repeat(faces[:, axis], 3), count) for axis in range(3)]
    return np.stack(sums, axis=1)


def unit_normals(positions: Points, triangles: NDArray[np.uint32]) -> Points:
    """Computes area-weighted unit normals float32[n, 3]; zero for a vertex without a triangle."""
    sums = area_weighted_normals(positions, triangles)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    unit: Points = (sums / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit

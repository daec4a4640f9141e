"""Signed distance functions on whole arrays of points, and falloff curves.

A signed distance function (SDF) maps points float32[..., 3] to distances float32[...]:
negative inside, zero on the surface. Formulas after Quilez, "distance functions" and
"smooth minimum".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from livecam.modelling.vectors import Array, Vector, length, unit, vector

ScalarField: TypeAlias = Callable[[Array], Array]


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """Joins two distance fields (union) with a fillet of about k."""
    h = np.clip(k - np.abs(a - b), 0, None) / k
    out: Array = np.minimum(a, b) - h * h * (k * 0.25)
    return out


def smooth_max(a: Array, b: Array, k: float) -> Array:
    """Intersects two distance fields with a fillet of about k."""
    return -smooth_min(-a, -b, k)


def ellipsoid(p: Array, centre: Vector, radii: Vector) -> Array:
    """Computes the distance to an ellipsoid, exact to first order."""
    q, r = p - vector(centre), vector(radii)
    near, far = length(q / r), length(q / (r * r)) + np.float32(1e-9)
    out: Array = near * (near - 1) / far
    return out


def cone(
    p: Array, start: Vector, end: Vector, r0: float, r1: float, stretch: Vector = (1, 1, 1)
) -> Array:
    """Computes the distance to a round cone from radius r0 to r1; `stretch` flattens it."""
    s = vector(stretch)
    a, b, q = vector(start) * s, vector(end) * s, p * s
    axis = b - a
    h = np.clip(((q - a) @ axis) / (axis @ axis), 0, 1)
    out: Array = (length(q - a - h[..., None] * axis) - (r0 + (r1 - r0) * h)) / max(stretch)
    return out


def gradient(field: ScalarField, p: Array, step: float = 0.006) -> Array:
    """Computes the unit gradient by central differences: the surface normal of an SDF."""
    out = np.empty_like(p)
    for axis in range(3):
        shift = np.zeros(3, np.float32)
        shift[axis] = step
        out[..., axis] = field(p + shift) - field(p - shift)
    return unit(out)


def project_to_surface(field: ScalarField, points: Array, steps: int = 2) -> Array:
    """Moves points onto the zero set of a field by damped Newton steps."""
    for _ in range(steps):
        points = points - (field(points)[:, None] * gradient(field, points)) * np.float32(0.8)
    return points.astype(np.float32)


# ---------------------------------------------------------------- falloffs


def smoothstep(low: float | Array, high: float | Array, x: Array) -> Array:
    """Rises from 0 at `low` to 1 at `high`, flat at both; `low` may be the greater one."""
    t = np.clip((x - low) / (high - low), 0, 1)
    out: Array = (t * t * (3 - 2 * t)).astype(np.float32)
    return out


def bump(p: Array, centre: Vector, size: float | Vector) -> Array:
    """Falls off around a point: 1 at the centre, about 1/e at `size`, exactly 0 beyond 2.2 sizes.

    The exact zero keeps the morphs made from it sparse.
    """
    q = (p - vector(centre)) / np.array(size, np.float32)
    out: Array = np.clip(1 - np.einsum("...i,...i->...", q, q) / 5, 0, None) ** 5
    return out


def ridge(x: Array, width: float) -> Array:
    """Falls off around zero: 1 at 0, about 1/e at `width`, the 1-D form of `bump`."""
    return bump(x[..., None], (0.0,), width)  # type: ignore[arg-type]  # of one dimension

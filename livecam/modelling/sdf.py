"""Signed distance functions on whole arrays of points, and the soft curves that shape fields.

A signed distance function maps points float32[..., 3] to distances float32[...]: negative
inside, zero on the surface. Formulas after Quilez, "distance functions" and "smooth minimum".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Vector: TypeAlias = tuple[float, float, float]
ScalarField: TypeAlias = Callable[[Array], Array]


def vector(xyz: Vector) -> Array:
    """Three numbers as an array."""
    return np.array(xyz, np.float32)


def length(p: Array) -> Array:
    """Euclidean length over the last axis."""
    out: Array = np.sqrt(np.einsum("...i,...i->...", p, p))
    return out


def unit(p: Array) -> Array:
    """The same directions with length one."""
    out: Array = p / (length(p)[..., None] + np.float32(1e-9))
    return out


def mirrored(p: Array) -> Array:
    """Both halves of a head as its left one."""
    out = p.copy()
    out[..., 0] = np.abs(out[..., 0])
    return out


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """The union of two shapes with a fillet of about k."""
    h = np.clip(k - np.abs(a - b), 0, None) / k
    out: Array = np.minimum(a, b) - h * h * (k * 0.25)
    return out


def smooth_max(a: Array, b: Array, k: float) -> Array:
    """The intersection of two shapes with a fillet of about k."""
    return -smooth_min(-a, -b, k)


def ellipsoid(p: Array, centre: Vector, radii: Vector) -> Array:
    """Distance to an ellipsoid, first-order exact."""
    q, r = p - vector(centre), vector(radii)
    near, far = length(q / r), length(q / (r * r)) + np.float32(1e-9)
    out: Array = near * (near - 1) / far
    return out


def cone(
    p: Array, start: Vector, end: Vector, r0: float, r1: float, stretch: Vector = (1, 1, 1)
) -> Array:
    """Distance to a rod whose radius goes from r0 to r1; `stretch` flattens it along an axis."""
    s = vector(stretch)
    a, b, q = vector(start) * s, vector(end) * s, p * s
    axis = b - a
    h = np.clip(((q - a) @ axis) / (axis @ axis), 0, 1)
    out: Array = (length(q - a - h[..., None] * axis) - (r0 + (r1 - r0) * h)) / max(stretch)
    return out


def smoothstep(low: float | Array, high: float | Array, x: Array) -> Array:
    """0 at `low`, 1 at `high`, flat at both; `low` may be the greater one."""
    t = np.clip((x - low) / (high - low), 0, 1)
    out: Array = (t * t * (3 - 2 * t)).astype(np.float32)
    return out


def bump(p: Array, centre: Vector, size: float | Vector) -> Array:
    """A bell that is 1 at the centre, about 1/e at `size`, and exactly 0 beyond 2.2 sizes.

    The exact zero keeps the displacements made from it sparse.
    """
    q = (p - vector(centre)) / np.array(size, np.float32)
    out: Array = np.clip(1 - np.einsum("...i,...i->...", q, q) / 5, 0, None) ** 5
    return out


def ridge(x: Array, width: float) -> Array:
    """A bell over a scalar: 1 at 0, about 1/e at `width`."""
    return bump(x[..., None], (0.0,), width)  # type: ignore[arg-type]


def mix(a: Array, b: Array, t: Array) -> Array:
    """Rows of a where t is 0, of b where it is 1."""
    out: Array = a + (b - a) * t[..., None]
    return out


def gradient(field: ScalarField, p: Array, step: float = 0.006) -> Array:
    """The unit gradient of a field by central differences: the surface normal."""
    out = np.empty_like(p)
    for axis in range(3):
        shift = np.zeros(3, np.float32)
        shift[axis] = step
        out[..., axis] = field(p + shift) - field(p - shift)
    return unit(out)

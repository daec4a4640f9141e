"""Arrays of 3-D vectors: lengths, interpolation, rotation.

Head space: x to the head's left, y up, z out of the face, in head units (species/base.py).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Vector: TypeAlias = tuple[float, float, float]


def vector(xyz: Vector) -> Array:
    """Converts three numbers to an array float32[3]."""
    return np.array(xyz, np.float32)


def as_tuple(xyz: Array) -> Vector:
    """Converts an array [3] to three numbers."""
    return (float(xyz[0]), float(xyz[1]), float(xyz[2]))


def tiled(xyz: Vector, count: int) -> Array:
    """Repeats one vector or colour: float32[count, 3]."""
    return np.tile(vector(xyz), (count, 1))


def length(p: Array) -> Array:
    """Computes the Euclidean length over the last axis."""
    out: Array = np.sqrt(np.einsum("...i,...i->...", p, p))
    return out


def unit(p: Array) -> Array:
    """Normalises vectors to length one."""
    out: Array = p / (length(p)[..., None] + np.float32(1e-9))
    return out


def mirrored(p: Array) -> Array:
    """Mirrors points of the right half of a head onto the left half: |x|."""
    out = p.copy()
    out[..., 0] = np.abs(out[..., 0])
    return out


def on_side(p: Array, sign: float) -> Array:
    """Mirrors a point or direction of the left half to the right half where `sign` is -1."""
    out: Array = p * vector((sign, 1, 1))
    return out


def mix(a: Array, b: Array, t: Array) -> Array:
    """Interpolates linearly between rows of a (t = 0) and of b (t = 1)."""
    out: Array = a + (b - a) * t[..., None]
    return out


def rotation(axis: Vector, degrees: float) -> Array:
    """Computes the 3x3 rotation matrix about a unit axis (Rodrigues' formula)."""
    a = np.radians(degrees)
    x, y, z = axis
    k = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    out: Array = (np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k).astype(np.float32)
    return out

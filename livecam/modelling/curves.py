"""Curves through points, and tubes swept along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livecam.modelling.mesh import Triangles, orient_outward, tube_grid
from livecam.modelling.vectors import Array, Vector, unit, vector


def bezier(points: tuple[Vector, Vector, Vector, Vector], t: Array) -> Array:
    """Evaluates a cubic Bezier curve at t: float32[n, 3]."""
    a, b, c, d = (vector(p) for p in points)
    s, u = t[:, None], 1 - t[:, None]
    out: Array = (u**3 * a + 3 * u * u * s * b + 3 * u * s * s * c + s**3 * d).astype(np.float32)
    return out


def spline(path: Sequence[Vector], count: int) -> Array:
    """Samples a Catmull-Rom spline through the given points at even distances."""
    knots = np.array(path, np.float64)
    padded = np.concatenate((2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]))
    t = np.linspace(0, len(knots) - 1 - 1e-9, 12 * len(knots))
    i = t.astype(int)
    u = (t - i)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    fine = 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2
                  + (3 * b - a - 3 * c + d) * u**3)  # fmt: skip
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))]
    at = np.linspace(0, steps[-1], count)
    out = np.stack([np.interp(at, steps, fine[:, k]) for k in range(3)], axis=1)
    return out.astype(np.float32)


def rounded_polyline(corners: Sequence[tuple[float, float]], count: int) -> Array:
    """Samples a plane polyline with slightly rounded corners at even distances: [count, 2]."""
    points = np.array(corners, np.float64)
    for _ in range(2):  # corner cutting (Chaikin 1974)
        a, b = points[:-1], points[1:]
        inner = np.stack((0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b), axis=1).reshape(-1, 2)
        points = np.concatenate((points[:1], inner[1:-1], points[-1:]))
    steps = np.r_[0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    at = np.linspace(0, steps[-1], count)
    return np.stack([np.interp(at, steps, points[:, k]) for k in range(2)], axis=1)


def smooth(values: Array) -> Array:
    """Averages the rows of a curve with their neighbours (1, 2, 1); the ends stay."""
    out = values.copy()
    out[1:-1] = (values[:-2] + 2 * values[1:-1] + values[2:]) / 4
    return out


@dataclass(frozen=True, slots=True)
class Tube:
    """A surface around a curve; its vertices run ring after ring."""

    points: Array  # float32[rings * sides, 3]
    triangles: Triangles
    along: Array  # float32[rings * sides], 0 root .. 1 tip
    around: Array  # float32[rings * sides], radians


def tube(line: Array, radii: Array, sides: int) -> Tube:
    """Sweeps a circle along a line[rings, 3]; a radius near zero closes the tip.

    The frames do not twist (Wang et al. 2008, "Computation of rotation minimizing frames").
    """
    tangent = unit(np.gradient(line, axis=0).astype(np.float32))
    across = _untwisted(line, tangent)
    up = np.cross(tangent, across)
    angles = (2 * np.pi * np.arange(sides) / sides).astype(np.float32)
    ring = (
        np.cos(angles)[None, :, None] * across[:, None]
        + np.sin(angles)[None, :, None] * up[:, None]
    )
    points = (line[:, None] + radii[:, None, None] * ring).reshape(-1, 3).astype(np.float32)
    axis = np.repeat(line, sides, axis=0).astype(np.float32)
    triangles = orient_outward(points, tube_grid(len(line), sides), axis)
    along = np.repeat(np.linspace(0, 1, len(line), dtype=np.float32), sides)
    return Tube(points, triangles, along, np.tile(angles, len(line)))


def _untwisted(line: Array, tangent: Array) -> Array:
    """Computes the normals of rotation minimising frames by double reflection."""
    first = np.cross(tangent[0], vector((0.0, 0.31, 0.95)))
    out = [unit(first)]
    for i in range(len(line) - 1):
        step = line[i + 1] - line[i]
        reflected = out[-1] - 2 * (step @ out[-1]) / (step @ step) * step
        reflected_tangent = tangent[i] - 2 * (step @ tangent[i]) / (step @ step) * step
        turn = tangent[i + 1] - reflected_tangent
        size = turn @ turn
        if size > 1e-12:
            reflected = reflected - 2 * (turn @ reflected) / size * turn
        out.append(unit(reflected))
    return np.array(out, np.float32)

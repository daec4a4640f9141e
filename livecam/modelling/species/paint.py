"""Tools to paint a coat: masks with wavy borders, stripes on planes, blending of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, length, mirrored, mix, tiled, vector

# Corners of a stripe on a plane, and its maximum half width.
Stripe: TypeAlias = tuple[Sequence[tuple[float, float]], float]


class CoatPainter:
    """Paints a coat layer by layer; colours are linear, masks run from 0 to 1."""

    def __init__(self, shape: HeadShape, p: Array, normals: Array, color: Vector) -> None:
        self.p, self.q, self.normals = p, mirrored(p), normals
        self.x, self.y, self.z = self.q[:, 0], p[:, 1], p[:, 2]
        # Angle about the middle of the skull: 0 in front, pi/2 at the crown.
        self.elevation = np.arctan2(self.y - 0.16, self.z + 0.10)
        # Fur has no straight borders, and the halves of a face are not quite alike.
        x, y, z = p.T
        self.wave = 0.03 * np.sin(9 * x + 3) * np.sin(8 * y + 1) + 0.02 * np.sin(23 * z + 17 * x)
        self.ear, self.hollow, self.ear_height = shape.ear_mask(p, normals)
        self.colors: Array = tiled(color, len(p))

    def blend(self, color: Vector, mask: Array) -> None:
        """Blends a colour over the layers below."""
        self.colors = mix(self.colors, vector(color), np.clip(mask, 0, 1))

    def spot(self, centre: Vector, size: Vector, soft: float = 0.25) -> Array:
        """Masks an ellipsoid on both sides of the head, with a wavy border."""
        far = length((self.q - vector(centre)) / vector(size)) + self.wave
        return smoothstep(1 + soft, 1 - soft, far)

    def below(self, height: float | Array, soft: float = 0.09) -> Array:
        """Masks the points under a wavy border across the head."""
        return smoothstep(height + soft, height - soft, self.y + self.wave)

    def in_front(self, depth: float, soft: float = 0.2) -> Array:
        """Masks the points in front of a plane."""
        return smoothstep(depth - soft, depth + soft, self.z)

    @property
    def ear_back(self) -> Array:
        """Masks the rear of the ears."""
        return self.ear * (1 - smoothstep(-0.25, 0.15, self.normals[:, 2]))

    def brow_plane(self) -> Array:
        """Maps points to the forehead: distance from the middle line, elevation in radians."""
        return np.stack((self.x + 0.6 * self.wave, self.elevation + self.wave), axis=1)

    def side_plane(self) -> Array:
        """Maps points to depth and height, a side view."""
        return np.stack((self.z + self.wave, self.y + 0.7 * self.wave), axis=1)

    def face_plane(self) -> Array:
        """Maps points to x and height, a front view."""
        return np.stack((self.x + 0.6 * self.wave, self.y + 0.7 * self.wave), axis=1)


def stripes(at: Array, lines: Sequence[Stripe], soft: float = 0.35) -> Array:
    """Masks strokes over a plane, pointed at both ends; `at` is float32[n, 2]."""
    out = np.zeros(len(at), np.float32)
    for corners, width in lines:
        line = np.array(corners, np.float32)
        steps = np.hypot(*np.diff(line, axis=0).T)
        total, before = steps.sum(), np.r_[0, np.cumsum(steps)]
        for k, step in enumerate(steps):
            along = (line[k + 1] - line[k]) / step
            t = np.clip((at - line[k]) @ along, 0, step)
            far = np.hypot(*(at - line[k] - t[:, None] * along).T)
            s = (before[k] + t) / total
            thick = width * np.sqrt(np.clip(4 * s * (1 - s), 0.02, 1))
            out = np.maximum(out, smoothstep(1 + soft, 1 - soft, far / thick))
    return out

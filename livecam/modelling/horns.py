"""A pair of horns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import Tube, bezier, tube
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.parts import MeshPart, mirror_part
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, mix, tiled, unit, vector

_SMOOTH_FROM = 0.62  # of the length: growth rings fade out before, as on a polished horn


@dataclass(frozen=True, slots=True)
class Horns:
    """Horns along a Bezier curve, thick and ringed at the root, smooth at the tip."""

    curve: tuple[Vector, Vector, Vector, Vector]  # of the left one
    radius: float
    root: Vector  # colours
    middle: Vector
    tip: Vector
    rings: int = 7

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        steps, sides = (54, 18) if detail.fine else (24, 7)
        t = np.linspace(0, 1, steps, dtype=np.float32)
        rings = np.sin(t * self.rings * 2 * np.pi / _SMOOTH_FROM) * smoothstep(
            _SMOOTH_FROM, 0.35, t
        )
        radii = self.radius * (1 - 0.92 * t**1.35) * (1 + 0.045 * rings)
        horn = tube(bezier(self.curve, t), radii.astype(np.float32), sides)
        ring = np.repeat(rings, sides)
        left = MeshPart(
            "hornLeft",
            Material.HORN,
            horn.points,
            horn.triangles,
            self._colors(horn, ring),
            {},
            occlusion=(0.45 + 0.55 * smoothstep(0.0, 0.22, horn.along)) * (0.92 + 0.08 * ring),
            comb=unit(np.repeat(np.gradient(bezier(self.curve, t), axis=0), sides, axis=0)),
        )
        return [left, mirror_part(left, "hornRight")]

    def _colors(self, horn: Tube, ring: Array) -> Array:
        along = horn.along
        colors = mix(
            tiled(self.root, len(along)), vector(self.middle), smoothstep(0.02, 0.40, along)
        )
        colors = mix(colors, vector(self.tip), smoothstep(_SMOOTH_FROM, 0.92, along))
        streak = np.sin(3 * horn.around + 5 * along) * np.sin(7 * horn.around - 3 * along)
        colors = colors * (1 + 0.24 * ring + 0.06 * streak)[:, None]
        return np.clip(colors, 0, 1).astype(np.float32)

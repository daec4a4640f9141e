"""Curls of a forelock: tapering spiral tubes with a coat of short fur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import Tube, tube
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, mix, tiled, unit, vector


@dataclass(frozen=True, slots=True)
class Curl:
    """One curl: where it grows, in which direction, how long, with how many turns."""

    root: Vector
    direction: Vector
    length: float
    turns: float  # negative: the other sense


@dataclass(frozen=True, slots=True)
class Curls:
    """A forelock of several curls."""

    curls: tuple[Curl, ...]
    radius: float
    color: Vector
    tip: Vector  # colour
    coil: float = 0.075  # radius of the spiral

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        return [self._curl(n, curl, fields, detail.fine) for n, curl in enumerate(self.curls)]

    def _curl(self, number: int, curl: Curl, fields: ExpressionFields, fine: bool) -> MeshPart:
        steps, sides = (20, 9) if fine else (9, 4)
        t = np.linspace(0, 1, steps, dtype=np.float32)
        line = self._spiral(curl, t)
        radii = self.radius * (0.35 + 0.65 * np.sin(np.pi * (0.25 + 0.72 * t)) ** 0.8)
        radii = radii * np.sqrt(np.clip(1.02 - t**4, 0.01, 1))
        lock = tube(line, radii.astype(np.float32), sides)
        roots = np.broadcast_to(vector(curl.root), lock.points.shape).astype(np.float32)
        tangent = np.repeat(np.gradient(line, axis=0), sides, axis=0)
        return MeshPart(
            f"curl{number}",
            Material.FUR,
            lock.points,
            lock.triangles,
            self._colors(number, lock),
            _of_brows(fields(lock.points, roots)),
            occlusion=(0.55 + 0.45 * smoothstep(0.0, 0.5, lock.along)),
            fur=np.full(len(roots), 0.018, np.float32),
            comb=unit(tangent.astype(np.float32)),
        )

    def _colors(self, number: int, lock: Tube) -> Array:
        tone = 0.9 + 0.2 * ((number * 7) % 5) / 4
        stripe = 1 + 0.20 * np.cos(3 * lock.around)
        colors = mix(tiled(self.color, len(lock.points)), vector(self.tip), lock.along)
        return np.clip(colors * (tone * stripe)[:, None], 0, 1).astype(np.float32)

    def _spiral(self, curl: Curl, t: Array) -> Array:
        forward = unit(vector(curl.direction))
        across = unit(np.cross(forward, vector((0.2, 0.3, 1.0))).astype(np.float32))
        up = np.cross(forward, across)
        angle = curl.turns * 2 * np.pi * t
        size = self.coil * smoothstep(0.0, 0.45, t) * (1 - 0.45 * t)
        drop = vector((0, -0.22, 0.10)) * (curl.length * t * t)[:, None]
        out: Array = (
            vector(curl.root)
            + (curl.length * t)[:, None] * forward
            + drop
            + size[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * up)
        ).astype(np.float32)
        return out


def _of_brows(morphs: Displacements) -> Displacements:
    """Keeps the brow expressions; the others do not visibly reach the crown."""
    return {name: deltas for name, deltas in morphs.items() if name.startswith("brow")}

"""Eyebrows of humans: tapered tubes that slide over the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import smooth, spline
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import SIDES, Displacements, ExpressionFields
from livecam.modelling.hair import HairTones
from livecam.modelling.humans import HumanShape
from livecam.modelling.mesh import closed_tube_grid, orient_outward
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import smoothstep
from livecam.modelling.vectors import Array, Vector, unit

# Shifts of a brow under an expression, in head units at (inner end, middle, outer end):
# away from the nose, and up.
_SHIFTS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "browInnerUp": ((-0.02, 0.155), (0.0, 0.075), (0.01, -0.005)),
    "browDown": ((-0.055, -0.155), (-0.03, -0.085), (-0.01, 0.010)),
    "browOuterUp": ((0.0, 0.02), (0.0, 0.095), (0.01, 0.125)),
    "eyeWide": ((0.0, 0.02), (0.0, 0.03), (0.0, 0.02)),
    "eyeSquint": ((0.0, -0.015), (0.0, -0.025), (0.0, -0.02)),
    "noseSneer": ((-0.01, -0.05), (0.0, -0.02), (0.0, 0.0)),
    "eyeBlink": ((0.0, -0.008), (0.0, -0.014), (0.0, -0.010)),
}
_TWO_SIDED = ("browInnerUp",)  # one expression for both sides


@dataclass(frozen=True, slots=True)
class Brow:
    """The left eyebrow, from its inner end over the arch to its outer end."""

    path: tuple[Vector, ...]
    height: float  # half of it, at its thickest
    thick: float
    blunt: float = 0.35  # share of its length from which on it tapers
    lift: float = 0.02  # over the skin


def brows(
    shape: HumanShape, fields: ExpressionFields, brow: Brow, tones: HairTones, detail: LevelOfDetail
) -> list[MeshPart]:
    """Builds both eyebrows."""
    return [_Sweep(shape, brow, detail.fine, sign).part(fields, tones, s) for sign, s in SIDES]


class _Sweep:
    """Sweeps one eyebrow along lines that lie on the skin."""

    def __init__(self, shape: HumanShape, brow: Brow, fine: bool, sign: float) -> None:
        self._shape, self._brow, self._sign = shape, brow, sign
        self._rings, self._sides = (22, 10) if fine else (10, 6)
        self._t = np.linspace(0, 1, self._rings).astype(np.float32)
        line = spline(tuple((x * sign, y, z) for x, y, z in brow.path), self._rings)
        self._line = self._laid_on_skin(line)

    def part(self, fields: ExpressionFields, tones: HairTones, side: str) -> MeshPart:
        rest = self._surface(self._line)
        centres = np.repeat(self._line, self._sides, axis=0)
        along = unit(np.gradient(self._line, axis=0).astype(np.float32))
        strands = np.random.default_rng(5).uniform(-0.2, 0.25, self._sides)
        shade = 0.35 + np.tile(strands, self._rings)
        return MeshPart(
            "brow" + side,
            Material.HAIR,
            rest,
            orient_outward(rest, closed_tube_grid(self._rings, self._sides), centres),
            tones.colors(shade.astype(np.float32)).astype(np.float32),
            self._morphs(fields, rest, side),
            comb=np.repeat(along, self._sides, axis=0),
        )

    def _morphs(self, fields: ExpressionFields, rest: Array, side: str) -> Displacements:
        known = fields(self._line[:1])
        out: Displacements = {}
        for expression, shifts in _SHIFTS.items():
            name = expression if expression in _TWO_SIDED else expression + side
            away, up = (np.interp(self._t, (0, 0.5, 1), [s[k] for s in shifts]) for k in (0, 1))
            shift = np.stack((self._sign * away, up, 0 * self._t), axis=1).astype(np.float32)
            line = self._laid_on_skin(self._line + shift)
            skin = fields(line, line - shift)[name] if name in known else 0 * line
            # Skin that swells under the brow lifts it; skin that slides is in the shift already.
            normals = self._shape.normals(line, 0.05)
            swell = np.clip((skin * normals).sum(axis=1), 0, None)
            out[name] = self._surface(line + normals * swell[:, None]) - rest
        return out

    def _laid_on_skin(self, line: Array) -> Array:
        for _ in range(4):
            away = self._brow.lift - self._shape(line)
            line = line + away[:, None] * self._shape.normals(line, 0.04) * np.float32(0.9)
        return line.astype(np.float32)

    def _surface(self, line: Array) -> Array:
        brow, t = self._brow, self._t
        along = unit(np.gradient(line, axis=0).astype(np.float32))
        out = unit(smooth(smooth(self._shape.normals(line, 0.08))))
        side = unit(np.cross(out, along).astype(np.float32))
        angles = 2 * np.pi * np.arange(self._sides) / self._sides
        swell = 0.70 + 0.30 * smoothstep(0.0, 0.22, t)
        taper = np.clip((t - brow.blunt) / (1 - brow.blunt), 0, 1)
        tip = np.sqrt(np.clip(1 - taper**1.5, 0.0, 1)) * np.sqrt(np.clip(t / 0.07, 0.06, 1))
        size = swell * np.maximum(tip, 0.03)
        points = (
            line[:, None]
            + (size[:, None] * np.cos(angles) * brow.height)[..., None] * side[:, None]
            + (size[:, None] * np.sin(angles) * brow.thick)[..., None] * out[:, None]
        )
        surface: Array = points.reshape(-1, 3).astype(np.float32)
        return surface

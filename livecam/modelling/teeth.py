"""Teeth: rows behind the lips, and buck teeth over the lower lip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.mesh import Triangles, grid, orient_along
from livecam.modelling.mouth import GUM, LOWER, UPPER, LipCurve, smooth_along
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, mix, tiled, unit, vector

_TOOTH: Vector = (0.86, 0.82, 0.71)
_ENAMEL: Vector = (0.96, 0.93, 0.86)  # of a human
_STAIN: Vector = (0.30, 0.17, 0.10)  # in the gaps
_ROOT_STAIN: Vector = (0.70, 0.58, 0.40)  # of buck teeth

# Where the columns of one tooth stand, -1 at the gap before it; the next gap starts its neighbour.
_TOOTH_COLUMNS = {4: (-1.0, -0.72, 0.0, 0.72), 6: (-1.0, -0.82, -0.45, 0.0, 0.45, 0.82)}
_FANG = 2.5  # teeth from the middle

# Real teeth do not move with the lips, but rigid ones would pierce lips that narrow.
_LIPS_NARROW = (
    "mouthPucker",
    "mouthFunnel",
    "mouthPucker*jawOpen",
    "mouthFunnel*jawOpen",
    "mouthLeft",
    "mouthRight",
    "mouthPressLeft",
    "mouthPressRight",
)
_LIPS_CLOSE = ("mouthClose*jawOpen",)
# A band fills the mouth: it follows the upper lip by these shares of x, y and z.
_BAND_SHARES: dict[str, Vector] = {
    "mouthSmileLeft": (1.0, 0.65, 0.8),
    "mouthSmileRight": (1.0, 0.65, 0.8),
    "mouthSmileLeft*jawOpen": (1.0, 1.0, 0.8),
    "mouthSmileRight*jawOpen": (1.0, 1.0, 0.8),
    "jawOpen": (0.8, 0.3, 0.8),
    "mouthStretchLeft": (1.0, 0.6, 0.8),
    "mouthStretchRight": (1.0, 0.6, 0.8),
    # Their corners go in or down, and the ends of the band would pierce the skin.
    "mouthDimpleLeft": (1.0, 1.0, 1.0),
    "mouthDimpleRight": (1.0, 1.0, 1.0),
    "mouthFrownLeft": (1.0, 1.0, 1.0),
    "mouthFrownRight": (1.0, 1.0, 1.0),
    "mouthPressLeft": (1.0, 1.0, 1.2),
    "mouthPressRight": (1.0, 1.0, 1.2),
}


@dataclass(frozen=True, slots=True)
class _ToothRow:
    """Size and position of a row behind the lip line, in head units."""

    name: str
    side: float
    height: float
    back: float
    up: float
    lean: float  # how far the tips lie behind the roots
    gum: float  # over the height of a tooth: a raised lip shows gum, not a gap
    reach: float  # over the distance from the middle of the lips to their corner
    fangs: float  # over the upper row's
    parted: float = 1.0  # how deep the gaps between teeth are; 0: one smooth band
    shorter_from: float = 0.75  # of its reach
    curved: float = 0.0  # how much nearer to the lips its ends stand


# The lower jaw is set back under the upper lip, so the upper teeth lean in.
_UPPER_ROW = _ToothRow("upperTeeth", UPPER, 0.100, 0.105, 0.030, 0.065, 0.9, 0.84, 1.0)
_LOWER_ROW = _ToothRow("lowerTeeth", LOWER, 0.050, 0.125, -0.045, 0.0, 0.1, 0.52, 0.0)
_UPPER_BAND = _ToothRow(
    "upperTeeth", UPPER, 0.105, 0.085, 0.030, 0.030, 0.9, 0.99, 0.0, 0.0, 0.60, 0.65
)


class _Scallops(NamedTuple):
    """The columns of a row of teeth, float[k] each."""

    along: Array  # place in the row, -1..1
    gap: Array  # 0 in the middle of a tooth .. 1 in a gap
    tooth: Array  # distance of the tooth from the middle of the row, in teeth


def tooth_rows(
    fields: ExpressionFields, curve: LipCurve, count: int, columns: int, rows: int
) -> list[MeshPart]:
    """Builds an upper row and a lower one that follows the jaw; or one upper band."""
    if fields.shape.species.tooth_band:
        return [_tooth_row(fields, curve, _UPPER_BAND, count, columns, rows)]
    return [
        _tooth_row(fields, curve, _UPPER_ROW, count, columns, rows),
        _tooth_row(fields, curve, _LOWER_ROW, count - 2, columns, rows),
    ]


def _tooth_row(
    fields: ExpressionFields, curve: LipCurve, row: _ToothRow, count: int, columns: int, rows: int
) -> MeshPart:
    """Builds one scalloped strip: long and blunt at the middle of a tooth, notched at a gap."""
    shape, species = fields.shape, fields.shape.species
    scallops = _scallops(count, columns)
    down = np.r_[-row.gum, np.linspace(0, 1, rows)].astype(np.float32)
    at = scallops.along * row.reach * curve.arc[-1]
    # The band does not follow the notch of the upper lip.
    line = smooth_along(curve.points, curve.arc, 0.12) if species.tooth_band else curve.points
    on_curve = _interpolated(curve, line, at)
    forward = unit(_interpolated(curve, curve.out, at)) * vector((1, 0, 1))
    points = _tooth_points(row, on_curve, forward, scallops, down, species.wild_teeth)
    # Where the jaw is narrow, long teeth are moved inside: none may show while the mouth is shut.
    points = points - np.clip(shape(points) + 0.02, 0, None)[:, None] * shape.normals(points, 0.05)
    tip: Array = np.tile(down, len(scallops.along))
    light, gain = (0.90, 0.1) if species.tooth_band else (0.55, 0.4)
    side_shade = 1 - 0.3 * np.repeat(np.abs(scallops.along), len(down))
    return MeshPart(
        row.name,
        Material.TEETH,
        points,
        orient_along(
            points, grid(len(scallops.along), len(down)), np.repeat(forward, len(down), axis=0)
        ),
        _tooth_colors(fields, np.repeat(scallops.gap, len(down)), tip),
        _tooth_morphs(fields, points, np.repeat(on_curve, len(down), axis=0), row),
        occlusion=(light + gain * np.clip(tip, -0.6, 1)) * side_shade,
    )


def _interpolated(curve: LipCurve, values: Array, at: Array) -> Array:
    """Interpolates values[n, 3] of the curve at distances along it."""
    out: Array = np.stack([np.interp(at, curve.arc, values[:, i]) for i in range(3)], axis=1)
    return out.astype(np.float32)


def _scallops(count: int, columns: int) -> _Scallops:
    across = np.array(_TOOTH_COLUMNS[columns])
    middles = np.arange(count) - (count - 1) / 2
    along = np.r_[(middles[:, None] + across / 2).ravel(), count / 2]
    gap = np.r_[np.tile(np.abs(across), count), 1.0]
    tooth = np.abs(np.r_[np.repeat(middles, columns), middles[-1]])
    return _Scallops(along / (count / 2), gap, tooth)


def _tooth_points(
    row: _ToothRow, on_curve: Array, forward: Array, scallops: _Scallops, down: Array, wild: float
) -> Array:
    along, gap, tooth = scallops
    fang = wild * row.fangs * np.exp(-(((tooth - _FANG) / 0.45) ** 2))
    tall = row.height * (1 + 0.20 * fang) * smoothstep(1.02, row.shorter_from, np.abs(along))
    notch = row.parted * gap**3
    tall = tall * (1 - (0.07 + 0.13 * wild + 0.20 * fang) * notch) + 0.01
    bulge = 0.035 * np.sqrt(np.clip(1 - notch, 0, 1))
    crown = np.clip(down, 0, 1)  # without the gum
    profile = np.sin(np.pi * (0.30 + 0.58 * crown)) ** 0.7  # round towards the tip
    back = (row.back * (1 - row.curved * along[:, None] ** 2)).astype(np.float32)
    foot = on_curve - back * forward + row.up * vector((0, 1, 0))
    points: Array = (
        foot[:, None]
        + (bulge[:, None] * profile - row.lean * crown)[..., None] * forward[:, None]
        - row.side * (tall[:, None] * down)[..., None] * vector((0, 1, 0))
    )
    return points.reshape(-1, 3).astype(np.float32)


def _tooth_colors(fields: ExpressionFields, gap: Array, tip: Array) -> Array:
    species = fields.shape.species
    stain = 0.06 if species.tooth_band else 0.25 + 0.55 * species.wild_teeth
    tooth = _ENAMEL if species.tooth_band else _TOOTH
    colors = mix(tiled(tooth, len(gap)), vector(_STAIN), smoothstep(0.80, 1.0, gap) * stain)
    return mix(colors, vector(GUM), np.maximum(0.7 * smoothstep(0.12, 0.0, tip), tip < 0))


def _tooth_morphs(
    fields: ExpressionFields, points: Array, on_curve: Array, row: _ToothRow
) -> Displacements:
    """Moves the lower row with the jaw, and both with lips that narrow or go to one side."""
    side = row.side
    lip = fields(on_curve, side=np.full(len(points), side, np.float32))
    out = {name: lip[name] * vector((0.9, 0.5, 0)) for name in _LIPS_NARROW}
    if fields.shape.species.tooth_band:
        out |= {name: lip[name] * vector(shares) for name, shares in _BAND_SHARES.items()}
    if side < 0:  # the chin stays low under closed lips, and the teeth would show
        out |= {
            name: lip[name] * vector((1, 0.8, 0)) + vector((0, 0, -0.08)) for name in _LIPS_CLOSE
        }
    return out | (fields.on_jaw(points) if side < 0 else {})


# ---------------------------------------------------------------- buck teeth


_BUCK_TEETH_FOLLOW = ("mouthLeft", "mouthRight", "mouthPucker", "mouthFunnel", "mouthRollUpper")


@dataclass(frozen=True, slots=True)
class BuckTeeth:
    """Two front teeth over the lower lip, visible while the mouth is shut."""

    root: Vector  # between both, behind the upper lip
    width: float  # of one
    height: float
    thickness: float
    color: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        columns, rows = (13, 11) if detail.fine else (7, 5)
        u, v = np.meshgrid(
            np.linspace(-1, 1, columns, dtype=np.float32),
            np.linspace(0, 1, rows, dtype=np.float32),
            indexing="ij",
        )
        return [self._tooth(fields, u, v, sign) for sign in (-1.0, 1.0)]

    def _tooth(self, fields: ExpressionFields, u: Array, v: Array, sign: float) -> MeshPart:
        points, triangles = self._pillow(u, v, sign)
        down = np.tile(v.ravel(), 2)
        root = np.broadcast_to(vector(self.root), points.shape).astype(np.float32)
        lip = fields(points, root, np.ones(len(points), np.float32))
        edge = np.tile(smoothstep(0.72, 1.0, np.abs(u)).ravel(), 2)
        stain = smoothstep(0.25, 0.0, down) * 0.6
        return MeshPart(
            "buckTooth" + ("Left" if sign > 0 else "Right"),
            Material.TEETH,
            points,
            triangles,
            mix(tiled(self.color, len(points)), vector(_ROOT_STAIN), stain),
            {name: lip[name] * 0.9 for name in _BUCK_TEETH_FOLLOW if name in lip},
            occlusion=(0.65 + 0.35 * smoothstep(0.0, 0.3, down)) * (1 - 0.45 * edge),
        )

    def _pillow(self, u: Array, v: Array, sign: float) -> tuple[Array, Triangles]:
        """Builds a front and a back sheet that meet at their borders."""
        corner = np.clip(np.abs(u) ** 4 + np.clip(v, 0, 1) ** 6, 0, 1)
        narrowing = 1 - 0.16 * np.clip(v, 0, 1) ** 5  # towards the biting edge
        x = (u * narrowing * 0.5 + 0.5 * sign * 1.03) * self.width
        y = -v * self.height * (1 - 0.10 * u**4)
        bulge = self.thickness * np.sqrt(np.clip(1 - corner, 0, 1))
        lean = -0.02 * v
        sheets = [np.stack((x, y, lean + s * bulge), axis=-1).reshape(-1, 3) for s in (1.0, -0.6)]
        points = (np.concatenate(sheets) + vector(self.root)).astype(np.float32)
        front = grid(*u.shape, clockwise=True)
        return points, np.concatenate((front, front[:, ::-1] + u.size)).astype(np.int64)

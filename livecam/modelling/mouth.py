"""The mouth: lips along the slit, the cavity behind them, the tongue.

Its parts follow the lip curve: `LipCurve` holds points along the slit with frames, and the parts
move as the skin of the upper or lower lip moves there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.mesh import grid, orient_along, tube_grid, vertex_normals
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import ridge, smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, length, mix, tiled, unit, vector

UPPER, LOWER = 1.0, -1.0
GUM: Vector = (0.36, 0.085, 0.085)
_THROAT: Vector = (0.045, 0.008, 0.010)
_TONGUE: Vector = (0.62, 0.155, 0.16)

_LOWER_LIP = 0.7  # its height over the upper one's
# Across a lip, from skin to gum: (out of the face, away from the mouth), in head units.
_LIP = (
    (-0.014, 0.062),
    (0.014, 0.044),
    (0.024, 0.022),
    (0.012, 0.004),
    (-0.020, 0.000),
    (-0.055, 0.012),
)
_LIP_LIGHT = ((-0.014, 0.060), (0.022, 0.028), (0.008, 0.002), (-0.055, 0.012))

_TONGUE_JAW_DEG = 20.0  # a little less than the jaw, or the lower teeth would hide the tongue
_TONGUE_ASIDE = 0.6  # over the jaw's: the cheeks that enclose it follow less


@dataclass(frozen=True, slots=True)
class LipCurve:
    """The line between the lips from the right corner to the left one, with frames."""

    points: Array  # float32[n, 3]
    out: Array  # unit, out of the face
    up: Array  # unit, from lower to upper lip
    open: Array  # float32[n], 0 at the corners .. 1
    arc: Array  # float32[n], signed distance along the curve from its middle

    @property
    def count(self) -> int:
        return len(self.points)


def lip_curve(shape: HeadShape, edge: Array, count: int) -> LipCurve:
    """Orders the points of the slit and resamples them evenly, corners included."""
    order = np.argsort(np.arctan2(edge[:, 0], edge[:, 2] - 0.2))
    line = edge[order]
    steps = np.r_[0, np.cumsum(length(np.diff(line, axis=0)))]
    at = np.linspace(0, steps[-1], count)
    points = np.stack([np.interp(at, steps, line[:, i]) for i in range(3)], axis=1)
    points = smooth_along(points.astype(np.float32), at)
    out = unit(smooth_along(shape.normals(points, 0.05), at))
    along = _tangents(points)
    out = unit(out - (out * along).sum(axis=1, keepdims=True) * along)
    up = unit(np.cross(out, along))
    up *= np.sign(up[:, 1:2].mean())
    ends = np.linspace(-1, 1, count)
    openness = smoothstep(1.0, 0.80, np.abs(ends).astype(np.float32))
    return LipCurve(points, out, up, openness, (at - at[-1] / 2).astype(np.float32))


def smooth_along(values: Array, at: Array, width: float = 0.045) -> Array:
    """Smooths values along a line by a Gaussian of that width; the ends stay."""
    weights = np.exp(-(((at[:, None] - at[None]) / width) ** 2))
    out: Array = (weights / weights.sum(axis=1, keepdims=True)) @ values
    out[0], out[-1] = values[0], values[-1]
    return out


def _tangents(points: Array) -> Array:
    return unit(np.gradient(points, axis=0).astype(np.float32))


# ---------------------------------------------------------------- lips


def lips(shape: HeadShape, fields: ExpressionFields, curve: LipCurve, fine: bool) -> list[MeshPart]:
    """Builds two rounded rims over the edges of the slit."""
    return [_lip(shape, fields, curve, fine, side) for side in (UPPER, LOWER)]


def _lip(
    shape: HeadShape, fields: ExpressionFields, curve: LipCurve, fine: bool, side: float
) -> MeshPart:
    section = np.array(_LIP if fine else _LIP_LIGHT, np.float32)
    profile = section * np.array((1.0, 1.0 if side > 0 else _LOWER_LIP), np.float32)
    size = (0.45 + 0.55 * curve.open)[:, None, None]
    offset = (
        profile[None, :, :1] * curve.out[:, None] + profile[None, :, 1:] * side * curve.up[:, None]
    ) * size
    points = (curve.points[:, None] + offset).reshape(-1, 3).astype(np.float32)
    out = np.repeat(curve.out, len(profile), axis=0)
    depth = np.tile(np.linspace(0, 1, len(profile)), curve.count).astype(np.float32)
    return MeshPart(
        "upperLip" if side > 0 else "lowerLip",
        Material.WET,
        points,
        orient_along(points, grid(curve.count, len(profile)), out),
        tiled(shape.species.lip, len(points)),
        _lip_morphs(fields, curve, offset, side),
        occlusion=(0.80 - 0.5 * smoothstep(0.5, 1.0, depth)),
    )


def _lip_morphs(
    fields: ExpressionFields, curve: LipCurve, offset: Array, side: float
) -> Displacements:
    """Computes displacements of points at curve + offset[n, k, 3] that turn with the curve."""
    skin = fields(curve.points, side=np.full(curve.count, side, np.float32))
    out: Displacements = {}
    before = unit(smooth_along(_tangents(curve.points), curve.arc, 0.06))
    for name, deltas in skin.items():
        shift = smooth_along(deltas, curve.arc, 0.03)
        after = unit(smooth_along(_tangents(curve.points + shift), curve.arc, 0.06))
        turned = offset + _rotation_deltas(before, after, offset)
        out[name] = (shift[:, None] + turned - offset).reshape(-1, 3).astype(np.float32)
    return out


def _rotation_deltas(before: Array, after: Array, offset: Array) -> Array:
    """Computes how the shortest rotation between unit vectors moves offsets (Rodrigues)."""
    axis = np.cross(before, after)[:, None]
    cosine = (before * after).sum(axis=1)[:, None, None]
    once = np.cross(axis, offset)
    out: Array = once + np.cross(axis, once) / (1 + np.maximum(cosine, -0.7))
    return out


# ---------------------------------------------------------------- cavity


def cavity(fields: ExpressionFields, curve: LipCurve, rows: int) -> list[MeshPart]:
    """Builds palate and floor: from the inner edges of the lips back to the throat."""
    return [_vault(fields, curve, rows, side) for side in (UPPER, LOWER)]


def _vault(fields: ExpressionFields, curve: LipCurve, rows: int, side: float) -> MeshPart:
    t = np.linspace(0, 1, rows).astype(np.float32)
    points = _vault_points(fields.shape, curve, t, side)
    inward = np.repeat(-side * curve.up, rows, axis=0)
    triangles = orient_along(points, grid(curve.count, rows), inward)
    # Nearly flat light: the folds of a moving mouth would show as stripes.
    normals = unit(vertex_normals(points, triangles) * 0.3 + vector((0, 0, 1)))
    # Lips that draw in turn a part of it inside out, so both sides are drawn.
    triangles = np.concatenate((triangles, triangles[:, ::-1]))
    depth = np.tile(t, curve.count)
    return MeshPart(
        "palate" if side > 0 else "floor",
        Material.WET,
        points,
        triangles,
        mix(tiled(GUM, len(points)), vector(_THROAT), smoothstep(0.05, 0.75, depth)),
        _vault_morphs(fields, curve, points, side, depth),
        normals=normals,
        occlusion=(0.65 - 0.5 * smoothstep(0.0, 0.6, depth)),
    )


def _vault_points(shape: HeadShape, curve: LipCurve, t: Array, side: float) -> Array:
    start = curve.points - 0.050 * curve.out + side * 0.008 * curve.up
    throat = vector((0, shape.species.mouth_y + 0.045, 0.32))
    end = start * vector((0.25, 0, 0)) + throat
    rise = side * 0.28 * curve.open
    middle = start * vector((0.86, 1, 1)) + np.stack((0 * rise, rise, -0.12 + 0 * rise), axis=1)
    return _quadratic_beziers(start, middle, end, t).reshape(-1, 3)


def _quadratic_beziers(a: Array, b: Array, c: Array, t: Array) -> Array:
    a, b, c = (p[:, None] for p in (a, b, c))
    s = t[None, :, None]
    out: Array = ((1 - s) ** 2 * a + 2 * s * (1 - s) * b + s * s * c).astype(np.float32)
    return out


def _vault_morphs(
    fields: ExpressionFields, curve: LipCurve, points: Array, side: float, depth: Array
) -> Displacements:
    roots = np.repeat(curve.points, len(points) // curve.count, axis=0)
    lip = fields(points, roots, np.full(len(points), side, np.float32))
    out: Displacements = {name: d * ((1 - depth) ** 2)[:, None] for name, d in lip.items()}
    # The floor turns with the jaw all the way back; only the throat stays.
    out["jawOpen"] = lip["jawOpen"] * (1 - smoothstep(0.55, 1.0, depth))[:, None]
    return out


# ---------------------------------------------------------------- tongue


def tongue(shape: HeadShape, fields: ExpressionFields, rings: int, sides: int) -> MeshPart:
    """Builds a soft tongue with a groove; `tongueOut` lays it over the lower lip."""
    u = (1 - (1 - np.linspace(0, 1, rings)) ** 1.7).astype(np.float32)  # denser at the tip
    line, line_out = _tongue_lines(shape, u)
    rest, out = (_tongue_surface(each, u, sides) for each in (line, line_out))
    centres = np.repeat(line, sides, axis=0)
    morphs = fields.on_jaw(rest)
    for aside in ("jawLeft", "jawRight"):
        morphs[aside] = morphs[aside] * np.float32(_TONGUE_ASIDE)
    ones = np.ones(len(rest), np.float32)
    morphs["jawOpen"] = fields.jaw_rotation(rest, ones, _TONGUE_JAW_DEG)
    morphs["tongueOut"] = out - rest
    around = np.tile(np.arange(sides) / sides, rings)
    groove = ridge((around - 0.25).astype(np.float32), 0.06)
    along = np.repeat(u, sides)
    colors = mix(
        tiled(_TONGUE, len(rest)), vector(_TONGUE) * 0.55, groove * smoothstep(0.98, 0.7, along)
    )
    return MeshPart(
        "tongue",
        Material.WET,
        rest,
        orient_along(rest, tube_grid(rings, sides), rest - centres),
        colors.astype(np.float32),
        morphs,
        occlusion=0.30 + 0.45 * smoothstep(0.15, 0.75, along),
    )


def _tongue_lines(shape: HeadShape, u: Array) -> tuple[Array, Array]:
    """Computes the middle line at rest, and stuck out: forward over the lip, then down."""
    tip, lip = shape.species.muzzle_to[2], shape.species.mouth_y
    z = 0.30 + (tip - 0.17 - 0.30) * u
    y = lip - 0.090 + 0.070 * np.sin(np.pi * u**0.8) - 0.015 * u
    rest = np.stack((0 * u, y, z), axis=1)
    drop = 0.085 * smoothstep(0.15, 0.55, u) - 0.36 * np.clip(u - 0.42, 0, 1) ** 1.35
    return rest, rest + np.stack((0 * u, drop, 0.46 * u**1.2), axis=1)


def _tongue_surface(line: Array, u: Array, sides: int) -> Array:
    """Sweeps rings along a line in the plane x = 0: broad, flat, grooved on top, round tip."""
    along = _tangents(line)
    up = np.stack((0 * u, along[:, 2], -along[:, 1]), axis=1)
    end = np.sqrt(np.clip(1 - np.clip((u - 0.72) / 0.28, 0, 1) ** 2, 0.0, 1))
    width = 0.225 * (0.82 + 0.25 * smoothstep(0.1, 0.7, u)) * end + 0.004
    thick = 0.058 * (1.3 - 0.4 * u) * end + 0.003
    angles = 2 * np.pi * np.arange(sides) / sides
    groove = 1 - 0.38 * ridge(
        (np.angle(np.exp(1j * (angles - np.pi / 2)))).astype(np.float32), 0.40
    )
    x = width[:, None] * np.cos(angles)[None]
    h = thick[:, None] * (np.sin(angles) * groove)[None]
    points = line[:, None] + h[..., None] * up[:, None]
    points[..., 0] += x
    out: Array = points.reshape(-1, 3).astype(np.float32)
    return out

"""The mouth: lips along the slit, the cavity behind them, teeth and tongue.

Everything here hangs on the lip curve: `LipCurve` gives points along it with frames that look
out of the face and away from the mouth, and moves them as the skin of that lip moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.mesh import Triangles, grid
from livecam.modelling.morphs import Displacements, ExpressionFields
from livecam.modelling.parts import MeshPart, flat, smooth_normals
from livecam.modelling.sdf import Array, Vector, length, mix, ridge, smoothstep, unit, vector
from livecam.modelling.shape import HeadShape

UPPER, LOWER = 1.0, -1.0
GUM: Vector = (0.36, 0.085, 0.085)
THROAT: Vector = (0.045, 0.008, 0.010)
TONGUE: Vector = (0.62, 0.155, 0.16)
TOOTH: Vector = (0.86, 0.82, 0.71)
ENAMEL: Vector = (0.96, 0.93, 0.86)  # of a person

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
    """The slit's points put in order and spaced evenly, corners included."""
    order = np.argsort(np.arctan2(edge[:, 0], edge[:, 2] - 0.2))
    line = edge[order]
    steps = np.r_[0, np.cumsum(length(np.diff(line, axis=0)))]
    at = np.linspace(0, steps[-1], count)
    points = np.stack([np.interp(at, steps, line[:, i]) for i in range(3)], axis=1)
    points = _smoothed(points.astype(np.float32), at)
    out = unit(_smoothed(shape.normals(points, 0.05), at))
    along = unit(np.gradient(points, axis=0).astype(np.float32))
    out = unit(out - (out * along).sum(axis=1, keepdims=True) * along)
    up = unit(np.cross(out, along))
    up *= np.sign(up[:, 1:2].mean())
    ends = np.linspace(-1, 1, count)
    open_ = smoothstep(1.0, 0.80, np.abs(ends).astype(np.float32))
    return LipCurve(points, out, up, open_, (at - at[-1] / 2).astype(np.float32))


def _smoothed(values: Array, at: Array, width: float = 0.045) -> Array:
    """Values along a line, averaged over about `width` of its length; the ends stay."""
    weights = np.exp(-(((at[:, None] - at[None]) / width) ** 2))
    out: Array = (weights / weights.sum(axis=1, keepdims=True)) @ values
    out[0], out[-1] = values[0], values[-1]
    return out


def _moved(fields: ExpressionFields, curve: LipCurve, points: Array, side: float) -> Displacements:
    """Displacements of points[n * rows] that hang on the n points of the curve."""
    anchors = np.repeat(curve.points, len(points) // curve.count, axis=0)
    return fields(points, anchors, np.full(len(points), side, np.float32))


def _carried(
    fields: ExpressionFields, curve: LipCurve, offset: Array, side: float
) -> Displacements:
    """Displacements of points at curve + offset[n, k, 3] that turn as the curve under them does."""
    moved = fields(curve.points, side=np.full(curve.count, side, np.float32))
    out: Displacements = {}
    before = unit(_smoothed(_tangents(curve.points), curve.arc, 0.06))
    for name, each in moved.items():
        shift = _smoothed(each, curve.arc, 0.03)
        after = unit(_smoothed(_tangents(curve.points + shift), curve.arc, 0.06))
        turned = offset + _turned(before, after, offset)
        out[name] = (shift[:, None] + turned - offset).reshape(-1, 3).astype(np.float32)
    return out


def _tangents(points: Array) -> Array:
    return unit(np.gradient(points, axis=0).astype(np.float32))


def _turned(before: Array, after: Array, offset: Array) -> Array:
    """What the shortest turn from one unit vector to another adds to offsets (Rodrigues)."""
    axis = np.cross(before, after)[:, None]
    cosine = (before * after).sum(axis=1)[:, None, None]
    once = np.cross(axis, offset)
    out: Array = once + np.cross(axis, once) / (1 + np.maximum(cosine, -0.7))
    return out


def lips(
    shape: HeadShape, fields: ExpressionFields, curve: LipCurve, detailed: bool
) -> list[MeshPart]:
    """Two rounded rims over the edges of the slit."""
    form = np.array(_LIP if detailed else _LIP_LIGHT, np.float32)
    out = []
    for side in (UPPER, LOWER):
        profile = form * np.array((1.0, 1.0 if side > 0 else _LOWER_LIP), np.float32)
        size = (0.45 + 0.55 * curve.open)[:, None, None]
        offset = (
            profile[None, :, :1] * curve.out[:, None]
            + profile[None, :, 1:] * side * curve.up[:, None]
        ) * size
        points = (curve.points[:, None] + offset).reshape(-1, 3).astype(np.float32)
        triangles = grid(curve.count, len(profile))
        triangles = _facing(points, triangles, np.repeat(curve.out, len(profile), axis=0))
        depth = np.tile(np.linspace(0, 1, len(profile)), curve.count).astype(np.float32)
        colors = flat(shape.species.lip, len(points))
        out.append(
            MeshPart(
                "upperLip" if side > 0 else "lowerLip",
                Material.WET,
                points,
                triangles,
                colors,
                _carried(fields, curve, offset, side),
                occlusion=(0.80 - 0.5 * smoothstep(0.5, 1.0, depth)),
            )
        )
    return out


def cavity(fields: ExpressionFields, curve: LipCurve, rows: int) -> list[MeshPart]:
    """Palate and floor: from the lips' inner edge back to the throat."""
    out = []
    t = np.linspace(0, 1, rows).astype(np.float32)
    for side in (UPPER, LOWER):
        start = curve.points - 0.050 * curve.out + side * 0.008 * curve.up
        throat = vector((0, fields.shape.species.mouth_y + 0.045, 0.32))
        end = start * vector((0.25, 0, 0)) + throat
        vault = side * 0.28 * curve.open
        middle = start * vector((0.86, 1, 1)) + np.stack(
            (0 * vault, vault, -0.12 + 0 * vault), axis=1
        )
        points = _bezier(start, middle, end, t).reshape(-1, 3)
        triangles = _facing(
            points, grid(curve.count, rows), np.repeat(-side * curve.up, rows, axis=0)
        )
        # Flat light: the folds of a mouth that moves would show as stripes.
        normals = unit(smooth_normals(points, triangles) * 0.3 + vector((0, 0, 1)))
        # Lips that draw in turn a part of it inside out: both sides are drawn.
        triangles = np.concatenate((triangles, triangles[:, ::-1]))
        depth = np.tile(t, curve.count)
        out.append(
            MeshPart(
                "palate" if side > 0 else "floor",
                Material.WET,
                points,
                triangles,
                mix(flat(GUM, len(points)), vector(THROAT), smoothstep(0.05, 0.75, depth)),
                _cavity_morphs(fields, curve, points, side, depth),
                normals=normals,
                occlusion=(0.65 - 0.5 * smoothstep(0.0, 0.6, depth)),
            )
        )
    return out


def _bezier(a: Array, b: Array, c: Array, t: Array) -> Array:
    a, b, c = (p[:, None] for p in (a, b, c))
    s = t[None, :, None]
    out: Array = ((1 - s) ** 2 * a + 2 * s * (1 - s) * b + s * s * c).astype(np.float32)
    return out


def _cavity_morphs(
    fields: ExpressionFields, curve: LipCurve, points: Array, side: float, depth: Array
) -> Displacements:
    moved = _moved(fields, curve, points, side)
    out: Displacements = {name: d * ((1 - depth) ** 2)[:, None] for name, d in moved.items()}
    # The floor swings with the jaw all the way back; only the throat itself stays.
    out["jawOpen"] = moved["jawOpen"] * (1 - smoothstep(0.55, 1.0, depth))[:, None]
    return out


def _facing(points: Array, triangles: Triangles, towards: Array) -> Triangles:
    normals = smooth_normals(points, triangles)
    return triangles if (normals * towards).sum() > 0 else triangles[:, ::-1].copy()


# ---------------------------------------------------------------- teeth


# Where the columns of one tooth stand, -1 at the gap before it; the next gap starts its neighbour.
_TOOTH_COLUMNS = {4: (-1.0, -0.72, 0.0, 0.72), 6: (-1.0, -0.82, -0.45, 0.0, 0.45, 0.82)}
_FANG = 2.5  # this many teeth from the middle

# Bone does not move so, but teeth that stayed would stand through the lips.
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


_CLOSES = ("mouthClose*jawOpen",)
# A band fills the mouth: it goes where the upper lip goes, but for what bares it.
_BAND_FOLLOWS: dict[str, Vector] = {
    "mouthSmileLeft": (1.0, 0.65, 0.8),
    "mouthSmileRight": (1.0, 0.65, 0.8),
    "mouthSmileLeft*jawOpen": (1.0, 1.0, 0.8),
    "mouthSmileRight*jawOpen": (1.0, 1.0, 0.8),
    "jawOpen": (0.8, 0.3, 0.8),
    "mouthStretchLeft": (1.0, 0.6, 0.8),
    "mouthStretchRight": (1.0, 0.6, 0.8),
    # Their corners go in or down, and the ends of the band would stand through the skin.
    "mouthDimpleLeft": (1.0, 1.0, 1.0),
    "mouthDimpleRight": (1.0, 1.0, 1.0),
    "mouthFrownLeft": (1.0, 1.0, 1.0),
    "mouthFrownRight": (1.0, 1.0, 1.0),
    "mouthPressLeft": (1.0, 1.0, 1.2),
    "mouthPressRight": (1.0, 1.0, 1.2),
}


@dataclass(frozen=True, slots=True)
class _ToothRow:
    """Where a row stands behind the lip line, in head units."""

    name: str
    side: float
    height: float
    back: float
    up: float
    lean: float  # how far the tips lie behind the roots
    gum: float  # of a tooth's height: a lip that rises bares gum, not a gap
    reach: float  # of the way from the middle of the lips to their corner
    fangs: float  # over the upper row's
    parted: float = 1.0  # how deep the gaps between teeth are; 0: one smooth band
    shorter_from: float = 0.75  # of its reach
    hugs: float = 0.0  # how much nearer to the lips its ends stand


# The lower jaw is set back under the upper lip, so the upper teeth lean in.
_UPPER_ROW = _ToothRow("upperTeeth", UPPER, 0.100, 0.105, 0.030, 0.065, 0.9, 0.84, 1.0)
_LOWER_ROW = _ToothRow("lowerTeeth", LOWER, 0.050, 0.125, -0.045, 0.0, 0.1, 0.52, 0.0)
_UPPER_BAND = _ToothRow(
    "upperTeeth", UPPER, 0.105, 0.085, 0.030, 0.030, 0.9, 0.99, 0.0, 0.0, 0.60, 0.65
)


def teeth(
    fields: ExpressionFields, curve: LipCurve, count: int, columns: int, rows: int
) -> list[MeshPart]:
    """Two rows of rounded teeth behind the lips, the lower one riding the jaw; or one band."""
    if fields.shape.species.tooth_band:
        return [_teeth(fields, curve, _UPPER_BAND, count, columns, rows)]
    return [
        _teeth(fields, curve, _UPPER_ROW, count, columns, rows),
        _teeth(fields, curve, _LOWER_ROW, count - 2, columns, rows),
    ]


def _teeth(
    fields: ExpressionFields, curve: LipCurve, row: _ToothRow, count: int, columns: int, rows: int
) -> MeshPart:
    """One strip, scalloped: a tooth is long and blunt in its middle, notched at its sides."""
    along, gap, number = _scallops(count, columns)
    down = np.r_[-row.gum, np.linspace(0, 1, rows)].astype(np.float32)
    at = along * row.reach * curve.arc[-1]
    banded = fields.shape.species.tooth_band
    # The notch of the upper lip is not the teeth's.
    line = _smoothed(curve.points, curve.arc, 0.12) if banded else curve.points
    on_curve = _along(curve, line, at)
    ahead = unit(_along(curve, curve.out, at)) * vector((1, 0, 1))
    wild = fields.shape.species.wild_teeth
    points = _tooth_points(row, on_curve, ahead, (along, gap, number), down, wild)
    # Where the jaw is narrow, a long tooth is drawn in: none may show while the mouth is shut.
    shape = fields.shape
    points = points - np.clip(shape(points) + 0.02, 0, None)[:, None] * shape.normals(points, 0.05)
    tip: Array = np.tile(down, len(along))
    stain = 0.06 if banded else 0.25 + 0.55 * wild
    stained = smoothstep(0.80, 1.0, np.repeat(gap, len(down))) * stain
    tooth = ENAMEL if banded else TOOTH
    colors = mix(flat(tooth, len(points)), vector((0.30, 0.17, 0.10)), stained)
    light = (0.90 if banded else 0.55) + (0.1 if banded else 0.4) * np.clip(tip, -0.6, 1)
    return MeshPart(
        row.name,
        Material.TEETH,
        points,
        _facing(points, grid(len(along), len(down)), np.repeat(ahead, len(down), axis=0)),
        mix(colors, vector(GUM), np.maximum(0.7 * smoothstep(0.12, 0.0, tip), tip < 0)),
        _tooth_morphs(fields, points, np.repeat(on_curve, len(down), axis=0), row),
        occlusion=light * (1 - 0.3 * np.repeat(np.abs(along), len(down))),
    )


def _along(curve: LipCurve, values: Array, at: Array) -> Array:
    """The curve's values [n, 3] at distances along it."""
    out: Array = np.stack([np.interp(at, curve.arc, values[:, i]) for i in range(3)], axis=1)
    return out.astype(np.float32)


def _scallops(count: int, columns: int) -> tuple[Array, Array, Array]:
    """For each column: its place -1..1 in the row, 0 in a tooth .. 1 in a gap, which tooth."""
    across = np.array(_TOOTH_COLUMNS[columns])
    middles = np.arange(count) - (count - 1) / 2
    place = np.r_[(middles[:, None] + across / 2).ravel(), count / 2]
    gap = np.r_[np.tile(np.abs(across), count), 1.0]
    number = np.abs(np.r_[np.repeat(middles, columns), middles[-1]])
    return place / (count / 2), gap, number


def _tooth_points(
    row: _ToothRow,
    on_curve: Array,
    ahead: Array,
    scallops: tuple[Array, Array, Array],
    down: Array,
    wild: float,
) -> Array:
    along, gap, number = scallops
    fang = wild * row.fangs * np.exp(-(((number - _FANG) / 0.45) ** 2))
    tall = row.height * (1 + 0.20 * fang) * smoothstep(1.02, row.shorter_from, np.abs(along))
    notch = row.parted * gap**3
    tall = tall * (1 - (0.07 + 0.13 * wild + 0.20 * fang) * notch) + 0.01
    bulge = 0.035 * np.sqrt(np.clip(1 - notch, 0, 1))
    crown = np.clip(down, 0, 1)  # without the gum
    profile = np.sin(np.pi * (0.30 + 0.58 * crown)) ** 0.7  # round towards the tip
    back = (row.back * (1 - row.hugs * along[:, None] ** 2)).astype(np.float32)
    foot = on_curve - back * ahead + row.up * vector((0, 1, 0))
    points: Array = (
        foot[:, None]
        + (bulge[:, None] * profile - row.lean * crown)[..., None] * ahead[:, None]
        - row.side * (tall[:, None] * down)[..., None] * vector((0, 1, 0))
    )
    return points.reshape(-1, 3).astype(np.float32)


def _tooth_morphs(
    fields: ExpressionFields, points: Array, on_curve: Array, row: _ToothRow
) -> Displacements:
    """The lower row goes with the jaw; both give way where lips narrow or go to one side."""
    side = row.side
    lip = fields(on_curve, side=np.full(len(points), side, np.float32))
    gives = {name: lip[name] * vector((0.9, 0.5, 0)) for name in _LIPS_NARROW}
    if fields.shape.species.tooth_band:
        gives |= {name: lip[name] * vector(share) for name, share in _BAND_FOLLOWS.items()}
    if side < 0:  # a chin that stays low under closed lips would bare them
        gives |= {name: lip[name] * vector((1, 0.8, 0)) + vector((0, 0, -0.08)) for name in _CLOSES}
    return gives | (fields.on_jaw(points) if side < 0 else {})


# ---------------------------------------------------------------- tongue


def tongue(shape: HeadShape, fields: ExpressionFields, rings: int, sides: int) -> MeshPart:
    """A soft tongue with a groove; `tongueOut` lays it over the lower lip."""
    u = (1 - (1 - np.linspace(0, 1, rings)) ** 1.7).astype(np.float32)  # finer at the tip
    tip = shape.species.muzzle_to[2]
    lip = shape.species.mouth_y
    z = 0.30 + (tip - 0.17 - 0.30) * u
    y = lip - 0.090 + 0.070 * np.sin(np.pi * u**0.8) - 0.015 * u
    rest_line = np.stack((0 * u, y, z), axis=1)
    # Out: forward over the lip, then down; the root stays where it is.
    forward = 0.46 * u**1.2
    out_line = rest_line + np.stack(
        (
            0 * u,
            0.085 * smoothstep(0.15, 0.55, u) - 0.36 * np.clip(u - 0.42, 0, 1) ** 1.35,
            forward,
        ),
        axis=1,
    )
    rest, out_shape = (_tongue_skin(line, u, sides) for line in (rest_line, out_line))
    triangles = _closed_grid(rings, sides)
    triangles = _facing(rest, triangles, rest - np.repeat(rest_line, sides, axis=0))
    morphs = fields.on_jaw(rest)
    for slide in ("jawLeft", "jawRight"):  # it is loose: cheeks that follow less keep it in
        morphs[slide] = morphs[slide] * np.float32(0.6)
    # It stays a little behind the jaw, or the lower teeth would hide it.
    morphs["jawOpen"] = fields.turned_by_jaw(rest, np.ones(len(rest), np.float32), 20.0)
    morphs["tongueOut"] = out_shape - rest
    across = np.tile(np.arange(sides) / sides, rings)
    groove = ridge((across - 0.25).astype(np.float32), 0.06)
    along = np.repeat(u, sides)
    colors = mix(
        flat(TONGUE, len(rest)), vector(TONGUE) * 0.55, groove * smoothstep(0.98, 0.7, along)
    )
    return MeshPart(
        "tongue",
        Material.WET,
        rest,
        triangles,
        colors.astype(np.float32),
        morphs,
        occlusion=0.30 + 0.45 * smoothstep(0.15, 0.75, along),
    )


def _tongue_skin(line: Array, u: Array, sides: int) -> Array:
    """Rings round a line in the plane x = 0: broad, flat, grooved on top, round at the tip."""
    along = unit(np.gradient(line, axis=0).astype(np.float32))
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


def _closed_grid(rings: int, sides: int) -> Triangles:
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    return np.concatenate(
        (np.stack((a, b, a + sides), axis=1), np.stack((b, b + sides, a + sides), axis=1))
    )

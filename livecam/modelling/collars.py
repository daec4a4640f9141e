"""Clothes round the neck, resting on the shoulders: scarf, hood, cords, leaves, a bow tie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.curves import spline
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.mesh import closed_tube_grid, grid, orient_along, orient_outward
from livecam.modelling.parts import MeshPart, part_from_sdf
from livecam.modelling.sdf import ellipsoid, smooth_max, smooth_min, smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, as_tuple, mirrored, mix, tiled, unit, vector

_AXIS_Z = -0.20  # of the neck

# A length as a function of the angle about the neck (radians, 0 in front).
AroundNeck = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class ClothRoll:
    """Cloth rolled round the neck: a torus whose section varies with the angle."""

    radius: AroundNeck  # from the neck's axis to the middle of the section
    height: AroundNeck
    wide: AroundNeck  # half the width of the section, across the neck's axis
    tall: AroundNeck  # half its height
    color: Vector
    ribs: int = 0  # knitted ridges round the section
    rib_depth: float = 0.05
    folds: float = 0.0  # depth of soft folds
    seed: int = 0


def cloth_roll(roll: ClothRoll, detail: LevelOfDetail) -> MeshPart:
    """Builds a closed roll of cloth."""
    rings, sides = (52, max(14, 2 * roll.ribs)) if detail.fine else (24, max(8, roll.ribs))
    around = np.linspace(0, 2 * np.pi, rings, endpoint=False).astype(np.float32)
    section = np.linspace(0, 2 * np.pi, sides, endpoint=False).astype(np.float32)
    a, b = np.meshgrid(around, section, indexing="ij")
    fold = _folds(roll, a, b)
    rib = np.cos(roll.ribs * b) if roll.ribs else np.zeros_like(b)
    swell = 1 + roll.rib_depth * rib + roll.folds * fold
    out = roll.radius(a) + roll.wide(a) * np.cos(b) * swell
    up = roll.height(a) + roll.tall(a) * np.sin(b) * swell
    points = _about_neck(a, out, up)
    middle = _about_neck(a, roll.radius(a), roll.height(a))
    wrapped = grid(rings, sides, wrap_rows=True, wrap_columns=True, clockwise=True)
    valley = 0.82 + 0.18 * rib.ravel()
    # Dark inside and underneath, where the next roll or the neck lies close.
    openness = 0.35 + 0.65 * smoothstep(-1.0, 0.5, (np.cos(b) + 0.45 * np.sin(b)).ravel())
    along = np.stack((np.cos(a), 0 * a, -np.sin(a)), axis=-1).reshape(-1, 3)
    return MeshPart(
        "band",
        Material.CLOTH,
        points,
        orient_outward(points, wrapped, middle),
        _roll_colors(roll, fold, valley, detail.fine),
        {},
        occlusion=(openness * (0.75 + 0.25 * valley)).astype(np.float32),
        comb=along.astype(np.float32),
        head_weight=np.zeros(len(points), np.float32),
    )


def _folds(roll: ClothRoll, a: Array, b: Array) -> Array:
    """Sums a few waves of random strength round the neck (a) and round the section (b)."""
    random = np.random.default_rng(roll.seed)
    waves = ((2, 1), (3, 1), (5, 2), (7, 1))
    folds = [
        random.uniform(0.4, 1.0) / k * np.cos(k * a + m * b + random.uniform(0, 6.3))
        for k, m in waves
    ]
    return np.asarray(np.sum(folds, axis=0))


def _about_neck(angle: Array, radius: Array, height: Array) -> Array:
    points = (radius * np.sin(angle), height, radius * np.cos(angle) + _AXIS_Z)
    return np.stack(points, axis=-1).reshape(-1, 3).astype(np.float32)


def _roll_colors(roll: ClothRoll, fold: Array, valley: Array, fine: bool) -> Array:
    shade = valley + 0.10 * fold.ravel() * roll.folds
    colors = tiled(roll.color, len(shade)) * shade[:, None]
    if roll.ribs and fine:
        rings, sides = fold.shape
        stitch = (-1.0) ** np.add.outer(np.arange(rings), np.arange(sides)).ravel()
        colors = colors * (1 + 0.10 * stitch)[:, None]
    return np.clip(colors, 0, 1).astype(np.float32)


def yoke(
    inner: tuple[float, float], outer: tuple[float, float], color: Vector, detail: LevelOfDetail
) -> MeshPart:
    """Builds the cloth on the shoulders, from (radius, height) at the neck to (radius, height)."""
    rings, rows = (48, 8) if detail.fine else (24, 6)
    around = np.linspace(0, 2 * np.pi, rings).astype(np.float32)
    t = np.linspace(0, 1, rows).astype(np.float32)
    a, s = np.meshgrid(around, t, indexing="ij")
    turned_in = s > 0.999  # the last row, under the hem
    out = inner[0] + (outer[0] - inner[0]) * np.sqrt(np.minimum(s * 1.12, 1.0))
    out = out - 0.10 * turned_in
    up = inner[1] + (outer[1] - inner[1]) * np.minimum(s * 1.12, 1.0) ** 1.6
    up = up - 0.05 * turned_in + 0.02 * np.cos(5 * a + 1) * s - 0.05 * np.cos(a) * s
    points = np.stack((1.10 * out * np.sin(a), up, 0.92 * out * np.cos(a) + _AXIS_Z), axis=-1)
    points = points.reshape(-1, 3).astype(np.float32)
    near = smoothstep(0.0, 0.35, s.ravel())
    return MeshPart(
        "yoke",
        Material.CLOTH,
        points,
        orient_outward(points, grid(rings, rows), vector((0, -2.5, _AXIS_Z))),
        tiled(color, len(points)),
        {},
        occlusion=0.45 + 0.55 * near,
        comb=np.tile(vector((1, 0, 0)), (len(points), 1)),
        head_weight=np.zeros(len(points), np.float32),
    )


def cord(
    path: tuple[Vector, ...],
    radius: float,
    material: Material,
    color: Vector,
    detail: LevelOfDetail,
    bone: int,
    sway_from: float,
    head_weight: float = 0.0,
) -> MeshPart:
    """Builds a round cord along a spline; it follows its bone from `sway_from` of its length on."""
    rings, sides = (18, 8) if detail.fine else (7, 5)
    line = spline(path, rings)
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    across = unit(np.cross(along, vector((0.1, 0.2, 1))).astype(np.float32))
    up = np.cross(along, across)
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.cos(angles)[:, None] * across[:, None] + np.sin(angles)[:, None] * up[:, None]
    points = (line[:, None] + np.float32(radius) * ring).reshape(-1, 3).astype(np.float32)
    share = np.repeat(np.linspace(0, 1, rings).astype(np.float32), sides)
    centres = np.repeat(line, sides, axis=0)
    return MeshPart(
        "cord",
        material,
        points,
        orient_outward(points, closed_tube_grid(rings, sides), centres),
        mix(tiled(color, len(points)), vector(color) * 0.7, 0.5 + 0.5 * np.cos(share * 60)),
        {},
        comb=np.repeat(along, sides, axis=0),
        head_weight=np.full(len(points), head_weight, np.float32),
        bone=np.full(len(points), bone, np.uint8),
        sway=smoothstep(sway_from, 1.0, share) * np.float32(bone > 0),
    )


# ---------------------------------------------------------------- leaves


@dataclass(frozen=True, slots=True)
class LeafCollar:
    """Two rows of pointed leaves round the neck, lying on the shoulders."""

    count: int  # in each row
    axis_z: float
    inner: tuple[float, float]  # radius, height
    outer: tuple[float, float]
    color: Vector
    lower_color: Vector
    rib: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        lower = [
            _Leaf(number, 2 * np.pi * number / self.count, 1.0, -0.035, self.lower_color)
            for number in range(self.count)
        ]
        upper = [
            _Leaf(number + 1, 2 * np.pi * (number + 0.5) / self.count, 0.80, 0.035, self.color)
            for number in range(self.count)
        ]
        return [self._leaf(leaf, shape, detail.fine) for leaf in (*lower, *upper)]

    def _leaf(self, leaf: _Leaf, shape: HeadShape, fine: bool) -> MeshPart:
        across, down = (9, 13) if fine else (5, 6)
        u, v = np.meshgrid(
            np.linspace(-1, 1, across, dtype=np.float32),
            np.linspace(0, 1, down, dtype=np.float32),
            indexing="ij",
        )
        points = self._leaf_points(leaf, u, v)
        triangles = grid(across, down, clockwise=True)
        return MeshPart(
            f"leaf{leaf.number}",
            Material.CLOTH,
            points,
            orient_along(points, triangles, vector((0, 1, 0))),
            self._leaf_colors(leaf, u, v),
            {},
            occlusion=0.40 + 0.60 * smoothstep(0.0, 0.55, v.ravel()),
            head_weight=shape.head_weight(points),
        )

    def _leaf_points(self, leaf: _Leaf, u: Array, v: Array) -> Array:
        """Computes points of a leaf: widest in its first half, pointed, bent down from the rib."""
        (r0, y0), (r1, y1) = self.inner, self.outer
        number = leaf.number
        reach = leaf.reach * (1.0 + 0.05 * np.sin(2.3 * number))
        radius = r0 + (r1 - r0) * reach * (v * 0.75 + 0.25 * np.sin(v * np.pi / 2))
        y = y0 + (y1 - y0) * reach * v**1.6 + leaf.lift
        half = (0.55 + 0.45 * np.sin(np.pi * np.clip(v * 1.25, 0, 1))) * np.sqrt(
            np.clip(1 - v**3.2, 0, 1)
        )
        half = np.maximum(half, 0.04) * 1.22 * np.pi / self.count  # a mere point has no normal
        y = y - 0.055 * np.abs(u) ** 1.5 * (0.4 + 0.6 * v) + 0.02 * np.sin(v * 7 + number) * u
        turn = leaf.angle + half * u
        points = np.stack(
            (radius * np.sin(turn), y, radius * np.cos(turn) * 0.95 + self.axis_z), axis=-1
        )
        return points.reshape(-1, 3).astype(np.float32)

    def _leaf_colors(self, leaf: _Leaf, u: Array, v: Array) -> Array:
        off_rib = np.abs(u).ravel()
        tone = 0.92 + 0.16 * ((leaf.number * 5) % 7) / 6
        vein = 0.5 + 0.5 * np.cos((v + 0.35 * np.abs(u)).ravel() * 34)
        shade = tone * (0.94 + 0.10 * vein)
        colors: Array = tiled(leaf.color, len(off_rib)) * shade[:, None]
        colors = mix(colors, vector(self.rib), np.exp(-((off_rib / 0.16) ** 2)) * 0.55)
        edge = smoothstep(0.75, 1.0, off_rib)
        return np.clip(colors * (1 - 0.18 * edge)[:, None], 0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One leaf of a collar."""

    number: int  # varies length and tone
    angle: float  # about the neck, radians
    reach: float  # over the collar's
    lift: float
    color: Vector


# ---------------------------------------------------------------- a bow tie


@dataclass(frozen=True, slots=True)
class BowTie:
    """Two stuffed loops and a knot under a chin."""

    centre: Vector
    half_width: float
    color: Vector
    fold: Vector  # colour in the folds

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        centre, reach = vector(self.centre), 1.2 * self.half_width
        part = part_from_sdf(
            "bowTie",
            Material.CLOTH,
            self._distance,
            (as_tuple(centre - reach), as_tuple(centre + reach)),
            detail.small_part(2600),
            self._paint,
            _no_morphs,
        )
        weight = shape.head_weight(centre[None])
        part.head_weight = np.repeat(weight, len(part.points)).astype(np.float32)
        return [part]

    def _distance(self, p: Array) -> Array:
        q = mirrored((p - vector(self.centre)) / np.float32(self.half_width))
        x, y, z = q[..., 0], q[..., 1], q[..., 2]
        # A loop widens away from the knot, with radial folds.
        tall = 0.17 + 0.34 * smoothstep(0.08, 0.85, x)
        rays = np.cos(y / (tall + 0.05) * 9.0) * smoothstep(0.95, 0.25, x)
        thick = 0.145 + 0.07 * np.sin(np.pi * np.clip(x, 0, 1)) + 0.020 * rays
        loop = np.hypot(y / tall, (z + 0.10 * x * x) / thick) - 1
        loop = loop * thick * 0.75
        loop = smooth_max(loop, x - 1.0 + 0.10 * (y / tall) ** 2, 0.10)
        knot = ellipsoid(q, (0, 0, 0.06), (0.155, 0.20, 0.20))
        out: Array = smooth_min(loop, knot, 0.03) * np.float32(self.half_width)
        return out

    def _paint(self, points: Array, openness: Array) -> Array:
        at = (points - vector(self.centre)) / np.float32(self.half_width)
        fold = smoothstep(0.75, 0.15, np.abs(at[:, 0])) * (0.5 - 0.5 * np.cos(9 * at[:, 1]))
        knot = smoothstep(0.20, 0.14, np.abs(at[:, 0]))
        colors = mix(tiled(self.color, len(points)), vector(self.fold), fold * (1 - knot) * 0.7)
        return colors * (0.55 + 0.45 * openness)[:, None]


def _no_morphs(points: Array) -> Displacements:
    return {}

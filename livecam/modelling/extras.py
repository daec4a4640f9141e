"""Parts that only some heads have: horns, a nose pad and its ring, curls, buck teeth, a collar.

Each maker takes its own numbers and gives an `PartBuilder`: a function of shape, fields and detail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.mesh import Triangles, face_normals, grid, projected, small_surface
from livecam.modelling.morphs import Displacements, ExpressionFields
from livecam.modelling.parts import MeshPart, flat
from livecam.modelling.sdf import (
    Array,
    ScalarField,
    Vector,
    ellipsoid,
    gradient,
    mirrored,
    mix,
    smooth_max,
    smooth_min,
    smoothstep,
    unit,
    vector,
)
from livecam.modelling.shape import HeadShape

if TYPE_CHECKING:
    from livecam.modelling.detail import LevelOfDetail

_COARSE_NOSE = 0.014  # from this voxel on a part is made for software renderers


def is_light(detail: LevelOfDetail) -> bool:
    """Whether a head is made for software renderers."""
    return detail.nose[0] > _COARSE_NOSE


# ---------------------------------------------------------------- tubes


@dataclass(frozen=True, slots=True)
class Tube:
    """A skin round a line: its points lie ring after ring."""

    points: Array  # float32[rings * sides, 3]
    triangles: Triangles
    along: Array  # float32[rings * sides], 0 root .. 1 tip
    around: Array  # float32[rings * sides], radians
    axis: Array  # float32[rings * sides, 3], the point of the line


def tube(line: Array, radii: Array, sides: int, flatten: float = 1.0) -> Tube:
    """A tube along a line[rings, 3]; its frames do not twist, and its tip is closed by thinness.

    Frames by double reflection (Wang et al. 2008, "Computation of rotation minimizing frames").
    """
    tangent = unit(np.gradient(line, axis=0).astype(np.float32))
    across = _untwisted(line, tangent)
    up = np.cross(tangent, across)
    angles = (2 * np.pi * np.arange(sides) / sides).astype(np.float32)
    ring = (
        np.cos(angles)[None, :, None] * across[:, None]
        + flatten * np.sin(angles)[None, :, None] * up[:, None]
    )
    points = (line[:, None] + radii[:, None, None] * ring).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(len(line) - 1), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    triangles = np.concatenate(
        (np.stack((a, b, a + sides), axis=1), np.stack((b, b + sides, a + sides), axis=1))
    ).astype(np.int64)
    axis = np.repeat(line, sides, axis=0).astype(np.float32)
    facing = (face_normals(points, triangles) * (points - axis)[triangles].mean(axis=1)).sum()
    if facing < 0:
        triangles = triangles[:, ::-1].copy()
    along = np.repeat(np.linspace(0, 1, len(line), dtype=np.float32), sides)
    return Tube(points, triangles, along, np.tile(angles, len(line)), axis)


def _untwisted(line: Array, tangent: Array) -> Array:
    first = np.cross(tangent[0], vector((0.0, 0.31, 0.95)))
    out = [unit(first)]
    for i in range(len(line) - 1):
        step = line[i + 1] - line[i]
        reflected = out[-1] - 2 * (step @ out[-1]) / (step @ step) * step
        ahead = tangent[i] - 2 * (step @ tangent[i]) / (step @ step) * step
        turn = tangent[i + 1] - ahead
        size = turn @ turn
        if size > 1e-12:
            reflected = reflected - 2 * (turn @ reflected) / size * turn
        out.append(unit(reflected))
    return np.array(out, np.float32)


def bezier(points: tuple[Vector, Vector, Vector, Vector], t: Array) -> Array:
    """A cubic curve at t, float32[n, 3]."""
    a, b, c, d = (vector(p) for p in points)
    s, u = t[:, None], 1 - t[:, None]
    out: Array = (u**3 * a + 3 * u * u * s * b + 3 * u * s * s * c + s**3 * d).astype(np.float32)
    return out


def mirrored_part(part: MeshPart, name: str) -> MeshPart:
    """The same part on the other side of a head; for parts that no expression moves."""
    flip = vector((-1, 1, 1))
    return MeshPart(
        name,
        part.material,
        part.points * flip,
        part.triangles[:, ::-1].copy(),
        part.colors,
        {},
        normals=part.normals * flip,
        occlusion=part.occlusion,
        fur=part.fur,
        comb=part.comb * flip,
        head_weight=part.head_weight,
        bone=part.bone,
        sway=part.sway,
    )


def bone_number(shape: HeadShape, name: str) -> int:
    """What `MeshPart.bone` holds for the bone of that name: 1 + its place in the row."""
    return [swing.bone.name for swing in shape.species.swings].index(name) + 1


# ---------------------------------------------------------------- horns


@dataclass(frozen=True, slots=True)
class Horns:
    """A pair of horns along a curve, thick and ringed at the root, smooth at the tip."""

    curve: tuple[Vector, Vector, Vector, Vector]  # of the left one
    radius: float
    root: Vector
    middle: Vector
    tip: Vector
    rings: int = 7

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        steps, sides = (24, 7) if is_light(detail) else (54, 18)
        t = np.linspace(0, 1, steps, dtype=np.float32)
        # Growth rings fade out half way up, where a horn is polished by use.
        rings = np.sin(t * self.rings * 2 * np.pi / 0.62) * smoothstep(0.62, 0.35, t)
        radii = self.radius * (1 - 0.92 * t**1.35) * (1 + 0.045 * rings)
        skin = tube(bezier(self.curve, t), radii.astype(np.float32), sides)
        along = skin.along
        colors = mix(
            flat(self.root, len(along)), vector(self.middle), smoothstep(0.02, 0.40, along)
        )
        colors = mix(colors, vector(self.tip), smoothstep(0.62, 0.92, along))
        ring = np.repeat(rings, sides)
        streak = np.sin(3 * skin.around + 5 * along) * np.sin(7 * skin.around - 3 * along)
        colors = colors * (1 + 0.24 * ring + 0.06 * streak)[:, None]
        left = MeshPart(
            "hornLeft",
            Material.HORN,
            skin.points,
            skin.triangles,
            np.clip(colors, 0, 1).astype(np.float32),
            {},
            occlusion=(0.45 + 0.55 * smoothstep(0.0, 0.22, along)) * (0.92 + 0.08 * ring),
            comb=unit(np.repeat(np.gradient(bezier(self.curve, t), axis=0), sides, axis=0)),
        )
        return [left, mirrored_part(left, "hornRight")]


# ---------------------------------------------------------------- a part from a field


def modelled(
    name: str,
    material: Material,
    form: ScalarField,
    low: Vector,
    high: Vector,
    detail: LevelOfDetail,
    triangles: int,
    paint: Callable[[Array, Array], Array],
    moves: Callable[[Array], Displacements],
) -> MeshPart:
    """A small part from a distance function: coloured by point and openness, moved by a field."""
    light = is_light(detail)
    points, faces = small_surface(
        form, low, high, 0.020 if light else 0.012, triangles // 5 if light else triangles
    )
    normals = gradient(form, points, 0.01)
    free = smoothstep(0.0, 0.05, form(points + normals * 0.035) * (0.05 / 0.035))
    return MeshPart(
        name,
        material,
        points,
        faces,
        paint(points, free).astype(np.float32),
        moves(points),
        normals=normals,
        occlusion=(0.35 + 0.65 * free).astype(np.float32),
    )


# ---------------------------------------------------------------- a nose ring


@dataclass(frozen=True, slots=True)
class NoseRing:
    """A ring through the septum that swings; open at the back, where it is in the nose."""

    at: Vector  # its middle
    radius: float
    thickness: float
    color: Vector
    bone: str

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        steps, sides = (16, 5) if is_light(detail) else (44, 10)
        turn = np.linspace(0, 2 * np.pi, steps, dtype=np.float32)
        line = vector(self.at) + self.radius * np.stack(
            (np.sin(turn), np.cos(turn), 0.30 * (1 - np.cos(turn))), axis=1
        ).astype(np.float32)
        skin = tube(line, np.full(steps, self.thickness, np.float32), sides)
        root = np.broadcast_to(line[0], skin.points.shape).astype(np.float32)
        side = np.ones(len(root), np.float32)
        return [
            MeshPart(
                "noseRing",
                Material.METAL,
                skin.points,
                skin.triangles,
                flat(self.color, len(root)),
                fields(skin.points, root, side),
                bone=np.full(len(root), bone_number(shape, self.bone), np.uint8),
                sway=side,
            )
        ]


# ---------------------------------------------------------------- curls


@dataclass(frozen=True, slots=True)
class Curls:
    """Locks that spiral out of a forehead, each a tapering tube with a coat of short fur."""

    roots: tuple[tuple[Vector, Vector, float, float], ...]  # root, way it grows, length, turns
    radius: float
    color: Vector
    tip: Vector
    coil: float = 0.075  # radius of the spiral

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        steps, sides = (9, 4) if is_light(detail) else (20, 9)
        t = np.linspace(0, 1, steps, dtype=np.float32)
        out = []
        for number, (root, way, reach, turns) in enumerate(self.roots):
            line = self._line(root, way, reach, turns, t)
            radii = self.radius * (0.35 + 0.65 * np.sin(np.pi * (0.25 + 0.72 * t)) ** 0.8)
            radii = radii * np.sqrt(np.clip(1.02 - t**4, 0.01, 1))
            skin = tube(line, radii.astype(np.float32), sides)
            anchors = np.broadcast_to(vector(root), skin.points.shape).astype(np.float32)
            tangent = np.repeat(np.gradient(line, axis=0), sides, axis=0)
            tone = 0.9 + 0.2 * ((number * 7) % 5) / 4
            stripe = 1 + 0.20 * np.cos(3 * skin.around)
            colors = mix(flat(self.color, len(anchors)), vector(self.tip), skin.along)
            out.append(
                MeshPart(
                    f"curl{number}",
                    Material.FUR,
                    skin.points,
                    skin.triangles,
                    np.clip(colors * (tone * stripe)[:, None], 0, 1).astype(np.float32),
                    _brows_of(fields(skin.points, anchors)),
                    occlusion=(0.55 + 0.45 * smoothstep(0.0, 0.5, skin.along)),
                    fur=np.full(len(anchors), 0.018, np.float32),
                    comb=unit(tangent.astype(np.float32)),
                )
            )
        return out

    def _line(self, root: Vector, way: Vector, reach: float, turns: float, t: Array) -> Array:
        ahead = unit(vector(way))
        across = unit(np.cross(ahead, vector((0.2, 0.3, 1.0))).astype(np.float32))
        up = np.cross(ahead, across)
        angle = turns * 2 * np.pi * t
        size = self.coil * smoothstep(0.0, 0.45, t) * (1 - 0.45 * t)
        drop = vector((0, -0.22, 0.10)) * (reach * t * t)[:, None]
        out: Array = (
            vector(root)
            + (reach * t)[:, None] * ahead
            + drop
            + size[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * up)
        ).astype(np.float32)
        return out


def _brows_of(moves: Displacements) -> Displacements:
    """Nothing else of a face reaches the crown by a visible amount."""
    return {name: moved for name, moved in moves.items() if name.startswith("brow")}


# ---------------------------------------------------------------- buck teeth


@dataclass(frozen=True, slots=True)
class BuckTeeth:
    """Two front teeth that show over the lower lip when the mouth is shut."""

    at: Vector  # between their roots, behind the upper lip
    width: float  # of one
    height: float
    thickness: float
    color: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        columns, rows = (7, 5) if is_light(detail) else (13, 11)
        u, v = np.meshgrid(
            np.linspace(-1, 1, columns, dtype=np.float32),
            np.linspace(0, 1, rows, dtype=np.float32),
            indexing="ij",
        )
        out = []
        for sign in (-1.0, 1.0):
            points, triangles, down = self._tooth(u, v, sign)
            root = np.broadcast_to(vector(self.at), points.shape).astype(np.float32)
            moved = fields(points, root, np.ones(len(points), np.float32))
            edge = np.tile(smoothstep(0.72, 1.0, np.abs(u)).ravel(), 2)
            gives = {name: moved[name] * 0.9 for name in _UPPER_LIP_GOES if name in moved}
            out.append(
                MeshPart(
                    "buckTooth" + ("Left" if sign > 0 else "Right"),
                    Material.TEETH,
                    points,
                    triangles,
                    mix(
                        flat(self.color, len(points)),
                        vector((0.70, 0.58, 0.40)),
                        smoothstep(0.25, 0.0, down) * 0.6,
                    ),
                    gives,
                    occlusion=(0.65 + 0.35 * smoothstep(0.0, 0.3, down)) * (1 - 0.45 * edge),
                )
            )
        return out

    def _tooth(self, u: Array, v: Array, sign: float) -> tuple[Array, Triangles, Array]:
        """A pillow: a front and a back sheet that meet at the edges."""
        corner = np.clip(np.abs(u) ** 4 + np.clip(v, 0, 1) ** 6, 0, 1)
        round_ = 1 - 0.16 * np.clip(v, 0, 1) ** 5  # narrower at the edge that bites
        x = (u * round_ * 0.5 + 0.5 * sign * 1.03) * self.width
        y = -v * self.height * (1 - 0.10 * u**4)
        bulge = self.thickness * np.sqrt(np.clip(1 - corner, 0, 1))
        lean = -0.02 * v
        sheets = [np.stack((x, y, lean + s * bulge), axis=-1).reshape(-1, 3) for s in (1.0, -0.6)]
        points = (np.concatenate(sheets) + vector(self.at)).astype(np.float32)
        rows = u.shape[1]
        i, j = np.meshgrid(np.arange(u.shape[0] - 1), np.arange(rows - 1), indexing="ij")
        a = (i * rows + j).ravel()
        front = np.concatenate(
            (
                np.stack((a, a + 1, a + rows), axis=1),
                np.stack((a + 1, a + rows + 1, a + rows), axis=1),
            )
        )
        triangles = np.concatenate((front, front[:, ::-1] + u.size)).astype(np.int64)
        down = np.tile(v.ravel(), 2)
        return points, triangles, down


_UPPER_LIP_GOES = ("mouthLeft", "mouthRight", "mouthPucker", "mouthFunnel", "mouthRollUpper")


# ---------------------------------------------------------------- a collar of leaves


@dataclass(frozen=True, slots=True)
class LeafCollar:
    """Two rows of pointed leaves round the neck, lying on the shoulders."""

    count: int
    axis_z: float
    inner: tuple[float, float]  # radius, height
    outer: tuple[float, float]
    color: Vector
    under: Vector  # of the lower row
    rib: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        across, down = (5, 6) if is_light(detail) else (9, 13)
        out = []
        for row, (grow, sink, color) in enumerate(
            ((1.0, -0.035, self.under), (0.80, 0.035, self.color))
        ):
            for number in range(self.count):
                angle = 2 * np.pi * (number + 0.5 * row) / self.count
                out.append(self._leaf(shape, angle, grow, sink, color, across, down, number + row))
        return out

    def _leaf(
        self,
        shape: HeadShape,
        angle: float,
        grow: float,
        lift: float,
        color: Vector,
        across: int,
        down: int,
        number: int,
    ) -> MeshPart:
        u, v = np.meshgrid(
            np.linspace(-1, 1, across, dtype=np.float32),
            np.linspace(0, 1, down, dtype=np.float32),
            indexing="ij",
        )
        (r0, y0), (r1, y1) = self.inner, self.outer
        tone = 0.92 + 0.16 * ((number * 5) % 7) / 6
        reach = grow * (1.0 + 0.05 * np.sin(2.3 * number))
        radius = r0 + (r1 - r0) * reach * (v * 0.75 + 0.25 * np.sin(v * np.pi / 2))
        y = y0 + (y1 - y0) * reach * v**1.6 + lift
        # A leaf: broad in its first half, pointed, its sides bent down from the rib.
        half = (0.55 + 0.45 * np.sin(np.pi * np.clip(v * 1.25, 0, 1))) * np.sqrt(
            np.clip(1 - v**3.2, 0, 1)
        )
        half = np.maximum(half, 0.04) * 1.22 * np.pi / self.count  # no normal at a mere point
        y = y - 0.055 * np.abs(u) ** 1.5 * (0.4 + 0.6 * v) + 0.02 * np.sin(v * 7 + number) * u
        turn = angle + half * u
        points = np.stack(
            (radius * np.sin(turn), y, radius * np.cos(turn) * 0.95 + self.axis_z), axis=-1
        )
        points = points.reshape(-1, 3).astype(np.float32)
        rows = down
        i, j = np.meshgrid(np.arange(across - 1), np.arange(down - 1), indexing="ij")
        a = (i * rows + j).ravel()
        triangles = np.concatenate(
            (
                np.stack((a, a + 1, a + rows), axis=1),
                np.stack((a + 1, a + rows + 1, a + rows), axis=1),
            )
        ).astype(np.int64)
        upward = face_normals(points, triangles)[:, 1].sum()
        if upward < 0:
            triangles = triangles[:, ::-1].copy()
        rib = np.exp(-((np.abs(u).ravel() / 0.16) ** 2))
        vein = 0.5 + 0.5 * np.cos((v + 0.35 * np.abs(u)).ravel() * 34)
        colors: Array = flat(color, len(points)) * (tone * (0.94 + 0.10 * vein))[:, None]
        colors = mix(colors, vector(self.rib), rib * 0.55)
        edge = smoothstep(0.75, 1.0, np.abs(u).ravel())
        return MeshPart(
            f"leaf{number}",
            Material.CLOTH,
            points,
            triangles,
            np.clip(colors * (1 - 0.18 * edge)[:, None], 0, 1).astype(np.float32),
            {},
            occlusion=0.40 + 0.60 * smoothstep(0.0, 0.55, v.ravel()),
            head_weight=shape.head_weight(points),
        )


# ---------------------------------------------------------------- a bow tie


@dataclass(frozen=True, slots=True)
class BowTie:
    """Two stuffed loops and a knot under a chin."""

    at: Vector
    half_width: float
    color: Vector
    fold: Vector  # colour in the folds

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        centre, size = vector(self.at), self.half_width

        def form(p: Array) -> Array:
            q = mirrored((p - centre) / np.float32(size))
            x, y, z = q[..., 0], q[..., 1], q[..., 2]
            # A loop widens away from the knot; folds run out of it like rays.
            tall = 0.17 + 0.34 * smoothstep(0.08, 0.85, x)
            rays = np.cos(y / (tall + 0.05) * 9.0) * smoothstep(0.95, 0.25, x)
            thick = 0.145 + 0.07 * np.sin(np.pi * np.clip(x, 0, 1)) + 0.020 * rays
            loop = np.hypot(y / tall, (z + 0.10 * x * x) / thick) - 1
            loop = loop * thick * 0.75
            loop = smooth_max(loop, x - 1.0 + 0.10 * (y / tall) ** 2, 0.10)
            knot = ellipsoid(q, (0, 0, 0.06), (0.155, 0.20, 0.20))
            out: Array = smooth_min(loop, knot, 0.03) * np.float32(size)
            return out

        def paint(points: Array, free: Array) -> Array:
            at = (points - centre) / np.float32(size)
            fold = smoothstep(0.75, 0.15, np.abs(at[:, 0])) * (0.5 - 0.5 * np.cos(9 * at[:, 1]))
            knot = smoothstep(0.20, 0.14, np.abs(at[:, 0]))
            colors = mix(flat(self.color, len(points)), vector(self.fold), fold * (1 - knot) * 0.7)
            return colors * (0.55 + 0.45 * free)[:, None]

        low, high = centre - 1.2 * size, centre + 1.2 * size
        part = modelled(
            "bowTie", Material.CLOTH, form, _vector(low), _vector(high), detail, 2600, paint, _still
        )
        weight = shape.head_weight(centre[None])
        part.head_weight = np.repeat(weight, len(part.points)).astype(np.float32)
        return [part]


# ---------------------------------------------------------------- nostrils


@dataclass(frozen=True, slots=True)
class Nostrils:
    """Two dark dimples in smooth skin, laid on so that few triangles show them round."""

    at: Vector  # the left one, on the surface or a little under it
    size: float
    color: Vector

    def __call__(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        rings, spokes = (3, 9) if is_light(detail) else (5, 20)
        out = []
        for sign in (-1.0, 1.0):
            middle = projected(shape, (vector(self.at) * vector((sign, 1, 1)))[None], 8)[0]
            away = shape.normals(middle[None])[0]
            across = unit(np.cross(vector((0.25 * sign, 1, 0)), away).astype(np.float32))
            up = np.cross(away, across)
            rows, columns = np.meshgrid(
                np.linspace(0.02, 1, rings, dtype=np.float32),
                2 * np.pi * np.arange(spokes + 1, dtype=np.float32) / spokes,
                indexing="ij",
            )
            r, turn = rows.ravel(), columns.ravel()
            wide = self.size * r * np.cos(turn)
            tall = 0.72 * self.size * r * np.sin(turn) * (1 + 0.3 * np.cos(turn))
            points = projected(shape, middle + wide[:, None] * across + tall[:, None] * up, 4)
            points = points + 0.006 * shape.normals(points)
            triangles = grid(rings, spokes + 1)
            if (face_normals(points, triangles) @ away).sum() < 0:
                triangles = triangles[:, ::-1].copy()
            out.append(
                MeshPart(
                    "nostril",
                    shape.species.skin,
                    points.astype(np.float32),
                    triangles,
                    flat(self.color, len(points)) * (0.4 + 0.6 * r**2)[:, None],
                    fields(points),
                    normals=unit(away + 0.0 * points),
                    occlusion=(0.25 + 0.55 * r**2).astype(np.float32),
                )
            )
        return out


def _still(points: Array) -> Displacements:
    return {}


def _vector(p: Array) -> Vector:
    return (float(p[0]), float(p[1]), float(p[2]))

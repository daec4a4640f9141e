"""Styled hair as solid shapes: big locks swept along curves, brows that act, lashes.

A lock is a tube along a spline, broad and bevelled on its outer side, flat underneath. Its
painted strands run along it, and `comb` carries the direction in which they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from livecam.avatar.base import CORRECTIVE, Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.humans import HumanShape
from livecam.modelling.lids import lids
from livecam.modelling.mesh import Triangles, face_normals, projected, small_surface
from livecam.modelling.morphs import SIDES, Displacements, ExpressionFields
from livecam.modelling.parts import MeshPart, flat
from livecam.modelling.sdf import (
    Array,
    ScalarField,
    Vector,
    gradient,
    mix,
    smoothstep,
    unit,
    vector,
)

# Across a lock's outer side, from edge to edge: place over the half width, height over the
# thickness. The dents part its strands.
_ACROSS = (-1.0, -0.86, -0.62, -0.40, -0.30, -0.08, 0.22, 0.36, 0.48, 0.72, 0.90, 1.0)
_HEIGHT = (0.0, 0.42, 0.78, 0.90, 0.84, 1.0, 0.99, 0.88, 0.90, 0.66, 0.36, 0.0)
_ACROSS_LIGHT = (-1.0, -0.55, 0.0, 0.55, 1.0)
_HEIGHT_LIGHT = (0.0, 0.80, 1.0, 0.74, 0.0)
_UNDERSIDE = -0.30  # its height, over the thickness


@dataclass(frozen=True, slots=True)
class HairLock:
    """One lock of hair, in head units."""

    path: tuple[Vector, ...]  # a spline's points from root to tip
    width: float  # at its broadest
    thick: float
    hug: float = 0.05  # how far its middle lies over the scalp
    free: float = 1.0  # from this part of the way on it leaves the scalp
    wave: tuple[float, float, float] = (0.0, 0.0, 0.0)  # sideways: how far, how often, phase
    root: float = 0.55  # width at the root, over the broadest
    blunt: float = 0.7  # how late it tapers to its tip
    bone: int = 0  # 1 + place in the row's swings
    sway_from: float = 0.4  # of its length
    tone: float = 1.0  # brightness


@dataclass(frozen=True, slots=True)
class HairTones:
    """The paints of hair, linear."""

    dark: Vector  # at roots and between locks
    base: Vector
    light: Vector  # strands that catch the sun


def mirrored_lock(lock: HairLock, bone: int | None = None) -> HairLock:
    """The same lock on the other side."""
    path = tuple((-x, y, z) for x, y, z in lock.path)
    return replace(lock, path=path, bone=lock.bone if bone is None else bone)


def spline(path: Sequence[Vector], count: int) -> Array:
    """Points spaced evenly along a Catmull-Rom curve through the given ones."""
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


def locks(
    scalp: ScalarField, row: Sequence[HairLock], tones: HairTones, detail: LevelOfDetail, seed: int
) -> list[MeshPart]:
    """Every lock of a head of hair; they lie on the zero set of `scalp`."""
    random = np.random.default_rng(seed)
    return [_lock(scalp, lock, tones, detail, random) for lock in row]


def _lock(
    scalp: ScalarField,
    lock: HairLock,
    tones: HairTones,
    detail: LevelOfDetail,
    random: np.random.Generator,
) -> MeshPart:
    fine = detail.detailed_lips
    reach = np.linalg.norm(np.diff(np.array(lock.path), axis=0), axis=1).sum()
    rings = int(np.clip(reach * (11 if fine else 5.5), 6 if fine else 4, 24 if fine else 11))
    across = np.array(_ACROSS if fine else _ACROSS_LIGHT, np.float32)
    height = np.array(_HEIGHT if fine else _HEIGHT_LIGHT, np.float32)
    t = np.linspace(0, 1, rings).astype(np.float32)
    line = _hugging(scalp, lock, t)
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    up = unit(_smoothed(gradient(scalp, line, 0.08)))
    side = unit(np.cross(along, up).astype(np.float32))
    far, often, phase = lock.wave
    if far:
        swing = far * t * np.sin(2 * np.pi * (often * t + phase))
        line = line + side * swing[:, None]
        along = unit(np.gradient(line, axis=0).astype(np.float32))
        side = unit(np.cross(along, up).astype(np.float32))
    up = np.cross(side, along)
    width = lock.width * _taper(t, lock.root, lock.blunt)
    thick = lock.thick * _taper(t, 0.75, lock.blunt)
    section = np.stack((np.r_[across, 0.0], np.r_[height, _UNDERSIDE]), axis=1)
    points = (
        line[:, None]
        + (width[:, None] * section[:, 0])[..., None] * side[:, None]
        + (thick[:, None] * section[:, 1])[..., None] * up[:, None]
    )
    sides = len(section)
    flat_points = points.reshape(-1, 3).astype(np.float32)
    triangles = facing_out(flat_points, closed_tube(rings, sides), np.repeat(line, sides, axis=0))
    whence = np.repeat(t, sides)
    share = smoothstep(lock.sway_from, 1.0, whence) if lock.bone else np.zeros_like(whence)
    shade = _strand_shade(np.r_[across, 0.0], whence, rings, random)
    return MeshPart(
        "lock",
        Material.HAIR,
        flat_points,
        triangles,
        np.clip(_hair_colors(tones, shade) * lock.tone, 0, 1).astype(np.float32),
        {},
        occlusion=_lock_occlusion(np.r_[height, _UNDERSIDE], t),
        comb=np.repeat(along, sides, axis=0),
        bone=np.full(len(flat_points), lock.bone, np.uint8),
        sway=share.astype(np.float32),
    )


def _hugging(scalp: ScalarField, lock: HairLock, t: Array) -> Array:
    """The lock's middle line: on the scalp up to `free`, then as its path says."""
    line = spline(lock.path, len(t))
    # The root begins under the scalp, so that no cut end shows.
    hug = lock.hug - (lock.hug + 1.1 * lock.thick) * smoothstep(0.14, 0.0, t)
    stays = smoothstep(lock.free + 0.02, lock.free - 0.25, t)[:, None] if lock.free < 1 else 1.0
    for _ in range(3):
        off = scalp(line)
        pulled = line + (hug - off)[:, None] * gradient(scalp, line, 0.02)
        # Even a free lock stays out of the head.
        outside = line + np.clip(hug * 0.6 - off, 0, None)[:, None] * gradient(scalp, line, 0.02)
        line = (stays * pulled + (1 - stays) * outside).astype(np.float32)
    return line


def _smoothed(values: Array) -> Array:
    out = values.copy()
    out[1:-1] = (values[:-2] + 2 * values[1:-1] + values[2:]) / 4
    return out


def _taper(t: Array, root: float, blunt: float) -> Array:
    swell = root + (1 - root) * smoothstep(0.0, 0.35, t)
    tip = np.sqrt(np.clip(1 - np.clip((t - blunt) / (1 - blunt), 0, 1) ** 1.6, 0.0, 1))
    out: Array = swell * np.maximum(tip, 0.015)
    return out


def _strand_shade(across: Array, t: Array, rings: int, random: np.random.Generator) -> Array:
    """0 dark .. 1 light: strands of their own tone, darker at root and edges."""
    strand = random.uniform(-0.22, 0.22, len(across)).astype(np.float32)
    edge = np.tile(smoothstep(0.80, 1.0, np.abs(across)) + (across == 0) * 0.0, rings)
    tone = 0.42 + np.tile(strand, rings) - 0.38 * edge
    out: Array = np.clip(
        tone + 0.25 * smoothstep(0.05, 0.6, t) - 0.25 * smoothstep(0.25, 0.0, t), 0, 1
    )
    return out


def _hair_colors(tones: HairTones, shade: Array) -> Array:
    dark = mix(np.tile(vector(tones.dark), (len(shade), 1)), vector(tones.base),
               smoothstep(0.0, 0.5, shade))  # fmt: skip
    return mix(dark, vector(tones.light), smoothstep(0.5, 1.0, shade))


def _lock_occlusion(height: Array, t: Array) -> Array:
    """Dark where a lock dips under its neighbours."""
    open_ = 0.15 + 0.85 * smoothstep(-0.1, 0.85, height)
    root = 0.80 + 0.20 * smoothstep(0.0, 0.25, t)
    out: Array = (root[:, None] * open_[None]).ravel().astype(np.float32)
    return out


def closed_tube(rings: int, sides: int) -> Triangles:
    """Triangles round points[rings * sides], with a fan over both ends."""
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    wall = np.concatenate(
        (np.stack((a, b, a + sides), axis=1), np.stack((b, b + sides, a + sides), axis=1))
    )
    k = np.arange(1, sides - 1)
    last = (rings - 1) * sides
    root = np.stack((0 * k, k + 1, k), axis=1)
    tip = np.stack((0 * k + last, k + last, k + 1 + last), axis=1)
    return np.concatenate((wall, root, tip)).astype(np.int64)


def facing_out(points: Array, triangles: Triangles, centres: Array) -> Triangles:
    """The triangles turned so that they face away from each point's own centre."""
    facing = (face_normals(points, triangles) * (points - centres)[triangles].mean(axis=1)).sum()
    return triangles if facing > 0 else triangles[:, ::-1].copy()


# ---------------------------------------------------------------- the cap


def cap(
    scalp: ScalarField,
    hairline: Callable[[Array], Array],
    thick: float,
    tones: HairTones,
    flow: Callable[[Array], Array],
    detail: LevelOfDetail,
) -> MeshPart:
    """The hair under the locks: a layer over the scalp, where `hairline` is negative."""

    def form(p: Array) -> Array:
        # It thins out towards the hairline instead of ending in a step.
        inside = hairline(p)
        swell = thick * smoothstep(0.02, -0.22, inside) - 0.03 * smoothstep(-0.02, 0.03, inside)
        out: Array = scalp(p) - swell
        return out

    fine = detail.detailed_lips
    points, triangles = small_surface(
        form, (-1.3, -1.2, -1.35), (1.3, 1.45, 1.1), 0.03, 3500 if fine else 800
    )
    kept = (hairline(points) < 0.02)[triangles].any(axis=1)
    used, triangles = np.unique(triangles[kept], return_inverse=True)
    points, triangles = points[used], triangles.reshape(-1, 3)
    normals = gradient(form, points, 0.012)
    lie = flow(points)
    lie = unit(lie - (lie * normals).sum(axis=1, keepdims=True) * normals)
    shade = 0.35 + 0.10 * np.sin(points @ vector((31, 3, 17))) * np.sin(
        points @ vector((11, 5, -23))
    )
    return MeshPart(
        "hairCap",
        Material.HAIR,
        points,
        triangles,
        _hair_colors(tones, shade.astype(np.float32)).astype(np.float32),
        {},
        normals=normals,
        occlusion=np.full(len(points), 0.8, np.float32),
        comb=lie,
    )


# ---------------------------------------------------------------- brows


@dataclass(frozen=True, slots=True)
class Brow:
    """A thick brow: from its inner end over the arch to its outer end, of the left eye."""

    path: tuple[Vector, ...]
    height: float  # half of it, at its thickest
    thick: float
    blunt: float = 0.35  # where it begins to taper
    lift: float = 0.02  # over the skin


# What an expression does to a brow, in head units at (inner end, middle, outer end):
# how far it is drawn away from the nose, and how far up.
_BROW_ACTS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "browInnerUp": ((-0.02, 0.155), (0.0, 0.075), (0.01, -0.005)),
    "browDown": ((-0.055, -0.155), (-0.03, -0.085), (-0.01, 0.010)),
    "browOuterUp": ((0.0, 0.02), (0.0, 0.095), (0.01, 0.125)),
    "eyeWide": ((0.0, 0.02), (0.0, 0.03), (0.0, 0.02)),
    "eyeSquint": ((0.0, -0.015), (0.0, -0.025), (0.0, -0.02)),
    "noseSneer": ((-0.01, -0.05), (0.0, -0.02), (0.0, 0.0)),
    "eyeBlink": ((0.0, -0.008), (0.0, -0.014), (0.0, -0.010)),
}
_BOTH = ("browInnerUp",)


def brows(
    shape: HumanShape, fields: ExpressionFields, brow: Brow, tones: HairTones, detail: LevelOfDetail
) -> list[MeshPart]:
    """Both brows; they slide over the skin, and the skin under them moves too."""
    return [_brow(shape, fields, brow, tones, detail, sign, name) for sign, name in SIDES]


def _brow(
    shape: HumanShape,
    fields: ExpressionFields,
    brow: Brow,
    tones: HairTones,
    detail: LevelOfDetail,
    sign: float,
    name: str,
) -> MeshPart:
    fine = detail.detailed_lips
    rings = 22 if fine else 10
    t = np.linspace(0, 1, rings).astype(np.float32)
    line = spline(tuple((x * sign, y, z) for x, y, z in brow.path), rings)
    line = _laid_on(shape, line, brow.lift)
    rest = _brow_skin(shape, brow, line, t, fine)
    sides = len(rest) // rings
    morphs: Displacements = {}
    for act, moves in _BROW_ACTS.items():
        key = act if act in _BOTH else act + name
        away, up = (np.interp(t, (0, 0.5, 1), [m[k] for m in moves]) for k in (0, 1))
        shift = np.stack((sign * away, up, 0 * t), axis=1).astype(np.float32)
        moved = _laid_on(shape, line + shift, brow.lift)
        skin = fields(moved, moved - shift)[key] if key in fields(line[:1]) else 0 * moved
        n = shape.normals(moved, 0.05)
        swell = np.clip((skin * n).sum(axis=1), 0, None)
        moved = moved + n * swell[:, None]
        morphs[key] = _brow_skin(shape, brow, moved, t, fine) - rest
    triangles = facing_out(rest, closed_tube(rings, sides), np.repeat(line, sides, axis=0))
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    random = np.random.default_rng(5)
    shade = 0.35 + np.tile(random.uniform(-0.2, 0.25, sides), rings)
    return MeshPart(
        "brow" + name,
        Material.HAIR,
        rest,
        triangles,
        _hair_colors(tones, shade.astype(np.float32)).astype(np.float32),
        morphs,
        comb=np.repeat(along, sides, axis=0),
    )


def _laid_on(shape: HumanShape, line: Array, lift: float) -> Array:
    for _ in range(4):
        away = lift - shape(line)
        line = line + away[:, None] * shape.normals(line, 0.04) * np.float32(0.9)
    return line.astype(np.float32)


def _brow_skin(shape: HumanShape, brow: Brow, line: Array, t: Array, fine: bool) -> Array:
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    out = unit(_smoothed(_smoothed(shape.normals(line, 0.08))))
    side = unit(np.cross(out, along).astype(np.float32))
    angles = 2 * np.pi * np.arange(10 if fine else 6) / (10 if fine else 6)
    swell = 0.70 + 0.30 * smoothstep(0.0, 0.22, t)
    tip = np.sqrt(np.clip(1 - np.clip((t - brow.blunt) / (1 - brow.blunt), 0, 1) ** 1.5, 0.0, 1))
    tip = tip * np.sqrt(np.clip(t / 0.07, 0.06, 1))
    size = swell * np.maximum(tip, 0.03)
    points = (
        line[:, None]
        + (size[:, None] * np.cos(angles) * brow.height)[..., None] * side[:, None]
        + (size[:, None] * np.sin(angles) * brow.thick)[..., None] * out[:, None]
    )
    skin: Array = points.reshape(-1, 3).astype(np.float32)
    return skin


# ---------------------------------------------------------------- lashes


@dataclass(frozen=True, slots=True)
class Lashes:
    """Clusters of lashes on the upper lids, the longest at the outer corner."""

    places: tuple[tuple[float, float], ...]  # -1 inner .. 1 outer corner, length in head units
    thick: float
    curl_deg: float
    aside: float  # how far they fan out
    color: Vector


def lashes(shape: HumanShape, look: Lashes, detail: LevelOfDetail) -> list[MeshPart]:
    """They ride on the edge of the lid, so they follow whatever moves the lid."""
    columns, rows = detail.lid
    uppers = (part for part in lids(shape, columns, rows) if part.name.startswith("upper"))
    return [_fringe(shape, look, part, columns, rows) for part in uppers]


_LASH_RINGS, _LASH_SIDES = 4, 4


def _fringe(shape: HumanShape, look: Lashes, lid: MeshPart, columns: int, rows: int) -> MeshPart:
    row = shape.species
    sign = 1.0 if lid.name.endswith("Left") else -1.0
    centre = vector((row.eye[0] * sign, *row.eye[1:]))
    edge = np.arange(columns) * rows + 1  # the row at the rim's outer side
    outer = (lid.points[edge, 0] - centre[0]) * sign / row.eye_radius  # -1 .. 1
    order = np.argsort(outer)
    wanted, reach = np.array(look.places, np.float32).T

    def at_roots(values: Array) -> Array:
        here = [np.interp(wanted, outer[order], values[edge][order, k]) for k in range(3)]
        out: Array = np.stack(here, axis=1).astype(np.float32)
        return out

    def drawn(root: Array, curl_deg: float) -> Array:
        return _cluster(root, centre, reach, wanted * sign * look.aside, look, curl_deg)

    roots = at_roots(lid.points)
    rest = drawn(roots, look.curl_deg)
    each = _LASH_RINGS * _LASH_SIDES
    morphs: Displacements = {}
    for key, moved in lid.morphs.items():
        shift = at_roots(moved)
        if CORRECTIVE in key:  # it adds to what its parts do already
            morphs[key] = np.repeat(shift, each, axis=0)
        else:
            turn = -62.0 if key.startswith("eyeBlink") else 0.0
            morphs[key] = drawn(roots + shift, look.curl_deg + turn) - rest
    tube = closed_tube(_LASH_RINGS, _LASH_SIDES)
    triangles = np.concatenate([tube + k * each for k in range(len(wanted))])
    middles = np.repeat(rest.reshape(-1, _LASH_SIDES, 3).mean(axis=1), _LASH_SIDES, axis=0)
    return MeshPart(
        "lashes" + lid.name[-5:],
        Material.HAIR,
        rest,
        facing_out(rest, triangles, middles),
        flat(look.color, len(rest)),
        morphs,
    )


def _cluster(
    root: Array, centre: Array, reach: Array, aside: Array, look: Lashes, curl_deg: float
) -> Array:
    """Tapering hooks at the roots, away from the eye's centre and curled up."""
    radial = unit(root - centre)
    radial[:, 0] += aside
    radial = unit(radial)
    up = unit(vector((0, 1, 0)) - radial * radial[:, 1:2])
    across = np.cross(up, radial)
    a = np.radians(curl_deg)
    t = np.linspace(0, 1, _LASH_RINGS).astype(np.float32)[:, None, None]
    along = np.cos(a * t * 1.5) * radial + np.sin(a * t * 1.5) * up
    line = root - 0.012 * radial + along * (reach[:, None] * t)  # [ring, lash, 3]
    size = look.thick * np.sqrt(1 - 0.98 * t)
    broad = (1 - t) * 2.6 + 0.2  # they join at their roots
    corner = [line + size * across * broad, line + size * up, line - size * across * broad,
              line - size * up * 0.6]  # fmt: skip
    points: Array = np.stack(corner, axis=2).transpose(1, 0, 2, 3)  # [lash, ring, side, 3]
    return points.reshape(-1, 3).astype(np.float32)


# ---------------------------------------------------------------- freckles


def freckles(
    shape: HumanShape,
    fields: ExpressionFields,
    color: Vector,
    places: Sequence[tuple[float, float, float]],
) -> MeshPart:
    """Small discs on the skin: (x, y, radius) each, crisp at any detail."""
    spokes = 6
    around = 2 * np.pi * np.arange(spokes) / spokes
    rim = np.stack((np.cos(around), np.sin(around)), axis=1)
    points, triangles, roots = [], [], []
    for number, (x, y, radius) in enumerate(places):
        root = projected(shape, np.array(((x, y, 0.95),), np.float32), 8)
        n = shape.normals(root, 0.03)[0]
        across = unit(np.cross(vector((0, 1, 0)), n).astype(np.float32)[None])[0]
        up = np.cross(n, across)
        ring = root + radius * (rim[:, :1] * across + rim[:, 1:] * up)
        disc = projected(shape, np.concatenate((root, ring)).astype(np.float32), 2)
        points.append(disc + n * 0.006)
        roots.append(np.repeat(root, spokes + 1, axis=0))
        k = np.arange(spokes)
        fan = np.stack((0 * k, k + 1, (k + 1) % spokes + 1), axis=1)
        triangles.append(fan + number * (spokes + 1))
    placed = np.concatenate(points).astype(np.float32)
    anchors = np.concatenate(roots).astype(np.float32)
    return MeshPart(
        "freckles",
        Material.SKIN,
        placed,
        np.concatenate(triangles).astype(np.int64),
        flat(color, len(placed)),
        fields(placed, anchors),
        normals=unit(shape.normals(placed, 0.03)),
    )

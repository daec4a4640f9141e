"""What people wear round the neck: scarf, hood and drawstrings; it rests on the shoulders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.hair import closed_tube, facing_out, spline
from livecam.modelling.mesh import grid
from livecam.modelling.parts import MeshPart, flat, outward
from livecam.modelling.sdf import Array, Vector, mix, smoothstep, unit, vector

AXIS_Z = -0.20  # the neck stands here

# At an angle about the neck (0 in front, radians): the middle of the band's tube.
Around = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class ClothRoll:
    """Cloth rolled round the neck."""

    radius: Around  # from the neck's axis
    height: Around
    wide: Around  # half the width of the roll's section, across the neck's axis
    tall: Around  # half its height
    color: Vector
    ribs: int = 0  # knitted ridges round the section
    rib_depth: float = 0.05
    folds: float = 0.0  # how far soft folds wander
    seed: int = 0


def band(look: ClothRoll, detail: LevelOfDetail) -> MeshPart:
    """A closed roll of cloth."""
    fine = detail.detailed_lips
    rings, sides = (52, max(14, 2 * look.ribs)) if fine else (24, max(8, look.ribs))
    around = np.linspace(0, 2 * np.pi, rings, endpoint=False).astype(np.float32)
    section = np.linspace(0, 2 * np.pi, sides, endpoint=False).astype(np.float32)
    a, b = np.meshgrid(around, section, indexing="ij")
    random = np.random.default_rng(look.seed)
    fold = sum(
        random.uniform(0.4, 1.0) / k * np.cos(k * a + m * b + random.uniform(0, 6.3))
        for k, m in ((2, 1), (3, 1), (5, 2), (7, 1))
    )
    rib = np.cos(look.ribs * b) if look.ribs else np.zeros_like(b)
    swell = 1 + look.rib_depth * rib + look.folds * fold
    out = look.radius(a) + look.wide(a) * np.cos(b) * swell
    up = look.height(a) + look.tall(a) * np.sin(b) * swell
    points = np.stack((out * np.sin(a), up, out * np.cos(a) + AXIS_Z), axis=-1)
    middle = np.stack(
        (look.radius(a) * np.sin(a), look.height(a), look.radius(a) * np.cos(a) + AXIS_Z), axis=-1
    )
    placed = points.reshape(-1, 3).astype(np.float32)
    triangles = facing_out(placed, _torus(rings, sides), middle.reshape(-1, 3).astype(np.float32))
    valley = 0.82 + 0.18 * rib.ravel()
    colors = flat(look.color, len(placed)) * (valley + 0.10 * fold.ravel() * look.folds)[:, None]
    if look.ribs and fine:  # stitches
        stitch = (-1.0) ** np.add.outer(np.arange(rings), np.arange(sides)).ravel()
        colors = colors * (1 + 0.10 * stitch)[:, None]
    # Dark inside and underneath, where the next roll or the neck closes it in.
    open_ = 0.35 + 0.65 * smoothstep(-1.0, 0.5, (np.cos(b) + 0.45 * np.sin(b)).ravel())
    along = np.stack((np.cos(a), 0 * a, -np.sin(a)), axis=-1).reshape(-1, 3)
    return MeshPart(
        "band",
        Material.CLOTH,
        placed,
        triangles,
        np.clip(colors, 0, 1).astype(np.float32),
        {},
        occlusion=(open_ * (0.75 + 0.25 * valley)).astype(np.float32),
        comb=along.astype(np.float32),
        head_weight=np.zeros(len(placed), np.float32),
    )


def _torus(rings: int, sides: int) -> np.ndarray:
    i, j = np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    c, d = (a + sides) % (rings * sides), (b + sides) % (rings * sides)
    return np.concatenate((np.stack((a, b, c), 1), np.stack((b, d, c), 1))).astype(np.int64)


def yoke(
    inner: tuple[float, float], outer: tuple[float, float], color: Vector, detail: LevelOfDetail
) -> MeshPart:
    """The cloth on the shoulders: from (radius, height) at the neck to (radius, height)."""
    fine = detail.detailed_lips
    rings, rows = (48, 8) if fine else (24, 6)
    around = np.linspace(0, 2 * np.pi, rings).astype(np.float32)
    t = np.linspace(0, 1, rows).astype(np.float32)
    a, s = np.meshgrid(around, t, indexing="ij")
    # The last row turns in under the hem.
    under = s > 0.999
    out = inner[0] + (outer[0] - inner[0]) * np.sqrt(np.minimum(s * 1.12, 1.0))
    out = out - 0.10 * under
    up = inner[1] + (outer[1] - inner[1]) * np.minimum(s * 1.12, 1.0) ** 1.6
    up = up - 0.05 * under + 0.02 * np.cos(5 * a + 1) * s - 0.05 * np.cos(a) * s
    points = np.stack((1.10 * out * np.sin(a), up, 0.92 * out * np.cos(a) + AXIS_Z), axis=-1)
    placed = points.reshape(-1, 3).astype(np.float32)
    triangles = outward(placed, grid(rings, rows), vector((0, -2.5, AXIS_Z)))
    near = smoothstep(0.0, 0.35, s.ravel())
    return MeshPart(
        "yoke",
        Material.CLOTH,
        placed,
        triangles,
        flat(color, len(placed)),
        {},
        occlusion=0.45 + 0.55 * near,
        comb=np.tile(vector((1, 0, 0)), (len(placed), 1)),
        head_weight=np.zeros(len(placed), np.float32),
    )


def cord(
    path: tuple[Vector, ...],
    radius: float,
    material: Material,
    color: Vector,
    detail: LevelOfDetail,
    bone: int = 0,
    sway_from: float = 0.1,
    weight: float = 0.0,
    bulb: float = 0.0,
) -> MeshPart:
    """A round cord along a spline; `bulb` thickens its end, `weight` is that of the head."""
    fine = detail.detailed_lips
    rings, sides = (18, 8) if fine else (7, 5)
    line = spline(path, rings)
    t = np.linspace(0, 1, rings).astype(np.float32)
    along = unit(np.gradient(line, axis=0).astype(np.float32))
    across = unit(np.cross(along, vector((0.1, 0.2, 1))).astype(np.float32))
    up = np.cross(along, across)
    angles = 2 * np.pi * np.arange(sides) / sides
    thick = radius * (1 + bulb * smoothstep(0.80, 0.95, t))
    ring = np.cos(angles)[:, None] * across[:, None] + np.sin(angles)[:, None] * up[:, None]
    points = (line[:, None] + thick[:, None, None] * ring).reshape(-1, 3).astype(np.float32)
    whence = np.repeat(t, sides)
    return MeshPart(
        "cord",
        material,
        points,
        facing_out(points, closed_tube(rings, sides), np.repeat(line, sides, axis=0)),
        mix(flat(color, len(points)), vector(color) * 0.7, 0.5 + 0.5 * np.cos(whence * 60)),
        {},
        comb=np.repeat(along, sides, axis=0),
        head_weight=np.full(len(points), weight, np.float32),
        bone=np.full(len(points), bone, np.uint8),
        sway=smoothstep(sway_from, 1.0, whence) * np.float32(bone > 0),
    )

"""Tufts: small curved blades of fur that break the outline and stroke the surface.

They make the head look furry where no shells are drawn, and give shells a clean edge. Every
blade faces outwards and forwards, so that culled back faces cost nothing that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from livecam.avatar.base import Material
from livecam.heads.mesh import face_normals
from livecam.heads.morphs import SkinFields
from livecam.heads.parts import Part
from livecam.heads.sdf import Array, length, mix, smoothstep, unit, vector
from livecam.heads.shape import Shape

_LONGEST = 0.27  # head units
_ROOT_DEPTH = 0.012  # blades start under the skin, so that no root shows


@dataclass(frozen=True, slots=True)
class Cut:
    """How the blades of one kind look."""

    curved: bool  # five vertices and three triangles each, instead of three and one
    length: float  # over the fur's length
    width: float  # over the blade's length
    lift: float  # 0 lies flat, 1 stands at 45 degrees
    furry: bool  # blades take the fur's length, and with it its shading; never under shells


def outline_density(shape: Shape, p: Array, normals: Array) -> Array:
    """Where fur stands against the background: cheeks, crown, ears and the ruff's hem."""
    ear, hollow, _ = shape.ear(p, normals)
    x, y = np.abs(p[:, 0]), p[:, 1]
    sideways = smoothstep(0.75, 0.25, np.abs(normals[:, 2]))
    cheek = smoothstep(0.55, 0.95, x) * smoothstep(-0.75, -0.45, y) * smoothstep(0.35, -0.05, y)
    crown = smoothstep(0.72, 0.95, y) * (1 - ear) * 0.5
    hem = smoothstep(-1.12, -1.34, y)
    ruff = smoothstep(-0.75, -1.0, y) * 0.35
    edge = np.maximum.reduce([cheek * (0.4 + 0.9 * sideways), crown, ear * 0.9 * sideways, ruff])
    out: Array = np.maximum(edge, 2.2 * hem) * (1 - 0.8 * hollow) + 0.08 * sideways
    return out


def tufts(
    fields: SkinFields, skin: Part, side: Array, density: Array, count: int, cut: Cut, seed: int
) -> Part:
    """About `count` blades rooted in the skin; each moves as one with its root."""
    face, corner = _scattered(skin, density, count, seed)
    random = np.random.default_rng(seed + 1)
    count = len(face)

    def at_root(values: Array) -> Array:
        out: Array = np.einsum("nk,nk...->n...", corner, values[skin.triangles[face]])
        return out

    root, normal, comb = at_root(skin.points), unit(at_root(skin.normals)), unit(at_root(skin.comb))
    stray = random.normal(size=(count, 3)).astype(np.float32) * 0.16
    direction = unit(comb + normal * cut.lift + stray)
    reach = at_root(skin.fur) * cut.length * random.uniform(0.7, 1.3, count).astype(np.float32)
    # Black blades that reach over light fur look like thorns: they stay short.
    light = smoothstep(0.03, 0.12, at_root(skin.colors.mean(axis=1)))
    reach = np.minimum(reach, _LONGEST) * (0.42 + 0.58 * light)
    # A long blade over a border would scatter one colour into the other.
    near = cKDTree(skin.points).query(root + comb * (0.8 * reach)[:, None])[1]
    jump = np.abs(np.sqrt(skin.colors[near]) - np.sqrt(at_root(skin.colors))).max(axis=1)
    reach = reach * (1 - 0.6 * smoothstep(0.12, 0.40, jump))
    points, triangles, along = _blades(root, normal, direction, comb, reach, cut)
    each = len(points) // count

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, each, axis=0)

    tone = random.uniform(0.82, 1.2, (count, 1)).astype(np.float32)
    color = at_root(skin.colors) * tone
    tips = np.clip(color * 1.10 + 0.012, 0, 1)
    return Part(
        "tufts",
        Material.FUR,
        points,
        triangles,
        mix(spread(color * 0.72), spread(tips), along),
        fields(points, spread(root), np.sign(spread(at_root(side)))),
        normals=unit(spread(normal) + spread(direction) * (0.35 * along)[:, None]),
        occlusion=spread(at_root(skin.occlusion)) * (0.80 + 0.20 * along),
        fur=spread(at_root(skin.fur)) * np.float32(cut.furry),
        comb=spread(comb),
        head_weight=spread(at_root(skin.head_weight)),
        bone=spread(skin.bone[skin.triangles[face, corner.argmax(axis=1)]]),
        sway=spread(at_root(skin.sway)),
    )


def _scattered(
    skin: Part, density: Array, count: int, seed: int
) -> tuple[NDArray[np.int64], Array]:
    """Places on a surface, spread evenly for their density: triangles and barycentrics."""
    random = np.random.default_rng(seed)
    here = density[skin.triangles].mean(axis=1)
    weight = length(face_normals(skin.points, skin.triangles)) * here
    many = count * 6
    face = random.choice(len(weight), many, p=weight / weight.sum())
    corner = random.dirichlet((1.0, 1.0, 1.0), many).astype(np.float32)
    place = np.einsum("nk,nki->ni", corner, skin.points[skin.triangles[face]])
    # Poisson disks by elimination: the wanted gap shrinks where the density is high.
    gap = 0.72 * np.sqrt(weight.sum() / 2 / count / np.maximum(here[face], 1e-3))
    tree = cKDTree(place)
    kept = np.zeros(many, bool)
    for i in range(many):
        kept[i] = not kept[tree.query_ball_point(place[i], gap[i])].any()
    chosen = np.flatnonzero(kept)[:count]
    return face[chosen], corner[chosen]


def _blades(
    root: Array, normal: Array, direction: Array, comb: Array, reach: Array, cut: Cut
) -> tuple[Array, NDArray[np.int64], Array]:
    """Points, triangles, and how far along its blade each point lies (0 root .. 1 tip)."""
    ahead = smoothstep(-0.6, -0.1, normal[:, 2]) * 0.9
    facing = unit(normal + ahead[:, None] * vector((0, 0, 1)))
    across = unit(np.cross(direction, facing).astype(np.float32))
    bend = comb * 0.30 + vector((0, -0.22, 0))
    steps = (0.0, 0.5, 1.0) if cut.curved else (0.0, 1.0)
    columns: list[Array] = []
    for s in steps:
        line = root - normal * _ROOT_DEPTH + (direction * s + bend * s * s) * reach[:, None]
        half = across * (reach * cut.width * (0.5 - 0.26 * s))[:, None]
        columns += [line - half, line + half] if s < 1 else [line]
    each = len(columns)
    blade = [(0, 1, 2), (1, 3, 2), (2, 3, 4)] if cut.curved else [(0, 1, 2)]
    triangles = np.arange(len(root))[:, None, None] * each + np.array(blade, np.int64)
    along = np.tile([s for s in steps for _ in range(2 if s < 1 else 1)], len(root))
    points = np.stack(columns, axis=1).reshape(-1, 3).astype(np.float32)
    return points, triangles.reshape(-1, 3), along.astype(np.float32)

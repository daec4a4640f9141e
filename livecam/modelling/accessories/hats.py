"""Hats: beanie, straw hat, party hat and top hat. Their origin lies on the crown of the head."""

from __future__ import annotations

import numpy as np

from livecam.avatar.accessories import Press
from livecam.avatar.base import Bone, Material
from livecam.modelling.accessories.base import (
    AccessoryModel,
    grid_mesh,
    lathe,
    lathe_mesh,
    make_part,
    transform,
)
from livecam.modelling.curves import rounded_polyline
from livecam.modelling.mesh import TriangleMesh
from livecam.modelling.parts import MeshPart
from livecam.modelling.sdf import smoothstep
from livecam.modelling.vectors import Array, Vector, mix, rotation, tiled, vector

SKULL: Vector = (0.95, 0.87, 0.85)  # radii; the crown is its top


# ---------------------------------------------------------------- beanie


_RED, _CREAM, _NAVY = (0.52, 0.035, 0.035), (0.80, 0.74, 0.62), (0.02, 0.05, 0.13)
_STRIPES = ((0.36, 0.45, _CREAM), (0.45, 0.54, _NAVY), (0.54, 0.63, _CREAM))
_BEANIE_RADII: Vector = (SKULL[0] + 0.08, SKULL[1] + 0.20, SKULL[2] + 0.10)


def _beanie(fine: bool) -> list[MeshPart]:
    """Builds a knitted cap with stripes, a turned-up cuff and a bobble that swings."""
    ribs, per_rib, rows = (40, 4, 20) if fine else (40, 1, 13)
    sides = ribs * per_rib
    share = np.linspace(0, 0.95, rows)
    knit = 0.5 + 0.5 * np.cos(ribs * 2 * np.pi * np.arange(sides) / sides)
    bulge = 0.016 * knit * smoothstep(0.05, 0.3, share)[:, None] if fine else 0.0
    cap = grid_mesh(_dome(share, sides, bulge), wrap_columns=True)
    shade = (
        0.62 + 0.38 * np.tile(knit, rows)
        if fine
        else 0.82 + 0.18 * np.cos(np.pi * np.arange(rows * sides))
    )
    height = np.repeat(share, sides)
    stitch = 1.0 + 0.10 * np.sin(height * 95) if fine else 1.0
    cuff = _cuff(sides, fine, knit)
    cuff_shade = shade[:sides] if fine else shade[-sides:]
    tone = np.tile(cuff_shade, len(cuff.points) // sides)
    return [
        make_part("cap", Material.CLOTH, cap, _stripes(height) * (shade * stitch)[:, None]),
        make_part("cuff", Material.CLOTH, cuff, tiled(_CREAM, len(tone)) * tone[:, None]),
        _bobble((0.0, 0.34, 0.0), 0.19, (0.82, 0.76, 0.64), fine),
    ]


def _dome(rows: Array, sides: int, bulge: Array | float = 0.0) -> Array:
    """Computes points[rows, sides, 3] of the cap; rows run from 0 on top to 1 at the cuff.

    The cuff is high in front, above the brows, and low at the back.
    """
    turn = 2 * np.pi * np.arange(sides) / sides  # 0 is in front
    front = 0.5 + 0.5 * np.cos(turn)
    lowest = np.radians(84 - 26 * front)  # from the top
    polar = rows[:, None] * lowest
    rx, ry, rz = (r + bulge for r in _BEANIE_RADII)
    points = np.stack(
        (rx * np.sin(polar) * np.sin(turn), ry * np.cos(polar) + 0 * turn,
         rz * np.sin(polar) * np.cos(turn)), axis=-1,
    )  # fmt: skip
    return np.asarray(points - vector((0, SKULL[1], 0)), np.float32)


def _stripes(height: Array) -> Array:
    colors = tiled(_RED, len(height))
    for low, high, color in _STRIPES:
        colors[(height > low) & (height < high)] = vector(color)
    return colors


def _cuff(sides: int, fine: bool, knit: Array) -> TriangleMesh:
    """Builds a rounded band over the rim of the cap."""
    steps = 10 if fine else 6
    around = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    share = 0.925 + 0.095 * np.sin(around)
    swell = (0.045 + 0.055 * np.cos(around))[:, None] + (0.012 * knit if fine else 0.0)
    points = _dome(share, sides, swell)
    return grid_mesh(points[::-1], wrap_rows=True, wrap_columns=True)


def _bobble(centre: Vector, radius: float, color: Vector, fine: bool) -> MeshPart:
    """Builds a fluffy ball on bone 1."""
    rows, sides = (18, 26) if fine else (8, 11)
    polar = np.linspace(0, np.pi, rows)
    ball = lathe_mesh(np.stack((np.sin(polar), np.cos(polar)), axis=1) * radius, sides)
    random = np.random.default_rng(5)
    tone = random.uniform(0.82, 1.12, len(ball.points)).astype(np.float32)
    lumps = 1 + (0.05 if fine else 0.10) * random.uniform(-1, 1, len(ball.points))
    points = (ball.points * lumps[:, None] + vector(centre)).astype(np.float32)
    colors = tiled(color, len(tone)) * tone[:, None]
    surface = TriangleMesh(points, ball.triangles)
    out = make_part("bobble", Material.FUR, surface, colors, bone=1, fur=0.06)
    out.occlusion = (0.55 + 0.45 * smoothstep(-0.9, 0.4, out.normals[:, 1])).astype(np.float32)
    return out


# ---------------------------------------------------------------- straw hat

_STRAW_PROFILE = (
    (0, 0.22), (0.42, 0.21), (0.66, 0.10), (0.76, -0.16), (0.80, -0.30), (1.02, -0.34),
    (1.30, -0.33), (1.34, -0.345), (1.30, -0.365), (1.02, -0.375), (0.80, -0.36),
    (0.765, -0.30), (0.73, -0.14), (0.60, 0.04), (0.40, 0.13), (0, 0.14),
)  # fmt: skip
_STRAW_RIBBON = ((0.765, -0.12), (0.785, -0.17), (0.812, -0.25), (0.805, -0.28))
_STRAW_SQUASH = 0.94


def _straw(fine: bool) -> list[MeshPart]:
    """Builds a farmer's hat with a red ribbon; ears may pass through the brim."""
    rows, sides = (60, 72) if fine else (21, 30)
    profile = rounded_polyline(_STRAW_PROFILE, rows)
    points = lathe(profile, sides, _STRAW_SQUASH)
    turn = 2 * np.pi * np.arange(sides) / sides
    far = smoothstep(0.8, 1.3, profile[:, 0])[:, None]
    points[..., 1] += far * (0.035 * np.sin(3 * turn + 0.7) + 0.05 * np.sin(turn) ** 2)
    hat = grid_mesh(points, wrap_columns=True)
    ribbon = lathe_mesh(rounded_polyline(_STRAW_RIBBON, 7), sides, _STRAW_SQUASH)
    tilt = rotation((1, 0, 0), -13.0)
    return [
        make_part("straw", Material.CLOTH, transform(hat, tilt), _straw_colors(profile, turn)),
        make_part("ribbon", Material.CLOTH, transform(ribbon, tilt), (0.50, 0.03, 0.03)),
    ]


def _straw_colors(profile: Array, turn: Array) -> Array:
    """Paints straw sewn in a spiral, darker below the brim."""
    rows, sides = len(profile), len(turn)
    arc = np.r_[0, np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]
    coil = np.repeat(arc, sides) * 22
    weave = np.cos(2 * np.pi * coil) * 0.11 + 0.07 * np.sin(np.tile(turn, rows) * 60 + coil * 9)
    ragged = np.random.default_rng(3).uniform(-0.10, 0.10, len(weave))
    straw = tiled((0.66, 0.44, 0.14), len(weave)) * (1 + weave + ragged)[:, None]
    below = np.repeat(np.arange(rows) > int(profile[:, 0].argmax()), sides)
    return np.asarray(np.clip(np.where(below[:, None], straw * 0.55, straw), 0, 1))


# ---------------------------------------------------------------- party hat

_BLUE, _YELLOW, _PINK = (0.03, 0.22, 0.62), (0.90, 0.58, 0.05), (0.75, 0.04, 0.22)
_PARTY_HEM = ((0.335, -0.09), (0.375, -0.11), (0.38, -0.15), (0.35, -0.17))


def _party(fine: bool) -> list[MeshPart]:
    """Builds a paper cone in a spiral of colours, with a tassel that swings."""
    rows, sides = (34, 48) if fine else (19, 22)
    high = np.linspace(1, 0, rows)
    profile = np.stack((0.34 * (1 - high) + 0.004, 0.86 * high - 0.14), axis=1)
    turn = np.tile(2 * np.pi * np.arange(sides) / sides, rows)
    height = np.repeat(high, sides)
    wave = np.sin(turn + height * 17.0)
    colors = mix(tiled(_BLUE, len(turn)), vector(_YELLOW), smoothstep(-0.18, 0.18, wave))
    hem = lathe_mesh(rounded_polyline(_PARTY_HEM, 6), sides)
    return [
        make_part("cone", Material.CLOTH, lathe_mesh(profile, sides), colors),
        make_part("hem", Material.CLOTH, hem, _PINK),
        _bobble((0.0, 0.78, 0.0), 0.11, _PINK, fine),
    ]


# ---------------------------------------------------------------- top hat

_TOP_PROFILE = (
    (0, 0.50), (0.20, 0.50), (0.335, 0.50), (0.345, 0.47), (0.31, 0.20), (0.305, -0.02),
    (0.315, -0.06), (0.48, -0.07), (0.555, -0.03), (0.57, -0.045), (0.50, -0.10), (0.30, -0.10),
)  # fmt: skip
_TOP_RIBBON = ((0.318, 0.11), (0.330, 0.09), (0.325, -0.01), (0.318, -0.045))


def _top(fine: bool) -> list[MeshPart]:
    """Builds a small silk hat, worn at an angle."""
    rows, sides = (40, 64) if fine else (16, 24)
    profile = rounded_polyline(_TOP_PROFILE, rows)
    points = lathe(profile, sides)
    turn = 2 * np.pi * np.arange(sides) / sides
    points[..., 1] += smoothstep(0.33, 0.55, profile[:, 0])[:, None] * 0.06 * np.sin(turn) ** 2
    tilt = rotation((0, 0, 1), -7.0)
    silk = transform(grid_mesh(points, wrap_columns=True), tilt)
    ribbon = transform(lathe_mesh(rounded_polyline(_TOP_RIBBON, 6), sides), tilt)
    return [
        make_part("silk", Material.CLOTH, silk, (0.022, 0.020, 0.028)),
        make_part("ribbon", Material.CLOTH, ribbon, (0.42, 0.02, 0.06)),
    ]


# ---------------------------------------------------------------- the models

_UNDER_CAP = Press((0.0, -0.87, 0.0), (0.99, 0.94, 0.92), -0.46, 0.24, 1.5)
_UNDER_STRAW = Press((0.0, -0.87, 0.0), (0.90, 0.94, 0.86), -0.33, 0.23, 1.5)


def _under_small_hat(reach: float) -> Press:
    return Press((0.0, -0.87, 0.0), (0.95, 0.85, 0.85), -0.30, 0.0, reach)


HATS = (
    AccessoryModel(
        "beanie", "Beanie", "毛线帽", "hat", _beanie,
        (Bone("bobble", "head", (0.0, 0.19, 0.0), (0.0, 0.34, 0.0), 4.5, 0.22, 28.0),),
        _UNDER_CAP,
    ),
    AccessoryModel("straw-hat", "Straw hat", "草帽", "hat", _straw, (), _UNDER_STRAW),
    AccessoryModel(
        "party-hat", "Party hat", "派对帽", "hat", _party,
        (Bone("tassel", "head", (0.0, 0.70, 0.0), (0.0, 0.79, 0.0), 6.0, 0.20, 25.0),),
        _under_small_hat(0.33),
    ),
    AccessoryModel("top-hat", "Top hat", "礼帽", "hat", _top, (), _under_small_hat(0.42)),
)  # fmt: skip

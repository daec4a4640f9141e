"""Closed headphones with soft cushions and a microphone. Their origin lies between the cups."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.accessories.base import (
    AccessoryModel,
    grid_mesh,
    lathe,
    lathe_mesh,
    make_part,
    mirror,
    rod,
    transform,
)
from livecam.modelling.curves import bezier, rounded_polyline
from livecam.modelling.mesh import TriangleMesh
from livecam.modelling.parts import MeshPart
from livecam.modelling.vectors import Array, Vector, as_tuple, rotation, vector

CUP_X = 1.0  # outer side of the cushions
BAND_TOP = 1.02  # above the cups
_SILVER, _TEAL, _CREAM = (0.62, 0.63, 0.66), (0.015, 0.26, 0.29), (0.78, 0.72, 0.62)

_CUSHION = (
    (0.16, 0.03), (0.27, 0.04), (0.335, -0.01), (0.335, -0.09), (0.25, -0.13), (0.15, -0.10),
)  # fmt: skip
_SHELL = ((0, 0.17), (0.12, 0.17), (0.20, 0.15), (0.28, 0.09), (0.30, 0.02), (0.29, 0.0))
_TRIM = ((0.185, 0.155), (0.195, 0.178), (0.225, 0.165), (0.23, 0.13))
_FORK = ((0.05, 0.0, 0.0), (0.14, 0.10, 0.0), (0.13, 0.30, 0.0), (0.055, 0.42, 0.0))
_ARM = ((1.08, -0.22, 0.10), (1.12, -0.50, 0.42), (1.02, -0.60, 0.80), (0.78, -0.58, 1.00))


def band_line(count: int, end_deg: float = 8.0) -> Array:
    """Computes the middle line of the band, float32[count, 3], from the left cup to the right."""
    turn = np.radians(np.linspace(end_deg, 180 - end_deg, count))
    c, s = np.cos(turn), np.sin(turn)
    x = np.sign(c) * np.abs(c) ** 0.85 * (CUP_X + 0.08)
    return np.stack((x, s**0.95 * BAND_TOP, 0 * s), axis=1).astype(np.float32)


def _headphones(fine: bool) -> list[MeshPart]:
    steps, sides = (49, 12) if fine else (19, 6)
    forward = np.tile(vector((0, 0, 1)), (steps, 1))
    band = rod(band_line(steps), forward, (0.085, 0.022), sides, ring=False)
    soft = band_line(steps, 48.0) * vector((0.965, 0.955, 1))
    pad = rod(soft, forward, (0.115, 0.045), sides, ring=False)
    cup = _left_cup(fine)
    return [
        make_part("band", Material.METAL, band, _SILVER),
        make_part("bandPad", Material.CLOTH, pad, _CREAM),
        *(make_part(name + "Left", material, s, color) for name, material, color, s in cup),
        *(
            make_part(name + "Right", material, mirror(s), color)
            for name, material, color, s in cup
        ),
        *_microphone(fine),
    ]


def _left_cup(fine: bool) -> list[tuple[str, Material, Vector, TriangleMesh]]:
    """Builds cushion, shell, a shiny trim and the fork that holds the cup."""
    sides, rows = (44, 14) if fine else (18, 7)
    line = bezier(_FORK, np.linspace(0, 1, 9)) + vector((CUP_X, 0, 0))
    forward = np.tile(vector((0, 0, 1)), (len(line), 1))
    fork = rod(line, forward, (0.05, 0.022), 10 if fine else 5, ring=False)
    return [
        ("cushion", Material.CLOTH, (0.030, 0.026, 0.034), _turned(_CUSHION, rows, sides)),
        ("shell", Material.HORN, _TEAL, _turned(_SHELL, rows, sides)),
        ("shine", Material.METAL, _SILVER, _turned(_TRIM, 5, sides)),
        ("fork", Material.METAL, _SILVER, fork),
    ]


def _turned(corners: tuple[tuple[float, float], ...], rows: int, sides: int) -> TriangleMesh:
    """Revolves a profile about the axis of the left cup, a little higher than wide."""
    points = lathe(rounded_polyline(corners, rows), sides) * vector((0.92, 1, 1.08))
    outwards = rotation((0, 0, 1), -90.0)  # y to x
    return transform(grid_mesh(points, wrap_columns=True), outwards, (CUP_X, 0, 0))


def _microphone(fine: bool) -> list[MeshPart]:
    line = bezier(_ARM, np.linspace(0, 1, 17 if fine else 8))
    up = np.tile(vector((0, 1, 0)), (len(line), 1))
    arm = rod(line, up, (0.018, 0.018), 8 if fine else 4, ring=False)
    rows, sides = (10, 16) if fine else (5, 8)
    polar = np.linspace(0, np.pi, rows)
    profile = np.stack((np.sin(polar) * 0.055, np.cos(polar) * 0.085), axis=1)
    foam = transform(lathe_mesh(profile, sides), rotation((0, 0, 1), 80.0), as_tuple(line[-1]))
    return [
        make_part("arm", Material.METAL, arm, (0.10, 0.10, 0.11)),
        make_part("foam", Material.CLOTH, foam, (0.020, 0.020, 0.022)),
    ]


HEADPHONES = (AccessoryModel("headphones", "Headphones", "耳机", "headphones", _headphones),)

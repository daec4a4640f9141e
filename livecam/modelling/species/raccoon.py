"""The raccoon: grey coat, black mask, white brows and muzzle, white rims on dark ears."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import bump, smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.vectors import Array, mirrored, mix, vector


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    grey, dark = vector((0.175, 0.158, 0.145)), vector((0.080, 0.072, 0.067))
    white, black = vector((0.88, 0.85, 0.80)), vector((0.015, 0.012, 0.012))
    q = mirrored(p)
    x, y, z = q[:, 0], p[:, 1], p[:, 2]
    wave = 0.03 * np.sin(9 * p[:, 0] + 3) * np.sin(8 * y + 1) + 0.02 * np.sin(23 * z + 17 * x)
    ear, hollow, ear_height = shape.ear_mask(p, normals)

    c = mix(np.tile(grey, (len(p), 1)), dark, smoothstep(0.25, 0.95, y) * 0.55)
    stripe = smoothstep(0.17, 0.06, x + wave) * smoothstep(0.05, 0.25, y) * smoothstep(-0.3, 0.2, z)
    c = mix(c, dark * 0.7, stripe * 0.85)
    brow = bump(q, (0.46, 0.55, 0.62), (0.42, 0.105, 0.5)) * smoothstep(0.05, 0.15, x)
    brow = np.maximum(
        brow, bump(q, (0.22, 0.45, 0.70), (0.13, 0.13, 0.4)) * smoothstep(0.05, 0.12, x)
    )
    far = np.hypot((x - 0.50) / 0.56, (y - 0.06 + 0.40 * (x - 0.4) + wave) / 0.41)
    mask = smoothstep(1.05, 0.86, far) * smoothstep(-0.1, 0.25, z)
    muzzle = smoothstep(0.55, 0.78, z + 0.1 * (y < -0.2)) * smoothstep(0.40, 0.28, x)
    muzzle = muzzle * smoothstep(0.05, -0.10, y)
    low = (
        smoothstep(-0.20, -0.38, y + wave) * smoothstep(-0.2, 0.2, z) * smoothstep(-0.78, -0.64, y)
    )
    rim = smoothstep(0.12, 0.30, z) * bump(q, (0.88, -0.22, 0.15), (0.28, 0.20, 0.45)) * 0.8
    bib = (
        smoothstep(-0.62, -0.80, y) * smoothstep(0.46, 0.26, x + 2 * wave) * smoothstep(0.0, 0.2, z)
    )
    c = mix(c, white, np.clip(np.maximum.reduce([1.3 * brow, muzzle, low, rim, bib * 0.9]), 0, 1))
    c = mix(c, black, mask * (1 - 0.92 * muzzle) * (1 - np.clip(1.3 * brow, 0, 1)))
    bridge = smoothstep(0.13, 0.05, x) * smoothstep(0.70, 0.85, z) * smoothstep(-0.14, -0.02, y)
    c = mix(c, dark * 0.6, bridge)
    spots = bump(q, (0.20, shape.species.muzzle_to[1] - 0.03, 1.05), (0.09, 0.07, 0.3))
    c = mix(c, grey, spots * 0.35)
    c = mix(c, white, ear * smoothstep(0.60, 0.88, ear_height) * 0.92)
    c = mix(c, vector((0.075, 0.062, 0.06)), hollow * 0.92)
    hem = smoothstep(-1.15, -1.42, y)
    c = mix(c, dark, hem * 0.35 * (1 - bib))
    return SkinPaint(c.astype(np.float32), fur_length(shape, p, ear))


RACCOON = Species(
    name="raccoon",
    title="Raccoon",
    title_zh="浣熊",
    paint=_paint,
    eye=(0.375, 0.095, 0.535),
    eye_radius=0.335,
    iris_inner=(0.42, 0.16, 0.035),
    iris_outer=(0.075, 0.024, 0.008),
    muzzle_from=(0, -0.24, 0.55),
    muzzle_to=(0, -0.26, 0.94),
    muzzle_radii=(0.40, 0.225),
    nose=(0, -0.135, 1.13),
    nose_radii=(0.14, 0.105, 0.10),
    ear_from=(0.60, 0.62, -0.12),
    ear_to=(0.80, 1.00, -0.14),
    ear_radii=(0.34, 0.24),
    cheek_tuft=0.26,
    mouth_corner=(0.445, 0.69),
    mouth_y=-0.405,
    lip=(0.045, 0.026, 0.026),
    lid=(0.125, 0.098, 0.09),
    liner=(0.008, 0.006, 0.006),
    whisker=(0.85, 0.84, 0.82),
    bones=ear_bones((0.60, 0.62, -0.12), (0.80, 1.00, -0.14), 0.42),
)

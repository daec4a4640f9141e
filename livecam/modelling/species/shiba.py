"""The Shiba dog: red coat over cream cheeks, dots for brows, a broad smile."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter
from livecam.modelling.vectors import Array

_RED, _SABLE = (0.56, 0.265, 0.090), (0.33, 0.130, 0.040)
_CREAM = (0.88, 0.80, 0.67)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _RED)
    c.blend(_SABLE, smoothstep(0.1, -0.9, c.z) * 0.4)
    c.blend(_SABLE, smoothstep(0.12, 0.03, c.x) * smoothstep(0.35, 0.8, c.y) * 0.5)
    # Cream reaches from the muzzle over the cheeks to beside the eyes; the bridge stays red.
    border = -0.22 + 0.30 * smoothstep(0.50, 0.92, c.x) - 0.05 * smoothstep(0.35, 0.15, c.x)
    cheek = c.below(border, 0.08) * c.in_front(0.02, 0.20)
    flank = smoothstep(0.11, 0.19, c.x + 0.5 * c.wave) * smoothstep(0.62, 0.76, c.z)
    cheek = np.maximum(cheek, flank * c.below(-0.04, 0.06))
    brow = c.spot((0.24, 0.50, 0.70), (0.12, 0.075, 0.3), 0.55) * 0.85
    bib = smoothstep(0.66, 0.46, c.x + 2 * c.wave) * c.below(-0.62) * c.in_front(0.05, 0.15)
    c.blend(_CREAM, np.maximum.reduce((cheek * smoothstep(-0.85, -0.66, c.y), brow, bib)))
    c.blend(
        _SABLE, smoothstep(0.12, 0.05, c.x) * c.in_front(0.92, 0.12) * (1 - c.below(-0.24)) * 0.5
    )
    c.blend(_CREAM, c.hollow * 0.9)
    c.blend((0.50, 0.30, 0.22), c.hollow * smoothstep(0.7, 0.35, c.ear_height) * 0.55)
    c.blend(_SABLE, c.ear * (1 - c.hollow) * smoothstep(0.55, 0.95, c.ear_height) * 0.6)
    c.blend(_SABLE, smoothstep(-1.12, -1.42, c.y) * (1 - bib) * 0.4)
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


SHIBA = Species(
    name="shiba",
    title="Shiba dog",
    title_zh="柴犬",
    paint=_paint,
    eye=(0.375, 0.115, 0.555),
    eye_radius=0.255,
    iris_inner=(0.15, 0.058, 0.020),
    iris_outer=(0.032, 0.012, 0.007),
    iris_angle_deg=55.0,
    pupil=0.52,
    muzzle_from=(0, -0.23, 0.55),
    muzzle_to=(0, -0.265, 0.98),
    muzzle_radii=(0.41, 0.235),
    pad_x=0.13,
    pad_radii=(0.20, 0.15, 0.20),
    nose=(0, -0.135, 1.175),
    nose_radii=(0.145, 0.105, 0.10),
    ear_from=(0.50, 0.64, -0.06),
    ear_to=(0.69, 1.15, 0.02),
    ear_radii=(0.36, 0.085),
    ear_face=(0.10, 0.0, 1.0),
    ear_thin=1.6,
    ear_swell=0.12,
    ear_fillet=0.10,
    skull_radii=(1.0, 0.86, 0.85),
    cheek_at=(0.57, -0.27, 0.24),
    cheek_radii=(0.52, 0.42, 0.46),
    cheek_tuft=0.22,
    mouth_corner=(0.46, 0.69),
    mouth_y=-0.42,
    lip=(0.032, 0.020, 0.019),
    lid=(0.40, 0.18, 0.06),
    liner=(0.010, 0.007, 0.006),
    whisker=(0.12, 0.10, 0.09),
    whiskers=False,
    ruff=1.15,
    bones=ear_bones((0.53, 0.74, -0.05), (0.69, 1.15, 0.02), 0.40),
)

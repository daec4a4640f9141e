"""The red fox: white cheeks and bib, a slim muzzle, tall ears with black backs."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter, stripes
from livecam.modelling.vectors import Array

_ORANGE, _RUST = (0.72, 0.165, 0.020), (0.46, 0.085, 0.012)
_WHITE, _BLACK = (0.90, 0.87, 0.82), (0.020, 0.015, 0.014)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _ORANGE)
    c.blend(_RUST, smoothstep(0.1, -0.9, c.z) * 0.7)
    c.blend(_RUST, smoothstep(0.16, 0.04, c.x) * smoothstep(0.2, 0.6, c.y) * 0.45)
    # The border of the white runs along the muzzle, under the eye, up over the cheek tufts.
    border = -0.20 + 0.22 * smoothstep(0.45, 1.05, c.x) - 0.10 * smoothstep(0.35, 0.15, c.x)
    white = c.below(border, 0.07) * c.in_front(-0.05, 0.25)
    flank = smoothstep(0.085, 0.155, c.x + 0.5 * c.wave) * smoothstep(0.62, 0.78, c.z)
    white = np.maximum(white, flank * c.below(-0.06, 0.06))
    bib = smoothstep(0.56, 0.36, c.x + 2 * c.wave) * c.below(-0.62) * c.in_front(0.05, 0.15)
    c.blend(_WHITE, white * smoothstep(-0.80, -0.66, c.y))
    c.blend(_WHITE, bib)
    tear = stripes(c.face_plane(), [(((0.13, 0.05), (0.15, -0.12), (0.21, -0.24)), 0.045)])
    c.blend(_RUST, tear * c.in_front(0.6, 0.1) * 0.9)
    c.blend(_WHITE, c.hollow * 0.80)
    c.blend((0.20, 0.10, 0.085), c.hollow * smoothstep(0.75, 0.2, c.ear_height) * 0.75)
    c.blend(_BLACK, c.ear_back * smoothstep(0.30, 0.50, c.ear_height + c.wave))
    c.blend(_BLACK, c.ear * (1 - c.hollow) * smoothstep(0.72, 0.95, c.ear_height))
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


FOX = Species(
    name="fox",
    title="Red fox",
    title_zh="赤狐",
    paint=_paint,
    eye=(0.375, 0.10, 0.535),
    eye_radius=0.315,
    lids_deg=(36.0, -35.0),
    iris_inner=(0.62, 0.30, 0.035),
    iris_outer=(0.16, 0.050, 0.008),
    muzzle_from=(0, -0.24, 0.55),
    muzzle_to=(0, -0.28, 1.02),
    muzzle_radii=(0.39, 0.175),
    pad_x=0.115,
    pad_radii=(0.165, 0.13, 0.19),
    nose=(0, -0.175, 1.205),
    nose_radii=(0.125, 0.095, 0.09),
    ear_from=(0.48, 0.64, -0.10),
    ear_to=(0.72, 1.46, -0.08),
    ear_radii=(0.39, 0.06),
    ear_face=(0.12, 0.0, 1.0),
    ear_thin=1.75,
    ear_swell=0.08,
    ear_fillet=0.10,
    cheek_tuft=0.46,
    mouth_corner=(0.44, 0.69),
    mouth_y=-0.415,
    lip=(0.040, 0.022, 0.020),
    lid=(0.40, 0.085, 0.014),
    liner=(0.010, 0.007, 0.006),
    whisker=(0.10, 0.08, 0.075),
    bones=ear_bones((0.53, 0.80, -0.10), (0.72, 1.46, -0.08), 0.42),
)

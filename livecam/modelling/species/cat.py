"""The tabby cat: an M over the eyes, striped cheeks, a small pink nose, green eyes."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter, stripes
from livecam.modelling.vectors import Array

_COAT, _WARM = (0.34, 0.235, 0.145), (0.40, 0.235, 0.115)
_STRIPE, _CREAM = (0.042, 0.030, 0.022), (0.80, 0.70, 0.57)

# On the forehead: distance from the middle, elevation in radians.
_BROW = (
    (((0.50, 0.26), (0.36, 0.52), (0.25, 0.76)), 0.062),  # the M: outer leg
    (((0.25, 0.78), (0.15, 0.56), (0.05, 0.34)), 0.058),  # its valley
    (((0.245, 0.66), (0.24, 1.10), (0.20, 1.75)), 0.058),
    (((0.085, 0.68), (0.085, 1.15), (0.07, 1.85)), 0.050),
    (((0.52, 0.56), (0.44, 0.98), (0.38, 1.60)), 0.060),
)
# In the front view: from the corner of the eye over the cheek.
_CHEEK = (
    (((0.66, 0.04), (0.84, -0.02), (1.10, -0.14)), 0.050),
    (((0.58, -0.22), (0.80, -0.25), (1.12, -0.42)), 0.046),
    (((0.60, -0.42), (0.78, -0.47), (1.00, -0.60)), 0.040),
)
# In the side view: bands over the back of the head.
_BACK = (
    (((-0.10, 0.62), (-0.22, 0.30), (-0.20, -0.02)), 0.060),
    (((-0.38, 0.74), (-0.48, 0.36), (-0.44, -0.10)), 0.065),
    (((-0.64, 0.66), (-0.74, 0.28), (-0.68, -0.20)), 0.070),
)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _COAT)
    c.blend(_WARM, c.spot((0.0, 0.2, 0.8), (0.34, 0.45, 0.5), 0.6) * 0.6)
    # Light fur round the eyes, on the muzzle, chin and throat.
    c.blend(_CREAM, c.spot((0.30, -0.21, 0.78), (0.30, 0.085, 0.3), 0.5) * 0.8)
    c.blend(_CREAM, c.spot((0.33, 0.46, 0.68), (0.20, 0.050, 0.3), 0.6) * 0.4)
    muzzle = smoothstep(0.60, 0.78, c.z) * c.below(-0.14, 0.06) * smoothstep(0.50, 0.34, c.x)
    chin = c.below(-0.42, 0.05) * c.in_front(0.25, 0.15) * smoothstep(0.62, 0.40, c.x)
    bib = smoothstep(0.42, 0.24, c.x + 2 * c.wave) * c.below(-0.62) * c.in_front(0.1, 0.15)
    c.blend(_CREAM, np.maximum.reduce((muzzle, chin, bib * 0.9)))
    front = smoothstep(2.1, 1.7, c.elevation)
    c.blend(_STRIPE, stripes(c.brow_plane(), _BROW) * front * smoothstep(0.30, 0.38, c.y) * 0.95)
    c.blend(_STRIPE, stripes(c.face_plane(), _CHEEK) * c.in_front(-0.15, 0.1) * 0.92)
    c.blend(_STRIPE, stripes(c.side_plane(), _BACK) * smoothstep(0.40, 0.62, c.x) * 0.85)
    ring = smoothstep(0.35, 0.75, np.sin(15.0 * (c.y + 0.16 * c.x) + 4 * c.wave))
    c.blend(_STRIPE, ring * c.below(-0.70, 0.05) * smoothstep(0.30, 0.48, c.x) * 0.8)
    spots = np.maximum(
        c.spot((0.17, -0.29, 0.98), (0.035, 0.02, 0.2)),
        c.spot((0.25, -0.33, 0.95), (0.035, 0.02, 0.2)),
    )
    c.blend(_STRIPE, spots * 0.6)
    c.blend((0.62, 0.36, 0.30), c.hollow * 0.75)
    c.blend(_CREAM, c.hollow * smoothstep(0.45, 0.15, c.ear_height) * 0.8)
    c.blend(_STRIPE, c.ear * (1 - c.hollow) * smoothstep(0.70, 0.95, c.ear_height) * 0.8)
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


CAT = Species(
    name="cat",
    title="Tabby cat",
    title_zh="虎斑猫",
    paint=_paint,
    eye=(0.385, 0.085, 0.535),
    eye_radius=0.33,
    lids_deg=(35.0, -35.0),
    iris_inner=(0.38, 0.47, 0.095),
    iris_outer=(0.075, 0.145, 0.032),
    pupil=0.56,
    muzzle_from=(0, -0.24, 0.52),
    muzzle_to=(0, -0.275, 0.84),
    muzzle_radii=(0.36, 0.17),
    jaw_radii=(0.31, 0.155),
    pad_x=0.125,
    pad_radii=(0.165, 0.13, 0.16),
    nose=(0, -0.165, 1.005),
    nose_radii=(0.095, 0.066, 0.065),
    nose_color=(0.47, 0.17, 0.155),
    ear_from=(0.49, 0.62, -0.10),
    ear_to=(0.73, 1.32, -0.08),
    ear_radii=(0.41, 0.065),
    ear_face=(0.12, 0.0, 1.0),
    ear_thin=1.8,
    ear_swell=0.10,
    ear_fillet=0.10,
    skull_radii=(1.0, 0.85, 0.85),
    cheek_tuft=0.26,
    mouth_corner=(0.31, 0.66),
    mouth_y=-0.395,
    mouth_notch=0.07,
    mouth_curl=0.75,
    lip=(0.045, 0.024, 0.021),
    lid=(0.22, 0.145, 0.085),
    liner=(0.012, 0.009, 0.008),
    whisker=(0.88, 0.86, 0.84),
    scale=1.18,
    bones=ear_bones((0.53, 0.76, -0.10), (0.73, 1.32, -0.08), 0.46, stiffness_hz=6.0),
)

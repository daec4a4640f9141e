"""The tiger: orange under black stripes, white brows and cheeks, round ears, a broad nose."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter, stripes
from livecam.modelling.vectors import Array

_ORANGE, _DEEP = (0.66, 0.205, 0.026), (0.46, 0.115, 0.016)
_WHITE, _BLACK = (0.90, 0.87, 0.81), (0.014, 0.011, 0.010)

_BROW = (
    (((-0.05, 0.74), (0.12, 0.72), (0.27, 0.62)), 0.052),
    (((-0.05, 0.94), (0.16, 0.93), (0.36, 0.80)), 0.058),
    (((-0.05, 1.16), (0.18, 1.16), (0.44, 1.02)), 0.062),
    (((-0.05, 1.42), (0.20, 1.42), (0.50, 1.28)), 0.066),
    (((-0.05, 1.72), (0.20, 1.72), (0.52, 1.60)), 0.070),
    (((0.035, 0.44), (0.030, 0.58), (0.02, 0.76)), 0.034),
    (((0.62, 0.52), (0.56, 0.78), (0.50, 0.98)), 0.060),
)
_CHEEK = (
    (((0.66, 0.30), (0.80, 0.24), (0.99, 0.28)), 0.058),
    (((0.68, 0.04), (0.84, 0.00), (1.12, 0.02)), 0.060),
    (((0.66, -0.20), (0.86, -0.22), (1.20, -0.20)), 0.058),
    (((0.62, -0.42), (0.84, -0.47), (1.16, -0.44)), 0.054),
    (((0.56, -0.60), (0.74, -0.68), (0.98, -0.70)), 0.048),
)
_BACK = (
    (((-0.16, 0.70), (-0.24, 0.34), (-0.20, 0.02)), 0.070),
    (((-0.42, 0.76), (-0.52, 0.36), (-0.46, -0.08)), 0.075),
    (((-0.68, 0.68), (-0.78, 0.28), (-0.70, -0.20)), 0.080),
)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _ORANGE)
    c.blend(_DEEP, smoothstep(0.15, 0.04, c.x) * smoothstep(0.0, 0.5, c.y) * 0.5)
    c.blend(_DEEP, smoothstep(0.0, -0.9, c.z) * 0.6)
    brow = c.spot((0.40, 0.52, 0.62), (0.25, 0.115, 0.4), 0.3)
    under = c.spot((0.50, -0.24, 0.66), (0.25, 0.10, 0.35), 0.4)
    muzzle = smoothstep(0.62, 0.80, c.z) * c.below(-0.18, 0.06) * smoothstep(0.60, 0.42, c.x)
    jowl = c.below(-0.16 - 0.18 * smoothstep(0.7, 0.35, c.x)) * c.in_front(-0.02, 0.15)
    jowl = jowl * smoothstep(0.36, 0.52, c.x) * smoothstep(-0.80, -0.62, c.y)
    chin = c.below(-0.42, 0.05) * c.in_front(0.2, 0.15) * smoothstep(-0.80, -0.66, c.y)
    bib = smoothstep(0.50, 0.30, c.x + 2 * c.wave) * c.below(-0.62) * c.in_front(0.05, 0.15)
    c.blend(_WHITE, np.maximum.reduce((brow, under, muzzle, jowl, chin, bib)))
    c.blend(_BLACK, stripes(c.brow_plane(), _BROW) * smoothstep(0.30, 0.44, c.y))
    c.blend(_BLACK, stripes(c.face_plane(), _CHEEK) * c.in_front(-0.20, 0.1))
    c.blend(_BLACK, stripes(c.side_plane(), _BACK) * smoothstep(0.40, 0.62, c.x))
    ring = smoothstep(0.45, 0.80, np.sin(13.0 * (c.y + 0.20 * c.x) + 5 * c.wave))
    c.blend(_BLACK, ring * c.below(-0.76, 0.05) * smoothstep(0.34, 0.52, c.x))
    dots = [c.spot((x, y, 0.95), (0.03, 0.018, 0.2)) for x, y in ((0.19, -0.29), (0.27, -0.34))]
    c.blend(_BLACK, np.maximum(*dots) * 0.7)
    c.blend((0.72, 0.62, 0.52), c.hollow * 0.9)
    c.blend((0.16, 0.075, 0.06), c.hollow * smoothstep(0.75, 0.3, c.ear_height) * 0.6)
    c.blend(_BLACK, c.ear * (1 - c.hollow) * smoothstep(0.30, 0.55, c.ear_height))
    c.blend(_WHITE, c.ear_back * smoothstep(0.22, 0.08, np.abs(c.ear_height - 0.72)))
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


TIGER = Species(
    name="tiger",
    title="Tiger",
    title_zh="老虎",
    paint=_paint,
    eye=(0.385, 0.10, 0.545),
    eye_radius=0.305,
    lids_deg=(36.0, -35.0),
    iris_inner=(0.58, 0.36, 0.05),
    iris_outer=(0.18, 0.085, 0.012),
    pupil=0.46,
    muzzle_from=(0, -0.22, 0.52),
    muzzle_to=(0, -0.285, 0.93),
    muzzle_radii=(0.42, 0.25),
    pad_x=0.165,
    pad_radii=(0.225, 0.17, 0.20),
    jaw_radii=(0.33, 0.17),
    nose=(0, -0.135, 1.135),
    nose_radii=(0.150, 0.092, 0.085),
    nose_color=(0.40, 0.135, 0.115),
    ear_from=(0.64, 0.66, -0.12),
    ear_to=(0.76, 0.93, -0.14),
    ear_radii=(0.30, 0.27),
    ear_face=(0.30, 0.0, 1.0),
    ear_thin=1.9,
    ear_swell=0.08,
    skull_radii=(0.98, 0.87, 0.86),
    cheek_at=(0.50, -0.26, 0.20),
    cheek_radii=(0.52, 0.42, 0.46),
    cheek_tuft=0.42,
    mouth_corner=(0.44, 0.69),
    mouth_y=-0.425,
    lip=(0.030, 0.018, 0.017),
    lid=(0.42, 0.12, 0.018),
    liner=(0.008, 0.006, 0.006),
    whisker=(0.90, 0.88, 0.86),
    ruff=1.1,
    bones=ear_bones((0.64, 0.68, -0.12), (0.77, 1.02, -0.14), 0.40),
)

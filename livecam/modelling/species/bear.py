"""The brown bear: a broad head, small round ears, a long pale muzzle, a crescent on the chest."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter
from livecam.modelling.vectors import Array

_BROWN, _DARK = (0.150, 0.064, 0.025), (0.075, 0.032, 0.014)
_HONEY, _TAN = (0.27, 0.130, 0.050), (0.53, 0.34, 0.175)
_CREAM = (0.80, 0.66, 0.45)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _BROWN)
    c.blend(_DARK, smoothstep(0.0, -0.8, c.z) * 0.55)
    c.blend(_HONEY, smoothstep(0.45, 1.0, c.y) * (1 - c.ear) * 0.45)
    c.blend(_HONEY, c.spot((0.36, 0.52, 0.66), (0.24, 0.075, 0.3), 0.6) * 0.65)
    c.blend(_HONEY, c.spot((0.80, -0.30, 0.25), (0.40, 0.34, 0.6), 0.7) * 0.55)
    muzzle = smoothstep(0.58, 0.76, c.z + 0.25 * smoothstep(-0.25, -0.5, c.y))
    muzzle = (
        muzzle
        * smoothstep(0.52, 0.36, c.x)
        * smoothstep(0.02, -0.10, c.y)
        * smoothstep(-0.72, -0.62, c.y)
    )
    chin = c.below(-0.44, 0.06) * c.in_front(0.50, 0.10) * smoothstep(0.55, 0.35, c.x)
    c.blend(_TAN, np.maximum(muzzle, chin * smoothstep(-0.70, -0.58, c.y)))
    c.blend(_HONEY, smoothstep(0.11, 0.05, c.x) * c.in_front(0.80, 0.1) * (1 - c.below(-0.2)) * 0.5)
    # The pale collar of a cub: a crescent that opens upwards.
    ring = np.abs(np.hypot(c.x / 0.70, (c.y + 0.72) / 0.42) - 1.0)
    c.blend(_CREAM, smoothstep(0.26, 0.12, ring + c.wave) * c.in_front(0.12, 0.12) * c.below(-0.72))
    c.blend(_TAN, c.hollow * 0.75)
    c.blend(_DARK, c.hollow * smoothstep(0.8, 0.3, c.ear_height) * 0.45)
    c.blend(_DARK, c.ear * (1 - c.hollow) * 0.55)
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


BEAR = Species(
    name="bear",
    title="Brown bear",
    title_zh="棕熊",
    paint=_paint,
    eye=(0.365, 0.115, 0.56),
    eye_radius=0.275,
    iris_inner=(0.24, 0.095, 0.028),
    iris_outer=(0.050, 0.018, 0.007),
    iris_angle_deg=53.0,
    pupil=0.50,
    muzzle_from=(0, -0.24, 0.55),
    muzzle_to=(0, -0.275, 1.03),
    muzzle_radii=(0.45, 0.235),
    pad_x=0.125,
    pad_radii=(0.20, 0.155, 0.20),
    jaw_radii=(0.32, 0.17),
    nose=(0, -0.13, 1.225),
    nose_radii=(0.170, 0.115, 0.105),
    ear_from=(0.66, 0.66, -0.12),
    ear_to=(0.77, 0.88, -0.13),
    ear_radii=(0.31, 0.30),
    ear_face=(0.28, 0.0, 1.0),
    ear_thin=1.8,
    ear_swell=0.06,
    skull_radii=(1.02, 0.88, 0.87),
    cheek_at=(0.56, -0.24, 0.20),
    cheek_radii=(0.54, 0.44, 0.47),
    cheek_tuft=0.14,
    brow_radii=(0.29, 0.095, 0.14),
    mouth_corner=(0.45, 0.69),
    mouth_y=-0.435,
    lip=(0.035, 0.020, 0.018),
    lid=(0.115, 0.050, 0.020),
    liner=(0.009, 0.006, 0.005),
    whisker=(0.5, 0.45, 0.4),
    whiskers=False,
    ruff=1.15,
    fur=1.15,
    strands=0.9,
    bones=ear_bones((0.62, 0.68, -0.12), (0.77, 0.94, -0.13), 0.38, stiffness_hz=6.0),
)

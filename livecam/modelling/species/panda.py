"""The panda: a white ball of a head, black ears, and patches that droop round the eyes."""

from __future__ import annotations

import numpy as np

from livecam.modelling.rig_bones import ear_bones
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.species.paint import CoatPainter
from livecam.modelling.vectors import Array

_WHITE, _CREAM = (0.88, 0.86, 0.81), (0.66, 0.58, 0.46)
_BLACK = (0.017, 0.015, 0.015)
_DROOP_RAD = 0.62  # of the patches


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    c = CoatPainter(shape, p, normals, _WHITE)
    c.blend(_CREAM, smoothstep(0.1, -0.8, c.z) * 0.35)
    c.blend(_CREAM, c.below(-0.55, 0.2) * c.in_front(0.3, 0.3) * 0.25)
    x, y = c.x - 0.420, c.y - 0.035 + 0.6 * c.wave
    down = np.cos(_DROOP_RAD) * -y + np.sin(_DROOP_RAD) * x
    across = np.cos(_DROOP_RAD) * x + np.sin(_DROOP_RAD) * y
    patch = smoothstep(1.08, 0.94, np.hypot(down / 0.385, across / (0.30 + 0.06 * down)))
    muzzle = c.in_front(0.66, 0.08) * smoothstep(0.36, 0.26, c.x) * c.below(-0.10, 0.05)
    c.blend(_BLACK, patch * c.in_front(0.12, 0.12) * (1 - muzzle))
    c.blend(_BLACK, c.ear)
    c.blend(_BLACK, c.below(-1.02, 0.06))
    return SkinPaint(c.colors.astype(np.float32), fur_length(shape, p, c.ear))


PANDA = Species(
    name="panda",
    title="Giant panda",
    title_zh="大熊猫",
    paint=_paint,
    eye=(0.385, 0.075, 0.565),
    eye_radius=0.265,
    iris_inner=(0.20, 0.080, 0.026),
    iris_outer=(0.040, 0.015, 0.008),
    iris_angle_deg=53.0,
    pupil=0.52,
    muzzle_from=(0, -0.24, 0.52),
    muzzle_to=(0, -0.275, 0.90),
    jaw_radii=(0.33, 0.18),
    muzzle_radii=(0.41, 0.235),
    pad_radii=(0.20, 0.15, 0.19),
    nose=(0, -0.155, 1.095),
    nose_radii=(0.14, 0.090, 0.09),
    ear_from=(0.70, 0.66, -0.14),
    ear_to=(0.80, 0.86, -0.16),
    ear_radii=(0.31, 0.30),
    ear_thin=1.8,
    ear_face=(0.30, 0.0, 1.0),
    skull_radii=(1.02, 0.89, 0.87),
    cheek_at=(0.56, -0.22, 0.20),
    cheek_radii=(0.54, 0.46, 0.48),
    cheek_tuft=0.10,
    brow_radii=(0.29, 0.075, 0.11),
    mouth_corner=(0.42, 0.67),
    mouth_y=-0.43,
    lip=(0.030, 0.020, 0.019),
    lid=(0.030, 0.026, 0.026),
    liner=(0.006, 0.005, 0.005),
    whisker=(0.6, 0.6, 0.6),
    whiskers=False,
    ruff=1.1,
    fur=1.1,
    strands=0.85,
    scale=1.18,
    bones=ear_bones((0.66, 0.64, -0.14), (0.84, 0.92, -0.16), 0.42, stiffness_hz=6.0),
)

"""The frog: wet green skin, eyes on top, a mouth from cheek to cheek, a collar of leaves."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Material
from livecam.modelling.collars import BowTie, LeafCollar
from livecam.modelling.noses import Nostrils
from livecam.modelling.sdf import (
    bump,
    cone,
    ellipsoid,
    project_to_surface,
    smooth_max,
    smooth_min,
    smoothstep,
)
from livecam.modelling.shape import RUFF_AXIS_Z, EarMask, HeadShape, SkinPaint
from livecam.modelling.species.base import Species
from livecam.modelling.vectors import Array, length, mirrored, mix, vector

_WET = 0.040  # wetness of skin, stored as fur length
_NOSTRIL = (0.155, 0.135, 0.905)


class FrogShape(HeadShape):
    """A broad flat face, bulging eyes on top, a throat; no ears, no fur."""

    def lip_height(self, p: Array) -> Array:
        x, z = np.abs(p[..., 0]), p[..., 2]
        curl = 0.05 * x * x + 0.16 * smoothstep(0.55, 1.0, x)
        out: Array = self.species.mouth_y + curl - 0.03 * (z - 1.0)
        return out

    def __call__(self, p: Array) -> Array:
        q = mirrored(p)
        d = ellipsoid(p, (0, 0.12, -0.12), (1.00, 0.84, 0.86))
        d = smooth_min(d, ellipsoid(p, (0, -0.22, 0.14), (1.08, 0.46, 0.86)), 0.20)
        d = smooth_min(d, ellipsoid(p, (0, 0.06, 0.55), (0.46, 0.26, 0.36)), 0.22)
        d = smooth_min(d, ellipsoid(p, (0, -0.58, 0.10), (0.86, 0.36, 0.70)), 0.20)
        d = smooth_min(d, self._neck(p), 0.20)
        # The bulge reaches back, because an eyeball moves back under closing lids.
        eye, r = vector(self.species.eye), self.species.eye_radius
        back = (float(eye[0]) - 0.05, float(eye[1]) - 0.10, float(eye[2]) - 0.42)
        d = smooth_min(d, cone(q, self.species.eye, back, 1.06 * r, 0.98 * r), 0.12)
        d = self._with_sockets(d, q)
        rim = ellipsoid(q, (_NOSTRIL[0] - 0.01, _NOSTRIL[1], _NOSTRIL[2] - 0.02), 3 * (0.075,))
        d = smooth_min(d, rim, 0.08)
        groove = np.exp(-((self.above_lips(p) / 0.05) ** 2))
        groove = groove * smoothstep(-0.06, 0.08, self.inside_mouth(p))
        out: Array = d + 0.032 * groove * smoothstep(0.1, 0.3, p[..., 2])
        return out

    def _ruff(self, p: Array) -> Array:
        """Computes the shoulders under the collar."""
        x, y, z = p[..., 0] * 0.88, p[..., 1], p[..., 2] - RUFF_AXIS_Z
        radius = np.hypot(x, z)
        spread = 0.58 + 0.40 * smoothstep(-0.70, -1.42, y)
        d = smooth_max((radius - spread) * 0.8, -1.18 - y, 0.10)
        return smooth_max(d, y + 0.62, 0.15)

    def ear_mask(self, p: Array, normals: Array) -> EarMask:
        none = np.zeros(len(p), np.float32)
        return EarMask(none, none, none)


_SPOTS = (
    ((0.11, 0.68, 0.68), 0.115), ((0.25, 0.44, 0.80), 0.085), ((0.47, 0.24, 0.80), 0.070),
    ((0.90, 0.16, 0.38), 0.140), ((0.93, 0.44, -0.05), 0.17), ((1.00, -0.06, 0.20), 0.085),
    ((0.72, 0.34, 0.60), 0.095), ((0.16, 0.94, 0.14), 0.130), ((0.35, 0.93, -0.24), 0.17),
    ((0.75, 0.70, -0.45), 0.18), ((0.98, 0.15, -0.45), 0.15), ((0.30, 0.60, -0.85), 0.19),
    ((0.70, 0.25, -0.75), 0.17), ((0.50, 1.04, 0.36), 0.13), ((0.04, 0.98, -0.50), 0.13),
)  # fmt: skip


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    green, deep = vector((0.145, 0.430, 0.045)), vector((0.030, 0.150, 0.022))
    lime, pale = vector((0.42, 0.62, 0.085)), vector((0.80, 0.77, 0.44))
    pink = vector((0.80, 0.26, 0.16))
    q = mirrored(p)
    y, z = p[:, 1], p[:, 2]
    wave = 0.02 * np.sin(9 * p[:, 0] + 3) * np.sin(8 * y + 1)
    c = np.tile(green, (len(p), 1))
    c = mix(c, deep, smoothstep(0.15, -0.75, z) * 0.55)
    c = mix(c, lime, smoothstep(0.30, -0.20, y + wave) * smoothstep(0.1, 0.5, z) * 0.75)
    c = mix(c, lime, bump(q, shape.species.eye, 0.75) * 0.30)
    places = project_to_surface(shape, np.array([place for place, _ in _SPOTS], np.float32), 6)
    for number, (place, (_, size)) in enumerate(zip(places, _SPOTS, strict=True)):
        # Left and right differ a little, or the face would appear printed.
        shifted = place + vector((0, 0.03 * np.sin(5.0 * number), 0)) * np.sign(p[:, :1])
        far = length(q - shifted) / size
        c = mix(c, deep * 1.25, smoothstep(1.0, 0.72, far + 2 * wave) * 0.82)
        c = mix(c, lime, smoothstep(0.30, 0.05, np.abs(far - 1.12)) * 0.22)
    throat = smoothstep(0.02, -0.06, shape.above_lips(p)) * smoothstep(-0.25, 0.10, z + 0.2 * y)
    throat = throat * smoothstep(-0.16, 0.0, shape.inside_mouth(p) + 0.25 * (y < -0.5))
    c = mix(c, pale, throat)
    c = mix(c, pink, bump(q, (0.80, -0.18, 0.62), (0.17, 0.12, 0.3)) * 0.45)
    hole = length((q - vector(_NOSTRIL)) / vector((0.09, 0.09, 0.12)))
    c = mix(c, deep, smoothstep(1.0, 0.45, hole) * 0.3)
    under = smoothstep(-0.78, -0.92, y)  # in the shade of the collar
    c = mix(c, deep * 0.5, under)
    wet = _WET * (1 - 0.5 * throat) * (1 - under)
    return SkinPaint(c.astype(np.float32), wet.astype(np.float32))


_LEAVES = LeafCollar(
    count=11,
    axis_z=RUFF_AXIS_Z,
    inner=(0.60, -0.84),
    outer=(1.30, -1.36),
    color=(0.085, 0.300, 0.045),
    lower_color=(0.330, 0.400, 0.050),
    rib=(0.55, 0.62, 0.20),
)

FROG = Species(
    name="frog",
    title="Frog",
    title_zh="青蛙",
    paint=_paint,
    shape_type=FrogShape,
    eye=(0.505, 0.665, 0.400),
    eye_radius=0.340,
    iris_inner=(0.80, 0.46, 0.045),
    iris_outer=(0.30, 0.11, 0.010),
    muzzle_from=(0, -0.20, 0.50),
    muzzle_to=(0, -0.22, 0.98),
    muzzle_radii=(0.60, 0.40),
    nose=(0, 0.11, 0.90),
    nose_radii=(0.20, 0.07, 0.05),
    ear_from=(0.60, 0.62, -0.12),
    ear_to=(0.80, 1.00, -0.14),
    ear_radii=(0.34, 0.24),
    cheek_tuft=0.0,
    mouth_corner=(0.90, 0.52),
    mouth_y=-0.275,
    lip=(0.11, 0.22, 0.040),
    lid=(0.25, 0.50, 0.060),
    liner=(0.018, 0.048, 0.010),
    whisker=(0.5, 0.5, 0.5),
    iris_angle_deg=47.0,
    pupil=0.48,
    lids_deg=(44.0, -40.0),
    skin=Material.SKIN,
    leather_nose=False,
    whiskers=False,
    teeth=False,
    extra_parts=(
        Nostrils(_NOSTRIL, 0.058, (0.012, 0.045, 0.010)),
        _LEAVES,
        BowTie((0.0, -0.985, 0.735), 0.36, (0.66, 0.028, 0.026), (0.36, 0.008, 0.012)),
    ),
    neck="collar",
    hem=-1.18,
    brow_lift=0.45,
    # On so broad a mouth the corners of the upper lip would rise in two waves.
    gains={
        "noseSneerLeft": 0.6,
        "noseSneerRight": 0.6,
        "mouthUpperUpLeft": 0.6,
        "mouthUpperUpRight": 0.6,
    },
    eye_line=(0.0, 0.13, 0.53),
)

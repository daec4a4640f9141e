"""The bull: a chestnut coat, cream muzzle with a broad wet pad, horns, a ring and a forelock."""

from __future__ import annotations

import numpy as np

from livecam.avatar.base import Bone, Material
from livecam.modelling.curls import Curl, Curls
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.horns import Horns
from livecam.modelling.noses import NoseRing
from livecam.modelling.parts import MeshPart, part_from_sdf
from livecam.modelling.rig_bones import RigBone, ear_bones
from livecam.modelling.sdf import bump, cone, ellipsoid, smooth_max, smooth_min, smoothstep
from livecam.modelling.shape import RUFF_AXIS_Z, EarMask, HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.vectors import Array, mirrored, mix, vector

_PAD = (0.0, -0.225, 1.150)  # middle of the wet pad
_PAD_BOX = ((-0.5, -0.55, 0.80), (0.5, 0.15, 1.40))
_EAR_FROM, _EAR_TO = (0.84, 0.40, -0.10), (1.50, 0.20, 0.02)


class BullShape(HeadShape):
    """A broad muzzle, ears that hang out sideways, and a heavy neck."""

    def _muzzle(self, p: Array, q: Array) -> Array:
        species = self.species
        d = cone(p, species.muzzle_from, species.muzzle_to, *species.muzzle_radii, (0.84, 1.0, 1.0))
        puff = ellipsoid(q, (0.27, -0.335, 0.83), (0.28, 0.20, 0.25))
        return smooth_min(d, puff, 0.12)

    def _jaw(self, p: Array) -> Array:
        tip = self.species.muzzle_to
        return cone(p, (0, -0.53, 0.25), (0, -0.555, tip[2] - 0.08), 0.32, 0.21, (0.78, 1, 1))

    def _ruff(self, p: Array) -> Array:
        x, y, z = p[..., 0] * 0.86, p[..., 1], p[..., 2] - RUFF_AXIS_Z
        angle, radius = np.arctan2(x, z), np.hypot(x, z)
        front = np.exp(-((angle / 0.70) ** 2))
        lobes = np.cos(angle * 11)
        spread = 0.80 + 0.36 * smoothstep(-0.50, -1.30, y) + 0.14 * front
        spread += 0.030 * lobes * smoothstep(-0.7, -1.4, y)
        hem = -1.36 - 0.06 * lobes - 0.22 * front
        d = smooth_max((radius - spread) * 0.8, hem - y, 0.12)
        return smooth_max(d, y + 0.56, 0.18)

    def _with_ears(self, d: Array, q: Array) -> Array:
        base, tip = vector(_EAR_FROM), vector(_EAR_TO)
        middle = base + 0.55 * (tip - base) + vector((0, 0.05, 0))
        ear = cone(q, _EAR_FROM, tuple(middle), 0.13, 0.205, (1, 1, 1.9))
        end = cone(q, tuple(middle), _EAR_TO, 0.205, 0.075, (1, 1, 1.9))
        ear = smooth_min(ear, end, 0.08)
        along = tip - base
        start = base + along * 0.20 + vector((0, -0.015, 0.145))
        stop = base + along * 0.86 + vector((0, 0.0, 0.10))
        cup = cone(q, tuple(start), tuple(stop), 0.085, 0.085, (1, 1, 1.0))
        return smooth_max(smooth_min(d, ear, 0.12), -cup, 0.06)

    def ear_mask(self, p: Array, normals: Array) -> EarMask:
        q = mirrored(p)
        base, along = vector(_EAR_FROM), vector(_EAR_TO) - vector(_EAR_FROM)
        height: Array = ((q - base) @ along) / (along @ along)
        off = q - base - height[:, None] * along
        ear = smoothstep(0.10, 0.26, height) * smoothstep(0.34, 0.27, np.abs(off[:, 1]))
        ear = ear * smoothstep(0.80, 0.95, q[:, 0]) * smoothstep(-0.25, -0.10, p[:, 1])
        hollow = smoothstep(0.05, 0.5, normals[:, 2]) * smoothstep(0.15, 0.08, np.abs(off[:, 1]))
        return EarMask(ear, ear * hollow, height)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    brown, dark = vector((0.185, 0.068, 0.024)), vector((0.060, 0.022, 0.010))
    cream, pink = vector((0.80, 0.63, 0.44)), vector((0.56, 0.27, 0.22))
    q = mirrored(p)
    x, y, z = q[:, 0], p[:, 1], p[:, 2]
    wave = 0.03 * np.sin(9 * p[:, 0] + 3) * np.sin(8 * y + 1) + 0.02 * np.sin(21 * z + 17 * x)
    ear, hollow, ear_height = shape.ear_mask(p, normals)

    c = mix(np.tile(brown, (len(p), 1)), dark, smoothstep(0.35, 1.0, y) * 0.45)
    # Lighter cheeks and a lighter bridge set off the face.
    warm = bump(q, (0.62, -0.25, 0.45), (0.42, 0.34, 0.6))
    bridge = smoothstep(0.20, 0.08, x + wave) * smoothstep(0.45, 0.65, z) * smoothstep(0.6, 0.2, y)
    c = mix(c, brown * 1.75, np.maximum(0.8 * warm, 0.75 * bridge))
    rim = bump(q, (0.37, 0.08, 0.75), (0.40, 0.42, 0.5))
    c = mix(c, cream * 0.75, np.clip(rim - 0.25, 0, 1) * 0.55)
    dip = smoothstep(0.60, 0.76, z - 0.25 * np.abs(y + 0.35) + wave)
    dip = dip * smoothstep(0.03, -0.10, y + wave) * smoothstep(0.66, 0.52, x)
    dip = dip * smoothstep(-0.84, -0.70, y + wave)
    chin = smoothstep(-0.40, -0.50, y) * smoothstep(-0.84, -0.72, y + wave)
    chin = chin * smoothstep(0.30, 0.50, z) * smoothstep(0.5, 0.36, x + wave)
    c = mix(c, cream, np.maximum(dip, chin))
    c = mix(c, pink, bump(q, (0.25, -0.36, 1.1), (0.22, 0.10, 0.3)) * 0.25)
    ruff = smoothstep(-0.62, -0.95, y) * smoothstep(0.9, 0.4, z)
    c = mix(c, dark * 0.9, ruff * 0.75)
    c = mix(c, dark, ear * smoothstep(0.55, 0.95, ear_height) * 0.6)
    c = mix(c, pink * 0.9, hollow * 0.9)
    hem = smoothstep(-1.15, -1.45, y)
    c = mix(c, dark * 0.7, hem * 0.5)
    # No fur behind the pad: it would show through the open nostrils.
    behind = smoothstep(1.0, 0.9, np.hypot(p[:, 0] / 0.33, (y - _PAD[1]) / 0.13))
    behind = behind * smoothstep(0.8, 0.95, z)
    c = mix(c, vector((0.010, 0.004, 0.004)), behind)
    fur = fur_length(shape, p, ear) * (1 - behind)
    fur = fur * (1 + 0.5 * ruff) * (1 - 0.5 * hollow)
    fur = fur * (1 - 0.6 * dip)
    return SkinPaint(c.astype(np.float32), fur.astype(np.float32))


def _pad(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    """Builds the wet pad over the muzzle, with two large nostrils."""
    centre = vector(_PAD)

    def sdf(p: Array) -> Array:
        at = p - centre
        q = mirrored(at)
        d = ellipsoid(at, (0, 0.0, 0), (0.27, 0.150, 0.115))
        wing = ellipsoid(q, (0.215, 0.020, -0.060), (0.155, 0.135, 0.125))
        d = smooth_min(d, wing, 0.07)
        stem = ellipsoid(at, (0, -0.15, 0.0), (0.15, 0.095, 0.080))
        d = smooth_min(d, stem, 0.07)
        d = smooth_max(d, -hole(q), 0.045)
        dent = ellipsoid(at, (0, -0.06, 0.148), (0.022, 0.13, 0.05))
        return smooth_max(d, -dent, 0.05)

    def hole(q: Array) -> Array:
        low = cone(q, (0.135, -0.045, 0.120), (0.225, -0.005, 0.090), 0.046, 0.064)
        return smooth_min(
            low, cone(q, (0.225, -0.005, 0.090), (0.315, 0.055, 0.030), 0.064, 0.03), 0.02
        )

    def paint(points: Array, openness: Array) -> Array:
        q = mirrored(points - centre)
        base = np.tile(vector((0.125, 0.058, 0.052)), (len(points), 1))
        middle = bump(q, (0.05, -0.08, 0.1), (0.13, 0.10, 0.3))
        base = mix(base, vector((0.40, 0.18, 0.15)), middle * 0.75)
        base = mix(base, vector((0.055, 0.024, 0.024)), smoothstep(-0.02, 0.13, q[:, 1]) * 0.75)
        return mix(base, vector((0.010, 0.004, 0.004)), smoothstep(0.022, -0.004, hole(q)))

    def morphs(points: Array) -> Displacements:
        """Moves all of it with the upper lip."""
        lip = shape.lip_height(points) + 0.07
        roots = np.stack((points[:, 0], np.maximum(points[:, 1], lip), points[:, 2]), axis=1)
        return fields(points, roots.astype(np.float32), np.ones(len(points), np.float32))

    resolution = detail.small_part(2400)
    return [part_from_sdf("nosePad", Material.NOSE, sdf, _PAD_BOX, resolution, paint, morphs)]


_RING_AT = (0.0, -0.435, 1.195)
_RING_RADIUS = 0.125

_HORNS = Horns(
    curve=((0.50, 0.72, -0.08), (1.15, 0.84, -0.10), (1.42, 1.10, 0.02), (1.20, 1.62, 0.20)),
    radius=0.205,
    root=(0.17, 0.105, 0.060),
    middle=(0.74, 0.62, 0.44),
    tip=(0.060, 0.040, 0.032),
)
_FORELOCK = Curls(
    curls=(
        Curl((0.00, 1.00, 0.22), (0.05, -0.05, 1.0), 0.52, 1.25),
        Curl((0.19, 0.99, 0.18), (0.30, -0.05, 1.0), 0.48, -1.2),
        Curl((-0.19, 0.99, 0.18), (-0.34, -0.05, 1.0), 0.46, 1.15),
        Curl((0.09, 0.93, 0.36), (0.10, -0.55, 0.9), 0.44, -1.1),
        Curl((-0.11, 0.93, 0.36), (-0.16, -0.55, 0.9), 0.46, 1.25),
        Curl((0.36, 0.94, 0.12), (0.60, -0.05, 0.9), 0.38, 1.1),
        Curl((-0.36, 0.94, 0.12), (-0.60, -0.05, 0.9), 0.38, -1.1),
        Curl((0.11, 1.03, 0.04), (0.22, 0.55, 0.75), 0.34, 1.2),
        Curl((-0.12, 1.03, 0.02), (-0.26, 0.55, 0.70), 0.34, -1.2),
        Curl((0.27, 0.90, 0.34), (0.42, -0.45, 0.85), 0.36, 1.2),
        Curl((-0.28, 0.90, 0.34), (-0.44, -0.45, 0.85), 0.36, -1.2),
    ),
    radius=0.088,
    color=(0.070, 0.025, 0.010),
    tip=(0.215, 0.088, 0.032),
    coil=0.085,
)

BULL = Species(
    name="bull",
    title="Bull",
    title_zh="公牛",
    paint=_paint,
    shape_type=BullShape,
    eye=(0.385, 0.170, 0.545),
    eye_radius=0.305,
    iris_inner=(0.30, 0.115, 0.030),
    iris_outer=(0.060, 0.018, 0.007),
    muzzle_from=(0, -0.20, 0.50),
    muzzle_to=(0, -0.285, 0.92),
    muzzle_radii=(0.432, 0.315),
    nose=_PAD,
    nose_radii=(0.34, 0.15, 0.11),
    ear_from=_EAR_FROM,
    ear_to=_EAR_TO,
    ear_radii=(0.20, 0.10),
    cheek_tuft=0.02,
    mouth_corner=(0.50, 0.66),
    mouth_y=-0.485,
    lip=(0.21, 0.085, 0.070),
    lid=(0.150, 0.060, 0.028),
    liner=(0.012, 0.006, 0.004),
    whisker=(0.5, 0.4, 0.3),
    iris_angle_deg=50.0,
    pupil=0.52,
    wild_teeth=0.0,
    leather_nose=False,
    whiskers=False,
    extra_parts=(
        _HORNS,
        _pad,
        NoseRing(_RING_AT, _RING_RADIUS, 0.026, (0.83, 0.52, 0.14), "noseRing"),
        _FORELOCK,
    ),
    bones=(
        *ear_bones(_EAR_FROM, _EAR_TO, 0.30, 3.2, 0.30, 28.0),
        RigBone(
            Bone(
                "noseRing",
                "head",
                (_RING_AT[0], _RING_AT[1] + _RING_RADIUS, _RING_AT[2]),
                (_RING_AT[0], _RING_AT[1] - _RING_RADIUS, _RING_AT[2] + 0.07),
                3.2,
                0.16,
                13.0,
            )
        ),
    ),
)

"""The rabbit: cream and fawn, long ears that swing, a pink nose, two front teeth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone, Material
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.parts import MeshPart, part_from_sdf
from livecam.modelling.rig_bones import RigBone, mirrored_pair
from livecam.modelling.sdf import bump, cone, ellipsoid, smooth_max, smooth_min, smoothstep
from livecam.modelling.shape import HIGH, EarMask, HeadShape, SkinPaint
from livecam.modelling.species.base import Species, fur_length
from livecam.modelling.teeth import BuckTeeth
from livecam.modelling.vectors import Array, Vector, length, mirrored, mix, unit, vector

_NOSE = (0.0, -0.165, 0.985)
_NOSE_BOX = ((-0.2, -0.40, 0.85), (0.2, -0.05, 1.12))
_EAR_FROM, _EAR_TO = (0.31, 0.74, -0.14), (0.58, 2.08, -0.10)
_EAR_BEND = (0.03, 0.0, -0.13)  # offset of its middle from the straight line
_EAR_FLAT = 1.75  # its width over its thickness


def _ear_half(height: Array) -> Array:
    """Computes half the ear's width at heights 0..1: a spoon."""
    out: Array = 0.125 + 0.125 * np.clip(np.sin(np.pi * height**0.9), 0, None) ** 0.9
    out = out * np.sqrt(np.clip(1.02 - height**7, 0.02, 1))
    return out


class RabbitShape(HeadShape):
    """A round skull, full cheeks, and ears longer than the face."""

    high = (HIGH[0], 2.26, HIGH[2])

    def _muzzle(self, p: Array, q: Array) -> Array:
        species = self.species
        d = cone(p, species.muzzle_from, species.muzzle_to, *species.muzzle_radii)
        puff = ellipsoid(q, (0.165, -0.295, 0.80), (0.215, 0.165, 0.205))
        return smooth_min(d, puff, 0.08)

    def _jaw(self, p: Array) -> Array:
        return cone(p, (0, -0.52, 0.25), (0, -0.535, 0.725), 0.32, 0.185)

    def lip_height(self, p: Array) -> Array:
        """Computes two soft arcs that meet under the nose."""
        x = np.abs(p[..., 0])
        arcs = 0.055 * smoothstep(0.17, 0.0, x) + 0.65 * x * x
        out: Array = self.species.mouth_y + arcs - 0.03 * (p[..., 2] - 1.0)
        return out

    def _skull(self, p: Array, q: Array) -> Array:
        d = super()._skull(p, q)
        cheek = ellipsoid(q, (0.56, -0.30, 0.28), (0.46, 0.36, 0.40))
        return smooth_min(d, cheek, 0.20)

    def _ear_coordinates(self, q: Array) -> tuple[Array, Array]:
        """Computes the height of points along the left ear, 0..1, and vectors from its curve."""
        base, along = vector(_EAR_FROM), vector(_EAR_TO) - vector(_EAR_FROM)
        height = np.clip(((q - base) @ along) / (along @ along), 0, 1).astype(np.float32)
        bend = (4 * height * (1 - height))[..., None] * vector(_EAR_BEND)
        return height, q - base - height[..., None] * along - bend

    def _with_ears(self, d: Array, q: Array) -> Array:
        height, off = self._ear_coordinates(q)
        half = _ear_half(height)
        ear = (length(off * vector((1, 1, _EAR_FLAT))) - half) / _EAR_FLAT * 1.2
        into = off - vector((0, 0, 0.13))
        inner = np.where(height > 0.10, 0.60 * half - 0.008, -0.2)
        cup = length(into * vector((1, 1, 1.2))) - inner * smoothstep(1.0, 0.9, height)
        return smooth_max(smooth_min(d, ear, 0.12), -cup, 0.05)

    def _along_ear(self, p: Array) -> tuple[Array, Array]:
        """Computes height along the left ear, 0..1, and distance from its curve in half widths."""
        height, off = self._ear_coordinates(mirrored(p))
        far: Array = length(off * vector((1, 1, 0.7))) / (_ear_half(height) + 0.03)
        return height, far

    def ear_mask(self, p: Array, normals: Array) -> EarMask:
        height, far = self._along_ear(p)
        ear = smoothstep(0.12, 0.26, height) * smoothstep(1.8, 1.4, far)
        ear = ear * smoothstep(0.84, 1.0, p[:, 1])
        hollow = smoothstep(0.0, 0.4, normals[:, 2]) * smoothstep(0.86, 0.52, far)
        return EarMask(ear, ear * hollow, height)

    def comb(self, p: Array, normals: Array) -> Array:
        out = super().comb(p, normals)
        ear = self.ear_mask(p, normals).ear
        up = vector((0.25, 1.0, 0.1)) * np.stack(
            (np.sign(p[:, 0]), np.ones(len(p)), np.ones(len(p))), axis=1
        ).astype(np.float32)
        up = up - (up * normals).sum(axis=1, keepdims=True) * normals
        return unit(mix(out, up, ear))

    def bone_weights(self, p: Array) -> tuple[NDArray[np.uint8], Array]:
        """Computes weights that increase along an ear, so that it bends."""
        height, far = self._along_ear(p)
        share = smoothstep(0.04, 1.05, height) ** 0.8 * smoothstep(2.3, 1.7, far)
        share = share * smoothstep(0.80, 1.0, p[:, 1])
        bone = np.where(p[:, 0] > 0, 1, 2).astype(np.uint8)
        return np.where(share > 0, bone, 0).astype(np.uint8), share.astype(np.float32)


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    fawn, cream = vector((0.50, 0.325, 0.195)), vector((0.90, 0.84, 0.755))
    pink, brown = vector((0.86, 0.40, 0.36)), vector((0.24, 0.135, 0.075))
    q = mirrored(p)
    x, y, z = q[:, 0], p[:, 1], p[:, 2]
    wave = 0.03 * np.sin(9 * p[:, 0] + 3) * np.sin(8 * y + 1) + 0.02 * np.sin(23 * z + 17 * x)
    ear, hollow, ear_height = shape.ear_mask(p, normals)

    c = np.tile(fawn, (len(p), 1))
    c = mix(c, brown, smoothstep(0.55, 1.05, y) * (1 - ear) * 0.35)
    # White: a blaze up the nose, rings round the eyes, muzzle, cheeks and bib.
    blaze = smoothstep(0.15, 0.05, x + wave + 0.14 * y) * smoothstep(0.62, 0.40, y)
    blaze = blaze * smoothstep(0.3, 0.6, z)
    ring = bump(q, (shape.species.eye[0], 0.06, 0.75), (0.42, 0.42, 0.5))
    ring = np.clip(1.7 * ring - 0.55, 0, 1)
    muzzle = smoothstep(0.62, 0.80, z + 0.15 * (0.4 - x)) * smoothstep(0.02, -0.12, y)
    low = smoothstep(-0.22, -0.42, y + wave) * smoothstep(-0.25, 0.20, z)
    low = low * smoothstep(-0.90, -0.76, y)
    bib = smoothstep(-0.62, -0.80, y) * smoothstep(0.60, 0.36, x + 2 * wave)
    bib = bib * smoothstep(0.0, 0.2, z)
    c = mix(c, cream, np.clip(np.maximum.reduce([blaze, 0.9 * ring, muzzle, low, bib]), 0, 1))
    # White teeth need a darker chin behind them.
    chin = bump(q, (0.0, -0.56, 0.86), (0.22, 0.10, 0.3))
    c = mix(c, fawn * 1.15, chin * smoothstep(-0.44, -0.48, y) * 0.55)
    blush = bump(q, (0.66, -0.24, 0.55), (0.22, 0.16, 0.35))
    c = mix(c, pink, blush * 0.34)
    c = mix(c, brown, ear * (1 - hollow) * smoothstep(0.70, 1.0, ear_height) * 0.55)
    c = mix(c, pink, hollow * 0.82)
    c = mix(c, brown, smoothstep(-1.15, -1.45, y) * 0.25 * (1 - bib))
    fur = fur_length(shape, p, ear) * (1 - 0.75 * hollow)
    return SkinPaint(c.astype(np.float32), fur.astype(np.float32))


def _nose(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    """Builds a small pink triangle with a stem."""
    centre = vector(_NOSE)

    def sdf(p: Array) -> Array:
        at = p - centre
        q = mirrored(at)
        d = ellipsoid(q, (0.040, 0.022, 0), (0.078, 0.052, 0.060))
        d = smooth_min(d, ellipsoid(at, (0, -0.030, 0.004), (0.055, 0.058, 0.058)), 0.05)
        stem = cone(at, (0, -0.05, 0.008), (0, -0.155, -0.030), 0.024, 0.016)
        d = smooth_min(d, stem, 0.04)
        hole = cone(q, (0.050, -0.004, 0.066), (0.085, 0.020, 0.035), 0.016, 0.010)
        return smooth_max(d, -hole, 0.02)

    def paint(points: Array, openness: Array) -> Array:
        y = points[:, 1] - centre[1]
        base = np.tile(vector((0.78, 0.30, 0.28)), (len(points), 1))
        base = mix(base, vector((0.36, 0.11, 0.11)), smoothstep(-0.05, -0.14, y) * 0.8)
        return mix(vector((0.12, 0.025, 0.03)) + 0 * base, base, smoothstep(0.15, 0.75, openness))

    resolution = detail.small_part(1100)
    return [part_from_sdf("pinkNose", Material.NOSE, sdf, _NOSE_BOX, resolution, paint, fields)]


_EAR_TURNS: dict[str, Vector] = {
    "browInnerUp": (4.0, 0.0, 5.0),
    "browOuterUpLeft": (3.0, 0.0, 6.0),
    "eyeWideLeft": (7.0, 0.0, 8.0),
    "jawOpen": (-7.0, 0.0, -4.0),
    "browDownLeft": (-24.0, 0.0, -16.0),
    "noseSneerLeft": (-8.0, 0.0, -6.0),
    "mouthSmileLeft": (-3.0, 0.0, -7.0),
    "mouthFrownLeft": (-10.0, 0.0, -26.0),
    "eyeBlinkLeft": (5.0, 0.0, -6.0),
}

RABBIT = Species(
    name="rabbit",
    title="Rabbit",
    title_zh="兔子",
    paint=_paint,
    shape_type=RabbitShape,
    eye=(0.400, 0.085, 0.520),
    eye_radius=0.335,
    iris_inner=(0.20, 0.085, 0.030),
    iris_outer=(0.045, 0.015, 0.007),
    muzzle_from=(0, -0.24, 0.45),
    muzzle_to=(0, -0.30, 0.80),
    muzzle_radii=(0.40, 0.19),
    nose=_NOSE,
    nose_radii=(0.10, 0.07, 0.06),
    ear_from=_EAR_FROM,
    ear_to=_EAR_TO,
    ear_radii=(0.20, 0.10),
    cheek_tuft=0.14,
    mouth_corner=(0.31, 0.66),
    mouth_y=-0.435,
    lip=(0.30, 0.145, 0.12),
    lid=(0.62, 0.44, 0.32),
    liner=(0.095, 0.045, 0.030),
    whisker=(0.92, 0.90, 0.88),
    teeth=False,  # but for the two in front
    iris_angle_deg=52.0,
    pupil=0.56,
    lids_deg=(47.0, -43.0),
    pad_x=0.165,
    fur=0.85,
    strands=1.15,
    brow_at=(0.36, 0.46, 0.56),
    brow_radii=(0.24, 0.06, 0.09),
    leather_nose=False,
    extra_parts=(
        _nose,
        BuckTeeth((0.0, -0.385, 0.974), 0.110, 0.160, 0.038, (0.93, 0.90, 0.82)),
    ),
    bones=mirrored_pair(
        RigBone(Bone("earLeft", "head", _EAR_FROM, _EAR_TO, 2.4, 0.24, 38.0, _EAR_TURNS), 0.42)
    ),
)

"""Cartoon humans: the distance function of a face, its expressions, painted skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from livecam.modelling.expressions import Displacements, ExpressionFields, FaceHalf
from livecam.modelling.sdf import bump, cone, ellipsoid, ridge, smooth_max, smooth_min, smoothstep
from livecam.modelling.shape import EarMask, HeadShape
from livecam.modelling.vectors import (
    Array,
    Vector,
    as_tuple,
    length,
    mirrored,
    mix,
    tiled,
    unit,
    vector,
)

EAR_OUT_DEG = 32.0  # how far forward the bowl of an ear faces


@dataclass(frozen=True, slots=True)
class FaceProportions:
    """The proportions of one human face, in head units."""

    jaw_angle: Vector  # the corner of the jaw below the ear
    jaw_radii: tuple[float, float]  # there, and at the chin
    chin: Vector
    chin_radii: Vector
    cheek: Vector  # centre
    cheek_radii: Vector
    brow_ridge: float  # how far it stands out
    bridge: float  # radius of the nose's bridge
    nose_tip: Vector  # radii
    nose_wing: float  # radius
    lips: tuple[float, float]  # how far upper and lower lip stand out
    smile: float  # curl of the resting lip line
    neck: float  # radius


class HumanShape(HeadShape):
    """The surface of a human head without hair and clothes."""

    proportions: ClassVar[FaceProportions]

    # ------------------------------------------------------------ the lip line

    def lip_height(self, p: Array) -> Array:
        x = np.abs(p[..., 0])
        corner = self.species.mouth_corner[0]
        notch = -0.020 * smoothstep(0.085, 0.0, x)  # the upper lip's middle hangs a little
        curl = self.proportions.smile * smoothstep(0.25 * corner, 1.25 * corner, x)
        out: Array = self.species.mouth_y + notch + curl
        return out

    def inside_mouth(self, p: Array) -> Array:
        x, z = np.abs(p[..., 0]), p[..., 2]
        out: Array = np.minimum(self.species.mouth_corner[0] - x, (z - 0.40) * 0.7)
        return out

    # ------------------------------------------------------------ the surface

    def __call__(self, p: Array) -> Array:
        q = mirrored(p)
        d = self._with_mouth_mound(self.hull(p), p)
        d = smooth_min(d, self._jaw(q), 0.16)
        d = smooth_min(d, self._neck(p), 0.10)
        d = self._with_ears(d, q)
        d = self._with_sockets(d, q)
        d = self._with_nose(d, q)
        return self._with_lips(d, p)

    def hull(self, p: Array) -> Array:
        """Computes the distance to skull and cheeks alone, on which hair lies."""
        q, proportions = mirrored(p), self.proportions
        d = ellipsoid(p, (0, 0.28, -0.10), (0.88, 0.84, 0.88))
        d = smooth_min(d, ellipsoid(p, (0, -0.20, 0.20), (0.74, 0.62, 0.60)), 0.22)
        d = smooth_min(d, ellipsoid(q, proportions.cheek, proportions.cheek_radii), 0.20)
        brow = ellipsoid(q, (0.33, 0.42, 0.59 + proportions.brow_ridge), (0.27, 0.10, 0.15))
        return smooth_min(d, brow, 0.16)

    def _with_mouth_mound(self, d: Array, p: Array) -> Array:
        y = self.species.mouth_y
        return smooth_min(d, ellipsoid(p, (0, y, 0.58), (0.38, 0.26, 0.27)), 0.16)

    def _jaw(self, q: Array) -> Array:
        proportions = self.proportions
        chin = ellipsoid(q, proportions.chin, proportions.chin_radii)
        side = (
            proportions.chin_radii[0] * 0.55,
            proportions.chin[1] + 0.02,
            proportions.chin[2] - 0.04,
        )
        return smooth_min(chin, cone(q, proportions.jaw_angle, side, *proportions.jaw_radii), 0.14)

    def _neck(self, p: Array) -> Array:
        r = self.proportions.neck
        return cone(p, (0, -0.55, -0.20), (0, -1.50, -0.24), r, r * 1.06)

    def _to_ear_axes(self, q: Array) -> Array:
        """Converts points to the axes of an ear: x to its front rim, y up, z out of its bowl."""
        a = np.radians(EAR_OUT_DEG)
        outward, front = vector((np.cos(a), 0, np.sin(a))), vector((-np.sin(a), 0, np.cos(a)))
        off = q - vector(self.species.ear_from)
        local: Array = np.stack((off @ front, off[..., 1], off @ outward), axis=-1)
        local[..., 0] += 0.22 * local[..., 1]  # it leans back
        return local

    def _with_ears(self, d: Array, q: Array) -> Array:
        local = self._to_ear_axes(q)
        r, lobe = self.species.ear_radii
        ear = ellipsoid(local, (0, 0.04, 0), (r * 0.72, r, 0.085))
        ear = smooth_min(ear, ellipsoid(local, (0.04, -r * 0.80, 0.0), (lobe, lobe, 0.06)), 0.07)
        bowl = ellipsoid(local, (0.02, 0.05, 0.085), (r * 0.46, r * 0.70, 0.075))
        return smooth_max(smooth_min(d, ear, 0.06), -bowl, 0.035)

    def _with_nose(self, d: Array, q: Array) -> Array:
        proportions, (_, y, z) = self.proportions, self.species.nose
        bridge = cone(
            q,
            (0, 0.10, 0.70),
            (0, y + 0.03, z - 0.06),
            proportions.bridge,
            proportions.bridge * 1.25,
        )
        tip = ellipsoid(q, (0, y, z), proportions.nose_tip)
        r = proportions.nose_wing
        wing = ellipsoid(q, (r + 0.030, y - 0.025, z - 0.055), (r, r * 0.92, r * 1.25))
        d = smooth_min(d, smooth_min(bridge, smooth_min(tip, wing, 0.06), 0.07), 0.10)
        hole = ellipsoid(q, (r * 0.95, y - 0.082, z + 0.0), (0.034, 0.024, 0.042))
        return smooth_max(d, -hole, 0.03)

    def _with_lips(self, d: Array, p: Array) -> Array:
        """Adds two soft rolls that turn in towards each other."""
        above, inside = self.above_lips(p), self.inside_mouth(p)
        front = smoothstep(0.3, 0.5, p[..., 2])
        full = smoothstep(-0.03, 0.12, inside) * front
        upper, lower = self.proportions.lips
        roll = upper * ridge(above - 0.042, 0.042) + lower * ridge(above + 0.060, 0.058)
        groove = 0.028 * ridge(above, 0.026) * smoothstep(-0.06, 0.05, inside) * front
        out: Array = d - roll * full + groove
        return out

    # ------------------------------------------------------------ masks and skin weights

    def ear_mask(self, p: Array, normals: Array) -> EarMask:
        local = self._to_ear_axes(mirrored(p))
        r = self.species.ear_radii[0]
        height: Array = local[:, 1] / (2 * r) + 0.5
        far = length(local * vector((1 / (r * 0.85), 1 / (r * 1.15), 1 / 0.16)))
        ear = smoothstep(1.15, 0.85, far)
        bowl = length(local[:, :2] * vector((1 / (r * 0.5), 1 / (r * 0.75), 1))[:2])
        return EarMask(ear, ear * smoothstep(1.1, 0.7, bowl), height)

    def head_weight(self, p: Array) -> Array:
        return smoothstep(-1.60, -1.12, p[:, 1])

    def comb(self, p: Array, normals: Array) -> Array:
        down = tiled((0, -1, 0), len(p))
        down -= (down * normals).sum(axis=1, keepdims=True) * normals
        return unit(down)


class HumanFields(ExpressionFields):
    """The expressions of a flat face with a chin, where they differ from a muzzle's."""

    def jaw_weight(self, p: Array, side: Array) -> Array:
        m, corner = self.landmarks.mouth_unit, self.landmarks.corner
        inside, above = self.shape.inside_mouth(p), self.shape.above_lips(p)
        side = np.where(side == 0, np.sign(above), side)
        below = -above - side * 0.03 * smoothstep(0.0, 0.07, inside)
        soft = 0.02 + 0.5 * smoothstep(0.02, -0.35, inside)
        weight = smoothstep(-soft, soft, below)
        weight = weight * smoothstep(-0.95 * m, -0.35 * m, p[:, 2] - corner[2])
        # The whole chin moves; the throat under it stays.
        weight = weight * smoothstep(-0.74, -0.50, p[:, 1] - corner[1])
        return weight * smoothstep(0.80, 0.34, np.abs(p[:, 0]))

    def on_jaw(self, p: Array) -> Displacements:
        return _narrower_slides(super().on_jaw(p))

    def _jaw(self, out: Displacements, p: Array, roots: Array, jaw: Array) -> None:
        super()._jaw(out, p, roots, jaw)
        out |= _narrower_slides(out)

    def _rounded_lips(self, out: Displacements, roots: Array, jaw: Array) -> None:
        super()._rounded_lips(out, roots, jaw)
        out["mouthPucker"] = out["mouthPucker"] * vector((0.78, 1, 1))

    def _lips(self, out: Displacements, roots: Array, jaw: Array) -> None:
        super()._lips(out, roots, jaw)
        for name in (
            "mouthRollUpper",
            "mouthRollLower",
        ):  # on red lips a small roll would show too little
            out[name] = out[name] * np.float32(1.7)

    def _mouth_half(self, out: Displacements, half: FaceHalf) -> None:
        super()._mouth_half(out, half)
        out["mouthSmile" + half.side] = self._bow_smile(half)

    def _bow_smile(self, half: FaceHalf) -> Array:
        """Bends the whole lip line into a bow; bent at the corners alone it would be a V."""
        landmarks, m = self.landmarks, self.landmarks.mouth_unit
        s = np.abs(half.roots[:, 0]) / landmarks.corner[0]
        near = ridge(self.shape.above_lips(half.roots), 0.34 * m)
        near = near * self._front_weight(half.roots) * half.share(-0.02, 0.06)
        bend = near * np.minimum(s, 1.0) ** 2 * smoothstep(1.85, 1.0, s)
        cheek = half.share(-0.02, 0.06) * half.around(
            landmarks.cheek, (0.30 * m, 0.24 * m, 0.40 * m)
        )
        out = half.shift(bend, 0.085, 0.155, -0.045) + half.shift(cheek, 0.03, 0.05, 0.055)
        # Each half removes half the notch of the lips, or the bow would have a point.
        notch = near * smoothstep(0.12, 0.0, np.abs(half.roots[:, 0]))
        return out + notch[:, None] * vector((0, 0.016, 0))

    def _bared_teeth(self, out: Displacements, half: FaceHalf) -> None:
        """Moves each lip as one bow: raised beside the middle alone, it would be an M."""
        m, roots = self.landmarks.mouth_unit, half.roots
        s = np.abs(roots[:, 0]) / self.landmarks.corner[0]
        above = self.shape.above_lips(roots)
        bow = half.share(-0.06, 0.06)  # both halves add up to 1 in the middle
        bow = bow * smoothstep(1.05, 0.30, s) * self._front_weight(roots)
        raised = bow * (1 - half.jaw) * ridge(above - 0.02 * m, 0.17 * m)
        lowered = bow * half.jaw * ridge(above, 0.17 * m)
        out["mouthUpperUp" + half.side] = (m * raised)[:, None] * vector((0, 0.08, 0.02))
        out["mouthLowerDown" + half.side] = (m * lowered)[:, None] * vector((0, -0.11, 0))

    def _laugh_opening(self, expressions: tuple[str, ...]) -> tuple[Array, Array]:
        """Raises the upper lip to a shallow bow that bares the teeth."""
        _, lower = super()._laugh_opening(expressions)
        upper, _ = self._lip_lines_under(expressions)
        s = self._along
        lift = 0.90 * (upper[-1, 1] - upper[0, 1]) * (1 - s * s)
        return np.stack((0 * s, lift, 0.01 * (1 - s)), axis=1), lower

    def _symmetric(self, out: Displacements, roots: Array) -> None:
        super()._symmetric(out, roots)
        x, y, z = as_tuple(self.landmarks.corner)
        puff = bump(mirrored(roots), (x + 0.16, y + 0.10, z - 0.20), (0.30, 0.27, 0.40))
        swell = np.stack((0.05 * np.sign(roots[:, 0]), 0 * puff, 0.03 + 0 * puff), axis=1)
        out["cheekPuff"] = puff[:, None] * (self.shape.normals(roots, 0.14) * 0.17 + swell)


def _narrower_slides(moved: Displacements) -> Displacements:
    """Scales the sideways slides of the jaw to a narrower mouth, or the corners would fold."""
    return {
        name: shift * np.float32(0.72) if name in ("jawLeft", "jawRight") else shift
        for name, shift in moved.items()
    }


@dataclass(frozen=True, slots=True)
class SkinTones:
    """The colours of a skin, linear."""

    base: Vector
    light: Vector  # the forehead and the bridge of the nose
    blush: Vector
    cool: Vector  # jaw, temples and neck
    deep: Vector  # nostrils, the bowl of the ear
    lip: Vector
    scalp: Vector  # under the hair
    blush_share: float = 0.6


def paint_skin(shape: HumanShape, tones: SkinTones, p: Array, normals: Array) -> Array:
    """Paints golden forehead, red middle and cooler jaw, as portraits do: colours [n, 3]."""
    q = mirrored(p)
    species = shape.species
    y, z = p[:, 1], p[:, 2]
    front = smoothstep(-0.1, 0.45, z)
    wave = 0.5 + 0.25 * np.sin(5.1 * p[:, 0] + 2.3 * y) + 0.25 * np.sin(4.3 * y - 3.7 * p[:, 0] + 1)
    c = tiled(tones.base, len(p))
    c = mix(c, vector(tones.light), front * smoothstep(0.15, 0.60, y) * 0.65)
    c = mix(c, vector(tones.cool), smoothstep(-0.55, -1.0, y) * 0.55)
    c = mix(c, vector(tones.cool), smoothstep(0.45, 0.05, z) * smoothstep(-1.0, -0.5, y) * 0.35)
    (nx, ny, nz), (cx, cy, cz) = species.nose, shape.proportions.cheek
    cheek = bump(q, (cx + 0.02, cy + 0.06, cz + 0.30), (0.27, 0.20, 0.5))
    c = mix(c, vector(tones.blush), cheek * tones.blush_share * (0.8 + 0.4 * wave))
    tip = bump(q, (nx, ny - 0.01, nz), (0.15, 0.12, 0.16))
    c = mix(c, vector(tones.blush), tip * tones.blush_share * 0.75)
    ear, hollow, _ = shape.ear_mask(p, normals)
    c = mix(c, vector(tones.blush), ear * tones.blush_share * 0.8)
    c = mix(c, vector(tones.deep), hollow * 0.45)
    chin = bump(p, shape.proportions.chin, (0.22, 0.16, 0.5)) * front
    c = mix(c, vector(tones.blush), chin * 0.25 * tones.blush_share)
    ex, ey, _ = species.eye
    around = length((q[:, :2] - vector((ex, ey, 0))[:2]) / species.eye_radius)
    socket = smoothstep(1.45, 1.05, around) * front
    c = mix(
        c, mix(vector(tones.deep)[None], vector(tones.blush)[None], np.full(1, 0.6)), socket * 0.28
    )
    hole = length(q - vector((shape.proportions.nose_wing * 0.95, ny - 0.080, nz + 0.01)))
    c = mix(c, vector(tones.deep) * 0.35, smoothstep(0.042, 0.022, hole))
    return mix(c, vector(tones.lip), lip_mask(shape, p) * front).astype(np.float32)


def lip_mask(shape: HumanShape, p: Array) -> Array:
    """Computes the mask of the red lips: 1 inside, bounded by a bow above and a U below."""
    x = np.abs(p[:, 0])
    above = shape.above_lips(p)
    corner = shape.species.mouth_corner[0]
    t = np.clip(x / corner, 0, 1)
    bow = 0.074 - 0.022 * smoothstep(0.30, 0.0, t)
    top = bow * (1 - t**2.2) + 0.004
    bottom = 0.118 * (1 - t**2.6) + 0.004
    soft = 0.012
    inside = smoothstep(top + soft, top - soft, above) * smoothstep(
        -bottom - soft, -bottom + soft, above
    )
    out: Array = inside * smoothstep(-0.015, 0.02, shape.inside_mouth(p))
    return out

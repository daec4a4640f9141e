"""The woman: copper bob parted at the side, green eyes, a thick scarf."""

from __future__ import annotations

from typing import cast

import numpy as np

from livecam.avatar.base import Anchor, Bone, Material
from livecam.modelling.brows import Brow, brows
from livecam.modelling.collars import ClothRoll, cloth_roll, cord
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.freckles import freckles
from livecam.modelling.hair import HairLock, HairTones, hair_cap, locks
from livecam.modelling.humans import FaceProportions, HumanFields, HumanShape, SkinTones, paint_skin
from livecam.modelling.lashes import Lashes, lashes
from livecam.modelling.parts import MeshPart
from livecam.modelling.rig_bones import RigBone
from livecam.modelling.sdf import smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species
from livecam.modelling.vectors import Array, Vector, vector

_SKIN = SkinTones(
    base=(0.66, 0.37, 0.255),
    light=(0.74, 0.45, 0.31),
    blush=(0.70, 0.215, 0.165),
    cool=(0.56, 0.30, 0.215),
    deep=(0.36, 0.10, 0.07),
    lip=(0.56, 0.115, 0.105),
    scalp=(0.16, 0.045, 0.018),
)
_HAIR = HairTones(dark=(0.085, 0.018, 0.008), base=(0.27, 0.070, 0.022), light=(0.52, 0.18, 0.055))
_BROWS = HairTones(dark=(0.07, 0.020, 0.010), base=(0.13, 0.038, 0.016), light=(0.22, 0.07, 0.03))
_WOOL: Vector = (0.055, 0.26, 0.29)
_GOLD: Vector = (0.95, 0.68, 0.30)

# 1 + index in `bones`.
_FRONT, _TUCKED, _BACK, _STRAND, _EARRING, _RIGHT = 1, 2, 3, 4, 5, 6


class WomanShape(HumanShape):
    """Large eyes, full lips, a small nose and a soft heart-shaped jaw."""

    proportions = FaceProportions(
        jaw_angle=(0.46, -0.42, 0.08),
        jaw_radii=(0.27, 0.20),
        chin=(0, -0.850, 0.585),
        chin_radii=(0.25, 0.165, 0.20),
        cheek=(0.43, -0.21, 0.41),
        cheek_radii=(0.34, 0.28, 0.33),
        brow_ridge=0.0,
        bridge=0.045,
        nose_tip=(0.085, 0.078, 0.10),
        nose_wing=0.046,
        lips=(0.028, 0.038),
        smile=0.055,
        neck=0.38,
    )


_LASHES = Lashes(
    ((-0.30, 0.030), (0.0, 0.040), (0.28, 0.058), (0.52, 0.085), (0.72, 0.115), (0.88, 0.130)),
    0.020, 40.0, 0.60, (0.014, 0.008, 0.007),
)  # fmt: skip


def _hairline(p: Array) -> Array:
    """Computes the distance in front of the hairline: negative where hair grows."""
    z = np.interp(p[..., 1], (-0.75, -0.45, 0.0, 0.30, 0.57, 0.76, 0.93),
                  (-0.62, -0.30, 0.00, 0.26, 0.42, 0.56, 1.2))  # fmt: skip
    out: Array = ((p[..., 2] - z) * 0.8).astype(np.float32)
    return out


def _flow(p: Array) -> Array:
    """Combs hair away from the parting, and down."""
    side = np.sign(p[:, 0] - 0.24)
    return np.stack((side, -0.9 + 0 * side, -0.2 + 0 * side), axis=1).astype(np.float32)


_LOCKS = (
    # Swept from the parting over the brow to the right cheek, the lowest first.
    HairLock(((0.32, 0.90, 0.50), (0.06, 0.90, 0.76), (-0.34, 0.76, 0.76), (-0.70, 0.49, 0.56),
          (-0.90, 0.02, 0.36), (-0.95, -0.40, 0.30)), 0.19, 0.085, 0.07, 0.75, tone=0.9),
    HairLock(((0.30, 0.97, 0.44), (-0.06, 0.96, 0.68), (-0.50, 0.75, 0.66), (-0.83, 0.30, 0.46),
          (-0.97, -0.22, 0.34), (-0.97, -0.70, 0.34), (-0.84, -1.04, 0.46)),
         0.21, 0.10, 0.11, 0.50, (0.05, 1.1, 0.1), bone=_FRONT),
    HairLock(((0.27, 1.06, 0.26), (-0.18, 1.06, 0.48), (-0.64, 0.82, 0.44), (-0.96, 0.28, 0.24),
          (-1.08, -0.32, 0.14), (-1.06, -0.84, 0.18), (-0.92, -1.18, 0.30)),
         0.25, 0.12, 0.13, 0.50, (0.06, 1.1, 0.0), bone=_RIGHT),
    HairLock(((0.24, 1.12, 0.04), (-0.32, 1.12, 0.16), (-0.82, 0.76, 0.08), (-1.06, 0.10, -0.06),
          (-1.12, -0.50, -0.10), (-1.06, -1.00, -0.06), (-0.96, -1.26, 0.04)),
         0.27, 0.13, 0.13, 0.48, (0.06, 1.0, 0.3), bone=_RIGHT),
    HairLock(((0.20, 1.12, -0.16), (-0.30, 1.10, -0.18), (-0.80, 0.70, -0.26), (-1.00, 0.05, -0.38),
          (-1.04, -0.55, -0.40), (-0.98, -1.05, -0.36), (-0.86, -1.30, -0.26)),
         0.28, 0.13, 0.12, 0.48, (0.06, 1.0, 0.6), bone=_RIGHT, tone=0.92),
    # On the left, tucked behind the ear.
    HairLock(((0.30, 0.94, 0.46), (0.52, 0.80, 0.60), (0.76, 0.50, 0.46), (0.91, 0.24, 0.10),
          (0.95, 0.02, -0.22), (1.00, -0.42, -0.34), (0.99, -0.92, -0.24), (0.86, -1.20, -0.06)),
         0.17, 0.10, 0.09, 0.50, (0.05, 1.0, 0.0), bone=_TUCKED),
    HairLock(((0.28, 1.04, 0.28), (0.58, 0.94, 0.36), (0.86, 0.56, 0.12), (0.97, 0.16, -0.18),
          (1.03, -0.40, -0.36), (1.02, -0.94, -0.36), (0.90, -1.26, -0.22)),
         0.21, 0.12, 0.12, 0.50, (0.06, 1.0, 0.2), bone=_TUCKED),
    HairLock(((0.27, 1.12, 0.02), (0.62, 0.98, 0.02), (0.90, 0.52, -0.18), (0.98, 0.0, -0.42),
          (1.00, -0.55, -0.52), (0.94, -1.02, -0.50), (0.80, -1.30, -0.38)),
         0.25, 0.13, 0.12, 0.50, (0.06, 1.0, 0.4), bone=_TUCKED, tone=0.95),
    HairLock(((0.40, 0.90, 0.58), (0.64, 0.66, 0.64), (0.82, 0.30, 0.50), (0.88, -0.08, 0.40),
          (0.84, -0.42, 0.42), (0.86, -0.66, 0.52)), 0.065, 0.045, 0.06, 0.45,
         (0.05, 1.2, 0.2), bone=_STRAND, sway_from=0.45),
)  # fmt: skip


def _back_locks() -> tuple[HairLock, ...]:
    """Lays locks side by side down the back of the head."""
    out = []
    for number, angle_deg in enumerate((112, 137, 160, 184, 208, 232, 252)):
        a = np.radians(angle_deg)
        x, z = float(np.sin(a)), float(np.cos(a))
        out.append(
            HairLock(
                (
                    (0.20 + 0.05 * x, 1.12, -0.12 + 0.10 * z),
                    (0.10 + 0.50 * x, 0.98, -0.10 + 0.55 * z),
                    (0.92 * x, 0.45, -0.10 + 0.94 * z),
                    (1.04 * x, -0.20, -0.12 + 1.00 * z),
                    (1.04 * x, -0.75, -0.14 + 0.96 * z),
                    (0.90 * x, -1.22 - 0.05 * (number % 2), -0.14 + 0.86 * z),
                ),
                0.30, 0.14, 0.12, 0.55, (0.05, 1.0, 0.13 * number),
                bone=_BACK, tone=0.90 + 0.08 * (number % 2),
            )
        )  # fmt: skip
    return tuple(out)


def _hair(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    human = cast("HumanShape", shape)
    brow = Brow(
        ((0.155, 0.345, 0.9), (0.26, 0.392, 0.9), (0.40, 0.428, 0.85), (0.55, 0.398, 0.75),
         (0.66, 0.330, 0.65)), 0.052, 0.040,
    )  # fmt: skip
    return [
        hair_cap(human.hull, _hairline, 0.07, _HAIR, _flow, detail),
        *locks(human.hull, (*_back_locks(), *_LOCKS), _HAIR, detail, seed=3),
        *brows(human, fields, brow, _BROWS, detail),
        *lashes(human, _LASHES, detail),
    ]


def _skin_marks(
    shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
) -> list[MeshPart]:
    random = np.random.default_rng(12)
    x = np.r_[random.uniform(0.14, 0.52, 9), -random.uniform(0.14, 0.52, 9), 0.02, -0.05]
    y = np.r_[random.uniform(-0.33, -0.17, 18), -0.08, -0.14]
    r = random.uniform(0.009, 0.016, 20)
    places = [(float(a), float(b), float(c)) for a, b, c in zip(x, y, r, strict=True)]
    return [freckles(cast("HumanShape", shape), fields, (0.50, 0.21, 0.12), places)]


def _scarf(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    lower = ClothRoll(
        radius=lambda a: 0.60 + 0.04 * np.cos(a),
        height=lambda a: -1.33 - 0.12 * np.cos(a) + 0.03 * np.sin(a),
        wide=lambda a: 0.27 + 0.03 * np.cos(2 * a),
        tall=lambda a: 0.235 + 0 * a,
        color=_WOOL, ribs=9, folds=0.05, seed=4,
    )  # fmt: skip
    upper = ClothRoll(
        radius=lambda a: 0.50 + 0.03 * np.cos(a),
        height=lambda a: -1.12 - 0.11 * np.cos(a) - 0.04 * np.sin(a),
        wide=lambda a: 0.22 + 0 * a,
        tall=lambda a: 0.19 + 0 * a,
        color=_WOOL, ribs=8, folds=0.05, seed=9,
    )  # fmt: skip
    return [cloth_roll(lower, detail), cloth_roll(upper, detail)]


def _earring(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    ring = tuple(
        (0.985, -0.235 - 0.075 * (1 - float(np.cos(a))), 0.02 + 0.075 * float(np.sin(a)))
        for a in np.linspace(0, 2 * np.pi, 9)
    )
    return [cord(ring, 0.016, Material.METAL, _GOLD, detail, _EARRING, 0.0, 1.0)]


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    human = cast("HumanShape", shape)
    c = paint_skin(human, _SKIN, p, normals)
    under = smoothstep(0.04, -0.06, _hairline(p)) * smoothstep(-1.0, -0.7, p[:, 1])
    ear = shape.ear_mask(p, normals).ear
    c = c + (vector(_SKIN.scalp) - c) * (under * (1 - ear))[:, None]
    return SkinPaint(c.astype(np.float32), np.zeros(len(p), np.float32))


def _bone(name: str, pivot: Vector, tip: Vector, hz: float, max_deg: float) -> RigBone:
    return RigBone(Bone(name, "head", pivot, tip, hz, 0.30, max_deg))


WOMAN = Species(
    name="woman",
    title="Ginger",
    title_zh="小棠",
    paint=_paint,
    shape_type=WomanShape,
    fields_type=HumanFields,
    brow_lift=0.7,
    wild_teeth=0.0,
    tooth_band=True,
    lids_deg=(35.0, -33.0),
    eye=(0.37, 0.04, 0.50),
    eye_radius=0.285,
    iris_inner=(0.10, 0.34, 0.13),
    iris_outer=(0.015, 0.085, 0.055),
    iris_angle_deg=43.0,
    pupil=0.54,
    muzzle_from=(0, -0.50, 0.50),
    muzzle_to=(0, -0.51, 0.86),
    muzzle_radii=(0.38, 0.26),
    nose=(0, -0.235, 0.925),
    nose_radii=(0.10, 0.09, 0.105),
    ear_from=(0.89, -0.04, -0.06),
    ear_to=(0.93, 0.18, -0.10),
    ear_radii=(0.20, 0.058),
    cheek_tuft=0.0,
    mouth_corner=(0.27, 0.74),
    mouth_y=-0.540,
    lip=(0.50, 0.095, 0.088),
    lid=(0.52, 0.235, 0.165),
    liner=(0.040, 0.016, 0.012),
    whisker=(1, 1, 1),
    skin=Material.SKIN,
    leather_nose=False,
    whiskers=False,
    extra_parts=(_hair, _skin_marks, _scarf, _earring),
    bones=(
        _bone("lockFront", (-0.93, -0.10, 0.38), (-0.88, -0.95, 0.42), 2.6, 16.0),
        _bone("lockTucked", (0.98, -0.20, -0.30), (0.92, -1.10, -0.25), 2.4, 14.0),
        _bone("hairBack", (0.0, -0.10, -1.00), (0.0, -1.10, -0.95), 2.2, 12.0),
        _bone("strand", (0.86, 0.05, 0.44), (0.86, -0.62, 0.50), 3.2, 25.0),
        _bone("earring", (0.985, -0.235, 0.02), (0.985, -0.385, 0.02), 4.0, 35.0),
        _bone("lockRight", (-1.04, -0.10, 0.0), (-0.98, -1.10, 0.0), 2.4, 14.0),
    ),
    anchors={
        "hat": Anchor((0.0, 1.12, -0.12), (1.14, 1.14, 1.14)),  # pressed into the hair
    },
    neck="collar",
    half_width=0.86,
    top=1.10,
    hem=-1.22,
    neck_pivot=(0.0, -0.80, -0.20),
    scale=1.29,
)

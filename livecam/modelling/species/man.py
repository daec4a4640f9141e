"""The man: dark quiff, thick brows, a strong jaw, a hooded sweater."""

from __future__ import annotations

from typing import cast

import numpy as np

from livecam.avatar.base import Anchor, Bone, Material
from livecam.modelling.brows import Brow, brows
from livecam.modelling.collars import ClothRoll, cloth_roll, cord, yoke
from livecam.modelling.detail import LevelOfDetail
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.hair import HairLock, HairTones, hair_cap, locks, mirror_lock
from livecam.modelling.humans import FaceProportions, HumanFields, HumanShape, SkinTones, paint_skin
from livecam.modelling.parts import MeshPart
from livecam.modelling.rig_bones import RigBone
from livecam.modelling.sdf import bump, smoothstep
from livecam.modelling.shape import HeadShape, SkinPaint
from livecam.modelling.species.base import Species
from livecam.modelling.vectors import Array, Vector, vector

_SKIN = SkinTones(
    base=(0.50, 0.262, 0.165),
    light=(0.58, 0.325, 0.205),
    blush=(0.54, 0.165, 0.105),
    cool=(0.40, 0.212, 0.145),
    deep=(0.24, 0.070, 0.045),
    lip=(0.40, 0.135, 0.098),
    scalp=(0.030, 0.014, 0.008),
    blush_share=0.5,
)
_HAIR = HairTones(
    dark=(0.012, 0.005, 0.003), base=(0.046, 0.020, 0.009), light=(0.130, 0.060, 0.026)
)
_NAVY: Vector = (0.055, 0.085, 0.235)
_CREAM: Vector = (0.72, 0.66, 0.55)
_STEEL: Vector = (0.55, 0.55, 0.57)

_QUIFF, _CORD_LEFT, _CORD_RIGHT = 1, 2, 3  # 1 + index in `bones`


class ManShape(HumanShape):
    """Broad jaw and chin, a larger nose, a protruding brow."""

    proportions = FaceProportions(
        jaw_angle=(0.54, -0.50, 0.06),
        jaw_radii=(0.27, 0.22),
        chin=(0, -0.855, 0.555),
        chin_radii=(0.30, 0.185, 0.225),
        cheek=(0.44, -0.22, 0.38),
        cheek_radii=(0.34, 0.28, 0.32),
        brow_ridge=0.03,
        bridge=0.062,
        nose_tip=(0.112, 0.096, 0.115),
        nose_wing=0.060,
        lips=(0.020, 0.030),
        smile=0.050,
        neck=0.45,
    )


def _hairline(p: Array) -> Array:
    """Computes the distance in front of the hairline: negative where hair grows."""
    z = np.interp(p[..., 1], (-0.80, -0.50, -0.26, -0.16, 0.10, 0.34, 0.56, 0.74, 0.92),
                  (-0.70, -0.40, -0.14, 0.13, 0.18, 0.24, 0.45, 0.58, 1.2))  # fmt: skip
    out: Array = ((p[..., 2] - z) * 0.8).astype(np.float32)
    return out


def _flow(p: Array) -> Array:
    """Combs hair back, and down at the nape."""
    back = np.full(len(p), -1.0)
    return np.stack((0 * back, -0.3 + 0.3 * p[:, 1], back), axis=1).astype(np.float32)


def _volume(p: Array) -> Array:
    """Computes the height of the hair on top over the skull."""
    out: Array = 0.46 * bump(p, (0.07, 1.20, 0.48), (0.92, 0.50, 0.64))
    return out


def _quiff() -> tuple[HairLock, ...]:
    """Lays locks up from the brow and back over the top, swept to his left."""
    out = []
    for number, (x, width) in enumerate(
        ((-0.58, 0.19), (-0.37, 0.23), (-0.11, 0.25), (0.16, 0.24), (0.39, 0.21), (0.60, 0.18))
    ):
        out.append(
            HairLock(
                (
                    (x, 0.76 - 0.26 * x * x, 0.72 - 0.30 * x * x),
                    (x * 1.06 - 0.03, 1.00, 0.98 - 0.30 * x * x),
                    (x * 1.04 + 0.02, 1.42, 0.80 - 0.20 * x * x),
                    (x * 0.98 + 0.10, 1.46, 0.30),
                    (x * 0.96 + 0.14, 1.28, -0.25),
                    (x * 0.92 + 0.14, 0.95, -0.70),
                ),
                width, 0.13, 0.03, 1.0, (0.05, 0.8, 0.17 * number),
                root=0.85, blunt=0.62, bone=_QUIFF, sway_from=0.0,
                tone=1.0 if number % 2 else 0.88,
            )
        )  # fmt: skip
    for number, x in enumerate((-0.42, -0.14, 0.16, 0.44)):
        out.append(
            HairLock(
                (
                    (x, 1.15 - 0.3 * x * x, -0.30),
                    (x * 1.02 + 0.04, 0.98 - 0.2 * x * x, -0.70),
                    (x * 1.0 + 0.02, 0.56, -0.98),
                    (x * 0.9, 0.12, -1.02),
                ),
                0.21, 0.085, 0.045, root=0.7, tone=1.0 if number % 2 else 0.9,
            )
        )  # fmt: skip
    return tuple(out)


def _sides() -> tuple[HairLock, ...]:
    """Lays locks back over the ears, in layers."""
    left = (
        HairLock(((0.60, 0.62, 0.52), (0.80, 0.70, 0.22), (0.84, 0.68, -0.28), (0.62, 0.60, -0.74)),
             0.25, 0.035, 0.045, blunt=0.5, tone=0.9),
        HairLock(((0.76, 0.40, 0.34), (0.90, 0.44, 0.06), (0.92, 0.38, -0.32), (0.70, 0.26, -0.76)),
             0.21, 0.022, 0.040, blunt=0.4, tone=0.85),
    )  # fmt: skip
    return (*left, *map(mirror_lock, left))


def _hair(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    human = cast("HumanShape", shape)

    def styled(p: Array) -> Array:
        return human.hull(p) - _volume(p)

    brow = Brow(
        ((0.135, 0.345, 0.9), (0.26, 0.382, 0.9), (0.42, 0.415, 0.85), (0.58, 0.375, 0.75),
         (0.69, 0.295, 0.65)), 0.072, 0.055, blunt=0.45,
    )  # fmt: skip
    return [
        hair_cap(styled, _hairline, 0.045, _HAIR, _flow, detail),
        *locks(styled, (*_sides(), *_quiff()), _HAIR, detail, seed=8),
        *brows(human, fields, brow, _HAIR, detail),
    ]


def _sweater(shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail) -> list[MeshPart]:
    """Builds a hood thrown back, the neck of a shirt under it, and two cords."""
    hood = ClothRoll(
        radius=lambda a: 0.66 - 0.02 * np.cos(a),
        height=lambda a: -1.20 - 0.24 * np.cos(a) - 0.06 * np.cos(2 * a),
        wide=lambda a: 0.19 - 0.06 * np.cos(a),
        tall=lambda a: 0.22 - 0.09 * np.cos(a),
        color=_NAVY, folds=0.07, seed=2,
    )  # fmt: skip
    shirt = ClothRoll(
        radius=lambda a: 0.545 + 0 * a,
        height=lambda a: -1.30 - 0.10 * np.cos(a),
        wide=lambda a: 0.055 + 0 * a,
        tall=lambda a: 0.075 + 0 * a,
        color=_CREAM, ribs=4, rib_depth=0.03,
    )  # fmt: skip
    parts = [
        cloth_roll(hood, detail),
        cloth_roll(shirt, detail),
        yoke((0.50, -1.22), (1.10, -1.72), _NAVY, detail),
    ]
    for sign, bone in ((1.0, _CORD_LEFT), (-1.0, _CORD_RIGHT)):
        path: tuple[Vector, ...] = (
            (0.17 * sign, -1.46, 0.50),
            (0.19 * sign, -1.52, 0.64),
            (0.20 * sign, -1.66, 0.69),
            (0.19 * sign, -1.86, 0.72),
        )
        parts.append(cord(path, 0.026, Material.CLOTH, _CREAM, detail, bone, 0.2))
        tip: tuple[Vector, ...] = ((0.19 * sign, -1.86, 0.72), (0.19 * sign, -1.93, 0.725))
        parts.append(cord(tip, 0.030, Material.METAL, _STEEL, detail, bone, -0.5))
    return parts


def _paint(shape: HeadShape, p: Array, normals: Array) -> SkinPaint:
    human = cast("HumanShape", shape)
    c = paint_skin(human, _SKIN, p, normals)
    under = smoothstep(0.03, -0.05, _hairline(p)) * smoothstep(-0.85, -0.6, p[:, 1])
    ear = shape.ear_mask(p, normals).ear
    c = c + (vector(_SKIN.scalp) - c) * (under * (1 - ear))[:, None]
    return SkinPaint(c.astype(np.float32), np.zeros(len(p), np.float32))


MAN = Species(
    name="man",
    title="Leo",
    title_zh="阿力",
    paint=_paint,
    shape_type=ManShape,
    fields_type=HumanFields,
    brow_lift=0.7,
    wild_teeth=0.0,
    tooth_band=True,
    lids_deg=(33.0, -32.0),
    eye=(0.36, 0.05, 0.505),
    eye_radius=0.262,
    iris_inner=(0.36, 0.150, 0.035),
    iris_outer=(0.080, 0.028, 0.010),
    iris_angle_deg=43.0,
    muzzle_from=(0, -0.50, 0.50),
    muzzle_to=(0, -0.53, 0.86),
    muzzle_radii=(0.38, 0.26),
    nose=(0, -0.235, 0.945),
    nose_radii=(0.115, 0.10, 0.115),
    ear_from=(0.90, -0.05, -0.06),
    ear_to=(0.94, 0.18, -0.10),
    ear_radii=(0.225, 0.068),
    cheek_tuft=0.0,
    mouth_corner=(0.30, 0.74),
    mouth_y=-0.560,
    lip=(0.36, 0.115, 0.082),
    lid=(0.40, 0.190, 0.120),
    liner=(0.045, 0.020, 0.013),
    whisker=(1, 1, 1),
    skin=Material.SKIN,
    leather_nose=False,
    whiskers=False,
    extra_parts=(_hair, _sweater),
    bones=(
        RigBone(Bone("quiff", "head", (0.05, 0.95, 0.35), (0.10, 1.38, 0.50), 3.4, 0.35, 9.0)),
        RigBone(
            Bone("cordLeft", "body", (0.17, -1.46, 0.50), (0.19, -1.90, 0.72), 1.6, 0.25, 25.0)
        ),
        RigBone(
            Bone("cordRight", "body", (-0.17, -1.46, 0.50), (-0.19, -1.90, 0.72), 1.6, 0.25, 25.0)
        ),
    ),
    anchors={
        "hat": Anchor((0.0, 1.28, -0.08), (1.10, 1.12, 1.12)),  # pressed into the quiff
    },
    neck="collar",
    half_width=0.86,
    top=1.10,
    hem=-1.22,
    neck_pivot=(0.0, -0.80, -0.20),
    scale=1.24,
)

"""What makes one head differ from the next: a row of numbers and a paint function.

Numbers are in head units: the skull has a radius of about one, x to the head's left, y up,
z out of the face. One unit is `UNIT_M` metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from livecam.avatar.base import Anchor, Bone, Material
from livecam.modelling.morphs import ExpressionFields
from livecam.modelling.sdf import Array, Vector, bump, length, mirrored, smoothstep, vector
from livecam.modelling.shape import HeadShape

if TYPE_CHECKING:
    from livecam.modelling.detail import LevelOfDetail
    from livecam.modelling.parts import MeshPart

UNIT_M = 0.105


@dataclass(frozen=True, slots=True)
class SkinPaint:
    """What a coat of paint says about each point of the skin."""

    colors: Array  # float32[n, 3], linear
    fur: Array  # float32[n], fur length in head units


@dataclass(frozen=True, slots=True)
class RigBone:
    """A bone in head units, and the skin that it takes along: none where `radius` is 0."""

    bone: Bone
    radius: float = 0.0  # around the line from its pivot to its tip

    def share(self, p: Array) -> Array:
        """How much each point follows the bone: 0 at its pivot .. 1 at its tip."""
        if not self.radius:
            return np.zeros(len(p), np.float32)
        base, along = vector(self.bone.pivot), vector(self.bone.tip) - vector(self.bone.pivot)
        height = ((p - base) @ along) / (along @ along)
        off = length(p - base - height[:, None] * along)
        out: Array = smoothstep(0.0, 1.0, height)
        return out * smoothstep(self.radius * 1.2, self.radius * 0.95, off)


def pair(left: RigBone) -> tuple[RigBone, RigBone]:
    """A swing of the left side, its names ending in "Left", and its mirror image."""
    bone = left.bone

    def other(name: str) -> str:
        return name.removesuffix("Left") + "Right" if name.endswith("Left") else name

    right = replace(
        bone,
        name=other(bone.name),
        pivot=(-bone.pivot[0], *bone.pivot[1:]),
        tip=(-bone.tip[0], *bone.tip[1:]),
        turns={other(name): (x, -y, -z) for name, (x, y, z) in bone.turns.items()},
    )
    return left, replace(left, bone=right)


# Seen from the front, z > 0 raises the left ear and x > 0 brings its tip forward.
EAR_TURNS: dict[str, Vector] = {
    "browInnerUp": (4.0, 0.0, 6.0),
    "browOuterUpLeft": (2.0, 0.0, 5.0),
    "eyeWideLeft": (5.0, 0.0, 7.0),
    "browDownLeft": (-14.0, 0.0, -17.0),
    "noseSneerLeft": (-5.0, 0.0, -6.0),
    "mouthSmileLeft": (-2.0, 0.0, -5.0),
    "mouthFrownLeft": (-4.0, 0.0, -9.0),
}


def ears(
    ear_from: Vector,
    ear_to: Vector,
    radius: float,
    stiffness_hz: float = 5.0,
    damping: float = 0.35,
    most_deg: float = 20.0,
) -> tuple[RigBone, RigBone]:
    """Both ears as bones that follow brows and lids."""
    bone = Bone("earLeft", "head", ear_from, ear_to, stiffness_hz, damping, most_deg, EAR_TURNS)
    return pair(RigBone(bone, radius))


# Further parts of a head: horns, a nose ring, hair.
PartBuilder: TypeAlias = "Callable[[HeadShape, ExpressionFields, LevelOfDetail], list[MeshPart]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """Everything that makes one head differ from the next."""

    name: str
    title: str
    title_zh: str
    paint: Callable[[HeadShape, Array, Array], SkinPaint]
    eye: Vector  # centre of the left eye
    eye_radius: float
    iris_inner: Vector
    iris_outer: Vector
    muzzle_from: Vector
    muzzle_to: Vector
    muzzle_radii: tuple[float, float]
    nose: Vector
    nose_radii: Vector
    ear_from: Vector
    ear_to: Vector
    ear_radii: tuple[float, float]  # alike: round; the second one small: a triangle
    cheek_tuft: float  # how far the cheek's fur stands out
    mouth_corner: tuple[float, float]  # x, z
    mouth_y: float  # height of the lip line in the middle
    mouth_notch: float = 0.035  # how far it rises there, under the nose
    mouth_curl: float = 0.45  # how strongly it rises to the corners
    lip: Vector  # colour
    lid: Vector
    liner: Vector
    whisker: Vector
    iris_angle_deg: float = 49.0
    pupil: float = 0.5
    skull_radii: Vector = (0.95, 0.87, 0.85)
    cheek_at: Vector = (0.48, -0.24, 0.22)
    cheek_radii: Vector = (0.50, 0.40, 0.46)
    brow_at: Vector = (0.36, 0.48, 0.585)
    brow_radii: Vector = (0.29, 0.085, 0.13)
    pad_x: float = 0.135  # the cushions from which whiskers grow
    pad_radii: Vector = (0.20, 0.15, 0.20)
    jaw_radii: tuple[float, float] = (0.30, 0.14)
    ear_face: Vector = (0.0, 0.0, 1.0)  # where the hollow of the left ear looks
    ear_thin: float = 1.55  # width over thickness
    ear_swell: float = 0.0  # how much wider its middle is than a straight line makes it
    ear_fillet: float = 0.16  # where it meets the skull
    ruff: float = 1.0  # how far it spreads
    fur: float = 1.0  # length over the usual one
    strands: float = 1.0  # how fine the fur is, over the usual one
    brow_lift: float = 1.0  # how far brows move, over the usual way
    nose_color: Vector = (0.028, 0.021, 0.020)
    lids_deg: tuple[float, float] = (40.0, -37.0)  # where upper and lower rest, over the pupil
    wild_teeth: float = 1.0  # fangs and dark gaps; 0 for an even row
    tooth_band: bool = False  # one smooth band above, none below
    skin: Material = Material.FUR
    leather_nose: bool = True
    whiskers: bool = True
    teeth: bool = True
    form: type[HeadShape] = HeadShape
    fields: type[ExpressionFields] = ExpressionFields
    extras: tuple[PartBuilder, ...] = ()
    swings: tuple[RigBone, ...] = ()
    anchors: dict[str, Anchor] = field(default_factory=dict)  # head units
    neck: Literal["ruff", "collar", "tint"] = "ruff"
    eye_line: Vector | None = None  # the wearer's eyes, where they are not behind the head's own
    # What it can hide: half the width at the ears, the crown, how low neck and collar reach.
    half_width: float = 0.93
    top: float = 1.02
    hem: float = -1.25
    neck_pivot: Vector = (0.0, -0.62, -0.15)  # where head and body are joined
    scale: float = 1.15  # as in Fit
    gains: dict[str, float] = field(default_factory=dict)  # expression name -> factor


def fur_length(shape: HeadShape, p: Array, ear: Array) -> Array:
    """A coat for every species: short on the face, long on cheeks and ruff, none on lips."""
    row, q = shape.species, mirrored(p)
    y, z = p[:, 1], p[:, 2]
    out = 0.085 * row.fur * (1 - 0.55 * smoothstep(0.55, 0.85, z) * smoothstep(-1.0, -0.6, y))
    eye = length(q - vector(row.eye))
    out = out * (0.15 + 0.85 * smoothstep(row.eye_radius * 1.05, row.eye_radius * 1.7, eye))
    out = out * (1 - 0.45 * ear)
    out = out * (1 + 0.75 * smoothstep(-0.75, -1.1, y)) * (1 + 0.8 * bump(q, (1.0, -0.4, 0.0), 0.4))
    leather = length((p - vector(row.nose)) / (vector(row.nose_radii) * np.float32(1.25)))
    out = out * smoothstep(1.0, 1.5, leather)
    lip = np.abs(shape.above_lips(p))
    out = out * np.where(
        shape.inside_mouth(p) > -0.08, 0.08 + 0.92 * smoothstep(0.05, 0.17, lip), 1
    )
    result: Array = np.where(shape.in_socket(p), 0, out).astype(np.float32)
    return result

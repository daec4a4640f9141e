"""The description of a species: numbers and a paint function, and the bones of its rig.

Numbers are in head units: the skull has a radius of about one, x to the head's left, y up,
z out of the face. One unit is `UNIT_M` metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from livecam.avatar.base import Anchor, Bone, EyeLook, Material
from livecam.modelling.expressions import ExpressionFields
from livecam.modelling.sdf import bump, smoothstep
from livecam.modelling.shape import HeadShape
from livecam.modelling.vectors import Array, Vector, length, mirrored, vector

if TYPE_CHECKING:
    from livecam.modelling.detail import LevelOfDetail
    from livecam.modelling.parts import MeshPart

UNIT_M = 0.105


@dataclass(frozen=True, slots=True)
class SkinPaint:
    """Colour and fur at each point of the skin."""

    colors: Array  # float32[n, 3], linear
    fur: Array  # float32[n], fur length in head units


# ---------------------------------------------------------------- bones


@dataclass(frozen=True, slots=True)
class RigBone:
    """A bone in head units with the capsule of skin that it moves: none where `radius` is 0."""

    bone: Bone
    radius: float = 0.0  # around the line from its pivot to its tip

    def weight(self, p: Array) -> Array:
        """Computes the skin weights of the bone: 0 at its pivot .. 1 at its tip."""
        if not self.radius:
            return np.zeros(len(p), np.float32)
        base, along = vector(self.bone.pivot), vector(self.bone.tip) - vector(self.bone.pivot)
        height = ((p - base) @ along) / (along @ along)
        off = length(p - base - height[:, None] * along)
        out: Array = smoothstep(0.0, 1.0, height)
        return out * smoothstep(self.radius * 1.2, self.radius * 0.95, off)


def mirrored_pair(left: RigBone) -> tuple[RigBone, RigBone]:
    """Pairs a bone of the left side, its names ending in "Left", with its mirror image."""
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
_EAR_TURNS: dict[str, Vector] = {
    "browInnerUp": (4.0, 0.0, 6.0),
    "browOuterUpLeft": (2.0, 0.0, 5.0),
    "eyeWideLeft": (5.0, 0.0, 7.0),
    "browDownLeft": (-14.0, 0.0, -17.0),
    "noseSneerLeft": (-5.0, 0.0, -6.0),
    "mouthSmileLeft": (-2.0, 0.0, -5.0),
    "mouthFrownLeft": (-4.0, 0.0, -9.0),
}


def ear_bones(
    ear_from: Vector,
    ear_to: Vector,
    radius: float,
    stiffness_hz: float = 5.0,
    damping: float = 0.35,
    max_deg: float = 20.0,
) -> tuple[RigBone, RigBone]:
    """Creates the bones of both ears, which follow brows and lids."""
    bone = Bone("earLeft", "head", ear_from, ear_to, stiffness_hz, damping, max_deg, _EAR_TURNS)
    return mirrored_pair(RigBone(bone, radius))


# ---------------------------------------------------------------- the species

# Builds parts that only some heads have: horns, a nose ring, hair.
PartBuilder: TypeAlias = "Callable[[HeadShape, ExpressionFields, LevelOfDetail], list[MeshPart]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """The numbers, paint and extra parts of one head."""

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
    ear_radii: tuple[
        float, float
    ]  # at root and tip: equal for round ears, the second one small for triangular ones
    cheek_tuft: float  # how far the fur of the cheeks stands out
    mouth_corner: tuple[float, float]  # x, z
    mouth_y: float  # height of the lip line in the middle
    mouth_notch: float = 0.035  # rise of the lip line in the middle, under the nose
    mouth_curl: float = 0.45  # rise of the lip line to the corners
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
    ear_face: Vector = (0.0, 0.0, 1.0)  # direction that the hollow of the left ear faces
    ear_thin: float = 1.55  # width over thickness
    ear_swell: float = 0.0  # widens its middle
    ear_fillet: float = 0.16  # at the skull
    ruff: float = 1.0  # how far it spreads, over the usual one
    fur: float = 1.0  # length over the usual one
    strands: float = 1.0  # how fine the fur is, over the usual one
    brow_lift: float = 1.0  # how far brows move, over the usual one
    nose_color: Vector = (0.028, 0.021, 0.020)
    lids_deg: tuple[float, float] = (40.0, -37.0)  # elevations of upper and lower lid at rest
    wild_teeth: float = 1.0  # strength of fangs and dark gaps; 0 for an even row
    tooth_band: bool = False  # one smooth band instead of upper teeth, no lower ones
    skin: Material = Material.FUR
    leather_nose: bool = True
    whiskers: bool = True
    teeth: bool = True
    shape_type: type[HeadShape] = HeadShape
    fields_type: type[ExpressionFields] = ExpressionFields
    extra_parts: tuple[PartBuilder, ...] = ()
    bones: tuple[RigBone, ...] = ()
    anchors: dict[str, Anchor] = field(default_factory=dict)  # head units
    neck: Literal["ruff", "collar", "tint"] = "ruff"
    eye_line: Vector | None = None  # the wearer's eyes, if they are not behind the head's own
    # The envelope that hides a real head: half its width at the ears, its crown, its lower end.
    half_width: float = 0.93
    top: float = 1.02
    hem: float = -1.25
    neck_pivot: Vector = (0.0, -0.62, -0.15)  # where head and body are joined
    scale: float = 1.15  # as in Fit
    gains: dict[str, float] = field(default_factory=dict)  # expression name -> factor

    @property
    def eye_look(self) -> EyeLook:
        """The colours and sizes of iris and pupil."""
        return EyeLook(
            iris_inner=self.iris_inner,
            iris_outer=self.iris_outer,
            iris_angle_rad=round(float(np.radians(self.iris_angle_deg)), 4),
            pupil=self.pupil,
        )

    def bone_number(self, name: str) -> int:
        """Finds the value of `Mesh.bone` for a bone: 1 + its index."""
        return [rig.bone.name for rig in self.bones].index(name) + 1

    def build_extra_parts(
        self, shape: HeadShape, fields: ExpressionFields, detail: LevelOfDetail
    ) -> list[MeshPart]:
        """Builds the parts that only this species has."""
        return [part for build in self.extra_parts for part in build(shape, fields, detail)]


def fur_length(shape: HeadShape, p: Array, ear: Array) -> Array:
    """Computes the usual fur length: short on the face, long on cheeks and ruff, none on lips."""
    species, q = shape.species, mirrored(p)
    y, z = p[:, 1], p[:, 2]
    out = 0.085 * species.fur * (1 - 0.55 * smoothstep(0.55, 0.85, z) * smoothstep(-1.0, -0.6, y))
    eye = length(q - vector(species.eye))
    out = out * (0.15 + 0.85 * smoothstep(species.eye_radius * 1.05, species.eye_radius * 1.7, eye))
    out = out * (1 - 0.45 * ear)
    out = out * (1 + 0.75 * smoothstep(-0.75, -1.1, y)) * (1 + 0.8 * bump(q, (1.0, -0.4, 0.0), 0.4))
    leather = length((p - vector(species.nose)) / (vector(species.nose_radii) * np.float32(1.25)))
    out = out * smoothstep(1.0, 1.5, leather)
    lip = np.abs(shape.above_lips(p))
    out = out * np.where(
        shape.inside_mouth(p) > -0.08, 0.08 + 0.92 * smoothstep(0.05, 0.17, lip), 1
    )
    result: Array = np.where(shape.in_socket(p), 0, out).astype(np.float32)
    return result

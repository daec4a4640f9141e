"""The numbers that describe one head.

They are in head units: the skull has a radius of about one, x to the head's left, y up, z out of
the face. One unit is `UNIT_M` metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from livecam.avatar.base import Anchor, EyeParameters, Material
from livecam.modelling.rig_bones import RigBone
from livecam.modelling.vectors import Vector

UNIT_M = 0.105


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadProportions:
    """The numbers of one head, in head units."""

    name: str
    title: str
    title_zh: str
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
    ruff: float = 1.0  # how far it spreads, over the default
    fur: float = 1.0  # length over the default
    strands: float = 1.0  # how fine the fur is, over the default
    brow_lift: float = 1.0  # how far brows move, over the default
    nose_color: Vector = (0.028, 0.021, 0.020)
    lids_deg: tuple[float, float] = (40.0, -37.0)  # elevations of upper and lower lid at rest
    wild_teeth: float = 1.0  # strength of fangs and dark gaps; 0 for an even row
    tooth_band: bool = False  # one smooth band instead of upper teeth, no lower ones
    skin: Material = Material.FUR
    leather_nose: bool = True
    whiskers: bool = True
    teeth: bool = True
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
    def eye_parameters(self) -> EyeParameters:
        """The colours and sizes of iris and pupil."""
        return EyeParameters(
            iris_inner=self.iris_inner,
            iris_outer=self.iris_outer,
            iris_angle_rad=round(float(np.radians(self.iris_angle_deg)), 4),
            pupil=self.pupil,
        )

    def bone_number(self, name: str) -> int:
        """Finds the value of `Mesh.bone` for a bone: 1 + its index."""
        return [rig.bone.name for rig in self.bones].index(name) + 1

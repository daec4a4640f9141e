"""Avatars as plain arrays: meshes, bones, anchors and state; no OpenGL, no files.

Avatar space is head space (see core/spaces): metres, x to the avatar's left, y up, z out of
the face. The file format is glTF 2.0 (avatar/gltf/) beside an `avatar.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from livecam.core.face import Weights
from livecam.core.spaces import Matrix4, Vector3

Points: TypeAlias = NDArray[np.float32]  # float32[n, 3]

# What descriptions may hold: a head of ten metres, or of no width, would fail only when drawn.
Metres: TypeAlias = Annotated[float, Field(ge=-10, le=10)]
Length: TypeAlias = Annotated[float, Field(ge=0.001, le=10)]  # metres
Scale: TypeAlias = Annotated[float, Field(ge=0.01, le=100)]
Factor: TypeAlias = Annotated[float, Field(ge=0, le=100)]
Degrees: TypeAlias = Annotated[float, Field(ge=-360, le=360)]
Frequency: TypeAlias = Annotated[float, Field(gt=0, le=100)]
Light: TypeAlias = Annotated[float, Field(ge=0, le=10)]  # one channel, linear

CORRECTIVE = "*"  # joins the expressions of a corrective morph in its name
MAX_BONES = 24  # a shader holds a matrix for each


def _empty() -> NDArray[Any]:
    return np.empty(0)


class Material(IntEnum):
    """The shading of a surface; shaders get its number."""

    FUR = 0
    EYE = 1
    NOSE = 2  # wet leather
    WET = 3  # tongue, gums, inside of the mouth
    TEETH = 4
    WHISKER = 5
    SKIN = 6
    HORN = 7
    CLOTH = 8
    METAL = 9  # rings, buckles, headphones
    GLASS = 10  # lenses: the colour is their transmission
    HAIR = 11  # styled hair as solid shapes, with anisotropic gloss


@dataclass(frozen=True, slots=True)
class Morph:
    """A sparse morph target: vertex `indices[i]` moves by `deltas[i]` at weight 1."""

    indices: NDArray[np.uint32]  # uint32[k]
    deltas: Points  # float32[k, 3], metres


@dataclass(frozen=True, slots=True)
class Mesh:
    """A triangle mesh of one material, with skinning and morph targets.

    Skinning: a vertex follows `bone` with the weight `sway`; the rest is split between head
    and body by `head_weight`. A morph is named after one expression, or after several joined by
    `CORRECTIVE`: a corrective morph, whose weight is the product of theirs.
    """

    name: str
    material: Material
    positions: Points
    normals: Points  # unit
    colors: Points  # linear, 0..1
    indices: NDArray[np.uint32]  # uint32[m, 3], counter-clockwise from outside
    occlusion: NDArray[np.float32]  # float32[n], ambient: 0 dark .. 1 open
    fur: NDArray[np.float32]  # float32[n], fur length in metres, 0 where there is none
    head_weight: NDArray[np.float32]  # float32[n], 1 follows the head, 0 the body
    comb: Points  # unit; fur: direction of the strands; eyes: direction from the eye's centre
    morphs: dict[str, Morph] = field(default_factory=dict)  # by ARKit name
    bone: NDArray[np.uint8] = field(default_factory=_empty)  # uint8[n], 1 + index of the bone
    sway: NDArray[np.float32] = field(default_factory=_empty)  # float32[n], 0..1

    def __post_init__(self) -> None:
        if not len(self.bone):
            object.__setattr__(self, "bone", np.zeros(len(self.positions), np.uint8))
        if not len(self.sway):
            object.__setattr__(self, "sway", np.zeros(len(self.positions), np.float32))


@dataclass(frozen=True, slots=True)
class Bone:
    """A spring bone: an ear, a tuft, a lock of hair. Metres in avatar space, at rest."""

    name: str
    parent: Literal["head", "body"]
    pivot: tuple[Metres, Metres, Metres]
    tip: tuple[Metres, Metres, Metres]  # its mass
    stiffness_hz: Frequency = 4.0  # frequency of the undamped oscillation
    damping: Factor = 0.35  # ratio to critical damping
    most_deg: Annotated[float, Field(ge=0, le=180)] = 20.0  # largest angle from rest
    # By expression: its rotation at weight 1, in degrees about x, y and z, right-handed.
    turns: dict[str, tuple[Degrees, Degrees, Degrees]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The transform of an accessory on a head: its origin goes to `at`, metres in avatar space."""

    at: tuple[Metres, Metres, Metres]
    size: tuple[Scale, Scale, Scale] = (1.0, 1.0, 1.0)  # scale along x, y and z
    pitch_deg: Degrees = 0.0  # about x; positive lowers the front


@dataclass(frozen=True, slots=True)
class EyeParameters:
    """The parameters of the eye shader; colours are linear."""

    iris_inner: tuple[Light, Light, Light]
    iris_outer: tuple[Light, Light, Light]
    iris_angle_rad: Annotated[
        float, Field(gt=0, le=3.15)
    ]  # half angle of the iris about the eye's centre
    pupil: Annotated[float, Field(ge=0, le=1)]  # its radius over that of the iris


@dataclass(frozen=True, slots=True)
class FurParameters:
    """Factors of a head's fur over the default; the mesh says where it grows."""

    strands: Scale = 1.0  # their density
    length: Factor = 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The dimensions that place the avatar on a real head, in avatar space (metres, scale 1)."""

    eye_line: tuple[Metres, Metres, Metres]  # midpoint between the centres of the eyes
    neck_pivot: tuple[Metres, Metres, Metres]  # joint of head and body
    skull_half_width: Length  # half width of the inner envelope at the ears
    skull_top: Length  # height of the inner envelope above the eye line
    chin_drop: Length  # how far the avatar covers below the eye line
    scale: Scale = 1.15  # size over a head that just covers the face


@dataclass(frozen=True, slots=True)
class Avatar:
    """A head that can be worn: meshes, bones and how it fits a real head."""

    name: str  # folder name: "raccoon"
    title: str  # "Raccoon"
    title_zh: str  # "浣熊"
    author: str
    licence: str
    meshes: tuple[Mesh, ...]
    light_meshes: tuple[Mesh, ...]  # coarser level of detail of the light tier; may be `meshes`
    eyes: EyeParameters
    fit: Fit
    gains: dict[str, float]  # by expression: factor over the rig's own gain
    folder: Path
    bones: tuple[Bone, ...] = ()
    anchors: dict[str, Anchor] = field(default_factory=dict)  # by kind of accessory: "glasses"
    neck: Literal["ruff", "collar", "tint"] = "ruff"  # how the wearer's neck is hidden
    fur: FurParameters = FurParameters()


@dataclass(frozen=True, slots=True)
class AvatarState:
    """The pose and animation of one avatar in one frame: all that a renderer needs."""

    camera_from_head: Matrix4  # avatar space to camera space, scale included
    camera_from_body: Matrix4  # of vertices with head_weight 0
    morphs: Weights  # float32[52], may exceed 1 a little
    velocity_px: tuple[float, float] = (0.0, 0.0)  # of the head, pixels per frame
    face_px: NDArray[np.float32] | None = None  # float32[k, 2], convex outline of the real face
    # float64[k, 4, 4]: the transform of each bone, in avatar space; None: all at rest
    bones: NDArray[np.float64] | None = None
    pupil: float = 1.0  # radius over that at rest
    slot: int = 0  # index of the avatar, where several people wear one
    track_id: int | None = None  # of the wearer; None where no face is tracked

    def translated(self, offset_m: Vector3) -> AvatarState:
        """Moves head and body in camera space; fields in pixels stay."""
        head, body = self.camera_from_head.copy(), self.camera_from_body.copy()
        head[:3, 3] += offset_m
        body[:3, 3] += offset_m
        return replace(self, camera_from_head=head, camera_from_body=body)


class Profile(Protocol):
    """The calibration of one person: maps their measured weights to those of a typical face.

    It may be updated meanwhile; `normalised` is called on the thread that updates it.
    """

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52]."""
        ...

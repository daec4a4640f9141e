"""An avatar as plain arrays: no OpenGL, no files.

Avatar space is head space (see core/spaces): metres, x to the avatar's left, y up, z out of
the face. The file format is glTF 2.0 (avatar/gltf/) beside an `avatar.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Matrix4, Vector3, Weights

Points: TypeAlias = NDArray[np.float32]  # float32[n, 3]

CORRECTIVE = "*"  # between the names of expressions
MAX_BONES = 24  # a shader holds a matrix for each


def _nothing() -> NDArray[Any]:
    return np.empty(0)


class Material(IntEnum):
    """How a surface takes light; the number is what the shaders see."""

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
    GLASS = 10  # lenses: the colour is what they let through
    HAIR = 11  # styled hair as solid shapes, with the gloss of strands


@dataclass(frozen=True, slots=True)
class Morph:
    """A sparse displacement: vertex `indices[i]` moves by `deltas[i]` at weight 1."""

    indices: NDArray[np.uint32]  # uint32[k]
    deltas: Points  # float32[k, 3], metres


@dataclass(frozen=True, slots=True)
class Mesh:
    """Vertices of one material.

    Where a vertex goes: `bone` takes it along by the share `sway`, the rest of it follows head
    and body by `head_weight`. A morph's name is that of an expression, or of several joined by
    `CORRECTIVE`: such a one corrects what those look like together, and its weight is the
    product of theirs.
    """

    name: str
    material: Material
    positions: Points
    normals: Points  # unit
    colors: Points  # linear, 0..1
    indices: NDArray[np.uint32]  # uint32[m, 3], counter-clockwise seen from outside
    occlusion: NDArray[np.float32]  # float32[n], 0 dark .. 1 open
    fur: NDArray[np.float32]  # float32[n], fur length in metres, 0 where there is none
    head_weight: NDArray[np.float32]  # float32[n], 1 turns with the head, 0 rests on the body
    comb: Points  # fur: unit direction it lies in; eyes: unit direction from the eye's centre
    morphs: dict[str, Morph] = field(default_factory=dict)  # by ARKit name
    bone: NDArray[np.uint8] = field(default_factory=_nothing)  # uint8[n], 1 + place in Avatar.bones
    sway: NDArray[np.float32] = field(default_factory=_nothing)  # float32[n], 0..1

    def __post_init__(self) -> None:
        if not len(self.bone):
            object.__setattr__(self, "bone", np.zeros(len(self.positions), np.uint8))
        if not len(self.sway):
            object.__setattr__(self, "sway", np.zeros(len(self.positions), np.float32))


@dataclass(frozen=True, slots=True)
class Bone:
    """A part that swings: an ear, a tuft, a lock of hair. Metres in avatar space, at rest."""

    name: str
    parent: Literal["head", "body"]
    pivot: tuple[float, float, float]
    tip: tuple[float, float, float]  # its mass
    stiffness_hz: float = 4.0  # of the free swing
    damping: float = 0.35  # over the critical one
    most_deg: float = 20.0  # farthest from rest
    # How far expressions turn it at weight 1, in degrees about x, y and z, right-handed.
    turns: dict[str, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where an accessory sits on a head: its own origin goes to `at`, metres in avatar space."""

    at: tuple[float, float, float]
    size: tuple[float, float, float] = (1.0, 1.0, 1.0)  # scale along x, y and z
    pitch_deg: float = 0.0  # about x, down in front is positive


@dataclass(frozen=True, slots=True)
class EyeLook:
    """What the shaders need to paint an eye; colours are linear."""

    iris_inner: tuple[float, float, float]
    iris_outer: tuple[float, float, float]
    iris_angle_rad: float  # half the angle that the iris spans, seen from the eye's centre
    pupil: float  # radius over iris radius


@dataclass(frozen=True, slots=True)
class FurLook:
    """How the coat of a head differs from the usual one; where it grows, its mesh says."""

    strands: float = 1.0  # how fine they are
    length: float = 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How the avatar sits on a real head, in avatar space (metres, scale 1)."""

    eye_line: tuple[float, float, float]  # midpoint between the eyes' centres
    neck_pivot: tuple[float, float, float]  # where head and body are joined
    skull_half_width: float  # half width of the inner envelope at the ears: what it can hide
    skull_top: float  # height of the inner envelope above the eye line
    chin_drop: float  # how far the avatar covers below the eye line
    scale: float = 1.15  # size over a head that only just covers the face


@dataclass(frozen=True, slots=True)
class Avatar:
    """A head that can be worn."""

    name: str  # folder name: "raccoon"
    title: str  # "Raccoon"
    title_zh: str  # "浣熊"
    author: str
    licence: str
    meshes: tuple[Mesh, ...]
    light_meshes: tuple[Mesh, ...]  # a coarser head for software renderers; may equal `meshes`
    eyes: EyeLook
    fit: Fit
    gains: dict[str, float]  # expression name -> factor, over the rig's own
    folder: Path
    bones: tuple[Bone, ...] = ()
    anchors: dict[str, Anchor] = field(default_factory=dict)  # by kind of accessory: "glasses"
    neck: Literal["ruff", "collar", "tint"] = "ruff"  # what covers the wearer's neck
    fur: FurLook = FurLook()


@dataclass(frozen=True, slots=True)
class AvatarState:
    """Everything a renderer must know about one avatar in one picture."""

    camera_from_head: Matrix4  # avatar space to camera space, scale included
    camera_from_body: Matrix4  # for vertices with head_weight 0
    morphs: Weights  # float32[52], may exceed 1 a little where a gain says so
    velocity_px: tuple[float, float] = (0.0, 0.0)  # of the head, per frame
    face_px: NDArray[np.float32] | None = None  # float32[k, 2], convex, around the real face
    # float64[k, 4, 4]: how each of the avatar's bones is moved, in avatar space; None at rest
    bones: NDArray[np.float64] | None = None
    pupil: float = 1.0  # over its resting radius
    slot: int = 0  # index of the avatar, where several people wear one
    track_id: int | None = None  # of the person who wears it; None where nobody is tracked

    def translated(self, offset_m: Vector3) -> AvatarState:
        """Moves head and body in camera space; fields in pixels stay."""
        head, body = self.camera_from_head.copy(), self.camera_from_body.copy()
        head[:3, 3] += offset_m
        body[:3, 3] += offset_m
        return replace(self, camera_from_head=head, camera_from_body=body)


class Profile(Protocol):
    """The calibration of one person: maps their measured weights to those of a typical face.

    It may go on learning; `normalised` is called on the thread that teaches it.
    """

    def normalised(self, weights: Weights) -> Weights:
        """Returns the weights a typical face would have been measured with, float32[52]."""
        ...

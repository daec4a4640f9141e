"""Converts head weights and bones to the joints and weights of a glTF skin, and back.

The skeleton: joint `body`, on it joint `head`, on either the avatar's bones. Moving the joints
in Blender moves the head as livecam does.

Specification: Khronos glTF 2.0, section 3.7.3 (skins).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone, Mesh

BODY, HEAD = "body", "head"
JOINTS_PER_VERTEX = 4
_FULL = 65535  # a weight of 1 as an integer; those of a vertex add up to it exactly
_BODY_BELOW_M = 0.1  # its joint, under the neck


@dataclass(frozen=True, slots=True)
class Joint:
    """A node of the skeleton; metres in avatar space."""

    name: str
    parent: str  # empty: the root
    at: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SkinBinding:
    """The skinning of each vertex: the fields of `Mesh` by the same names."""

    head_weight: NDArray[np.float32]
    bone: NDArray[np.uint8]
    sway: NDArray[np.float32]


def skeleton(bones: Sequence[Bone], neck: tuple[float, float, float]) -> tuple[Joint, ...]:
    """Lists all joints, parents first; bone number k is joint k + 1."""
    return (
        Joint(BODY, "", (neck[0], neck[1] - _BODY_BELOW_M, neck[2])),
        Joint(HEAD, BODY, neck),
        *(Joint(bone.name, bone.parent, bone.pivot) for bone in bones),
    )


def influences(mesh: Mesh) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Returns joints uint8[n, 4] and weights uint16[n, 4]; a joint without weight is 0."""
    joints = np.zeros((len(mesh.positions), JOINTS_PER_VERTEX), np.uint8)
    weights = np.zeros(joints.shape, np.uint16)
    sway = np.where(mesh.bone > 0, mesh.sway, 0)
    weights[:, 2] = np.rint(sway * _FULL)
    weights[:, 1] = np.rint((_FULL - weights[:, 2]) * mesh.head_weight)
    weights[:, 0] = _FULL - weights[:, 1] - weights[:, 2]
    joints[:, 1] = 1
    joints[:, 2] = mesh.bone + 1
    joints[weights == 0] = 0
    return joints, weights


def binding_of(
    joints: NDArray[Any], weights: NDArray[np.float32], bone_of: Sequence[int], body: Sequence[bool]
) -> SkinBinding:
    """Reduces any skin to head, body and one bone for each vertex, the one of most weight.

    `bone_of` has the number of the bone for each joint, 0 for none; `body` is True for the joints
    that follow the body.
    """
    bones = np.array(bone_of, np.uint8)[joints]
    swaying = np.where(bones > 0, weights, 0)
    strongest = np.argmax(swaying, axis=1)[:, None]
    sway = np.take_along_axis(swaying, strongest, axis=1)[:, 0]
    bone = np.where(sway > 0, np.take_along_axis(bones, strongest, axis=1)[:, 0], 0)
    at_rest = np.array(body)[joints]
    on_body = np.take_along_axis(at_rest, strongest, axis=1)[:, 0]  # its bone's parent
    rigid = np.maximum(weights.sum(axis=1) - sway, 0)
    resting = (weights * at_rest).sum(axis=1) - sway * on_body
    # A vertex bound to its bone alone follows the bone's parent.
    share = np.where(rigid > 1e-4, resting / np.maximum(rigid, 1e-9), on_body)
    return SkinBinding(
        head_weight=np.clip(1 - share, 0, 1).astype(np.float32),
        bone=bone.astype(np.uint8),
        sway=sway.astype(np.float32),
    )

"""The bones of a head's rig, and the skin that each of them moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from livecam.avatar.base import Bone
from livecam.modelling.sdf import smoothstep
from livecam.modelling.vectors import Array, Vector, length, vector


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


# In the front view, z > 0 raises the left ear and x > 0 brings its tip forward.
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

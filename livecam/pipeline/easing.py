"""Eases a held head back to its measured pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from livecam.avatar.base import AvatarState
from livecam.avatar.secondary_motion import RETURN_S
from livecam.core.spaces import (
    Matrix4,
    Vector3,
    matrix_from_quaternion,
    quaternion_from_matrix,
    quaternion_from_vector,
    rotation_vector,
)

# A larger offset is not eased: in between the head would bare the face or be distorted.
HALF_HEAD_M = 0.08
MAX_GROWTH, MAX_TURN_RAD = 0.25, float(np.radians(60))


class ReturnEasing:
    """Lets the offset between held and measured pose decay; motion meanwhile is not delayed."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._was_held = False
        self._since_s = RETURN_S
        self._head = self._body = _NO_OFFSET

    def hold(self) -> None:
        """Stops a return while the face is not visible."""
        self._was_held = True

    def step(self, state: AvatarState, shown: AvatarState | None, dt: float) -> AvatarState:
        """Returns the state to draw, dt seconds after `shown`."""
        if self._was_held and shown is not None:
            self._head = PoseOffset.between(shown.camera_from_head, state.camera_from_head)
            self._body = PoseOffset.between(shown.camera_from_body, state.camera_from_body)
            near = is_near(shown.camera_from_head, state.camera_from_head, self._head)
            self._since_s = 0.0 if near else RETURN_S
        self._was_held = False
        self._since_s = min(self._since_s + max(dt, 0.0), RETURN_S)
        return self.eased(state)

    def eased(self, state: AvatarState) -> AvatarState:
        """Adds what is left of the offset to the state."""
        done = self._since_s / RETURN_S
        left = 1 - done * done * (3 - 2 * done)
        if left <= 0:
            return state
        return replace(
            state,
            camera_from_head=self._head.applied(state.camera_from_head, left),
            camera_from_body=self._body.applied(state.camera_from_body, left),
        )


@dataclass(frozen=True, slots=True)
class PoseOffset:
    """The difference between two poses of an avatar."""

    translation: Vector3  # metres, in camera space
    rotation: Vector3  # rotation vector, in camera space
    growth: float  # logarithm of the ratio of scales

    @classmethod
    def between(cls, one: Matrix4, other: Matrix4) -> PoseOffset:
        """Computes the offset from `other` to `one`."""
        sizes = [float(np.cbrt(np.linalg.det(m[:3, :3]))) for m in (one, other)]
        turn = (one[:3, :3] / sizes[0]) @ (other[:3, :3] / sizes[1]).T
        return cls(
            one[:3, 3] - other[:3, 3],
            rotation_vector(quaternion_from_matrix(turn)),
            float(np.log(sizes[0] / sizes[1])),
        )

    def applied(self, matrix: Matrix4, share: float) -> Matrix4:
        """Returns a pose that differs by a share of this."""
        out = matrix.copy()
        turn = matrix_from_quaternion(quaternion_from_vector(self.rotation * share))
        out[:3, :3] = np.exp(self.growth * share) * turn @ matrix[:3, :3]
        out[:3, 3] += self.translation * share
        return out


_NO_OFFSET = PoseOffset(np.zeros(3), np.zeros(3), 0.0)


def is_near(shown: Matrix4, measured: Matrix4, offset: PoseOffset) -> bool:
    """Returns whether a head hides the face everywhere between one pose and the other."""
    depth = max(-float(measured[2, 3]), 1e-3)
    across = shown[:2, 3] / max(-float(shown[2, 3]), 1e-3) - measured[:2, 3] / depth
    larger = abs(float(np.log(max(-float(shown[2, 3]), 1e-3) / depth)))
    return (
        float(np.hypot(*across)) * depth < HALF_HEAD_M
        and larger < MAX_GROWTH
        and float(np.linalg.norm(offset.rotation)) < MAX_TURN_RAD
    )

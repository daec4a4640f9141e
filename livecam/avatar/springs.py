"""Simulates spring bones: damped oscillators that lag behind the motion of the head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone
from livecam.core.face import INDEX, Weights
from livecam.core.spaces import Matrix4

# This share of the damping acts against the head, the rest against the air: a bone trails in a
# steady turn and springs back when it ends.
JOINT_SHARE = 0.5
# Gravity on a tilted head moves the bones by this share of what it would move a free mass.
GRAVITY_SHARE = 0.25
GRAVITY = np.array((0.0, -9.81, 0.0))  # metres a second squared, camera space, a level camera
# An ear on the axis of a turn would hardly move. People expect it to trail like the face, so all
# masses are moved as if they stood this far in front.
LEVER = np.array((0.0, 0.0, 0.08))  # metres in avatar space
# The closed form below is that of underdamped springs; 0.99 is visually critical damping.
MIN_DAMPING, MAX_DAMPING = 0.05, 0.99
MIN_TURN_DAMPING = 0.6  # of turns by expressions: they overshoot a little, once
MIN_HZ, MAX_HZ = 0.5, 15.0
# A tip that moves farther in one step is a jump of tracking, not motion.
JUMP_M, JUMP_M_PER_S = 0.1, 6.0
FREE_SHARE = 0.6  # of the largest angle; beyond it a bone stiffens


class Springs:
    """Swings all bones of an avatar. One thread; no clock of its own.

    Each bone has a mass at its tip, on a spring that pulls it towards the tip of the rigid bone.
    Between two frames that target moves in a straight line, for which the motion has a closed
    form: it is stable at any frame rate and after any pause.
    """

    def __init__(self, bones: Sequence[Bone]) -> None:
        self._pivot = np.array([bone.pivot for bone in bones], np.float64)
        self._tip = np.array([bone.tip for bone in bones], np.float64)
        along = self._tip - self._pivot
        self._length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        # The cross product with the bone's direction, over its length, as a matrix.
        self._across = _cross(along / self._length) / self._length[:, :, None]
        self._mass = self._tip + LEVER
        self._max_rad = np.maximum(np.radians([[bone.most_deg] for bone in bones]), 1e-6)
        self._on_body = np.array([[bone.parent == "body"] for bone in bones])
        # Two springs for each bone: row 0 its mass in camera space, row 1 its turn by expressions.
        hertz = np.clip([bone.stiffness_hz for bone in bones], MIN_HZ, MAX_HZ)
        damping = np.array([bone.damping for bone in bones])
        both = np.stack((damping, np.maximum(damping, MIN_TURN_DAMPING)))
        both = np.clip(both, MIN_DAMPING, MAX_DAMPING)
        rate = np.broadcast_to(2 * np.pi * hertz, both.shape)
        self._decay = (both * rate)[:, :, None]
        self._swing = (rate * np.sqrt(1 - both**2))[:, :, None]
        # The lag of a spring behind a steady motion, in seconds.
        air = np.array((1 - JOINT_SHARE, 1.0))[:, None]
        self._lag_s = (2 * both * air / rate)[:, :, None]
        self._sag = GRAVITY_SHARE / (rate[0, :, None] ** 2)
        self._drivers, self._turns = _turns(bones)
        self._identity = np.tile(np.eye(4), (len(bones), 1, 1))
        self.reset()

    def reset(self) -> None:
        """Stops all bones: the next step finds them at rest."""
        self._goal: NDArray[np.float64] | None = None  # float64[2, k, 3], as are the next two
        self._at = np.zeros((2, *self._tip.shape))
        self._velocity = np.zeros_like(self._at)

    def kick(self, number: int, share: float) -> None:
        """Gives one bone a velocity towards its largest turn, to reach about a share of it."""
        if self._turns.size:
            turns = self._turns.reshape(len(self._drivers), len(self._tip), 3)[:, number]
            far = turns[np.argmax(np.linalg.norm(turns, axis=1))]
            self._velocity[1, number] += far * share * 2 * self._swing[1, number]

    def step(
        self,
        camera_from_head: Matrix4,
        camera_from_body: Matrix4,
        morphs: Weights,
        dt: float,
        amount: float = 1.0,
    ) -> NDArray[np.float64]:
        """Returns the transform of each bone dt seconds later, float64[k, 4, 4] in avatar space.

        `amount` scales the rotations, 0..1.
        """
        linear = np.where(
            self._on_body[:, :, None], camera_from_body[:3, :3], camera_from_head[:3, :3]
        )
        offset = np.where(self._on_body, camera_from_body[:3, 3], camera_from_head[:3, 3])
        scale = float(np.cbrt(abs(np.linalg.det(camera_from_head[:3, :3]))))
        mass = (linear @ self._mass[:, :, None])[:, :, 0] + offset
        upright = (linear @ GRAVITY) / scale
        goal = np.empty_like(self._at)
        goal[0] = mass + self._sag * (GRAVITY - upright)
        goal[1] = (morphs[self._drivers] @ self._turns).reshape(-1, 3)
        self._advance(goal, dt)
        # The matrix is a rotation times a scale: its transpose is its inverse times scale squared.
        away = np.swapaxes(linear, 1, 2) @ (self._at[0] - mass)[:, :, None]
        swing = (self._across @ away)[:, :, 0] / scale**2
        return self._transforms(amount * self._limited(swing + self._at[1]))

    def _advance(self, goal: NDArray[np.float64], dt: float) -> None:
        before, self._goal = self._goal, goal
        if before is None:
            self._at = goal.copy()
            return
        moved = goal - before
        if dt <= 0 or float(np.abs(moved[0]).max()) > JUMP_M + JUMP_M_PER_S * dt:
            self._at[0] += moved[0]  # translated without swinging
            return
        speed = moved / dt
        rest = -self._lag_s * speed  # equilibrium relative to the moving goal
        away = self._at - before - rest
        drift = self._velocity - speed
        shrunk = np.exp(-self._decay * dt)
        cos, sin = np.cos(self._swing * dt), np.sin(self._swing * dt) / self._swing
        turned = self._decay * sin
        square = self._swing**2 + self._decay**2
        self._at = goal + rest + shrunk * ((cos + turned) * away + sin * drift)
        self._velocity = speed + shrunk * ((cos - turned) * drift - square * sin * away)

    def _limited(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Limits rotation vectors softly to the largest angle of each bone."""
        angle = np.sqrt((turn * turn).sum(axis=1, keepdims=True))
        free = FREE_SHARE * self._max_rad
        over = self._max_rad - free
        softly = free + over * np.tanh(np.maximum(angle - free, 0.0) / over)
        return np.asarray(turn * (np.minimum(angle, softly) / np.maximum(angle, 1e-12)))

    def _transforms(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns rotations about the pivots by rotation vectors float64[k, 3] (Rodrigues)."""
        squared = (turn * turn).sum(axis=1)[:, None, None]
        angle = np.sqrt(np.maximum(squared, 1e-12))
        cross = _cross(turn)
        away = np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * (cross @ cross)
        out = self._identity.copy()
        out[:, :3, :3] += away
        out[:, :3, 3] = -(away @ self._pivot[:, :, None])[:, :, 0]
        return out


def _cross(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the matrices float64[k, 3, 3] of the cross product with vectors float64[k, 3]."""
    out = np.zeros((len(vectors), 3, 3))
    x, y, z = vectors.T
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -z, y, -x
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = z, -y, x
    return out


def _turns(bones: Sequence[Bone]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the expressions that turn bones, int64[m], and rotations float64[m, 3 k], radians."""
    names = sorted({name for bone in bones for name in bone.turns if name in INDEX})
    turns = np.zeros((len(names), len(bones), 3))
    for row, name in enumerate(names):
        for column, bone in enumerate(bones):
            turns[row, column] = np.radians(bone.turns.get(name, (0.0, 0.0, 0.0)))
    drivers = np.array([INDEX[name] for name in names], np.int64)
    return drivers, turns.reshape(len(names), 3 * len(bones))

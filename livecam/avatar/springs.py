"""Bones that swing: damped springs that hang on the head and lag behind its motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone
from livecam.core.face import INDEX, Matrix4, Weights

# The damper is fixed to the head by this share and to the air by the rest: a bone trails in a
# steady turn and springs back when it ends.
JOINT_SHARE = 0.5
# A head that tilts lets its bones sag by this share of what a free mass on the spring would.
GRAVITY_SHARE = 0.25
GRAVITY = np.array((0.0, -9.81, 0.0))  # metres a second squared, camera space, a level camera
# An ear that stands in the axis of a turn would hardly notice it. People expect it to trail as
# the face flies past, so all masses are moved as if they stood this far in front.
LEVER = np.array((0.0, 0.0, 0.08))  # metres in avatar space
# The closed form below holds for swings; a damping of 1 would creep, .99 looks the same.
LEAST_DAMPING, MOST_DAMPING = 0.05, 0.99
TURN_DAMPING = 0.6  # at least, of turns by expressions: they go a little too far, and back once
LEAST_HZ, MOST_HZ = 0.5, 15.0
# A tip that moves farther at once was not carried there by a head.
JUMP_M, JUMP_M_PER_S = 0.1, 6.0
FREE_SHARE = 0.6  # of the farthest angle; beyond it a bone stiffens


class Springs:
    """Swings all bones of an avatar. One thread; no clock of its own.

    Each bone bears a mass at its tip, on a spring that pulls it towards the place where the
    rigid head has the tip. Between two pictures that place moves in a straight line, for which
    the motion is known exactly: no frame rate and no pause can make it unstable.
    """

    def __init__(self, bones: Sequence[Bone]) -> None:
        self._pivot = np.array([bone.pivot for bone in bones], np.float64)
        self._tip = np.array([bone.tip for bone in bones], np.float64)
        along = self._tip - self._pivot
        self._length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        # Rows make the cross product with the bone's direction, over its length.
        self._across = _cross(along / self._length) / self._length[:, :, None]
        self._mass = self._tip + LEVER
        self._most = np.maximum(np.radians([[bone.most_deg] for bone in bones]), 1e-6)
        self._on_body = np.array([[bone.parent == "body"] for bone in bones])
        # Two springs for each bone, rows 0 and 1: its mass in camera space, and its turn.
        hertz = np.clip([bone.stiffness_hz for bone in bones], LEAST_HZ, MOST_HZ)
        damping = np.array([bone.damping for bone in bones])
        both = np.stack((damping, np.maximum(damping, TURN_DAMPING)))
        both = np.clip(both, LEAST_DAMPING, MOST_DAMPING)
        rate = np.broadcast_to(2 * np.pi * hertz, both.shape)
        self._decay = (both * rate)[:, :, None]
        self._swing = (rate * np.sqrt(1 - both**2))[:, :, None]
        # How far a spring stays behind a steady motion, in seconds of it.
        air = np.array((1 - JOINT_SHARE, 1.0))[:, None]
        self._behind = (2 * both * air / rate)[:, :, None]
        self._sag = GRAVITY_SHARE / (rate[0, :, None] ** 2)
        self._drivers, self._turns = _turns(bones)
        self._identity = np.tile(np.eye(4), (len(bones), 1, 1))
        self.reset()

    def reset(self) -> None:
        """Stills all bones: the next step finds them at rest."""
        self._goal: NDArray[np.float64] | None = None  # float64[2, k, 3], as are the next two
        self._at = np.zeros((2, *self._tip.shape))
        self._velocity = np.zeros_like(self._at)

    def flick(self, number: int, share: float) -> None:
        """Kicks one bone the way its first expression turns it, by about a share of that."""
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
        """How each bone is moved dt seconds later, float64[k, 4, 4] in avatar space.

        `amount` scales what is seen of it, 0..1.
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
        # A rotation and a scale: the transposed matrix is its inverse times the scale squared.
        away = np.swapaxes(linear, 1, 2) @ (self._at[0] - mass)[:, :, None]
        swing = (self._across @ away)[:, :, 0] / scale**2
        return self._moved(amount * self._limited(swing + self._at[1]))

    def _advance(self, goal: NDArray[np.float64], dt: float) -> None:
        before, self._goal = self._goal, goal
        if before is None:
            self._at = goal.copy()
            return
        way = goal - before
        if dt <= 0 or float(np.abs(way[0]).max()) > JUMP_M + JUMP_M_PER_S * dt:
            self._at[0] += way[0]  # carried along as it hangs
            return
        speed = way / dt
        rest = -self._behind * speed  # where it settles, seen from the moving goal
        away = self._at - before - rest
        drift = self._velocity - speed
        shrunk = np.exp(-self._decay * dt)
        cos, sin = np.cos(self._swing * dt), np.sin(self._swing * dt) / self._swing
        turned = self._decay * sin
        square = self._swing**2 + self._decay**2
        self._at = goal + rest + shrunk * ((cos + turned) * away + sin * drift)
        self._velocity = speed + shrunk * ((cos - turned) * drift - square * sin * away)

    def _limited(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotation vectors that approach the farthest angle and never pass it."""
        angle = np.sqrt((turn * turn).sum(axis=1, keepdims=True))
        free = FREE_SHARE * self._most
        over = self._most - free
        softly = free + over * np.tanh(np.maximum(angle - free, 0.0) / over)
        return np.asarray(turn * (np.minimum(angle, softly) / np.maximum(angle, 1e-12)))

    def _moved(self, turn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotations about the pivots by rotation vectors float64[k, 3] (Rodrigues)."""
        squared = (turn * turn).sum(axis=1)[:, None, None]
        angle = np.sqrt(np.maximum(squared, 1e-12))
        cross = _cross(turn)
        away = np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * (cross @ cross)
        out = self._identity.copy()
        out[:, :3, :3] += away
        out[:, :3, 3] = -(away @ self._pivot[:, :, None])[:, :, 0]
        return out


def _cross(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrices float64[k, 3, 3] that make the cross product with vectors float64[k, 3]."""
    out = np.zeros((len(vectors), 3, 3))
    x, y, z = vectors.T
    out[:, 0, 1], out[:, 0, 2], out[:, 1, 2] = -z, y, -x
    out[:, 1, 0], out[:, 2, 0], out[:, 2, 1] = z, -y, x
    return out


def _turns(bones: Sequence[Bone]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which expressions turn bones, int64[m], and how far: float64[m, 3 k], radians."""
    names = sorted({name for bone in bones for name in bone.turns if name in INDEX})
    turns = np.zeros((len(names), len(bones), 3))
    for row, name in enumerate(names):
        for column, bone in enumerate(bones):
            turns[row, column] = np.radians(bone.turns.get(name, (0.0, 0.0, 0.0)))
    drivers = np.array([INDEX[name] for name in names], np.int64)
    return drivers, turns.reshape(len(names), 3 * len(bones))

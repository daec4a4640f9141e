"""Adds secondary motion to a rigged avatar: spring bones, breathing, eyes, idle motion.

Nothing in here moves the head while its face is tracked, and all random numbers are seeded: the
same frames at the same times give the same avatar.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState, Bone, Material
from livecam.avatar.gaze import Gaze, Lids, vergence
from livecam.avatar.pupil import Pupil
from livecam.avatar.springs import Springs
from livecam.core.face import EXPRESSIONS
from livecam.core.spaces import Matrix4, Vector3, matrix_from_quaternion, quaternion_from_vector

SEED = 14

# The ruff swings as one: the whole body hangs on a spring bone.
RUFF_DROP_M = np.array((0.0, -0.12, 0.05))  # from the neck to its mass
RUFF_HZ, RUFF_DAMPING = 2.8, 0.4
RUFF_MAX_DEG = {"ruff": 6.0, "collar": 3.0, "tint": 0.0}

BREATHS_PER_S = 14 / 60
BREATH_LIFT_M = 0.0025  # of the ruff at the top of a breath
BREATH_WIDENS = np.array((0.010, 0.004, 0.016))  # along x, y and z
STILL_M_PER_S = 0.15  # a head this fast shows no breathing
STILL_S = 0.7  # time constant

# While no face is tracked: amplitudes in degrees of pitch, yaw and roll, and their frequencies.
SWAY_DEG = np.array((0.7, 1.3, 0.7))
SWAY_PER_S = np.array((0.19, 0.13, 0.11))
SWAY_IN_S, SWAY_OUT_S = 0.6, 0.2  # time constants
RELAX_S = 1.2
KEPT_SMILE, KEPT = 0.7, 0.3  # shares of an expression that idling relaxes to
RETURN_S = 0.15  # blending from the idle face back to the measured one
FLICK_S = (1.2, 4.0)  # between flicks of an ear
FLICK_SHARE = 0.5
HALF_EYE_DISTANCE_M = 0.03  # of an avatar without eyes


class SecondaryMotion:
    """Animates the states of one avatar beyond what was measured. One thread; no own clock.

    Args:
        avatar: provides the bones and the eyes.
        amount: of all added motion, 0 (none) to 1; it may change between states.
    """

    def __init__(self, avatar: Avatar, amount: float) -> None:
        self.amount = amount
        self._neck = np.array(avatar.fit.neck_pivot)
        self._eyes = np.array(avatar.fit.eye_line)
        self._half_eye_distance_m = half_eye_distance_m(avatar)
        self._flicking = [i for i, bone in enumerate(avatar.bones) if bone.turns]
        self._springs = Springs((*avatar.bones, body_bone(avatar)))
        self._random = np.random.default_rng(SEED)
        self._gaze, self._lids = Gaze(self._random), Lids(self._random)
        self._breath, self._idle, self._pupil = Breathing(), IdleMotion(self._neck), Pupil()
        self.reset()

    def reset(self) -> None:
        """Resets all motion: the next state equals a new object's first."""
        self._random.bit_generator.state = np.random.default_rng(SEED).bit_generator.state
        for part in (self._springs, self._gaze, self._lids, self._breath, self._idle, self._pupil):
            part.reset()
        self._flick_wait_s = FLICK_S[0]

    def animate(
        self,
        state: AvatarState,
        dt: float,
        brightness: float | None = None,
        idle: bool = False,
    ) -> AvatarState:
        """Returns a rigged state with the motion of dt seconds added.

        Args:
            state: the rig's; while idle, the last one that was measured.
            dt: seconds since the last state.
            brightness: of the real face, 0..1, when it is known.
            idle: no face is tracked: the head sways a little and blinks by itself.
        """
        if self.amount == 0:
            return state
        head, morphs = self._idle.step(state, dt, idle, self.amount)
        eyes = head[:3, :3] @ self._eyes + head[:3, 3]
        scale = float(np.cbrt(abs(np.linalg.det(head[:3, :3]))))
        inwards = vergence(self._half_eye_distance_m * scale, -float(eyes[2]))
        self._gaze.step(morphs, inwards, dt, idle, self.amount)
        self._lids.step(morphs, dt, idle)
        shown = morphs.astype(np.float32)
        self._flick_ears(dt, idle)
        bones = self._springs.step(head, state.camera_from_body, shown, dt, self.amount)
        breath = self._breath.step(eyes, dt) * self.amount
        return replace(
            state,
            camera_from_head=head,
            camera_from_body=raised_body(state.camera_from_body @ bones[-1], self._neck, breath),
            morphs=shown,
            bones=bones[:-1] if len(bones) > 1 else None,
            pupil=1 + (self._pupil.step(brightness, dt) - 1) * self.amount,
        )

    def _flick_ears(self, dt: float, idle: bool) -> None:
        """Kicks one ear now and then while no face is tracked."""
        if not idle or not self._flicking:
            return
        self._flick_wait_s -= dt
        if self._flick_wait_s <= 0:
            self._flick_wait_s = float(self._random.uniform(*FLICK_S))
            self._springs.kick(int(self._random.choice(self._flicking)), FLICK_SHARE)


class Breathing:
    """Computes how far breathing lifts the ruff: 0..1, less while the head moves."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._before: Vector3 | None = None
        self._turns = 0.0
        self._still = 0.0

    def step(self, head_at: Vector3, dt: float) -> float:
        """Returns the lift dt seconds later; `head_at` is in camera space."""
        before, self._before = self._before, head_at
        if before is None or dt <= 0:
            return self._lift()
        self._turns = (self._turns + BREATHS_PER_S * dt) % 1.0
        speed = float(np.linalg.norm(head_at - before)) / dt
        still = max(0.0, 1 - speed / STILL_M_PER_S)
        self._still += (still - self._still) * (1 - float(np.exp(-dt / STILL_S)))
        return self._lift()

    def _lift(self) -> float:
        # A skewed wave: inhaling is a little faster than exhaling.
        phase = 2 * np.pi * self._turns
        return self._still * float(1 - np.cos(phase + 0.3 * np.sin(phase))) / 2


class IdleMotion:
    """Moves the head while no face is tracked, and blends back to what is measured."""

    def __init__(self, neck: Vector3) -> None:
        self._neck = neck
        smile = np.array([name.startswith(("mouthSmile", "cheekSquint")) for name in EXPRESSIONS])
        jaw = np.array([name.startswith(("jaw", "tongue")) for name in EXPRESSIONS])
        self._kept = np.where(jaw, 0.0, np.where(smile, KEPT_SMILE, KEPT))
        self.reset()

    def reset(self) -> None:
        self._since_s = 0.0
        self._share = 0.0  # of the idle face in the blend
        self._sway = np.zeros(3)
        self._shown = np.zeros(len(EXPRESSIONS))
        self._begin = self._shown

    def step(
        self, state: AvatarState, dt: float, idle: bool, amount: float
    ) -> tuple[Matrix4, NDArray[np.float64]]:
        """Returns camera_from_head and new morph weights float64[52], dt seconds later."""
        if idle:
            self._since_s += dt
            gone = np.exp(-self._since_s / RELAX_S)
            self._share = 1.0
            morphs = self._begin * (self._kept + (1 - self._kept) * gone)
            self._shown = morphs
            turns = 2 * np.pi * SWAY_PER_S * self._since_s
            goal, constant = np.radians(SWAY_DEG) * np.sin(turns) * amount, SWAY_IN_S
        else:
            self._since_s = 0.0
            self._share = max(0.0, self._share - dt / RETURN_S)
            measured = state.morphs.astype(np.float64)
            morphs = measured + (self._shown - measured) * self._share
            self._begin = morphs
            goal, constant = np.zeros(3), SWAY_OUT_S
        self._sway += (goal - self._sway) * (1 - np.exp(-dt / constant))
        return rotated_about_neck(state.camera_from_head, self._neck, self._sway), morphs.copy()


def rotated_about_neck(camera_from_head: Matrix4, neck: Vector3, turn: Vector3) -> Matrix4:
    """Rotates the head about its neck by a rotation vector."""
    if not turn.any():
        return camera_from_head
    out = camera_from_head.copy()
    rotation = matrix_from_quaternion(quaternion_from_vector(turn))
    out[:3, :3] = camera_from_head[:3, :3] @ rotation
    out[:3, 3] += camera_from_head[:3, :3] @ (neck - rotation @ neck)
    return out


def raised_body(camera_from_body: Matrix4, neck: Vector3, lift: float) -> Matrix4:
    """Widens the body about the neck and raises it, by a lift of 0..1."""
    if lift == 0:
        return camera_from_body
    widened = 1 + BREATH_WIDENS * lift
    out = camera_from_body.copy()
    out[:3, :3] *= widened
    moved = neck - widened * neck + (0.0, BREATH_LIFT_M * lift, 0.0)
    out[:3, 3] += camera_from_body[:3, :3] @ moved
    return out


def body_bone(avatar: Avatar) -> Bone:
    """Makes the spring bone on which the body of an avatar hangs at the neck."""
    pivot = np.array(avatar.fit.neck_pivot)
    x, y, z = (float(v) for v in pivot + RUFF_DROP_M)
    most_deg = RUFF_MAX_DEG[avatar.neck]
    at = avatar.fit.neck_pivot
    return Bone("body", "body", at, (x, y, z), RUFF_HZ, RUFF_DAMPING, most_deg)


def half_eye_distance_m(avatar: Avatar) -> float:
    """Returns half the distance between the eyes of an avatar, at scale 1."""
    eyes = [mesh.positions[:, 0] for mesh in avatar.light_meshes if mesh.material is Material.EYE]
    return float(np.abs(np.concatenate(eyes)).mean()) if eyes else HALF_EYE_DISTANCE_M

"""Computes the state of one avatar from a steadied face: its size, pose and morph weights.

The avatar must hide a real head. Its eyes sit a little above the real ones, because a hat of
fur above the real crown is better than an avatar without a forehead, and its size is such
that its inner envelope encloses the measured skull.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.avatar.expression import ExpressionGains
from livecam.avatar.pupil import mean_brightness
from livecam.avatar.secondary_motion import SecondaryMotion
from livecam.config.settings import AvatarSettings
from livecam.core.face import FacePose, FaceState
from livecam.core.frame import Image
from livecam.core.spaces import (
    Matrix4,
    Vector3,
    euler_deg,
    matrix_from_quaternion,
    project,
    quaternion_from_vector,
    rotation_vector,
)

# The real head, in MediaPipe's canonical face (metres, before `width_ratio`).
EYES = np.array((0.0, 0.026, 0.028))  # midpoint between the eyeballs
SKULL_HALF_WIDTH = 0.0766  # at the ears, landmarks 234 and 454
SKULL_TOP = 0.105  # the crown above the eye line, hair pressed flat
CHIN_DROP = 0.120  # the chin below the eye line, mouth shut

LIFT = 0.018  # metres at scale 1: the avatar's eyes above the real ones
# In profile a real chin sticks out of the avatar's: the avatar moves forward a little.
FORWARD = 0.030  # metres
PROFILE_BEGINS_DEG, PROFILE_DEG = 15.0, 50.0  # yaw
BODY_TURN = np.array((0.30, 0.35, 0.50))  # share of pitch, yaw and roll that the body follows

# An avatar's muzzle on a level head seems to point up, to webcams above and below it. The
# correction turns about the chin: about the eyes it would draw the chin back and bare the real
# one (9.7 % of a face in half profile, measured).
LEVEL_PITCH_DEG = 8.0
LEVEL_SHARE = 0.8
MAX_LEVELLING_DEG = 10.0  # more would move the eyes too far off

# When time goes back this far the video starts again and secondary motion is reset. Undoing a
# prediction goes back by less.
REWIND_S = 0.1


class Rig:
    """Computes the avatar state of one wearer. One thread; estimates the face at rest."""

    def __init__(
        self, avatar: Avatar, settings: AvatarSettings, profile: Profile | None = None
    ) -> None:
        self._fit = avatar.fit
        self._settings = settings
        self._expression = ExpressionGains(avatar.gains, settings.expression, profile)
        self._resting_pitch = RestingPitch()
        self._motion = SecondaryMotion(avatar, settings.life)
        self._at: float | None = None  # time of the last state, idle ones included
        self._measured_at = -np.inf
        self._centre_px: tuple[float, float] | None = None
        self._size = (0, 0)  # of the last image
        self._measured: AvatarState | None = None

    def adopt(self, settings: AvatarSettings) -> None:
        """Changes to other settings; what was estimated stays."""
        self._settings = settings
        self._expression.set_strength(settings.expression)
        self._motion.amount = settings.life

    def reset(self) -> None:
        """Resets the rig: the next state equals a new rig's first."""
        self._expression.reset()
        self._resting_pitch.reset()
        self._motion.reset()
        self._at = None
        self._measured_at = -np.inf
        self._centre_px = None
        self._measured = None

    def state(
        self, face: FaceState, width: int, height: int, image: Image | None = None
    ) -> AvatarState:
        """Returns the avatar's state for a face in an image of that size.

        The brightness of `image`, RGBA, drives the pupils.
        """
        dt = 0.0 if self._at is None else min(max(face.at - self._at, 0.0), 1.0)
        if face.at < self._measured_at - REWIND_S:
            self._motion.reset()
        self._at = self._measured_at = face.at
        self._measured = self._rigged(face, dt, width, height)
        bright = None if image is None else mean_brightness(image, self._measured.face_px)
        return self._motion.animate(self._measured, dt, bright)

    def resize(self, scale: NDArray[np.float64]) -> None:
        """Scales the measured face for idle states in frames of another size."""
        measured = self._measured
        if measured is not None and measured.face_px is not None:
            face_px = (measured.face_px * scale).astype(np.float32)
            self._measured = replace(measured, face_px=face_px)

    def idle(self, dt: float) -> AvatarState | None:
        """Returns the last state with dt more seconds of idle motion, while no face is tracked.

        None before the first face, and when the settings turn secondary motion off.
        """
        if self._measured is None or self._at is None or self._settings.life == 0:
            return None
        dt = min(max(dt, 0.0), 1.0)
        self._at += dt
        self._centre_px = None  # the head has no velocity when it is found again
        return self._motion.animate(replace(self._measured, velocity_px=(0.0, 0.0)), dt, idle=True)

    def _rigged(self, face: FaceState, dt: float, width: int, height: int) -> AvatarState:
        camera_from_head = self._camera_from_head(face, dt)
        return AvatarState(
            camera_from_head=camera_from_head,
            camera_from_body=self._camera_from_body(camera_from_head, face),
            morphs=self._expression.morphs(face.weights, dt, face.arkit_mask),
            velocity_px=self._velocity_px(camera_from_head, width, height),
            face_px=face.outline_px
            if face.source is None
            else face.source.outline_px(width, height),
        )

    def scale(self, width_ratio: float) -> float:
        """Returns the scale by author and settings, but never too small to hide the real head.

        With scale s the eyes rise by LIFT * s, so the crown needs less and the chin more.
        """
        fit = self._fit
        wanted = fit.scale * self._settings.scale * width_ratio
        needed = (
            SKULL_HALF_WIDTH * width_ratio / fit.skull_half_width,
            SKULL_TOP * width_ratio / (fit.skull_top + LIFT),
            CHIN_DROP * width_ratio / max(fit.chin_drop - LIFT, LIFT),
        )
        return max(wanted, *needed)

    def _camera_from_head(self, face: FaceState, dt: float) -> Matrix4:
        scale = self.scale(face.width_ratio)
        yaw, pitch = _view_angles_deg(face.pose)
        resting_deg = self._resting_pitch.step(pitch, dt)
        nod_deg = LEVEL_SHARE * (LEVEL_PITCH_DEG - resting_deg)
        nod_deg = min(max(nod_deg, 0.0), MAX_LEVELLING_DEG)
        nod = matrix_from_quaternion(quaternion_from_vector(np.radians((nod_deg, 0.0, 0.0))))
        turn = matrix_from_quaternion(face.pose.rotation)
        up_to_eyes = np.array((0.0, self._fit.chin_drop * scale, 0.0))
        eyes = EYES + np.array((0.0, LIFT * scale, FORWARD * _profile_share(yaw)))
        at = turn @ (eyes - up_to_eyes + nod @ up_to_eyes) + face.pose.translation
        return _placed(turn @ nod * scale, np.asarray(self._fit.eye_line), at)

    def _camera_from_body(self, camera_from_head: Matrix4, face: FaceState) -> Matrix4:
        """Turns the body less than the head, about their joint."""
        scale = float(np.cbrt(np.linalg.det(camera_from_head[:3, :3])))
        body = quaternion_from_vector(rotation_vector(face.pose.rotation) * BODY_TURN)
        pivot = np.asarray(self._fit.neck_pivot)
        joint = camera_from_head[:3, :3] @ pivot + camera_from_head[:3, 3]
        return _placed(matrix_from_quaternion(body) * scale, pivot, joint)

    def _velocity_px(
        self, camera_from_head: Matrix4, width: int, height: int
    ) -> tuple[float, float]:
        eyes = np.asarray(self._fit.eye_line)[None]
        x, y = (float(v) for v in project(camera_from_head, eyes, width, height)[0])
        before, self._centre_px = self._centre_px, (x, y)
        if self._size != (width, height):
            before, self._size = None, (width, height)
        return (x - before[0], y - before[1]) if before is not None else (0.0, 0.0)


class RestingPitch:
    """Estimates the pitch of a head at rest, in degrees down; nods count little."""

    SETTLE_S = 20.0
    NOD_DEG = 6.0  # a larger difference is a nod, not posture
    LOW_DEG, HIGH_DEG = -15.0, 20.0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._resting_deg: float | None = None

    def step(self, pitch_deg: float, dt: float) -> float:
        if self._resting_deg is None:
            self._resting_deg = pitch_deg
        away = min(max(pitch_deg - self._resting_deg, -self.NOD_DEG), self.NOD_DEG)
        moved = self._resting_deg + away * dt / (self.SETTLE_S + dt)
        self._resting_deg = min(max(moved, self.LOW_DEG), self.HIGH_DEG)
        return self._resting_deg


def _view_angles_deg(pose: FacePose) -> tuple[float, float]:
    """Computes yaw and pitch against the line of sight, both 0 for a head that faces the camera."""
    yaw, pitch, _ = euler_deg(pose.rotation)
    x, y, z = pose.translation
    right, up = np.degrees(np.arctan2((x, y), (-z, np.hypot(x, z))))
    return float(yaw + right), float(pitch - up)


def _profile_share(yaw_deg: float) -> float:
    """Rises smoothly from 0 in frontal view to 1 in profile."""
    t = (abs(yaw_deg) - PROFILE_BEGINS_DEG) / (PROFILE_DEG - PROFILE_BEGINS_DEG)
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _placed(linear: Matrix4, point: Vector3, at: Vector3) -> Matrix4:
    """Returns the transform with that 3x3 part that maps `point` to `at`."""
    out = np.eye(4)
    out[:3, :3] = linear
    out[:3, 3] = at - linear @ point
    return out

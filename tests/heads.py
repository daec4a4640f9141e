"""Heads for tests: a hand-made avatar, and faces at a given pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, EyeParameters, Fit
from livecam.core.face import EXPRESSIONS, Face, FacePose, FaceState
from livecam.core.frame import Frame
from livecam.core.observation import Observation
from livecam.core.spaces import compose, decompose, project, quaternion_from_vector
from livecam.filtering.pose import POSE_NOISE
from livecam.filtering.width import WidthEstimate

Path2D = NDArray[np.float64]  # float64[frames, points, 2], pixels

# Points all over a head, metres in head space.
HEAD = np.array(
    [(x, y, z) for x in (-0.09, 0, 0.09) for y in (-0.1, 0, 0.12) for z in (-0.05, 0.08)]
)
STILL = np.zeros(6)  # metres across, up, along; radians of pitch, yaw, roll


def avatar(**gains: float) -> Avatar:
    """An avatar without a mesh, shaped like a head of fur."""
    fit = Fit(
        eye_line=(0.0, 0.010, 0.056),
        neck_pivot=(0.0, -0.065, -0.016),
        skull_half_width=0.085,
        skull_top=0.110,
        chin_drop=0.150,
    )
    eyes = EyeParameters((0.1, 0.1, 0.1), (0.3, 0.2, 0.1), 0.4, 0.5)
    return Avatar("test", "Test", "测试", "", "", (), (), eyes, fit, gains, Path())


def face_at(
    offset: NDArray[np.float64] = STILL,
    size: tuple[int, int] = (1280, 720),
    depth_m: float = 0.6,
    ratio: float = 1.08,
    **weights: float,
) -> Face:
    """A face with a pose that differs by `offset` from a frontal one at that depth."""
    rotation = quaternion_from_vector(offset[3:])
    matrix = compose(np.array((0.0, 0.0, -depth_m)) + offset[:3], rotation)
    points = np.zeros((478, 3))
    # An ellipsoid as deep as a face, then the two landmarks that its width is measured between.
    angle = np.linspace(0, 20 * np.pi, 478)
    up = np.linspace(-1, 1, 478)
    points[:, 0] = 0.075 * np.sqrt(1 - up**2) * np.sin(angle)
    points[:, 1] = 0.1 * up
    points[list(WidthEstimate.SIDES)] = WidthEstimate.CANONICAL
    points[:, 0] *= ratio
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = project(matrix, points, *size) / size
    values = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in weights.items():
        values[EXPRESSIONS.index(name)] = value
    return Face(landmarks, values, matrix)


def frame_at(at: float, size: tuple[int, int] = (1280, 720)) -> Frame:
    # No pixel is read here: a view of one pixel has the size and costs nothing.
    return Frame(np.broadcast_to(np.zeros((1, 1, 4), np.uint8), (size[1], size[0], 4)), 0, at)


def observation(at: float, *faces: Face, size: tuple[int, int] = (1280, 720)) -> Observation:
    return Observation(frame_at(at, size), faces)


def state_at(face: Face, at: float = 0.0, ratio: float = 1.08, **weights: float) -> FaceState:
    values = face.weights.copy()
    for name, value in weights.items():
        values[EXPRESSIONS.index(name)] = value
    return FaceState(FacePose(*decompose(face.camera_from_head)), values, ratio, at, face)


def pose_noise(seed: int, frames: int) -> NDArray[np.float64]:
    """Webcam noise, as measured on a still head: float64[frames, 6]."""
    return np.random.default_rng(seed).normal(size=(frames, 6)) * POSE_NOISE

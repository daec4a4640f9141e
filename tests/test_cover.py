"""The built-in heads hide a real face from every side, judged on their meshes alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.library import list_avatars, load_avatar
from livecam.avatar.rig import Rig
from livecam.config.settings import AvatarSettings
from livecam.core.face import EXPRESSIONS, FACE_OVAL, FacePose, FaceState
from livecam.core.frame import Frame, Image
from livecam.core.spaces import (
    compose,
    decompose,
    focal_px,
    matrix_from_quaternion,
    multiply,
    project,
    quaternion_from_vector,
)
from livecam.filtering.width import WidthEstimate
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip

SIDE = 240  # pixels of the square pictures
DEPTH_M = 0.45
EYE_CORNERS, EYE_CORNERS_Z = (33, 263), 0.0317  # of MediaPipe's canonical face, metres


@dataclass(frozen=True)
class RealHead:
    """The face of the portrait as points in head space, metres."""

    points: NDArray[np.float64]
    ratio: float

    def state(self, pitch_deg: float, yaw_deg: float) -> FaceState:
        rotation = multiply(
            quaternion_from_vector(np.radians((0.0, yaw_deg, 0.0))),
            quaternion_from_vector(np.radians((pitch_deg, 0.0, 0.0))),
        )
        pose = FacePose(np.array((0.0, 0.0, -DEPTH_M)), rotation)
        return FaceState(pose, np.zeros(len(EXPRESSIONS), np.float32), self.ratio, 0.0)

    def mask(self, state: FaceState) -> Image:
        matrix = compose(state.pose.translation, state.pose.rotation)
        projected = project(matrix, self.points, SIDE, SIDE).astype(np.int32)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(projected), 1)
        cv2.fillPoly(mask, [projected[list(FACE_OVAL)]], 1)
        return mask


@pytest.fixture(scope="module")
def head(portrait: Image) -> RealHead:
    model = asset_or_skip("face-landmarker")
    height, width = portrait.shape[:2]
    with FaceLandmarker(model, mode="image") as tracker:
        (face,) = tracker.track(Frame(portrait, 0, 0.0)).faces
    translation, _ = decompose(face.camera_from_head)
    distance = np.linalg.norm(translation)
    sight = translation / distance
    # A camera in the same place that looks straight at the head; depths run along its axis.
    axis = np.cross((0.0, 0.0, -1.0), sight)
    axis *= np.arccos(-sight[2]) / np.linalg.norm(axis)
    camera_from_straight = matrix_from_quaternion(quaternion_from_vector(axis))
    focal = focal_px(height)
    x, y, depth = (face.landmarks[:468] * (width, height, width)).T.astype(np.float64)
    rays = np.stack((x - width / 2, height / 2 - y, np.full_like(x, -focal)), 1)
    rays = rays @ camera_from_straight
    lifted = np.column_stack((rays[:, :2] / -rays[:, 2:], sight[2] * depth / focal)) * distance
    in_head = lifted @ camera_from_straight.T @ face.camera_from_head[:3, :3]
    # The depths' own zero is no place on the face.
    along = sight @ face.camera_from_head[:3, :3]
    in_head += along * ((EYE_CORNERS_Z - in_head[list(EYE_CORNERS), 2].mean()) / along[2])
    return RealHead(in_head, WidthEstimate().step(face, width, height, 0.0))


class Solid:
    """The mask of a mesh in an image, without light or fur."""

    def __init__(self, avatar: Avatar) -> None:
        meshes = avatar.light_meshes
        starts = np.cumsum([0, *(len(mesh.positions) for mesh in meshes)])
        self.positions = np.concatenate([mesh.positions for mesh in meshes]).astype(np.float64)
        self.head = np.concatenate([mesh.head_weight for mesh in meshes])[:, None]
        self.triangles = np.concatenate(
            [mesh.indices + start for mesh, start in zip(meshes, starts, strict=False)]
        )

    def mask(self, state: AvatarState) -> Image:
        head, body = (
            self.positions @ matrix[:3, :3].T + matrix[:3, 3]
            for matrix in (state.camera_from_head, state.camera_from_body)
        )
        points = project(np.eye(4), head * self.head + body * (1 - self.head), SIDE, SIDE)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for triangle in (points * 16).astype(np.int32)[self.triangles]:
            cv2.fillConvexPoly(mask, triangle, 1, cv2.LINE_8, 4)
        return mask


@pytest.mark.parametrize("name", list_avatars())
@pytest.mark.parametrize("posture_deg", [-10.0, 3.0, 12.0])
def test_a_real_face_is_hidden_from_every_side(
    head: RealHead, name: str, posture_deg: float
) -> None:
    avatar = load_avatar(name)
    solid = Solid(avatar)
    bare = {}
    for yaw_deg in (-55, -35, -15, 0, 15, 35, 55):
        for nod_deg in (-20, 0, 15):
            rig = Rig(avatar, AvatarSettings())
            rig.state(head.state(posture_deg, 0), SIDE, SIDE)  # the typical posture
            state = head.state(posture_deg + nod_deg, yaw_deg)
            face = head.mask(state)
            uncovered = face > solid.mask(rig.state(state, SIDE, SIDE))
            bare[yaw_deg, nod_deg] = float(uncovered.sum() / face.sum())
    worst = max(bare, key=lambda key: bare[key])
    assert bare[worst] < 0.002, f"{bare[worst]:.1%} of the face is bare at yaw, nod {worst}"


def test_the_measurement_finds_a_bare_face(head: RealHead) -> None:
    """An avatar too small for its wearer bares the face, and the measure says so."""
    avatar = load_avatar("raccoon")
    state = head.state(0, 0)
    worn = Rig(avatar, AvatarSettings()).state(state, SIDE, SIDE)
    shrunk = worn.camera_from_head @ np.diag((0.4, 0.4, 0.4, 1.0))
    small = AvatarState(shrunk, shrunk, worn.morphs)
    face = head.mask(state)
    assert (face > Solid(avatar).mask(small)).sum() > 0.1 * face.sum()

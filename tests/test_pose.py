"""The estimate of a head's pose from its landmarks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from livecam.core.errors import TrackingError
from livecam.core.face import Landmarks
from livecam.core.frame import Frame, Image
from livecam.core.spaces import (
    Matrix4,
    compose,
    conjugate,
    decompose,
    focal_px,
    multiply,
    project,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.face_model import MEMBER, FaceModel, read_face_model
from livecam.tracking.pose import PoseSolver
from tests.fetched import asset_or_skip

SIZE = (1280, 720)


@pytest.fixture(scope="module")
def bundle() -> Path:
    return asset_or_skip("face-landmarker")


@pytest.fixture(scope="module")
def model(bundle: Path) -> FaceModel:
    return read_face_model(bundle)


def pose(
    rotation_deg: tuple[float, float, float], translation: tuple[float, float, float]
) -> Matrix4:
    return compose(np.array(translation), quaternion_from_vector(np.radians(rotation_deg)))


def landmarks_of(model: FaceModel, camera_from_head: Matrix4) -> Landmarks:
    """As MediaPipe returns them: depth is along the line of sight, with an arbitrary zero.

    Its scale is that of the face in the frame.
    """
    width, height = SIZE
    points = np.zeros((478, 3))
    points[:468] = model.points
    weights = model.weights / model.weights.sum()
    centroid = camera_from_head[:3, 3] + camera_from_head[:3, :3] @ (weights @ model.points)
    depth = points @ camera_from_head[:3, :3].T @ (centroid / np.linalg.norm(centroid))
    depth *= focal_px(height) / -centroid[2] / width
    projected = project(camera_from_head, points, width, height) / SIZE
    return np.column_stack((projected, depth + 0.01)).astype(np.float32)


def angle_deg(a: Matrix4, b: Matrix4) -> float:
    rotation = multiply(conjugate(decompose(a)[1]), decompose(b)[1])
    return float(np.degrees(np.linalg.norm(rotation_vector(rotation))))


def test_the_model_is_a_face_in_metres(model: FaceModel):
    assert model.points.shape == (468, 3)
    right, left = model.points[[33, 263]]  # outer corners of the eyes
    assert left[0] == pytest.approx(-right[0], abs=1e-3)
    assert 0.08 < left[0] - right[0] < 0.1
    assert model.points[1, 2] > left[2]  # the nose is in front
    assert model.weights.min() == 0
    assert 10 < np.count_nonzero(model.weights) < 60


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 35, 0), (-20, 10, 5), (15, -25, -30)])
@pytest.mark.parametrize("place", [(0, 0, -0.5), (0.25, 0.1, -0.5), (-0.5, -0.2, -1.2)])
def test_a_pose_is_exact_anywhere_in_the_frame(model: FaceModel, turn, place):
    true = pose(turn, place)
    rough = true @ pose((4, -8, 3), (0, 0, 0))
    rough[:3, 3] *= 1.05
    rough[:3, :3] *= 1.02  # MediaPipe's own has a scale
    found = PoseSolver(model).solve(landmarks_of(model, true), rough, *SIZE)
    assert angle_deg(found, true) < 0.1
    assert found[:3, 3] == pytest.approx(true[:3, 3], abs=0.0003)
    assert found[:3, :3] @ found[:3, :3].T == pytest.approx(np.eye(3), abs=1e-9)


def test_landmarks_of_no_face_leave_the_initial_pose(model: FaceModel):
    rough = pose((3, 5, 0), (0.02, 0, -0.6))
    solver = PoseSolver(model)
    for nothing in (np.full((478, 3), 0.5), np.full((478, 3), np.nan)):
        assert solver.solve(nothing.astype(np.float32), rough, *SIZE) == pytest.approx(rough)


def test_the_same_image_off_the_axis_shows_a_rotated_head(bundle: Path, portrait: Image):
    """A head that appears the same farther right is viewed more from its other side."""
    bust = portrait[:360, 30:430]

    def pose_at(x: int) -> Matrix4:
        image = np.full((360, 800, 4), 120, np.uint8)
        image[:, x : x + 400] = bust
        with FaceLandmarker(bundle, mode="image") as tracker:
            (face,) = tracker.track(Frame(image, 0, 0.0)).faces
        return face.camera_from_head

    left, right = pose_at(0), pose_at(400)
    angle = np.degrees(sum(np.arctan(abs(m[0, 3] / m[2, 3])) for m in (left, right)))
    assert left[0, 3] < 0 < right[0, 3]
    assert angle > 30
    assert angle_deg(left, right) == pytest.approx(angle, rel=0.12)


def test_a_bundle_without_a_face_is_refused(tmp_path: Path):
    broken = tmp_path / "face.task"
    contents: list[bytes] = [b"", b"\x0a\xff", b"\x0a\x02\x1d\x00", b"\x12\x07\x08\x04\x15\x00"]
    for content in contents:
        with zipfile.ZipFile(broken, "w") as members:
            members.writestr(MEMBER, content)
        with pytest.raises(TrackingError, match=r"face\.task"):
            read_face_model(broken)
    broken.write_bytes(b"no zip")
    with pytest.raises(TrackingError, match=r"face\.task"):
        read_face_model(broken)

"""A person who leans as a whole is split at the neck as one who sits upright."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.avatar.rig import Rig
from livecam.compose.body import BodyAlignment
from livecam.compose.grid import downsampled
from livecam.compose.lean import LeanedGrid, counted, measured_lean
from livecam.compose.person_parts import AvatarProjection, PersonParts, split_person, wearer_mask
from livecam.config.assets import asset_path
from livecam.config.settings import AvatarSettings
from livecam.core.frame import Frame, Image
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.pipelines import FilteredPerson

LEANS = [-45, 45]
NECK, AROUND_PX = (225, 190), 120  # of the portrait, and the radius in which masks are compared
TOLERANCE_DEG = 18  # arms and the edge of the frame pull at the torso


def leaned(portrait: Image, degrees: float) -> Image:
    """The portrait, its person leaning clockwise, without the corners of the room."""
    height, width = portrait.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.9)
    size = (width, height)
    return np.asarray(cv2.warpAffine(portrait, turn, size, borderMode=cv2.BORDER_REPLICATE))


def turned_back(mask: np.ndarray, degrees: float, cell: int) -> np.ndarray:
    """A mask on the grid of the leaning person, as that of the portrait."""
    rows, columns = mask.shape
    middle = (256 / cell - 0.5, 256 / cell - 0.5)
    turn = cv2.invertAffineTransform(cv2.getRotationMatrix2D(middle, -degrees, 0.9))
    return np.asarray(cv2.warpAffine(mask, turn, (columns, rows)))


def split(image: Image) -> tuple[Segmentation, PersonParts, AvatarState, float]:
    asset_or_skip("person")
    avatar, frame = load_avatar("raccoon"), Frame(image, 0, 0.0)
    with FaceLandmarker(asset_path("face-landmarker"), mode="image") as tracker:
        face = FilteredPerson().update(tracker.track(frame))
    assert face is not None
    reader = Segmenter(asset_path("person"), asset_path("person-wide"), None)
    segmentation = reader.segment(frame, face.points_px(*frame.size))
    assert segmentation is not None
    coarse = downsampled(image, segmentation.cell, segmentation.person.shape)[..., :3].copy()
    state = Rig(avatar, AvatarSettings()).state(face, *frame.size)
    body, projection = BodyAlignment(), AvatarProjection(avatar)
    person = wearer_mask(segmentation)
    placed = body.update(state, segmentation, person, projection)
    parts = split_person(segmentation, coarse, person, placed, projection, body.lean)
    return segmentation, parts, placed, body.lean


@pytest.mark.parametrize("degrees", LEANS)
def test_the_seam_leans_with_the_torso(portrait, degrees):
    _, upright, _, _ = split(portrait)
    segmentation, parts, _, lean = split(leaned(portrait, degrees))
    assert np.degrees(lean) == pytest.approx(degrees, abs=TOLERANCE_DEG)
    around = np.zeros_like(parts.body)
    cell = segmentation.cell
    cv2.circle(around, (NECK[0] // cell, NECK[1] // cell), AROUND_PX // cell, 255, -1)
    seen = around > 0
    for name in ("body", "remove"):
        after = turned_back(getattr(parts, name), degrees, cell)[seen] > 128
        before = getattr(upright, name)[seen] > 128
        assert (after & before).sum() / (after | before).sum() > 0.8, name


@pytest.mark.parametrize("degrees", LEANS)
def test_the_ruff_leans_with_the_torso(portrait, degrees):
    _, _, placed, _ = split(leaned(portrait, degrees))
    body = placed.camera_from_body
    roll = -np.degrees(np.arctan2(body[1, 0], body[1, 1]))
    assert roll == pytest.approx(degrees, abs=TOLERANCE_DEG)


@pytest.mark.parametrize("degrees", [-15, 0, 15])
def test_who_sits_upright_or_leans_a_little_is_split_as_the_image_stands(portrait, degrees):
    assert split(leaned(portrait, degrees))[3] == 0


def test_a_tilted_head_on_an_upright_torso_is_no_lean(portrait):
    segmentation, _, _, _ = split(portrait)
    points = segmentation.landmarks_px
    middle = points.mean(axis=0)
    cos, sin = np.cos(np.radians(35)), np.sin(np.radians(35))
    tilted = middle + (points - middle) @ np.array(((cos, sin), (-sin, cos)), np.float32)
    found = measured_lean(
        replace(segmentation, landmarks_px=tilted.astype(np.float32)), segmentation.person
    )
    assert found is not None
    assert counted(found) == 0


def test_a_leaned_grid_turns_masks_with_points_and_back():
    mask = np.zeros((60, 80), np.uint8)
    mask[20:30, 50:54] = 255
    cell = 3
    grid = LeanedGrid((60, 80), cell, float(np.radians(40)))
    turned = grid.turned(mask)
    middle = np.argwhere(turned > 128).mean(axis=0)[::-1] + 0.5
    (point,) = grid.points(np.array(((52.0 * cell, 25.0 * cell),), np.float32))
    assert point / cell == pytest.approx(middle, abs=0.3)
    again = grid.back(turned)
    assert again.shape == mask.shape
    assert np.abs(again.astype(int) - mask).mean() < 3

"""The masks of person and hair, their warp, and the clean plate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.config.assets import asset_path
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation import plate as plates
from livecam.segmentation.base import Segmentation, cell_of, grid_of
from livecam.segmentation.networks import PersonNetwork
from livecam.segmentation.plate import MAX_PLATES, CleanPlate
from livecam.segmentation.segmenter import Segmenter, mark_heads
from livecam.segmentation.warp import warped
from livecam.vision.transforms import fit_similarity
from tests.fetched import asset_or_skip

WIDTH, HEIGHT = 320, 180


def room(seed: int = 3) -> np.ndarray:
    """A detailed background uint8[h, w, 4]."""
    random = np.random.default_rng(seed)
    small = random.integers(40, 220, (18, 32, 3)).astype(np.uint8)
    large = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.dstack((large, np.full((HEIGHT, WIDTH), 255, np.uint8)))


def occupied_at(x: int) -> np.ndarray:
    """The occupancy mask of a person 60 pixels wide, from the ceiling to the floor."""
    cell, (columns, rows) = cell_of(WIDTH, HEIGHT), grid_of(WIDTH, HEIGHT)
    mask = np.zeros((rows, columns), np.uint8)
    mask[:, max(0, (x - 30) // cell) : (x + 30) // cell + 1] = 255
    return mask


def with_person(background: np.ndarray, x: int) -> np.ndarray:
    image = background.copy()
    image[:, max(0, x - 24) : x + 24, :3] = (200, 150, 120)
    return image


# --- the networks


def test_the_person_is_segmented_from_the_room(portrait: Image):
    image = portrait
    for name in ("person", "person-wide"):
        mask = PersonNetwork(asset_path(name)).segment(image, Rect(0, 0, *image.shape[1::-1]))
        rows, columns = mask.shape
        assert mask[rows // 2, round(columns * 0.45)] > 200  # her suit
        assert mask[round(rows * 0.3), round(columns * 0.98)] < 60  # the wall


def test_a_segmenter_without_hair_model_still_segments(portrait: Image):
    image = portrait
    segmenter = Segmenter(asset_path("person"), asset_path("person-wide"), None)
    face = np.tile(np.array(((220.0, 110.0),), np.float32), (478, 1))
    segmentation = segmenter.segment(Frame(image, 0, 0.0), face)
    assert segmentation is not None
    assert segmentation.hair is None
    assert segmentation.person.shape == grid_of(*segmentation.size)[::-1]
    assert segmenter.segment(Frame(image, 1, 0.1), None) is None


# --- warping


def test_a_similarity_is_fitted_exactly():
    points = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
    angle, scale, translation = 0.3, 1.4, np.array((5.0, -2.0))
    linear = scale * np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    found = fit_similarity(points, (points @ linear.T + translation).astype(np.float32))
    assert found == pytest.approx(np.column_stack((linear, translation)), abs=1e-5)


def segmentation_at(x: float) -> Segmentation:
    """A round head at x, a body below it, the landmarks on a circle."""
    cell, (columns, rows) = cell_of(WIDTH, HEIGHT), grid_of(WIDTH, HEIGHT)
    mask = np.zeros((rows, columns), np.uint8)
    cv2.circle(mask, (round(x / cell), round(60 / cell)), round(30 / cell), 255, -1)
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    face = np.stack((x + 25 * np.sin(angle), 60 - 25 * np.cos(angle)), axis=1).astype(np.float32)
    face[10], face[152] = (x, 35), (x, 85)
    return Segmentation(0.0, (WIDTH, HEIGHT), cell, mask, None, face)


def middle_of(mask: np.ndarray, cell: int) -> float:
    return float((np.nonzero(mask > 127)[1] + 0.5).mean() * cell)


def test_a_mask_is_warped_with_the_head():
    segmentation, later = segmentation_at(120), segmentation_at(150)
    moved = warped(segmentation, later.landmarks_px, 0.1)
    assert middle_of(moved.person, segmentation.cell) == pytest.approx(150, abs=segmentation.cell)
    assert moved.at == 0.1


def test_the_body_moves_less_than_the_head():
    segmentation = segmentation_at(120)
    segmentation.person[-6:, 100 // segmentation.cell : 140 // segmentation.cell] = 255
    moved = warped(segmentation, segmentation_at(150).landmarks_px, 0.1)
    body = middle_of(moved.person[-3:], segmentation.cell)
    assert 124 < body < 140


def test_masks_are_not_resampled_when_nothing_moves():
    segmentation = segmentation_at(120)
    again = warped(segmentation, segmentation.landmarks_px + np.float32(0.1), 0.1)
    assert again.person is segmentation.person


# --- the clean plate


def learned(frames: int = 40) -> tuple[CleanPlate, np.ndarray]:
    """A plate after a person walked from left to right, and the ground truth."""
    background = room()
    plate = CleanPlate(WIDTH, HEIGHT)
    random = np.random.default_rng(5)
    for i in range(frames):
        x = 20 + round(i / (frames - 1) * (WIDTH - 40))
        image = with_person(background, x)
        noisy = image[..., :3] + random.normal(0, 2, image[..., :3].shape)
        image[..., :3] = np.clip(np.rint(noisy), 0, 255)
        plate.update(image, occupied_at(x))
    return plate, background


def test_the_plate_is_learned_behind_a_walking_person():
    plate, truth = learned()
    known = plate.plate()
    assert known is not None
    assert plate.share > 0.99
    error = known.image.astype(float) - truth[..., :3]
    psnr = 10 * np.log10(255**2 / np.mean(error[known.known > 0] ** 2))
    assert psnr > 38  # the noise averages out; a single frame has 42 dB - 0


def test_pixels_that_were_never_free_are_unknown():
    plate = CleanPlate(WIDTH, HEIGHT)
    for _ in range(3):
        plate.update(with_person(room(), 160), occupied_at(160))
    known = plate.plate()
    assert known is not None
    assert not known.known[:, 150:170].any()
    assert known.known[:, :100].all()


def test_hidden_pixels_follow_the_exposure():
    plate, truth = learned()
    darker = truth.copy()
    darker[..., :3] = np.rint(truth[..., :3] * 0.85)
    for _ in range(30):
        plate.update(with_person(darker, 160), occupied_at(160))
    known = plate.plate()
    assert known is not None
    hidden = known.image[:, 140:180].astype(float) - darker[:, 140:180, :3]
    assert abs(hidden.mean()) < 2
    assert plate.share > 0.99


def test_a_moved_camera_resets_the_plate():
    plate, truth = learned()
    moved = np.roll(truth, 40, axis=1)
    plate.update(with_person(moved, 160), occupied_at(160))
    known = plate.plate()
    assert known is not None
    assert not known.known[:, 150:170].any()


def test_a_saved_plate_belongs_to_its_camera_and_is_verified_before_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("livecam.segmentation.plate.user_cache_folder", lambda: tmp_path)
    plate, truth = learned()
    plate.save("my camera")
    (kept,) = (tmp_path / "plates").iterdir()
    assert kept.stat().st_mode & 0o077 == 0  # no other user may read it

    other = CleanPlate(WIDTH, HEIGHT)
    other.load("my camera")
    assert other.plate() is None  # not yet compared with a frame
    other.update(with_person(truth, 160), occupied_at(160))
    again = other.plate()
    assert again is not None
    assert again.known[:, 150:170].all()

    elsewhere = CleanPlate(WIDTH, HEIGHT)
    elsewhere.load("my camera")
    elsewhere.update(with_person(room(9), 160), occupied_at(160))
    found = elsewhere.plate()
    assert found is not None
    assert not found.known[:, 150:170].any()  # another room: the saved plate is dropped

    stranger = CleanPlate(WIDTH, HEIGHT)
    stranger.load("another camera")
    assert stranger.share == 0


def test_a_broken_file_is_no_plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("livecam.segmentation.plate.user_cache_folder", lambda: tmp_path)
    plate, _ = learned()
    plate.save("my camera")
    (kept,) = (tmp_path / "plates").iterdir()
    kept.write_bytes(b"no picture")
    other = CleanPlate(WIDTH, HEIGHT)
    other.load("my camera")
    assert other.share == 0


def test_a_segmentation_is_a_value():
    segmentation = segmentation_at(100)
    assert replace(segmentation, at=1.0).person is segmentation.person


# --- what is not learned as background


def test_heads_that_the_person_network_missed_are_not_learned():
    cell, (columns, rows) = cell_of(1280, 720), grid_of(1280, 720)
    occupied = np.zeros((rows, columns), np.uint8)
    heads = [np.array((640.0, 360.0, 80.0)), np.array((-30.0, 10.0, 60.0))]
    mark_heads(occupied, heads, cell)
    assert occupied[360 // cell, 640 // cell] == 255
    assert occupied[360 // cell, 480 // cell] == 0
    assert occupied[0, 0] == 255
    plate = CleanPlate(1280, 720)
    plate.update(np.full((720, 1280, 4), 120, np.uint8), occupied)
    learned = plate.plate()
    assert learned is not None
    assert learned.known[360, 640] == 0
    assert learned.known[600, 200] == 255


def test_nothing_is_learned_in_the_dark(shared_segmenter):
    dark = Frame(np.full((270, 480, 4), 8, np.uint8), 0, 0.0)
    shared_segmenter.learn_plate([dark])
    assert shared_segmenter.plate() is None
    shared_segmenter.learn_plate([Frame(np.full((270, 480, 4), 120, np.uint8), 1, 0.1)])
    assert shared_segmenter.plate() is not None


def test_the_background_of_the_shot_before_is_not_put_behind_another_face():
    """Live the plate is updated with every third frame only: after a cut, at once."""
    segmenter = Segmenter(asset_or_skip("person"), asset_or_skip("person-wide"), None)
    points = np.float32(((140, 40), (180, 90)))[np.arange(478) % 2]
    head = (np.array((160.0, 60.0, 40.0)),)
    for index in range(6):
        shot, track_id = (3, 1) if index < 5 else (9, 2)
        frame = Frame(with_person(room(shot), 160), index, index / 12)
        found = segmenter.segment(frame, points, track_id, head)
        assert found is not None
        assert found.plate is not None
        seen = found.plate.known[:, 240:] > 0
        assert seen.mean() > 0.5
        assert np.array_equal(found.plate.image[:, 240:][seen], room(shot)[:, 240:, :3][seen])
    segmenter.close()


@pytest.fixture
def shared_segmenter():
    person, wide = asset_or_skip("person"), asset_or_skip("person-wide")
    return Segmenter(person, wide, None, hurried=False)


def test_the_oldest_plates_on_disk_are_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(plates, "user_cache_folder", lambda: tmp_path)
    clean = CleanPlate(64, 48)
    clean.update(np.full((48, 64, 4), 120, np.uint8), np.zeros((48, 64), np.uint8))
    for camera in range(MAX_PLATES + 3):
        clean.save(f"camera {camera}")
    kept = list((tmp_path / "plates").glob("*.png"))
    assert len(kept) == MAX_PLATES

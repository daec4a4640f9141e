"""Head removal: the head beyond the avatar is replaced, all other pixels keep every byte."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.library import load_avatar
from livecam.avatar.rig import Rig
from livecam.compose.base import Layers
from livecam.compose.grid import downsampled, upsampled
from livecam.compose.head_removal import HeadRemoval
from livecam.compose.inpainting import inpainted, push_pull
from livecam.compose.neck import NeckTint, neck_colour
from livecam.compose.person_parts import (
    AvatarProjection,
    PersonParts,
    split_person,
    warp_parts,
    wearer_mask,
)
from livecam.compose.shadow import ShadowCatcher, ShadowGeometry, cast_shadow
from livecam.compose.stages import CompositingStages
from livecam.config.assets import asset_path
from livecam.config.settings import AvatarSettings, PictureSettings
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.base import Plate, Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.warp import warped
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.pipelines import FilteredPerson


@pytest.fixture(scope="module")
def raccoon() -> Avatar:
    return load_avatar("raccoon")


@pytest.fixture(scope="module")
def segmented(portrait: Image, raccoon: Avatar) -> tuple[Frame, Segmentation, AvatarState]:
    """The portrait as in the pipeline: real landmarks, real person mask, the avatar on it."""
    frame = Frame(portrait, 0, 0.0)
    with FaceLandmarker(asset_path("face-landmarker")) as tracker:
        observation = tracker.track(frame)
    face = FilteredPerson().update(observation)
    assert face is not None
    reader = Segmenter(asset_path("person"), asset_path("person-wide"), None)
    segmentation = reader.segment(frame, face.points_px(*frame.size))
    assert segmentation is not None
    return frame, segmentation, Rig(raccoon, AvatarSettings()).state(face, *frame.size)


def parted(frame: Frame, segmentation: Segmentation, state: AvatarState, avatar: Avatar) -> Layers:
    height, width = frame.image.shape[:2]
    coverage, made, filled_ = np.zeros((3, height, width), np.uint8)
    small = downsampled(frame.image, segmentation.cell, segmentation.person.shape)[..., :3].copy()
    return Layers(
        frame.image,
        frame.image.copy(),
        segmentation,
        (state,),
        coverage,
        made,
        filled_,
        Rect(0, 0, 0, 0),
        small,
        split_person(
            segmentation, small, wearer_mask(segmentation), state, AvatarProjection(avatar)
        ),
    )


def figure(layers: Layers) -> PersonParts:
    assert layers.parts is not None
    return layers.parts


# --- filling


def stripes(rows: int = 60, columns: int = 80) -> np.ndarray:
    """Soft horizontal stripes, float32[rows, columns, 3]."""
    y = np.arange(rows, dtype=np.float32)[:, None, None]
    tone = 120 + 60 * np.sin(y / 7) + np.array((0, 20, -20), np.float32)
    return np.ascontiguousarray(np.broadcast_to(tone, (rows, columns, 3)), np.float32)


def test_inpainting_keeps_known_colours():
    picture = stripes()
    known = np.ones(picture.shape[:2], np.float32)
    known[20:40, 30:50] = 0
    for fill in (push_pull, inpainted):
        out = fill(picture * known[..., None], known)
        assert np.abs(out - picture)[known > 0].max() < 2.5


def test_rows_are_interpolated_through_a_gap():
    picture = stripes()
    known = np.ones(picture.shape[:2], np.float32)
    known[5:55, 25:55] = 0
    gap = known == 0
    through = np.abs(inpainted(picture * known[..., None], known) - picture)[gap].mean()
    spread = np.abs(push_pull(picture * known[..., None], known) - picture)[gap].mean()
    assert through < 12
    assert through < 0.6 * spread


def test_an_image_without_known_colours_is_no_error():
    out = inpainted(np.zeros((20, 30, 3), np.float32), np.zeros((20, 30), np.float32))
    assert np.isfinite(out).all()


# --- the figure


def test_the_person_is_split_under_the_ruff(segmented, raccoon):
    frame, segmentation, state = segmented
    parts = figure(parted(frame, segmentation, state, raccoon))
    hair = parts.remove[round(40 / segmentation.cell), round(225 / segmentation.cell)]
    chest = parts.body[round(400 / segmentation.cell), round(230 / segmentation.cell)]
    assert hair > 200  # the crown
    assert chest > 200
    assert not ((parts.remove > 30) & (parts.body > 230)).any()
    assert parts.remove[:, -3:].max() < 30  # the wall beside her


def test_shoulders_are_not_removed(segmented, raccoon):
    frame, segmentation, state = segmented
    parts = figure(parted(frame, segmentation, state, raccoon))
    beside = parts.body[round(330 / segmentation.cell), round(110 / segmentation.cell)]
    assert beside > 200


def test_what_is_removed_grows_while_the_mask_is_late_and_the_body_stays(segmented, raccoon):
    """A head that turns takes hair out of the outline that it had."""
    frame, segmentation, state = segmented
    parts = figure(parted(frame, segmentation, state, raccoon))
    moved = segmentation.landmarks_px + np.float32((4, 0))
    areas = []
    for at in (0.2, 0.5, 1.0):
        after = warp_parts(parts, warped(segmentation, moved, at))
        areas.append(np.count_nonzero(after.remove > 128))
        assert not ((after.remove > 128) & (after.body > 230)).any()
    assert areas == sorted(set(areas))


# --- the stage


def test_pixels_outside_keep_their_bytes(segmented, raccoon):
    frame, segmentation, state = segmented
    layers = parted(frame, segmentation, state, raccoon)
    HeadRemoval().apply(layers)
    NeckTint(raccoon).apply(layers)
    changed = (layers.image != frame.image).any(axis=2)
    assert changed.any()
    assert not (changed & (layers.synthetic == 0)).any()
    assert np.array_equal(frame.image, layers.source)
    assert (layers.image[..., 3] == 255).all()


def test_a_known_plate_is_copied(segmented, raccoon):
    frame, segmentation, state = segmented
    plate = np.random.default_rng(2).integers(0, 255, (*frame.image.shape[:2], 3), np.uint8)
    known = Plate(plate, np.full(plate.shape[:2], 255, np.uint8))
    with_plate = Segmentation(
        segmentation.at,
        segmentation.size,
        segmentation.cell,
        segmentation.person,
        None,
        segmentation.landmarks_px,
        plate=known,
    )
    layers = parted(frame, with_plate, state, raccoon)
    HeadRemoval().apply(layers)
    full = layers.filled == 255
    assert full.sum() > 5000
    assert np.abs(layers.image[full, :3].astype(int) - plate[full]).max() <= 1


def test_hair_is_removed_without_a_plate(segmented, raccoon):
    frame, segmentation, state = segmented
    layers = parted(frame, segmentation, state, raccoon)
    HeadRemoval().apply(layers)
    crown = np.s_[20:50, 200:250, :3]
    before, after = (image[crown].astype(float).mean() for image in (frame.image, layers.image))
    assert before < 150  # hair before a lighter wall
    assert after > before + 25


def test_inpainted_background_does_not_flicker(segmented, raccoon):
    frame, segmentation, state = segmented
    stage, random, pictures = HeadRemoval(), np.random.default_rng(4), []
    for i in range(12):
        image = frame.image.copy()
        noise = random.normal(0, 4, image[..., :3].shape)
        image[..., :3] = np.clip(image[..., :3] + noise, 0, 255)
        layers = parted(Frame(image, i, i / 30), segmentation, state, raccoon)
        stage.apply(layers)
        pictures.append(layers.image.astype(float))
    sure = layers.filled == 255
    boils = np.abs(pictures[-1] - pictures[-2])[sure].mean()
    assert boils < 1.0  # the source's own noise changes by 4.5 from picture to picture


def test_the_stages_begin_anew_with_another_wearer(segmented, raccoon, monkeypatch):
    """What was learned of one person and their shot is not put behind the next one."""
    frame, segmentation, state = segmented
    stages = CompositingStages(raccoon, PictureSettings(hands=False))
    resets: list[int] = []
    monkeypatch.setattr(HeadRemoval, "reset", lambda stage: resets.append(track_id))
    for track_id in (1, 1, 2, 2):
        worn = replace(state, track_id=track_id)
        stages.before(stages.begin(frame, (worn,), replace(segmentation, track_id=track_id)))
    assert resets == [1, 2]


def test_without_a_segmentation_the_image_is_unchanged(segmented, raccoon):
    frame, segmentation, state = segmented
    layers = parted(frame, segmentation, state, raccoon)
    layers.segmentation = layers.parts = None
    HeadRemoval().apply(layers)
    NeckTint(raccoon).apply(layers)
    assert np.array_equal(layers.image, frame.image)
    assert not layers.synthetic.any()


# --- the neck


def test_a_bare_throat_is_tinted_like_the_head_and_keeps_its_shading(raccoon):
    """A drawn throat: a face of one skin, below it skin that gets darker, and blue cloth."""
    image = np.full((360, 480, 4), (70, 90, 60, 255), np.uint8)
    image[60:200, 180:300, :3] = (205, 160, 135)
    fall = np.linspace(1.0, 0.6, 70)[:, None]
    image[200:270, 205:275, :3] = (np.array((205, 160, 135)) * fall)[:, None]
    image[270:, 120:360, :3] = (40, 50, 120)
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    face = np.stack((240 + 50 * np.sin(angle), 130 - 65 * np.cos(angle)), axis=1)
    face[10], face[152] = (240, 62), (240, 195)
    for place, at in zip(
        (50, 280, 205, 425, 151, 9),
        ((205, 140), (275, 140), (215, 160), (265, 160), (240, 80), (240, 100)),
        strict=True,
    ):
        face[place] = at
    cell = 2
    person = np.zeros((180, 240), np.uint8)
    person[30:135, 90:150] = 255
    person[135:, 60:180] = 255
    segmentation = Segmentation(0.0, (480, 360), cell, person, None, face.astype(np.float32))
    place = np.eye(4)
    place[2, 3] = -0.9
    layers = parted(
        Frame(image, 0, 0.0), segmentation, AvatarState(place, place, np.zeros(52)), raccoon
    )
    NeckTint(raccoon).apply(layers)
    throat = layers.image[215:255, 230:250, :3].astype(float)
    wanted = neck_colour(raccoon)
    tone = throat.mean(axis=(0, 1)) / throat.mean()
    assert np.abs(tone - (wanted**0.45) / (wanted**0.45).mean()).max() < 0.15
    assert throat[0].mean() > 1.1 * throat[-1].mean()  # darker below, as before
    assert np.array_equal(layers.image[290:], image[290:])  # the cloth
    assert np.array_equal(layers.image[:, :150], image[:, :150])


# --- the shadow


def test_the_shadow_falls_on_the_body_alone():
    picture = np.full((200, 300, 4), 200, np.uint8)
    head = Rect(100, 20, 200, 110)
    coverage = np.full((90, 100), 255, np.uint8)
    place = ShadowGeometry(40.0, 70.0, (-0.5, -0.6))
    mask = np.zeros((100, 150), np.uint8)
    mask[55:, 60:90] = 255  # a narrow body
    cast_shadow(picture, coverage, head, place, 0.6, ShadowCatcher(mask, 2))
    assert (picture[150, 150] < 200).any() or (picture[125, 150] < 200).any()
    outside = np.ones((200, 300), bool)
    outside[100:, 110:190] = False
    assert (picture[outside] == 200).all()


# --- grids


def test_grid_and_pixels_are_aligned():
    image = np.random.default_rng(1).integers(0, 255, (90, 130), np.uint8)
    soft = np.asarray(cv2.GaussianBlur(image, (0, 0), 8), np.uint8)
    grid = downsampled(soft, 4, (23, 33))
    back = upsampled(grid, 4, Rect(20, 10, 110, 80))
    assert np.abs(back.astype(int) - soft[10:80, 20:110]).max() < 6

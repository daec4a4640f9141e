"""The curtain, the blur, and the framing of the published image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livecam.compose import covers
from livecam.compose.framing import Framing
from livecam.core.frame import Frame, Rect
from tests.faces import frame


def _stripes(width: int = 320, height: int = 240, period: int = 4) -> np.ndarray:
    image = np.full((height, width, 4), 255, np.uint8)
    image[..., :3] = np.where(np.arange(width) % period < period // 2, 0, 255)[None, :, None]
    return image


def test_the_curtain_has_the_asked_size_and_nothing_of_the_camera() -> None:
    card = covers.curtain(320, 200)
    assert card.shape == (200, 320, 4)
    assert card.dtype == np.uint8
    assert (card[..., 3] == 255).all()
    assert not card.flags.writeable
    assert card is covers.curtain(320, 200)


def test_a_blurred_image_keeps_colour_but_no_detail() -> None:
    image = _stripes()
    blurred = covers.blur_whole(image)
    assert blurred.shape == image.shape
    assert blurred[..., :3].mean() == pytest.approx(image[..., :3].mean(), abs=6)
    assert blurred[..., :3].std() < 4  # the stripes are gone


def test_a_blurred_region_hides_what_is_in_it_and_leaves_the_rest_alone() -> None:
    image = _stripes()
    before = image.copy()
    region = Rect(100, 60, 200, 180)
    covers.blur_region(image, region)
    core = image[90:150, 125:175, :3].astype(float)
    assert core.std() < 12
    outside = np.ones(image.shape[:2], bool)
    outside[region.slices] = False
    assert np.array_equal(image[outside], before[outside])


def test_a_face_at_the_edge_of_the_image_is_blurred_up_to_the_edge() -> None:
    image = _stripes()
    covers.blur_region(image, Rect(-60, 60, 60, 180))  # the middle of the face is at x = 0
    assert image[80:160, :20, :3].astype(float).std() < 12


def test_a_region_outside_the_image_is_no_error() -> None:
    image = _stripes()
    before = image.copy()
    covers.blur_region(image, Rect(-50, -50, 0, 10))
    assert np.array_equal(image, before)


def test_a_frame_of_the_right_size_passes_untouched() -> None:
    picture = frame()
    assert Framing(160, 120).apply(picture) is picture


def test_mirroring_swaps_left_and_right() -> None:
    image = np.zeros((120, 160, 4), np.uint8)
    image[:, 0] = 200
    mirrored = Framing(160, 120, mirror=True).apply(Frame(image, 0, 0.0)).image
    assert (mirrored[:, -1] == 200).all()
    assert (mirrored[:, 0] == 0).all()


def test_fit_shows_the_whole_image_between_bars() -> None:
    out = Framing(120, 160, "fit").apply(frame(value=255)).image
    assert out.shape == (160, 120, 4)
    rows = out[:, 60, 1] > 128
    assert rows.sum() == pytest.approx(90, abs=1)  # 160x120 scaled to 120x90
    assert not rows[:30].any()


def test_fill_cuts_the_middle() -> None:
    image = np.zeros((120, 160, 4), np.uint8)
    image[:, 75:85] = 255
    out = Framing(120, 160, "fill").apply(Frame(image, 0, 0.0)).image
    bright = np.flatnonzero(out[80, :, 0] > 128)
    assert bright.mean() == pytest.approx(59.5, abs=1)
    assert len(bright) == pytest.approx(10 * 160 / 120, abs=2)


def test_follow_moves_the_crop_to_the_face_inside_the_image() -> None:
    framing = Framing(120, 160, "follow")
    image = np.zeros((120, 160, 4), np.uint8)
    cv2.circle(image, (150, 60), 5, (255, 255, 255, 255), -1)
    for step in range(150):
        out = framing.apply(Frame(image, step, step / 30), (150.0, 60.0)).image
    assert (out[..., 0] > 128).any()
    column = float(np.flatnonzero((out[..., 0] > 128).any(axis=0)).mean())
    calm = framing.apply(Frame(image, 151, 151 / 30), (148.0, 60.0)).image
    assert np.array_equal(calm, out)  # small movements do not move the cut
    assert column > 60  # the cut cannot leave the picture, so the face stands right of the middle


def test_follow_rests_with_the_face_in_the_middle() -> None:
    framing = Framing(60, 120, "follow")
    image = np.zeros((120, 160, 4), np.uint8)
    image[:, 95:105] = 255
    framing.apply(Frame(image, 0, 0.0), None)
    framing.apply(Frame(image, 1, 0.03), (60.0, 60.0))
    for step in range(2, 200):
        out = framing.apply(Frame(image, step, step / 30), (100.0, 60.0)).image
    bright = np.flatnonzero(out[60, :, 0] > 128)
    assert bright.mean() == pytest.approx(29.5, abs=1.5)

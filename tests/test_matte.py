"""A coarse mask of a person becomes exact at the edges in the image."""

import cv2
import numpy as np
import pytest

from livecam.compose.matte import Matte
from livecam.core.frame import Rect
from livecam.segmentation.base import cell_of, grid_of

SIZE = (640, 360)


def cutout(size=SIZE, shift=0.0):
    """Alpha 0..1 of a round head with tufts on shoulders, with an edge about two pixels soft."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = x - width / 2 - shift
    angle = np.arctan2(y - 0.4 * height, x)
    radius = 0.24 * height * (1 + 0.06 * np.sin(24 * angle))
    head = radius - np.hypot(x, y - 0.4 * height)
    body = 0.32 * height - np.hypot(x * 0.7, y - height)
    return np.clip(np.maximum(head, body) / 2 + 0.5, 0, 1)


def picture_of(alpha, seed=1):
    """A person with a texture before a room with another, uint8[h, w, 4]."""
    height, width = alpha.shape
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 1))
    coarse = cv2.resize(noise[::16, ::16, 0].copy(), (width, height))[..., None]
    person = np.array((96, 62, 48)) + 14 * coarse + 3 * noise
    room = np.array((120, 138, 160)) - 18 * coarse[::-1] + 3 * noise
    image = np.full((height, width, 4), 255, np.uint8)
    mixed = alpha[..., None] * person + (1 - alpha[..., None]) * room
    image[..., :3] = mixed.round().clip(0, 255)
    return image


def coarse(alpha, error_px=4.0):
    """Returns the mask as from a segmenter: blurred, moved, and on the grid."""
    height, width = alpha.shape
    cell = cell_of(width, height)
    move = np.float32(((1, 0, error_px), (0, 1, -error_px / 2)))
    moved = cv2.warpAffine(alpha, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(cv2.GaussianBlur(moved, (0, 0), 5), grid_of(width, height))
    return (255 * small).round().astype(np.uint8), cell


def error(mask, alpha):
    """Mean error 0..1 within 12 pixels of the true edge."""
    edge = (alpha > 0.02) & (alpha < 0.98)
    band = cv2.dilate(edge.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    return float(np.abs(mask / 255 - alpha)[band].mean())


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (427, 241)])
def test_edges_are_where_the_image_has_them(size):
    alpha = cutout(size)
    person, cell = coarse(alpha)
    refined = Matte().refine(person, cell, picture_of(alpha))
    large = cv2.resize(person, size)
    assert refined.shape == alpha.shape
    assert error(refined, alpha) < 0.35 * error(large, alpha)
    assert error(refined, alpha) < 0.06


def test_the_inside_is_opaque_and_the_outside_transparent():
    alpha = cutout()
    refined = Matte().refine(*coarse(alpha), picture_of(alpha))
    near = np.ones((41, 41), np.uint8)
    assert (refined[cv2.erode(alpha, near) == 1] == 255).all()
    assert (refined[cv2.dilate(alpha, near) == 0] == 0).all()


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_without_an_edge_stays_as_it_is(value):
    image = picture_of(cutout())
    columns, rows = grid_of(*SIZE)
    person = np.full((rows, columns), value, np.uint8)
    assert (Matte().refine(person, cell_of(*SIZE), image) == value).all()


def test_a_region_is_computed_as_in_the_whole_and_the_rest_is_empty():
    alpha = cutout()
    person, cell = coarse(alpha)
    image = picture_of(alpha)
    whole = Matte().refine(person, cell, image)
    region = Rect(201, 33, 420, 250)
    part = Matte().refine(person, cell, image, region)
    assert (part[region.slices] == whole[region.slices]).all()
    outside = np.ones(alpha.shape, bool)
    outside[region.slices] = False
    assert not part[outside].any()
    assert not Matte().refine(person, cell, image, Rect(0, 0, 0, 0)).any()


def test_a_flickering_mask_of_a_still_is_calmed():
    alpha = cutout()
    image = picture_of(alpha)
    rng = np.random.default_rng(3)
    matte, calm, wild = Matte(), [], []
    for _ in range(12):
        person, cell = coarse(alpha, rng.uniform(-4, 4))
        calm.append(matte.refine(person, cell, image).astype(float))
        wild.append(Matte().refine(person, cell, image).astype(float))
    flicker = [np.abs(np.diff(masks[2:], axis=0)).mean() for masks in (calm, wild)]
    assert flicker[0] < 0.5 * flicker[1]


def test_a_moving_edge_leaves_no_trail():
    person, cell = coarse(cutout(shift=-60))
    matte = Matte()
    matte.refine(person, cell, picture_of(cutout(shift=-60)))
    alpha = cutout(shift=60)
    after = matte.refine(*coarse(alpha), picture_of(alpha)).copy()
    fresh = Matte().refine(*coarse(alpha), picture_of(alpha))
    assert error(after, alpha) < error(fresh, alpha) + 0.01
    assert (after[cv2.dilate(alpha, np.ones((61, 61), np.uint8)) == 0] == 0).all()


def test_after_reset_the_last_frame_is_not_used():
    alpha = cutout()
    image = picture_of(alpha)
    matte = Matte()
    matte.refine(*coarse(alpha, -4), image)
    matte.reset()
    after = matte.refine(*coarse(alpha, 4), image)
    assert (after == Matte().refine(*coarse(alpha, 4), image)).all()


def test_another_size_of_image_is_accepted():
    matte = Matte()
    for size in ((640, 360), (320, 240), (640, 360)):
        alpha = cutout(size)
        assert matte.refine(*coarse(alpha, 2), picture_of(alpha)).shape == alpha.shape

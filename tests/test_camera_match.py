"""The noise and the blur of a camera are measured, and rendered heads get as much of them."""

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.compose.base import Layers
from livecam.compose.camera_blur import CameraBlur, apply_blur, camera_blur, motion_kernel
from livecam.compose.camera_model import (
    LUMAS,
    UNKNOWN,
    CameraEstimator,
    CameraModel,
    edge_blur_px,
    luma_tiles,
    measure_noise,
    tiles_of,
)
from livecam.compose.grain import Grain
from livecam.compose.painter import FullPainter
from livecam.config.settings import RenderSettings
from livecam.core.frame import Rect
from livecam.core.timing import StageTimer
from livecam.render.context import open_graphics

WIDTH, HEIGHT = 640, 360
FPS = 30


def room():
    """A scene without noise: walls of every brightness, soft as a lens makes them."""
    image = np.zeros((HEIGHT, WIDTH), np.float64)
    image += np.linspace(30, 210, WIDTH // 40).repeat(40)
    image[HEIGHT // 2 :] = 250 - image[HEIGHT // 2 :]
    return cv2.GaussianBlur(image, (0, 0), 1.0)


def noisy(clean, sigma, blur_px, random):
    """An image of that scene: uint8[h, w, 4]; `sigma` may differ from pixel to pixel."""
    noise = random.standard_normal(clean.shape)
    if blur_px:
        noise = cv2.GaussianBlur(noise, (0, 0), blur_px)
        noise /= noise.std()
    luma = np.clip(np.rint(clean + sigma * noise), 0, 255).astype(np.uint8)
    image = np.full((*clean.shape, 4), 255, np.uint8)
    image[..., :3] = luma[..., None]
    return image


def measured(sigma, blur_px, pictures=40, clean=None):
    random = np.random.default_rng(5)
    clean = room() if clean is None else clean
    camera = CameraEstimator()
    for i in range(pictures):
        camera.update(noisy(clean, sigma, blur_px, random), None, i / FPS)
    return camera.model


@pytest.mark.parametrize("blur_px", [0.0, 0.7, 1.2])
@pytest.mark.parametrize("sigma", [1.0, 3.0, 6.0])
def test_noise_is_measured_with_its_blur(sigma, blur_px):
    model = measured(sigma, blur_px)
    assert np.allclose(model.noise, sigma, rtol=0.25)
    assert model.grain_px == pytest.approx(blur_px, abs=0.25)


def test_the_noise_of_a_noiseless_image_is_zero():
    assert measured(0.0, 0.0).noise == UNKNOWN.noise


def test_noise_is_measured_as_a_function_of_luma():
    clean = room()
    model = measured(1 + 4 * clean / 255, 0.7, 120)
    wanted = 1 + 4 * LUMAS / 255
    assert np.allclose(model.noise[1:-1], wanted[1:-1], rtol=0.25)


def panned(clean, pictures=60):
    random, camera = np.random.default_rng(5), CameraEstimator()
    for i in range(pictures):
        camera.update(noisy(np.roll(clean, 7 * i, axis=1), 3.0, 0.7, random), None, i / FPS)
    return camera.model


def test_noise_is_found_while_the_camera_moves():
    assert np.allclose(panned(room()).noise, 3.0, rtol=0.25)


def test_a_texture_that_moves_is_not_taken_for_noise():
    assert panned(room() + 25 * np.sin(np.arange(WIDTH) / 3)).noise == UNKNOWN.noise


def test_noise_is_estimated_from_one_frame_when_everything_moves():
    random, parts = np.random.default_rng(5), tiles_of(WIDTH, HEIGHT, 0)
    before = 128 + 60 * np.sin(np.mgrid[:HEIGHT, :WIDTH].sum(axis=0) / 6)
    now = luma_tiles(noisy(room(), 3.0, 0.7, random), parts)
    earlier = luma_tiles(noisy(before, 3.0, 0.7, random), parts)
    noise, _ = measure_noise(now, earlier)
    assert np.median(noise) == pytest.approx(3.0, rel=0.35)


def test_a_repeated_frame_does_not_count_as_noiseless():
    random, clean = np.random.default_rng(5), room()
    camera = CameraEstimator()
    for i in range(60):
        if i % 2 == 0:
            image = noisy(clean, 3.0, 0.0, random)
        camera.update(image, None, i / FPS)
    assert np.allclose(camera.model.noise, 3.0, rtol=0.25)


def test_a_step_back_in_time_restarts_the_estimate():
    camera = CameraEstimator()
    random = np.random.default_rng(5)
    for at in (10.0, 10.03):
        camera.update(noisy(room(), 3.0, 0.0, random), None, at)
    assert camera.model.noise != UNKNOWN.noise
    camera.update(np.zeros((HEIGHT, WIDTH, 4), np.uint8), None, 3.0)
    assert camera.model == UNKNOWN


def edges(blur_px, noise=0.0):
    """Dark discs on a light ground, blurred by a lens."""
    fine = np.full((1200, 1200), 190, np.uint8)
    for y in range(100, 1200, 200):
        for x in range(100, 1200, 200):
            cv2.circle(fine, (x + y // 7, y), 70, 60, cv2.FILLED)
    fine = cv2.GaussianBlur(fine.astype(np.float64), (0, 0), 4 * blur_px) if blur_px else fine
    clean = cv2.resize(fine.astype(np.float64), (300, 300), interpolation=cv2.INTER_AREA)
    return noisy(clean, noise, 0.7, np.random.default_rng(5))


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("blur_px", [0.5, 0.8, 1.2, 1.6])
def test_the_softness_of_edges_is_measured(blur_px, noise):
    assert edge_blur_px(edges(blur_px, noise)) == pytest.approx(blur_px, abs=0.25)


def test_without_edges_their_blur_is_unknown():
    assert (
        edge_blur_px(noisy(np.full((300, 300), 90.0), 2.0, 0.0, np.random.default_rng(1))) is None
    )


def head():
    """A white disc, premultiplied."""
    out = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(out, (100, 100), 60, (255, 255, 255, 255), cv2.FILLED)
    return out


def test_only_the_missing_blur_is_added_to_a_head():
    assert camera_blur(CameraModel(edge_px=0.6)) == CameraBlur()
    soft = camera_blur(CameraModel(edge_px=1.4))
    assert soft.blur_px**2 + 0.65**2 == pytest.approx(1.4**2)
    blurred = apply_blur(head(), soft)
    assert np.array_equal(blurred, cv2.GaussianBlur(head(), (0, 0), soft.blur_px))
    assert camera_blur(CameraModel(edge_px=1.4), (9.0, 4.0), strength=0.0) == CameraBlur()
    assert np.array_equal(apply_blur(head(), CameraBlur()), head())


def test_a_blurred_head_stays_premultiplied():
    out = apply_blur(head(), camera_blur(CameraModel(edge_px=1.5), (9.0, 4.0)))
    assert (out[..., :3] <= out[..., 3:]).all()


@pytest.mark.parametrize("angle", [0, 30, 90, 135, 200])
def test_the_streak_is_along_the_motion_and_keeps_the_light(angle):
    direction = np.array((np.cos(np.radians(angle)), np.sin(np.radians(angle))))
    kernel = motion_kernel(tuple(6 * direction))
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    middle = kernel.shape[0] // 2
    y, x = np.mgrid[-middle : middle + 1, -middle : middle + 1]
    spread = np.array(
        ((np.sum(kernel * x * x), np.sum(kernel * x * y)), (0, np.sum(kernel * y * y)))
    )
    spread[1, 0] = spread[0, 1]
    assert np.sum(kernel * x) == pytest.approx(0, abs=1e-4)
    assert abs(np.linalg.eigh(spread)[1][:, 1] @ direction) > 0.99
    assert direction @ spread @ direction == pytest.approx(6**2 / 12, rel=0.1)


def test_a_streak_is_as_long_as_half_a_frame_and_never_long():
    assert camera_blur(UNKNOWN, (2.0, 1.0)).streak_px == (0.0, 0.0)
    assert camera_blur(UNKNOWN, (10.0, 0.0), strength=0.0).streak_px == (0.0, 0.0)
    assert camera_blur(UNKNOWN, (6.0, 8.0)).streak_px == pytest.approx((3.0, 4.0))
    assert camera_blur(UNKNOWN, (400.0, 0.0)) == camera_blur(UNKNOWN, (16.0, 0.0))
    assert motion_kernel((0.0, 0.0)) is None


@pytest.mark.parametrize("streak_px", [(0.0, 0.0), (8.0, 0.0), (5.0, 5.0)])
def test_the_gpu_softens_a_head_like_the_processor(streak_px):
    blur = CameraBlur(1.5, streak_px)
    black = np.zeros((240, 320, 4), np.uint8)
    black[..., 3] = 255
    with open_graphics() as graphics:
        avatar = load_avatar("raccoon")
        painter = FullPainter(graphics, avatar, RenderSettings(shells=4), StageTimer())
        place = np.eye(4)
        place[2, 3] = -0.8
        state = AvatarState(place, place, np.zeros(52, np.float32))
        drawn = {}
        for asked in (CameraBlur(), blur):
            painter.begin(black.copy())
            painter.add(state, 0.0, blur=asked)
            drawn[asked] = painter.finish()[..., :3].astype(np.float32) / 255
        painter.release()
    sharp, soft = (drawn[asked] ** 2.2 for asked in (CameraBlur(), blur))
    expected = cv2.GaussianBlur(sharp, (0, 0), blur.blur_px)
    if any(streak_px):
        expected = cv2.filter2D(expected, -1, motion_kernel(streak_px))
    assert sharp.max() > 0.3
    assert np.abs(soft - sharp).mean() > 3 * np.abs(soft - expected).mean()


def layers(image, made):
    nothing = np.zeros_like(made)
    return Layers(image, image.copy(), None, (), made, made, nothing, Rect(0, 0, 0, 0))


def grained(grain, value=120, made=None, size=(HEIGHT, WIDTH)):
    """The output of the stage for a uniform image, and that image."""
    image = np.full((*size, 4), value, np.uint8)
    image[..., 3] = 255
    if made is None:
        made = np.zeros(size, np.uint8)
        made[40:-60, 100:-80] = 255
    what = layers(image, made)
    grain.apply(what)
    return what.image, image, made


def test_grain_is_as_strong_as_measured_and_stays_inside():
    grain = Grain(CameraModel(noise=(3.0,) * len(LUMAS), grain_px=0.7))
    out, image, made = grained(grain)
    assert np.array_equal(out[made == 0], image[made == 0])
    assert np.array_equal(out[..., 3], image[..., 3])
    added = cv2.cvtColor(out, cv2.COLOR_RGBA2GRAY)[made == 255].astype(float) - 120
    assert added.std() == pytest.approx(3.0, rel=0.1)
    assert abs(added.mean()) < 0.1


def test_grain_that_was_measured_measures_the_same_again():
    random, clean = np.random.default_rng(5), room()
    model = measured(3.0, 0.7)
    grain, camera = Grain(model), CameraEstimator()
    everywhere = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for i in range(40):
        what = layers(noisy(clean, 0.0, 0.0, random), everywhere)
        grain.apply(what)
        camera.update(what.image, None, i / FPS)
    assert np.allclose(camera.model.noise, 3.0, rtol=0.25)
    assert camera.model.grain_px == pytest.approx(0.7, abs=0.25)


def test_grain_follows_luma_mask_and_strength():
    noise = tuple(np.linspace(1, 6, len(LUMAS)))
    model = CameraModel(noise=noise)

    def deviation(value=120, made=255, strength=1.0):
        mask = np.full((HEIGHT, WIDTH), made, np.uint8)
        out, _, _ = grained(Grain(model, strength), value, mask)
        return cv2.cvtColor(out, cv2.COLOR_RGBA2GRAY).std()

    assert deviation(48) == pytest.approx(noise[1], rel=0.12)
    assert deviation(208) == pytest.approx(noise[6], rel=0.12)
    assert deviation(208, made=128) == pytest.approx(noise[6] / 2, rel=0.15)
    assert deviation(208, strength=0.5) == pytest.approx(noise[6] / 2, rel=0.15)
    assert deviation(strength=0.0) == 0


def test_grain_changes_from_frame_to_frame_like_the_source():
    random = np.random.default_rng(5)
    even = np.full((HEIGHT, WIDTH), 120.0)
    source = [noisy(even, 2.0, 0.7, random)[..., 0].astype(float) for _ in range(8)]
    grain = Grain(measured(2.0, 0.7))
    ours = [
        cv2.cvtColor(grained(grain)[0], cv2.COLOR_RGBA2GRAY)[60:-80, 120:-100] for _ in range(8)
    ]
    boiling = np.abs(np.diff(np.array(ours, float), axis=0)).mean()
    assert 0.7 < boiling / np.abs(np.diff(np.array(source), axis=0)).mean() < 1.2


def test_the_same_frames_get_the_same_grain():
    grain = Grain(CameraModel(noise=(3.0,) * len(LUMAS)))
    first, second = grained(grain)[0], grained(grain)[0]
    assert not np.array_equal(first, second)
    grain.reset()
    assert np.array_equal(grained(grain)[0], first)

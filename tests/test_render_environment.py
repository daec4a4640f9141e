"""The environment map follows the image: slowly, and without its details."""

import numpy as np
import pytest

from livecam.render.context import open_graphics
from livecam.render.environment import SETTLES_S, SIZE, EnvironmentMap, environment_of


def picture(level, width=320, height=180):
    return np.full((height, width, 4), level, np.uint8)


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        yield opened


def light(room):
    texels = np.frombuffer(room.texture.read(), np.float16)
    return texels.reshape(SIZE[1], SIZE[0], 4)[..., :3].astype(float)


def test_a_window_on_the_left_is_bright_on_the_left():
    image = picture(40)
    image[:, :80] = 250
    there = environment_of(image)
    assert there[:, 1].mean() > 10 * there[:, -2].mean()


@pytest.mark.parametrize("size", [(16, 8), (17, 9), (64, 48), (720, 1280), (1280, 720)])
def test_images_of_any_shape_are_sampled_evenly(size):
    there = environment_of(picture(128, *size))
    assert there.shape == (SIZE[1], SIZE[0], 3)
    assert np.ptp(there) < 1e-3


def test_the_first_image_is_taken_at_once_and_later_ones_slowly(graphics):
    room = EnvironmentMap(graphics.ctx)
    room.update(picture(200), 10.0)
    bright = light(room).mean()
    room.update(picture(0), 10.0 + SETTLES_S)
    assert light(room).mean() == pytest.approx(bright * np.exp(-1), rel=0.02)
    room.release()


def test_a_flickering_lamp_does_not_flicker_in_the_map(graphics):
    room = EnvironmentMap(graphics.ctx)
    levels = []
    for i in range(60):
        room.update(picture(200 if i % 2 else 120), i / 30)
        levels.append(light(room).mean())
    steps = np.abs(np.diff(levels[30:]))
    assert steps.max() < 0.05 * np.mean(levels)
    room.release()


def test_time_that_goes_back_changes_nothing(graphics):
    room = EnvironmentMap(graphics.ctx)
    room.update(picture(200), 10.0)
    before = light(room)
    room.update(picture(0), 9.0)
    assert np.array_equal(light(room), before)
    room.release()

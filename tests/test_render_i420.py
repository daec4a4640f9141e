"""The GPU makes the same I420 as swscale does."""

import numpy as np
import pytest

from livecam.media.color import I420Converter
from livecam.render.context import open_graphics
from livecam.render.i420 import GpuI420

WIDTH, HEIGHT = 70, 46  # rows of colour that do not fill a row of luma evenly


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        yield opened


def smooth(seed=0):
    """Every hue, but no steps finer than a block of colour."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    angle = x / WIDTH * 6.28 + seed
    image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    for channel in range(3):
        wave = 0.5 + 0.5 * np.cos(angle + channel * 2.1)
        image[..., channel] = 255 * (wave * (1 - y / HEIGHT) + 0.5 * y / HEIGHT)
    return image


def test_smooth_colours_agree_with_swscale_within_two_levels(graphics):
    converter = GpuI420(graphics.ctx, WIDTH, HEIGHT, delay=0)
    ours = converter.convert(smooth())
    theirs = I420Converter(WIDTH, HEIGHT).convert(smooth())
    assert ours is not None
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference[:HEIGHT].max() <= 1
    assert difference.max() <= 2
    for program in converter.programs:
        assert program.active <= program.written
    converter.release()


def test_black_white_and_grey_use_the_limited_range(graphics):
    converter = GpuI420(graphics.ctx, WIDTH, HEIGHT, delay=0)
    for level, luma in ((0, 16), (255, 235), (128, 126)):
        image = np.full((HEIGHT, WIDTH, 4), level, np.uint8)
        out = converter.convert(image)
        assert (out[:HEIGHT] == luma).all()
        assert (out[HEIGHT:] == 128).all()
    converter.release()


def test_pictures_come_back_in_order_after_the_delay(graphics):
    converter = GpuI420(graphics.ctx, WIDTH, HEIGHT, delay=2)
    pictures = [np.full((HEIGHT, WIDTH, 4), 20 * i, np.uint8) for i in range(5)]
    got = [converter.convert(p) for p in pictures]
    assert got[0] is None
    assert got[1] is None
    late = [p for p in got if p is not None] + converter.flush()
    wanted = [round(16 + 219 * 20 * i / 255) for i in range(5)]
    assert [int(p[0, 0]) for p in late] == wanted
    converter.release()


def test_odd_sizes_are_refused(graphics):
    with pytest.raises(ValueError, match="even"):
        GpuI420(graphics.ctx, 71, 46)

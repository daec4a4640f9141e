"""The GPU makes the same I420 as swscale does."""

from collections.abc import Iterator

import moderngl
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.media.color import I420Converter
from livecam.render.context import Graphics, open_graphics
from livecam.render.i420 import GpuI420
from livecam.render.targets import ImageTarget
from tests.render_help import used_uniforms, written_uniforms

WIDTH, HEIGHT = 70, 46  # rows of colour that do not fill a row of luma evenly


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


def colours() -> Image:
    """Every hue, and hard edges inside blocks of colour."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    for channel in range(3):
        wave = 0.5 + 0.5 * np.cos(x / WIDTH * 6.28 + channel * 2.1)
        image[..., channel] = 255 * (wave * (1 - y / HEIGHT) + 0.5 * y / HEIGHT)
    image[20:30, 31:40, :3] = (255, 40, 10)
    return image


def converted(ctx: moderngl.Context, image: Image) -> Image:
    target = ImageTarget(ctx, (WIDTH, HEIGHT))
    target.upload(image)
    converter = GpuI420(ctx, WIDTH, HEIGHT)
    planes = converter.convert(target.texture)
    converter.release()
    target.release()
    return planes


def test_every_active_uniform_is_set(graphics: Graphics, monkeypatch: pytest.MonkeyPatch) -> None:
    written = written_uniforms(monkeypatch)
    converted(graphics.ctx, colours())
    [(program, names)] = written.items()
    assert used_uniforms(program) <= names


def test_it_agrees_with_swscale_within_two_levels(graphics: Graphics) -> None:
    ours = converted(graphics.ctx, colours()).astype(int)
    theirs = I420Converter(WIDTH, HEIGHT).convert(colours()).astype(int)
    assert np.abs(ours - theirs)[:HEIGHT].max() <= 1
    assert np.abs(ours - theirs).max() <= 2


def test_black_white_and_grey_use_the_limited_range(graphics: Graphics) -> None:
    for level, luma in ((0, 16), (255, 235), (128, 126)):
        out = converted(graphics.ctx, np.full((HEIGHT, WIDTH, 4), level, np.uint8))
        assert (out[:HEIGHT] == luma).all()
        assert (out[HEIGHT:] == 128).all()


def test_odd_sizes_are_refused(graphics: Graphics) -> None:
    with pytest.raises(ValueError, match="even"):
        GpuI420(graphics.ctx, 71, 46)

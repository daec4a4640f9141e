"""Heads are drawn over the picture, and nothing else of it changes."""

from dataclasses import replace

import numpy as np
import pytest

from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import RenderSettings
from livecam.core.frame import Frame
from livecam.core.timing import StageTimer
from livecam.render.context import open_graphics
from tests.render_help import at, ball_avatar

WIDTH, HEIGHT = 320, 240


def picture(color=(200, 60, 200)):
    image = np.full((HEIGHT, WIDTH, 4), (*color, 255), np.uint8)
    image[::7, ::5, :3] = 10
    return Frame(image, 4, 1.25)


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        yield opened


@pytest.fixture
def compositor(graphics):
    made = HeadCompositor(graphics, ball_avatar(), RenderSettings(), (WIDTH, HEIGHT))
    yield made
    made.close()


def test_the_head_covers_the_middle_and_the_frame_keeps_its_identity(compositor):
    frame = picture()
    out = compositor.compose(frame, [at()])
    r, g, b, a = out.image[HEIGHT // 2, WIDTH // 2]
    assert g > r
    assert g > b
    assert a == 255
    assert (out.index, out.captured_at, out.size) == (4, 1.25, (WIDTH, HEIGHT))


def test_the_given_frame_stays_untouched(compositor):
    frame = picture()
    before = frame.image.copy()
    compositor.compose(frame, [at()])
    assert np.array_equal(frame.image, before)


def test_pixels_outside_drawn_are_exact_copies(compositor):
    frame = picture()
    out = compositor.compose(frame, [at(x=0.1)])
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[compositor.drawn.slices] = False
    assert outside.any()
    assert not compositor.drawn.empty
    assert np.array_equal(out.image[outside], frame.image[outside])


def test_a_face_that_is_painted_out_beside_the_head_counts_as_drawn(compositor):
    frame = picture()
    outline = np.array([(20, 20), (90, 20), (90, 140), (20, 140)], np.float32)
    out = compositor.compose(frame, [replace(at(x=0.1), face_px=outline)])
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[compositor.drawn.slices] = False
    assert not np.array_equal(out.image[30:60, 30:60], frame.image[30:60, 30:60])
    assert np.array_equal(out.image[outside], frame.image[outside])


def test_without_avatars_the_picture_is_a_copy(compositor):
    frame = picture()
    out = compositor.compose(frame, [])
    assert np.array_equal(out.image, frame.image)
    assert out.image is not frame.image
    assert compositor.drawn.empty


@pytest.mark.parametrize(
    "state",
    [at(z=0.6), at(x=5.0), at(y=-9.0), at(z=-1e-9, x=1e6)],
    ids=["behind", "right", "below", "absurd"],
)
def test_a_head_outside_the_picture_draws_nothing(compositor, state):
    frame = picture()
    out = compositor.compose(frame, [state])
    assert np.array_equal(out.image, frame.image)


@pytest.mark.parametrize(
    "state",
    [at(z=-0.05), at(x=0.35), at(x=-0.35, y=0.2), at(y=0.3), at(z=-0.121), at(z=-8.0)],
    ids=["round the camera", "right", "corner", "top", "touching", "far"],
)
def test_a_head_partly_inside_is_cut_without_complaint(compositor, state):
    out = compositor.compose(picture(), [state])
    assert out.image.shape == (HEIGHT, WIDTH, 4)
    assert (out.image[..., 3] == 255).all()


def test_the_nearer_of_two_heads_is_in_front_in_either_order(graphics):
    compositor = HeadCompositor(
        graphics, ball_avatar(), RenderSettings(shadow=0.0), (WIDTH, HEIGHT)
    )
    near, far = at(x=0.03, z=-0.5), at(x=-0.05, z=-0.9)
    one = compositor.compose(picture(), [near, far])
    two = compositor.compose(picture(), [far, near])
    compositor.close()
    assert np.array_equal(one.image, two.image)


def test_an_edge_pixel_is_a_mixture_in_linear_light(graphics):
    compositor = HeadCompositor(
        graphics, ball_avatar((0.0, 0.0, 0.0)), RenderSettings(shadow=0.0), (WIDTH, HEIGHT)
    )
    white = Frame(np.full((HEIGHT, WIDTH, 4), 255, np.uint8), 0, 0.0)
    row = compositor.compose(white, [at()]).image[HEIGHT // 2, :, 0].astype(int)
    compositor.close()
    edge = row[(row > 60) & (row < 250)]
    # half coverage of black over white is 188 in sRGB, not 128
    assert edge.size
    assert np.diff(row[: WIDTH // 2]).max() <= 60


def test_the_shadow_darkens_below_and_never_above_the_neck(graphics):
    plain = Frame(np.full((HEIGHT, WIDTH, 4), 200, np.uint8), 0, 0.0)
    pictures = []
    for strength in (0.0, 1.0):
        compositor = HeadCompositor(
            graphics, ball_avatar(), RenderSettings(shadow=strength), (WIDTH, HEIGHT)
        )
        pictures.append(compositor.compose(plain, [at(y=0.05)]).image.astype(int))
        compositor.close()
    darker = pictures[0] - pictures[1]
    assert (darker >= 0).all()
    assert darker[HEIGHT // 2 :].max() > 20
    assert darker[: HEIGHT // 2 - 30].max() == 0
    assert darker[..., 3].max() == 0


def test_morphs_move_the_head_and_come_back(compositor):
    rest = compositor.compose(picture(), [at()]).image
    opened = compositor.compose(picture(), [at(jawOpen=1.0)]).image
    again = compositor.compose(picture(), [at()]).image
    assert not np.array_equal(rest, opened)
    assert np.array_equal(rest, again)


def test_another_avatar_can_be_put_on_while_running(compositor):
    compositor.set_avatar(ball_avatar((0.7, 0.05, 0.05)))
    r, g, _, _ = compositor.compose(picture(), [at()]).image[HEIGHT // 2, WIDTH // 2]
    assert r > g


def test_every_stage_is_timed(graphics):
    timer = StageTimer()
    compositor = HeadCompositor(graphics, ball_avatar(), RenderSettings(), (WIDTH, HEIGHT), timer)
    compositor.compose(picture(), [at()])
    compositor.close()
    assert {"morph", "draw", "read", "shadow", "blend"} <= set(timer.last_ms())

"""Heads are drawn over the image, and nothing else of it changes."""

from dataclasses import replace
from types import SimpleNamespace

import moderngl
import numpy as np
import pytest

from livecam.compose.compositor import HeadCompositor, choose_tier
from livecam.config.settings import RenderSettings
from livecam.core.errors import GraphicsError
from livecam.core.frame import Frame, Rect
from livecam.core.srgb import linear_from_srgb, srgb_from_linear
from livecam.core.timing import StageTimer
from livecam.kernels.pixels import blend
from livecam.render.context import open_graphics
from livecam.render.targets import ImageTarget
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


def made(graphics, tier="light", shadow=0.5, color=(0.1, 0.6, 0.1), timer=None):
    settings = RenderSettings(tier=tier, shadow=shadow)
    return HeadCompositor(graphics, ball_avatar(color), settings, (WIDTH, HEIGHT), timer)


@pytest.fixture(params=["light", "full"])
def tier(request):
    return request.param


@pytest.fixture
def compositor(graphics, tier):
    compositor = made(graphics, tier)
    yield compositor
    compositor.close()


def test_the_head_covers_the_middle_and_the_frame_keeps_index_and_time(compositor):
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


def test_without_avatars_the_image_is_a_copy(compositor):
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
def test_a_head_outside_the_image_draws_nothing(compositor, state):
    frame = picture()
    out = compositor.compose(frame, [state])
    assert np.array_equal(out.image, frame.image)


@pytest.mark.parametrize(
    "state",
    [
        at(z=-0.05),
        at(x=0.35),
        at(x=-0.35, y=0.2),
        at(y=0.3),
        at(z=-0.121),
        at(z=-8.0),
        at(x=0.621),
    ],
    ids=["round the camera", "right", "corner", "top", "touching", "far", "a sliver"],
)
def test_a_head_partly_outside_the_image_is_clipped(compositor, state):
    out = compositor.compose(picture(), [state])
    assert out.image.shape == (HEIGHT, WIDTH, 4)
    assert (out.image[..., 3] == 255).all()


def test_the_nearer_of_two_heads_is_in_front_in_either_order(graphics, tier):
    compositor = made(graphics, tier, shadow=0.0)
    near, far = at(x=0.03, z=-0.5), at(x=-0.05, z=-0.9)
    one = compositor.compose(picture(), [near, far])
    two = compositor.compose(picture(), [far, near])
    compositor.close()
    assert np.array_equal(one.image, two.image)


def test_both_tiers_draw_the_head_at_the_same_place(graphics):
    covered = []
    for tier in ("light", "full"):
        compositor = made(graphics, tier, shadow=0.0)
        out = compositor.compose(picture(), [at(x=0.05, y=-0.03)]).image
        compositor.close()
        covered.append((out != picture().image).any(axis=-1))
    both, either = covered[0] & covered[1], covered[0] | covered[1]
    assert both.sum() / either.sum() > 0.97


def test_half_a_pixel_of_white_over_black_is_half_the_light():
    under = np.zeros((2, 2, 4), np.uint8)
    over = np.zeros((2, 2, 4), np.uint8)
    over[0, 0] = 128  # premultiplied white at half coverage
    over[0, 1] = (10, 20, 30, 255)
    blend(under, over, np.zeros((2, 2), np.uint8), 0, 0)
    assert under[0, 0, :3].tolist() == [188] * 3  # half of the light; half of the code is 128
    assert under[0, 1].tolist() == [10, 20, 30, 255]
    assert not under[1].any()


def test_the_gpu_blends_in_linear_light_and_leaves_bytes_it_does_not_touch(graphics):
    target = ImageTarget(graphics.ctx, (256, 2))
    image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 2, axis=0)
    image = np.concatenate((np.repeat(image, 3, axis=2), np.full((2, 256, 1), 255, np.uint8)), 2)
    target.upload(image)
    target.begin(Rect(0, 1, 256, 2))
    program = graphics.ctx.program(
        "#version 330\nvoid main() {"
        " gl_Position = vec4(4 * (gl_VertexID & 1) - 1, 2 * (gl_VertexID & 2) - 1, 0, 1); }",
        "#version 330\nout vec4 pixel; void main() { pixel = vec4(0.25, 0.25, 0.25, 0.5); }",
    )
    graphics.ctx.vertex_array(program, []).render(vertices=3)
    target.end()
    out = target.read(Rect(0, 0, 256, 2))
    target.release()
    assert np.array_equal(out[0], image[0])
    wanted = srgb_from_linear(0.25 + 0.5 * linear_from_srgb(np.arange(256) / 255)) * 255
    assert np.abs(out[1, :, 0] - wanted).max() <= 1


def test_the_shadow_darkens_below_and_never_above_the_neck(graphics, tier):
    plain = Frame(np.full((HEIGHT, WIDTH, 4), (200, 200, 200, 255), np.uint8), 0, 0.0)
    pictures = []
    for strength in (0.0, 1.0):
        compositor = made(graphics, tier, shadow=strength)
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


def test_every_stage_is_timed(graphics, tier):
    timer = StageTimer()
    compositor = made(graphics, tier, timer=timer)
    compositor.compose(picture(), [at()])
    compositor.close()
    assert {"morph", "draw", "read", "shadow", "blend"} <= set(timer.last_ms())


def test_software_renderers_get_the_light_tier_unless_the_settings_choose(graphics):
    avatar, size = ball_avatar(), (64, 48)
    slow = SimpleNamespace(ctx=graphics.ctx, calls=graphics.calls, software=True)
    assert choose_tier(slow, RenderSettings(), avatar, size) == "light"
    assert choose_tier(slow, RenderSettings(tier="full"), avatar, size) == "full"


def test_without_hurry_a_software_renderer_gets_the_full_tier_where_it_works(graphics):
    avatar, widest = ball_avatar(), int(graphics.ctx.info["GL_MAX_TEXTURE_SIZE"])
    slow = SimpleNamespace(
        ctx=graphics.ctx, calls=graphics.calls, software=True,
        release_unfinished=graphics.release_unfinished,
    )  # fmt: skip
    assert choose_tier(slow, RenderSettings(), avatar, (64, 48), hurried=False) == "full"
    assert (
        choose_tier(slow, RenderSettings(tier="light"), avatar, (64, 48), hurried=False) == "light"
    )
    assert choose_tier(slow, RenderSettings(), avatar, (widest + 2, 48), hurried=False) == "light"


@pytest.mark.parametrize(("budget_s", "wanted"), [(1e-6, "light"), (1e6, "full")])
def test_on_a_gpu_the_tier_follows_the_measured_time(graphics, monkeypatch, budget_s, wanted):
    monkeypatch.setattr("livecam.compose.compositor.FULL_BUDGET_S", budget_s)
    fast = SimpleNamespace(ctx=graphics.ctx, calls=graphics.calls, software=False)
    assert choose_tier(fast, RenderSettings(shells=1), ball_avatar(), (64, 48)) == wanted


def test_a_driver_that_gives_up_becomes_a_graphics_error(compositor, monkeypatch):
    def fail(*_):
        raise moderngl.Error("context lost")

    monkeypatch.setattr(compositor._painter, "add", fail)
    with pytest.raises(GraphicsError, match="context lost"):
        compositor.compose(picture(), [at()])


def test_a_driver_error_without_an_exception_is_detected(compositor, graphics):
    compositor._graphics = SimpleNamespace(ctx=SimpleNamespace(error="GL_OUT_OF_MEMORY"))
    with pytest.raises(GraphicsError, match="GL_OUT_OF_MEMORY"):
        compositor.compose(picture(), [at()])
    compositor._graphics = SimpleNamespace(ctx=SimpleNamespace(error="GL_INVALID_ENUM"))
    compositor.compose(picture(), [at()])  # harmless: a wrong value

"""Another background: nothing of the old one shows, and the person stays as it was."""

import threading
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from livecam.compose.background import Background, HeadAlone, background_stage, flattened
from livecam.compose.background_sources import CoarseImage, LoopedVideo, covering
from livecam.compose.base import Layers
from livecam.core.errors import ConfigError
from livecam.core.frame import Frame, Rect
from livecam.media.writer import VideoWriter
from livecam.segmentation.base import Segmentation, cell_of, grid_of

WIDTH, HEIGHT = 640, 360
PERSON, GREEN, GRAY = (150, 90, 70), (30, 200, 40), (120, 120, 120)
EMPTY_MASK = np.zeros((HEIGHT, WIDTH), np.uint8)


def disc(x=WIDTH / 2, y=HEIGHT * 0.6, radius=110.0, soft=3.0):
    """Alpha 0..1 of a round person."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = radius - np.hypot(columns - x, rows - y)
    return np.clip(away / soft + 0.5, 0, 1).astype(np.float32)


def picture(alpha, person=PERSON, room=GREEN):
    image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    noise = np.random.default_rng(1).normal(0, 2, (HEIGHT, WIDTH, 3))
    a = alpha[..., None]
    image[..., :3] = (a * np.array(person) + (1 - a) * np.array(room) + noise).clip(0, 255)
    return image


def segmentation(alpha, at=0.0):
    cell = cell_of(WIDTH, HEIGHT)
    small = cv2.resize(cv2.GaussianBlur(alpha, (0, 0), 4), grid_of(WIDTH, HEIGHT))
    mask = (255 * small).round().astype(np.uint8)
    return Segmentation(at, (WIDTH, HEIGHT), cell, mask, None, np.zeros((478, 2), np.float32))


def layers(image, segmented, coverage=EMPTY_MASK, filled=EMPTY_MASK):
    made = np.maximum(coverage, filled)
    head = Rect(0, 0, WIDTH, HEIGHT)
    return Layers(image, image.copy(), segmented, (), coverage.copy(), made, filled.copy(), head)


def applied(setting, image, segmented, **masks):
    """The image after the stage."""
    stage = background_stage(setting)
    assert stage is not None
    given = layers(image, segmented, **masks)
    stage.apply(given)
    return given.image


def grown(alpha, pixels):
    """The mask where alpha is not 0, dilated by so many pixels."""
    return cv2.dilate(alpha, np.ones((2 * pixels + 1,) * 2, np.uint8)) > 0


def inner(alpha, pixels):
    """The mask where alpha is 1, eroded by so many pixels."""
    return cv2.erode(alpha, np.ones((2 * pixels + 1,) * 2, np.uint8)) == 1


def greenness(image):
    return image[..., 1].astype(int) - image[..., [0, 2]].max(axis=-1)


@pytest.fixture
def photo(tmp_path):
    image = np.zeros((400, 1000, 3), np.uint8)
    image[:, :500] = (40, 60, 200)  # BGR: red on the left, blue on the right
    image[:, 500:] = (200, 60, 40)
    path = tmp_path / "strand café.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


@pytest.fixture
def film(tmp_path):
    """Ten frames a second; the brightness encodes which of the five it is."""
    path = tmp_path / "waves.mp4"
    with VideoWriter(path, 64, 48, Fraction(10)) as writer:
        for n in range(5):
            image = np.full((48, 64, 4), 40 * n + 20, np.uint8)
            image[..., 3] = 255
            writer.write(Frame(image, n, n / 10))
    return path


# --- what the setting says ----------------------------------------------------------------------


def test_keep_needs_no_stage():
    assert background_stage("keep") is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("blurr", 'did you mean "blur"'),
        ("#00b14", "#00b14 is no colour"),
        ("#00b14x", "is no colour"),
        ("00b140", '"00b140" is no file'),
        ("nowhere/beach.png", "there is no file nowhere/beach.png"),
    ],
)
def test_an_unusable_background_is_an_error_with_a_remedy(setting, message):
    with pytest.raises(ConfigError, match=message) as caught:
        background_stage(setting)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["broken.png", "broken.mp4", "empty.jpg", "empty.mp4"])
def test_a_file_that_is_neither_image_nor_video_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"" if name.startswith("empty") else b"neither picture nor film" * 9)
    with pytest.raises(ConfigError, match=name) as caught:
        background_stage(str(path))
    assert caught.value.hint


# --- foreground and background --------------------------------------------------------------------


def test_the_person_keeps_its_bytes_and_the_room_becomes_the_colour():
    alpha = disc()
    image = picture(alpha)
    shown = applied("#406080", image, segmentation(alpha))
    assert (shown[inner(alpha, 12)] == image[inner(alpha, 12)]).all()
    assert (shown[~grown(alpha, 12)] == (0x40, 0x60, 0x80, 255)).all()
    assert (shown[..., 3] == 255).all()


def test_no_halo_of_the_old_background_is_left():
    alpha = disc()
    image = picture(alpha)
    segmented = segmentation(alpha)
    shown = applied("#787878", image, segmented)
    rim = grown(alpha, 12) & ~inner(alpha, 12)
    # Laid over with the true alpha, but with the colours of the camera image.
    a = alpha[..., None]
    naive = a * image[..., :3] + (1 - a) * np.array(GRAY)
    assert greenness(naive)[rim].max() > 25
    assert greenness(shown)[rim].max() < 6
    # Nor its opposite, from taking away too much: the person's skin has -60.
    assert greenness(shown)[rim].min() > greenness(np.array(PERSON)) - 16


def test_without_a_segmentation_the_person_is_not_visible(photo):
    image = picture(disc())
    for setting in ("#787878", str(photo)):
        shown = applied(setting, image, None)
        other = applied(setting, 255 - image, None)
        assert (shown[..., :3] == other[..., :3]).all()


def test_an_old_segmentation_shows_no_person(photo):
    alpha = disc()
    for computed_at, is_visible in ((-0.4, True), (-0.6, False)):
        warped = replace(segmentation(alpha), computed_at=computed_at)
        shown = applied("#787878", picture(alpha), warped)
        assert (shown != (*GRAY, 255)).any() == is_visible


def test_a_segmentation_of_another_size_is_ignored():
    alpha = disc()
    segmented = segmentation(alpha)
    other = Segmentation(
        0.0, (320, 180), segmented.cell, segmented.person, None, segmented.landmarks_px
    )
    assert (applied("#787878", picture(alpha), other) == (*GRAY, 255)).all()


def test_without_a_segmentation_the_head_keeps_its_pixels():
    head = disc(y=100, radius=60)
    image = picture(head, person=(200, 180, 160))
    coverage = (255 * head).round().astype(np.uint8)
    shown = applied("#787878", image, None, coverage=coverage)
    assert (shown[head == 1] == image[head == 1]).all()
    assert (shown[~grown(head, 3)] == (*GRAY, 255)).all()
    assert greenness(shown).max() < 15


def test_removed_hair_is_replaced_like_the_background():
    person = np.maximum(disc(), disc(y=110, radius=80))
    hair = np.where(np.arange(HEIGHT)[:, None] < 120, person, 0).astype(np.float32)
    filled = (255 * cv2.dilate(hair, np.ones((9, 9)))).round().astype(np.uint8)
    shown = applied("#787878", picture(person), segmentation(person), filled=filled)
    gone = np.zeros(person.shape, bool)
    gone[:110] = True
    assert np.abs(shown[gone].astype(int) - (*GRAY, 255)).max() <= 8
    kept = applied("#787878", picture(person), segmentation(person))
    assert np.abs(kept[gone].astype(int) - (*GRAY, 255)).max() > 40


# --- what stands behind -------------------------------------------------------------------------


def test_an_image_is_cropped_to_the_aspect_of_the_frame(photo):
    shown = applied(str(photo), picture(disc()), None)
    assert shown.shape == (HEIGHT, WIDTH, 4)
    assert np.abs(shown[:, :310, :3].astype(int) - (200, 60, 40)).max() <= 1
    assert np.abs(shown[:, 330:, :3].astype(int) - (40, 60, 200)).max() <= 1


@pytest.mark.parametrize("size", [(100, 300), (300, 100), (7, 5)])
def test_covering_keeps_circles_round(size):
    image = np.zeros((600, 800, 4), np.uint8)
    cv2.circle(image, (400, 300), 100, (255, 255, 255, 255), -1)
    width, height = size
    inside = covering(image, width, height)[..., 0] > 127
    across, down = inside.any(axis=0).sum(), inside.any(axis=1).sum()
    assert inside.shape == (height, width)
    if min(across, down) < min(size):
        assert abs(int(across) - int(down)) <= 1


def test_light_wrap_applies_to_images_and_not_to_colours(tmp_path):
    alpha = disc()
    path = tmp_path / "white.png"
    cv2.imwrite(str(path), np.full((90, 160, 3), 255, np.uint8))
    image = picture(alpha, room=(60, 60, 60))
    wrapped = applied(str(path), image, segmentation(alpha)).astype(int)
    keyed = applied("#ffffff", image, segmentation(alpha)).astype(int)
    rim = grown(alpha, 2) & ~inner(alpha, 3)
    assert (wrapped - keyed).min() >= -1
    assert (wrapped - keyed)[rim].mean() > 2
    assert (wrapped == keyed)[inner(alpha, 14)].all()


def test_the_defocused_room_contains_no_person():
    alpha = disc()
    shown = applied(
        "blur", picture(alpha, person=(250, 20, 20), room=(60, 110, 120)), segmentation(alpha)
    )
    outside = grown(alpha, 60) & ~grown(alpha, 6)
    assert np.abs(shown[outside][:, :3].astype(int) - (60, 110, 120)).max() <= 6


def test_the_defocused_room_is_soft_and_keeps_its_brightness():
    stripes = np.where(np.arange(WIDTH) // 12 % 2, 220, 20).astype(np.uint8)
    image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    image[..., :3] = stripes[None, :, None]
    shown = applied("blur", image, segmentation(disc(radius=40)))[:, :160, 0] / 255.0
    assert shown.std() < 0.05  # of 0.39
    light = ((220 / 255) ** 2.2 + (20 / 255) ** 2.2) / 2
    # Mixed as encoded it would be 120, which is 0.19 of light; the real half is 0.36.
    assert abs((shown**2.2).mean() - light) < 0.04


def test_defocused_lights_become_bright_discs():
    image = np.full((HEIGHT, WIDTH, 4), 40, np.uint8)
    image[80:90, 80:90] = image[80:90, 300:310] = 255
    image[80:90, 300:310] = 190
    shown = applied("blur", image, None)[..., 0].astype(int)
    clipped, dim = shown[85, 85], shown[85, 305]
    assert clipped > dim + 20
    assert shown[85, 85 + 10] > clipped - 12  # flat inside,
    assert shown[85, 85 + 32] < 50  # and with an end


def test_without_a_segmentation_all_but_the_head_is_blurred():
    head = disc(y=100, radius=60)
    rng = np.random.default_rng(5)
    image = picture(head)
    image[..., :3] = rng.integers(0, 256, image[..., :3].shape)
    shown = applied("blur", image, None, coverage=(255 * head).round().astype(np.uint8))
    assert (shown[inner(head, 2)] == image[inner(head, 2)]).all()
    assert shown[200:, :, 0].std() < 12


# --- films --------------------------------------------------------------------------------------


def level(backdrop, at):
    """The brightness of a video at a time."""
    small = CoarseImage.of(picture(EMPTY_MASK.astype(np.float32)), EMPTY_MASK, at)
    return int(backdrop.image(small)[5, 5, 0])


def test_a_video_advances_with_the_frames_and_loops(film):
    backdrop = LoopedVideo(film, blocking=True)
    shown = [level(backdrop, 100 + n / 20) for n in range(24)]
    backdrop.close()
    wanted = [40 * (n // 2 % 5) + 20 for n in range(24)]
    assert np.abs(np.subtract(shown, wanted)).max() <= 4


def test_a_video_continues_after_a_pause(film):
    backdrop = LoopedVideo(film, blocking=True)
    shown = [level(backdrop, at) for at in (0.0, 3600.0, 3600.1, 5.0, 5.1)]
    backdrop.close()
    assert np.abs(np.diff(shown)).max() <= 84  # one or two pictures further, or once around


def test_a_video_with_a_slow_decoder_repeats_its_last_frame(film, monkeypatch):
    monkeypatch.setattr("livecam.compose.background_sources._LoopDecoder._run", lambda self: None)
    backdrop = LoopedVideo(film)
    shown = [level(backdrop, n / 10) for n in range(4)]
    backdrop.close()
    assert np.abs(np.subtract(shown, 20)).max() <= 4


def test_closing_a_stage_ends_the_decoding(film):
    stage = background_stage(str(film))
    assert isinstance(stage, Background)
    stage.apply(layers(picture(disc()), None))
    mine = [thread for thread in threading.enumerate() if thread.name == "background"]
    assert len(mine) == 1
    stage.close()
    assert not mine[0].is_alive()


# --- the head alone -----------------------------------------------------------------------------


def test_the_head_alone_has_true_alpha_its_own_colours_and_no_room():
    head = disc(y=150, radius=80)
    image = picture(head, person=(200, 180, 160))
    coverage = (255 * head).round().astype(np.uint8)
    stage = background_stage("alpha")
    assert isinstance(stage, HeadAlone)
    given = layers(image, segmentation(disc()), coverage=coverage)
    stage.apply(given)
    shown = given.image
    assert (shown[..., 3] == coverage).all()
    assert not shown[coverage == 0].any()
    assert (shown[coverage == 255][:, :3] == image[coverage == 255][:, :3]).all()
    edge = (coverage > 20) & (coverage < 255)
    assert greenness(image)[edge].max() > 60
    assert np.abs(shown[edge][:, :3].astype(int) - (200, 180, 160)).max() < 40
    assert np.abs(shown[edge][:, :3].astype(int) - (200, 180, 160)).mean() < 8


def test_without_a_head_the_image_is_transparent():
    assert not applied("alpha", picture(disc()), segmentation(disc())).any()


def test_flattened_images_are_opaque_over_black():
    image = np.zeros((4, 4, 4), np.uint8)
    image[1] = (200, 100, 50, 255)
    image[2] = (200, 100, 50, 51)
    flat = flattened(image)
    assert flat[1, 0].tolist() == [200, 100, 50, 255]
    assert flat[2, 0].tolist() == [40, 20, 10, 255]
    assert flat[0, 0].tolist() == [0, 0, 0, 255]

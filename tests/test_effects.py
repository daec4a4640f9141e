"""Effects on the real face: shape, skin, make-up, stickers, and colour looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from livecam.avatar.base import AvatarState
from livecam.compose.base import Layers
from livecam.compose.effects import (
    face_stages,
    list_looks,
    list_stickers,
    look_stages,
    over_stages,
)
from livecam.compose.effects.cube_file import read_cube
from livecam.compose.effects.deform import displacement, face_fields
from livecam.compose.effects.geometry import (
    EYE_LEFT,
    EYE_RIGHT,
    LIPS_INNER,
    LIPS_OUTER,
    FaceAxes,
    face_axes,
)
from livecam.compose.effects.look import expanded, look_path
from livecam.compose.effects.stickers import load_sticker
from livecam.config.loader import load_settings
from livecam.config.settings import EffectSettings
from livecam.core.errors import ConfigError
from livecam.core.face import EXPRESSIONS, FACE_OVAL
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.base import Hand, Segmentation, cell_of, grid_of
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip

Points = NDArray[np.float32]  # float32[478, 2], pixels

BIG_EYES = EffectSettings(big_eyes=1)
ALL_AT_ONE = [
    EffectSettings(big_eyes=1),
    EffectSettings(thin_face=1),
    EffectSettings(chin=1),
    EffectSettings(chin=-1),
    EffectSettings(small_nose=1),
    EffectSettings(big_eyes=1, thin_face=1, chin=1, small_nose=1),
    EffectSettings(big_eyes=1, thin_face=1, chin=-1, small_nose=1),
]
PRESETS = {
    "beauty": {"smooth_skin", "big_eyes", "thin_face"},
    "fresh-makeup": {"lips", "blush"},
    "fun-stickers": {"stickers"},
    "film-look": {"lut"},
}


class Eye:
    """The real tracker, run on single images."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker

    def points(self, image: Image) -> Points:
        frame = Frame(np.ascontiguousarray(image), 0, 0.0)
        (face, *_) = self._landmarker.track(frame).faces
        return np.asarray(face.landmarks[:, :2] * frame.size, np.float32)


@dataclass(frozen=True)
class Shot:
    image: Image
    points: Points


@pytest.fixture(scope="module")
def eye() -> Iterator[Eye]:
    path = asset_or_skip("face-landmarker")
    with FaceLandmarker(path, mode="image") as landmarker:
        yield Eye(landmarker)


@pytest.fixture(scope="module")
def shot(portrait: Image, eye: Eye) -> Shot:
    """The portrait, its face 300 pixels high, in an image of 720x640."""
    image = cv2.resize(portrait[:226, 100:354], (720, 640), interpolation=cv2.INTER_CUBIC)
    image.flags.writeable = False
    return Shot(image, eye.points(image))


def layers_of(
    image: Image,
    points: Points | None,
    hands: tuple[Hand, ...] = (),
    avatars: tuple[AvatarState, ...] = (),
) -> Layers:
    height, width = image.shape[:2]
    columns, rows = grid_of(width, height)
    person = np.zeros((rows, columns), np.uint8)
    segmentation = (
        None
        if points is None
        else Segmentation(0.0, (width, height), cell_of(width, height), person, None, points, hands)
    )
    coverage, made, filled = (np.zeros((height, width), np.uint8) for _ in range(3))
    rect = Rect(0, 0, 0, 0)
    return Layers(image, image.copy(), segmentation, avatars, coverage, made, filled, rect)


def with_effects(shot: Shot, settings: EffectSettings, **inputs: Any) -> Image:
    """The image after every stage that the settings enable."""
    layers = layers_of(shot.image, shot.points, **inputs)
    for stage in (*face_stages(settings), *over_stages(settings), *look_stages(settings)):
        stage.apply(layers)
    return layers.image


def turned(points: Points, roll: float = 0.0, yaw: float = 0.0) -> Points:
    """The landmarks of a head that turns (radians), its depth guessed as an egg's."""
    frame = face_axes(points)
    middle = points[168]
    local = (points - middle) / frame.unit_px
    depth = -0.9 * (local[:, 0] / 1.2) ** 2 - 0.25 * (local[:, 1] - 0.6) ** 2
    x = local[:, 0] * np.cos(yaw) + depth * np.sin(yaw)
    y = local[:, 1]
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    return np.asarray(middle + np.stack((x, y), axis=1) * frame.unit_px, np.float32)


def distance(points: Points, a: int, b: int) -> float:
    return float(np.hypot(*(points[a] - points[b])))


def area(points: Points, names: tuple[int, ...]) -> float:
    return float(cv2.contourArea(points[list(names)]))


def region_of(points: Points, names: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(points[list(names)]).astype(np.int32)], (1,))
    return mask.astype(bool)


# --- what is built -------------------------------------------------------------------------------


def test_default_settings_build_no_effect():
    settings = EffectSettings()
    assert not [*face_stages(settings), *over_stages(settings), *look_stages(settings)]


def test_only_enabled_effects_are_built_and_deform_comes_last():
    settings = EffectSettings(big_eyes=0.1, smooth_skin=0.1, blush=0.1)
    assert [stage.name for stage in face_stages(settings)] == ["smooth-skin", "makeup", "deform"]
    assert not look_stages(EffectSettings(lut="vivid", lut_strength=0))


@pytest.mark.parametrize("inputs", ["no segmentation", "no face", "a face of a few pixels"])
def test_an_image_without_a_usable_face_stays_bit_exact(shot: Shot, inputs: str):
    settings = EffectSettings(
        big_eyes=1, thin_face=1, smooth_skin=1, lips=1, blush=1, stickers=("cat",)
    )
    points = {
        "no segmentation": None,
        "no face": np.zeros((0, 2), np.float32),
        "a face of a few pixels": shot.points * np.float32(0.02),
    }[inputs]
    layers = layers_of(shot.image, points)
    for stage in (*face_stages(settings), *over_stages(settings)):
        stage.apply(layers)
        stage.reset()
    assert np.array_equal(layers.image, shot.image)


@pytest.mark.parametrize("shift", [(-420, 0), (420, 0), (0, -420), (0, 420), (-900, -900)])
def test_a_face_at_the_edge_of_the_image_is_changed_as_far_as_it_is_inside(
    shot: Shot, shift: tuple[int, int]
):
    points = shot.points + np.float32(shift)
    settings = EffectSettings(
        big_eyes=1, thin_face=1, smooth_skin=1, lips=1, blush=1, stickers=list_stickers()
    )
    out = with_effects(Shot(shot.image, points), settings)
    assert out.shape == shot.image.shape
    assert (out[..., 3] == 255).all()


def test_a_covered_face_is_unchanged_but_has_its_stickers(shot: Shot):
    avatar = AvatarState(
        np.eye(4), np.eye(4), np.zeros(len(EXPRESSIONS), np.float32),
        face_px=shot.points[list(FACE_OVAL)],
    )  # fmt: skip
    covered = with_effects(shot, EffectSettings(big_eyes=1, lips=1), avatars=(avatar,))
    assert np.array_equal(covered, shot.image)
    sticker = with_effects(shot, EffectSettings(stickers=("moustache",)), avatars=(avatar,))
    assert not np.array_equal(sticker, shot.image)


# --- where the face is ---------------------------------------------------------------------------


def test_the_face_axes_follow_roll_and_yaw_and_keep_their_unit(shot: Shot):
    straight = face_axes(shot.points)
    rolled = face_axes(turned(shot.points, roll=0.4))
    assert rolled.unit_px == pytest.approx(straight.unit_px, rel=0.12)
    assert _roll(rolled) - _roll(straight) == pytest.approx(0.4, abs=0.05)
    left, right = (face_axes(turned(shot.points, yaw=yaw)).turn[0, 2] for yaw in (-0.5, 0.5))
    assert left < straight.turn[0, 2] - 0.2
    assert right > straight.turn[0, 2] + 0.2


def _roll(frame: FaceAxes) -> float:
    return float(np.arctan2(frame.turn[1, 0], frame.turn[0, 0]))


# --- shape ---------------------------------------------------------------------------------------


def test_big_eyes_are_larger_in_tracking(shot: Shot, eye: Eye):
    after = eye.points(with_effects(shot, BIG_EYES))
    for contour in (EYE_LEFT, EYE_RIGHT):
        assert area(after, contour) > 1.15 * area(shot.points, contour)


def test_a_thin_face_is_narrower_at_the_jaw_and_keeps_eyes_and_mouth(shot: Shot, eye: Eye):
    after = eye.points(with_effects(shot, EffectSettings(thin_face=1)))
    assert distance(after, 172, 397) < 0.95 * distance(shot.points, 172, 397)
    for a, b in ((33, 263), (61, 291)):
        assert distance(after, a, b) == pytest.approx(distance(shot.points, a, b), rel=0.04)


def test_the_chin_gets_longer_and_shorter(shot: Shot, eye: Eye):
    longer, shorter = (
        eye.points(with_effects(shot, EffectSettings(chin=chin))) for chin in (1.0, -1.0)
    )
    before = distance(shot.points, 17, 152)
    assert distance(longer, 17, 152) > 1.10 * before
    assert distance(shorter, 17, 152) < 0.92 * before


def test_a_small_nose_is_narrower(shot: Shot):
    # The tracker's model of a nose hardly follows the change: marks on its wings are measured.
    image = np.full_like(shot.image, 255)
    for wing in (64, 294):
        x, y = (int(value) for value in np.rint(shot.points[wing]))
        cv2.circle(image, (x, y), 3, (0, 0, 0, 255), -1, cv2.LINE_AA)
    out = with_effects(Shot(image, shot.points), EffectSettings(small_nose=1))

    def apart(picture: Image) -> float:
        x = np.argwhere(picture[..., 0] < 128)[:, 1]
        middle = (x.min() + x.max()) / 2
        return float(x[x > middle].mean() - x[x < middle].mean())

    assert 0.75 * apart(image) < apart(out) < 0.90 * apart(image)


@pytest.mark.parametrize("settings", ALL_AT_ONE)
@pytest.mark.parametrize(("roll", "yaw"), [(0, 0), (0.6, 0), (0, 0.5), (-0.4, -0.7), (0, 0.95)])
def test_displacement_fields_do_not_fold(
    shot: Shot, settings: EffectSettings, roll: float, yaw: float
):
    points = turned(shot.points, roll, yaw)
    frame = face_axes(points)
    _, cell, moves = displacement(face_fields(points, frame, settings), points[168], frame)
    assert np.abs(moves).max() > 1
    along_y, along_x = np.gradient(moves.astype(np.float64), cell, axis=(0, 1))
    stretch = (1 + along_x[..., 0]) * (1 + along_y[..., 1]) - along_x[..., 1] * along_y[..., 0]
    assert stretch.min() > 0.15


def test_the_displacement_is_exactly_zero_at_its_border(shot: Shot):
    frame = face_axes(shot.points)
    fields = face_fields(shot.points, frame, ALL_AT_ONE[-1])
    _, _, moves = displacement(fields, shot.points[168], frame)
    for edge in (moves[0], moves[-1], moves[:, 0], moves[:, -1]):
        assert not edge.any()


def test_far_from_the_face_every_pixel_stays_bit_exact(shot: Shot):
    noise = np.random.default_rng(2).integers(0, 256, shot.image.shape, dtype=np.uint8)
    out = with_effects(Shot(noise, shot.points), ALL_AT_ONE[-1])
    face = np.zeros(noise.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, np.rint(shot.points[list(FACE_OVAL)]).astype(np.int32), (1,))
    reach = 2 * round(face_axes(shot.points).unit_px * 0.9) + 1
    around = cv2.dilate(face, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    assert (around == 0).mean() > 0.2
    assert np.array_equal(out[around == 0], noise[around == 0])
    assert not np.array_equal(out, noise)


def test_in_profile_the_face_is_unchanged(shot: Shot):
    points = turned(shot.points, yaw=1.5)
    assert np.array_equal(with_effects(Shot(shot.image, points), BIG_EYES), shot.image)


# --- skin ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy(shot: Shot) -> Shot:
    """The face with blotches of a few pixels, as skin and cameras have them."""
    grain = np.random.default_rng(3).normal(0, 1, shot.image.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 3)
    image = shot.image.astype(np.float32)
    image[..., :3] += (grain * (6 / grain.std()))[..., None]
    return Shot(np.clip(image, 0, 255).astype(np.uint8), shot.points)


def roughness(image: Image, where: NDArray[np.bool_]) -> float:
    """The variance of what is finer than shading."""
    green = image[..., 1].astype(np.float32)
    return float((green - cv2.GaussianBlur(green, (0, 0), 9))[where].var())


def test_smooth_skin_calms_the_cheeks_and_leaves_eyes_and_background(noisy: Shot):
    out = with_effects(noisy, EffectSettings(smooth_skin=1))
    cheek = region_of(noisy.points, (50, 118, 101, 205), out.shape)
    assert roughness(out, cheek) < 0.45 * roughness(noisy.image, cheek)
    eye = region_of(noisy.points, (33, 159, 133, 145), out.shape)
    assert np.array_equal(out[eye], noisy.image[eye])
    away = ~region_of(noisy.points, FACE_OVAL, out.shape)
    away = ~cv2.dilate((~away).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert np.array_equal(out[away], noisy.image[away])


def test_half_the_strength_smooths_less(noisy: Shot):
    cheek = region_of(noisy.points, (50, 118, 101, 205), noisy.image.shape)
    none, half, full = (
        roughness(with_effects(noisy, EffectSettings(smooth_skin=amount)), cheek)
        for amount in (0, 0.5, 1)
    )
    assert none > half > full


def test_smooth_skin_keeps_some_pores(shot: Shot):
    pores = np.random.default_rng(4).normal(0, 5, shot.image.shape[:2])
    image = shot.image.astype(np.float32)
    image[..., :3] += pores[..., None]
    image = np.clip(image, 0, 255).astype(np.uint8)
    out = with_effects(Shot(image, shot.points), EffectSettings(smooth_skin=1))
    cheek = region_of(shot.points, (50, 118, 101, 205), out.shape)

    def fine(picture: Image) -> float:
        green = picture[..., 1].astype(np.float32)
        return float((green - cv2.GaussianBlur(green, (0, 0), 1.2))[cheek].std())

    assert fine(out) > 0.4 * fine(image)


def test_smooth_skin_keeps_an_edge_across_the_cheek(shot: Shot):
    image = shot.image.copy()
    x, y = (int(value) for value in shot.points[50])
    image[y - 30 : y + 30, x : x + 40, :3] = image[y - 30 : y + 30, x : x + 40, :3] * 0.45
    out = with_effects(Shot(image, shot.points), EffectSettings(smooth_skin=1))

    def contrast(picture: Image) -> float:
        rows = picture[y - 10 : y + 10, :, 1].astype(float)
        return float(rows[:, x - 5].mean() - rows[:, x + 5].mean())

    assert contrast(out) > 0.9 * contrast(image)


# --- make-up -------------------------------------------------------------------------------------


def redness(image: Image, where: NDArray[np.bool_]) -> float:
    red, green = image[where][:, 0].astype(float), image[where][:, 1].astype(float)
    return float((red - green).mean())


def test_lips_get_redder_and_teeth_stay(shot: Shot):
    out = with_effects(shot, EffectSettings(lips=1))
    mouth = region_of(shot.points, LIPS_INNER, out.shape)
    lips = region_of(shot.points, LIPS_OUTER, out.shape) & ~cv2.dilate(
        mouth.astype(np.uint8), np.ones((5, 5), np.uint8)
    ).astype(bool)
    assert redness(out, lips) > redness(shot.image, lips) + 25
    teeth = cv2.erode(mouth.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert teeth.sum() > 200
    assert np.array_equal(out[teeth], shot.image[teeth])


def test_tinted_lips_keep_their_shading(shot: Shot):
    out = with_effects(shot, EffectSettings(lips=1))
    lips = region_of(shot.points, (61, 91, 17, 321, 291, 402, 14, 178), out.shape)
    before, after = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY)[lips] for each in (shot.image, out))
    assert np.corrcoef(before, after)[0, 1] > 0.6


def test_the_tint_has_the_colour_of_the_settings(shot: Shot):
    lips = region_of(shot.points, (61, 91, 17, 321, 291, 402, 14, 178), shot.image.shape)
    red, plum = (
        with_effects(shot, EffectSettings(lips=1, lip_color=color))[lips].mean(axis=0)
        for color in ("#d02020", "#702080")
    )
    assert red[0] > plum[0] + 20
    assert plum[2] > red[2] + 20


def test_an_invalid_colour_is_refused():
    with pytest.raises(ValidationError, match="cherry"):
        EffectSettings(lip_color="cherry")


def test_blush_reddens_the_cheeks_and_nothing_else(shot: Shot):
    out = with_effects(shot, EffectSettings(blush=1))
    cheek = region_of(shot.points, (50, 118, 101, 205), out.shape)
    assert redness(out, cheek) > redness(shot.image, cheek) + 10
    away = ~region_of(shot.points, FACE_OVAL, out.shape)
    changed = (out != shot.image).any(axis=2) & away
    assert changed.mean() < 0.002


def test_a_hand_before_the_mouth_gets_no_lipstick(shot: Shot):
    mouth = shot.points[[61, 291, 0, 17]].mean(axis=0)
    places = np.random.default_rng(5).uniform(-1, 1, (21, 2)) * (90, 50)
    hand = Hand((mouth + places).astype(np.float32), 1.0)
    out = with_effects(shot, EffectSettings(lips=1), hands=(hand,))
    free = with_effects(shot, EffectSettings(lips=1))
    assert (out != shot.image).sum() < 0.25 * (free != shot.image).sum()


# --- stickers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list_stickers())
def test_every_built_in_sticker_is_drawn_on_the_face(shot: Shot, name: str):
    layers = layers_of(shot.image, shot.points)
    (stage,) = over_stages(EffectSettings(stickers=(name,)))
    stage.apply(layers)
    changed = (layers.image != shot.image).any(axis=2)
    assert changed.sum() > 500
    assert not (changed & (layers.synthetic == 0)).any()
    sticker = load_sticker(name)
    assert sticker.title.isascii()
    assert not sticker.title_zh.isascii()


def test_the_built_in_stickers_are_listed():
    wanted = {"cat", "sunglasses", "flower-crown", "hearts", "moustache"}
    assert wanted <= set(list_stickers())


@pytest.mark.parametrize("side", [-1, 1])
def test_a_sticker_fades_on_the_cheek_that_is_turned_away(tmp_path: Path, shot: Shot, side: int):
    anchor = 50 if side < 0 else 280
    (tmp_path / "sticker.toml").write_text(
        f'title = "Dot"\n[[part]]\npicture = "dot.png"\nanchor = [{anchor}]\nsize = 0.5\n'
        f"side = {45 * side}",
        "utf-8",
    )
    cv2.imwrite(str(tmp_path / "dot.png"), np.full((32, 32, 4), 255, np.uint8))

    def shown(yaw: float) -> float:
        layers = layers_of(shot.image, turned(shot.points, yaw=yaw))
        over_stages(EffectSettings(stickers=(str(tmp_path),)))[0].apply(layers)
        return float(layers.synthetic.sum()) / 255

    assert shown(0) > 1000
    assert shown(side * -0.6) > shown(0)  # turned to the camera
    assert 0 < shown(side * 0.6) < 0.8 * shown(0)
    assert shown(side * 1.2) == 0


def test_a_sticker_leans_with_the_head(shot: Shot):
    leans = []
    for roll in (0.0, 0.5):
        points = turned(shot.points, roll=roll)
        layers = layers_of(np.full_like(shot.image, 128), points)
        over_stages(EffectSettings(stickers=("sunglasses",)))[0].apply(layers)
        places = np.argwhere(layers.synthetic > 128)[:, ::-1].astype(np.float64)
        _, _, axes = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)
        leans.append(np.arctan2(axes[0, 1], axes[0, 0]) % np.pi)
    turn = (leans[1] - leans[0] + np.pi / 2) % np.pi - np.pi / 2
    assert turn == pytest.approx(0.5, abs=0.08)


def test_a_hand_stays_before_a_sticker(shot: Shot):
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 3)), axis=-1)
    places = shot.points[168] + grid.reshape(21, 2) * (130, 60)
    hand = Hand(places.astype(np.float32), 1.0)
    settings = EffectSettings(stickers=("sunglasses",))
    out = with_effects(shot, settings, hands=(hand,))
    free = with_effects(shot, settings)
    assert (out != shot.image).sum() < 0.3 * (free != shot.image).sum()


def test_an_unknown_sticker_names_the_nearest_and_all():
    with pytest.raises(ConfigError, match='did you mean "moustache"') as caught:
        over_stages(EffectSettings(stickers=("mustache",)))
    assert "sunglasses" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title = ", "not valid TOML"),
        ('title = "x"', "part"),
        ('title = "x"\n[[part]]\npicture = "a.png"\nanchor = [478]\nsize = 1', "anchor"),
        ('title = "x"\n[[part]]\npicture = "a.png"\nanchor = [1]\nsize = 1\nhat = 2', "hat"),
        ('title = "x"\n[[part]]\npicture = "a.png"\nanchor = [1]\nsize = 1', "a.png"),
        ('title = "x"\n[[part]]\npicture = "../b.png"\nanchor = [1]\nsize = 1', "elsewhere"),
        ('title = "x"\n[[part]]\npicture = "grey.png"\nanchor = [1]\nsize = 1', "no RGBA"),
    ],
)
def test_a_broken_sticker_is_refused(tmp_path: Path, text: str, complaint: str):
    (tmp_path / "sticker.toml").write_text(text, "utf-8")
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match=complaint):
        load_sticker(str(tmp_path))


def test_a_sticker_of_the_users_folder_is_drawn(tmp_path: Path, shot: Shot):
    (tmp_path / "sticker.toml").write_text(
        'title = "Dot"\n[[part]]\npicture = "dot.png"\nanchor = [4]\nsize = 0.5', "utf-8"
    )
    cv2.imwrite(str(tmp_path / "dot.png"), np.full((32, 32, 4), (0, 255, 0, 255), np.uint8))
    out = with_effects(shot, EffectSettings(stickers=(str(tmp_path),)))
    x, y = np.rint(shot.points[4]).astype(int)
    assert tuple(out[y, x]) == (0, 255, 0, 255)


# --- looks ---------------------------------------------------------------------------------------

CORNERS = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"


def cube(folder: Path, text: str) -> Path:
    path = folder / "own.cube"
    path.write_text(text, "utf-8")
    return path


def test_an_identity_look_changes_no_pixel_by_more_than_a_level(tmp_path: Path):
    path = cube(tmp_path, f'# ours\nTITLE "Same"\n\nLUT_3D_SIZE 2\n{CORNERS}')
    noise = np.random.default_rng(6).integers(0, 256, (90, 160, 4), dtype=np.uint8)
    layers = layers_of(noise, None)
    (stage,) = look_stages(EffectSettings(lut=str(path)))
    stage.apply(layers)
    assert np.abs(layers.image.astype(int) - noise).max() <= 1
    assert np.array_equal(layers.image[..., 3], noise[..., 3])
    assert read_cube(path).title == "Same"


def test_a_look_is_interpolated_between_its_entries():
    found = read_cube(look_path("cool-teal"))
    colors = np.random.default_rng(7).integers(0, 256, (200, 3))
    table = expanded(found).reshape(-1, 4)
    got = table[colors @ (1, 256, 65536), :3].astype(float)
    places = colors / 255 * (len(found.table) - 1)
    low = np.minimum(places.astype(int), len(found.table) - 2)
    share = places - low
    wanted = np.zeros((len(colors), 3))
    for corner in np.ndindex(2, 2, 2):
        r, g, b = (low + corner).T
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        wanted += weight[:, None] * found.table[b, g, r]
    assert np.abs(got - wanted * 255).max() <= 0.51


def test_red_changes_fastest_and_the_domain_is_applied(tmp_path: Path):
    swapped = "0 0 0\n0 0 1\n0 1 0\n0 1 1\n1 0 0\n1 0 1\n1 1 0\n1 1 1\n"  # red and blue
    text = f"LUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 2 2 2\n{swapped}"
    colors = expanded(read_cube(cube(tmp_path, text))).reshape(-1, 4)
    assert tuple(colors[200]) == (0, 0, 100, 255)  # of red 200


def test_a_table_may_be_written_with_any_white_space_and_comments(tmp_path: Path):
    rows = CORNERS.replace(" ", " \t ").replace("\n", " # a row\r\n")
    text = f'TITLE\t"Look #1" # ours\r\nLUT_3D_SIZE\t2  # points\r\n\r\n{rows}'
    path = tmp_path / "own.cube"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        found = read_cube(path)
        assert found.title == "Look #1"
        assert tuple(expanded(found).reshape(-1, 4)[200 + 256 * 17]) == (200, 17, 0, 255)


def test_a_one_dimensional_table_has_a_curve_for_each_channel(tmp_path: Path):
    rows = "0 1 0\n0.5 0.5 0\n1 0 0.4\n"
    colors = expanded(read_cube(cube(tmp_path, f"LUT_1D_SIZE 3\n{rows}"))).reshape(-1, 4)
    assert tuple(colors[100 + 256 * 60 + 65536 * 255]) == (100, 195, 102, 255)
    text = f"LUT_1D_SIZE 3\nLUT_1D_INPUT_RANGE 0 2\n{rows}"
    colors = expanded(read_cube(cube(tmp_path, text))).reshape(-1, 4)
    assert tuple(colors[100 + 256 * 60]) == (50, 225, 0, 255)


def test_a_shaper_is_applied_before_the_cube(tmp_path: Path):
    """Resolve's form: the rows of the shaper first; its output is the input of the cube."""
    head = "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 0 1\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 4\n"
    shaper, inverted = (
        "0 0 0\n2 4 4\n",
        "\n".join(
            " ".join(str(1 - int(word)) for word in row.split()) for row in CORNERS.splitlines()
        ),
    )
    colors = expanded(read_cube(cube(tmp_path, head + shaper + inverted))).reshape(-1, 4)
    assert tuple(colors[200 + 256 * 200]) == (155, 55, 255, 255)


def test_half_the_strength_is_halfway_to_the_look(shot: Shot):
    half, full = (
        with_effects(shot, EffectSettings(lut="black-and-white", lut_strength=strength))
        for strength in (0.5, 1.0)
    )
    middle = (shot.image.astype(float) + full) / 2
    assert np.abs(half - middle).max() <= 1
    assert np.ptp(full[..., :3].astype(int), axis=2).max() <= 1


@pytest.mark.parametrize("name", list_looks())
def test_every_built_in_look_is_monotonic_and_changes_colours(name: str):
    table = read_cube(look_path(name)).table
    greys = np.array([table[i, i, i].mean() for i in range(len(table))])
    assert (np.diff(greys) > 0).all()
    steps = np.linspace(0, 1, len(table))
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    assert np.abs(table - np.stack((red, green, blue), axis=-1)).mean() > 0.01


def test_the_built_in_looks_are_listed():
    assert {"warm-film", "cool-teal", "black-and-white", "vivid"} <= set(list_looks())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "neither LUT_3D_SIZE"),
        ("LUT_1D_SIZE 1\n0 0 0\n", "2..65536"),
        ("LUT_1D_SIZE 3\n0 0 0\n1 1 1\n", "2 colours, 3 belong"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n" + CORNERS, "8 colours, 10 belong"),
        ("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 1 1\n0 0 0\n1 1 1\n", "INPUT_RANGE|not below"),
        ("LUT_3D_SIZE two\n", "two"),
        ("LUT_3D_SIZE 1\n0 0 0\n", "2..129"),
        (f"LUT_3D_SIZE 2\n{CORNERS[:-6]}", "7 colours"),
        (f"LUT_3D_SIZE 2\n{CORNERS}0 0 0\n", "9 colours"),
        (f"LUT_3D_SIZE 2\n{CORNERS[:-6]}1 1 x\n", "line 9: .* 3 numbers"),
        (f"LUT_3D_SIZE 2\n{CORNERS[:-6]}1 1\n", "line 9: .* 3 numbers"),
        (f"LUT_3D_SIZE 2\n{CORNERS[:-6]}1 1 nan\n", "line 9: .* 3 numbers"),
        (f"LUT_3D_SIZE 2\nDOMAIN_MIN 1 0 0\n{CORNERS}", "begins at 1 0 0, .* 1 1 1"),
        (f"LUT_3D_SIZE 2\nDOMAIN_MAX 1 1\n{CORNERS}", "3 numbers"),
        (f'LUT_3D_SIZE 2\n{CORNERS}TITLE "late"\n', "below the table"),
        ("PK\x03\x04\x00\x00binary", "neither LUT_3D_SIZE"),
    ],
)
def test_a_broken_cube_is_refused_with_a_hint(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_cube(cube(tmp_path, text))
    assert caught.value.hint


def test_an_unknown_look_names_the_nearest_and_all():
    with pytest.raises(ConfigError, match='did you mean "vivid"') as caught:
        look_stages(EffectSettings(lut="vivit"))
    assert "warm-film" in caught.value.hint


# --- presets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_asks_for_its_effects_and_all_of_them_exist(name: str):
    effects = load_settings(name, {}, {}, Path("no-such-file.toml")).settings.effects
    assert {each for each in PRESETS[name] if getattr(effects, each)} == PRESETS[name]
    assert [*face_stages(effects), *over_stages(effects), *look_stages(effects)]

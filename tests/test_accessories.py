"""Accessories: each of the shipped ones, on each of the shipped heads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.avatar import accessories
from livecam.avatar.accessories import (
    accessory_folder,
    avatar_from_settings,
    list_accessories,
    load_accessory,
    with_accessories,
)
from livecam.avatar.base import MAX_BONES, Anchor, Avatar, AvatarState, Bone, Material, Mesh
from livecam.avatar.library import ACCESSORY_KINDS, list_avatars, load_avatar
from livecam.avatar.rig import CHIN_DROP, EYES, SKULL_HALF_WIDTH, SKULL_TOP, Rig
from livecam.compose.compositor import HeadCompositor
from livecam.config.paths import shipped_folder
from livecam.config.settings import AvatarSettings, RenderSettings
from livecam.core.errors import AssetError, ConfigError
from livecam.core.face import FaceState
from livecam.core.frame import Frame, Image
from livecam.core.spaces import compose, project
from livecam.modelling.accessories import ACCESSORIES
from livecam.modelling.build import build_accessory
from livecam.modelling.species import UNIT_M
from livecam.render.context import Graphics, open_graphics
from tests.heads import face_at, state_at
from tests.test_cover import SIDE, Solid

ROOT = shipped_folder("avatars") / "accessories"
HEADS = [name for name in list_avatars() if load_avatar(name).anchors]
POSES: dict[str, dict[str, float]] = {
    "rest": {},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
}


def points_of(avatar: Avatar, **weights: float) -> NDArray[np.float32]:
    """The vertices of the light head in metres, with a face made; nothing that swings."""
    out = []
    for mesh in avatar.light_meshes:
        if mesh.material in (Material.WHISKER, Material.HORN):
            continue
        points = mesh.positions.copy()
        for name, weight in weights.items():
            if name in mesh.morphs:
                points[mesh.morphs[name].indices] += mesh.morphs[name].deltas * weight
        out.append(points[mesh.sway < 0.1])
    return np.concatenate(out)


def added(avatar: Avatar, name: str) -> tuple[Mesh, ...]:
    """Returns the meshes that an accessory adds to the light head, in place."""
    return with_accessories(avatar, [name]).light_meshes[len(avatar.light_meshes) :]


def placed(avatar: Avatar, name: str) -> NDArray[np.float32]:
    return np.concatenate([mesh.positions for mesh in added(avatar, name)])


# ---------------------------------------------------------------- each of them


def test_every_kind_has_an_accessory():
    kinds = [load_accessory(name).kind for name in list_accessories()]
    assert len(kinds) >= 5
    assert set(kinds) == set(ACCESSORY_KINDS)


@pytest.mark.parametrize("name", sorted(ACCESSORIES))
def test_a_shipped_accessory_is_complete_and_light_enough_for_laptops(name: str):
    item = load_accessory(name)
    assert item.title.isascii()
    assert item.title_zh
    assert not item.title_zh.isascii()
    assert item.licence == "MIT"
    assert (ROOT / name / "thumbnail.png").is_file()
    assert sum(len(mesh.indices) for mesh in item.light_meshes) < 2000
    assert sum(file.stat().st_size for file in (ROOT / name).iterdir()) < 1_000_000


@pytest.mark.parametrize("name", sorted(ACCESSORIES))
def test_the_generator_reproduces_the_shipped_files(name: str, tmp_path: Path):
    build_accessory(ACCESSORIES[name], tmp_path)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (ROOT / name / file.name).read_bytes(), file.name


@pytest.mark.parametrize("name", sorted(ACCESSORIES))
def test_surfaces_face_outwards(name: str):
    for mesh in load_accessory(name).meshes:
        corners = mesh.positions[mesh.indices]
        faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        agree = np.einsum("ij,ij->i", faces, mesh.normals[mesh.indices].sum(axis=1))
        assert (agree > 0).mean() > 0.97, mesh.name
        if mesh.material is Material.GLASS:
            assert mesh.normals[:, 2].min() > 0.3, "lenses look ahead"


# ---------------------------------------------------------------- on each head


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["glasses", "sunglasses", "heart-glasses"])
def test_glasses_lie_in_front_of_the_eyes_and_intersect_nothing(head: str, name: str):
    avatar = load_avatar(head)
    front = np.concatenate(
        [mesh.positions[np.abs(mesh.normals[:, 2]) > 0.5] for mesh in added(avatar, name)]
    )
    front = front[front[:, 2] > front[:, 2].max() - 0.03]  # no temples
    for pose, weights in POSES.items():
        head_points = points_of(avatar, **weights)
        near = (
            np.hypot(*(front[:, None, axis] - head_points[None, :, axis] for axis in (0, 1)))
            < 0.003
        )
        in_front = np.where(near, head_points[None, :, 2], -np.inf).max(axis=1)
        buried = (in_front > front[:, 2] + 0.002).mean()
        assert buried < 0.06, f"{buried:.1%} of {name} is inside {head}: {pose}"
    eyes = next(mesh for mesh in avatar.light_meshes if mesh.material is Material.EYE)
    left = eyes.positions[eyes.positions[:, 0] > 0]
    lens = next(mesh for mesh in added(avatar, name) if mesh.material is Material.GLASS)
    glass = lens.positions[lens.positions[:, 0] > 0]
    apart = np.abs(left.mean(axis=0) - glass.mean(axis=0))
    assert apart[0] < 0.010
    assert apart[1] < 0.020


@pytest.mark.parametrize("head", HEADS)
def test_headphones_lie_on_both_sides(head: str):
    avatar = load_avatar(head)
    item = placed(avatar, "headphones")
    sides = {}
    for sign in (-1, 1):
        cups = item[(item[:, 0] * sign > 0.7 * np.abs(item[:, 0]).max())]
        y, z = np.median(cups[:, 1]), np.median(cups[:, 2])
        skin = points_of(avatar)
        beside = skin[(np.abs(skin[:, 1] - y) < 0.02) & (np.abs(skin[:, 2] - z) < 0.02)]
        inner = np.sort(cups[:, 0] * sign)[len(cups) // 20]
        sides[sign] = (beside[:, 0] * sign).max() - inner
    assert all(-0.005 < sunk < 0.035 for sunk in sides.values()), sides


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "name", [name for name in sorted(ACCESSORIES) if ACCESSORIES[name].kind == "hat"]
)
def test_hats_sit_on_the_crown(head: str, name: str):
    avatar = load_avatar(head)
    hat, at = placed(avatar, name), np.array(avatar.anchors["hat"].at)
    assert hat[:, 1].min() < at[1] < hat[:, 1].max()
    middle = (hat[:, (0, 2)].min(axis=0) + hat[:, (0, 2)].max(axis=0)) / 2
    assert np.abs(middle - at[[0, 2]]).max() < 0.03
    assert hat[:, 1].max() > at[1] + 0.015


def wearer(face: FaceState) -> Image:
    """Draws the mask of the real head, hair pressed flat, uint8[SIDE, SIDE]."""
    turn = np.linspace(0, 2 * np.pi, 64)
    up = np.where(np.cos(turn) > 0, SKULL_TOP, CHIN_DROP) * np.cos(turn)
    outline = np.stack((SKULL_HALF_WIDTH * np.sin(turn), up, 0 * turn), axis=1) + EYES
    matrix = compose(face.pose.translation, face.pose.rotation)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [project(matrix, outline, SIDE, SIDE).astype(np.int32)], 1)
    return mask


@pytest.mark.parametrize("head", HEADS)
def test_accessories_do_not_uncover_the_face(head: str):
    avatar = load_avatar(head)
    face = state_at(face_at())
    state = Rig(avatar, AvatarSettings()).state(face, SIDE, SIDE)
    bare = Solid(avatar).mask(state) & wearer(face)
    for name in list_accessories():
        lost = (bare > Solid(with_accessories(avatar, [name])).mask(state)).sum()
        assert lost == 0, name


# ---------------------------------------------------------------- putting on


@pytest.fixture
def head() -> Avatar:
    return load_avatar(HEADS[0])


@pytest.fixture
def item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own that is searched for accessories first."""
    shipped = accessories.avatar_folders()[-1]
    monkeypatch.setattr(accessories, "avatar_folders", lambda: (tmp_path, shipped))
    build_accessory(ACCESSORIES["party-hat"], tmp_path / "accessories" / "mine")
    return tmp_path / "accessories" / "mine"


def test_an_anchor_translates_rotates_and_scales(head: Avatar):
    plain = load_accessory("top-hat").light_meshes[0]
    anchor = Anchor((0.0, 0.1, 0.02), (2.0, 1.0, 0.5), 90.0)
    (mesh, *_) = added(replace(head, anchors={"hat": anchor}), "top-hat")
    x, y, z = plain.positions.T
    # Down in front: what pointed ahead points down, what pointed up points ahead.
    expected = np.stack((2 * x, 0.1 - 0.5 * z, 0.02 + y), axis=1)
    np.testing.assert_allclose(mesh.positions, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_bones_of_an_accessory_come_after_those_of_the_head(head: Avatar):
    worn = with_accessories(head, ["beanie"])
    assert [bone.name for bone in worn.bones] == [*(b.name for b in head.bones), "bobble"]
    bobble = next(mesh for mesh in worn.meshes if mesh.bone.max(initial=0) == len(worn.bones))
    assert bobble.material is Material.FUR
    anchor = head.anchors["hat"].at
    assert worn.bones[-1].pivot[1] > anchor[1]
    own = worn.meshes[: len(head.meshes)]
    for before, after in zip(head.meshes, own, strict=True):
        np.testing.assert_array_equal(before.bone, after.bone)


def test_an_accessory_is_stiff_where_no_bone_is_left(head: Avatar):
    many = tuple(Bone(f"b{i}", "head", (0, 0, 0), (0, 1, 0)) for i in range(MAX_BONES))
    worn = with_accessories(replace(head, bones=many), ["beanie"])
    assert worn.bones == many
    assert not any(mesh.bone.any() for mesh in worn.meshes[len(head.meshes) :])


def test_a_tight_cap_presses_fur_down_but_no_ear(head: Avatar):
    worn = with_accessories(head, ["beanie"])
    press, at = load_accessory("beanie").press, head.anchors["hat"]
    assert press is not None
    for before, after in zip(head.meshes, worn.meshes, strict=False):
        moved = np.flatnonzero((before.positions != after.positions).any(axis=1))
        assert not len(moved) or before.material in (Material.FUR, Material.HAIR)
        assert before.material is Material.HAIR or (before.sway[moved] < 0.25).all()
        off = (after.positions - at.at) / at.size - press.centre
        own = (after.positions - at.at) / at.size
        under = own[:, 1] - press.slope * own[:, 2] > press.floor + 0.01
        stiff = (before.sway < 0.05) & (before.head_weight > 0.99) & under
        if before.material is Material.FUR:
            assert np.linalg.norm(off / press.radii, axis=1)[stiff].max(initial=0) < 1.001
            assert after.fur[stiff].max(initial=0) < 1e-6


def test_no_accessory_leaves_the_avatar_unchanged(head: Avatar):
    assert with_accessories(head, []) is head
    assert avatar_from_settings(AvatarSettings(avatar=HEADS[0])).bones == head.bones


def test_the_settings_choose_the_accessories():
    worn = avatar_from_settings(
        AvatarSettings(avatar=HEADS[0], accessories=("glasses", "headphones"))
    )
    names = " ".join(mesh.name for mesh in worn.meshes)
    assert "headphones metal" in names
    assert "glasses glass" in names


def test_an_unknown_name_suggests_the_nearest_one(head: Avatar):
    with pytest.raises(AssetError, match='"glases" - did you mean "glasses"') as caught:
        with_accessories(head, ["glases"])
    assert "headphones" in caught.value.hint


def test_two_accessories_of_one_kind_are_refused(head: Avatar):
    with pytest.raises(ConfigError, match="glasses and sunglasses sit in the same place"):
        with_accessories(head, ["glasses", "sunglasses"])
    assert with_accessories(head, ["glasses", "glasses"]).meshes


def test_an_accessory_without_an_anchor_is_left_off(head: Avatar, caplog: pytest.LogCaptureFixture):
    bald = replace(head, anchors={})
    with caplog.at_level(logging.WARNING, "livecam"):
        assert with_accessories(bald, ["top-hat"]) is bald
    assert f"{head.title} has no place for top hat" in caplog.text


def test_an_accessory_of_the_users_folder_is_found(item: Path, head: Avatar):
    assert "mine" in list_accessories()
    assert accessory_folder("mine") == item
    assert len(with_accessories(head, ["mine"]).meshes) > len(head.meshes)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"hat"', '"hatt"', 'the kind "hatt" - did you mean "hat"'),
        ("title =", "titel =", '"titel" is unknown - did you mean "title"'),
        ('"tassel"', '"body"', 'two joints are called "body"'),
        ('"tassel"', '"tasel"', '"tasel" - did you mean "tassel"'),
        ("pivot", "pivott", '"bones.0.pivott" is unknown'),
    ],
)
def test_a_wrong_description_is_refused(item: Path, old: str, new: str, says: str):
    text = (item / "item.toml").read_text("utf-8")
    assert old in text
    (item / "item.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(AssetError) as caught:
        load_accessory("mine")
    assert says in caught.value.message
    assert caught.value.hint


def test_a_press_is_read_as_it_is_written(item: Path):
    made, read = ACCESSORIES["party-hat"].press, load_accessory("mine").press
    assert made is not None
    assert read is not None
    assert read.centre == pytest.approx([v * UNIT_M for v in made.centre], abs=1e-4)
    assert (read.slope, read.reach) == pytest.approx((made.slope, made.reach * UNIT_M), abs=1e-4)


def test_the_state_has_a_transform_for_every_bone_of_an_accessory(head: Avatar):
    worn = with_accessories(head, ["beanie"])
    state = Rig(worn, AvatarSettings()).state(state_at(face_at()), 640, 360)
    assert isinstance(state, AvatarState)
    assert state.bones is None or len(state.bones) == len(worn.bones)


# ---------------------------------------------------------------- drawn


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


@pytest.mark.parametrize("tier", ["light", "full"])
def test_no_face_is_visible_through_glass_over_the_head(
    graphics: Graphics, head: Avatar, tier: Literal["light", "full"]
):
    """Two pictures, each other's negative: what is covered looks the same over both."""
    width, height = 320, 240
    checks = np.indices((height, width)).sum(axis=0) % 2 * 255
    face = state_at(face_at(size=(width, height)))

    def through(avatar: Avatar) -> NDArray[np.int16]:
        state = Rig(avatar, AvatarSettings()).state(face, width, height)
        settings = RenderSettings(tier=tier, shells=2, shadow=0.0)
        with closing(HeadCompositor(graphics, avatar, settings, (width, height))) as compositor:
            drawn = []
            for picture in (checks, 255 - checks):
                image = np.repeat(picture[..., None], 4, axis=2).astype(np.uint8)
                image[..., 3] = 255
                frame = Frame(image, 0, 0.0)
                drawn.append(compositor.compose(frame, (state,)).image[..., :3].astype(np.int16))
        return np.abs(drawn[0] - drawn[1]).max(axis=2)

    covered = through(head) < 8
    assert covered.mean() > 0.1
    for name in ("glasses", "sunglasses", "heart-glasses"):
        visible = through(with_accessories(head, [name]))[covered]
        assert (visible > 16).sum() <= 3, name


def test_sunglasses_are_dark_and_glasses_are_clear(graphics: Graphics, head: Avatar):
    width, height = 320, 240
    image = np.full((height, width, 4), 255, np.uint8)
    state = Rig(head, AvatarSettings()).state(
        state_at(face_at(size=(width, height))), width, height
    )
    lens = next(mesh for mesh in added(head, "glasses") if mesh.material is Material.GLASS)
    middle = lens.positions[lens.positions[:, 0] < 0].mean(axis=0)
    x, y = project(state.camera_from_head, middle[None], width, height)[0].astype(int)

    def eye(*names: str) -> NDArray[np.float64]:
        settings = RenderSettings(tier="light")
        worn = with_accessories(head, names)
        with closing(HeadCompositor(graphics, worn, settings, (width, height))) as compositor:
            drawn = compositor.compose(Frame(image, 0, 0.0), (state,)).image
        return drawn[y - 6 : y + 13, x - 9 : x + 10, :3].mean(axis=2)

    def likeness(names: str) -> float:
        """Returns the share of the eye's own contrast that is left."""
        own, visible = eye() - eye().mean(), eye(names) - eye(names).mean()
        return float((own * visible).sum() / (own * own).sum())

    assert likeness("glasses") > 0.6
    assert likeness("sunglasses") < 0.3

"""Settings change while livecam runs: between two pictures, never a bare or missing one."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from livecam.avatar.library import list_avatars, load_avatar
from livecam.compose.effects import list_looks, list_stickers
from livecam.config.fields import SettingField, setting_fields
from livecam.config.settings import PrivacySettings, RenderSettings, Settings
from livecam.core.errors import AssetError, ConfigError
from livecam.core.face import FacePose
from livecam.core.frame import Frame, Image
from livecam.core.timing import StageTimer
from livecam.filtering.base import FILTERS
from livecam.filtering.pose import PoseFilter
from livecam.measure.leak import oval_mask, visible
from livecam.media.writer import VideoWriter
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.build import compositor_factory
from livecam.pipeline.change import mirrored
from livecam.pipeline.pipeline import Inputs, Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics, open_graphics
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.sinks.base import OutputInfo
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.heads import observation
from tests.pipelines import witness_of_faces

SIZE = (512, 512)
CHANGES = 120
# Which values the settings take that are not told by their kind.
TEXTS = {
    "background": ("keep", "blur", "alpha", "#00b140", "{picture}", "{film}"),
    "lip_color": ("#b3263f", "#112233"),
    "lut": ("", *list_looks()),
    "avatar": tuple(list_avatars()),
}
LISTS = {
    "stickers": ((), *((name,) for name in list_stickers())),
    "accessories": ((), ("glasses",), ("top-hat", "headphones")),
    "avatars": ((), ("fox",), ("panda",)),
}


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


class Studio:
    """A pipeline with the real tracker, segmenter and renderer before a portrait that moves."""

    def __init__(self, graphics: Graphics, portrait: Image, settings: Settings) -> None:
        self.portrait = portrait
        self.tracker = FaceLandmarker(asset_or_skip("face-landmarker"))
        self.segmenter = Segmenter(asset_or_skip("person"), asset_or_skip("person-wide"), None)
        self.segmentation: Segmentation | None = None
        self.people = PeopleTracker()
        self.frames = 0
        timer = StageTimer()

        def remake(settings: Settings) -> object:
            return compositor_factory(settings, graphics, timer)

        self.pipeline = Pipeline(
            settings, (load_avatar(settings.avatar.avatar),),
            compositor_factory(settings, graphics, timer), OutputInfo(*SIZE, 30.0), timer,
            Inputs(segmentations=lambda: self.segmentation), remake,  # type: ignore[arg-type]
        )  # fmt: skip

    def close(self) -> None:
        self.pipeline.close()
        self.tracker.close()
        self.segmenter.close()

    def shows(self) -> Published:
        """Publishes the next frame."""
        shift = int(8 * np.sin(self.frames / 7))
        self.image = np.roll(self.portrait, shift, axis=1)
        frame = Frame(self.image, self.frames, self.frames / 30)
        seen = self.tracker.track(frame)
        seen = self.people.update(seen, witness_of_faces(seen))
        self.face = seen.faces[0]
        if self.frames % 3 == 0:
            points = self.face.points_px(*SIZE)
            self.segmentation = self.segmenter.segment(frame, points, seen.tracks[0].id)
        self.frames += 1
        return self.pipeline.show(seen, frame.captured_at)

    def bare(self, published: Published) -> float:
        """Returns the share of the face that shows."""
        image = published.frame.image
        if self.pipeline.settings.output.mirror:
            image = np.ascontiguousarray(image[:, ::-1])
        mask = oval_mask(self.face, *SIZE)
        shown, _ = visible(self.image, image, mask)
        return float(shown.sum() / mask.sum())


@pytest.fixture
def studio(graphics: Graphics, portrait: Image) -> Iterator[Studio]:
    opened = Studio(graphics, portrait, Settings(render=RenderSettings(tier="light")))
    yield opened
    opened.close()


def changed(settings: Settings, key: str, value: object) -> Settings:
    group, name = key.split(".")
    values = settings.model_dump()
    values[group][name] = value
    return Settings.model_validate(values)


def any_value(field: SettingField, chance: random.Random, files: dict[str, str]) -> object:
    if field.choices:
        return chance.choice(field.choices)
    if field.kind is bool:
        return chance.random() < 0.5
    if field.kind is float:
        low, high = field.low or 0.0, 1.0 if field.high is None else field.high
        return chance.choice((low, high, chance.uniform(low, high)))
    if field.kind is tuple:
        return chance.choice(LISTS[field.name])
    return chance.choice(TEXTS[field.name]).format(**files)


def random_changes(studio: Studio, count: int, files: dict[str, str]) -> list[str]:
    """Applies random changes on another thread, one before each frame; returns what was wrong."""
    chance, wrong = random.Random(7), []
    fields = [field for field in setting_fields() if field.live]
    for _ in range(10):
        studio.shows()
    for _ in range(count):
        field = chance.choice(fields)
        settings = changed(studio.pipeline.wanted, field.key, any_value(field, chance, files))
        thread = threading.Thread(target=studio.pipeline.apply, args=(settings,))
        thread.start()
        thread.join()
        published = studio.shows()
        bare = studio.bare(published)
        if studio.pipeline.settings != settings:
            wrong.append(f"{field.key} is not applied")
        if published.state is not Shown.AVATAR or published.frame.size != SIZE:
            wrong.append(f"{field.key}: {published.state.value} {published.frame.size}")
        if bare > 0.01:
            wrong.append(f"{field.key}: {bare:.3f} of the face shows")
    return wrong


@pytest.fixture
def files(tmp_path: Path, portrait: Image) -> dict[str, str]:
    picture = tmp_path / "room.png"
    cv2.imwrite(str(picture), portrait[::-1, :, 2::-1])
    film = tmp_path / "room.mp4"
    with VideoWriter(film, 320, 240, 10) as writer:
        for i in range(5):
            image = np.full((240, 320, 4), 40 * i + 20, np.uint8)
            image[..., 3] = 255
            writer.write(Frame(image, i, i / 10))
    return {"picture": str(picture), "film": str(film)}


def test_random_changes_never_bare_hold_or_cover_a_picture(studio: Studio, files: dict[str, str]):
    before = threading.active_count()
    assert random_changes(studio, CHANGES, files) == []
    studio.pipeline.close()
    assert threading.active_count() == before  # no decoder of a background is left


def test_every_setting_that_is_live_changes_and_the_others_are_refused(studio: Studio):
    studio.shows()
    for field in setting_fields():
        value = {str: "x", int: 1, float: 0.5, bool: True, tuple: ("x",)}[field.kind]
        if field.live:
            continue
        current = getattr(getattr(studio.pipeline.wanted, field.group), field.name)
        if field.choices:
            value = next(each for each in field.choices if each != current)
        elif field.kind in (int, float):
            value = field.high if current != field.high else field.low
        elif field.kind is bool:
            value = not current
        with pytest.raises(ConfigError) as caught:
            studio.pipeline.apply(changed(studio.pipeline.wanted, field.key, value))
        assert "next start" in caught.value.hint


def test_what_does_not_exist_is_refused_and_nothing_changes(studio: Studio):
    studio.shows()
    before = studio.pipeline.wanted
    for key, value in (
        ("picture.background", "red"),
        ("effects.lut", "no-such-look"),
        ("effects.stickers", ("no-such-sticker",)),
        ("avatar.avatar", "no-such-head"),
        ("avatar.accessories", ("no-such-hat",)),
        ("avatar.avatars", ("fox", "panda")),  # two people
    ):
        with pytest.raises((ConfigError, AssetError)):
            studio.pipeline.apply(changed(before, key, value))
    studio.pipeline.apply(changed(before, "effects.lips", 0.5))
    lips = changed(before, "effects.lips", 0.5)
    with pytest.raises(ValidationError):
        changed(lips, "effects.lip_color", "rot")
    studio.shows()
    assert studio.pipeline.settings == lips


def test_several_changes_before_one_frame_are_all_applied(studio: Studio):
    studio.shows()
    for key, value in (
        ("picture.background", "blur"),
        ("picture.background", "#00b140"),
        ("avatar.avatar", "fox"),
        ("privacy.hold_s", 0.5),
        ("picture.background", "keep"),
        ("avatar.avatar", "panda"),
    ):
        studio.pipeline.apply(changed(studio.pipeline.wanted, key, value))
    published = studio.shows()
    assert published.state is Shown.AVATAR
    assert studio.pipeline.composition.avatars[0].name == "panda"
    assert studio.pipeline.guard.settings.hold_s == 0.5
    corner = published.frame.image[5:60, 5:60, :3].astype(int)
    assert np.abs(corner - studio.image[5:60, 5:60, :3]).max() < 12  # the room, with its grain


def test_a_changed_head_takes_no_other_state_along(studio: Studio):
    for _ in range(6):
        studio.shows()
    kept = {id(stage) for stage in studio.pipeline.composition._compositor._stages._before}
    studio.pipeline.apply(changed(studio.pipeline.wanted, "picture.light", 0.3))
    studio.shows()
    stages = studio.pipeline.composition._compositor._stages
    assert {id(stage) for stage in stages._before} == kept
    compositor = studio.pipeline.composition._compositor
    studio.pipeline.apply(changed(studio.pipeline.wanted, "avatar.avatar", "fox"))
    studio.shows()
    assert studio.pipeline.composition._compositor is compositor


def test_mirror_is_a_setting_like_others(studio: Studio):
    straight = studio.shows().frame.image
    studio.pipeline.apply(mirrored(studio.pipeline.wanted))
    flipped = studio.shows().frame.image
    assert studio.pipeline.settings.output.mirror
    difference = cv2.absdiff(straight[:60, :60], flipped[:60, ::-1][:, :60]).mean()
    assert difference < cv2.absdiff(straight[:60, :60], flipped[:60, :60]).mean()
    studio.pipeline.apply(mirrored(studio.pipeline.wanted))
    studio.shows()
    assert not studio.pipeline.settings.output.mirror


def test_a_filter_that_changes_goes_on_where_the_head_is():
    settings = Settings().smoothing
    for name in FILTERS:
        calm, quick = (
            settings.model_copy(update={"filter": name, "smoothing": value}) for value in (1.0, 0.1)
        )
        steadied = PoseFilter(FILTERS.create(name, calm))
        noise = np.random.default_rng(3).normal(0, 4e-4, (40, 3))
        for i in range(20):
            pose = steadied.step(FacePose(np.array((0.1, 0.0, -0.6)) + noise[i], IDENTITY), 1 / 30)
        before = pose.translation
        steadied.replace(FILTERS.create(name, quick))
        pose = steadied.step(FacePose(np.array((0.1, 0.0, -0.6)) + noise[20], IDENTITY), 1 / 30)
        assert np.abs(pose.translation - before).max() < 2e-3, name


IDENTITY = np.array((0.0, 0.0, 0.0, 1.0))


def test_the_settings_of_privacy_hold_from_the_next_frame_on(studio: Studio):
    for _ in range(4):
        studio.shows()
    privacy = PrivacySettings(on_lost="blur", hold_s=0.0)  # type: ignore[arg-type]
    studio.pipeline.apply(studio.pipeline.wanted.model_copy(update={"privacy": privacy}))
    lost = observation(studio.frames / 30 + 1.0, size=SIZE)
    assert studio.pipeline.show(studio.people.update(lost), lost.frame.captured_at).state in (
        Shown.HOLD,
        Shown.BLUR,
    )
    assert studio.pipeline.guard.settings == privacy

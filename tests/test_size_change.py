"""A camera that changes its size while it runs: every frame still wears its avatar."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.library import load_avatar
from livecam.compose.framing import Framing
from livecam.config.assets import asset_path
from livecam.config.settings import PictureSettings, RenderSettings, Settings, SmoothingSettings
from livecam.core.frame import Frame, Image
from livecam.core.observation import HeadEvidence, Observation
from livecam.core.timing import StageTimer
from livecam.filtering.smoother import Smoother
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.build import compositor_factory
from livecam.pipeline.driver import AvatarDriver
from livecam.pipeline.pipeline import Inputs
from livecam.pipeline.states import Shown
from livecam.render.context import open_graphics
from livecam.segmentation import plate as plate_module
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.sinks.base import OutputInfo
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import PaintingCompositor, avatar

SIZES = (SIZE, (320, 240), (160, 120), (200, 120), (97, 131), (640, 480), SIZE)


def test_every_frame_of_another_size_wears_its_avatar_in_the_same_slot():
    pipeline = TrackedPipeline(
        Settings(), (avatar(),), lambda *_: PaintingCompositor(), OutputInfo(*SIZE, 30.0)
    )
    ids = set()
    for i in range(70):
        at = i / 30
        picture = frame(i, at, SIZES[i // 10])
        published = pipeline.show(Observation(picture, (face(),)), at)
        assert published.state is Shown.AVATAR
        assert published.frame.size == SIZE
        assert published.face is not None
        ids.add(published.face.track_id)
    assert len(ids) == 1


def test_a_missing_track_keeps_its_place_in_frames_of_another_size():
    people = PeopleTracker(2)
    here, there = face((0.3, 0.5)), face((0.8, 0.5))
    for i in range(10):
        people.update(Observation(frame(i, i / 30, (1280, 960)), (here, there)))
    observation = people.update(Observation(frame(10, 10 / 30, SIZE), (here,)))
    assert observation.slots == (1, 2)
    missing = next(track for track in observation.tracks if track.face is None)
    assert missing.box[:2] == pytest.approx((0.8 * SIZE[0], 0.5 * SIZE[1]), abs=2)
    assert not missing.is_gone


def test_heads_that_were_found_in_a_larger_frame_are_compared_in_the_smaller_one():
    people = PeopleTracker()
    people.update(Observation(frame(0, 0.0, (1280, 960)), (face((0.3, 0.5)),)))
    evidence = HeadEvidence(0.0, (1280, 960), (np.array((1024.0, 480.0, 200.0)),))
    observation = people.update(Observation(frame(1, 0.1, SIZE), (face((0.3, 0.5)),)), evidence)
    (box,) = observation.unexplained
    assert box == pytest.approx((128, 60, 25))


def test_a_held_face_is_painted_out_where_it_is_in_the_new_size():
    driver = AvatarDriver(0, load_avatar("raccoon"), Settings().avatar)
    people, large = PeopleTracker(), (4 * SIZE[0], 4 * SIZE[1])
    picture = frame(0, 0.0, large)
    track = primary_track(people.update(Observation(picture, (face(),))))
    assert track is not None
    assert track.face is not None
    before = driver.drive(Smoother(SmoothingSettings()).update(track.face, picture), picture)
    after = driver.drift(1 / 30, np.zeros(2), SIZE)
    assert before.face_px is not None
    assert after is not None
    assert after.face_px == pytest.approx(before.face_px / 4, abs=0.01)


def test_a_followed_crop_stays_where_it_is():
    framing = Framing(80, 120, "follow")
    for i in range(3):
        framing.apply(frame(i, i / 30, (320, 240)), (240.0, 120.0))
    assert framing._center is not None
    center = np.array(framing._center)
    framing.apply(frame(3, 0.1, SIZE))
    assert framing._center == pytest.approx(center / 2)


# --- with a real segmenter


def scene(portrait: Image, size: tuple[int, int], shift: int) -> Image:
    """The portrait in a room, as a camera of that size films it."""
    room = np.full((512, 683, 4), 150, np.uint8)
    room[::16, :, :3] = 90
    room[..., 3] = 255
    room[:, 60 + shift : 572 + shift] = portrait
    return np.asarray(cv2.resize(room, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture
def segmenter() -> Segmenter:
    return Segmenter(asset_path("person"), asset_path("person-wide"), None, camera="size test")


def test_a_plate_has_the_size_of_its_frame(portrait: Image, segmenter, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(plate_module, "user_cache_folder", lambda: tmp_path)
    index, plates = 0, 0
    for size in ((640, 480), (320, 240), (640, 360), (640, 480)):
        points = np.float32(((0.4, 0.2), (0.6, 0.5)))[np.arange(478) % 2] * np.float32(size)
        for _ in range(7):
            image = scene(portrait, size, 0)
            found = segmenter.segment(Frame(image, index, index / 12), points)
            assert found is not None
            assert found.size == size
            assert found.plate is None or found.plate.known.shape == size[::-1]
            plates += found.plate is not None
            index += 1
    segmenter.close()
    assert plates > 20
    names = {path.name.partition("-")[2] for path in (tmp_path / "plates").iterdir()}
    assert names == {"640x480.png", "320x240.png", "640x360.png"}


def test_no_frame_is_held_or_covered_when_the_size_changes(portrait: Image, tmp_path, monkeypatch):
    monkeypatch.setattr(plate_module, "user_cache_folder", lambda: tmp_path)
    settings = Settings(
        picture=PictureSettings(hands=False, background="blur"),
        render=RenderSettings(tier="light"),
    )
    newest: list[Segmentation] = []
    with (
        open_graphics() as graphics,
        FaceLandmarker(asset_path("face-landmarker")) as tracker,
        Segmenter(asset_path("person"), asset_path("person-wide"), None) as segmenter,
    ):
        pipeline = TrackedPipeline(
            settings, (load_avatar("raccoon"),),
            compositor_factory(settings, graphics, StageTimer()), OutputInfo(320, 240, 30.0),
            Inputs(segmentations=lambda: newest[-1] if newest else None),
        )  # fmt: skip
        states = []
        for i in range(40):
            size = ((640, 480), (320, 240), (640, 360), (240, 320))[i // 10]
            picture = Frame(scene(portrait, size, i % 3), i, i / 15)
            observation = tracker.track(picture)
            published = pipeline.show(observation, picture.captured_at)
            states.append(published.state)
            if i % 2 and observation.faces:  # as on its own thread: it comes after the frame
                points = observation.faces[0].points_px(*size)
                track_id = None if published.face is None else published.face.track_id
                found = segmenter.segment(picture, points, track_id)
                if found is not None:
                    newest.append(found)
        pipeline.close()
    first = states.index(Shown.AVATAR)
    assert first < 3
    assert set(states[first:]) == {Shown.AVATAR}
    assert pipeline.composition.last_error is None

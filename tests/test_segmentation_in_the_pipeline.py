"""What is seen besides the face reaches the compositor: of its own moment, in time, or never."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.config.settings import Settings
from livecam.core.frame import Frame
from livecam.core.mailbox import Mailbox
from livecam.core.observation import Observation
from livecam.core.spaces import focal_px
from livecam.core.timing import StageTimer, SystemClock
from livecam.live.workers import SegmentationWorker
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.pipeline import Inputs
from livecam.pipeline.states import Shown
from livecam.segmentation.base import Segmentation, cell_of, grid_of
from livecam.sinks.base import OutputInfo
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import PaintingCompositor, Stage, avatar, is_curtain, shows_face


def scene_of(shown: Frame, size: tuple[int, int] = SIZE) -> Segmentation:
    columns, rows = grid_of(*size)
    points = face().points_px(*size)
    return Segmentation(
        shown.captured_at, size, cell_of(*size), np.zeros((rows, columns), np.uint8), None, points,
        track_id=1,
    )  # fmt: skip


class Remembering(PaintingCompositor):
    """Keeps the scenes that it was given, and draws nothing without avatars."""

    def __init__(self) -> None:
        super().__init__()
        self.scenes: list[Segmentation | None] = []
        self.counts: list[int] = []

    def compose(self, frame: Frame, avatars: Sequence[AvatarState], scene: object = None) -> Frame:
        assert scene is None or isinstance(scene, Segmentation)
        self.scenes.append(scene)
        self.counts.append(len(avatars))
        return super().compose(frame, avatars) if avatars else frame


class Seen:
    """A line whose compositor remembers, with one scene to offer."""

    def __init__(self, avatar_name: str = "raccoon") -> None:
        self.compositor = Remembering()
        self.offered: Segmentation | None = None
        settings = Settings.model_validate({"avatar": {"avatar": avatar_name}})
        self.pipeline = TrackedPipeline(
            settings,
            (avatar(),),
            lambda *_: self.compositor,
            OutputInfo(*SIZE, 30.0),
            Inputs(segmentations=lambda: self.offered),
        )
        self.pictures = Stage()

    def shows(self, seen_s_ago: float | None):
        self.pictures.now += 1 / 30
        picture = self.pictures.picture()
        if seen_s_ago is not None:
            earlier = Frame(picture.image, 0, picture.captured_at - seen_s_ago)
            self.offered = scene_of(earlier)
        return self.pipeline.show(Observation(picture, (face(),)), self.pictures.now)


def test_a_scene_is_carried_to_the_picture_at_hand():
    seen = Seen()
    published = seen.shows(0.1)
    (given,) = seen.compositor.scenes
    assert given is not None
    assert given.at == published.frame.captured_at


def test_an_old_scene_is_not_used():
    seen = Seen()
    seen.shows(2.0)
    assert seen.compositor.scenes == [None]


def test_a_scene_of_another_size_is_not_used():
    seen = Seen()
    seen.offered = scene_of(frame(0), (64, 36))
    seen.shows(None)
    assert seen.compositor.scenes == [None]


class Newest(Seen):
    """A line that shows the newest picture, before a wall with something on it that moves."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline.settings = Settings.model_validate({"smoothing": {"alignment": "newest"}})
        noise = np.random.default_rng(5).normal(size=(SIZE[1], 2 * SIZE[0], 3))
        wall = np.clip(128 + 220 * cv2.GaussianBlur(noise, (0, 0), 2.5), 0, 255)
        self.wall = np.dstack((wall, np.full(wall.shape[:2], 255))).astype(np.uint8)
        self.index = 0

    def frame(self, aside_px: float, at: float, flat: bool = False) -> Frame:
        self.index += 1
        shift = np.array(((1.0, 0, aside_px - SIZE[0] / 2), (0, 1, 0)))
        image = cv2.warpAffine(self.wall, shift, SIZE, flags=cv2.INTER_CUBIC)
        image[..., 3] = 255
        return Frame(np.full_like(image, 200) if flat else image, self.index, at)


def test_on_the_newest_picture_the_face_is_painted_out_and_the_scene_is_there():
    """A head that rested, and moves between the tracked and the newest picture by 6 pixels."""
    seen = Newest()
    for i in range(4):
        seen.pictures.now = now = 1 + i / 30
        tracked = seen.frame(0, now)
        newest = seen.frame(6 if i == 3 else 0, now + 1 / 30)
        seen.offered = scene_of(tracked)
        published = seen.pipeline.show(Observation(tracked, (face(),)), now, newest)
        assert published.frame.captured_at == newest.captured_at
    before, after = seen.compositor.shown[-2:]
    assert before.face_px is not None
    assert after.face_px is not None
    moved = after.face_px.mean(axis=0) - before.face_px.mean(axis=0)
    assert moved == pytest.approx((6, 0), abs=1.2)
    focal, depth = focal_px(SIZE[1]), -before.camera_from_head[2, 3]
    head = (after.camera_from_head[:2, 3] - before.camera_from_head[:2, 3]) * focal / depth
    assert head == pytest.approx((6, 0), abs=1.5)
    scene = seen.compositor.scenes[-1]
    assert scene is not None
    assert scene.at == newest.captured_at


def test_a_face_that_is_not_found_again_in_the_newest_picture_is_not_shown_there():
    """Nobody knows where it went: the picture in which it was tracked is shown, or the last."""
    seen = Newest()
    first = seen.frame(0, 1.0)
    newest = seen.frame(0, 1.0 + 1 / 30)
    seen.pipeline.show(Observation(first, (face(),)), 1.0, newest)
    later = seen.frame(0, 1.0 + 2 / 30)
    published = seen.pipeline.show(
        Observation(later, (face(),)), 1.1, seen.frame(0, 1.2, flat=True)
    )
    assert published.state is Shown.AVATAR
    assert published.frame.captured_at == later.captured_at
    # And not one older than what was shown before.
    again = seen.pipeline.show(Observation(first, (face(),)), 1.2, seen.frame(0, 1.3, flat=True))
    assert again.frame.captured_at >= published.frame.captured_at


def test_a_held_head_keeps_the_scene_of_its_picture():
    seen = Seen()
    seen.shows(0.1)
    seen.offered = None
    seen.pictures.now += 1 / 30
    held = seen.pipeline.show(Observation(seen.pictures.picture(), ()), seen.pictures.now)
    assert held.state is Shown.HOLD
    assert seen.compositor.scenes[-1] is seen.compositor.scenes[0]


# --- without an avatar


def test_who_chose_no_avatar_is_shown_and_it_is_said():
    seen = Seen("none")
    published = seen.shows(0.1)
    assert shows_face(published)
    assert published.state is Shown.PASSTHROUGH
    assert seen.compositor.counts == [0]


def test_no_avatar_shows_nothing_before_the_first_face_or_in_panic():
    seen = Seen("none")
    picture = seen.pictures.picture()
    assert is_curtain(seen.pipeline.show(Observation(picture, ()), seen.pictures.now))
    seen.shows(0.1)
    seen.pipeline.guard.panic = True
    assert is_curtain(seen.shows(0.1))


def test_another_head_covers_again():
    seen = Seen("none")
    assert shows_face(seen.shows(0.1))
    seen.pipeline.change_avatar(avatar())
    assert not shows_face(seen.shows(0.1))


# --- the worker


class Reader:
    """Answers with the scene of each picture, unless it is told to fail."""

    def __init__(self, fails: threading.Event, closed: threading.Event) -> None:
        self._fails, self._closed = fails, closed
        self.begun_anew = threading.Event()

    def segment(
        self, shown: Frame, landmarks: np.ndarray | None, track_id: int | None = None
    ) -> Segmentation | None:
        if self._fails.is_set():
            raise RuntimeError("the network broke")
        return None if landmarks is None else scene_of(shown)

    def reset_plate(self) -> None:
        self.begun_anew.set()

    def close(self) -> None:
        self._closed.set()


def wait_for(condition) -> bool:
    pause = threading.Event()
    for _ in range(500):
        if condition():
            return True
        pause.wait(0.01)
    return False


def test_the_worker_offers_the_newest_scene_and_forgets_it_when_it_breaks():
    observations: Mailbox[Observation] = Mailbox("sampled")
    people = PeopleTracker()
    fails, closed = threading.Event(), threading.Event()
    readers: list[Reader] = []

    def make() -> Reader:
        readers.append(Reader(fails, closed))
        return readers[-1]

    watch = SegmentationWorker(make, observations, 100.0, SystemClock(), StageTimer())  # type: ignore[arg-type]
    watch.worker.start()
    try:
        for i in range(3):
            observations.put(people.update(Observation(frame(i, 1.0 + i), (face(),))))
            assert wait_for(lambda i=i: watch.newest() and watch.newest().at == 1.0 + i)
        watch.reset_plate()
        observations.put(people.update(Observation(frame(4, 5.0), (face(),))))
        assert readers[0].begun_anew.wait(5)
        fails.set()
        observations.put(people.update(Observation(frame(5, 6.0), (face(),))))
        assert closed.wait(5)
        assert wait_for(lambda: watch.newest() is None)  # what broke offers nothing old
        fails.clear()
        assert wait_for(
            lambda: (
                observations.put(people.update(Observation(frame(6, 7.0), (face(),))))
                or (watch.newest() is not None)
            )
        )
    finally:
        watch.worker.request_stop()
        assert watch.worker.join()

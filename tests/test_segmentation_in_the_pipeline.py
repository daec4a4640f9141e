"""A segmentation reaches the compositor warped to its frame, recent, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.config.settings import Settings
from livecam.core.face import Face
from livecam.core.frame import Frame
from livecam.core.mailbox import Mailbox
from livecam.core.observation import Observation
from livecam.core.spaces import focal_px
from livecam.core.timing import StageTimer, SystemClock
from livecam.live import workers
from livecam.live.governor import Governor
from livecam.live.workers import SegmentationWorker
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.change import with_first_avatar
from livecam.pipeline.pairing import MAX_WAIT_S
from livecam.pipeline.pipeline import Inputs, Published
from livecam.pipeline.states import Shown
from livecam.segmentation.base import Segmentation, cell_of, grid_of
from livecam.sinks.base import OutputInfo
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import PaintingCompositor, Stage, avatar, is_curtain, shows_face

STEP_S = 1 / 30


def segmentation_of(shown: Frame, size: tuple[int, int] = SIZE) -> Segmentation:
    columns, rows = grid_of(*size)
    points = face().points_px(*size)
    return Segmentation(
        shown.captured_at, size, cell_of(*size), np.zeros((rows, columns), np.uint8), None, points,
        track_id=1,
    )  # fmt: skip


class RecordingCompositor(PaintingCompositor):
    """Keeps the segmentations that it was given, and draws nothing without avatars."""

    def __init__(self) -> None:
        super().__init__()
        self.segmentations: list[Segmentation | None] = []
        self.counts: list[int] = []

    def compose(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: object = None
    ) -> Frame:
        assert segmentation is None or isinstance(segmentation, Segmentation)
        self.segmentations.append(segmentation)
        self.counts.append(len(avatars))
        return super().compose(frame, avatars[:1]) if avatars else frame


class Show:
    """A pipeline with a recording compositor and one segmentation as its input."""

    def __init__(
        self, avatar_name: str = "raccoon", is_segmented: bool = False, **privacy: object
    ) -> None:
        self.compositor = RecordingCompositor()
        self.offered: Segmentation | None = None
        values = {"avatar": {"avatar": avatar_name, "people": 2}, "privacy": privacy}
        settings = Settings.model_validate(values)
        self.pipeline = TrackedPipeline(
            settings,
            (avatar(),),
            lambda *_: self.compositor,
            OutputInfo(*SIZE, 30.0),
            Inputs(segmentations=lambda: self.offered, is_segmented=lambda: is_segmented),
        )
        self.frames = Stage()

    def publish(
        self, age_s: float | None, faces: Sequence[Face] = (face(),), after_s: float = STEP_S
    ):
        """Publishes a frame with these faces, and a segmentation of the first track."""
        self.frames.now += after_s
        current = self.frames.picture()
        if age_s is not None:
            earlier = Frame(current.image, 0, current.captured_at - age_s)
            self.offered = segmentation_of(earlier)
        return self.pipeline.show(Observation(current, tuple(faces)), self.frames.now)

    def states(self, frames: int, age_s: float | None = None, **given: object) -> list[Shown]:
        return [self.publish(age_s, **given).state for _ in range(frames)]  # type: ignore[arg-type]


def test_a_segmentation_is_warped_to_the_current_frame():
    show = Show()
    published = show.publish(0.1)
    (given,) = show.compositor.segmentations
    assert given is not None
    assert given.at == published.frame.captured_at


def test_an_old_segmentation_is_not_used():
    show = Show()
    show.publish(2.5)
    assert show.compositor.segmentations == [None]


def test_a_segmentation_of_a_second_ago_still_hides_and_shows_nothing():
    """Hair is removed with old masks; hands and the person before another background are not."""
    show = Show()
    for age_s, is_recent in ((0.4, True), (1.0, False)):
        show.publish(age_s)
        given = show.compositor.segmentations[-1]
        assert given is not None
        assert given.is_recent is is_recent


def test_a_segmentation_of_another_size_is_not_used():
    show = Show()
    show.offered = segmentation_of(frame(0), (64, 36))
    show.publish(None)
    assert show.compositor.segmentations == [None]


class NewestShow(Show):
    """A pipeline aligned to the newest frame, before a textured wall that moves."""

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


def test_on_the_newest_frame_the_face_is_painted_out_and_the_segmentation_is_warped():
    """A head that rested, and moves by 6 pixels between the tracked and the newest frame."""
    show = NewestShow()
    for i in range(4):
        show.frames.now = now = 1 + i / 30
        tracked = show.frame(0, now)
        newest = show.frame(6 if i == 3 else 0, now + 1 / 30)
        show.offered = segmentation_of(tracked)
        published = show.pipeline.show(Observation(tracked, (face(),)), now, newest)
        assert published.frame.captured_at == newest.captured_at
    before, after = show.compositor.shown[-2:]
    assert before.face_px is not None
    assert after.face_px is not None
    moved = after.face_px.mean(axis=0) - before.face_px.mean(axis=0)
    assert moved == pytest.approx((6, 0), abs=1.2)
    focal, depth = focal_px(SIZE[1]), -before.camera_from_head[2, 3]
    head = (after.camera_from_head[:2, 3] - before.camera_from_head[:2, 3]) * focal / depth
    assert head == pytest.approx((6, 0), abs=1.5)
    segmentation = show.compositor.segmentations[-1]
    assert segmentation is not None
    assert segmentation.at == newest.captured_at


def test_the_newest_frame_is_not_shown_unless_the_face_is_tracked_into_it():
    """Its position there is unknown: the frame it was measured in is shown, or the last one."""
    show = NewestShow()
    first = show.frame(0, 1.0)
    newest = show.frame(0, 1.0 + 1 / 30)
    show.pipeline.show(Observation(first, (face(),)), 1.0, newest)
    later = show.frame(0, 1.0 + 2 / 30)
    published = show.pipeline.show(
        Observation(later, (face(),)), 1.1, show.frame(0, 1.2, flat=True)
    )
    assert published.state is Shown.AVATAR
    assert published.frame.captured_at == later.captured_at
    # And never a frame older than the last.
    again = show.pipeline.show(Observation(first, (face(),)), 1.2, show.frame(0, 1.3, flat=True))
    assert again.frame.captured_at >= published.frame.captured_at


def test_a_held_head_keeps_the_segmentation_of_its_frame():
    show = Show()
    show.publish(0.1)
    show.offered = None
    show.frames.now += 1 / 30
    held = show.pipeline.show(Observation(show.frames.picture(), ()), show.frames.now)
    assert held.state is Shown.HOLD
    assert show.compositor.segmentations[-1] is show.compositor.segmentations[0]


# --- wearers who appear

LEFT, RIGHT = face((0.25, 0.5)), face((0.75, 0.5))


def test_the_first_avatar_waits_for_the_first_segmentation():
    show = Show(is_segmented=True)
    assert show.states(5) == [Shown.CURTAIN] * 5
    assert show.publish(0.1).state is Shown.AVATAR
    show.offered = None  # the next one is late: the head stays
    assert show.publish(None).state is Shown.AVATAR


def test_a_segmentation_that_does_not_come_is_waited_for_a_second():
    show = Show(is_segmented=True)
    states = show.states(60)
    assert states.index(Shown.AVATAR) == pytest.approx(MAX_WAIT_S / STEP_S, abs=1.5)
    assert set(states[:30]) == {Shown.CURTAIN}
    assert set(states[32:]) == {Shown.AVATAR}


def test_without_a_segmenter_nobody_waits():
    assert Show().publish(None).state is Shown.AVATAR


def test_a_slow_machine_that_shows_two_frames_a_second_does_not_wait_again():
    show = Show(is_segmented=True)
    show.publish(0.1)
    show.offered = None
    assert show.states(3, after_s=0.6) == [Shown.AVATAR] * 3


def test_somebody_who_was_away_waits_for_a_new_segmentation_under_the_cover():
    for on_lost, cover in (("blur", Shown.BLUR), ("curtain", Shown.CURTAIN)):
        show = Show(is_segmented=True, on_lost=on_lost)
        show.publish(0.1)
        assert show.states(30, faces=())[-1] is cover
        assert show.states(3) == [cover] * 3  # the newest segmentation is of before
        assert show.publish(0.0).state is Shown.AVATAR


def test_somebody_who_was_missed_for_a_moment_does_not_wait():
    show = Show(is_segmented=True)
    show.publish(0.1)
    show.states(3, faces=())
    show.offered = None
    assert show.publish(None).state is Shown.AVATAR


def test_a_newcomer_does_not_stop_the_picture_of_the_one_who_is_shown():
    show = Show(is_segmented=True)
    show.publish(0.1, faces=(LEFT,))
    show.offered = None
    assert show.states(5, faces=(LEFT, RIGHT)) == [Shown.AVATAR] * 5
    assert show.compositor.counts[-1] == 2


def test_a_bare_frame_is_not_followed_by_another_while_masks_are_made():
    show = Show(is_segmented=True, on_lost="passthrough")
    show.publish(0.1)
    assert show.states(30, faces=())[-1] is Shown.PASSTHROUGH
    show.offered = None
    shown = show.publish(None)
    assert shown.state is Shown.AVATAR
    assert not shows_face(shown)


def is_covered(shown: Published) -> bool:
    if shown.state is Shown.BLUR:
        return True  # the plain test image looks the same
    return shown.state is not Shown.PASSTHROUGH and not shows_face(shown)


@pytest.mark.parametrize("on_lost", ["hold", "blur", "curtain", "passthrough"])
def test_nothing_bare_is_published_at_the_start(on_lost):
    show = Show(is_segmented=True, on_lost=on_lost)
    assert all(is_covered(show.publish(None)) for _ in range(40))


@pytest.mark.parametrize("on_lost", ["hold", "blur", "curtain", "passthrough"])
def test_nothing_bare_is_published_when_the_face_appears_elsewhere(on_lost):
    show = Show(is_segmented=True, on_lost=on_lost)
    assert show.publish(0.1, faces=(LEFT,)).state is Shown.AVATAR
    assert show.states(3, faces=()) == [Shown.HOLD] * 3
    show.offered = None
    shown = [show.publish(None, faces=(RIGHT,)) for _ in range(40)]
    assert all(is_covered(each) for each in shown)
    assert shown[0].state is not Shown.AVATAR


# --- without an avatar


def test_without_an_avatar_the_face_is_shown_and_the_state_is_passthrough():
    show = Show("none")
    published = show.publish(0.1)
    assert shows_face(published)
    assert published.state is Shown.PASSTHROUGH
    assert show.compositor.counts == [0]


def test_without_an_avatar_the_curtain_covers_until_the_first_face_and_in_panic():
    show = Show("none")
    current = show.frames.picture()
    assert is_curtain(show.pipeline.show(Observation(current, ()), show.frames.now))
    show.publish(0.1)
    show.pipeline.guard.panic = True
    assert is_curtain(show.publish(0.1))


def test_changing_to_an_avatar_covers_the_face_again():
    show = Show("none")
    assert shows_face(show.publish(0.1))
    show.pipeline.apply(with_first_avatar(show.pipeline.settings, "fox"))
    assert not shows_face(show.publish(0.1))


# --- the worker


class FakeSegmenter:
    """Returns the segmentation of each frame, or fails when a test says so."""

    def __init__(self, fails: threading.Event, closed: threading.Event) -> None:
        self._fails, self._closed = fails, closed
        self.plate_reset = threading.Event()

    def segment(
        self,
        shown: Frame,
        landmarks: np.ndarray | None,
        track_id: int | None = None,
        heads: object = (),
    ) -> Segmentation | None:
        if self._fails.is_set():
            raise RuntimeError("the network broke")
        return None if landmarks is None else segmentation_of(shown)

    def reset_plate(self) -> None:
        self.plate_reset.set()

    def close(self) -> None:
        self._closed.set()


def wait_for(condition) -> bool:
    pause = threading.Event()
    for _ in range(500):
        if condition():
            return True
        pause.wait(0.01)
    return False


def test_the_worker_offers_the_latest_segmentation_and_drops_it_after_an_error():
    observations: Mailbox[Observation] = Mailbox("sampled")
    people = PeopleTracker()
    fails, closed = threading.Event(), threading.Event()
    segmenters: list[FakeSegmenter] = []

    def make() -> FakeSegmenter:
        segmenters.append(FakeSegmenter(fails, closed))
        return segmenters[-1]

    worker = SegmentationWorker(make, observations, 100.0, Governor(), SystemClock(), StageTimer())
    assert worker.is_working()
    worker.worker.start()
    try:
        for i in range(3):
            observations.put(people.update(Observation(frame(i, 1.0 + i), (face(),))))
            assert wait_for(lambda i=i: worker.newest() and worker.newest().at == 1.0 + i)
        worker.reset_plate()
        observations.put(people.update(Observation(frame(4, 5.0), (face(),))))
        assert segmenters[0].plate_reset.wait(5)
        fails.set()
        observations.put(people.update(Observation(frame(5, 6.0), (face(),))))
        assert closed.wait(5)
        assert wait_for(lambda: worker.newest() is None)  # nothing old after an error
        assert not worker.is_working()
        fails.clear()
        assert wait_for(
            lambda: (
                observations.put(people.update(Observation(frame(6, 7.0), (face(),))))
                or (worker.newest() is not None)
            )
        )
    finally:
        worker.worker.request_stop()
        assert worker.worker.join()


def test_a_worker_without_a_segmenter_gives_nothing_to_wait_for():
    worker = SegmentationWorker(
        None, Mailbox("sampled"), 12.0, Governor(), SystemClock(), StageTimer()
    )
    assert not worker.is_working()


def test_the_first_segmentation_is_made_at_the_priority_of_the_others(monkeypatch):
    """The first avatar waits for it; nothing waits for the later ones."""
    lowered: list[int] = []
    monkeypatch.setattr(workers, "_lower_priority", lambda: lowered.append(len(done)))
    done: list[float] = []
    observations: Mailbox[Observation] = Mailbox("sampled")
    people = PeopleTracker()

    def make() -> FakeSegmenter:
        return FakeSegmenter(threading.Event(), threading.Event())

    worker = SegmentationWorker(make, observations, 100.0, Governor(), SystemClock(), StageTimer())
    worker.worker.start()
    try:
        for i in range(3):
            observations.put(people.update(Observation(frame(i, 1.0 + i), (face(),))))
            assert wait_for(lambda i=i: worker.newest() and worker.newest().at == 1.0 + i)
            done.append(1.0 + i)
    finally:
        worker.worker.request_stop()
        assert worker.worker.join()
    assert lowered == [0]

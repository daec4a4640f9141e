"""The real hair beside the head: from the first avatar on, after an absence, with late masks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.config.assets import asset_path
from livecam.config.settings import AvatarSettings, RenderSettings, Settings
from livecam.core.frame import Frame, Image
from livecam.core.observation import Observation
from livecam.core.timing import StageTimer
from livecam.measure.leak import BoolMask
from livecam.people.account import known_heads
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline import pairing
from livecam.pipeline.build import compositor_factory
from livecam.pipeline.composition import Composite, Composition
from livecam.pipeline.pipeline import Inputs, Pipeline, Published
from livecam.pipeline.states import Shown
from livecam.render.context import open_graphics
from livecam.segmentation.base import Segmentation
from livecam.segmentation.segmenter import Segmenter
from livecam.sinks.base import OutputInfo
from livecam.sources import sample_clip
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.pipelines import witness_of_faces
from tests.test_session_change import run_with, wait_until

SIZE = (640, 360)
FPS = 15
MOUTH = 13  # MediaPipe's landmark: below its row lies the suit
PERSON_LEVELS = 25  # by so much the person differs from the room
SAME_LEVELS = 12  # a published pixel that differs less is the camera's
MAX_HAIR = 0.004  # visible share of head and hair: chance, and the soft edge of a mask


class Room:
    """The sample's room with and without its person: every pixel of the person is known."""

    def __init__(self) -> None:
        self._puppet = sample_clip.Puppet(sample_clip.read_portrait())
        self._room = _small(sample_clip._room().astype(np.uint8))

    def empty(self, index: int) -> Frame:
        return Frame(
            np.dstack((self._room, np.full(SIZE[::-1], 255, np.uint8))), index, index / FPS
        )

    def frame(self, index: int, mirrored: bool = False) -> Frame:
        image = _small(self._puppet.image(sample_clip.pose_at(index / FPS), index))
        return Frame(
            np.ascontiguousarray(image[:, ::-1]) if mirrored else image, index, index / FPS
        )

    def head(self, frame: Frame, mouth: float, mirrored: bool = False) -> BoolMask:
        """Returns the pixels of head and hair above the row of the mouth."""
        room = self._room[:, ::-1] if mirrored else self._room
        person = cv2.absdiff(frame.image[..., :3], room).max(axis=2) > PERSON_LEVELS
        person[round(mouth) :] = False
        return np.asarray(person, np.bool_)


def _small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def room() -> Room:
    asset_or_skip("portrait")
    return Room()


class Show:
    """A pipeline with the real models; a segmentation is taken `late` frames after its own."""

    def __init__(
        self, room: Room, tracker: FaceLandmarker, segmenter: Segmenter, late: int = 2
    ) -> None:
        self.late, self.every = late, 2  # frames
        self.newest: Segmentation | None = None
        self.seen: list[tuple[Shown, float]] = []
        self.pipeline: Pipeline  # set by who makes it
        self._room, self._tracker, self._segmenter = room, tracker, segmenter
        self._people = PeopleTracker()
        self._coming: deque[tuple[int, Segmentation]] = deque()

    def play(self, frame: Frame, mirrored: bool = False) -> Published:
        """Publishes a frame; notes its state and the visible share of head and hair."""
        while self._coming and self._coming[0][0] <= frame.index:
            self.newest = self._coming.popleft()[1]
        raw = self._tracker.track(frame)
        observation = self._people.update(raw, witness_of_faces(raw))
        published = self.pipeline.show(observation, frame.captured_at)
        if frame.index % self.every == 0:
            self._segment(observation)
        self.seen.append((published.state, self._visible(published, observation, mirrored)))
        return published

    def _segment(self, observation: Observation) -> None:
        frame, track = observation.frame, primary_track(observation)
        heads = known_heads(observation)
        face = None if track is None else track.face
        points = None if face is None else face.points_px(*SIZE)
        track_id = None if track is None or face is None else track.id
        found = self._segmenter.segment(frame, points, track_id, heads)
        if found is not None:
            self._coming.append((frame.index + self.late, found))

    def _visible(self, published: Published, observation: Observation, mirrored: bool) -> float:
        frame = observation.frame
        is_new = published.frame.captured_at == frame.captured_at
        if published.state is not Shown.AVATAR or not is_new or not observation.faces:
            return 0.0
        mouth = float(observation.faces[0].points_px(*SIZE)[MOUTH, 1])
        head = self._room.head(frame, mouth, mirrored)
        change = cv2.absdiff(published.frame.image, frame.image)[..., :3].max(axis=2)
        same = (change <= SAME_LEVELS).astype(np.uint8)  # alone, a pixel may be so by chance
        return float(cv2.erode(same, np.ones((3, 3), np.uint8))[head].mean())

    def states(self) -> str:
        """Returns the first letter of each state."""
        return "".join(state.value[0] for state, _ in self.seen)

    def most_visible(self) -> float:
        return max(share for _, share in self.seen)


@contextmanager
def show_of(room: Room, *, is_segmented: bool = True) -> Iterator[Show]:
    avatar = AvatarSettings(scale=0.8)  # so that there is hair beside the head
    settings = Settings(avatar=avatar, render=RenderSettings(tier="light"))
    with (
        open_graphics() as graphics,
        FaceLandmarker(asset_path("face-landmarker")) as tracker,
        Segmenter(asset_path("person"), asset_path("person-wide"), None) as segmenter,
    ):
        show = Show(room, tracker, segmenter)
        show.pipeline = Pipeline(
            settings, (load_avatar("frog"),),
            compositor_factory(settings, graphics, StageTimer()), OutputInfo(*SIZE, FPS), None,
            Inputs(segmentations=lambda: show.newest, is_segmented=lambda: is_segmented),
        )  # fmt: skip
        yield show
        show.pipeline.close()


def test_without_masks_the_hair_would_be_visible(room):
    """The measure works: so much is seen where nobody waits for masks."""
    with show_of(room, is_segmented=False) as show:
        show.play(room.frame(0))
    assert show.states() == "a"
    assert show.most_visible() > 5 * MAX_HAIR


def test_the_first_avatar_waits_for_the_first_masks_and_shows_no_hair(room):
    with show_of(room) as show:
        for i in range(8):
            show.play(room.frame(i))
    assert show.states() == "ccaaaaaa"
    assert show.most_visible() < MAX_HAIR


def test_masks_that_never_come_are_waited_for_a_second(room):
    with show_of(room) as show:
        show.late = 10**6
        for i in range(2 * FPS):
            show.play(room.frame(i))
    assert show.states() == "c" * (FPS + 1) + "a" * (FPS - 1)


def test_late_masks_remove_hair_for_two_seconds(room):
    with show_of(room) as show:
        for i in range(4):
            show.play(room.frame(i))
        show.late = 10**6
        for i in range(4, 4 + int(1.9 * FPS)):
            show.play(room.frame(i))
    assert set(show.states()[2:]) == {"a"}
    assert show.most_visible() < MAX_HAIR


def test_a_wearer_who_comes_back_waits_for_masks_and_is_covered_until_then(room):
    with show_of(room) as show:
        for i in range(6):
            show.play(room.frame(i))
        for i in range(6, 6 + 2 * FPS):
            show.play(room.empty(i))
        before = len(show.seen)
        for i in range(before, before + 8):
            show.play(room.frame(i))
    back = show.states()[before:]
    assert back[0] != "a"
    assert back[-1] == "a"
    assert show.most_visible() < MAX_HAIR


def test_a_face_that_was_missed_for_a_moment_does_not_wait(room):
    with show_of(room) as show:
        for i in range(6):
            show.play(room.frame(i))
        for i in range(6, 9):
            show.play(room.empty(i))
        show.play(room.frame(9))
    assert show.states() == "ccaaaa" + "hhh" + "a"


def test_after_a_cut_the_new_wearer_waits_for_masks(room):
    """The second shot is the mirrored first one: another place, another background."""
    with show_of(room) as show:
        for i in range(8):
            show.play(room.frame(i))
        indices = [
            show.play(room.frame(i, mirrored=True), mirrored=True).frame.index for i in range(8, 16)
        ]
    assert indices == [7, 7, *range(10, 16)]  # the last frame of the old shot stays
    assert show.most_visible() < MAX_HAIR


def test_a_live_run_draws_no_avatar_without_masks(monkeypatch):
    """However long the first masks take on a busy machine."""
    monkeypatch.setattr(pairing, "MAX_WAIT_S", 60.0)
    monkeypatch.setattr(pairing, "MAX_AGE_S", 60.0)
    given: list[Segmentation | None] = []
    compose = Composition.compose

    def recording(
        composition: Composition,
        frame: Frame,
        avatars: Sequence[AvatarState],
        segmentation: Segmentation | None = None,
        now: float = 0.0,
    ) -> Composite:
        given.append(segmentation)
        return compose(composition, frame, avatars, segmentation, now)

    monkeypatch.setattr(Composition, "compose", recording)
    run_with(Settings(), lambda session, published: wait_until(lambda: len(given) > 5))
    assert all(each is not None for each in given)

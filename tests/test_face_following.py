"""Faces that are followed by optical flow in every second frame, and covered there like others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.config.settings import Settings
from livecam.core.face import Face
from livecam.core.frame import Frame, Image
from livecam.core.observation import Observation, SearchedScene
from livecam.people.changes import stamp_of
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.face_following import FaceFollowing
from livecam.pipeline.pipeline import Pipeline
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo
from tests.faces import face
from tests.pipelines import witness_of_faces
from tests.test_pipeline import MAGENTA, Covering, avatar, bare

SIZE = (640, 480)
STEP_S = 1 / 30
RNG = np.random.default_rng(5)
ROOM = cv2.blur(RNG.integers(0, 90, (480, 640, 4), np.uint8), (9, 9))
# A real face: half of its pixels are magenta, in spots that flow can follow.
SPOTS = cv2.GaussianBlur(RNG.normal(size=(480, 640)), (0, 0), 3) > 0


class Person:
    """A person who moves before a camera, and the networks that find their face."""

    def __init__(self) -> None:
        self.x, self.y = 0.5, 0.5
        self.index = 0
        self.networks = 0  # frames that were tracked by them

    def face(self) -> Face:
        return face((self.x, self.y), 0.4)

    def frame(self) -> Frame:
        image = ROOM.copy()
        image[..., 3] = 255
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.rint(self.face().outline_px(*SIZE)).astype(np.int32), 1)
        skin = np.full((480, 640, 4), (120, 90, 80, 255), np.uint8)
        skin[SPOTS, :3] = MAGENTA
        shift = np.float32([[1, 0, (self.x - 0.5) * 640], [0, 1, (self.y - 0.5) * 480]])
        skin = cv2.warpAffine(
            skin, shift, SIZE, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
        )
        image[mask > 0] = skin[mask > 0]
        self.index += 1
        return Frame(image, self.index, 100 + self.index * STEP_S)

    def tracked(self, frame: Frame) -> Observation:
        self.networks += 1
        return Observation(frame, (self.face(),))


def observed(person: Person, people: PeopleTracker) -> Observation:
    observation = person.tracked(person.frame())
    return people.update(observation, witness_of_faces(observation))


@pytest.fixture
def person() -> Person:
    return Person()


def unchanged(observation: Observation) -> Observation:
    return observation


def following_since_two_frames(
    person: Person, last: Callable[[Observation], Observation] = unchanged
) -> FaceFollowing:
    following, people = FaceFollowing(), PeopleTracker()
    following.note(observed(person, people))
    following.note(last(observed(person, people)))
    return following


def test_a_face_is_followed_to_where_it_moved(person: Person) -> None:
    following = following_since_two_frames(person)
    person.x, person.y = 0.512, 0.493
    followed = following.follow(person.frame())
    assert followed is not None
    assert followed.is_followed
    (found,), wanted = followed.faces, person.face()
    error_px = np.abs(found.points_px(*SIZE) - wanted.points_px(*SIZE)).max()
    assert error_px < 2.25  # one of the reduced frame in which it is followed
    shift_m = found.camera_from_head[:3, 3] - wanted.camera_from_head[:3, 3]
    assert np.abs(shift_m).max() < 0.004


def test_only_every_second_frame_is_followed(person: Person) -> None:
    following, people = FaceFollowing(), PeopleTracker()
    for _ in range(2):
        assert following.follow(person.frame()) is None
        following.note(observed(person, people))
    followed = following.follow(person.frame())
    assert followed is not None
    following.note(people.update(followed, witness_of_faces(followed)))
    assert following.follow(person.frame()) is None


def with_new_scene(observation: Observation) -> Observation:
    """The corner of the frame changed since the witnesses searched it."""
    image: Image = observation.frame.image.copy()
    image[:200, :200, :3] = 255 - image[:200, :200, :3]
    stamp = stamp_of(image)
    nothing = np.zeros(stamp.shape[:2], bool)
    return replace(observation, scene=SearchedScene(stamp, nothing, nothing, nothing))


@pytest.mark.parametrize(
    "change",
    [
        lambda o: replace(o, is_searched=False),
        lambda o: replace(o, slots=(*o.slots, None)),
        lambda o: replace(o, faces=()),
        lambda o: replace(o, unexplained=(np.array((40.0, 40.0, 50.0)),)),
        lambda o: replace(o, tracks=tuple(replace(t, face=None) for t in o.tracks)),
        lambda o: replace(o, tracks=tuple(replace(t, doubtful_until=1e9) for t in o.tracks)),
        lambda o: replace(o, frame=replace(o.frame, captured_at=o.frame.captured_at - 0.1)),
        lambda o: replace(o, frame=replace(o.frame, captured_at=o.frame.captured_at + 1)),
        with_new_scene,
    ],
    ids=[
        "unsearched",
        "other slots",
        "nobody",
        "a head",
        "missing",
        "doubtful",
        "late",
        "earlier",
        "new",
    ],
)
def test_the_networks_track_wherever_somebody_may_be_missed(
    person: Person, change: Callable[[Observation], Observation]
) -> None:
    assert following_since_two_frames(person).follow(person.frame()) is not None
    assert following_since_two_frames(person, change).follow(person.frame()) is None


def test_the_networks_track_a_face_that_the_flow_does_not_find_again(person: Person) -> None:
    following = following_since_two_frames(person)
    frame = person.frame()
    hidden = frame.image.copy()
    hidden[..., :3] = ROOM[::-1, ::-1, :3]
    assert following.follow(replace(frame, image=hidden)) is None


def beside_the_shoulder(image: Image) -> None:
    image[380:460, 480:560, :3] = 200


def everywhere(image: Image) -> None:
    image[..., :3] = cv2.add(image[..., :3], np.full_like(image[..., :3], 40))


@pytest.mark.parametrize("change", [beside_the_shoulder, everywhere])
def test_the_networks_track_a_frame_that_changed_beside_the_face(
    person: Person, change: Callable[[Image], None]
) -> None:
    following = following_since_two_frames(person)
    frame = person.frame()
    image = frame.image.copy()
    change(image)
    assert following.follow(replace(frame, image=image)) is None
    assert following.follow(frame) is not None


def test_nothing_is_followed_after_a_reset(person: Person) -> None:
    following = following_since_two_frames(person)
    following.reset()
    assert following.follow(person.frame()) is None


@pytest.mark.parametrize("alignment", ["aligned", "newest"])
def test_a_person_whose_every_second_frame_is_followed_is_always_covered(
    person: Person, alignment: str
) -> None:
    settings = Settings.model_validate({"smoothing": {"alignment": alignment}})
    pipeline = Pipeline(settings, (avatar(),), lambda *_: Covering(), OutputInfo(*SIZE, 30.0))
    people, following = PeopleTracker(), FaceFollowing()
    rng, speed = np.random.default_rng(6), np.zeros(2)
    states = []
    for _ in range(150):
        speed = 0.8 * speed + rng.normal(scale=0.003, size=2)  # of the frame, in a period
        person.x = float(np.clip(person.x + speed[0], 0.3, 0.7))
        person.y = float(np.clip(person.y + speed[1], 0.4, 0.6))
        frame = person.frame()
        observation = following.follow(frame) or person.tracked(frame)
        observation = people.update(observation, witness_of_faces(observation))
        following.note(observation)
        published = pipeline.show(observation, frame.captured_at + 0.03, frame)
        states.append(published.state)
        assert published.frame.captured_at == frame.captured_at
        assert not bare(published)
    assert states.count(Shown.AVATAR) == len(states)
    assert person.networks < 100

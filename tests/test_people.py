"""Several people: association, slots, loss and return, and no face visible meanwhile."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.compose.base import Compositor
from livecam.compose.compositor import HeadCompositor
from livecam.compose.stages import CompositingStages
from livecam.config.settings import AvatarSettings, RenderSettings, Settings
from livecam.convert.plan import plan
from livecam.convert.survey import Survey
from livecam.convert.tracks import OTHERS_MARGIN_S, FaceTrack, Shot
from livecam.core.face import Face
from livecam.core.frame import Frame, Image
from livecam.core.observation import MIN_STATIONARY_S, Observation
from livecam.core.timing import StageTimer
from livecam.measure.leak import oval_mask_of_faces, uncovered_pixels
from livecam.media.reader import VideoInfo, VideoReader
from livecam.people.account import (
    BLIND_ABSENCE,
    MIN_ABSENCES,
    MIN_ABSENT_S,
    HeadMemory,
    known_heads,
    unexplained,
)
from livecam.people.association import UNASSIGNED, assigned, face_box
from livecam.people.slots import PATIENCE_S
from livecam.people.tracker import (
    DOUBT_S,
    MEMORY_S,
    PeopleTracker,
    missing_bystanders,
    primary_face,
    primary_track,
)
from livecam.pipeline.build import avatars_of, compositor_factory, slots_of
from livecam.pipeline.cast import Cast
from livecam.pipeline.easing import HALF_HEAD_M, RETURN_S
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics, open_graphics
from livecam.segmentation.base import Segmentation
from livecam.sinks.base import OutputInfo
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.heads import face_at, observation
from tests.pipelines import TrackedPipeline, witness_of_faces
from tests.render_help import at, ball_avatar
from tests.test_convert_parts import TIMES, sample

FPS = 30


def aside(x_m: float, depth_m: float = 0.6, **weights: float) -> Face:
    return face_at(np.array((x_m, 0, 0, 0, 0, 0.0)), depth_m=depth_m, **weights)


class Room:
    """People before a camera, one picture after the other."""

    def __init__(self, slots: int = 1, by: str = "order") -> None:
        self.people = PeopleTracker(slots, by)
        self.observation = observation(0.0)
        self.hidden: tuple[Face, ...] = ()  # heads that only the witnesses find
        self.frames = 0

    def shows(self, *faces: Face) -> list[int | None]:
        """Returns the index of the face in each slot."""
        taken = observation(self.frames / FPS, *faces)
        evidence = witness_of_faces(taken)
        if self.hidden:
            boxes = [face_box(face, *taken.frame.size) for face in self.hidden]
            evidence = replace(evidence, boxes=(*evidence.boxes, *boxes))
        self.observation = self.people.update(taken, evidence)
        self.frames += 1
        numbers: dict[int | None, int] = {id(face): i for i, face in enumerate(faces)}
        return [numbers.get(t and id(t.face)) for t in self.observation.wearers]

    @property
    def others(self) -> tuple[Face, ...]:
        return tuple(t.face for t in self.observation.bystanders if t.face is not None)

    def ids(self) -> tuple[int | None, ...]:
        return self.observation.slots


# --- association


def test_faces_are_assigned_with_the_smallest_sum_of_costs() -> None:
    rng = np.random.default_rng(2)
    for rows, columns in ((1, 1), (2, 3), (4, 2), (4, 4)):
        price = rng.uniform(0, 1.5, (rows, columns))
        price[rng.uniform(size=price.shape) < 0.3] = np.inf
        chosen = assigned(price)
        total = sum(UNASSIGNED if c is None else price[r, c] for r, c in chosen)
        columns_or_none = [*range(columns), *[None] * rows]
        best = min(
            sum(UNASSIGNED if c is None else price[r, c] for r, c in enumerate(path))
            for path in permutations(columns_or_none, rows)
        )
        assert total == pytest.approx(best)


@pytest.mark.parametrize("lost", ["the one behind", "both"])
@pytest.mark.parametrize("frames", [1, 5])
def test_two_people_who_cross_keep_their_slots_although_detections_are_missing(
    lost: str, frames: int
) -> None:
    room = Room(slots=2)
    hidden = range(30 - frames // 2, 30 - frames // 2 + frames)
    for i in range(61):
        across = 0.36 - 0.012 * i
        near, far = aside(across, 0.5), aside(-across, 0.56)
        if i not in hidden:
            assert room.shows(far, near) == [1, 0], i
        elif lost == "both":
            room.shows()
        else:
            assert room.shows(near) == [0, None]


def test_two_people_who_meet_and_turn_back_are_associated_by_their_colours() -> None:
    """By where they should be they crossed; by what they look like they did not."""
    people = PeopleTracker(2)
    looks = {"one": (200, 120, 90), "two": (90, 60, 50)}
    names = {}
    for i in range(13, 28):
        apart = 0.04 * abs(i - 20)
        faces = {"one": aside(apart, 0.5), "two": aside(-apart, 0.5)}
        image = np.zeros((720, 1280, 4), np.uint8)
        for name, face in faces.items():
            cv2.fillConvexPoly(image, face.outline_px(1280, 720).astype(int), looks[name])
        visible = () if 18 <= i <= 24 else tuple(faces.values())
        found = people.update(Observation(Frame(image, i, i / FPS), visible))
        if visible:
            now = {
                name: next(t.id for t in found.wearers if t is not None and t.face is face)
                for name, face in faces.items()
            }
            names = names or now
            assert now == names, i


def test_a_larger_passer_by_gets_no_slot() -> None:
    room = Room()
    me = aside(0.0)
    room.shows(me)
    for i in range(FPS):
        passing = aside(0.5 - i / FPS, 0.35)
        assert room.shows(passing, me) == [1]
        assert room.others[0] is passing


def poster() -> Face:
    """On the wall, measured with noise like any other face."""
    wobbling = np.random.default_rng(poster.looks)
    poster.looks += 1
    face = aside(-0.25 + wobbling.normal() * 0.0005, 0.8, mouthSmileLeft=0.4)
    face.landmarks[:, :2] += wobbling.normal(size=(478, 2)) * 0.5 / (1280, 720)
    face.weights[:] = np.clip(face.weights + wobbling.normal(size=52) * 0.042, 0, 1)
    return face


poster.looks = 0


def living(i: int, x: float = 0.1) -> Face:
    """A person that sways a little and blinks every three seconds."""
    blink = 0.7 if i % 90 in (30, 31, 32) else 0.05
    return aside(x + 0.01 * np.sin(i / 20), 0.6, eyeBlinkLeft=blink, eyeBlinkRight=blink)


def test_a_stationary_face_never_gets_the_slot_of_a_person_who_left() -> None:
    room = Room()
    for i in range(round((MIN_STATIONARY_S + 1) * FPS)):
        me, wall = living(i), poster()
        assert room.shows(wall, me) == [1]
        assert room.others[0] is wall
    for i in range(12):  # hidden for 0.4 s
        assert room.shows(poster()) == [None], i
    me = living(0)
    assert room.shows(poster(), me) == [1]
    for _ in range(8 * FPS):  # left for good
        wall = poster()
        assert room.shows(wall) == [None]
        assert room.others[0] is wall  # and is blurred for as long


def test_a_stationary_face_in_a_slot_is_replaced_by_a_moving_one() -> None:
    room = Room()
    wearing = []
    for i in range(round((MIN_STATIONARY_S + 1) * FPS)):
        me = face_at(np.array((0.1, 0, 0, 0, 0, 0.0)), depth_m=1.0, jawOpen=0.5 * (i % 40 > 20))
        wearing.append(room.shows(poster(), me) == [1])
    assert not wearing[0]  # the larger one comes first
    assert wearing == sorted(wearing)
    assert wearing[round(MIN_STATIONARY_S * FPS) + 1]


def test_a_stationary_face_alone_keeps_its_slot() -> None:
    """The source may be a photograph."""
    room = Room()
    for _ in range(round((MIN_STATIONARY_S + 5) * FPS)):
        assert room.shows(poster()) == [0]


def test_by_place_the_face_further_left_gets_the_slot_further_left() -> None:
    left, right = aside(-0.2), aside(0.2, 0.5)
    assert Room(2).shows(left, right) == [1, 0]  # by order: the larger one first
    assert Room(2, "place").shows(right, left) == [1, 0]
    alone = Room(2, "place")
    assert alone.shows(right) == [None, 0]
    assert alone.shows(right, left) == [1, 0]
    assert Room(3, "place").shows(aside(0.35), aside(0.2), aside(0.05)) == [2, 1, 0]


def test_the_primary_wearer_stays_the_first_while_briefly_missing() -> None:
    """By place the first slot is the left one, although the right face is larger."""
    room = Room(2, "place")
    left, right = aside(-0.2), aside(0.2, 0.5)
    room.shows(right, left)
    assert primary_face(room.observation) is left
    room.shows(right)
    assert primary_track(room.observation) is room.observation.wearers[0]
    assert primary_face(room.observation) is None
    for _ in range(round(PATIENCE_S * FPS) + 1):
        room.shows(right)
    assert primary_face(room.observation) is right
    room.shows(right, left)
    assert primary_face(room.observation) is left


def test_an_observation_has_the_track_of_every_face_and_is_not_changed_later() -> None:
    room = Room(2)
    me, other = aside(-0.2), aside(0.2, 0.5)
    room.shows(me, other)
    before = room.observation
    assert {id(t.face) for t in before.tracks} == {id(me), id(other)}
    boxes = [track.box.copy() for track in before.tracks]
    for i in range(10):
        room.shows(aside(-0.2 + 0.01 * i), aside(0.2, 0.5))
    assert [t.id for t in room.observation.tracks] == [t.id for t in before.tracks]
    assert np.array_equal([t.box for t in before.tracks], boxes)


def test_a_face_without_a_free_slot_waits_until_one_is_freed() -> None:
    room = Room(2)
    one, two, three = aside(-0.3, 0.5), aside(0.0, 0.5), aside(0.3)
    assert 2 not in room.shows(one, two, three)
    assert room.others[0] is three
    waited = 0
    while 1 not in room.shows(one, three):
        waited += 1
    assert waited / FPS == pytest.approx(MIN_ABSENT_S, abs=0.1)


def test_a_missing_bystander_stays_covered_until_the_witnesses_find_its_place_empty() -> None:
    room = Room()
    me, other = aside(0.0, 0.5), aside(0.3)
    room.shows(me, other)
    room.hidden = (other,)
    for _ in range(round(5 * FPS)):
        room.shows(me)
        assert len(missing_bystanders(room.observation)) == 1
    room.hidden = ()
    covered = [len(missing_bystanders(room.observation)) for _ in range(2 * FPS) if room.shows(me)]
    assert covered == sorted(covered, reverse=True)
    assert sum(covered) == pytest.approx(MIN_ABSENCES, abs=1)


def test_without_witnesses_a_missing_face_stays_on_the_account() -> None:
    people, (me, other) = PeopleTracker(), (aside(0.0, 0.5), aside(0.3))
    people.update(observation(0.0, me, other))
    for i in range(1, 10 * FPS):
        found = people.update(observation(i / FPS, me))
    assert len(missing_bystanders(found)) == 1


@pytest.mark.parametrize("beside", ["another person", "a poster"])
def test_another_face_does_not_take_the_slot_of_a_wearer_who_is_still_there(beside: str) -> None:
    """The wearer turns so far that the tracker loses the face; a witness still finds the head."""
    room, me = Room(), aside(0.1, 0.5)
    for i in range(2 * FPS):
        other = poster() if beside == "a poster" else living(i, x=-0.25)
        assert room.shows(me, other) == [0]
    room.hidden = (me,)
    for i in range(10 * FPS):
        other = poster() if beside == "a poster" else living(i, x=-0.25)
        assert room.shows(other) == [None], i
        assert len(room.observation.unexplained) == 1
    room.hidden = ()
    worn = [room.shows(living(i, x=-0.25)) == [0] for i in range(2 * FPS)]
    assert worn == sorted(worn)
    assert worn[-1]  # once the place is empty


def test_a_wearer_whom_witnesses_still_find_is_never_forgotten() -> None:
    room, me, other = Room(), aside(0.1, 0.5), aside(-0.3)
    room.shows(me, other)
    room.hidden = (me,)
    for _ in range(round((MEMORY_S + 5) * FPS)):
        assert room.shows(other) == [None]


def test_a_wearer_who_is_missing_when_the_light_is_switched_on_keeps_the_slot() -> None:
    people, me, other = PeopleTracker(), aside(-0.2, 0.5), aside(0.1)
    for i in range(30):
        faces = (me, other) if i < 8 else (other,)
        found = people.update(Observation(picture(1, i / FPS, 0.3 if i < 15 else 1.0), faces))
        assert found.slots == (1,)
    assert found.wearers[0] is not None


def test_a_weak_witness_counts_at_the_place_of_a_missing_face_and_nowhere_else() -> None:
    people, me, other = PeopleTracker(), aside(0.1, 0.5), aside(-0.3)
    people.update(observation(0.0, me, other))
    for i in range(1, 5 * FPS):
        taken = observation(i / FPS, other)
        evidence = replace(witness_of_faces(taken), weak=(face_box(me, *taken.frame.size),))
        found = people.update(taken, evidence)
        assert found.slots == (1,)
        assert found.unexplained == ()


def test_where_the_person_mask_tells_nothing_a_missing_face_stays_longer() -> None:
    def frames_until_gone(mask: bool) -> int:
        people = PeopleTracker()
        people.update(observation(0.0, aside(0.1, 0.5)))
        for i in range(1, 5 * FPS):
            taken = observation(i / FPS)
            evidence = witness_of_faces(taken)
            found = people.update(taken, evidence if mask else replace(evidence, person=None))
            if found.tracks[0].is_gone:
                return i
        raise AssertionError

    assert frames_until_gone(mask=False) == pytest.approx(MIN_ABSENCES / BLIND_ABSENCE, abs=1)
    assert frames_until_gone(mask=True) == pytest.approx(MIN_ABSENT_S * FPS, abs=1)


def test_an_unexplained_head_is_remembered_by_weak_scores_and_for_a_moment_without_any() -> None:
    memory, people, me, other = HeadMemory(), PeopleTracker(), aside(0.1, 0.5), aside(-0.3)
    size = observation(0.0).frame.size
    head = (face_box(other, *size),)

    def unexplained_at(at_s: float, **found: tuple[np.ndarray, ...]) -> int:
        tracks = people.update(observation(at_s, me)).tracks
        seen = replace(witness_of_faces(observation(at_s, me)), **found)
        return len(unexplained(tracks, memory.remember(seen, tracks)))

    assert unexplained_at(0.0, weak=head) == 0
    assert unexplained_at(0.1, boxes=head) == 1
    assert [unexplained_at(0.1 * i, weak=head) for i in range(2, 20)] == [1] * 18
    assert [unexplained_at(2 + 0.1 * i) for i in range(8)] == [1] * 5 + [0] * 3


def test_an_unexplained_head_stays_until_there_is_newer_evidence() -> None:
    people, me, other = PeopleTracker(), aside(0.1, 0.5), aside(-0.3)
    first = observation(0.0, me)
    old = replace(witness_of_faces(first), boxes=(face_box(other, *first.frame.size),))
    for i in range(5 * FPS):
        assert len(people.update(observation(i / FPS, me), old).unexplained) == 1
    now = observation(5.0, me)
    assert people.update(now, witness_of_faces(now)).unexplained == ()


def test_a_head_is_not_left_behind_by_the_face_that_it_was() -> None:
    people, me, gone = PeopleTracker(), aside(0.1, 0.5), aside(-0.25, 0.5)
    first = observation(0.0, me)
    seen = people.update(first)
    evidence = replace(witness_of_faces(first), visible=tuple((t.id, t.box) for t in seen.tracks))
    assert people.update(observation(0.1, aside(0.05, 0.5)), evidence).unexplained == ()
    for i in range(2, 8):
        found = people.update(observation(i / 10, aside(0.1 - i * 0.05, 0.5)), evidence)
        assert found.unexplained == ()
    # Once that face is lost, its old place is its own matter; another face explains nothing.
    elsewhere = people.update(observation(0.8, gone), evidence)
    assert elsewhere.tracks[0].id == 1
    nobody = people.update(observation(0.9), evidence)
    assert len(nobody.unexplained) == 1


def test_evidence_of_the_shot_before_a_cut_counts_no_longer() -> None:
    people, me = PeopleTracker(), aside(0.1, 0.5)
    light, dark = (
        Frame(np.full((720, 1280, 4), level, np.uint8), i, i / 10)
        for i, level in enumerate((220, 40))
    )
    evidence = replace(
        witness_of_faces(Observation(light, (me,))),
        boxes=(face_box(aside(-0.3), *light.size),),
    )
    before = people.update(Observation(light, (me,)), evidence)
    assert (len(before.unexplained), before.is_searched) == (1, True)
    after = people.update(Observation(dark, (aside(-0.1, 0.4),)), evidence)
    assert (after.unexplained, after.is_searched) == ((), False)
    newer = replace(evidence, at=0.1)
    assert people.update(observation(0.2, aside(-0.1, 0.4)), newer).is_searched is False
    assert people.update(observation(0.3), replace(evidence, at=0.3)).is_searched


def test_landmarks_that_roll_faster_than_a_head_are_doubtful_for_a_while() -> None:
    people = PeopleTracker()

    def rolled(angle: float, at_s: float) -> Observation:
        face = face_at(np.array((0.1, 0, 0, 0, 0, np.radians(angle))), depth_m=0.5)
        return people.update(observation(at_s, face))

    for i in range(10):  # as fast as on any clip
        (track,) = rolled(5.0 * i, i / FPS).tracks
        assert track.doubtful_until < 0
    (track,) = rolled(5.0 * 9 + 40, 10 / FPS).tracks
    assert track.doubtful_until == pytest.approx(10 / FPS + DOUBT_S)
    (track,) = rolled(5.0 * 9 + 40, 11 / FPS).tracks
    assert track.doubtful_until == pytest.approx(10 / FPS + DOUBT_S)


def test_while_a_head_may_be_anywhere_nothing_is_known_to_be_background() -> None:
    room, me, other = Room(), aside(0.1, 0.5), aside(-0.3)
    room.shows(me, other)
    assert len(known_heads(room.observation) or ()) == 2
    room.hidden = (other,)
    room.shows(me)
    assert known_heads(room.observation) is None
    room.hidden = ()
    for _ in range(2 * FPS):
        room.shows(me)
    assert len(known_heads(room.observation) or ()) == 1


def test_a_missing_face_that_walked_out_of_the_frame_is_gone_without_witnesses() -> None:
    people = PeopleTracker()
    for i in range(20):
        found = people.update(observation(i / FPS, aside(0.30 + 0.02 * i, 0.5)))
        if found.tracks[0].box[0] > 1280:
            break
    for k in range(1, 10):
        found = people.update(observation((i + k) / FPS))
    assert found.tracks[0].is_gone


def test_a_head_that_only_witnesses_find_is_unexplained_until_the_tracker_finds_it() -> None:
    room, me, other = Room(), aside(0.1, 0.5), aside(-0.3)
    room.hidden = (other,)
    room.shows(me)
    (box,) = room.observation.unexplained
    assert box[:2] == pytest.approx(face_box(other, 1280, 720)[:2])
    room.shows(me, other)
    assert room.observation.unexplained == ()


def test_a_face_detected_twice_is_one_track() -> None:
    room = Room(2)
    me, again = aside(0.0), aside(0.004)
    assert room.shows(me, again).count(None) == 1
    assert room.others == ()


def picture(seed: int, at_s: float, bright: float = 1.0) -> Frame:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 16, 4), np.uint8)
    image = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_LINEAR)
    return Frame((image * bright).astype(np.uint8), round(at_s * FPS), at_s)


def test_after_a_cut_there_are_new_tracks_and_free_slots() -> None:
    people = PeopleTracker(2)
    for i in range(10):
        found = people.update(Observation(picture(1, i / FPS), (aside(-0.2), aside(0.1))))
    before = set(found.slots)
    there, too = aside(0.3, 0.5), aside(-0.05)
    found = people.update(Observation(picture(2, 10 / FPS), (there, too)))
    assert [t.face for t in found.wearers if t is not None] == [there, too]
    assert before.isdisjoint(found.slots)
    assert missing_bystanders(found) == []


def test_a_light_that_is_switched_on_is_no_cut() -> None:
    people = PeopleTracker(2)
    for i in range(20):
        faces = (aside(-0.2, 0.5), aside(0.1))
        found = people.update(Observation(picture(1, i / FPS, 0.3 if i < 10 else 1.0), faces))
        assert found.slots == (1, 2)


def test_a_looped_film_begins_with_new_tracks() -> None:
    room = Room(2)
    for _ in range(10):
        room.shows(aside(-0.2, 0.5), aside(0.1))
    before = room.ids()
    room.frames = 0
    assert room.shows(aside(0.1), aside(-0.2, 0.5)) == [1, 0]
    assert set(before).isdisjoint(room.ids())


@pytest.fixture(scope="module")
def model() -> Path:
    return asset_or_skip("face-landmarker")


def test_two_real_people_never_swap_tracks(shared: Path, model: Path) -> None:
    """She sits on the left of the picture; the tracker's order and its luck are ours."""
    name = "intel_head-pose-face-detection-female-and-male.mp4"
    people, rng, places = PeopleTracker(2), np.random.default_rng(6), []
    with VideoReader(shared / "clips" / name) as film, FaceLandmarker(model) as tracker:
        for frame in film:
            faces = tracker.track(frame).faces
            assert len(faces) == 2, frame.index
            found = [f for f in faces[:: rng.choice((1, -1))] if rng.uniform() > 0.2]
            observation = people.update(Observation(frame, tuple(found)))
            for i, track in enumerate(observation.wearers):
                if track is not None and track.face is not None:
                    left = float(track.face.landmarks[:, 0].mean()) < 0.5
                    places.append((i, track.id, left))
    assert len(set(places)) == 2
    assert len(places) > 70


# --- in the line


class Recorder:
    """A compositor that keeps what it was asked to draw."""

    def __init__(self, inner: Compositor) -> None:
        self.inner = inner
        self.asked: list[tuple[Frame, list[AvatarState]]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def compose(
        self, frame: Frame, avatars: list[AvatarState], scene: Segmentation | None = None
    ) -> Frame:
        self.asked.append((frame, list(avatars)))
        return self.inner.compose(frame, avatars, scene)


@pytest.fixture(scope="module")
def graphics() -> Graphics:
    with open_graphics() as opened:
        yield opened


@pytest.fixture(scope="module")
def photograph(portrait: Image, model: Path) -> tuple[Image, Face]:
    """A person at 640x480, and their face."""
    image = np.full((480, 640, 4), 120, np.uint8)
    matrix = np.array(((0.8, 0, 130), (0, 0.8, 60.0)))
    cv2.warpAffine(portrait, matrix, (640, 480), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    image[..., 3] = 255
    with FaceLandmarker(model, mode="image") as landmarker:
        (face,) = landmarker.track(Frame(image, 0, 0.0)).faces
    return image, face


def moved(image: Image, face: Face, x_px: float) -> tuple[Image, Face]:
    """The photograph and its face further right."""
    shift = np.array(((1.0, 0, x_px), (0, 1.0, 0)))
    there = cv2.warpAffine(image, shift, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    landmarks = face.landmarks.copy()
    landmarks[:, 0] += x_px / 640
    matrix = face.camera_from_head.copy()
    matrix[0, 3] += x_px / 391.7 * -matrix[2, 3]  # the focal length at 480 rows
    return there, Face(landmarks, face.weights, matrix)


class Show:
    """A line with real graphics, one name for each avatar."""

    def __init__(self, graphics: Graphics, *names: str) -> None:
        self.settings = Settings.model_validate(
            {"avatar": {"avatars": names}, "render": {"tier": "light"}}
        )
        avatars = avatars_of(self.settings.avatar)
        make = compositor_factory(self.settings, graphics, StageTimer())
        self.recorder: Recorder | None = None

        def recorded(*given: object) -> Recorder:
            self.recorder = Recorder(make(*given))
            return self.recorder

        info = OutputInfo(640, 480, 30.0)
        self.pipeline = TrackedPipeline(self.settings, avatars, recorded, info)
        self.now = 0.0

    def shows(self, image: Image, *faces: Face):
        self.now += 1 / FPS
        frame = Frame(image, round(self.now * FPS), self.now)
        return self.pipeline.show(Observation(frame, faces), self.now)

    def drawn(self) -> tuple[Frame, list[AvatarState]]:
        assert self.recorder is not None
        return self.recorder.asked[-1]

    def leak(self, *faces: Face) -> float:
        """Measures how much of the faces is visible in the last composite."""
        frame, states = self.drawn()
        assert self.recorder is not None
        inner = self.recorder.inner
        oval = oval_mask_of_faces(faces, 640, 480)
        shows = uncovered_pixels(lambda painted: inner.compose(painted, states), frame, oval)
        return float(shows.sum() / oval.sum())


def head_x(state: AvatarState) -> float:
    return float(state.camera_from_head[0, 3])


def test_a_returning_head_is_eased_back_and_hides_the_face_throughout(
    graphics: Graphics, photograph: tuple[Image, Face]
) -> None:
    show = Show(graphics, "raccoon")
    for _ in range(5):
        show.shows(*photograph)
    for _ in range(20):
        assert show.shows(photograph[0]).state is Shown.HOLD
    held = head_x(show.drawn()[1][0])
    there = moved(*photograph, 35.0)
    places = [held]
    for _ in range(8):
        assert show.shows(*there).state is Shown.AVATAR
        places.append(head_x(show.drawn()[1][0]))
        assert show.leak(there[1]) == 0
    path = places[-1] - held
    assert 0.03 < path < HALF_HEAD_M
    steps = np.diff(places) / path
    # Of smooth steps none is longer than 1.5 times the mean.
    assert steps.max() < 1.5 / (RETURN_S * FPS) + 0.02
    assert steps[: int(RETURN_S * FPS)].min() > 0.02
    assert abs(steps[6:]).max() < 0.02  # arrived after 150 ms
    show.pipeline.close()


def test_a_head_that_returns_far_away_is_not_eased(
    graphics: Graphics, photograph: tuple[Image, Face]
) -> None:
    show = Show(graphics, "raccoon")
    for _ in range(5):
        show.shows(*photograph)
    for _ in range(10):
        show.shows(photograph[0])
    there = moved(*photograph, 110.0)
    places = []
    for _ in range(3):
        show.shows(*there)
        places.append(head_x(show.drawn()[1][0]))
        assert show.leak(there[1]) == 0
    assert np.ptp(places) < 0.002
    show.pipeline.close()


def two_of(photograph: tuple[Image, Face]) -> tuple[Image, Face, Face]:
    """The same person twice, side by side."""
    one, left = moved(*photograph, -130.0)
    two, right = moved(*photograph, 130.0)
    image = one.copy()
    image[:, 320:] = two[:, 320:]
    return image, left, right


def test_two_people_wear_their_avatars_and_a_missing_one_is_held_and_covered(
    graphics: Graphics, photograph: tuple[Image, Face]
) -> None:
    show = Show(graphics, "raccoon", "fox")
    image, left, right = two_of(photograph)
    for _ in range(5):
        published = show.shows(image, left, right)
        assert published.state is Shown.AVATAR
    worn = {state.slot: head_x(state) for state in show.drawn()[1]}
    assert len(worn) == 2
    assert show.leak(left, right) == 0
    for _ in range(round(show.settings.privacy.hold_s * FPS) - 1):
        published = show.shows(image, left)  # the tracker misses a face that is still there
        assert published.state is Shown.AVATAR
        states = {state.slot: head_x(state) for state in show.drawn()[1]}
        assert states == pytest.approx(worn, abs=0.01)
    assert show.leak(left, right) == 0
    for _ in range(3):
        published = show.shows(image, left, right)
        assert show.leak(left, right) == 0
    fur = published.frame.image[100:180].astype(int)  # above the face: no orange suit
    orange = (fur[..., 0] - fur[..., 2] > 90).mean(axis=0)
    halves = (orange[:320].mean(), orange[320:].mean())
    assert (halves[1] > halves[0]) == (worn[1] > worn[0])
    assert max(halves) > 10 * min(halves)
    show.pipeline.close()


# --- drawing


def test_each_state_is_drawn_as_its_own_avatar_and_the_near_one_covers(graphics: Graphics) -> None:
    red, green = ball_avatar((0.7, 0.05, 0.05)), ball_avatar((0.05, 0.6, 0.05))
    for tier in ("light", "full"):
        settings = RenderSettings(tier=tier, shells=0, samples=0, shadow=0.0)
        compositor = HeadCompositor(graphics, red, settings, (320, 240))
        compositor.set_avatars((red, green))
        frame = Frame(np.full((240, 320, 4), 128, np.uint8), 0, 0.0)
        one, two = at(x=-0.1, z=-0.7), replace(at(x=0.1, z=-0.7), slot=1)
        image = compositor.compose(frame, (one, two)).image.astype(int)
        redder = image[..., 0] - image[..., 1]
        assert redder[120, 110] > 30
        assert redder[120, 210] < -30
        near = replace(at(z=-0.5), slot=1)
        for states in ((near, at(z=-0.8)), (at(z=-0.8), near)):
            image = compositor.compose(frame, states).image.astype(int)
            assert image[120, 160, 1] - image[120, 160, 0] > 30
        compositor.close()


def test_the_same_avatar_on_two_people_is_prepared_once(graphics: Graphics) -> None:
    ball = ball_avatar()
    compositor = HeadCompositor(graphics, ball, RenderSettings(tier="light"), (320, 240))
    before = compositor._painter.programs
    compositor.set_avatars((ball, ball, ball_avatar((0.7, 0.05, 0.05))))
    assert len(compositor._painter.programs) == 2 * len(before)
    compositor.set_avatars((ball, ball))
    assert compositor._painter.programs == before
    compositor.close()


def test_stages_get_the_second_face_painted_out(
    graphics: Graphics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hands, for one, come from the camera's picture: nothing but a hand may come with them."""
    given_to_stages: list[Image] = []
    begin = CompositingStages.begin

    def watched(self: CompositingStages, frame: Frame, *rest: object) -> object:
        given_to_stages.append(frame.image)
        return begin(self, frame, *rest)

    monkeypatch.setattr(CompositingStages, "begin", watched)
    ball = ball_avatar()
    compositor = HeadCompositor(graphics, ball, RenderSettings(tier="light"), (320, 240))
    outline = np.array(((200, 80), (260, 80), (260, 150), (200, 150)), np.float32)
    image = np.full((240, 320, 4), 128, np.uint8)
    image[80:150, 200:260, :3] = (255, 0, 255)
    compositor.compose(Frame(image, 0, 0.0), (at(x=-0.2), replace(at(x=0.2), face_px=outline)))
    assert not (given_to_stages[0][..., :3] == (255, 0, 255)).all(axis=2).any()
    compositor.close()


# --- names and films


def test_there_are_as_many_slots_as_named_avatars() -> None:
    assert slots_of(AvatarSettings(avatars=("raccoon", "fox"))) == 2
    same = avatars_of(AvatarSettings(people=3))
    assert len(same) == 3
    assert same[0] is same[1] is same[2]
    named = avatars_of(AvatarSettings(people=3, avatars=("fox", "raccoon")))
    assert [avatar.name for avatar in named] == ["fox", "raccoon", "fox"]
    assert named[0] is named[2]
    assert load_avatar("fox").name == "fox"


def test_in_a_film_every_person_of_a_shot_may_wear_an_avatar() -> None:
    me = FaceTrack([sample(i, 500) for i in range(100)])
    guest = FaceTrack([sample(i, 100) for i in range(60, 80)])
    shots = [Shot(range(100), [guest, me])]
    info = VideoInfo(Path("film.mp4"), 640, 360, 25, 1, 100)
    survey = Survey(info, TIMES[:100], np.full((100, 2), (640, 360)), shots)
    (one,) = plan(survey, hide_others=True, strict=False)
    assert [span.frames for span in one.spans] == [range(100)]
    (other,) = one.others
    assert (other.first, other.last) == (60, 79)
    assert other.box(70) == pytest.approx(guest.box(70))
    (two,) = plan(survey, hide_others=True, strict=False, people=2)
    main, second = two.spans
    assert (main.frames, main.slot, second.slot) == (range(100), 0, 1)
    assert two.others == ()
    margin = OTHERS_MARGIN_S / (TIMES[1] - TIMES[0])
    assert second.frames.start == pytest.approx(max(60 - margin, 0), abs=1)
    assert second.frames.stop == pytest.approx(min(79 + margin, 100), abs=1)
    (placed,) = plan(survey, hide_others=True, strict=False, people=2, people_by="place")
    assert [span.slot for span in placed.spans] == [1, 0]


def test_a_newer_frame_is_not_shown_while_others_may_have_left_their_blur(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cast, "_follow", lambda *_: True)
    for others, follows in (((), True), ((aside(-0.3),), False)):
        cast = Cast(Settings(), (ball_avatar(),), 1, StageTimer())
        seen = PeopleTracker().update(observation(0.0, aside(0.1, 0.5), *others))
        wearers = cast.update(seen, 0.0).visible
        soon, late = (Frame(seen.frame.image, 1, at_s) for at_s in (0.03, 0.1))
        assert cast.refollow(wearers, soon, 0.03, 0.03) is not None
        assert (cast.refollow(wearers, late, 0.1, 0.07) is not None) is follows

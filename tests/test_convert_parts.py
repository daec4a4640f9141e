"""The parts of the conversion: cuts, tracks, views, plans."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.convert.crop import Crop
from livecam.convert.head_following import add_witnessed
from livecam.convert.head_search import HeadSearch
from livecam.convert.person_search import BRIGHT, PersonSearch, views
from livecam.convert.plan import ShotPlan, others_at, plan
from livecam.convert.propagation import ReducedFrame, propagate, propagate_between
from livecam.convert.shots import ShotFinder
from livecam.convert.survey import WHOLE, Survey, join_survey, survey_part
from livecam.convert.tracks import (
    FaceSample,
    HeadTrack,
    Shot,
    link_samples,
    main_tracks,
    without_outliers,
)
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import (
    conjugate,
    decompose,
    focal_px,
    multiply,
    project,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.media.reader import VideoInfo
from livecam.media.writer import VideoWriter
from livecam.pipeline.build import witness_factory
from livecam.pipeline.states import Shown
from livecam.segmentation.witness import HeadWitness, WitnessDetector
from livecam.tracking.base import ScriptedTracker
from livecam.tracking.face_detector import FaceDetector
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.face_model import read_face_model
from livecam.tracking.pose import PoseSolver
from tests.fetched import asset_or_skip
from tests.test_convert import room

# --- cuts


def place(seed: int, large: tuple[int, int] = (9, 14)) -> Image:
    """A wide image to cut views out of: uint8[160, 260, 4]."""
    noise = np.random.default_rng(seed).integers(20, 230, (*large, 3)).astype(np.uint8)
    image = np.full((160, 260, 4), 255, np.uint8)
    image[..., :3] = cv2.resize(noise, (260, 160), interpolation=cv2.INTER_CUBIC)
    return image


def view_of(image: Image, x: int = 20, y: int = 10) -> Image:
    return image[y : y + 120, x : x + 200]


def cuts(images: list[Image]) -> list[int]:
    finder = ShotFinder()
    for image in images:
        finder.add(image)
    shots = finder.shots()
    assert [i for shot in shots for i in shot] == list(range(len(images)))
    return [shot.start for shot in shots[1:]]


def test_cuts_are_found_also_between_short_shots():
    first, second, third = (view_of(place(seed)) for seed in (1, 2, 3))
    assert cuts([first] * 20 + [second] * 6 + [third] * 20) == [20, 26]
    assert cuts([first] * 20 + [second] * 2) == [20]
    assert cuts([first] + [second] * 20) == [1]


def test_a_shaken_camera_is_no_cut():
    shake = np.random.default_rng(5).integers(-8, 9, (60, 2))
    assert cuts([view_of(place(1), 20 + int(dx), 10 + int(dy)) for dx, dy in shake]) == []


def test_a_pan_is_no_cut():
    assert cuts([view_of(place(1), x) for x in (0, 0, 0, 5, 14, 26, 38, 48, 56, 60, 60, 60)]) == []


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length: int):
    calm = view_of(place(1))
    bright = cv2.add(calm, np.full_like(calm, 150))
    assert cuts([calm] * 20 + [bright] * length + [calm] * 20) == []


def test_something_large_before_the_camera_is_no_cut():
    calm, hidden = view_of(place(1)), view_of(place(1)).copy()
    hidden[20:, 30:170] = view_of(place(2))[20:, 30:170]
    assert cuts([calm] * 20 + [hidden] * 10 + [calm] * 20) == []


def test_a_film_of_one_frame_is_one_shot():
    assert cuts([view_of(place(1))]) == []


# --- tracks

TIMES = np.arange(200) / 25


def sample(index: int, x: float = 100, y: float = 100, size: float = 60) -> FaceSample:
    outline = np.array(((x - 30, y), (x, y - 40), (x + 30, y), (x, y + 40)), np.float32)
    return FaceSample(
        index, x, y, size, np.array((x / 1000, 0, -0.6)), np.array((1.0, 0, 0, 0)),
        np.zeros(len(EXPRESSIONS), np.float32), 1.08, outline, np.tile(outline, (120, 1))[:478],
    )  # fmt: skip


def test_two_faces_that_pass_each_other_keep_their_tracks():
    samples = [
        s for i in range(40) for s in (sample(i, 60 + 6 * i, 100), sample(i, 300 - 6 * i, 170))
    ]
    tracks = link_samples(samples, TIMES)
    assert sorted(len(track.samples) for track in tracks) == [40, 40]
    assert all(len({s.y for s in track.samples}) == 1 for track in tracks)


@pytest.mark.parametrize("occluded_px", [0, 60, 100])
def test_two_faces_that_cross_keep_their_tracks(occluded_px: float):
    """Two faces of 120 px that pass before each other at 12 px a frame, as People keeps live.

    The one behind is not detected while the other covers it; y tells them apart.
    """
    samples = []
    for i in range(40):
        behind, front = sample(i, 100 + 12 * i, 100, 120), sample(i, 568 - 12 * i, 104, 124)
        if abs(behind.x - front.x) >= occluded_px:
            samples.append(behind)
        samples.append(front)
    tracks = link_samples(samples, TIMES)
    assert [{s.y for s in track.samples} for track in tracks] == [{100}, {104}]


def test_a_face_that_was_lost_for_a_while_is_the_same_face():
    tracks = link_samples([sample(i) for i in (*range(10), *range(60, 70))], TIMES)
    assert len(tracks) == 1
    assert tracks[0].box(35) == pytest.approx((100, 100, 60))


def test_a_face_found_twice_counts_once():
    tracks = link_samples([s for i in range(5) for s in (sample(i), sample(i, 104, 98, 57))], TIMES)
    assert [len(track.samples) for track in tracks] == [5]


def test_the_main_face_is_the_longest_and_largest():
    small = [sample(i, 300, 100, 40) for i in range(50)]
    large = [sample(i, 100, 100, 80) for i in range(50)]
    later = [sample(i, 500, 100, 40) for i in range(60, 70)]
    mixed = sorted(small + large + later, key=lambda s: s.index)
    mains = main_tracks(link_samples(mixed, TIMES))
    assert [track.samples[0].x for track in mains] == [100, 500]


def test_an_occluding_object_does_not_change_the_pose():
    turned = quaternion_from_vector(np.array((0.0, 0.7, 0.0)))
    squeezed = [replace(sample(i, 120, 100, 45), rotation=turned) for i in (20, 21)]
    track = link_samples([*(sample(i) for i in range(20)), *squeezed], TIMES)[0]
    for i in range(26, 50):
        track.add(sample(i))
    kept = without_outliers(track, TIMES)
    assert [s.index for s in kept.samples] == [*range(20), *range(26, 50)]


def test_a_quick_turn_that_lasts_is_kept():
    turned = quaternion_from_vector(np.array((0.0, 0.9, 0.0)))
    away = [replace(sample(i, 130, 100, 50), rotation=turned) for i in range(20, 40)]
    (track,) = link_samples([*(sample(i) for i in range(20)), *away], TIMES)
    assert len(without_outliers(track, TIMES).samples) == 40


# --- plans


def survey_of(info: VideoInfo, shots: list[Shot]) -> Survey:
    sizes = np.full((info.frames, 2), (info.width, info.height))
    return Survey(info, TIMES[: info.frames], sizes, shots)


def planned(shots: list[Shot], *, strict: bool = False):
    count = shots[-1].frames.stop
    info = VideoInfo(Path("film.mp4"), 640, 360, 25, 1, count)
    return plan(survey_of(info, shots), hide_others=True, strict=strict)


def test_every_frame_of_a_shot_with_a_face_wears_the_avatar():
    track = link_samples([sample(i) for i in (*range(8, 20), *range(30, 40))], TIMES)
    (shot_plan,) = planned([Shot(range(50), track)])
    (span,) = shot_plan.spans
    assert shot_plan.state is Shown.AVATAR
    assert span.frames == range(50)
    assert [i for i in range(50) if span.measured_at(i)] == [*range(8, 20), *range(30, 40)]
    assert span.at(0).pose.translation == pytest.approx((0.1, 0, -0.6), abs=1e-6)
    measured, held = span.at(8).outline_px, span.at(25).outline_px
    assert measured is not None
    assert held is not None
    assert held.mean(axis=0) == pytest.approx(measured.mean(axis=0), abs=0.5)
    assert (np.ptp(held, axis=0) > 1.05 * np.ptp(measured, axis=0)).all()


def test_shots_without_a_face_pass_through_unless_strict_and_doubtful_ones_never():
    shots = [Shot(range(5), []), Shot(range(5, 9), [], suspected=True)]
    assert [s.state for s in planned(shots)] == [Shown.PASSTHROUGH, Shown.BLUR]
    assert [s.state for s in planned(shots, strict=True)] == [Shown.CURTAIN, Shown.CURTAIN]


def test_while_the_face_changes_its_place_both_places_are_covered():
    here = [sample(i, 100) for i in range(10)]
    there = [sample(i, 500) for i in range(20, 30)]
    (shot_plan,) = planned([Shot(range(30), link_samples(here + there, TIMES))])
    covered = [[span.frames for span in shot_plan.spans if i in span.frames] for i in range(30)]
    assert [len(each) for each in covered] == [1] * 10 + [2] * 10 + [1] * 10


# --- doubts


class Doubtful:
    """A retry detector that finds a box in every frame, or a face in some of them."""

    def __init__(self, boxes: bool = False, face_in: Container[int] = ()) -> None:
        self._boxes, self._face_in = boxes, face_in

    def __enter__(self) -> Doubtful:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def anywhere(self, frame: Frame) -> list[FaceSample]:
        return [sample(frame.index)] if frame.index in self._face_in else []

    def smaller(self, frame: Frame) -> list[FaceSample]:
        return []

    def near(self, frame: Frame, expected: NDArray[np.float64], roll_rad: float) -> None:
        return None

    def boxes(self, frame: Frame) -> list[NDArray[np.float64]]:
        return [np.array((100.0, 60.0, 40.0))] if self._boxes else []


@pytest.mark.parametrize(
    ("detector", "state"),
    [
        (Doubtful(), Shown.PASSTHROUGH),
        (Doubtful(boxes=True), Shown.BLUR),
        (Doubtful(face_in=(3,)), Shown.BLUR),
    ],
)
def test_a_shot_in_which_something_may_be_a_face_is_blurred(
    detector: Doubtful, state: Shown, tmp_path: Path
):
    path = still_film(view_of(place(1)), tmp_path)
    assert planned_film(path, detector).state is state


def still_film(image: Image, folder: Path) -> Path:
    path = folder / "film.mp4"
    with VideoWriter(path, image.shape[1], image.shape[0], 25) as writer:
        for index in range(8):
            writer.write(Frame(np.ascontiguousarray(image), index, index / 25))
    return path


def planned_film(
    path: Path,
    detector: Doubtful,
    heads: HeadSearch | None = None,
    persons: PersonSearch | None = None,
    *,
    pass_unsure: bool = False,
) -> ShotPlan:
    tracker = ScriptedTracker(lambda frame: ())
    part = survey_part(path, WHOLE, lambda: tracker, heads)
    found = join_survey([part], lambda: tracker, lambda: detector, heads, persons)
    (shot_plan,) = plan(found, hide_others=True, strict=False, pass_unsure=pass_unsure)
    return shot_plan


# --- witnesses


@pytest.fixture(scope="module")
def make_heads() -> Iterator[Callable[[], HeadSearch]]:
    make_witnesses = witness_factory(Settings())
    if make_witnesses is None:
        pytest.skip("the models of the witnesses are not here")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(HeadSearch(make_witnesses()))


def test_a_doubtful_face_that_no_witness_confirms_is_hidden_and_not_worn(
    make_heads: Callable[[], HeadSearch], tmp_path: Path
):
    path = still_film(view_of(place(1)), tmp_path)
    detector = Doubtful(face_in=range(8))
    assert planned_film(path, detector).state is Shown.AVATAR
    assert planned_film(path, detector, make_heads()).state is Shown.BLUR


def test_a_doubtful_face_that_a_witness_confirms_is_worn(
    make_heads: Callable[[], HeadSearch], portrait: Image
):
    frame = Frame(portrait, 0, 0.0)
    with FaceLandmarker(asset_path("face-landmarker")) as landmarker:
        (face,) = landmarker.track(frame).faces
    detected = FaceSample.of(frame, face)
    heads = make_heads()
    assert heads.confirms(frame, detected)
    assert not heads.confirms(frame, replace(detected, y=0.9 * portrait.shape[0], size=40.0))
    assert not heads.confirms(frame, replace(detected, y=detected.y - 0.5 * detected.size))
    assert not heads.confirms(frame, replace(detected, size=0.6 * detected.size))


def test_a_head_upside_down_that_the_tracker_misses_is_covered(
    make_heads: Callable[[], HeadSearch], portrait: Image, tmp_path: Path
):
    path = still_film(portrait[::-1, ::-1], tmp_path)
    assert planned_film(path, Doubtful()).state is Shown.PASSTHROUGH
    assert planned_film(path, Doubtful(), make_heads()).state is Shown.BLUR


def test_a_person_without_a_face_that_could_be_found_is_covered_unless_told_otherwise(
    make_heads: Callable[[], HeadSearch], portrait: Image, tmp_path: Path
):
    """A chest and a chin that lie: witnesses score too little for a head of their own."""
    persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
    path = still_film(np.rot90(portrait[150:]), tmp_path)
    assert planned_film(path, Doubtful(), make_heads()).state is Shown.PASSTHROUGH
    assert planned_film(path, Doubtful(), make_heads(), persons).state is Shown.BLUR
    passed = planned_film(path, Doubtful(), make_heads(), persons, pass_unsure=True)
    assert passed.state is Shown.PASSTHROUGH


def test_a_person_who_is_seen_in_another_view_alone_is_covered(
    make_heads: Callable[[], HeadSearch], portrait: Image, tmp_path: Path
):
    """Far away in the dark: neither the networks nor the witnesses find a trace of them."""
    persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
    path = still_film(far_away_in_the_dark(portrait), tmp_path)
    assert planned_film(path, Doubtful(), make_heads()).state is Shown.PASSTHROUGH
    assert planned_film(path, Doubtful(), make_heads(), persons).state is Shown.BLUR


@pytest.mark.parametrize("light", [1.0, 0.1])
def test_a_place_without_a_person_passes(
    make_heads: Callable[[], HeadSearch], light: float, tmp_path: Path
):
    persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
    image = room(320, 240, seed=2)
    image[..., :3] = (light * image[..., :3]).astype(np.uint8)
    path = still_film(image, tmp_path)
    assert planned_film(path, Doubtful(), make_heads(), persons).state is Shown.PASSTHROUGH


def far_away_in_the_dark(portrait: Image) -> Image:
    """A face 40 pixels wide of 640, in a twentieth of the light."""
    image = np.full((360, 640, 4), 100, np.uint8)
    image[100:324, 240:464] = cv2.resize(portrait, (224, 224), interpolation=cv2.INTER_AREA)
    image[..., :3] //= 20
    return image


def test_the_views_of_a_frame_are_its_quarter_turns_and_their_mirror_images():
    image = view_of(place(1))
    found = [view.image for view in views(Frame(image, 0, 0.0))]
    turned = [np.rot90(image, -turns) for turns in range(4)]
    wanted = [each for turn in turned for each in (turn, turn[:, ::-1])]
    assert len(found) == len(wanted)
    assert all(any(np.array_equal(view, each) for view in found) for each in wanted)


def test_a_dark_frame_is_also_viewed_brightened():
    dark = np.full((64, 96, 4), 255, np.uint8)
    dark[..., :3] = np.linspace(0, 20, 96).astype(np.uint8)[:, None]
    *_, last = found = list(views(Frame(dark, 0, 0.0)))
    assert len(found) == 16
    assert last.image[..., :3].max() >= BRIGHT
    assert (last.image[..., 3] == 255).all()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_nobody_is_seen_in_an_empty_frame(shade: int):
    persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
    assert not persons.sees_person(Frame(np.full((360, 640, 4), shade, np.uint8), 0, 0.0))


def test_a_person_is_seen_whichever_way_up(portrait: Image):
    persons = PersonSearch(asset_path("person"), asset_path("person-wide"))
    for turns in range(4):
        assert persons.sees_person(Frame(np.ascontiguousarray(np.rot90(portrait, turns)), 0, 0.0))


def test_a_head_beside_the_avatar_is_blurred_and_reported():
    (track,) = link_samples([sample(i) for i in range(50)], TIMES)
    beside, same, once = (np.array((x, 100.0, 60.0)) for x in (400, 105, 600))
    heads = dict.fromkeys(range(10, 30, 5), (beside, same)) | {40: (once,)}
    (shot_plan,) = planned([Shot(range(50), [track], heads=heads)])
    (head,) = shot_plan.unexplained
    assert (head.first, head.last) == (10, 25)
    assert head.box(17) == pytest.approx(beside)
    assert shot_plan.others == (head,)
    assert len(others_at(shot_plan, 17, TIMES)) == 1
    (single,) = shot_plan.seen_once
    assert single.box(40) == pytest.approx(once)
    info = VideoInfo(Path("film.mp4"), 640, 360, 25, 1, 50)
    (shown,) = plan(
        survey_of(info, [Shot(range(50), [track], heads=heads)]),
        hide_others=False, strict=False,
    )  # fmt: skip
    assert shown.others == ()


def test_a_head_found_while_the_wearer_is_not_measured_is_always_blurred():
    (track,) = link_samples([sample(i) for i in range(20)], TIMES)
    heads = {i: (np.array((400.0, 100.0, 60.0)),) for i in range(10, 40, 5)}
    info = VideoInfo(Path("film.mp4"), 640, 360, 25, 1, 50)
    found = survey_of(info, [Shot(range(50), [track], heads=heads)])
    (shot_plan,) = plan(found, hide_others=False, strict=False)
    (head,) = shot_plan.others
    assert (head.first, head.last) == (20, 35)


def test_a_head_that_leaves_is_blurred_up_to_the_edge_of_the_frame():
    (track,) = link_samples([sample(i) for i in range(60)], TIMES)
    heads = {i: (np.array((400.0 + 8 * (i - 10), 100.0, 40.0)),) for i in range(10, 31)}
    (shot_plan,) = planned([Shot(range(60), [track], heads=heads)])
    assert covers_point(shot_plan, 36, 400 + 8 * 26)
    assert covers_point(shot_plan, 50, 639)  # half of it may still be there
    assert covers_point(shot_plan, 6, 400 - 8 * 4)
    assert not covers_point(shot_plan, 59, 639)  # a second later it is gone
    assert not covers_point(shot_plan, 30, 639 - 160)


def covers_point(shot_plan: ShotPlan, index: int, x: float, y: float = 100) -> bool:
    return any(
        region.x0 <= x < region.x1 and region.y0 <= y < region.y1
        for region in others_at(shot_plan, index, TIMES)
    )


def test_a_head_that_was_followed_is_blurred_however_fast():
    (track,) = link_samples([sample(i) for i in range(60)], TIMES)
    places = np.array([(300.0 + 70 * i, 100.0, 30.0) for i in range(4)])
    heads = {20 + i: (place,) for i, place in enumerate(places)}  # too far apart to be linked
    (lost,) = planned([Shot(range(60), [track], heads=heads)])
    assert len(lost.seen_once) == 4
    followed = [HeadTrack(np.arange(20, 24), places)]
    (shot_plan,) = planned([Shot(range(60), [track], heads=heads, followed=followed)])
    assert not shot_plan.seen_once
    assert all(covers_point(shot_plan, 20 + i, 300 + 70 * i) for i in range(4))


def test_a_head_at_the_place_of_a_blurred_face_is_not_reported():
    (track,) = link_samples([sample(i) for i in range(30)], TIMES)
    (other,) = link_samples([sample(i, 400, size=40) for i in range(30)], TIMES)
    heads = {i: (np.array((405.0, 100.0, 70.0)),) for i in (5, 10, 15)}  # larger than its blur
    (shot_plan,) = planned([Shot(range(30), [track, other], heads=heads)])
    assert not shot_plan.unexplained
    assert len(shot_plan.others) == 2


def test_in_a_long_gap_a_head_may_have_stayed_at_either_end():
    (track,) = link_samples([sample(i) for i in range(60)], TIMES)
    near, far = (np.array((x, 100.0, 40.0)) for x in (400, 500))
    heads = dict.fromkeys((9, 10), (near,)) | dict.fromkeys((30, 31), (far,))
    (shot_plan,) = planned([Shot(range(60), [track], heads=heads)])
    for index in (12, 20, 28):
        assert covers_point(shot_plan, index, 400)
        assert covers_point(shot_plan, index, 500)


def test_where_witnesses_find_the_wearer_a_face_without_landmarks_is_moved():
    (track,) = link_samples([sample(i) for i in (*range(10), *range(20, 30))], TIMES)
    found = HeadTrack(np.array((13, 14)), np.array(((140.0, 100, 50), (140, 100, 50))))
    certain = HeadTrack(found.indices[:1], found.boxes[:1])
    add_witnessed(track, found, certain, (640, 360))
    moved = track.nearest(13)
    assert not moved.measured
    assert (moved.x, moved.y, moved.size) == pytest.approx((128, 100, 60))
    assert moved.outline.mean(axis=0) == pytest.approx((128, 100))
    assert track.nearest(14).index == 13  # a weak witness moves nothing

    (shot_plan,) = planned([Shot(range(30), [track])])
    (span,) = shot_plan.spans
    assert [i for i in range(30) if span.measured_at(i)] == [*range(10), *range(20, 30)]
    assert list(span.guesses()) == [i for i in range(10, 20) if i != 13]
    for index in (13, 14):  # where it was found, and where it should have been
        assert covers_point(shot_plan, index, 160)
        assert covers_point(shot_plan, index, 70)
    assert covers_point(shot_plan, 16, 160)
    assert covers_point(shot_plan, 17, 70)  # a guess
    assert not others_at(shot_plan, 5, TIMES)


class CountingDetector(WitnessDetector):
    """Finds nothing; counts how often it searched."""

    def __init__(self) -> None:
        self.bodies = 0

    def detect_faces(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        return ()

    def detect_poses(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        self.bodies += 1
        return ()


@pytest.mark.parametrize(("x", "searches"), [(None, [0, 13, 25]), (170, [0, 7, 11, 13, 15, 25])])
def test_a_frame_is_searched_soon_when_something_moves_beside_the_faces(
    x: int | None, searches: list[int]
):
    heads, finder = HeadSearch(CountingDetector()), ShotFinder()
    for index in range(26):
        image = view_of(place(1)).copy()
        image[30:, 80:120] = 40 * (index % 5)  # the wearer moves always
        if x is not None and 7 <= index < 15:
            image[40:70, x : x + 20, :3] = 20 * (index % 3)
        face = np.array((100.0, 60.0, 30.0))
        finder.add(image)
        heads.search_when_due(Frame(image, index, index / 25), [face], finder.stamp)
    assert list(heads.found) == searches


def test_a_frame_is_searched_for_bodies_once():
    detector = CountingDetector()
    heads, frame = HeadSearch(detector), Frame(view_of(place(1)), 0, 0.0)
    heads.search(frame)
    heads.bodies(frame)
    assert detector.bodies == 1


# --- propagation


def walk(portrait: Image, steps: int = 12) -> tuple[list[ReducedFrame], NDArray[np.float64]]:
    """Pictures of a head that walks and comes nearer, and the centre of its face, float64[n, 2]."""
    pictures, centres = [], []
    for i in range(steps):
        scale = 0.5 + 0.01 * i
        image = view_of(place(4))[:, :, :].repeat(2, 0).repeat(2, 1)
        matrix = np.array(((scale, 0, 20 + 6.0 * i), (0, scale, 10 + 2.0 * i)))
        cv2.warpAffine(portrait, matrix, (400, 240), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
        pictures.append(ReducedFrame.of(i, image))
        centres.append(matrix[:, :2] @ (226, 116) + matrix[:, 2])
    return pictures, np.array(centres)


def at(index: int, centre: NDArray[np.float64], size: float) -> FaceSample:
    focal = focal_px(240)
    depth = 0.15 * focal / size
    return replace(
        sample(index, *centre, size),
        translation=np.array(
            ((centre[0] - 200) / focal * depth, (120 - centre[1]) / focal * depth, -depth)
        ),
    )


def test_an_undetected_face_is_propagated_by_its_texture(portrait: Image):
    pictures, centres = walk(portrait)
    start = at(0, centres[0], 56)
    propagated = propagate(start, pictures, (400, 240))
    assert [s.index for s in propagated] == list(range(1, 12))
    assert np.array([(s.x, s.y) for s in propagated]) == pytest.approx(centres[1:], abs=3)
    assert propagated[-1].size / start.size == pytest.approx(0.61 / 0.5, rel=0.05)
    assert not any(s.measured for s in propagated)
    pixel = project(np.eye(4), propagated[-1].translation[None], 400, 240)[0]
    assert pixel == pytest.approx(centres[-1], abs=3)


def test_a_gap_is_filled_from_both_its_ends(portrait: Image):
    pictures, centres = walk(portrait)
    ends = at(0, centres[0], 56), at(11, centres[-1], 68)
    propagated = propagate_between(*ends, pictures, (400, 240))
    assert [s.index for s in propagated] == list(range(1, 11))
    assert np.array([(s.x, s.y) for s in propagated]) == pytest.approx(centres[1:-1], abs=2)


def test_an_occluding_object_does_not_move_the_propagated_face(portrait: Image):
    pictures, centres = walk(portrait)
    still = [replace(pictures[0], index=i, grey=pictures[0].grey.copy()) for i in range(12)]
    hand = np.asarray(cv2.cvtColor(place(8, (30, 40)), cv2.COLOR_RGBA2GRAY), np.uint8)
    for i, picture in enumerate(still[1:-1]):
        left = 20 + 14 * i
        picture.grey[20:120, left : left + 120] = hand[20:120, 60:180]
    ends = at(0, centres[0], 56), at(11, centres[0], 56)
    propagated = propagate_between(*ends, still, (400, 240))
    assert all(np.hypot(s.x - centres[0][0], s.y - centres[0][1]) < 12 for s in propagated)


# --- views


@pytest.fixture(scope="module")
def model() -> Path:
    return asset_or_skip("face-landmarker")


def around(portrait: Image, x: float, y: float) -> Frame:
    image = np.full((360, 480, 4), 120, np.uint8)
    matrix = np.array(((0.9, 0, x), (0, 0.9, y)))
    cv2.warpAffine(portrait, matrix, (480, 360), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    return Frame(image, 0, 0.0)


@pytest.mark.parametrize("turn_deg", [0, 25, -25])
def test_a_face_in_a_rotated_crop_maps_to_its_place_in_the_frame(
    portrait: Image, model: Path, turn_deg: float
):
    frame = around(portrait, 60, 20)
    with FaceLandmarker(model, mode="image") as landmarker:
        (whole,) = landmarker.track(frame).faces
        box = whole.box(*frame.size)
        view = Crop(
            (box.x0 + box.x1) / 2 + 6, (box.y0 + box.y1) / 2 - 5, 2.4 * box.width,
            float(np.radians(turn_deg)),
        )  # fmt: skip
        (detected,) = landmarker.track(view.cut(frame)).faces
    found = view.face(detected, PoseSolver(read_face_model(model)), *frame.size)
    away = np.abs(found.landmarks[:, :2] - whole.landmarks[:, :2]) * frame.size
    assert away.mean() < 0.015 * box.width
    assert turned_deg(found.camera_from_head, whole.camera_from_head) < 3
    assert found.camera_from_head[:3, 3] == pytest.approx(whole.camera_from_head[:3, 3], abs=0.015)


def turned_deg(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    turn = multiply(conjugate(decompose(a)[1]), decompose(b)[1])
    return float(np.degrees(np.linalg.norm(rotation_vector(turn))))


def test_the_detector_alone_finds_a_face(portrait: Image, model: Path):
    with FaceDetector(model) as detector:
        (found,) = detector.detect(around(portrait, 60, 20))
        assert detector.detect(Frame(np.full((360, 640, 4), 120, np.uint8), 0, 0.0)) == ()
    box = found.box
    assert box.x0 < 60 + 0.9 * 225 < box.x1
    assert box.y0 < 20 + 0.9 * 115 < box.y1

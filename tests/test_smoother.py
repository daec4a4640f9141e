"""The smoother: noise at rest, lag, identity, gaps, width, expression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.avatar.rig import Rig
from livecam.config.settings import AvatarSettings, SmoothingSettings
from livecam.core.face import INDEX, Face, FaceState
from livecam.core.frame import Frame
from livecam.core.spaces import Matrix4
from livecam.filtering.expression import ExpressionFilter
from livecam.filtering.smoother import MAX_PREDICTION_S
from livecam.measure.paths import Paths, lag_frames, paths_of, wobble_px
from livecam.media.reader import VideoReader
from livecam.people.account import MIN_ABSENT_S
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.heads import (
    STILL,
    avatar,
    face_at,
    frame_at,
    observation,
    pose_noise,
)
from tests.pipelines import FilteredPerson

Values = NDArray[np.float64]
LANDMARK_NOISE_PX = 0.52  # of a still head before a webcam at 720p


def at_720p(heads: list[Matrix4]) -> Paths:
    return paths_of(heads, 1280, 720)


def filtered(
    offsets: Values, fps: float, settings: SmoothingSettings | None = None
) -> tuple[list[Face], list[FaceState]]:
    smoother = FilteredPerson(settings)
    faces, states = [], []
    random = np.random.default_rng(11)
    for i, offset in enumerate(offsets):
        face = face_at(offset)
        face.landmarks[:, :2] += random.normal(size=(478, 2)) * LANDMARK_NOISE_PX / (1280, 720)
        state = smoother.update(observation(i / fps, face))
        assert state is not None
        faces.append(face)
        states.append(state)
    return faces, states


def swaying(frames: int, fps: float) -> Values:
    """A head that nods, turns and shifts like that of a talking person."""
    t = np.arange(frames) / fps
    out = np.zeros((frames, 6))
    out[:, 0] = 0.04 * np.sin(2 * np.pi * 0.4 * t)
    out[:, 2] = 0.03 * np.sin(2 * np.pi * 0.25 * t)
    out[:, 3] = 0.15 * np.sin(2 * np.pi * 0.7 * t)
    out[:, 4] = 0.35 * np.sin(2 * np.pi * 0.5 * t + 1)
    return out


@pytest.mark.parametrize("fps", [12, 25, 30, 60])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_still_head_is_published_still(fps: int, seed: int) -> None:
    """Less than a tenth of a pixel at 720p, through smoother and rig; raw it is 0.7 px."""
    faces, states = filtered(pose_noise(seed, 5 * fps), fps)
    rig = Rig(avatar(), AvatarSettings())
    heads = [rig.state(state, 1280, 720).camera_from_head for state in states]
    rest = 2 * fps  # the noise of the first frames is gone
    assert wobble_px(at_720p([f.camera_from_head for f in faces])[rest:]) > 0.5
    assert wobble_px(at_720p([s.pose.matrix for s in states])[rest:]) < 0.1
    assert wobble_px(at_720p(heads)[rest:]) < 0.1


@pytest.mark.parametrize("fps", [12, 25, 30])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 1.0])
def test_a_moving_head_lags_less_than_half_a_frame(fps: int, smoothing: float) -> None:
    offsets = swaying(6 * fps, fps) + pose_noise(3, 6 * fps)
    faces, states = filtered(offsets, fps, SmoothingSettings(smoothing=smoothing))
    raw = at_720p([f.camera_from_head for f in faces])
    assert lag_frames(raw, at_720p([s.pose.matrix for s in states])) < 0.5


def test_lag_frames_measures_a_known_lag() -> None:
    """The metric itself: a path delayed by two frames has a lag of two frames."""
    raw = at_720p([face_at(o).camera_from_head for o in swaying(90, 30)])
    assert lag_frames(raw[2:], raw[:-2]) == pytest.approx(2.0, abs=0.051)
    assert lag_frames(raw, raw) == pytest.approx(0.0, abs=0.051)


@pytest.mark.parametrize("fps", [12, 25, 30])
def test_kalman_is_nearly_as_still_and_as_responsive(fps: int) -> None:
    settings = SmoothingSettings(filter="kalman")
    _, states = filtered(pose_noise(1, 6 * fps), fps, settings)
    assert wobble_px(at_720p([s.pose.matrix for s in states])[2 * fps :]) < 0.15
    faces, states = filtered(swaying(6 * fps, fps) + pose_noise(3, 6 * fps), fps, settings)
    raw = at_720p([f.camera_from_head for f in faces])
    assert lag_frames(raw, at_720p([s.pose.matrix for s in states])) < 0.5


CLIPS = (
    "lp_d20",
    "intel_head-pose-face-detection-female",
    "intel_head-pose-face-detection-female-and-male",
)


@pytest.mark.parametrize("name", CLIPS)
def test_real_people_are_tracked_within_half_a_frame(shared: Path, name: str) -> None:
    model = asset_or_skip("face-landmarker")
    smoother, raw, published, size = FilteredPerson(), [], [], (0, 0)
    with VideoReader(shared / "clips" / f"{name}.mp4") as reader, FaceLandmarker(model) as tracker:
        for frame in reader:
            state = smoother.update(tracker.track(frame))
            assert state is not None
            assert state.source is not None
            raw.append(state.source.camera_from_head)
            published.append(state.pose.matrix)
            size = frame.size
    assert lag_frames(paths_of(raw, *size), paths_of(published, *size)) < 0.5


# --- identity ------------------------------------------------------------------------------


def aside(x_m: float, depth_m: float = 0.6, **weights: float) -> Face:
    return face_at(np.array((x_m, 0, 0, 0, 0, 0.0)), depth_m=depth_m, **weights)


def test_the_largest_face_is_primary_and_the_others_are_bystanders() -> None:
    near, far = aside(0.2, 0.5), aside(-0.2, 0.9)
    person = FilteredPerson()
    state = person.update(observation(0.0, far, near))
    assert state is not None
    assert state.source is near
    assert person.others == (far,)


def test_a_larger_passer_by_does_not_become_primary() -> None:
    smoother = FilteredPerson()
    smoother.update(observation(0.0, aside(0.0)))
    for i in range(1, 60):
        first, other = aside(0.0), aside(0.5 - 0.008 * i, 0.4)
        faces = smoother.update(observation(i / 30, other, first))
        assert faces is not None
        assert faces.source is first


def test_a_poster_does_not_become_primary_during_a_short_occlusion() -> None:
    smoother, poster = FilteredPerson(), aside(-0.16, 0.65)
    smoother.update(observation(0.0, aside(0.0), poster))
    for i in range(1, 12):
        assert smoother.update(observation(i / 30, poster)) is None
        assert smoother.others == (poster,)
    first = aside(0.02)
    back = smoother.update(observation(12 / 30, poster, first))
    assert back is not None
    assert back.source is first


def test_another_person_becomes_primary_after_the_first_has_left() -> None:
    smoother, other = FilteredPerson(), aside(-0.3)
    smoother.update(observation(0.0, aside(0.2, 0.5), other))
    taken = [smoother.update(observation(i / 30, other)) is not None for i in range(1, 60)]
    assert taken == sorted(taken)
    assert taken.index(True) == pytest.approx(MIN_ABSENT_S * 30, abs=2)


def test_two_people_who_change_places_keep_their_tracks() -> None:
    smoother = FilteredPerson()
    for i in range(61):
        across = 0.3 - 0.01 * i
        first, other = aside(across, 0.5), aside(-across, 0.7)
        state = smoother.update(observation(i / 30, first, other))
        assert state is not None
        assert state.source is first


def test_a_single_person_is_associated_across_a_cut_and_the_filter_restarts() -> None:
    smoother = FilteredPerson()
    for i in range(30):
        smoother.update(observation(i / 30, aside(-0.3)))
    there = aside(0.3)
    state = smoother.update(observation(1.0, there))
    assert state is not None
    assert state.pose.translation == pytest.approx(there.camera_from_head[:3, 3], abs=1e-9)


def test_a_gap_resets_the_motion_filters() -> None:
    smoother = FilteredPerson()
    for i in range(30):
        smoother.update(observation(i / 30, aside(0.0)))
    smoother.update(observation(1.03))
    there = aside(0.04)
    state = smoother.update(observation(1.45, there))
    assert state is not None
    assert state.pose.translation == pytest.approx(there.camera_from_head[:3, 3], abs=1e-9)


def test_without_a_face_there_is_no_state() -> None:
    person = FilteredPerson()
    assert person.update(observation(0.0)) is None
    assert person.others == ()


# --- time ----------------------------------------------------------------------------------


def test_after_reset_the_smoother_behaves_like_a_new_one() -> None:
    used, fresh = FilteredPerson(), FilteredPerson()
    for i, offset in enumerate(swaying(60, 30)):
        used.update(observation(i / 30, face_at(offset, ratio=1.15, jawOpen=0.5), aside(0.5)))
    used.reset()
    for i, offset in enumerate(swaying(30, 30)[::-1]):
        face = face_at(offset, eyeBlinkLeft=0.1 * (i % 8))
        a, b = (s.update(observation(i / 30, face)) for s in (used, fresh))
        assert a is not None
        assert b is not None
        np.testing.assert_array_equal(a.pose.matrix, b.pose.matrix)
        np.testing.assert_array_equal(a.weights, b.weights)
        assert a.width_ratio == b.width_ratio


def test_a_looped_file_resets_the_smoother() -> None:
    smoother = FilteredPerson()
    for i in range(30):
        smoother.update(observation(i / 30, aside(-0.1)))
    again = aside(0.05)
    state = smoother.update(observation(0.0, again))
    assert state is not None
    assert state.at == 0.0
    assert state.pose.translation == pytest.approx(again.camera_from_head[:3, 3], abs=1e-9)


def test_a_repeated_timestamp_changes_nothing() -> None:
    smoother = FilteredPerson()
    for i in range(10):
        smoother.update(observation(i / 30, aside(0.01 * i)))
    first = smoother.update(observation(9 / 30, aside(0.1)))
    second = smoother.update(observation(9 / 30, aside(0.08)))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.pose.matrix, second.pose.matrix)


def test_the_state_has_the_time_of_its_own_frame() -> None:
    face = aside(0.0)
    state = FilteredPerson().update(observation(12.5, face))
    assert state is not None
    assert state.at == 12.5
    assert state.source is face


def test_a_moving_head_is_extrapolated_and_a_still_one_is_not() -> None:
    smoother = FilteredPerson()
    for i in range(30):
        smoother.update(observation(i / 30, aside(0.01 * i)))
    predicted = smoother.predict(29 / 30 + 0.03)
    assert predicted is not None
    assert predicted.pose.translation[0] == pytest.approx(0.3 * (29 / 30 + 0.03), abs=0.004)
    for i in range(30, 120):
        smoother.update(observation(i / 30, aside(0.29)))
    rest = smoother.predict(119 / 30 + 0.03)
    assert rest is not None
    assert rest.pose.translation[0] == pytest.approx(0.29, abs=1e-4)


def test_prediction_is_limited_to_a_tenth_of_a_second() -> None:
    smoother = FilteredPerson()
    assert smoother.predict(1.0) is None
    for i in range(30):
        smoother.update(observation(i / 30, aside(0.01 * i)))
    last = 29 / 30
    assert pytest.approx(0.1) == MAX_PREDICTION_S
    a, b = smoother.predict(last + MAX_PREDICTION_S), smoother.predict(last + 10)
    assert a is not None
    assert b is not None
    assert b.at == last + MAX_PREDICTION_S
    np.testing.assert_array_equal(a.pose.matrix, b.pose.matrix)
    past = smoother.predict(last - 1)
    assert past is not None
    assert past.at == last


def test_the_landmarks_of_a_predicted_face_are_predicted_too() -> None:
    """Three frames ahead of a head that moves aside and nearer and turns."""

    def head(t: float) -> Face:
        return face_at(np.array((0.25 * t, 0.1 * t, 0.2 * t, 0.0, 0.5 * t, 0.1 * t)))

    smoother = FilteredPerson()
    for i in range(21):
        smoother.update(observation(i / 30, head(i / 30)))
    last, later = 20 / 30, 20 / 30 + MAX_PREDICTION_S
    predicted = smoother.predict(later)
    assert predicted is not None
    points = predicted.points_px(1280, 720)
    assert points is not None
    was, will = (head(t).points_px(1280, 720) for t in (last, later))
    displacement = np.linalg.norm(will - was, axis=1)
    assert displacement.mean() > 20
    # The synthetic face has no depths; rotation moves its near and far points differently.
    assert np.linalg.norm(points - will, axis=1).mean() < 0.15 * displacement.mean()
    # The head may have stopped: the outline covers its measured position too.
    outline = predicted.outline_px
    assert outline is not None
    both = np.concatenate((was, points))
    assert outline.min(axis=0) == pytest.approx(both.min(axis=0), abs=1)
    assert outline.max(axis=0) == pytest.approx(both.max(axis=0), abs=1)


def test_irregular_frame_times_are_filtered_too() -> None:
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.02, 0.09, 120))
    smoother, off = FilteredPerson(), []
    for at in times:
        x = 0.05 * np.sin(2 * np.pi * 0.4 * at)
        state = smoother.update(observation(float(at), aside(x)))
        assert state is not None
        off.append(abs(state.pose.translation[0] - x))
    assert np.median(off) < 0.002  # metres


# --- width ---------------------------------------------------------------------------------


def test_the_width_of_the_face_is_estimated() -> None:
    smoother = FilteredPerson()
    for i in range(60):
        state = smoother.update(observation(i / 30, face_at(ratio=1.13)))
    assert state is not None
    assert state.width_ratio == pytest.approx(1.13, abs=0.002)


def test_a_turned_head_does_not_change_its_width() -> None:
    """A wrong measurement in profile does not count."""
    smoother = FilteredPerson()
    for i in range(60):
        smoother.update(observation(i / 30, face_at(ratio=1.10)))
    profile = np.array((0, 0, 0, 0, 0.8, 0.0))
    for i in range(60, 240):
        state = smoother.update(observation(i / 30, face_at(profile, ratio=1.4)))
    assert state is not None
    assert state.width_ratio == pytest.approx(1.10, abs=0.002)


@pytest.mark.parametrize(("ratio", "expected"), [(2.0, 1.25), (0.5, 0.95)])
def test_an_impossible_width_is_limited(ratio: float, expected: float) -> None:
    smoother = FilteredPerson()
    for i in range(30):
        state = smoother.update(observation(i / 30, face_at(ratio=ratio)))
    assert state is not None
    assert state.width_ratio == pytest.approx(expected)


# --- expression ----------------------------------------------------------------------------


def weights_of(name: str, values: list[float]) -> list[float]:
    steady, out = ExpressionFilter(), []
    for i, value in enumerate(values):
        raw = np.zeros(52, np.float32)
        raw[INDEX[name]] = value
        out.append(float(steady.step(raw, 1 / 30 if i else 0.0)[INDEX[name]]))
    return out


def test_a_blink_closes_without_lag() -> None:
    response = weights_of("eyeBlinkLeft", [0.05] * 5 + [0.4, 0.8, 0.8, 0.3, 0.05, 0.05])
    assert response[6] > 0.7
    assert response[9] < 0.25  # and open again within two frames of the eye's own opening


def test_a_closing_mouth_is_slower_than_an_opening_one_but_not_smeared() -> None:
    response = weights_of("jawOpen", [0.0] * 5 + [0.6] * 5 + [0.0] * 5)
    assert response[5] > 0.8 * 0.6
    assert 0.1 * 0.6 < response[10] < 0.4 * 0.6
    assert response[12] < 0.05


def test_the_mouth_follows_speech_within_a_frame() -> None:
    """Syllables four times a second, half open."""
    t = np.arange(150) / 30
    said = 0.2 + 0.2 * np.sin(2 * np.pi * 4 * t)
    response = np.array(weights_of("jawOpen", list(said)))
    delays = np.arange(0, 0.1, 0.002)
    lagged = [0.2 + 0.2 * np.sin(2 * np.pi * 4 * (t - delay)) for delay in delays]
    best = delays[np.argmax([np.corrcoef(response[30:], other[30:])[0, 1] for other in lagged])]
    assert best < 0.022
    assert np.ptp(response[30:]) > 0.8 * np.ptp(said)


def test_every_weight_has_its_own_noise() -> None:
    """A change within the noise of a brow's weight is motion of a jaw's."""
    values = [0.1] * 30 + [0.13] * 3
    assert weights_of("jawOpen", values)[-1] > 0.12
    assert weights_of("browOuterUpLeft", values)[-1] < 0.12


def test_weights_of_a_dark_image_are_smoothed_more() -> None:
    class FixedNoise(ExpressionFilter):
        MIN_NOISE = MAX_NOISE = 1.0

    raw = np.zeros((600, 52), np.float32)
    raw += 0.3
    raw[:, INDEX["mouthSmileLeft"]] += 0.022 * np.random.default_rng(12).normal(size=600)

    def jitter(steady: ExpressionFilter) -> float:
        response = [steady.step(row, 1 / 30)[INDEX["mouthSmileLeft"]] for row in raw]
        return float(np.std(np.diff(response[200:])))

    assert jitter(ExpressionFilter()) < 0.75 * jitter(FixedNoise())


def test_gaze_rises_and_falls_alike() -> None:
    response = weights_of("eyeLookInLeft", [0.0] * 5 + [0.6] * 5 + [0.0] * 5)
    assert response[5] == pytest.approx(0.6 - response[10], abs=0.02)


def test_the_weights_of_a_face_at_rest_are_still() -> None:
    rng = np.random.default_rng(5)
    raw = np.clip(0.3 + 0.03 * rng.normal(size=300), 0, 1)
    response = np.array(weights_of("browInnerUp", list(raw)))
    assert response[30:].std() < 0.4 * raw[30:].std()


def test_the_smoother_reads_only_size_and_time_of_a_frame() -> None:
    """The smoother works on numbers: a frame without memory of its own is enough."""
    frame = frame_at(0.0)
    assert isinstance(frame, Frame)
    assert frame.size == (1280, 720)
    assert STILL.shape == (6,)

"""Films of known truth, and the meters that compare with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.config.assets import asset_path
from livecam.config.settings import Settings, SmoothingSettings
from livecam.core.errors import ConfigError
from livecam.core.face import INDEX
from livecam.core.frame import Frame
from livecam.core.spaces import compose, decompose, euler_deg, project, quaternion_from_vector
from livecam.measure.paths import paths_px
from livecam.measure.truth.bench import bench_tracking, filtered, portrait_head, raw_poses, tracked
from livecam.measure.truth.head import FACE_POINTS, PORTRAIT_SIZE, PortraitHead, Surface
from livecam.measure.truth.landmarks import REGISTERED_POINTS
from livecam.measure.truth.meters import (
    HeadOffset,
    euler_angles_deg,
    head_offset,
    jitter_px,
    lag_s,
    registration_px,
    rotation_errors_deg,
    wobble_px,
)
from livecam.measure.truth.scenarios import DISTANCE_M, SCENARIOS, HeadMotion, scenarios_named
from livecam.measure.truth.surface_renderer import SurfaceRenderer, backdrop
from livecam.measure.truth.synthetic_camera import SyntheticCamera
from livecam.render.context import Graphics, open_graphics
from livecam.tracking.face_landmarker import FaceLandmarker

SIZE = (960, 540)
CLEAR = np.zeros((2, 2, 4), np.uint8)
SEVERAL_TURNS = ((0, 0, 0), (18, -7, 5), (-25, 9, -12))


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


@pytest.fixture(scope="module")
def head(portrait) -> PortraitHead:
    return portrait_head()


@pytest.fixture(scope="module")
def studio(graphics, head) -> Iterator[SyntheticCamera]:
    with SyntheticCamera(graphics, head, SIZE) as opened:
        yield opened


@pytest.fixture(scope="module")
def points(head) -> np.ndarray:
    return head.landmarks[list(REGISTERED_POINTS)]


def posture(turn=(0, 0, 0), place=(0.0, 0.0, -DISTANCE_M), blink=0.0, jaw=0.0) -> HeadMotion:
    turns, places = np.array((turn,), float), np.array((place,), float)
    return HeadMotion(turns, places, np.full((1, 2), blink), np.array((jaw,)))


def waving(times: np.ndarray) -> np.ndarray:
    """Poses of a head that looks to and fro, and nods."""
    turns = np.stack(
        (20 * np.sin(2.1 * times), 8 * np.sin(3.3 * times), 5 * np.sin(1.3 * times)), 1
    )
    places = np.stack((0.03 * np.sin(times), 0 * times, -0.5 + 0.04 * np.sin(1.7 * times)), 1)
    return HeadMotion(turns, places, np.zeros((len(times), 2)), np.zeros(len(times))).heads


# --- the films


@pytest.mark.parametrize("turn", SEVERAL_TURNS)
def test_a_spot_on_the_head_is_drawn_at_its_true_pixel(graphics, head, turn):
    width, height = 1280, 720
    plain = head.surface()
    nothing = Surface(plain.points[:3], plain.uv[:3], np.array(((0, 1, 2),)), CLEAR)
    black = backdrop(np.zeros((height, width, 3), np.uint8), width, height)
    here = posture(turn, (0.0123, -0.0077, -0.5))
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    with SurfaceRenderer(graphics, width, height) as painter:
        for place, uv in flat_places(plain)[:4]:
            marked = replace(plain, texture=spot(plain.texture.shape[0], uv))
            image = painter.draw(black, nothing, marked, (np.eye(4), here.heads[0]))
            light = image[..., 0].astype(float)
            found = np.array(((light * columns).sum(), (light * rows).sum())) / light.sum()
            (true,) = project(here.heads[0], place[None], width, height)
            assert np.linalg.norm(found - true) < 0.06


def flat_places(surface: Surface) -> list[tuple[np.ndarray, np.ndarray]]:
    """Middles of the face's largest_face triangles: a spot over an edge would be bent."""
    triangles = surface.triangles[(surface.triangles < FACE_POINTS).all(axis=1)]
    corners = surface.uv[triangles].astype(float)
    opposite = np.linalg.norm(np.roll(corners, -1, 1) - np.roll(corners, -2, 1), axis=2)
    a, b = (corners[:, 1:] - corners[:, :1]).transpose(1, 0, 2)
    inner_radius = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / opposite.sum(axis=1)
    shares = opposite / opposite.sum(axis=1, keepdims=True)
    return [
        (shares[n] @ surface.points[triangles[n]], shares[n] @ corners[n])
        for n in np.argsort(-inner_radius)
    ]


def spot(size: int, uv: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size] + 0.5
    u, v = uv * size
    light = np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 1.2**2))
    grey = np.rint(255 * light).astype(np.uint8)
    return np.dstack((grey, grey, grey, np.full_like(grey, 255)))


def test_the_truth_has_the_angle_convention_of_the_trackers_pose():
    for turn in SEVERAL_TURNS:
        there = posture(turn)
        assert euler_deg(decompose(there.heads[0])[1]) == pytest.approx(turn)
        assert euler_angles_deg(there.heads)[0] == pytest.approx(turn)


def test_a_film_is_the_same_for_the_same_seed(studio):
    (scenario,) = scenarios_named(["slow-camera"])
    once, again, other = (scenario.times(0.2, seed) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    first, same, differs = (next(studio.film(scenario, once, seed)).image for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, differs)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_time_rises_in_every_film_though_it_jitters(scenario):
    steps = np.diff(scenario.times())
    assert steps.min() > 0
    assert steps.mean() == pytest.approx(1 / scenario.camera.fps, rel=0.02)


def test_the_fastest_shake_and_slide_have_their_documented_speeds():
    (shake,) = scenarios_named(["shake"])
    times = np.linspace(0, 5, 5001)
    speed = np.abs(np.diff(shake.at(times).euler_deg[:, 0])) / np.diff(times)
    assert speed.max() == pytest.approx(60, rel=0.01)
    (slide,) = scenarios_named(["slide"])
    paths = paths_px(slide.at(times).heads, np.zeros((1, 3)), 1280, 720)
    speed = np.abs(np.diff(paths[:, 0, 0])) / np.diff(times)
    assert speed.max() == pytest.approx(400, rel=0.01)


def test_low_light_is_dark_and_noisy(studio):
    (bright,), (dim,) = scenarios_named(["still"]), scenarios_named(["still-dim"])
    for scenario in (bright, dim):
        one, two = (
            f.image[..., :3].astype(float) for f in studio.film(scenario, scenario.times(0.07))
        )
        # The same still picture twice: what differs is noise.
        assert (one - two).std() / np.sqrt(2) == pytest.approx(scenario.camera.noise, rel=0.15)
    light = [next(studio.film(s, s.times(0.07))).image[..., :3].mean() for s in (bright, dim)]
    assert light[1] / light[0] == pytest.approx(dim.camera.brightness, rel=0.05)


def test_an_open_shutter_blurs_what_moves(studio):
    (slide,) = scenarios_named(["slide"])
    at = np.array((1 / 0.6,))  # at its fastest
    sharp = studio._exposed(slide, float(at[0]))
    slow = replace(slide, camera=replace(slide.camera, exposure_s=0.03))
    smeared = studio._exposed(slow, float(at[0]))

    def edges(picture: np.ndarray) -> float:
        face = picture[180:330, 380:580]
        return float(np.abs(np.diff(face, axis=1)).mean())

    assert edges(smeared) < 0.8 * edges(sharp)


def test_a_hand_passes_before_the_face_and_is_gone_again(studio):
    (scenario,) = scenarios_named(["occluder"])
    bare = studio.draw(scenario.at(np.array((2.5 + 0.4,))))
    hidden = studio._with_hand(bare, 2.5 + 0.4)
    face = (slice(200, 300), slice(420, 540))
    assert (np.abs(hidden[face].astype(int) - bare[face]).max(axis=2) > 20).mean() > 0.3
    assert np.array_equal(studio._with_hand(bare, 2.5 + 1.0), bare)


def test_a_cut_moves_head_and_room_at_once(studio):
    (scenario,) = scenarios_named(["cut"])
    before, after = scenario.cuts_s[0] + np.array((-0.001, 0.001))
    heads = scenario.at(np.array((before, after))).heads
    assert np.linalg.norm(heads[1, :3, 3] - heads[0, :3, 3]) > 0.1
    one, two = (next(studio.film(scenario, np.array((t,)))).image for t in (before, after))
    corner = np.s_[:100, :100, :3]
    assert np.abs(one[corner].astype(int) - two[corner]).mean() > 10


def test_lids_and_jaw_are_measured_by_the_tracker(studio):
    def weights(**face: float) -> np.ndarray:
        picture = studio.draw(posture(**face))
        image = np.ascontiguousarray(
            np.dstack((picture, np.full(picture.shape[:2], 255, np.uint8)))
        )
        with FaceLandmarker(asset_path("face-landmarker"), mode="image") as tracker:
            (detected,) = tracker.track(Frame(image, 0, 0.0)).faces
        return detected.weights

    rest, shut, wide = weights(), weights(blink=1.0), weights(jaw=1.0)
    for eye in ("eyeBlinkLeft", "eyeBlinkRight"):
        assert shut[INDEX[eye]] > rest[INDEX[eye]] + 0.3
    assert wide[INDEX["jawOpen"]] > rest[INDEX["jawOpen"]] + 0.1


# --- the meters


def test_a_constant_head_model_is_found_and_removed(points):
    true = waving(np.arange(60) / 30)
    turn = quaternion_from_vector(np.array((0.05, -0.03, 0.02)))
    model = HeadOffset(1.06, np.linalg.inv(compose(np.array((0.002, -0.004, 0.009)), turn)))
    estimated = true @ np.linalg.inv(model.model_from_true)
    estimated[:, :3, 3] *= model.size
    found = head_offset(true, estimated, points, 720)
    assert found.size == pytest.approx(model.size, abs=1e-3)
    assert found.shift_mm == pytest.approx(model.shift_mm, abs=0.1)
    assert found.removed(estimated) == pytest.approx(true, abs=1e-4)


def test_a_few_broken_poses_hardly_change_the_head_model(points):
    true = waving(np.arange(60) / 30)
    estimated = true.copy()
    estimated[10:13] = posture((40, 30, 20)).heads
    estimated[20] = np.nan
    found = head_offset(true, estimated, points, 720)
    off = registration_px(
        paths_px(true, points, 1280, 720), paths_px(found.removed(estimated), points, 1280, 720)
    )
    assert np.nanmax(off) > 50  # the broken ones
    assert np.nanmedian(off) < 1


@pytest.mark.parametrize("lag", [-0.012, 0.0, 0.0031, 0.0417])
def test_a_known_lag_is_measured_to_a_tenth_of_a_millisecond(points, lag):
    random = np.random.default_rng(5)
    times = np.arange(150) / 30 + random.uniform(-0.005, 0.005, 150)

    def paths(moments: np.ndarray) -> np.ndarray:
        return paths_px(waving(moments), points, 1280, 720)

    lagged = paths(times - lag) + np.array((3.0, -2.0))  # a constant offset does not count
    assert lag_s(times, lagged, paths) == pytest.approx(lag, abs=1e-4)


def test_the_lag_of_a_weight_does_not_depend_on_its_strength():
    (scenario,) = scenarios_named(["blink"])
    times = np.arange(150) / 30
    lids = 0.1 + 0.6 * scenario.at(times - 0.02).blinks
    lag = lag_s(times, lids, lambda moments: scenario.at(moments).blinks, scaled=True)
    assert lag == pytest.approx(0.02, abs=1.5e-3)


def test_missing_frames_do_not_change_the_lag_and_too_few_give_none(points):
    times = np.arange(60) / 30

    def paths(moments: np.ndarray) -> np.ndarray:
        return paths_px(waving(moments), points, 1280, 720)

    holed = paths(times - 0.01)
    holed[7:12] = np.nan
    assert lag_s(times, holed, paths) == pytest.approx(0.01, abs=2e-4)
    assert lag_s(times[:5], paths(times[:5]), paths) is None
    assert lag_s(times, paths(times - 0.4), paths) is None  # later than anything we look for


def test_jitter_is_the_size_of_white_noise_whether_the_head_moves_or_not(points):
    random = np.random.default_rng(2)
    times = np.arange(400) / 30
    true = paths_px(waving(times), points, 1280, 720)
    noise = random.normal(0, 0.25, true.shape)
    lagged = paths_px(waving(times - 0.03), points, 1280, 720)
    size = 0.25 * np.sqrt(2)  # across and along
    assert jitter_px(true, lagged + noise) == pytest.approx(size, rel=0.08)
    still = np.repeat(true[:1], 400, axis=0)
    assert wobble_px(still + noise) == pytest.approx(size, rel=0.03)


def test_rotation_errors_are_reported_per_axis():
    true = posture((10, 5, 0)).heads
    estimated = posture((12, 5, -1)).heads
    assert rotation_errors_deg(true, estimated)[0] == pytest.approx((2, 0, 1))


# --- the whole


@pytest.fixture(scope="module")
def shaken(studio):
    (scenario,) = scenarios_named(["shake"])
    times = scenario.times(1.6)
    with FaceLandmarker(asset_path("face-landmarker")) as tracker:
        return scenario, times, tracked(studio, scenario, times, tracker)


def test_a_quickly_shaken_head_is_tracked_near_its_truth_and_without_lag(shaken, points):
    scenario, times, observations = shaken
    true, raw = scenario.at(times).heads, raw_poses(observations)
    assert np.isfinite(raw).all()
    heads = head_offset(true, raw, points, SIZE[1]).removed(raw)
    yaw, pitch, roll = np.median(rotation_errors_deg(true, heads), axis=0)
    assert yaw < 3
    assert pitch < 3
    assert roll < 2
    before, after = (paths_px(poses, points, *SIZE) for poses in (true, heads))
    assert np.median(registration_px(before, after)) < 2.5
    lag = lag_s(times, after, lambda t: paths_px(scenario.at(t).heads, points, *SIZE))
    assert lag == pytest.approx(0, abs=0.005)


def mirrored(wave, end):
    """The same motion backwards."""
    return lambda times: wave(end - times)


def test_a_slowly_wandering_head_is_published_without_lag(studio, points):
    """Forwards and backwards: what an error that depends on the pose looks like late in one
    direction looks early in the other."""
    (scenario,) = scenarios_named(["wander"])
    times = scenario.times(3.5)
    end = times[0] + times[-1]
    waves = {name: getattr(scenario, name) for name in ("yaw", "pitch", "roll", "across", "nearer")}
    backwards = replace(
        scenario, **{name: mirrored(wave, end) for name, wave in waves.items() if wave is not None}
    )
    lags = []
    for film, moments in ((scenario, times), (backwards, end - times[::-1])):
        with FaceLandmarker(asset_path("face-landmarker")) as tracker:
            observations = tracked(studio, film, moments, tracker)
        heads = filtered(observations, SmoothingSettings(), moments).heads
        shown = head_offset(film.at(moments).heads, heads, points, SIZE[1]).removed(heads)
        on = moments > moments[0] + 0.5
        paths = paths_px(shown[on], points, *SIZE)
        lags.append(
            lag_s(moments[on], paths, lambda t, f=film: paths_px(f.at(t).heads, points, *SIZE))
        )
    assert abs(np.mean(lags)) < 0.005


def test_a_prediction_is_nearer_to_the_newest_pose_than_its_input(shaken, points):
    scenario, times, observations = shaken
    later = times + 0.04
    published = filtered(observations, SmoothingSettings(filter="kalman"), later)
    true = paths_px(scenario.at(later).heads, points, *SIZE)
    offset = head_offset(scenario.at(times).heads, raw_poses(observations), points, SIZE[1])
    held, predicted = (
        np.median(registration_px(true, paths_px(offset.removed(poses), points, *SIZE))[15:])
        for poses in (published.heads, published.predicted)
    )
    assert predicted < 0.8 * held


def test_the_table_has_a_row_for_the_tracker_alone_and_for_every_filter(portrait):
    said: list[str] = []
    rows = bench_tracking(Settings(), seconds=0.5, scenarios=["still"], say=said.append)
    names = [row["filter"] for row in rows]
    assert names[0] == "raw"
    assert {"imm*", "one-euro", "kalman"} <= set(names)
    raw, default = rows[0], rows[1]
    assert default["jitter_px"] < raw["jitter_px"] < 1.5
    assert raw["lag_ms"] is None
    assert len(said) == 1


def test_an_unknown_scenario_suggests_the_nearest_name():
    with pytest.raises(ConfigError, match='did you mean "shake"'):
        scenarios_named(["shakes"])


def test_the_portrait_is_enlarged_evenly(head):
    texture = head.surface().texture
    assert texture.shape[0] % PORTRAIT_SIZE == 0
    assert cv2.cvtColor(texture, cv2.COLOR_RGBA2GRAY).std() > 30

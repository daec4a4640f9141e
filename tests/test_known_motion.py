"""Films with a known head pose are true, and the meters read what was made up."""

import numpy as np
import pytest

from livecam.app.bench_tracking import bench_tracking, errors, jitter_px, lag_ms, mean_offset
from livecam.app.known_motion import SCENARIOS, SIZE, Photograph, Renderer, film, poses
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError
from livecam.core.spaces import compose, focal_px, project, quaternion_from_vector

TIMES = np.arange(180) / 30


def named(name):
    return next(s for s in SCENARIOS if s.name == name)


@pytest.fixture(scope="module")
def dotted():
    """A flat card at 0.6 m with a dark dot at each of four places of its head space."""
    size = 256
    image = np.full((size, size, 4), 230, np.uint8)
    places = np.array(((-0.03, 0.03, 0), (0.03, 0.03, 0), (0, -0.04, 0), (0.02, 0, 0)), float)
    camera_from_head = compose(np.array((0, 0, -0.6)), np.array((1.0, 0, 0, 0)))
    y, x = np.mgrid[0:size, 0:size]
    for u, v in project(camera_from_head, places, size, size):
        dot = np.exp(-((x - u + 0.5) ** 2 + (y - v + 0.5) ** 2) / (2 * 1.2**2))[..., None]
        image[..., :3] = np.rint(image[..., :3] * (1 - dot))
    depth = np.full((size, size), 0.6, np.float32)
    return Photograph(image, np.ones_like(depth), depth, camera_from_head), places


def test_a_painted_dot_is_where_the_true_pose_says(dotted):
    photo, places = dotted
    renderer = Renderer(photo)
    turn = quaternion_from_vector(np.array((0.1, 0.35, -0.15)))
    pose = compose(np.array((0.03, -0.02, -0.48)), turn)
    picture = renderer.draw(pose).mean(axis=2)
    for u, v in project(pose, places, *SIZE):
        x, y = round(u - 0.5), round(v - 0.5)
        dark = 230 - picture[y - 16 : y + 17, x - 16 : x + 17]
        rows, columns = np.mgrid[y - 16 : y + 17, x - 16 : x + 17]
        assert (columns * dark).sum() / dark.sum() + 0.5 == pytest.approx(u, abs=0.1)
        assert (rows * dark).sum() / dark.sum() + 0.5 == pytest.approx(v, abs=0.1)


def test_the_same_seed_gives_the_same_film(dotted):
    renderer = Renderer(dotted[0], (320, 180))
    one, two, other = (next(iter(film(named("dim"), renderer, s))) for s in (1, 1, 2))
    assert np.array_equal(one.frame.image, two.frame.image)
    assert not np.array_equal(one.frame.image, other.frame.image)
    assert one.frame.image[..., :3].mean() < 80


def test_a_shake_is_sixty_degrees_a_second():
    yaw = named("shake").motion(TIMES)[:, 0]
    assert np.abs(np.gradient(yaw, TIMES)).max() == pytest.approx(60, rel=0.05)


def test_a_constant_offset_is_found_and_taken_off():
    true = poses(named("wander"), TIMES)
    offset = compose(np.array((0.01, -0.004, 0.02)), quaternion_from_vector(np.array((0.1, 0, 0))))
    got = [pose @ offset for pose in true]
    found = mean_offset(true, got)
    assert found == pytest.approx(offset, abs=1e-6)
    said = errors(true, [pose @ np.linalg.inv(found) for pose in got])
    assert max(said.values()) == 0


def test_an_error_in_yaw_is_told_as_one():
    true = poses(named("still"), TIMES)
    tilt = compose(np.zeros(3), quaternion_from_vector(np.radians((0.0, 3.0, 0.0))))
    said = errors(true, [pose @ tilt for pose in true])
    assert said["yaw_deg"] == pytest.approx(3, abs=0.01)
    assert said["pitch_deg"] == said["roll_deg"] == 0


def test_jitter_is_told_of_a_still_head_alone():
    true = poses(named("still"), TIMES)
    random = np.random.default_rng(3)
    got = [pose.copy() for pose in true]
    for pose in got:
        pose[:2, 3] += 0.0005 * random.standard_normal(2)
    expected = 0.0005 * np.sqrt(2) * focal_px(SIZE[1]) / 0.45
    assert jitter_px(true, got) == pytest.approx(expected, rel=0.15)
    assert jitter_px(poses(named("yaw"), TIMES), got) is None


@pytest.mark.parametrize("lag_s", [0.0, 0.012, 0.04])
def test_lag_is_found_to_the_millisecond(lag_s):
    shake = named("shake")
    said = lag_ms(TIMES, poses(shake, TIMES), poses(shake, TIMES - lag_s))
    assert said == pytest.approx(1000 * lag_s, abs=2)
    assert lag_ms(TIMES, poses(named("still"), TIMES), poses(named("still"), TIMES)) is None


def test_an_unknown_scenario_is_named():
    with pytest.raises(ConfigError, match='did you mean "shake"'):
        bench_tracking(Settings(), seconds=1, scenarios=["shaek"], say=print)


def test_a_still_head_is_still_by_default(portrait):
    rows = bench_tracking(Settings(), seconds=2.0, scenarios=["still"], say=lambda words: None)
    default = next(row for row in rows if row["filter"].endswith("*"))
    raw = next(row for row in rows if row["filter"] == "raw")
    assert default["jitter_px"] < 0.15 < raw["jitter_px"]
    assert default["lost"] == 0
    assert default["yaw_deg"] < 1

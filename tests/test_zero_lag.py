"""The zero-lag smoother: still where the head is still, without lag, complete over gaps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.core.spaces import euler_deg, quaternion_from_vector
from livecam.filtering.zero_lag import Motion, smooth_motion

Array = NDArray[np.float64]

FPS = 30.0
JITTER_M = 0.0004
MEASURED_LAG_FRAMES = np.linspace(-1, 1, 41)


def motion(translations: Array, yaw_rad: Array | None = None, blink: Array | None = None) -> Motion:
    n = len(translations)
    yaw = np.zeros(n) if yaw_rad is None else yaw_rad
    rotations = np.array([quaternion_from_vector(np.array((0, angle, 0))) for angle in yaw])
    weights = np.zeros((n, 52))
    if blink is not None:
        weights[:, 8] = blink
    return Motion(translations, rotations, weights)


def smoothed(source: Motion, missing: slice | None = None, times: Array | None = None) -> Motion:
    n = len(source.translations)
    measured = np.ones(n, bool)
    if missing is not None:
        measured[missing] = False
    return smooth_motion(np.arange(n) / FPS if times is None else times, measured, source)


def swaying(n: int = 240, hertz: float = 0.8, metres: float = 0.05) -> Array:
    at = np.arange(n) / FPS
    out = np.zeros((n, 3))
    out[:, 0] = metres * np.sin(2 * np.pi * hertz * at)
    out[:, 2] = -0.5
    return out


def jitter(n: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(0, JITTER_M, (n, 3))


def lag_in_frames(truth: Array, result: Array) -> float:
    """The shift at which the result's velocity fits the true one best."""
    fast, other = np.diff(truth), np.diff(result)
    at = np.arange(len(fast))[3:-3]
    misfits = [
        np.abs(fast[3:-3] - np.interp(at + shift, np.arange(len(other)), other)).sum()
        for shift in MEASURED_LAG_FRAMES
    ]
    return float(MEASURED_LAG_FRAMES[int(np.argmin(misfits))])


def test_the_noise_of_a_still_head_is_removed():
    still = np.tile((0.0, 0.0, -0.5), (300, 1))
    result = smoothed(motion(still + jitter(300))).translations
    assert (result - still).std() < JITTER_M / 2.5
    assert np.diff(result, axis=0).std() < JITTER_M / 6


@pytest.mark.parametrize("hertz", [0.3, 0.8, 2.0])
def test_a_moving_head_is_smoothed_without_lag(hertz: float):
    truth = swaying(hertz=hertz)
    result = smoothed(motion(truth + jitter(len(truth)))).translations
    assert abs(lag_in_frames(truth[:, 0], result[:, 0])) < 0.15
    assert np.sqrt(((result - truth) ** 2).mean()) < 1.2 * JITTER_M


def test_a_sudden_start_is_neither_delayed_nor_anticipated():
    truth = np.zeros((120, 3))
    truth[60:, 0] = np.minimum(np.arange(60) * 0.01, 0.2)
    result = smoothed(motion(truth + jitter(120))).translations
    assert np.abs(result - truth).max() < 0.004
    assert np.abs(result[:57] - truth[:57]).max() < 2 * JITTER_M


def test_blinks_of_three_frames_keep_their_depth():
    blink = np.zeros(200)
    blink[50:53] = 0.5, 0.9, 0.5
    blink[120:124] = 0.4, 0.8, 0.8, 0.4
    noisy = (blink + np.random.default_rng(2).normal(0, 0.01, 200)).clip(0, 1)
    result = smoothed(motion(np.zeros((200, 3)), blink=noisy)).weights[:, 8]
    assert result[51] > 0.8
    assert result[121:123].min() > 0.7
    assert np.diff(result[:45]).std() < np.diff(noisy[:45]).std() / 2


def test_a_short_gap_is_interpolated_along_the_motion():
    truth = swaying(hertz=0.5)
    gap = slice(100, 112)
    broken = truth + jitter(len(truth))
    broken[gap] = 99.0  # values of unmeasured rows must not matter
    result = smoothed(motion(broken), missing=gap).translations
    assert np.abs(result - truth)[gap].max() < 0.005


def test_a_long_gap_becomes_a_straight_line_between_its_ends():
    truth = np.zeros((200, 3))
    truth[:50, 0] = np.arange(50) * 0.004
    truth[150:, 0] = 1.0 + np.arange(50) * 0.004
    result = smoothed(motion(truth), missing=slice(50, 150)).translations[:, 0]
    assert np.diff(result)[60:140] == pytest.approx(0.0078, rel=0.25)
    assert result[50:150].min() > 0.19
    assert result[50:150].max() < 1.01


def test_the_head_rests_before_the_first_and_after_the_last_measurement():
    truth = np.zeros((150, 3))
    truth[:, 0] = np.arange(150) * 0.004  # 0.12 m/s
    result = smoothed(motion(truth), missing=slice(90, 150)).translations[:, 0]
    assert np.ptp(result[130:]) < 0.002
    assert truth[89, 0] <= result[149] < truth[89, 0] + 0.06
    measured = np.zeros(150, bool)
    measured[60:] = True
    early = smooth_motion(np.arange(150) / FPS, measured, motion(truth)).translations[:, 0]
    assert np.ptp(early[:20]) < 0.002


def test_the_opposite_quaternion_is_the_same_rotation():
    yaw = np.deg2rad(np.linspace(-40, 40, 90))
    source = motion(np.zeros((90, 3)), yaw)
    flipped = Motion(
        source.translations, source.rotations * np.where(np.arange(90) % 3, 1, -1)[:, None],
        source.weights,
    )  # fmt: skip
    result = smoothed(flipped, missing=slice(40, 50)).rotations
    assert np.linalg.norm(result, axis=1) == pytest.approx(1)
    angles = np.array([euler_deg(q)[0] for q in result])
    assert angles == pytest.approx(np.rad2deg(yaw), abs=0.5)


def test_irregular_times_are_supported():
    times = np.cumsum(np.random.default_rng(3).choice((0.02, 0.03, 0.05), 200))
    truth = np.zeros((200, 3))
    truth[:, 1] = 0.05 * np.sin(2 * np.pi * 0.5 * times)
    result = smoothed(motion(truth + jitter(200)), times=times).translations
    assert np.sqrt(((result - truth) ** 2).mean()) < 1.2 * JITTER_M


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_measurements_are_enough(count: int):
    measured = np.zeros(20, bool)
    measured[7 : 7 + count] = True
    source = motion(np.tile((0.1, 0.2, -0.5), (20, 1)))
    result = smooth_motion(np.arange(20) / FPS, measured, source)
    assert result.translations == pytest.approx(source.translations)

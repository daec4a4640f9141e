"""The responses of the filters: steps, ramps, noise, irregular times, reset."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.config.settings import SmoothingSettings
from livecam.core.face import FacePose
from livecam.core.spaces import quaternion_from_vector, rotation_vector
from livecam.filtering.base import FILTERS, Filter
from livecam.filtering.imm import InteractingModels
from livecam.filtering.kalman import ConstantVelocityKalman
from livecam.filtering.noise import NoiseEstimate
from livecam.filtering.one_euro import OneEuro
from livecam.filtering.pose import POSE_NOISE, PoseFilter

DT = 1 / 30
Values = NDArray[np.float64]

MAKERS: dict[str, Callable[[], Filter]] = {
    "one-euro": lambda: OneEuro(0.05, 0.3, 6.0, noise=1.0),
    "one-euro of the paper": lambda: OneEuro(1.0, 0.01),
    "kalman": lambda: ConstantVelocityKalman(acceleration=1000.0, at_rest=0.03),
    "kalman of the book": lambda: ConstantVelocityKalman(acceleration=60.0),
    "imm": InteractingModels,
    "imm of the paper": lambda: InteractingModels(accelerations=(300.0,), likelihood_power=1.0),
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Callable[[], Filter]:
    return MAKERS[request.param]


def responses(steady: Filter, xs: Values, dt: float = DT) -> Values:
    return np.array([steady.step(x, dt) for x in xs])


def noise(seed: int, n: int = 300, size: int = 6) -> Values:
    return np.random.default_rng(seed).normal(size=(n, size))


def step_input(height: float, n: int = 90, size: int = 6) -> Values:
    out = np.zeros((n, size))
    out[n // 3 :] = height
    return out


def test_every_registered_filter_keeps_the_contract() -> None:
    for name in FILTERS:
        steady = FILTERS.create(name, SmoothingSettings())
        first = np.array((1.0, -2.0, 3.0))
        assert steady.step(first, 0.0) == pytest.approx(first)
        assert steady.step(first + 1, DT).shape == (3,)
        assert steady.predict(0.02).shape == (3,)


def test_the_first_estimate_is_the_measurement_itself(make: Callable[[], Filter]) -> None:
    first = np.array((3.0, -1.0))
    assert make().step(first, DT) == pytest.approx(first, abs=0)


def test_the_returned_estimate_is_a_copy(make: Callable[[], Filter]) -> None:
    steady = make()
    first = np.zeros(2)
    steady.step(first, DT)[:] = 99
    assert steady.predict(0.0) == pytest.approx((0, 0), abs=0)
    first[:] = 77
    assert steady.predict(0.0) == pytest.approx((0, 0), abs=0)


def test_after_reset_a_filter_behaves_like_a_new_one(make: Callable[[], Filter]) -> None:
    used = make()
    responses(used, 50 * noise(seed=1))
    used.reset()
    np.testing.assert_array_equal(
        responses(used, step_input(9.0)), responses(make(), step_input(9.0))
    )


@pytest.mark.parametrize("dt", [0.0, -0.5])
def test_without_time_passing_nothing_changes(make: Callable[[], Filter], dt: float) -> None:
    undisturbed, disturbed = make(), make()
    responses(undisturbed, noise(seed=2)), responses(disturbed, noise(seed=2))
    before = disturbed.predict(0.0)
    assert disturbed.step(np.full(6, 1e3), dt) == pytest.approx(before, abs=0)
    after = noise(seed=3)
    np.testing.assert_array_equal(responses(undisturbed, after), responses(disturbed, after))


def test_a_constant_signal_is_unchanged(make: Callable[[], Filter]) -> None:
    constant = np.tile((5.0, -7.0), (60, 1))
    assert responses(make(), constant) == pytest.approx(constant)


def test_predicting_before_anything_was_measured_is_refused(make: Callable[[], Filter]) -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        make().predict(0.01)


def test_one_euro_is_the_filter_of_the_paper() -> None:
    """Against the algorithm of the paper, written out for a scalar, with the one addition."""
    min_cutoff, beta, derivative_cutoff = 1.2, 0.7, 1.0
    steady = OneEuro(min_cutoff, beta, derivative_cutoff)
    xs = np.cumsum(np.random.default_rng(5).normal(size=200))

    def alpha(cutoff: float) -> float:
        return 1 / (1 + 1 / (2 * np.pi * cutoff) / DT)

    estimate = speed = time_constant_s = 0.0
    for i, x in enumerate(xs):
        response = float(steady.step(np.array((x,)), DT)[0])
        if i == 0:
            estimate = x
        else:
            speed += alpha(derivative_cutoff) * ((x - estimate) / DT - speed)
            cutoff = min_cutoff + beta * abs(speed)
            # The addition: the time constant grows no faster than time passes.
            time_constant_s = min(time_constant_s + DT, 1 / (2 * np.pi * cutoff))
            estimate += DT / (time_constant_s + DT) * (x - estimate)
        assert response == pytest.approx(estimate)


def test_one_euro_rests_on_the_mean_of_its_measurements() -> None:
    steady = OneEuro(0.05, 0.3, 6.0, noise=1.0)
    xs = noise(seed=4, n=60)
    found = responses(steady, xs)
    assert found[-1] == pytest.approx(xs.mean(axis=0), abs=0.08)


def test_one_euro_removes_nearly_all_noise_at_rest() -> None:
    xs = noise(seed=6, n=900)
    left = responses(OneEuro(0.05, 0.3, 6.0, noise=1.0), xs)[60:].std(axis=0)
    assert left.max() < 0.12  # of a standard deviation of 1


def test_one_euro_follows_a_step_at_once() -> None:
    xs = step_input(50.0) + 0.0
    found = responses(OneEuro(0.05, 0.3, 6.0, noise=1.0), xs)
    assert found[len(xs) // 3].min() > 0.95 * 50  # in the frame of the step itself
    assert found.max() <= 50.0 + 1e-9  # and never beyond it


def test_one_euro_lags_a_ramp_by_less_than_half_a_frame() -> None:
    ramp = np.arange(120.0)[:, None] * np.array((4.0, 0, 0, 0, 0, 0))
    behind = (ramp - responses(OneEuro(0.05, 0.3, 6.0, noise=1.0), ramp))[30:, 0] / 4.0
    assert behind.min() >= 0
    assert behind.max() < 0.5


@pytest.mark.parametrize("power", [1.0, 0.35])
def test_imm_is_the_algorithm_of_the_paper(power: float) -> None:
    """Step by step as in Blom and Bar-Shalom, one model after the other, for a scalar."""
    accelerations, drift, sojourn_s = (100.0, 1000.0), 0.05, 6.0
    xs = np.cumsum(np.random.default_rng(8).normal(scale=3.0, size=120))
    steady = InteractingModels(1.0, accelerations, drift, sojourn_s, power)
    n = 3
    leave = (1 - np.exp(-DT / sojourn_s)) / (n - 1)
    moves = np.array(
        [[1 - leave * (n - 1) if i == j else leave for j in range(n)] for i in range(n)]
    )
    mu = np.full(n, 1 / n)
    states = [np.array((xs[0], 0.0)) for _ in range(n)]
    covariances = [np.diag((1.0, 100.0**2)) for _ in range(n)]
    steady.step(xs[:1], DT)
    for x in xs[1:]:
        # 1. Interaction.
        expected = [sum(moves[i, j] * mu[i] for i in range(n)) for j in range(n)]
        share = [[moves[i, j] * mu[i] / expected[j] for i in range(n)] for j in range(n)]
        mixed = [sum(share[j][i] * states[i] for i in range(n)) for j in range(n)]
        mixed_covariances = []
        for j in range(n):
            apart = [states[i] - mixed[j] for i in range(n)]
            mixed_covariances.append(
                sum(share[j][i] * (covariances[i] + np.outer(apart[i], apart[i])) for i in range(n))
            )
        # 2. Each model's own Kalman filter.
        likelihoods = np.zeros(n)
        for j in range(n):
            if j == 0:
                forward, added = np.array(((1, 0), (0, 0))), np.diag((drift**2 * DT, 0))
            else:
                forward = np.array(((1, DT), (0, 1)))
                added = accelerations[j - 1] ** 2 * np.array(
                    ((DT**3 / 3, DT**2 / 2), (DT**2 / 2, DT))
                )
            states[j] = forward @ mixed[j]
            covariance = forward @ mixed_covariances[j] @ forward.T + added
            variance = covariance[0, 0] + 1.0
            gain = covariance[:, 0] / variance
            innovation = x - states[j][0]
            states[j] = states[j] + gain * innovation
            covariances[j] = covariance - np.outer(gain, covariance[0])
            density = np.exp(-0.5 * innovation**2 / variance) / np.sqrt(2 * np.pi * variance)
            likelihoods[j] = density**power
        # 3. and 4. The models' probabilities, and the combination of their estimates.
        mu = likelihoods * expected
        mu /= mu.sum()
        combined = sum(mu[j] * states[j] for j in range(n))
        assert steady.step(np.array((x,)), DT)[0] == pytest.approx(combined[0], abs=1e-6)
        assert steady.predict(0.02)[0] == pytest.approx(combined[0] + 0.02 * combined[1], abs=1e-6)


def test_imm_has_no_lag_on_a_ramp() -> None:
    ramp = np.arange(200.0)[:, None] * np.array((4.0, -1.0))
    behind = ramp - responses(InteractingModels(), ramp)
    assert np.abs(behind[60:]).max() < 0.02


def test_imm_rests_on_the_mean_of_its_measurements() -> None:
    xs = noise(seed=4, n=90)
    assert responses(InteractingModels(), xs)[-1] == pytest.approx(xs.mean(axis=0), abs=0.1)


def test_imm_removes_nearly_all_noise_at_rest() -> None:
    left = responses(InteractingModels(), noise(seed=6, n=900))[60:].std(axis=0)
    assert left.max() < 0.12  # of a standard deviation of 1


def test_imm_follows_a_step_at_once_and_then_rests() -> None:
    found = responses(InteractingModels(), step_input(50.0) + 0.0)
    assert found[30].min() > 0.9 * 50  # in the frame of the step itself
    assert found.max() < 1.2 * 50
    assert found[-1] == pytest.approx(np.full(6, 50.0), abs=0.5)


def test_imm_does_not_predict_noise() -> None:
    """At rest the velocity is the rest's: none. A single motion model extrapolates its noise."""
    steady, single = InteractingModels(), ConstantVelocityKalman(1.0, 1000.0)
    predicted: list[tuple[float, float]] = []
    for x in noise(seed=9, n=300):
        now, then = steady.step(x, DT), single.step(x, DT)
        predicted.append(
            (
                float(np.abs(steady.predict(0.05) - now).max()),
                float(np.abs(single.predict(0.05) - then).max()),
            )
        )
    multiple, alone = np.array(predicted)[60:].mean(axis=0)
    assert multiple < 0.1
    assert multiple < 0.2 * alone


def test_kalman_has_no_lag_on_a_ramp() -> None:
    ramp = np.arange(200.0)[:, None] * np.array((4.0, -1.0))
    behind = ramp - responses(ConstantVelocityKalman(1.0, 60.0), ramp)
    assert np.abs(behind[100:]).max() < 1e-3


def test_kalman_gain_converges_to_the_solution_of_the_riccati_equation() -> None:
    """Against the fixed point of the Riccati equation, iterated with whole matrices."""
    density, r = 60.0**2, 1.0
    f = np.array(((1, DT), (0, 1)))
    q = density * np.array(((DT**3 / 3, DT**2 / 2), (DT**2 / 2, DT)))
    p = np.eye(2)
    for _ in range(2000):
        p = f @ p @ f.T + q
        gain = p[:, 0] / (p[0, 0] + r)
        p = p - np.outer(gain, p[0])
    steady = ConstantVelocityKalman(1.0, 60.0)
    responses(steady, np.zeros((400, 1)))
    assert steady.step(np.array((1.0,)), DT)[0] == pytest.approx(gain[0], rel=1e-6)
    predicted = steady.predict(1.0)[0] - steady.predict(0.0)[0]
    assert predicted == pytest.approx(gain[1], rel=1e-6)


def test_kalman_extrapolates_a_constant_velocity() -> None:
    steady = ConstantVelocityKalman(1.0, 60.0)
    responses(steady, np.arange(200.0)[:, None] * np.array((2.0, -3.0)))
    assert steady.predict(DT) == pytest.approx((400.0, -600.0), abs=1e-2)


def test_kalman_comes_to_rest_after_a_stop() -> None:
    """Low process noise at rest must not let the last velocity persist."""
    path = np.minimum(np.arange(150.0), 60.0)[:, None] * np.array((5.0, 0, 0, 0, 0, 0))
    off = responses(ConstantVelocityKalman(acceleration=1000.0, at_rest=0.03), path) - path
    assert np.abs(off[60:]).max() < 5.0  # it overshoots, but by less than one more step
    assert np.abs(off[64:]).max() < 2.0
    assert np.abs(off[75:]).max() < 1.0


def test_irregular_times_give_the_same_path_as_regular_ones(make: Callable[[], Filter]) -> None:
    """A slow wave sampled at 30 fps and at jittered times gives nearly the same path."""
    rng = np.random.default_rng(7)
    even = np.arange(1, 301) * DT
    uneven = np.sort(even + rng.uniform(-0.4, 0.4, len(even)) * DT)

    def filtered(times: Values) -> Values:
        steady, last, out = make(), 0.0, []
        for t in times:
            out.append(steady.step(np.full(6, 30 * np.sin(2 * t)), t - last))
            last = t
        return np.array(out)

    other = np.array([np.interp(even, uneven, column) for column in filtered(uneven).T]).T
    assert np.abs(filtered(even) - other)[30:].max() < 1.0  # of an amplitude of 30


# --- poses ---------------------------------------------------------------------------------


def pose(x: float = 0.0, y: float = 0.0, z: float = -0.6, **turn: float) -> FacePose:
    vector = np.array([turn.get(k, 0.0) for k in ("pitch", "yaw", "roll")])
    return FacePose(np.array((x, y, z)), quaternion_from_vector(vector))


def responsive() -> PoseFilter:
    return PoseFilter(OneEuro(0.05, 0.3, 6.0, noise=1.0))


def test_the_sign_of_a_quaternion_does_not_matter() -> None:
    one, other = responsive(), responsive()
    for i in range(60):
        turned = pose(yaw=0.05 * i)
        flipped = FacePose(turned.translation, -turned.rotation if i % 2 else turned.rotation)
        a, b = one.step(turned, DT), other.step(flipped, DT)
        assert abs(float(a.rotation @ b.rotation)) == pytest.approx(1.0)


def test_a_rotation_continues_through_the_half_circle() -> None:
    steady = responsive()
    for i in range(130):
        angle = 0.05 * i  # past pi, where rotation vectors change sign
        turned = quaternion_from_vector(np.array((0, 0, angle)))
        found = steady.step(FacePose(np.array((0, 0, -0.6)), turned), DT).rotation
        off = rotation_vector(found * np.array((1, -1, -1, -1)))[2] + angle
        assert abs((off + np.pi) % (2 * np.pi) - np.pi) < 0.05


def test_a_noisy_depth_does_not_shake_the_head_sideways() -> None:
    """A head far off the axis, with noise on its depth alone, stays on its line of sight."""
    rng = np.random.default_rng(8)
    steady = responsive()
    for _ in range(120):
        depth = 0.6 + rng.normal() * 0.01
        found = steady.step(pose(x=0.5 * depth, z=-depth), DT).translation
        assert found[0] / -found[2] == pytest.approx(0.5, abs=1e-9)


def test_a_pose_filter_after_reset_behaves_like_a_new_one() -> None:
    used = responsive()
    for i in range(50):
        used.step(pose(x=0.01 * i, yaw=0.03 * i), DT)
    used.reset()
    fresh = responsive()
    for i in range(20):
        a, b = used.step(pose(y=0.004 * i), DT), fresh.step(pose(y=0.004 * i), DT)
        np.testing.assert_array_equal(a.translation, b.translation)
        np.testing.assert_array_equal(a.rotation, b.rotation)


def test_a_steady_motion_is_predicted() -> None:
    steady = PoseFilter(ConstantVelocityKalman(1.0, 60.0))
    for i in range(90):
        steady.step(pose(x=0.002 * i), DT)
    predicted = steady.predict(DT).translation
    assert predicted[0] == pytest.approx(0.002 * 90, abs=2e-4)


def test_the_noise_of_each_component_of_the_pose_is_estimated() -> None:
    level = NoiseEstimate(6, 0.4, 6.0)
    scale = np.array((0.5, 1.0, 2.0, 1.5, 0.7, 1.2))
    raw = noise(seed=9, n=900) * scale
    found = []
    for change in np.diff(raw, axis=0):
        level.step(change)
        found.append(level.value)
    assert np.mean(found[300:], axis=0) == pytest.approx(scale, rel=0.12)
    assert np.std(found[300:], axis=0) == pytest.approx(0 * scale, abs=0.25)


def test_motion_is_not_taken_for_noise() -> None:
    level = NoiseEstimate(6, 0.4, 6.0)
    t = np.arange(400) * DT
    # 4 cm to and fro once a second, with the typical noise of poses.
    raw = noise(seed=10, n=400) + 0.0
    raw[:, 0] += 0.02 / POSE_NOISE[0] * np.sin(2 * np.pi * 0.5 * t)
    for change in np.diff(raw, axis=0):
        level.step(change)
    assert level.value.max() < 1.7

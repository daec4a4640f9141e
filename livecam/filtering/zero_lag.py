"""Smooths a finished recording with future measurements as well as past ones, without lag.

Model: a value moves with a velocity that wanders and decays with `time_constant_s` (an
integrated Ornstein-Uhlenbeck process), measured in white noise. The best estimate given *all*
measurements is the Rauch-Tung-Striebel smoother (Rauch, Tung, Striebel, "Maximum likelihood
estimates of linear dynamic systems", AIAA Journal 3(8), 1965). Far from gaps and for short time
constants its frequency response is 1 / (1 + (f / cutoff)^4) with zero phase, so the cutoff
frequency is the only parameter.

One cutoff cannot serve a still head and a quick nod: several smoothers run side by side, and each
sample takes the lowest cutoff that agrees with all higher ones within their own uncertainty
(intersection of confidence intervals: Goldenshluger and Nemirovski 1997; Katkovnik, IEEE Trans.
Signal Processing 47(9), 1999).

Gaps need no special case: the smoother interpolates them, and because the velocity decays a long
gap becomes a straight line and the time before the first and after the last measurement a short
glide to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CUTOFFS_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
AGREEMENT_SIGMAS = 1.4  # half width of a confidence interval; larger smooths more
MAX_COLUMNS = 13  # at once: an hour of film would need gigabytes for all 52
CHOICE_BLUR_S = 0.06  # a cutoff that jumps from frame to frame would be visible
POSE_TIME_CONSTANT_S = 0.2  # longer glides too far at a gap's ends, shorter bends steady motion
WEIGHT_TIME_CONSTANT_S = 0.1

# Standard deviations: MediaPipe's noise on a still head (1280x720: 0.3 mm, 0.3 degrees), and the
# upper bound of an estimate: on a restless head motion resembles noise.
TRANSLATION_NOISE_M = (0.0002, 0.0012)
ROTATION_NOISE = (0.0007, 0.005)  # of a quaternion's components: half the angle in radians
WEIGHT_NOISE = (0.004, 0.04)


@dataclass(frozen=True, slots=True)
class Motion:
    """One face over one stretch of time; rows without a measurement hold anything finite."""

    translations: Array  # float64[n, 3], metres
    rotations: Array  # float64[n, 4], unit quaternions
    weights: Array  # float64[n, 52]


def smooth_motion(times: Array, measured: NDArray[np.bool_], motion: Motion) -> Motion:
    """Smooths a motion and fills its gaps, at every one of `times`.

    `times` float64[n] rise strictly, in seconds; `measured` bool[n] marks the rows with a
    measurement (at least one).
    """
    rotations = same_hemisphere(motion.rotations, measured)
    rotations = smooth(times, measured, rotations, ROTATION_NOISE, POSE_TIME_CONSTANT_S, joint=True)
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    translations = smooth(
        times, measured, motion.translations, TRANSLATION_NOISE_M, POSE_TIME_CONSTANT_S, joint=True
    )
    weights = smooth(times, measured, motion.weights, WEIGHT_NOISE, WEIGHT_TIME_CONSTANT_S)
    return Motion(translations, rotations, weights.clip(0, 1))


def smooth(
    times: Array,
    measured: NDArray[np.bool_],
    values: Array,
    noise: tuple[float, float],
    time_constant_s: float,
    *,
    joint: bool = False,
) -> Array:
    """Smooths the columns of float64[n, c], each against its own noise.

    The noise is estimated from the values, within the two bounds of `noise`. With `joint` all
    columns share the highest cutoff that one of them needs (the components of one pose).
    """
    if measured.sum() < 2:
        held: Array = np.repeat(values[measured][:1], len(values), axis=0)
        return held
    if not joint and values.shape[1] > MAX_COLUMNS:
        parts = np.split(values, range(MAX_COLUMNS, values.shape[1], MAX_COLUMNS), axis=1)
        return np.concatenate(
            [smooth(times, measured, part, noise, time_constant_s) for part in parts], axis=1
        )
    sigma = _noise(values[measured]).clip(*noise)
    start = values[measured][0]
    scaled = (values - start) / sigma
    estimates, deviations = _smoothers(times, measured, scaled, time_constant_s)
    choice = _lowest_cutoff(estimates, deviations)
    if joint:
        choice = np.repeat(choice.max(axis=1, keepdims=True), values.shape[1], axis=1)
    choice = _blur(choice, times, measured)
    out: Array = start + sigma * _interpolated(estimates, choice)
    return out


def _noise(values: Array) -> Array:
    """Estimates the deviation of white noise on each column, from its calmest quarter.

    The second difference cancels steady motion and holds 6 times the variance; the lower
    quartile of its size, 0.3186 deviations for a normal distribution, ignores quick motion.
    """
    if len(values) < 8:
        return np.zeros(values.shape[1])
    difference = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    noise: Array = np.quantile(difference, 0.25, axis=0) / (0.3186 * np.sqrt(6))
    return noise


def _smoothers(
    times: Array, measured: NDArray[np.bool_], values: Array, time_constant_s: float
) -> tuple[Array, Array]:
    """Smooths by all cutoffs: estimates float64[k, n, c] and their deviations float64[k, n].

    Values have noise 1, so the deviations depend on the cutoff and the gaps alone and all columns
    share them.
    """
    steps = np.diff(times)
    step_s = float(np.median(steps))
    # ponytail: the density fits the median step; a few odd steps shift the cutoff a little
    density = step_s * (2 * np.pi * np.array(CUTOFFS_HZ)) ** 4
    transitions, noise = _transitions(steps, density, time_constant_s)
    initial = np.zeros((len(density), 2, 2))
    initial[:, 0, 0] = 1e6  # nothing is known
    initial[:, 1, 1] = density * time_constant_s / 2  # the velocity's stationary variance
    passes = _filter(transitions, noise, initial, measured, values)
    means, covariances = _smooth_backward(transitions, passes)
    deviations = np.sqrt(covariances[:, :, 0, 0].T.clip(0))
    return means[:, :, 0].transpose(1, 0, 2), deviations


@dataclass(frozen=True, slots=True)
class _FilterPass:
    """The Kalman filters' results, forward in time: k filters over n samples of c columns."""

    predicted: Array  # float64[n, k, 2, c]
    predicted_covariances: Array  # float64[n, k, 2, 2]
    means: Array  # float64[n, k, 2, c]
    covariances: Array  # float64[n, k, 2, 2]


def _filter(
    transitions: Array,
    noise: Array,
    initial: Array,
    measured: NDArray[np.bool_],
    values: Array,
) -> _FilterPass:
    """Runs the Kalman filters forward in time."""
    (n, columns), k = values.shape, len(initial)
    means, covariances = np.zeros((n, k, 2, columns)), np.zeros((n, k, 2, 2))
    predicted, predicted_covariances = np.empty_like(means), np.empty_like(covariances)
    x, p = np.zeros((k, 2, columns)), initial
    for i in range(n):
        if i:
            x = transitions[i - 1] @ x
            p = transitions[i - 1] @ p @ transitions[i - 1].T + noise[i - 1]
        predicted[i], predicted_covariances[i] = x, p
        if measured[i]:
            gain = p[:, :, :1] / (p[:, :1, :1] + 1)
            x = x + gain * (values[i] - x[:, :1])
            p = p - gain * p[:, :1, :]
        means[i], covariances[i] = x, p
    return _FilterPass(predicted, predicted_covariances, means, covariances)


def _smooth_backward(transitions: Array, forward: _FilterPass) -> tuple[Array, Array]:
    """Runs the Rauch-Tung-Striebel recursion backward; overwrites means and covariances."""
    means, covariances = forward.means, forward.covariances
    for i in range(len(means) - 2, -1, -1):
        inverse = np.linalg.inv(forward.predicted_covariances[i + 1])
        gain = covariances[i] @ transitions[i].T @ inverse
        means[i] += gain @ (means[i + 1] - forward.predicted[i + 1])
        difference = covariances[i + 1] - forward.predicted_covariances[i + 1]
        covariances[i] += gain @ difference @ gain.transpose(0, 2, 1)
    return means, covariances


def _transitions(steps: Array, density: Array, time_constant_s: float) -> tuple[Array, Array]:
    """Returns transitions of (value, velocity), float64[n-1, 2, 2], and covariances of the noise.

    The exact discretisation of an integrated Ornstein-Uhlenbeck process; `density` float64[k] is
    the spectral density of the white acceleration, the covariances are float64[n-1, k, 2, 2].
    """
    tau = time_constant_s
    e1, e2 = np.exp(-steps / tau), np.exp(-2 * steps / tau)
    transitions = np.zeros((len(steps), 2, 2))
    transitions[:, 0, 0] = 1
    transitions[:, 0, 1] = tau * (1 - e1)
    transitions[:, 1, 1] = e1
    unit = np.empty((len(steps), 2, 2))
    unit[:, 0, 0] = tau**2 * (steps - 2 * tau * (1 - e1) + tau / 2 * (1 - e2))
    unit[:, 0, 1] = unit[:, 1, 0] = tau**2 / 2 * (1 - e1) ** 2
    unit[:, 1, 1] = tau / 2 * (1 - e2)
    return transitions, unit[:, None] * density[:, None, None]


def _lowest_cutoff(estimates: Array, deviations: Array) -> Array:
    """Returns the index of each value's cutoff, float64[n, c]: 0 the lowest, k - 1 the highest."""
    half_width = AGREEMENT_SIGMAS * deviations[:, :, None]
    low, high = estimates - half_width, estimates + half_width
    # From the highest cutoff down: the confidence intervals that still intersect.
    common = np.maximum.accumulate(low[::-1]) <= np.minimum.accumulate(high[::-1])
    choice: Array = len(estimates) - np.argmin(np.concatenate((common, 0 * common[:1])), axis=0)
    return choice.clip(0, len(estimates) - 1).astype(np.float64)


def _blur(choice: Array, times: Array, measured: NDArray[np.bool_]) -> Array:
    """Dilates and low-passes the choice over time; gaps are interpolated from both sides."""
    out = np.empty_like(choice)
    at, chosen = times[measured], choice[measured]
    dilated = chosen.copy()  # a quick move must be followed from its first frame on
    dilated[1:] = np.maximum(dilated[1:], chosen[:-1])
    dilated[:-1] = np.maximum(dilated[:-1], chosen[1:])
    for column in range(choice.shape[1]):
        out[:, column] = np.interp(times, at, dilated[:, column])
    step_s = float(np.median(np.diff(times)))
    radius = max(1, round(2 * CHOICE_BLUR_S / step_s))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step_s / CHOICE_BLUR_S) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(out, ((radius, radius), (0, 0)), mode="edge")
    rows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    blurred: Array = rows @ kernel
    return blurred


def _interpolated(estimates: Array, choice: Array) -> Array:
    """Interpolates linearly between the estimates of the two cutoffs around a choice."""
    lower = np.floor(choice).astype(int).clip(0, len(estimates) - 2)
    share = choice - lower
    low = np.take_along_axis(estimates, lower[None], axis=0)[0]
    high = np.take_along_axis(estimates, lower[None] + 1, axis=0)[0]
    mixed: Array = low + share * (high - low)
    return mixed


def same_hemisphere(rotations: Array, measured: NDArray[np.bool_]) -> Array:
    """Flips signs so that neighbouring quaternions are close: q and -q are one rotation."""
    out = rotations.copy()
    chosen = out[measured]
    flips = np.sign((chosen[1:] * chosen[:-1]).sum(axis=1))
    flips[flips == 0] = 1
    chosen[1:] *= np.cumprod(flips)[:, None]
    out[measured] = chosen
    return out

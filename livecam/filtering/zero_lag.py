"""Steadies a finished recording: looks ahead as well as back, so nothing lags.

Model: a value moves with a velocity that wanders and dies away within `memory_s` (an
integrated Ornstein-Uhlenbeck process), seen through white noise. The best estimate given
*all* measurements is the Rauch-Tung-Striebel smoother (Rauch, Tung, Striebel, "Maximum
likelihood estimates of linear dynamic systems", AIAA Journal 3(8), 1965). Far from gaps and
for short memories its response is 1 / (1 + (f / cutoff)^4) without any phase, so a cut-off
frequency is all there is to choose.

One cut-off cannot serve a still head and a quick nod: several smoothers run side by side, and
each moment takes the calmest that agrees with all livelier ones within their own uncertainty
(intersection of confidence intervals: Goldenshluger and Nemirovski 1997; Katkovnik, IEEE
Trans. Signal Processing 47(9), 1999).

Gaps need no special case: the smoother runs across them, and because velocity dies away a
long gap becomes a straight line and the time before the first and after the last measurement
a short glide into rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CUTOFFS_HZ = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
AGREEMENT_SIGMAS = 1.4  # smaller follows more, larger calms more
AT_ONCE = 13  # columns: an hour of film would need gigabytes for all 52
CHOICE_BLUR_S = 0.06  # a choice that jumps from frame to frame would show
POSE_MEMORY_S = 0.2  # longer glides too far where a face is lost, shorter bends steady motion
WEIGHT_MEMORY_S = 0.1

# Standard deviations: what MediaPipe jitters on a still head (1280x720: 0.3 mm, 0.3 degrees), and
# the most that may be taken for jitter: on a restless head motion looks like noise.
TRANSLATION_NOISE_M = (0.0002, 0.0012)
ROTATION_NOISE = (0.0007, 0.005)  # of a quaternion's components: half the angle in radians
WEIGHT_NOISE = (0.004, 0.04)


@dataclass(frozen=True, slots=True)
class Motion:
    """One face over one stretch of time; rows where nothing was seen hold anything finite."""

    translations: Array  # float64[n, 3], metres
    rotations: Array  # float64[n, 4], unit quaternions
    weights: Array  # float64[n, 52]


def steady(times: Array, seen: NDArray[np.bool_], motion: Motion) -> Motion:
    """The motion without jitter, gaps and lag, at every one of `times`.

    `times` float64[n] rise strictly, in seconds; `seen` bool[n] tells which rows were measured
    (at least one).
    """
    rotations = same_hemisphere(motion.rotations, seen)
    rotations = smooth(times, seen, rotations, ROTATION_NOISE, POSE_MEMORY_S, together=True)
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    return Motion(
        smooth(times, seen, motion.translations, TRANSLATION_NOISE_M, POSE_MEMORY_S, together=True),
        rotations,
        smooth(times, seen, motion.weights, WEIGHT_NOISE, WEIGHT_MEMORY_S).clip(0, 1),
    )


def smooth(
    times: Array,
    seen: NDArray[np.bool_],
    values: Array,
    noise: tuple[float, float],
    memory_s: float,
    *,
    together: bool = False,
) -> Array:
    """Smooths the columns of float64[n, c], each against its own noise.

    The noise is measured on the values and kept between the two bounds of `noise`. With
    `together` all columns follow as fast as the quickest one has to (the parts of one pose).
    """
    if seen.sum() < 2:
        held: Array = np.repeat(values[seen][:1], len(values), axis=0)
        return held
    if not together and values.shape[1] > AT_ONCE:
        parts = np.split(values, range(AT_ONCE, values.shape[1], AT_ONCE), axis=1)
        return np.concatenate(
            [smooth(times, seen, part, noise, memory_s) for part in parts], axis=1
        )
    sigma = _noise(values[seen]).clip(*noise)
    start = values[seen][0]
    scaled = (values - start) / sigma
    levels, deviations = _smoothers(times, seen, scaled, memory_s)
    choice = _calmest(levels, deviations)
    if together:
        choice = np.repeat(choice.max(axis=1, keepdims=True), values.shape[1], axis=1)
    choice = _blur(choice, times, seen)
    out: Array = start + sigma * _between(levels, choice)
    return out


def _noise(values: Array) -> Array:
    """The standard deviation of white noise on each column, from its calmest quarter.

    The second difference cancels steady motion and holds 6 times the variance; the lower
    quartile of its size, 0.3186 deviations for a normal distribution, ignores quick moves.
    """
    if len(values) < 8:
        return np.zeros(values.shape[1])
    bend = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    noise: Array = np.quantile(bend, 0.25, axis=0) / (0.3186 * np.sqrt(6))
    return noise


def _smoothers(
    times: Array, seen: NDArray[np.bool_], values: Array, memory_s: float
) -> tuple[Array, Array]:
    """Every cut-off's estimate float64[k, n, c] and its standard deviation float64[k, n].

    Values have noise 1, so uncertainty depends on the cut-off and the gaps alone and all
    columns share it.
    """
    n, columns = values.shape
    steps = np.diff(times)
    step_s = float(np.median(steps))
    # ponytail: the density is set for the usual step; a few odd steps shift the cut-off a little
    density = step_s * (2 * np.pi * np.array(CUTOFFS_HZ)) ** 4
    k = len(density)
    forward, noise = _transitions(steps, density, memory_s)

    mean = np.zeros((n, k, 2, columns))
    spread = np.zeros((n, k, 2, 2))
    guess, guess_spread = np.empty_like(mean), np.empty_like(spread)
    x = np.zeros((k, 2, columns))
    p = np.zeros((k, 2, 2))
    p[:, 0, 0] = 1e6  # nothing is known at first
    p[:, 1, 1] = density * memory_s / 2  # the velocity's own long-run variance
    for i in range(n):
        if i:
            x = forward[i - 1] @ x
            p = forward[i - 1] @ p @ forward[i - 1].T + noise[i - 1]
        guess[i], guess_spread[i] = x, p
        if seen[i]:
            gain = p[:, :, :1] / (p[:, :1, :1] + 1)
            x = x + gain * (values[i] - x[:, :1])
            p = p - gain * p[:, :1, :]
        mean[i], spread[i] = x, p
    for i in range(n - 2, -1, -1):
        back = spread[i] @ forward[i].T @ np.linalg.inv(guess_spread[i + 1])
        mean[i] += back @ (mean[i + 1] - guess[i + 1])
        spread[i] += back @ (spread[i + 1] - guess_spread[i + 1]) @ back.transpose(0, 2, 1)
    return mean[:, :, 0].transpose(1, 0, 2), np.sqrt(spread[:, :, 0, 0].T.clip(0))


def _transitions(steps: Array, density: Array, memory_s: float) -> tuple[Array, Array]:
    """What a step does to (value, velocity), float64[n-1, 2, 2], and the noise it adds.

    The exact discretisation of an integrated Ornstein-Uhlenbeck process; `density` float64[k]
    is the white acceleration's, the noise float64[n-1, k, 2, 2].
    """
    tau = memory_s
    e1, e2 = np.exp(-steps / tau), np.exp(-2 * steps / tau)
    forward = np.zeros((len(steps), 2, 2))
    forward[:, 0, 0] = 1
    forward[:, 0, 1] = tau * (1 - e1)
    forward[:, 1, 1] = e1
    unit = np.empty((len(steps), 2, 2))
    unit[:, 0, 0] = tau**2 * (steps - 2 * tau * (1 - e1) + tau / 2 * (1 - e2))
    unit[:, 0, 1] = unit[:, 1, 0] = tau**2 / 2 * (1 - e1) ** 2
    unit[:, 1, 1] = tau / 2 * (1 - e2)
    return forward, unit[:, None] * density[:, None, None]


def _calmest(levels: Array, deviations: Array) -> Array:
    """Which smoother each value takes, float64[n, c]: 0 the calmest, k - 1 the liveliest."""
    reach = AGREEMENT_SIGMAS * deviations[:, :, None]
    low, high = levels - reach, levels + reach
    # From the liveliest down: the intervals that still share a point.
    common = np.maximum.accumulate(low[::-1]) <= np.minimum.accumulate(high[::-1])
    choice: Array = len(levels) - np.argmin(np.concatenate((common, 0 * common[:1])), axis=0)
    return choice.clip(0, len(levels) - 1).astype(np.float64)


def _blur(choice: Array, times: Array, seen: NDArray[np.bool_]) -> Array:
    """The choice over time: widened and softened; a gap takes it from both its sides."""
    out = np.empty_like(choice)
    at, wanted = times[seen], choice[seen]
    widened = wanted.copy()  # a quick move must be followed from its first frame on
    widened[1:] = np.maximum(widened[1:], wanted[:-1])
    widened[:-1] = np.maximum(widened[:-1], wanted[1:])
    for column in range(choice.shape[1]):
        out[:, column] = np.interp(times, at, widened[:, column])
    step_s = float(np.median(np.diff(times)))
    radius = max(1, round(2 * CHOICE_BLUR_S / step_s))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step_s / CHOICE_BLUR_S) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(out, ((radius, radius), (0, 0)), mode="edge")
    rows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    soft: Array = rows @ kernel
    return soft


def _between(levels: Array, choice: Array) -> Array:
    """Mixes the two smoothers on either side of a fractional choice."""
    lower = np.floor(choice).astype(int).clip(0, len(levels) - 2)
    part = choice - lower
    low = np.take_along_axis(levels, lower[None], axis=0)[0]
    high = np.take_along_axis(levels, lower[None] + 1, axis=0)[0]
    mixed: Array = low + part * (high - low)
    return mixed


def same_hemisphere(rotations: Array, seen: NDArray[np.bool_]) -> Array:
    """Flips signs so that neighbouring quaternions are close: q and -q are one rotation."""
    out = rotations.copy()
    measured = out[seen]
    flips = np.sign((measured[1:] * measured[:-1]).sum(axis=1))
    flips[flips == 0] = 1
    measured[1:] *= np.cumprod(flips)[:, None]
    out[seen] = measured
    return out

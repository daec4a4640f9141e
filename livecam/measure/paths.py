"""Measures jitter and lag of a sequence of poses, between which smoothing is a trade-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livecam.core.spaces import Matrix4, focal_px, transformed

Paths = NDArray[np.float64]  # float64[frames, points, 2], pixels

# Points spread over a head, metres in head space.
HEAD = np.stack(np.meshgrid((-0.09, 0, 0.09), (-0.1, 0, 0.12), (-0.05, 0.08)), -1).reshape(-1, 3)

FIT_STEP = 0.05  # frames
MAX_LAG = 3.0  # frames


def paths_of(heads: Sequence[Matrix4], width: int, height: int) -> Paths:
    """Returns the pixels of the points of HEAD for each `camera_from_head`."""
    return paths_px(np.array(heads), HEAD, width, height)


def paths_px(
    heads: NDArray[np.float64], points: NDArray[np.float64], width: int, height: int
) -> Paths:
    """Projects points of a head, float64[p, 3], for each `camera_from_head`, float64[n, 4, 4]."""
    camera = transformed(points, heads)
    scale = focal_px(height) / -camera[..., 2]
    return np.stack(
        (width / 2 + scale * camera[..., 0], height / 2 - scale * camera[..., 1]), axis=2
    )


def wobble_px(paths: Paths) -> float:
    """Returns the rms distance of the points from their mean positions."""
    return float(np.sqrt(((paths - paths.mean(axis=0)) ** 2).sum(axis=2).mean()))


def lag_frames(raw: Paths, published: Paths) -> float:
    """Returns the lag of `published` behind `raw`, in frames, by the best fit.

    It is a multiple of FIT_STEP. A constant offset does not count. At least ten frames are needed.
    """
    before, after = raw.reshape(len(raw), -1), published.reshape(len(raw), -1)
    now = np.arange(int(MAX_LAG) + 1, len(raw) - 2)
    shifts = np.arange(-1.0, MAX_LAG + FIT_STEP / 2, FIT_STEP)
    return float(min(shifts, key=lambda shift: _misfit(before, after[now], now - shift)))


def _misfit(
    raw: NDArray[np.float64], published: NDArray[np.float64], times: NDArray[np.float64]
) -> float:
    whole = np.floor(times).astype(int)
    part = (times - whole)[:, None]
    off = published - (raw[whole] * (1 - part) + raw[whole + 1] * part)
    return float(off.var(axis=0).mean())


def noise_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the standard deviation, float64[n], of white noise on smooth values[frames, n].

    From second differences: motion has little influence on their median.
    """
    bends = np.diff(values, 2, axis=0) / np.sqrt(6)
    return np.asarray(np.median(np.abs(bends), axis=0) / 0.6745)

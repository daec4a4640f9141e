"""How still and how prompt a stream of poses is: the two numbers that steadying trades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Matrix4
from livecam.core.spaces import focal_px

Paths = NDArray[np.float64]  # float64[frames, points, 2], pixels

# Points all over a head, metres in head space.
HEAD = np.stack(np.meshgrid((-0.09, 0, 0.09), (-0.1, 0, 0.12), (-0.05, 0.08)), -1).reshape(-1, 3)

FIT_STEP = 0.05  # frames
LONGEST_LAG = 3.0


def paths_of(heads: Sequence[Matrix4], width: int, height: int) -> Paths:
    """Where the points of HEAD go in pictures of that size, for each `camera_from_head`."""
    return paths_px(np.array(heads), HEAD, width, height)


def paths_px(
    heads: NDArray[np.float64], points: NDArray[np.float64], width: int, height: int
) -> Paths:
    """Where points of a head, float64[p, 3], are seen for each `camera_from_head`[n, 4, 4]."""
    camera = points @ heads[:, :3, :3].transpose(0, 2, 1) + heads[:, None, :3, 3]
    scale = focal_px(height) / -camera[..., 2]
    return np.stack(
        (width / 2 + scale * camera[..., 0], height / 2 - scale * camera[..., 1]), axis=2
    )


def wobble_px(paths: Paths) -> float:
    """Root mean square of the points' distances to their own mean places."""
    return float(np.sqrt(((paths - paths.mean(axis=0)) ** 2).sum(axis=2).mean()))


def lag_frames(raw: Paths, published: Paths) -> float:
    """By how many frames `raw` must be delayed to fit `published` best, to FIT_STEP.

    A constant offset does not count. At least ten frames are needed.
    """
    before, after = raw.reshape(len(raw), -1), published.reshape(len(raw), -1)
    now = np.arange(int(LONGEST_LAG) + 1, len(raw) - 2)
    shifts = np.arange(-1.0, LONGEST_LAG + FIT_STEP / 2, FIT_STEP)
    return float(min(shifts, key=lambda shift: _misfit(before, after[now], now - shift)))


def _misfit(
    raw: NDArray[np.float64], published: NDArray[np.float64], times: NDArray[np.float64]
) -> float:
    whole = np.floor(times).astype(int)
    part = (times - whole)[:, None]
    off = published - (raw[whole] * (1 - part) + raw[whole + 1] * part)
    return float(off.var(axis=0).mean())


def noise_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the white noise on smooth values float64[frames, n]: float64[n].

    From second differences, whose median hardly feels the movement.
    """
    bends = np.diff(values, 2, axis=0) / np.sqrt(6)
    return np.asarray(np.median(np.abs(bends), axis=0) / 0.6745)

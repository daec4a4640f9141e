"""Measures the noise and the blur of a camera from its frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image, Rect
from livecam.core.timing import is_due
from livecam.segmentation.base import Segmentation

LumaTiles = NDArray[np.float32]  # float32[n, h, w], luma of parts of an image, 0..255

# The noise is measured at these lumas and interpolated in between.
LUMAS = np.array((16.0, 48.0, 80.0, 112.0, 144.0, 176.0, 208.0, 240.0))


@dataclass(frozen=True, slots=True)
class CameraModel:
    """The noise and the blur of a camera."""

    noise: tuple[float, ...] = (0.0,) * len(LUMAS)  # standard deviation at LUMAS, 8-bit levels
    grain_px: float = 0.0  # standard deviation of the blur of the noise, by camera and codec
    edge_px: float = 0.8  # standard deviation of the blur of sharp edges


UNKNOWN = CameraModel()

PERIOD_S = 0.5  # between measurements
BLEND = 0.3  # weight of a new measurement
MAX_GAP_S = 0.2  # frames farther apart are not compared
REPEATED_S = 0.3  # equal frames for longer than this are a source without noise
# -- noise --
TILE, BLOCK = 80, 16  # pixels
ACROSS, DOWN, PER_MEASUREMENT = 6, 4, 8  # tiles in an image; those of one measurement
MIN_LEVEL, MAX_LEVEL = 6.0, 246.0  # beyond, noise is clipped
FLAT_SHARE = 0.4  # of the blocks are taken for flat
ALWAYS_FLAT, NEVER_FLAT = 2.5, 6.0  # levels of deviation
MIN_BLOCKS = 6
SMOOTH_PX = 1.5
SPATIAL = 1.25  # deviation of noise over that of its high pass with SMOOTH_PX
QUIET = 30  # percentile of the blocks: texture and motion only add to noise
MOVED = 3.0  # a larger ratio of temporal to spatial deviation is motion
QUANTISED = 1 / 12  # variance of rounding
MIN_NOISE = 0.25  # levels
MIN_CORRELATION, MAX_CORRELATION = 0.05, 0.97  # of neighbours: less is white, more no noise
# -- edges --
REGION_PX = 300  # side of the region around the face
MIN_CONTRAST = 50  # levels, of an edge
EDGE_AREA = np.ones((9, 9), np.uint8)
PEAK_AREA = np.ones((5, 5), np.uint8)
GAUSSIAN_PEAK = float(np.sqrt(2 * np.pi))  # step over peak gradient, for a deviation of 1
SHARP = 20  # percentile: most edges of a face are soft themselves
FILTER_PX2 = 0.55  # variance that pixels and the gradient filter add
MIN_EDGES = 40
MAX_EDGE_PX = 2.0


class CameraEstimator:
    """Estimates the model of a camera, every half second. One thread, frame after frame."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Drops the model of the camera and the last frame."""
        self.model = UNKNOWN
        self._before: Image | None = None
        self._at = -np.inf
        self._measured_at = -PERIOD_S  # before the first frame
        self._noise_known = self._edges_known = False

    def update(self, image: Image, segmentation: Segmentation | None, at_s: float) -> CameraModel:
        """Returns the model after an image, and keeps the image for the next comparison.

        Args:
            image: uint8[h, w, 4], the camera image; must not change afterwards.
            segmentation: gives the face, around which edges are measured.
            at_s: capture time; going back starts again.
        """
        if at_s < self._at:
            self.reset()
        before, after_s = self._before, at_s - self._at
        self._before, self._at = image, at_s
        if before is None or before.shape != image.shape or after_s > MAX_GAP_S:
            return self.model
        if not is_due(PERIOD_S, self._measured_at, at_s):
            return self.model
        tiles = tiles_of(image.shape[1], image.shape[0], int(at_s / PERIOD_S))
        now, earlier = luma_tiles(image, tiles), luma_tiles(before, tiles)
        if at_s - self._measured_at < PERIOD_S + REPEATED_S and np.array_equal(now, earlier):
            return self.model  # a repeated frame: wait for the next one
        self._measured_at = at_s
        self._update_noise(now, earlier)
        self._update_edges(edge_blur_px(image[edge_region(image, segmentation).slices]))
        return self.model

    def _update_noise(self, now: LumaTiles, earlier: LumaTiles) -> None:
        found = measure_noise(now, earlier)
        if found is None:
            return
        noise, grain = found
        if self._noise_known:
            noise = np.array(self.model.noise) * (1 - BLEND) + noise * BLEND
            grain = self.model.grain_px * (1 - BLEND) + grain * BLEND
        self.model = replace(self.model, noise=tuple(noise.tolist()), grain_px=float(grain))
        self._noise_known = True

    def _update_edges(self, width_px: float | None) -> None:
        if width_px is None:
            return
        if self._edges_known:
            width_px = self.model.edge_px * (1 - BLEND) + width_px * BLEND
        self.model = replace(self.model, edge_px=width_px)
        self._edges_known = True


def tiles_of(width: int, height: int, number: int) -> list[Rect]:
    """Returns the tiles of one measurement: a few squares, other ones every time."""
    side = min(TILE, width // BLOCK * BLOCK, height // BLOCK * BLOCK)
    count = ACROSS * DOWN
    # 5 is coprime to the 24 places, so that all are measured.
    chosen = ((number * PER_MEASUREMENT + 5 * i) % count for i in range(PER_MEASUREMENT))
    corners = (
        (
            round((width - side) * (place % ACROSS) / (ACROSS - 1)),
            round((height - side) * (place // ACROSS) / (DOWN - 1)),
        )
        for place in chosen
    )
    return [Rect(x, y, x + side, y + side) for x, y in corners]


def luma_tiles(image: Image, tiles: list[Rect]) -> LumaTiles:
    """Computes the luma of parts of an image."""
    return np.stack(
        [cv2.cvtColor(image[t.slices], cv2.COLOR_RGBA2GRAY) for t in tiles], dtype=np.float32
    )


def measure_noise(now: LumaTiles, earlier: LumaTiles) -> tuple[NDArray[np.float64], float] | None:
    """Measures the deviation of the noise at LUMAS and its blur in pixels; None if nothing is flat.

    From the difference of two frames where the image stands still; where everything moves, from a
    high pass.
    """
    tall = now.reshape(-1, now.shape[2])
    smooth = cv2.GaussianBlur(tall, (0, 0), SMOOTH_PX).reshape(now.shape)
    level, shapes = _blocks(np.asarray(smooth, np.float32))
    rough = np.sqrt(_variance(shapes))
    flat = rough <= min(max(float(np.quantile(rough, FLAT_SHARE)), ALWAYS_FLAT), NEVER_FLAT)
    good = flat & (level > MIN_LEVEL) & (level < MAX_LEVEL)
    fine = _blocks(now - smooth)[1]
    guess = np.asarray(SPATIAL**2 * _variance(fine), np.float32)
    parts = _blocks(now - earlier)[1]
    variance = np.asarray(_variance(parts) / 2, np.float32)
    still = good & (variance < MOVED**2 * np.maximum(guess, QUANTISED))
    if np.count_nonzero(still) >= MIN_BLOCKS:
        good = still
    else:
        variance, parts = guess, fine
    if np.count_nonzero(good) < MIN_BLOCKS:
        return None
    return _by_luma(level[good], variance[good]), _grain_px(parts[good])


def _blocks(tiles: LumaTiles) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the means of blocks, float32[k], and zero-mean blocks float32[k, BLOCK, BLOCK]."""
    count, side = tiles.shape[0], tiles.shape[1] // BLOCK
    cut = tiles.reshape(count, side, BLOCK, side, BLOCK).swapaxes(2, 3).reshape(-1, BLOCK, BLOCK)
    mean = cut.mean(axis=(1, 2))
    return mean, cut - mean[:, None, None]


def _variance(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Computes the variance of blocks float32[k, BLOCK, BLOCK] without their mean."""
    return np.asarray(np.einsum("kij,kij->k", parts, parts) / np.float32(BLOCK * BLOCK))


def _by_luma(level: NDArray[np.float32], variance: NDArray[np.float32]) -> NDArray[np.float64]:
    """Interpolates the deviation at LUMAS where no block is as bright."""
    nearest = np.abs(level[:, None] - LUMAS).argmin(axis=1)
    known = [i for i in range(len(LUMAS)) if np.count_nonzero(nearest == i) >= MIN_BLOCKS // 2]
    if known:
        middle = np.array([np.percentile(variance[nearest == i], QUIET) for i in known])
        middle = np.interp(LUMAS, LUMAS[known], middle)
    else:
        middle = np.full(len(LUMAS), np.percentile(variance, QUIET), np.float64)
    deviation = np.sqrt(np.maximum(middle - QUANTISED, 0))
    return np.asarray(np.where(deviation < MIN_NOISE, 0.0, deviation), np.float64)


def _grain_px(parts: NDArray[np.float32]) -> float:
    """Estimates the Gaussian that blurred white noise to blocks float32[k, BLOCK, BLOCK].

    Neighbours of white noise blurred by s correlate by exp(-1 / 4s^2).
    """
    power = float(np.mean(parts**2)) - 2 * QUANTISED
    beside = float(np.mean(parts[:, :, 1:] * parts[:, :, :-1]))
    below = float(np.mean(parts[:, 1:] * parts[:, :-1]))
    correlation = (beside + below) / 2 / max(power, 1e-6)
    if not MIN_CORRELATION < correlation < MAX_CORRELATION:
        return 0.0
    return float(np.sqrt(-1 / (4 * np.log(correlation))))


def edge_region(image: Image, segmentation: Segmentation | None) -> Rect:
    """Returns the region in which edges are measured: around the face, else in the middle."""
    height, width = image.shape[:2]
    middle = np.array((width / 2, height / 2))
    if (
        segmentation is not None
        and segmentation.size == (width, height)
        and len(segmentation.landmarks_px)
    ):
        middle = segmentation.landmarks_px.mean(axis=0)
    half = REGION_PX // 2
    x = int(np.clip(middle[0], half, max(half, width - half)))
    y = int(np.clip(middle[1], half, max(half, height - half)))
    return Rect(x - half, y - half, x + half, y + half).clipped(width, height)


def edge_blur_px(image: Image) -> float | None:
    """Measures the blur of the sharpest edges in an image uint8[h, w, 4]; None without edges.

    The step of an edge over its peak gradient gives the deviation of the Gaussian.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY)
    step = cv2.subtract(cv2.dilate(luma, EDGE_AREA), cv2.erode(luma, EDGE_AREA))
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = cv2.magnitude(across, down)
    peak = (slope >= cv2.dilate(slope, PEAK_AREA)) & (step > MIN_CONTRAST) & (slope > 1)
    if np.count_nonzero(peak) < MIN_EDGES:
        return None
    blurred = float(np.percentile(step[peak] / (GAUSSIAN_PEAK * slope[peak]), SHARP))
    return min(float(np.sqrt(max(blurred**2 - FILTER_PX2, 0))), MAX_EDGE_PX)

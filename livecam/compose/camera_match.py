"""Give what was made up the camera's own character: its noise, its softness, its motion blur."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.core.frame import Image, Rect
from livecam.segmentation.base import Segmentation

Planes = NDArray[np.float32]  # float32[n, h, w], luma of parts of a picture, 0..255

# Noise is known at these lumas and interpolated between.
LUMAS = np.array((16.0, 48.0, 80.0, 112.0, 144.0, 176.0, 208.0, 240.0))


@dataclass(frozen=True, slots=True)
class CameraCharacter:
    """How a camera's pictures differ from drawn ones."""

    noise: tuple[float, ...] = (0.0,) * len(LUMAS)  # its deviation at LUMAS, in steps of 8 bits
    grain_px: float = 0.0  # Gaussian that the noise went through: cameras blur it, codecs too
    edge_px: float = 0.8  # deviation of the Gaussian that a sharp edge went through


UNKNOWN = CameraCharacter()

LOOK_S = 0.5
EASE = 0.3  # of a new look
GAP_S = 0.2  # pictures farther apart than this are not compared
REPEATED_S = 0.3  # a picture that stays the same for longer is silent
# -- noise --
TILE, BLOCK = 80, 16  # pixels
ACROSS, DOWN, PER_LOOK = 6, 4, 8  # tiles in a picture; those of one look are spread over it
TOO_DARK, TOO_BRIGHT = 6.0, 246.0  # noise is cut off there
FLAT_SHARE = 0.4  # the flattest blocks tell
FLAT, ROUGH = 2.5, 6.0  # steps: what is as calm is flat in any case, what is rougher is not
FEWEST_BLOCKS = 6
SMOOTH_PX = 1.5
SPATIAL = 1.25  # deviation of slightly blurred noise over that of what SMOOTH_PX leaves of it
QUIET = 30  # per cent of the blocks: noise is alike everywhere, leaves and water add to it
MOVED = 3.0  # a difference in time beyond that many times the one in space is motion
QUANTISED = 1 / 12  # variance of rounding
SILENT = 0.25  # steps; less is no noise
WHITE, ONE_COLOUR = 0.05, 0.97  # correlations of neighbours that mean: no blur, no noise
# -- edges --
REACH_PX = 300  # of the picture is looked at, round the face
CONTRAST = 50  # steps, of an edge
EDGE_AREA = np.ones((9, 9), np.uint8)
PEAK_AREA = np.ones((5, 5), np.uint8)
GAUSSIAN_PEAK = float(np.sqrt(2 * np.pi))  # step over peak gradient, for a deviation of 1
SHARPEST = 20  # per cent; most edges of a face are soft themselves
LOOKING_PX2 = 0.55  # variance that pixels and the gradient's own filter add
FEWEST_EDGES = 40
SOFTEST_PX = 2.0
# -- what is added --
OWN_PX = 0.65  # softness of a head as it is blended
LEAST_BLUR_PX = 0.3
SHUTTER = 0.5  # of a frame
MOST_STREAK_PX, LEAST_STREAK_PX = 8.0, 1.5
GRAIN_TILE = 256
GRAIN_STEPS = 16.0  # amounts are kept as so many parts of a step
GRAIN_RANGE = 4.0  # deviations
GRAIN_FINENESS = 0.2  # px; a smaller change of the blur asks for no new tile
STRIDE = (97, 61)  # from frame to frame


class CameraMatch:
    """Measures a camera, a little every half second. Used on one thread, picture after picture."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the camera."""
        self.character = UNKNOWN
        self._before: Image | None = None
        self._at = -np.inf
        self._looked_at = -LOOK_S  # before the first picture
        self._looks = 0
        self._noise_known = self._edges_known = False

    def see(self, image: Image, segmentation: Segmentation | None, at_s: float) -> CameraCharacter:
        """What is known after this picture; keeps it until the next, which must not be changed.

        Args:
            image: uint8[h, w, 4] as the camera took it.
            segmentation: tells where the face is, round which edges are looked for.
            at_s: when it was taken; going back is another film.
        """
        if at_s < self._at:
            self.reset()
        before, after_s = self._before, at_s - self._at
        self._before, self._at = image, at_s
        since = at_s - self._looked_at
        if since < LOOK_S or before is None or before.shape != image.shape or after_s > GAP_S:
            return self.character
        parts = tiles(image.shape[1], image.shape[0], self._looks)
        now, earlier = planes(image, parts), planes(before, parts)
        if since < LOOK_S + REPEATED_S and np.array_equal(now, earlier):
            return self.character  # the same picture came twice: wait for the next one
        self._looked_at = at_s
        self._looks += 1
        self._take_noise(now, earlier)
        self._take_edges(edge_px(image[region_of(image, segmentation).slices]))
        return self.character

    def _take_noise(self, now: Planes, earlier: Planes) -> None:
        found = noise_in(now, earlier)
        if found is None:
            return
        noise, grain = found
        if self._noise_known:
            noise = np.array(self.character.noise) * (1 - EASE) + noise * EASE
            grain = self.character.grain_px * (1 - EASE) + grain * EASE
        self.character = replace(self.character, noise=tuple(noise.tolist()), grain_px=float(grain))
        self._noise_known = True

    def _take_edges(self, width_px: float | None) -> None:
        if width_px is None:
            return
        if self._edges_known:
            width_px = self.character.edge_px * (1 - EASE) + width_px * EASE
        self.character = replace(self.character, edge_px=width_px)
        self._edges_known = True


def tiles(width: int, height: int, look: int) -> list[Rect]:
    """Where a look falls: a few squares, other ones every time."""
    side = min(TILE, width // BLOCK * BLOCK, height // BLOCK * BLOCK)
    count = ACROSS * DOWN
    # 5 has no factor in common with the 24 places, so that all are seen.
    chosen = ((look * PER_LOOK + 5 * i) % count for i in range(PER_LOOK))
    corners = (
        (
            round((width - side) * (place % ACROSS) / (ACROSS - 1)),
            round((height - side) * (place // ACROSS) / (DOWN - 1)),
        )
        for place in chosen
    )
    return [Rect(x, y, x + side, y + side) for x, y in corners]


def planes(image: Image, parts: list[Rect]) -> Planes:
    """The luma of parts of a picture."""
    return np.stack(
        [cv2.cvtColor(image[p.slices], cv2.COLOR_RGBA2GRAY) for p in parts], dtype=np.float32
    )


def noise_in(now: Planes, earlier: Planes) -> tuple[NDArray[np.float64], float] | None:
    """The noise's deviation at LUMAS, and its blur in pixels; None where nothing is flat.

    What stands still was seen twice: the difference is noise. Where everything moves, what a blur
    takes away has to do.
    """
    tall = now.reshape(-1, now.shape[2])
    smooth = cv2.GaussianBlur(tall, (0, 0), SMOOTH_PX).reshape(now.shape)
    level, shapes = _blocks(np.asarray(smooth, np.float32))
    rough = np.sqrt(_variance(shapes))
    flat = rough <= min(max(float(np.quantile(rough, FLAT_SHARE)), FLAT), ROUGH)
    good = flat & (level > TOO_DARK) & (level < TOO_BRIGHT)
    fine = _blocks(now - smooth)[1]
    guess = np.asarray(SPATIAL**2 * _variance(fine), np.float32)
    parts = _blocks(now - earlier)[1]
    variance = np.asarray(_variance(parts) / 2, np.float32)
    still = good & (variance < MOVED**2 * np.maximum(guess, QUANTISED))
    if np.count_nonzero(still) >= FEWEST_BLOCKS:
        good = still
    else:
        variance, parts = guess, fine
    if np.count_nonzero(good) < FEWEST_BLOCKS:
        return None
    return _by_luma(level[good], variance[good]), _grain_px(parts[good])


def _blocks(of: Planes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean of each block, float32[k], and the blocks without it, float32[k, BLOCK, BLOCK]."""
    count, side = of.shape[0], of.shape[1] // BLOCK
    cut = of.reshape(count, side, BLOCK, side, BLOCK).swapaxes(2, 3).reshape(-1, BLOCK, BLOCK)
    mean = cut.mean(axis=(1, 2))
    return mean, cut - mean[:, None, None]


def _variance(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of blocks float32[k, BLOCK, BLOCK] without their mean."""
    return np.asarray(np.einsum("kij,kij->k", parts, parts) / np.float32(BLOCK * BLOCK))


def _by_luma(level: NDArray[np.float32], variance: NDArray[np.float32]) -> NDArray[np.float64]:
    """The deviation at LUMAS; where no block is as bright, that of the nearest."""
    nearest = np.abs(level[:, None] - LUMAS).argmin(axis=1)
    known = [i for i in range(len(LUMAS)) if np.count_nonzero(nearest == i) >= FEWEST_BLOCKS // 2]
    if known:
        middle = np.array([np.percentile(variance[nearest == i], QUIET) for i in known])
        middle = np.interp(LUMAS, LUMAS[known], middle)
    else:
        middle = np.full(len(LUMAS), np.percentile(variance, QUIET), np.float64)
    deviation = np.sqrt(np.maximum(middle - QUANTISED, 0))
    return np.asarray(np.where(deviation < SILENT, 0.0, deviation), np.float64)


def _grain_px(parts: NDArray[np.float32]) -> float:
    """The Gaussian that made white noise as smooth as in blocks float32[k, BLOCK, BLOCK].

    Neighbours of white noise blurred by s correlate by exp(-1 / 4s^2).
    """
    power = float(np.mean(parts**2)) - 2 * QUANTISED
    beside = float(np.mean(parts[:, :, 1:] * parts[:, :, :-1]))
    below = float(np.mean(parts[:, 1:] * parts[:, :-1]))
    correlation = (beside + below) / 2 / max(power, 1e-6)
    if not WHITE < correlation < ONE_COLOUR:
        return 0.0
    return float(np.sqrt(-1 / (4 * np.log(correlation))))


def region_of(image: Image, segmentation: Segmentation | None) -> Rect:
    """Where edges are looked for: round the face, else in the middle."""
    height, width = image.shape[:2]
    middle = np.array((width / 2, height / 2))
    if (
        segmentation is not None
        and segmentation.size == (width, height)
        and len(segmentation.landmarks_px)
    ):
        middle = segmentation.landmarks_px.mean(axis=0)
    half = REACH_PX // 2
    x = int(np.clip(middle[0], half, max(half, width - half)))
    y = int(np.clip(middle[1], half, max(half, height - half)))
    return Rect(x - half, y - half, x + half, y + half).clipped(width, height)


def edge_px(image: Image) -> float | None:
    """How blurred the sharpest edges are in a picture uint8[h, w, 4]; None where there are none.

    The step of an edge over its steepest slope tells the deviation of a Gaussian that blurred it.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY)
    step = cv2.subtract(cv2.dilate(luma, EDGE_AREA), cv2.erode(luma, EDGE_AREA))
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = cv2.magnitude(across, down)
    peak = (slope >= cv2.dilate(slope, PEAK_AREA)) & (step > CONTRAST) & (slope > 1)
    if np.count_nonzero(peak) < FEWEST_EDGES:
        return None
    blurred = float(np.percentile(step[peak] / (GAUSSIAN_PEAK * slope[peak]), SHARPEST))
    return min(float(np.sqrt(max(blurred**2 - LOOKING_PX2, 0))), SOFTEST_PX)


@dataclass(frozen=True, slots=True)
class Softness:
    """What a drawn head lacks to be as soft as the camera would have seen it."""

    blur_px: float = 0.0  # deviation of a Gaussian
    streak_px: tuple[float, float] = (0.0, 0.0)  # its way while the shutter was open


def softness_of(
    character: CameraCharacter,
    velocity_px: tuple[float, float] = (0.0, 0.0),
    strength: float = 1.0,
) -> Softness:
    """What a head lacks that moves by `velocity_px` a frame, x right, y down."""
    missing = strength * float(np.sqrt(max(character.edge_px**2 - OWN_PX**2, 0)))
    speed = float(np.hypot(*velocity_px))
    length = strength * min(SHUTTER * speed, MOST_STREAK_PX)
    seen = length >= LEAST_STREAK_PX
    across, down = (length / speed * v if seen else 0.0 for v in velocity_px)
    return Softness(missing if missing > LEAST_BLUR_PX else 0.0, (across, down))


def match_softness(head: Image, softness: Softness) -> Image:
    """A drawn head, softened; `head` is uint8[h, w, 4], premultiplied, and is not changed."""
    if softness.blur_px:
        head = np.asarray(cv2.GaussianBlur(head, (0, 0), softness.blur_px), np.uint8)
    kernel = motion_kernel(softness.streak_px)
    if kernel is not None:
        head = np.asarray(cv2.filter2D(head, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return head


def motion_kernel(streak_px: tuple[float, float]) -> NDArray[np.float32] | None:
    """A streak, float32[k, k] of sum 1; None when there is none."""
    length = float(np.hypot(*streak_px))
    if length == 0:
        return None
    half = int(np.ceil(length / 2))
    along = (np.arange(8 * half) + 0.5) / (8 * half) - 0.5
    points = along[:, None] * np.array(streak_px)
    cells = np.arange(-half, half + 1)
    near = np.maximum(0, 1 - np.abs(points[:, :, None] - cells))  # [points, x and y, cells]
    kernel = np.einsum("px,py->yx", near[:, 0], near[:, 1])
    return np.asarray(kernel / kernel.sum(), np.float32)


class Grain:
    """Adds the camera's noise to what was made up; implements compose/base.Stage.

    `character` is what was measured, `strength` how much of it is added; both may change
    between pictures. `picture` counts them: the same picture always gets the same noise.
    """

    name = "grain"

    def __init__(self, character: CameraCharacter = UNKNOWN, strength: float = 1.0) -> None:
        self.character = character
        self.strength = strength
        self._grain_px = -1.0
        self._rooms = np.zeros((3, 0, 0), np.uint8)
        self._change = np.zeros((0, 0, 4), np.uint8)
        self.reset()

    def reset(self) -> None:
        """Starts again with the first frame's noise."""
        self.picture = 1

    def apply(self, layers: Layers) -> None:
        number = self.picture
        self.picture += 1
        amounts = self._amounts()
        rect = box_of(layers.synthetic)
        if rect.empty or not amounts.any():
            return
        self._ready(*layers.synthetic.shape)
        height, width = rect.height, rect.width
        part, change = layers.image[rect.slices], self._change[:height, :width]
        amount, gray, none = self._rooms[:, :height, :width]
        cv2.cvtColor(part, cv2.COLOR_RGBA2GRAY, dst=gray)
        cv2.LUT(gray, amounts, dst=amount)
        cv2.multiply(amount, layers.synthetic[rect.slices], dst=amount, scale=1 / 255)
        x, y = (number * stride % GRAIN_TILE for stride in STRIDE)
        scale = GRAIN_RANGE / 255 / GRAIN_STEPS
        for grain, lay in zip(self._grains, (cv2.add, cv2.subtract), strict=True):
            cv2.multiply(amount, grain[y : y + height, x : x + width], dst=gray, scale=scale)
            cv2.merge((gray, gray, gray, none), dst=change)
            lay(part, change, dst=part)

    def _amounts(self) -> NDArray[np.uint8]:
        """GRAIN_STEPS times the deviation at every luma, uint8[256]."""
        noise = np.interp(np.arange(256), LUMAS, self.character.noise)
        return np.rint(np.minimum(self.strength * GRAIN_STEPS * noise, 255)).astype(np.uint8)

    def _ready(self, height: int, width: int) -> None:
        """Grain as coarse as the camera's, and room for a picture of that size."""
        grown = self._change.shape[:2] != (height, width)
        if grown:
            self._rooms = np.zeros((3, height, width), np.uint8)
            self._change = np.empty((height, width, 4), np.uint8)
        if grown or abs(self.character.grain_px - self._grain_px) > GRAIN_FINENESS:
            self._grain_px = self.character.grain_px
            self._grains = grains(self._grain_px, height, width)


def box_of(mask: NDArray[np.uint8]) -> Rect:
    """The rectangle that holds all of a mask that is not 0."""
    x, y, width, height = cv2.boundingRect(mask)
    return Rect(x, y, x + width, y + height)


def grains(blur_px: float, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Noise of deviation 1 as what it adds and what it takes away; GRAIN_RANGE is 255.

    Each uint8[GRAIN_TILE + height, GRAIN_TILE + width] at least: a tile is repeated, so that any
    offset finds a whole picture.
    """
    tile = np.random.default_rng(1).standard_normal((GRAIN_TILE, GRAIN_TILE))
    if blur_px > 0:
        wrapped = cv2.copyMakeBorder(tile, 16, 16, 16, 16, cv2.BORDER_WRAP)
        blurred = cv2.GaussianBlur(wrapped, (0, 0), blur_px)[16:-16, 16:-16]
        tile = np.asarray(blurred, np.float64)
    tile = tile * (255 / GRAIN_RANGE / tile.std())
    repeats = (1 + -(-height // GRAIN_TILE), 1 + -(-width // GRAIN_TILE))
    more, less = (
        np.tile(np.rint(np.clip(side * tile, 0, 255)).astype(np.uint8), repeats) for side in (1, -1)
    )
    return more, less

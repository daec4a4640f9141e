"""The backgrounds that can replace the room: a colour, an image, a video, the room defocused."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.matte import downscaled
from livecam.core.errors import LivecamError
from livecam.core.frame import Image
from livecam.media.reader import VideoReader
from livecam.segmentation.base import Mask, cell_of

log = logging.getLogger(__name__)

Plane = NDArray[np.float32]

SPAN_CELLS = 2  # cells of the segmentation's grid along a cell of the coarse image
WINDOW = 5  # cells, over which the colours around an edge are averaged
# Alpha from which a cell is foreground, and up to which it is background: mixed colours make halos.
SURELY_FOREGROUND, SURELY_BACKGROUND = 235, 20
TRACE = np.float32(1 / 64)  # weight of a cell's own colour, where no sure cell is in the window

# Defocus: a lens blurs a point to a disc. Clipped lights were brighter than the image: from BRIGHT
# on (0..1, linear) they are amplified, up to three times.
DISC = 4.3  # radius, in cells
GAMMA = 2.2
BRIGHT, GAIN = 0.8, 2.0
STEPS = 4096  # of the inverse table, over the square root of the light
MAX_STEP_S = 0.5  # a longer step between frames is a pause or a cut
TOLERANCE_S = 1e-3  # steps accumulate errors, and some clocks have milliseconds
FRAME_S = 1 / 30  # assumed between frames without a time
QUEUE = 3  # decoded frames that wait
MAX_WAIT_S = 5.0  # for a frame, when blocking


@dataclass(frozen=True, slots=True)
class CoarseImage:
    """The frame and its foreground mask, downscaled: the input of backgrounds and edge colours."""

    image: Image  # uint8[rows, columns, 4]
    foreground: Mask  # uint8[rows, columns]
    size: tuple[int, int]  # of the frame, pixels
    span: int  # pixels along a cell
    at: float | None  # time of the frame, seconds

    @classmethod
    def of(cls, image: Image, foreground: Mask, at: float | None) -> CoarseImage:
        """Downscales a frame uint8[h, w, 4] and its foreground uint8[h, w]."""
        height, width = image.shape[:2]
        span = SPAN_CELLS * cell_of(width, height)
        return cls(downscaled(image, span), downscaled(foreground, span), (width, height), span, at)

    def foreground_colours(self) -> Image:
        """Returns the foreground's colours, extended beyond its edge: uint8[rows, columns, 4]."""
        return _extended(self.image, _FOREGROUND_WEIGHT.take(self.foreground))

    def background_colours(self) -> Image:
        """Returns the background's colours, extended into the person: uint8[rows, columns, 4]."""
        return _extended(self.image, _BACKGROUND_WEIGHT.take(self.foreground))


class BackgroundSource(Protocol):
    """Provides the background of each frame. Used on one thread, frame after frame."""

    wrap: float  # light wrap: share of its light on the edge of the person, 0..1

    def image(self, coarse: CoarseImage) -> Image:
        """Returns uint8[h, w, 4], opaque, of the frame's size; read-only, until the next call."""
        ...

    def close(self) -> None: ...


class SolidColour:
    """One colour, for keying: without light wrap."""

    wrap = 0.0

    def __init__(self, color: tuple[int, int, int]) -> None:
        self._color = color
        self._image = np.empty((0, 0, 4), np.uint8)

    def image(self, coarse: CoarseImage) -> Image:
        width, height = coarse.size
        if self._image.shape[1::-1] != coarse.size:
            self._image = np.full((height, width, 4), (*self._color, 255), np.uint8)
        return self._image

    def close(self) -> None:
        pass


class StillImage:
    """An image, cropped to the aspect of the frame."""

    wrap = 0.35

    def __init__(self, image: Image) -> None:
        self._original = image
        self._image = np.empty((0, 0, 4), np.uint8)

    def image(self, coarse: CoarseImage) -> Image:
        if self._image.shape[1::-1] != coarse.size:
            self._image = covering(self._original, *coarse.size)
        return self._image

    def close(self) -> None:
        pass


class LoopedVideo:
    """A video in a loop, at its own rate by the times of the frames.

    A thread decodes a few frames in advance; the last one is repeated until the next is ready.
    With `blocking` the caller waits, so that conversions are reproducible.

    Raises:
        SourceError: on making, when it cannot be read.
    """

    wrap = 0.35

    def __init__(self, path: Path, *, blocking: bool = False) -> None:
        with VideoReader(path) as reader:
            self._first = next(iter(reader)).image
        self._path, self._blocking = path, blocking
        self._image = np.empty((0, 0, 4), np.uint8)
        self._decoder: _LoopDecoder | None = None
        self._at: float | None = None
        self._position_s = 0.0

    def image(self, coarse: CoarseImage) -> Image:
        if self._decoder is None or self._image.shape[1::-1] != coarse.size:
            self.close()
            self._image = covering(self._first, *coarse.size)
            self._decoder = _LoopDecoder(self._path, coarse.size)
            self._position_s = 0.0
        else:
            self._position_s += self._step(coarse.at)
        self._at = coarse.at
        wait_s = MAX_WAIT_S if self._blocking else 0.0
        self._image = self._decoder.newest(self._position_s + TOLERANCE_S, wait_s, self._image)
        return self._image

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _step(self, at: float | None) -> float:
        if at is None or self._at is None:
            return FRAME_S
        step = at - self._at
        return step if 0 <= step <= MAX_STEP_S else FRAME_S


class DefocusedRoom:
    """The room, defocused as by a wide aperture, without the person."""

    wrap = 0.0

    def __init__(self) -> None:
        self._image = np.empty((0, 0, 4), np.uint8)

    def image(self, coarse: CoarseImage) -> Image:
        width, height = coarse.size
        light = _LIGHT.take(coarse.image)
        light[..., 3] = 1
        light *= (_BACKGROUND_WEIGHT.take(coarse.foreground) + np.float32(1e-4))[..., None]
        blurred = _plane(cv2.filter2D(light, -1, _DISC, borderType=cv2.BORDER_REFLECT))
        blurred /= blurred[..., 3:].copy()
        steps = (np.sqrt(blurred) * np.float32((STEPS - 1) / np.sqrt(_WHITE))).astype(np.uint16)
        encoded = _FROM_ROOT.take(steps, mode="clip")
        encoded[..., 3] = 255
        rows, columns = encoded.shape[:2]
        if self._image.shape[:2] != (rows * coarse.span, columns * coarse.span):
            self._image = np.empty((rows * coarse.span, columns * coarse.span, 4), np.uint8)
        size = self._image.shape[1::-1]
        cv2.resize(encoded, size, dst=self._image, interpolation=cv2.INTER_CUBIC)
        return self._image[:height, :width]

    def close(self) -> None:
        pass


def covering(image: Image, width: int, height: int) -> Image:
    """Crops the centre of an image to an aspect and scales it: uint8[height, width, 4]."""
    rows, columns = image.shape[:2]
    scale = max(width / columns, height / rows)
    across = min(columns, max(1, round(width / scale)))
    down = min(rows, max(1, round(height / scale)))
    x, y = (columns - across) // 2, (rows - down) // 2
    part = image[y : y + down, x : x + across]
    method = cv2.INTER_AREA if across > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=method), np.uint8)


class _LoopDecoder:
    """A thread that decodes a video in a loop and keeps a few frames ready."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path, self._size = path, size
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._ready: deque[tuple[float, Image]] = deque()  # with the time each begins at
        self._position_s = 0.0
        self._ended = False  # no more frames will come
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()

    def newest(self, position_s: float, wait_s: float, otherwise: Image) -> Image:
        """Returns the frame of that time, or the last decoded one before it."""
        with self._changed:
            self._position_s = position_s
            self._changed.notify_all()
            if wait_s:
                self._changed.wait_for(lambda: self._ended or self._has_reached(position_s), wait_s)
            while self._ready and self._ready[0][0] <= position_s:
                otherwise = self._ready.popleft()[1]
            self._changed.notify_all()
        return otherwise

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=2.0)

    def _has_reached(self, position_s: float) -> bool:
        """Returns whether all frames up to that time are decoded; called with the lock held."""
        if self._ready and self._ready[-1][0] > position_s:
            return True
        while len(self._ready) > 1:  # else a long step would wait for a full queue
            self._ready.popleft()
            self._changed.notify_all()
        return False

    def _run(self) -> None:
        begins_s: float | None = 0.0
        try:
            while begins_s is not None:
                begins_s = self._decode_once(begins_s)
        except LivecamError as error:
            log.warning("the film behind you has stopped: %s", error, exc_info=True)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _decode_once(self, begins_s: float) -> float | None:
        """Decodes the video once; returns when it begins again, None when closing."""
        with VideoReader(self._path) as reader:
            period_s = float(1 / reader.info.rate)
            for frame in reader:
                at_s = begins_s + frame.captured_at
                if not self._is_needed(at_s, period_s):
                    continue
                if not self._put(at_s, covering(frame.image, *self._size)):
                    return None
            return begins_s + reader.end_s

    def _is_needed(self, at_s: float, period_s: float) -> bool:
        """Returns False for frames whose time is over: they are not scaled."""
        with self._changed:
            return self._closing or at_s + period_s > self._position_s

    def _put(self, at_s: float, image: Image) -> bool:
        """Waits until the queue has space; False when closing."""
        with self._changed:
            while len(self._ready) >= QUEUE and not self._closing:
                self._changed.wait(timeout=1.0)
            if not self._closing:
                self._ready.append((at_s, image))
                self._changed.notify_all()
            return not self._closing


def _extended(image: Image, weight: Plane) -> Image:
    """Averages the cells of weight, uint8[rows, columns, 4]; without any, the cell's own colour.

    Normalised convolution with a box; `weight` is float32[rows, columns], 0..1.
    """
    counted = cv2.multiply(image, cv2.merge((weight,) * 4), dtype=cv2.CV_32F)
    # The alpha of the image is 255: the fourth channel sums the weights.
    mean = _plane(cv2.blur(counted, (WINDOW, WINDOW)))
    mean += image * TRACE
    mean *= 255 / mean[..., 3:].copy()
    mean += np.float32(0.5)
    return mean.astype(np.uint8)


def _plane(array: NDArray[Any]) -> Plane:
    return np.asarray(array, np.float32)


def _disc() -> Plane:
    """Makes a disc with an antialiased edge, float32[k, k] of sum 1."""
    reach = int(np.ceil(DISC))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(DISC + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


_DISC = _disc()
_LEVELS = np.arange(256)
_FOREGROUND_WEIGHT = np.clip(
    (_LEVELS - SURELY_FOREGROUND) / (255 - SURELY_FOREGROUND), 0, 1
).astype(np.float32)
_BACKGROUND_WEIGHT = np.clip(1 - _LEVELS / SURELY_BACKGROUND, 0, 1).astype(np.float32)
_WHITE = 1 + GAIN


def _light(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return linear + GAIN * (np.maximum(linear - BRIGHT, 0) / (1 - BRIGHT)) ** 2


_LIGHT = _light((_LEVELS / 255) ** GAMMA).astype(np.float32)


def _from_root() -> NDArray[np.uint8]:
    """Inverts _LIGHT: uint8[STEPS], levels over the square root of the light."""
    linear = np.linspace(0, 1, STEPS)
    back = np.interp(np.linspace(0, 1, STEPS) ** 2 * _WHITE, _light(linear), linear)
    return np.rint(255 * back ** (1 / GAMMA)).astype(np.uint8)


_FROM_ROOT = _from_root()

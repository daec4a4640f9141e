"""What can stand behind a person: a colour, a picture, a film, the room out of focus."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
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

SPAN_CELLS = 2  # cells of the segmentation's grid along a cell of the small picture
REACH = 5  # cells across, in which the colours around an edge are averaged
# A cell counts as one of the person from here, and as one of the room up to here: mixed colours
# are the halo that is to go.
SURELY_PERSON, SURELY_ROOM = 235, 20
TRACE = np.float32(1 / 64)  # of a cell's own colour, for where there is nothing sure around it

# The room out of focus. A disc is what a lens makes of a point. A light that the camera clipped
# is brighter than it looks: from BRIGHT on (0..1, linear) it counts for more, up to three times.
DISC = 4.3  # radius, in cells
GAMMA = 2.2
BRIGHT, MORE = 0.8, 2.0
STEPS = 4096  # of the table back, over the square root of the light
GAP_S = 0.5  # a longer step of the line's clock is a pause, or another picture altogether
EARLY_S = 1e-3  # steps add up with errors, and clocks come in milliseconds
FRAME_S = 1 / 30  # taken for the time between two pictures that do not tell
AHEAD = 3  # pictures of a film that wait ready
LONGEST_WAIT_S = 5.0  # for a picture, where every one counts


@dataclass(frozen=True, slots=True)
class CoarseImage:
    """The image and its foreground mask, downscaled: input of backgrounds and of edge colours."""

    image: Image  # uint8[rows, columns, 4]
    foreground: Mask  # uint8[rows, columns]
    size: tuple[int, int]  # of the picture, pixels
    span: int  # pixels along a cell
    at: float | None  # the moment of the picture, seconds

    @classmethod
    def of(cls, image: Image, foreground: Mask, at: float | None) -> CoarseImage:
        """From a picture uint8[h, w, 4] and its foreground uint8[h, w]."""
        height, width = image.shape[:2]
        span = SPAN_CELLS * cell_of(width, height)
        return cls(downscaled(image, span), downscaled(foreground, span), (width, height), span, at)

    def person(self) -> Image:
        """The colours of the foreground, spread beyond its edge: uint8[rows, columns, 4]."""
        return _spread(self.image, _PERSON.take(self.foreground))

    def room(self) -> Image:
        """The colours of the old background, spread into the person: uint8[rows, columns, 4]."""
        return _spread(self.image, _ROOM.take(self.foreground))


class BackgroundSource(Protocol):
    """Gives what stands behind the person. Used on one thread, picture after picture."""

    wrap: float  # how much of its light falls around the edge of the person, 0..1

    def picture(self, small: CoarseImage) -> Image:
        """uint8[h, w, 4], opaque, of the size of the picture; only to be read, until the next."""
        ...

    def close(self) -> None: ...


class SolidColour:
    """One colour, for keying: nothing of it may fall on the person."""

    wrap = 0.0

    def __init__(self, color: tuple[int, int, int]) -> None:
        self._color = color
        self._picture = np.empty((0, 0, 4), np.uint8)

    def picture(self, small: CoarseImage) -> Image:
        width, height = small.size
        if self._picture.shape[1::-1] != small.size:
            self._picture = np.full((height, width, 4), (*self._color, 255), np.uint8)
        return self._picture

    def close(self) -> None:
        pass


class StillImage:
    """A picture, cut to the shape of the frame."""

    wrap = 0.35

    def __init__(self, image: Image) -> None:
        self._image = image
        self._picture = np.empty((0, 0, 4), np.uint8)

    def picture(self, small: CoarseImage) -> Image:
        if self._picture.shape[1::-1] != small.size:
            self._picture = covering(self._image, *small.size)
        return self._picture

    def close(self) -> None:
        pass


class LoopedVideo:
    """A film, again and again, at its own pace: the line's clock moves it on.

    Another thread decodes a few pictures ahead; when it is late, the last one stays, unless
    `blocking`: then the line waits, so that a conversion comes out the same each time.

    Raises:
        SourceError: on making, when it cannot be read.
    """

    wrap = 0.35

    def __init__(self, path: Path, *, blocking: bool = False) -> None:
        with VideoReader(path) as reader:
            self._first = next(iter(reader)).image
            self._aspect = reader.info.pixel_aspect
        self._path, self._blocking = path, blocking
        self._picture = np.empty((0, 0, 4), np.uint8)
        self._decoder: _Decoder | None = None
        self._at: float | None = None
        self._position_s = 0.0

    def picture(self, small: CoarseImage) -> Image:
        if self._decoder is None or self._picture.shape[1::-1] != small.size:
            self.close()
            self._picture = covering(self._first, *small.size, self._aspect)
            self._decoder = _Decoder(self._path, small.size, self._aspect)
            self._position_s = 0.0
        else:
            self._position_s += self._step(small.at)
        self._at = small.at
        wait_s = LONGEST_WAIT_S if self._blocking else 0.0
        self._picture = self._decoder.newest(self._position_s + EARLY_S, wait_s, self._picture)
        return self._picture

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _step(self, at: float | None) -> float:
        if at is None or self._at is None:
            return FRAME_S
        step = at - self._at
        return step if 0 <= step <= GAP_S else FRAME_S


class DefocusedRoom:
    """The room as a lens with a wide opening would show it, without the person in it."""

    wrap = 0.0

    def __init__(self) -> None:
        self._picture = np.empty((0, 0, 4), np.uint8)

    def picture(self, small: CoarseImage) -> Image:
        width, height = small.size
        light = _LIGHT.take(small.image)
        light[..., 3] = 1
        light *= (_ROOM.take(small.foreground) + np.float32(1e-4))[..., None]
        blurred = _plane(cv2.filter2D(light, -1, _DISC, borderType=cv2.BORDER_REFLECT))
        blurred /= blurred[..., 3:].copy()
        steps = (np.sqrt(blurred) * np.float32((STEPS - 1) / np.sqrt(_WHITE))).astype(np.uint16)
        encoded = _FROM_ROOT.take(steps, mode="clip")
        encoded[..., 3] = 255
        rows, columns = encoded.shape[:2]
        if self._picture.shape[:2] != (rows * small.span, columns * small.span):
            self._picture = np.empty((rows * small.span, columns * small.span, 4), np.uint8)
        size = self._picture.shape[1::-1]
        cv2.resize(encoded, size, dst=self._picture, interpolation=cv2.INTER_CUBIC)
        return self._picture[:height, :width]

    def close(self) -> None:
        pass


def covering(image: Image, width: int, height: int, pixel_aspect: Fraction = Fraction(1)) -> Image:
    """uint8[height, width, 4]: the middle of a picture, as much as has that shape."""
    rows, columns = image.shape[:2]
    scale = max(width / (columns * float(pixel_aspect)), height / rows)
    across = min(columns, max(1, round(width / scale / float(pixel_aspect))))
    down = min(rows, max(1, round(height / scale)))
    x, y = (columns - across) // 2, (rows - down) // 2
    part = image[y : y + down, x : x + across]
    way = cv2.INTER_AREA if across > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=way), np.uint8)


class _Decoder:
    """A thread that reads a film in a circle and keeps a few pictures ready."""

    def __init__(self, path: Path, size: tuple[int, int], aspect: Fraction) -> None:
        self._path, self._size, self._aspect = path, size, aspect
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._ready: deque[tuple[float, Image]] = deque()  # with the time each begins
        self._position_s = 0.0
        self._ended = False  # nothing more will come
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)
        self._thread.start()

    def newest(self, position_s: float, wait_s: float, otherwise: Image) -> Image:
        """The picture of that time, or the one nearest before it that is there."""
        with self._changed:
            self._position_s = position_s
            self._changed.notify_all()
            if wait_s:
                self._changed.wait_for(lambda: self._ended or self._knows(position_s), wait_s)
            while self._ready and self._ready[0][0] <= position_s:
                otherwise = self._ready.popleft()[1]
            self._changed.notify_all()
        return otherwise

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=2.0)

    def _knows(self, position_s: float) -> bool:
        """Whether all pictures up to that time have been read; called with the lock held."""
        if self._ready and self._ready[-1][0] > position_s:
            return True
        while len(self._ready) > 1:  # else a long step would wait for room that nobody makes
            self._ready.popleft()
            self._changed.notify_all()
        return False

    def _run(self) -> None:
        begins_s: float | None = 0.0
        try:
            while begins_s is not None:
                begins_s = self._once(begins_s)
        except LivecamError as error:
            log.warning("the film behind you has stopped: %s", error)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _once(self, begins_s: float) -> float | None:
        """Reads the film once; returns when it begins again, None when nobody wants more."""
        with VideoReader(self._path) as reader:
            period_s = float(1 / reader.info.rate)
            first_s, last_s = None, 0.0
            for frame in reader:
                first_s = frame.captured_at if first_s is None else first_s
                last_s = frame.captured_at - first_s
                if not self._wanted(begins_s + last_s, period_s):
                    continue
                picture = covering(frame.image, *self._size, self._aspect)
                if not self._put(begins_s + last_s, picture):
                    return None
        return begins_s + last_s + period_s

    def _wanted(self, at_s: float, period_s: float) -> bool:
        """False for pictures whose time is over: decoded, but not worth fitting."""
        with self._changed:
            return self._closing or at_s + period_s > self._position_s

    def _put(self, at_s: float, picture: Image) -> bool:
        """Waits for room; False when nobody wants more."""
        with self._changed:
            while len(self._ready) >= AHEAD and not self._closing:
                self._changed.wait(timeout=1.0)
            if not self._closing:
                self._ready.append((at_s, picture))
                self._changed.notify_all()
            return not self._closing


def _spread(image: Image, weight: Plane) -> Image:
    """The mean of the cells that count, uint8[rows, columns, 4]; elsewhere the cell's own colour.

    Normalised convolution with a box; `weight` is float32[rows, columns], 0..1.
    """
    counted = cv2.multiply(image, cv2.merge((weight,) * 4), dtype=cv2.CV_32F)
    # The picture's alpha is 255: the fourth channel adds up the weights.
    mean = _plane(cv2.blur(counted, (REACH, REACH)))
    mean += image * TRACE
    mean *= 255 / mean[..., 3:].copy()
    mean += np.float32(0.5)
    return mean.astype(np.uint8)


def _plane(array: NDArray[Any]) -> Plane:
    return np.asarray(array, np.float32)


def _disc() -> Plane:
    """float32[k, k]: a disc with a smooth rim; its sum is 1."""
    reach = int(np.ceil(DISC))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(DISC + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


_DISC = _disc()
_LEVELS = np.arange(256)
_PERSON = np.clip((_LEVELS - SURELY_PERSON) / (255 - SURELY_PERSON), 0, 1).astype(np.float32)
_ROOM = np.clip(1 - _LEVELS / SURELY_ROOM, 0, 1).astype(np.float32)
_WHITE = 1 + MORE


def _light(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return linear + MORE * (np.maximum(linear - BRIGHT, 0) / (1 - BRIGHT)) ** 2


_LIGHT = _light((_LEVELS / 255) ** GAMMA).astype(np.float32)


def _from_root() -> NDArray[np.uint8]:
    """uint8[STEPS]: what _LIGHT made of a level, back from the square root of the light."""
    linear = np.linspace(0, 1, STEPS)
    back = np.interp(np.linspace(0, 1, STEPS) ** 2 * _WHITE, _light(linear), linear)
    return np.rint(255 * back ** (1 / GAMMA)).astype(np.uint8)


_FROM_ROOT = _from_root()

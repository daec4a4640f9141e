"""Frames, their pixel formats, and rectangles of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import LivecamError, SourceError
from livecam.core.language import tr

# OpenGL and OpenCV fail beyond, some of OpenCV by ending the process (32767 for a remapping).
MAX_SIDE_PX = 16384
MAX_PIXELS = 1 << 26  # 8192 x 8192: 268 MB as RGBA
# Of a source, of which twenty copies may exist at a time: 8192x4320, and 3 GB.
MAX_SOURCE_PIXELS = 8192 * 4320
MIN_SIDE_PX = 16  # no detector finds a face in a smaller image, and MediaPipe fails below 4

Image: TypeAlias = NDArray[np.uint8]  # uint8[h, w, 4] RGBA, or uint8[h * 3 // 2, w] I420


class PixelFormat(Enum):
    """Memory layout of an image."""

    RGBA = "rgba"  # uint8[h, w, 4], sRGB-encoded, alpha 255 unless the name says otherwise
    I420 = "i420"  # uint8[h * 3 // 2, w]: Y, then U, then V at half size; BT.709, limited range


def check_size(
    what: str,
    width: int,
    height: int,
    max_side: int = MAX_SIDE_PX,
    max_pixels: int = MAX_PIXELS,
    error: type[LivecamError] = SourceError,
) -> None:
    """Checks the size of an image or video before memory is allocated for it.

    Raises:
        error: it has no pixels, or too many; `what` begins the sentence.
    """
    if min(width, height) < 1:
        raise error(
            "{what} has no pixels ({width}x{height})", hint="it may be damaged",
            what=tr(what), width=width, height=height,
        )  # fmt: skip
    if max(width, height) > max_side or width * height > max_pixels:
        millions = min(max_side * max_side, max_pixels) // 10**6
        raise error(
            "{what} is too large: {width}x{height} pixels",
            hint="make it at most {max_side} pixels wide and tall, {millions} million in all",
            what=tr(what), width=width, height=height, max_side=max_side, millions=millions,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """An image and the time it was captured.

    `image` is C-contiguous and not written to after the frame was made: several threads may be
    reading it. Stages exchange RGBA, because both MediaPipe and OpenGL take it as it is (RGB
    uploads and reads cost five to ten times more).
    """

    image: Image
    index: int  # counts the frames of one source, from 0
    captured_at: float  # monotonic seconds (live) or media time (from a file)
    format: PixelFormat = PixelFormat.RGBA

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        rows = int(self.image.shape[0])
        return rows if self.format is PixelFormat.RGBA else rows * 2 // 3

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height


def can_show_face(width: int, height: int) -> bool:
    """Returns whether an image of that size may show a face that can be detected."""
    return min(width, height) >= MIN_SIDE_PX


def check_shows_face(name: str, width: int, height: int) -> None:
    """Refuses a source whose frames are too small.

    Raises:
        SourceError: they are.
    """
    if not can_show_face(width, height):
        raise SourceError(
            "{name} is {width}x{height} pixels: too small to show a face",
            hint="at least {side} pixels are needed on each side",
            name=name, width=width, height=height, side=MIN_SIDE_PX,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of pixels, x right, y down; `x1` and `y1` lie outside it."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return max(0, self.x1 - self.x0)

    @property
    def height(self) -> int:
        return max(0, self.y1 - self.y0)

    @property
    def empty(self) -> bool:
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an image."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grown(self, margin_px: int) -> Rect:
        return Rect(
            self.x0 - margin_px, self.y0 - margin_px, self.x1 + margin_px, self.y1 + margin_px
        )

    def clipped(self, width: int, height: int) -> Rect:
        """Returns the part inside an image of that size; may be empty."""
        return Rect(
            min(max(self.x0, 0), width),
            min(max(self.y0, 0), height),
            min(max(self.x1, 0), width),
            min(max(self.y1, 0), height),
        )

    def union(self, other: Rect) -> Rect:
        if self.empty:
            return other
        if other.empty:
            return self
        return Rect(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

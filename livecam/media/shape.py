"""The shape of decoded frames: size, pixel aspect and orientation, and the upright image."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias, cast

import cv2
import numpy as np
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from livecam.core.frame import Image

# A quarter turn and mirroring, (x, y) -> (x', y'), x right, y down: the rows of int[2, 2].
Turn: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
UPRIGHT: Final[Turn] = ((1, 0), (0, 1))
TURNS: Final[dict[int, Turn]] = {  # by the degrees of a clockwise rotation
    0: UPRIGHT,
    90: ((0, -1), (1, 0)),
    180: ((-1, 0), (0, -1)),
    270: ((0, 1), (-1, 0)),
}
_CODES: Final[dict[int, int]] = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}

MAX_ASPECT = 4  # of one pixel; real ones end at 2.9 (352x576 for 16:9), beyond a file is wrong
MAX_AHEAD = 64  # packets that a decoder holds before their frames come out
NEARLY_SQUARE = 0.01  # a distortion that nobody sees: scaling would only soften the image


def rotated(image: Image, degrees: int) -> Image:
    """Rotates an image clockwise by 0, 90, 180 or 270 degrees; by 0 it is the same one."""
    return np.asarray(cv2.rotate(image, _CODES[degrees]), np.uint8) if degrees else image


@dataclass(frozen=True, slots=True)
class Shape:
    """How the frames of a stream are stored, and how they are to be shown."""

    width: int  # as stored, in pixels
    height: int
    aspect: Fraction  # width over height of one stored pixel
    turn: Turn  # from stored to shown

    @property
    def square(self) -> tuple[int, int]:
        """The stored size with square pixels: the side that is too short is scaled up."""
        aspect = float(self.aspect)
        if abs(aspect - 1) < NEARLY_SQUARE or not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
            return self.width, self.height
        if aspect > 1:
            return _even(self.width * aspect), self.height
        return self.width, _even(self.height / aspect)

    @property
    def size(self) -> tuple[int, int]:
        """The size of the upright image, in square pixels."""
        width, height = self.square
        return (height, width) if self.turn[0][0] == 0 else (width, height)

    def upright(self, image: Image) -> Image:
        """Rotates and mirrors an image uint8[h, w, 4] as it is to be shown."""
        if self.turn == UPRIGHT:
            return image
        sideways = self.turn[0][0] == 0
        out = cv2.transpose(image) if sideways else image
        flip_x, flip_y = (sum(row) < 0 for row in self.turn)
        if flip_x or flip_y:
            code = -1 if flip_x and flip_y else 1 if flip_x else 0
            out = cv2.flip(out, code, dst=out if sideways else None)
        return np.asarray(out, np.uint8)


class ShapeFinder:
    """Finds the shapes of the frames of a stream; gives the same object while nothing changes."""

    def __init__(self, stream: VideoStream, rotation: Turn) -> None:
        self._stream, self._rotation = stream, rotation
        self._keys: deque[tuple[int, int]] = deque(maxlen=MAX_AHEAD)  # dts and pts of key packets
        self._coded: Fraction | None = None  # pixel aspect of the newest frame, by its codec
        self._coming: Fraction | None = None  # of what is being decoded
        self._coming_from: int | None = None  # its first pts
        self._first: Fraction | None = None  # coded aspect of the first frame
        self._facts: tuple[object, ...] = ()
        self._shape: Shape | None = None

    def note(self, packet: Packet[VideoStream]) -> None:
        """Notes a packet before it is decoded."""
        if packet.is_keyframe and packet.dts is not None and packet.pts is not None:
            self._keys.append((packet.dts, packet.pts))

    def of(self, frame: VideoFrame) -> Shape:
        """Returns the shape of the frame that was decoded last."""
        self._follow_aspect(frame)
        # Not `side_data`, which would keep every frame until the garbage collector runs.
        facts = (frame.width, frame.height, self._coded, frame.rotation)
        if self._shape is None or facts != self._facts:
            self._facts = facts
            turn = then(stored_turn(frame), self._rotation)
            self._shape = Shape(frame.width, frame.height, self._aspect(), turn)
        return self._shape

    def _follow_aspect(self, frame: VideoFrame) -> None:
        """Updates the coded aspect, which is that of a packet: of frames that come later."""
        coming = self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        if coming != self._coming:
            self._coming, self._coming_from = coming, self._key_pts(frame.dts)
        pts, begin = frame.pts, self._coming_from
        begun = pts is None or begin is None or pts >= begin
        if self._first is None:
            self._first = self._coded = coming
        elif begun:
            self._coded = coming

    def _key_pts(self, dts: int | None) -> int | None:
        """Returns the time of the newest key frame whose packet was decoded by then."""
        known = [pts for key_dts, pts in self._keys if dts is not None and key_dts <= dts]
        return known[-1] if known else None

    def _aspect(self) -> Fraction:
        """Returns the pixel aspect: that of the container, until the coded one changes."""
        coded = self._coded or Fraction(1)
        declared = self._stream.sample_aspect_ratio or coded
        aspect = declared if coded == self._first else coded
        return aspect if aspect > 0 else Fraction(1)


def stored_turn(frame: VideoFrame) -> Turn:
    """Returns the orientation that the file gives a frame.

    The display matrix holds nine int32, 16.16 fixed point, row vectors (ISO/IEC 14496-12,
    6.2.2); cameras only ever write quarter turns, others are rounded.
    """
    stored = cast("Mapping[SideDataType, Any]", frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if stored is None:
        return UPRIGHT
    matrix = np.frombuffer(bytes(stored), np.int32)
    a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
    if a * d - b * c == 0:
        return UPRIGHT
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return ((_sign(a), 0), (0, _sign(d)))
    return ((0, _sign(c)), (_sign(b), 0))


def then(first: Turn, second: Turn) -> Turn:
    """Joins two turns, one after the other."""
    (a, b), (c, d) = (map(int, row) for row in np.array(second) @ np.array(first))
    return ((a, b), (c, d))


def _sign(value: float) -> int:
    return -1 if value < 0 else 1


def _even(side: float) -> int:
    return 2 * round(side / 2)

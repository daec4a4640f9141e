"""Reads video files: upright RGBA frames with their own times."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.errors import SourceError
from livecam.core.frame import MAX_PIXELS, Frame, Image, check_size
from livecam.core.image_header import read_image_header
from livecam.media.color import RgbaConverter

log = logging.getLogger(__name__)

HEADER_BYTES = 1 << 16  # of a file, looked at for the header of an image
DEFAULT_RATE = Fraction(25)  # for files without a rate that hold one frame

# A playlist or reference file could name network addresses: only local files are opened.
LOCAL_ONLY = {"protocol_whitelist": "file"}


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The metadata of a video file; sizes are of the upright image."""

    path: Path
    width: int
    height: int
    rate: Fraction  # average frames per second
    time_base: Fraction  # seconds per tick of the frame times
    frames: int  # by the file, or duration times rate; 0 where neither is known
    pixel_aspect: Fraction  # width over height of one pixel
    audio: tuple[str, ...]  # the codec of each sound track

    @property
    def fps(self) -> float:
        return float(self.rate)

    @property
    def has_audio(self) -> bool:
        return bool(self.audio)


class VideoReader(Closing):
    """Iterates the frames of a video file once; made, used and closed on one thread.

    `captured_at` is the time of the frame in the file, in seconds: variable rates are kept, and
    missing, equal or falling times are raised by the smallest step. Damaged frames are left
    out and counted in `skipped`.

    Raises:
        SourceError: on opening, when there is no such file or no frame can be read from it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.skipped = 0
        self._container = _open(self.path)
        try:
            self._stream = _video_stream(self._container, self.path)
            self._stream.thread_type = "AUTO"
            _limit_size(self._stream, self.path)
            self._decoded = self._decode()
            self._first: VideoFrame | None = next(self._decoded, None)
            if self._first is None:
                raise SourceError(
                    "no picture can be read from {path}",
                    hint="the file is damaged or incomplete; try to play it, or copy it again",
                    path=self.path,
                )
            check_size(str(self.path), self._first.width, self._first.height)
            self._turn = _stored_to_upright(self._first)
            self._converter = RgbaConverter(self._first.width, self._first.height)
            self.info = self._describe(self._first)
        except BaseException:
            self._container.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        ticks = _RisingTicks(self.info)
        index = 0
        while self._first is not None:
            frame = self._first
            at = ticks.next(frame.pts, frame.time_base)
            yield Frame(self._upright(frame), index, float(at * self.info.time_base))
            index += 1
            self._first = next(self._decoded, None)

    def close(self) -> None:
        self._first = None
        self._container.close()

    def _decode(self) -> Iterator[VideoFrame]:
        """Decodes packet by packet, so that a broken one loses only its own frames."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                self._skip(error)
                return
            try:
                yield from packet.decode()
            except av.FFmpegError as error:
                self._skip(error)

    def _skip(self, error: Exception) -> None:
        self.skipped += 1
        if self.skipped == 1:
            log.warning("%s is damaged; pictures are missing (%s)", self.path.name, error)

    def _upright(self, frame: VideoFrame) -> Image:
        image = self._converter.convert(frame)
        if (self._turn == np.eye(2)).all():
            return image
        image = np.ascontiguousarray(_turned(image, self._turn))
        image.flags.writeable = False
        return image

    def _describe(self, first: VideoFrame) -> VideoInfo:
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
        duration_s = _duration_s(self._container, stream)
        sideways = bool(self._turn[0, 0] == 0)
        width, height = first.width, first.height
        aspect = stream.sample_aspect_ratio or Fraction(1)
        aspect = aspect if aspect > 0 else Fraction(1)
        return VideoInfo(
            path=self.path,
            width=height if sideways else width,
            height=width if sideways else height,
            rate=rate,
            time_base=stream.time_base or 1 / rate,
            frames=stream.frames or round(duration_s * rate),
            pixel_aspect=1 / aspect if sideways else aspect,
            audio=tuple(track.codec_context.name for track in self._container.streams.audio),
        )


class _RisingTicks:
    """Gives each frame a time in ticks that is greater than the one before."""

    def __init__(self, info: VideoInfo) -> None:
        self._time_base = info.time_base
        self._step = max(1, round(1 / (info.rate * info.time_base)))
        self._last: int | None = None

    def next(self, pts: int | None, time_base: Fraction | None) -> int:
        if pts is None:
            ticks = 0 if self._last is None else self._last + self._step
        else:
            ticks = round(pts * (time_base or self._time_base) / self._time_base)
            if self._last is not None and ticks <= self._last:
                ticks = self._last + 1
        self._last = ticks
        return ticks


def _open(path: Path) -> InputContainer:
    try:
        if path.is_dir():
            raise SourceError(
                "{path} is a folder, not a video", hint="name one file in it", path=path
            )
        if path.stat().st_size == 0:
            raise SourceError(
                "{path} is empty", hint="it was not recorded or copied completely", path=path
            )
        _check_image(path)
        # "file:" keeps a name with a colon in it from being read as a protocol.
        return av.open(f"file:{os.fspath(path)}", "r", container_options=LOCAL_ONLY)
    except FileNotFoundError as error:
        raise SourceError("there is no file {path}", hint="check the name", path=path) from error
    except PermissionError as error:
        raise SourceError(
            "{path} may not be read", hint="check who may read the file", path=path
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise SourceError(
            "{path} is not a video that can be read ({reason})",
            hint="it may be damaged, cut short, or no video at all; try to play it",
            path=path,
            reason=error.strerror or error,
        ) from error


def _check_image(path: Path) -> None:
    """Refuses an image that is too large; FFmpeg would only say that its data is invalid."""
    with path.open("rb") as file:
        header = read_image_header(file.read(HEADER_BYTES))
    if header is not None:
        check_size(str(path), header.width, header.height)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Returns the first video stream; cover art does not count."""
    for stream in container.streams.video:
        cover = bool(stream.disposition & Disposition.attached_pic)
        if not cover and stream.codec_context is not None:
            return stream
    raise SourceError("there are no pictures in {path}", hint="it may hold sound only", path=path)


def _limit_size(stream: VideoStream, path: Path) -> None:
    """Refuses frames that are too large before the first one is decoded."""
    codec = stream.codec_context
    if codec.width and codec.height:  # a raw stream tells its size only with its first frame
        check_size(str(path), codec.width, codec.height)
    codec.options = {"max_pixels": str(MAX_PIXELS)}


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / av.time_base


def _stored_to_upright(frame: VideoFrame) -> NDArray[np.int64]:
    """Returns int[2, 2], the quarter turn and mirroring of the file: (x, y) -> (x', y').

    The display matrix of a frame holds nine int32, 16.16 fixed point, row vectors
    (ISO/IEC 14496-12, 6.2.2); cameras only ever write quarter turns, others are rounded.
    """
    upright: NDArray[np.int64] = np.eye(2, dtype=np.int64)
    stored = cast("Mapping[SideDataType, Any]", frame.side_data).get(SideDataType.DISPLAYMATRIX)
    if stored is None:
        return upright
    matrix = np.frombuffer(bytes(stored), np.int32)
    a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
    if a * d - b * c == 0:
        return upright
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return np.array(((np.sign(a), 0), (0, np.sign(d))), np.int64)
    return np.array(((0, np.sign(c)), (np.sign(b), 0)), np.int64)


def _turned(image: Image, turn: NDArray[np.int64]) -> Image:
    """Returns a view of the image, rotated and mirrored."""
    if turn[0, 0] == 0:
        image = image.swapaxes(0, 1)
    flip_x, flip_y = (-1 if turn[row].sum() < 0 else 1 for row in (0, 1))
    return image[::flip_y, ::flip_x]

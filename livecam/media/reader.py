"""Reads video files: upright RGBA frames of square pixels, with their own times."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from livecam.core.closing import Closing
from livecam.core.errors import SourceError
from livecam.core.frame import Frame, Image, check_size
from livecam.media.color import RgbaConverter, is_hdr
from livecam.media.deinterlace import Deinterlacer
from livecam.media.opening import open_film, video_stream
from livecam.media.shape import TURNS, Shape, ShapeFinder

log = logging.getLogger(__name__)

DEFAULT_RATE = Fraction(25)  # for files without a rate that hold one frame
MAX_LATE_S = 0.5  # a Matroska file that ends so much before the end it announces was cut short


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The metadata of a video file; the size is that of the first frame, upright and square."""

    path: Path
    width: int
    height: int
    rate: Fraction  # average frames per second
    time_base: Fraction  # seconds per tick of the frame times
    frames: int  # by the file, or duration times rate; 0 where neither is known
    origin: Fraction = Fraction(0)  # of the first frame, in seconds on the clock of all streams
    is_hdr: bool = False  # PQ or HLG, which becomes SDR
    rotate: int = 0  # degrees by which frames are turned clockwise, beside what the file says

    def open(self) -> VideoReader:
        """Opens the file again, to read it in the same way."""
        return VideoReader(self.path, rotate=self.rotate)

    @property
    def fps(self) -> float:
        return float(self.rate)


class VideoReader(Closing):
    """Iterates the frames of a video file once; used by one thread at a time.

    Frames are upright and have square pixels; interlaced ones are deinterlaced. Their size
    changes where that of the stored ones does: nothing is stretched.

    `captured_at` counts the seconds from the first frame that the file shows: what an edit list
    or a negative time takes out is left out. Variable rates are kept, and missing, equal or
    falling times are raised by the smallest step. Damaged frames are left out and counted in
    `skipped`, the others in `given`.

    Args:
        path: the file.
        rotate: degrees by which frames are turned clockwise: 0, 90, 180 or 270.

    Raises:
        SourceError: on opening, when there is no such file or no frame can be read from it;
            later, when frames become too large.
    """

    def __init__(self, path: Path | str, *, rotate: int = 0) -> None:
        self.path = Path(path)
        self.skipped = 0
        self.given = 0
        self._container = open_film(self.path)
        try:
            self._stream = video_stream(self._container, self.path)
            self._stream.thread_type = "AUTO"
            self._announced = _Announced(self._container, self._stream)
            self._read = self._cut = 0  # packets, and frames that are not shown
            self._shapes = ShapeFinder(self._stream, TURNS[rotate])
            self._shape: Shape | None = None  # of the newest image
            self._last_ticks = self._last_duration = 0  # of the last frame given
            self._duration_base: Fraction | None = None
            self._shown = self._deinterlaced()
            self._next = next(self._shown, None)
            if self._next is None:
                raise SourceError(
                    "no picture can be read from {path}",
                    hint="the file is damaged or incomplete; try to play it, or copy it again",
                    path=self.path,
                )
            self.info = self._describe(*self._next, rotate)
        except BaseException:
            self._container.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        return self.frames_from(0)

    def frames_from(self, first: int) -> Iterator[Frame]:
        """Yields the frames from that index on; those before are decoded, but not converted."""
        ticks = _RisingTicks(self.info)
        while self._next is not None:
            frame, shape = self._next
            skips = self.given < first
            image = None if skips else self._image(frame, shape)
            if skips or image is not None:
                at = ticks.next(frame.pts, frame.time_base)
                self.given, self._last_ticks = self.given + 1, at
                self._last_duration, self._duration_base = frame.duration, frame.time_base
            if image is not None:
                yield Frame(image, self.given - 1, float(at * self.info.time_base))
            self._next = next(self._shown, None)

    @property
    def end_s(self) -> float:
        """When the last frame given is over; after all of them, when the film is."""
        declared = self._announced.end
        if self._next is None and declared is not None and not self.missing:
            return float(max(self._end, declared - self.info.origin))
        return float(self._end)

    @property
    def _end(self) -> Fraction:
        """Returns when the last frame given is over by its own duration."""
        duration = (self._last_duration or 0) * (self._duration_base or Fraction(0))
        return self._last_ticks * self.info.time_base + (duration or 1 / self.info.rate)

    @property
    def missing(self) -> int:
        """How many frames the file announces that could not be read; known after the last one."""
        announced = self._announced.packets(self._read)
        if announced > self._read or (announced and self.skipped):
            return max(self.skipped, announced - self._cut - self.given)
        if announced or self._announced.end is None:
            return self.skipped
        late = self._announced.end - self.info.origin - self._end
        return max(self.skipped, round(late * self.info.rate) if late > MAX_LATE_S else 0)

    def close(self) -> None:
        self._next = None
        self._container.close()

    def _deinterlaced(self) -> Iterator[tuple[VideoFrame, Shape]]:
        deinterlacer = Deinterlacer()
        for frame in self._decode():
            yield from deinterlacer.take(frame, self._shapes.of(frame))
        yield from deinterlacer.finish()

    def _decode(self) -> Iterator[VideoFrame]:
        """Decodes the frames that are shown, packet by packet: a broken one loses only its own."""
        begun = False
        for packet in self._demux():
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._skip(error)
                continue
            for frame in frames:
                begun = begun or not self._is_cut_away(frame)
                self._cut += not begun
                if begun:
                    yield frame

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                self._skip(error)
                return
            except IndexError:  # of PyAV, at the end of a file in which streams appeared late
                return
            self._read += bool(packet.size)  # the one that ends a stream is empty
            self._cut += packet.is_discard  # by an edit list; its frame does not come out
            self._shapes.note(packet)
            yield packet

    def _is_cut_away(self, frame: VideoFrame) -> bool:
        """Returns whether a frame at the beginning lies before the time 0 of its file.

        FFmpeg obeys edit lists itself, but not in fragmented MP4 files, and gives no time to
        frames of Matroska before 0. Elsewhere a negative time has no meaning: MPEG-TS has them
        where its clock is near its end.
        """
        name = self._container.format.name
        if frame.pts is not None:
            return frame.pts < 0 and ("mov" in name or "matroska" in name)
        return "matroska" in name and frame.dts is None and self._stream.start_time is not None

    def _skip(self, error: Exception) -> None:
        self.skipped += 1
        if self.skipped == 1:
            log.warning("%s is damaged; pictures are missing (%s)", self.path.name, error)

    def _image(self, frame: VideoFrame, shape: Shape) -> Image | None:
        """Returns the upright image; None for a frame that cannot be converted."""
        if shape is not self._shape:
            check_size(str(self.path), *shape.square)
            self._shape, self._converter = shape, RgbaConverter(*shape.square)
        try:
            image = shape.upright(self._converter.convert(frame))
        except av.FFmpegError as error:
            self._skip(error)
            return None
        image.flags.writeable = False
        return image

    def _describe(self, first: VideoFrame, shape: Shape, rotate: int) -> VideoInfo:
        stream = self._stream
        check_size(str(self.path), *shape.square)
        rate = stream.average_rate or stream.guessed_rate or DEFAULT_RATE
        duration_s = _duration_s(self._container, stream)
        width, height = shape.size
        return VideoInfo(
            path=self.path,
            width=width,
            height=height,
            rate=rate,
            time_base=stream.time_base or 1 / rate,
            frames=stream.frames or round(duration_s * rate),
            origin=(first.pts or 0) * (first.time_base or Fraction(0)),
            is_hdr=is_hdr(first),
            rotate=rotate,
        )


class _Announced:
    """What a file announces: its packets and its end."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._format, self._stream = container.format.name, stream
        # That of MP4 is complete, without what edit lists cut away; that of AVI unless the end
        # of the file is missing. Others name key frames alone.
        has_index = "mov" in self._format or self._format == "avi"
        self._indexed = len(stream.index_entries) if has_index else 0

    def packets(self, read: int) -> int:
        """Returns the number of packets, given how many were read; 0 where the file has none."""
        if self._indexed >= read:
            return self._indexed
        return self._stream.frames if self._format == "avi" else 0

    @property
    def end(self) -> Fraction | None:
        """When the last frame is over, in seconds on the file's clock; None where not known."""
        stream = self._stream
        if "matroska" in self._format:
            return _clock_time(stream.metadata.get("DURATION", ""))
        if "mov" not in self._format or stream.duration is None or stream.time_base is None:
            return None
        return ((stream.start_time or 0) + stream.duration) * stream.time_base


class _RisingTicks:
    """Gives each frame a time in ticks, from the origin, that is greater than the one before."""

    def __init__(self, info: VideoInfo) -> None:
        self._time_base, self._origin = info.time_base, info.origin
        self._first = round(info.origin / info.time_base)
        self._step = max(1, round(1 / (info.rate * info.time_base)))
        self._last: int | None = None

    def next(self, pts: int | None, time_base: Fraction | None) -> int:
        if pts is None:
            ticks = 0 if self._last is None else self._last + self._step
        else:
            ticks = pts - self._first
            if time_base not in (None, self._time_base):
                assert time_base is not None
                ticks = round((pts * time_base - self._origin) / self._time_base)
            if self._last is not None and ticks <= self._last:
                ticks = self._last + 1
        self._last = ticks
        return ticks


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / av.time_base


def _clock_time(text: str) -> Fraction | None:
    """Reads a time such as 00:01:02.640000000, in seconds."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)
    except ValueError:
        return None

"""Writes video files in BT.709, with the sound of another file beside them.

H.264 for opaque frames; VP9 (`.webm`) or ProRes 4444 (`.mov`) for frames with alpha, and
run-length encoding (QuickTime Animation, `.mov`) for live ones.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from livecam.core.errors import FullDiskError, LivecamError, SinkError, reason_of
from livecam.core.frame import Frame, Image, PixelFormat, check_size
from livecam.core.hidden_file import HiddenFile
from livecam.core.language import to_translate
from livecam.media.color import bleed_colours, i420_frame
from livecam.media.containers import WRITABLE, WRITABLE_ALPHA, container_of, is_mp4
from livecam.media.encodings import BITS_PER_PIXEL, Effort, encoding_of
from livecam.media.opening import open_input
from livecam.media.stream_writer import StreamWriter
from livecam.media.streams import FilmStreams

SLOWEST = Fraction(1, 100_000)  # frames per second; damaged files announce less


class VideoWriter:
    """Writes one video file; used by one thread at a time.

    The file appears under its own name on `close`, complete, or not at all: until then it has a
    hidden name in the same folder, which `abort` removes. Give either `rate` alone (constant
    rate: the n-th frame is shown at n / rate) or `time_base` too (each frame is shown at its
    `captured_at`, rounded to that base, so times read from a file are written unchanged).
    Frames are RGBA or I420. Where a side is odd, the last row or column is stored twice: players
    take H.264 of even sides only (`stored_size`).

    Args:
        path: `.mp4`, `.mkv`, `.mov` or any container that can hold H.264.
        width: of every frame, in pixels.
        height: of every frame, in pixels.
        rate: frames per second, at least on average.
        time_base: seconds per tick of the frame times; None for a constant rate.
        tags: of the whole file, as "title"; containers have those they know.
        streams: the sound and all else that is written beside the frames; see `carried`.
        effort: of the encoder, for each frame; with "live" what was written until the disk fills
            up is kept under the file's name, and plays.
        alpha: frames are RGBA with straight alpha that is kept; `.mov` and `.webm` only.
        keep_existing: a file that has the name by then is not replaced: this one becomes
            `name-2.mp4`, as `path` says after `close`.

    Raises:
        SinkError: the file cannot be written; also from every method.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        rate: Fraction | float,
        *,
        time_base: Fraction | None = None,
        tags: Mapping[str, str] | None = None,
        streams: FilmStreams | None = None,
        effort: Effort = "good",
        alpha: bool = False,
        keep_existing: bool = False,
    ) -> None:
        self.path = Path(path)
        check_size(str(self.path), width, height, error=SinkError)
        self.frames = 0
        self._size = (width, height)
        self._alpha = alpha
        self._encoding = encoding_of(self.path, effort, alpha=alpha)
        self.stored_size = self._encoding.stored_size(width, height)
        self._constant_rate = time_base is None
        self._live = effort == "live"
        rate = max(Fraction(rate).limit_denominator(100_000), SLOWEST)
        self._time_base = time_base or 1 / rate
        self._usual = max(1, round(1 / rate / self._time_base))  # how long a frame is shown
        self._newest = self._lasts = 0  # when the newest frame is shown and for how long, in ticks
        self._delay: int | None = None  # ticks by which frames are decoded before they are shown
        self._last_ticks: int | None = None
        self._scaler = VideoReformatter()
        self._border = np.empty((*reversed(self.stored_size), 4), np.uint8)
        self._file: HiddenFile | None = None
        self._keep_existing = keep_existing
        self._beside: StreamWriter | None = None
        self._container: OutputContainer | None = None
        try:
            with _as_sink_errors(self.path):
                self._file = HiddenFile(self.path)
                self._container = self._open_container(self._file.hidden)
                self._stream = self._add_video(self._container, rate)
                if streams is not None:
                    self._beside = StreamWriter(streams, self._container, container_of(self.path))
                self._container.metadata.update(tags or {})
                self._container.start_encoding()
        except BaseException:
            self.abort()
            raise

    @property
    def unfinished(self) -> Path | None:
        """The hidden file that is being written; None once it has its name or is removed."""
        return None if self._file is None else self._file.hidden

    @property
    def carried(self) -> FilmStreams | None:
        """What became of the sound and all else beside the frames; final after `close`."""
        return None if self._beside is None else self._beside.streams

    @property
    def encoder(self) -> str:
        return self._stream.codec_context.name

    def write(self, frame: Frame, duration_s: float = 0.0) -> None:
        """Adds a frame; times must rise (a time that does not is raised by one tick).

        `duration_s` is how long it is shown; needed for the last one alone, which no other ends.
        """
        self._opened()
        if frame.size != self._size:
            raise SinkError(
                "{name} is {width}x{height}, the frame {frame_width}x{frame_height}",
                hint="a video file keeps one size",
                name=self.path.name, width=self._size[0], height=self._size[1],
                frame_width=frame.width, frame_height=frame.height,
            )  # fmt: skip
        encoded = self._video_frame(frame)
        encoded.pts = self._ticks(frame)
        encoded.time_base = self._time_base
        encoded.duration = 1 if self._constant_rate else round(duration_s / self._time_base)
        self._newest, self._lasts = encoded.pts, encoded.duration or self._usual
        self._mux(self._encoded(encoded), encoded.pts)
        self.frames += 1

    def close(self) -> None:
        """Completes the file and gives it its name; without a single frame there is no file."""
        if self._container is None:
            return
        if self.frames == 0:
            self.abort()
            return
        try:
            self.complete()
            self._commit()
        except BaseException:
            try:
                if self._live:
                    self._rescue()
            finally:
                self.abort()
            raise
        self._container = None

    def complete(self) -> None:
        """Writes all that is missing, but gives the file no name; for a trial, before `abort`."""
        container = self._opened()
        with _as_sink_errors(self.path):
            container.mux(self._last_packets())
            if self._beside is not None:
                self._beside.copy_until(None)
                self._beside.close()
            container.close()

    def _mux(self, packets: list[Packet[Any]], until: int) -> None:
        """Writes packets, and what begins beside them by that time, in ticks."""
        with _as_sink_errors(self.path):
            self._opened().mux(packets)
            if self._beside is not None:
                self._beside.copy_until(until * self._time_base)

    def _encoded(self, frame: VideoFrame | None) -> list[Packet[Any]]:
        packets = self._stream.encode(frame)
        for packet in packets[: self._delay is None]:
            self._delay = (packet.pts or 0) - (packet.dts or 0)
        return packets

    def _last_packets(self) -> list[Packet[Any]]:
        """Returns what the encoder still held."""
        packets = self._encoded(None)
        for last in packets[-1:]:
            self._lengthen(last)
        return packets

    def _lengthen(self, last: Packet[Any]) -> None:
        """Gives the last packet the duration by which the film ends with its last picture."""
        if not is_mp4(self.path):
            return
        # MP4 adds up durations by times of decoding, which run ahead by the delay.
        by_decoding = self._newest + self._lasts - (last.dts or 0) - (self._delay or 0)
        last.duration = max(by_decoding, self._lasts if last.pts == self._newest else 0)

    def abort(self) -> None:
        """Leaves nothing behind; does nothing after `close`."""
        container, self._container = self._container, None
        if self._beside is not None:
            self._beside.close()
        if container is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _rescue(self) -> None:
        """Gives its name to a file that could not be completed, if it plays all the same."""
        assert self._container is not None
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()
        if self.unfinished is None:  # it is complete, but could not get its name
            return
        with suppress(av.FFmpegError, OSError, StopIteration):
            with open_input(self.unfinished) as written:
                next(written.decode(video=0))
            self._commit()

    def _commit(self) -> None:
        """Gives the file its name; where that fails, the whole file stays under its hidden one."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            self.path = file.commit(keep_existing=self._keep_existing)
        except OSError as error:
            raise SinkError(
                "{path} cannot be written: {reason}",
                hint="what was written is in {hidden}",
                path=self.path, reason=reason_of(error), hidden=file.hidden,
            ) from error  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def _opened(self) -> OutputContainer:
        if self._container is None:
            raise SinkError(
                "{name} is closed", hint="open it again to write more", name=self.path.name
            )
        return self._container

    def _open_container(self, hidden: Path) -> OutputContainer:
        # A live MP4 is playable at any time: it is made of fragments until `close` joins them.
        # Without delay_moov it starts late by the encoder's delay, and crashes when empty.
        flags = "+hybrid_fragmented+delay_moov" if self._live else "+faststart"
        # Else Matroska draws numbers by lot, and two files of the same pictures differ.
        options = {"fflags": "+bitexact"} | ({"movflags": flags} if is_mp4(self.path) else {})
        kind = container_of(self.path).format
        return av.open(f"file:{hidden}", "w", format=kind, container_options=options)

    def _add_video(
        self,
        container: OutputContainer,
        rate: Fraction,
    ) -> VideoStream:
        encoder = self._encoding.encoder
        width, height = self.stored_size
        stream = cast("VideoStream", container.add_stream(encoder, rate=rate))
        stream.width, stream.height, stream.pix_fmt = width, height, self._encoding.format
        stream.time_base = self._time_base
        stream.disposition = Disposition.default
        context = stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = Fraction(1)
        if self._encoding.format != "argb":
            context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.flags |= Flags.frame_duration
        if self._live:
            context.gop_size = round(2 * rate)  # a fragment ends at each key frame
        if encoder == self._encoding.encoders[0]:
            context.options = dict(self._encoding.options)
        else:
            context.bit_rate = int(width * height * rate * BITS_PER_PIXEL)
        return stream

    def _video_frame(self, frame: Frame) -> VideoFrame:
        if frame.format is PixelFormat.RGBA:
            if self._encoding.format == "argb":
                video_frame = VideoFrame.from_numpy_buffer(frame.image, "rgba")
                return self._scaler.reformat(video_frame, format="argb", threads=1)
            image = bleed_colours(frame.image) if self._alpha else self._padded(frame.image)
            return i420_frame(self._scaler, image, self._encoding.format)
        if self._alpha:
            raise SinkError("pictures without alpha cannot go into {name}", name=self.path.name)
        video_frame = VideoFrame.from_ndarray(frame.image, "yuv420p")
        video_frame.colorspace, video_frame.color_range = Colorspace.ITU709, ColorRange.MPEG
        return video_frame

    def _padded(self, image: Image) -> Image:
        """Returns the image at the stored size: a last row or column may stand there twice."""
        if self.stored_size == self._size:
            return image
        width, height = self.stored_size
        below, beside = height - image.shape[0], width - image.shape[1]
        cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE, dst=self._border)
        return self._border

    def _ticks(self, frame: Frame) -> int:
        if self._constant_rate:
            return self.frames
        ticks = round(Fraction(frame.captured_at) / self._time_base)
        if self._last_ticks is not None:
            ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        return ticks


@contextmanager
def _as_sink_errors(path: Path) -> Iterator[None]:
    """Translates the errors of PyAV and of the file system."""
    try:
        yield
    except LivecamError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _sink_error(path, error) from error


def _sink_error(path: Path, error: av.FFmpegError | OSError | ValueError) -> SinkError:
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FullDiskError(
            "the disk is full; {path} is not complete", "free some space", path=path
        )
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SinkError("there is no folder {folder}", "make it first", folder=path.parent)
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return SinkError("{path} may not be written", "choose another folder", path=path)
    if number == errno.ENAMETOOLONG:
        return SinkError(
            "the name {name} is too long for a file", "choose a shorter one", name=path.name
        )
    return SinkError(
        "{path} cannot be written ({reason})",
        hint=_hint(path),
        path=path,
        reason=getattr(error, "strerror", None) or error,
    )


def _hint(path: Path) -> str:
    known = path.suffix.lower() in (*WRITABLE, *WRITABLE_ALPHA)
    if known:
        return to_translate("try another folder or disk, or another ending, such as .mkv")
    return to_translate("use a name that ends in .mp4 or .mkv")


def make_folder(folder: Path) -> None:
    """Makes the folder of a film, and those above it, unless it is there.

    Raises:
        SinkError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            "the folder {folder} cannot be made: {reason}",
            hint="choose another folder",
            folder=folder,
            reason=reason_of(error),
        ) from error

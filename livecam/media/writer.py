"""Writes video files in BT.709, with the sound of another file copied beside them.

H.264 for opaque frames; VP9 (`.webm`) or ProRes 4444 (`.mov`) for frames with alpha, and
run-length encoding (QuickTime Animation, `.mov`) for live ones.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from livecam.core.errors import LivecamError, SinkError
from livecam.core.frame import Frame, PixelFormat, check_size
from livecam.core.hidden_file import HiddenFile
from livecam.core.language import tr
from livecam.media.color import bleed_colours, i420_frame
from livecam.media.opening import open_input
from livecam.media.sound_tracks import SoundCopy

# Encoders in order of preference; x264 is left out of some builds of FFmpeg for its licence.
ENCODERS = ("libx264", "libopenh264", "mpeg4")
QUALITY: dict[str, dict[str, str]] = {
    "live": {"preset": "superfast", "crf": "20"},
    "file": {"preset": "veryfast", "crf": "17"},
}
BITS_PER_PIXEL = 0.15  # for the encoders that know no constant quality

WRITABLE = (".mp4", ".m4v", ".mov", ".mkv")  # containers of H.264 and any sound
WRITABLE_ALPHA = (".mov", ".webm")  # containers of alpha that editors and browsers read


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Encoder, pixel format and options."""

    encoders: tuple[str, ...]  # in order of preference
    format: str  # of the pixels
    options: Mapping[str, str]  # for the first encoder; the others are given a bit rate


def _encoding(suffix: str, width: int, height: int, effort: str, alpha: bool) -> _Encoding:
    even = width % 2 == 0 and height % 2 == 0
    if not alpha:
        return _Encoding(ENCODERS, "yuv420p" if even else "yuv444p", QUALITY[effort])
    if suffix == ".webm":
        quick = {"deadline": "realtime", "cpu-used": "8"}
        good = {"deadline": "good", "cpu-used": "4"}
        # Alpha is a second stream beside the first: frames that are never shown would part them.
        options = {"crf": "20", "b": "0", "auto-alt-ref": "0", "row-mt": "1"}
        return _Encoding(
            ("libvpx-vp9",), "yuva420p", options | (quick if effort == "live" else good)
        )
    if suffix == ".mov" and effort == "live":
        return _Encoding(("qtrle",), "argb", {})  # ProRes takes ten times as long
    if suffix == ".mov":
        options = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
        return _Encoding(("prores_ks",), "yuva444p10le", options)
    raise SinkError(
        "a {suffix} file cannot carry alpha" if suffix else "a nameless file cannot carry alpha",
        hint="use a name that ends in .mov (ProRes 4444) or .webm (VP9)",
        suffix=suffix,
    )


class VideoWriter:
    """Writes one video file; made, used and closed on one thread.

    The file appears under its own name on `close`, complete, or not at all: until then it has a
    hidden name in the same folder, which `abort` removes. Give either `rate` alone (constant
    rate: the n-th frame is shown at n / rate) or `time_base` too (each frame is shown at its
    `captured_at`, rounded to that base, so times read from a file are written unchanged).
    Frames are RGBA or I420; where a side is odd the file is 4:4:4, which fewer players take.

    Args:
        path: `.mp4`, `.mkv`, `.mov` or any container that can hold H.264.
        width: of every frame, in pixels.
        height: of every frame, in pixels.
        rate: frames per second, at least on average.
        time_base: seconds per tick of the frame times; None for a constant rate.
        sound_from: a file whose sound tracks are copied packet by packet, bit for bit, or
            encoded again to AAC where the container cannot hold them (see `sound`).
        sound_origin: the time in that file, in seconds, at which this one begins.
        effort: "file" has the better quality; "live" takes less time per frame, and when the disk
            fills up what was written until then is kept under the file's name, and plays.
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
        sound_from: Path | None = None,
        sound_origin: Fraction = Fraction(0),
        effort: Literal["live", "file"] = "file",
        alpha: bool = False,
        keep_existing: bool = False,
    ) -> None:
        self.path = Path(path)
        check_size(str(self.path), width, height, error=SinkError)
        self.frames = 0
        self._size = (width, height)
        self._alpha = alpha
        self._encoding = _encoding(self.path.suffix.lower(), width, height, effort, alpha)
        self._constant_rate = time_base is None
        self._live = effort == "live"
        rate = Fraction(rate).limit_denominator(100_000)
        self._time_base = time_base or 1 / rate
        self._last_ticks: int | None = None
        self._length = 0  # ticks from the first frame to the end of the last; 0: not known
        self._first_pts: int | None = None
        self._first_dts: int | None = None
        self._scaler = VideoReformatter()
        self._file: HiddenFile | None = None
        self._keep_existing = keep_existing
        self._sound: SoundCopy | None = None
        self._container: OutputContainer | None = None
        try:
            with _as_sink_errors(self.path):
                self._file = HiddenFile(self.path)
                self._container = self._open_container(self._file.hidden)
                self._stream = self._add_video(self._container, rate)
                if sound_from is not None:
                    self._sound = SoundCopy(sound_from, self._container, sound_origin)
                self._container.start_encoding()
        except BaseException:
            self.abort()
            raise

    @property
    def unfinished(self) -> Path | None:
        """The hidden file that is being written; None once it has its name or is removed."""
        return None if self._file is None else self._file.hidden

    @property
    def sound(self) -> str:
        """The result for the sound: "none", "copied", "encoded again as AAC" or as Opus."""
        return tr("none") if self._sound is None else self._sound.outcome

    @property
    def encoder(self) -> str:
        return self._stream.codec_context.name

    def write(self, frame: Frame, duration_s: float = 0.0) -> None:
        """Adds a frame; times must rise (a time that does not is raised by one tick).

        `duration_s` is how long it is shown; needed for the last one alone, which no other ends.
        """
        container = self._opened()
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
        self._note_length(encoded.pts, encoded.duration)
        with _as_sink_errors(self.path):
            for packet in self._stream.encode(encoded):
                self._first_dts = packet.dts if self._first_dts is None else self._first_dts
                container.mux(packet)
            if self._sound is not None:
                self._sound.copy_until(encoded.pts * self._time_base)
        self.frames += 1

    def close(self) -> None:
        """Completes the file and gives it its name; without a single frame there is no file."""
        if self._container is None:
            return
        if self.frames == 0:
            self.abort()
            return
        try:
            with _as_sink_errors(self.path):
                for packet in self._last_packets():
                    self._container.mux(packet)
                if self._sound is not None:
                    self._sound.copy_until(None)
                    self._sound.close()
                self._container.close()
                self._commit()
        except BaseException:
            try:
                if self._live:
                    self._rescue()
            finally:
                self.abort()
            raise
        self._container = None

    def _last_packets(self) -> list[Packet[VideoStream]]:
        """Returns what the encoder still held.

        In MP4 the durations of packets add up to that of the film, and the last packet is often
        not that of the last frame: so it gets what is missing.
        """
        packets = self._stream.encode(None)
        if packets and self._length and packets[-1].dts is not None:
            first = packets[0].dts if self._first_dts is None else self._first_dts
            if first is not None:
                packets[-1].duration = self._length - (packets[-1].dts - first)
        return packets

    def _note_length(self, pts: int, duration: int) -> None:
        self._first_pts = pts if self._first_pts is None else self._first_pts
        self._length = pts + duration - self._first_pts if duration else 0

    def abort(self) -> None:
        """Leaves nothing behind; does nothing after `close`."""
        container, self._container = self._container, None
        if self._sound is not None:
            self._sound.close()
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
        assert self.unfinished is not None
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
                path=self.path, reason=error.strerror, hidden=file.hidden,
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
        is_mp4 = self.path.suffix.lower() in (".mp4", ".mov", ".m4v")
        options = {"movflags": flags} if is_mp4 else {}
        return av.open(f"file:{hidden}", "w", container_options=options)

    def _add_video(
        self,
        container: OutputContainer,
        rate: Fraction,
    ) -> VideoStream:
        encoder = self._encoder()
        width, height = self._size
        stream = cast("VideoStream", container.add_stream(encoder, rate=rate))
        stream.width, stream.height, stream.pix_fmt = width, height, self._encoding.format
        stream.time_base = self._time_base
        context = stream.codec_context
        context.time_base = self._time_base
        context.sample_aspect_ratio = Fraction(1)
        context.flags |= Flags.frame_duration
        if self._encoding.format != "argb":
            context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        if self._live:
            context.gop_size = round(2 * rate)  # a fragment ends at each key frame
        if encoder == self._encoding.encoders[0]:
            context.options = dict(self._encoding.options)
        else:
            context.bit_rate = int(width * height * rate * BITS_PER_PIXEL)
        return stream

    def _encoder(self) -> str:
        for name in self._encoding.encoders:
            if name in av.codecs_available:
                return name
        raise SinkError(
            "this build of FFmpeg cannot encode {names}",
            hint="choose another ending: .mov or .webm",
            names=tr(" or ").join(self._encoding.encoders),
        )

    def _video_frame(self, frame: Frame) -> VideoFrame:
        if frame.format is PixelFormat.RGBA:
            if self._encoding.format == "argb":
                video_frame = VideoFrame.from_numpy_buffer(frame.image, "rgba")
                return self._scaler.reformat(video_frame, format="argb", threads=1)
            image = bleed_colours(frame.image) if self._alpha else frame.image
            return i420_frame(self._scaler, image, self._encoding.format)
        if self._alpha:
            raise SinkError("pictures without alpha cannot go into {name}", name=self.path.name)
        video_frame = VideoFrame.from_ndarray(frame.image, "yuv420p")
        video_frame.colorspace, video_frame.color_range = Colorspace.ITU709, ColorRange.MPEG
        return video_frame

    def _ticks(self, frame: Frame) -> int:
        if self._constant_rate:
            return self.frames
        ticks = round(Fraction(frame.captured_at) / self._time_base)
        if self._last_ticks is not None:
            ticks = max(ticks, self._last_ticks + 1)
        self._last_ticks = ticks
        return ticks


def check_film_name(path: Path, *, alpha: bool = False) -> None:
    """Refuses a name for a live recording by its suffix.

    Raises:
        SinkError: no container has that suffix, or it cannot carry alpha.
    """
    suffix = path.suffix.lower()
    if alpha:
        _encoding(suffix, 2, 2, "live", alpha=True)
        return
    formats = map(av.ContainerFormat, av.formats_available)
    if not suffix or not any(suffix[1:] in f.extensions for f in formats if f.is_output):
        raise SinkError(
            "{path} is no film that can be written",
            hint="use a name that ends in .mp4 or .mkv",
            path=path,
        )


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
            reason=error.strerror,
        ) from error


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
        return SinkError("the disk is full; {path} is not complete", "free some space", path=path)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SinkError("there is no folder {folder}", "make it first", folder=path.parent)
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return SinkError("{path} may not be written", "choose another folder", path=path)
    return SinkError(
        "{path} cannot be written ({reason})",
        hint="use a name that ends in .mp4 or .mkv",
        path=path,
        reason=getattr(error, "strerror", None) or error,
    )

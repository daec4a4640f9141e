"""Sound on its way from one file into another: copied by packets, or encoded again.

Times are moved so that the film begins at 0, and what was heard before is left out.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from livecam.media.streams import CANNOT_DECODE

# The usual loudspeakers for a number of channels, where the file does not name them.
USUAL_LAYOUTS = {
    1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1",
}  # fmt: skip
# Those that decoders of AAC know by number (ISO/IEC 14496-3, table 1.19); others need a table
# in the stream, which many do not read.
AAC_LAYOUTS = USUAL_LAYOUTS | {4: "4.0", 7: "7.1"}
SAFE_RATE = 48_000  # Hz; for encoders that do not know the rate of the source
PRIMING = 3  # packets before the first one that is heard: AAC by Apple has 2112 samples of them
LEADS_S = {"opus": Fraction(7, 1000)}  # what Matroska may hold before 0: 312 samples, in its ticks
# Silence fills a shorter gap; after a longer one the sound goes on at its time.
MAX_GAP_S = 10.0
FRAME = 1024  # samples
# Fills and cuts so that every sample is heard at its time, and never stretches (FFmpeg's manual,
# "aresample"); `first_pts` also fills or cuts the beginning.
ALIGNED = {"async": "1"}
_UNKNOWN_LAYOUT = re.compile(r"\d+ channels")


class CopiedSound:
    """Passes packets on with their times moved; those that end before 0 are left out.

    Args:
        source: the stream in the source.
        target: the stream in the other file.
        origin: seconds in the source that become 0.
        hides_before_start: the container hides what is stored before 0. Then a packet may reach
            across it, and the decoder gets the ones that it needs before.
    """

    def __init__(
        self, source: AudioStream, target: AudioStream, origin: Fraction, hides_before_start: bool
    ) -> None:
        self._target = target
        self._origin = origin
        self._hides = hides_before_start
        self._lead_s = LEADS_S.get(source.codec_context.codec.canonical_name, Fraction(0))
        self._samples = source.codec_context.frame_size  # in each packet; 0: they differ
        self._sample_s = Fraction(1, source.codec_context.sample_rate or SAFE_RATE)
        self._before: deque[Packet[Any]] = deque(maxlen=PRIMING)
        self._last: int | None = None  # the time of the last packet; they must rise
        self._next = 0  # where a packet without a time goes

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        if self._samples and packet.time_base > self._sample_s:
            self._count_samples(packet)
        begins = _begins(packet)
        begins = self._next if begins is None else begins - round(self._origin / packet.time_base)
        self._next = begins + (packet.duration or 0)
        packet.stream, packet.pts = self._target, begins
        if begins < 0 and self._hides and self._next <= 0:
            self._before.append(packet)
        elif self._hides or begins * packet.time_base >= -self._lead_s:
            for each in (*self._before, packet):
                yield self._rising(each)
            self._before.clear()

    def finish(self) -> Iterator[Packet[Any]]:
        return iter(())

    def _count_samples(self, packet: Packet[Any]) -> None:
        """Gives a packet the time of its first sample; Matroska rounds times to milliseconds."""
        begins = _begins(packet)
        if begins is not None:
            samples = round(begins * packet.time_base / self._sample_s)
            rounded = round(packet.time_base / self._sample_s)
            expected = self._next + round(self._origin / self._sample_s)
            packet.pts = expected if abs(samples - expected) <= rounded else samples
        packet.time_base, packet.duration = self._sample_s, self._samples

    def _rising(self, packet: Packet[Any]) -> Packet[Any]:
        assert packet.pts is not None
        if self._last is not None:
            packet.pts = max(packet.pts, self._last + 1)
        packet.dts = self._last = packet.pts
        return packet


class EncodedSound:
    """Decodes packets and encodes them again; every sample keeps its time.

    Args:
        source: the stream in the source, with its layout known.
        target: the stream in the other file.
        origin: seconds in the source that become 0; earlier samples are cut away.
    """

    def __init__(self, source: AudioStream, target: AudioStream, origin: Fraction) -> None:
        self._source = source
        self._target = target
        self._origin = origin
        self._resampler: AudioResampler | None = None
        self._kind: tuple[str, str, int] | None = None  # of the frames that it takes
        self._next_s: Fraction | None = None  # when the last frame ended
        source.codec_context.layout = known_layout(source.codec_context)

    def take(self, packet: Packet[Any] | None) -> Iterator[Packet[Any]]:
        try:
            frames = self._source.decode(packet)
        except av.error.InvalidDataError:  # a damaged packet costs its own sound only
            return
        for frame in frames:
            yield from self._encoded(frame)

    def finish(self) -> Iterator[Packet[Any]]:
        if self._source.codec_context.is_open:
            yield from self.take(None)
            if self._next_s is None:
                raise ValueError(CANNOT_DECODE)
        yield from self._flushed()
        yield from self._target.encode(None)

    def _encoded(self, frame: AudioFrame) -> Iterator[Packet[Any]]:
        begins_s = self._moved(frame)
        gap_s = begins_s - (self._next_s or 0)
        self._next_s = begins_s + Fraction(frame.samples, frame.sample_rate)
        if self._next_s <= 0:
            return
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or kind != self._kind or gap_s > MAX_GAP_S:
            yield from self._flushed()
            self._resampler = self._aligned(is_first=begins_s < MAX_GAP_S and self._kind is None)
            self._kind = kind
        for resampled in self._resampler.resample(frame):
            yield from self._target.encode(resampled)

    def _moved(self, frame: AudioFrame) -> Fraction:
        """Moves a frame by the origin; returns when it begins, in seconds."""
        base = frame.time_base or Fraction(1, frame.sample_rate)
        next_s = self._next_s
        begins_s = next_s or Fraction(0) if frame.pts is None else frame.pts * base - self._origin
        if next_s is not None and begins_s < next_s - MAX_GAP_S:  # the clock was set back
            self._origin += begins_s - next_s
            begins_s = next_s
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(begins_s * frame.sample_rate)
        return begins_s

    def _aligned(self, *, is_first: bool) -> AudioResampler:
        """Makes a resampler; the first one fills or cuts the beginning."""
        context = self._target.codec_context
        return AudioResampler(
            context.format,
            context.layout,
            context.sample_rate,
            frame_size=FRAME,  # without, PyAV passes on what needs no conversion, unaligned
            options=ALIGNED | ({"first_pts": "0"} if is_first else {}),
        )

    def _flushed(self) -> Iterator[Packet[Any]]:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                yield from self._target.encode(resampled)


def _begins(packet: Packet[Any]) -> int | None:
    return packet.pts if packet.pts is not None else packet.dts


def known_layout(context: AudioCodecContext) -> AudioLayout:
    """Returns the loudspeakers of a stream; the usual ones where it only tells their number."""
    layout = context.layout
    if _UNKNOWN_LAYOUT.fullmatch(layout.name) and layout.nb_channels in USUAL_LAYOUTS:
        return AudioLayout(USUAL_LAYOUTS[layout.nb_channels])
    return layout


def copied_sound(source: AudioStream, container: OutputContainer) -> AudioStream:
    """Adds a stream for the packets of another one."""
    target = container.add_stream_from_template(source)
    target.codec_context.layout = known_layout(source.codec_context)
    return target


def encoded_sound(source: AudioStream, container: OutputContainer, encoder: str) -> AudioStream:
    """Adds a stream for sound that is encoded again."""
    rates = av.Codec(encoder, "w").audio_rates or ()
    rate = source.codec_context.sample_rate
    target = cast(
        "AudioStream", container.add_stream(encoder, rate=rate if rate in rates else SAFE_RATE)
    )
    layouts = AAC_LAYOUTS if encoder == "aac" else USUAL_LAYOUTS
    channels = source.codec_context.layout.nb_channels
    target.codec_context.layout = layouts.get(channels, "stereo")
    return target

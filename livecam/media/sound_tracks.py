"""Copies the sound of one film into another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from livecam.core.language import tr
from livecam.media.opening import open_input

SAFE_SOUND = "aac"  # every container and player takes it, except WebM
WEBM_SOUND, WEBM_SOUND_RATE = "libopus", 48_000
SOUND_NAMES = {SAFE_SOUND: "AAC", WEBM_SOUND: "Opus"}


class SoundCopy:
    """Copies the sound tracks of another file into a container, interleaved with its frames."""

    def __init__(self, path: Path, container: OutputContainer, origin: Fraction) -> None:
        self._source: InputContainer = open_input(path)
        self._origin = origin
        tracks = self._source.streams.audio
        self._container = container
        try:
            self._tracks = {track.index: _track(track, container) for track in tracks}
        except BaseException:
            self._source.close()
            raise
        self._packets = _until_damaged(self._source.demux(*tracks) if tracks else iter(()))
        self._waiting: Packet[Any] | None = None
        again = tr("encoded again as {codec}", codec=SOUND_NAMES[_safe_sound(container)])
        encoded = any(isinstance(track, _EncodedTrack) for track in self._tracks.values())
        self.outcome = tr("none") if not tracks else again if encoded else tr("copied")

    def copy_until(self, seconds: Fraction | None) -> None:
        """Copies packets that begin by that time; all remaining ones for None."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = packet
            begins = packet.dts if packet.dts is not None else packet.pts
            begins_s = None if begins is None else begins * packet.time_base - self._origin
            if seconds is not None and begins_s is not None and begins_s > seconds:
                return
            self._waiting = None
            if self._origin and packet.size:
                if begins_s is None or begins_s < 0:
                    continue
                ticks = round(self._origin / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts - ticks
                packet.dts = None if packet.dts is None else packet.dts - ticks
            for out in self._tracks[packet.stream.index].take(packet):
                self._container.mux(out)

    def close(self) -> None:
        self._source.close()


class _CopiedTrack:
    """Passes packets on unchanged."""

    def __init__(self, target: AudioStream) -> None:
        self._target = target

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        if packet.size:  # the one that ends a stream is empty
            packet.stream = self._target
            yield packet


class _EncodedTrack:
    """Decodes packets and encodes them again, in the encoder's own sample format and rate."""

    def __init__(self, source: AudioStream, target: AudioStream) -> None:
        self._target = target
        context = target.codec_context
        self._resampler = AudioResampler(
            context.format, source.codec_context.layout, context.sample_rate
        )

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        with suppress(av.error.InvalidDataError):  # a damaged packet costs its own sound only
            for frame in packet.decode():
                for resampled in self._resampler.resample(cast("AudioFrame", frame)):
                    yield from self._target.encode(resampled)
        if not packet.size:  # the end of the stream
            yield from self._target.encode(None)


def _until_damaged(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Yields the packets of a file up to its first error."""
    with suppress(av.FFmpegError):
        yield from packets


def _track(source: AudioStream, container: OutputContainer) -> _CopiedTrack | _EncodedTrack:
    if source.codec_context.codec.canonical_name in container.supported_codecs:
        return _CopiedTrack(container.add_stream_from_template(source))
    codec = _safe_sound(container)
    rate = WEBM_SOUND_RATE if codec == WEBM_SOUND else source.codec_context.sample_rate
    target = cast("AudioStream", container.add_stream(codec, rate=rate))
    target.codec_context.layout = source.codec_context.layout
    return _EncodedTrack(source, target)


def _safe_sound(container: OutputContainer) -> str:
    return WEBM_SOUND if container.format.name == "webm" else SAFE_SOUND

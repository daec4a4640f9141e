"""Joins the pictures of films that were encoded in pieces, by copying their packets.

Each piece begins with a key frame and needs nothing before it, and all were encoded alike; the
sound and all else is written once, as beside pictures that are encoded in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from av.packet import Packet
from av.video.stream import VideoStream

from livecam.core.errors import SinkError
from livecam.media.encodings import Effort
from livecam.media.opening import open_film, video_stream
from livecam.media.streams import FilmStreams
from livecam.media.writer import VideoWriter


@dataclass(frozen=True, slots=True)
class PictureTimes:
    """When the pictures of a film are shown, and for how long, in ticks of a time base."""

    ticks: Sequence[int]  # rising
    durations: Sequence[int]
    time_base: Fraction  # seconds per tick
    rate: Fraction  # frames per second, on average


def join_pictures(
    pieces: Sequence[Path],
    output: Path,
    size: tuple[int, int],
    times: PictureTimes,
    streams: FilmStreams,
    tags: Mapping[str, str],
    *,
    alpha: bool = False,
    effort: Effort = "good",
) -> FilmStreams:
    """Writes one film of that size from its pieces, in order; all were encoded with that effort.

    Returns what became of the streams beside the pictures. The film appears under its name when it
    is complete, and not at all otherwise.

    Raises:
        SourceError: a piece is missing, or cannot be read.
        SinkError: the film cannot be written, or the pieces do not make up a whole film.
    """
    order = [_Order.of(piece) for piece in pieces]
    if sum(len(each.shown) for each in order) != len(times.ticks):
        raise _unfit(output)
    delay = max(each.delay for each in order)
    with _PacketWriter(
        output, size, times, delay, streams, tags, alpha=alpha, effort=effort
    ) as writer:
        for piece, each in zip(pieces, order, strict=True):
            with open_film(piece) as film:
                stream = video_stream(film, piece)
                writer.check(stream)
                begin = writer.frames
                for packet, shown in zip(_packets(film.demux(stream)), each.shown, strict=True):
                    writer.copy(packet, begin + shown)
    assert writer.carried is not None
    return writer.carried


def piece_suffix(output: Path, *, alpha: bool) -> str:
    """Returns the ending of the pieces of a film: of containers that keep packets as they are.

    MP4 and Matroska would change those of H.264. WebM and QuickTime have alpha, NUT has not.
    """
    return output.suffix.lower() if alpha else ".nut"


@dataclass(frozen=True, slots=True)
class _Order:
    """The order of the pictures of a piece."""

    shown: list[int]  # which picture in the order of showing, for each in that of decoding
    delay: int  # pictures by which decoding is ahead of showing

    @classmethod
    def of(cls, piece: Path) -> _Order:
        with open_film(piece) as film:
            packets = _packets(film.demux(video_stream(film, piece)))
            times = [(packet.pts or 0, packet.dts or 0) for packet in packets]
        rank = dict(zip(sorted(shown for shown, _ in times), count(), strict=False))
        last = rank.get(times[-1][1], len(rank) - 1) if times else 0
        return cls([rank[shown] for shown, _ in times], len(rank) - 1 - last)


class _PacketWriter(VideoWriter):
    """Writes pictures that were encoded before."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        times: PictureTimes,
        delay: int,
        streams: FilmStreams,
        tags: Mapping[str, str],
        *,
        alpha: bool,
        effort: Effort,
    ) -> None:
        self._times, self._ahead = times, min(delay, len(times.ticks) - 1)
        super().__init__(
            path, *size, times.rate, time_base=times.time_base, tags=tags, streams=streams,
            alpha=alpha, effort=effort,
        )  # fmt: skip

    def check(self, piece: VideoStream) -> None:
        """Refuses pictures that were encoded in another way than this file announces."""
        own, other = self._stream.codec_context, piece.codec_context
        same = (own.width, own.height) == (other.width, other.height)
        if not same or (own.extradata or b"") != (other.extradata or b""):
            raise _unfit(self.path)

    def copy(self, packet: Packet[Any], index: int) -> None:
        """Adds the next packet, in the order of decoding: that of the picture of that index."""
        ticks = self._times.ticks
        packet.stream, packet.time_base = self._stream, self._time_base
        packet.pts, packet.dts = ticks[index], self._decoded_at(self.frames)
        packet.duration = self._times.durations[index]
        self.frames += 1
        if self.frames == len(ticks):
            self._newest, self._lasts = ticks[-1], self._times.durations[-1] or self._usual
            self._delay = ticks[self._ahead] - ticks[0]
            self._lengthen(packet)
        self._mux([packet], ticks[index])

    def _decoded_at(self, place: int) -> int:
        """Returns when a packet is decoded, as encoders have it."""
        ticks, delay = self._times.ticks, self._ahead
        if place >= delay:
            return ticks[place - delay]
        return ticks[place] - (ticks[delay] - ticks[0])

    def _last_packets(self) -> list[Packet[Any]]:
        return []


def _packets(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Yields packets with data; those that end a stream are empty."""
    return (packet for packet in packets if packet.size)


def _unfit(output: Path) -> SinkError:
    return SinkError(
        "{path} cannot be joined: its pieces do not fit together",
        hint="the film was changed, or livecam differs, where they were made; convert it again",
        path=output,
    )

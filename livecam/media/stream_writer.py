"""Writes the streams of another film beside the pictures of a new one, interleaved with them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Any, Protocol

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

from livecam.core.language import to_translate
from livecam.media.containers import Container
from livecam.media.opening import open_input
from livecam.media.sound_streams import CopiedSound, EncodedSound, copied_sound, encoded_sound
from livecam.media.streams import FilmStreams, StreamPlan, Way
from livecam.media.subtitle_streams import ConvertedSubtitles, CopiedSubtitles
from livecam.media.tags import readable

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EPIPE)
NOT_OF_A_STREAM = Disposition.attached_pic | Disposition.timed_thumbnails
ENDS_EARLY = to_translate("its end is missing")


class _Passing(Protocol):
    """What happens to the packets of one stream."""

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Yields what is to be written for a packet of the source."""

    def finish(self) -> Iterator[Packet[Any]]:
        """Yields what is to be written at the end."""


class StreamWriter:
    """Writes streams into a container; made, used and closed on one thread.

    A stream that fails in the middle ends there: it never costs the film. In a trial, where
    `streams` has a limit, its error is raised instead.

    Raises:
        OSError, av.FFmpegError, ValueError: the source cannot be read, a stream does not fit into
            the container, or the disk is full; also from `copy_until`.
    """

    def __init__(self, streams: FilmStreams, container: OutputContainer, kind: Container) -> None:
        self.streams = streams
        self._container = container
        self._kind = kind
        self._source = open_input(streams.source)
        try:
            self._passing = {
                plan.index: passing
                for plan in streams.taken
                if (passing := self._added(plan)) is not None
            }
            wanted = [self._source.streams[index] for index in self._passing]
            container.metadata.update(streams.tags)
            container.set_chapters(list(streams.chapters))
        except BaseException:
            self._source.close()
            raise
        packets = self._source.demux(*wanted) if wanted else iter(())
        self._packets = _until_damaged(_limited(packets, streams.limit))
        self._waiting: Packet[Any] | None = None

    def copy_until(self, seconds: Fraction | None) -> None:
        """Writes what begins by that time of the new film; all that remains for None."""
        while (packet := self._waiting or next(self._packets, None)) is not None:
            self._waiting = packet
            if seconds is not None and self._begins_s(packet) > seconds:
                return
            self._waiting = None
            self._pass(packet.stream.index, packet)
        if seconds is None:
            for index in list(self._passing):
                self._pass(index, None)

    def close(self) -> None:
        self._source.close()

    def _begins_s(self, packet: Packet[Any]) -> Fraction:
        """Returns when a packet begins in the new film; at its start, where nothing tells."""
        begins = packet.dts if packet.dts is not None else packet.pts
        return Fraction(0) if begins is None else begins * packet.time_base - self.streams.origin

    def _pass(self, index: int, packet: Packet[Any] | None) -> None:
        """Writes a packet, or the end of a stream."""
        passing = self._passing.get(index)
        if passing is None:
            return
        try:
            for out in passing.finish() if packet is None else passing.take(packet):
                self._container.mux(out)
        except (av.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in DISK_ERRORS:
                raise
            if self.streams.limit is not None:
                raise
            self._end_early(index)

    def _end_early(self, index: int) -> None:
        del self._passing[index]
        plan = next(each for each in self.streams.streams if each.index == index)
        self.streams = self.streams.with_stream(replace(plan, reason=ENDS_EARLY))

    def _added(self, plan: StreamPlan) -> _Passing | None:
        """Adds a stream to the container; an attachment is complete with that."""
        source = self._source.streams[plan.index]
        target, passing = self._target(plan, source)
        target.disposition = source.disposition & ~NOT_OF_A_STREAM
        target.metadata.update(plan.tags)
        if self._kind.hides_before_start and "title" in plan.tags:
            target.metadata["handler_name"] = plan.tags["title"]  # where some players look
        return passing

    def _target(self, plan: StreamPlan, source: Stream) -> tuple[Stream, _Passing | None]:
        if isinstance(source, AudioStream):
            return self._sound(plan, source)
        if isinstance(source, SubtitleStream):
            return self._subtitles(plan, source)
        target = self._container.add_stream_from_template(source)
        for name, value in target.metadata.items():
            target.metadata[name] = readable(value)
        return target, None

    def _sound(self, plan: StreamPlan, source: AudioStream) -> tuple[Stream, _Passing]:
        origin = self.streams.origin
        if plan.way is Way.COPIED:
            target = copied_sound(source, self._container)
            return target, CopiedSound(source, target, origin, self._kind.hides_before_start)
        target = encoded_sound(source, self._container, plan.encoder)
        return target, EncodedSound(source, target, origin)

    def _subtitles(self, plan: StreamPlan, source: SubtitleStream) -> tuple[Stream, _Passing]:
        origin = self.streams.origin
        if plan.way is Way.COPIED:
            target = self._container.add_stream_from_template(source)
            return target, CopiedSubtitles(target, origin)
        converted = ConvertedSubtitles(source, self._container, plan.encoder, origin)
        return converted.target, converted


def _limited(packets: Iterator[Packet[Any]], limit: int | None) -> Iterator[Packet[Any]]:
    """Yields so many packets of data; those that end a stream are empty."""
    yield from islice((packet for packet in packets if packet.size), limit)


def _until_damaged(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Yields the packets of a file up to its first error."""
    # PyAV fails with IndexError at the end of a transport stream in which streams appeared late.
    with suppress(av.FFmpegError, IndexError):
        yield from packets

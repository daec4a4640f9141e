"""Subtitles on their way from one file into another: copied, or in another form of text."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

MS = Fraction(1, 1000)


class CopiedSubtitles:
    """Passes packets on with their times moved; those that end before 0 are left out."""

    def __init__(self, target: SubtitleStream, origin: Fraction) -> None:
        self._target = target
        self._origin = origin
        self._last = 0

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        span = _span(packet, self._origin, packet.time_base)
        if span is not None:
            packet.stream = self._target
            packet.pts = packet.dts = self._last = max(span[0], self._last)
            packet.duration = span[1]
            yield packet

    def finish(self) -> Iterator[Packet[Any]]:
        return iter(())


class ConvertedSubtitles:
    """Decodes texts and encodes them again; those that end before 0 are left out."""

    def __init__(
        self, source: SubtitleStream, container: OutputContainer, encoder: str, origin: Fraction
    ) -> None:
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        self.target = cast("SubtitleStream", container.add_stream(encoder))
        self.target.time_base = MS
        context = self.target.codec_context
        context.time_base = MS
        # The encoder reads the header as a text of C.
        context.subtitle_header = (self._decoder.subtitle_header or b"") + b"\0"
        self._origin = origin

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        try:
            texts = self._decoder.decode2(packet)
        except av.error.InvalidDataError:  # a damaged packet costs its own text only
            return
        span = _span(packet, self._origin, MS)
        if texts is None or span is None or not len(texts):
            return
        encoded = self.target.codec_context.encode_subtitle(texts)
        encoded.stream, encoded.time_base = self.target, MS
        encoded.pts = encoded.dts = span[0]
        encoded.duration = span[1]
        yield encoded

    def finish(self) -> Iterator[Packet[Any]]:
        return iter(())


def _span(packet: Packet[Any], origin: Fraction, base: Fraction) -> tuple[int, int] | None:
    """Returns when a text is shown and for how long, in ticks of `base`; None: before 0."""
    begins = packet.pts if packet.pts is not None else packet.dts
    if begins is None:
        return None
    at = round((begins * packet.time_base - origin) / base)
    lasts = round((packet.duration or 0) * packet.time_base / base)
    return (max(at, 0), lasts + min(at, 0)) if at + lasts > 0 or at >= 0 else None

"""The streams of a film beside its pictures: what becomes of each in another file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from av.codec.context import CodecContext
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from livecam.core.language import to_translate, tr
from livecam.media.containers import Container, container_of, held_codecs
from livecam.media.opening import open_film
from livecam.media.tags import chapters, film_tags, readable, stream_tags

if TYPE_CHECKING:
    from av.container.core import Chapter

TEXT_SUBTITLES = frozenset(("subrip", "ass", "webvtt", "mov_text", "text"))
SOUND_NAMES = {"aac": "AAC", "libopus": "Opus"}
KINDS = {
    "audio": to_translate("sound {number}"),
    "subtitle": to_translate("subtitles {number}"),
    "video": to_translate("further pictures {number}"),
    "attachment": to_translate("attachment {number}"),
    "data": to_translate("data {number}"),
}

UNKNOWN = "?"  # a codec that this build of FFmpeg does not know

CANNOT_HOLD = to_translate("this container cannot hold it")
CANNOT_DECODE = to_translate("it cannot be decoded")
MAY_SHOW_FACE = to_translate("it may show the face")
MAY_TELL = to_translate("it may tell about places and persons")


class Way(Enum):
    """What becomes of a stream."""

    COPIED = "copied"
    ENCODED = "encoded"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What becomes of one stream."""

    index: int  # in the source
    type: str  # as PyAV names it: audio, subtitle, video, attachment, data
    number: int  # among those of its type, from 1
    codec: str  # in the source
    way: Way
    encoder: str = ""  # that it is encoded with
    reason: str = ""  # why it is left out, or where it ends
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        return self.type == "audio"

    def left_out(self, reason: str) -> StreamPlan:
        return replace(self, way=Way.LEFT_OUT, reason=reason)

    @property
    def outcome(self) -> str:
        """What becomes of it, in words."""
        if self.way is Way.LEFT_OUT:
            return tr("left out ({reason})", reason=tr(self.reason))
        words = tr("copied")
        if self.way is Way.ENCODED:
            codec = SOUND_NAMES.get(self.encoder, self.encoder)
            words = tr("encoded again as {codec}", codec=codec)
        return words if not self.reason else f"{words} ({tr(self.reason)})"

    def __str__(self) -> str:
        about = [self.codec, self.tags.get("language", ""), self.tags.get("title", "")]
        what = tr(KINDS.get(self.type, KINDS["data"]), number=self.number)
        about_words = tr(", ").join(word for word in about if word)
        return tr("{what} ({about}): {outcome}", what=what, about=about_words, outcome=self.outcome)


@dataclass(frozen=True, slots=True)
class FilmStreams:
    """What is taken over from a film beside its pictures."""

    source: Path
    origin: Fraction = Fraction(0)  # seconds: this time of the source is 0 in the copy
    streams: tuple[StreamPlan, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    limit: int | None = None  # packets that are read at most, for a trial

    @property
    def sound(self) -> str:
        """What becomes of the sound, in words; "none" where there is none."""
        words = [stream.outcome for stream in self.streams if stream.is_sound]
        return tr(", ").join(dict.fromkeys(words)) or tr("none")

    @property
    def taken(self) -> tuple[StreamPlan, ...]:
        """The streams that are written."""
        return tuple(each for each in self.streams if each.way is not Way.LEFT_OUT)

    def with_stream(self, changed: StreamPlan) -> FilmStreams:
        """Returns the same with another plan for one stream."""
        streams = (changed if each.index == changed.index else each for each in self.streams)
        return replace(self, streams=tuple(streams))


def plan_streams(source: Path, target: Path, origin: Fraction = Fraction(0)) -> FilmStreams:
    """Plans what is taken over from a file into one whose name is `target`.

    What lies before `origin`, a time of the source in seconds, is left out.

    Raises:
        SourceError: the source cannot be read.
        SinkError: there is no such container.
    """
    container = container_of(target)
    held = held_codecs(target.suffix.lower())
    with open_film(source) as film:
        pictures = next(filter(_is_pictures, film.streams.video), None)
        titles = len(film.chapters())
        others = [
            each
            for each in film.streams
            if each is not pictures and not _is_chapter_text(each, titles)
        ]
        plans = _numbered([_planned(each, container, held) for each in others])
        found = tuple(chapters(film, origin))
        return FilmStreams(source, origin, plans, film_tags(film), found)


def _planned(stream: Stream, container: Container, held: frozenset[str]) -> StreamPlan:
    plan = StreamPlan(
        stream.index, stream.type, 0, _codec(stream), Way.COPIED, tags=stream_tags(stream.metadata)
    )
    if stream.type == "audio":
        return _sound(plan, container, held)
    if stream.type == "subtitle":
        return _subtitles(plan, container, held)
    if isinstance(stream, AttachmentStream):
        return plan if container.fonts and _is_font(stream) else plan.left_out(MAY_SHOW_FACE)
    return plan.left_out(MAY_SHOW_FACE if stream.type == "video" else MAY_TELL)


def _sound(plan: StreamPlan, container: Container, held: frozenset[str]) -> StreamPlan:
    if plan.codec == UNKNOWN:
        return plan.left_out(CANNOT_DECODE)
    if plan.codec in held and (container.sound is None or plan.codec in container.sound):
        return plan
    return replace(plan, way=Way.ENCODED, encoder=container.encoder)


def _subtitles(plan: StreamPlan, container: Container, held: frozenset[str]) -> StreamPlan:
    if plan.codec in held:
        return plan
    if plan.codec in TEXT_SUBTITLES:
        return replace(plan, way=Way.ENCODED, encoder=container.subtitle_encoder)
    return plan.left_out(CANNOT_HOLD)


def _codec(stream: Stream) -> str:
    context: CodecContext | None = stream.codec_context
    if context is not None:
        return context.codec.canonical_name
    return readable(str(getattr(stream, "name", None) or "")) or UNKNOWN


def _is_pictures(stream: VideoStream) -> bool:
    """Whether it is a film, not a cover."""
    return not stream.disposition & Disposition.attached_pic and stream.codec_context is not None


def _is_font(stream: AttachmentStream) -> bool:
    kind = (stream.mimetype or "").lower()
    return "font" in kind or "opentype" in kind


def _is_chapter_text(stream: Stream, titles: int) -> bool:
    """Whether it is the track in which QuickTime keeps the titles of so many chapters."""
    return stream.type == "data" and 0 < titles == stream.frames


def _numbered(plans: Sequence[StreamPlan]) -> tuple[StreamPlan, ...]:
    counts: Counter[str] = Counter()
    numbered = []
    for plan in plans:
        counts[plan.type] += 1
        numbered.append(replace(plan, number=counts[plan.type]))
    return tuple(numbered)

"""Converts a long film in pieces, each in any process or on any machine, and joins them.

All take and return values that can be pickled. In this order:

begin_film     refuses what cannot be cut, and tries the output
survey_piece   tracks some frames of the film, a range of `survey_ranges`; all at once
plan_pieces    joins what was found, plans every frame, learns the backgrounds
write_piece    draws some frames of the plan, a range of `cut_film`; all at once
join_pieces    copies the pictures into one film, and writes its sound and all else once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

from livecam.config.settings import BACKGROUNDS, Settings
from livecam.convert.build import Surveyor
from livecam.convert.drawing import FilmDrawer
from livecam.convert.film import WrittenFilm
from livecam.convert.film_plan import FilmPlan, film_plan_of
from livecam.convert.film_segmentation import segmentation_opener
from livecam.convert.jobs import ConversionJob
from livecam.convert.outcome import Outcome
from livecam.convert.output import streams_for
from livecam.convert.plan import ShotPlan
from livecam.convert.report import ConversionReport
from livecam.convert.spans import WearerSpan
from livecam.convert.summary import log_defects, summary
from livecam.convert.survey import WHOLE, Advance, Survey, SurveyPart
from livecam.convert.thumbnails import FilmRecord
from livecam.core.errors import UsageError
from livecam.media.containers import WRITABLE, WRITABLE_ALPHA
from livecam.media.joining import PictureTimes, join_pictures, piece_suffix
from livecam.media.results import RESULT_TAGS
from livecam.media.stills import is_still, open_pictures
from livecam.media.streams import FilmStreams
from livecam.pipeline.states import Shown

MIN_PIECE = 25  # frames
# Light, noise and brightness are measured over time: a piece begins with the frames before it,
# which are drawn and not written. First one a second, for what settles within half a minute, then
# all, for the rest.
SPARSE_S, DENSE_S = 60.0, 5.0
SPARSE_STEP_S = 1.0
NEAR_CUT = 0.15  # of the length of a piece: a cut of the film so near is where it is divided


@dataclass(frozen=True, slots=True)
class Piece:
    """Some frames of a film, drawn and encoded."""

    frames: range
    path: Path
    written: WrittenFilm
    record: FilmRecord | None


@dataclass(frozen=True, slots=True)
class BegunFilm:
    """A film that will be converted in pieces."""

    job: ConversionJob
    frames: int  # that the file announces; 0 where it does not know
    streams: FilmStreams  # that will be written beside the pictures


def check_pieces(job: ConversionJob, settings: Settings) -> None:
    """Refuses what can be converted as a whole only: photos, and what goes on through a film.

    Raises:
        UsageError: it cannot be converted in pieces.
    """
    endings = WRITABLE_ALPHA if settings.picture.is_alpha else WRITABLE
    if is_still(job.source) or job.output.suffix.lower() not in endings:
        raise UsageError(
            "{name} cannot be converted in pieces",
            hint="films that become {kinds} can",
            name=job.source.name,
            kinds=", ".join(endings),
        )
    if settings.motion.record_motion or _has_film_behind(settings):
        raise UsageError(
            "{name} cannot be converted in pieces",
            hint="convert it as a whole: a take is recorded, or a film is the background",
            name=job.source.name,
        )


def begin_film(job: ConversionJob, settings: Settings) -> BegunFilm:
    """Tries whether a film can be read and written.

    Raises:
        UsageError: it cannot be converted in pieces.
        SourceError: it cannot be read.
        SinkError: it cannot be written there.
    """
    check_pieces(job, settings)
    streams = streams_for(job, settings)
    with open_pictures(job.source) as film:
        return BegunFilm(job, film.info.frames, streams)


def survey_ranges(frames: int, pieces: int) -> list[range]:
    """Divides a film that announces so many frames; the last range has no end."""
    begins = sorted({frames * k // pieces for k in range(pieces)})
    return [range(a, b) for a, b in pairwise((*begins, WHOLE.stop))]


def survey_piece(
    source: Path, frames: range, settings: Settings, advance: Advance = lambda frames: None
) -> SurveyPart:
    """Tracks some frames of a film; see `survey_part`."""
    return Surveyor(settings).part(source, frames, advance)


def plan_pieces(
    begun: BegunFilm,
    parts: Sequence[SurveyPart],
    settings: Settings,
    *,
    strict: bool = False,
    pass_unsure: bool = False,
    report: ConversionReport | None = None,
) -> FilmPlan:
    """Plans a film of which all parts were surveyed; see `film_plan_of`."""
    found = Surveyor(settings).joined(parts)
    log_defects(found)
    with segmentation_opener(settings)() as segmentation:
        return film_plan_of(
            begun.job, found, begun.streams, settings, segmentation,
            strict=strict, pass_unsure=pass_unsure, report=report,
        )  # fmt: skip


def cut_film(film: FilmPlan, pieces: int) -> list[range]:
    """Divides a film into so many pieces of about the same length, at cuts where one is near.

    There are fewer where they would be shorter than MIN_PIECE frames.
    """
    count = len(film.survey.times)
    pieces = max(1, min(pieces, count // MIN_PIECE))
    cuts = [plan.frames.start for plan in film.plans]
    ends = [0]
    for k in range(1, pieces):
        even = count * k // pieces
        nearest = min(cuts, key=lambda cut: abs(cut - even))
        ends.append(nearest if abs(nearest - even) <= NEAR_CUT * count / pieces else even)
    return [range(a, b) for a, b in pairwise((*ends, count))]


def piece_of(film: FilmPlan, frames: range) -> FilmPlan:
    """Returns the part of a plan that a piece needs: less to send."""
    needed = range(min(warm_up(film, frames.start), default=frames.start), frames.stop)
    plans = tuple(_for_piece(plan, needed) for plan in film.plans if _overlap(plan.frames, needed))
    starts = {plan.frames.start for plan in plans}
    plates = film.plates
    if plates is not None:
        plates = {start: plate for start, plate in plates.items() if start in starts}
    return replace(film, plans=plans, plates=plates)


def write_piece(
    film: FilmPlan,
    frames: range,
    folder: Path,
    settings: Settings,
    advance: Advance = lambda frames: None,
) -> Piece:
    """Draws some frames of a film, and writes them into a file in that folder.

    Raises:
        LivecamError: and there is no such file.
    """
    output = film.job.output
    suffix = piece_suffix(output, alpha=settings.picture.is_alpha)
    path = folder / f"{output.stem}-{frames.start}{suffix}"
    record = None if film.record is None else replace(film.record, thumbnails=[])
    with (
        FilmDrawer(settings) as drawer,
        segmentation_opener(settings)(film.plates) as segmentation,
    ):
        written = drawer.write(
            film, path, None, segmentation, advance,
            record=record, frames=frames, before=frozenset(warm_up(film, frames.start)),
        )  # fmt: skip
    return Piece(frames, path, written, record)


def join_pieces(
    film: FilmPlan, pieces: Sequence[Piece], settings: Settings, took_s: float = 0.0
) -> Outcome:
    """Joins the pieces of a film; they are left where they are.

    Raises:
        SourceError: a piece cannot be read.
        SinkError: the film cannot be written, or the pieces do not make up a whole film.
    """
    ordered = sorted(pieces, key=lambda piece: piece.frames.start)
    streams = join_pictures(
        [piece.path for piece in ordered], film.job.output, film.survey.size,
        _picture_times(film.survey), film.streams, RESULT_TAGS, alpha=settings.picture.is_alpha,
        effort=settings.film.quality,
    )  # fmt: skip
    records = [piece.record for piece in ordered if piece.record is not None]
    record = film.record
    if record is not None and records:
        thumbnails = [each for part in records for each in part.thumbnails]
        tier = next((part.tier for part in records if part.tier), "")
        quality = records[0].quality
        record = replace(record, thumbnails=thumbnails, tier=tier, quality=quality)
    written = WrittenFilm(ordered[0].written.stored_size, streams)
    return summary(replace(film, record=record), written, took_s)


def warm_up(film: FilmPlan, start: int) -> list[int]:
    """Returns the frames that are drawn before a piece that begins there, in order."""
    frames, last_s, total_s = list[int](), 0.0, 0.0
    for plan in reversed(film.plans):
        if plan.state is not Shown.AVATAR:
            continue
        for index in reversed(plan.frames[: max(0, start - plan.frames.start)]):
            total_s += film.survey.duration_at(index)
            if total_s > SPARSE_S:
                return frames[::-1]
            if total_s <= DENSE_S or total_s >= last_s + SPARSE_STEP_S:
                frames.append(index)
                last_s = total_s
    return frames[::-1]


def _has_film_behind(settings: Settings) -> bool:
    background = settings.picture.background.strip()
    is_file = background.lower() not in BACKGROUNDS and not background.startswith("#")
    return is_file and not is_still(Path(background))


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _for_piece(plan: ShotPlan, needed: range) -> ShotPlan:
    """Returns a plan without the landmarks in other frames, which are not drawn."""
    return replace(plan, spans=tuple(_span_for_piece(span, needed) for span in plan.spans))


def _span_for_piece(span: WearerSpan, needed: range) -> WearerSpan:
    states = tuple(
        face if index in needed else replace(face, landmarks_px=None)
        for index, face in zip(span.frames, span.states, strict=True)
    )
    return replace(span, states=states)


def _picture_times(survey: Survey) -> PictureTimes:
    base = survey.info.time_base
    ticks = list(accumulate(
        (round(Fraction(at) / base) for at in survey.times.tolist()),
        lambda before, at: max(at, before + 1),
    ))  # fmt: skip
    durations = [round(survey.duration_at(index) / base) for index in range(len(ticks))]
    return PictureTimes(ticks, durations, base, survey.info.rate)

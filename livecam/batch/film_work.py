"""The work on one long film that is cut into pieces, step by step, wherever each step runs.

The same functions of `convert/pieces.py`, with files that may lie on other machines: a step fetches
what it needs. Pieces wait in a folder beside the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Generic, TypeVar

from livecam.batch.item import Item, sha256_of_files
from livecam.batch.record import FOLDER, read_record
from livecam.batch.work import (
    ItemState,
    Orders,
    Result,
    check_replacing,
    local_job,
    publish_result,
    record_result,
)
from livecam.convert.film_plan import FilmPlan
from livecam.convert.jobs import ConversionJob
from livecam.convert.pieces import (
    BegunFilm,
    Piece,
    begin_film,
    check_pieces,
    cut_film,
    join_pieces,
    piece_of,
    plan_pieces,
    survey_piece,
    write_piece,
)
from livecam.convert.report import ConversionReport
from livecam.convert.survey import SurveyPart
from livecam.core.errors import LivecamError
from livecam.media.stills import open_pictures
from livecam.storage.place import Place

V = TypeVar("V")
MIN_PIECES = 2.0  # a film is cut if it is so many times as long as a piece
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Step(Generic[V]):
    """What one step returns, and the seconds of processor time that it took."""

    value: V
    cpu_s: float


@dataclass(frozen=True, slots=True)
class LongFilm:
    """A film that is to be cut into so many pieces."""

    begun: BegunFilm
    pieces: int
    source_sha256: str


def begin(item: Item, job: ConversionJob, orders: Orders) -> LongFilm | None:
    """Begins an item that is to be cut; None if it is converted as a whole.

    Raises:
        LivecamError: it cannot be read or written, or a file would be lost.
    """
    pieces = _pieces(job, item, orders)
    if pieces < MIN_PIECES:
        return None
    check_replacing(item, job, orders)
    remove_pieces(item.output)
    return LongFilm(begin_film(job, item.settings), pieces, sha256_of_files(job.source))


def _pieces(job: ConversionJob, item: Item, orders: Orders) -> int:
    """Returns into how many pieces a film is cut; 1 if it is not, or cannot be read."""
    if not orders.piece_s or not job.source.is_file():
        return 1
    try:
        check_pieces(job, item.settings)
        with open_pictures(job.source) as film:
            seconds = film.info.frames / float(film.info.rate)
    except LivecamError:  # told by the one who converts it as a whole
        return 1
    return ceil(seconds / orders.piece_s) if seconds >= MIN_PIECES * orders.piece_s else 1


def survey(item: Item, frames: range, advance: Advance) -> SurveyPart:
    """Tracks some frames."""
    with local_job(item) as job:
        return survey_piece(job.source, frames, item.settings, advance)


def plan(item: Item, orders: Orders, film: LongFilm, parts: Sequence[SurveyPart]) -> FilmPlan:
    """Plans all frames, and learns the backgrounds."""
    with local_job(item) as job:
        here = [replace(part, info=replace(part.info, path=job.source)) for part in parts]
        begun = replace(film.begun, job=job, streams=replace(film.begun.streams, source=job.source))
        report = ConversionReport(Path(), orders.pictures, orders.pictures_each)
        return plan_pieces(
            begun, here, item.settings,
            strict=item.strict, pass_unsure=item.pass_unsure, report=report,
        )  # fmt: skip


def cost(step: Step[V] | Result) -> float | Result:
    """Returns the seconds of processor time of a step, or the result of one that failed."""
    return step if isinstance(step, Result) else step.cpu_s


def ranges(film: Step[FilmPlan], pieces: int) -> list[range]:
    """Returns the frames of each piece."""
    return cut_film(film.value, pieces)


def piece_plan(film: Step[FilmPlan], frames: range) -> FilmPlan:
    """Returns what must be known for one piece."""
    return piece_of(film.value, frames)


def outline(film: Step[FilmPlan]) -> FilmPlan:
    """Returns a plan without its largest part, for the one who joins the pieces."""
    plans = tuple(
        replace(
            plan,
            spans=tuple(
                replace(
                    span, states=tuple(replace(each, landmarks_px=None) for each in span.states)
                )
                for span in plan.spans
            ),
        )
        for plan in film.value.plans
    )
    return replace(film.value, plans=plans, plates=None)


def write(item: Item, film: FilmPlan, frames: range, advance: Advance) -> Piece:
    """Draws some frames into a piece, which waits beside the result."""
    with local_job(item) as job:
        folder = pieces_folder(item.output)
        local = folder.local_path or job.output.parent
        local.mkdir(parents=True, exist_ok=True)
        piece = write_piece(_here(film, job), frames, local, item.settings, advance)
        if folder.local_path is None:
            folder.child(piece.path.name).upload(piece.path)
        return piece


def join(
    item: Item, film: FilmPlan, long: LongFilm, pieces: Sequence[Piece], took_s: float, cpu_s: float
) -> Result:
    """Joins the pieces, sends the result where it belongs, and records it.

    The pieces go last: a worker that is lost meanwhile loses nothing, another one joins them again.
    """
    used = time.process_time()
    folder = pieces_folder(item.output)
    if (recorded := _recorded(item)) is not None:
        remove_pieces(item.output)
        return recorded
    with local_job(item) as job:
        there = list(pieces)
        if folder.local_path is None:
            there = [replace(each, path=job.output.parent / each.path.name) for each in pieces]
            for each in there:
                folder.child(each.path.name).download(each.path)
        outcome = join_pieces(_here(film, job), there, item.settings, took_s)
        publish_result(item, job)
    cpu_s += time.process_time() - used
    outcome = record_result(item, outcome, long.source_sha256, cpu_s)
    remove_pieces(item.output)
    return Result(ItemState.DONE, outcome, cpu_s)


def _recorded(item: Item) -> Result | None:
    """Returns the result of a film whose worker was lost after it had recorded it."""
    record = read_record(item.output)
    if record is None or record.outcome is None:
        return None
    return Result(ItemState.DONE, record.outcome, record.cpu_s)


def pieces_folder(output: Place) -> Place:
    """Returns the folder in which the pieces of an output wait."""
    return output.parent.child(FOLDER).child(f"{output.name}.pieces")


def remove_pieces(output: Place) -> None:
    """Removes the pieces of an output, also those that a killed run has left."""
    folder = pieces_folder(output)
    if folder.is_folder():
        for name in folder.names():
            folder.child(name).remove()
    if folder.local_path is not None:
        with suppress(OSError):
            folder.local_path.rmdir()


def _here(film: FilmPlan, job: ConversionJob) -> FilmPlan:
    """Returns a plan with the files of this machine."""
    info = replace(film.survey.info, path=job.source)
    return replace(
        film, job=job, survey=replace(film.survey, info=info),
        streams=replace(film.streams, source=job.source),
    )  # fmt: skip

"""Converts one film after the other; the outcome of each is returned."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from livecam.config.settings import Settings
from livecam.convert.build import Surveyor
from livecam.convert.drawing import FilmDrawer
from livecam.convert.film_plan import film_plan_of
from livecam.convert.film_segmentation import segmentation_opener
from livecam.convert.jobs import ConversionJob, check_job, jobs_for
from livecam.convert.outcome import Conversion, Outcome
from livecam.convert.output import streams_for
from livecam.convert.progress import FilmProgress, NoProgress
from livecam.convert.report import ConversionReport, check_report, write_report
from livecam.convert.summary import log_defects, summary
from livecam.convert.thumbnails import (
    ReportPictures,
    pictures_each,
)
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.errors import LivecamError, UsageError, file_error, reason_of
from livecam.core.language import tr
from livecam.core.places import check_own_file
from livecam.motion.take import TakeWriter
from livecam.pipeline.stats import StatsWriter, check_stats

log = logging.getLogger(__name__)


class Converter:
    """Holds what all films share: graphics, avatar and settings. One thread; use with `with`."""

    def __init__(
        self,
        settings: Settings,
        *,
        strict: bool = False,
        pass_unsure: bool = False,
        report: ConversionReport | None = None,
    ) -> None:
        self.settings = settings
        self._surveyor = Surveyor(settings)
        self._drawer = FilmDrawer(settings)
        self._open_segmentation = segmentation_opener(settings)
        self._planned = partial(film_plan_of, strict=strict, pass_unsure=pass_unsure, report=report)

    @property
    def renderer(self) -> str:
        """What draws, as OpenGL names it."""
        return self._drawer.renderer

    def __enter__(self) -> Converter:
        self._drawer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._drawer.__exit__()

    def convert(
        self, job: ConversionJob, stats: StatsWriter | None, progress: FilmProgress
    ) -> Outcome:
        """Converts one film.

        Raises:
            LivecamError: and the output was not touched.
        """
        started = time.monotonic()
        with _recording(self.settings.motion.record_motion) as recorder:
            streams = streams_for(job, self.settings)
            found = self._surveyor.survey(job.source, progress.advance, progress.open)
            log_defects(found)
            with self._open_segmentation() as segmentation:
                film = self._planned(
                    job, found, streams, self.settings, segmentation,
                    learning=progress.learn_background,
                )  # fmt: skip
                progress.draw(len(found.times))
                written = self._drawer.write(
                    film, job.output, streams, segmentation, progress.advance, stats=stats,
                    listeners=() if recorder is None else (recorder,), record=film.record,
                )  # fmt: skip
        return summary(film, written, time.monotonic() - started)


def convert_files(
    inputs: Sequence[Path],
    output: Path,
    settings: Settings,
    *,
    force: bool = False,
    strict: bool = False,
    pass_unsure: bool = False,
    stats: Path | None = None,
    report: Path | None = None,
    report_pictures: ReportPictures = "after",
    progress: Callable[[str], FilmProgress] = NoProgress,
) -> Conversion:
    """Converts films, or all films in folders.

    `output` is a file for one film, else a folder. `progress` is called with the name of each
    film. The outcome of a film that cannot be converted holds the error, and the next one begins.
    Ctrl-C, SIGTERM and SIGHUP end the run between two frames and leave no unfinished file.
    `report` becomes an HTML page; `report_pictures` "both" puts the real faces beside the results.

    Raises:
        UsageError: the names do not fit together.
        LivecamError: nothing can be converted at all (no model, no graphics, no avatar).
    """
    jobs = jobs_for(inputs, output, alpha=settings.picture.is_alpha)
    if settings.motion.record_motion and len(jobs) > 1:
        raise UsageError("one take cannot hold {n} films", "convert them one by one", n=len(jobs))
    _check_side_files(jobs, stats, settings.motion.record_motion)
    page = None
    if report is not None:
        page = ConversionReport(report, report_pictures, pictures_each(len(jobs)))
        check_report(page, _side_files(jobs, stats, settings.motion.record_motion), force=force)
    outcomes: list[Outcome] = []
    with end_signals() as signals, ExitStack() as stack:
        converter = Converter(settings, strict=strict, pass_unsure=pass_unsure, report=page)
        stack.enter_context(converter)
        writer = stack.enter_context(StatsWriter(stats)) if stats else None
        with suppress(KeyboardInterrupt), signals.held():
            for job in jobs:
                checkpoint()
                outcomes.append(
                    _attempt(converter, job, jobs, force, writer, progress(job.source.name))
                )
        done = Conversion(tuple(outcomes), tuple(jobs[len(outcomes) :]), converter.renderer)
        return done if page is None else _reported(page, done)


def _reported(page: ConversionReport, done: Conversion) -> Conversion:
    """Writes the report; one that cannot be written costs no film."""
    try:
        write_report(page, done)
    except OSError as error:
        log.error("the report %s cannot be written: %s", page.path, reason_of(error))
        return replace(done, reported=False)
    log.info("the report is %s", page.path)
    return done


def _side_files(jobs: Sequence[ConversionJob], stats: Path | None, take: str) -> list[Path]:
    """Returns all files that are read or written besides the report."""
    paths = [path for job in jobs for path in (job.source, job.output)]
    paths += [] if stats is None else [stats]
    return paths + ([Path(take).expanduser()] if take else [])


def _check_side_files(jobs: Sequence[ConversionJob], stats: Path | None, take: str) -> None:
    """Refuses statistics and a take that would ruin a film, or each other."""
    others = [path for job in jobs for path in (job.source, job.output)]
    if take:
        check_own_file(Path(take).expanduser(), others)
        others.append(Path(take).expanduser())
    if stats is not None:
        check_own_file(stats, others)
        check_stats(stats)


def _attempt(
    converter: Converter,
    job: ConversionJob,
    jobs: list[ConversionJob],
    force: bool,
    stats: StatsWriter | None,
    progress: FilmProgress,
) -> Outcome:
    try:
        check_job(job, jobs, force=force, alpha=converter.settings.picture.is_alpha)
        return converter.convert(job, stats, progress)
    except (LivecamError, OSError) as error:
        found = error if isinstance(error, LivecamError) else file_error(error)
        log.error("%s: %s", job.source.name, words_of(found), exc_info=True)
        return Outcome(job, error=words_of(found))
    except Exception as error:
        log.exception("%s: unexpected error: %s", job.source.name, error)
        return Outcome(job, error=tr("unexpected: {error}", error=error))
    finally:
        progress.close()


def words_of(error: LivecamError) -> str:
    """Returns message and hint as one text."""
    if not error.hint:
        return error.message
    return tr("{message}; {hint}", message=error.message, hint=error.hint)


@contextmanager
def _recording(path: str) -> Iterator[TakeWriter | None]:
    """Yields the take to record into; a film that is not finished leaves none."""
    if not path:
        yield None
        return
    writer = TakeWriter(Path(path).expanduser())
    try:
        yield writer
    except BaseException:
        writer.discard()
        raise
    writer.close()

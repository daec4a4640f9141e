"""Converts one film after the other; the outcome of each is returned."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from livecam.avatar.base import Avatar
from livecam.config.settings import NO_AVATAR, Settings
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.film import FilmComposer, WrittenFilm, write_film
from livecam.convert.film_segmentation import FilmSegmentation
from livecam.convert.frame_kinds import film_parts, frame_kinds
from livecam.convert.jobs import ConversionJob, check_job, jobs_for
from livecam.convert.outcome import Conversion, Outcome
from livecam.convert.output import try_output
from livecam.convert.plan import ShotPlan
from livecam.convert.progress import FilmProgress, NoProgress
from livecam.convert.report import ConversionReport, check_report, write_report
from livecam.convert.summary import summary
from livecam.convert.survey import Advance, Survey
from livecam.convert.thumbnails import (
    PHOTO_SIDE_PX,
    SIDE_PX,
    FilmRecord,
    ReportPictures,
    chosen_frames,
    pictures_each,
)
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.errors import LivecamError, UsageError, file_error, reason_of
from livecam.core.language import tr
from livecam.core.places import check_own_file
from livecam.core.timing import StageTimer
from livecam.media.streams import FilmStreams
from livecam.motion.take import Take, TakeWriter, players, read_take
from livecam.pipeline.build import (
    avatars_of,
    check_picture_files,
    compositor_factory,
    segmenter_factory,
)
from livecam.pipeline.composition import CompositorFactory
from livecam.pipeline.stats import StatsWriter, check_stats
from livecam.render.context import open_graphics

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
        self.strict, self.pass_unsure = strict, pass_unsure
        self.report = report
        self.renderer = ""  # as OpenGL names it
        self.timer = StageTimer()
        self._alpha = settings.picture.is_alpha
        self._stack = ExitStack()
        self._avatars: tuple[Avatar, ...] = ()
        self._take: Take | None = None
        self._make_compositor: CompositorFactory | None = None

    def __enter__(self) -> Converter:
        if self.settings.motion.motion:
            self._take = read_take(Path(self.settings.motion.motion).expanduser())
        check_picture_files(self.settings)
        self._avatars = avatars_of(self.settings.avatar)
        self._surveyor = Surveyor(self.settings)
        self._make_segmenter = segmenter_factory(self.settings, hurried=False)
        graphics = self._stack.enter_context(open_graphics())
        self.renderer = graphics.renderer
        self._make_compositor = compositor_factory(
            self.settings, graphics, self.timer, blocking=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def convert(
        self, job: ConversionJob, stats: StatsWriter | None, progress: FilmProgress
    ) -> Outcome:
        """Converts one film.

        Raises:
            LivecamError: and the output was not touched.
        """
        with _recording(self.settings.motion.record_motion) as recorder:
            return self._convert(job, stats, progress, recorder)

    def _convert(
        self,
        job: ConversionJob,
        stats: StatsWriter | None,
        progress: FilmProgress,
        recorder: TakeWriter | None,
    ) -> Outcome:
        started = time.monotonic()
        streams = try_output(
            job.source, job.output, alpha=self._alpha, rotate=int(self.settings.source.rotate)
        )
        found = self._surveyor.survey(job.source, progress.advance, progress.open)
        _log_defects(job.source.name, found)
        plans = plan_film(found, self.settings, strict=self.strict, pass_unsure=self.pass_unsure)
        record = self._record(found, plans)
        with ExitStack() as stack:
            segmentation = None
            if self._make_segmenter is not None:
                segmentation = stack.enter_context(FilmSegmentation(self._make_segmenter))
                progress.learn_background()
                segmentation.learn(found.info, plans)
            progress.draw(len(found.times))
            written = self._write(
                found, plans, job.output, streams, stats, progress.advance, segmentation, recorder,
                record,
            )  # fmt: skip
        return summary(job, found, plans, written, took_s=time.monotonic() - started, record=record)

    def _record(self, found: Survey, plans: list[ShotPlan]) -> FilmRecord | None:
        """Returns what is to be collected for the report, if one was asked for."""
        if self.report is None:
            return None
        bare = self.settings.avatar.avatar == NO_AVATAR
        parts = film_parts(frame_kinds(len(found.times), plans, bare=bare), found)
        chosen = chosen_frames(found.times, found.end_s, parts, self.report.pictures_each)
        side = SIDE_PX if len(found.times) > 1 else PHOTO_SIDE_PX
        return FilmRecord(found.size, parts, chosen, self.report.pictures, side)

    def _write(
        self,
        found: Survey,
        plans: list[ShotPlan],
        output: Path,
        streams: FilmStreams,
        stats: StatsWriter | None,
        advance: Advance,
        segmentation: FilmSegmentation | None,
        recorder: TakeWriter | None,
        record: FilmRecord | None,
    ) -> WrittenFilm:
        assert self._avatars
        assert self._make_compositor is not None
        composer = FilmComposer(
            found, plans, self._avatars, self.settings.avatar, self._make_compositor,
            self.timer, segmentation,
            players(self._take, float(found.times[0])) if self._take is not None else (),
        )  # fmt: skip
        listeners = () if recorder is None else (recorder,)
        try:
            return write_film(
                composer, output, streams, stats, advance,
                alpha=self._alpha, listeners=listeners, record=record,
            )  # fmt: skip
        finally:
            composer.close()


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


def _log_defects(name: str, found: Survey) -> None:
    """Logs what is unusual about the pictures of a film, before they are drawn."""
    if found.missing:
        read = len(found.times)
        log.warning("%s: %d of %d pictures could be read", name, read, read + found.missing)
    if (found.sizes != found.size).any():
        log.warning(
            "%s changes its size; it becomes %dx%d, frames of another shape get bars",
            name, *found.size,
        )  # fmt: skip
    if found.info.is_hdr:
        log.info("%s is HDR; it becomes SDR", name)

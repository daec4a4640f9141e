"""Converts one file after the other and tells how it went."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from livecam.avatar.base import Avatar
from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.convert.backdrop import Backdrop
from livecam.convert.film import Artist, CompositorFactory, write_film
from livecam.convert.plan import Scene, plan
from livecam.convert.second_look import SecondLook
from livecam.convert.survey import Advance, Survey, survey
from livecam.core.errors import LivecamError, SinkError, SourceError, UsageError
from livecam.core.timing import StageTimer
from livecam.media.writer import WRITABLE, WRITABLE_ALPHA
from livecam.motion.take import Take, TakeWriter, players, read_take
from livecam.pipeline.build import compositor_factory, reader_factory, tracker_factory
from livecam.pipeline.cast import cast_of, people_in
from livecam.pipeline.stats import Shown, StatsWriter
from livecam.render.context import open_graphics

log = logging.getLogger(__name__)

FILMS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp")
MARK = "-livecam"  # in the names that are made up here; such files are not converted again
STOPPED = 130  # the exit code of a program that Ctrl-C ended


@dataclass(frozen=True, slots=True)
class Job:
    """One film to convert."""

    source: Path
    output: Path


@dataclass(slots=True)
class Outcome:
    """What became of one film."""

    job: Job
    frames: int = 0
    seconds: float = 0.0
    faces: int = 0
    sound: str = ""
    uncovered: list[str] = field(default_factory=list)  # times of the shots that passed through
    hidden: list[str] = field(default_factory=list)  # times of the shots covered as a whole
    error: str = ""


class Converter:
    """Holds what all films share: graphics, avatar and settings. One thread; use with `with`."""

    def __init__(self, settings: Settings, *, strict: bool) -> None:
        self.settings = settings
        self.strict = strict
        self.timer = StageTimer()
        self._stack = ExitStack()
        self._avatars: tuple[Avatar, ...] = ()
        self._take: Take | None = None
        self._make_compositor: CompositorFactory | None = None

    def __enter__(self) -> Converter:
        if self.settings.motion.motion:
            self._take = read_take(Path(self.settings.motion.motion).expanduser())
        self._avatars = cast_of(self.settings.avatar)
        self._make_tracker = tracker_factory(self.settings)
        self._make_reader = reader_factory(self.settings, hurried=False)
        graphics = self._stack.enter_context(open_graphics())
        self._make_compositor = compositor_factory(
            self.settings, graphics, self.timer, patient=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def convert(self, job: Job, stats: StatsWriter | None, steps: Steps) -> Outcome:
        """Converts one film.

        Raises:
            LivecamError: and the output was not touched.
        """
        with _recording(self.settings.motion.record_motion) as recorder:
            return self._convert(job, stats, steps, recorder)

    def _convert(
        self, job: Job, stats: StatsWriter | None, steps: Steps, recorder: TakeWriter | None
    ) -> Outcome:
        started = time.monotonic()
        found = self._survey(job.source, steps)
        hide_others = self.settings.privacy.others == "blur"
        people = self.settings.avatar
        scenes = plan(
            found,
            hide_others=hide_others,
            strict=self.strict,
            people=people_in(people),
            people_by=people.people_by,
        )
        with ExitStack() as stack:
            backdrop = None
            if self._make_reader is not None:
                backdrop = stack.enter_context(Backdrop(self._make_reader))
                steps.learning()
                backdrop.learn(job.source, scenes)
            steps.drawing(len(found.times))
            sound = self._write(found, scenes, job.output, stats, steps.advance, backdrop, recorder)
        return Outcome(
            job,
            frames=len(found.times),
            seconds=time.monotonic() - started,
            faces=max((len(shot.tracks) for shot in found.shots), default=0),
            sound=sound,
            uncovered=_shot_times(found, scenes, (Shown.PASSTHROUGH,)),
            hidden=_shot_times(found, scenes, (Shown.BLUR, Shown.CURTAIN)),
        )

    def _survey(self, source: Path, steps: Steps) -> Survey:
        tracking = self.settings.tracking
        model = asset_path("face-landmarker")
        tracker = self._make_tracker()
        try:
            return survey(
                source,
                tracker,
                lambda: SecondLook(model, tracking.max_faces),
                steps.advance,
                steps.opened,
            )
        finally:
            tracker.close()

    def _write(
        self,
        found: Survey,
        scenes: list[Scene],
        output: Path,
        stats: StatsWriter | None,
        advance: Advance,
        backdrop: Backdrop | None,
        recorder: TakeWriter | None,
    ) -> str:
        assert self._avatars
        assert self._make_compositor is not None
        artist = Artist(
            found, scenes, self._avatars[0], self.settings.avatar, self._make_compositor,
            self.timer, backdrop, self._avatars,
            players(self._take, float(found.times[0])) if self._take is not None else (),
        )  # fmt: skip
        told = () if recorder is None else (recorder,)
        try:
            alpha = self.settings.picture.background == "alpha"
            return write_film(artist, output, stats, advance, alpha=alpha, listeners=told)
        finally:
            artist.close()


def convert_files(
    inputs: Sequence[Path],
    output: Path,
    settings: Settings,
    *,
    force: bool = False,
    strict: bool = False,
    stats: Path | None = None,
) -> int:
    """Converts films, or all films in folders, and ends with a table; returns the exit code.

    `output` is a file for one film, else a folder. A film that cannot be converted is reported
    and the next one begins. Ctrl-C and a polite kill leave no unfinished file.

    Raises:
        UsageError: the names do not fit together.
        LivecamError: nothing can be converted at all (no model, no graphics, no avatar).
    """
    jobs = _jobs(inputs, output, ".mov" if settings.picture.background == "alpha" else ".mp4")
    if settings.motion.record_motion and len(jobs) > 1:
        raise UsageError(f"one take cannot hold {len(jobs)} films", "convert them one by one")
    outcomes: list[Outcome] = []
    stopped = False
    console = Console(stderr=True)
    with _stoppable(), _progress(console) as progress, ExitStack() as stack:
        converter = stack.enter_context(Converter(settings, strict=strict))
        writer = stack.enter_context(StatsWriter(stats)) if stats else None
        try:
            for job in jobs:
                outcome = _attempt(converter, job, jobs, force, writer, progress)
                outcomes.append(outcome)
        except KeyboardInterrupt:
            stopped = True
    _report(outcomes, Console())
    if stopped:
        console.print(f"stopped; {len(jobs) - len(outcomes)} of {len(jobs)} not converted")
        return STOPPED
    return int(any(outcome.error for outcome in outcomes))


def _attempt(
    converter: Converter,
    job: Job,
    jobs: list[Job],
    force: bool,
    stats: StatsWriter | None,
    progress: Progress,
) -> Outcome:
    steps = Steps(progress, job.source.name)
    try:
        alpha = converter.settings.picture.background == "alpha"
        _check(job, jobs, force, WRITABLE_ALPHA if alpha else WRITABLE)
        return converter.convert(job, stats, steps)
    except LivecamError as error:
        log.error("%s: %s", job.source.name, error, exc_info=log.isEnabledFor(logging.DEBUG))
        return Outcome(job, error=f"{error.message}; {error.hint}" if error.hint else error.message)
    except Exception as error:
        log.exception("%s: unexpected error", job.source.name)
        return Outcome(job, error=f"unexpected: {error}")
    finally:
        steps.finished()


def _jobs(inputs: Sequence[Path], output: Path, suffix: str) -> list[Job]:
    """What to convert into what."""
    sources = [film for path in inputs for film in _films(path)]
    if not sources:
        raise UsageError(
            f"no film was found in {', '.join(map(str, inputs))}",
            hint=f"livecam reads {', '.join(FILMS)}",
        )
    one = len(sources) == 1 and not inputs[0].is_dir()
    if one and output.suffix and not output.is_dir():
        return [Job(sources[0], output)]
    if output.exists() and not output.is_dir():
        raise UsageError(
            f"{output} is a file, but there are {len(sources)} films", hint="name a folder"
        )
    taken: set[str] = set()
    return [Job(source, output / _free_name(source, taken, suffix)) for source in sources]


def _films(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        film
        for film in path.iterdir()
        if film.suffix.lower() in FILMS
        and not film.stem.endswith(MARK)
        and not film.name.startswith(".")
    )


def _free_name(source: Path, taken: set[str], suffix: str) -> str:
    """`clip-livecam.mp4`; `clip-mov-livecam.mp4` and so on when that is another film's."""
    names = [f"{source.stem}{MARK}{suffix}", f"{source.stem}-{source.suffix[1:]}{MARK}{suffix}"]
    names += [f"{source.stem}-{n}{MARK}{suffix}" for n in range(2, 1000)]
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _check(job: Job, jobs: list[Job], force: bool, writable: Sequence[str]) -> None:
    """Refuses to lose a file."""
    if not job.source.exists():
        raise SourceError(f"there is no file {job.source}", hint="check the name")
    if job.output.suffix.lower() not in writable:
        raise SinkError(
            f"{job.output.name} is no film that can be written",
            hint=f"one of {', '.join(writable)}",
        )
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"the folder {job.output.parent} cannot be made: {error.strerror}",
            hint="choose another folder",
        ) from error
    if not job.output.exists():
        return
    if any(each.source.exists() and job.output.samefile(each.source) for each in jobs):
        raise SinkError(
            f"{job.output} is to be read; it is never overwritten", hint="choose another name"
        )
    if not force:
        raise SinkError(f"{job.output} exists", hint="pass --force to replace it")


class Steps:
    """One film's line in the progress display: two passes of one step a frame."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = escape(name)
        self._task = progress.add_task(f"{self._name}: looking", total=None)
        self._frames = 0

    def opened(self, frames: int) -> None:
        self._frames = frames
        if frames:
            self._progress.update(self._task, total=2 * frames)

    def advance(self, frames: int) -> None:
        self._progress.advance(self._task, frames)

    def learning(self) -> None:
        """Between the passes the background is learned."""
        self._progress.update(self._task, description=f"{self._name}: learning the background")

    def drawing(self, frames: int) -> None:
        """The first pass is over; now the number of frames is certain."""
        self._progress.update(
            self._task, description=f"{self._name}: drawing", total=2 * frames, completed=frames
        )

    def finished(self) -> None:
        self._progress.remove_task(self._task)


class _Rate(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} frames/s")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        _Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def _recording(path: str) -> Iterator[TakeWriter | None]:
    """The take to record into; a film that is not finished leaves none."""
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


@contextmanager
def _stoppable() -> Iterator[None]:
    """A polite kill ends like Ctrl-C, so that unfinished files are removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _shot_times(found: Survey, scenes: list[Scene], states: tuple[Shown, ...]) -> list[str]:
    times = found.times
    return [
        f"{_clock(times[s.frames.start])}-{_clock(times[s.frames.stop - 1])}"
        for s in scenes
        if s.state in states
    ]


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _report(outcomes: list[Outcome], console: Console) -> None:
    if not outcomes:
        return
    table = Table(box=None)
    table.add_column("film", overflow="fold")
    for title in ("frames", "seconds", "faces", "passed"):
        table.add_column(title, justify="right")
    table.add_column("sound")
    table.add_column("result", overflow="fold")
    for each in outcomes:
        numbers = (each.frames, f"{each.seconds:.1f}", each.faces, len(each.uncovered))
        result = f"[red]{escape(each.error)}[/]" if each.error else escape(each.job.output.name)
        cells = ("", "", "", "") if each.error else map(str, numbers)
        table.add_row(escape(each.job.source.name), *cells, each.sound, result)
    console.print(table)
    for each in outcomes:
        if each.uncovered:
            console.print(
                f"{escape(each.job.source.name)}: no face found, passed through: "
                + ", ".join(each.uncovered)
            )
        if each.hidden:
            console.print(
                f"{escape(each.job.source.name)}: covered as a whole: " + ", ".join(each.hidden)
            )

"""Progress bars on stderr, while a terminal shows them. Imports Rich."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from livecam.cli.printing import can_rewrite
from livecam.cli.rewritten import LineConsole, results_are_seen
from livecam.convert.progress import FilmTimes, Pass
from livecam.core.language import tr

MAX_NAME = 24  # characters of a film's name: a terminal of 80 columns holds the rest beside it


class FilmBar:
    """The bar of one film in `film_bars`, over all its passes."""

    def __init__(
        self, progress: Progress, film: str, known: dict[Pass, float] | None = None
    ) -> None:
        self._progress = progress
        self._film = escape(shortened(film))
        self._times = FilmTimes({} if known is None else known)
        self._frames = 0  # that the first pass has counted
        self._task = progress.add_task(
            tr("{film}: looking", film=self._film), total=None, fps=None, left_s=None
        )

    def open(self, frames: int) -> None:
        self._times.begin("look", frames)
        self._show()

    def learn_background(self) -> None:
        self._begin("background", tr("{film}: learning the background", film=self._film))

    def draw(self, frames: int) -> None:
        self._frames = frames
        self._begin("draw", tr("{film}: drawing", film=self._film))

    def advance(self, frames: int) -> None:
        self._frames += frames
        self._times.advance(frames)
        self._show()

    def close(self) -> None:
        self._times.end()
        self._progress.remove_task(self._task)

    def _begin(self, name: Pass, words: str) -> None:
        self._times.begin(name, self._frames)
        self._progress.update(self._task, description=words)
        self._show()

    def _show(self) -> None:
        share, total = self._times.share, None if self._times.share is None else 1.0
        self._progress.update(
            self._task, completed=share or 0.0, total=total,
            fps=self._times.fps, left_s=self._times.left_s,
        )  # fmt: skip


class RateColumn(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        fps = task.fields["fps"]
        return Text("" if fps is None else tr("{rate:.1f} frames/s", rate=fps))


class TimeLeftColumn(ProgressColumn):
    """The time left, as far as it is known."""

    def render(self, task: Task) -> Text:
        left_s = task.fields["left_s"]
        return Text("" if left_s is None else tr("{time} left", time=_clock(left_s)))


@contextmanager
def film_bars() -> Iterator[Callable[[str], FilmBar]]:
    """Yields what makes the bar of a film from its name."""
    percent = TextColumn("{task.percentage:>3.0f} %")
    known: dict[Pass, float] = {}
    whole = Column(no_wrap=True)
    with progress_bars(BarColumn(), percent, RateColumn(whole), TimeLeftColumn(whole)) as progress:
        yield lambda film: FilmBar(progress, film, known)


@contextmanager
def frame_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yields what shows how many frames are done, and of how many."""
    left = TimeRemainingColumn(elapsed_when_finished=True)
    with progress_bars(BarColumn(), TaskProgressColumn(), left) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, frames: progress.update(task, completed=done, total=frames)


def progress_bars(*columns: ProgressColumn) -> Progress:
    """Returns bars with these columns behind their description, shown on a terminal alone."""
    return Progress(
        TextColumn("{task.description}"), *columns, console=LineConsole(), transient=True,
        redirect_stdout=results_are_seen(), disable=not can_rewrite(),
    )  # fmt: skip


def shortened(name: str) -> str:
    """Returns the beginning and the end of a name that is too long."""
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME // 2 - 1]}…{name[-MAX_NAME // 2 :]}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

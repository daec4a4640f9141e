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
from rich.text import Text

from livecam.cli.printing import can_rewrite
from livecam.cli.rewritten import LineConsole, results_are_seen
from livecam.core.language import tr


class FilmBar:
    """The bar of one film in `film_bars`: two passes of one step a frame."""

    def __init__(self, progress: Progress, film: str) -> None:
        self._progress = progress
        self._film = escape(film)
        self._task = progress.add_task(tr("{film}: looking", film=self._film), total=None)

    def open(self, frames: int) -> None:
        if frames:
            self._progress.update(self._task, total=2 * frames)

    def learn_background(self) -> None:
        words = tr("{film}: learning the background", film=self._film)
        self._progress.update(self._task, description=words)

    def draw(self, frames: int) -> None:
        words = tr("{film}: drawing", film=self._film)
        self._progress.update(self._task, description=words, total=2 * frames, completed=frames)

    def advance(self, frames: int) -> None:
        self._progress.advance(self._task, frames)

    def close(self) -> None:
        self._progress.remove_task(self._task)


class RateColumn(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else tr("{rate:.1f} frames/s", rate=speed))


@contextmanager
def film_bars() -> Iterator[Callable[[str], FilmBar]]:
    """Yields what makes the bar of a film from its name."""
    percent = TextColumn("{task.percentage:>3.0f} %")
    left = TimeRemainingColumn(compact=True)
    with _progress(BarColumn(), percent, RateColumn(), left, TextColumn(tr("left"))) as progress:
        yield lambda film: FilmBar(progress, film)


@contextmanager
def frame_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yields what shows how many frames are done, and of how many."""
    left = TimeRemainingColumn(elapsed_when_finished=True)
    with _progress(BarColumn(), TaskProgressColumn(), left) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, frames: progress.update(task, completed=done, total=frames)


def _progress(*columns: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"), *columns, console=LineConsole(), transient=True,
        redirect_stdout=results_are_seen(), disable=not can_rewrite(),
    )  # fmt: skip

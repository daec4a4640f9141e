"""Measures films, one after the other or in several processes."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2

from livecam.config.settings import AvatarSettings, Settings
from livecam.measure.privacy_films.catalogue import films_named
from livecam.measure.privacy_films.meter import SLIGHT, FrameResult, all_found, measure
from livecam.measure.privacy_films.persons import Wardrobe
from livecam.measure.privacy_films.playback import (
    ALIGNMENTS,
    PlannedFilm,
    play_converted,
    play_live,
)
from livecam.measure.privacy_films.rendering import FilmRenderer, TrueFrame
from livecam.measure.privacy_films.scenes import PrivacyFilm
from livecam.measure.truth.bench import portrait_head
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics, open_graphics

MODES = (*ALIGNMENTS, "convert", "strict")


@dataclass(frozen=True, slots=True)
class ModeResult:
    """The results of all frames of a film in one mode."""

    frames: tuple[FrameResult, ...]

    def share_over(self, bare: float) -> float:
        """Returns the share of frames in which more than that of a face is visible."""
        return _mean([frame.bare > bare for frame in self.frames])

    @property
    def needless(self) -> float:
        """The share of frames that are covered although every face was found."""
        return _mean([frame.needless for frame in self.frames])

    @property
    def blurred(self) -> float:
        """The share of the area that is blurred away from any face."""
        return _mean([frame.blurred for frame in self.frames])


@dataclass(frozen=True, slots=True)
class FilmResult:
    """The results of a film in every mode."""

    name: str
    kind: str
    frames: int
    found: float  # share of the frames in which the tracker found every face
    modes: dict[str, ModeResult] = field(default_factory=dict)
    reported: float | None = None  # of the bare frames of `convert`; None when there are none

    @property
    def is_bare(self) -> bool:
        """Whether a face is visible in any mode."""
        return any(mode.share_over(SLIGHT) for mode in self.modes.values())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


class PrivacyBench:
    """Holds what all films share. Thread of the context."""

    def __init__(self, graphics: Graphics, wardrobe: Wardrobe) -> None:
        self._graphics = graphics
        self._wardrobe = wardrobe
        self._renderers: dict[tuple[int, int], FilmRenderer] = {}

    def close(self) -> None:
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers = {}

    def measure(self, film: PrivacyFilm) -> FilmResult:
        """Renders a film and plays it in every mode."""
        with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
            path = Path(folder, f"{film.name}.mp4")
            return self._measured(film, path, self.recorded(film, path))

    def recorded(self, film: PrivacyFilm, path: Path) -> list[TrueFrame]:
        """Writes a film; returns its frames as they are read from the file, with their truth."""
        renderer = self._renderers.get(film.size)
        if renderer is None:
            renderer = FilmRenderer(self._graphics, self._wardrobe, film.size)
            self._renderers[film.size] = renderer
        truths = []
        with VideoWriter(path, *film.size, film.fps) as writer:
            for truth in renderer.film(film):
                writer.write(truth.frame)
                truths.append(truth)
        with VideoReader(path) as reader:
            return [
                replace(truth, frame=frame) for truth, frame in zip(truths, reader, strict=True)
            ]

    def _measured(self, film: PrivacyFilm, path: Path, truths: list[TrueFrame]) -> FilmResult:
        settings = Settings(avatar=AvatarSettings(people=film.people))
        frames = [truth.frame for truth in truths]
        results: dict[str, list[FrameResult]] = {mode: [] for mode in MODES}
        found, needs_none = [], []
        for live in play_live(frames, film.fps, settings, self._graphics):
            tracked = truths[live.index]
            found.append(all_found(tracked, live.faces))
            needs_none.append(all_found(tracked, live.faces, least=SLIGHT))
            for alignment, published in live.published.items():
                results[alignment].append(
                    measure(
                        truths[published.frame.index], published.frame, published.state,
                        needs_none[-1] and bool(tracked.faces), published.box,
                    )
                )  # fmt: skip
        planned = PlannedFilm.of(path, settings)
        results["convert"] = self._converted(path, truths, planned, settings, needs_none)
        results["strict"] = _strict(results["convert"], planned, truths, needs_none)
        bare = [each.index for each in results["convert"] if each.bare > SLIGHT]
        return FilmResult(
            film.name, film.kind, len(frames), _mean(found),
            {mode: ModeResult(tuple(each)) for mode, each in results.items()},
            _mean([planned.is_reported(index) for index in bare]) if bare else None,
        )  # fmt: skip

    def _converted(
        self,
        path: Path,
        truths: list[TrueFrame],
        planned: PlannedFilm,
        settings: Settings,
        needs_none: Sequence[bool],
    ) -> list[FrameResult]:
        """Returns the frames of `convert`; an empty room needs no cover there."""
        frames = [truth.frame for truth in truths]
        played = play_converted(frames, planned, settings, self._graphics)
        return [
            measure(truths[i], out.frame, out.stats.state, needs_none[i], out.stats.head_box)
            for i, out in enumerate(played)
        ]


def _strict(
    converted: list[FrameResult],
    planned: PlannedFilm,
    truths: Sequence[TrueFrame],
    needs_none: Sequence[bool],
) -> list[FrameResult]:
    """Returns the frames of `--strict`: where its plan differs, they are the curtain."""
    return [
        FrameResult(each.index, 0.0, Shown.CURTAIN, needs_none[i] and bool(truths[i].faces), 0.0)
        if planned.is_different(each.index)
        else each
        for i, each in enumerate(converted)
    ]


def measure_films(names: Sequence[str], processes: int = 1) -> Iterator[FilmResult]:
    """Yields the results of the films of those names, in their order."""
    if processes == 1:
        yield from map(_measure, names)
        return
    context = multiprocessing.get_context("spawn")  # OpenGL does not survive a fork
    with ProcessPoolExecutor(processes, context, _prepare) as pool:
        yield from pool.map(_measure, names)


def _prepare() -> None:
    cv2.setNumThreads(1)


def _measure(name: str) -> FilmResult:
    (film,) = films_named((name,))
    return _own_bench().measure(film)


@lru_cache(maxsize=1)
def _own_bench() -> PrivacyBench:
    """Returns the bench of this process, which ends with it."""
    graphics = ExitStack().enter_context(open_graphics())
    return PrivacyBench(graphics, Wardrobe(portrait_head()))

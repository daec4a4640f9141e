"""Draws planned films: holds what all films and pieces of one process share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from livecam.avatar.base import Avatar
from livecam.config.settings import Settings
from livecam.convert.film import FilmComposer, WrittenFilm, write_film
from livecam.convert.film_plan import FilmPlan
from livecam.convert.film_segmentation import FilmSegmentation
from livecam.convert.quality import film_compositors
from livecam.convert.survey import Advance
from livecam.convert.thumbnails import FilmRecord
from livecam.core.timing import StageTimer
from livecam.media.streams import FilmStreams
from livecam.motion.base import Listener
from livecam.motion.take import Take, players, read_take
from livecam.pipeline.build import avatars_of, check_picture_files
from livecam.pipeline.composition import CompositorFactory
from livecam.pipeline.stats import StatsWriter
from livecam.render.context import open_graphics


class FilmDrawer:
    """Graphics, avatars and the take of the settings. Thread of the context; use with `with`.

    Raises:
        LivecamError: on entering, when nothing can be drawn (no graphics, no avatar).
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.renderer = ""  # as OpenGL names it
        self.timer = StageTimer()
        self._stack = ExitStack()
        self._avatars: tuple[Avatar, ...] = ()
        self._take: Take | None = None
        self._make_compositor: CompositorFactory | None = None

    def __enter__(self) -> FilmDrawer:
        if self.settings.motion.motion:
            self._take = read_take(Path(self.settings.motion.motion).expanduser())
        check_picture_files(self.settings)
        self._avatars = avatars_of(self.settings.avatar)
        graphics = self._stack.enter_context(open_graphics())
        self.renderer = graphics.renderer
        self._make_compositor = film_compositors(self.settings, graphics, self.timer)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(
        self,
        film: FilmPlan,
        output: Path,
        streams: FilmStreams | None,
        segmentation: FilmSegmentation | None,
        advance: Advance = lambda frames: None,
        *,
        stats: StatsWriter | None = None,
        listeners: Sequence[Listener] = (),
        record: FilmRecord | None = None,
        frames: range | None = None,
        before: Collection[int] = (),
    ) -> WrittenFilm:
        """Writes a film, or some frames of it; see `write_film`."""
        with closing(self._composer(film, segmentation)) as composer:
            return write_film(
                composer, output, streams, stats, advance,
                alpha=self.settings.picture.is_alpha, effort=self.settings.film.quality,
                listeners=listeners, record=record, frames=frames, before=before,
            )  # fmt: skip

    def _composer(self, film: FilmPlan, segmentation: FilmSegmentation | None) -> FilmComposer:
        assert self._make_compositor is not None
        begins_s = float(film.survey.times[0])
        performers = () if self._take is None else players(self._take, begins_s)
        return FilmComposer(
            film.survey, film.plans, self._avatars, self.settings.avatar, self._make_compositor,
            self.timer, segmentation, performers,
        )  # fmt: skip

"""The preview window of a live run: shows what is published and collects the hotkeys."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from livecam.core.commands import Command
from livecam.core.errors import GraphicsError, SinkError
from livecam.core.timing import Clock, RateMeter
from livecam.live.governor import Governor
from livecam.pipeline.pipeline import Pipeline, Published
from livecam.render.context import Graphics, WindowRequest, open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.preview import Preview, PreviewStatus, display_available

log = logging.getLogger(__name__)


def open_graphics_with_window() -> Graphics:
    """Opens a context with a window where there is a display, else one without."""
    if not display_available():
        return open_graphics()
    try:
        return open_graphics(WindowRequest())
    except GraphicsError as error:
        log.warning("no preview: %s", error, exc_info=True)
        return open_graphics()


class PreviewWindow:
    """Draws published frames; a window that breaks ends only the preview."""

    def __init__(self, graphics: Graphics, info: OutputInfo, clock: Clock) -> None:
        self.last_error: Exception | None = None  # that has ended the preview
        self._clock = clock
        self._rate = RateMeter()
        self._preview: Preview | None = Preview(graphics)
        try:
            self._preview.open(info)
        except BaseException:
            self.close()
            raise

    def show(
        self, published: Published, pipeline: Pipeline, governor: Governor, recording: bool
    ) -> Sequence[Command]:
        """Draws a frame; returns the commands of keys pressed since the last one."""
        preview = self._preview
        if preview is None:
            return ()
        self._rate.add(self._clock.now())
        preview.status = PreviewStatus(
            state=published.state.value,
            fps=self._rate.fps,
            recording=recording,
            frozen=pipeline.frozen,
            panic=pipeline.guard.panic,
            quality=governor.quality,
            rung=governor.level,
        )
        try:
            preview.send(published.frame)
        except SinkError as error:
            log.warning("the preview ends: %s", error, exc_info=True)
            self.last_error = error
            self.close()
            return ()
        return preview.poll()

    @property
    def is_open(self) -> bool:
        return self._preview is not None

    def close(self) -> None:
        preview, self._preview = self._preview, None
        if preview is not None:
            preview.close()

"""The recording that is started and stopped by hand while livecam runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from livecam.core.hidden_file import free_name
from livecam.live.loop import LiveLoop
from livecam.live.sink_worker import SinkWorker

log = logging.getLogger(__name__)

RECORDINGS = Path("out")


class Recordings:
    """Starts and stops recordings, one at a time. Main thread.

    Args:
        make: makes the sink of a file; with alpha or without.
        loop: publishes to it.
    """

    def __init__(self, make: Callable[[Path, bool], SinkWorker], loop: LiveLoop) -> None:
        self.current: SinkWorker | None = None
        self.path = Path()  # of the current one, or of the last
        self.ended: list[SinkWorker] = []
        self._make = make
        self._loop = loop

    def start(self) -> SinkWorker:
        """Begins a recording, or returns the one that is being made."""
        if self.current is not None:
            return self.current
        alpha = self._loop.pipeline.settings.picture.is_alpha
        name = f"livecam-{self._loop.published:06d}{'.mov' if alpha else '.mp4'}"
        self.path = free_name(RECORDINGS.absolute() / name)
        self.current = self._make(self.path, alpha)
        self.current.begin()
        self._loop.sinks.append(self.current)
        return self.current

    def stop(self) -> SinkWorker | None:
        """Ends the recording without waiting for its file; None when there is none."""
        ended, self.current = self.current, None
        if ended is not None:
            self._loop.sinks.remove(ended)
            ended.request_end()
            self.ended.append(ended)
            log.info("%s: ended", ended.description or ended.name)
        return ended

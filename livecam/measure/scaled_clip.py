"""Scales a film before it is measured, so that the measurement decodes the size it is asked for."""

from __future__ import annotations

import logging
from itertools import takewhile
from pathlib import Path

from livecam.compose.framing import Framing
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.errors import UsageError
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.sources.choose import built_in_clip, decide, registered_name

log = logging.getLogger(__name__)

MAX_S = 60.0  # of the film; the measurement loops it


def scaled_clip(source: str, size: tuple[int, int], folder: Path) -> Path:
    """Writes the beginning of a film in another size, cropped to its shape; returns the path.

    Raises:
        SinkError: the folder cannot be written to.
        SourceError: the film cannot be read.
        UsageError: the source is no film.
    """
    film = _film_of(decide(source))
    log.info("%s is scaled to %dx%d", film.name, *size)
    framing, out = Framing(*size, "fill"), folder / f"{film.stem}.mp4"
    with VideoReader(film) as reader:
        info, early = reader.info, takewhile(lambda frame: frame.captured_at < MAX_S, reader)
        with (
            end_signals() as signals,
            signals.held(),
            VideoWriter(out, *size, info.rate, time_base=info.time_base) as writer,
        ):
            for frame in early:
                checkpoint()
                writer.write(framing.apply(frame))
    return out


def _film_of(source: str) -> Path:
    clip = built_in_clip(source)
    if clip is not None:
        return clip
    if registered_name(source) == "video":
        return Path(source).expanduser()
    raise UsageError("{source} is no film, and cannot be scaled", "leave out --size", source=source)

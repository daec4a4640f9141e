"""Tries whether a film can be written, with all its streams, before the work on it begins.

A muxer may refuse sound only at the end of a film: PCM of unknown loudspeakers in MP4, for
example. So a trial writes one picture and the first sound, and completes the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.media.containers import container_of
from livecam.media.streams import FilmStreams, StreamPlan, Way
from livecam.media.writer import VideoWriter

TRIAL_PACKETS = 400  # about four seconds of two sound tracks

MakeWriter = Callable[[FilmStreams], VideoWriter]


def tried(streams: FilmStreams, path: Path, size: tuple[int, int], make: MakeWriter) -> FilmStreams:
    """Returns the streams that can be written; what fails is encoded again, or left out.

    `make` begins to write the film `path` with frames of that size; nothing is left of the file.

    Raises:
        SinkError: even the pictures alone cannot be written there.
    """
    if _fault(streams, size, make) is None:
        return streams
    kept = replace(streams, streams=(), tags={}, chapters=())
    _write(kept, size, make)
    for part in (replace(kept, tags=streams.tags), replace(kept, chapters=streams.chapters)):
        if _fault(part, size, make) is None:
            kept = replace(kept, tags=kept.tags | part.tags, chapters=part.chapters)
    for plan in streams.streams:
        kept = _with(plan, kept, path, lambda grown: _fault(grown, size, make))
    return kept


def _with(
    plan: StreamPlan,
    kept: FilmStreams,
    path: Path,
    fault: Callable[[FilmStreams], str | None],
) -> FilmStreams:
    """Returns the streams with one more, in the first way that works."""
    reason = ""
    for way in _ways(plan, path):
        grown = replace(kept, streams=(*kept.streams, way))
        found = fault(grown) if way.way is not Way.LEFT_OUT else None
        if found is None:
            return grown
        reason = reason or found
    return replace(kept, streams=(*kept.streams, plan.left_out(reason)))


def _ways(plan: StreamPlan, path: Path) -> Iterator[StreamPlan]:
    yield plan
    if plan.is_sound and plan.way is Way.COPIED:
        yield replace(plan, way=Way.ENCODED, encoder=container_of(path).encoder)


def _fault(streams: FilmStreams, size: tuple[int, int], make: MakeWriter) -> str | None:
    """Returns why a film cannot be written; None: it can."""
    try:
        _write(streams, size, make)
    except SinkError as error:
        cause = error.__cause__
        return str(getattr(cause, "strerror", None) or cause or error)
    return None


def _write(streams: FilmStreams, size: tuple[int, int], make: MakeWriter) -> None:
    writer = make(replace(streams, limit=TRIAL_PACKETS))
    try:
        writer.write(Frame(np.zeros((size[1], size[0], 4), np.uint8), 0, 0.0))
        writer.complete()
    finally:
        writer.abort()

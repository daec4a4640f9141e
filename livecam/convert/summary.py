"""Tells what became of a film: of its streams, its shots and its heads, in words."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from livecam.convert.film import WrittenFilm
from livecam.convert.film_plan import FilmPlan
from livecam.convert.frame_kinds import clock
from livecam.convert.outcome import Outcome
from livecam.convert.plan import ShotPlan
from livecam.convert.survey import Survey
from livecam.convert.tracks import HeadTrack
from livecam.core.language import to_translate, tr
from livecam.media.streams import FilmStreams
from livecam.pipeline.states import Shown

log = logging.getLogger(__name__)

SEEN_BARS = 0.01  # share of a side from which bars are worth a word


def summary(film: FilmPlan, written: WrittenFilm, took_s: float) -> Outcome:
    """Returns the outcome of a film that was written, in that many seconds."""
    found, plans = film.survey, film.plans
    return Outcome(
        film.job,
        frames=len(found.times),
        seconds=found.end_s,
        faces=film.faces,
        sound=written.streams.sound,
        took_s=took_s,
        streams=_stream_words(written.streams),
        notes=_notes(found, written),
        uncovered=_shot_times(found, plans, (Shown.PASSTHROUGH,)),
        hidden=_shot_times(found, plans, (Shown.BLUR, Shown.CURTAIN)),
        blurred=_head_times(found, [head for each in plans for head in each.unexplained]),
        seen_once=_head_times(found, [head for each in plans for head in each.seen_once]),
        guessed=_guess_times(found, plans),
        record=film.record,
    )


def log_defects(found: Survey) -> None:
    """Logs what is unusual about the pictures of a film, before they are drawn."""
    name = found.info.path.name
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


def _stream_words(streams: FilmStreams) -> list[str]:
    """Tells what became of each stream, unless the words about the sound say it already."""
    is_said = len(streams.streams) == 1 and not streams.streams[0].reason
    return [] if is_said else [str(each) for each in streams.streams]


def _notes(found: Survey, written: WrittenFilm) -> list[str]:
    """Tells what a viewer of the film might wonder at."""
    notes = []
    if found.missing:
        read = len(found.times)
        notes.append(
            tr("{read} of {all} pictures could be read", read=read, all=read + found.missing)
        )
    if written.stored_size != found.size:
        width, height = written.stored_size
        words = to_translate(
            "written as {width}x{height}: players want even sides, so the last row or column"
            " stands there twice"
        )
        notes.append(tr(words, width=width, height=height))
    width, height = found.size
    widening = found.sizes[:, 0] * height / (found.sizes[:, 1] * width)
    has_bars = np.abs(np.log(widening)) > SEEN_BARS
    if has_bars.any():
        times = _ranges(found, [range(i, i + 1) for i in np.flatnonzero(has_bars).tolist()])
        words = to_translate("of another shape, fitted into {width}x{height} with bars: {times}")
        notes.append(tr(words, width=width, height=height, times=", ".join(times)))
    return notes


def _shot_times(found: Survey, plans: Sequence[ShotPlan], states: tuple[Shown, ...]) -> list[str]:
    times = found.times
    return [
        f"{clock(times[s.frames.start])}-{clock(times[s.frames.stop - 1])}"
        for s in plans
        if s.state in states
    ]


def _head_times(found: Survey, heads: Sequence[HeadTrack]) -> list[str]:
    """Returns from when to when heads were found; what overlaps is one time."""
    return _ranges(found, [range(head.first, head.last + 1) for head in heads])


def _guess_times(found: Survey, plans: Sequence[ShotPlan]) -> list[str]:
    """Returns when an avatar was drawn at a place that is a guess."""
    return _ranges(
        found, [range(i, i + 1) for each in plans for span in each.spans for i in span.guesses()]
    )


def _ranges(found: Survey, frames: Sequence[range]) -> list[str]:
    merged: list[range] = []
    for each in sorted(frames, key=lambda part: part.start):
        if merged and each.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, each.stop))
        else:
            merged.append(each)
    times = found.times
    return [f"{clock(times[part.start])}-{clock(times[part.stop - 1])}" for part in merged]

"""The file that a film is converted into: tried before the first pass, written in the second."""

from __future__ import annotations

from pathlib import Path

from livecam.config.settings import Settings
from livecam.convert.jobs import ConversionJob
from livecam.core.places import check_space
from livecam.media.encodings import Effort, least_bytes
from livecam.media.reader import VideoInfo
from livecam.media.results import RESULT_TAGS
from livecam.media.stills import StillInfo, StillWriter, open_pictures
from livecam.media.streams import FilmStreams, plan_streams
from livecam.media.trial import tried
from livecam.media.writer import VideoWriter


def streams_for(job: ConversionJob, settings: Settings) -> FilmStreams:
    """Tries to write a film by the settings; see `try_output`."""
    rotate = int(settings.source.rotate)
    return try_output(job.source, job.output, alpha=settings.picture.is_alpha, rotate=rotate)


def try_output(source: Path, output: Path, *, alpha: bool, rotate: int = 0) -> FilmStreams:
    """Tries to write a film or photo, and returns what can be taken over beside its pictures.

    Nothing is left of the trial.

    Raises:
        SourceError: the film cannot be read.
        SinkError: it cannot be written there, or the disk is too small for it.
    """
    with open_pictures(source, rotate=rotate) as film:
        info = film.info
    size = info.width, info.height
    if isinstance(info, StillInfo):
        with StillWriter(output):
            return FilmStreams(source)
    # A film of stills may be smaller than others, but then its source is small too.
    check_space(output, min(least_bytes(*size, info.frames), source.stat().st_size // 2))
    streams = plan_streams(source, output, info.origin)
    return tried(
        streams, output, size, lambda part: _video_writer(info, size, output, part, alpha=alpha)
    )


def film_writer(
    info: VideoInfo,
    size: tuple[int, int],
    output: Path,
    streams: FilmStreams | None,
    *,
    alpha: bool,
    effort: Effort = "good",
) -> VideoWriter | StillWriter:
    """Begins to write a film with frames of that size and the times of another one, or a photo.

    Raises:
        SinkError: it cannot be written there.
    """
    if isinstance(info, StillInfo):
        return StillWriter(output, taken=info.taken, alpha=alpha)
    return _video_writer(info, size, output, streams, alpha=alpha, effort=effort)


def _video_writer(
    info: VideoInfo,
    size: tuple[int, int],
    output: Path,
    streams: FilmStreams | None,
    *,
    alpha: bool,
    effort: Effort = "good",
) -> VideoWriter:
    return VideoWriter(
        output,
        *size,
        info.rate,
        time_base=info.time_base,
        tags=RESULT_TAGS,
        streams=streams,
        effort=effort,
        alpha=alpha,
    )

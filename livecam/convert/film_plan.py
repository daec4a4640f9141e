"""Plans a film: all that the second pass over it must know, as values for any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from livecam.config.settings import NO_AVATAR, Settings
from livecam.convert.build import plan_film
from livecam.convert.film_segmentation import FilmSegmentation, Plates
from livecam.convert.frame_kinds import film_parts, frame_kinds
from livecam.convert.jobs import ConversionJob
from livecam.convert.plan import ShotPlan
from livecam.convert.report import ConversionReport
from livecam.convert.survey import Survey
from livecam.convert.thumbnails import PHOTO_SIDE_PX, SIDE_PX, FilmRecord, chosen_frames
from livecam.media.streams import FilmStreams


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """A film that was surveyed, and what every frame of it will show."""

    job: ConversionJob
    survey: Survey  # without its tracks: the plans hold what is left of them
    plans: tuple[ShotPlan, ...]
    streams: FilmStreams  # that are written beside the pictures
    faces: int  # the most in one shot
    plates: Plates | None  # None: no stage needs a segmentation
    record: FilmRecord | None  # to be filled for the report, if one was asked for


def film_plan_of(
    job: ConversionJob,
    found: Survey,
    streams: FilmStreams,
    settings: Settings,
    segmentation: FilmSegmentation | None,
    *,
    strict: bool = False,
    pass_unsure: bool = False,
    report: ConversionReport | None = None,
    learning: Callable[[], None] = lambda: None,
) -> FilmPlan:
    """Plans every frame of a film, and learns the backgrounds of its shots once for all pieces.

    `learning` is called when that begins; other parameters are those of `plan_film`.

    Raises:
        SourceError: the film cannot be read any more.
        TrackingError: a network failed.
    """
    plans = plan_film(found, settings, strict=strict, pass_unsure=pass_unsure)
    record = None if report is None else _record(found, plans, settings, report)
    plates = None
    if segmentation is not None:
        learning()
        segmentation.learn(found.info, plans)
        plates = segmentation.plates
    faces = max((len(shot.tracks) for shot in found.shots), default=0)
    outline = replace(found, shots=[])
    return FilmPlan(job, outline, tuple(plans), streams, faces, plates, record)


def _record(
    found: Survey, plans: list[ShotPlan], settings: Settings, report: ConversionReport
) -> FilmRecord:
    """Returns what is to be collected for the report."""
    bare = settings.avatar.avatar == NO_AVATAR
    parts = film_parts(frame_kinds(len(found.times), plans, bare=bare), found)
    chosen = chosen_frames(found.times, found.end_s, parts, report.pictures_each)
    side = SIDE_PX if len(found.times) > 1 else PHOTO_SIDE_PX
    return FilmRecord(found.size, parts, chosen, report.pictures, side)

"""Checks before a live run opens anything, and the end of one that never draws."""

from __future__ import annotations

from pathlib import Path

from livecam.calibration.profile import load_profile
from livecam.config.settings import Settings
from livecam.core.places import check_own_file, check_place
from livecam.live.motion import check_motion
from livecam.media.encodings import check_film_name
from livecam.pipeline.build import check_names, check_picture_files
from livecam.pipeline.pipeline import Published
from livecam.pipeline.stats import check_stats
from livecam.sources.choose import registered_name

MIN_FAILURES = 5  # a driver that was busy for a moment has recovered by then
GIVE_UP_S = 3.0  # from the first failure; the fifth retry is due after 1.5 s


def check_run(settings: Settings, stats: Path | None) -> None:
    """Checks every name, file and place of a run; opens no device and writes nothing.

    Raises:
        ConfigError: the settings name something that does not exist.
        SourceError: the source is a file that does not exist.
        SinkError: a file cannot be written where it is wanted.
    """
    check_names(settings)
    check_motion(settings)
    check_picture_files(settings)
    load_profile(settings.avatar.profile)
    registered_name(settings.source.source)
    _check_outputs(settings, stats)


def _check_outputs(settings: Settings, stats: Path | None) -> None:
    record, take = settings.sinks.record, settings.motion.record_motion
    if record:
        check_film_name(Path(record), alpha=settings.picture.is_alpha)
    written = [Path(name).expanduser() for name in (record, take) if name]
    for path in written:
        check_place(path)
    if settings.sinks.png:
        check_place(Path(settings.sinks.png).expanduser() / "a picture")
    if stats is not None:
        check_place(stats, in_place=True)
        check_own_file(stats, [Path(settings.source.source).expanduser(), *written])
        check_stats(stats)


class DrawingWatch:
    """Notices that no frame of a run could be drawn so far. Main thread."""

    def __init__(self) -> None:
        self._has_drawn = False
        self._newest: Exception | None = None
        self._failures = 0
        self._failing_since = 0.0

    def check(self, published: Published, error: Exception | None, now: float) -> None:
        """Takes a published frame and the error of the composition, if it failed.

        Raises:
            Exception: that error, when every try has failed: often enough, and for long enough.
        """
        self._has_drawn |= published.box is not None
        if self._has_drawn or error is None:
            return
        if error is not self._newest:  # else it is the pause before the next try
            self._failing_since = self._failing_since if self._failures else now
            self._newest, self._failures = error, self._failures + 1
        if self._failures >= MIN_FAILURES and now - self._failing_since >= GIVE_UP_S:
            raise error

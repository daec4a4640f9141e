"""Builds the parts of the line from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable

from livecam.avatar.base import Avatar
from livecam.compose.base import Compositor
from livecam.compose.compositor import HeadCompositor
from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.core.timing import StageTimer
from livecam.filtering.base import FILTERS
from livecam.render.context import Graphics
from livecam.sinks.base import OutputInfo
from livecam.sources.base import SourceInfo
from livecam.tracking.base import TRACKERS, Tracker

log = logging.getLogger(__name__)


def tracker_factory(settings: Settings) -> Callable[[], Tracker]:
    """Makes the tracker on the thread that calls it.

    Raises:
        AssetError: the model is missing; at once, not on that thread.
    """
    tracking = settings.tracking
    model = asset_path("face-landmarker")

    def make() -> Tracker:
        return TRACKERS.create(
            tracking.tracker,
            model,
            max_faces=tracking.max_faces,
            detection_confidence=tracking.detection_confidence,
            presence_confidence=tracking.presence_confidence,
        )

    return make


def check_names(settings: Settings) -> None:
    """Refuses unknown trackers and filters before anything is opened.

    Raises:
        ConfigError: the settings name something that does not exist.
    """
    TRACKERS.check(settings.tracking.tracker)
    FILTERS.check(settings.smoothing.filter)


def compositor_factory(
    settings: Settings, graphics: Graphics, timer: StageTimer
) -> Callable[[Avatar, int, int], Compositor]:
    """Makes compositors for pictures of a width and height, all in one context."""

    def make(avatar: Avatar, width: int, height: int) -> Compositor:
        compositor = HeadCompositor(graphics, avatar, settings.render, (width, height), timer)
        log.info(
            "%s is drawn in the %s tier by %s", avatar.title, compositor.tier, graphics.renderer
        )
        return compositor

    return make


def output_info(settings: Settings, source: SourceInfo) -> OutputInfo:
    """The published size and rate: as asked, else as the source; sides are made even."""
    asked = settings.output
    width, height = asked.out_width, asked.out_height
    if not width and not height:
        width, height = source.width, source.height
    elif not width:
        width = round(source.width * height / source.height)
    elif not height:
        height = round(source.height * width / source.width)
    # 4:2:0 video, and Chrome on Linux, want even sides.
    return OutputInfo(width + width % 2, height + height % 2, asked.out_fps or source.fps)

"""Says at the start of a live run what it reads and where it publishes to, and what is missing."""

from __future__ import annotations

import logging

from livecam.config.settings import Settings
from livecam.core.language import listed, tr
from livecam.live.session import LiveSession

log = logging.getLogger(__name__)

AUTO, SAMPLE = "auto", "sample"


def announce(
    session: LiveSession, settings: Settings, source: str, device: str, demo: str = ""
) -> None:
    """Logs two lines.

    Args:
        session: that was opened.
        settings: as they were asked for.
        source: that was decided, never "auto".
        device: the virtual camera; empty: there is none.
        demo: the recording that is made because there is nowhere else to publish to, if any.
    """
    info, output = session.source, session.output
    lacks_camera = settings.source.source == AUTO and source == SAMPLE
    lacks_output = settings.sinks.virtual_camera and not device
    log.info(
        "reading %s %dx%d at %.4g fps; no camera was found, `livecam doctor` says why"
        if lacks_camera else "reading %s %dx%d at %.4g fps",
        info.name, info.width, info.height, info.fps,
    )  # fmt: skip
    log.info(
        "publishing %dx%d at %.4g fps to %s, drawn by %s; "
        "no virtual camera was found, `livecam doctor` says how to add one"
        if lacks_output else "publishing %dx%d at %.4g fps to %s, drawn by %s",
        output.width, output.height, output.fps,
        listed(destinations(settings, device, session.graphics.window is not None, demo)),
        session.graphics.renderer,
    )  # fmt: skip


def destinations(settings: Settings, device: str, window: bool, demo: str) -> list[str]:
    """Lists for people where the frames go."""
    sinks = settings.sinks
    names = [
        tr("the virtual camera {device}", device=device) if device else "",
        tr("a window") if window else "",
        sinks.record,
        tr("pictures in {folder}", folder=sinks.png) if sinks.png else "",
        *sinks.also_to,
        demo,
    ]
    return [name for name in names if name]

"""`livecam run`: the live camera."""

from __future__ import annotations

from typing import Annotated

import typer

from livecam.cli.options import Preset, Stats


def run(
    flags: dict[str, object],
    preset: Preset = None,
    stats: Stats = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", min=0, help="stop after so long")
    ] = None,
) -> int:
    """Turn the camera into your avatar, live."""
    from livecam.config.loader import load_settings

    settings = load_settings(preset, flags).settings  # a typo is reported before anything loads
    from livecam.cli.status_line import status_line
    from livecam.live.run import run

    with status_line() as show_status:
        return run(settings, stats=stats, seconds=seconds, show_status=show_status)

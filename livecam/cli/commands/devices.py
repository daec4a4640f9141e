"""`livecam devices` and `livecam doctor`: the devices of this machine, and checks of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from livecam.cli.options import Json
from livecam.cli.printing import print_check, print_json, print_table
from livecam.core.language import tr


def devices(
    json: Json = False,
    microphones: Annotated[
        bool, typer.Option("--microphones", help="list the microphones instead")
    ] = False,
) -> int:
    """List the cameras that can be used, or the microphones."""
    from livecam.sources.devices import list_cameras

    if microphones:
        from livecam.audio.microphone import list_microphones

        found = [asdict(each) for each in list_microphones()]
        print_table(found, json, tr("no microphone was found"))
        return 0
    print_table([asdict(camera) for camera in list_cameras()], json, tr("no camera was found"))
    return 0


def doctor(json: Json = False) -> int:
    """Check what works here, and how to mend the rest."""
    from livecam.config.loader import load_settings
    from livecam.doctor import examine_all

    report = examine_all(load_settings().settings, each=None if json else print_check)
    if json:
        print_json(report.as_dict())
    else:
        print(f"\n{report.verdict}")
    return 0 if report.works else 1

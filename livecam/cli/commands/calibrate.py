"""`livecam calibrate`: the profile of a face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from livecam.cli.options import Preset
from livecam.cli.printing import note, print_table
from livecam.core.language import tr

if TYPE_CHECKING:
    from livecam.config.fields import SettingField


def calibrate(
    flags: dict[str, object],
    preset: Preset = None,
    show: Annotated[
        bool, typer.Option("--show", help="print what is kept of your face instead")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="delete all that is kept of your face instead")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print --show as JSON")] = False,
) -> int:
    """Learn in ten seconds how your face is measured."""
    from livecam.config.loader import load_settings
    from livecam.core.errors import UsageError

    if show and forget:
        raise UsageError("--show and --forget exclude each other", "look first, then forget")
    settings = load_settings(preset, flags).settings
    name = settings.avatar.profile
    if forget:
        return _delete_profile(name)
    if show:
        return _show_profile(name, json)
    from livecam.calibration.guided import calibrate

    print(calibrate(settings, name, note))
    return 0


def applies_to_calibration(field: SettingField) -> bool:
    """Accepts the settings that `calibrate` uses."""
    return field.group in ("source", "tracking") or field.name == "profile"


def _show_profile(name: str, json: bool) -> int:
    from livecam.calibration.guided import profile_rows
    from livecam.calibration.profile import profile_files

    print_table(profile_rows(name), json, tr('nothing is kept of "{name}"', name=name))
    for path in profile_files(name):
        note(str(path))
    return 0


def _delete_profile(name: str) -> int:
    """Prints each file that was deleted."""
    from livecam.calibration.profile import delete_profile

    for path in (paths := delete_profile(name)):
        print(path)
    if not paths:
        note(tr('nothing was kept of "{name}"', name=name))
    return 0

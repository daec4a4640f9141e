"""`livecam convert`: recorded videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livecam.cli import CANCELLED
from livecam.cli.options import PICTURES, Pictures, Preset, Stats, checked_pictures
from livecam.cli.printing import note, print_outcomes
from livecam.core.language import tr

if TYPE_CHECKING:
    pass


def convert(
    flags: dict[str, object],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN... OUT", help="videos, photos or folders, then the file or folder"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="the folder to write into, instead of OUT"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace earlier results")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="cover shots without a face, instead of passing them")
    ] = False,
    pass_unsure: Annotated[
        bool,
        typer.Option(
            "--pass-unsure",
            help="pass shots with a person but without a face too, instead of blurring them",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="write a page with pictures, as .html"),
    ] = None,
    report_pictures: Pictures = PICTURES[0],
    preset: Preset = None,
    stats: Stats = None,
) -> int:
    """Put the avatar into videos and photos."""
    from livecam.config.loader import load_settings
    from livecam.core.end_signals import checkpoint
    from livecam.core.errors import UsageError

    inputs, output = (paths, out) if out else (paths[:-1], paths[-1])
    if not inputs:
        raise UsageError("convert needs a file to read and one to write", "livecam convert IN OUT")
    if strict and pass_unsure:
        raise UsageError("--strict and --pass-unsure exclude each other", "choose one of them")
    pictures = checked_pictures(report_pictures)
    settings = load_settings(preset, flags).settings
    from livecam.cli.progress import film_bars
    from livecam.convert import convert_files

    with film_bars() as bars:
        done = convert_files(
            inputs, output, settings, force=force, strict=strict, pass_unsure=pass_unsure,
            stats=stats, report=report, report_pictures=pictures, progress=bars,
        )  # fmt: skip
    print_outcomes(done.outcomes)
    if done.left:
        left, films = len(done.left), len(done.left) + len(done.outcomes)
        note(tr("stopped; {left} of {films} not converted", left=left, films=films))
        return CANCELLED
    checkpoint()  # a signal may have come when the last film was complete
    return 0 if done.is_complete else 1

"""`livecam bench`: rate, latency and accuracy."""

from __future__ import annotations

from typing import Annotated

import typer

from livecam.cli.options import Json, Preset, names_in
from livecam.cli.printing import note, print_json, print_pairs, print_table
from livecam.core.language import tr


def bench(
    flags: dict[str, object],
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="line: all of it; tracking: pose errors on films of known truth",
            autocompletion=lambda: ["line", "tracking"],
        ),
    ] = "line",
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=1, help="how long to measure")
    ] = 20.0,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME,...", help="of tracking; empty: all")
    ] = "",
    preset: Preset = None,
    json: Json = False,
) -> int:
    """Measure rate, latency and CPU time of the pipeline, or how well faces are tracked."""
    from livecam.config.loader import load_settings
    from livecam.core.errors import UsageError

    settings = load_settings(preset, flags).settings
    if what == "tracking":
        from livecam.measure.truth.bench import bench_tracking

        rows = bench_tracking(settings, seconds=seconds, scenarios=names_in(scenario), say=note)
        print_table(rows, json, tr("nothing was measured"))
        return 0
    if what != "line":
        raise UsageError(
            "{what!r} cannot be measured", "livecam bench, or livecam bench tracking", what=what
        )
    from livecam.measure.bench import bench

    result = bench(settings, seconds=seconds)
    if json:
        print_json(result)
        return 0
    stages = result.pop("stages")
    print_pairs(result)
    print_table([{"stage": name, **times} for name, times in stages.items()], False, "")
    return 0

"""`livecam bench`: rate, latency and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livecam.cli.options import Json, Preset, names_in
from livecam.cli.printing import note, print_json, print_pairs, print_table
from livecam.core.errors import UsageError
from livecam.core.language import tr

if TYPE_CHECKING:
    from livecam.config.settings import Settings

SUBJECTS = ("line", "tracking", "compare")


def bench(
    flags: dict[str, object],
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="line: all of it; tracking: pose errors on films of known truth; compare: two "
            "results of --json",
            autocompletion=lambda: SUBJECTS,
        ),
    ] = "line",
    results: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[A.json B.json]", help="of compare: B is compared with A"),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=1, help="how long to measure")
    ] = 20.0,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME,...", help="of tracking; empty: all")
    ] = "",
    size: Annotated[
        str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="to which a film is scaled before")
    ] = "",
    cores: Annotated[
        int, typer.Option("--cores", metavar="N", min=0, help="how many to use; 0: all")
    ] = 0,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="write the stages of all threads: .json for Perfetto, .svg as a picture",
        ),
    ] = None,
    preset: Preset = None,
    json: Json = False,
) -> int:
    """Measure rate, latency and CPU time of the pipeline, or how well faces are tracked."""
    from livecam.config.loader import load_settings

    if what not in SUBJECTS:
        raise UsageError(
            "{what!r} cannot be measured", "livecam bench, or livecam bench tracking", what=what
        )
    if len(results or ()) != (2 if what == "compare" else 0):
        raise UsageError(
            "two results are compared, and nothing else takes files",
            "livecam bench compare A.json B.json",
        )
    if results:
        _compare(results, json)
        return 0
    settings = load_settings(preset, flags).settings
    if what == "tracking":
        from livecam.measure.truth.bench import bench_tracking

        rows = bench_tracking(settings, seconds=seconds, scenarios=names_in(scenario), say=note)
        print_table(rows, json, tr("nothing was measured"))
    else:
        if cores:
            from livecam.measure.thread_times import pin_to_cores

            pin_to_cores(cores)
        _print_result(_line(settings, seconds, size, trace), json)
    return 0


def _line(settings: Settings, seconds: float, size: str, file: Path | None) -> dict[str, Any]:
    """Measures the line, and writes its trace into a file if one is named."""
    from livecam.core.trace import Trace
    from livecam.measure.bench import bench
    from livecam.measure.trace_file import check_trace_file, write_trace
    from livecam.viewer.turntable import checked_size

    wanted = checked_size(size) if size else None
    if file is None:
        return bench(settings, seconds=seconds, size=wanted)
    check_trace_file(file)
    trace = Trace()
    result = bench(settings, seconds=seconds, size=wanted, trace=trace)
    write_trace(file, trace)
    return result


def _compare(results: list[Path], json: bool) -> None:
    from livecam.measure.comparison import compared, read_result

    tables = compared(*map(read_result, results))
    if json:
        print_json(tables)
    else:
        _print_tables(*tables.values())


def _print_result(result: dict[str, Any], json: bool) -> None:
    if json:
        print_json(result)
        return
    rounds, threads, stages = (result.pop(name, ()) for name in ("rounds", "threads", "stages"))
    print_pairs(result)
    _print_tables(
        rounds,
        [{"thread": name, **times} for name, times in threads.items()],
        [{"stage": name, **times} for name, times in stages.items()],
    )


def _print_tables(*tables: Sequence[dict[str, Any]]) -> None:
    """Prints those that have rows."""
    for rows in filter(None, tables):
        print_table(rows, False, "")

"""`livecam batch`: folders and plans of videos, by several workers, resumable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livecam.cli import CANCELLED
from livecam.cli.options import PICTURES, Pictures, Preset, checked_pictures
from livecam.cli.printing import note, print_batch
from livecam.core.language import to_translate, tr

if TYPE_CHECKING:
    from livecam.batch.engine import Engine
    from livecam.batch.item import Item
    from livecam.batch.run import BatchOutcome
    from livecam.convert.thumbnails import ReportPictures
    from livecam.storage.place import Place

REPORT = "livecam-batch.html"


def batch(
    flags: dict[str, object],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="IN... OUT",
            help="a plan (.toml, .csv), or videos, photos and folders; then the folder for results",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FOLDER", help="the folder for results, instead of OUT"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="N", min=1, max=512,
            help="videos at a time on this machine; by default one a processor core",
        ),
    ] = None,
    piece_s: Annotated[
        float,
        typer.Option(
            "--piece-s",
            metavar="SECONDS",
            min=0,
            help="with several jobs, cut films twice as long into such pieces; 0: never [120]",
            show_default=False,
        ),
    ] = 120.0,
    scheduler: Annotated[
        str,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="use the workers of this scheduler of Dask"
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="replace results of livecam that are not of this batch")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="convert what is done already once more")
    ] = False,
    strict: Annotated[
        bool | None,
        typer.Option("--strict", help="cover shots without a face, instead of passing them"),
    ] = None,
    pass_unsure: Annotated[
        bool | None,
        typer.Option(
            "--pass-unsure",
            help="pass shots with a person but without a face too, instead of blurring them",
        ),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            "--report", metavar="FILE",
            help="as .html, .csv or .json, also several times; else a page beside the results",
        ),
    ] = None,
    report_pictures: Pictures = PICTURES[0],
    preset: Preset = None,
) -> int:  # fmt: skip
    """Put the avatar into folders of videos and photos, by several workers.

    The same command, given again, goes on where it was. IN, OUT and reports may be addresses such
    as s3://bucket/folder.
    """
    from livecam.batch.plan import items_of, plan_of, read_plan
    from livecam.batch.report import check_report
    from livecam.batch.run import run_batch
    from livecam.batch.work import Orders
    from livecam.convert.thumbnails import pictures_each
    from livecam.core.errors import UsageError
    from livecam.core.language import current_language

    if jobs and scheduler:
        raise UsageError(
            "--jobs and --scheduler exclude each other",
            "a scheduler's workers are as many as were started",
        )
    pictures = checked_pictures(report_pictures)
    inputs, folder = _divided(paths, out)
    plan = read_plan(Path(inputs[0])) if _is_plan(inputs[0]) else plan_of(inputs)
    given = flags | {
        name: True for name, wanted in (("strict", strict), ("pass_unsure", pass_unsure)) if wanted
    }
    items = items_of(plan, folder, given, preset)
    reports = _reports(report, items)
    for place in reports:
        check_report(place)
    orders = Orders(
        language=current_language(), force=force, again=again, pictures=pictures,
        pictures_each=pictures_each(len(items)),
        piece_s=piece_s,
    )  # fmt: skip
    from livecam.cli.batch_progress import batch_bars

    with batch_bars() as bars:
        done = run_batch(items, orders, lambda n: _engine(jobs, scheduler, n), bars)
    written = _write_reports(reports, done, pictures)
    print_batch(done)
    if done.problem:
        words = to_translate("{problem}; {left} of {items} are left: the same command goes on")
        note(tr(words, problem=done.problem, left=len(done.left), items=len(items)))
    if done.problem == tr("stopped"):
        return CANCELLED
    return 0 if done.is_complete and written else 1


def _divided(paths: list[str], out: str | None) -> tuple[list[str], str | None]:
    """Returns the inputs, and the folder for results if one is named."""
    from livecam.core.errors import UsageError

    if any(_is_plan(path) for path in paths) and len(paths) > (2 if out is None else 1):
        raise UsageError(
            "a plan stands alone", "livecam batch PLAN [OUT]; list the other inputs in the plan"
        )
    if out is not None:
        return paths, out
    if len(paths) == 1:
        if _is_plan(paths[0]):
            return paths, None
        raise UsageError(
            "batch needs something to read and a folder to write into", "livecam batch IN... OUT"
        )
    return paths[:-1], paths[-1]


def _is_plan(path: str) -> bool:
    from livecam.batch.plan import PLANS

    return Path(path).suffix.lower() in PLANS


def _engine(jobs: int | None, scheduler: str, items: int) -> Engine:
    """Returns who does the work on so many items; without Dask one process does, if not told."""
    from livecam.batch.engine import OwnProcess

    if scheduler:
        from livecam.batch.cluster import Cluster

        return Cluster(0, scheduler)
    wanted = jobs or min(_default_jobs(), items)
    if wanted == 1:
        return OwnProcess()
    from livecam.batch.cluster import Cluster

    return Cluster(wanted)


def _default_jobs() -> int:
    """Returns one job a processor core; one where Dask is missing."""
    from importlib.util import find_spec

    if find_spec("distributed") is None:
        note(tr("one video at a time: several need Dask (pip install 'livecam[cluster]')"))
        return 1
    from livecam.batch.engine import cores

    return cores()


def _reports(named: list[str] | None, items: list[Item]) -> list[Place]:
    """Returns where reports go: as named, else beside the first result."""
    from livecam.storage.place import place_of

    if named:
        return [place_of(each) for each in named]
    return [items[0].output.parent.child(REPORT)]


def _write_reports(places: list[Place], done: BatchOutcome, pictures: ReportPictures) -> bool:
    """Writes the reports; returns whether all could be written."""
    from livecam.batch.report import write_report
    from livecam.core.errors import LivecamError

    written = True
    for place in places:
        try:
            write_report(place, done, pictures)
            note(tr("the report is {path}", path=place))
        except LivecamError as error:
            written = False
            note(tr("error: {message}", message=error.message), colour=typer.colors.RED)
    return written

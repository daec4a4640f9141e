"""Converts one item, in whatever process or machine this runs. One item at a time in a process."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import ClassVar, TypeVar

from livecam.batch.item import Item, sha256_of_files
from livecam.batch.record import ItemRecord, read_record
from livecam.batch.scratch import PREFIX, scratch_folder
from livecam.convert.converter import Converter, words_of
from livecam.convert.jobs import (
    ConversionJob,
    check_kinds,
    check_output,
    check_replaceable,
    check_source,
)
from livecam.convert.outcome import Outcome
from livecam.convert.progress import FilmTimes, Pass
from livecam.convert.report import ConversionReport
from livecam.convert.thumbnails import ReportPictures
from livecam.core.errors import FullDiskError, LivecamError, file_error
from livecam.core.hidden_file import hidden_names, leftovers
from livecam.core.language import tr
from livecam.media.results import is_result
from livecam.storage.place import Place

log = logging.getLogger(__name__)

TELL_EVERY_S = 0.5
SCRATCH_PATH = re.compile(rf"\S*{PREFIX}[^/\\]+[/\\](?:(?:in|out)[/\\])?")

T = TypeVar("T")
Tell = Callable[[float, float | None], None]  # receives the share that is done, and seconds left


class ItemState(str, Enum):
    """How the work on an item ended."""

    DONE = "done"
    KEPT = "kept"  # the result was there already
    FAILED = "failed"
    STOPPED = "stopped"  # from outside; the item is left
    NO_ROOM = "no room"  # the disk is full; the item is left


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds for all items of a run."""

    run: str = ""  # its name
    language: str = "en"
    force: bool = False  # replace results that no record knows
    again: bool = False  # convert finished items too
    pictures: ReportPictures = "after"
    pictures_each: int = 4
    piece_s: float = 0.0  # films longer than two of them are cut into pieces; 0: never

    def of_run(self, name: str) -> Orders:
        """Returns the orders of the run of that name."""
        return replace(self, run=name)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an item."""

    state: ItemState
    outcome: Outcome
    cpu_s: float = 0.0
    renderer: str = ""


def finished(item: Item, orders: Orders) -> ItemRecord | None:
    """Returns the record of an item whose result is up to date; None if it is to be converted.

    Raises:
        LivecamError: source or output cannot be reached.
    """
    record = None if orders.again else read_record(item.output)
    if record is None or record.outcome is None:
        return None
    if record.settings_sha256 != item.settings_sha256:
        return None
    if not item.output.exists() or item.output.version() != record.output_version:
        return None
    version = item.source.version()
    if version and version == record.source_version:
        return record
    return record if item.source.sha256() == record.source_sha256 else None


def convert_item(item: Item, orders: Orders, tell: Tell) -> Result:
    """Converts one item and records it beside its result.

    What goes wrong with the item is told by its result.

    Raises:
        KeyboardInterrupt: the work was asked to end; no unfinished file is left.
    """

    def whole(item: Item, job: ConversionJob, orders: Orders) -> Result | None:
        return None

    return convert_or_begin(item, orders, tell, whole)


def convert_or_begin(
    item: Item,
    orders: Orders,
    tell: Tell,
    begin: Callable[[Item, ConversionJob, Orders], T | None],
) -> Result | T:
    """Converts one item like `convert_item`, unless `begin` returns what is to be done instead."""

    def work() -> Result | T:
        record = finished(item, orders)
        if record is not None and record.outcome is not None:
            return Result(ItemState.KEPT, record.outcome, record.cpu_s)
        begun, used = time.monotonic(), time.process_time()
        with local_job(item) as job:
            film = begin(item, job, orders)
            if film is not None:
                return film
            return _converted(item, job, orders, tell, begun, used)

    return attempted(item, work)


def attempted(item: Item, work: Callable[[], T]) -> T | Result:
    """Returns what a piece of work on an item returns; if it fails, the result that tells why."""
    try:
        return work()
    except FullDiskError as error:
        return Result(ItemState.NO_ROOM, failed_outcome(item, words_of(error)))
    except (LivecamError, OSError) as error:
        found = error if isinstance(error, LivecamError) else file_error(error)
        log.error("%s: %s", item.name, words_of(found), exc_info=True)
        return Result(ItemState.FAILED, failed_outcome(item, words_of(found)))
    except Exception as error:
        log.exception("%s: unexpected error: %s", item.name, error)
        words = tr("unexpected: {error}", error=error)
        return Result(ItemState.FAILED, failed_outcome(item, words))


def failed_outcome(item: Item, words: str) -> Outcome:
    """Returns the outcome of an item that could not be converted; it names no folders."""
    for place in (item.source, item.output):
        words = words.replace(str(place), place.name).replace(str(place.parent), place.parent.name)
    return Outcome(_named_job(item), error=SCRATCH_PATH.sub("", words))


def _named_job(item: Item) -> ConversionJob:
    """Returns the job as reports name it: without folders."""
    return ConversionJob(Path(item.source.name), Path(item.output.name))


def _converted(
    item: Item, job: ConversionJob, orders: Orders, tell: Tell, begun: float, used: float
) -> Result:
    """Converts an item whose work began at those seconds of the clock and of the processor."""
    check_replacing(item, job, orders)
    sha256 = sha256_of_files(job.source)
    converter = _converters.converter(item, orders)
    progress = _Progress(tell)
    try:
        outcome = converter.convert(job, None, progress)
    finally:
        progress.close()
    publish_result(item, job)
    outcome = replace(outcome, took_s=time.monotonic() - begun)
    cpu_s = time.process_time() - used
    outcome = record_result(item, outcome, sha256, cpu_s)
    return Result(ItemState.DONE, outcome, cpu_s, converter.renderer)


@contextmanager
def local_job(item: Item) -> Iterator[ConversionJob]:
    """Yields an item as files of this machine; those of other machines are fetched and removed."""
    source, output = item.source.local_path, item.output.local_path
    if source is not None and output is not None:
        yield ConversionJob(source, output)
        return
    with scratch_folder() as scratch:
        if source is None:
            source = scratch / "in" / item.source.name
            source.parent.mkdir()
            item.source.download(source)
        if output is None:
            output = scratch / "out" / item.output.name
            output.parent.mkdir()
        yield ConversionJob(source, output)


def check_replacing(item: Item, job: ConversionJob, orders: Orders) -> None:
    """Refuses to lose a file, and records that the output is this batch's to replace.

    Only results are replaced, those without a record with `force`.

    Raises:
        LivecamError: the item cannot be read or written, or a file would be lost.
    """
    force = orders.force or read_record(item.output) is not None
    check_source(job.source)
    check_kinds(job, alpha=item.settings.picture.is_alpha)
    if item.output.local_path is None:
        _check_remote(item.output, job.output, force=force)
    else:
        check_output(job.output, [job.source], force=force)
        for path in leftovers(job.output.parent):  # of workers that were killed
            if hidden_names(job.output).fullmatch(path.name):
                path.unlink(missing_ok=True)
    ItemRecord(item.settings_sha256).write(item.output)


def _check_remote(output: Place, copy: Path, *, force: bool) -> None:
    """Refuses to lose a file on another machine, which is fetched to see whose it is."""
    output.check_writable()
    if output.exists():
        output.download(copy)
        check_replaceable(output, is_ours=is_result(copy), force=force)
        copy.unlink()


def publish_result(item: Item, job: ConversionJob) -> None:
    """Sends a result where it belongs, if that is another machine."""
    if item.output.local_path is None:
        item.output.upload(job.output)


def record_result(item: Item, outcome: Outcome, source_sha256: str, cpu_s: float) -> Outcome:
    """Records a result beside it; returns its outcome as reports show it."""
    outcome = replace(outcome, job=_named_job(item))
    ItemRecord(
        item.settings_sha256, source_sha256, item.source.version(), item.output.version(), outcome,
        cpu_s,
    ).write(item.output)  # fmt: skip
    return outcome


class _Converters:
    """Keeps the converter of the last item, as the next one often has the same settings."""

    def __init__(self) -> None:
        self._known = ""
        self._stack = ExitStack()
        self._converter: Converter | None = None

    def converter(self, item: Item, orders: Orders) -> Converter:
        """Returns a converter for an item; the one before is closed."""
        wanted = f"{item.settings_sha256} {orders.run}"
        if self._converter is None or wanted != self._known:
            self.close()
            report = ConversionReport(Path(), orders.pictures, orders.pictures_each)
            converter = Converter(
                item.settings, strict=item.strict, pass_unsure=item.pass_unsure, report=report
            )
            self._converter = self._stack.enter_context(converter)
            self._known = wanted
        return self._converter

    def close(self) -> None:
        self._converter = None
        self._stack.close()


_converters = _Converters()
close_converters = _converters.close


class _Progress:
    """Tells how far an item is, twice a second at most."""

    known: ClassVar[dict[Pass, float]] = {}  # seconds a frame of each pass, of the item before

    def __init__(self, tell: Tell) -> None:
        self._tell, self._told_at = tell, 0.0
        self._times = FilmTimes(self.known)
        self._frames = 0

    def open(self, frames: int) -> None:
        self._times.begin("look", frames)

    def learn_background(self) -> None:
        self._times.begin("background", self._frames)

    def draw(self, frames: int) -> None:
        self._frames = frames
        self._times.begin("draw", frames)

    def advance(self, frames: int) -> None:
        self._frames += frames
        self._times.advance(frames)
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            self._tell(self._times.share or 0.0, self._times.left_s)

    def close(self) -> None:
        self._times.end()

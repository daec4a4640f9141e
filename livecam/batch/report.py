"""The reports of a batch: a page for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from livecam import __version__
from livecam.batch.run import BatchOutcome
from livecam.batch.work import ItemState, Result
from livecam.convert.report import MARK, ConversionReport, page
from livecam.convert.thumbnails import ReportPictures
from livecam.core.errors import SinkError, UsageError
from livecam.core.language import to_translate, tr
from livecam.storage.place import Place

GENERATOR = "livecam batch"
COLUMNS = (
    "input", "output", "state", "error", "seconds", "frames", "faces", "took_s", "cpu_s",
    "film_minutes_per_core_hour", "passed_through", "covered", "blurred", "perhaps_a_head",
    "held", "sound", "notes",
)  # fmt: skip
HEAD_BYTES = 1024  # of a report, in which its mark is
MARKS = {
    ".html": MARK.encode(),
    ".csv": ",".join(COLUMNS[:3]).encode(),
    ".json": f'"generator": "{GENERATOR}"'.encode(),
}
LEFT = "left"


def check_report(place: Place) -> None:
    """Refuses a report that cannot be written, or for which a file would be lost.

    An earlier report of a batch is replaced.

    Raises:
        UsageError: its name has another ending.
        SinkError: there is a file that is no report.
    """
    ending = place.suffix.lower()
    if ending not in MARKS:
        raise UsageError(
            "the report {path} cannot be written as {kind}",
            hint="name it .html, .csv or .json",
            path=place, kind=ending or tr("a file without an ending"),
        )  # fmt: skip
    if place.exists() and MARKS[ending] not in place.read_bytes()[:HEAD_BYTES]:
        raise SinkError(
            "{path} is no report of livecam: it is never replaced",
            hint="name another file",
            path=place,
        )


def write_report(place: Place, done: BatchOutcome, pictures: ReportPictures) -> None:
    """Writes a report as a whole, for its owner alone.

    Raises:
        SinkError: it cannot be written.
    """
    writers: dict[str, Callable[[], str]] = {
        ".html": lambda: html(done, pictures),
        ".csv": lambda: table(done),
        ".json": lambda: document(done),
    }
    # The mark of UTF-8 lets spreadsheet programs read Chinese names.
    encoding = "utf-8-sig" if place.suffix.lower() == ".csv" else "utf-8"
    place.write_bytes(writers[place.suffix.lower()]().encode(encoding), owner_only=True)


def html(done: BatchOutcome, pictures: ReportPictures) -> str:
    """Returns the page, in the language that was set."""
    figures = {tr("Already there"): str(len(done.of(ItemState.KEPT)) or "")}
    if done.cpu_s:
        words = to_translate("{n} minutes of film a core hour")
        figures[tr("Cost")] = tr(words, n=f"{done.film_minutes_per_core_hour:.1f}")
    return page(ConversionReport(Path(), pictures), done.conversion, datetime.now(), figures)


def table(done: BatchOutcome) -> str:
    """Returns the report as CSV with the names of `COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows(done):
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue()


def document(done: BatchOutcome) -> str:
    """Returns the report as JSON, with small pictures as JPEG in base64."""
    films = []
    for number, row in enumerate(rows(done)):
        result = done.results.get(number)
        films.append({**row, "pictures": [] if result is None else list(_pictures(result))})
    whole = {
        "generator": GENERATOR,
        "version": __version__,
        "took_s": round(done.took_s, 1),
        "cpu_s": round(done.cpu_s, 1),
        "film_s": round(done.film_s, 2),
        "film_minutes_per_core_hour": round(done.film_minutes_per_core_hour, 2),
        "problem": done.problem,
        "items": films,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def rows(done: BatchOutcome) -> Iterator[dict[str, Any]]:
    """Yields what is known of each item, by the names of `COLUMNS`."""
    for number, item in enumerate(done.items):
        result = done.results.get(number)
        row = dict.fromkeys(COLUMNS, "") | {
            "input": str(item.source), "output": str(item.output), "state": LEFT,
        }  # fmt: skip
        yield row if result is None else row | _figures(result)


def _figures(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "state": result.state.value,
        "error": outcome.error,
        "seconds": round(outcome.seconds, 3),
        "frames": outcome.frames,
        "faces": outcome.faces,
        "took_s": round(outcome.took_s, 2),
        "cpu_s": round(result.cpu_s, 2),
        "film_minutes_per_core_hour": round(outcome.seconds / result.cpu_s * 60, 2)
        if result.cpu_s
        else 0.0,
        "passed_through": outcome.uncovered,
        "covered": outcome.hidden,
        "blurred": outcome.blurred,
        "perhaps_a_head": outcome.seen_once,
        "held": outcome.guessed,
        "sound": outcome.sound,
        "notes": [*outcome.notes, *outcome.streams],
    }


def _pictures(result: Result) -> Iterator[dict[str, Any]]:
    film = result.outcome.record
    for each in film.thumbnails if film else ():
        picture = {
            "at_s": each.at_s, "shows": each.kind.name.lower(),
            "after_jpeg": base64.b64encode(each.after).decode(),
        }  # fmt: skip
        if each.before:
            picture["before_jpeg"] = base64.b64encode(each.before).decode()
        yield picture


def _cell(value: object) -> object:
    """Returns a value for a spreadsheet, in which a text is never a formula."""
    text = "; ".join(value) if isinstance(value, list) else value
    if isinstance(text, str) and text[:1] in ("=", "+", "-", "@"):
        return f"'{text}"
    return text

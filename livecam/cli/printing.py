"""Prints results to stdout, notes and errors to stderr; colours only on a terminal.

Rich is imported only where a table is printed: it takes longer than the rest of a short command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import typer

from livecam.cli.help_page import cells
from livecam.cli.words import WORD_KEYS, heading
from livecam.core.language import ENGLISH, to_translate, tr
from livecam.core.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from livecam.batch.run import BatchOutcome
    from livecam.config.loader import Loaded
    from livecam.convert.outcome import Outcome
    from livecam.doctor import Check

PIPE_COLUMNS = 400  # a program that reads a table must not find it wrapped or cut
SAMPLES = {"zh": "中文"}  # of the characters of languages other than English
NO_REWRITING = ("dumb", "unknown")  # values of TERM
CHECK_COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


def print_json(value: object) -> None:
    """Prints a value as indented JSON; what JSON does not know is printed as text."""
    import json

    print(json.dumps(value, indent=2, default=str))


def print_table(rows: Sequence[dict[str, Any]], as_json: bool, none: str) -> None:
    """Prints rows as a table with their keys as headings, or as JSON.

    Without rows, `none` goes to stderr.
    """
    if as_json:
        print_json(rows)
        return
    if not rows:
        note(none)
        return
    from rich.table import Table

    headings = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*map(heading, headings), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(key, row.get(key, "")) for key in headings))
    _console().print(table)


def print_pairs(pairs: dict[str, Any], as_json: bool = False) -> None:
    """Prints one key and its value a line, in two columns; or all as one JSON object."""
    if as_json:
        print_json(pairs)
        return
    width = max((cells(heading(key)) for key in pairs), default=0)
    for key, value in pairs.items():
        print(f"{_padded(heading(key), width)}  {_cell(key, value)}")


def print_settings(loaded: Loaded) -> None:
    """Prints settings as a TOML file, each with its origin; defaults are comments."""
    from livecam.config.template import settings_lines

    for line, is_set in settings_lines(loaded):
        print(coloured(line, typer.colors.GREEN if is_set else None))


def print_check(check: Check) -> None:
    """Prints one check of `livecam doctor` and its remedy."""
    status = check.status.value
    mark = coloured(_padded(tr(status), 4), CHECK_COLOURS[status])
    print(f"{mark}  {_padded(tr(check.name), 16)} {check.found}", flush=True)
    if check.remedy:
        print(f"{'':23}-> {check.remedy}", flush=True)


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Prints a table of converted films, then the shots that show no avatar.

    Why a film failed was logged at once, and is not said again.
    """
    if not outcomes or (len(outcomes) == 1 and outcomes[0].error):
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    table.add_column(heading("film"), overflow="fold")
    for title in ("frames", "seconds", "took s", "faces", "passed"):
        table.add_column(heading(title), justify="right")
    table.add_column(heading("sound"))
    table.add_column(heading("result"), overflow="fold")
    for each in outcomes:
        lasts, took = f"{each.seconds:.1f}", f"{each.took_s:.1f}"
        numbers = (each.frames, lasts, took, each.faces, len(each.uncovered))
        figures = [""] * len(numbers) if each.error else map(str, numbers)
        result = Text(tr("failed"), "red") if each.error else Text(each.job.output.name)
        table.add_row(each.job.source.name, *figures, each.sound, result)
    console = _console()
    console.print(table)
    for each in outcomes:
        for words, times in (
            (to_translate("{film}: no face found, passed through: {times}"), each.uncovered),
            (to_translate("{film}: covered as a whole: {times}"), each.hidden),
            (to_translate("{film}: heads without a face track, blurred: {times}"), each.blurred),
            (to_translate("{film}: perhaps a head, not covered: {times}"), each.seen_once),
            (to_translate("{film}: no face found, avatar held: {times}"), each.guessed),
        ):
            if times:
                console.print(tr(words, film=each.job.source.name, times=", ".join(times)))
        for note_ in (*each.notes, *each.streams):
            console.print(tr("{film}: {note}", film=each.job.source.name, note=note_))


def print_batch(done: BatchOutcome) -> None:
    """Prints how many items of a batch ended in what way, what failed, and what it cost.

    Why an item failed was logged at once, and is not said again.
    """
    from livecam.batch.work import ItemState

    counts = {
        tr("converted"): len(done.of(ItemState.DONE)),
        tr("already there"): len(done.of(ItemState.KEPT)),
        tr("failed"): len(done.of(ItemState.FAILED)),
        tr("left"): len(done.left),
    }
    print(", ".join(f"{name} {count}" for name, count in counts.items() if count))
    exposed = [each for each in done.of(ItemState.DONE, ItemState.KEPT) if each.outcome.uncovered]
    for each in exposed:
        words = to_translate("{film}: no face found, passed through: {times}")
        outcome = each.outcome
        print(tr(words, film=outcome.job.source.name, times=", ".join(outcome.uncovered)))
    if done.cpu_s:
        words = to_translate(
            "{minutes:.1f} minutes of film in {took:.1f} minutes:"
            " {cost:.1f} minutes of film a core hour"
        )
        cost = done.film_minutes_per_core_hour
        print(tr(words, minutes=done.film_s / 60, took=done.took_s / 60, cost=cost))


def printable_language(language: str) -> str:
    """Returns the language if both output streams can print it, else English."""
    try:
        for stream in (sys.stdout, sys.stderr):
            SAMPLES.get(language, "").encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ENGLISH
    return language


def print_error(message: str, hint: str) -> None:
    """Prints what went wrong and, where it is known, what to do about it; to stderr."""
    note(tr("error: {message}", message=message), colour=typer.colors.RED)
    if hint:
        note(tr("hint: {hint}", hint=hint))


def note(text: str, colour: str | None = None) -> None:
    """Prints a line to stderr, which leaves stdout to results."""
    print(coloured(printable(text, keep="\n"), colour, sys.stderr), file=sys.stderr)


def coloured(text: str, colour: str | None, stream: TextIO | None = None) -> str:
    """Returns the text in a colour if `stream`, by default stdout, is a terminal."""
    stream = sys.stdout if stream is None else stream
    return typer.style(text, fg=colour) if colour and stream.isatty() else text


def _padded(text: str, width: int) -> str:
    """Fills a text up to so many cells of a terminal."""
    return text + " " * (width - cells(text))


def _cell(key: str, value: object) -> str:
    return tr(value) if key in WORD_KEYS and isinstance(value, str) else _text(value)


def can_rewrite() -> bool:
    """Returns whether stderr is a terminal in which a line can be rewritten."""
    term = os.environ.get("TERM")
    return sys.stderr is not None and sys.stderr.isatty() and term not in NO_REWRITING


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{tr(key)} {_text(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    return "-" if value is None else str(value)


def _console() -> Console:
    from rich.console import Console

    return Console(
        highlight=False, markup=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS
    )

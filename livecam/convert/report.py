"""The report of a conversion: where it is written, and the page as a whole.

One HTML file that needs neither network nor script, to be opened, printed and sent. It names no
folders. Only its owner may read it: it shows faces where a film passed, and if asked everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from livecam import __version__
from livecam.convert.frame_kinds import clock
from livecam.convert.outcome import Conversion, Outcome
from livecam.convert.report_film import bar, escaped, facts, film_card
from livecam.convert.thumbnails import MOST, ReportPictures
from livecam.core.errors import SinkError, reason_of
from livecam.core.hidden_file import HiddenFile, replaced_file
from livecam.core.language import current_language, to_translate, tr
from livecam.core.places import check_own_file, check_place
from livecam.media.stills import is_still
from livecam.media.writer import make_folder

STYLE = Path(__file__).with_name("report.css")
ENDINGS = (".html", ".htm")
MARK = '<meta name="generator" content="livecam convert --report">'
EMPTY: Mapping[str, str] = MappingProxyType({})
HEAD_BYTES = 1024  # of a report, in which its mark is
OWNER_ONLY = 0o600
PAGES = {"en": "en", "zh": "zh-Hans"}  # languages as HTML names them

SHOWS_FACES = to_translate(
    "This report shows the real faces, before the conversion: keep it where only those"
    " may see it who may see the films."
)
SHOWS_RESULTS = to_translate(
    "The pictures are from the results: they show a face only where the film itself does."
)

PAGE = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
{mark}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
<p class="when">{when}</p>
<p class="{notice_class}">{notice}</p>
{facts}
</header>
{contents}
{films}
<footer>{footer}</footer>
</main>
</body>
</html>
"""
CONTENTS = '<section class="card"><ol class="films">\n{rows}\n</ol></section>'
ROW = '<li><div class="row"><a href="#film-{number}">{name}</a><span>{state}</span></div>{bar}</li>'


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """A report that is to be written."""

    path: Path
    pictures: ReportPictures = "after"
    pictures_each: int = MOST  # of one film


def check_report(report: ConversionReport, others: Iterable[Path], *, force: bool = False) -> None:
    """Refuses to write a report where it cannot be, or to lose a file for it.

    Raises:
        SinkError: the name fits none, a file would be lost, or the place cannot be written.
    """
    path = report.path
    if path.suffix.lower() not in ENDINGS:
        raise SinkError("the report {path} is to be a page", "name it .html", path=path)
    check_own_file(path, others)
    check_place(path)
    make_folder(path.parent)
    if os.path.lexists(path):
        _check_existing(path, force)
    try:
        HiddenFile(path, OWNER_ONLY).discard()
    except OSError as error:
        raise SinkError(
            "the report {path} cannot be written: {reason}",
            hint="choose another folder",
            path=path,
            reason=reason_of(error),
        ) from error


def _check_existing(path: Path, force: bool) -> None:
    if not _is_report(path):
        raise SinkError(
            "{path} is no report of livecam: it is never replaced",
            hint="name another file",
            path=path,
        )
    if not force:
        raise SinkError("{path} exists", hint="pass --force to replace it", path=path)


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(HEAD_BYTES)
    except OSError as error:
        raise SinkError(
            "{path} cannot be read: {reason}",
            hint="name another file",
            path=path,
            reason=reason_of(error),
        ) from error


def write_report(report: ConversionReport, done: Conversion) -> None:
    """Writes the report as a whole, for its owner alone.

    Raises:
        OSError: it cannot be written, and what was there is there still.
    """
    with replaced_file(report.path, OWNER_ONLY) as file:
        file.write(page(report, done, datetime.now()).encode())


def page(
    report: ConversionReport, done: Conversion, now: datetime, figures: Mapping[str, str] = EMPTY
) -> str:
    """Returns the page as HTML, in the language that was set.

    `figures` are more facts about all films, by their headings.
    """
    shows_faces = report.pictures == "both"
    cards = [film_card(n, outcome) for n, outcome in enumerate(done.outcomes, 1)]
    return PAGE.format(
        lang=PAGES[current_language()],
        mark=MARK,
        title=escaped(_title(done)),
        style=STYLE.read_text("utf-8"),
        when=now.strftime("%Y-%m-%d %H:%M"),
        notice_class="notice" if shows_faces else "notice calm",
        notice=escaped(tr(SHOWS_FACES if shows_faces else SHOWS_RESULTS)),
        facts=facts({**_totals(done), **figures}),
        contents=_contents(done.outcomes),
        films="\n".join(cards) + _left(done),
        footer=escaped(
            tr("Made by livecam {version}. This page loads nothing.", version=__version__)
        ),
    )


def _title(done: Conversion) -> str:
    """Returns the name of the only film, else a general title."""
    if len(done.outcomes) == 1 and not done.left:
        return tr("Report: {film}", film=done.outcomes[0].job.source.name)
    return tr("Converted films and photos")


def _totals(done: Conversion) -> dict[str, str]:
    """Returns what holds for all films, by its heading."""
    good = [each for each in done.outcomes if not each.error]
    photos = sum(is_still(each.job.source) for each in good)
    records = [each.record for each in good if each.record]
    tiers = dict.fromkeys(each.tier for each in records if each.tier)
    qualities = dict.fromkeys(each.quality for each in records if each.quality)
    figures = {
        tr("Films"): len(good) - photos,
        tr("Photos"): photos,
        tr("Failed"): len(done.outcomes) - len(good),
        tr("Not converted"): len(done.left),
    }
    found = {name: str(number) for name, number in figures.items() if number}
    found[tr("Time taken")] = tr("{n} s", n=f"{sum(each.took_s for each in good):.0f}")
    if qualities:
        found[tr("Quality")] = ", ".join(qualities)
    if tiers:
        found[tr("Drawn in tier")] = ", ".join(tiers)
    found[tr("Drawn by")] = done.renderer
    return found


def _contents(outcomes: Iterable[Outcome]) -> str:
    """Returns a list of the films with their bars; of a single one there is none."""
    rows = [
        ROW.format(
            number=number,
            name=escaped(each.job.source.name),
            state=escaped(_state(each)),
            bar=bar(each.record, "bar thin") if each.record else "",
        )
        for number, each in enumerate(outcomes, 1)
    ]
    return CONTENTS.format(rows="\n".join(rows)) if len(rows) > 1 else ""


def _state(outcome: Outcome) -> str:
    """Returns the length of a film, nothing for a photo, or that it failed."""
    if outcome.error:
        return tr("failed")
    return "" if is_still(outcome.job.source) else clock(outcome.seconds)


def _left(done: Conversion) -> str:
    """Names the films that were not converted because the run was stopped."""
    if not done.left:
        return ""
    names = ", ".join(job.source.name for job in done.left)
    words = tr("Stopped; not converted: {films}", films=names)
    return f'\n<p class="notice">{escaped(words)}</p>'

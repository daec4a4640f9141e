"""The part of a report that shows one film or photo."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping

import numpy as np

from livecam.convert.frame_kinds import FrameKind, clock
from livecam.convert.outcome import Outcome
from livecam.convert.thumbnails import FilmRecord, Thumbnail
from livecam.core.language import to_translate, tr
from livecam.core.printable import printable
from livecam.media.stills import is_still

COLUMNS = 1000  # of a bar: each shows the kind in it that is the most worth a look
TICKS = 5  # times below a bar

CARD = """<article class="card" id="film-{number}">
<div class="title"><div><h2>{name}</h2>
<p class="to">{result}</p></div>{badge}</div>
{body}
</article>"""
SVG = (
    '<svg class="{style}" viewBox="0 0 {columns} 1" preserveAspectRatio="none" {role}>{parts}</svg>'
)
PART = '<rect class="k{kind}" x="{x}" width="{width}" height="1"><title>{title}</title></rect>'
FIGURE = """<figure{pair}>{pictures}<hr class="k{kind}">
<figcaption>{caption}</figcaption></figure>"""
PICTURE = '<img src="{address}" width="{width}" height="{height}" alt="{words}" title="{words}">'


def escaped(text: str) -> str:
    """Returns text of others as text in HTML, without characters that cannot be printed."""
    return html.escape(printable(text))


def facts(pairs: Mapping[str, str]) -> str:
    """Returns headings and their values."""
    rows = (f"<div><dt>{escaped(k)}</dt><dd>{escaped(v)}</dd></div>" for k, v in pairs.items() if v)
    return f"<dl>{''.join(rows)}</dl>"


def film_card(number: int, outcome: Outcome) -> str:
    """Returns all about one film; its number is that of its link."""
    return CARD.format(
        number=number,
        name=escaped(outcome.job.source.name),
        result="" if outcome.error else f"&rarr; {escaped(outcome.job.output.name)}",
        badge=_badge(outcome),
        body=_failure(outcome) if outcome.error else _body(outcome),
    )


def bar(record: FilmRecord, style: str = "bar") -> str:
    """Draws what the frames of a film show over its time, as SVG."""
    columns = np.zeros(COLUMNS, np.int8)
    end_s = record.parts[-1].end_s or 1.0
    for each in record.parts:
        first = min(int(each.start_s / end_s * COLUMNS), COLUMNS - 1)
        part = columns[first : max(first + 1, round(each.end_s / end_s * COLUMNS))]
        np.maximum(part, each.kind, out=part)
    changes = (np.flatnonzero(np.diff(columns)) + 1).tolist()
    parts = [
        _part(FrameKind(int(columns[start])), start, stop, end_s)
        for start, stop in zip([0, *changes], [*changes, COLUMNS], strict=True)
    ]
    role = f'role="img" aria-label="{escaped(tr("what the film shows over its time"))}"'
    return SVG.format(style=style, columns=COLUMNS, role=role, parts="".join(parts))


def _part(kind: FrameKind, start: int, stop: int, end_s: float) -> str:
    times = "-".join(clock(column / COLUMNS * end_s) for column in (start, stop))
    title = escaped(f"{times} {tr(kind.words)}")
    return PART.format(kind=kind.value, x=start, width=stop - start, title=title)


def _badge(outcome: Outcome) -> str:
    if outcome.error:
        return f'<span class="badge look">{escaped(tr("failed"))}</span>'
    passed = outcome.record is not None and outcome.record.frames_of(FrameKind.PASSED)
    if passed or outcome.seen_once:
        return f'<span class="badge look">{escaped(tr("a face may show: look"))}</span>'
    return f'<span class="badge">{escaped(tr("no shot passed through"))}</span>'


def _failure(outcome: Outcome) -> str:
    """Returns why a film failed, without the names of folders."""
    words = outcome.error
    for path in (outcome.job.source, outcome.job.output):
        folder = path.absolute().parent
        for full, name in ((path.absolute(), path.name), (path, path.name), (folder, folder.name)):
            words = words.replace(str(full), name) if name else words
    return f'<p class="error">{escaped(words)}</p>'


def _body(outcome: Outcome) -> str:
    record = outcome.record
    if record is None:
        return ""
    is_photo = is_still(outcome.job.source)
    over_time = "" if is_photo else bar(record) + _axis(outcome.seconds)
    parts = (
        over_time,
        _legend(record, is_photo),
        _strip(record, is_photo),
        facts(_figures(outcome, record, is_photo)),
        _findings(outcome),
        _notes(outcome),
    )
    return "\n".join(part for part in parts if part)


def _axis(seconds: float) -> str:
    times = (clock(seconds * i / (TICKS - 1)) for i in range(TICKS))
    return f'<div class="axis">{"".join(f"<span>{time}</span>" for time in times)}</div>'


def _legend(record: FilmRecord, is_photo: bool) -> str:
    rows = [
        f'<li><i class="k{kind.value}"></i>{escaped(tr(kind.words))}'
        f" <span>{'' if is_photo else clock(record.seconds_of(kind))}</span></li>"
        for kind in FrameKind
        if record.frames_of(kind)
    ]
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _strip(record: FilmRecord, is_photo: bool) -> str:
    width, height = record.size
    shape = " one" if is_photo else " tall" if height > width else ""
    figures = (_figure(each, is_photo) for each in record.thumbnails)
    return f'<div class="strip{shape}">{"".join(figures)}</div>'


def _figure(thumbnail: Thumbnail, is_photo: bool) -> str:
    words, time = tr(thumbnail.kind.words), "" if is_photo else clock(thumbnail.at_s)
    named = [(thumbnail.after, tr("after"))]
    if thumbnail.before:
        named.insert(0, (thumbnail.before, tr("before")))
    pictures = (
        PICTURE.format(
            address=_data_address(jpeg), width=thumbnail.width, height=thumbnail.height,
            words=escaped(" ".join(filter(None, (name, time, words)))),
        )
        for jpeg, name in named
    )  # fmt: skip
    return FIGURE.format(
        pair=' class="pair"' if thumbnail.before else "",
        pictures="".join(pictures),
        kind=thumbnail.kind.value,
        # The usual kind is not repeated below each picture.
        caption=f"<b>{time}</b> {'' if thumbnail.kind is FrameKind.AVATAR else escaped(words)}",
    )


def _data_address(jpeg: bytes) -> str:
    """Returns a picture as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _figures(outcome: Outcome, record: FilmRecord, is_photo: bool) -> dict[str, str]:
    """Returns length, size, cost and how sure the result is, by their headings."""
    width, height = record.size
    found = {} if is_photo else {
        tr("Length"): clock(outcome.seconds), tr("Frames"): str(outcome.frames),
    }  # fmt: skip
    found |= {tr("Size"): f"{width}x{height}", tr("Faces"): str(outcome.faces)}
    if record.sure is not None and not is_photo:
        share = f"{record.sure:.1%}" if record.sure < 1 else "100%"
        found[tr("Face measured")] = tr("{share} of the frames with an avatar", share=share)
        found[tr("Avatar held")] = tr("{n} frames", n=record.frames_of(FrameKind.HELD))
    found[tr("Time taken")] = _cost(outcome, is_photo)
    if not is_photo:
        found[tr("Sound")] = outcome.sound
    return found


def _cost(outcome: Outcome, is_photo: bool) -> str:
    if is_photo or outcome.seconds <= 0:
        return tr("{n} s", n=f"{outcome.took_s:.1f}")
    minute = outcome.took_s / outcome.seconds * 60
    words = to_translate("{n} s ({minute} s a minute of film)")
    return tr(words, n=f"{outcome.took_s:.0f}", minute=f"{minute:.0f}")


def _findings(outcome: Outcome) -> str:
    """Lists the times that deserve a look; the first two kinds may show a face."""
    rows = [
        (to_translate("no face found, passed through: {times}"), outcome.uncovered, "look"),
        (
            to_translate("perhaps a head, seen once, not covered: {times}"),
            outcome.seen_once,
            "look",
        ),
        (to_translate("covered or blurred as a whole: {times}"), outcome.hidden, ""),
        (to_translate("heads without a face track, blurred: {times}"), outcome.blurred, ""),
        (to_translate("no face found, avatar held: {times}"), outcome.guessed, ""),
    ]
    items = [
        f'<li class="{style}">{escaped(tr(words, times=", ".join(times)))}</li>'
        for words, times, style in rows
        if times
    ]
    return _list(tr("Worth a look"), items)


def _notes(outcome: Outcome) -> str:
    """Lists what became of the streams, and what is unusual about the film."""
    items = [f"<li>{escaped(words)}</li>" for words in (*outcome.notes, *outcome.streams)]
    return _list(tr("Notes"), items)


def _list(title: str, items: list[str]) -> str:
    return f'<h3>{escaped(title)}</h3><ul class="facts">{"".join(items)}</ul>' if items else ""

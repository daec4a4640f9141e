"""Titles, languages and dates in files of others.

They are text in any encoding, and never worth a film: what is not UTF-8 is read as GB 18030, as
players in China write it, or as Windows-1252, or is left out. Only the tags that are named here
are passed on: others may hold the place, the camera or the owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from av.container import InputContainer

if TYPE_CHECKING:
    from av.container.core import Chapter

FILM_TAGS = ("title", "date", "creation_time")
ENCODINGS = ("utf-8", "gb18030", "cp1252")
UNNAMED = ("und", "unknown", "")  # languages that say nothing
MS = Fraction(1, 1000)


def film_tags(container: InputContainer) -> dict[str, str]:
    """Returns the title and dates of a film."""
    found = {name.lower(): value for name, value in container.metadata.items()}
    return _readable({name: found[name] for name in FILM_TAGS if name in found})


def stream_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns the language and title of a stream."""
    found = {name.lower(): value for name, value in tags.items()}
    title = found.get("title") or found.get("name", "")  # MP4 calls it so
    return {
        name: text
        for name, text in _readable(
            {"language": found.get("language", ""), "title": title}
        ).items()
        if text not in UNNAMED
    }  # fmt: skip


def chapters(container: InputContainer, origin: Fraction) -> list[Chapter]:
    """Returns the chapters of a film that end after `origin`, in seconds, counted from there."""
    found: list[Chapter] = []
    for each in container.chapters():
        base = each["time_base"] or MS
        start, end = (round((each[at] * base - origin) / MS) for at in ("start", "end"))
        if end > max(start, 0):
            title = _readable({"title": each["metadata"].get("title", "")})
            number = len(found) + 1
            found.append(
                {
                    "id": number,
                    "start": max(start, 0),
                    "end": end,
                    "time_base": MS,
                    "metadata": title,
                }
            )
    return found


def readable(text: str) -> str:
    """Returns a text in which bytes that are no UTF-8 were escaped; "" if no encoding fits."""
    raw = text.encode("utf-8", "surrogateescape")
    for encoding in ENCODINGS:
        try:
            decoded = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return "".join(c for c in decoded if c.isprintable()).strip()
    return ""


def _readable(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, value in tags.items() if (text := readable(value))}

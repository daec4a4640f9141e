"""The language of what people read: messages, help and the labels of the preview.

As in GNU gettext, the English text in the code is the key of its translation. The texts of
another language lie in `livecam/translations`, one JSON object of English and translated texts
each. A text without a translation stays English; a test finds it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

FOLDER = Path(__file__).resolve().parents[1] / "translations"
ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh")

_language = ENGLISH
_translations: dict[str, str] = {}


def set_language(language: str) -> None:
    """Sets the language of all texts that are made from now on; one of `LANGUAGES`."""
    global _language, _translations
    _language = language
    _translations = {} if language == ENGLISH else _read(language)


def current_language() -> str:
    """Returns the language that was set."""
    return _language


def tr(text: str, **values: object) -> str:
    """Returns a text in the language that was set.

    Args:
        text: in English. With values, it is a template of `str.format`.
        values: by the names in its braces. A text that is no template of them stays as it is:
            the message of another error may hold braces of its own.
    """
    translated = _translations.get(text, text)
    try:
        return translated.format(**values) if values else translated
    except (LookupError, ValueError):
        return translated


def listed(words: Sequence[str]) -> str:
    """Joins words: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return tr("{first} and {last}", first=tr(", ").join(words[:-1]), last=words[-1])


def to_translate(text: str) -> str:
    """Marks a text that `tr` gets later, in a variable; returns it as it is."""
    return text


class Titled(Protocol):
    """A thing whose title is written in its own file: an avatar, an accessory, a sticker."""

    @property
    def title(self) -> str: ...

    @property
    def title_zh(self) -> str: ...


def title_of(thing: Titled) -> str:
    """Returns the title of a thing in the language that was set."""
    titles = {"zh": thing.title_zh}
    return titles.get(_language) or thing.title


def _read(language: str) -> dict[str, str]:
    return dict(json.loads((FOLDER / f"{language}.json").read_text("utf-8")))

"""Reads TOML files that a pydantic model describes: avatars, accessories, stickers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from livecam.core.errors import LivecamError
from livecam.core.language import tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import TomlFile, dotted, read_toml, shown

_Model = TypeVar("_Model", bound=BaseModel)
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def read_description_file(
    path: Path,
    model: type[_Model],
    error: type[LivecamError],
    hint: str,
    known: Iterable[str] = (),
) -> _Model:
    """Reads and validates a file; `hint` is for one that cannot be read.

    `known` are keys of inner tables, to suggest one for a misspelt key.

    Raises:
        error: it cannot be read, is not TOML, or has a wrong, missing or unknown key; says where.
    """
    file = read_toml(path, error, hint)
    try:
        return model.model_validate(file.tables)
    except ValidationError as err:
        place, problem = _first_problem(err, file, [*model.model_fields, *known])
        raise error(
            "{place}: {problem}", hint="compare it with the {name} of a built-in one",
            place=place, problem=problem, name=path.name,
        ) from err  # fmt: skip


def _first_problem(err: ValidationError, file: TomlFile, known: list[str]) -> tuple[str, str]:
    """Returns the place and the description of one problem."""
    # A misspelt key is both unknown and missing; its own name helps more.
    problem = min(err.errors(), key=lambda each: each["type"] not in _UNKNOWN_KEY)
    path = tuple(part for part in problem["loc"] if part != "[key]")
    place, key = file.place(*path), dotted(path)
    match problem["type"]:
        case "missing":
            return place, tr('the key "{key}" is missing', key=key)
        case kind if kind in _UNKNOWN_KEY:
            guess = did_you_mean(str(path[-1]), known)
            return place, tr('the key "{key}" is unknown{guess}', key=key, guess=guess)
        case _:
            return place, _refused(key, problem["msg"], problem["input"])


def _refused(key: str, said: str, given: object) -> str:
    """Returns what pydantic says about a value, which no translation has."""
    problem = f"{said[:1].lower()}{said[1:]}"
    if isinstance(given, dict | list):
        return tr('the key "{key}": {problem}', key=key, problem=problem)
    value = shown(given)
    return tr('the key "{key}": {problem}, not {value}', key=key, problem=problem, value=value)

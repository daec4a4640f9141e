"""Reads TOML files that a pydantic model describes: avatars, accessories, stickers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from livecam.core.errors import LivecamError
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
            f"{place}: {problem}", hint=f"compare it with the {path.name} of a built-in one"
        ) from err


def _first_problem(err: ValidationError, file: TomlFile, known: list[str]) -> tuple[str, str]:
    """Returns the place and the description of one problem."""
    # A misspelt key is both unknown and missing; its own name helps more.
    problem = min(err.errors(), key=lambda each: each["type"] not in _UNKNOWN_KEY)
    path = tuple(part for part in problem["loc"] if part != "[key]")
    place, key = file.place(*path), dotted(path)
    match problem["type"]:
        case "missing":
            return place, f'the key "{key}" is missing'
        case kind if kind in _UNKNOWN_KEY:
            return place, f'the key "{key}" is unknown{did_you_mean(str(path[-1]), known)}'
        case _:
            words = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"
            given = problem["input"]
            value = "" if isinstance(given, dict | list) else f", not {shown(given)}"
            return place, f'the key "{key}": {words}{value}'

"""Merges settings from all origins.

Later ones win: defaults, preset, the user's file, environment, flags.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from livecam.config.fields import VARIABLE_PREFIX, SettingField, find_field, setting_fields
from livecam.config.paths import LOG_FILE_VARIABLE, user_config_folder
from livecam.config.presets import SettingsFile, preset_chain, read_settings_file
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown

_NOUNS = {int: "a whole number", float: "a number", tuple: "a list of names"}
DEFAULT = "default"
PRESET = "preset"  # names a preset in the user's file, and in the environment
PRESET_VARIABLE = VARIABLE_PREFIX + "PRESET"
ASSETS_VARIABLE = VARIABLE_PREFIX + "ASSETS"  # config/assets reads it: a folder, not a setting


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings and, by "group.name", where each comes from."""

    settings: Settings
    origins: dict[str, str]  # "default", "preset NAME", "file PATH", "LIVECAM_X", "--x"
    preset: str  # "" when there is none


@dataclass(frozen=True, slots=True)
class _Value:
    """One value that is not the default."""

    value: object
    origin: str
    place: str  # the value's name in an error: "--fps", "presets/x.toml, line 3: source.fps"


def user_file_path() -> Path:
    """Returns the path of the user's own settings; the file need not be there."""
    return user_config_folder() / "livecam.toml"


def load_settings(
    preset: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
    user_file: Path | None = None,
) -> Loaded:
    """Merges all origins and checks every value.

    `flags` maps `SettingField.option` to a value; None means that the flag was not given.
    `user_file` is read if it is there; None means the default place. Without `preset`, the
    variable LIVECAM_PRESET and the key `preset` of the user's file may name one.

    Raises:
        ConfigError: a name or a value is wrong; the message gives its origin.
    """
    path = user_file_path() if user_file is None else user_file
    user = read_settings_file(path, metadata=(PRESET,)) if path.is_file() else None
    named = (
        preset or environ.get(PRESET_VARIABLE) or (user.metadata.get(PRESET, "") if user else "")
    )
    given: dict[str, _Value] = {}
    for each in preset_chain(named):
        given.update(_from_file(each.file, each.name))
    if user:
        given.update(_from_file(user))
    given.update(_from_environment(environ))
    given.update(_from_flags(flags or {}))
    origins = {field.key: DEFAULT for field in setting_fields()}
    origins.update((key, one.origin) for key, one in given.items())
    return Loaded(_checked(given), origins, named)


def with_value(settings: Settings, name: str, text: str) -> Settings:
    """Returns the settings with one of them changed; `name` is its key or flag.

    Raises:
        ConfigError: there is no such setting, or it cannot have that value.
    """
    field = find_field(name)
    groups = settings.model_dump()
    groups[field.group][field.name] = text
    try:
        return Settings.model_validate(groups)
    except ValidationError as err:
        raise _wrong_value(field, _Value(text, "", field.key)) from err


def effective(loaded: Loaded) -> Iterator[tuple[SettingField, Any, str]]:
    """Yields each setting with its value, as TOML and JSON know it, and its origin."""
    for field in setting_fields():
        yield field, field.value(loaded.settings), loaded.origins[field.key]


def _from_file(file: SettingsFile, preset: str = "") -> dict[str, _Value]:
    origin = f"preset {preset}" if preset else f"file {file.path}"
    return {
        key: _Value(value, origin, f"{file.places[key]}: {key}")
        for key, value in file.values.items()
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Value]:
    fields = {field.variable: field for field in setting_fields()}
    known = [*fields, PRESET_VARIABLE, ASSETS_VARIABLE, LOG_FILE_VARIABLE]
    given = {}
    for name, value in environ.items():
        if not name.startswith(VARIABLE_PREFIX):
            continue
        if name not in known:
            # A misspelt LIVECAM_ON_LOST must not be silently without effect.
            raise ConfigError(
                f"the environment variable {name} is no setting{did_you_mean(name, known)}",
                hint=f"unset {name}, or see `livecam config`",
            )
        if name in fields:
            given[fields[name].key] = _Value(value, name, name)
    return given


def _from_flags(flags: Mapping[str, object]) -> dict[str, _Value]:
    fields = {field.option: field for field in setting_fields()}
    return {
        fields[option].key: _Value(value, fields[option].flag, fields[option].flag)
        for option, value in flags.items()
        if value is not None
    }


def _checked(given: dict[str, _Value]) -> Settings:
    groups: dict[str, dict[str, object]] = {}
    for key, one in given.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, {})[name] = one.value
    try:
        return Settings.model_validate(groups)
    except ValidationError as err:
        problem = err.errors()[0]
        key = ".".join(str(part) for part in problem["loc"][:2])
        field = next(field for field in setting_fields() if field.key == key)
        wanted = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else ""
        raise _wrong_value(field, given[key], wanted) from err


def _wrong_value(field: SettingField, one: _Value, wanted: str = "") -> ConfigError:
    value = f'"{shown(one.value)}"' if field.kind is str else shown(one.value)
    near = did_you_mean(str(one.value), field.choices) if field.choices else ""
    hint = f"{field.flag[2:]}: {field.help}"
    return ConfigError(f"{one.place} must be {wanted or _wanted(field)}, not {value}{near}", hint)


def _wanted(field: SettingField) -> str:
    if field.choices:
        return " or ".join((", ".join(field.choices[:-1]), field.choices[-1]))
    if field.kind is bool:
        return "true or false"
    noun = _NOUNS.get(field.kind, "text")
    ends = ((field.low, "from {:g}"), (field.high, "to {:g}"))
    limits = [words.format(end) for end, words in ends if end is not None]
    return " ".join([noun, *limits, field.unit if limits else ""]).rstrip()

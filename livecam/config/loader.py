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
from livecam.config.language import LANGUAGE, LANGUAGE_VARIABLE
from livecam.config.paths import LOG_FILE_VARIABLE, user_file_path
from livecam.config.presets import SettingsFile, preset_chain, read_settings_file
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError
from livecam.core.language import to_translate, tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown

_NOUNS = {
    bool: to_translate("true or false"),
    int: to_translate("a whole number"),
    float: to_translate("a number"),
    tuple: to_translate("a list of names"),
    str: to_translate("text"),
}
_NOUNS_IN_RANGE = {
    int: to_translate("a whole number from {low} to {high}"),
    float: to_translate("a number from {low} to {high}"),
}
DEFAULT = to_translate("default")
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
    user = read_settings_file(path, metadata=(PRESET, LANGUAGE)) if path.is_file() else None
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
        raise _wrong_value(field, _Value(text, "", field.key), err) from err


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
    known = [*fields, PRESET_VARIABLE, LANGUAGE_VARIABLE, ASSETS_VARIABLE, LOG_FILE_VARIABLE]
    given = {}
    for name, value in environ.items():
        if not name.startswith(VARIABLE_PREFIX):
            continue
        if name not in known:
            # A misspelt LIVECAM_ON_LOST must not be silently without effect.
            raise ConfigError(
                "the environment variable {name} is no setting{guess}",
                hint="unset {name}, or see `livecam config`",
                name=name, guess=did_you_mean(name, known),
            )  # fmt: skip
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
        key = ".".join(str(part) for part in err.errors()[0]["loc"][:2])
        field = next(field for field in setting_fields() if field.key == key)
        raise _wrong_value(field, given[key], err) from err


def _wrong_value(field: SettingField, one: _Value, error: ValidationError) -> ConfigError:
    problem = error.errors()[0]
    wanted = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else ""
    value = shown(one.value)
    if field.kind is str:
        value = tr('"{value}"', value=value)
    near = did_you_mean(str(one.value), field.choices) if field.choices else ""
    return ConfigError(
        "{place} must be {wanted}, not {value}{guess}", hint="{option}: {help}",
        place=one.place, wanted=tr(wanted) if wanted else _wanted(field), value=value, guess=near,
        option=field.flag[2:], help=tr(field.help),
    )  # fmt: skip


def _wanted(field: SettingField) -> str:
    """Returns the values that a setting may have, for people."""
    if field.choices:
        *names, last = field.choices
        return tr("{names} or {last}", names=", ".join(names), last=last)
    if field.low is None or field.high is None:
        return tr(_NOUNS[field.kind])
    high = f"{field.high:g} {tr(field.unit)}".rstrip()
    return tr(_NOUNS_IN_RANGE[field.kind], low=f"{field.low:g}", high=high)

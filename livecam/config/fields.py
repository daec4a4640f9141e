"""The settings as a flat list: the flag, TOML key and environment variable of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from livecam.config.settings import Group, Settings
from livecam.core.errors import ConfigError
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown

VARIABLE_PREFIX = "LIVECAM_"


@dataclass(frozen=True, slots=True)
class SettingField:
    """The declaration of one setting."""

    group: str  # "privacy"
    name: str  # "on_lost"
    default: object
    kind: type  # bool, int, float, str, or tuple: a list of names
    choices: tuple[str, ...]  # empty: any value
    low: float | None
    high: float | None
    unit: str
    help: str
    group_help: str
    live: bool  # may change while livecam runs; else at the next start
    option: str  # "on_lost"; differs from `name` where that would be unclear alone

    @property
    def key(self) -> str:
        """As in a preset or the user file: `privacy.on_lost`."""
        return f"{self.group}.{self.name}"

    def value(self, settings: Settings) -> Any:
        """Returns its value as TOML and JSON know it."""
        return plain(getattr(getattr(settings, self.group), self.name))

    @property
    def flag(self) -> str:
        return "--" + self.option.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return VARIABLE_PREFIX + self.option.upper()

    @property
    def range_text(self) -> str:
        """The allowed values for people: `1..120`, `blur|show`, or empty."""
        if self.choices:
            return "|".join(self.choices)
        if self.low is None and self.high is None:
            return ""
        ends = ("" if end is None else f"{end:g}" for end in (self.low, self.high))
        return "..".join(ends)


@cache
def setting_fields() -> tuple[SettingField, ...]:
    """Lists every setting, in the order they are declared in."""
    return tuple(
        _described(group_name, group, name, info)
        for group_name, group_info in Settings.model_fields.items()
        for group in [cast("type[Group]", group_info.annotation)]
        for name, info in group.model_fields.items()
    )


def applies_to_films(field: SettingField) -> bool:
    """Returns whether films and photos that are converted use a setting.

    A film brings its own size, rate and timing, and its faces are followed through gaps.
    """
    if field.name in ("keep_plate", "looks_per_s"):  # the background of a film is learned anew
        return False
    if field.name in ("learn", "profile"):  # the person in a film is another one
        return False
    groups = ("tracking", "avatar", "render", "picture", "effects", "film")
    return field.group in groups or field.name in ("others", "motion", "record_motion", "rotate")


def film_fields() -> tuple[SettingField, ...]:
    """Lists the settings that films and photos use."""
    return tuple(filter(applies_to_films, setting_fields()))


def changed_fields(before: Settings, after: Settings) -> list[SettingField]:
    """Returns the settings that differ."""
    return [field for field in setting_fields() if field.value(before) != field.value(after)]


def plain(value: object) -> Any:
    """Converts a setting's value to a type of TOML and JSON."""
    return value.value if isinstance(value, Enum) else value


def find_field(name: str) -> SettingField:
    """Returns the setting of that key (`effects.big_eyes`) or flag (`big-eyes`, `--big-eyes`).

    Raises:
        ConfigError: there is none.
    """
    wanted = name.removeprefix("--").replace("-", "_")
    for field in setting_fields():
        if wanted in (field.key, field.option):
            return field
    known = [name for field in setting_fields() for name in (field.key, field.option)]
    raise ConfigError(
        'no setting is called "{name}"{guess}',
        hint="see `livecam config`, or docs/settings.md",
        name=shown(name), guess=did_you_mean(wanted, known),
    )  # fmt: skip


def _described(group_name: str, group: type[Group], name: str, info: FieldInfo) -> SettingField:
    extra = cast("dict[str, Any]", info.json_schema_extra)
    choices = _choices(info.annotation)
    limits = {limit: end for part in info.metadata for limit, end in _limit(part)}
    return SettingField(
        group=group_name,
        name=name,
        default=plain(info.default),
        kind=str if choices else _kind(info.annotation),
        choices=choices,
        low=limits.get("ge"),
        high=limits.get("le"),
        unit=extra["unit"],
        help=info.description or "",
        group_help=(group.__doc__ or "").strip(),
        live=extra["live"],
        option=extra["flag"].replace("-", "_") or name,
    )


def _kind(annotation: object) -> type:
    return cast("type", get_origin(annotation) or annotation)


def _choices(annotation: object) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(member.value for member in annotation)
    return ()


def _limit(constraint: object) -> list[tuple[str, float]]:
    return [(n, getattr(constraint, n)) for n in ("ge", "le") if hasattr(constraint, n)]

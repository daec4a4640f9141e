"""Presets: named TOML files with the settings for one use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecam.config.fields import setting_fields
from livecam.config.paths import shipped_folder, user_data_folder
from livecam.core.errors import ConfigError
from livecam.core.language import tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import TomlFile, read_toml, shown

INHERIT = "inherit"
METADATA = ("title", "title_zh", "description", "description_zh")


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A TOML file with settings, checked for unknown names but not yet for wrong values."""

    path: Path
    metadata: dict[str, str]  # the keys above the first table
    values: dict[str, Any]  # by "group.name"
    places: dict[str, str]  # "PATH, line N" of each value


@dataclass(frozen=True, slots=True)
class Preset:
    """A settings file with a name."""

    name: str
    file: SettingsFile

    @property
    def inherits(self) -> str:
        return self.file.metadata.get(INHERIT, "")


def preset_folders() -> tuple[Path, ...]:
    """Returns the folders of presets, the user's own first."""
    return user_data_folder() / "presets", shipped_folder("presets")


def list_presets() -> tuple[str, ...]:
    """Lists the names of all presets, sorted."""
    return tuple(sorted(_known()))


def read_preset(name: str) -> Preset:
    """Reads the preset of that name, or in that file, without those it inherits.

    Raises:
        ConfigError: there is none, or its file is broken.
    """
    known = _known()
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise ConfigError(
            'no preset is called "{name}"{guess}',
            hint="there are: {names}; or give the path of a .toml",
            name=shown(name), guess=did_you_mean(name, known),
            names=", ".join(sorted(known)) or tr("none"),
        )  # fmt: skip
    return Preset(name, read_settings_file(path, metadata=(INHERIT, *METADATA)))


def preset_chain(name: str) -> tuple[Preset, ...]:
    """Returns the preset and all that it inherits, the most general first.

    Raises:
        ConfigError: one of them is missing or broken, or they inherit in a circle.
    """
    chain: list[Preset] = []
    while name:
        names = [preset.name for preset in chain]
        if name in names:
            circle = " -> ".join([*names[names.index(name) :], name])
            raise ConfigError(
                "presets inherit in a circle: {circle}", hint="mend {path}",
                circle=circle, path=chain[-1].file.path,
            )  # fmt: skip
        chain.append(read_preset(name))
        name = chain[-1].inherits
    return tuple(reversed(chain))


def read_settings_file(path: Path, metadata: tuple[str, ...]) -> SettingsFile:
    """Reads a TOML file with a table for each group of settings, and `metadata` above them.

    Raises:
        ConfigError: it cannot be read, is not TOML, or has an unknown key.
    """
    return _Checker(read_toml(path), metadata).checked()


def _known() -> dict[str, Path]:
    """Returns files by preset name; earlier folders win."""
    found: dict[str, Path] = {}
    for folder in preset_folders():
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            found.setdefault(path.stem, path)
    return found


class _Checker:
    """Splits the tables of one file; its errors name file and line."""

    def __init__(self, file: TomlFile, metadata: tuple[str, ...]) -> None:
        self._file = file
        self._metadata = metadata
        self._groups: dict[str, list[str]] = {}
        for field in setting_fields():
            self._groups.setdefault(field.group, []).append(field.name)

    def checked(self) -> SettingsFile:
        texts: dict[str, str] = {}
        values: dict[str, Any] = {}
        for name, content in self._file.tables.items():
            if isinstance(content, dict):
                self._check_known(name, [*self._groups], tr("group"), name)
                values.update(self._settings(name, content))
            else:
                texts[name] = self._metadata_value(name, content)
        places = {key: self._file.place(*key.split(".")) for key in values}
        return SettingsFile(self._file.path, texts, values, places)

    def _settings(self, group: str, table: dict[str, Any]) -> dict[str, Any]:
        what = tr("setting in [{group}]", group=group)
        for key in table:
            self._check_known(key, self._groups[group], what, group, key)
        return {f"{group}.{key}": value for key, value in table.items()}

    def _metadata_value(self, key: str, value: object) -> str:
        homes = [group for group, names in self._groups.items() if key in names]
        if homes:
            raise ConfigError(
                '{place}: "{key}" stands outside its group', hint="write it under [{group}]",
                place=self._file.place(key), key=key, group=homes[0],
            )  # fmt: skip
        self._check_known(key, [*self._metadata, *self._groups], tr("key"), key)
        if not isinstance(value, str):
            raise ConfigError(
                '{place}: "{key}" must be a group: [{key}]'
                if key in self._groups
                else '{place}: "{key}" must be text',
                hint="it is {value} now",
                place=self._file.place(key), key=key, value=shown(value),
            )  # fmt: skip
        return value

    def _check_known(self, word: str, known: list[str], what: str, *key: str) -> None:
        if word not in known:
            raise ConfigError(
                '{place}: no {what} is called "{name}"{guess}', hint="there are: {names}",
                place=self._file.place(*key), what=what, name=shown(word),
                guess=did_you_mean(word, known), names=", ".join(known),
            )  # fmt: skip

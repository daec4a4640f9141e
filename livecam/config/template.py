"""Settings as TOML in which only what was chosen counts: each default is a comment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from livecam.config.fields import SettingField, plain
from livecam.config.loader import DEFAULT, Loaded, effective, load_settings
from livecam.config.paths import user_file_path
from livecam.core.errors import SinkError, file_error
from livecam.core.hidden_file import replaced_file
from livecam.core.language import to_translate, tr

HEAD = to_translate(
    """\
# The settings of livecam. A line that begins with # has no effect and shows the default: remove
# the # and change the value. `livecam presets` lists the presets. What is set in a preset, in a
# variable or by an option is shown by `livecam config`; variables and options win over this file.

"""
)
NO_PRESET = '# preset = "zoom-720p30"'
LANGUAGE_LINE = '# language = "auto"'
LANGUAGE_HELP = to_translate("of messages and help: auto (as the system), en, zh")
# What `Loaded.origins` has before a name.
ORIGINS = {"preset": to_translate("preset {name}"), "file": to_translate("file {name}")}
NOWHERE = Path()  # a user's file that is not read
ORIGIN_COLUMN = 38  # where the comment with the origin of a value begins


def init_user_file(preset: str | None, flags: Mapping[str, object], *, force: bool = False) -> Path:
    """Writes the user's file; the preset and the flags are set in it. Returns its path.

    Raises:
        ConfigError: the preset or a flag is wrong.
        SinkError: the file is there already, or cannot be written.
    """
    path = user_file_path()
    loaded = load_settings(preset, flags, environ={}, user_file=NOWHERE)
    if os.path.lexists(path) and not force:
        raise SinkError("{path} is there already", hint="--force replaces it", path=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as file:
            file.write("\n".join(_template(loaded)).encode())
    except OSError as error:
        raise file_error(error) from error
    return path


def settings_lines(loaded: Loaded) -> Iterator[tuple[str, bool]]:
    """Yields the lines of a file with the settings in effect, and whether each was chosen.

    A comment at the end of a line names the origin of the value.
    """
    group = ""
    for field, value, origin in effective(loaded):
        if field.group != group:
            group = field.group
            yield f"\n[{group}]  # {tr(field.group_help)}", False
        chosen = origin != DEFAULT
        words = _origin_in_words(origin)
        if chosen and value == plain(field.default):
            words = tr("{origin}, as the default", origin=words)
        yield f"{_assignment(field, value, chosen):{ORIGIN_COLUMN}}  # {words}", chosen


def _origin_in_words(origin: str) -> str:
    kind, _, name = origin.partition(" ")
    return tr(ORIGINS[kind], name=name) if kind in ORIGINS else tr(origin)


def _template(loaded: Loaded) -> Iterator[str]:
    yield tr(HEAD) + (f"preset = {_toml(loaded.preset)}" if loaded.preset else NO_PRESET)
    yield f"{LANGUAGE_LINE}  # {tr(LANGUAGE_HELP)}\n"
    group = ""
    for field, value, origin in effective(loaded):
        if field.group != group:
            group = field.group
            yield f"[{group}]  # {tr(field.group_help)}\n"
        chosen = origin == field.flag
        yield f"# {_help_with_limits(field)}"
        yield _assignment(field, value if chosen else plain(field.default), chosen) + "\n"


def _assignment(field: SettingField, value: object, chosen: bool) -> str:
    return f"{'' if chosen else '# '}{field.name} = {_toml(value)}"


def _help_with_limits(field: SettingField) -> str:
    limits = f"{field.range_text} {tr(field.unit)}".strip()
    return tr("{help} ({limits})", help=tr(field.help), limits=limits) if limits else tr(field.help)


def _toml(value: object) -> str:
    """Returns a plain value as TOML writes it, which is how JSON writes it."""
    return json.dumps(value, ensure_ascii=False)

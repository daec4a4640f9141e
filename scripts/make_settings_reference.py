#!/usr/bin/env python3
"""Writes docs/settings.md, the reference of all settings, from their declarations.

.venv/bin/python scripts/make_settings_reference.py
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from livecam.config.fields import SettingField, setting_fields

FILE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "text", tuple: "list of names"}
HEAD = """\
# Settings

<!-- Written by scripts/make_settings_reference.py from livecam/config/settings.py. -->

Each setting is a TOML key, a flag and an environment variable. Later ones win: the default, a
preset (`--preset NAME`), the file `livecam.toml` in your configuration folder, `LIVECAM_...`
variables, flags. `livecam config` prints the values in force and where each comes from,
`livecam config init` writes `livecam.toml` with every default as a comment. A misspelt key,
variable or value is refused.

The configuration folder is `~/.config/livecam` on Linux, `~/Library/Application Support/livecam`
on macOS, and `%LOCALAPPDATA%\\livecam` on Windows.

```toml
# livecam.toml, or a preset
preset = "zoom-720p30"  # a preset to start from; only in livecam.toml, in a preset it is `inherit`

[avatar]
avatar = "fox"
accessories = ["headphones", "glasses"]

[privacy]
on_lost = "curtain"
```

- A boolean has two flags: `--mirror` and `--no-mirror`. In a variable it is `true` or `false`.
- A list of names is a list in TOML; in flags and variables commas separate the names.
- *Live* settings may change while livecam runs, by `livecam ctl set` or a hotkey; the others are
  read at the start.
- `livecam config` has a flag for every setting, `run` and `bench` for all but those of films;
  `convert` and `calibrate` for those that concern them.
- Three more variables: `LIVECAM_PRESET` names a preset, `LIVECAM_ASSETS` a folder with the models,
  `LIVECAM_LOG_FILE` another file to log into; empty, nothing is logged into a file.
"""


def reference() -> str:
    """The whole document."""
    groups = groupby(setting_fields(), key=lambda field: (field.group, field.group_help))
    return "\n".join(
        [HEAD, *(section(name, words, list(fields)) for (name, words), fields in groups)]
    )


def section(name: str, words: str, fields: list[SettingField]) -> str:
    rows = "".join(row(field) for field in fields)
    return f"""\
## [{name}]

{words}

| key | values | default | flag | variable | changes | meaning |
| --- | --- | --- | --- | --- | --- | --- |
{rows}"""


def row(field: SettingField) -> str:
    cells = (
        f"`{field.name}`",
        values(field),
        default(field),
        flags(field),
        f"`{field.variable}`",
        "live" if field.live else "next start",
        field.help,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def values(field: SettingField) -> str:
    """Type, range and unit: `integer 64..7680 px`; or the choices."""
    if field.choices:
        return ", ".join(f"`{choice}`" for choice in field.choices)
    return " ".join(filter(None, (TYPES[field.kind], field.range_text, field.unit)))


def flags(field: SettingField) -> str:
    return f"`{field.flag}`, `--no-{field.flag[2:]}`" if field.kind is bool else f"`{field.flag}`"


def default(field: SettingField) -> str:
    if field.kind is bool:
        return str(field.default).lower()
    if field.default in ("", ()):
        return "empty"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


if __name__ == "__main__":
    FILE.write_text(reference(), "utf-8", newline="\n")
    print(FILE)

"""Completion in shells, on top of Typer's: which command is completed, and values of options.

Typer's scripts for shells start `livecam` with the line so far in variables. What the values
need is imported only when one is completed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

INSTRUCTION = "_LIVECAM_COMPLETE"  # set when a shell asks: complete_bash and so on
LINES = ("_TYPER_COMPLETE_ARGS", "COMP_WORDS")  # the line so far; bash has the second
PROGRAM_OPTIONS = (
    "--help", "-h", "--version", "-V", "--install-completion", "--show-completion",
)  # fmt: skip
HELP_COLUMNS = 60  # of the words beside an option; shells cut longer ones


def words_to_complete() -> list[str]:
    """Returns the arguments before the cursor, none when no shell asks."""
    if INSTRUCTION not in os.environ:
        return []
    line = next((os.environ[name] for name in LINES if name in os.environ), "")
    return line.split()[1:]


def complete_run_by_default() -> None:
    """Adds the command `run` to the line so far, where that begins with an option.

    The options of the program itself stay: what could become one of them is completed to it.
    """
    first = next(iter(words_to_complete()), "")
    if not first.startswith("-") or any(own.startswith(first) for own in PROGRAM_OPTIONS):
        return
    for name in LINES:
        if name in os.environ:
            os.environ[name] = re.sub(r"(\s+)(?=-)", r"\1run\1", os.environ[name], count=1)
    if "COMP_CWORD" in os.environ:
        os.environ["COMP_CWORD"] = str(int(os.environ["COMP_CWORD"]) + 1)


def completion_help(text: str) -> str:
    """Returns the words beside a completed option: one line, in which no markup of Rich is found.

    Typer lets Rich render them, at the width of the terminal.
    """
    import textwrap

    return textwrap.shorten(text, HELP_COLUMNS, placeholder="...").replace("[", "\\[")


def preset_names() -> list[str]:
    """Returns the values of --preset."""
    from livecam.config.presets import list_presets

    return list(list_presets())


def head_names() -> list[str]:
    """Returns the values of --avatar."""
    from livecam.avatar.library import list_avatars

    return list(list_avatars())


def asset_names() -> list[str]:
    """Returns the models and samples that can be fetched."""
    from livecam.config.assets import list_assets

    return [asset.name for asset in list_assets()]


def live_setting_keys() -> list[str]:
    """Returns the settings that may change while livecam runs."""
    from livecam.config.fields import setting_fields

    return [field.key for field in setting_fields() if field.live]


def setting_keys() -> list[str]:
    """Returns the keys of all settings."""
    from livecam.config.fields import setting_fields

    return [field.key for field in setting_fields()]


def tier_names() -> list[str]:
    """Returns the values of --tier."""
    return ["light", "full", "auto"]


VALUES: dict[str, Callable[[], list[str]]] = {"avatar.avatar": head_names}  # by SettingField.key

"""`livecam config` and `livecam presets`: the settings in effect, and sets of them."""

from __future__ import annotations

from typing import Annotated

import typer

from livecam.cli.options import Json, Preset
from livecam.cli.printing import note, print_json, print_pairs, print_settings, print_table
from livecam.core.language import ENGLISH, current_language, to_translate, tr


def config(
    flags: dict[str, object],
    what: Annotated[
        str,
        typer.Argument(
            metavar="[init|folders]",
            help="init: write a file for settings of your own, in which every line is a comment; "
            "folders: print where livecam keeps what is yours",
            autocompletion=lambda: ["init", "folders"],
        ),
    ] = "",
    preset: Preset = None,
    force: Annotated[bool, typer.Option("--force", help="init: replace a file")] = False,
    json: Json = False,
) -> int:
    """Print the settings in effect and where they come from.

    Defaults are printed as comments. `livecam config init` writes livecam.toml for settings of
    your own; options that are given with it are set there. `livecam config folders` prints all
    folders in which livecam keeps something."""
    from livecam.config.loader import load_settings
    from livecam.config.paths import user_file_path
    from livecam.core.errors import UsageError

    if what not in ("", "init", "folders"):
        raise UsageError(
            "{what!r} is unknown here",
            "livecam config, livecam config init, or livecam config folders",
            what=what,
        )
    if what == "folders":
        from livecam.config.paths import user_folders

        print_pairs({name: str(path) for name, path in user_folders().items()}, json)
        return 0
    if what == "init":
        from livecam.config.template import init_user_file

        print(init_user_file(preset, flags, force=force))
        return 0
    loaded = load_settings(preset, flags)
    if json:
        print_json(
            {
                "user_file": str(user_file_path()),
                "preset": loaded.preset,
                "settings": loaded.settings.model_dump(mode="json"),
                "origins": loaded.origins,
            }
        )
        return 0
    print_settings(loaded)
    words = (
        to_translate("your own settings belong into {path}")
        if user_file_path().is_file()
        else to_translate("your own settings belong into {path}: `livecam config init` writes it")
    )
    note(tr(words, path=user_file_path()))
    return 0


def presets(json: Json = False) -> int:
    """List the presets, for --preset."""
    from livecam.config.presets import list_presets, read_preset
    from livecam.core.errors import ConfigError

    rows: list[dict[str, str]] = []
    for name in list_presets():
        try:
            rows.append({"name": name, **read_preset(name).file.metadata})
        except ConfigError as error:
            note(tr("{name} is left out, it is broken: {error}", name=name, error=error))
    if not json:  # one language fits a line
        rows = [_row_for_people(row) for row in rows]
    print_table(rows, json, tr("no preset was found"))
    return 0


def _row_for_people(row: dict[str, str]) -> dict[str, str]:
    """Returns name, title and description of a preset in the language of the program."""
    ending = "" if current_language() == ENGLISH else f"_{current_language()}"
    own = {key: row.get(key + ending) or row.get(key, "") for key in ("title", "description")}
    return {"name": row["name"], **own}

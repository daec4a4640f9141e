"""`livecam config` and `livecam presets`: the settings in effect, and sets of them."""

from __future__ import annotations

from livecam.cli.options import Json, Preset
from livecam.cli.printing import note, print_json, print_settings, print_table


def config(flags: dict[str, object], preset: Preset = None, json: Json = False) -> int:
    """Print the settings in effect and where they come from.

    The output can be saved as a settings file of your own."""
    from livecam.config.loader import load_settings, user_file_path

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
    note(f"your own settings belong into {user_file_path()}")
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
            note(f"{name} is left out, it is broken: {error}")
    if not json:  # one language fits a line
        rows = [{key: row.get(key, "") for key in ("name", "title", "description")} for row in rows]
    print_table(rows, json, "no preset was found")
    return 0

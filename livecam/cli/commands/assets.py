"""`livecam assets`: models and samples."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from livecam.cli.completion import asset_names
from livecam.cli.options import Json, add_command, make_group
from livecam.cli.printing import note, print_table
from livecam.core.language import to_translate, tr


def assets_app() -> typer.Typer:
    """Makes the group of commands."""
    app = make_group("Models and samples: list, fetch, verify.")
    add_command(app, "list", list_all)
    add_command(app, "fetch", fetch, logs=True)
    add_command(app, "verify", verify_all)
    return app


def list_all(json: Json = False) -> int:
    """List what is fetched, from where, and whether it is here."""
    from livecam.config.assets import list_assets, verify

    rows: list[dict[str, Any]] = [
        {
            "name": asset.name,
            "state": verify(asset.name).value,
            "what": asset.what,
            "licence": asset.licence,
            "bytes": asset.size,
            "file": asset.file,
        }
        for asset in list_assets()
    ]
    if json:
        for row, asset in zip(rows, list_assets(), strict=True):
            row |= {"sha256": asset.sha256, "places": [str(place) for place in asset.places]}
    print_table(rows, json, tr("there are no assets"))
    return 0


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="which ones; default: all", autocompletion=asset_names
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Fetch what is missing and check it against its hash."""
    from livecam.config.assets import fetch_assets

    paths = fetch_assets(note, names or ())
    rows = [{"name": name, "path": str(path)} for name, path in paths.items()]
    print_table(rows, json, "")
    return 0


def verify_all(json: Json = False) -> int:
    """Check every asset against its hash; exit code 5 when one is missing or broken."""
    from livecam.config.assets import State, list_assets, verify
    from livecam.core.errors import AssetError

    states = {asset: verify(asset.name) for asset in list_assets()}
    rows = [{"name": asset.name, "state": state.value} for asset, state in states.items()]
    print_table(rows, json, "")
    wrong = {asset: state for asset, state in states.items() if state is not State.OK}
    for asset, state in wrong.items():
        words = (
            to_translate("{name} is {state}, livecam works without it: {what}")
            if asset.optional
            else to_translate("{name} is {state}, livecam needs it: {what}")
        )
        note(tr(words, name=asset.name, state=tr(state.value), what=tr(asset.what)))
    return AssetError.exit_code if wrong else 0

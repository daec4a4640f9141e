"""`livecam avatars`: heads and what they wear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livecam.cli.completion import head_names
from livecam.cli.options import Json, Size, Tier, Wear, add_command, make_group, names_in
from livecam.cli.printing import coloured, note, print_table
from livecam.core.language import tr

if TYPE_CHECKING:
    from livecam.avatar.accessories import AccessoryDescription
    from livecam.avatar.library import AvatarDescription


def avatars_app() -> typer.Typer:
    """Makes the group of commands; without one of them, it lists the heads."""
    app = make_group("Heads: list them, look at one.", avatars)
    add_command(app, "list", list_all)
    add_command(app, "sheet", sheet, logs=True)
    add_command(app, "show", show, logs=True)
    return app


def avatars(context: typer.Context, json: Json = False) -> int:
    """Heads: list them (also without a command), look at one."""
    return list_all(json) if context.invoked_subcommand is None else 0


def list_all(json: Json = False) -> int:
    """List heads and what they can wear, with pictures where the terminal can show them."""
    from livecam.avatar.accessories import accessory_folder, list_accessories, read_item
    from livecam.avatar.library import find_avatar, list_avatars, read_description

    heads = [_row_or_none("head", find_avatar(name), read_description) for name in list_avatars()]
    items = [_row_or_none("", accessory_folder(name), read_item) for name in list_accessories()]
    rows = [row for row in (*heads, *items) if row is not None]
    if json or not _print_thumbnails(rows):
        print_table(rows, json, tr("no avatar was found"))
    return 0


def sheet(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="a head or its folder; all: each", autocompletion=head_names
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.png", help="default: NAME-sheet.png; all: a folder"),
    ] = None,
    tier: Tier = "full",
    wear: Wear = "",
) -> int:
    """Draw a head in sixteen poses and expressions, 1920x1440."""
    from livecam.viewer.sheet import write_sheets

    for path in write_sheets(name, out, tier, names_in(wear)):
        print(path)
    return 0


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="a head or its folder", autocompletion=head_names)
    ],
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FOLDER", help="write pictures instead, 30 for a second"),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", min=0, help="stop after so long; one turn takes 8"),
    ] = None,
    size: Size = "720x720",
    tier: Tier = "auto",
    wear: Wear = "",
) -> int:
    """Turn a head in a window, its face at play; Q closes it."""
    from livecam.viewer.turntable import show

    show(name, png=png, seconds=seconds, size=size, tier=tier, wear=names_in(wear))
    if png is not None:
        print(png)
    return 0


def _row_or_none(
    kind: str,
    folder: Path,
    read: Callable[[Path], AvatarDescription | AccessoryDescription],
) -> dict[str, Any] | None:
    """Makes the row of one folder; a broken one is noted on stderr and left out."""
    from livecam.core.errors import LivecamError

    try:
        description = read(folder)
        files = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except (LivecamError, OSError) as error:
        note(tr("{name} is left out, it is broken: {error}", name=folder.name, error=error))
        return None
    words = description.model_dump(include={"title", "title_zh", "author", "licence"})
    kind = kind or str(getattr(description, "kind", ""))
    return {"name": folder.name, "kind": kind, **words, "bytes": files}


def _print_thumbnails(rows: list[dict[str, Any]]) -> bool:
    """Prints thumbnails with text; returns False where the terminal shows no images."""
    from livecam.avatar.accessories import accessory_folder
    from livecam.avatar.library import find_avatar
    from livecam.cli.terminal import image_with_text, protocol_of_stdout

    protocol = protocol_of_stdout()
    if protocol is None:
        return False
    for row in rows:
        find = find_avatar if row["kind"] == "head" else accessory_folder
        words = [
            "",
            coloured(row["name"], typer.colors.GREEN),
            f"{row['title']}  {row['title_zh']}",
            tr("{kind} by {author}, {licence}", **row | {"kind": tr(row["kind"])}),
            f"{row['bytes'] / 1e6:.1f} MB",
        ]
        print(image_with_text(find(row["name"]) / "thumbnail.png", words, protocol))
    return True

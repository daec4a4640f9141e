"""`livecam motion`: recorded takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livecam.cli.completion import head_names
from livecam.cli.options import Json, Size, Tier, Wear, add_command, make_group, names_in
from livecam.cli.printing import print_pairs
from livecam.core.language import tr

PerformerProfile = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="of the one in the take: see `calibrate`")
]


def motion_app() -> typer.Typer:
    """Makes the group of commands."""
    app = make_group("Recorded takes: look at one, film or export it.")
    add_command(app, "show", show)
    add_command(app, "render", render, logs=True)
    add_command(app, "export", export, logs=True)
    return app


def show(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    json: Json = False,
) -> int:
    """Tell what is in a take."""
    from livecam.motion.take import read_take, summary

    print_pairs(summary(read_take(take)), json)
    return 0


def render(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="a film, or a folder for numbered pictures")
    ],
    avatar: Annotated[
        str,
        typer.Option(
            "--avatar", metavar="NAME", help="a head or its folder", autocompletion=head_names
        ),
    ] = "raccoon",
    wear: Wear = "",
    background: Annotated[
        str,
        typer.Option(
            "--background",
            metavar="TEXT",
            help="keep (a plain card), alpha (into a .mov, .webm or folder), a colour such as "
            "#00b140, a picture or a film",
        ),
    ] = "keep",
    size: Size = "1280x720",
    fps: Annotated[float, typer.Option("--fps", metavar="N", min=1, max=120)] = 30.0,
    tier: Tier = "auto",
    whole: Annotated[
        bool,
        typer.Option(
            "--whole/--as-filmed",
            help="move a head whose ears would be cut off into the picture, or leave it where the "
            "take saw it",
        ),
    ] = True,
    profile: PerformerProfile = "",
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
) -> int:
    """Draw a take on a head, without a camera, into a film or numbered pictures."""
    from livecam.cli.progress import frame_bar
    from livecam.motion.take import read_take
    from livecam.takes.film import render_take

    with frame_bar(tr("drawing")) as bar:
        render_take(
            read_take(take), out, avatar=avatar, wear=names_in(wear), background=background,
            size=size, fps=fps, tier=tier, whole=whole, profile=profile, force=force, progress=bar,
        )  # fmt: skip
    print(out)
    return 0


def export(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a .glb (opens in Blender) or a .csv")],
    avatar: Annotated[
        str,
        typer.Option(
            "--avatar",
            metavar="NAME",
            help="the head that moves in the .glb",
            autocompletion=head_names,
        ),
    ] = "raccoon",
    profile: PerformerProfile = "",
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
) -> int:
    """Write a take as an animated glTF head, or as a table."""
    from livecam.motion.take import read_take
    from livecam.takes.export import export_take

    export_take(read_take(take), out, avatar, profile=profile, force=force)
    print(out)
    return 0

"""`livecam ctl`: controls a running livecam from another process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from livecam.cli.completion import head_names, live_setting_keys, setting_keys
from livecam.cli.options import Json, add_command, make_group
from livecam.cli.printing import print_pairs

To = Annotated[
    int | None,
    typer.Option("--to", metavar="N", min=1, help="the number of the run, where several run"),
]
ON_OFF = ("on", "off")
OnOff = Annotated[
    str, typer.Argument(metavar="on|off", help="on or off", autocompletion=lambda: ON_OFF)
]


def ctl_app() -> typer.Typer:
    """Makes the group of commands."""
    app = make_group("Control a running livecam: curtain, head, settings, recording.")
    add_command(app, "panic", panic)
    add_command(app, "curtain", curtain)
    add_command(app, "avatar", avatar)
    add_command(app, "next-avatar", next_avatar)
    add_command(app, "mirror", mirror)
    add_command(app, "freeze", freeze)
    add_command(app, "learn-background", learn_background)
    add_command(app, "set", change, negative_numbers=True)
    add_command(app, "get", get)
    add_command(app, "record", record)
    add_command(app, "snapshot", snapshot)
    add_command(app, "status", status)
    add_command(app, "quit", leave)
    return app


def panic(to: To = None) -> int:
    """Draw the curtain at once, in every livecam that runs; `curtain off` opens it."""
    return _tell("panic", to=to, everyone=True)


def curtain(word: OnOff, to: To = None) -> int:
    """Draw the curtain, or open it."""
    return _tell("curtain", word, to=to)


def freeze(word: OnOff, to: To = None) -> int:
    """Freeze the picture, or go on."""
    return _tell("freeze", word, to=to)


def mirror(to: To = None) -> int:
    """Mirror the picture, or back again."""
    return _tell("mirror", to=to)


def avatar(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="a head or its folder", autocompletion=head_names),
    ],
    to: To = None,
) -> int:
    """Change the head."""
    return _tell("avatar", _whole_path(name) if os.sep in name else name, to=to)


def next_avatar(to: To = None) -> int:
    """Change to the next head of the list."""
    return _tell("next-avatar", to=to)


def learn_background(to: To = None) -> int:
    """Learn the empty background anew."""
    return _tell("learn-background", to=to)


def get(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="effects.lips, or its flag", autocompletion=setting_keys
        ),
    ],
    json: Json = False,
    to: To = None,
) -> int:
    """Print a setting of the run."""
    print_pairs(_ask("get", key, to=to), json)
    return 0


def change(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="effects.lips, or its flag", autocompletion=live_setting_keys
        ),
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="as in a preset")],
    to: To = None,
) -> int:
    """Change a setting of the run; files by their whole path."""
    return _tell("set", key, value, to=to)


def record(
    word: Annotated[
        str,
        typer.Argument(
            metavar="start|stop", help="start or stop", autocompletion=lambda: ("start", "stop")
        ),
    ],
    to: To = None,
) -> int:
    """Start or stop recording; prints the file."""
    return _tell("record", word, to=to)


def snapshot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a .png or .jpg")],
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
    to: To = None,
) -> int:
    """Write the newest published frame into a file."""
    words = ("force",) if force else ()
    return _tell("snapshot", _whole_path(str(file)), *words, to=to)


def status(json: Json = False, to: To = None) -> int:
    """Tell what the run is doing."""
    print_pairs(_ask("status", to=to), json)
    return 0


def leave(to: To = None) -> int:
    """End the run."""
    return _tell("quit", to=to)


def _whole_path(name: str) -> str:
    """Returns a path that the run understands too, wherever it was started."""
    return os.path.abspath(name)


def _ask(command: str, *words: str, to: int | None) -> dict[str, object]:
    from livecam.control.client import ask

    return dict(ask(command, words, number=to)[0].result)


def _tell(command: str, *words: str, to: int | None, everyone: bool = False) -> int:
    from livecam.control.client import ask

    for reply in ask(command, words, number=to, everyone=everyone):
        print_pairs(dict(reply.result))
    return 0

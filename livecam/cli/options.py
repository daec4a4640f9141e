"""Options that commands share, options made from the settings, and help that groups them.

Imports Typer alone; the settings are read only when a command's options are wanted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from livecam.cli.completion import (
    PROGRAM_OPTIONS,
    VALUES,
    preset_names,
    tier_names,
)
from livecam.cli.help_page import HelpfulCommand, HelpfulGroup
from livecam.config.language import CHOICES as LANGUAGE_CHOICES
from livecam.core.language import to_translate, tr

if TYPE_CHECKING:
    from livecam.config.fields import SettingField
    from livecam.convert.thumbnails import ReportPictures

LOG_LEVELS = ("debug", "info", "warning", "error")
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="start from a preset, or a .toml",
        autocompletion=preset_names,
    ),
]
Stats = Annotated[
    Path | None,
    typer.Option("--stats", metavar="FILE", help="append one JSON line per published frame"),
]
PICTURES = ("after", "both")
Pictures = Annotated[
    str,
    typer.Option(
        "--report-pictures",
        metavar="|".join(PICTURES),
        help="both: the real faces too, beside the results",
        autocompletion=lambda: PICTURES,
    ),
]
Wear = Annotated[
    str, typer.Option("--wear", metavar="NAME,...", help="accessories: see `livecam avatars`")
]
Tier = Annotated[
    str,
    typer.Option(
        "--tier", metavar="light|full|auto", help="how it is drawn", autocompletion=tier_names
    ),
]
Size = Annotated[str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="of the picture")]
Json = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]
Language = Annotated[  # `config.language` takes it from the arguments before they are parsed
    str,
    typer.Option(
        "--language",
        metavar="|".join(LANGUAGE_CHOICES),
        help="of messages and help; auto: as the system",
        show_default=False,
        autocompletion=lambda: LANGUAGE_CHOICES,
    ),
]

_METAVARS: dict[type, str] = {str: to_translate("TEXT"), tuple: to_translate("NAMES")}


class LoggedCommand(HelpfulCommand):
    """A command that does work, and so logs into a file."""


def add_command(
    app: typer.Typer,
    name: str,
    function: Callable[..., int],
    settings: Callable[[SettingField], bool] | None = None,
    chosen: str = "",
    negative_numbers: bool = False,
    logs: bool = False,
) -> None:
    """Adds a command to `app`, together with the options that every command has.

    If it is the `chosen` one, each of the `settings` becomes an option too; the function gets
    those that were given as `flags`, a dict by `SettingField.option`. With `negative_numbers`, an
    argument may begin with a minus; with `logs`, what it logs also goes into a file.
    """
    wanted = settings if name == chosen else None
    context = {"ignore_unknown_options": negative_numbers}
    kind = LoggedCommand if logs else HelpfulCommand
    add = app.command(name, cls=kind, context_settings=context)
    add(_with_options(function, wanted, logs))


def make_group(words: str, function: Callable[..., int] | None = None) -> typer.Typer:
    """Makes a group of commands.

    `function` runs before each of them and also when none is named: its `typer.Context` says
    which. Without a function, the help is printed when none is named.
    """
    app = typer.Typer(rich_markup_mode=None, help=words)
    first = help_without_command if function is None else _with_options(function, None, logs=False)
    app.callback(invoke_without_command=True, cls=HelpfulGroup)(first)
    return app


def help_without_command(context: typer.Context) -> None:
    """Prints the help of a group of commands when none of them is named."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def every_setting(field: SettingField) -> bool:
    """Accepts every setting as an option."""
    return True


def film_setting(field: SettingField) -> bool:
    """Accepts the settings that films and photos use."""
    from livecam.config.fields import applies_to_films

    return applies_to_films(field)


def batch_setting(field: SettingField) -> bool:
    """Accepts the settings of films; one take cannot hold the motion of many."""
    return film_setting(field) and field.name != "record_motion"


def live_setting(field: SettingField) -> bool:
    """Accepts the settings that a live run uses: all but those of films."""
    return field.group != "film"


def checked_pictures(name: str) -> ReportPictures:
    """Returns the choice of a report's pictures.

    Raises:
        UsageError: there is no such choice.
    """
    from livecam.core.errors import UsageError
    from livecam.core.registry import check_name

    check_name("choice of pictures", name, PICTURES, UsageError)
    return "both" if name == "both" else "after"


def names_in(text: str) -> tuple[str, ...]:
    """Returns the names between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _with_options(
    function: Callable[..., int], wanted: Callable[[SettingField], bool] | None, logs: bool
) -> Callable[..., int]:
    own = inspect.signature(function, eval_str=True).parameters.values()
    settings = _setting_options(wanted) if wanted else []
    options = [p for p in own if p.name != "flags"] + settings
    options += [*_terminal_options(), *(_file_options() if logs else [])]

    @wraps(function)
    def call(**values: Any) -> int:
        _log_to_terminal(values.pop("debug"), values.pop("log_level"))
        values.pop("language")  # it was taken before
        if wanted:
            given = {option.name: values.pop(option.name) for option in settings}
            values["flags"] = {name: v for name, v in given.items() if v is not None}
        if not logs:
            return function(**values)
        from livecam.cli.command_log import run_logged, wanted_log_file

        path = wanted_log_file(values.pop("log_file"), off=values.pop("no_log_file"))
        return run_logged(partial(function, **values), path)

    # Where `inspect.signature` looks first.
    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # not in typeshed
    call.__annotations__ = {}
    return call


def _setting_options(wanted: Callable[[SettingField], bool]) -> list[Parameter]:
    from livecam.config.fields import setting_fields

    return [_setting_option(field) for field in setting_fields() if wanted(field)]


def _setting_option(field: SettingField) -> Parameter:
    """Returns an option that passes on its text; the settings check the value."""
    default = f"[{_shown_default(field)}]" if field.default not in ("", ()) else ""
    switch = field.kind is bool
    names = f"{field.flag}/--no-{field.flag[2:]}" if switch else field.flag
    values = (lambda: field.choices) if field.choices else VALUES.get(field.key)
    option = typer.Option(
        names,
        help=f"{tr(field.help)} {default}".rstrip(),
        metavar=None if switch else _metavar(field),
        show_default=False,
        rich_help_panel=field.group.capitalize(),  # the help translates it
        autocompletion=values,
    )
    return _keyword(field.option, bool | None if switch else str | None, option)


def _metavar(field: SettingField) -> str:
    text = field.range_text or tr(_METAVARS.get(field.kind, to_translate("NUMBER")))
    return f"{text} {tr(field.unit)}".rstrip()


def _shown_default(field: SettingField) -> str:
    if field.kind is bool:
        return tr("on") if field.default else tr("off")
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def _terminal_options() -> list[Parameter]:
    return [
        _keyword(
            "debug",
            bool,
            typer.Option("--debug", help="show everything that is logged, and tracebacks"),
            False,
        ),
        _keyword(
            "log_level",
            str,
            typer.Option(
                "--log-level",
                metavar="|".join(LOG_LEVELS),
                help="what is logged",
                autocompletion=lambda: LOG_LEVELS,
            ),
            "info",
        ),
        _keyword("language", str, get_args(Language)[1], ""),
    ]


def _file_options() -> list[Parameter]:
    return [
        _keyword(
            "log_file",
            str | None,
            typer.Option(
                "--log-file",
                metavar="FILE",
                help="where this is also logged, instead of the file that `livecam doctor` names",
            ),
        ),
        _keyword(
            "no_log_file", bool, typer.Option("--no-log-file", help="log into no file"), False
        ),
    ]


def _keyword(name: str, kind: Any, option: Any, default: object = None) -> Parameter:
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def _log_to_terminal(debug: bool, level: str) -> None:
    if level not in LOG_LEVELS:
        from livecam.core.errors import UsageError
        from livecam.core.registry import check_name

        check_name("log level", level, LOG_LEVELS, UsageError)
    import logging

    from livecam.cli.command_log import log_to_terminal

    name = "debug" if debug else level
    log_to_terminal(logging.getLevelNamesMapping()[name.upper()], debug=debug)


def is_logged(error: typer.TyperException, words: Sequence[str]) -> bool:
    """Returns whether an error of parsing goes into the default log file.

    A wrong option in a shortcut of the desktop is seen nowhere else.
    """
    command = getattr(getattr(error, "ctx", None), "command", None)
    elsewhere = any(word.startswith(("--log-file", "--no-log-file")) for word in words)
    return isinstance(command, LoggedCommand) and not elsewhere


def run_by_default(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments; before options that are not the program's own, the command `run`."""
    first = arguments[0] if arguments else ""
    if first.startswith("-") and first not in PROGRAM_OPTIONS:
        return ["run", *arguments]
    return list(arguments)


def first_word(arguments: Sequence[str]) -> str:
    """Returns the command that the arguments name; empty when they name none."""
    return next((word for word in arguments if not word.startswith("-")), "")

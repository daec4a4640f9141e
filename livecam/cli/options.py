"""Command-line options made from the settings, and help that groups them.

Imports Typer alone; the settings are read only when a command's options are wanted.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from livecam.config.fields import SettingField

LOG_LEVELS = ("debug", "info", "warning", "error")
_METAVARS: dict[type, str] = {str: "TEXT", tuple: "NAMES"}
COMMON = ("debug", "log_level")


class GroupedCommand(TyperCommand):
    """Shows the options under the heading of their group of settings.

    Typer does this only through Rich, which costs 0.25 s.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                heading = getattr(parameter, "rich_help_panel", None) or (
                    "Arguments" if parameter.param_type_name == "argument" else "Options"
                )
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def command(
    app: typer.Typer, name: str, settings: Callable[[SettingField], bool] | None = None
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Adds a function to `app`, together with the options that every command has.

    Each of the `settings` becomes an option too; the function gets those that were given as
    `flags`, a dict by `SettingField.option`.
    """

    def add(function: Callable[..., int]) -> Callable[..., int]:
        app.command(name, cls=GroupedCommand)(_with_options(function, settings))
        return function

    return add


def fallback(app: typer.Typer) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Lets a function, with the options that every command has, precede the commands of `app`.

    It runs also when none of them is named: its `typer.Context` tells.
    """

    def add(function: Callable[..., int]) -> Callable[..., int]:
        app.callback(invoke_without_command=True)(_with_options(function, None))
        return function

    return add


def _with_options(
    function: Callable[..., int], wanted: Callable[[SettingField], bool] | None
) -> Callable[..., int]:
    own = inspect.signature(function, eval_str=True).parameters.values()
    settings = _setting_options(wanted) if wanted else []
    options = [p for p in own if p.name != "flags"] + settings + _common_options()

    @wraps(function)
    def call(**values: Any) -> int:
        _set_up_logging(values.pop("debug"), values.pop("log_level"))
        if wanted:
            given = {option.name: values.pop(option.name) for option in settings}
            values["flags"] = {name: v for name, v in given.items() if v is not None}
        return function(**values)

    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    call.__annotations__ = {}
    return call


def _setting_options(wanted: Callable[[SettingField], bool]) -> list[Parameter]:
    from livecam.config.fields import setting_fields

    return [_setting_option(field) for field in setting_fields() if wanted(field)]


def _setting_option(field: SettingField) -> Parameter:
    """An option that passes on what was written; the settings check the value themselves."""
    default = f"[{_shown_default(field)}]" if field.default not in ("", ()) else ""
    switch = field.kind is bool
    names = f"{field.flag}/--no-{field.flag[2:]}" if switch else field.flag
    option = typer.Option(
        names,
        help=f"{field.help} {default}".rstrip(),
        metavar=None if switch else _metavar(field),
        show_default=False,
        rich_help_panel=field.group.capitalize(),
    )
    return _keyword(field.option, bool | None if switch else str | None, option)


def _metavar(field: SettingField) -> str:
    text = field.range_text or _METAVARS.get(field.kind, "NUMBER")
    return f"{text} {field.unit}".rstrip()


def _shown_default(field: SettingField) -> str:
    if field.kind is bool:
        return "on" if field.default else "off"
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def _common_options() -> list[Parameter]:
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
            typer.Option("--log-level", metavar="|".join(LOG_LEVELS), help="what is logged"),
            "info",
        ),
    ]


def _keyword(name: str, kind: Any, option: Any, default: object = None) -> Parameter:
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def _set_up_logging(debug: bool, level: str) -> None:
    if level not in LOG_LEVELS:
        from livecam.core.errors import UsageError
        from livecam.core.registry import did_you_mean

        raise UsageError(
            f'no log level is called "{level}"{did_you_mean(level, [*LOG_LEVELS])}',
            hint=f"there are: {', '.join(LOG_LEVELS)}",
        )
    logging.basicConfig(
        stream=sys.stderr,
        format="%(asctime)s %(name)s: %(message)s" if debug else "%(message)s",
    )
    # Only our own: other libraries have much to say about fonts and the like.
    logging.getLogger("livecam").setLevel(logging.DEBUG if debug else level.upper())


def first_word(arguments: Sequence[str]) -> str:
    """The command that the arguments name; empty when they name none."""
    return next((word for word in arguments if not word.startswith("-")), "")

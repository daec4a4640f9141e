"""What is said of an error that ends a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import typer

from livecam.cli.usage_errors import usage_error
from livecam.core.errors import LivecamError, file_error
from livecam.core.language import tr


class Failure(NamedTuple):
    """One sentence, a hint what to do, and the exit code."""

    message: str
    hint: str
    code: int


def failure_of(error: Exception, words: Sequence[str] = ()) -> Failure:
    """Returns what is said of an error; `words` are the arguments of the process."""
    from livecam.core.system_libraries import missing_library

    error = missing_library(error) or error
    if isinstance(error, OSError) and error.filename is not None:
        error = file_error(error)
    if isinstance(error, LivecamError):
        return Failure(error.message, error.hint, error.exit_code)
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)  # of the command that could not be parsed
        command = context.command_path if context else "livecam"
        hint = tr("see `{command} --help`", command=command)
        if name := _file_named_like_an_option(error, words):
            hint = tr(
                "a file name that begins with - goes behind --: {command} -- {name}",
                command=command,
                name=name,
            )
        return Failure(usage_error(error), hint, error.exit_code)
    what = f"{type(error).__name__}: {error}"
    message = tr("something went wrong inside: {error}", error=what)
    return Failure(message, tr("run the same with --debug to see where"), 1)


def _file_named_like_an_option(error: typer.TyperException, words: Sequence[str]) -> str:
    """Returns the file name that was taken for an option; "" if there is none."""
    if not error.format_message().startswith("No such option"):
        return ""
    return next((word for word in words if re.fullmatch(r"-[^=]*\.[A-Za-z]\w*", word)), "")

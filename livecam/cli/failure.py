"""What is said of an error that ends a command."""

from __future__ import annotations

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


def failure_of(error: Exception) -> Failure:
    """Returns what is said of an error."""
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
        return Failure(usage_error(error), hint, error.exit_code)
    what = f"{type(error).__name__}: {error}"
    message = tr("something went wrong inside: {error}", error=what)
    return Failure(message, tr("run the same with --debug to see where"), 1)

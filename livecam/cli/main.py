"""The command line: assembles the commands, runs one and reports its error.

Nothing heavy is imported before a command is chosen, so that `livecam --help` is quick; the
options made from the settings are built only for the command that is being parsed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from livecam.cli import CANCELLED
from livecam.cli.commands import (
    assets,
    avatars,
    batch,
    bench,
    calibrate,
    config,
    convert,
    ctl,
    devices,
    motion,
    run,
)
from livecam.cli.completion import complete_run_by_default, words_to_complete
from livecam.cli.help_page import HelpfulGroup
from livecam.cli.options import (
    Language,
    add_command,
    batch_setting,
    every_setting,
    film_setting,
    first_word,
    help_without_command,
    is_logged,
    live_setting,
    run_by_default,
)
from livecam.cli.printing import print_error, printable_language
from livecam.config.language import choose_language, take_language
from livecam.core.end_signals import (
    end_signals,
    ignore_end_signals,
    is_closed_terminal,
    leave_closed_terminal,
)
from livecam.core.language import set_language
from livecam.core.library_log import filter_library_log


def main() -> NoReturn:
    """Runs `livecam` with the arguments of the process, and ends the process."""
    with end_signals():
        try:
            filter_library_log()
            code = execute(sys.argv[1:])
            ignore_end_signals()
        except KeyboardInterrupt:  # it came after the command
            ignore_end_signals()
            code = CANCELLED
    leave_closed_terminal()  # nothing handles signals any more, and buffers are still written
    # A thread that sits in a foreign library, loading a model, would crash Python's own end; and
    # Python ends with SIGINT where an interrupt once went through `exec`.
    if code == CANCELLED or any(thread.daemon for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def execute(words: Sequence[str]) -> int:
    """Runs `livecam` with these arguments; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old code page knows no Chinese titles
    try:
        code = _run(list(words))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = CANCELLED
    except BrokenPipeError:
        # The reader of our output went away; without this, Python complains while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        if not is_closed_terminal(error):
            raise
        code = CANCELLED
    return code


def _run(words: list[str]) -> int:
    try:
        language, words = take_language(words)
        set_language(printable_language(choose_language(language)))
        words = run_by_default(words)
        complete_run_by_default()
        app = build_app(first_word(words_to_complete() or words))
        return int(app(words, prog_name="livecam", standalone_mode=False) or 0)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if is_closed_terminal(error):
            raise KeyboardInterrupt from error
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        return _report(error, words)


def _report(error: Exception, words: Sequence[str]) -> int:
    """Prints what went wrong in one sentence and one hint; returns the exit code."""
    from livecam.cli.failure import failure_of

    failure = failure_of(error, words)
    print_error(failure.message, failure.hint)
    if isinstance(error, typer.TyperException) and is_logged(error, words):
        from livecam.cli.command_log import log_usage_error, wanted_log_file

        log_usage_error(error, wanted_log_file(None, off=False))
    return failure.code


def _show_version(wanted: bool) -> None:
    if wanted:
        from livecam import __version__

        print(f"livecam {__version__}")
        raise typer.Exit


def build_app(chosen: str = "") -> typer.Typer:
    """Assembles all commands; the command `chosen` alone gets its options from the settings."""
    app = typer.Typer(
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # help through Rich takes 0.25 s longer
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    add = partial(add_command, app, chosen=chosen)
    app.callback(invoke_without_command=True, cls=HelpfulGroup)(_top)
    add("run", run.run, live_setting, logs=True)
    add("convert", convert.convert, film_setting, logs=True)
    add("batch", batch.batch, batch_setting, logs=True)
    add("calibrate", calibrate.calibrate, calibrate.applies_to_calibration, logs=True)
    app.add_typer(ctl.ctl_app(), name="ctl")
    app.add_typer(motion.motion_app(), name="motion")
    add("doctor", devices.doctor, logs=True)
    add("devices", devices.devices)
    app.add_typer(avatars.avatars_app(), name="avatars")
    add("presets", config.presets)
    app.add_typer(assets.assets_app(), name="assets")
    add("bench", bench.bench, live_setting, logs=True)
    add("config", config.config, every_setting)
    return app


def _top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="print the version"
        ),
    ] = False,
    language: Language = "",
) -> None:
    """A virtual camera that puts a lit 3-D avatar head over your own.

    Options without a command are those of `run`: livecam --avatar fox."""
    help_without_command(context)

"""What Typer says about arguments that do not fit, in our words and language."""

from __future__ import annotations

import re

import typer

from livecam.cli.help_page import metavar
from livecam.core.language import to_translate, tr

# What Typer says (a regular expression), and what we say; tested with the real one.
WORDS = (
    (
        r"No such option: (?P<option>\S+) \(Possible options: (?P<options>.+)\)",
        to_translate("no such option: {option} (possible options: {options})"),
    ),
    (r"No such option: (?P<option>\S+)", to_translate("no such option: {option}")),
    (
        r"No such command (?P<command>'.*')\. Did you mean (?P<guess>'.*')\?",
        to_translate("no such command {command}. Did you mean {guess}?"),
    ),
    (r"No such command (?P<command>'.*')\.", to_translate("no such command {command}")),
    (r"Missing argument (?P<argument>'.*')\.", to_translate("missing argument {argument}")),
    (r"Missing option (?P<option>'.*')\.", to_translate("missing option {option}")),
    (r"Missing command\.", to_translate("missing command")),
    (
        r"Option (?P<option>'.*') requires an argument\.",
        to_translate("option {option} requires an argument"),
    ),
    (
        r"Option (?P<option>'.*') does not take a value\.",
        to_translate("option {option} does not take a value"),
    ),
    (
        r"Got unexpected extra argument\(s\) \((?P<words>.*)\)",
        to_translate("got unexpected extra argument(s) ({words})"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): Input should be a valid integer\b.*",
        to_translate("invalid value for {option}: it must be a whole number"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): Input should be a valid number\b.*",
        to_translate("invalid value for {option}: it must be a number"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): Input should be greater than or equal to (?P<n>\S+)",
        to_translate("invalid value for {option}: it must be at least {n}"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): Input should be less than or equal to (?P<n>\S+)",
        to_translate("invalid value for {option}: it must be at most {n}"),
    ),
)

PLACES = {"argument", "option"}  # may hold a metavar


def usage_error(error: typer.TyperException) -> str:
    """Returns the message of an error of the command line, without a full stop."""
    said = error.format_message().replace("  ", " ")
    for pattern, ours in WORDS:
        if found := re.fullmatch(pattern, said, re.DOTALL):
            values = found.groupdict()
            return tr(ours, **values | {key: metavar(values[key]) for key in PLACES & set(values)})
    return said[:1].lower() + said[1:].rstrip(".")

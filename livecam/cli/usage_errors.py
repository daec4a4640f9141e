"""What Typer says about arguments that do not fit, in our words and language."""

from __future__ import annotations

import re

import typer

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
        r"Invalid value for (?P<option>'.*'): (?:Value )?(?P<value>.+) is not a valid "
        r"(?:int|integer)\.",
        to_translate("invalid value for {option}: {value} is not a whole number"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): (?:Value )?(?P<value>.+) is not a valid float\.",
        to_translate("invalid value for {option}: {value} is not a number"),
    ),
    (
        r"Invalid value for (?P<option>'.*'): (?P<value>.+) is not in the range (?P<range>.+)\.",
        to_translate("invalid value for {option}: {value} is not in the range {range}"),
    ),
)


def usage_error(error: typer.TyperException) -> str:
    """Returns the message of an error of the command line, without a full stop."""
    said = error.format_message().replace("  ", " ")
    for pattern, ours in WORDS:
        if found := re.fullmatch(pattern, said, re.DOTALL):
            return tr(ours, **found.groupdict())
    return said[:1].lower() + said[1:].rstrip(".")

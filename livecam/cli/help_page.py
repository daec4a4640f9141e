"""The help of commands, translated, for terminals in which Chinese characters are two cells wide.

Typer's own help counts each character as one cell and shortens the words beside a command.
"""

from __future__ import annotations

import inspect
import re
import shutil
import unicodedata
from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

from livecam.cli.completion import completion_help
from livecam.core.language import to_translate, tr

MIN_COLUMNS, MAX_COLUMNS = 50, 78
FIRST_COLUMN = 30  # at most, of names of options
INDENT, GAP = 2, 2
CLOSING = "，。；：！？、）》”]),.;:!?"  # never begins a line
OPENING = "（《“(["  # never ends a line
WIDE = "WF"  # East Asian Width: W and F take two cells (Unicode Standard Annex 11)

# What Typer itself says.
TYPERS_OWN = (
    to_translate("Show this message and exit."),
    to_translate("Install completion for the current shell."),
    to_translate(
        "Show completion for the current shell, to copy it or customize the installation."
    ),
    to_translate("OPTIONS"), to_translate("COMMAND"), to_translate("ARGS"),
    to_translate("TEXT"), to_translate("PATH"), to_translate("INTEGER"), to_translate("FLOAT"),
    to_translate("Arguments"), to_translate("Options"),
)  # fmt: skip
WORDS_OF_METAVARS = to_translate("IN"), to_translate("WHAT")  # that stand nowhere alone
MARKS = {"default: ": to_translate("default: "), "required": to_translate("required")}


class HelpfulCommand(TyperCommand):
    """A command with our help; its options stand under the heading of their group of settings."""

    def get_help(self, ctx: Any) -> str:
        return _page(self, ctx)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        items = super().shell_complete(ctx, incomplete)
        for item in items:
            if item.help:
                item.help = completion_help(tr(item.help))
        return items


class HelpfulGroup(TyperGroup):
    """A group of commands with our help."""

    def get_help(self, ctx: Any) -> str:
        return _page(self, ctx)


def _page(command: HelpfulCommand | HelpfulGroup, context: Any) -> str:
    """Returns the whole help of a command."""
    columns = max(MIN_COLUMNS, min(shutil.get_terminal_size().columns - 2, MAX_COLUMNS))
    prefix = tr("Usage: {command}", command=context.command_path) + " "
    parts = ["\n".join(_hanging(prefix, _wrapped(_usage(command), columns)))]
    parts += [_indented(tr(text), columns) for text in paragraphs(command.help or "")]
    for heading, rows in _sections(command, context).items():
        parts.append("\n".join([tr("{heading}:", heading=heading), *_table(rows, columns)]))
    return "\n\n".join(parts)


def _usage(command: HelpfulCommand | HelpfulGroup) -> str:
    """Returns what stands behind the command in the line of its usage.

    Arguments are shown as their metavars are written: Typer would add brackets and dots.
    """
    pieces = [command.options_metavar or ""]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    pieces += [each.metavar or "" for each in arguments]
    if isinstance(command, HelpfulGroup):
        pieces += command.subcommand_metavar.split()
    return " ".join(map(metavar, pieces))


def paragraphs(text: str) -> list[str]:
    """Splits a docstring into its paragraphs; each of them is one line."""
    parts = inspect.cleandoc(text).split("\n\n")
    return [" ".join(part.split()) for part in parts if part.strip()]


def _sections(
    command: HelpfulCommand | HelpfulGroup, context: Any
) -> dict[str, list[tuple[str, str]]]:
    """Returns names and their words, by heading."""
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            heading = getattr(parameter, "rich_help_panel", None) or (
                "Arguments" if parameter.param_type_name == "argument" else "Options"
            )
            found.setdefault(tr(heading), []).append(_translated(parameter, *record))
    if isinstance(command, HelpfulGroup):
        each = ((name, command.get_command(context, name)) for name in command.commands)
        found[tr("Commands")] = [
            (name, tr(paragraphs(one.help)[0])) for name, one in each if one and one.help
        ]
    return found


def _translated(parameter: Any, names: str, words: str) -> tuple[str, str]:
    """Translates what Typer tells about a parameter: its metavar, our help and its marks."""
    if parameter.param_type_name == "argument":
        names = metavar(parameter.metavar)
    elif parameter.metavar:
        names = names.replace(parameter.metavar, metavar(parameter.metavar))
    else:
        names = re.sub(r"(?<= )[A-Z]+$", lambda found: tr(found[0]), names)
    own = parameter.help or ""
    marks = words.removeprefix(own)
    for mark, ours in MARKS.items():
        marks = marks.replace(mark, tr(ours))
    return names, tr(own) + marks


def _indented(text: str, columns: int) -> str:
    return "\n".join(" " * INDENT + line for line in _wrapped(text, columns - INDENT))


def metavar(text: str) -> str:
    """Translates what stands for a value: as a whole, else each word of it, as in `[NAME]...`."""
    whole = tr(text)
    return re.sub("[A-Z]{2,}", lambda word: tr(word[0]), text) if whole == text else whole


def _table(rows: list[tuple[str, str]], columns: int) -> Iterator[str]:
    """Yields the lines of two columns."""
    first = min(max(cells(name) for name, _ in rows), FIRST_COLUMN) + GAP
    for name, words in rows:
        lines = _wrapped(words, columns - INDENT - first)
        start = " " * INDENT + name
        room = INDENT + first
        if cells(name) > first - GAP or not lines:
            yield start
        else:
            yield start + " " * (room - cells(start)) + lines.pop(0)
        yield from (" " * room + line for line in lines)


def _hanging(prefix: str, lines: list[str]) -> Iterator[str]:
    yield prefix + (lines[0] if lines else "")
    yield from (" " * cells(prefix) + line for line in lines[1:])


def cells(text: str) -> int:
    """Returns how many cells of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in WIDE else 1 for c in text)


def _wrapped(text: str, columns: int) -> list[str]:
    """Breaks a text at spaces, and beside Chinese characters, into lines of so many cells."""
    lines = [""]
    for piece in _pieces(text):
        if cells(lines[-1] + piece.rstrip()) > columns and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def _pieces(text: str) -> list[str]:
    """Splits a text where a line may end; the pieces together are the text."""
    pieces: list[str] = []
    last = " "
    for character in text:
        wide = _is_wide(character) or _is_wide(last)
        may_begin = character not in CLOSING + " " and last not in OPENING
        if pieces and may_begin and (wide or last == " "):
            pieces.append(character)
        elif pieces:
            pieces[-1] += character
        else:
            pieces.append(character)
        last = character
    return pieces


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in WIDE

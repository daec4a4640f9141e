"""Finds the texts of the program that people read, so that each has a translation.

`python -m tests.texts` prints, as JSON, the texts that have none yet.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

from livecam.cli.main import build_app
from livecam.config.assets import list_assets
from livecam.config.fields import setting_fields
from livecam.core.language import FOLDER

PACKAGE = Path(__file__).resolve().parents[1] / "livecam"
# Threads and stages: their names begin log lines; some are put together, and stay English.
THREADS = {"Worker": 0, "FaultLog": 1}
# What gets a text, and at which of its places; all by name, as the code writes it.
MARKERS = {"tr": (0,), "to_translate": (0,), "make_group": (0,), "check_size": (0,)}
NOUNS = {"check_name": (0,), "named": (0,), "Registry": (0,)}
LOG_METHODS = ("info", "warning", "error", "exception")  # of "debug", programmers are the readers
OPTION_MAKERS = ("Option", "Argument")
PREPARE = PACKAGE.parent / "scripts" / "prepare.py"


def translations(language: str) -> dict[str, str]:
    return dict(json.loads((FOLDER / f"{language}.json").read_text("utf-8")))


def texts() -> dict[str, str]:
    """Returns where each text of the program stands."""
    found: dict[str, str] = {}
    for place, node in _nodes():
        for text in _literals(node):
            found.setdefault(text, place)
    for field in setting_fields():
        for text in (field.help, field.group_help, field.group.capitalize(), field.unit):
            if re.search("[a-z]{3}", text):
                found.setdefault(text, f"setting {field.key}")
    for asset in list_assets():
        found.setdefault(asset.what, f"asset {asset.name}")
    for words in _command_helps():
        found.setdefault(words, "help of a command")
    found.pop("", None)
    return found


def unmarked() -> list[str]:
    """Lists the errors and log records whose text is put together before it is translated."""
    return [
        f"{place}: {ast.unparse(node)[:100]}"
        for place, node in _nodes()
        if isinstance(node, (ast.JoinedStr, ast.BinOp))
    ]


def _nodes() -> Iterator[tuple[str, ast.expr]]:
    """Yields each expression that is a text for people, and where it stands."""
    errors = _error_classes()
    for path, tree in _trees():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                for node in _texts_of(call, errors):
                    yield f"{path.relative_to(PACKAGE.parent)}:{call.lineno}", node


def _texts_of(call: ast.Call, errors: set[str]) -> Iterator[ast.expr]:
    function = call.func
    name = getattr(function, "id", getattr(function, "attr", ""))
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in MARKERS | NOUNS:
        yield from (call.args[at] for at in (MARKERS | NOUNS)[name] if at < len(call.args))
    elif name in THREADS:
        named = call.args[THREADS[name] : THREADS[name] + 1]
        yield from (node for node in named if isinstance(node, ast.Constant))
    elif name in errors or (isinstance(function, ast.Name) and name == "error"):
        yield from call.args[:2]
        yield from (keywords[key] for key in ("message", "hint") if key in keywords)
    elif name in LOG_METHODS and isinstance(function, ast.Attribute):
        owner = function.value
        if getattr(owner, "id", "") == "log" or getattr(owner, "attr", "") == "_log":
            yield from call.args[:1]
    elif name in OPTION_MAKERS:
        yield from (keywords[key] for key in ("help", "metavar") if key in keywords)


def _literals(node: ast.expr) -> Iterator[str]:
    """Yields the texts that an expression may have."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _literals(value)


def _error_classes() -> set[str]:
    """Returns the names of LivecamError and of all classes derived from it."""
    bases = {
        node.name: {getattr(base, "id", "") for base in node.bases}
        for _, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"LivecamError"}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return found


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in (*sorted(PACKAGE.rglob("*.py")), PREPARE):
        yield path, ast.parse(path.read_text("utf-8"))


def _command_helps() -> Iterator[str]:
    """Yields the docstrings of all commands, a paragraph each."""
    app = build_app()
    apps = [app, *(group.typer_instance for group in app.registered_groups)]
    functions = [command.callback for each in apps for command in each.registered_commands]
    functions.append(app.registered_callback.callback)
    for function in functions:
        yield from paragraphs(inspect.getdoc(function) or "")


def paragraphs(text: str) -> list[str]:
    """Splits a docstring; each paragraph is one line."""
    return [" ".join(part.split()) for part in text.split("\n\n")]


if __name__ == "__main__":
    done = translations("zh")
    missing = {text: "" for text in texts() if text not in done}
    print(json.dumps(missing, indent=0, ensure_ascii=False))

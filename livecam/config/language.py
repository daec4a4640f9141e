"""Chooses the language of the program: option, variable, the user's file, then the system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from livecam.config.paths import user_file_path
from livecam.core.errors import ConfigError, UsageError
from livecam.core.language import ENGLISH, LANGUAGES
from livecam.core.registry import check_name

OPTION = "--language"
LANGUAGE_VARIABLE = "LIVECAM_LANGUAGE"
LANGUAGE = "language"  # the key in the user's file, above its groups
AUTO = "auto"  # as the system
CHOICES = (AUTO, *LANGUAGES)
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first that is set counts


def take_language(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the value of --language, empty without one, and the other arguments.

    The option belongs to the program: its place among the arguments does not matter.
    """
    rest: list[str] = []
    language = ""
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name != OPTION:
            rest.append(word)
            continue
        language = value if equals else next(words, "")
        if not language:
            raise UsageError("{option} needs a value", "there are: {names}", **_names())
    return language, rest


def choose_language(
    option: str = "",
    environ: Mapping[str, str] = os.environ,
    user_file: Path | None = None,
    platform: str = sys.platform,
) -> str:
    """Returns the language to use, one of `LANGUAGES`.

    Raises:
        ConfigError: a language was asked for that there is not.
    """
    asked = (
        (OPTION, option),
        (LANGUAGE_VARIABLE, environ.get(LANGUAGE_VARIABLE, "")),
        (LANGUAGE, _in_file(user_file_path() if user_file is None else user_file)),
    )
    for place, language in asked:
        if language:
            check_name(place, language, CHOICES, ConfigError)
            break
    else:
        language = AUTO
    return system_language(environ, platform) if language == AUTO else language


def system_language(environ: Mapping[str, str], platform: str) -> str:
    """Returns the language of the system if there is a translation, else English."""
    name = next((environ[name] for name in LOCALE_VARIABLES if environ.get(name)), "")
    if not name and platform == "win32":
        name = _windows_locale()
    code = name.replace("-", "_").partition("_")[0].lower()
    return code if code in LANGUAGES else ENGLISH


def _windows_locale() -> str:
    """Returns the locale of the user interface, such as zh_CN."""
    import ctypes
    import locale

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # on Windows alone
    return locale.windows_locale.get(kernel.GetUserDefaultUILanguage(), "")


def _in_file(path: Path) -> str:
    """Returns the language that the user's file names; what else is wrong there is told later."""
    if not path.is_file():
        return ""
    from livecam.core.text_files import read_toml

    try:
        value = read_toml(path).tables.get(LANGUAGE, "")
    except ConfigError:
        return ""
    return value if isinstance(value, str) else ""


def _names() -> dict[str, object]:
    return {"option": OPTION, "names": ", ".join(CHOICES)}

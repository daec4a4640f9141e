"""The language of the program: how it is chosen, and that every text has a translation."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.cli.help_page import cells, paragraphs
from livecam.cli.main import build_app, execute
from livecam.config.language import choose_language, take_language
from livecam.core.errors import ConfigError, LivecamError, UsageError
from livecam.core.language import ENGLISH, set_language, tr
from tests.texts import texts, translations, unmarked
from tests.user_folders import empty_user_folders

LEAST_TEXTS = 400  # that are found: fewer, and the search is broken


@pytest.fixture
def chinese() -> Iterator[None]:
    set_language("zh")
    yield
    set_language(ENGLISH)


@pytest.fixture(autouse=True)
def english_after() -> Iterator[None]:
    yield
    set_language(ENGLISH)


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh-Hans"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LIVECAM_LANGUAGE": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LIVECAM_LANGUAGE": "auto"}, "zh"),
        ({"LIVECAM_LANGUAGE": "zh"}, "zh"),
    ],
)
def test_language_of_the_system_and_of_the_variable(
    environ: dict[str, str], language: str, tmp_path: Path
):
    assert choose_language("", environ, tmp_path / "none.toml", "linux") == language


def test_option_then_variable_then_file(tmp_path: Path):
    file = tmp_path / "livecam.toml"
    file.write_text('language = "zh"\n')
    assert choose_language("", {}, file, "linux") == "zh"
    assert choose_language("", {"LIVECAM_LANGUAGE": "en"}, file, "linux") == "en"
    assert choose_language("zh", {"LIVECAM_LANGUAGE": "en"}, file, "linux") == "zh"


def test_a_broken_file_is_told_by_the_command(tmp_path: Path):
    file = tmp_path / "livecam.toml"
    file.write_text("language = [")
    assert choose_language("", {}, file, "linux") == "en"


def test_the_language_of_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("livecam.config.language._windows_locale", lambda: "zh_CN")
    assert choose_language("", {}, tmp_path / "none", "win32") == "zh"
    assert choose_language("", {"LANG": "en_US"}, tmp_path / "none", "win32") == "en"


def test_an_unknown_language_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        choose_language("zz", {}, tmp_path / "none")
    assert "zz" in caught.value.message
    assert "auto, en, zh" in caught.value.hint


def test_the_option_is_taken_from_anywhere():
    assert take_language(["run", "--language", "zh", "--fps", "30"]) == (
        "zh",
        ["run", "--fps", "30"],
    )
    assert take_language(["--language=zh"]) == ("zh", [])
    assert take_language(["run"]) == ("", ["run"])
    with pytest.raises(UsageError):
        take_language(["run", "--language"])


def test_values_are_filled_in_after_the_translation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "livecam.core.language._translations", {"no {what} {n:.1f}": "{n:.0f}{what}"}
    )
    assert tr("no {what} {n:.1f}", what="{braces}", n=2.0) == "2{braces}"
    error = LivecamError("no {what} {n:.1f}", "there", what="x", n=1.0)
    assert (error.message, error.hint, str(error)) == ("1x", "there", "1x")


def test_a_text_with_braces_of_its_own_stays_as_it_is():
    error = LivecamError("{name} is broken", "see {0} and {other} {", name="x")
    assert (error.message, error.hint) == ("x is broken", "see {0} and {other} {")


def test_a_file_of_ours_speaks_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    empty_user_folders(tmp_path, monkeypatch)
    environ = os.environ | {"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "livecam", "--help"],
        capture_output=True, text=True, encoding="utf-8", env=environ, timeout=60, check=True,
    )  # fmt: skip
    assert "用法" in done.stdout


def test_a_terminal_without_chinese_gets_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    empty_user_folders(tmp_path, monkeypatch)
    environ = os.environ | {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "livecam", "--help"],
        capture_output=True, text=True, env=environ, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("Usage: ")


def test_no_text_is_put_together_before_it_is_translated():
    assert unmarked() == []


def test_every_text_is_translated_and_no_translation_is_left_over():
    found, done = texts(), translations("zh")
    assert len(found) >= LEAST_TEXTS
    assert {text: place for text, place in found.items() if text not in done} == {}
    assert sorted(set(done) - set(found)) == []
    assert [text for text in done if not done[text].strip()] == []


def test_translations_are_sorted():
    assert list(translations("zh")) == sorted(translations("zh"))


@pytest.mark.parametrize("language", ["zh"])
def test_translations_name_the_same_values(language: str):
    for text, translated in translations(language).items():
        assert _places(translated) == _places(text), text


def _places(text: str) -> list[str]:
    """Returns the values of a template: those of `str.format` by name, those of % in order."""
    percent = re.findall(r"%(?:\.\d+)?[sdfgr]", text)
    if percent:
        return percent
    try:
        parsed = [each for each in string.Formatter().parse(text) if each[1] is not None]
    except ValueError:
        return []
    return sorted(f"{name}!{kind}" for _, name, _, kind in parsed)


@pytest.mark.usefixtures("chinese")
def test_help_in_chinese_has_no_english_sentence(capsys: pytest.CaptureFixture[str]):
    for words in _commands():
        assert execute([*words, "--help", "--language", "zh"]) == 0
        text = capsys.readouterr().out
        assert max(map(cells, text.splitlines())) <= 80, words
        _, _, below_usage = text.partition("\n\n")
        assert not re.findall(r"(?:\b[a-z]{3,} ){3}", below_usage), words


def _commands() -> list[list[str]]:
    app = build_app()
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    commands = [[command.name] for command in app.registered_commands]
    for name, group in groups.items():
        commands.append([name])
        commands += [[name, command.name] for command in group.registered_commands]
    return [[], *commands]


def test_paragraphs_are_lines():
    assert paragraphs("One\n    line.\n\n    Two.") == ["One line.", "Two."]

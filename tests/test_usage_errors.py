"""Errors of the command line in our words: all that Typer says of our commands is known."""

from __future__ import annotations

import pytest

from livecam.cli.help_page import metavar
from livecam.cli.main import execute


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bench --seconds abc", "invalid value for '--seconds': it must be a number"),
        ("bench --seconds 0", "invalid value for '--seconds': it must be at least 1"),
        ("ctl status --to x", "invalid value for '--to': it must be a whole number"),
        ("motion render a b --fps 500", "invalid value for '--fps': it must be at most 120"),
        ("ctl status --to", "option '--to' requires an argument"),
        ("bench --json=1", "option '--json' does not take a value"),
        ("ctl status 2 3", "got unexpected extra argument(s) (2 3)"),
        ("ctl sttus", "no such command 'sttus'. Did you mean 'status'?"),
        ("ctl xyz", "no such command 'xyz'"),
        ("ctl status --xyz", "no such option: --xyz"),
        ("motion show", "missing argument 'TAKE'"),
        ("convert", "missing argument 'IN... OUT'"),
    ],
)
def test_what_typer_refuses_is_told_in_our_words(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert execute(words.split()) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {message}"


def test_the_place_of_a_value_is_translated_as_in_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = {"TAKE": "录制文件", "missing argument {argument}": "缺少参数 {argument}"}
    monkeypatch.setattr("livecam.core.language._translations", words)
    monkeypatch.setattr("livecam.cli.main.set_language", lambda language: None)
    assert execute(["motion", "show"]) == 2
    assert "缺少参数 '录制文件'" in capsys.readouterr().err
    assert execute(["motion", "show", "--help"]) == 0
    assert "录制文件" in capsys.readouterr().out


def test_words_in_a_metavar_are_translated(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("livecam.core.language._translations", {"NAME": "名称", "on|off": "on|off"})
    assert metavar("[[NAME]...]") == "[[名称]...]"
    assert metavar("on|off") == "on|off"
    assert metavar("N") == "N"

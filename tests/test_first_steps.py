"""What a newcomer types first: options without a command, settings of their own, no devices."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.cli.main import execute
from livecam.config.assets import asset_path
from livecam.config.paths import user_cache_folder

MODELS = asset_path("face-landmarker").parent  # before the user's folders are empty ones
CACHE = user_cache_folder().parent  # holds the sample clip, which takes a minute to make
QUICK = ("--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
         "--width", "160", "--height", "120", "--seconds", "0.7")  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders and the current one are empty; the models are here."""
    for name in [name for name in os.environ if name.startswith("LIVECAM_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "APPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LIVECAM_ASSETS", str(MODELS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "livecam")
    return caplog


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[0]


# Options without a command


@pytest.mark.parametrize(
    "words",
    [
        ("--avatar", "nobody"),
        ("--accessories", "nothing", "--source", "pattern"),
        ("--background", "nothing", "--source", "pattern"),
        ("--preset", "nothing"),
        ("--stickers", "nothing", "--lut", "vivid", "--source", "pattern"),
    ],
    ids=" ".join,
)
def test_options_without_a_command_are_those_of_run(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    code = execute(words)
    text = error_of(capsys)
    assert "no such option" not in text
    assert execute(["run", *words]) == code
    assert error_of(capsys) == text


def test_an_unknown_option_without_a_command_points_to_run(capsys: pytest.CaptureFixture[str]):
    assert execute(["--on-lots", "blur"]) == 2
    said = capsys.readouterr().err
    assert "--on-lost" in said
    assert "`livecam run --help`" in said


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V", "--show-completion"])
def test_the_options_of_the_program_stay_its_own(option: str):
    done = subprocess.run(
        [sys.executable, "-m", "livecam", option], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert "Turn the camera into your avatar" not in done.stdout.partition("Commands:")[0]
    assert "no such option" not in done.stderr

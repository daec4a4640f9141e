"""Completion of commands, options and their values, as bash and zsh ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.avatar.library import list_avatars
from livecam.cli.completion import completion_help
from livecam.config.fields import setting_fields
from livecam.config.presets import list_presets

COMMANDS = {
    "batch",
    "run", "convert", "calibrate", "motion", "doctor", "devices", "avatars", "presets", "assets",
    "bench", "config", "ctl",
}  # fmt: skip


def asked(**variables: str) -> str:
    """Returns what `livecam` prints for a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "livecam"], env=os.environ | variables, capture_output=True,
        text=True, timeout=60, check=True,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout


def in_bash(*words: str) -> set[str]:
    """The completions of the last word; bash joins the words by newlines."""
    answer = asked(
        _LIVECAM_COMPLETE="complete_bash", COMP_WORDS="\n".join(("livecam", *words)),
        COMP_CWORD=str(len(words)),
    )  # fmt: skip
    return set(answer.split())


def in_zsh(line: str) -> str:
    return asked(_LIVECAM_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line)


def test_commands_are_completed():
    assert in_bash("") == COMMANDS
    assert in_bash("con") == {"convert", "config"}
    assert in_bash("ctl", "r") == {"record"}
    assert in_bash("avatars", "s") == {"sheet", "show"}


@pytest.mark.parametrize("command", ["run", "bench", "config"])
def test_options_made_from_the_settings_are_completed(command: str):
    flags = in_bash(command, "--")
    used = [field for field in setting_fields() if command == "config" or field.group != "film"]
    assert {field.flag for field in used} <= flags
    assert {"--preset", "--debug"} <= flags


def test_options_that_a_command_does_not_have_are_not_completed():
    assert "--mirror" in in_bash("run", "--mi")
    assert not in_bash("convert", "--mi")


def test_an_option_before_does_not_hide_the_command():
    assert in_bash("run", "--preset", "low-power", "--hold") == {"--hold-s"}


def test_options_without_a_command_are_completed_as_those_of_run():
    assert in_bash("--on-l") == {"--on-lost"}
    assert in_bash("--hold-s", "2", "--on-l") == {"--on-lost"}
    assert "--on-lost" in in_zsh("livecam --avatar fox --on-l")
    assert {"--help", "--version"} <= in_bash("--")


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("--avatar", ""), {*list_avatars()}),
        (("config", ""), {"init", "folders"}),
        (("run", "--tier", ""), {"auto", "light", "full"}),
        (("motion", "render", "--tier", "l"), {"light"}),
        (("bench", "t"), {"tracking"}),
        (("config", "--log-level", "w"), {"warning"}),
        (("ctl", "c"), {"curtain"}),
        (("ctl", "curtain", ""), {"on", "off"}),
        (("ctl", "record", "sta"), {"start"}),
        (("ctl", "avatar", "fo"), {"fox"}),
        (("ctl", "set", "effects.li"), {"effects.lips", "effects.lip_color"}),
        (("ctl", "set", "source."), set()),
        (("ctl", "get", "source.f"), {"source.fps"}),
        (("run", "--preset", ""), {*list_presets()}),
        (("run", "--avatar", ""), {*list_avatars()}),
        (("avatars", "show", ""), {*list_avatars()}),
        (("assets", "fetch", "face"), {"face-landmarker", "face-full-range"}),
    ],
)
def test_values_are_completed(words: tuple[str, ...], values: set[str]):
    assert in_bash(*words) == values


def test_zsh_gets_a_line_of_help_beside_each_command_and_option():
    assert '"run":"Turn the camera into your avatar, live."' in in_zsh("livecam r")
    options = in_zsh("livecam run --").splitlines()
    assert len(options) > len(setting_fields())  # none is broken in two
    assert any('"--fps":"frame rate requested from the camera [30]"' in line for line in options)


def test_help_beside_an_option_is_one_short_line_without_markup():
    assert completion_help("a [red] word\nand more") == "a \\[red] word and more"
    assert len(completion_help("word " * 100)) <= 60


def test_the_script_completes_in_a_real_bash(tmp_path: Path):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    program = tmp_path / "livecam"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m livecam "$@"\n')
    program.chmod(0o755)
    script = asked(_LIVECAM_COMPLETE="source_bash")
    ask = "COMP_WORDS=(livecam run --on-l) COMP_CWORD=2; _livecam_completion livecam"
    done = subprocess.run(
        [bash, "--norc", "-c", f'{script}\n{ask}\necho "${{COMPREPLY[@]}}"; complete -p livecam'],
        env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == "--on-lost"
    assert "-F _livecam_completion" in done.stdout


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/livecam.sh"),
        ("zsh", ".zfunc/_livecam"),
        ("fish", ".config/fish/completions/livecam.fish"),
    ],
)
def test_completion_is_shown_and_installed_for_a_shell(shell: str, file: str, tmp_path: Path):
    environ = os.environ | {
        "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }  # fmt: skip
    livecam = [sys.executable, "-m", "livecam"]
    shown, installed = (
        subprocess.run(
            [*livecam, option, shell], env=environ, capture_output=True, text=True, timeout=60,
            check=True,
        ).stdout
        for option in ("--show-completion", "--install-completion")
    )  # fmt: skip
    assert "_LIVECAM_COMPLETE" in shown
    assert str(tmp_path / file) in installed
    assert (tmp_path / file).read_text().strip() == shown.strip()


def test_settings_are_read_for_the_chosen_command_alone():
    code = (
        "import sys; from livecam.cli.main import execute\n"
        "try: execute([])\n"
        "finally: print('livecam.config.settings' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True,
        env=os.environ | {"_LIVECAM_COMPLETE": "complete_bash", "COMP_WORDS": "livecam r",
                          "COMP_CWORD": "1"},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("run\n", "False\n")

"""What a newcomer types first: options without a command, settings of their own, no devices."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from livecam.cli.main import execute
from livecam.config.assets import State, asset_path, list_assets
from livecam.config.fields import setting_fields
from livecam.config.loader import load_settings
from livecam.config.paths import user_cache_folder, user_file_path
from livecam.core.errors import AssetError, ConfigError, SinkError, SourceError
from livecam.doctor import EXAMINATIONS, Status
from livecam.media.reader import VideoReader
from tests.user_folders import empty_user_folders

MODELS = asset_path("face-landmarker").parent  # before the user's folders are empty ones
CACHE = user_cache_folder().parent  # holds the sample clip, which takes a minute to make
QUICK = ("--source", "pattern", "--avatar", "none", "--no-preview", "--no-virtual-camera",
         "--width", "160", "--height", "120", "--seconds", "0.7")  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders and the current one are empty; the models are here."""
    empty_user_folders(tmp_path, monkeypatch)
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


# What is read, where it goes


def test_the_first_lines_say_what_is_missing_and_who_knows_more(
    logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("livecam.sinks.virtual_camera.available", lambda device: None)
    monkeypatch.setattr("livecam.live.run.decide", lambda asked, refused: "sample")
    assert execute(["--no-preview", "--no-learn", "--avatar", "none", "--seconds", "0.5"]) == 0
    reading, publishing = logged.messages[:2]
    assert reading.startswith("reading built-in sample 1280x720 at 30 fps; no camera was found")
    assert "to out/livecam-demo.mp4 for 0.5 s" in publishing.replace(os.sep, "/")
    assert "no virtual camera was found" in publishing
    assert all("`livecam doctor`" in line for line in (reading, publishing))


def test_what_was_asked_for_is_not_missing(logged: pytest.LogCaptureFixture):
    assert execute(["run", *QUICK, "--record", "a.mp4", "--also-to", "null"]) == 0
    reading, publishing = logged.messages[:2]
    assert reading == "reading test pattern 160x120 at 30 fps"
    assert "to a.mp4 and null, drawn by" in publishing
    assert "doctor" not in publishing


def test_without_an_avatar_none_is_said_to_be_drawn(logged: pytest.LogCaptureFixture):
    assert execute(["run", "--source", "sample", "--avatar", "none", "--no-preview",
                    "--no-virtual-camera", "--also-to", "null", "--seconds", "2"]) == 0  # fmt: skip
    assert not [line for line in logged.messages if "is drawn in the" in line]


def test_each_demo_keeps_the_ones_before(home: Path, logged: pytest.LogCaptureFixture):
    for _ in range(2):
        assert execute(["run", *QUICK]) == 0
    names = {path.name for path in (home / "out").iterdir()}
    assert names == {"livecam-demo.mp4", "livecam-demo-2.mp4"}
    assert "livecam-demo-2.mp4 for 0.7 s" in logged.text


def test_the_frames_of_a_recording_are_those_in_its_file(
    home: Path, logged: pytest.LogCaptureFixture
):
    assert execute(["run", *QUICK, "--record", "a.mp4"]) == 0
    with VideoReader(home / "a.mp4") as film:
        frames = sum(1 for _ in film)
    assert logged.messages[-1] == f"recording a.mp4: {frames / 30:.1f} s, {frames} frames"


# Names and values


def test_a_colour_is_checked_with_the_settings(capsys: pytest.CaptureFixture[str]):
    for command in (["run"], ["convert", "a.mp4", "b.mp4"], ["config"]):
        assert execute([*command, "--lip-color", "red"]) == 2
        assert error_of(capsys) == (
            'error: --lip-color must be a colour such as #b3263f, not "red"'
        )
    assert load_settings(flags={"lip_color": "B3263F"}).settings.effects.lip_color == "B3263F"


@pytest.mark.parametrize(
    "words",
    [
        ("--lut", "nothing", "--lut-strength", "0"),
        ("--stickers", "nothing"),
        ("--background", "nothing"),
        ("--profile", "nobody"),
        ("--source", "nothing.mp4"),
        ("--record", "film.word"),
        ("--record", "film.mp4", "--background", "alpha"),
        ("--accessories", "nothing"),
    ],
    ids=" ".join,
)
def test_a_wrong_name_ends_a_run_before_anything_is_opened(
    words: tuple[str, ...], home: Path, logged: pytest.LogCaptureFixture
):
    assert execute(["run", *QUICK, "--record-motion", "take.jsonl", *words]) in (2, 3, 5)
    assert not logged.messages
    assert list(home.iterdir()) == []


# Settings of one's own


def test_an_initial_settings_file_sets_nothing_and_names_everything(
    home: Path, capsys: pytest.CaptureFixture[str]
):
    assert execute(["config", "init"]) == 0
    path = user_file_path()
    assert capsys.readouterr().out.strip() == str(path)
    text = path.read_text("utf-8")
    assert set().union(*tomllib.loads(text).values()) == set()
    assert all(f"# {field.name} = " in text for field in setting_fields())
    assert set(load_settings(environ={}).origins.values()) == {"default"}


def test_lines_of_the_initial_file_are_valid_without_their_comment_sign(home: Path):
    assert execute(["config", "init"]) == 0
    path = user_file_path()
    names = tuple(f"# {field.name} = " for field in setting_fields())
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(line[2:] if line.startswith(names) else line for line in lines))
    loaded = load_settings(environ={})
    assert loaded.settings == load_settings(environ={}, user_file=home / "none").settings
    assert set(loaded.origins.values()) == {f"file {path}"}


def test_options_of_init_are_set_in_the_file():
    assert execute(["config", "init", "--preset", "beauty", "--fps", "60"]) == 0
    loaded = load_settings(environ={})
    assert loaded.preset == "beauty"
    set_here = [k for k, origin in loaded.origins.items() if origin == f"file {user_file_path()}"]
    assert set_here == ["source.fps"]


def test_init_replaces_no_file_unless_forced(capsys: pytest.CaptureFixture[str]):
    path = user_file_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("broken [")
    assert execute(["config", "init"]) == SinkError.exit_code
    assert "--force" in capsys.readouterr().err
    assert path.read_text() == "broken ["
    assert execute(["config", "init", "--force"]) == 0
    assert "[source]" in path.read_text()


def test_config_marks_what_is_not_the_default(capsys: pytest.CaptureFixture[str]):
    assert execute(["config", "--fps", "30", "--mirror"]) == 0
    lines = capsys.readouterr().out.splitlines()
    chosen = [" ".join(line.split()) for line in lines if line and line[0] not in "#["]
    assert chosen == ["fps = 30.0 # --fps, as the default", "mirror = true # --mirror"]


def test_the_saved_output_of_config_leaves_presets_their_effect(
    capsys: pytest.CaptureFixture[str],
):
    assert execute(["config"]) == 0
    path = user_file_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(capsys.readouterr().out, "utf-8")
    assert load_settings("low-power", environ={}).settings.source.width == 640


def test_an_unknown_word_after_config_is_refused(capsys: pytest.CaptureFixture[str]):
    assert execute(["config", "int"]) == 2
    assert "livecam config init" in capsys.readouterr().err


# Calibration without a camera


def test_the_sample_never_becomes_the_profile_of_the_user(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("livecam.sources.choose.list_cameras", list)
    for words, what in (
        ([], "no camera was found"),
        (["--profile", "me"], "no camera was found"),
        (["--source", "sample"], "must not become your profile"),
        (["--source", "sample-four"], "must not become your profile"),
    ):
        assert execute(["calibrate", *words]) == SourceError.exit_code
        assert what in error_of(capsys)
    assert list(home.rglob("*.json")) == []


# Models


def test_a_missing_model_is_told_by_verify_and_by_the_doctor(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(
        "livecam.config.assets.verify",
        lambda name: State.MISSING if name == "hair" else State.OK,
    )
    assert execute(["assets", "verify"]) == AssetError.exit_code
    assert "hair is missing, livecam works without it" in capsys.readouterr().err
    check = EXAMINATIONS["models"](load_settings(environ={}).settings)
    assert check.status is Status.WARN
    assert check.found.startswith("hair is missing")
    assert "long hair" in check.found


def test_the_doctor_tells_of_complete_models_in_a_short_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("livecam.config.assets.verify", lambda name: State.OK)
    check = EXAMINATIONS["models"](load_settings(environ={}).settings)
    assert check.status is Status.OK
    assert len(check.found) < 80
    assert set(check.facts) == {asset.name for asset in list_assets()}


# Scripts and modules


def test_heads_without_their_extra_are_one_sentence(tmp_path: Path):
    code = "import sys, runpy\nsys.modules['skimage'] = sys.modules['scipy'] = None\n"
    code += "sys.argv = ['x', 'build', 'fox']\n"
    code += "runpy.run_module('livecam.modelling', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: heads are built with a package that is not here: ")
    assert ".[modelling]" in hint


def test_scripts_that_can_be_run_have_the_run_bit(repository: Path):
    for path in sorted(each for each in (repository / "scripts").iterdir() if each.is_file()):
        text = path.read_text("utf-8")
        if not path.suffix or '"__main__"' in text:
            assert text.startswith("#!"), path
            assert sys.platform == "win32" or os.access(path, os.X_OK), path


@pytest.mark.skipif(sys.platform == "win32", reason="a script of bash")
def test_guest_check_refuses_a_folder_without_a_guest(repository: Path, tmp_path: Path):
    def check(python: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [repository / "scripts" / "guest_check", tmp_path],
            env=os.environ | {"PYTHON": python}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    done = check(sys.executable)
    assert done.returncode == 2
    assert done.stderr.endswith(f"{tmp_path} is not the folder of a guest: it holds no run.sh\n")
    done = check(str(tmp_path / "no-python"))
    assert done.returncode == 1
    assert "hint: run scripts/test first" in done.stderr


# Signals


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals of POSIX")
def test_control_c_ends_a_run_that_was_started_in_the_background(home: Path):
    """Shells let a background program ignore SIGINT; `kill -INT` still completes a recording."""
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code += "import os; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    words = ["run", *QUICK, "--record", "a.mp4", "--seconds", "120"]
    running = subprocess.Popen(
        [sys.executable, "-c", code, "-m", "livecam", *words], stderr=subprocess.PIPE, text=True
    )
    while not list(home.glob(".a.unfinished-*")) and running.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.02)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 0, said
    assert (home / "a.mp4").is_file()


def test_an_error_in_a_value_names_where_it_was_set(home: Path):
    file = home / "mine.toml"
    file.write_text('[effects]\nlip_color = "red"\n')
    with pytest.raises(ConfigError, match=r"line 2: effects\.lip_color must be a colour"):
        load_settings(str(file), environ={})

"""The command line, as a program that is started, and as options made from the settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from livecam import __version__
from livecam.audio.microphone import Microphone
from livecam.cli.main import execute
from livecam.config.assets import asset_path
from livecam.config.fields import setting_fields
from livecam.config.presets import list_presets
from livecam.core.errors import AssetError, GraphicsError, LivecamError, SinkError
from livecam.sources.devices import Camera
from tests.user_folders import empty_user_folders

COMMANDS = (
    "run",
    "convert",
    "ctl",
    "doctor",
    "devices",
    "avatars",
    "presets",
    "assets",
    "bench",
    "config",
)
MODELS = asset_path("face-landmarker").parent  # before the user's folders are empty ones
HEAVY = ("numpy", "cv2", "mediapipe", "moderngl", "pydantic", "rich", "av", "glfw")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders are empty ones, and no variable of ours is set."""
    empty_user_folders(tmp_path, monkeypatch)
    return tmp_path


def livecam(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livecam", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_every_command():
    done = livecam("--help")
    assert done.returncode == 0
    assert not done.stderr
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)


def test_without_a_command_the_help_is_shown():
    assert livecam().stdout == livecam("--help").stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from livecam.cli.main import execute; execute(['--help'])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option: str):
    done = livecam(option)
    assert (done.returncode, done.stdout) == (0, f"livecam {__version__}\n")


@pytest.mark.parametrize("command", ["run", "bench", "config"])
def test_every_setting_is_an_option_of(command: str, capsys: pytest.CaptureFixture[str]):
    assert execute([command, "--help"]) == 0
    shown = capsys.readouterr().out
    used = [field for field in setting_fields() if command == "config" or field.group != "film"]
    assert all(f"  {field.flag} " in shown for field in used)
    assert ("--quality" in shown) == (command == "config")  # a live run has none
    assert "\nPrivacy:\n" in shown


def test_an_unknown_option_is_refused_with_the_nearest_one():
    done = livecam("run", "--on-lots", "blur")
    assert done.returncode == 2
    assert not done.stdout
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: no such option: --on-lots")
    assert "--on-lost" in error
    assert hint == "hint: see `livecam run --help`"


def test_an_unknown_command_is_refused_with_the_nearest_one():
    done = livecam("rnu")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no such command 'rnu'")
    assert "'run'" in done.stderr


def test_an_unknown_preset_is_refused_with_the_nearest_one():
    done = livecam("run", "--preset", "zoom-720p")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        'error: no preset is called "zoom-720p" - did you mean "zoom-720p30"?'
    )
    assert "Traceback" not in done.stderr


def test_with_debug_the_traceback_is_shown():
    done = livecam("config", "--preset", "nobody", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "error: no preset" in done.stderr


def test_a_wrong_value_of_an_option_is_refused(capsys: pytest.CaptureFixture[str]):
    assert execute(["config", "--fps", "500"]) == 2
    assert "error: --fps must be a number from 1 to 120, not 500" in capsys.readouterr().err


def test_an_unknown_log_level_is_refused(capsys: pytest.CaptureFixture[str]):
    assert execute(["config", "--log-level", "warn"]) == 2
    assert 'did you mean "warning"?' in capsys.readouterr().err


def test_config_shows_each_value_with_its_origin(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LIVECAM_HOLD_S", "3")
    assert execute(["config", "--json", "--preset", "low-power", "--mirror"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["preset"] == "low-power"
    assert Path(shown["user_file"]).is_relative_to(home)
    assert shown["settings"]["privacy"]["hold_s"] == 3
    assert shown["settings"]["output"]["mirror"] is True
    assert shown["origins"]["privacy.hold_s"] == "LIVECAM_HOLD_S"
    assert shown["origins"]["output.mirror"] == "--mirror"
    assert shown["origins"]["render.tier"] == "preset low-power"
    assert shown["origins"]["source.source"] == "default"


def test_the_output_of_config_is_a_valid_user_file(capsys: pytest.CaptureFixture[str]):
    assert execute(["config", "--json"]) == 0
    user_file = Path(json.loads(capsys.readouterr().out)["user_file"])
    assert execute(["config", "--no-loop", "--source", 'a "quoted" name']) == 0
    user_file.parent.mkdir(parents=True, exist_ok=True)
    user_file.write_text(capsys.readouterr().out, "utf-8")
    assert tomllib.loads(user_file.read_text("utf-8"))["source"]["loop"] is False
    assert execute(["config", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"]["source"]["source"] == 'a "quoted" name'
    assert shown["origins"]["source.loop"] == f"file {user_file}"


def test_presets_are_listed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]):
    assert execute(["presets"]) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in list_presets())
    assert execute(["presets", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(list_presets())
    assert all(row["title_zh"] for row in rows)


def test_a_device_name_with_brackets_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    cameras = [Camera(0, "Cam [red] USB", "/dev/video0")]
    monkeypatch.setattr("livecam.sources.devices.list_cameras", lambda: cameras)
    assert execute(["devices"]) == 0
    assert "Cam [red] USB" in capsys.readouterr().out


def test_microphones_are_listed_with_their_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    there = [Microphone(2, "Desk microphone", usual=True), Microphone(5, "USB headset")]
    monkeypatch.setattr("livecam.audio.microphone.list_microphones", lambda: there)
    assert execute(["devices", "--microphones"]) == 0
    assert "USB headset" in capsys.readouterr().out
    assert execute(["devices", "--microphones", "--json"]) == 0
    assert [row["index"] for row in json.loads(capsys.readouterr().out)] == [2, 5]


@pytest.mark.parametrize("command", ["devices", "avatars"])
def test_lists_are_json_when_asked(command: str):
    done = livecam(command, "--json")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)


def test_accessories_are_listed_with_their_kind():
    rows = {row["name"]: row for row in json.loads(livecam("avatars", "--json").stdout)}
    assert rows["raccoon"]["kind"] == "head"
    assert rows["sunglasses"]["kind"] == "glasses"
    assert rows["sunglasses"]["title_zh"] == "墨镜"


def test_one_broken_avatar_is_named_and_the_others_are_listed(home: Path):
    for data in (home / "livecam", home / "Library" / "Application Support" / "livecam"):
        (data / "avatars" / "mine").mkdir(parents=True)
        (data / "avatars" / "mine" / "avatar.toml").write_text("title = 1", "utf-8")
    done = livecam("avatars", "--json")
    assert done.returncode == 0
    names = {row["name"] for row in json.loads(done.stdout)}
    assert {"raccoon", "sunglasses"} <= names
    assert "mine" not in names
    assert "mine is left out, it is broken:" in done.stderr
    assert "avatar.toml, line 1" in done.stderr


def test_one_broken_preset_is_named_and_the_others_are_listed(home: Path):
    for data in (home / "livecam", home / "Library" / "Application Support" / "livecam"):
        (data / "presets").mkdir(parents=True)
        (data / "presets" / "mine.toml").write_text("fps = nan", "utf-8")
    done = livecam("presets", "--json")
    assert done.returncode == 0
    assert "mine" not in {row["name"] for row in json.loads(done.stdout)}
    assert "mine is left out, it is broken:" in done.stderr
    assert "mine.toml, line 1" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("--background", "gone.png"), ("--stickers", "gone"), ("--lut", "gone.cube")],
)
def test_a_run_does_not_begin_without_its_pictures(words: tuple[str, str]):
    done = livecam("run", "--source", "pattern", "--no-preview", "--seconds", "20", *words)
    assert done.returncode == 2
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_steers_a_terminal_is_not_printed(capsys: pytest.CaptureFixture[str]):
    assert execute(["run", "--preset", "\x1b[2Jx"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_missing_assets_give_exit_code_five_and_valid_json(capsys: pytest.CaptureFixture[str]):
    assert execute(["assets", "verify", "--json"]) == AssetError.exit_code
    states = {row["name"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states["face-landmarker"] == "missing"


def test_assets_are_listed_with_hash_and_places(capsys: pytest.CaptureFixture[str]):
    assert execute(["assets", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(len(row["sha256"]) == 64 and row["places"] for row in rows)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SinkError("the disk is full", "make room"), 3),
        (GraphicsError("no OpenGL", "install a driver"), 4),
        (ValueError("oops"), 1),
    ],
)
def test_an_error_becomes_one_sentence_a_hint_and_its_exit_code(
    error: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    fail_with(error, monkeypatch)
    assert execute(["presets"]) == code
    said = capsys.readouterr()
    message, hint = said.err.splitlines()
    assert message.startswith("error: ")
    assert str(error) in message
    assert hint.startswith("hint: ")
    if isinstance(error, LivecamError):
        assert hint == f"hint: {error.hint}"
    assert not said.out


def test_control_c_ends_quietly_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    fail_with(KeyboardInterrupt(), monkeypatch)
    assert execute(["presets"]) == 130
    said = capsys.readouterr()
    assert not said.out
    assert not said.err.strip()


def test_a_closed_stdout_ends_the_command_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "livecam", "presets", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == b""


def test_titles_that_the_terminal_cannot_encode_do_not_stop_a_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = livecam("avatars")
    assert done.returncode == 0, done.stderr
    assert "raccoon" in done.stdout


def test_output_to_a_file_has_no_colours():
    assert "\x1b" not in livecam("presets").stdout + livecam("run", "--fps", "x").stderr


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("livecam.config.presets.list_presets", fail)


def test_a_stuck_thread_does_not_change_the_exit_code():
    code = (
        "import threading, time, livecam.cli.main as cli\n"
        "def execute(words):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    print('done')\n"
        "    return 3\n"
        "cli.execute = execute\n"
        "import atexit; atexit.register(print, 'Python ended by itself')\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (3, "done\n")


def test_convert_offers_only_the_settings_it_uses():
    text = livecam("convert", "--help").stdout
    assert "--avatar" in text
    assert "--others" in text
    assert "--motion" in text
    for flag in ("--mirror", "--record ", "--on-lost", "--source"):
        assert flag not in text
    assert livecam("convert", "--mirror", "a.mp4", "b.mp4").returncode == 2


def test_a_run_that_can_publish_nothing_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LIVECAM_ASSETS", str(MODELS))
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder")
    words = ("run", "--source", "pattern", "--width", "160", "--height", "120", "--no-preview")
    done = livecam(*words, "--no-virtual-camera", "--record", str(nowhere / "x.mp4"))
    assert done.returncode == SinkError.exit_code
    assert "error:" in done.stderr


def test_an_unknown_tracker_or_filter_is_refused_before_anything_is_opened():
    for flag, word in (("--tracker", "mediapip"), ("--filter", "kalmann")):
        done = livecam("run", flag, word, "--source", "pattern")
        assert done.returncode == 2
        assert "did you mean" in done.stderr
        assert "recording" not in done.stderr


def test_an_unknown_command_points_to_the_help_that_exists():
    assert "`livecam --help`" in livecam("foo").stderr

"""Every command that a document prints works as it is printed: the tests type it.

Commands in blocks run in a folder of their own, with small films and a take under the names that
the documents use; `SHORT` makes them short. Commands within sentences name parts of a command:
its help must know their words and options. So must it for the commands in hints and help texts.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from livecam.cli.main import build_app, execute
from livecam.config.assets import asset_folder
from livecam.config.paths import user_runtime_folder
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.frame import Frame, Image
from livecam.core.library_log import LIBRARY_LINES
from livecam.media.images import write_image
from livecam.media.writer import VideoWriter
from livecam.motion.take import TakeWriter
from livecam.sources.sample_clip import sample_clip
from tests.control_target import served
from tests.display import private_display
from tests.fetched import asset_or_skip
from tests.test_documents import REPOSITORY, prose
from tests.user_folders import clear_variables

MODELS = asset_folder()  # before the user's folders are empty ones
DOCUMENTS = sorted({*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")})
DOCUMENTS.remove(REPOSITORY / "CHANGELOG.md")  # it also tells what once was wrong
OURS = ("livecam", "scripts/run")
# What makes a command of a block short; an option that the line has itself is not given twice.
SHORT = {
    "run": "--seconds 0.3 --tier light",
    "convert": "--tier light",
    "batch": "--tier light --jobs 1",
    "avatars sheet": "--tier light",
    "avatars show": "--seconds 0.1 --tier light",
    "motion render": "--tier light",
}
# Commands of blocks that are parsed only, and the reason.
NOT_TYPED = {
    r"--mouth\b": "needs a microphone",
    r"--listen 192\.": "needs that address, and a phone",
    r"^sudo (apt|modprobe) ": "needs root, a network and a kernel module",
    r"^pipx install ": "needs a network",
    r"^pre-commit ": "runs a program that is not ours, over the whole checkout",
    r"^source ": "is the shell's own",
    r"^(scripts/test|pytest)\b": "runs the tests, of which this is one",
    r"^python -m livecam\.modelling build ": "takes half a minute, and writes into the checkout",
    r"^python scripts/make_gallery\.py": "takes minutes, and writes into the checkout",
}
# Options of livecam itself; with others and without a command, it is `livecam run`.
TOP = ("--help", "-h", "--version", "-V", "--install-completion", "--show-completion")


def blocks(text: str) -> list[str]:
    """The commands in the blocks of a document, one a line."""
    bodies = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    lines = (shlex.join(shlex.split(line, comments=True)) for line in "".join(bodies).splitlines())
    return [line for line in lines if line]


def sentences(document: Path) -> list[str]:
    """The commands within the sentences of a document."""
    start = r"(?:livecam|scripts/\w+(?:\.py)?|pip|uv|python|pytest)"
    return re.findall(rf"`({start}(?: [^`\n]+)?)`", prose(document))


def hints() -> set[str]:
    """The commands in hints, remedies and help texts of the package."""
    found: set[str] = set()
    for path in (REPOSITORY / "livecam").rglob("*.py"):
        found |= set(re.findall(r"`(livecam [^`\n{]+)`", path.read_text("utf-8")))
        found |= set(re.findall(r'"(livecam [^"\n{]+)"', path.read_text("utf-8")))
    return {line for line in found if line.split()[1] in commands()}


@cache
def commands() -> dict[str, tuple[str, ...]]:
    """The names of the commands, each with those of its own commands."""
    app = build_app()
    groups = {
        group.name: tuple(each.name for each in group.typer_instance.registered_commands)
        for group in app.registered_groups
    }
    return {each.name: () for each in app.registered_commands} | groups


TYPED = sorted({line for document in DOCUMENTS for line in blocks(document.read_text("utf-8"))})
NAMED = sorted({line for document in DOCUMENTS for line in sentences(document)} - set(TYPED))


def reason_not_to_type(line: str) -> str:
    return next((why for pattern, why in NOT_TYPED.items() if re.search(pattern, line)), "")


def words_for_livecam(line: str) -> list[str]:
    """The arguments that a line gives to livecam."""
    program, *words = shlex.split(line)
    return words or (["run"] if program == "scripts/run" else [])


def command_of(words: list[str]) -> list[str]:
    """The first one or two words, which name a command."""
    if not words or words[0].startswith("-"):
        return ["run"] if words and words[0] not in TOP else []
    own = commands().get(words[0], ())
    return words[: 2 if len(words) > 1 and words[1] in own else 1]


def made_short(words: list[str]) -> list[str]:
    extra = shlex.split(SHORT.get(" ".join(command_of(words)), ""))
    pairs = zip(extra[::2], extra[1::2], strict=True)
    return words + [word for pair in pairs if pair[0] not in words for word in pair]


@pytest.fixture(scope="module")
def material(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reader has: films, and a take."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "clips").mkdir()
    for name in ("holiday.mp4", "ad.mp4", "a.mp4", "clips/one.mp4"):
        with VideoWriter(folder / name, 512, 512, 10) as writer:
            for index in range(4):
                writer.write(Frame(portrait, index, index / 10))
    write_image(folder / "me.jpg", portrait)
    (folder / "plan.toml").write_text('output = "plan"\n[[items]]\ninput = "clips/one.mp4"\n')
    (folder / "plan.csv").write_text("input,output\nclips/one.mp4,plan/two.mp4\n")
    take = TakeWriter(folder / "take.jsonl")
    for index in range(10):
        pose = FacePose(np.array((0.0, 0.02, -0.6)), np.array((0.0, 0.0, 0.0, 1.0)))
        weights = np.zeros(len(EXPRESSIONS), np.float32)
        take.observe(FaceState(pose, weights, 1.0, index / 10), index / 10)
    take.close()
    return folder


@pytest.fixture
def desk(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to type in, of a user with the models alone: no devices, no display, no settings."""
    for model in ("face-landmarker", "portrait"):
        asset_or_skip(model)
    sample = sample_clip()
    desk = shutil.copytree(material, tmp_path / "desk")
    clear_variables(monkeypatch)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIVECAM_ASSETS", str(MODELS))
    (tmp_path / "livecam").mkdir()
    (tmp_path / "livecam" / sample.name).symlink_to(sample)
    # A film in place of a camera: the developer's own stays shut, and calibrate refuses the sample.
    monkeypatch.setenv("LIVECAM_SOURCE", str(sample))
    monkeypatch.setattr("livecam.sources.devices.list_cameras", list)
    monkeypatch.setattr("livecam.sinks.virtual_camera.available", lambda device="": None)
    monkeypatch.chdir(desk)
    return desk


@contextmanager
def controlled_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run that `livecam ctl` finds and that does nothing; tests/test_ctl.py has real ones."""
    with tempfile.TemporaryDirectory(prefix="livecam-") as session:
        monkeypatch.setenv("XDG_RUNTIME_DIR", session)
        with served(user_runtime_folder()):
            yield


@pytest.fixture
def display(desk: Path) -> Iterator[str]:
    with private_display() as name:
        yield name


def in_a_window(line: str) -> bool:
    return "avatars show" in line and "--png" not in line


@pytest.mark.parametrize(
    "line", [line for line in TYPED if not reason_not_to_type(line) and not in_a_window(line)]
)
def test_a_command_in_a_block_works(desk: Path, line: str, monkeypatch: pytest.MonkeyPatch):
    assert shlex.split(line)[0] in OURS, "say in NOT_TYPED why it cannot be typed"
    if "--record-motion" in line:
        (desk / "take.jsonl").unlink()
    words = made_short(words_for_livecam(line))
    with controlled_run(monkeypatch) if words[:1] == ["ctl"] else nullcontext():
        assert execute(words) == 0


@pytest.mark.parametrize("line", [line for line in TYPED if in_a_window(line)])
def test_a_command_in_a_block_opens_a_window(display: str, line: str):
    assert execute(made_short(words_for_livecam(line))) == 0


PARSED = [line for line in TYPED if reason_not_to_type(line)]
PARSED += [line for line in NAMED if line.split()[0] not in OURS]


@pytest.mark.parametrize("line", PARSED)
def test_a_command_that_is_not_typed_can_be_parsed(desk: Path, line: str):
    subprocess.run(["bash", "-n", "-c", line], check=True)
    program, *words = shlex.split(line)
    if program in OURS:
        words = words_for_livecam(line)
        settings = words if words[0].startswith("-") else words[1:]
        assert execute(["config", *settings]) == 0
    paths = [word for word in words if re.search(r"\.py$", word)]
    assert all((REPOSITORY / path).is_file() for path in paths)
    if "-m" in words:
        assert find_spec(words[words.index("-m") + 1])


@pytest.mark.parametrize("pattern", NOT_TYPED)
def test_what_is_not_typed_is_still_printed(pattern: str):
    assert any(re.search(pattern, line) for line in TYPED)


@pytest.mark.parametrize("line", [line for line in NAMED if line.split()[0] in OURS])
def test_a_command_in_a_sentence_is_known_to_its_help(
    desk: Path, line: str, capsys: pytest.CaptureFixture[str]
):
    check_names(words_for_livecam(line), capsys)


def test_the_commands_in_hints_are_known_to_their_help(
    desk: Path, capsys: pytest.CaptureFixture[str]
):
    assert len(hints()) > 10
    for line in hints():
        check_names(words_for_livecam(line), capsys)


def check_names(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Checks that a command exists, and has the options that are named with it."""
    command = command_of(words)
    assert not command or command[0] in commands()
    assert execute([*command, "--help"]) == 0
    options = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", capsys.readouterr().out))
    assert {word for word in words if word.startswith("-")} <= options
    if command and commands()[command[0]] and len(words) > len(command):
        assert len(command) == 2, f"`{words[0]}` has no command `{words[1]}`"


SCRIPTS = sorted({word for line in TYPED + NAMED for word in line.split() if "scripts/" in word})


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_is_named_can_be_started(script: str):
    path = REPOSITORY / script
    assert path.is_file()
    if path.suffix != ".py" or script in NAMED:
        assert os.access(path, os.X_OK)
        assert path.read_text("utf-8").startswith("#!")


@pytest.mark.parametrize("line", [line for line in NAMED if re.match(r"scripts/\S+\.py -", line)])
def test_a_script_has_the_options_that_are_named_with_it(line: str):
    script, *words = line.split()
    command = [sys.executable, str(REPOSITORY / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(word in done.stdout for word in words if word.startswith("-"))


@pytest.mark.parametrize(
    "line", ["livecam run --source sample --seconds 0.5", "livecam convert a.mp4 b.mp4"]
)
def test_a_program_prints_no_line_of_a_library(desk: Path, line: str):
    done = subprocess.run(
        [sys.executable, "-m", *line.split(), "--tier", "light"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        check=True,
    )
    assert done.stderr
    assert not re.search("|".join(f"^{each}" for each in LIBRARY_LINES), done.stderr, re.MULTILINE)

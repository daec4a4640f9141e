"""Builds the wheel, installs it elsewhere, and runs it from there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import livecam

SHIPPED = ("shaders", "avatars", "presets")


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=repository)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with livecam in it and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def run(*command: object, cwd: Path | None = None, path: Path | None = None) -> str:
    env = dict(os.environ)
    if path is not None:
        env["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_there(installed: Path, code: str) -> str:
    return run(sys.executable, "-c", code, cwd=installed, path=installed).strip()


def test_the_wheel_contains_all_data_files(wheel: Path, repository: Path):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for kind in SHIPPED:
        files = [path for path in (repository / kind).rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert f"livecam/_data/{path.relative_to(repository)}" in inside
    assert "livecam/config/assets.toml" in inside
    assert "livecam/py.typed" in inside
    assert not [name for name in inside if name.startswith(("tests/", "scripts/"))]


def test_an_installed_livecam_prints_its_version(installed: Path):
    said = run(sys.executable, "-m", "livecam", "--version", cwd=installed, path=installed)
    assert livecam.__version__ in said


def test_an_installed_livecam_has_its_avatars_shaders_and_presets(installed: Path):
    code = (
        "import livecam; from livecam.avatar.library import load_avatar; "
        "from livecam.config.presets import list_presets; "
        "from livecam.config.paths import shipped_folder; "
        "print(livecam.__file__); print(load_avatar('raccoon').folder); "
        "print(shipped_folder('shaders')); print(len(list_presets()))"
    )
    *places, presets = run_there(installed, code).splitlines()
    assert all(Path(place).is_relative_to(installed) for place in places)
    assert int(presets) >= 1


def test_an_installed_livecam_loads_every_accessory(installed: Path, repository: Path):
    code = (
        "from livecam.avatar.accessories import list_accessories, load_accessory; "
        "from livecam.avatar.library import list_avatars; "
        "print(*list_avatars()); print(*list_accessories()); "
        "assert all(load_accessory(name).meshes for name in list_accessories())"
    )
    avatars, worn = (set(line.split()) for line in run_there(installed, code).splitlines())
    folder = repository / "avatars"
    assert avatars == {path.parent.name for path in folder.glob("*/avatar.toml")}
    assert worn == {path.parent.name for path in folder.glob("accessories/*/item.toml")}


def test_an_installed_livecam_knows_its_assets(installed: Path):
    code = "from livecam.config.assets import list_assets; print(*(a.name for a in list_assets()))"
    assert "face-landmarker" in run_there(installed, code)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_pin_hash_and_name_no_place(repository: Path, lock: str):
    text = (repository / lock).read_text()
    assert not re.search(r"https?:|--index-url|--find-links|file:", text)
    for entry in re.split(r"\n(?=\w)", text):
        if not entry.startswith("#"):
            assert re.match(r"[\w.-]+==\S+", entry), entry[:60]
            assert "--hash=sha256:" in entry, entry[:60]


def test_the_locks_hold_every_dependency(repository: Path):
    import tomllib

    project = tomllib.loads((repository / "pyproject.toml").read_text())
    names = [re.split(r"[<>=!~]", need)[0] for need in project["project"]["dependencies"]]
    for lock in ("requirements.lock", "requirements-dev.lock"):
        pinned = re.findall(r"^([\w.-]+)==", (repository / lock).read_text(), re.MULTILINE)
        assert set(names) <= set(pinned)


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test", ".ci/run"])
def test_scripts_can_be_started(repository: Path, script: str):
    path = repository / script
    assert os.access(path, os.X_OK)
    run("bash", "-n", path)

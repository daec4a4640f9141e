"""A shared library that the system lacks is named together with Debian's packages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.core.system_libraries import DEBIAN_PACKAGES, INSTALL_HINT, missing_library

# An import of one module fails with the words of the dynamic loader.
BROKEN = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            words = f"{sys.argv[2]}: cannot open shared object file: No such file or directory"
            raise ImportError(words, name=name)
sys.meta_path.insert(0, Broken())
from livecam.cli.main import execute
sys.exit(execute(sys.argv[3:]))
"""
LIBRARIES = {
    "cv2": "libgthread-2.0.so.0",
    "av": "libxcb.so.1",
    "moderngl": "libGL.so.1",
    "mediapipe": "libGLESv2.so.2",
}


def livecam_without(module: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BROKEN, module, LIBRARIES[module], *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.parametrize("module", LIBRARIES)
def test_a_command_names_the_library_and_the_packages(module: str, tmp_path: Path):
    done = livecam_without(module, "run", "--source", "sample", "--seconds", "1", cwd=tmp_path)
    assert done.returncode == 1
    error, hint = done.stderr.strip().splitlines()[-2:]
    assert error == (
        f"error: the Python package {module} needs {LIBRARIES[module]}, which is not here"
    )
    assert hint == "hint: " + INSTALL_HINT.format(packages=" ".join(DEBIAN_PACKAGES))


def test_the_doctor_names_them_and_fails_the_packages(tmp_path: Path):
    done = livecam_without("cv2", "doctor", cwd=tmp_path)
    assert done.returncode == 1
    packages, remedy = re.search(r"^(fail  packages .*)\n(.*)$", done.stdout, re.M).groups()
    assert "libgthread-2.0.so.0" in packages
    assert "libglib2.0-0" in remedy
    assert "report it" not in done.stdout


def test_help_and_version_need_no_library(tmp_path: Path):
    for word in ("--help", "--version", "presets", "devices"):
        assert livecam_without("cv2", word, cwd=tmp_path).returncode == 0


def test_the_cause_of_another_error_counts():
    try:
        try:
            raise OSError("libportaudio.so.2: cannot open shared object file: No such file")
        except OSError as error:
            raise RuntimeError("no sound") from error
    except RuntimeError as error:
        found = missing_library(error)
    assert found
    assert found.message == "a Python package needs libportaudio.so.2, which is not here"


@pytest.mark.parametrize(
    "error",
    [ImportError("No module named 'cv2'"), OSError(2, "x.mp4"), ValueError("libGL.so.1: cannot")],
)
def test_other_errors_are_left_alone(error: Exception):
    assert missing_library(error) is None


def test_the_script_installs_the_same_packages(repository: Path):
    text = (repository / "scripts" / "setup.sh").read_text("utf-8")
    found = re.search(r"^system_packages=\((.*)\)$", text, re.MULTILINE)
    assert found
    assert tuple(found[1].split()) == DEBIAN_PACKAGES


def test_no_hint_names_another_package(repository: Path):
    named: set[str] = set()
    for path in (repository / "livecam").rglob("*.py"):
        for words in re.findall(r"apt(?:-get)? install ([\w. -]+)", path.read_text("utf-8")):
            named |= set(words.split())
    assert named
    assert named <= {*DEBIAN_PACKAGES, "v4l2loopback-dkms"}

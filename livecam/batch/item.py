"""One film or photo of a batch, and what tells whether its result is up to date."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from livecam.config.fields import film_fields
from livecam.config.paths import user_data_folder
from livecam.config.settings import Settings
from livecam.storage.place import Place


@dataclass(frozen=True)
class Item:
    """A film or photo to convert, with its own settings."""

    source: Place
    output: Place
    settings: Settings
    strict: bool = False
    pass_unsure: bool = False
    origin: str = ""  # "PATH, line N" where a plan file names it

    @property
    def name(self) -> str:
        return self.source.name

    @cached_property
    def settings_sha256(self) -> str:
        """The sha256 of all that decides what becomes of the film.

        A file or folder that a setting names counts by its content, so that it is the same on
        another machine only if they have the same.
        """
        values = {field.key: field.value(self.settings) for field in film_fields()}
        decisive = {
            "settings": values,
            "files": [sha256_of_files(path) for path in files_named_by(self.settings)],
            "strict": self.strict,
            "pass_unsure": self.pass_unsure,
            "ending": self.output.suffix.lower(),
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def files_named_by(settings: Settings) -> Iterator[Path]:
    """Yields the files and folders that settings name: by a path, or of the user by a name."""
    own = user_data_folder()
    folders = [own / kind for kind in sorted(os.listdir(own))] if own.is_dir() else []
    for text in _free_texts(settings):
        for path in (Path(text).expanduser(), *(folder / text for folder in folders)):
            if path.exists():
                yield path


def sha256_of_files(path: Path) -> str:
    """Computes the sha256 of a file, or of all files in a folder; not of what Python compiled."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        if each.is_file() and "__pycache__" not in each.parts:
            digest.update(f"{each.relative_to(path).as_posix()}\0".encode())
            digest.update(each.read_bytes())
    return digest.hexdigest()


def _free_texts(settings: Settings) -> Iterator[str]:
    for field in film_fields():
        value = field.value(settings)
        texts = value if isinstance(value, tuple | list) else (value,)
        if not field.choices:
            yield from (text for text in texts if isinstance(text, str) and text)

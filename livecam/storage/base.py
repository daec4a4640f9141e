"""What the kinds of storage have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

CHUNK = 8 << 20  # bytes of a part or a range; S3 takes parts of 5 MiB or more

# Gets the bytes done, and of how many where that is known. It may raise KeyboardInterrupt.
Progress = Callable[[int, int | None], None]


def ignore_progress(done: int, size: int | None) -> None:
    """Does nothing."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a storage says of a file, or of a folder in it."""

    name: str
    size: int | None  # bytes; some web servers do not say it
    version: str = ""  # changes when the content does; empty where the storage says nothing
    is_folder: bool = False


class StoredFile(Protocol):
    """One file, or folder, of a storage.

    Each method raises what the library underneath raises; FileNotFoundError where nothing is.
    """

    def info(self) -> FileInfo: ...

    def entries(self) -> list[FileInfo]:
        """Lists the files and folders in this folder."""

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Opens the file for reading, from the beginning to the end."""

    def check_writable(self) -> None:
        """Finds out whether the file can be written, and leaves nothing behind."""

    def write(self, content: bytes, *, owner_only: bool) -> None:
        """Replaces the file as a whole."""

    def take(self, local: Path, on_progress: Progress) -> None:
        """Replaces the file as a whole by another one, which is gone afterwards."""

    def remove(self) -> None:
        """Removes the file, if it is there."""

"""Files on disks of this machine, and on those it has mounted."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from livecam.core.end_signals import checkpoint
from livecam.core.hidden_file import replaced_file
from livecam.core.places import check_place, check_space
from livecam.storage.base import CHUNK, FileInfo, Progress


class DiskFile:
    """A file or folder on a disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def info(self) -> FileInfo:
        return _info(self._path)

    def entries(self) -> list[FileInfo]:
        found = []
        for path in self._path.iterdir():
            with suppress(FileNotFoundError):  # it has just gone, or is a link to nothing
                found.append(_info(path))
        return found

    def opened(self) -> IO[bytes]:
        return self._path.open("rb")

    def check_writable(self) -> None:
        check_place(self._path)

    def write(self, content: bytes, *, owner_only: bool) -> None:
        self._path.parent.mkdir(0o700 if owner_only else 0o777, parents=True, exist_ok=True)
        with replaced_file(self._path, 0o600 if owner_only else 0o666) as file:
            file.write(content)

    def take(self, local: Path, on_progress: Progress) -> None:
        size = local.stat().st_size
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(local, self._path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(local, size, on_progress)
            local.unlink()
        on_progress(size, size)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _copy(self, local: Path, size: int, on_progress: Progress) -> None:
        check_space(self._path, size)
        with local.open("rb") as source, replaced_file(self._path) as target:
            while chunk := source.read(CHUNK):
                checkpoint()
                on_progress(target.tell(), size)
                target.write(chunk)


def _info(path: Path) -> FileInfo:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        return FileInfo(path.name, 0, is_folder=True)
    return FileInfo(path.name, found.st_size, f"{found.st_size}-{found.st_mtime_ns}")

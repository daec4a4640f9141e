"""The address of a file or folder: on a disk, in a bucket of S3 or on a web server.

    /films/a.mp4   C:\\films\\a.mp4   file:///films/a.mp4   s3://bucket/films/a.mp4
    https://host/a.mp4 (read only)

Names are meant as they are written: nothing is decoded, except in addresses of web servers.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from livecam.core.end_signals import checkpoint
from livecam.core.errors import SinkError, SourceError, UsageError
from livecam.core.hidden_file import replaced_file
from livecam.core.places import check_space, free_bytes
from livecam.storage.base import CHUNK, FileInfo, Progress, StoredFile, ignore_progress
from livecam.storage.disk import DiskFile
from livecam.storage.faults import MISSING, fault_of, told
from livecam.storage.remote import S3, SCHEMES, WEB, RemoteFile

# Two letters or more: `C:` is a disk of Windows.
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
LOCAL = ("file", "local")
URL_PUNCTUATION = "%/:?#[]@!$&'()*+,;=-._~"  # RFC 3986; all else is encoded
OBJECT_VERSION = "?versionId="  # s3fs would read and write the object without it
MAX_READ_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where a file or folder is; `place_of` makes it. It can be sent to other processes.

    As text it shows no password and no query, which may be a key: show `str(place)`, keep
    `address` to yourself.
    """

    address: str  # a local one is an absolute path

    def __str__(self) -> str:
        if not self.has_secrets:
            return self.address
        url = urlsplit(self.address)
        host = url.netloc.rpartition("@")[2]
        return urlunsplit(url._replace(netloc=host, query="..." if url.query else ""))

    def __repr__(self) -> str:
        return f"Place({str(self)!r})"

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk of this machine."""
        return not self._scheme

    @property
    def local_path(self) -> Path | None:
        """The path of a local file or folder; None elsewhere."""
        return Path(self.address) if self.is_local else None

    @property
    def has_secrets(self) -> bool:
        """Whether the address may contain a password or a key."""
        return self._scheme in WEB and bool(set("@?") & set(self.address))

    @property
    def name(self) -> str:
        """The last part; that of a web address is decoded."""
        return Path(self.address).name if self.is_local else self._path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Place:
        """The folder; of the topmost folder itself."""
        if self.is_local:
            return Place(str(Path(self.address).parent))
        above = self._path.rpartition("/")[0]
        return self._at(above or self._path)

    def child(self, name: str) -> Place:
        """Returns the place of that name in this folder.

        Raises:
            UsageError: it is no name of a file: it would be somewhere else.
        """
        parts = PurePath(name).parts if self.is_local else tuple(name.split("/"))
        if parts != (name,) or name in (".", "..", "") or "\0" in name:
            raise UsageError('"{name}" is no name of a file', "choose another name", name=name)
        if self.is_local:
            return Place(str(Path(self.address) / name))
        return self._at(f"{self._path.rstrip('/')}/{name}" if self._path else name)

    def joined(self, text: str) -> Place:
        """Returns the place of an address that may be relative to this folder.

        Raises:
            UsageError: it is no address.
        """
        if ADDRESS.fullmatch(text) or os.path.isabs(text) or not text:
            return place_of(text) if text else self
        if self.is_local:
            return place_of(os.path.join(self.address, text))
        path = posixpath.normpath(f"{self._path}/{text}")
        if path.startswith(("..", "/")) or path == ".":
            raise UsageError(
                "{address} is outside of {place}", "name another", address=text, place=self
            )
        return self._at(path)

    def info(self) -> FileInfo:
        """Returns size and version of a file, or that it is a folder.

        Raises:
            SourceError: it is not there, or the storage cannot be asked.
        """
        with told(self, SourceError):
            return self._file.info()

    def exists(self) -> bool:
        """Returns whether there is a file or folder.

        Raises:
            SourceError: the storage cannot be asked.
        """
        return self._find() is not None

    def is_folder(self) -> bool:
        """Returns whether it is a folder that can be listed; that of a web server cannot.

        Raises:
            SourceError: the storage cannot be asked.
        """
        if self._scheme in WEB:
            return False
        found = self._find()
        return found is not None and found.is_folder

    def size(self) -> int | None:
        """Returns the bytes of a file; None if a web server does not tell.

        Raises:
            SourceError: as `info`.
        """
        return self.info().size

    def version(self) -> str:
        """Returns something short that changes when the content does; empty if nothing tells.

        Raises:
            SourceError: as `info`.
        """
        return self.info().version

    def entries(self) -> list[FileInfo]:
        """Lists the files and folders in this folder, by name; not what is below them.

        Raises:
            SourceError: it is no folder, or cannot be listed.
        """
        with told(self, SourceError):
            return sorted(self._file.entries(), key=lambda entry: entry.name)

    def names(self) -> list[str]:
        """Lists the names of the files in this folder.

        Raises:
            SourceError: as `entries`.
        """
        return [entry.name for entry in self.entries() if not entry.is_folder]

    def sha256(self) -> str:
        """Reads the whole file and returns its sha256, in hexadecimal digits.

        Raises:
            SourceError: it cannot be read.
            KeyboardInterrupt: a signal asked for the end.
        """
        digest = hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def read_bytes(self, most: int = MAX_READ_BYTES) -> bytes:
        """Reads a file of at most so many bytes.

        Raises:
            SourceError: it cannot be read, or is larger.
        """
        content = bytearray()
        for chunk in self._chunks():
            content += chunk
            if len(content) > most:
                raise SourceError("{place} is larger than {most} bytes", place=self, most=most)
        return bytes(content)

    def download(self, to: Path, on_progress: Progress = ignore_progress) -> None:
        """Copies a file to a disk; there it appears whole or not at all.

        Raises:
            SourceError: it cannot be read, or did not arrive whole.
            SinkError: it cannot be written there, or the disk is too small.
            KeyboardInterrupt: a signal asked for the end.
        """
        size = self.size()
        check_space(to, size or 0)
        with told(place_of(os.fspath(to)), SinkError), replaced_file(to) as file:
            for chunk in self._chunks():
                file.write(chunk)
                on_progress(file.tell(), size)
            if size is not None and file.tell() != size:
                raise SourceError(
                    "{came} of {size} bytes arrived from {place}",
                    hint="try again",
                    place=self, came=file.tell(), size=size,
                )  # fmt: skip

    def check_writable(self) -> None:
        """Finds out whether a file can be written here, and leaves nothing behind.

        Raises:
            SinkError: it cannot.
        """
        with told(self, SinkError):
            self._file.check_writable()

    def write_bytes(self, content: bytes, *, owner_only: bool = False) -> None:
        """Writes a file; it appears whole or not at all, and replaces one that is there.

        Folders that are missing are made. With `owner_only` no other user of this machine can
        read the file, nor the folder that was made for it; a bucket decides that itself.

        Raises:
            SinkError: it cannot be written.
        """
        with told(self, SinkError):
            self._file.write(content, owner_only=owner_only)

    def upload(self, local: Path, on_progress: Progress = ignore_progress) -> None:
        """Moves a file of a disk here; it appears whole or not at all, and replaces one there.

        On the same disk it is renamed. After an error it is still where it was.

        Raises:
            SinkError: it cannot be written.
            KeyboardInterrupt: a signal asked for the end.
        """
        with told(self, SinkError):
            self._file.take(local, on_progress)

    def remove(self) -> None:
        """Removes the file, if it is there.

        Raises:
            SinkError: it cannot be removed.
        """
        with told(self, SinkError):
            self._file.remove()

    def free_bytes(self) -> int | None:
        """Returns how much room is left on the disk; None where nobody tells."""
        return free_bytes(Path(self.address)) if self.is_local else None

    @property
    def _scheme(self) -> str:
        found = ADDRESS.fullmatch(self.address)
        return found[1] if found else ""

    @property
    def _path(self) -> str:
        """What follows the scheme, without what is no path; decoded for web servers."""
        if self._scheme in WEB:
            return unquote(urlsplit(self.address).path).rstrip("/")
        return self.address.partition("://")[2]

    def _at(self, path: str) -> Place:
        """Returns another place of the same storage."""
        if self._scheme in WEB:
            url = urlsplit(self.address)
            return Place(f"{url.scheme}://{url.netloc}{quote(path)}")
        if self._scheme in S3:
            _check_bucket(path)
        return Place(f"{self._scheme}://{path}")

    @property
    def _file(self) -> StoredFile:
        return DiskFile(Path(self.address)) if self.is_local else RemoteFile(self.address)

    def _find(self) -> FileInfo | None:
        """Returns what is there; None if nothing is."""
        with told(self, SourceError):
            try:
                return self._file.info()
            except Exception as error:
                if fault_of(error) is not MISSING:
                    raise
        return None

    def _chunks(self) -> Iterator[bytes]:
        with told(self, SourceError), self._file.opened() as stream:
            while chunk := stream.read(CHUNK):
                checkpoint()
                yield chunk


def place_of(text: str) -> Place:
    """Returns the place of an address, or of a path.

    Raises:
        UsageError: it is no address, or of a kind that livecam does not read.
    """
    if not text.strip() or "\0" in text:
        raise UsageError('"{address}" is no address', "name a file or a folder", address=text)
    found = ADDRESS.fullmatch(text)
    scheme, rest = (found[1].lower(), found[2]) if found else ("", text)
    if not scheme or (scheme in LOCAL and rest):
        return Place(os.path.abspath(rest if os.name != "nt" else re.sub("^/(?=.:)", "", rest)))
    if scheme not in SCHEMES:
        raise UsageError(
            "livecam reads and writes no {scheme}:// addresses",
            hint="name a path, or an address with s3://, http:// or https://",
            scheme=scheme,
        )
    if scheme in WEB:
        return _web_place(f"{scheme}://{quote(rest, safe=URL_PUNCTUATION)}")
    if scheme in S3:
        _check_bucket(rest)
    return Place(f"{scheme}://{rest.strip('/')}")


def _web_place(address: str) -> Place:
    try:
        url = urlsplit(address)
        if url.hostname and url.port != 0:
            return Place(urlunsplit(url._replace(fragment="")))
    except ValueError:  # a port that is no number, a bracket that does not close
        pass
    raise UsageError(
        "an address with {scheme}:// names no server", "check it", scheme=address.partition(":")[0]
    )


def _check_bucket(rest: str) -> None:
    """Refuses names that s3fs would understand in another way than they are meant."""
    bucket = rest.partition("/")[0]
    if "@" in bucket:
        raise UsageError(
            "an address with s3:// holds no credentials",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if not bucket:
        raise UsageError(
            '"{address}" is no address',
            "write it like s3://BUCKET/FOLDER/NAME",
            address=f"s3://{rest}",
        )
    if OBJECT_VERSION in rest:
        raise UsageError("older versions of an object cannot be named", "name the object alone")

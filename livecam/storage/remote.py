"""Files on other machines, through fsspec: S3 and compatible servers, web servers.

Credentials and the address of the server come from where users of fsspec and AWS have them: the
environment (`AWS_...`, `AWS_ENDPOINT_URL`, `FSSPEC_...`), `~/.aws` and `~/.config/fsspec`.

fsspec is not asked to write: it makes an object of what it has when an error ends the writing
(the end of a `with` commits), or holds 500 MB in memory. Here parts are sent one after the other.
"""

from __future__ import annotations

import logging
import mimetypes
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from livecam.core.end_signals import checkpoint
from livecam.storage.base import CHUNK, FileInfo, Progress, ignore_progress

log = logging.getLogger(__name__)

S3 = ("s3", "s3a")
WEB = ("http", "https")
MEMORY = "memory"  # of this process: for tests
SCHEMES = (*S3, *WEB, MEMORY)
MAX_PARTS = 10_000  # of an object in S3
ANSWER_S = 60  # that a server may take; s3fs's 15 are too few for a part on a slow line
METADATA_SWITCH = "AWS_EC2_METADATA_DISABLED"
# What tells that content changed, by the names that file systems of fsspec give it.
VERSIONS = ("ETag", "Content-MD5", "LastModified", "Last-Modified", "created")


class RemoteFile:
    """A file or folder on another machine.

    Hold it only as long as it is used: fsspec's file systems belong to one process.

    Raises:
        ImportError: the package for this kind of address is missing.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._scheme = address.partition("://")[0]
        self._files = _file_system(self._scheme)

    def info(self) -> FileInfo:
        return _info(self._files.info(self._address))

    def entries(self) -> list[FileInfo]:
        if self._scheme in WEB:
            raise NotADirectoryError("folders of web servers cannot be listed")
        path = self._address.partition("://")[2]
        found = self._files.ls(self._address, detail=True)
        if any(each["name"].lstrip("/") == path and each["type"] == "file" for each in found):
            raise NotADirectoryError(path)
        return [_info(each) for each in found if not each["name"].endswith("/")]  # else a marker

    def opened(self) -> IO[bytes]:
        # From web servers as one stream: those without ranges cannot give blocks.
        block = 0 if self._scheme in WEB else CHUNK
        stream: IO[bytes] = self._files.open(
            self._address, "rb", block_size=block, cache_type="none"
        )
        if getattr(stream, "details", {}).get("type") == "directory":  # it would read as empty
            stream.close()
            raise IsADirectoryError(self._address)
        return stream

    def check_writable(self) -> None:
        self._refuse_web()
        if self._scheme in S3:
            self._abort(self._call("create_multipart_upload")["UploadId"])

    def write(self, content: bytes, *, owner_only: bool) -> None:
        self._refuse_web()
        if self._scheme in S3:
            self._call("put_object", Body=content, ContentType=self._kind())
        else:
            self._files.pipe_file(self._address, content)

    def take(self, local: Path, on_progress: Progress = ignore_progress) -> None:
        size = local.stat().st_size
        with local.open("rb") as source:
            if size <= CHUNK or self._scheme not in S3:
                self.write(source.read(), owner_only=False)
            else:
                self._write_parts(source, size, on_progress)
        on_progress(size, size)
        local.unlink()

    def remove(self) -> None:
        self._refuse_web()
        with suppress(FileNotFoundError):
            self._files.rm_file(self._address)

    def _write_parts(self, source: IO[bytes], size: int, on_progress: Progress) -> None:
        """Sends an object in parts; it appears with the last call, or not at all."""
        upload = self._call("create_multipart_upload", ContentType=self._kind())["UploadId"]
        try:
            parts: list[dict[str, object]] = []
            while part := source.read(max(CHUNK, -(-size // MAX_PARTS))):
                checkpoint()
                number = len(parts) + 1
                sent = self._call("upload_part", UploadId=upload, PartNumber=number, Body=part)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
                on_progress(source.tell(), size)
            checkpoint()
            whole = {"Parts": parts}
            self._call("complete_multipart_upload", UploadId=upload, MultipartUpload=whole)
        except BaseException:
            self._abort(upload)
            raise

    def _abort(self, upload: str) -> None:
        try:
            self._call("abort_multipart_upload", UploadId=upload)
        except Exception as error:
            log.debug("%s", error)
            log.warning("parts of an unfinished upload may be left in %s", self._address)

    def _call(self, method: str, **values: object) -> dict[str, Any]:
        """Calls S3; retries what may succeed, adds what fsspec's configuration says."""
        bucket, key, _ = self._files.split_path(self._address)
        answer: dict[str, Any] = self._files.call_s3(method, Bucket=bucket, Key=key, **values)
        return answer

    def _kind(self) -> str:
        return mimetypes.guess_type(self._address)[0] or "application/octet-stream"

    def _refuse_web(self) -> None:
        if self._scheme in WEB:
            raise NotImplementedError("files of web servers are only read")


def _file_system(scheme: str) -> Any:
    """Returns fsspec's file system for a scheme, without a cache of what is there.

    Without credentials botocore would ask 169.254.169.254, a machine that nobody named. Whoever
    wants that sets the switch to "false".
    """
    import fsspec

    if scheme in S3:
        os.environ.setdefault(METADATA_SWITCH, "true")
    kind = fsspec.get_filesystem_class(scheme)
    options: dict[str, Any] = {"use_listings_cache": False}
    own = fsspec.config.apply_config(kind, {})
    if scheme in S3:
        options["config_kwargs"] = {"read_timeout": ANSWER_S, **own.get("config_kwargs", {})}
    elif scheme in WEB:
        from fsspec.implementations.http import aiohttp

        logging.getLogger("fsspec.http").setLevel(logging.INFO)  # below, it logs whole addresses
        # By default a whole film would have to arrive within five minutes.
        waits = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_S, sock_read=ANSWER_S)
        options["client_kwargs"] = {"timeout": waits, **own.get("client_kwargs", {})}
        options["encoded"] = True  # signed addresses must stay as they are
    return kind(**options)


def _info(found: dict[str, Any]) -> FileInfo:
    name = str(found["name"]).rstrip("/").rpartition("/")[2]
    if found["type"] == "directory":
        return FileInfo(name, 0, is_folder=True)
    marks = (found[key] for key in VERSIONS if found.get(key))
    mark = next(marks, "")
    if isinstance(mark, datetime):
        mark = mark.timestamp()
    return FileInfo(name, found["size"], f"{found['size']}-{mark}".replace('"', "") if mark else "")

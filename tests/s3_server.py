"""A real S3-compatible server on loopback, and a relay before it that cuts connections."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

_numbers = itertools.count(1)


@dataclass(frozen=True)
class S3Server:
    """The server, with a new bucket for one test; the environment names it to AWS's libraries."""

    url: str
    client: Any  # boto3's: the other end, which is none of ours
    bucket: str

    @property
    def folder(self) -> str:
        return f"s3://{self.bucket}"

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def uploads(self) -> list[str]:
        """The keys of multipart uploads that were neither completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [each["Key"] for each in found]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> Iterator[S3Server]:
    import boto3

    use_own_aws(monkeypatch, tmp_path_factory.mktemp("aws"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "livecam")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url)
    client = boto3.client("s3")
    bucket = f"films-{next(_numbers)}"
    client.create_bucket(Bucket=bucket)
    yield S3Server(s3_url, client, bucket)
    client.close()
    forget_file_systems()


def use_own_aws(monkeypatch: pytest.MonkeyPatch, folder: Any) -> None:
    """Makes AWS's libraries see nothing of whoever runs the tests, nor wait long."""
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "FSSPEC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    forget_file_systems()


def forget_file_systems() -> None:
    """Lets fsspec read the environment again."""
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()


class CuttingRelay:
    """Passes connections on to a server, and cuts each that sends more than so many bytes."""

    def __init__(self, target: str, most: int) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self._most = most
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                pairs = ((client, server, self._most), (server, client, None))
                for pair in pairs:
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                passed += len(data)
                if most is not None and passed > most:
                    self.cuts += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

"""Files by address: on a disk, in S3 (a real server on loopback), in memory and on the web."""

from __future__ import annotations

import errno
import hashlib
import http.server
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pytest

from livecam.core.end_signals import end_signals
from livecam.core.errors import DeviceError, SinkError, SourceError, UsageError
from livecam.storage import disk
from livecam.storage.place import Place, place_of
from livecam.storage.remote import METADATA_SWITCH
from tests.s3_server import CuttingRelay, S3Server, forget_file_systems

NAMES = [
    "a.mp4", "two words.mp4", " first and last ", "影片 一.mp4", "a#b.mp4", "a?b=c.mp4",
    "50%.mp4", "a%20b.mp4", "a+b&c.mp4", "a::b.mp4", "a[1]*.mp4", "ä.mp4", "'\"$(x).mp4",
]  # fmt: skip
BIG = 20_000_000  # bytes: three parts


@pytest.fixture(params=["disk", "s3", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty folder of each kind of storage that can be written."""
    if request.param == "disk":
        yield place_of(str(tmp_path / "folder"))
    elif request.param == "s3":
        yield place_of(request.getfixturevalue("s3").folder).child("folder")
    else:
        yield place_of("memory://folder")
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a file beside the folders of the storages."""

    def make(content: bytes) -> Path:
        path = tmp_path / "local.mp4"
        path.write_bytes(content)
        return path

    return make


@cache
def pattern(size: int) -> bytes:
    """Bytes that differ from part to part."""
    block = b"".join(i.to_bytes(4, "big") for i in range(size // 4 + 1))
    return block[:size]


# The contract, for each kind of storage.


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_written_found_and_read(folder: Place, name: str, tmp_path: Path):
    if "::" in name and folder.address.startswith("memory"):
        name = "a:b.mp4"  # fsspec's own limit: there :: chains two addresses
    place = folder.child(name)
    assert not place.exists()
    place.write_bytes(b"content")
    assert (place.exists(), place.is_folder(), place.size()) == (True, False, 7)
    assert folder.names() == [name] == [place.name]
    assert place.read_bytes() == b"content"
    assert place.sha256() == hashlib.sha256(b"content").hexdigest()
    place.download(tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"content"
    assert pickle.loads(pickle.dumps(place)).read_bytes() == b"content"
    place.remove()
    assert not place.exists()


def test_a_folder_lists_files_and_folders_that_are_directly_in_it(folder: Place):
    for name in ("b.mp4", "a.mp4"):
        folder.child(name).write_bytes(name.encode())
    folder.child("below").child("c.mp4").write_bytes(b"c")
    found = folder.entries()
    assert [(each.name, each.is_folder, each.size) for each in found] == [
        ("a.mp4", False, 5), ("b.mp4", False, 5), ("below", True, 0),
    ]  # fmt: skip
    assert folder.names() == ["a.mp4", "b.mp4"]
    assert folder.is_folder()
    assert folder.child("below").is_folder()
    assert [each.version for each in found[:2]] == [
        folder.child("a.mp4").version(), folder.child("b.mp4").version(),
    ]  # fmt: skip


def test_the_version_changes_with_the_content_alone(folder: Place):
    place = folder.child("a.mp4")
    place.write_bytes(b"one")
    first = place.version()
    assert first
    assert place.version() == first
    place.write_bytes(b"two")
    assert place.version() != first


def test_what_is_not_there_is_said_to_be_missing(folder: Place, tmp_path: Path):
    place = folder.child("none.mp4")
    folder.child("other").write_bytes(b"")
    for read in (place.info, place.size, place.sha256, place.read_bytes, place.entries):
        with pytest.raises(SourceError, match=r"none\.mp4") as caught:
            read()
        assert caught.value.hint == "check the name"
    with pytest.raises(SourceError, match=r"none\.mp4"):
        place.download(tmp_path / "down")
    assert not (tmp_path / "down").exists()
    assert not place.exists()
    assert not place.is_folder()
    place.remove()


def test_a_folder_is_not_read_as_a_file_nor_a_file_as_a_folder(folder: Place):
    folder.child("a.mp4").write_bytes(b"a")
    with pytest.raises(SourceError):
        folder.read_bytes()
    with pytest.raises(SourceError):
        folder.child("a.mp4").entries()


def test_empty_files_are_files(folder: Place, file: Callable[[bytes], Path]):
    folder.child("a").write_bytes(b"")
    folder.child("b").upload(file(b""))
    assert folder.names() == ["a", "b"]
    assert folder.child("b").read_bytes() == b""


def test_a_large_file_is_moved_there_and_copied_back(
    folder: Place, file: Callable[[bytes], Path], tmp_path: Path
):
    content = pattern(BIG)
    local = file(content)
    place = folder.child("film.mp4")
    steps: list[tuple[int, int | None]] = []
    place.upload(local, lambda done, size: steps.append((done, size)))
    assert steps[-1] == (BIG, BIG)
    assert not local.exists()
    assert place.size() == BIG
    place.download(tmp_path / "down.mp4", lambda done, size: steps.append((done, size)))
    assert steps[-1] == (BIG, BIG)
    assert (tmp_path / "down.mp4").read_bytes() == content
    assert place.sha256() == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_there_is_replaced(folder: Place, file: Callable[[bytes], Path]):
    place = folder.child("a")
    place.write_bytes(b"a long content")
    place.write_bytes(b"short")
    assert place.read_bytes() == b"short"
    place.upload(file(b"other"))
    assert place.read_bytes() == b"other"


def test_only_so_much_is_read_as_was_allowed(folder: Place):
    folder.child("a").write_bytes(b"12345")
    assert folder.child("a").read_bytes(5) == b"12345"
    with pytest.raises(SourceError, match="is larger than 4 bytes"):
        folder.child("a").read_bytes(4)


def test_trying_whether_a_file_can_be_written_leaves_nothing(folder: Place):
    folder.child("other").write_bytes(b"")
    folder.child("a").check_writable()
    assert folder.names() == ["other"]


def test_a_signal_ends_a_download_and_leaves_nothing(folder: Place, tmp_path: Path):
    folder.child("a").write_bytes(pattern(BIG))
    with end_signals() as signals, signals.held(), pytest.raises(KeyboardInterrupt):
        folder.child("a").download(
            tmp_path / "down", lambda done, size: os.kill(os.getpid(), signal.SIGINT)
        )
    assert not [path for path in tmp_path.iterdir() if "down" in path.name]


def test_a_full_disk_is_seen_before_anything_is_fetched(
    folder: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder.child("a").write_bytes(pattern(3_000_000))
    monkeypatch.setattr("livecam.core.places.free_bytes", lambda path: 2_000_000)
    with pytest.raises(SinkError, match="has 2 MB left; down needs about 3 MB"):
        folder.child("a").download(tmp_path / "down")


def test_many_threads_use_one_storage(folder: Place):
    def work(number: int) -> bytes:
        place = folder.child(f"{number}")
        place.write_bytes(b"%d" % number)
        return place.read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(24))) == [b"%d" % n for n in range(24)]
    assert len(folder.names()) == 24


# Disks.


def test_a_file_from_another_disk_appears_whole(
    tmp_path: Path, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
):
    place = place_of(str(tmp_path / "folder" / "film.mp4"))
    local = file(pattern(BIG))
    only_within_a_disk(monkeypatch, local)
    seen: list[bool] = []
    place.upload(local, lambda done, size: seen.append(place.exists()))
    assert seen == [False, False, False, True]
    assert place.read_bytes() == pattern(BIG)
    assert not local.exists()


def test_an_error_on_the_way_to_another_disk_keeps_the_file(
    tmp_path: Path, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
):
    local = file(pattern(BIG))
    only_within_a_disk(monkeypatch, local)
    place = place_of(str(tmp_path / "folder" / "film.mp4"))
    with pytest.raises(KeyboardInterrupt):
        place.upload(local, stop_after(1))
    assert local.stat().st_size == BIG
    assert list((tmp_path / "folder").iterdir()) == []


def only_within_a_disk(monkeypatch: pytest.MonkeyPatch, local: Path) -> None:
    """Makes renaming that file fail as it does between two disks."""
    rename = os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(source) == local:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(disk.os, "replace", replace)


def stop_after(count: int) -> Callable[[int, int | None], None]:
    """A progress that interrupts at the call of that number."""
    left = iter(range(count - 1))

    def on_progress(done: int, size: int | None) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return on_progress


def test_a_killed_process_leaves_no_file_under_the_final_name(tmp_path: Path):
    source, target = tmp_path / "source.mp4", tmp_path / "target.mp4"
    source.write_bytes(pattern(BIG))
    program = (
        "import sys, time; from pathlib import Path; from livecam.storage.place import place_of\n"
        "def wait(done, size): print(done, flush=True); time.sleep(60)\n"
        "place_of(sys.argv[1]).download(Path(sys.argv[2]), wait)"
    )
    command = [sys.executable, "-c", program, str(source), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()
    assert not target.exists()
    hidden = {path.name for path in tmp_path.iterdir()} - {source.name}
    assert all(name.startswith(".target.unfinished-") for name in hidden)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_is_for_the_owner_alone_is(tmp_path: Path):
    place = place_of(str(tmp_path)).child(".livecam").child("a.json")
    place.write_bytes(b"{}", owner_only=True)
    path = tmp_path / ".livecam" / "a.json"
    assert [each.stat().st_mode & 0o777 for each in (path, path.parent)] == [0o600, 0o700]


def test_a_folder_of_a_disk_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    place = place_of(str(tmp_path / "file" / "a.mp4"))
    for write in (lambda: place.write_bytes(b""), place.check_writable):
        with pytest.raises(SinkError, match="file"):
            write()


def test_a_file_that_goes_while_its_folder_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "stays").write_bytes(b"")
    (tmp_path / "link").symlink_to("nothing")
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: [*listed(path), path / "gone"])
    assert place_of(str(tmp_path)).names() == ["stays"]


def test_free_space_is_known_of_disks_alone(tmp_path: Path):
    free = place_of(str(tmp_path / "not" / "there")).free_bytes()
    assert free is not None
    assert free > 0
    assert place_of("s3://bucket/a").free_bytes() is None


# S3.


def test_objects_are_whole_or_not_there_while_parts_are_sent(
    s3: S3Server, file: Callable[[bytes], Path]
):
    place = place_of(s3.folder).child("film.mp4")
    seen: list[tuple[list[str], list[str]]] = []
    place.upload(file(pattern(BIG)), lambda done, size: seen.append((s3.keys(), s3.uploads())))
    assert seen[:3] == [([], ["film.mp4"])] * 3
    assert seen[3] == (["film.mp4"], [])
    head = s3.client.head_object(Bucket=s3.bucket, Key="film.mp4")
    assert head["ContentType"] == "video/mp4"


def test_an_interrupted_upload_leaves_neither_object_nor_parts(
    s3: S3Server, file: Callable[[bytes], Path]
):
    local = file(pattern(BIG))
    with pytest.raises(KeyboardInterrupt):
        place_of(s3.folder).child("film.mp4").upload(local, stop_after(2))
    assert (s3.keys(), s3.uploads()) == ([], [])
    assert local.stat().st_size == BIG


def test_a_signal_ends_an_upload(s3: S3Server, file: Callable[[bytes], Path]):
    place = place_of(s3.folder).child("film.mp4")
    with end_signals() as signals, signals.held(), pytest.raises(KeyboardInterrupt):
        place.upload(file(pattern(BIG)), lambda done, size: os.kill(os.getpid(), signal.SIGINT))
    assert (s3.keys(), s3.uploads()) == ([], [])


def test_a_file_that_cannot_be_read_to_its_end_leaves_neither_object_nor_parts(
    s3: S3Server, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
):
    local = file(pattern(BIG))
    opened = Path.open

    class Failing:
        def __init__(self, path: Path) -> None:
            self.file = opened(path, "rb")

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def tell(self) -> int:
            return self.file.tell()

        def read(self, size: int) -> bytes:
            if self.file.tell():
                raise OSError(errno.EIO, "Input/output error")
            return self.file.read(size)

    monkeypatch.setattr(Path, "open", lambda path, mode: Failing(path))
    with pytest.raises(SinkError, match=r"film\.mp4 cannot be written: .*Input/output error"):
        place_of(s3.folder).child("film.mp4").upload(local)
    assert (s3.keys(), s3.uploads()) == ([], [])


def test_a_connection_that_is_cut_leaves_neither_object_nor_parts(
    s3: S3Server, file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
):
    relay = CuttingRelay(s3.url, most=2_000_000)  # calls pass, parts do not
    monkeypatch.setenv("AWS_ENDPOINT_URL", relay.url)
    forget_file_systems()
    local = file(pattern(BIG))
    with pytest.raises(SinkError, match="cannot be reached, or the connection broke off"):
        place_of(s3.folder).child("film.mp4").upload(local)
    relay.close()
    assert relay.cuts
    assert (s3.keys(), s3.uploads()) == ([], [])
    assert local.exists()


def test_parts_that_could_not_be_removed_are_told(
    s3: S3Server, file: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
):
    place = place_of(s3.folder).child("film.mp4")

    def lose_the_bucket(done: int, size: int | None) -> None:
        for upload in s3.client.list_multipart_uploads(Bucket=s3.bucket)["Uploads"]:
            s3.client.abort_multipart_upload(
                Bucket=s3.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )

    with pytest.raises(DeviceError):
        place.upload(file(pattern(BIG)), lose_the_bucket)
    assert "parts of an unfinished upload may be left in" in caplog.text
    assert s3.keys() == []


def test_a_folder_of_more_than_a_thousand_objects_is_listed_whole(s3: S3Server):
    names = [f"{number:04}.mp4" for number in range(1005)]
    with ThreadPoolExecutor(4) as pool:
        put = s3.client.put_object
        list(pool.map(lambda name: put(Bucket=s3.bucket, Key=f"in/{name}", Body=b""), names))
    assert place_of(s3.folder).child("in").names() == names


def test_what_others_write_is_seen_at_once(s3: S3Server):
    folder = place_of(s3.folder).child("in")
    folder.child("a").write_bytes(b"a")
    assert folder.names() == ["a"]
    for key in ("in/a", "in/b"):
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"other")
    assert folder.names() == ["a", "b"]
    assert folder.child("b").exists()
    assert folder.child("a").size() == 5


def test_a_name_that_s3fs_cuts_off_replaces_no_other_object(s3: S3Server):
    folder = place_of(s3.folder)
    folder.child("a").write_bytes(b"a")
    for make in (folder.child, folder.joined):
        with pytest.raises(UsageError, match="older versions"):
            make("a?versionId=.mp4").write_bytes(b"other")
    assert folder.child("a").read_bytes() == b"a"


def test_the_marker_of_a_folder_is_no_file(s3: S3Server):
    for key in ("in/", "in/a.mp4", "empty/"):
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"")
    assert place_of(s3.folder).child("in").names() == ["a.mp4"]
    assert place_of(s3.folder).child("empty").names() == []


def test_names_of_objects_that_lead_elsewhere_are_no_names_of_files(s3: S3Server, tmp_path: Path):
    s3.client.put_object(Bucket=s3.bucket, Key="in/..", Body=b"")
    (name,) = place_of(s3.folder).child("in").names()
    with pytest.raises(UsageError, match="is no name of a file"):
        place_of(str(tmp_path)).child(name)


def test_a_bucket_that_does_not_exist_is_named(s3: S3Server):
    place = place_of("s3://no-such-bucket/a.mp4")
    for use in (place.read_bytes, place.exists, place.parent.entries, place.check_writable):
        with pytest.raises(DeviceError, match=r"bucket.* does not exist") as caught:
            use()
    assert caught.value.hint == "check its name and AWS_ENDPOINT_URL, or create it"
    with pytest.raises(SinkError, match=r"the bucket of s3://no-such-bucket/.* does not exist"):
        place.write_bytes(b"")


def test_a_bucket_without_permission_is_not_taken_for_an_empty_one(s3: S3Server):
    place = place_of(s3.folder).child("a.mp4")
    place.write_bytes(b"a")
    denied = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{s3.bucket}", f"arn:aws:s3:::{s3.bucket}/*"],
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    s3.client.put_bucket_policy(Bucket=s3.bucket, Policy=policy)
    for use in (place.read_bytes, place.exists, place.sha256):
        with pytest.raises(SourceError, match=f"access to {place} is denied") as caught:
            use()
        assert caught.value.hint == "check the credentials, and what they permit there"
    for write in (lambda: place.write_bytes(b"b"), place.check_writable):
        with pytest.raises(SinkError, match=f"access to {place} is denied"):
            write()


def test_a_server_that_is_not_there_is_named_with_its_variable(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget_file_systems()
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        place_of(s3.folder).child("a").exists()
    assert "AWS_ENDPOINT_URL" in caught.value.hint


def test_missing_credentials_are_told_and_asked_of_nobody(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget_file_systems()
    with pytest.raises(SourceError, match="there are no credentials for s3://") as caught:
        place_of(s3.folder).child("a").exists()
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_an_object_that_is_replaced_while_it_is_read_is_no_film(s3: S3Server, tmp_path: Path):
    place = place_of(s3.folder).child("a")
    place.write_bytes(pattern(BIG))
    with pytest.raises(SourceError, match="was replaced while it was read"):
        place.download(tmp_path / "a", lambda done, size: place.write_bytes(pattern(BIG)[::-1]))
    assert not (tmp_path / "a").exists()


@pytest.mark.usefixtures("s3")
def test_another_process_reads_what_this_one_wrote(s3: S3Server):
    place = place_of(s3.folder).child("a")
    place.write_bytes(b"a")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(Place.read_bytes, place).result(timeout=60) == b"a"


# The web.


class Films(http.server.BaseHTTPRequestHandler):
    """A server without ranges, such as Python's; its paths say how it behaves."""

    def do_GET(self) -> None:
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        body = pattern(BIG) if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: BIG // 2] if "cut" in self.path else body)

    do_HEAD = do_GET  # noqa: N815 - the name that is looked up

    def log_message(self, format: str, *args: object) -> None:
        asked.append(self.requestline)


asked: list[str] = []


@pytest.fixture
def web() -> Iterator[str]:
    asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Films)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_film_is_read_from_a_web_server(web: str, tmp_path: Path):
    place = place_of(f"http://{web}/a folder/影片%20一.mp4?sign=a%2Bb%2Fc#t=5")
    assert (place.name, place.suffix, place.size()) == ("影片 一.mp4", ".mp4", BIG)
    assert place.version() == f"{BIG}-1"
    assert not place.is_folder()
    place.download(tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == pattern(BIG)
    path = "/a%20folder/%E5%BD%B1%E7%89%87%20%E4%B8%80.mp4?sign=a%2Bb%2Fc"
    assert {line.split()[1] for line in asked} == {path}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("404", "does not exist"),
        ("403", "access to .* is denied"),
        ("401", "access to .* is denied"),
        ("503", "is overloaded or broken"),
        ("cut", "the connection broke off"),
    ],
)
def test_a_web_server_that_gives_no_film_is_told(web: str, path: str, words: str, tmp_path: Path):
    with pytest.raises(SourceError, match=words):
        place_of(f"http://{web}/{path}").download(tmp_path / "down")
    assert list(tmp_path.iterdir()) == []


def test_web_servers_are_not_written_to_nor_listed(web: str, file: Callable[[bytes], Path]):
    place = place_of(f"http://{web}/a.mp4")
    local = file(b"a")
    for write in (place.check_writable, lambda: place.write_bytes(b""), place.remove,
                  lambda: place.upload(local)):  # fmt: skip
        with pytest.raises(SinkError, match="nothing can be written to"):
            write()
    assert local.exists()
    with pytest.raises(SourceError, match="is no folder that can be listed"):
        place.parent.entries()
    assert asked == []


def test_passwords_and_keys_are_shown_nowhere(web: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    place = place_of(f"http://ann:pa55word@{web}/404.mp4?key=h1dden")
    with pytest.raises(SourceError) as caught:
        place.read_bytes()
    assert str(caught.value) == f"http://{web}/404.mp4?... does not exist"
    logged = logging.Formatter().formatException((SourceError, caught.value, caught.tb))
    for text in (str(place), repr(place), caught.value.message, logged, caplog.text):
        assert "pa55word" not in text
        assert "h1dden" not in text
    assert place.address.endswith("?key=h1dden")


# Addresses.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/films/a.mp4", "/films/a.mp4"),
        ("/films/../a.mp4", "/a.mp4"),
        ("file:///films/a b.mp4", "/films/a b.mp4"),
        ("file:///films/a%20b.mp4", "/films/a%20b.mp4"),
        ("s3://bucket/in/", "s3://bucket/in"),
        ("S3://bucket", "s3://bucket"),
        ("s3a://bucket/a", "s3a://bucket/a"),
        ("memory:///a/b", "memory://a/b"),
        ("HTTPS://host/ä?a=%2B", "https://host/%C3%A4?a=%2B"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
def test_addresses_and_paths_are_understood(text: str, address: str):
    place = place_of(text)
    assert place.address == address
    assert place_of(str(place)) == place or place.has_secrets
    assert place.is_local == address.startswith("/")
    assert place.local_path == (Path(address) if place.is_local else None)


def test_a_disk_of_windows_is_no_scheme():
    assert place_of("C:\\films\\a.mp4").is_local
    assert place_of("c://films/a.mp4").is_local


def test_relative_paths_start_where_they_were_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    place = place_of("a.mp4")
    monkeypatch.chdir("/")
    assert place == place_of(str(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    "text",
    ["", " ", "a\0b", "s3://", "s3:///a", "gs://bucket/a", "zip://a::s3://b/c", "ftp://host/a",
     "http://", "http:///a", "http://host:x/a", "http://[::1/a", "s3://key:secret@bucket/a",
     "s3://bucket/a?versionId=1", "file://"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(UsageError) as caught:
        place_of(text)
    assert caught.value.hint
    assert "secret" not in caught.value.message


def test_parents_children_and_joined_addresses_stay_in_their_storage():
    film = place_of("s3://bucket/in/a.mp4")
    assert (film.name, film.suffix) == ("a.mp4", ".mp4")
    assert film.parent == place_of("s3://bucket/in")
    assert film.parent.parent == film.parent.parent.parent == place_of("s3://bucket")
    assert film.parent.joined("below/b.mp4") == place_of("s3://bucket/in/below/b.mp4")
    assert film.parent.joined("../b.mp4") == place_of("s3://bucket/b.mp4")
    assert film.parent.joined("/films/b.mp4") == place_of("/films/b.mp4")
    assert film.joined("s3://other/b") == place_of("s3://other/b")
    assert film.joined("") == film
    with pytest.raises(UsageError, match="is outside of"):
        film.parent.joined("../../../b")
    page = place_of("https://host/in/a%20b.mp4?key=1")
    assert page.parent.child("c d#.mp4") == place_of("https://host/in/c%20d%23.mp4")
    assert place_of("/in").joined("../b") == place_of("/b")
    assert place_of("/").parent == place_of("/")


@pytest.mark.parametrize("folder_text", ["/films", "s3://bucket/films", "http://host/films"])
@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "../a", "a\0"])
def test_a_child_is_directly_in_its_folder(folder_text: str, name: str):
    with pytest.raises(UsageError, match="is no name of a file"):
        place_of(folder_text).child(name)


# What is loaded and contacted.


def run(program: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_libraries_are_loaded_when_an_address_needs_them(tmp_path: Path):
    program = (
        "import sys; from livecam.storage.place import place_of\n"
        "def loaded(): return [m for m in ('fsspec', 's3fs', 'aiohttp') if m in sys.modules]\n"
        "place = place_of({!r}); place.write_bytes(b''); place.parent.names(); print(loaded())\n"
        "place_of('memory://a').write_bytes(b'a'); print(loaded())"
    )
    assert run(program.format(str(tmp_path / "a"))) == "[]\n['fsspec']\n"


def test_a_missing_package_is_named():
    program = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from livecam.core.errors import SourceError\n"
        "from livecam.storage.place import place_of\n"
        "try: place_of('s3://bucket/a').exists()\n"
        "except SourceError as error: print(error, '|', error.hint)"
    )
    needed = "s3://bucket/a needs a package that is not installed"
    assert run(program) == f"{needed} | pip install 'livecam[s3]'\n"


def test_whoever_wants_credentials_from_the_machine_can_have_them(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(METADATA_SWITCH, "false")
    place_of(s3.folder).exists()
    assert os.environ[METADATA_SWITCH] == "false"
    monkeypatch.delenv(METADATA_SWITCH)
    place_of(s3.folder).exists()
    assert os.environ[METADATA_SWITCH] == "true"

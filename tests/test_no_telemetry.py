"""No picture, landmark or metric leaves the machine: nothing here opens a network connection.

MediaPipe 0.10.35 and later report usage to their maker; the pinned 0.10.32 cannot.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from importlib.metadata import distribution
from pathlib import Path

import pytest

from livecam.storage.remote import METADATA_SWITCH
from tests.fetched import asset_or_skip
from tests.s3_server import use_own_aws

LOOKS_A_NAME_UP = ["-c", "import socket; socket.getaddrinfo('livecam.invalid', 80)"]
CONNECTS = ["-c", "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"]
# What a program needs from the C library to reach another machine.
NETWORK_FUNCTIONS = ("socket", "connect", "getaddrinfo", "gethostbyname", "sendto", "sendmsg")

STORAGE = """
import fsspec, s3fs
from livecam.storage.place import place_of
place_of(".").names()
place_of("s3://bucket/in/a.mp4").parent.child("b.mp4")
place_of("done").write_bytes(b"")
"""
ASKS_S3 = """
from livecam.core.errors import SourceError
from livecam.storage.place import place_of
try: place_of("s3://bucket/a.mp4").exists()
except SourceError as error: print(error)
"""

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed; it watches the system calls"
)


def network_calls(tmp_path: Path, arguments: list[str]) -> list[str]:
    """The system calls by which Python with these arguments reached for the network."""
    log = tmp_path / "calls"
    watched = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", str(log)]
    done = subprocess.run(
        [*watched, sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("this machine does not let programs be watched")
    # Local sockets (X server, sound) stay on the machine; a look-up through the system's
    # resolver is a local socket too, and is known by its name.
    reaching = re.compile(r"AF_INET|resolve|port=htons")
    return [line for line in log.read_text().splitlines() if reaching.search(line)]


@needs_strace
@pytest.mark.parametrize("program", [LOOKS_A_NAME_UP, CONNECTS])
def test_the_network_monitor_detects_a_connection(tmp_path, program):
    assert network_calls(tmp_path, program)


@needs_strace
def test_a_run_on_a_real_face_uses_no_network(tmp_path):
    portrait, _ = asset_or_skip("portrait"), asset_or_skip("face-landmarker")
    stats = tmp_path / "stats.jsonl"
    run = ["-m", "livecam", "run", "--source", str(portrait), "--seconds", "6"]
    out = ["--no-preview", "--no-virtual-camera", "--record", str(tmp_path / "film.mkv")]
    calls = network_calls(tmp_path, [*run, *out, "--stats", str(stats)])
    states = [json.loads(line)["state"] for line in stats.read_text().splitlines()]
    assert "avatar" in states
    assert calls == []


@needs_strace
def test_addresses_that_are_not_used_contact_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = network_calls(tmp_path, ["-c", STORAGE])
    # urllib3 finds out whether there is IPv6 by a socket that it binds to ::1 and closes.
    own = re.compile(r'\d+ +(socket\(AF_INET6|bind\(.*inet_pton\(AF_INET6, "::1")')
    assert [call for call in calls if not own.match(call)] == []
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("switch", [None, "false"])
def test_no_machine_is_asked_for_credentials_unless_the_user_wants_it(
    tmp_path, monkeypatch, switch
):
    """With the switch the metadata service is asked: so it is seen where it would be."""
    use_own_aws(monkeypatch, tmp_path)
    monkeypatch.delenv(METADATA_SWITCH)
    if switch is not None:
        monkeypatch.setenv(METADATA_SWITCH, switch)
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}/")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        thread = threading.Thread(target=refuse_all, args=(service, asked), daemon=True)
        thread.start()
        done = subprocess.run(
            [sys.executable, "-c", ASKS_S3], env=os.environ, capture_output=True, timeout=60
        )
        service.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert done.stdout == b"there are no credentials for s3://bucket/a.mp4\n"
    assert bool(asked) == (switch is not None)


def refuse_all(service: socket.socket, asked: list[bytes]) -> None:
    """Notes what each connection asks, and closes it."""
    try:
        while True:
            connection, _ = service.accept()
            with connection:
                asked.append(connection.recv(1000))
    except OSError:  # closed
        return


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads an ELF library")
def test_the_tracking_library_has_no_means_to_reach_a_network():
    library = Path(str(distribution("mediapipe").locate_file("mediapipe/tasks/c/libmediapipe.so")))
    content = library.read_bytes()
    assert b"\0malloc\0" in content  # so imported names are found like this
    assert [name for name in NETWORK_FUNCTIONS if b"\0%b\0" % name.encode() in content] == []


def test_the_pinned_version_is_the_verified_one():
    assert distribution("mediapipe").version == "0.10.32"

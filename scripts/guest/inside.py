"""Runs in the guest: publishes, lets every reader take an image, and breaks devices.

Arguments: the raw webcam pictures, width, height, rate, and `all`, `bars` or `head`.
Pictures and `notes.jsonl` go to /out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

import readers
from bars import picture

from livecam.core.frame import Frame, PixelFormat
from livecam.media.color import I420Converter
from livecam.sinks import loopback
from livecam.sinks.base import OutputInfo
from livecam.sinks.virtual_camera import VirtualCamera

OUT = Path("/out")
WEBCAM, CAMERA = "/dev/video0", "/dev/video2"
LABEL = "Virtual Camera"
BARS = (1280, 720)
PATIENCE_S = 90.0


def main() -> int:
    raw, width, height, rate, only = sys.argv[1:]
    if only.startswith("publish"):
        _publish_bars(cast("Literal['auto', 'bt709']", only.removeprefix("publish-")))
        return 0
    size = (int(width), int(height))
    if only != "head":
        _with_bars()
    if only != "bars":
        _with_head(Path(raw), size, int(rate))
    return 0


def _with_bars() -> None:
    with _publisher("auto"):
        _let_all_read("bars", BARS)
    _note("the camera can be used again after a program that only writes", _writable(CAMERA))
    with _publisher("bt709"):
        _read("bars709", "obs", lambda file: readers.obs(CAMERA, file, BARS))


@contextmanager
def _publisher(matrix: str) -> Iterator[None]:
    words = [sys.executable, __file__, "-", "0", "0", "0", f"publish-{matrix}"]
    with _program("publisher", words):
        _wait_for(f"the bars are published ({matrix})", lambda: _readable(CAMERA))
        yield


def _publish_bars(matrix: Literal["auto", "bt709"]) -> None:
    """Shows the bars through the project's own sink until it is ended."""
    sink = VirtualCamera(CAMERA, matrix)
    sink.open(OutputInfo(*BARS, 10.0))
    image, layout, index = picture(*BARS), sink.format, 0
    if layout is PixelFormat.I420:
        image = I420Converter(*BARS).convert(image)
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
    while not ending:
        sink.send(Frame(image, index, time.monotonic(), layout))
        index += 1
        time.sleep(0.1)
    sink.close()


def _with_head(raw: Path, size: tuple[int, int], rate: int) -> None:
    stats = OUT / "stats.jsonl"
    with _webcam(raw, size, rate) as webcam:
        _wait_for("the fake webcam shows the clip", lambda: _readable(WEBCAM))
        _ask_doctor()
        with _livecam(size, rate, stats) as livecam:
            _wait_for("livecam covers the face", lambda: _newest(stats, 5) == {"avatar"})
            _let_all_read("head", size)
            _note("no picture was published bare", "passthrough" not in _newest(stats))
            _camera_node_vanishes(size)
            _webcam_stops(webcam, raw, size, rate, stats)
            livecam.send_signal(signal.SIGTERM)
            code = livecam.wait(30)
            _note("livecam ends calmly when told to", code == 0, f"exit code {code}")
    last = _states(stats)[-1] if _states(stats) else "nothing"
    _note("the last picture is the curtain", last == "curtain", last)
    _note("the camera can be used again after livecam", _writable(CAMERA))


def _ask_doctor() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "livecam", "doctor", "--json"],
        capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S,
    )  # fmt: skip
    checks = {check["name"]: check for check in json.loads(answer.stdout)["checks"]}
    camera = checks["virtual camera"]  # a fake webcam is no camera for the doctor
    good = camera["status"] == "ok" and CAMERA in camera["found"]
    _note("the doctor reads the virtual camera back", good, camera["found"])


def _camera_node_vanishes(size: tuple[int, int]) -> None:
    hidden = Path("/dev/hidden-camera")
    Path(CAMERA).rename(hidden)
    time.sleep(2)
    hidden.rename(CAMERA)
    file = OUT / "back-ffmpeg.png"

    def shown_again() -> bool:
        try:
            readers.ffmpeg(CAMERA, file)
        except subprocess.SubprocessError:
            return False
        return file.exists()

    _wait_for("a camera that was gone for 2 s is published to again", shown_again)


def _webcam_stops(
    webcam: subprocess.Popen[bytes], raw: Path, size: tuple[int, int], rate: int, stats: Path
) -> None:
    webcam.send_signal(signal.SIGKILL)
    webcam.wait()
    _wait_for(
        "the curtain is drawn when the webcam stops", lambda: _newest(stats, 3) == {"curtain"}
    )
    # ffmpeg writes unannounced: an old driver then refuses all writers of the fake webcam.
    _wait_for("the fake webcam can be fed again", lambda: _writable(WEBCAM) or _revived(WEBCAM))
    with _webcam(raw, size, rate):
        _wait_for("the avatar is back when the webcam is", lambda: _newest(stats, 3) == {"avatar"})


def _let_all_read(what: str, size: tuple[int, int]) -> None:
    reads: dict[str, Callable[[Path], str]] = {
        "opencv": lambda file: readers.opencv(CAMERA, file),
        "ffmpeg": lambda file: readers.ffmpeg(CAMERA, file),
        "chromium": lambda file: readers.chromium(CAMERA, file, LABEL, size),
        "obs": lambda file: readers.obs(CAMERA, file, size),
    }
    for name, read in reads.items():
        _read(what, name, read)


def _read(what: str, name: str, read: Callable[[Path], str]) -> None:
    start = time.monotonic()
    try:
        detail, good = read(OUT / f"{what}-{name}.png"), True
    except Exception as error:
        detail, good = f"{type(error).__name__}: {error}", False
    took = f"{detail}; took {time.monotonic() - start:.0f} s"
    _note(f"{name} reads the camera ({what})", good, took)


@contextmanager
def _webcam(raw: Path, size: tuple[int, int], rate: int) -> Iterator[subprocess.Popen[bytes]]:
    shape = ["-pixel_format", "yuyv422", "-video_size", f"{size[0]}x{size[1]}"]
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1"]
    command += ["-f", "rawvideo", *shape, "-framerate", str(rate), "-i", str(raw)]
    with _program("webcam", [*command, "-f", "v4l2", WEBCAM]) as process:
        yield process


@contextmanager
def _livecam(size: tuple[int, int], rate: int, stats: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "livecam", "run", "--source", WEBCAM, "--device", CAMERA]
    command += ["--width", str(size[0]), "--height", str(size[1]), "--fps", str(rate)]
    with _program("livecam", [*command, "--no-preview", "--stats", str(stats)]) as process:
        yield process


@contextmanager
def _program(name: str, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with (OUT / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _states(stats: Path) -> list[str]:
    """The states of all pictures so far; the last line may be half written."""
    lines = stats.read_text().splitlines() if stats.exists() else []
    states = []
    for line in lines:
        try:
            states.append(str(json.loads(line)["state"]))
        except ValueError:
            break
    return states


def _newest(stats: Path, count: int = 0) -> set[str]:
    return set(_states(stats)[-count:])


def _readable(device: str) -> bool:
    found = loopback.query(device)
    return found is not None and found.readable


def _writable(device: str) -> bool:
    found = loopback.query(device)
    return found is not None and found.writable


def _revived(device: str) -> bool:
    found = loopback.query(device)
    return found is not None and loopback.revive(found)


def _wait_for(name: str, come_true: Callable[[], bool]) -> None:
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE_S:
        if come_true():
            _note(name, True, f"after {time.monotonic() - start:.1f} s")
            return
        time.sleep(0.2)
    _note(name, False, f"not within {PATIENCE_S:.0f} s")


def _note(name: str, good: bool, detail: str = "") -> None:
    print("ok  " if good else "BAD ", name, detail, flush=True)
    with (OUT / "notes.jsonl").open("a") as notes:
        notes.write(json.dumps({"name": name, "good": good, "detail": detail}) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("HOME", "/root")
    sys.exit(main())

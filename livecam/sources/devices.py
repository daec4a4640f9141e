"""Lists cameras and finds one by number, path or name.

On Linux sysfs gives the names and VIDIOC_QUERYCAP the capabilities of a node, because most webcams
have a second node for metadata alone. On Windows and macOS DirectShow and AVFoundation list them.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livecam.core.errors import SourceError
from livecam.core.language import to_translate, tr

PLATFORM: str = sys.platform
SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")
BY_ID = Path("/dev/v4l/by-id")

# <linux/videodev2.h>
VIDIOC_QUERYCAP = 0x80685600
CAPABILITY = struct.Struct("=16s32s32sIII12x")
CAP_VIDEO_CAPTURE = 0x00000001
CAP_VIDEO_CAPTURE_MPLANE = 0x00001000
CAP_DEVICE_CAPS = 0x80000000
LOOPBACK = "v4l2 loopback"
VIRTUAL_NAMES = ("obs virtual camera", "obs-camera", "virtual cam")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of this machine."""

    index: int
    name: str
    path: str  # the device node on Linux, else empty
    driver: str = ""
    virtual: bool = False  # the output of another program
    forbidden: bool = False  # this user may not open it

    def __str__(self) -> str:
        return f'{self.index} "{self.name}"' + (f" ({self.path})" if self.path else "")


def list_cameras() -> list[Camera]:
    """Lists every camera, without metadata nodes and virtual cameras that have no input."""
    if PLATFORM == "linux":
        return linux_cameras()
    from livecam.media.cameras import camera_names

    names = camera_names("dshow" if PLATFORM == "win32" else "avfoundation")
    return named_cameras(names)


def named_cameras(names: Iterable[str]) -> list[Camera]:
    """Cameras of a system that gives only their names, in order."""
    return [
        Camera(index, name, "", virtual=any(word in name.lower() for word in VIRTUAL_NAMES))
        for index, name in enumerate(names)
    ]


def linux_cameras(sysfs: Path = SYSFS, dev: Path = DEV) -> list[Camera]:
    """Lists the cameras known to the kernel."""
    numbers = sorted(
        int(node.name[5:]) for node in sysfs.glob("video*") if node.name[5:].isdecimal()
    )
    found = (_linux_camera(sysfs / f"video{n}", dev / f"video{n}", n) for n in numbers)
    return [camera for camera in found if camera is not None]


def stable_path(camera: Camera, by_id: Path = BY_ID) -> str:
    """Returns a path that still names this camera after it was unplugged and plugged in again."""
    if by_id.is_dir():
        for link in sorted(by_id.iterdir()):
            if link.resolve() == Path(camera.path):
                return str(link)
    return camera.path


def find_camera(spec: str, cameras: list[Camera]) -> Camera:
    """Finds the camera with that number, path or part of a name.

    Raises:
        SourceError: there is none, or several names fit.
    """
    if spec.isdecimal():
        fitting = [camera for camera in cameras if camera.index == int(spec)]
    elif spec.startswith("/"):
        fitting = [camera for camera in cameras if camera.path == os.path.realpath(spec)]
    else:
        fitting = [camera for camera in cameras if spec.lower() in camera.name.lower()]
        exact = [camera for camera in fitting if spec.lower() == camera.name.lower()]
        fitting = exact or fitting
    if not fitting:
        raise SourceError(
            'no camera matches "{spec}"; {others}',
            hint=CAMERA_HINT,
            spec=spec,
            others=camera_list(cameras),
        )
    if len(fitting) > 1:
        raise SourceError(
            '"{spec}" fits several cameras: {fitting}',
            hint="pass the number or the path of one of them",
            spec=spec,
            fitting="; ".join(map(str, fitting)),
        )
    return fitting[0]


CAMERA_HINT = to_translate(
    "pass the number, path or name of a camera, a file, or `--source sample`"
)


def camera_list(cameras: list[Camera]) -> str:
    """Lists the cameras for an error message."""
    if not cameras:
        return tr("no camera was found")
    return tr("there is: {names}", names="; ".join(map(str, cameras)))


def _linux_camera(entry: Path, node: Path, number: int) -> Camera | None:
    name = ""
    with suppress(OSError):
        name = (entry / "name").read_text(errors="replace").strip()
    try:
        driver, card, captures = _query(node)
    except PermissionError:
        return Camera(number, name or node.name, str(node), forbidden=True)
    except OSError:
        return None
    if not captures:
        return None
    return Camera(number, name or card, str(node), driver, virtual=driver == LOOPBACK)


def _query(node: Path) -> tuple[str, str, bool]:
    """Returns driver, card and whether this node itself captures video."""
    import fcntl

    descriptor = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    try:
        answer = fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, bytes(CAPABILITY.size))
    finally:
        os.close(descriptor)
    return parse_capability(answer)


def parse_capability(answer: bytes) -> tuple[str, str, bool]:
    """Parses a `struct v4l2_capability`: driver, card and whether the node captures video."""
    driver, card, _, _, whole, node = CAPABILITY.unpack(answer)
    capabilities = node if whole & CAP_DEVICE_CAPS else whole
    captures = bool(capabilities & (CAP_VIDEO_CAPTURE | CAP_VIDEO_CAPTURE_MPLANE))
    return _text(driver), _text(card), captures


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")

"""Asks the Linux kernel about v4l2loopback devices, with the ioctls of its V4L2 interface.

Layouts and numbers: <linux/videodev2.h>, 64-bit. Linux only.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

VIDIOC_QUERYCAP = 0x80685600
VIDIOC_G_FMT = 0xC0D05604
VIDIOC_STREAMON = 0x40045612
CAP_VIDEO_CAPTURE = 0x1
CAP_VIDEO_OUTPUT = 0x2
BUFFER_VIDEO_OUTPUT = 2
DRIVER = "v4l2 loopback"
MODULE_VERSION = Path("/sys/module/v4l2loopback/version")


@dataclass(frozen=True, slots=True)
class LoopbackDevice:
    """A v4l2loopback device as it presents itself now."""

    path: str
    writable: bool  # False: it takes no frames, because another program publishes on it
    readable: bool  # with exclusive_caps=1 only while a program publishes on it


def devices() -> list[LoopbackDevice]:
    """Lists every loopback device that may be opened, in the order of their numbers."""
    nodes = sorted(Path("/dev").glob("video[0-9]*"), key=lambda node: int(node.name[5:]))
    return [device for node in nodes if (device := query(str(node))) is not None]


def query(path: str) -> LoopbackDevice | None:
    """Returns the loopback device at that path; None when missing, closed to us or another kind."""
    try:
        with _opened(path) as descriptor:
            answer = fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, bytes(104))
    except OSError:
        return None
    driver, _, _, _, capabilities = struct.unpack_from("=16s32s32sII", answer)
    if _text(driver) != DRIVER:
        return None
    return LoopbackDevice(
        path,
        writable=bool(capabilities & CAP_VIDEO_OUTPUT),
        readable=bool(capabilities & CAP_VIDEO_CAPTURE),
    )


def announce_writer(descriptor: int) -> None:
    """Announces to the driver that this descriptor writes, as older versions need.

    Before 0.13 a program that writes without announcing it takes the device's output capability
    with it when it closes: with exclusive_caps=1 no program can publish again until the module
    is reloaded (v4l2loopback issue 470). Later versions detect it.
    """
    if _notices_writers():
        return
    with suppress(OSError):  # without a format it returns an error, but has registered the writer
        fcntl.ioctl(descriptor, VIDIOC_STREAMON, struct.pack("=I", BUFFER_VIDEO_OUTPUT))


def revive(device: LoopbackDevice) -> bool:
    """Restores the output of a device that another program took with it; returns the success.

    Such a device has neither capability: no program publishes on it, and none could.
    """
    if device.writable or device.readable:
        return False
    with suppress(OSError), _opened(device.path) as descriptor:
        announce_writer(descriptor)
    now = query(device.path)
    return now is not None and now.writable


def output_format(descriptor: int) -> tuple[int, int, str]:
    """Returns width, height and four-character code of what an open device takes.

    Raises:
        OSError: the device is gone (ENODEV) or is no video device (ENOTTY).
    """
    request = struct.pack("=I204x", BUFFER_VIDEO_OUTPUT)
    answer = fcntl.ioctl(descriptor, VIDIOC_G_FMT, request)
    width, height, code = struct.unpack_from("=II4s", answer, 8)
    return width, height, code.decode("latin-1")


def descriptors(device_number: int) -> set[int]:
    """Lists the file descriptors that this process holds on a device (`st_rdev`)."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.fstat(int(name)).st_rdev == device_number:
                found.add(int(name))
        except OSError:  # the descriptor of the listing itself, closed by now
            continue
    return found


def _notices_writers() -> bool:
    try:
        version = MODULE_VERSION.read_text()
    except OSError:  # before 0.13 the module had no such file
        return False
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return numbers >= [0, 13]


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")

"""Publishes to a virtual camera that other programs read like a webcam.

The one importer of pyvirtualcam (GPLv2), and only when a camera is opened.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from livecam.config.settings import Settings
from livecam.core.errors import SinkError, reason_of
from livecam.core.frame import Frame, Image, PixelFormat
from livecam.core.language import to_translate, tr
from livecam.media.color import BT601, I420Converter
from livecam.sinks.base import OutputInfo

if TYPE_CHECKING:
    import pyvirtualcam

PLATFORM: str = sys.platform
INSTALL_HINT = {
    "linux": to_translate(
        'sudo modprobe v4l2loopback exclusive_caps=1 card_label="livecam" '
        "(Debian and Ubuntu: sudo apt install v4l2loopback-dkms)"
    ),
    "win32": to_translate("install OBS Studio 26 or newer, start it once, and close it"),
    "darwin": to_translate("install OBS Studio 30 or newer and start its virtual camera once"),
}
TAKEN_HINT = to_translate("close the program that publishes to it, or choose another device")
# The class that OBS registers for its camera (plugins/win-dshow, virtualcam-guid.h).
OBS_CLASS = r"CLSID\{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"
OBS_CAMERA = "OBS Virtual Camera"
OBS_ON_MAC = (
    Path("/Applications/OBS.app"),
    Path("/Library/CoreMediaIO/Plug-Ins/DAL/obs-mac-virtualcam.plugin"),
)


def available(device: str = "") -> str | None:
    """Returns the device that `VirtualCamera(device)` would publish to; None without one.

    Cheap (no frame is sent) and needs no pyvirtualcam. On macOS an installed OBS is taken
    as the answer: whether its extension was allowed shows only when the camera is opened.
    """
    if PLATFORM == "linux":
        return _free_loopback(device)
    return OBS_CAMERA if device in ("", OBS_CAMERA) and _obs_installed() else None


class VirtualCamera:
    """Sends I420 frames, limited range, to v4l2loopback (Linux) or OBS (Windows, macOS).

    The matrix is the one that readers assume. On Linux that is BT.601, as from any webcam: a
    v4l2loopback device says so, and Chromium, OpenCV and ffmpeg decode it so (BT.709 bars come
    back 21 levels wrong there); OBS alone takes every V4L2 camera for BT.709. Elsewhere it is
    BT.709. For BT.601 RGBA is wanted and converted here; I420 is always passed on as it is.

    Windows and macOS want NV12 and UYVY: pyvirtualcam rearranges I420 into these inside,
    without touching a sample's value (and on Windows it refuses NV12).

    On Linux a write that fails is only printed by pyvirtualcam. So after each frame the
    device is asked whether it is still there and still takes our size and format. What this
    cannot detect is a write that fails once on a healthy device; that frame is lost.
    """

    backlog: ClassVar[int] = 1

    def __init__(
        self, device: str = "", matrix: Literal["auto", "bt601", "bt709"] = "auto"
    ) -> None:
        self._wanted = device
        self._camera: pyvirtualcam.Camera | None = None
        self._watch: _LoopbackWatch | None = None
        converted = matrix == "bt601" or (matrix == "auto" and PLATFORM == "linux")
        self.format = PixelFormat.RGBA if converted else PixelFormat.I420

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.sinks.device, settings.sinks.matrix)

    def open(self, info: OutputInfo) -> str:
        """Opens the camera.

        Raises:
            SinkError: there is none, it is in use, or another program holds its size.
        """
        device = available(self._wanted)
        if device is None:
            raise _missing(self._wanted)
        self._converter = I420Converter(info.width, info.height, BT601)
        self._planes: Image = np.empty((info.height * 3 // 2, info.width), np.uint8)
        before = _descriptors(device)
        try:
            import pyvirtualcam

            self._camera = pyvirtualcam.Camera(
                info.width,
                info.height,
                info.fps,
                fmt=pyvirtualcam.PixelFormat.I420,
                # Named, never None: the search inside leaks a descriptor of every other camera.
                device=device if PLATFORM == "linux" or self._wanted else None,
            )
        except Exception as err:
            raise SinkError(
                "the virtual camera {device} cannot be opened: {error}",
                hint=TAKEN_HINT,
                device=device,
                error=err,
            ) from err
        opened = _descriptors(device) - before
        if opened:
            self._watch = _LoopbackWatch(device, opened.pop(), info)
            self._watch.begin()
        return tr("virtual camera {device}", device=self._camera.device)

    def send(self, frame: Frame) -> None:
        """Publishes one frame.

        Raises:
            SinkError: the device is gone, was replaced, or was taken over.
        """
        if self._camera is None:
            raise SinkError("the virtual camera is not open")
        image = frame.image
        if frame.format is PixelFormat.RGBA:
            image = self._converter.convert(image, out=self._planes)
        try:
            self._camera.send(image)
        except Exception as err:
            raise SinkError("the virtual camera takes no picture: {error}", error=err) from err
        if self._watch is not None:
            self._watch.check()

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
        self._camera = self._watch = None


class _LoopbackWatch:
    """Checks that an open v4l2loopback device still transports the frames that we write."""

    def __init__(self, device: str, descriptor: int, info: OutputInfo) -> None:
        self._device = device
        self._descriptor = descriptor
        self._number = os.stat(device).st_rdev
        self._expected = (info.width, info.height, "YU12")  # V4L2's code for I420

    def begin(self) -> None:
        """Checks the device before the first frame; raises `SinkError` as `check` does."""
        from livecam.sinks import loopback

        loopback.announce_writer(self._descriptor)
        self.check()

    def check(self) -> None:
        """Raises `SinkError` when frames written from now on would not arrive."""
        from livecam.sinks import loopback

        try:
            number = os.stat(self._device).st_rdev
            now = loopback.output_format(self._descriptor)
        except OSError as err:
            raise SinkError(
                "the virtual camera {device} is gone ({reason})",
                hint=INSTALL_HINT["linux"],
                device=self._device,
                reason=reason_of(err),
            ) from err
        if number != self._number:
            raise SinkError(
                "the virtual camera {device} was replaced by another device", device=self._device
            )
        if now != self._expected:
            raise SinkError(
                "the virtual camera {device} stays at {width}x{height} {format}",
                hint="close the programs that have it open; its size changes only when none has",
                device=self._device, width=now[0], height=now[1], format=now[2],
            )  # fmt: skip


def _free_loopback(device: str) -> str | None:
    from livecam.sinks import loopback

    found = [loopback.query(device)] if device else loopback.devices()
    known = [d for d in found if d is not None]
    free = next((d.path for d in known if d.writable), None)
    return free or next((d.path for d in known if loopback.revive(d)), None)


def _obs_installed() -> bool:
    if PLATFORM == "win32":
        winreg: Any = importlib.import_module("winreg")
        try:
            winreg.CloseKey(winreg.OpenKey(winreg.HKEY_CLASSES_ROOT, OBS_CLASS))
        except OSError:
            return False
        return True
    return any(path.exists() for path in OBS_ON_MAC)


def _descriptors(device: str) -> set[int]:
    if PLATFORM != "linux":
        return set()
    from livecam.sinks import loopback

    return loopback.descriptors(os.stat(device).st_rdev)


def _missing(device: str) -> SinkError:
    install = INSTALL_HINT.get(PLATFORM, "")
    if not device:
        return SinkError("there is no virtual camera that is free", install)
    if PLATFORM == "linux" and Path(device).exists():
        return SinkError(
            "{device} is no virtual camera, or another program publishes to it",
            TAKEN_HINT,
            device=device,
        )
    return SinkError("the virtual camera {device} does not exist", install, device=device)

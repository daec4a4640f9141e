"""The virtual camera, up to the door of the foreign library; the device itself is a guest's job."""

import os
import struct
import sys
import types
from typing import ClassVar

import numpy as np
import pytest
import pyvirtualcam

from livecam.core.errors import SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.sinks import loopback, virtual_camera
from livecam.sinks.base import OutputInfo
from livecam.sinks.virtual_camera import VirtualCamera, available

INFO = OutputInfo(64, 48, 30.0)
PICTURE = Frame(
    np.arange(64 * 72, dtype=np.uint32).astype(np.uint8).reshape(72, 64), 0, 0.0, PixelFormat.I420
)


class CameraOfTheLibrary:
    """Stands where `pyvirtualcam.Camera` stands and keeps what it was handed."""

    made: ClassVar[list] = []

    def __init__(self, width, height, fps, *, fmt, device=None):
        self.size, self.fps, self.fmt, self.asked_device = (width, height), fps, fmt, device
        self.device = device or "OBS Virtual Camera"
        self.sent: list[np.ndarray] = []
        self.closed = 0
        self.made.append(self)

    def send(self, image):
        self.sent.append(image)

    def close(self):
        self.closed += 1


@pytest.fixture
def library(monkeypatch):
    CameraOfTheLibrary.made.clear()
    monkeypatch.setattr(pyvirtualcam, "Camera", CameraOfTheLibrary)
    return CameraOfTheLibrary.made


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(virtual_camera, "PLATFORM", "win32")
    registry = types.ModuleType("winreg")
    registry.HKEY_CLASSES_ROOT = 0
    registry.OpenKey = lambda root, name: (root, name)
    registry.CloseKey = lambda key: None
    monkeypatch.setitem(sys.modules, "winreg", registry)
    return registry


class Kernel:
    """A loopback device as the kernel would describe it, behind a file of the test's own."""

    def __init__(self, path, monkeypatch):
        self.path = str(path)
        path.touch()
        self.driver, self.capabilities = b"v4l2 loopback", loopback.CAP_VIDEO_OUTPUT
        self.format = (64, 48, b"YU12")
        self.error: OSError | None = None
        self.writer_announced = False
        monkeypatch.setattr(loopback.fcntl, "ioctl", self.ioctl)

    def ioctl(self, descriptor, request, argument):
        if self.error is not None:
            raise self.error
        if request == loopback.VIDIOC_QUERYCAP:
            words = (self.driver, b"livecam", b"platform:", 0, self.capabilities)
            return struct.pack("=16s32s32sII", *words).ljust(len(argument), b"\0")
        if request == loopback.VIDIOC_STREAMON:
            self.writer_announced = True
            self.capabilities |= loopback.CAP_VIDEO_OUTPUT  # as it will be once that one closes
            return argument
        assert request == loopback.VIDIOC_G_FMT
        return struct.pack("=I4xII4s", 2, *self.format).ljust(len(argument), b"\0")


@pytest.fixture
def kernel(tmp_path, monkeypatch, library):
    """A Linux device, and a library that really opens it, so that it can be watched."""
    kernel = Kernel(tmp_path / "video7", monkeypatch)
    monkeypatch.setattr(virtual_camera, "PLATFORM", "linux")

    class Opening(CameraOfTheLibrary):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.descriptor = os.open(self.asked_device, os.O_RDONLY)

        def close(self):
            super().close()
            os.close(self.descriptor)

    monkeypatch.setattr(pyvirtualcam, "Camera", Opening)
    monkeypatch.setattr(
        loopback,
        "descriptors",
        lambda number: {c.descriptor for c in CameraOfTheLibrary.made if not c.closed},
    )
    return kernel


def test_the_library_gets_our_bytes_as_they_are(kernel, library):
    camera = VirtualCamera(kernel.path)
    words = camera.open(INFO)
    camera.send(PICTURE)
    camera.close()
    assert words == f"virtual camera {kernel.path}"
    (made,) = library
    assert (made.size, made.fps, made.fmt) == ((64, 48), 30.0, pyvirtualcam.PixelFormat.I420)
    assert made.sent[0] is PICTURE.image
    assert made.closed == 1


def test_linux_is_given_bt601_as_from_any_webcam(kernel, library):
    camera = VirtualCamera(kernel.path)
    assert camera.format is PixelFormat.RGBA
    camera.open(INFO)
    image = np.full((48, 64, 4), 255, np.uint8)
    image[..., :3] = (40, 170, 60)
    camera.send(Frame(image, 0, 0.0))
    camera.close()
    planes = library[0].sent[0]
    # BT.601 by hand: Y = 16 + 219 * (0.299 R + 0.587 G + 0.114 B) / 255, and so on.
    luma = 0.299 * 40 + 0.587 * 170 + 0.114 * 60
    assert planes[10, 10] == pytest.approx(16 + 219 * luma / 255, abs=1)
    assert planes[50, 10] == pytest.approx(128 + 224 * (60 - luma) / 1.772 / 255, abs=1)
    assert planes[66, 10] == pytest.approx(128 + 224 * (40 - luma) / 1.402 / 255, abs=1)


def test_either_matrix_can_be_had_anywhere(kernel, windows):
    assert VirtualCamera(matrix="bt601").format is PixelFormat.RGBA
    assert VirtualCamera(matrix="bt709").format is PixelFormat.I420


def test_windows_is_handed_i420_and_no_device_name(windows, library):
    camera = VirtualCamera()
    assert camera.format is PixelFormat.I420
    assert camera.open(INFO) == "virtual camera OBS Virtual Camera"
    camera.send(PICTURE)
    camera.close()
    assert library[0].asked_device is None
    assert library[0].fmt is pyvirtualcam.PixelFormat.I420


def test_without_obs_windows_says_what_to_install(windows, library):
    def missing(root, name):
        raise FileNotFoundError(name)

    windows.OpenKey = missing
    assert available() is None
    with pytest.raises(SinkError) as error:
        VirtualCamera().open(INFO)
    assert "OBS" in error.value.hint


def test_a_mac_with_obs_has_a_camera(monkeypatch, tmp_path):
    monkeypatch.setattr(virtual_camera, "PLATFORM", "darwin")
    monkeypatch.setattr(virtual_camera, "OBS_ON_MAC", (tmp_path,))
    assert available() == "OBS Virtual Camera"
    assert available("Another Camera") is None
    monkeypatch.setattr(virtual_camera, "OBS_ON_MAC", (tmp_path / "no",))
    assert available() is None


def test_a_missing_device_names_itself_and_the_remedy(monkeypatch):
    monkeypatch.setattr(virtual_camera, "PLATFORM", "linux")
    with pytest.raises(SinkError) as error:
        VirtualCamera("/dev/video987").open(INFO)
    assert "/dev/video987 does not exist" in error.value.message
    assert "modprobe v4l2loopback exclusive_caps=1" in error.value.hint


def test_another_kind_of_device_is_refused(kernel):
    kernel.driver = b"uvcvideo"
    assert available(kernel.path) is None
    with pytest.raises(SinkError, match="is no virtual camera"):
        VirtualCamera(kernel.path).open(INFO)


def test_a_device_that_another_program_publishes_to_is_refused(kernel):
    kernel.capabilities = 0x1  # exclusive_caps: only capture is left
    with pytest.raises(SinkError, match="another program publishes") as error:
        VirtualCamera(kernel.path).open(INFO)
    assert "close the program" in error.value.hint
    assert not kernel.writer_announced  # it is left alone


@pytest.mark.parametrize(
    ("version", "announced"),
    [(None, True), ("0.12.7\n", True), ("0.13.2\n", False), ("1.0", False)],
)
def test_the_writer_is_announced_to_an_old_driver(
    kernel, monkeypatch, tmp_path, version, announced
):
    version_file = tmp_path / "version"
    if version is not None:
        version_file.write_text(version)
    monkeypatch.setattr(loopback, "MODULE_VERSION", version_file)
    camera = VirtualCamera(kernel.path)
    camera.open(INFO)
    camera.close()
    assert kernel.writer_announced is announced


def test_a_device_without_output_capability_is_revived(kernel):
    kernel.capabilities = 0
    assert available(kernel.path) == kernel.path
    assert kernel.writer_announced


def test_a_device_held_at_another_size_is_refused_at_open(kernel, library):
    kernel.format = (640, 480, b"YUYV")
    camera = VirtualCamera(kernel.path)
    with pytest.raises(SinkError, match="stays at 640x480 YUYV"):
        camera.open(INFO)
    camera.close()
    assert library[0].closed == 1


def test_a_device_that_vanishes_is_noticed_although_the_write_is_silent(kernel):
    camera = VirtualCamera(kernel.path)
    camera.open(INFO)
    camera.send(PICTURE)
    kernel.error = OSError(19, "No such device")
    with pytest.raises(SinkError, match=r"is gone \(No such device\)"):
        camera.send(PICTURE)
    camera.close()


def test_a_node_that_was_removed_is_noticed(kernel):
    camera = VirtualCamera(kernel.path)
    camera.open(INFO)
    os.unlink(kernel.path)
    with pytest.raises(SinkError, match="is gone"):
        camera.send(PICTURE)
    camera.close()


def test_a_format_changed_by_another_program_is_noticed(kernel):
    camera = VirtualCamera(kernel.path)
    camera.open(INFO)
    kernel.format = (32, 32, b"YU12")
    with pytest.raises(SinkError, match="stays at 32x32"):
        camera.send(PICTURE)
    camera.close()


def test_the_library_refusing_becomes_our_error(kernel, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("Device or resource busy")

    monkeypatch.setattr(pyvirtualcam, "Camera", refuse)
    camera = VirtualCamera(kernel.path)
    with pytest.raises(SinkError, match="Device or resource busy"):
        camera.open(INFO)
    camera.close()


def test_the_descriptors_of_a_real_device_are_found():
    number = os.stat("/dev/null").st_rdev
    before = loopback.descriptors(number)
    with open("/dev/null") as device:
        assert loopback.descriptors(number) - before == {device.fileno()}


def test_a_real_file_that_is_no_video_device_is_no_loopback(tmp_path):
    assert loopback.query("/dev/null") is None
    assert loopback.query(str(tmp_path / "missing")) is None

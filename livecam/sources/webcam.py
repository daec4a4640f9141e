"""Reads a webcam through OpenCV."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import cv2
import numpy as np

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame
from livecam.core.language import tr
from livecam.core.timing import Clock
from livecam.sources.base import SourceInfo
from livecam.sources.devices import Camera, camera_list, find_camera, list_cameras

PLATFORM: str = sys.platform

# OpenCV reads this when it first waits for a camera; its own ten seconds would hold up a stop.
os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = "1"

# Its warnings would repeat at each attempt to reopen a camera; our errors name the cause.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

MAX_STAMP_AGE_S = 0.5  # an older time of a driver is of another clock
MAX_BAD_FRAMES = 5  # in a row, before the camera counts as broken; one bad JPEG is normal
NOMINAL_FPS = 30.0  # for drivers that do not report it

# <linux/videodev2.h>
VIDIOC_REQBUFS = 0xC0145608
REQUEST_CAPTURE_MMAP = struct.pack("=IIIII", 1, 1, 1, 0, 0)


class VideoCapture(Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def get(self, property: int, /) -> float: ...

    def release(self) -> None: ...


class Webcam:
    """A camera by number, path or part of its name.

    MJPG is asked for, because most cameras reach 30 fps above 640x480 only with it; the camera
    may grant something else. `refuse` holds paths or names of devices that must not be read: the
    virtual camera that we publish to would feed our output back.
    """

    def __init__(
        self,
        clock: Clock,
        spec: str,
        width: int = 1280,
        height: int = 720,
        fps: float = 30.0,
        *,
        refuse: Sequence[str] = (),
        cameras: Callable[[], list[Camera]] = list_cameras,
        open_capture: Callable[[Camera, int, int, float], VideoCapture] | None = None,
    ) -> None:
        self._clock = clock
        self._spec = spec
        self._asked = (width, height, fps)
        self._refuse = refuse
        self._cameras = cameras
        self._open_capture = open_capture or _open_capture
        self._capture: VideoCapture | None = None
        self._index = 0
        self._last_at = -np.inf

    @classmethod
    def from_settings(cls, settings: SourceSettings, clock: Clock, refuse: Sequence[str]) -> Self:
        size = settings.width, settings.height
        return cls(clock, settings.source, *size, settings.fps, refuse=refuse)

    def open(self) -> SourceInfo:
        cameras = self._cameras()
        camera = find_camera(self._spec, cameras)
        self._camera = camera
        others = camera_list([other for other in cameras if other != camera])
        if is_refused(camera, self._refuse):
            raise SourceError(
                '"{camera}" is the virtual camera that livecam publishes to; {others}',
                hint="choose a real camera, or `--source sample`",
                camera=camera.name,
                others=others,
            )
        if camera.forbidden:
            raise SourceError(
                "camera {camera} may not be opened by this user; {others}",
                hint="join the group that owns it: sudo usermod -aG video $USER, then log in again",
                camera=camera,
                others=others,
            )
        self._capture = self._open_capture(camera, *self._asked)
        if not self._capture.isOpened():
            raise _why_closed(camera, others)
        image = self._next_image()  # only an image has the true size
        self._size = image.shape[1], image.shape[0]
        return SourceInfo(
            tr('camera "{name}"', name=camera.name), *self._size, fps=self._granted_fps()
        )

    def read(self) -> Frame | None:
        bgr = self._next_image()
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            raise SourceError(
                'camera "{camera}" changed its size to {width}x{height}',
                hint="another program may have changed it; it will be opened again",
                camera=self._camera.name, width=bgr.shape[1], height=bgr.shape[0],
            )  # fmt: skip
        frame = Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), self._index, self._stamp())
        self._index += 1
        return frame

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _next_image(self) -> Any:
        """Returns the next image, BGR; a few that cannot be decoded are skipped."""
        assert self._capture is not None
        for _ in range(MAX_BAD_FRAMES):
            if not self._capture.grab():
                raise SourceError(
                    'camera "{camera}" gives no pictures any more',
                    hint="was it unplugged, or its lid closed? It is tried again",
                    camera=self._camera.name,
                )
            good, image = self._capture.retrieve()
            if good and image is not None:
                return image
        raise SourceError(
            'camera "{camera}" gives pictures that cannot be decoded',
            hint="try another cable, a lower --width and --height, or another USB port",
            camera=self._camera.name,
        )

    def _stamp(self) -> float:
        """Returns the capture time: the driver's if it uses our clock, else now. Never falls."""
        assert self._capture is not None
        now = self._clock.now()
        taken = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        at = taken if 0 <= now - taken <= MAX_STAMP_AGE_S else now
        self._last_at = max(self._last_at, at)
        return self._last_at

    def _granted_fps(self) -> float:
        assert self._capture is not None
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        return fps if 1 <= fps <= 1000 else NOMINAL_FPS


def is_refused(camera: Camera, refuse: Sequence[str]) -> bool:
    """Returns whether the camera is one of those paths or names."""
    return any(
        entry == camera.name or (camera.path and os.path.realpath(entry) == camera.path)
        for entry in refuse
        if entry
    )


def _open_capture(camera: Camera, width: int, height: int, fps: float) -> VideoCapture:
    wanted = [
        cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"),  # first: it limits the sizes
        cv2.CAP_PROP_FRAME_WIDTH, width,
        cv2.CAP_PROP_FRAME_HEIGHT, height,
        cv2.CAP_PROP_FPS, round(fps),
    ]  # fmt: skip
    if camera.path:
        return cv2.VideoCapture(camera.path, cv2.CAP_V4L2, wanted)
    system = cv2.CAP_DSHOW if PLATFORM == "win32" else cv2.CAP_AVFOUNDATION
    return cv2.VideoCapture(camera.index, system, wanted)


def _why_closed(camera: Camera, others: str) -> SourceError:
    """Makes the error for a closed camera: OpenCV gives no reason, so the kernel is asked."""
    if _is_busy(camera):
        return SourceError(
            "camera {camera} is in use by another program; {others}",
            hint="close the other program (a browser tab, a call), or choose another camera",
            camera=camera,
            others=others,
        )
    return SourceError(
        "camera {camera} cannot be opened; {others}",
        hint="plug it in again, close programs that may use it, or choose another camera",
        camera=camera,
        others=others,
    )


def _is_busy(camera: Camera) -> bool:
    if not camera.path:
        return False
    import fcntl

    try:
        descriptor = os.open(camera.path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        fcntl.ioctl(descriptor, VIDIOC_REQBUFS, REQUEST_CAPTURE_MMAP)
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(descriptor)
    return False

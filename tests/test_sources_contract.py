"""The contract of every source in the registry."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from livecam.config.settings import SourceSettings
from livecam.core.errors import ConfigError, SourceError
from livecam.core.frame import PixelFormat
from livecam.core.timing import ManualClock
from livecam.sources.base import SOURCES, Source
from livecam.sources.devices import Camera
from livecam.sources.webcam import Webcam

BRIO = Camera(0, "Logitech BRIO", "/dev/video0", "uvcvideo")
CAN_FAIL = [name for name in SOURCES if name not in ("pattern", "blank")]


class CaptureOfTheLibrary:
    """Stands where `cv2.VideoCapture` stands: a new picture at each read, or no camera."""

    def __init__(self, there: bool) -> None:
        self._there = there
        self._shown = 0

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self._there

    def grab(self):
        self._shown += 1
        return self._there

    def retrieve(self):
        return True, np.full((64, 96, 3), self._shown, np.uint8)

    def get(self, property):
        return 25.0 if property == cv2.CAP_PROP_FPS else -1.0

    def release(self): ...


class Room:
    """Makes each source, working or doomed to fail at `open`."""

    def __init__(self, clip, tmp_path, monkeypatch):
        self.clock = ManualClock(10.0)
        self._clip, self._folder, self._patch = clip, tmp_path, monkeypatch

    def make(self, name: str, works: bool):
        match name:
            case "webcam":
                return Webcam(
                    self.clock,
                    "BRIO",
                    cameras=lambda: [BRIO],
                    open_capture=lambda *_: CaptureOfTheLibrary(works),
                )
            case "sample":
                self._patch.setattr("livecam.sources.sample.sample_clip", lambda: self._film(works))
                return self._made(name)
            case "sample-four":
                self._patch.setattr(
                    "livecam.sources.sample.four_people_clip", lambda: self._film(works)
                )
                return self._made(name)
            case "video":
                return self._made(name, source=str(self._film(works)))
            case "image":
                return self._made(name, source=str(self._picture(works)))
            case "pattern" | "blank":
                return self._made(name, width=96, height=64)
        raise AssertionError(f"say here how to make the source {name}")

    def _made(self, name: str, **settings: object) -> Source:
        return SOURCES.create(name, SourceSettings(**settings), self.clock, ())

    def _film(self, works: bool):
        return self._clip(frames=8) if works else self._folder / "missing.mp4"

    def _picture(self, works: bool):
        path = self._folder / "face.png"
        if works:
            cv2.imwrite(str(path), np.full((64, 96, 3), 90, np.uint8))
        return path


@pytest.fixture
def room(clip, tmp_path, monkeypatch):
    return Room(clip, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", list(SOURCES))
def test_frames_are_as_they_were_announced(room, name):
    source = room.make(name, works=True)
    info = source.open()
    frames = [source.read() for _ in range(5)]
    kept = [frame.image.copy() for frame in frames]
    source.read()
    source.close()
    assert info.name
    assert info.fps > 0
    for frame, copy in zip(frames, kept, strict=True):
        assert frame.format is PixelFormat.RGBA
        assert frame.size == (info.width, info.height) == (96, 64)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert (frame.image[..., 3] == 255).all()
        assert (frame.image == copy).all()  # not written to after it was handed over
    assert all(a.captured_at <= b.captured_at for a, b in pairwise(frames))
    assert [frame.index for frame in frames] == list(range(5))


@pytest.mark.parametrize("name", CAN_FAIL)
def test_a_failed_open_is_a_source_error_and_may_be_closed(room, name):
    source = room.make(name, works=False)
    with pytest.raises(SourceError) as error:
        source.open()
    assert error.value.message
    assert error.value.hint
    source.close()


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_closed_source_can_be_opened_again(room, name):
    for _ in range(2):
        source = room.make(name, works=True)
        source.open()
        assert source.read() is not None
        source.close()


@pytest.mark.parametrize("name", list(SOURCES))
def test_closing_without_opening_does_nothing(room, name):
    room.make(name, works=True).close()


def test_an_unknown_source_suggests_a_known_one():
    with pytest.raises(ConfigError, match='did you mean "webcam"'):
        SOURCES.get("webkam")

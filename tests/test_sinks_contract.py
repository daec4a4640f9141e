"""The contract of every sink in the registry."""

import numpy as np
import pytest

from livecam.config.settings import Settings, SinkSettings
from livecam.core.errors import ConfigError, SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.render.context import WindowRequest, open_graphics
from livecam.sinks import virtual_camera
from livecam.sinks.base import SINKS, OutputInfo, Sink
from livecam.sinks.preview import Preview
from tests.display import private_display

INFO = OutputInfo(64, 48, 30.0)
EVERY_SINK = [*SINKS, "preview"]  # the preview is opened with the graphics, not by name
CAN_FAIL = [name for name in EVERY_SINK if name != "null"]


def made(name: str, **settings: object) -> Sink:
    return SINKS.create(name, Settings(sinks=SinkSettings(**settings)))


class Room:
    """Makes each sink, working or doomed to fail at `open`, and holds what it needs."""

    def __init__(self, tmp_path, monkeypatch, request):
        self.folder, self._patch, self._request = tmp_path, monkeypatch, request

    def working(self, name: str):
        match name:
            case "virtual-camera":
                self._obs_installed(True)
                return made(name)
            case "record":
                return made(name, record=str(self.folder / "clip.mp4"))
            case "png":
                return made(name, png=str(self.folder / "pictures"))
            case "preview":
                self._request.getfixturevalue("display")
                return Preview(self._graphics(WindowRequest(width=64, height=48)))
            case _:
                return made(name)

    def doomed(self, name: str):
        (self.folder / "file").touch()
        match name:
            case "virtual-camera":
                self._obs_installed(False)
                return made(name)
            case "record":
                return made(name, record=str(self.folder / "file" / "clip.mp4"))
            case "png":
                return made(name, png=str(self.folder / "file"))
            case "preview":
                return Preview(self._graphics(None))
            case _:
                raise NotImplementedError(
                    f"say how {name} fails to open, or leave it out of CAN_FAIL"
                )

    def _graphics(self, window):
        graphics = open_graphics(window)
        self._request.addfinalizer(graphics.close)
        return graphics

    def _obs_installed(self, installed: bool) -> None:
        import pyvirtualcam

        class Camera:
            device = "OBS Virtual Camera"

            def __init__(self, *args, **kwargs): ...

            def send(self, image):
                assert image.shape == (72, 64)

            def close(self): ...

        self._patch.setattr(pyvirtualcam, "Camera", Camera)
        self._patch.setattr(virtual_camera, "PLATFORM", "darwin")
        there = self.folder if installed else self.folder / "missing"
        self._patch.setattr(virtual_camera, "OBS_ON_MAC", (there,))


@pytest.fixture(scope="module")
def display():
    with private_display() as display:
        yield display


@pytest.fixture
def room(tmp_path, monkeypatch, request):
    return Room(tmp_path, monkeypatch, request)


def frame_for(sink, index: int) -> Frame:
    """A read-only picture in the format that the sink names."""
    shape = (48, 64, 4) if sink.format is PixelFormat.RGBA else (72, 64)
    image = np.random.default_rng(index).integers(16, 236, shape, np.uint8)
    image.flags.writeable = False
    return Frame(image, index, index / 30, sink.format)


@pytest.mark.parametrize("name", EVERY_SINK)
def test_open_send_close_in_order(room, name):
    sink = room.working(name)
    words = sink.open(INFO)
    frames = [frame_for(sink, n) for n in range(3)]
    before = [frame.image.copy() for frame in frames]
    for frame in frames:
        sink.send(frame)
    sink.close()
    assert words
    assert all((frame.image == copy).all() for frame, copy in zip(frames, before, strict=True))


@pytest.mark.parametrize("name", CAN_FAIL)
def test_a_failed_open_is_a_sink_error_and_may_be_closed(room, name):
    sink = room.doomed(name)
    with pytest.raises(SinkError) as error:
        sink.open(INFO)
    assert error.value.message
    assert error.value.hint
    sink.close()


@pytest.mark.parametrize("name", EVERY_SINK)
def test_a_closed_sink_can_be_opened_again(room, name):
    for _ in range(2):
        sink = room.working(name)
        sink.open(INFO)
        sink.send(frame_for(sink, 0))
        sink.close()


@pytest.mark.parametrize("name", EVERY_SINK)
def test_closing_without_opening_does_nothing(room, name):
    room.working(name).close()


def test_an_unknown_sink_suggests_a_known_one():
    with pytest.raises(ConfigError, match='did you mean "record"'):
        SINKS.get("recrod")

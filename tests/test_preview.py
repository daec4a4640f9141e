"""The preview window, on a display of its own: real pixels, real key presses."""

import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from livecam.core.commands import Command
from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.core.language import ENGLISH, set_language, tr
from livecam.pipeline.states import Shown
from livecam.render.context import WindowRequest, open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.preview import (
    KEYS,
    Preview,
    PreviewStatus,
    display_available,
    help_lines,
    label,
    letterbox,
    window_size,
)
from tests.display import private_display

INFO = OutputInfo(320, 180, 30.0)
RED, GREEN, BLUE, WHITE = (200, 30, 40), (20, 180, 60), (30, 60, 210), (250, 250, 250)


def four_corners() -> Frame:
    """Red and green above, blue and white below."""
    image = np.full((180, 320, 4), 255, np.uint8)
    image[:90, :160, :3], image[:90, 160:, :3] = RED, GREEN
    image[90:, :160, :3], image[90:, 160:, :3] = BLUE, WHITE
    return Frame(image, 0, 0.0)


@pytest.fixture(scope="module")
def display():
    with private_display() as display:
        yield display


@pytest.fixture
def graphics(display):
    with open_graphics(WindowRequest(width=640, height=360)) as graphics:
        yield graphics


@pytest.fixture
def preview(graphics):
    preview = Preview(graphics)
    assert preview.open(INFO) == "preview window"
    resize(preview, 640, 360)
    yield preview
    preview.close()


def resize(preview, width: int, height: int) -> None:
    import glfw

    glfw.set_window_size(preview._graphics.window, width, height)
    assert comes_to_have(preview._graphics.window, (width, height))


def comes_to_have(window, size: tuple[int, int]) -> bool:
    """Waits until the display has given the window that size; it takes its time."""
    import glfw

    for _ in range(100):
        if glfw.get_framebuffer_size(window) == size:
            return True
        glfw.wait_events_timeout(0.1)
    return False


def drawn(preview, frame: Frame) -> np.ndarray:
    """Returns the image that `send` draws: uint8[h, w, 3], row 0 at the top."""
    import glfw

    graphics = preview._graphics
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glfw, "swap_buffers", lambda window: None)  # keeps it in the back buffer
        preview.send(frame)
    width, height = glfw.get_framebuffer_size(graphics.window)
    pixels = graphics.ctx.screen.read((0, 0, width, height), components=3, alignment=1)
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)[::-1]


def screenshot(display) -> np.ndarray:
    """Returns the content of the display: uint8[600, 800, 3], from the X server."""
    shot = subprocess.run(
        ["import", "-display", display, "-window", "root", "-depth", "8", "rgb:-"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    return np.frombuffer(shot.stdout, np.uint8).reshape(600, 800, 3)


def press(preview, key: int, mods: int = 0, action: int | None = None) -> list[Command]:
    """The commands after GLFW reported a key, through the callback that it would call."""
    import glfw

    scancode = glfw.get_key_scancode(key)
    callback = glfw.set_key_callback(preview._window, preview._on_key)
    assert callback is not None
    callback(preview._window, key, scancode, glfw.PRESS if action is None else action, mods)
    return preview.poll()


@pytest.mark.skipif(shutil.which("import") is None, reason="ImageMagick's import is missing")
def test_the_frame_is_on_the_display_with_its_own_colors(preview, graphics, display):
    import glfw

    glfw.set_window_pos(graphics.window, 0, 0)
    preview.poll()
    preview.send(four_corners())
    graphics.ctx.finish()
    screen = screenshot(display)[:360, :640].astype(int)
    for (y, x), color in (
        ((80, 150), RED), ((80, 500), GREEN), ((280, 150), BLUE), ((280, 500), WHITE)
    ):  # fmt: skip
        assert np.abs(screen[y, x] - color).max() <= 1, (y, x)


def test_a_window_of_another_aspect_gets_bars_and_no_distortion(preview, graphics):
    resize(preview, 400, 400)
    pixels = drawn(preview, four_corners())
    assert pixels.shape == (400, 400, 3)
    assert pixels[40, 200].max() < 30
    assert pixels[360, 200].max() < 30
    assert tuple(pixels[95, 5]) == RED
    assert tuple(pixels[306, 395]) == WHITE


def test_the_help_is_drawn_over_the_window_and_not_over_the_frame(preview, graphics):
    import glfw

    frame = four_corners()
    before = frame.image.copy()
    plain = drawn(preview, frame)
    assert press(preview, glfw.KEY_H) == [Command.HELP]
    helped = drawn(preview, frame)
    changed = (plain != helped).any(axis=2)
    assert 0.03 < changed.mean() < 0.6
    assert changed[:180].sum() > 5 * changed[250:].sum()  # it hangs from the top
    assert (frame.image == before).all()
    press(preview, glfw.KEY_H)
    assert (drawn(preview, frame) == plain).all()


def test_the_status_line_changes_with_the_status(preview, graphics):
    preview.status = PreviewStatus("avatar", 29.7)
    calm = drawn(preview, four_corners())
    preview.status = replace(preview.status, recording=True)
    recording = drawn(preview, four_corners())
    changed = (calm != recording).any(axis=2)
    assert changed[300:].any()
    assert not changed[:300].any()


@pytest.mark.parametrize(("key", "command"), KEYS.items())
def test_every_key_gives_its_command(preview, key, command):
    assert press(preview, ord(key)) == [command]
    assert preview.poll() == []


def test_escape_quits_and_so_does_closing_the_window(preview, graphics):
    import glfw

    assert press(preview, glfw.KEY_ESCAPE) == [Command.QUIT]
    glfw.set_window_should_close(graphics.window, True)
    assert preview.poll() == [Command.QUIT]
    assert preview.poll() == []


def test_shortcuts_of_the_desktop_releases_and_repeats_are_no_commands(preview):
    import glfw

    assert press(preview, glfw.KEY_P, mods=glfw.MOD_CONTROL) == []
    assert press(preview, glfw.KEY_P, action=glfw.RELEASE) == []
    assert press(preview, glfw.KEY_P, action=glfw.REPEAT) == []
    assert press(preview, glfw.KEY_1) == []


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool is missing")
def test_a_key_pressed_on_the_keyboard_arrives(preview, graphics, display):
    import glfw

    glfw.focus_window(graphics.window)
    preview.poll()
    typed = subprocess.run(
        ["xdotool", "search", "--sync", "--name", "^livecam$", "windowfocus", "--sync", "key", "p"],
        env=os.environ | {"DISPLAY": display},
        timeout=30,
        check=False,
    )
    assert typed.returncode == 0
    heard: list[Command] = []
    for _ in range(50):
        glfw.wait_events_timeout(0.1)
        heard += preview.poll()
        if heard:
            break
    assert heard == [Command.PANIC]


def test_an_iconified_window_costs_nothing(preview, graphics, monkeypatch):
    import glfw

    monkeypatch.setattr(glfw, "get_window_attrib", lambda window, name: name == glfw.ICONIFIED)
    preview._drawing.paint = None  # calling it would fail
    preview.send(four_corners())


def test_the_preview_leaves_no_state_behind_for_the_renderer(preview, graphics):
    preview.status = PreviewStatus("avatar", 30.0)
    preview.send(four_corners())
    target = graphics.ctx.simple_framebuffer((8, 8))
    target.use()
    target.clear(0.0, 0.0, 1.0, 1.0)
    assert target.read(components=4) == bytes((0, 0, 255, 255)) * 64
    assert graphics.ctx.error == "GL_NO_ERROR"


def test_a_closed_preview_ignores_keys_and_refuses_frames(graphics):
    preview = Preview(graphics)
    preview.open(INFO)
    preview.close()
    assert preview.poll() == []
    with pytest.raises(SinkError):
        preview.send(four_corners())


def test_headless_graphics_have_no_preview(display):
    with open_graphics() as headless, pytest.raises(SinkError, match="no window"):
        Preview(headless).open(INFO)


def test_a_display_is_found_when_there_is_one(display, monkeypatch):
    assert display_available()
    monkeypatch.delenv("DISPLAY")
    assert not display_available()


@pytest.mark.parametrize(
    ("picture", "window", "where"),
    [
        ((1280, 720), (1280, 720), (0, 0, 1280, 720)),
        ((1280, 720), (640, 640), (0, 140, 640, 360)),
        ((720, 1280), (640, 640), (140, 0, 360, 640)),
        ((320, 180), (1280, 800), (0, 40, 1280, 720)),
    ],
)
def test_letterbox_keeps_the_shape_and_the_middle(picture, window, where):
    assert letterbox(picture, window) == where


@pytest.mark.parametrize(
    ("picture", "max_side", "window"),
    [
        ((1280, 720), 640, (640, 360)),
        ((1080, 1920), 1280, (720, 1280)),
        ((320, 180), 640, (320, 180)),
    ],
)
def test_the_window_takes_the_aspect_of_the_frame(picture, max_side, window):
    assert window_size(picture, max_side) == window


def test_a_software_renderer_gets_a_small_window(graphics):
    graphics.software = True
    preview = Preview(graphics)
    preview.open(OutputInfo(720, 1280, 30.0))
    assert comes_to_have(graphics.window, (360, 640))
    preview.close()


def test_a_label_is_premultiplied_and_not_empty():
    image = label([[("REC", (255, 96, 86))]], 0.5)
    assert image[..., :3].max() > 80
    assert (image[..., :3] <= image[..., 3:]).all()
    assert image[0, 0].tolist() == [0, 0, 0, 150]


def test_the_status_line_names_special_states():
    words = [text for text, _ in PreviewStatus("hold", 29.97, True, True, True).spans]
    assert words == ["hold", "30 fps", "REC", "FROZEN", "PANIC"]


def test_the_help_of_a_live_run_tells_how_much_is_done():
    keys = [[text for text, _ in line] for line in help_lines(PreviewStatus())]
    assert len(keys) == len(KEYS)
    *lines, last = help_lines(PreviewStatus(quality="auto", rung=2))
    assert [[text for text, _ in line] for line in lines] == keys
    assert [text for text, _ in last] == ["", "quality auto, rung 2"]


@pytest.fixture
def chinese():
    set_language("zh")
    yield
    set_language(ENGLISH)


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("size", [0.5, 1.0])
def test_a_label_has_the_characters_of_every_text_of_the_window(size: float):
    white = (255, 255, 255)
    unknown = label([[("\uffff", white)]], size)  # drawn as a question mark
    texts = [tr(command.value) for command in Command] + [tr(state.value) for state in Shown]
    texts.append(tr("quality {quality}, rung {rung}", quality="auto", rung=2))
    for character in sorted({c for text in texts for c in text} - {" "}):
        assert not np.array_equal(label([[(character, white)]], size), unknown), character


@pytest.mark.usefixtures("chinese")
def test_the_window_speaks_the_chosen_language():
    words = [text for text, _ in PreviewStatus("hold", 29.97, True, True, True).spans]
    assert all(not word.isascii() for word in words if word != "30 fps")
    assert words[1] == "30 fps"

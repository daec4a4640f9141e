"""Shows the published frames in a window and turns its keys into commands.

Everything here runs on the thread that owns the OpenGL context. The text that the preview
draws over the frame (keys, state) is never published.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.core.commands import Command
from livecam.core.errors import SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.core.language import current_language, tr
from livecam.render.context import Graphics, on_linux
from livecam.sinks.base import OutputInfo

KEYS: dict[str, Command] = {
    "H": Command.HELP,
    "M": Command.MIRROR,
    "A": Command.NEXT_AVATAR,
    "R": Command.RECORD,
    "F": Command.FREEZE,
    "B": Command.TAKE_PLATE,
    "P": Command.PANIC,
    "Q": Command.QUIT,
}
MAX_SIDE, MAX_SIDE_IN_SOFTWARE = 1280, 640  # sides of the window; llvmpipe draws pixel by pixel
FONTS = {"en": "sans", "zh": "uni"}  # OpenCV's own, by language
FONT_PX = 28  # at a size of 1
REGULAR, BOLD = 400, 600  # weights
MAX_REGULAR = 0.75  # the largest size in the regular weight
BORDER = (0.07, 0.07, 0.08)  # beside the image, when the window has another shape

Color: TypeAlias = tuple[int, int, int]
Span: TypeAlias = tuple[str, Color]  # a piece of a line, in one colour
WHITE: Color = (235, 235, 235)
RED: Color = (255, 96, 86)
BLUE: Color = (120, 190, 255)
AMBER: Color = (255, 200, 80)

VERTEX = """
#version 330
// Covers the viewport; row 0 of the texture is at the top.
out vec2 uv;
void main() {
    vec2 corner = vec2(gl_VertexID % 2, gl_VertexID / 2);
    uv = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
"""
FRAGMENT = """
#version 330
// Copies an image without decoding.
in vec2 uv;
out vec4 color;
uniform sampler2D picture;
void main() { color = texture(picture, uv); }
"""


@dataclass(frozen=True, slots=True)
class PreviewStatus:
    """The contents of the status line of the window."""

    state: str = ""  # avatar, hold, curtain ...
    fps: float = 0.0
    recording: bool = False
    frozen: bool = False
    panic: bool = False
    quality: str = ""  # of a live run; shown with the keys
    rung: int = 0

    @property
    def spans(self) -> list[Span]:
        marks = [
            (tr("REC"), RED, self.recording),
            (tr("FROZEN"), BLUE, self.frozen),
            (tr("PANIC"), AMBER, self.panic),
        ]
        spans = [(tr(self.state), WHITE)] if self.state else []
        if self.fps > 0:
            spans.append((f"{self.fps:.0f} fps", WHITE))
        return spans + [(word, color) for word, color, shown in marks if shown]


def display_available() -> bool:
    """Returns whether a window can be opened; call it on the main thread."""
    if on_linux() and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        import glfw
    except ImportError:
        return False
    setattr(glfw, "ERROR_REPORTING", False)  # noqa: B010 - it would warn; the answer is enough
    return bool(glfw.init())


class Preview:
    """Draws frames in the window of a `Graphics`, and turns its keys into commands.

    Set `status` whenever something changed. `poll` must be called between frames, also when
    nothing is sent, or the window freezes.
    """

    format = PixelFormat.RGBA

    def __init__(self, graphics: Graphics) -> None:
        self._graphics = graphics
        self._window: Any = None
        self._commands: list[Command] = []
        self._drawing: _Drawing | None = None
        self.status = PreviewStatus()
        self.help_shown = False

    def open(self, info: OutputInfo) -> str:
        """Prepares to draw frames of that size, and gives the window their shape.

        Raises:
            SinkError: the graphics were opened without a window.
        """
        if self._graphics.window is None:
            raise SinkError("there is no window for the preview", hint="run with --no-preview")
        import glfw

        self._window = self._graphics.window
        self._drawing = _Drawing(self._graphics.ctx, info.width, info.height)
        max_side = MAX_SIDE_IN_SOFTWARE if self._graphics.software else MAX_SIDE
        glfw.set_window_size(self._window, *window_size((info.width, info.height), max_side))
        glfw.set_key_callback(self._window, self._on_key)
        return tr("preview window")

    def send(self, frame: Frame) -> None:
        """Draws one frame; does nothing while the window is iconified.

        Raises:
            SinkError: the driver failed.
        """
        if self._drawing is None:
            raise SinkError("the preview is not open")
        import glfw

        width, height = glfw.get_framebuffer_size(self._window)
        if glfw.get_window_attrib(self._window, glfw.ICONIFIED) or not width or not height:
            return
        size = 0.5 * max(1.0, float(glfw.get_window_content_scale(self._window)[0]))
        keys = help_lines(self.status) if self.help_shown else []
        try:
            self._drawing.paint(frame, width, height, self.status.spans, keys, size)
        except (moderngl.Error, ValueError) as err:
            raise SinkError("the preview cannot be drawn: {error}", error=err) from err
        glfw.swap_buffers(self._window)

    def poll(self) -> list[Command]:
        """Returns the commands since the last call; closing the window is QUIT."""
        if self._window is None:
            return []
        import glfw

        glfw.poll_events()
        commands, self._commands = self._commands, []
        if glfw.window_should_close(self._window):
            glfw.set_window_should_close(self._window, False)
            commands.append(Command.QUIT)
        return commands

    def close(self) -> None:
        """Releases the window, which belongs to the graphics."""
        if self._window is not None:
            import glfw

            glfw.set_key_callback(self._window, _no_key)
        if self._drawing is not None:
            self._drawing.close()
        self._window = self._drawing = None

    def _on_key(self, window: Any, key: int, scancode: int, action: int, mods: int) -> None:
        import glfw

        if action != glfw.PRESS or mods & (glfw.MOD_CONTROL | glfw.MOD_ALT | glfw.MOD_SUPER):
            return
        command = Command.QUIT if key == glfw.KEY_ESCAPE else KEYS.get(_letter(key, scancode))
        if command is Command.HELP:
            self.help_shown = not self.help_shown
        if command is not None:
            self._commands.append(command)


def _no_key(*_: object) -> None:
    """Ignores keys after `close`."""


def window_size(image: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Fits a window to the image's shape: no side longer than `max_side`, never larger."""
    scale = min(1.0, max_side / max(image))
    return round(image[0] * scale), round(image[1] * scale)


def letterbox(image: tuple[int, int], window: tuple[int, int]) -> tuple[int, int, int, int]:
    """Fits an image into a window, whole and undistorted: x, y, width, height."""
    scale = min(window[0] / image[0], window[1] / image[1])
    width, height = round(image[0] * scale), round(image[1] * scale)
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


class _Drawing:
    """The OpenGL objects of the preview."""

    def __init__(self, ctx: moderngl.Context, width: int, height: int) -> None:
        self._ctx = ctx
        self._program = ctx.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)
        self._quad = ctx.vertex_array(self._program, [])
        self._image = ctx.texture((width, height), 4)
        self._status = _Label(ctx)
        self._help = _Label(ctx)

    def paint(
        self,
        frame: Frame,
        width: int,
        height: int,
        status: Sequence[Span],
        help: Sequence[Sequence[Span]],
        size: float,
    ) -> None:
        """Draws the frame and the labels into a window of that size, in pixels."""
        ctx = self._ctx
        self._image.write(np.ascontiguousarray(frame.image))
        ctx.screen.use()
        ctx.scissor = None
        ctx.enable_only(moderngl.NOTHING)
        ctx.viewport = (0, 0, width, height)
        viewport = letterbox(self._image.size, (width, height))
        if viewport[2:] != (width, height):
            ctx.screen.clear(*BORDER, viewport=(0, 0, width, height))
        self._draw(self._image, viewport)
        ctx.enable_only(moderngl.BLEND)
        ctx.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        margin = round(16 * size)
        if status and (label := self._status.texture([status], size)):
            self._draw(label, (margin, margin, *label.size))
        if help and (label := self._help.texture(help, size)):
            self._draw(label, (margin, height - margin - label.height, *label.size))
        ctx.enable_only(moderngl.NOTHING)

    def _draw(self, texture: moderngl.Texture, viewport: tuple[int, int, int, int]) -> None:
        self._ctx.viewport = viewport
        same_size = viewport[2:] == texture.size
        texture.filter = (moderngl.NEAREST,) * 2 if same_size else (moderngl.LINEAR,) * 2
        texture.use(0)
        self._quad.render(moderngl.TRIANGLE_STRIP, 4)

    def close(self) -> None:
        for thing in (self._quad, self._program, self._image, self._status, self._help):
            thing.release()


class _Label:
    """A texture with text on it, drawn again only when the text changes."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._shown: object = None
        self._texture: moderngl.Texture | None = None

    def texture(self, lines: Sequence[Sequence[Span]], size: float) -> moderngl.Texture:
        wanted = (lines, size)
        if self._texture is None or wanted != self._shown:
            self.release()
            image = label(lines, size)
            self._texture = self._ctx.texture((image.shape[1], image.shape[0]), 4, image)
            self._shown = wanted
        return self._texture

    def release(self) -> None:
        if self._texture is not None:
            self._texture.release()
        self._texture = None


def label(lines: Sequence[Sequence[Span]], size: float) -> NDArray[np.uint8]:
    """Draws text on a dark, half transparent plate: uint8[h, w, 4], premultiplied.

    Letters are about 22 px high at a size of 1.
    """
    font = cv2.FontFace(FONTS[current_language()])
    px, weight = round(FONT_PX * size), BOLD if size > MAX_REGULAR else REGULAR
    pad, gap, row = round(16 * size), round(18 * size), round(38 * size)

    def width_of(text: str) -> int:
        return int(cv2.getTextSize((0, 0), text, (0, 0), font, px, weight)[2])

    column = max(width_of(line[0][0]) for line in lines)  # of the first words of all lines
    widths = [column + sum(gap + width_of(text) for text, _ in line[1:]) for line in lines]
    ink = np.zeros((2 * pad + row * len(lines), 2 * pad + max(widths), 4), np.uint8)
    for number, line in enumerate(lines):
        x, y = pad, pad + row * number + round(28 * size)
        for place, (text, color) in enumerate(line):
            # An alpha of 255 makes OpenCV's smooth edges premultiplied.
            cv2.putText(ink, text, (x, y), (*color, 255), font, px, weight)
            x += (width_of(text) if place else column) + gap
    plate = np.array((0, 0, 0, 150), np.uint16)
    covered = ink[..., 3:].astype(np.uint16)
    return (ink + plate * (255 - covered) // 255).astype(np.uint8)


def help_lines(status: PreviewStatus) -> list[list[Span]]:
    """Returns the keys, and how much is done for a frame."""
    keys = [[(key, AMBER), (tr(command.value), WHITE)] for key, command in KEYS.items()]
    if not status.quality:
        return keys
    words = tr("quality {quality}, rung {rung}", quality=status.quality, rung=status.rung)
    return [*keys, [("", AMBER), (words, WHITE)]]


def _letter(key: int, scancode: int) -> str:
    """Returns the letter printed on a key (a French keyboard has A elsewhere), or its US letter."""
    import glfw

    name = glfw.get_key_name(key, scancode)
    if name and len(name) == 1 and name.isascii() and name.isalpha():
        return str(name).upper()
    return chr(key) if 0 < key < 128 else ""

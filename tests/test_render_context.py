"""An OpenGL context opens headless or in a window, and failures name a remedy."""

import moderngl
import pytest

from livecam.core.errors import GraphicsError
from livecam.render.context import WindowRequest, open_graphics
from tests.display import private_display


def test_headless_context_draws_without_a_display():
    with open_graphics() as graphics:
        target = graphics.ctx.simple_framebuffer((4, 4))
        target.clear(1.0, 0.0, 0.0, 1.0)
        assert target.read(components=4)[:4] == bytes((255, 0, 0, 255))
        assert graphics.renderer
        assert graphics.window is None


def test_llvmpipe_is_recognised_as_a_software_renderer():
    with open_graphics() as graphics:
        assert graphics.software == ("llvmpipe" in graphics.renderer.lower())


def test_closing_twice_is_harmless():
    graphics = open_graphics()
    graphics.close()
    graphics.close()


def test_a_driver_that_refuses_becomes_a_graphics_error_with_a_remedy(monkeypatch):
    def refuse(**_):
        raise Exception("libEGL.so not loaded")

    monkeypatch.setattr(moderngl, "create_context", refuse)
    monkeypatch.setattr("livecam.render.context.on_linux", lambda: True)
    with pytest.raises(GraphicsError, match="libEGL") as caught:
        open_graphics()
    assert "libegl1" in caught.value.hint


def test_a_window_without_a_display_is_a_graphics_error(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    import glfw

    glfw.terminate()
    with pytest.raises(GraphicsError, match="no window") as caught:
        open_graphics(WindowRequest(visible=False))
    assert caught.value.hint


def test_a_window_shows_what_is_drawn_into_its_screen():
    with (
        private_display(),
        open_graphics(WindowRequest(width=32, height=32, visible=False)) as graphics,
    ):
        assert graphics.window is not None
        graphics.ctx.screen.use()
        graphics.ctx.clear(0.0, 1.0, 0.0)
        assert graphics.ctx.screen.read((0, 0, 1, 1)) == bytes((0, 255, 0))

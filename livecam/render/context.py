"""Opens an OpenGL context, headless or in a window.

GLFW is imported only here and in `sinks/preview.py`.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import traceback
from dataclasses import dataclass
from typing import Any, cast

import moderngl

from livecam.core.closing import Closing
from livecam.core.errors import GraphicsError
from livecam.core.language import to_translate, tr
from livecam.core.system_libraries import missing_library
from livecam.render.draw_calls import DrawCalls

log = logging.getLogger(__name__)

OPENGL = 330
EGL: dict[str, Any] = {"backend": "egl"}  # moderngl's annotation wants dictionaries here
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "microsoft basic render", "software rasterizer")
HINT = to_translate(
    "on Debian and Ubuntu: apt-get install libgl1 libegl1 libgl1-mesa-dri; "
    "elsewhere install the graphics card's driver (OpenGL 3.3 or newer)"
)


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """The window of the preview."""

    title: str = "livecam"
    width: int = 1280
    height: int = 720
    visible: bool = True


class Graphics(Closing):
    """An OpenGL context and its window, if any; used and closed on the thread that opened it."""

    def __init__(self, ctx: moderngl.Context, window: Any | None, hidden: bool = False) -> None:
        self.ctx = ctx
        self.calls = DrawCalls(_address_of)
        self.window = None if hidden else window  # GLFW's handle
        self.renderer = str(ctx.info["GL_RENDERER"])
        self.version = str(ctx.info["GL_VERSION"])
        self.software = any(word in self.renderer.lower() for word in SOFTWARE)
        self._owned_window = window
        self._closed = False

    def release_unfinished(self, error: BaseException) -> None:
        """Releases the OpenGL objects of constructors that raised this error.

        moderngl keeps objects that are dropped without `release` until the context ends, and the
        frames of the traceback still hold these.
        """
        each: BaseException | None = error
        self.ctx.gc_mode = "auto"
        try:
            while each is not None:
                traceback.clear_frames(each.__traceback__)
                each = each.__cause__ or each.__context__
        finally:
            self.ctx.gc_mode = None  # type: ignore[assignment]  # its stub lacks the default

    def close(self) -> None:
        """Releases the context and the window; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.ctx.release()
        if self._owned_window is not None:
            import glfw

            glfw.destroy_window(self._owned_window)
        self.window = self._owned_window = None


def open_graphics(window: WindowRequest | None = None) -> Graphics:
    """Opens a context, in a window if one is requested, else headless.

    Headless means EGL on Linux, which needs no display, and a hidden window elsewhere.

    Raises:
        GraphicsError: there is no usable OpenGL, or no display for the window.
    """
    if window is not None:
        return _in_window(window)
    if on_linux():
        return _headless()
    return _in_window(WindowRequest(width=64, height=64, visible=False), hidden=True)


def on_linux() -> bool:
    """Returns whether this is Linux, where EGL is available."""
    return sys.platform.startswith("linux")


def _headless() -> Graphics:
    try:
        ctx = moderngl.create_context(standalone=True, require=OPENGL, **EGL)
    except Exception as error:  # the loader raises bare Exception
        raise GraphicsError(
            "OpenGL cannot be opened through EGL: {error}", HINT, error=error
        ) from error
    return Graphics(ctx, None)


def _in_window(request: WindowRequest, hidden: bool = False) -> Graphics:
    try:
        import glfw
    except ImportError as error:
        unusable = GraphicsError("GLFW cannot be loaded: {error}", "pip install glfw", error=error)
        raise missing_library(error) or unusable from error
    handle: Any = None
    setattr(glfw, "ERROR_REPORTING", False)  # noqa: B010 - it would warn; we read get_error()
    try:
        if not glfw.init():
            raise GraphicsError(
                "no window can be opened: {reason}", _display_hint(), reason=_glfw_error()
            )
        _hint_core_profile(request)
        handle = glfw.create_window(request.width, request.height, request.title, None, None)
        if not handle:
            raise GraphicsError("no window can be opened: {reason}", HINT, reason=_glfw_error())
        glfw.make_context_current(handle)
        glfw.swap_interval(0)  # the pipeline keeps the pace; a swap must not wait for the display
        ctx = _current_context()
    except GraphicsError:
        _destroy(handle)
        raise
    except Exception as error:
        _destroy(handle)
        raise GraphicsError("no window can be opened: {error}", HINT, error=error) from error
    return Graphics(ctx, handle, hidden)


def _address_of(name: str) -> int:
    """Returns the address of an OpenGL function, once there is a context."""
    if on_linux():  # all contexts are those of EGL
        address = ctypes.CDLL("libEGL.so.1").eglGetProcAddress
        address.argtypes, address.restype = (ctypes.c_char_p,), ctypes.c_void_p
        return int(address(name.encode()) or 0)
    import glfw

    return int(glfw.get_proc_address(name) or 0)


class _GlfwLoader:
    """Loads OpenGL functions through GLFW: the same on X11, Wayland, Windows and macOS."""

    def load_opengl_function(self, name: str) -> int:
        import glfw

        return int(glfw.get_proc_address(name) or 0)

    def release(self) -> None:
        pass


def _current_context() -> moderngl.Context:
    moderngl.init_context(loader=_GlfwLoader())
    ctx = moderngl.get_context()
    if ctx.version_code < OPENGL:
        raise GraphicsError(
            "OpenGL 3.3 is needed, the driver offers {version_code}",
            HINT,
            version_code=ctx.version_code,
        )
    return ctx


def _hint_core_profile(request: WindowRequest) -> None:
    import glfw

    glfw.default_window_hints()
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, OPENGL // 100)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, OPENGL // 10 % 10)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
    glfw.window_hint(glfw.VISIBLE, request.visible)
    glfw.window_hint(glfw.DEPTH_BITS, 0)
    if on_linux():
        # A GLX context cannot be made current on a thread that had an EGL one (BadAccess).
        glfw.window_hint(glfw.CONTEXT_CREATION_API, glfw.EGL_CONTEXT_API)


def _glfw_error() -> str:
    import glfw

    code, text = cast("tuple[int, bytes | None]", glfw.get_error())  # its stub says str
    return text.decode(errors="replace") if text else tr("GLFW error {code}", code=code)


def _display_hint() -> str:
    return to_translate("is there a display? Without one, run with --no-preview")


def _destroy(handle: Any | None) -> None:
    if handle:
        import glfw

        glfw.destroy_window(handle)

"""The OpenGL calls that take long, without the global interpreter lock.

moderngl holds the lock in all its calls. A software renderer transforms the vertices in a draw
call, and waits there for its own threads: no other Python thread would run for most of a frame.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from ctypes import c_int, c_uint, c_void_p
from typing import Any

import moderngl

from livecam.core.errors import GraphicsError

UNSIGNED_INT = 0x1405
_FUNCTION: Any = getattr(ctypes, "WINFUNCTYPE" if sys.platform == "win32" else "CFUNCTYPE")


class DrawCalls:
    """Draws and waits while other Python threads run; used on the thread of the context.

    Args:
        address: returns the address of an OpenGL function.
    """

    def __init__(self, address: Callable[[str], int]) -> None:
        def function(name: str, *arguments: Any) -> Any:
            if not (at := address(name)):
                raise GraphicsError("the driver has no {function}", function=name)
            return _FUNCTION(None, *arguments)(at)

        self._use_program = function("glUseProgram", c_uint)
        self._bind = function("glBindVertexArray", c_uint)
        self._draw = function("glDrawElementsInstanced", c_uint, c_int, c_uint, c_void_p, c_int)
        self._finish = function("glFinish")

    def render(
        self, array: moderngl.VertexArray, instances: int = 1, vertices: int | None = None
    ) -> None:
        """Draws the triangles of an array with indices uint32, or of its first `vertices`."""
        count = array.vertices if vertices is None else vertices
        self._use_program(array.program.glo)
        self._bind(array.glo)
        self._draw(moderngl.TRIANGLES, count, UNSIGNED_INT, None, instances)

    def finish(self) -> None:
        """Waits until everything is drawn, so that reading it back does not."""
        self._finish()

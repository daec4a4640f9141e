"""Loads and compiles GLSL 330: includes, defines, and driver errors that name file and line.

Sources lie in the top-level `shaders/`, in a wheel in `livecam/_data/shaders`. `#include "x.glsl"`
is expanded once; every program starts with the version line, so the files hold none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import MAX_BONES
from livecam.core.errors import ShaderError, reason_of

PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (PACKAGE / "_data" / "shaders", PACKAGE.parent / "shaders")

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"\s*$')
_UNIFORM = re.compile(r"^\s*uniform\s+\w+\s+([^;]+);", re.MULTILINE)
# Mesa "0:12(3): error", NVIDIA "0(12) : error", AMD, Intel and Apple "ERROR: 0:12:"
_DRIVER_LINE = re.compile(r"(?<![\w.])(\d+)(?::(\d+)(?:\(\d+\))?|\((\d+)\))")

Value: TypeAlias = float | int | tuple[float, ...] | NDArray[Any] | bytes


def shader_folder() -> Path:
    """Returns the folder of the GLSL files.

    Raises:
        ShaderError: the installation is incomplete.
    """
    for folder in FOLDERS:
        if folder.is_dir():
            return folder
    raise ShaderError("the shaders are missing", hint="install livecam again")


class ShaderSource:
    """The text of a shader after includes, and the file and line that each line came from."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.files: list[str] = []  # the index is the number in `#line` and in driver messages
        self._folder = folder
        self.text = "\n".join(self._expand(name, ()))

    def _expand(self, name: str, chain: tuple[str, ...]) -> list[str]:
        if name in chain:
            raise ShaderError(
                "shaders include each other: {names}", names=" -> ".join((*chain, name))
            )
        try:
            lines = (self._folder / name).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ShaderError(
                "shader {name} cannot be read, included by {by}: {reason}"
                if chain
                else "shader {name} cannot be read: {reason}",
                name=name, by=chain[-1] if chain else "", reason=reason_of(error),
            ) from error  # fmt: skip
        number = len(self.files)
        self.files.append(name)
        out = [f"#line 1 {number}"]
        for row, line in enumerate(lines, start=1):
            included = _INCLUDE.match(line)
            if included is None:
                out.append(line)
                continue
            if included[1] not in self.files or included[1] in (*chain, name):
                out += self._expand(included[1], (*chain, name))
            out.append(f"#line {row + 1} {number}")
        return out

    @property
    def uniforms(self) -> set[str]:
        """The names of all declared uniforms, whether the driver keeps them or not."""
        names = (n for found in _UNIFORM.findall(self.text) for n in found.split(","))
        return {n.split("[")[0].strip() for n in names}

    def glsl(self, defines: Mapping[str, str | int]) -> str:
        given = {"MAX_BONES": MAX_BONES, **defines}
        head = ["#version 330 core", *(f"#define {k} {v}" for k, v in given.items())]
        return "\n".join((*head, self.text, ""))

    def locate(self, message: str) -> str:
        """Replaces the numbers in a driver's message by `file:line`."""

        def name(found: re.Match[str]) -> str:
            number = int(found[1])
            line = found[2] or found[3]
            return f"{self.files[number]}:{line}" if number < len(self.files) else found[0]

        return _DRIVER_LINE.sub(name, message)


@cache
def load(name: str, folder: Path | None = None) -> ShaderSource:
    """Loads the source of that name, once per process.

    Raises:
        ShaderError: a file is missing, or files include each other.
    """
    return ShaderSource(name, folder or shader_folder())


class Program:
    """A compiled program; setting a uniform that its sources do not declare is an error."""

    def __init__(
        self,
        ctx: moderngl.Context,
        vertex: str,
        fragment: str,
        defines: Mapping[str, str | int] | None = None,
        folder: Path | None = None,
    ) -> None:
        sources = (load(vertex, folder), load(fragment, folder))
        self.name = f"{vertex} + {fragment} {dict(defines or {})}"
        self.gl = _compile(ctx, sources, defines or {})
        self.declared = sources[0].uniforms | sources[1].uniforms
        members = ((name, self.gl[name]) for name in self.gl)
        self._uniforms = {n: m for n, m in members if isinstance(m, moderngl.Uniform)}
        self._written: dict[str, Value] = {}

    def set(self, **values: Value) -> None:
        """Writes uniforms; a matrix is float[4, 4] for column vectors, as in core/spaces.

        Raises:
            ShaderError: no source of this program declares that name.
        """
        for name, value in values.items():
            if name not in self.declared:
                raise ShaderError("{program} has no uniform {name}", program=self.name, name=name)
            uniform = self._uniforms.get(name)
            if uniform is None:
                continue  # declared, but this variant does not use it
            value = packed(value)
            if self._written.get(name) == value:
                continue
            self._written[name] = value
            if isinstance(value, bytes):
                uniform.write(value)
            else:
                uniform.value = value

    def release(self) -> None:
        self.gl.release()


def packed(value: Value) -> float | int | tuple[float, ...] | bytes:
    """Returns a value as it is written: a matrix as the bytes of its columns."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value.T, np.float32).tobytes()
    return value


def _compile(
    ctx: moderngl.Context,
    sources: tuple[ShaderSource, ShaderSource],
    defines: Mapping[str, str | int],
) -> moderngl.Program:
    vertex, fragment = sources
    try:
        return ctx.program(vertex.glsl(defines), fragment.glsl(defines))
    except moderngl.Error as error:
        message = str(error)
        # moderngl begins its message with the name of the stage that failed.
        failed = fragment if "fragment_shader" in message else vertex
        raise ShaderError(failed.locate(_lines_of_interest(message))) from error


def _lines_of_interest(message: str) -> str:
    lines = [x.strip() for x in message.splitlines() if re.search(r"\d", x)]
    return "; ".join(lines) or message.strip()

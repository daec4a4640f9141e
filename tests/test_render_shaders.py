"""Shaders: every program compiles, uniforms agree both ways, errors name file and line."""

from pathlib import Path

import numpy as np
import pytest

from livecam.compose.painter import FullPainter, LightPainter
from livecam.config.settings import RenderSettings
from livecam.core.errors import ShaderError
from livecam.core.timing import StageTimer
from livecam.render import shaders
from livecam.render.context import open_graphics
from livecam.render.i420 import GpuI420
from livecam.render.shaders import Program, ShaderSource, load, shader_folder
from tests.render_help import at, ball_avatar, used_uniforms, written_uniforms


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        yield opened


def painters(graphics):
    avatar = ball_avatar(every_coat=True)
    yield LightPainter(graphics, avatar, StageTimer())
    for shells, samples in ((3, 4), (0, 0), (2, 0)):
        settings = RenderSettings(tier="full", shells=shells, samples=samples)
        yield FullPainter(graphics, avatar, settings, StageTimer())


def test_every_active_uniform_of_every_program_is_set(graphics, monkeypatch):
    written = written_uniforms(monkeypatch)
    for painter in painters(graphics):
        painter.begin(np.full((48, 64, 4), 128, np.uint8))
        painter.add(at(), 0.5)
        painter.finish()
        for program in painter.programs:
            # `set` itself refuses names that no source declares
            assert used_uniforms(program) <= written[program], program.name
        painter.release()


def test_every_shader_file_is_used_by_some_program(graphics, monkeypatch):
    used = set()

    def recorded(*args):
        source = load(*args)
        used.update(source.files)
        return source

    monkeypatch.setattr(shaders, "load", recorded)
    for painter in painters(graphics):
        painter.release()
    GpuI420(graphics.ctx, 4, 4).release()
    assert {path.name for path in shader_folder().iterdir()} == used


def test_every_shader_file_begins_with_its_description():
    for path in shader_folder().iterdir():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("// "), path.name
        assert "#version" not in text, path.name


def test_setting_an_unknown_uniform_is_refused(graphics):
    program = Program(graphics.ctx, "quad.vert", "blur.frag")
    with pytest.raises(ShaderError, match="no uniform sigmas"):
        program.set(sigmas=(1.0, 1.0))
    program.release()


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_an_include_is_expanded_once(tmp_path):
    write(tmp_path, a_frag='#include "b.glsl"\n#include "b.glsl"\n', b_glsl="float two;\n")
    assert ShaderSource("a.frag", tmp_path).text.count("float two;") == 1


def test_a_cycle_is_reported_as_the_chain_of_names(tmp_path):
    write(tmp_path, a_glsl='#include "b.glsl"\n', b_glsl='#include "a.glsl"\n')
    with pytest.raises(ShaderError, match=r"a\.glsl -> b\.glsl -> a\.glsl"):
        ShaderSource("a.glsl", tmp_path)


def test_a_missing_include_names_the_including_file(tmp_path):
    write(tmp_path, a_frag='\n#include "gone.glsl"\n')
    with pytest.raises(ShaderError, match=r"gone\.glsl cannot be read, included by a\.frag"):
        ShaderSource("a.frag", tmp_path)


def test_a_driver_error_names_the_file_and_line_of_the_mistake(tmp_path, graphics):
    write(
        tmp_path,
        quad_vert="void main() { gl_Position = vec4(0.0); }\n",
        part_glsl="// fine\nfloat one() {\n    return nonsense;\n}\n",
        a_frag='#include "part.glsl"\nout vec4 pixel;\nvoid main() { pixel = vec4(one()); }\n',
    )
    with pytest.raises(ShaderError, match=r"part\.glsl:3"):
        Program(graphics.ctx, "quad.vert", "a.frag", folder=tmp_path)


def test_lines_after_an_include_keep_their_numbers(tmp_path, graphics):
    write(
        tmp_path,
        quad_vert="void main() { gl_Position = vec4(0.0); }\n",
        part_glsl="\n\n\n\nfloat one() { return 1.0; }\n",
        a_frag='// draws\n#include "part.glsl"\nout vec4 pixel;\nvoid main() { pixel = wrong; }\n',
    )
    with pytest.raises(ShaderError, match=r"a\.frag:4"):
        Program(graphics.ctx, "quad.vert", "a.frag", {"UNUSED": 1}, folder=tmp_path)


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("0:12(3): error: x", "a.frag:12: error: x"),
        ("0(12) : error C1008: x", "a.frag:12 : error C1008: x"),
        ("ERROR: 0:12: 'x' : undeclared", "ERROR: a.frag:12: 'x' : undeclared"),
        ("9:12(3): error: from nowhere", "9:12(3): error: from nowhere"),
    ],
    ids=["mesa", "nvidia", "amd, intel, apple", "unknown file"],
)
def test_the_line_numbers_of_every_driver_are_parsed(tmp_path, message, wanted):
    write(tmp_path, a_frag="// nothing\n")
    assert ShaderSource("a.frag", tmp_path).locate(message) == wanted

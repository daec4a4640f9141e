"""A green ball to wear, and states that put it somewhere: what the render tests draw."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest

from livecam.avatar.base import Avatar, AvatarState, EyeParameters, Fit, Material, Mesh, Morph
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.render.shaders import Program


def ball(radius=0.12, rings=16, spokes=24):
    """A closed sphere: points and triangles, counter-clockwise from outside."""
    polar, turn = np.mgrid[0 : np.pi : (rings + 1) * 1j, 0 : 2 * np.pi : (spokes + 1) * 1j]
    points = np.stack(
        (np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)), -1
    ).reshape(-1, 3)
    corner = np.arange((rings + 1) * (spokes + 1)).reshape(rings + 1, spokes + 1)
    a, b = corner[:-1, :-1].ravel(), corner[:-1, 1:].ravel()
    c, d = corner[1:, :-1].ravel(), corner[1:, 1:].ravel()
    triangles = np.concatenate((np.stack((a, c, b), 1), np.stack((b, c, d), 1)))
    return (points * radius).astype(np.float32), triangles.astype(np.uint32)


def ball_avatar(color=(0.1, 0.6, 0.1), every_coat=False):
    points, triangles = ball()
    count = len(points)
    jaw = Morph(
        np.flatnonzero(points[:, 1] < -0.05).astype(np.uint32),
        np.full((int((points[:, 1] < -0.05).sum()), 3), (0, -0.02, 0), np.float32),
    )
    mesh = Mesh(
        name="ball",
        material=Material.FUR,
        positions=points,
        normals=points / 0.12,
        colors=np.full((count, 3), color, np.float32),
        indices=triangles,
        occlusion=np.ones(count, np.float32),
        fur=np.zeros(count, np.float32),
        head_weight=np.ones(count, np.float32),
        comb=np.tile(np.array((0, -1, 0), np.float32), (count, 1)),
        morphs={"jawOpen": jaw},
    )
    meshes = [mesh]
    if every_coat:
        mesh = replace(mesh, fur=np.full(count, 0.005, np.float32))
        meshes = [replace(mesh, name=m.name.lower(), material=m) for m in Material]
    return Avatar(
        "ball", "Ball", "球", "test", "MIT", tuple(meshes), tuple(meshes),
        EyeParameters((0.3, 0.1, 0.0), (0.1, 0.0, 0.0), 0.8, 0.5),
        Fit((0, 0.02, 0.05), (0, -0.06, 0), 0.12, 0.1, 0.12), {}, Path(),
    )  # fmt: skip


def at(x=0.0, y=0.0, z=-0.6, **weights):
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    morphs = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in weights.items():
        morphs[INDEX[name]] = weight
    return AvatarState(matrix, matrix, morphs)


def written_uniforms(monkeypatch: pytest.MonkeyPatch) -> dict[Program, set[str]]:
    """The uniforms that every program gets from now on."""
    written: dict[Program, set[str]] = defaultdict(set)
    set_uniforms = Program.set

    def recorded(program: Program, **values: Any) -> None:
        written[program] |= set(values)
        set_uniforms(program, **values)

    monkeypatch.setattr(Program, "set", recorded)
    return written


def used_uniforms(program: Program) -> set[str]:
    """The uniforms that the driver kept."""
    members = ((name, program.gl[name]) for name in program.gl)
    return {name for name, member in members if isinstance(member, moderngl.Uniform)}

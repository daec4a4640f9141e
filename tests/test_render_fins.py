"""Fins of fur: they stand on the silhouette, grow smoothly, and follow head, body and bones."""

from dataclasses import replace

import numpy as np
import pytest

from livecam.avatar.base import Bone
from livecam.render.fins import Fins
from livecam.render.mesh import Morpher, merge
from tests.render_help import at, ball_avatar

FUR_M = 0.008


def furry(**changes):
    (mesh,) = ball_avatar().meshes
    fur = np.full(len(mesh.positions), FUR_M, np.float32)
    return merge([replace(mesh, fur=fur, **changes)], [Bone("earLeft", "head", (0,) * 3, (0,) * 3)])


def stood(mesh, state):
    points, triangles = Fins(mesh).build(Morpher(mesh).vertices, state)
    roots, tips = np.split(points, 2)
    return roots, tips, triangles


def test_fins_stand_on_the_outline_and_nowhere_else():
    roots, tips, triangles = stood(furry(), at())
    view = roots[:, :3] / np.linalg.norm(roots[:, :3], axis=1, keepdims=True)
    reach = np.linalg.norm(tips[:, :3] - roots[:, :3], axis=1)
    facing = np.abs(np.sum(view * roots[:, 3:6], axis=1))
    assert len(triangles) > 20
    assert facing[reach > FUR_M / 2].max() < 0.3
    assert reach.max() < 3 * FUR_M


def test_a_turning_head_makes_no_fin_jump():
    mesh = furry()
    fins, vertices = Fins(mesh), Morpher(mesh).vertices

    def reaches(turn):
        state = at()
        c, s = np.cos(turn), np.sin(turn)
        state.camera_from_head[:3, :3] = (c, 0, s), (0, 1, 0), (-s, 0, c)
        points, _ = fins.build(vertices, state)
        roots, tips = np.split(points, 2)
        place = map(tuple, np.round(roots[:, 9:12], 5).tolist())
        return dict(zip(place, np.linalg.norm(tips[:, :3] - roots[:, :3], axis=1), strict=True))

    before, after = reaches(0.30), reaches(0.31)
    jumps = [abs(before.get(k, 0) - after.get(k, 0)) for k in before.keys() | after.keys()]
    assert max(jumps) < 0.25 * FUR_M


def test_fins_go_with_the_bone_of_their_ear():
    count = len(ball_avatar().meshes[0].positions)
    mesh = furry(bone=np.ones(count, np.uint8), sway=np.ones(count, np.float32))
    moved = np.eye(4)
    moved[:3, 3] = 0.02, 0.0, 0.0
    still, _, _ = stood(mesh, at())
    swung, _, _ = stood(mesh, replace(at(), bones=moved[None]))
    assert swung[:, 0].mean() - still[:, 0].mean() == pytest.approx(0.02, abs=0.004)


def test_a_head_without_fur_has_no_fins():
    fins = Fins(merge(ball_avatar().meshes))
    assert fins.max_counts == (0, 0)
    points, triangles = fins.build(Morpher(merge(ball_avatar().meshes)).vertices, at())
    assert len(points) == len(triangles) == 0

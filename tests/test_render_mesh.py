"""Morphs move points and normals, and the rectangle holds the head: arrays only, no OpenGL."""

import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.frame import Rect
from livecam.core.spaces import compose as transform
from livecam.core.spaces import project, quaternion_from_vector
from livecam.render.bounds import HeadBounds
from livecam.render.matrices import clip_from_camera_in
from livecam.render.mesh import Morpher, ShadingGroup, merge, vertex_normals
from livecam.render.noise import SIZE, strand_noise
from tests.render_help import at, ball_avatar

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def raccoon():
    return merge(load_avatar("raccoon").light_meshes)


def weights(**named):
    out = np.zeros(len(EXPRESSIONS), np.float32)
    for name, value in named.items():
        out[INDEX[name]] = value
    return out


def test_merging_keeps_every_vertex_triangle_and_morph():
    meshes = ball_avatar(every_coat=True).meshes
    merged = merge(meshes)
    assert len(merged.positions) == sum(len(m.positions) for m in meshes)
    assert set(merged.triangles) == set(ShadingGroup)
    assert len(merged.all_triangles) == sum(len(m.indices) for m in meshes)
    assert merged.all_triangles.max() == len(merged.positions) - 1
    rows, _ = merged.morphs[INDEX["jawOpen"],]
    assert len(rows) == sum(len(m.morphs["jawOpen"].indices) for m in meshes)


def test_a_morph_moves_points_by_its_deltas_times_the_weight(raccoon):
    morpher = Morpher(raccoon)
    morpher.apply(weights(jawOpen=0.5, browInnerUp=0.25))
    wanted = raccoon.positions.copy()
    for name, weight in (("jawOpen", 0.5), ("browInnerUp", 0.25)):
        rows, deltas = raccoon.morphs[INDEX[name],]
        wanted[rows] += deltas * np.float32(weight)
    assert np.abs(morpher.vertices[:, :3] - wanted).max() < 1e-6


def test_a_morphed_normal_follows_the_surface():
    # A flat sheet that a morph tilts about x: the normal must tilt as far.
    avatar = ball_avatar()
    mesh = merge(avatar.meshes)
    tilt = 0.1
    rows = np.arange(len(mesh.positions))
    deltas = np.zeros_like(mesh.positions)
    deltas[:, 2] = tilt * mesh.positions[:, 1]
    mesh.morphs.clear()
    mesh.morphs[INDEX["jawOpen"],] = (rows, deltas)
    morpher = Morpher(mesh)
    morpher.apply(weights(jawOpen=1.0))
    normals = morpher.vertices[:, 3:] / np.linalg.norm(morpher.vertices[:, 3:], axis=1)[:, None]
    moved = vertex_normals(mesh.positions + deltas, mesh.all_triangles)
    moved /= np.maximum(np.linalg.norm(moved, axis=1)[:, None], 1e-12)
    # The poles and the seam of the ball have doubled points; look between them.
    between = np.abs(mesh.positions[:, 1]) < 0.1
    between &= ~((np.abs(mesh.positions[:, 0]) < 1e-6) & (mesh.positions[:, 2] > 0))
    degrees = np.degrees(np.arccos(np.clip((normals * moved).sum(axis=1), -1, 1)))
    assert degrees[between].max() < 1.5


def test_the_changed_rows_are_returned_and_the_rest_shape_is_restored(raccoon):
    morpher = Morpher(raccoon)
    rest = morpher.vertices.copy()
    assert morpher.apply(weights()) == (0, 0)
    first, last = morpher.apply(weights(eyeBlinkLeft=1.0))
    changed = np.flatnonzero((morpher.vertices != rest).any(axis=1))
    assert first <= changed.min()
    assert changed.max() < last
    assert morpher.apply(weights()) == (first, last)  # these rows go back
    assert np.array_equal(morpher.vertices, rest)


def test_a_weight_below_the_visible_minimum_changes_nothing(raccoon):
    morpher = Morpher(raccoon)
    assert morpher.apply(weights(jawOpen=0.001)) == (0, 0)


def test_the_rectangle_holds_every_vertex_in_any_pose_and_expression(raccoon):
    random = np.random.default_rng(5)
    bounds, morpher = HeadBounds(raccoon), Morpher(raccoon)
    for _ in range(40):
        turn = quaternion_from_vector(random.uniform(-0.8, 0.8, 3))
        head = transform(np.array((*random.uniform(-0.1, 0.1, 2), -random.uniform(0.5, 1.5))), turn)
        body = transform(head[:3, 3], quaternion_from_vector(random.uniform(-0.2, 0.2, 3)))
        morphs = np.where(random.random(52) < 0.3, random.random(52), 0).astype(np.float32)
        morpher.apply(morphs)
        state = AvatarState(head, body, morphs)
        rect = bounds.rectangle(bounds.camera_points(state), 4 * WIDTH, 4 * HEIGHT)
        points = morpher.vertices[:, :3].astype(np.float64)
        share = raccoon.head_weight[:, None]
        camera = (points @ head[:3, :3].T + head[:3, 3]) * share + (
            points @ body[:3, :3].T + body[:3, 3]
        ) * (1 - share)
        pixels = project(np.eye(4), camera, 4 * WIDTH, 4 * HEIGHT)
        inside = np.clip(pixels, 0, (4 * WIDTH, 4 * HEIGHT))
        assert inside[:, 0].min() >= rect.x0
        assert inside[:, 1].min() >= rect.y0
        assert inside[:, 0].max() <= rect.x1
        assert inside[:, 1].max() <= rect.y1


def test_a_rectangle_s_projection_agrees_with_the_pinhole():
    points = np.array([(0.1, 0.05, -0.6), (-0.05, -0.1, -0.5)])
    rect = Rect(100, 40, 420, 300)
    clip = np.c_[points, np.ones(2)] @ clip_from_camera_in(rect, WIDTH, HEIGHT, points).T
    place = (clip[:, :2] / clip[:, 3:] * 0.5 + 0.5) * (rect.width, rect.height)
    assert place + np.array((rect.x0, rect.y0)) == pytest.approx(
        project(np.eye(4), points, WIDTH, HEIGHT)
    )


def test_a_head_behind_the_camera_or_outside_has_an_empty_rectangle(raccoon):
    bounds = HeadBounds(raccoon)
    for z in (0.8, np.nan):
        points = bounds.camera_points(at(z=z))
        assert bounds.rectangle(points, WIDTH, HEIGHT).empty


def test_the_noise_repeats_without_a_seam():
    noise = strand_noise()[..., 2].astype(int)
    inside = np.abs(np.diff(noise, axis=0)).mean()
    seam = np.abs(noise[0] - noise[-1]).mean()
    assert noise.shape == (SIZE, SIZE, SIZE)
    assert seam < 1.5 * inside

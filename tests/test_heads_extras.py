"""Parts of single heads: horns, a ring, long ears, skin without fur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livecam.avatar.base import Avatar, Material, Mesh
from livecam.avatar.library import load_avatar

ROOT = Path(__file__).resolve().parents[1]


def built(name: str) -> Avatar:
    return load_avatar(ROOT / "avatars" / name)


def made_of(avatar: Avatar, material: Material) -> list[Mesh]:
    return [mesh for mesh in (*avatar.meshes, *avatar.light_meshes) if mesh.material is material]


def test_the_bulls_horns_are_mirror_images() -> None:
    for horns in made_of(built("bull"), Material.HORN):
        points = {tuple(p) for p in np.rint(horns.positions * 1e5).astype(int)}
        assert {(-x, y, z) for x, y, z in points} == points
        assert (horns.head_weight == 1).all()


def test_the_nose_ring_swings_on_its_own_bone_and_nothing_else_does() -> None:
    bull = built("bull")
    number = [bone.name for bone in bull.bones].index("noseRing") + 1
    pivot = np.array(bull.bones[number - 1].pivot)
    rings = made_of(bull, Material.METAL)
    assert len(rings) == 2, "one at each level of detail"
    for mesh in (*bull.meshes, *bull.light_meshes):
        assert ((mesh.bone == number) == (mesh.material is Material.METAL)).all()
    for ring in rings:
        hang = pivot - ring.positions.mean(axis=0)
        assert hang[1] > 0.01, "it hangs under its pivot"
        assert np.linalg.norm(ring.positions - pivot, axis=1).min() < 0.005


def test_the_rabbits_ears_bend_more_the_farther_up() -> None:
    rabbit = built("rabbit")
    for number, sign in ((1, 1), (2, -1)):
        bone = rabbit.bones[number - 1]
        along = np.subtract(bone.tip, bone.pivot)
        for meshes in (rabbit.meshes, rabbit.light_meshes):
            fur = [mesh for mesh in meshes if mesh.material is Material.FUR]
            points = np.concatenate([mesh.positions for mesh in fur])
            sway = np.concatenate([mesh.sway * (mesh.bone == number) for mesh in fur])
            height = (points - bone.pivot) @ along / (along @ along)
            on_ear = (points[:, 0] * sign > 0) & (height > 0.35) & (points[:, 1] > 0.11)
            low, middle, high = (
                sway[on_ear & (np.abs(height - h) < 0.08)].mean() for h in (0.45, 0.7, 0.95)
            )
            assert 0 < low < middle - 0.15 < high - 0.30
            assert high > 0.9
            assert not sway[points[:, 1] < 0.05].any(), "the face stays"
            assert sway[points[:, 0] * sign < 0].max() < 0.05, "each ear has its own bone"


def test_the_frog_has_wet_skin_and_no_fur() -> None:
    frog = built("frog")
    assert not made_of(frog, Material.FUR)
    for meshes in (frog.meshes, frog.light_meshes):
        skin = [mesh for mesh in meshes if mesh.material is Material.SKIN]
        wet = np.concatenate([mesh.fur for mesh in skin])
        assert (wet > 0.0035).mean() > 0.3


def test_the_frogs_eyes_are_above_the_eyes_of_its_wearer() -> None:
    frog = built("frog")
    (eyes,) = (mesh for mesh in frog.meshes if mesh.material is Material.EYE)
    assert eyes.positions[:, 1].mean() > frog.fit.eye_line[1] + 0.04


def test_no_triangle_joins_the_lips_where_their_line_is_curved() -> None:
    pytest.importorskip("skimage", reason="the generator's libraries are not installed")
    from livecam.modelling.slit import slit

    side = np.linspace(-1, 1, 9).astype(np.float32)
    x, y = (v.ravel() for v in np.meshgrid(side, side, indexing="ij"))
    points = np.stack((x, y + 0.03, 0 * x), axis=1)
    i, j = (v.ravel() for v in np.meshgrid(range(8), range(8), indexing="ij"))
    a = i * 9 + j
    triangles = np.concatenate(
        (np.stack((a, a + 9, a + 1), axis=1), np.stack((a + 1, a + 9, a + 10), axis=1))
    )

    def height(p: np.ndarray) -> np.ndarray:
        return p[..., 1] - 0.30 * np.exp(-((p[..., 0] / 0.08) ** 2)) + 0.05

    cut = slit(points, triangles, height, lambda p: 0.6 - np.abs(p[..., 0]))
    within = np.abs(cut.points[:, 0]) < 0.5
    above = (height(cut.points) > 1e-3) | (cut.side > 0)
    below = (height(cut.points) < -1e-3) | (cut.side < 0)
    for triangle in cut.triangles[within[cut.triangles].all(axis=1)]:
        assert not (above[triangle].any() and below[triangle].any())

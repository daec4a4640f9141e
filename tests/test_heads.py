"""The generated heads: every expression moves what it names, and builds are repeatable."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livecam.avatar.base import CORRECTIVE, Avatar, Material, Mesh
from livecam.avatar.gltf import read_meshes
from livecam.avatar.library import list_avatars, load_avatar
from livecam.core.face import EXPRESSIONS

ROOT = Path(__file__).resolve().parents[1]
LEVELS = ("full", "light")
TUFTS_AND_ALL_M = 0.25  # nothing of a head lies farther from its origin than this
MOUTH = (Material.WET, Material.TEETH)


@pytest.fixture(scope="module")
def raccoon() -> Avatar:
    return load_avatar(ROOT / "avatars" / "raccoon")


def level(avatar: Avatar, name: str) -> tuple[Mesh, ...]:
    return avatar.meshes if name == "full" else avatar.light_meshes


def moved(meshes: tuple[Mesh, ...], **weights: float) -> list[np.ndarray]:
    """Positions float64[n, 3] of each mesh under an expression."""
    out = []
    for mesh in meshes:
        points = mesh.positions.astype(np.float64)
        for name, weight in weights.items():
            if name in mesh.morphs:
                points[mesh.morphs[name].indices] += mesh.morphs[name].deltas * weight
        out.append(points)
    return out


def largest_move_m(meshes: tuple[Mesh, ...], expression: str) -> float:
    return max(
        float(np.linalg.norm(m.morphs[expression].deltas, axis=1).max())
        for m in meshes
        if expression in m.morphs
    )


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_visibly_moves_the_head(
    raccoon: Avatar, name: str, expression: str
) -> None:
    # 2 mm are two pixels or more on a head that is 250 pixels wide.
    assert largest_move_m(level(raccoon, name), expression) > 0.002


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("expression", [e for e in EXPRESSIONS if e.endswith(("Left", "Right"))])
def test_left_is_the_heads_own_left(raccoon: Avatar, name: str, expression: str) -> None:
    sign = 1 if expression.endswith("Left") else -1
    where, weight, shift = [], [], []
    for mesh in level(raccoon, name):
        if expression in mesh.morphs:
            morph = mesh.morphs[expression]
            where.append(mesh.positions[morph.indices, 0])
            weight.append(np.linalg.norm(morph.deltas, axis=1))
            shift.append(morph.deltas[:, 0])
    if expression in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        assert sign * np.concatenate(shift).mean() > 0.001, "the whole mouth goes to its side"
    else:
        middle = np.average(np.concatenate(where), weights=np.concatenate(weight))
        assert sign * middle > 0.01, "what moves lies on its side"


@pytest.mark.parametrize("name", LEVELS)
def test_eye_look_in_and_out_turn_the_pupils_in_opposite_directions(
    raccoon: Avatar, name: str
) -> None:
    (eyes,) = (m for m in level(raccoon, name) if m.material is Material.EYE)
    pupils = eyes.comb[:, 2] > 0.95
    for side, sign in (("Left", 1), ("Right", -1)):
        own = pupils & (eyes.positions[:, 0] * sign > 0)
        for look, axis, direction in (
            ("Out", 0, sign),
            ("In", 0, -sign),
            ("Up", 1, 1),
            ("Down", 1, -1),
        ):
            (after,) = moved((eyes,), **{f"eyeLook{look}{side}": 1.0})
            assert (after - eyes.positions)[own, axis].mean() * direction > 0.008


def inverted(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Indices of triangles that turned by more than a right angle."""

    def normals(p: np.ndarray) -> np.ndarray:
        a, b, c = (p[mesh.indices[:, i]] for i in range(3))
        return np.cross(b - a, c - a)

    before, after = normals(mesh.positions.astype(np.float64)), normals(points)
    agreement = (before * after).sum(axis=1)
    return np.flatnonzero(agreement < -0.02 * (before**2).sum(axis=1))


def with_its_partner(expression: str) -> dict[str, float]:
    """Closing the lips is a correction of an open jaw: alone it pushes them through each other."""
    partner = {"jawOpen": 1.0} if expression == "mouthClose" else {}
    return {expression: 1.0, **partner}


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_no_expression_turns_the_surface_inside_out(
    raccoon: Avatar, name: str, expression: str
) -> None:
    """The mouth's inside is drawn from both sides, so that folds in it do no harm."""
    meshes = level(raccoon, name)
    for mesh, points in zip(meshes, moved(meshes, **with_its_partner(expression)), strict=True):
        if mesh.material not in MOUTH:
            bad = inverted(mesh, points)
            # A few tiny triangles at the corners of the mouth and under the brow may fold.
            corners = points[mesh.indices[bad]]
            area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            assert np.linalg.norm(area, axis=1).sum() / 2 < 15e-6, f"{mesh.name}: {len(bad)}"


@pytest.mark.parametrize("name", LEVELS)
def test_meshes_are_valid(raccoon: Avatar, name: str) -> None:
    meshes = level(raccoon, name)
    kinds = {mesh.material for mesh in meshes}
    assert kinds == {
        Material.FUR, Material.EYE, Material.NOSE, Material.WET, Material.TEETH,
        Material.WHISKER,
    }  # fmt: skip
    for mesh in meshes:
        assert np.abs(mesh.positions).max() < TUFTS_AND_ALL_M
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)
        assert 0 <= mesh.colors.min() <= mesh.colors.max() <= 1
        assert 0 <= mesh.head_weight.min() <= mesh.head_weight.max() <= 1
        assert np.unique(mesh.indices).size == len(mesh.positions), "no vertex is unused"
        if mesh.material is Material.EYE:
            np.testing.assert_allclose(np.linalg.norm(mesh.comb, axis=1), 1, atol=1e-3)


def test_the_light_head_is_light_and_the_files_are_small(raccoon: Avatar) -> None:
    vertices = {name: sum(len(m.positions) for m in level(raccoon, name)) for name in LEVELS}
    triangles = sum(len(m.indices) for m in raccoon.light_meshes)
    assert vertices["light"] <= 7000
    assert triangles <= 10_000
    assert 14_000 < vertices["full"] < 22_000
    assert sum(f.stat().st_size for f in raccoon.folder.iterdir()) < 4_000_000


def test_the_ruff_rests_on_the_body_and_the_face_turns_with_the_head(raccoon: Avatar) -> None:
    for name in LEVELS:
        fur = [m for m in level(raccoon, name) if m.material is Material.FUR]
        height = np.concatenate([m.positions[:, 1] for m in fur])
        weight = np.concatenate([m.head_weight for m in fur])
        assert weight[height > -0.06].min() > 0.99
        # A blade follows its root, so the tips of long ones hang lower than their weight says.
        assert weight[height < -0.14].mean() < 0.01


def test_the_fit_encloses_a_head(raccoon: Avatar) -> None:
    fit = raccoon.fit
    fur = np.concatenate([m.positions for m in raccoon.meshes if m.material is Material.FUR])
    above_eyes = fur[:, 1] - fit.eye_line[1]
    assert np.abs(fur[np.abs(above_eyes) < 0.02, 0]).max() >= fit.skull_half_width
    assert above_eyes[np.abs(fur[:, 0]) < 0.01].max() >= fit.skull_top
    assert -above_eyes.min() >= fit.chin_drop


def test_closed_lids_cover_the_eyes(raccoon: Avatar) -> None:
    """In the front view every part of the iris lies behind a lid."""
    for name in LEVELS:
        meshes = level(raccoon, name)
        lids = [i for i, m in enumerate(meshes) if m.name == "lids"]
        (eye,) = (i for i, m in enumerate(meshes) if m.material is Material.EYE)
        shut = moved(meshes, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
        iris = shut[eye][meshes[eye].comb[:, 2] > np.cos(raccoon.eyes.iris_angle_rad)]
        cover = np.concatenate([shut[i][meshes[i].indices] for i in lids])
        for point in iris:
            assert covered(point, cover), f"{name}: {point}"


def covered(point: np.ndarray, triangles: np.ndarray) -> bool:
    """A triangle lies in front of the point, looking along -z."""
    a, b, c = (triangles[:, i] for i in range(3))
    p = point[:2]

    def cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    area = cross(b[:, :2] - a[:, :2], c[:, :2] - a[:, :2])
    with np.errstate(divide="ignore", invalid="ignore"):
        v = cross(p - a[:, :2], c[:, :2] - a[:, :2]) / area
        w = cross(b[:, :2] - a[:, :2], p - a[:, :2]) / area
        z = a[:, 2] + v * (b[:, 2] - a[:, 2]) + w * (c[:, 2] - a[:, 2])
        return bool(((v >= 0) & (w >= 0) & (v + w <= 1) & (z > point[2])).any())


@pytest.mark.parametrize("name", LEVELS)
def test_a_wet_line_stands_on_the_lower_lids(raccoon: Avatar, name: str) -> None:
    eye = next(m for m in level(raccoon, name) if m.material is Material.EYE)
    ahead = eye.positions[eye.comb[:, 2] > 0.99].mean(axis=0)[2]
    # Its `comb` points away from the iris although it lies in front.
    film = eye.positions[(eye.comb[:, 2] < -0.99) & (eye.positions[:, 2] > 0.6 * ahead)]
    assert len(film) > 20
    assert np.all(film[:, 1] < raccoon.fit.eye_line[1] + 0.004)


def test_teeth_and_tongue_stay_behind_the_lips_at_rest() -> None:
    pytest.importorskip("skimage", reason="the generator's libraries are not installed")
    from livecam.modelling.species import SPECIES, UNIT_M

    for name in sorted(SPECIES.keys() & set(list_avatars())):
        shape = SPECIES[name].shape()
        for mesh in read_meshes(ROOT / "avatars" / name / "head.glb"):
            if mesh.name == "teeth":  # a rabbit's front teeth may be visible
                assert shape(mesh.positions / UNIT_M).max() * UNIT_M < 0.0005


@pytest.fixture(scope="module")
def coarse() -> tuple[bytes, bytes]:
    """The same coarse head, built twice."""
    pytest.importorskip("skimage", reason="the generator's libraries are not installed")
    from livecam.avatar.gltf import write_glb
    from livecam.modelling.build import build_meshes
    from livecam.modelling.detail import LIGHT
    from livecam.modelling.packing import bones_in_metres
    from livecam.modelling.species import SPECIES

    species = SPECIES["raccoon"]
    bones = bones_in_metres([rig.bone for rig in species.bones])
    detail = replace(
        LIGHT, voxel=0.06, skin_triangles=1500, paint_vertices=100, occlusion_rays=3,
        nose=(0.03, 120),
    )  # fmt: skip
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.glb"
        out = []
        for _ in range(2):
            write_glb(path, build_meshes(species, detail), bones, species.neck_pivot)
            out.append(path.read_bytes())
        return out[0], out[1]


def test_building_is_deterministic(coarse: tuple[bytes, bytes]) -> None:
    assert coarse[0] == coarse[1]


def test_a_coarse_build_has_every_expression(coarse: tuple[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "head.glb").write_bytes(coarse[0])
    meshes = read_meshes(tmp_path / "head.glb")
    names = {name for mesh in meshes for name in mesh.morphs}
    assert names >= set(EXPRESSIONS)
    assert {part for name in names for part in name.split(CORRECTIVE)} == set(EXPRESSIONS)


def test_the_slit_leaves_no_hole_at_rest() -> None:
    """Both edges of the slit lie on each other, and nothing else of the skin is open."""
    pytest.importorskip("skimage", reason="the generator's libraries are not installed")
    from livecam.modelling.slit import slit

    side = np.linspace(-1, 1, 21).astype(np.float32)
    x, y = (v.ravel() for v in np.meshgrid(side, side, indexing="ij"))
    points = np.stack((x, y + 0.03, 0 * x), axis=1)
    i, j = (v.ravel() for v in np.meshgrid(range(20), range(20), indexing="ij"))
    a = i * 21 + j
    triangles = np.concatenate(
        (np.stack((a, a + 21, a + 1), axis=1), np.stack((a + 1, a + 21, a + 22), axis=1))
    )
    cut = slit(points, triangles, lambda p: p[..., 1], lambda p: 0.5 - np.abs(p[..., 0]))

    def area(p: np.ndarray, t: np.ndarray) -> float:
        n = np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]])
        assert (n[:, 2] > -1e-6).all(), "no triangle is turned over"
        return float(n[:, 2].sum() / 2)

    assert area(cut.points, cut.triangles) == pytest.approx(area(points, triangles), rel=1e-5)
    upper, lower = (cut.points[cut.side == s] for s in (1, -1))
    np.testing.assert_array_equal(np.sort(upper[:, 0]), np.sort(lower[:, 0]))
    np.testing.assert_allclose(upper[:, 1], 0, atol=1e-6)
    assert np.abs(upper[:, 0]).max() < 0.5
    opened = cut.points + 0.2 * cut.side[:, None] * np.array((0, 1, 0))
    middle = opened[cut.triangles].mean(axis=1)
    near = (np.abs(middle[:, 0]) < 0.4) & (np.abs(middle[:, 1]) < 0.04)
    assert not near.any(), "pulled apart, the slit opens"
    ends = cut.edge[np.argsort(cut.edge[:, 0])][[0, -1], 0]
    assert (np.abs(ends) >= 0.5 - 1e-6).all(), "the ends, where it meets again, belong to the edge"


def test_running_imports_no_library_of_the_generator() -> None:
    code = (
        "import sys; from livecam.avatar.library import load_avatar; load_avatar('raccoon');"
        "print([m for m in ('skimage', 'scipy', 'fast_simplification', 'livecam.modelling')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_the_raccoon_is_listed() -> None:
    assert "raccoon" in list_avatars()

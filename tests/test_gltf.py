"""GLB files: what is written comes back, and broken ones are refused kindly."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livecam.avatar.base import Anchor, Bone, Material, Mesh, Morph
from livecam.avatar.gltf import read_meshes, write_glb
from livecam.avatar.library import list_avatars, load_avatar, read_description
from livecam.avatar.skin import influences
from livecam.core.errors import AssetError
from livecam.core.face import EXPRESSIONS

MORPH_STEP_M = 1.6e-5  # half of a 16-bit step

DESCRIPTION = """
title = "Test"
title_zh = "测试"
author = "nobody"
licence = "MIT"
[eyes]
iris_inner = [1.0, 0.5, 0.0]
iris_outer = [0.1, 0.0, 0.0]
iris_angle_rad = 0.8
pupil = 0.5
[fit]
eye_line = [0.0, 0.0, 0.05]
neck_pivot = [0.0, -0.07, 0.0]
skull_half_width = 0.1
skull_top = 0.1
chin_drop = 0.1
"""


def a_mesh(material: Material = Material.FUR, vertices: int = 40) -> Mesh:
    random = np.random.default_rng(int(material))
    unit = random.normal(size=(vertices, 3)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    moved = np.array((3, 7, 11), np.uint32)
    swings = random.random(vertices) < 0.3
    return Mesh(
        name=f"the {material.name.lower()}",
        material=material,
        positions=random.normal(size=(vertices, 3)).astype(np.float32) * 0.1,
        normals=unit,
        colors=random.random((vertices, 3)).astype(np.float32),
        indices=random.integers(0, vertices, (60, 3)).astype(np.uint32),
        occlusion=random.random(vertices).astype(np.float32),
        fur=random.random(vertices).astype(np.float32) * 0.02,
        head_weight=random.random(vertices).astype(np.float32),
        comb=unit[::-1].copy(),
        morphs={
            "jawOpen": Morph(moved, 0.02 * random.normal(size=(3, 3)).astype(np.float32)),
            "tongueOut": Morph(moved[:1], np.full((1, 3), 0.01, np.float32)),
            "mouthSmileLeft*jawOpen": Morph(moved[:1], np.full((1, 3), 0.02, np.float32)),
        },
        bone=np.where(swings, random.integers(1, 3, vertices), 0).astype(np.uint8),
        sway=np.where(swings, 0.01 + 0.99 * random.random(vertices), 0).astype(np.float32),
    )


EARS = (
    Bone("earLeft", "head", (0.06, 0.07, -0.01), (0.08, 0.11, -0.01)),
    Bone("bow", "body", (0.0, -0.1, 0.1), (0.0, -0.12, 0.1)),
)
NECK = (0.0, -0.065, -0.016)


def test_meshes_survive_writing_and_reading(tmp_path: Path) -> None:
    written = (a_mesh(Material.FUR), a_mesh(Material.EYE, 70_000), a_mesh(Material.HORN))
    write_glb(tmp_path / "head.glb", written, EARS, NECK)
    read = read_meshes(tmp_path / "head.glb", [bone.name for bone in EARS])
    assert [mesh.name for mesh in read] == [mesh.name for mesh in written]
    for a, b in zip(written, read, strict=True):
        assert a.material is b.material
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.normals, b.normals)
        for field in ("colors", "occlusion", "fur", "head_weight", "comb", "sway"):
            # 16-bit integers: half a step
            np.testing.assert_allclose(getattr(a, field), getattr(b, field), atol=2e-5)
        np.testing.assert_array_equal(a.bone, b.bone)
        assert list(b.morphs) == ["jawOpen", "tongueOut", "mouthSmileLeft*jawOpen"]
        for name, morph in b.morphs.items():
            np.testing.assert_array_equal(morph.indices, a.morphs[name].indices)
            np.testing.assert_allclose(morph.deltas, a.morphs[name].deltas, atol=MORPH_STEP_M)


def without(name: str, path: Path) -> None:
    """Leaves one attribute out of a file."""
    document, binary = document_of(path)
    for mesh in document["meshes"]:
        del mesh["primitives"][0]["attributes"][name]
    write_document(path, document, binary)


def test_skinning_is_read_from_the_joints_alone(tmp_path: Path) -> None:
    written = a_mesh()
    write_glb(tmp_path / "head.glb", [written], EARS, NECK)
    without("_FUR", tmp_path / "head.glb")
    (read,) = read_meshes(tmp_path / "head.glb", ["earLeft", "bow"])
    np.testing.assert_array_equal(read.bone, written.bone)
    np.testing.assert_allclose(read.sway, written.sway, atol=2e-5)
    stiff = written.sway < 0.9
    np.testing.assert_allclose(read.head_weight[stiff], written.head_weight[stiff], atol=2e-4)


def test_a_vertex_bound_to_its_bone_alone_follows_the_bones_parent(tmp_path: Path) -> None:
    bone = (np.arange(40) % 2 + 1).astype(np.uint8)
    write_glb(tmp_path / "a.glb", [replace(a_mesh(), bone=bone, sway=np.ones(40, "f4"))], EARS)
    without("_FUR", tmp_path / "a.glb")
    (read,) = read_meshes(tmp_path / "a.glb", ["earLeft", "bow"])
    np.testing.assert_array_equal(read.head_weight, bone == 1)


def test_a_joint_that_is_no_bone_of_the_avatar_is_stiff(tmp_path: Path) -> None:
    written = a_mesh()
    write_glb(tmp_path / "head.glb", [written], EARS)
    (read,) = read_meshes(tmp_path / "head.glb", ["bow"])
    np.testing.assert_array_equal(read.bone, written.bone == 2)
    assert not read.sway[written.bone == 1].any()


def test_a_bone_without_a_joint_is_refused(tmp_path: Path) -> None:
    write_glb(tmp_path / "head.glb", [a_mesh()], EARS)
    with pytest.raises(AssetError, match='"earLeftt" - did you mean "earLeft"') as caught:
        read_meshes(tmp_path / "head.glb", ["earLeftt"])
    assert "bow" in caught.value.hint


def global_places(document: dict) -> dict[str, list[float]]:
    """Returns the positions of the nodes by name: none of them turns or scales."""
    nodes, found = document["nodes"], {}

    def walk(number: int, origin: np.ndarray) -> None:
        here = origin + nodes[number].get("translation", (0, 0, 0))
        found[nodes[number]["name"]] = here.tolist()
        for child in nodes[number].get("children", ()):
            walk(child, here)

    for root in document["scenes"][0]["nodes"]:
        walk(root, np.zeros(3))
    return found


def test_joints_are_at_the_pivots_and_the_bind_pose_is_the_rest_pose(tmp_path: Path) -> None:
    write_glb(tmp_path / "head.glb", [a_mesh(), a_mesh(Material.EYE)], EARS, NECK)
    document, binary = document_of(tmp_path / "head.glb")
    places = global_places(document)
    assert places["head"] == pytest.approx(NECK)
    assert places["earLeft"] == pytest.approx(EARS[0].pivot)
    assert places["bow"] == pytest.approx(EARS[1].pivot)
    (skin,) = document["skins"]
    names = [document["nodes"][joint]["name"] for joint in skin["joints"]]
    assert names == ["body", "head", "earLeft", "bow"]
    accessor = document["accessors"][skin["inverseBindMatrices"]]
    start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
    matrices = np.frombuffer(binary, "<f4", 16 * len(names), start).reshape(-1, 4, 4)
    for name, matrix in zip(names, matrices, strict=True):
        assert (matrix[3, :3] + places[name]).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    for number in range(2):
        assert document["nodes"][number]["skin"] == 0
        assert number in document["scenes"][0]["nodes"], "a skinned mesh is a root"


def test_weights_of_a_vertex_add_up_to_one(tmp_path: Path) -> None:
    joints, weights = influences(a_mesh(vertices=3000))
    np.testing.assert_array_equal(weights.astype(int).sum(axis=1), 65535)
    assert not joints[weights == 0].any(), "a joint without weight is the first one"
    assert joints.max() <= 3


def test_glass_is_transparent_and_metal_is_metallic(tmp_path: Path) -> None:
    dark = replace(a_mesh(Material.GLASS), colors=np.full((40, 3), 0.1, np.float32))
    write_glb(tmp_path / "a.glb", [dark, a_mesh(Material.METAL)], EARS)
    document, binary = document_of(tmp_path / "a.glb")
    metal, glass = document["materials"]
    assert (metal["name"], metal["pbrMetallicRoughness"]["metallicFactor"]) == ("metal", 1.0)
    assert (glass["name"], glass["alphaMode"]) == ("glass", "BLEND")
    accessor = document["accessors"][
        document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    ]
    start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
    colors = np.frombuffer(binary, "<u2", 160, start).reshape(-1, 4) / 65535
    np.testing.assert_allclose(colors[:, 3], 0.9, atol=1e-4)


def test_equal_meshes_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        write_glb(tmp_path / name, [a_mesh()], EARS)
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def document_of(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def write_document(path: Path, document: dict, binary: bytes = b"") -> None:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    path.write_bytes(
        struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + binary
    )


def test_the_file_has_the_fields_that_gltf_requires(tmp_path: Path) -> None:
    write_glb(tmp_path / "head.glb", [a_mesh()], EARS)
    document, binary = document_of(tmp_path / "head.glb")
    mesh = document["meshes"][0]
    assert mesh["extras"]["targetNames"] == [*EXPRESSIONS, "mouthSmileLeft*jawOpen"]
    assert len(mesh["weights"]) == len(mesh["primitives"][0]["targets"]) == 53
    assert document["buffers"][0]["byteLength"] == len(binary)
    assert document["materials"][0]["name"] == "fur"
    for name, index in mesh["primitives"][0]["attributes"].items():
        accessor = document["accessors"][index]
        assert accessor["count"] == 40
        if name == "POSITION":
            assert len(accessor["min"]) == len(accessor["max"]) == 3
        if name in ("COLOR_0", "_FUR", "_COMB", "JOINTS_0", "WEIGHTS_0"):
            assert accessor["type"] == "VEC4"
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)


def test_interleaved_attributes_and_plain_models_are_read(tmp_path: Path) -> None:
    vertex = np.zeros(3, [("position", "<f4", 3), ("pad", "<u4"), ("color", "u1", 4)])
    vertex["position"] = np.arange(9).reshape(3, 3)
    vertex["position"][1, 0] = 5
    vertex["color"] = (255, 0, 51, 255)
    accessor = {"bufferView": 0, "count": 3}
    write_document(
        tmp_path / "plain.glb",
        {
            "asset": {"version": "2.0"},
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 1}}]}],
            "bufferViews": [{"buffer": 0, "byteLength": 60, "byteStride": 20}],
            "accessors": [
                {**accessor, "componentType": 5126, "type": "VEC3"},
                {
                    **accessor,
                    "componentType": 5121,
                    "type": "VEC4",
                    "byteOffset": 16,
                    "normalized": True,
                },
            ],
        },
        vertex.tobytes(),
    )
    (mesh,) = read_meshes(tmp_path / "plain.glb")
    np.testing.assert_array_equal(mesh.positions, vertex["position"])
    np.testing.assert_allclose(mesh.colors, [[1.0, 0.0, 0.2]] * 3, atol=1e-6)
    np.testing.assert_array_equal(mesh.indices, [[0, 1, 2]])
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    assert mesh.material is Material.SKIN
    assert mesh.head_weight.min() == 1


def with_text(old: bytes, new: bytes):
    """Replaces something in the description of a GLB file, and mends the lengths."""

    def spoil(data: bytes) -> bytes:
        (length,) = struct.unpack_from("<I", data, 12)
        text = data[20 : 20 + length].replace(old, new)
        out = text + data[20 + length :]
        return struct.pack("<4sIII", b"glTF", 2, 20 + len(out), len(text)) + data[16:20] + out

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: b"", "empty"),
        (lambda data: b"nonsense" * 9, "glTF mark"),
        (lambda data: data[:11], "cut short"),
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: data[:4] + struct.pack("<I", 1) + data[8:], "version 1"),
        (lambda data: data[:20] + b"@" + data[21:], "not JSON"),
        (with_text(b'"POSITION"', b'"PASITION"'), "does not fit"),
        (with_text(b'"bufferView":', b'"bufferView":9'), "does not fit"),
        (with_text(b'"count":', b'"count":9'), "does not fit"),
        (lambda data: data[:-40] + b"\xff" * 40, "does not fit"),
    ],
)
def test_a_broken_file_is_refused_with_one_sentence_and_a_hint(
    tmp_path: Path, spoil, says: str
) -> None:
    path = tmp_path / "head.glb"
    write_glb(path, [a_mesh()], EARS)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(AssetError, match=says) as caught:
        read_meshes(path)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="cannot be read"):
        read_meshes(tmp_path / "nothing.glb")


def test_a_file_that_needs_an_extension_is_refused_with_its_name(tmp_path: Path) -> None:
    write_document(tmp_path / "small.glb", {"extensionsRequired": ["KHR_draco_mesh_compression"]})
    with pytest.raises(AssetError, match="KHR_draco_mesh_compression") as caught:
        read_meshes(tmp_path / "small.glb")
    assert "without compression" in caught.value.hint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "avatar.toml").write_text(DESCRIPTION, "utf-8")
    write_glb(place / "head.glb", [a_mesh()], EARS)
    return place


def test_an_avatar_of_the_users_folder_is_loaded(folder: Path) -> None:
    avatar = load_avatar(folder)
    assert (avatar.name, avatar.title, avatar.title_zh) == ("mine", "Test", "测试")
    assert avatar.fit.eye_line == (0.0, 0.0, 0.05)
    assert avatar.light_meshes is avatar.meshes, "without a light head the full one serves"
    write_glb(folder / "head.light.glb", [a_mesh(vertices=12)], EARS)
    assert len(load_avatar(folder).light_meshes[0].positions) == 12


BONES = """
[anchors.hat]
at = [0.0, 0.1, 0.0]
size = [1.1, 1.0, 1.0]
[[bones]]
name = "earLeft"
parent = "head"
pivot = [0.06, 0.07, -0.01]
tip = [0.08, 0.11, -0.01]
[bones.turns]
browInnerUp = [0.0, 0.0, 5.0]
"""


def test_bones_neck_and_anchors_are_described(folder: Path) -> None:
    said = DESCRIPTION.replace("licence", 'neck = "collar"\nlicence') + BONES
    (folder / "avatar.toml").write_text(said, "utf-8")
    write_glb(folder / "head.glb", [a_mesh()], EARS)
    avatar = load_avatar(folder)
    assert avatar.neck == "collar"
    assert avatar.anchors == {"hat": Anchor((0.0, 0.1, 0.0), (1.1, 1.0, 1.0))}
    (bone,) = avatar.bones
    assert (bone.name, bone.parent, bone.most_deg) == ("earLeft", "head", 20.0)
    assert bone.turns == {"browInnerUp": (0.0, 0.0, 5.0)}
    assert set(np.unique(avatar.meshes[0].bone)) == {0, 1}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"head"', '"tail"', '"bones.0.parent": input should be'),
        ("anchors.hat", "anchors.hatt", 'of the kind "hatt" - did you mean "hat"'),
        ("pivot", "pivott", '"bones.0.pivott" is unknown - did you mean "pivot"'),
        ("browInnerUp", "browInnerUpp", 'did you mean "browInnerUp"'),
        ('"earLeft"', '"head"', 'two joints are called "head"'),
        ("size = [1.1,", "size = [", '"anchors.hat.size.2" is missing'),
        ("[anchors.hat]", '[[bones]]\nname="x"\n[anchors.hat]', '"bones.0.parent" is missing'),
    ],
)
def test_wrong_bones_and_anchors_are_refused(folder: Path, old: str, new: str, says: str) -> None:
    (folder / "avatar.toml").write_text(DESCRIPTION + BONES.replace(old, new, 1), "utf-8")
    with pytest.raises(AssetError) as caught:
        read_description(folder)
    assert says in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("pupil = 0.5", "", '"eyes.pupil" is missing'),
        ("pupil", "pupill", '"eyes.pupill" is unknown - did you mean "pupil"'),
        ("title =", "titel =", '"titel" is unknown - did you mean "title"'),
        ("pupil = 0.5", 'pupil = "wide"', '"eyes.pupil": input should be a valid number'),
        ("chin_drop = 0.1", "chin_drop = 0.1\n[gains]\njawOpn = 1.0", 'did you mean "jawOpen"'),
        ("title =", "title", "not valid TOML"),
    ],
)
def test_a_wrong_description_is_refused(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "avatar.toml"
    path.write_text(DESCRIPTION.replace(old, new, 1), "utf-8")
    with pytest.raises(AssetError) as caught:
        read_description(folder)
    assert says in caught.value.message
    assert caught.value.hint


def test_a_folder_without_a_head_is_refused(folder: Path) -> None:
    (folder / "head.glb").unlink()
    with pytest.raises(AssetError, match=r"head\.glb"):
        load_avatar(folder)


def test_an_unknown_name_suggests_the_nearest_one_and_lists_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livecam.avatar.library.avatar_folders", lambda: (folder.parent,))
    assert list_avatars() == ("mine",)
    with pytest.raises(AssetError, match='did you mean "mine"') as caught:
        load_avatar("nine")
    assert "mine" in caught.value.hint


def test_the_users_folder_takes_priority_over_built_in_avatars(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin = tmp_path / "builtin"
    (builtin / "mine").mkdir(parents=True)
    (builtin / "mine" / "avatar.toml").write_text(DESCRIPTION, "utf-8")
    monkeypatch.setattr("livecam.avatar.library.avatar_folders", lambda: (tmp_path, builtin))
    assert load_avatar("mine").folder == folder


def test_an_avatar_may_have_finer_or_shorter_fur(tmp_path: Path) -> None:
    still = replace(a_mesh(), bone=np.zeros(40, np.uint8), sway=np.zeros(40, np.float32))
    write_glb(tmp_path / "head.glb", (still,))
    (tmp_path / "avatar.toml").write_text(
        DESCRIPTION + "[fur]\nstrands = 1.5\nlength = 0.5\n", "utf-8"
    )
    fur = load_avatar(tmp_path).fur
    assert (fur.strands, fur.length) == (1.5, 0.5)

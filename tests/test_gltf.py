"""GLB files: what is written comes back, and broken ones are refused kindly."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from livecam.avatar.base import Material, Mesh, Morph
from livecam.avatar.gltf import read_meshes, write_glb
from livecam.avatar.library import list_avatars, load_avatar, read_description
from livecam.core.errors import AssetError
from livecam.core.face import EXPRESSIONS

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
            "jawOpen": Morph(moved, random.normal(size=(3, 3)).astype(np.float32)),
            "tongueOut": Morph(moved[:1], np.full((1, 3), 0.01, np.float32)),
        },
    )


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    written = (a_mesh(Material.FUR), a_mesh(Material.EYE, 70_000), a_mesh(Material.HORN))
    write_glb(tmp_path / "head.glb", written)
    read = read_meshes(tmp_path / "head.glb")
    assert [mesh.name for mesh in read] == [mesh.name for mesh in written]
    for a, b in zip(written, read, strict=True):
        assert a.material is b.material
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.normals, b.normals)
        for field in ("colors", "occlusion", "fur", "head_weight", "comb"):
            # 16-bit integers: half a step
            np.testing.assert_allclose(getattr(a, field), getattr(b, field), atol=2e-5)
        assert list(b.morphs) == ["jawOpen", "tongueOut"]
        for name, morph in b.morphs.items():
            np.testing.assert_array_equal(morph.indices, a.morphs[name].indices)
            np.testing.assert_array_equal(morph.deltas, a.morphs[name].deltas)


def test_equal_meshes_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        write_glb(tmp_path / name, [a_mesh()])
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


def test_other_programs_find_what_the_standard_asks_for(tmp_path: Path) -> None:
    write_glb(tmp_path / "head.glb", [a_mesh()])
    document, binary = document_of(tmp_path / "head.glb")
    mesh = document["meshes"][0]
    assert mesh["extras"]["targetNames"] == list(EXPRESSIONS)
    assert len(mesh["weights"]) == len(mesh["primitives"][0]["targets"]) == 52
    assert document["buffers"][0]["byteLength"] == len(binary)
    assert document["materials"][0]["name"] == "fur"
    for name, index in mesh["primitives"][0]["attributes"].items():
        accessor = document["accessors"][index]
        assert accessor["count"] == 40
        if name == "POSITION":
            assert len(accessor["min"]) == len(accessor["max"]) == 3
        if name in ("COLOR_0", "_FUR", "_COMB"):
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
    write_glb(path, [a_mesh()])
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(AssetError, match=says) as caught:
        read_meshes(path)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="cannot be read"):
        read_meshes(tmp_path / "nothing.glb")


def test_a_compressed_file_is_refused_by_the_name_of_what_it_needs(tmp_path: Path) -> None:
    write_document(tmp_path / "small.glb", {"extensionsRequired": ["KHR_draco_mesh_compression"]})
    with pytest.raises(AssetError, match="KHR_draco_mesh_compression") as caught:
        read_meshes(tmp_path / "small.glb")
    assert "without compression" in caught.value.hint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "avatar.toml").write_text(DESCRIPTION, "utf-8")
    write_glb(place / "head.glb", [a_mesh()])
    return place


def test_a_folder_of_ones_own_is_loaded(folder: Path) -> None:
    avatar = load_avatar(folder)
    assert (avatar.name, avatar.title, avatar.title_zh) == ("mine", "Test", "测试")
    assert avatar.fit.eye_line == (0.0, 0.0, 0.05)
    assert avatar.light_meshes is avatar.meshes, "without a light head the full one serves"
    write_glb(folder / "head.light.glb", [a_mesh(vertices=12)])
    assert len(load_avatar(folder).light_meshes[0].positions) == 12


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


def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livecam.avatar.library.avatar_folders", lambda: (folder.parent,))
    assert list_avatars() == ("mine",)
    with pytest.raises(AssetError, match='did you mean "mine"') as caught:
        load_avatar("nine")
    assert "mine" in caught.value.hint


def test_the_users_folder_comes_before_the_built_in_avatars(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builtin = tmp_path / "builtin"
    (builtin / "mine").mkdir(parents=True)
    (builtin / "mine" / "avatar.toml").write_text(DESCRIPTION, "utf-8")
    monkeypatch.setattr("livecam.avatar.library.avatar_folders", lambda: (tmp_path, builtin))
    assert load_avatar("mine").folder == folder

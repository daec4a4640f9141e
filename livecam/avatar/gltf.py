"""Avatar meshes in glTF 2.0 binary files, read and written with plain numpy.

The files open in Blender and three.js. Head, body and bones are a skin (avatar/skin.py). Morph
targets are sparse, named by `extras.targetNames`: the 52 expressions, then correctives. A
material's name is the lower-case name of its `Material`. What glTF has no word for travels in
two custom attributes, both VEC4 (importers stumble over mixed widths): `_FUR` = (occlusion, fur
length in metres, head weight, 0) and `_COMB` = (comb direction, 0).

Specification: Khronos glTF 2.0, sections 3.6 (binary data), 3.7 (skins) and 4.4 (GLB).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import CORRECTIVE, Bone, Material, Mesh, Morph, Points
from livecam.avatar.skin import BODY, HEAD, Follows, Joint, follows, influences, skeleton
from livecam.core.errors import AssetError
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.registry import did_you_mean

Json = dict[str, Any]

_COMPONENTS: dict[int, np.dtype[Any]] = {
    5120: np.dtype("i1"),
    5121: np.dtype("u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_CODES = {dtype: code for code, dtype in _COMPONENTS.items()}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
VERTICES, _INDICES = 34962, 34963  # bufferView targets
_TRIANGLES = 4
# A displacement below this moves nothing by a pixel: half a pixel in 700 is about 0.18 mm.
_STILL_M = 4e-5
_QUANTIZED = "KHR_mesh_quantization"  # of morphs: a third less to load
_UNDERSTOOD = {_QUANTIZED, "KHR_materials_unlit", "KHR_texture_transform"}
_ROUGHNESS: dict[Material, float] = {
    Material.FUR: 0.95,
    Material.EYE: 0.08,
    Material.NOSE: 0.35,
    Material.WET: 0.3,
    Material.TEETH: 0.25,
    Material.WHISKER: 0.6,
    Material.SKIN: 0.6,
    Material.HORN: 0.5,
    Material.CLOTH: 0.85,
    Material.METAL: 0.3,
    Material.GLASS: 0.05,
    Material.HAIR: 0.45,
}
_THINNEST_GLASS = 0.15  # its opacity in other programs: less would not be seen there


def read_meshes(path: Path, bones: Sequence[str] = ()) -> tuple[Mesh, ...]:
    """The meshes of a GLB file, one for each triangle primitive.

    `bones` are the names of the joints that swing, in the order that `Mesh.bone` counts.

    Raises:
        AssetError: the file is missing, broken, cut short, or needs an extension; or it has no
            joint of one of those names.
    """
    document, binary = chunks(path)
    try:
        _refuse_unknown_extensions(path, document)
        _refuse_missing_joints(path, document, bones)
        reader = _Reader(document, binary)
        skins = _Skins(document, bones)
        meshes = tuple(
            _read_mesh(reader, document, mesh, primitive, skins.of_mesh(number))
            for number, mesh in enumerate(document["meshes"])
            for primitive in triangles_of(mesh)
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
        raise _broken(path, f"its data does not fit together ({err})") from err
    if not meshes:
        raise _broken(path, "it holds no triangles")
    return meshes


def triangles_of(mesh: Json) -> list[Json]:
    """The primitives of a glTF mesh that are triangles, as `read_meshes` reads them."""
    return [p for p in mesh["primitives"] if p.get("mode", _TRIANGLES) == _TRIANGLES]


def write_glb(
    path: Path,
    meshes: Sequence[Mesh],
    bones: Sequence[Bone] = (),
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> None:
    """Writes meshes as one GLB file; equal meshes give equal bytes.

    Head and body meet at `neck`, in metres; `Mesh.bone` counts the `bones`.
    """
    assert max((int(mesh.bone.max(initial=0)) for mesh in meshes), default=0) <= len(bones)
    writer = _Writer()
    kinds = sorted({mesh.material for mesh in meshes})
    joints = skeleton(bones, neck)
    nodes: list[Json] = [{"mesh": i, "name": mesh.name, "skin": 0} for i, mesh in enumerate(meshes)]
    root = len(nodes)
    document: Json = {
        "asset": {"version": "2.0", "generator": "livecam"},
        "scene": 0,
        # A node with a skin ignores the place of its parents, so all of them are roots.
        "scenes": [{"nodes": list(range(root + 1))}],
        "nodes": [*nodes, *_joint_nodes(joints, root)],
        "skins": [_skin_json(writer, joints, root)],
        "meshes": [_mesh_json(writer, mesh, kinds.index(mesh.material)) for mesh in meshes],
        "materials": [_material_json(kind) for kind in kinds],
        "accessors": writer.accessors,
        "bufferViews": writer.views,
        "buffers": [],
    }
    if any("weights" in mesh for mesh in document["meshes"]):
        document |= {"extensionsUsed": [_QUANTIZED], "extensionsRequired": [_QUANTIZED]}
    path.write_bytes(packed(document, writer.binary))


def packed(document: Json, binary: bytes | bytearray) -> bytes:
    """A GLB file of a document, whose one buffer is written into it, and that buffer."""
    binary = bytes(binary) + b"\0" * (-len(binary) % 4)
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return (
        struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + binary
    )


# ---------------------------------------------------------------- reading


def _broken(path: Path, why: str) -> AssetError:
    return AssetError(
        f"{path.name} is not a usable glTF binary file: {why}",
        hint=f"replace {path}; a built-in avatar comes back when livecam is installed again",
    )


def chunks(path: Path) -> tuple[Json, memoryview]:
    """The JSON document and the binary chunk of a GLB file.

    Raises:
        AssetError: the file cannot be read, or is none.
    """
    try:
        data = path.read_bytes()
    except OSError as err:
        raise AssetError(
            f"{path} cannot be read: {err.strerror or err}",
            hint="check the path and the permissions of the file",
        ) from err
    if not data:
        raise _broken(path, "it is empty")
    if data[:4] != b"glTF":
        raise _broken(path, "it does not start with the glTF mark")
    if len(data) < 20:
        raise _broken(path, "it is cut short")
    version, total = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise _broken(path, f"it has glTF version {version}, wanted is 2")
    if total > len(data):
        raise _broken(path, f"it is cut short ({len(data)} of {total} bytes)")
    parts: dict[bytes, memoryview] = {}
    at = 12
    while at + 8 <= total:
        length, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + length > total:
            raise _broken(path, "a chunk reaches beyond its end")
        parts.setdefault(kind, memoryview(data)[at + 8 : at + 8 + length])
        at += 8 + length
    try:
        document = json.loads(bytes(parts[b"JSON"]))
    except (KeyError, ValueError) as err:
        raise _broken(path, "its description is not JSON") from err
    if not isinstance(document, dict):
        raise _broken(path, "its description is not a JSON object")
    return document, parts.get(b"BIN\0", memoryview(b""))


def _refuse_unknown_extensions(path: Path, document: Json) -> None:
    unknown = sorted(set(document.get("extensionsRequired", ())) - _UNDERSTOOD)
    if unknown:
        raise AssetError(
            f"{path.name} needs {', '.join(unknown)}, which livecam cannot read",
            hint="export it again from Blender as glTF binary, without compression",
        )


def _refuse_missing_joints(path: Path, document: Json, bones: Sequence[str]) -> None:
    nodes = document.get("nodes", [])
    joints = [
        str(nodes[joint].get("name", ""))
        for skin in document.get("skins", [])
        for joint in skin["joints"]
    ]
    for bone in bones:
        if bone not in joints:
            raise AssetError(
                f'{path.name} has no joint for the bone "{bone}"{did_you_mean(bone, joints)}',
                hint=f"its joints are: {', '.join(dict.fromkeys(joints)) or 'none'}",
            )


class _Skins:
    """What the joints of each skin stand for."""

    def __init__(self, document: Json, bones: Sequence[str]) -> None:
        self._nodes: list[Json] = document.get("nodes", [])
        self._skins: list[Json] = document.get("skins", [])
        self._number = {bone: number for number, bone in enumerate(bones, 1)}
        self._parent = {
            child: number
            for number, node in enumerate(self._nodes)
            for child in node.get("children", ())
        }

    def of_mesh(self, mesh: int) -> tuple[list[int], list[bool]] | None:
        """For each joint of a mesh's skin its bone's number, and whether it rests on the body."""
        for node in self._nodes:
            if node.get("mesh") == mesh and "skin" in node:
                joints = self._skins[node["skin"]]["joints"]
                numbers = [self._number.get(self._nodes[j].get("name", ""), 0) for j in joints]
                return numbers, [self._on_body(joint) for joint in joints]
        return None

    def _on_body(self, joint: int) -> bool:
        """Whether `body` is met before `head` on the way to the root; other skeletons turn."""
        for _ in self._nodes:
            name = self._nodes[joint].get("name", "")
            if name in (BODY, HEAD) or joint not in self._parent:
                return bool(name == BODY)
            joint = self._parent[joint]
        raise ValueError("the nodes are their own parents")


class _Reader:
    """Turns accessors into arrays."""

    def __init__(self, document: Json, binary: memoryview) -> None:
        self._accessors: list[Json] = document.get("accessors", [])
        self._views: list[Json] = document.get("bufferViews", [])
        self._binary = binary

    def array(self, index: int) -> NDArray[Any]:
        """The accessor's values, [count] or [count, width]; normalised integers as float32."""
        accessor = self._accessors[index]
        dtype, count = _COMPONENTS[accessor["componentType"]], int(accessor["count"])
        width = _WIDTHS[accessor["type"]]
        if "bufferView" in accessor:
            view, offset = accessor["bufferView"], accessor.get("byteOffset", 0)
            values = self._view(view, offset, dtype, count, width)
        else:
            values = np.zeros((count, width), dtype)
        if "sparse" in accessor:
            values = values.copy()
            at, replaced = self._sparse(accessor, dtype, width)
            values[at] = replaced
        values = values[:, 0] if width == 1 else values
        return _as_float(values) if accessor.get("normalized") else values

    def morph(self, index: int) -> Morph | None:
        """A displacement accessor as a sparse morph; None when it moves nothing."""
        accessor = self._accessors[index]
        if "bufferView" not in accessor:
            if "sparse" not in accessor:
                return None
            dtype, width = _COMPONENTS[accessor["componentType"]], _WIDTHS[accessor["type"]]
            at, values = self._sparse(accessor, dtype, width)
            if accessor.get("normalized"):
                values = _as_float(values)
        else:
            values = self.array(index)
            at = np.flatnonzero(np.any(values != 0, axis=1))
            values = values[at]
        if not len(at) or not np.any(values):
            return None
        if int(at.max()) >= int(accessor["count"]):
            raise ValueError("a morph names a vertex that is not there")
        return Morph(at.astype(np.uint32), _points(values))

    def _sparse(
        self, accessor: Json, dtype: np.dtype[Any], width: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        sparse = accessor["sparse"]
        count, where, what = int(sparse["count"]), sparse["indices"], sparse["values"]
        kind = _COMPONENTS[where["componentType"]]
        at = self._view(where["bufferView"], where.get("byteOffset", 0), kind, count, 1)
        values = self._view(what["bufferView"], what.get("byteOffset", 0), dtype, count, width)
        return at[:, 0], values

    def _view(
        self, index: int, offset: int, dtype: np.dtype[Any], count: int, width: int
    ) -> NDArray[Any]:
        view = self._views[index]
        start = int(view.get("byteOffset", 0)) + int(offset)
        stride = int(view.get("byteStride", 0)) or dtype.itemsize * width
        end = start + stride * (count - 1) + dtype.itemsize * width
        inside = int(view.get("byteOffset", 0)) + int(view["byteLength"])
        if count < 0 or start < 0 or (count and end > min(inside, len(self._binary))):
            raise ValueError("an accessor reaches beyond the binary data")
        return np.ndarray(
            (count, width), dtype, self._binary, start, strides=(stride, dtype.itemsize)
        )


def _as_float(values: NDArray[Any]) -> NDArray[np.float32]:
    """Normalised integers to floats (glTF 2.0, section 3.6.2.2)."""
    top = np.float32(np.iinfo(values.dtype).max)
    out: NDArray[np.float32] = np.maximum(values.astype(np.float32) / top, np.float32(-1.0))
    return out


def _points(values: NDArray[Any]) -> Points:
    out = np.ascontiguousarray(values[:, :3], dtype=np.float32)
    if out.shape[1] != 3 or not np.isfinite(out).all():
        raise ValueError("vertices are not finite triples")
    return out


def _read_mesh(
    reader: _Reader,
    document: Json,
    mesh: Json,
    primitive: Json,
    skin: tuple[list[int], list[bool]] | None,
) -> Mesh:
    attributes: Json = primitive["attributes"]
    positions = _points(reader.array(attributes["POSITION"]))
    count = len(positions)

    def attribute(name: str, default: Sequence[float]) -> NDArray[np.float32]:
        if name not in attributes:
            return np.tile(np.array(default, np.float32), (count, 1))
        values = np.asarray(reader.array(attributes[name]), np.float32)
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} values for {count} vertices")
        return values

    if "indices" in primitive:
        indices = reader.array(primitive["indices"]).astype(np.uint32)
    else:
        indices = np.arange(count, dtype=np.uint32)
    if len(indices) % 3 or (len(indices) and int(indices.max()) >= count):
        raise ValueError("a triangle names a vertex that is not there")
    triangles = np.ascontiguousarray(indices.reshape(-1, 3))
    fur = attribute("_FUR", (1.0, 0.0, 1.0, 0.0))
    moving = _read_follows(reader, attributes, count, skin)
    return Mesh(
        name=str(mesh.get("name", "mesh")),
        material=_material(document, primitive),
        positions=positions,
        normals=_points(attribute("NORMAL", (0.0, 0.0, 0.0)))
        if "NORMAL" in attributes
        else vertex_normals(positions, triangles),
        colors=_points(attribute("COLOR_0", (1.0, 1.0, 1.0, 1.0))),
        indices=triangles,
        occlusion=fur[:, 0].copy(),
        fur=fur[:, 1].copy(),
        # Ours is exact, also where a vertex hangs on its bone alone.
        head_weight=fur[:, 2].copy() if "_FUR" in attributes else moving.head_weight,
        comb=_points(attribute("_COMB", (0.0, 0.0, 0.0, 0.0))),
        morphs=_read_morphs(reader, mesh, primitive),
        bone=moving.bone,
        sway=moving.sway,
    )


def _read_follows(
    reader: _Reader, attributes: Json, count: int, skin: tuple[list[int], list[bool]] | None
) -> Follows:
    if skin is None or "JOINTS_0" not in attributes:
        stiff = np.zeros(count, np.float32)
        return Follows(stiff + 1, stiff.astype(np.uint8), stiff)
    joints = reader.array(attributes["JOINTS_0"]).astype(np.int64)
    weights = np.asarray(reader.array(attributes["WEIGHTS_0"]), np.float32)
    if joints.shape != (count, 4) or weights.shape != (count, 4):
        raise ValueError("joints or weights are missing for some vertices")
    return follows(joints, weights, *skin)


def _read_morphs(reader: _Reader, mesh: Json, primitive: Json) -> dict[str, Morph]:
    names = mesh.get("extras", {}).get("targetNames", [])
    found = {
        str(name): reader.morph(target["POSITION"])
        for name, target in zip(names, primitive.get("targets", ()), strict=False)
        if "POSITION" in target
    }
    return {name: morph for name, morph in found.items() if morph is not None}


def _material(document: Json, primitive: Json) -> Material:
    if "material" not in primitive:
        return Material.SKIN
    name = str(document["materials"][primitive["material"]].get("name", "")).upper()
    return Material[name] if name in Material.__members__ else Material.SKIN


def vertex_normals(positions: Points, triangles: NDArray[np.uint32]) -> Points:
    """Unit normals float32[n, 3]: the area-weighted mean of the triangles round a vertex."""
    corners = positions[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.stack(
        [
            np.bincount(triangles.ravel(), np.repeat(faces[:, axis], 3), len(positions))
            for axis in range(3)
        ],
        axis=1,
    )
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    unit: Points = (out / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


# ---------------------------------------------------------------- writing


class _Writer:
    """Collects binary data, views and accessors."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.views: list[Json] = []
        self.accessors: list[Json] = []

    def view(self, values: NDArray[Any], target: int | None = None) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        view: Json = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        if target is not None:
            view["target"] = target
        self.binary += np.ascontiguousarray(values).tobytes()
        self.views.append(view)
        return len(self.views) - 1

    def array(self, values: NDArray[Any], target: int | None, *, normalized: bool = False) -> int:
        accessor: Json = {
            "bufferView": self.view(values, target),
            "componentType": _CODES[values.dtype],
            "count": len(values),
            "type": _TYPES[1 if values.ndim == 1 else values.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if values.dtype == np.float32:
            accessor["min"] = values.min(axis=0).tolist()
            accessor["max"] = values.max(axis=0).tolist()
        return self._add(accessor)

    def morph(self, count: int, morph: Morph | None) -> int:
        """A sparse displacement in 16-bit shares of a metre; without one, an accessor of zeros.

        Raises:
            ValueError: a vertex moves by more than a metre.
        """
        kept = np.dtype("<i2")
        accessor: Json = {"componentType": _CODES[kept], "count": count, "type": "VEC3"}
        accessor |= {"normalized": True, "min": [0] * 3, "max": [0] * 3}
        if morph is not None:
            kind = np.dtype("<u2") if count <= 0xFFFF else np.dtype("<u4")
            if np.abs(morph.deltas).max() > 1:
                raise ValueError("a vertex moves by more than a metre")
            deltas = np.rint(morph.deltas * np.iinfo(kept).max).astype(kept)
            still = np.zeros((int(len(deltas) < count), 3), kept)
            bounds = np.concatenate((deltas, still))
            accessor["min"] = bounds.min(axis=0).tolist()
            accessor["max"] = bounds.max(axis=0).tolist()
            accessor["sparse"] = {
                "count": len(deltas),
                "indices": {
                    "bufferView": self.view(morph.indices.astype(kind)),
                    "componentType": _CODES[kind],
                },
                "values": {"bufferView": self.view(deltas)},
            }
        return self._add(accessor)

    def _add(self, accessor: Json) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def _moving(morph: Morph) -> Morph | None:
    """Only the vertices that visibly move, in rising order."""
    keep = np.flatnonzero(np.abs(morph.deltas).max(axis=1) > _STILL_M)
    keep = keep[np.argsort(morph.indices[keep])]
    return Morph(morph.indices[keep], morph.deltas[keep]) if len(keep) else None


def _joint_nodes(joints: Sequence[Joint], root: int) -> list[Json]:
    """A node for each joint, the first of them with the number `root`."""
    place = {joint.name: number for number, joint in enumerate(joints)}
    nodes: list[Json] = []
    for joint in joints:
        from_parent = np.array(joint.at)
        if joint.parent:
            nodes[place[joint.parent]].setdefault("children", []).append(root + len(nodes))
            from_parent = from_parent - joints[place[joint.parent]].at
        nodes.append({"name": joint.name, "translation": from_parent.round(6).tolist()})
    return nodes


def _skin_json(writer: _Writer, joints: Sequence[Joint], root: int) -> Json:
    # glTF keeps matrices column after column: the translation comes last.
    inverse = np.tile(np.eye(4, dtype="<f4"), (len(joints), 1, 1))
    inverse[:, 3, :3] = [(-x, -y, -z) for x, y, z in (joint.at for joint in joints)]
    return {
        "inverseBindMatrices": writer.array(inverse.reshape(-1, 16), None),
        "joints": list(range(root, root + len(joints))),
        "skeleton": root,
    }


def _material_json(kind: Material) -> Json:
    out: Json = {
        "name": kind.name.lower(),
        "pbrMetallicRoughness": {
            "metallicFactor": 1.0 if kind is Material.METAL else 0.0,
            "roughnessFactor": _ROUGHNESS[kind],
        },
        # Tufts and whiskers are open sheets: seen from both sides.
        "doubleSided": kind in (Material.FUR, Material.WHISKER),
    }
    return out | {"alphaMode": "BLEND"} if kind is Material.GLASS else out


def _opacity(mesh: Mesh) -> NDArray[np.float32]:
    """Of the colours, float32[n]: glass hides what it does not let through."""
    if mesh.material is not Material.GLASS:
        return np.ones(len(mesh.positions), np.float32)
    out: NDArray[np.float32] = np.clip(1 - mesh.colors.mean(axis=1), _THINNEST_GLASS, 1)
    return out


def _mesh_json(writer: _Writer, mesh: Mesh, material: int) -> Json:
    joints, weights = influences(mesh)
    count = len(mesh.positions)
    kind = np.dtype("<u2") if count <= 0xFFFF else np.dtype("<u4")
    nothing = np.zeros(count, np.float32)
    fur = np.stack((mesh.occlusion, mesh.fur, mesh.head_weight, nothing), axis=1)
    primitive: Json = {
        "attributes": {
            "POSITION": writer.array(mesh.positions.astype("<f4"), VERTICES),
            "NORMAL": writer.array(mesh.normals.astype("<f4"), VERTICES),
            "COLOR_0": _quantized(writer, np.c_[mesh.colors, _opacity(mesh)], np.dtype("<u2")),
            "JOINTS_0": writer.array(joints, VERTICES),
            "WEIGHTS_0": writer.array(weights, VERTICES, normalized=True),
            "_FUR": _quantized(writer, fur, np.dtype("<u2")),
            "_COMB": _quantized(writer, np.c_[mesh.comb, nothing], np.dtype("<i2")),
        },
        "indices": writer.array(mesh.indices.astype(kind).ravel(), _INDICES),
        "material": material,
        "mode": _TRIANGLES,
    }
    moving = {name: _moving(morph) for name, morph in mesh.morphs.items()}
    if not any(moving.values()):
        return {"name": mesh.name, "primitives": [primitive]}
    names = [*EXPRESSIONS, *_correctives(moving)]
    primitive["targets"] = _targets(writer, count, moving, names)
    return {
        "name": mesh.name,
        "primitives": [primitive],
        "weights": [0.0] * len(names),
        "extras": {"targetNames": names},
    }


def _correctives(morphs: Mapping[str, Morph | None]) -> list[str]:
    """The names of products of expressions, in the order of these."""
    names = [
        name
        for name, morph in morphs.items()
        if morph is not None and CORRECTIVE in name and set(name.split(CORRECTIVE)) <= set(INDEX)
    ]
    return sorted(names, key=lambda name: [INDEX[part] for part in name.split(CORRECTIVE)])


def _targets(
    writer: _Writer, count: int, moving: Mapping[str, Morph | None], names: Sequence[str]
) -> list[Json]:
    """The targets of those names; those that move nothing share one accessor of zeros."""
    nothing = writer.morph(count, None)
    return [
        {"POSITION": writer.morph(count, moving[name]) if moving.get(name) else nothing}
        for name in names
    ]


def _quantized(writer: _Writer, values: NDArray[Any], dtype: np.dtype[Any]) -> int:
    """Values in 0..1 (unsigned) or -1..1 (signed) as normalised 16-bit integers."""
    limits = np.iinfo(dtype)
    scaled = np.rint(np.clip(values, -1.0 if limits.min else 0.0, 1.0) * limits.max)
    return writer.array(scaled.astype(dtype), VERTICES, normalized=True)

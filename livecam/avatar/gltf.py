"""Avatar meshes in glTF 2.0 binary files, read and written with plain numpy.

The files open in Blender and three.js. What glTF has no word for travels in two custom
attributes, both VEC4 (importers stumble over mixed widths): `_FUR` = (occlusion, fur length in
metres, head weight, 0) and `_COMB` = (comb direction, 0). Morph targets are sparse, named by
`extras.targetNames`; a material's name is the lower-case name of its `Material`.

Specification: Khronos glTF 2.0, sections 3.6 (binary data) and 4.4 (GLB).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Material, Mesh, Morph, Points
from livecam.core.errors import AssetError
from livecam.core.face import EXPRESSIONS

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
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
_VERTICES, _INDICES = 34962, 34963  # bufferView targets
_TRIANGLES = 4
# A displacement below this moves nothing by a pixel: half a pixel in 700 is about 0.18 mm.
_STILL_M = 4e-5
_UNDERSTOOD = {"KHR_mesh_quantization", "KHR_materials_unlit", "KHR_texture_transform"}
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
}


def read_meshes(path: Path) -> tuple[Mesh, ...]:
    """The meshes of a GLB file, one for each triangle primitive.

    Raises:
        AssetError: the file is missing, broken, cut short, or needs an extension.
    """
    document, binary = _chunks(path)
    try:
        _refuse_unknown_extensions(path, document)
        reader = _Reader(document, binary)
        meshes = tuple(
            _read_mesh(reader, document, mesh, primitive)
            for mesh in document["meshes"]
            for primitive in mesh["primitives"]
            if primitive.get("mode", _TRIANGLES) == _TRIANGLES
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
        raise _broken(path, f"its data does not fit together ({err})") from err
    if not meshes:
        raise _broken(path, "it holds no triangles")
    return meshes


def write_glb(path: Path, meshes: Sequence[Mesh], generator: str = "livecam") -> None:
    """Writes meshes as one GLB file; equal meshes give equal bytes."""
    writer = _Writer()
    kinds = sorted({mesh.material for mesh in meshes})
    document: Json = {
        "asset": {"version": "2.0", "generator": generator},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"mesh": i, "name": mesh.name} for i, mesh in enumerate(meshes)],
        "meshes": [_mesh_json(writer, mesh, kinds.index(mesh.material)) for mesh in meshes],
        "materials": [
            {
                "name": kind.name.lower(),
                "pbrMetallicRoughness": {
                    "metallicFactor": 0.0,
                    "roughnessFactor": _ROUGHNESS[kind],
                },
                # Tufts and whiskers are open sheets: seen from both sides.
                "doubleSided": kind in (Material.FUR, Material.WHISKER),
            }
            for kind in kinds
        ],
        "accessors": writer.accessors,
        "bufferViews": writer.views,
        "buffers": [{"byteLength": len(writer.binary)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = bytes(writer.binary) + b"\0" * (-len(writer.binary) % 4)
    path.write_bytes(
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


def _chunks(path: Path) -> tuple[Json, memoryview]:
    """The JSON document and the binary chunk of a GLB file."""
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
    chunks: dict[bytes, memoryview] = {}
    at = 12
    while at + 8 <= total:
        length, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + length > total:
            raise _broken(path, "a chunk reaches beyond its end")
        chunks.setdefault(kind, memoryview(data)[at + 8 : at + 8 + length])
        at += 8 + length
    try:
        document = json.loads(bytes(chunks[b"JSON"]))
    except (KeyError, ValueError) as err:
        raise _broken(path, "its description is not JSON") from err
    if not isinstance(document, dict):
        raise _broken(path, "its description is not a JSON object")
    return document, chunks.get(b"BIN\0", memoryview(b""))


def _refuse_unknown_extensions(path: Path, document: Json) -> None:
    unknown = sorted(set(document.get("extensionsRequired", ())) - _UNDERSTOOD)
    if unknown:
        raise AssetError(
            f"{path.name} needs {', '.join(unknown)}, which livecam cannot read",
            hint="export it again from Blender as glTF binary, without compression",
        )


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


def _read_mesh(reader: _Reader, document: Json, mesh: Json, primitive: Json) -> Mesh:
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
        head_weight=fur[:, 2].copy(),
        comb=_points(attribute("_COMB", (0.0, 0.0, 0.0, 0.0))),
        morphs=_read_morphs(reader, mesh, primitive),
    )


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

    def array(self, values: NDArray[Any], target: int, *, normalized: bool = False) -> int:
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
        """A sparse displacement; without one, an accessor of zeros."""
        accessor: Json = {"componentType": 5126, "count": count, "type": "VEC3"}
        accessor |= {"min": [0.0] * 3, "max": [0.0] * 3}
        if morph is not None:
            kind = np.dtype("<u2") if count <= 0xFFFF else np.dtype("<u4")
            deltas = morph.deltas.astype("<f4")
            still = np.zeros((int(len(deltas) < count), 3), np.float32)
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


def _mesh_json(writer: _Writer, mesh: Mesh, material: int) -> Json:
    count = len(mesh.positions)
    kind = np.dtype("<u2") if count <= 0xFFFF else np.dtype("<u4")
    nothing = np.zeros(count, np.float32)
    fur = np.stack((mesh.occlusion, mesh.fur, mesh.head_weight, nothing), axis=1)
    primitive: Json = {
        "attributes": {
            "POSITION": writer.array(mesh.positions.astype("<f4"), _VERTICES),
            "NORMAL": writer.array(mesh.normals.astype("<f4"), _VERTICES),
            "COLOR_0": _quantized(writer, np.c_[mesh.colors, nothing + 1], np.dtype("<u2")),
            "_FUR": _quantized(writer, fur, np.dtype("<u2")),
            "_COMB": _quantized(writer, np.c_[mesh.comb, nothing], np.dtype("<i2")),
        },
        "indices": writer.array(mesh.indices.astype(kind).ravel(), _INDICES),
        "material": material,
        "mode": _TRIANGLES,
    }
    targets = _targets(writer, count, mesh.morphs)
    if not targets:
        return {"name": mesh.name, "primitives": [primitive]}
    primitive["targets"] = targets
    return {
        "name": mesh.name,
        "primitives": [primitive],
        "weights": [0.0] * len(targets),
        "extras": {"targetNames": list(EXPRESSIONS)},
    }


def _targets(writer: _Writer, count: int, morphs: Mapping[str, Morph]) -> list[Json]:
    """All 52 targets in order; those that move nothing share one accessor of zeros."""
    moving = {name: _moving(morph) for name, morph in morphs.items()}
    if not any(moving.values()):
        return []
    nothing = writer.morph(count, None)
    accessors = {name: writer.morph(count, morph) for name, morph in moving.items() if morph}
    return [{"POSITION": accessors.get(name, nothing)} for name in EXPRESSIONS]


def _quantized(writer: _Writer, values: NDArray[Any], dtype: np.dtype[Any]) -> int:
    """Values in 0..1 (unsigned) or -1..1 (signed) as normalised 16-bit integers."""
    limits = np.iinfo(dtype)
    scaled = np.rint(np.clip(values, -1.0 if limits.min else 0.0, 1.0) * limits.max)
    return writer.array(scaled.astype(dtype), _VERTICES, normalized=True)

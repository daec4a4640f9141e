"""Reads and writes the arrays of a glTF file: accessors over views of its buffer.

Specification: Khronos glTF 2.0, section 3.6.2 (accessors).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Morph, Points
from livecam.avatar.gltf.container import Json

_DTYPES: dict[int, np.dtype[Any]] = {
    5120: np.dtype("i1"),
    5121: np.dtype("u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}  # by componentType
_COMPONENT_TYPES = {dtype: code for code, dtype in _DTYPES.items()}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963  # bufferView.target: vertices, indices
MORPH_DTYPE = np.dtype("<i2")  # normalised: 1 is a metre


class AccessorReader:
    """Turns accessors into arrays."""

    def __init__(self, document: Json, binary: memoryview) -> None:
        self._accessors: list[Json] = document.get("accessors", [])
        self._views: list[Json] = document.get("bufferViews", [])
        self._binary = binary

    def array(self, index: int) -> NDArray[Any]:
        """Reads an accessor as [count] or [count, width]; normalised integers as float32."""
        accessor = self._accessors[index]
        dtype, count = _DTYPES[accessor["componentType"]], int(accessor["count"])
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

    def points(self, index: int) -> Points:
        """Reads an accessor as finite float32[count, 3]."""
        return as_points(self.array(index))

    def morph(self, index: int) -> Morph | None:
        """Reads a displacement accessor as a sparse morph; None when it moves nothing."""
        accessor = self._accessors[index]
        if "bufferView" not in accessor:
            if "sparse" not in accessor:
                return None
            dtype, width = _DTYPES[accessor["componentType"]], _WIDTHS[accessor["type"]]
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
        return Morph(at.astype(np.uint32), as_points(values))

    def _sparse(
        self, accessor: Json, dtype: np.dtype[Any], width: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Reads the indices and the values of a sparse accessor."""
        sparse = accessor["sparse"]
        count, where, what = int(sparse["count"]), sparse["indices"], sparse["values"]
        kind = _DTYPES[where["componentType"]]
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


class AccessorWriter:
    """Collects the binary data, buffer views and accessors of a document."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.views: list[Json] = []
        self.accessors: list[Json] = []

    def array(self, values: NDArray[Any], target: int | None, *, normalized: bool = False) -> int:
        """Adds values as they are; returns the accessor's index."""
        accessor: Json = {
            "bufferView": self._view(values, target),
            "componentType": _COMPONENT_TYPES[values.dtype],
            "count": len(values),
            "type": _TYPES[1 if values.ndim == 1 else values.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if values.dtype == np.float32:
            accessor["min"] = values.min(axis=0).tolist()
            accessor["max"] = values.max(axis=0).tolist()
        return self._add(accessor)

    def quantized(self, values: NDArray[Any], dtype: np.dtype[Any]) -> int:
        """Adds vertex values in 0..1 (unsigned) or -1..1 (signed) as normalised integers."""
        limits = np.iinfo(dtype)
        scaled = np.rint(np.clip(values, -1.0 if limits.min else 0.0, 1.0) * limits.max)
        return self.array(scaled.astype(dtype), ARRAY_BUFFER, normalized=True)

    def morph(self, count: int, morph: Morph | None) -> int:
        """Adds the displacement of `count` vertices, sparse; without a morph all are zero.

        Raises:
            ValueError: a vertex moves by more than a metre.
        """
        accessor: Json = {
            "componentType": _COMPONENT_TYPES[MORPH_DTYPE],
            "count": count,
            "type": "VEC3",
            "normalized": True,
            "min": [0] * 3,
            "max": [0] * 3,
        }
        return self._add(accessor if morph is None else accessor | self._displaced(count, morph))

    def _displaced(self, count: int, morph: Morph) -> Json:
        """Returns the properties of a morph's accessor that depend on its deltas."""
        if np.abs(morph.deltas).max() > 1:
            raise ValueError("a vertex moves by more than a metre")
        deltas = np.rint(morph.deltas * np.iinfo(MORPH_DTYPE).max).astype(MORPH_DTYPE)
        unmoved = np.zeros((int(len(deltas) < count), 3), MORPH_DTYPE)
        bounds = np.concatenate((deltas, unmoved))
        kind = index_dtype(count)
        return {
            "min": bounds.min(axis=0).tolist(),
            "max": bounds.max(axis=0).tolist(),
            "sparse": {
                "count": len(deltas),
                "indices": {
                    "bufferView": self._view(morph.indices.astype(kind)),
                    "componentType": _COMPONENT_TYPES[kind],
                },
                "values": {"bufferView": self._view(deltas)},
            },
        }

    def _view(self, values: NDArray[Any], target: int | None = None) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        view: Json = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        if target is not None:
            view["target"] = target
        self.binary += np.ascontiguousarray(values).tobytes()
        self.views.append(view)
        return len(self.views) - 1

    def _add(self, accessor: Json) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def index_dtype(count: int) -> np.dtype[Any]:
    """Returns the smallest type that numbers so many vertices; glTF reserves its largest value."""
    return np.dtype("<u2") if count <= 0xFFFF else np.dtype("<u4")


def as_points(values: NDArray[Any]) -> Points:
    """Copies the first three columns as contiguous, finite float32[n, 3].

    A view would keep the whole file in memory.

    Raises:
        ValueError: there are fewer columns, or a value is not finite.
    """
    out = np.array(values[:, :3], np.float32, order="C")
    if out.shape[1] != 3 or not np.isfinite(out).all():
        raise ValueError("vertices are not finite triples")
    return out


def _as_float(values: NDArray[Any]) -> NDArray[np.float32]:
    """Converts normalised integers to floats (glTF 2.0, section 3.6.2.2)."""
    top = np.float32(np.iinfo(values.dtype).max)
    out: NDArray[np.float32] = np.maximum(values.astype(np.float32) / top, np.float32(-1.0))
    return out

"""Reads MediaPipe's canonical face model from the bundle of the Face Landmarker.

The bundle is a zip file. One of its members holds the canonical face, in centimetres, and the
weights of the landmarks for the pose, in the wire format of protocol buffers
(protobuf.dev/programming-guides/encoding). Its messages are those of MediaPipe's
`geometry_pipeline_metadata.proto` and `mesh_3d.proto`.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import TrackingError

MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
CENTIMETRE = 0.01
VERTEX = 5  # x, y, z, u, v

# Numbers of fields.
MESH, BASIS = 1, 2
VERTICES = 3  # of a mesh
LANDMARK, WEIGHT = 1, 2  # of the basis
VARINT, LENGTH = 0, 2  # wire types
FIXED = {1: 8, 5: 4}  # bytes of other wire types


@dataclass(frozen=True, slots=True)
class FaceModel:
    """The canonical face in head space."""

    points: NDArray[np.float64]  # float64[468, 3], metres, by landmark
    weights: NDArray[np.float64]  # float64[468]; of each landmark in the pose's least squares


def read_face_model(bundle: Path) -> FaceModel:
    """Reads the canonical face of a Face Landmarker bundle.

    Raises:
        TrackingError: the file is no such bundle.
    """
    try:
        with zipfile.ZipFile(bundle) as members:
            fields = list(_fields(members.read(MEMBER)))
        (mesh,) = (value for number, value in fields if number == MESH)
        vertices = [_float(value) for number, value in _fields(mesh) if number == VERTICES]
        points = np.array(vertices).reshape(-1, VERTEX)[:, :3] * CENTIMETRE
        weights = np.zeros(len(points))
        for entry in (dict(_fields(value)) for number, value in fields if number == BASIS):
            weights[int(entry.get(LANDMARK, 0))] = _float(entry[WEIGHT])
    except (OSError, KeyError, ValueError, IndexError, struct.error, zipfile.BadZipFile) as error:
        raise TrackingError(
            "the face model {path} cannot be read",
            hint="run `livecam assets verify`, then `livecam assets fetch`",
            path=bundle,
        ) from error
    return FaceModel(points, weights)


Value = int | bytes


def _fields(message: Value) -> Iterator[tuple[int, Value]]:
    """Yields the field numbers and values of a message; values of fixed length stay bytes."""
    raw = _bytes(message)
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == LENGTH:
            length, at = _varint(raw, at)
        else:
            length = FIXED[wire]
        if at + length > len(raw):
            raise ValueError("a field that extends beyond its message")
        yield number, raw[at : at + length]
        at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Decodes a base-128 varint; returns the value and the offset after it."""
    value = shift = 0
    while raw[at] & 0x80:
        value |= (raw[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | raw[at] << shift, at + 1


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes should be")
    return value


def _float(value: Value) -> float:
    number: float = struct.unpack("<f", _bytes(value))[0]
    return number

"""Reads and writes the GLB container: a JSON document and one binary buffer.

Specification: Khronos glTF 2.0, section 4.4 (GLB).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from livecam.core.errors import AssetError
from livecam.core.language import to_translate, tr
from livecam.core.text_files import parse_json, read_bytes

Json = dict[str, Any]

MAX_FILE_BYTES = 256 << 20  # ours have at most 3 MiB
HEADER_BYTES = 12  # magic, version, length of the file
CHUNK_HEADER_BYTES = 8  # length and type
TRIANGLES = 4  # the mode of a primitive, and its default


def read_glb(path: Path) -> tuple[Json, memoryview]:
    """Reads the JSON document and the binary chunk of a GLB file.

    Raises:
        AssetError: the file cannot be read, or is no GLB file.
    """
    data = read_bytes(
        path,
        MAX_FILE_BYTES,
        AssetError,
        to_translate("check the path and the permissions of the file"),
    )
    chunks = _chunks(path, data)
    try:
        document = parse_json(str(chunks[b"JSON"], "utf-8"))
    except KeyError as err:
        raise broken_glb(path, tr("it has no description")) from err
    except ValueError as err:
        raise broken_glb(path, tr("its description is not JSON: {error}", error=err)) from err
    if not isinstance(document, dict):
        raise broken_glb(path, tr("its description is not a JSON object"))
    return document, chunks.get(b"BIN\0", memoryview(b""))


def glb_bytes(document: Json, binary: bytes | bytearray) -> bytes:
    """Packs a document and its only buffer as a GLB file; sets `buffers` of the document."""
    binary = bytes(binary) + b"\0" * (-len(binary) % 4)
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = HEADER_BYTES + 2 * CHUNK_HEADER_BYTES + len(text) + len(binary)
    return (
        struct.pack("<4sII", b"glTF", 2, total)
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + binary
    )


def triangle_primitives(mesh: Json) -> list[Json]:
    """Lists the primitives of a glTF mesh that are triangles; `read_meshes` reads these."""
    return [p for p in mesh["primitives"] if p.get("mode", TRIANGLES) == TRIANGLES]


def broken_glb(path: Path, why: str) -> AssetError:
    """Makes the error for a file that is damaged."""
    return AssetError(
        "{name} is not a usable glTF binary file: {why}",
        hint="replace {path}; a built-in avatar comes back when livecam is installed again",
        name=path.name, why=why, path=path,
    )  # fmt: skip


def _chunks(path: Path, data: bytes) -> dict[bytes, memoryview]:
    """Splits a file into its chunks by type; of equal types the first counts."""
    total = _checked_length(path, data)
    chunks: dict[bytes, memoryview] = {}
    at = HEADER_BYTES
    while at + CHUNK_HEADER_BYTES <= total:
        length, kind = struct.unpack_from("<I4s", data, at)
        begin = at + CHUNK_HEADER_BYTES
        if begin + length > total:
            raise broken_glb(path, tr("a chunk reaches beyond its end"))
        chunks.setdefault(kind, memoryview(data)[begin : begin + length])
        at = begin + length
    return chunks


def _checked_length(path: Path, data: bytes) -> int:
    """Returns the length that the header of a glTF 2 file states, not beyond its end."""
    if not data:
        raise broken_glb(path, tr("it is empty"))
    if data[:4] != b"glTF":
        raise broken_glb(path, tr("it does not start with the glTF mark"))
    if len(data) < HEADER_BYTES + CHUNK_HEADER_BYTES:
        raise broken_glb(path, tr("it is cut short"))
    version, total = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise broken_glb(path, tr("it has glTF version {version}, wanted is 2", version=version))
    if total > len(data):
        why = tr("it is cut short ({count} of {total} bytes)", count=len(data), total=total)
        raise broken_glb(path, why)
    return int(total)

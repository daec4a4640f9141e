"""Takes as files for other programs: an animated glTF head, or a table."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.expression import ExpressionGains
from livecam.avatar.library import find_avatar, load_avatar
from livecam.core.errors import SinkError, UsageError
from livecam.core.face import EXPRESSIONS
from livecam.core.spaces import euler_deg
from livecam.motion.take import Take

FLOAT = 5126  # glTF 2.0, 3.6.2.2: accessor.componentType
JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942  # 4.4.3


def export(take: Take, out: Path, avatar: str, force: bool = False) -> None:
    """Writes a take as .glb or .csv.

    Raises:
        UsageError: the ending is neither.
        SinkError: the file is there, or cannot be written.
    """
    if out.suffix.lower() not in (".glb", ".csv"):
        raise UsageError(f"{out} is neither .glb nor .csv", "name the file TAKE.glb or TAKE.csv")
    if out.exists() and not force:
        raise SinkError(f"{out} is there already", hint="--force replaces it")
    try:
        if out.suffix.lower() == ".csv":
            with out.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(table(take))
        else:
            out.write_bytes(animated(take, avatar))
    except OSError as error:
        raise SinkError(
            f"{out} cannot be written: {error.strerror}", hint="choose another folder"
        ) from error


def table(take: Take) -> list[list[Any]]:
    """Names first, then one row a frame; empty where nobody was seen."""
    pose = ["x_m", "y_m", "z_m", "yaw_deg", "pitch_deg", "roll_deg"]
    rows: list[list[Any]] = [["time_s", "seen", *pose, *EXPRESSIONS]]
    for row, t in enumerate(take.times):
        line: list[Any] = [round(float(t), 4), int(take.seen[row])]
        if take.seen[row]:
            line += [round(float(v), 5) for v in take.translations[row]]
            line += [round(float(v), 3) for v in euler_deg(take.rotations[row])]
            line += [round(float(v), 4) for v in take.weights[row]]
        else:
            line += [""] * (len(pose) + len(EXPRESSIONS))
        rows.append(line)
    return rows


def animated(take: Take, avatar: str) -> bytes:
    """An avatar's own glTF file with the take as its animation.

    The body's joint moves as the head did, about where it was on average; the head's joint turns;
    each mesh has a track of its morph targets, correctives among them (glTF 2.0, 3.11).
    """
    document, binary = _chunks((find_avatar(avatar) / "head.glb").read_bytes())
    file = _File(document, bytearray(binary))
    seen = np.maximum.accumulate(np.where(take.seen, np.arange(len(take.seen)), -1))
    rows = np.maximum(seen, int(np.argmax(take.seen)))  # where nobody is seen the last one stays
    time = file.add(take.times.astype(np.float32), "SCALAR", bounds=True)
    joints = {node["name"]: i for i, node in enumerate(document["nodes"]) if "mesh" not in node}
    away = take.translations - take.translations[take.seen].mean(axis=0)
    body = np.array(document["nodes"][joints["body"]].get("translation", (0, 0, 0)))
    turns = np.roll(_continuous(take.rotations[rows]), -1, axis=1)  # x y z w
    animation = _Animation(time)
    animation.add(joints["body"], "translation", file.add((away[rows] + body), "VEC3"))
    animation.add(joints["head"], "rotation", file.add(turns, "VEC4"))
    morphs = _morphs(take, rows, avatar)
    for i, node in enumerate(document["nodes"]):
        names = document["meshes"][node["mesh"]].get("extras", {}) if "mesh" in node else {}
        if names := names.get("targetNames"):
            track = np.stack([_weight(name, morphs) for name in names], axis=1)
            animation.add(i, "weights", file.add(track.ravel(), "SCALAR"))
    document["animations"] = [animation.document()]
    return file.to_bytes()


def _morphs(take: Take, rows: NDArray[np.intp], avatar: str) -> NDArray[np.float32]:
    """What the avatar shows in each frame, float32[n, 52]."""
    weights = take.weights[rows]
    if take.meant:
        return weights
    gains = ExpressionGains(load_avatar(avatar).gains)
    steps = np.diff(take.times, prepend=take.times[0])
    return np.stack([gains.morphs(w, float(dt)) for w, dt in zip(weights, steps, strict=True)])


def _weight(name: str, morphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """An expression's weight, or a corrective's: the product of what it corrects."""
    columns = [EXPRESSIONS.index(part) for part in name.split("*")]
    return np.asarray(morphs[:, columns].prod(axis=1), np.float32)


def _continuous(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same rotations on neighbouring sides: players interpolate components."""
    signs = np.sign((rotations[1:] * rotations[:-1]).sum(axis=1))
    signs[signs == 0] = 1
    return rotations * np.concatenate(([1.0], np.cumprod(signs)))[:, None]


class _Animation:
    """The samplers and channels of one glTF animation."""

    def __init__(self, time: int) -> None:
        self._time = time
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []

    def add(self, node: int, path: str, values: int) -> None:
        target = {"node": node, "path": path}
        self._channels.append({"sampler": len(self._samplers), "target": target})
        self._samplers.append({"input": self._time, "interpolation": "LINEAR", "output": values})

    def document(self) -> dict[str, Any]:
        return {"name": "take", "samplers": self._samplers, "channels": self._channels}


class _File:
    """A glTF document and its one buffer, both growing."""

    def __init__(self, document: dict[str, Any], binary: bytearray) -> None:
        self._document, self._binary = document, binary

    def add(self, values: NDArray[Any], kind: str, bounds: bool = False) -> int:
        """Appends floats; answers with the index of their accessor."""
        data = np.ascontiguousarray(values, np.float32)
        self._binary += bytes(-len(self._binary) % 4)
        views, accessors = self._document["bufferViews"], self._document["accessors"]
        views.append({"buffer": 0, "byteOffset": len(self._binary), "byteLength": data.nbytes})
        self._binary += data.tobytes()
        accessor = {
            "bufferView": len(views) - 1, "componentType": FLOAT, "count": len(data), "type": kind,
        }  # fmt: skip
        if bounds:
            accessor |= {"min": [float(data.min())], "max": [float(data.max())]}
        accessors.append(accessor)
        return len(accessors) - 1

    def to_bytes(self) -> bytes:
        self._binary += bytes(-len(self._binary) % 4)
        self._document["buffers"][0]["byteLength"] = len(self._binary)
        text = json.dumps(self._document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(self._binary)
        return b"".join(
            (
                struct.pack("<4sII", b"glTF", 2, length),
                struct.pack("<II", len(text), JSON_CHUNK), text,
                struct.pack("<II", len(self._binary), BIN_CHUNK), bytes(self._binary),
            )
        )  # fmt: skip


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The document and the buffer of one of our own GLB files."""
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    return document, data[28 + length :]

"""Writes takes for other programs: as an animated glTF head, or as a table."""

from __future__ import annotations

import csv
import os
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, Material, Profile
from livecam.avatar.expression import ExpressionGains
from livecam.avatar.eye_texture import eye_texture, eye_uv
from livecam.avatar.gltf.accessors import ARRAY_BUFFER
from livecam.avatar.gltf.container import glb_bytes, read_glb, triangle_primitives
from livecam.avatar.library import HEAD_FILE, load_avatar
from livecam.avatar.skin import BODY, HEAD
from livecam.calibration.profile import load_profile
from livecam.core.errors import AssetError, SinkError, UsageError, reason_of
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Image
from livecam.core.hidden_file import replaced_file
from livecam.core.spaces import euler_deg
from livecam.filtering.zero_lag import same_hemisphere
from livecam.motion.take import Take

FLOAT = 5126  # glTF 2.0, 3.6.2.2: accessor.componentType


def export_take(
    take: Take, out: Path, avatar: str, *, profile: str = "", force: bool = False
) -> None:
    """Writes a take as .glb or .csv; `profile` names that of the person in the take.

    Raises:
        AssetError: there is no such avatar, or it has no joints.
        ConfigError: there is no such profile.
        UsageError: the suffix is neither.
        SinkError: the file is there already, or cannot be written.
    """
    if out.suffix.lower() not in (".glb", ".csv"):
        raise UsageError(
            "{path} is neither .glb nor .csv", "name the file TAKE.glb or TAKE.csv", path=out
        )
    if os.path.lexists(out) and not force:
        raise SinkError("{path} is there already", hint="--force replaces it", path=out)
    ranges = load_profile(profile) if profile else None
    try:
        data = _csv(take) if out.suffix.lower() == ".csv" else animated_glb(take, avatar, ranges)
        with replaced_file(out) as file:
            file.write(data)
    except OSError as error:
        raise SinkError(
            "{path} cannot be written: {reason}",
            hint="choose another folder",
            path=out,
            reason=reason_of(error),
        ) from error


def _csv(take: Take) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(csv_rows(take))
    return text.getvalue().encode()


def csv_rows(take: Take) -> list[list[Any]]:
    """Returns the names, then one row a frame; its cells are empty where there is no face."""
    pose = ["x_m", "y_m", "z_m", "yaw_deg", "pitch_deg", "roll_deg"]
    rows: list[list[Any]] = [["time_s", "seen", *pose, *EXPRESSIONS]]
    for row, t in enumerate(take.times):
        line: list[Any] = [round(float(t), 4), int(take.visible[row])]
        if take.visible[row]:
            line += [round(float(v), 5) for v in take.translations[row]]
            line += [round(float(v), 3) for v in euler_deg(take.rotations[row])]
            line += [round(float(v), 4) for v in take.weights[row]]
        else:
            line += [""] * (len(pose) + len(EXPRESSIONS))
        rows.append(line)
    return rows


def animated_glb(take: Take, avatar: str, profile: Profile | None = None) -> bytes:
    """Returns an avatar's own glTF file with the take as its animation.

    The body's joint is translated as the head was, about its mean; the head's joint rotates; each
    mesh has a track of its morph targets, correctives among them (glTF 2.0, 3.11). Eyes get a
    texture, as other programs do not have our shader for them.
    """
    head = load_avatar(avatar)
    document, binary = read_glb(head.folder / HEAD_FILE)
    file = _File(document, bytearray(binary))
    _paint_eyes(document, file, head)
    last = np.maximum.accumulate(np.where(take.visible, np.arange(len(take.visible)), -1))
    rows = np.maximum(last, int(np.argmax(take.visible)))  # without a face, the last one is held
    time = file.add(take.times.astype(np.float32), "SCALAR", bounds=True)
    joints = {n.get("name"): i for i, n in enumerate(document["nodes"]) if "mesh" not in n}
    if not {BODY, HEAD} <= joints.keys():
        raise AssetError(
            '{head} has no joints "{head_bone}" and "{body_bone}" that a take could move',
            hint="give its skin both, see docs/heads.md; `livecam motion render` needs none",
            head=head.name, head_bone=HEAD, body_bone=BODY,
        )  # fmt: skip
    away = take.translations - take.translations[take.visible].mean(axis=0)
    body = np.array(document["nodes"][joints[BODY]].get("translation", (0, 0, 0)))
    # Players interpolate components, so neighbours share a hemisphere; glTF's order is x y z w.
    turns = same_hemisphere(take.rotations[rows], np.ones(len(rows), bool))[:, (1, 2, 3, 0)]
    animation = _Animation(time)
    animation.add(joints[BODY], "translation", file.add((away[rows] + body), "VEC3"))
    animation.add(joints[HEAD], "rotation", file.add(turns, "VEC4"))
    morphs = _morphs(take, rows, ExpressionGains(head.gains, profile=profile))
    for i, node in enumerate(document["nodes"]):
        names = document["meshes"][node["mesh"]].get("extras", {}) if "mesh" in node else {}
        if names := names.get("targetNames"):
            track = np.stack([_weight(name, morphs) for name in names], axis=1)
            animation.add(i, "weights", file.add(track.ravel(), "SCALAR"))
    document["animations"] = [animation.document()]
    return glb_bytes(document, file.binary)


def _paint_eyes(document: dict[str, Any], file: _File, head: Avatar) -> None:
    """Adds a texture to the eyes that have none."""
    primitives = [each for mesh in document["meshes"] for each in triangle_primitives(mesh)]
    texture = None
    for mesh, primitive in zip(head.meshes, primitives, strict=True):
        known = mesh.material is Material.EYE and mesh.comb.any()  # its centre
        if not known or "TEXCOORD_0" in primitive["attributes"]:
            continue
        if texture is None:
            texture = file.add_image(eye_texture(head.eyes))
        primitive["attributes"]["TEXCOORD_0"] = file.add(
            eye_uv(mesh.comb), "VEC2", of_vertices=True
        )
        material = document["materials"][primitive["material"]]
        material.setdefault("pbrMetallicRoughness", {})["baseColorTexture"] = {"index": texture}


def _morphs(take: Take, rows: NDArray[np.intp], gains: ExpressionGains) -> NDArray[np.float32]:
    """Returns the morphs of each frame, float32[n, 52]; the gains estimate the rest first."""
    steps = np.diff(take.times, prepend=take.times[0]).tolist()

    def played() -> list[NDArray[np.float32]]:
        return [
            gains.morphs(take.weights[row], dt, take.arkit_mask[row])
            for row, dt in zip(rows, steps, strict=True)
        ]

    played()
    return np.stack(played())


def _weight(name: str, morphs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the weight of an expression, or of a corrective: the product of its parts."""
    columns = [EXPRESSIONS.index(part) for part in name.split("*")]
    return np.asarray(morphs[:, columns].prod(axis=1), np.float32)


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
    """A glTF document and its buffer, to which accessors and textures are added."""

    def __init__(self, document: dict[str, Any], binary: bytearray) -> None:
        self._document, self.binary = document, binary

    def add(
        self, values: NDArray[Any], kind: str, bounds: bool = False, of_vertices: bool = False
    ) -> int:
        """Appends floats; returns the index of their accessor."""
        data = np.ascontiguousarray(values, np.float32)
        accessors = self._document["accessors"]
        view = self._view(data.tobytes(), {"target": ARRAY_BUFFER} if of_vertices else {})
        accessor = {"bufferView": view, "componentType": FLOAT, "count": len(data), "type": kind}
        if bounds:
            accessor |= {"min": [float(data.min())], "max": [float(data.max())]}
        accessors.append(accessor)
        return len(accessors) - 1

    def add_image(self, image: Image) -> int:
        """Appends an image uint8[h, w, 3] as PNG; returns the index of its texture."""
        done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        assert done
        images = self._document.setdefault("images", [])
        textures = self._document.setdefault("textures", [])
        images.append({"bufferView": self._view(data.tobytes(), {}), "mimeType": "image/png"})
        textures.append({"source": len(images) - 1})
        return len(textures) - 1

    def _view(self, data: bytes, properties: dict[str, Any]) -> int:
        """Appends bytes; returns the index of their buffer view, which gets the properties."""
        self.binary += bytes(-len(self.binary) % 4)
        views: list[dict[str, Any]] = self._document["bufferViews"]
        views.append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)} | properties
        )
        self.binary += data
        return len(views) - 1

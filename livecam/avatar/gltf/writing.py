"""Writes meshes as a GLB file; equal meshes give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import CORRECTIVE, Bone, Material, Mesh, Morph
from livecam.avatar.gltf.accessors import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    AccessorWriter,
    index_dtype,
)
from livecam.avatar.gltf.container import TRIANGLES, Json, glb_bytes
from livecam.avatar.skin import Joint, influences, skeleton
from livecam.core.face import EXPRESSIONS, INDEX

# A displacement below this moves nothing by a pixel: half a pixel in 700 is about 0.18 mm.
_MIN_MOVE_M = 4e-5
_QUANTIZATION = "KHR_mesh_quantization"  # of morphs: a third less to load
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
_MIN_GLASS_ALPHA = 0.15  # other programs would show less as nothing at all
_UNSIGNED, _SIGNED = np.dtype("<u2"), np.dtype("<i2")


def write_glb(
    path: Path,
    meshes: Sequence[Mesh],
    bones: Sequence[Bone] = (),
    neck: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> None:
    """Writes meshes as one GLB file.

    Head and body meet at `neck`, in metres; `Mesh.bone` counts the `bones`.
    """
    assert max((int(mesh.bone.max(initial=0)) for mesh in meshes), default=0) <= len(bones)
    writer = AccessorWriter()
    kinds = sorted({mesh.material for mesh in meshes})
    joints = skeleton(bones, neck)
    nodes: list[Json] = [{"mesh": i, "name": mesh.name, "skin": 0} for i, mesh in enumerate(meshes)]
    root = len(nodes)
    document: Json = {
        "asset": {"version": "2.0", "generator": "livecam"},
        "scene": 0,
        # A node with a skin ignores the transform of its parents, so all of them are roots.
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
        document |= {"extensionsUsed": [_QUANTIZATION], "extensionsRequired": [_QUANTIZATION]}
    path.write_bytes(glb_bytes(document, writer.binary))


def _joint_nodes(joints: Sequence[Joint], root: int) -> list[Json]:
    """Returns a node for each joint, the first of them with the number `root`."""
    place = {joint.name: number for number, joint in enumerate(joints)}
    nodes: list[Json] = []
    for joint in joints:
        from_parent = np.array(joint.at)
        if joint.parent:
            nodes[place[joint.parent]].setdefault("children", []).append(root + len(nodes))
            from_parent = from_parent - joints[place[joint.parent]].at
        nodes.append({"name": joint.name, "translation": from_parent.round(6).tolist()})
    return nodes


def _skin_json(writer: AccessorWriter, joints: Sequence[Joint], root: int) -> Json:
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
        # Tufts and whiskers are open sheets: visible from both sides.
        "doubleSided": kind in (Material.FUR, Material.WHISKER),
    }
    return out | {"alphaMode": "BLEND"} if kind is Material.GLASS else out


def _mesh_json(writer: AccessorWriter, mesh: Mesh, material: int) -> Json:
    primitive: Json = {
        "attributes": _attributes(writer, mesh),
        "indices": writer.array(
            mesh.indices.astype(index_dtype(len(mesh.positions))).ravel(), ELEMENT_ARRAY_BUFFER
        ),
        "material": material,
        "mode": TRIANGLES,
    }
    moving = {name: _visible_part(morph) for name, morph in mesh.morphs.items()}
    if not any(moving.values()):
        return {"name": mesh.name, "primitives": [primitive]}
    names = [*EXPRESSIONS, *_correctives(moving)]
    primitive["targets"] = _targets(writer, len(mesh.positions), moving, names)
    return {
        "name": mesh.name,
        "primitives": [primitive],
        "weights": [0.0] * len(names),
        "extras": {"targetNames": names},
    }


def _attributes(writer: AccessorWriter, mesh: Mesh) -> dict[str, int]:
    """Returns the accessors of the vertex attributes."""
    joints, weights = influences(mesh)
    zeros = np.zeros(len(mesh.positions), np.float32)
    fur = np.stack((mesh.occlusion, mesh.fur, mesh.head_weight, zeros), axis=1)
    return {
        "POSITION": writer.array(mesh.positions.astype("<f4"), ARRAY_BUFFER),
        "NORMAL": writer.array(mesh.normals.astype("<f4"), ARRAY_BUFFER),
        "COLOR_0": writer.quantized(np.c_[mesh.colors, _alpha(mesh)], _UNSIGNED),
        "JOINTS_0": writer.array(joints, ARRAY_BUFFER),
        "WEIGHTS_0": writer.array(weights, ARRAY_BUFFER, normalized=True),
        "_FUR": writer.quantized(fur, _UNSIGNED),
        "_COMB": writer.quantized(np.c_[mesh.comb, zeros], _SIGNED),
    }


def _alpha(mesh: Mesh) -> NDArray[np.float32]:
    """Returns the opacity of each vertex, float32[n]: glass hides what it does not let through."""
    if mesh.material is not Material.GLASS:
        return np.ones(len(mesh.positions), np.float32)
    out: NDArray[np.float32] = np.clip(1 - mesh.colors.mean(axis=1), _MIN_GLASS_ALPHA, 1)
    return out


def _visible_part(morph: Morph) -> Morph | None:
    """Keeps the vertices that visibly move, in rising order; None when there are none."""
    keep = np.flatnonzero(np.abs(morph.deltas).max(axis=1) > _MIN_MOVE_M)
    keep = keep[np.argsort(morph.indices[keep])]
    return Morph(morph.indices[keep], morph.deltas[keep]) if len(keep) else None


def _correctives(morphs: Mapping[str, Morph | None]) -> list[str]:
    """Returns the names of corrective morphs, in the order of the expressions they combine."""
    names = [
        name
        for name, morph in morphs.items()
        if morph is not None and CORRECTIVE in name and set(name.split(CORRECTIVE)) <= set(INDEX)
    ]
    return sorted(names, key=lambda name: [INDEX[part] for part in name.split(CORRECTIVE)])


def _targets(
    writer: AccessorWriter, count: int, moving: Mapping[str, Morph | None], names: Sequence[str]
) -> list[Json]:
    """Returns the morph targets of those names; empty ones share one accessor of zeros."""
    zeros = writer.morph(count, None)
    return [
        {"POSITION": writer.morph(count, moving[name]) if moving.get(name) else zeros}
        for name in names
    ]

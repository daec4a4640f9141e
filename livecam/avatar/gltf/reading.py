"""Reads the meshes of a GLB file, from livecam or any other program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Material, Mesh, Morph
from livecam.avatar.gltf.accessors import AccessorReader, as_points
from livecam.avatar.gltf.container import Json, broken_glb, read_glb, triangle_primitives
from livecam.avatar.normals import unit_normals
from livecam.avatar.skin import BODY, HEAD, SkinBinding, binding_of
from livecam.core.errors import AssetError
from livecam.core.language import tr
from livecam.core.registry import did_you_mean

_SUPPORTED = {"KHR_mesh_quantization", "KHR_materials_unlit", "KHR_texture_transform"}


def read_meshes(path: Path, bones: Sequence[str] = ()) -> tuple[Mesh, ...]:
    """Reads the meshes of a GLB file, one for each triangle primitive.

    `bones` are the names of the joints that swing, in the order that `Mesh.bone` counts.

    Raises:
        AssetError: the file is missing, broken, cut short, or needs an extension; or it has no
            joint of one of those names.
    """
    document, binary = read_glb(path)
    try:
        _refuse_unknown_extensions(path, document)
        _refuse_missing_joints(path, document, bones)
        accessors = AccessorReader(document, binary)
        skins = _Skins(document, bones)
        meshes = tuple(
            _MeshReader(accessors, document, mesh, primitive).read(skins.of_mesh(number))
            for number, mesh in enumerate(document["meshes"])
            for primitive in triangle_primitives(mesh)
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
        why = tr("its data does not fit together ({error})", error=err)
        raise broken_glb(path, why) from err
    if not meshes:
        raise broken_glb(path, tr("it holds no triangles"))
    return meshes


def _refuse_unknown_extensions(path: Path, document: Json) -> None:
    unknown = sorted(set(document.get("extensionsRequired", ())) - _SUPPORTED)
    if unknown:
        raise AssetError(
            "{name} needs {names}, which livecam cannot read",
            hint="export it again from Blender as glTF binary, without compression",
            name=path.name,
            names=", ".join(unknown),
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
                '{name} has no joint for the bone "{bone}"{guess}',
                hint="its joints are: {names}",
                name=path.name, bone=bone, guess=did_you_mean(bone, joints),
                names=", ".join(dict.fromkeys(joints)) or tr("none"),
            )  # fmt: skip


# For each joint of a skin its bone's number, 0 for none, and whether it follows the body.
_SkinJoints = tuple[list[int], list[bool]]


class _Skins:
    """Maps the joints of each skin to bones, head and body."""

    def __init__(self, document: Json, bones: Sequence[str]) -> None:
        self._nodes: list[Json] = document.get("nodes", [])
        self._skins: list[Json] = document.get("skins", [])
        self._number = {bone: number for number, bone in enumerate(bones, 1)}
        self._parent = {
            child: number
            for number, node in enumerate(self._nodes)
            for child in node.get("children", ())
        }

    def of_mesh(self, mesh: int) -> _SkinJoints | None:
        """Returns the joints of the skin that a mesh is bound to; None for a mesh without."""
        for node in self._nodes:
            if node.get("mesh") == mesh and "skin" in node:
                joints = self._skins[node["skin"]]["joints"]
                numbers = [self._number.get(self._nodes[j].get("name", ""), 0) for j in joints]
                return numbers, [self._on_body(joint) for joint in joints]
        return None

    def _on_body(self, joint: int) -> bool:
        """Returns whether the nearest ancestor called `body` or `head` is `body`, not `head`."""
        for _ in self._nodes:
            name = self._nodes[joint].get("name", "")
            if name in (BODY, HEAD) or joint not in self._parent:
                return bool(name == BODY)
            joint = self._parent[joint]
        raise ValueError("the nodes are their own parents")


class _MeshReader:
    """Reads one triangle primitive as a mesh."""

    def __init__(
        self, accessors: AccessorReader, document: Json, mesh: Json, primitive: Json
    ) -> None:
        self._accessors = accessors
        self._document, self._mesh, self._primitive = document, mesh, primitive
        self._attributes: Json = primitive["attributes"]
        self._positions = accessors.points(self._attributes["POSITION"])

    def read(self, joints: _SkinJoints | None) -> Mesh:
        attributes, triangles = self._attributes, self._triangles()
        fur = self._attribute("_FUR", (1.0, 0.0, 1.0, 0.0))
        binding = self._binding(joints)
        return Mesh(
            name=str(self._mesh.get("name", "mesh")),
            material=self._material(),
            positions=self._positions,
            normals=as_points(self._attribute("NORMAL", (0.0, 0.0, 0.0)))
            if "NORMAL" in attributes
            else unit_normals(self._positions, triangles),
            colors=as_points(self._attribute("COLOR_0", (1.0, 1.0, 1.0, 1.0))),
            indices=triangles,
            occlusion=fur[:, 0].copy(),
            fur=fur[:, 1].copy(),
            # Ours is exact, also where a vertex is bound to its bone alone.
            head_weight=fur[:, 2].copy() if "_FUR" in attributes else binding.head_weight,
            comb=as_points(self._attribute("_COMB", (0.0, 0.0, 0.0, 0.0))),
            morphs=self._morphs(),
            bone=binding.bone,
            sway=binding.sway,
        )

    def _attribute(self, name: str, default: Sequence[float]) -> NDArray[np.float32]:
        """Reads a vertex attribute; where the primitive has none, all vertices get the default."""
        count = len(self._positions)
        if name not in self._attributes:
            return np.tile(np.array(default, np.float32), (count, 1))
        values = np.asarray(self._accessors.array(self._attributes[name]), np.float32)
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} values for {count} vertices")
        return values

    def _triangles(self) -> NDArray[np.uint32]:
        count = len(self._positions)
        if "indices" in self._primitive:
            indices = self._accessors.array(self._primitive["indices"]).astype(np.uint32)
        else:
            indices = np.arange(count, dtype=np.uint32)
        if len(indices) % 3 or (len(indices) and int(indices.max()) >= count):
            raise ValueError("a triangle names a vertex that is not there")
        return np.ascontiguousarray(indices.reshape(-1, 3))

    def _binding(self, joints: _SkinJoints | None) -> SkinBinding:
        count = len(self._positions)
        if joints is None or "JOINTS_0" not in self._attributes:
            zeros = np.zeros(count, np.float32)
            return SkinBinding(zeros + 1, zeros.astype(np.uint8), zeros)
        used = self._accessors.array(self._attributes["JOINTS_0"]).astype(np.int64)
        weights = np.asarray(self._accessors.array(self._attributes["WEIGHTS_0"]), np.float32)
        if used.shape != (count, 4) or weights.shape != (count, 4):
            raise ValueError("joints or weights are missing for some vertices")
        return binding_of(used, weights, *joints)

    def _morphs(self) -> dict[str, Morph]:
        names = self._mesh.get("extras", {}).get("targetNames", [])
        targets = self._primitive.get("targets", ())
        found = {
            str(name): self._accessors.morph(target["POSITION"])
            for name, target in zip(names, targets, strict=False)
            if "POSITION" in target
        }
        return {name: morph for name, morph in found.items() if morph is not None}

    def _material(self) -> Material:
        if "material" not in self._primitive:
            return Material.SKIN
        material = self._document["materials"][self._primitive["material"]]
        name = str(material.get("name", "")).upper()
        return Material[name] if name in Material.__members__ else Material.SKIN

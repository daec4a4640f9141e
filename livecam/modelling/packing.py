"""Packs parts in head units into meshes of an avatar, in metres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Bone, Mesh, Morph
from livecam.core.face import EXPRESSIONS
from livecam.modelling.expressions import Displacements
from livecam.modelling.parts import MeshPart
from livecam.modelling.proportions import UNIT_M
from livecam.modelling.vectors import Array, Vector

_MIN_DELTA = 1e-4  # head units; smaller displacements are left out of a morph


def merge_parts(name: str, parts: Sequence[MeshPart]) -> Mesh:
    """Merges parts of one material into one mesh, its vertices ordered by falling height."""
    counts = [len(part.points) for part in parts]
    starts = np.cumsum([0, *counts[:-1]])

    def joined(values: Callable[[MeshPart], Array]) -> Array:
        return np.concatenate([values(part) for part in parts]).astype(np.float32)

    whole = Mesh(
        name=name,
        material=parts[0].material,
        positions=joined(lambda part: part.points) * np.float32(UNIT_M),
        normals=joined(lambda part: part.normals),
        colors=joined(lambda part: part.colors),
        indices=np.concatenate(
            [part.triangles + start for part, start in zip(parts, starts, strict=True)]
        ).astype(np.uint32),
        occlusion=joined(lambda part: part.occlusion),
        fur=joined(lambda part: part.fur) * np.float32(UNIT_M),
        head_weight=joined(lambda part: part.head_weight),
        comb=joined(lambda part: part.comb),
        morphs=_merged_morphs([part.morphs for part in parts], starts),
        bone=np.concatenate([part.bone for part in parts]),
        sway=joined(lambda part: part.sway),
    )
    return _submesh(whole, whole.indices)


def merge_by_material(name: str, parts: Sequence[MeshPart]) -> list[Mesh]:
    """Merges parts into a mesh for each of their materials."""
    return [
        merge_parts(f"{name} {material.name.lower()}", [p for p in parts if p.material is material])
        for material in sorted({part.material for part in parts})
    ]


def split_static(mesh: Mesh) -> tuple[Mesh, Mesh]:
    """Splits a mesh into the triangles that morphs move, and those that none moves."""
    has_morph = np.zeros(len(mesh.positions), bool)
    for morph in mesh.morphs.values():
        has_morph[morph.indices] = True
    moves = has_morph[mesh.indices].any(axis=1)
    static = _submesh(mesh, mesh.indices[~moves])
    return _submesh(mesh, mesh.indices[moves]), replace(static, name=f"still {mesh.name}")


def _submesh(mesh: Mesh, triangles: NDArray[np.uint32]) -> Mesh:
    """Keeps some triangles and their vertices, these ordered by falling height."""
    used = np.unique(triangles)
    used = used[np.argsort(-mesh.positions[used, 1], kind="stable")]
    new_index = np.full(len(mesh.positions), -1, np.int64)
    new_index[used] = np.arange(len(used))
    morphs: dict[str, Morph] = {}
    for name, morph in mesh.morphs.items():
        kept = new_index[morph.indices] >= 0
        if kept.any():
            indices = new_index[morph.indices[kept]].astype(np.uint32)
            morphs[name] = Morph(indices, morph.deltas[kept])
    return Mesh(
        name=mesh.name,
        material=mesh.material,
        positions=mesh.positions[used],
        normals=mesh.normals[used],
        colors=mesh.colors[used],
        indices=new_index[triangles].astype(np.uint32),
        occlusion=mesh.occlusion[used],
        fur=mesh.fur[used],
        head_weight=mesh.head_weight[used],
        comb=mesh.comb[used],
        morphs=morphs,
        bone=mesh.bone[used],
        sway=mesh.sway[used],
    )


def _merged_morphs(morphs: Sequence[Displacements], starts: NDArray[np.int64]) -> dict[str, Morph]:
    """Merges dense displacements in head units into sparse morphs in metres."""
    out: dict[str, Morph] = {}
    correctives = {name for each in morphs for name in each} - set(EXPRESSIONS)
    for name in (*EXPRESSIONS, *sorted(correctives)):
        indices, deltas = [], []
        for each, start in zip(morphs, starts, strict=True):
            if name in each:
                moved = np.flatnonzero(np.abs(each[name]).max(axis=1) > _MIN_DELTA)
                indices.append(moved + start)
                deltas.append(each[name][moved] * UNIT_M)
        if sum(map(len, indices)):
            out[name] = Morph(
                np.concatenate(indices).astype(np.uint32),
                np.concatenate(deltas).astype(np.float32),
            )
    return out


def in_metres(point: Vector) -> Vector:
    """Converts a point from head units."""
    return (point[0] * UNIT_M, point[1] * UNIT_M, point[2] * UNIT_M)


def bones_in_metres(bones: Sequence[Bone]) -> tuple[Bone, ...]:
    """Converts bones from head units."""
    return tuple(
        replace(bone, pivot=in_metres(bone.pivot), tip=in_metres(bone.tip)) for bone in bones
    )

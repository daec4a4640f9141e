"""Merges the meshes of an avatar into one vertex buffer and applies morph targets to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import CORRECTIVE, Bone, Material, Mesh, Points
from livecam.avatar.normals import area_weighted_normals
from livecam.core.face import EXPRESSIONS, INDEX, Weights
from livecam.kernels.vertices import add_morphs

# The expressions that drive a morph, as indices; weights of several are multiplied.
Drivers: TypeAlias = tuple[int, ...]

MIN_WEIGHT = 0.004  # a smaller weight has no visible effect


class ShadingGroup(IntEnum):
    """The parts of a head that share a shader program."""

    MATTE = 0  # fur, cloth
    EYE = 1
    NOSE = 2
    MOUTH = 3  # with the teeth
    HARD = 4  # horn, metal
    HAIR = 5
    SKIN = 6
    WHISKER = 7
    GLASS = 8  # last: it is blended over the others


SHADING_GROUPS = {
    Material.FUR: ShadingGroup.MATTE,
    Material.CLOTH: ShadingGroup.MATTE,
    Material.SKIN: ShadingGroup.SKIN,
    Material.EYE: ShadingGroup.EYE,
    Material.NOSE: ShadingGroup.NOSE,
    Material.WET: ShadingGroup.MOUTH,
    Material.TEETH: ShadingGroup.MOUTH,
    Material.HORN: ShadingGroup.HARD,
    Material.METAL: ShadingGroup.HARD,
    Material.HAIR: ShadingGroup.HAIR,
    Material.WHISKER: ShadingGroup.WHISKER,
    Material.GLASS: ShadingGroup.GLASS,
}


@dataclass(frozen=True, slots=True)
class MergedMesh:
    """All meshes of an avatar, concatenated."""

    positions: Points
    normals: Points
    colors: Points
    comb: Points
    fur: NDArray[np.float32]
    occlusion: NDArray[np.float32]
    head_weight: NDArray[np.float32]
    material: NDArray[np.float32]  # Material, as a vertex attribute
    triangles: dict[ShadingGroup, NDArray[np.uint32]]  # uint32[m, 3]
    bone: NDArray[np.float32]  # 0: none, or 1 + index in Avatar.bones, as a vertex attribute
    sway: NDArray[np.float32]
    thin: NDArray[np.float32]  # translucency: 1 where light passes from behind
    morphs: dict[Drivers, tuple[NDArray[np.int64], Points]]  # rows, deltas

    @property
    def all_triangles(self) -> NDArray[np.uint32]:
        return np.concatenate(list(self.triangles.values()))


def merge(meshes: Sequence[Mesh], bones: Sequence[Bone] = ()) -> MergedMesh:
    """Concatenates meshes and joins equally named morphs; vertices of ear bones are thin."""
    starts = np.cumsum([0, *(len(m.positions) for m in meshes)])
    triangles: dict[ShadingGroup, list[NDArray[np.uint32]]] = {}
    morphs: dict[Drivers, list[tuple[NDArray[np.int64], Points]]] = {}
    for mesh, start in zip(meshes, starts, strict=False):
        triangles.setdefault(SHADING_GROUPS[mesh.material], []).append(
            mesh.indices + np.uint32(start)
        )
        for name, morph in mesh.morphs.items():
            drivers = tuple(INDEX.get(part, -1) for part in name.split(CORRECTIVE))
            if min(drivers) >= 0 and len(morph.indices):
                rows = morph.indices.astype(np.int64) + start
                morphs.setdefault(drivers, []).append((rows, morph.deltas))
    bone = np.concatenate([m.bone for m in meshes])
    sway = np.concatenate([m.sway for m in meshes])
    ears = np.array([False, *(b.name.startswith("ear") for b in bones)])
    is_ear = ears[np.minimum(bone, len(bones))]
    return MergedMesh(
        positions=np.concatenate([m.positions for m in meshes]),
        normals=np.concatenate([m.normals for m in meshes]),
        colors=np.concatenate([m.colors for m in meshes]),
        comb=np.concatenate([m.comb for m in meshes]),
        fur=np.concatenate([m.fur for m in meshes]),
        occlusion=np.concatenate([m.occlusion for m in meshes]),
        head_weight=np.concatenate([m.head_weight for m in meshes]),
        material=np.repeat(
            np.array([m.material for m in meshes], np.float32), np.diff(starts)
        ),
        bone=bone.astype(np.float32),
        sway=sway,
        thin=(sway * is_ear).astype(np.float32),
        triangles={group: np.concatenate(parts) for group, parts in sorted(triangles.items())},
        morphs={
            drivers: (np.concatenate([r for r, _ in parts]), np.concatenate([d for _, d in parts]))
            for drivers, parts in sorted(morphs.items())
        },
    )  # fmt: skip


def vertex_normals(positions: Points, triangles: NDArray[np.uint32]) -> Points:
    """Computes area-weighted normals float32[n, 3], not of unit length."""
    return area_weighted_normals(positions, triangles).astype(np.float32)


def _unit(vectors: Points) -> Points:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


@dataclass(frozen=True, slots=True)
class DenseMorphs:
    """The displacements of positions and normals by each morph, over a range of the vertices."""

    drivers: NDArray[np.int64]  # int64[m, k], expressions; padded with the number of expressions
    starts: NDArray[np.int64]  # int64[m], the first float of each range
    offsets: NDArray[np.int64]  # int64[m + 1], where each one's displacements are
    deltas: NDArray[np.float32]  # float32[n], one after the other


class Morpher:
    """Applies morph weights to vertices and their normals. One thread.

    The displacement of the normals is computed once, by `dense_morphs`; a frame is a few
    multiply-adds over ranges of one preallocated array.
    """

    def __init__(self, mesh: MergedMesh, morphs: DenseMorphs | None = None) -> None:
        rest = np.concatenate((mesh.positions, mesh.normals), axis=1)
        self.vertices = np.ascontiguousarray(rest, np.float32)  # float32[n, 6], the result
        self._rest = self.vertices.copy().ravel()
        self._flat = self.vertices.ravel()
        assert np.shares_memory(self._flat, self.vertices)
        self._morphs = dense_morphs(mesh) if morphs is None else morphs
        self._driving = np.ones(len(EXPRESSIONS) + 1, np.float32)  # the weights; the last stays 1
        self._moved: tuple[int, int] = (0, 0)  # range of floats that differ from the rest shape

    def apply(self, weights: Weights) -> tuple[int, int]:
        """Morphs `vertices`; returns the range of rows that changed, the end exclusive."""
        before, morphs = self._moved, self._morphs
        low, high = before
        self._flat[low:high] = self._rest[low:high]
        self._driving[:-1] = weights
        shares = self._driving[morphs.drivers].prod(axis=1)
        active = np.flatnonzero(np.abs(shares) >= MIN_WEIGHT)
        add_morphs(self._flat, active, shares, morphs.starts, morphs.offsets, morphs.deltas)
        low, high = len(self._flat), 0
        if len(active):
            starts = morphs.starts[active]
            low = int(starts.min())
            high = int((starts + morphs.offsets[active + 1] - morphs.offsets[active]).max())
        self._moved = (low, high) if high > low else (0, 0)
        first = min(low, before[0]) if before[1] > before[0] else low
        last = max(high, before[1])
        return (first // 6, last // 6) if last > first else (0, 0)


def dense_morphs(mesh: MergedMesh) -> DenseMorphs:
    """Computes the displacements of positions and normals by each morph."""
    count = max((len(drivers) for drivers in mesh.morphs), default=1)
    drivers = np.full((len(mesh.morphs), count), len(EXPRESSIONS), np.int64)
    for row, each in zip(drivers, mesh.morphs, strict=True):
        row[: len(each)] = each
    ranges = [_dense_range(mesh, rows, deltas) for rows, deltas in mesh.morphs.values()]
    starts = np.array([start for start, _ in ranges], np.int64)
    offsets = np.cumsum([0, *(len(deltas) for _, deltas in ranges)], dtype=np.int64)
    none = np.zeros(0, np.float32)
    return DenseMorphs(
        drivers, starts, offsets, np.concatenate([none, *(deltas for _, deltas in ranges)])
    )


def _dense_range(
    mesh: MergedMesh, rows: NDArray[np.int64], deltas: Points
) -> tuple[int, NDArray[np.float32]]:
    """Makes a morph dense: its first float, and displacements of position and normal."""
    low, high = int(rows.min()), int(rows.max()) + 1
    triangles = mesh.all_triangles
    touched = np.zeros(len(mesh.positions), bool)
    touched[rows] = True
    near = triangles[touched[triangles].any(axis=1)]
    if len(near):
        low, high = min(low, int(near.min())), max(high, int(near.max()) + 1)
    moved = mesh.positions.copy()
    moved[rows] += deltas
    change = np.zeros((high - low, 6), np.float32)
    change[rows - low, :3] = deltas
    before = vertex_normals(mesh.positions, near)
    after = vertex_normals(moved, near)
    touched[near] = True
    turned = np.flatnonzero(touched)
    # Vertices at the edge of the region lack some of their triangles, but the same ones before
    # and after, so that the difference stays small.
    change[turned - low, 3:] = (_unit(after) - _unit(before))[turned]
    return low * 6, change.ravel()


class GpuMesh:
    """A merged mesh in GPU memory: a dynamic and a static vertex buffer, indices per group."""

    def __init__(self, ctx: moderngl.Context, mesh: MergedMesh) -> None:
        self._ctx = ctx
        dynamic = np.concatenate((mesh.positions, mesh.normals), axis=1).astype(np.float32)
        self.dynamic = ctx.buffer(dynamic.tobytes(), dynamic=True)
        static = np.concatenate(
            (
                mesh.positions,
                mesh.colors,
                mesh.comb,
                np.stack((mesh.fur, mesh.occlusion, mesh.head_weight, mesh.material), axis=1),
                np.stack((mesh.bone, mesh.sway, mesh.thin), axis=1),
            ),
            axis=1,
        )
        self.static = ctx.buffer(static.astype(np.float32).tobytes())
        self.indices = {
            group: ctx.buffer(triangles.astype(np.uint32).tobytes())
            for group, triangles in mesh.triangles.items()
        }

    def write(self, vertices: Points, first: int, last: int) -> None:
        """Uploads a range of rows of the dynamic buffer; `vertices` is float32[n, 6]."""
        if last > first:
            self.dynamic.write(vertices[first:last], offset=first * 24)

    def vertex_array(
        self, program: moderngl.Program, indices: moderngl.Buffer
    ) -> moderngl.VertexArray:
        """Makes a vertex array of the attributes that the program uses."""
        content = [
            layout(self.dynamic, program, ("position", 3), ("normal", 3)),
            layout(
                self.static, program, ("rest", 3), ("color", 3), ("comb", 3), ("surface", 4),
                ("bone", 3),
            ),
        ]  # fmt: skip
        return self._ctx.vertex_array(
            program, [c for c in content if len(c) > 2], index_buffer=indices
        )

    def release(self) -> None:
        for buffer in (self.dynamic, self.static, *self.indices.values()):
            buffer.release()


def layout(
    buffer: moderngl.Buffer, program: moderngl.Program, *attributes: tuple[str, int]
) -> tuple[moderngl.Buffer | str, ...]:
    """Describes a buffer of float attributes to moderngl, with padding for the unused ones."""
    used = [name for name, _ in attributes if name in program]
    formats = (f"{n}f" if name in program else f"{n}x4" for name, n in attributes)
    return (buffer, " ".join(formats), *used)

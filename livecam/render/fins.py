"""Makes fur fins on the silhouette of a head, for the tier without shells.

After Lengyel, Praun, Finkelstein and Hoppe, "Real-time fur over arbitrary surfaces" (2001). The
silhouette edges are found on the CPU, in camera space; a fin grows as its edge turns towards the
silhouette, so that none pops up.
"""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import AvatarState, Points
from livecam.core.spaces import Matrix4
from livecam.kernels.vertices import place
from livecam.render.draw_calls import DrawCalls
from livecam.render.mesh import MergedMesh, ShadingGroup, layout
from livecam.render.shaders import Program

MIN_FUR_M = 0.002  # shorter fur has no fins
GROWS_FROM, GROWN_AT = 0.20, 0.02  # cosine of normal and view direction, before the silhouette
FALLS_FROM, FALLEN_AT = -0.05, -0.14  # and behind it, where little of a strand is visible
MAX_ALONG = 0.70  # cosine between an edge and its strands: above, the fin has no width
HEM = 0.5  # factor of these cosines on the ruff
LENGTH = 1.25  # over that of the fur: single strands are longer than the coat
UPRIGHT, COMBED, SAGGING = 0.55, 0.80, 0.15  # components of a strand's direction
KEPT, SEED = 0.55, 1
COLUMNS = (("position", 3), ("normal", 3), ("lie", 3), ("rest", 3), ("color", 3), ("tip", 3))
FLOATS = sum(count for _, count in COLUMNS)
NO_BONES = np.zeros((0, 3, 4), np.float32)


class Fins:
    """Finds the fins of a head in any pose; used on one thread."""

    def __init__(self, mesh: MergedMesh) -> None:
        coat = mesh.triangles.get(ShadingGroup.MATTE, np.zeros((0, 3), np.uint32)).astype(np.int64)
        coat = coat[(mesh.fur[coat] > MIN_FUR_M).all(axis=1)]
        pairs = np.sort(np.concatenate((coat[:, :2], coat[:, 1:], coat[:, ::2])), axis=1)
        pairs = _across(mesh, np.unique(pairs, axis=0))
        self._rows, ends = np.unique(pairs, return_inverse=True)
        self._ends = ends.reshape(-1, 2)
        rows = self._rows
        self._comb = mesh.comb[rows]
        self._fur = mesh.fur[rows][:, None] * np.float32(LENGTH)
        self._follows = mesh.head_weight[rows][:, None].astype(np.float32)
        # The hem of the ruff needs more overhanging fur.
        self._sooner = HEM + (1 - HEM) * self._follows[:, 0]
        self._painted = np.concatenate((mesh.positions[rows], mesh.colors[rows]), axis=1)
        self._open = mesh.occlusion[rows]
        self._bone = mesh.bone[rows].astype(np.int64) - 1
        self._sway = np.ascontiguousarray(mesh.sway[rows])

    @property
    def max_counts(self) -> tuple[int, int]:
        """The maximum numbers of vertices and of fins."""
        return 2 * len(self._rows), len(self._ends)

    def build(
        self, vertices: Points, state: AvatarState
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Returns fins in camera space: vertices float32[2k, 18], roots first, and triangles.

        `vertices` float32[n, 6] are the morphed positions and normals of the mesh.
        """
        at, up = self._in_camera(vertices, state)
        distance = np.sqrt(np.einsum("ij,ij->i", at, at))
        facing = np.einsum("ij,ij->i", at, up) / -distance * self._sooner
        grown = np.minimum(
            (GROWS_FROM - facing) / (GROWS_FROM - GROWN_AT),
            (facing - FALLEN_AT) / (FALLS_FROM - FALLEN_AT),
        )
        np.clip(grown, 0, 1, out=grown)
        ends = self._ends[grown[self._ends].sum(axis=1) > 0.1]
        some = np.zeros(len(grown), bool)
        some[ends] = True
        chosen = np.flatnonzero(some)
        new_row = np.cumsum(some) - 1
        at, up, grown = at[chosen], up[chosen], grown[chosen, None]
        lie = self._turned(self._comb[chosen], chosen, state)
        lie -= up * np.einsum("ij,ij->i", lie, up)[:, None]
        size = np.float32(np.cbrt(np.linalg.det(state.camera_from_head[:3, :3])))
        away = up * UPRIGHT + lie * COMBED
        away[:, 1] -= SAGGING
        count = len(chosen)
        out = np.empty((2, count, FLOATS), np.float32)
        out[:, :, 3:6], out[:, :, 6:9], out[:, :, 9:15] = up, lie, self._painted[chosen]
        out[:, :, 16], out[:, :, 17] = self._open[chosen], self._follows[chosen, 0]
        out[0, :, :3], out[0, :, 15] = at, 0
        out[1, :, :3] = at + away * (self._fur[chosen] * grown * size)
        out[1, :, 15] = 1
        one, other = new_row[ends[:, 0]], new_row[ends[:, 1]]
        quads = np.stack((one, other, other + count, one, other + count, one + count), axis=1)
        return out.reshape(-1, FLOATS), quads.astype(np.uint32)

    def _in_camera(self, vertices: Points, state: AvatarState) -> tuple[Points, Points]:
        """Returns positions and normals of the rows in camera space."""
        at, up = np.empty((2, len(self._rows), 3), np.float32)
        bones = NO_BONES if state.bones is None else state.bones[:, :3]
        place(
            vertices, self._rows, self._follows[:, 0], self._bone, self._sway,
            np.ascontiguousarray(bones, np.float32), _both(state.camera_from_head),
            _both(state.camera_from_body), at, up,
        )  # fmt: skip
        return at, up

    def _turned(self, vectors: Points, rows: NDArray[np.int64], state: AvatarState) -> Points:
        """Turns vectors of some rows to camera space, by head weight."""
        head, body = (
            vectors @ _both(m)[1, :, :3].T for m in (state.camera_from_head, state.camera_from_body)
        )
        return np.asarray(body + (head - body) * self._follows[rows])


def _both(matrix: Matrix4) -> NDArray[np.float32]:
    """Returns a matrix for points and one for directions, float32[2, 3, 4]."""
    size = np.cbrt(np.linalg.det(matrix[:3, :3]))
    return np.stack((matrix[:3], matrix[:3] / size)).astype(np.float32)


def _across(mesh: MergedMesh, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keeps the edges along which the fin has width: across the strands."""
    one, other = edges.T
    edge = mesh.positions[one] - mesh.positions[other]
    strand = UPRIGHT * mesh.normals[one] + COMBED * mesh.comb[one]
    along = np.einsum("ij,ij->i", edge, strand)
    limit = MAX_ALONG * np.linalg.norm(edge, axis=1) * np.linalg.norm(strand, axis=1)
    kept = np.abs(along) < limit
    # Fins are dense on a head: half of them appear as full at half the cost.
    on_hem = mesh.head_weight[one] < 0.5
    kept &= on_hem | (np.random.default_rng(SEED).random(len(edges)) < KEPT)
    return np.asarray(edges[kept])


class GpuFins:
    """Draws the fins; used and released on the thread of the context."""

    def __init__(self, ctx: moderngl.Context, mesh: MergedMesh, program: Program) -> None:
        self.fins = Fins(mesh)
        vertices, fins = self.fins.max_counts
        self._vertices = ctx.buffer(reserve=max(1, vertices) * FLOATS * 4, dynamic=True)
        self._indices = ctx.buffer(reserve=max(1, fins) * 24, dynamic=True)
        self._array = ctx.vertex_array(
            program.gl, [layout(self._vertices, program.gl, *COLUMNS)], index_buffer=self._indices
        )
        self._count = 0

    def update(self, vertices: Points, state: AvatarState) -> None:
        """Finds and uploads the fins of a frame."""
        points, triangles = self.fins.build(vertices, state)
        self._count = triangles.size
        if self._count:
            self._vertices.write(points)
            self._indices.write(triangles)

    def render(self, calls: DrawCalls) -> None:
        """Draws them; culling must be off."""
        if self._count:
            calls.render(self._array, vertices=self._count)

    def release(self) -> None:
        for thing in (self._array, self._vertices, self._indices):
            thing.release()

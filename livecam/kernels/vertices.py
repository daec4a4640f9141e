"""Kernels over the vertices of a head: morphs, and the fins of fur on its silhouette."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.kernels.base import ArrayOf, Kernel

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


def _add_morphs_plain(
    out: Floats, active: Numbers, weights: Floats, starts: Numbers, offsets: Numbers, deltas: Floats
) -> None:
    for morph in active:
        change = deltas[offsets[morph] : offsets[morph + 1]]
        out[starts[morph] : starts[morph] + len(change)] += change * weights[morph]


def _add_morphs_loops(
    out: Floats, active: Numbers, weights: Floats, starts: Numbers, offsets: Numbers, deltas: Floats
) -> None:
    for k in range(len(active)):
        morph = active[k]
        change, weight = deltas[offsets[morph] : offsets[morph + 1]], weights[morph]
        part = out[starts[morph] : starts[morph] + len(change)]
        for i in range(len(change)):
            part[i] += change[i] * weight


_FLOATS, _NUMBERS = ArrayOf("float32", 1), ArrayOf("int64", 1)
_MATRICES = ArrayOf("float32", 3)

# Adds the displacements of active morphs times their weights to float32[n]: (out, the active ones
# int64[k], weights float32[m], where each begins in `out` int64[m] and in the displacements
# int64[m + 1], the displacements of all float32[d]).
add_morphs = Kernel(
    _add_morphs_plain, _add_morphs_loops, ArrayOf("float32", 1, written=True), _NUMBERS, _FLOATS,
    _NUMBERS, _NUMBERS, _FLOATS,
)  # fmt: skip


def _place_plain(
    vertices: Floats, rows: Numbers, follows: Floats, bone: Numbers, sway: Floats, bones: Floats,
    head: Floats, body: Floats, at: Floats, up: Floats,
) -> None:  # fmt: skip
    here = vertices[rows]
    points, normals = here[:, :3].T.copy(), here[:, 3:].T.copy()
    for number, matrix in enumerate(bones):
        moved = bone == number
        swung = _times(matrix, points[:, moved])
        points[:, moved] += sway[moved] * (swung + matrix[:, 3:] - points[:, moved])
        normals[:, moved] += sway[moved] * (_times(matrix, normals[:, moved]) - normals[:, moved])
    for out, vectors, first, offset in ((at, points, 0, True), (up, normals, 1, False)):
        on_body, on_head = _times(body[first], vectors), _times(head[first], vectors)
        if offset:
            on_body, on_head = on_body + body[first][:, 3:], on_head + head[first][:, 3:]
        out[...] = (on_body + (on_head - on_body) * follows).T


def _times(matrix: Floats, vectors: Floats) -> Floats:
    """Multiplies float32[3, 3+] by float32[3, n], in the order of the loops."""
    x, y, z = vectors
    return np.stack([row[0] * x + row[1] * y + row[2] * z for row in matrix])


def _place_loops(
    vertices: Floats, rows: Numbers, follows: Floats, bone: Numbers, sway: Floats, bones: Floats,
    head: Floats, body: Floats, at: Floats, up: Floats,
) -> None:  # fmt: skip
    for i in range(len(rows)):
        here = vertices[rows[i]]
        x, y, z, nx, ny, nz = here[0], here[1], here[2], here[3], here[4], here[5]
        number = bone[i]
        if 0 <= number < len(bones):
            matrix, share = bones[number], sway[i]
            m0, m1, m2 = matrix[0], matrix[1], matrix[2]
            x = here[0] + share * (
                m0[0] * here[0] + m0[1] * here[1] + m0[2] * here[2] + m0[3] - here[0]
            )
            y = here[1] + share * (
                m1[0] * here[0] + m1[1] * here[1] + m1[2] * here[2] + m1[3] - here[1]
            )
            z = here[2] + share * (
                m2[0] * here[0] + m2[1] * here[1] + m2[2] * here[2] + m2[3] - here[2]
            )
            nx = here[3] + share * (m0[0] * here[3] + m0[1] * here[4] + m0[2] * here[5] - here[3])
            ny = here[4] + share * (m1[0] * here[3] + m1[1] * here[4] + m1[2] * here[5] - here[4])
            nz = here[5] + share * (m2[0] * here[3] + m2[1] * here[4] + m2[2] * here[5] - here[5])
        share = follows[i]
        for k in range(3):
            row, other = body[0, k], head[0, k]
            on_body = row[0] * x + row[1] * y + row[2] * z + row[3]
            on_head = other[0] * x + other[1] * y + other[2] * z + other[3]
            at[i, k] = on_body + (on_head - on_body) * share
            row, other = body[1, k], head[1, k]
            on_body = row[0] * nx + row[1] * ny + row[2] * nz
            on_head = other[0] * nx + other[1] * ny + other[2] * nz
            up[i, k] = on_body + (on_head - on_body) * share


# Brings some vertices to camera space, where head and body have a matrix each:
# (vertices float32[n, 6] positions and normals, rows int64[k], the weight of the head float32[k],
# the number of the bone int64[k] or -1, its weight float32[k], bones float32[b, 3, 4], head and
# body float32[2, 3, 4] for points and for normals; out: positions and normals float32[k, 3]).
place = Kernel(
    _place_plain, _place_loops, ArrayOf("float32", 2), _NUMBERS, _FLOATS, _NUMBERS, _FLOATS,
    _MATRICES, _MATRICES, _MATRICES, *(ArrayOf("float32", 2, written=True),) * 2,
)  # fmt: skip

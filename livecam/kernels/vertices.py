"""Kernels over the vertices of a head: morphs, and the fins of fur on its silhouette."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.kernels.kernel import Kernel

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


_READ = "Array(float32, {}, 'C', readonly=True)"
_READ1, _READ2, _READ3 = (_READ.format(n) for n in (1, 2, 3))
_ROWS = "Array(int64, 1, 'C', readonly=True)"

# Adds the displacements of active morphs times their weights to float32[n]: (out, the active ones
# int64[k], weights float32[m], where each begins in `out` int64[m] and in the displacements
# int64[m + 1], the displacements of all float32[d]).
add_morphs = Kernel(
    _add_morphs_plain,
    _add_morphs_loops,
    f"void(float32[::1], {_ROWS}, {_READ1}, {_ROWS}, {_ROWS}, {_READ1})",
)


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
    swung = np.empty(6, np.float32)
    for i in range(len(rows)):
        here = vertices[rows[i]]
        for k in range(6):
            swung[k] = here[k]
        number = bone[i]
        if 0 <= number < len(bones):
            matrix, share = bones[number], sway[i]
            for k in range(3):
                row = matrix[k]
                point = row[0] * here[0] + row[1] * here[1] + row[2] * here[2]
                swung[k] = here[k] + share * (point + row[3] - here[k])
                normal = row[0] * here[3] + row[1] * here[4] + row[2] * here[5]
                swung[3 + k] = here[3 + k] + share * (normal - here[3 + k])
        x, y, z, nx, ny, nz = swung[0], swung[1], swung[2], swung[3], swung[4], swung[5]
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
    _place_plain,
    _place_loops,
    f"void({_READ2}, {_ROWS}, {_READ1}, {_ROWS}, {_READ1}, {_READ3}, {_READ3}, {_READ3}, "
    "float32[:, ::1], float32[:, ::1])",
)

"""Takes the folds out of a mesh's morphs, where several of them press the same skin together.

Fields over space do not know the triangles that they move. Here faces that people make are tried
on the mesh, and where a triangle would turn over, the displacements round it are evened out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from livecam.avatar.base import CORRECTIVE
from livecam.core.face import EXPRESSIONS
from livecam.modelling.mesh import Triangles, face_normals
from livecam.modelling.morphs import Displacements
from livecam.modelling.sdf import Array, length

_ROUNDS = 4  # over all faces: what is evened out for one bears on the others
_STEPS = 12  # for one face
_UPRIGHT = 0.20  # cosine below which a triangle counts as turned
_MIXTURES = 48
_MOUTHS: tuple[Mapping[str, float], ...] = (
    {"jawOpen": 1.0, "mouthFunnel": 0.75, "mouthPucker": 0.4},
    {"jawOpen": 0.9, "mouthFunnel": 0.65, "mouthPucker": 0.9},
    {"jawOpen": 1.0, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    {"jawOpen": 0.5, "noseSneerLeft": 1.0, "noseSneerRight": 1.0, "mouthFrownLeft": 0.5},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "eyeSquintLeft": 1.0, "eyeSquintRight": 1.0},
    {"mouthPucker": 1.0, "cheekPuff": 1.0},
)
_WITH = [name for name in EXPRESSIONS if name.startswith(("mouth", "jaw"))]
_BROWS = ("browDown", "browOuterUp", "noseSneer", "eyeSquint", "eyeBlink", "cheekSquint")


def unfolded(points: Array, triangles: Triangles, morphs: Displacements) -> Displacements:
    """The morphs, evened out where triangles would turn over; the same for the same input."""
    out = {name: moved.copy() for name, moved in morphs.items()}
    evened = _averages(len(points), triangles)
    rest = face_normals(points, triangles)
    for _ in range(_ROUNDS):
        clean = True
        for face in _faces():
            shares = _shares(face, out)
            for step in range(_STEPS):
                total = sum((weight * out[name] for name, weight in shares), np.zeros_like(points))
                turned = _turned(rest, face_normals(points + total, triangles))
                if not turned.any():
                    break
                clean = False
                # A sliver turns by next to nothing: it must move as one.
                even = _averages(len(points), triangles[turned]) if step % 2 else evened
                near = np.unique(triangles[turned])
                _even_out(out, shares, near, (even[near] @ total - total[near]) * 0.7)
        if clean:
            break
    return out


def _faces() -> list[dict[str, float]]:
    """Mixtures as they are measured, and last, because all is made of them, each expression."""
    random = np.random.default_rng(5)
    out = []
    for number in range(_MIXTURES):
        face = dict(_MOUTHS[number % len(_MOUTHS)])
        for name in random.choice(_WITH, 3, replace=False):
            face[str(name)] = max(face.get(str(name), 0.0), float(random.uniform(0.1, 0.6)))
        for name in random.choice(_BROWS, 2, replace=False):
            for side in ("Left", "Right"):
                face[f"{name}{side}"] = float(random.uniform(0.3, 1.0))
        out.append(face)
    return out + [{name: 1.0} for name in EXPRESSIONS]


def _shares(face: Mapping[str, float], morphs: Displacements) -> list[tuple[str, float]]:
    """The morphs that a face moves, correctives included, with their weights."""
    parts = {name: math.prod(face.get(p, 0.0) for p in name.split(CORRECTIVE)) for name in morphs}
    return [(name, weight) for name, weight in parts.items() if weight > 0.02]


def _turned(before: Array, after: Array) -> NDArray[np.bool_]:
    agreement = np.einsum("ni,ni->n", before, after)
    out: NDArray[np.bool_] = agreement < _UPRIGHT * length(before) * length(after)
    return out


def _averages(count: int, triangles: Triangles) -> sparse.csr_matrix:
    """Averages what each vertex and those that share a triangle with it have."""
    ends = np.concatenate([triangles[:, [i, j]] for i in range(3) for j in range(3)])
    links = sparse.coo_matrix((np.ones(len(ends), np.float32), ends.T), (count, count)).tocsr()
    degree = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)
    return sparse.diags((1 / degree).astype(np.float32)) @ links


def _even_out(
    morphs: Displacements, shares: list[tuple[str, float]], rows: NDArray[np.int64], change: Array
) -> None:
    """Spreads a change of the sum over the morphs that make it, in proportion."""
    parts = [weight * length(morphs[name][rows]) for name, weight in shares]
    whole = sum(parts, np.full(len(rows), 1e-9, np.float32))
    for (name, weight), part in zip(shares, parts, strict=True):
        morphs[name][rows] += change * (part / whole / weight)[:, None]

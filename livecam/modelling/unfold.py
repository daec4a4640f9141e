"""Removes folds from the morphs of a mesh, where several of them press skin together.

Displacement fields do not know the triangles that they move. Here mixtures of expressions are
applied to the mesh, and where a triangle would turn over, the displacements around it are
smoothed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from livecam.avatar.base import CORRECTIVE
from livecam.core.face import EXPRESSIONS
from livecam.modelling.expressions import Displacements
from livecam.modelling.mesh import Triangles, face_normals
from livecam.modelling.vectors import Array, length

_ROUNDS = 4  # over all mixtures: smoothing for one changes the others
_STEPS = 12  # for one mixture
_UPRIGHT = 0.20  # cosine below which a triangle counts as turned over
_STRENGTH = 0.7  # of one step of smoothing
_MIN_WEIGHT = 0.02
_MIXTURES = 48
_MOUTHS: tuple[Mapping[str, float], ...] = (
    {"jawOpen": 1.0, "mouthFunnel": 0.75, "mouthPucker": 0.4},
    {"jawOpen": 0.9, "mouthFunnel": 0.65, "mouthPucker": 0.9},
    {"jawOpen": 1.0, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    {"jawOpen": 0.5, "noseSneerLeft": 1.0, "noseSneerRight": 1.0, "mouthFrownLeft": 0.5},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "eyeSquintLeft": 1.0, "eyeSquintRight": 1.0},
    {"mouthPucker": 1.0, "cheekPuff": 1.0},
)
_ADDED_TO_MOUTHS = [name for name in EXPRESSIONS if name.startswith(("mouth", "jaw"))]
_UPPER_FACE = ("browDown", "browOuterUp", "noseSneer", "eyeSquint", "eyeBlink", "cheekSquint")


def remove_folds(points: Array, triangles: Triangles, morphs: Displacements) -> Displacements:
    """Smooths the displacements where triangles would turn over; deterministic."""
    out = {name: deltas.copy() for name, deltas in morphs.items()}
    smoothing = _averaging_matrix(len(points), triangles)
    rest = face_normals(points, triangles)
    for _ in range(_ROUNDS):
        clean = True
        for weights in _mixtures():
            active = _active_morphs(weights, out)
            for step in range(_STEPS):
                total = sum((weight * out[name] for name, weight in active), np.zeros_like(points))
                turned = _turned_over(rest, face_normals(points + total, triangles))
                if not turned.any():
                    break
                clean = False
                # A sliver turns over by tiny differences: every other step moves it as one.
                averages = (
                    _averaging_matrix(len(points), triangles[turned]) if step % 2 else smoothing
                )
                near = np.unique(triangles[turned])
                change = (averages[near] @ total - total[near]) * _STRENGTH
                _distribute(out, active, near, change)
        if clean:
            break
    return out


def _mixtures() -> list[dict[str, float]]:
    """Lists weights of random faces as they are measured, and at last of each expression alone."""
    random = np.random.default_rng(5)
    out = []
    for number in range(_MIXTURES):
        weights = dict(_MOUTHS[number % len(_MOUTHS)])
        for name in random.choice(_ADDED_TO_MOUTHS, 3, replace=False):
            weights[str(name)] = max(weights.get(str(name), 0.0), float(random.uniform(0.1, 0.6)))
        for name in random.choice(_UPPER_FACE, 2, replace=False):
            for side in ("Left", "Right"):
                weights[f"{name}{side}"] = float(random.uniform(0.3, 1.0))
        out.append(weights)
    return out + [{name: 1.0} for name in EXPRESSIONS]


def _active_morphs(weights: Mapping[str, float], morphs: Displacements) -> list[tuple[str, float]]:
    """Lists the morphs that expression weights move, correctives included."""
    products = {
        name: math.prod(weights.get(part, 0.0) for part in name.split(CORRECTIVE))
        for name in morphs
    }
    return [(name, weight) for name, weight in products.items() if weight > _MIN_WEIGHT]


def _turned_over(before: Array, after: Array) -> NDArray[np.bool_]:
    agreement = np.einsum("ni,ni->n", before, after)
    out: NDArray[np.bool_] = agreement < _UPRIGHT * length(before) * length(after)
    return out


def _averaging_matrix(count: int, triangles: Triangles) -> sparse.csr_matrix:
    """Builds the matrix that averages each vertex with those that share a triangle with it."""
    ends = np.concatenate([triangles[:, [i, j]] for i in range(3) for j in range(3)])
    links = sparse.coo_matrix((np.ones(len(ends), np.float32), ends.T), (count, count)).tocsr()
    degree = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)
    return sparse.diags((1 / degree).astype(np.float32)) @ links


def _distribute(
    morphs: Displacements,
    active: list[tuple[str, float]],
    rows: NDArray[np.int64],
    change: Array,
) -> None:
    """Distributes a change of the sum over the morphs in proportion to their lengths."""
    parts = [weight * length(morphs[name][rows]) for name, weight in active]
    whole = sum(parts, np.full(len(rows), 1e-9, np.float32))
    for (name, weight), part in zip(active, parts, strict=True):
        morphs[name][rows] += change * (part / whole / weight)[:, None]

"""Expressions of every species, measured on the displacement fields and lids themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the generator's libraries are not installed")

from livecam.avatar.base import CORRECTIVE
from livecam.core.face import EXPRESSIONS
from livecam.modelling.expressions import Displacements, ExpressionFields
from livecam.modelling.lids import lids
from livecam.modelling.mesh import face_normals, grid
from livecam.modelling.parts import MeshPart
from livecam.modelling.species import SPECIES
from livecam.modelling.unfold import remove_folds

COLUMNS, ROWS = 15, 9  # of a lid
EDGE = 1  # the visible row
MIDDLE = COLUMNS // 2


@pytest.fixture(scope="module", params=sorted(SPECIES))
def fields(request: pytest.FixtureRequest) -> ExpressionFields:
    species = SPECIES[request.param]
    return ExpressionFields(species.shape())


def under(morphs: Displacements, **weights: float) -> np.ndarray:
    """The displacement that weights give together, correctives included."""
    shares = (
        (math.prod(weights.get(part, 0.0) for part in name.split(CORRECTIVE)), moved)
        for name, moved in morphs.items()
    )
    return sum((share * moved for share, moved in shares), np.zeros_like(morphs["eyeBlinkLeft"]))


def lips_under(fields: ExpressionFields, **weights: float) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower lip line on the left, from its middle to the corner."""
    lips = fields.landmarks.lips
    upper, lower = (
        lips + under(fields(lips, side=np.full(len(lips), side, np.float32)), **weights)
        for side in (1, -1)
    )
    return upper, lower


def left_lids(fields: ExpressionFields) -> dict[str, MeshPart]:
    parts = lids(fields.shape, COLUMNS, ROWS)
    return {part.name: part for part in parts if part.name.endswith("Left")}


def edge(lid: MeshPart, **weights: float) -> np.ndarray:
    """The visible edge of a lid under an expression, float32[COLUMNS, 3]."""
    blank = {"eyeBlinkLeft": np.zeros_like(lid.points)}
    moved: np.ndarray = lid.points + under(blank | lid.morphs, **weights)
    return moved.reshape(COLUMNS, ROWS, 3)[:, EDGE]


def test_landmarks_lie_on_the_left_of_the_skin(fields: ExpressionFields) -> None:
    landmarks = fields.landmarks
    on_skin = np.stack(
        (landmarks.brow_inner, landmarks.brow_outer, landmarks.cheek, landmarks.jowl)
    )
    np.testing.assert_allclose(fields.shape(on_skin), 0, atol=0.02)
    assert (on_skin[:, 0] > 0).all()
    assert landmarks.brow_inner[0] < landmarks.brow_outer[0], "brows run outwards"
    assert landmarks.brow_inner[1] > landmarks.eye[1] > landmarks.corner[1], "brow, eye, mouth"
    assert (np.diff(landmarks.lips[:, 0]) > 0).all(), "the lip line runs to its corner"


def test_fields_cover_every_expression_and_correctives_of_known_ones(
    fields: ExpressionFields,
) -> None:
    names = set(fields(fields.landmarks.lips))
    only_eyes = {name for name in EXPRESSIONS if name.startswith(("eyeLookIn", "eyeLookOut"))}
    assert names >= set(EXPRESSIONS) - only_eyes
    assert {part for name in names for part in name.split(CORRECTIVE)} <= set(EXPRESSIONS)


def test_eyes_that_laugh_shut_in_an_arch(fields: ExpressionFields) -> None:
    for name in ("upperLidLeft", "lowerLidLeft"):
        lid = left_lids(fields)[name]
        asleep = edge(lid, eyeBlinkLeft=1)
        laughing = edge(lid, eyeBlinkLeft=1, mouthSmileLeft=1, cheekSquintLeft=0.6)
        corners = asleep[[2, -3], 1].mean()
        assert asleep[MIDDLE, 1] < corners < laughing[MIDDLE, 1], name


@pytest.mark.parametrize("other", ["eyeWideLeft", "eyeSquintLeft", "browDownLeft", "browInnerUp"])
def test_a_shut_eye_stays_shut_under_other_expressions_of_the_lids(
    fields: ExpressionFields, other: str
) -> None:
    for name, lid in left_lids(fields).items():
        shut = edge(lid, eyeBlinkLeft=1)
        np.testing.assert_allclose(edge(lid, eyeBlinkLeft=1, **{other: 1}), shut, atol=1e-4)
        if other in lid.morphs:
            assert np.abs(edge(lid, **{other: 1}) - edge(lid)).max() > 0.005, name


def test_lips_that_close_over_an_open_jaw_meet(fields: ExpressionFields) -> None:
    upper, lower = lips_under(fields, jawOpen=1)
    gap = (upper - lower)[0, 1]
    assert gap > 0.15
    upper, lower = lips_under(fields, jawOpen=1, mouthClose=1)
    assert abs((upper - lower)[0, 1]) < 0.2 * gap


def test_a_funnel_makes_an_open_mouth_rounder(fields: ExpressionFields) -> None:
    def width_over_height(**weights: float) -> float:
        upper, lower = lips_under(fields, jawOpen=1, **weights)
        return float(2 * upper[-1, 0] / (upper - lower)[:, 1].max())

    plain, funnel = width_over_height(), width_over_height(mouthFunnel=1)
    assert abs(funnel - 1) < abs(plain - 1)
    both = width_over_height(mouthFunnel=0.75, mouthPucker=0.9)
    assert both > 0.3, "pucker and funnel together leave an opening"


def test_a_smile_lifts_the_corner_and_a_frown_lowers_it(fields: ExpressionFields) -> None:
    height = fields.landmarks.corner[1]
    upper, _ = lips_under(fields, mouthSmileLeft=1)
    assert upper[-1, 1] > height + 0.08
    upper, _ = lips_under(fields, mouthFrownLeft=1)
    assert upper[-1, 1] < height - 0.08


def pressed(strength: float) -> tuple[np.ndarray, np.ndarray, Displacements]:
    """A flat sheet, its triangles, and a morph that pushes its middle over what lies beside it."""
    side = np.linspace(-1, 1, 21, dtype=np.float32)
    x, y = (v.ravel() for v in np.meshgrid(side, side, indexing="ij"))
    points = np.stack((x, y, 0 * x), axis=1)
    shift = strength * np.exp(-((x**2 + y**2) / 0.09))
    moved = {"jawOpen": np.stack((shift, 0 * x, 0 * x), axis=1).astype(np.float32)}
    return points, grid(21, 21), moved


def over(points: np.ndarray, triangles: np.ndarray, moved: np.ndarray) -> int:
    before, after = face_normals(points, triangles), face_normals(points + moved, triangles)
    return int(((before * after).sum(axis=1) < 0).sum())


def test_folds_are_removed() -> None:
    points, triangles, moved = pressed(0.6)
    assert over(points, triangles, moved["jawOpen"]) > 10
    smooth = remove_folds(points, triangles, moved)
    assert over(points, triangles, smooth["jawOpen"]) == 0
    assert smooth["jawOpen"].max() > 0.3, "it still moves"


def test_meshes_without_folds_are_unchanged() -> None:
    points, triangles, moved = pressed(0.2)
    np.testing.assert_array_equal(
        remove_folds(points, triangles, moved)["jawOpen"], moved["jawOpen"]
    )

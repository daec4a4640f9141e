"""The gaze of a real face with moved irises: sign, range, agreement, steadiness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.avatar.expression import ExpressionGains
from livecam.avatar.gaze import FULL_TURN_RAD, Gaze
from livecam.core.frame import Frame, Image
from livecam.filtering.expression import ExpressionFilter
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip
from tests.gaze_weights import gaze_weights

# Corners, outline and iris of each eye in MediaPipe's mesh.
EYES = (
    (33, 133, (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7), 468),
    (362, 263, (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
     473),
)  # fmt: skip
FARTHEST = 0.25  # of an eye's width; an iris can hardly go farther


class Sitter:
    """The portrait, large, with irises that can be moved behind the lids."""

    def __init__(self, portrait: Image) -> None:
        face = np.ascontiguousarray(portrait[:260, 100:360, :3])
        self._face = cv2.resize(face, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
        landmarks = tracked([self.draw()])[0][0]
        self._points = landmarks[:, :2] * self._face.shape[1::-1]

    def draw(self, right: float = 0.0, down: float = 0.0) -> Image:
        """Irises moved in the image by parts of an eye's width."""
        out = self._face.copy()
        if right or down:
            for eye in EYES:
                out = self._moved(out, *eye, right, down)
        return cv2.cvtColor(out, cv2.COLOR_RGB2RGBA)

    def _moved(
        self, picture: Image, inner: int, outer: int, ring: tuple[int, ...], iris: int,
        right: float, down: float,
    ) -> Image:  # fmt: skip
        size, points = picture.shape[1::-1], self._points
        opening = np.zeros(size[::-1], np.float32)
        cv2.fillPoly(opening, [np.rint(points[list(ring)]).astype(np.int32)], 1.0)
        white = np.percentile(picture[opening > 0], 75, axis=0)
        radius = float(np.linalg.norm(points[iris + 1] - points[iris]))
        disc = np.zeros_like(opening)
        at = np.rint(points[iris]).astype(int)
        cv2.circle(disc, (int(at[0]), int(at[1])), round(1.1 * radius), 1.0, -1)
        disc = cv2.GaussianBlur(disc, (0, 0), 1.5)
        width = float(np.linalg.norm(points[inner] - points[outer]))
        shift = np.array(((1, 0, right * width), (0, 1, down * width)))
        there = cv2.warpAffine(disc, shift, size)[..., None]
        iris_there = cv2.warpAffine(picture, shift, size)
        disc, opening = disc[..., None], cv2.GaussianBlur(opening, (0, 0), 1.0)[..., None]
        eye = (picture * (1 - disc) + white * disc) * (1 - there) + iris_there * there
        return np.asarray(picture * (1 - opening) + eye * opening, np.uint8)


def tracked(pictures: list[Image]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Landmarks and weights of the one face in each."""
    model = asset_or_skip("face-landmarker")
    out = []
    with FaceLandmarker(model, mode="image") as tracker:
        for picture in pictures:
            (face,) = tracker.track(Frame(picture, 0, 0.0)).faces
            out.append((face.landmarks, face.weights))
    return out


def shown(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Left and up, of both eyes, of an avatar; weights of a full turn."""
    morphs = ExpressionGains({}).morphs(weights, 0.0).astype(np.float64)
    Gaze(np.random.default_rng(0)).step(morphs, 0.0, 1 / 30, False, 0.0)
    left, right = gaze_weights(morphs.astype(np.float32))
    assert left == pytest.approx(right)  # straight eyes agree
    return left


@pytest.fixture(scope="module")
def sitter(portrait: Image) -> Sitter:
    return Sitter(portrait)


def test_eyes_follow_the_irises_to_either_side(sitter: Sitter) -> None:
    """The wearer's left is the image's right."""
    shifts = np.linspace(-FARTHEST, FARTHEST, 7)
    lefts = [shown(w)[0] for _, w in tracked([sitter.draw(right=s) for s in shifts])]
    assert np.all(np.diff(lefts) > 0)
    assert lefts[0] < -0.5
    assert lefts[-1] > 0.5
    assert abs(lefts[3]) < 0.15
    assert np.abs(lefts).max() * np.degrees(FULL_TURN_RAD) < 35


def test_eyes_follow_the_irises_up_and_down(sitter: Sitter) -> None:
    ups = [shown(w)[1] for _, w in tracked([sitter.draw(down=s) for s in (-0.1, 0.0, 0.1)])]
    assert ups[0] - 0.08 > ups[1] > ups[2] + 0.08
    assert ups[2] < -0.15


def test_the_gaze_rests_while_the_eyes_fixate(sitter: Sitter) -> None:
    """Two seconds before a webcam: its noise is no look."""
    rng = np.random.default_rng(3)
    still = sitter.draw()[:, :, :3].astype(np.float32)
    small = cv2.resize(still, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    pictures = []
    for _ in range(60):
        noisy = np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8)
        pictures.append(cv2.cvtColor(noisy, cv2.COLOR_RGB2RGBA))
    steady = ExpressionFilter()
    measured = [weights for _, weights in tracked(pictures)]
    raw = np.degrees(FULL_TURN_RAD) * np.array([shown(weights) for weights in measured])
    filtered = np.degrees(FULL_TURN_RAD) * np.array(
        [shown(steady.step(weights, 1 / 30)) for weights in measured]
    )
    rest = slice(20, None)
    assert filtered[rest].std(axis=0).max() < 0.5
    assert filtered[rest].std(axis=0).sum() < 0.5 * raw[rest].std(axis=0).sum()

"""Every built-in head, proved: each expression shows, on its own side, and nothing turns over."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, Mesh
from livecam.avatar.expression import ExpressionGains
from livecam.avatar.library import load_avatar, read_description
from livecam.config.settings import Settings
from livecam.core.errors import AssetError
from livecam.core.face import EXPRESSIONS, Weights
from livecam.media.reader import VideoReader
from livecam.pipeline.build import tracker_factory
from livecam.render.context import Graphics, open_graphics
from livecam.render.mesh import Morpher, merge
from livecam.sources.sample_clip import sample_clip
from livecam.tracking.base import Tracker
from livecam.viewer.avatar_viewer import AvatarViewer, ViewerPose, weights_array

ROOT = Path(__file__).resolve().parents[1]
HEADS = sorted(path.parent.name for path in (ROOT / "avatars").glob("*/avatar.toml"))
MAX_BYTES = 4_000_000

PICTURE = 240  # pixels along an edge: a head in a picture of 720 lines
VISIBLE = 20  # of 255: a pixel that changed this much visibly changed
MIN_PIXELS = 40  # as many as a circle seven pixels wide
SIDES = [name for name in EXPRESSIONS if name.endswith(("Left", "Right"))]
ACROSS = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")  # move the whole mouth to a side
TO_ITS_SIDE_PX = 5  # the middle of what changes; the corner of a small mouth is 16 px out

MIXTURES = 200
EVERY = 8  # of the recorded frames
UPPER = np.array([name.startswith(("brow", "eye")) for name in EXPRESSIONS])
OVER = -0.1  # cosine: a little more than a right angle
MIN_MM2 = 12.0  # eight pixels of a head that is 240 pixels high
BEFORE_M = 0.0003
REACH_M = 0.03  # no triangle that lies before a place begins farther from it
VIEWS = tuple(  # camera from head: in front, and from either side
    np.array(((np.cos(a), 0, -np.sin(a)), (0, 1, 0), (np.sin(a), 0, np.cos(a))))
    for a in np.radians((-40, 0, 40))
)


@lru_cache(maxsize=2)
def avatar_called(name: str) -> Avatar:
    return load_avatar(ROOT / "avatars" / name)


@pytest.fixture(params=HEADS)
def avatar(request: pytest.FixtureRequest) -> Avatar:
    return avatar_called(request.param)


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


def alone(expression: str) -> dict[str, float]:
    """Closing the lips corrects an open jaw: without one it pushes them through each other."""
    return {expression: 1.0, **({"jawOpen": 1.0} if expression == "mouthClose" else {})}


def without(expression: str) -> dict[str, float]:
    return {name: weight for name, weight in alone(expression).items() if name != expression}


class Mirror:
    """Shows one head, as the light tier draws it in a call."""

    def __init__(self, viewer: AvatarViewer) -> None:
        self._viewer = viewer
        self._neutral: dict[float, NDArray[np.int16]] = {}

    def changes(self, expression: str, yaw_deg: float) -> NDArray[np.int16]:
        """By how much an expression changes each pixel, int16[h, w]."""
        base = without(expression)
        if yaw_deg not in self._neutral:
            self._neutral[yaw_deg] = self._picture({}, yaw_deg)
        before = self._picture(base, yaw_deg) if base else self._neutral[yaw_deg]
        after = self._picture(alone(expression), yaw_deg)
        difference: NDArray[np.int16] = np.abs(after - before).max(axis=2)
        return difference

    def _picture(self, weights: dict[str, float], yaw_deg: float) -> NDArray[np.int16]:
        return self._viewer.draw(ViewerPose("", weights, yaw_deg=yaw_deg)).astype(np.int16)


def test_every_expression_is_visible_on_its_own_side(avatar: Avatar, graphics: Graphics) -> None:
    """In frontal or half-side view."""
    invisible, swapped = {}, {}
    with AvatarViewer(graphics, avatar, (PICTURE, PICTURE), "light") as viewer:
        mirror = Mirror(viewer)
        for expression in EXPRESSIONS:
            front = mirror.changes(expression, yaw_deg=0)
            pixels = int((front >= VISIBLE).sum())
            if pixels < MIN_PIXELS:
                pixels = max(pixels, int((mirror.changes(expression, 35) >= VISIBLE).sum()))
            if pixels < MIN_PIXELS:
                invisible[expression] = pixels
            if expression in SIDES and expression not in ACROSS:
                middle = np.average(np.arange(PICTURE), weights=front.sum(axis=0) + 1e-9)
                # The head's left is to the right in the picture.
                out = (middle - PICTURE / 2) * (1 if expression.endswith("Left") else -1)
                if out < TO_ITS_SIDE_PX:
                    swapped[expression] = round(out, 1)
    assert not invisible, f"{avatar.name}: pixels that change: {invisible}"
    assert not swapped, f"{avatar.name}: pixels to its own side: {swapped}"


@pytest.mark.parametrize("expression", ACROSS)
def test_mouth_and_jaw_go_to_their_own_side(avatar: Avatar, expression: str) -> None:
    for meshes in (avatar.meshes, avatar.light_meshes):
        moves = [mesh.morphs[expression].deltas for mesh in meshes if expression in mesh.morphs]
        across = np.concatenate(moves)[:, 0].mean() * (1 if expression.endswith("Left") else -1)
        assert across > 0.001


@pytest.fixture(scope="module")
def recorded() -> NDArray[np.float32]:
    """Measured weights float32[k, 52]: of the private clips, or of the built-in sample."""
    clips = sorted((ROOT.parent / "shared" / "clips").glob("*.mp4"))
    try:
        tracker = tracker_factory(Settings())()
        rows = [row for clip in clips or [sample_clip()] for row in weights_in(clip, tracker)]
        tracker.close()
    except AssetError as error:
        pytest.skip(f"{error} ({error.hint})")
    return np.array(rows)


def weights_in(clip: Path, tracker: Tracker) -> Iterator[Weights]:
    with VideoReader(clip) as reader:
        for frame in reader:
            if frame.index % EVERY == 0:
                for face in tracker.track(frame).faces[:1]:
                    yield face.weights


def mixtures(recorded: NDArray[np.float32], gains: dict[str, float]) -> list[Weights]:
    """Morphs of mixed faces: brows and eyes of one recorded frame, the rest of another."""
    random = np.random.default_rng(2)
    rig = ExpressionGains(gains)
    pairs = random.integers(len(recorded), size=(MIXTURES, 2))
    return [rig.morphs(np.where(UPPER, recorded[a], recorded[b]), 1 / 30) for a, b in pairs]


def normals(points: NDArray[np.float64], triangles: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Float64[m, 3], twice as long as the area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a)


def one_sided(triangles: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Finds the triangles that have an inside: the others exist twice, once from either side."""
    _, which, count = np.unique(
        np.sort(triangles, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    one: NDArray[np.bool_] = count[which.ravel()] == 1
    return one


class Surface:
    """All triangles of a head that some expression moves, and those that may occlude them."""

    def __init__(self, meshes: tuple[Mesh, ...]) -> None:
        merged = merge(meshes)
        self._morpher = Morpher(merged)
        self._all = merged.all_triangles
        moved = np.zeros(len(merged.positions), bool)
        for rows, _ in merged.morphs.values():
            moved[rows] = True
        self._moving = self._all[moved[self._all].any(axis=1) & one_sided(self._all)]
        rest = normals(merged.positions.astype(np.float64), self._moving)
        self._rest = rest / (np.linalg.norm(rest, axis=1, keepdims=True) + 1e-15)

    def inside_out_mm2(self, face: Weights) -> float:
        """The area of the triangles that turned over and show their inside.

        In a fold the surface lies before the triangles that turned over: a crease, as skin
        has them. Where nothing lies before such a triangle, the head has a hole.
        """
        self._morpher.apply(face)
        points = self._morpher.vertices[:, :3].astype(np.float64)
        now = normals(points, self._moving)
        twice = np.linalg.norm(now, axis=1)
        over = (now * self._rest).sum(axis=1) < OVER * twice
        bare = np.zeros(over.sum(), bool)
        if over.any():
            centres = points[self._moving[over]].mean(axis=1)
            for view in VIEWS:
                away = now[over] @ view[2] < 0
                bare[away] |= ~covered(centres[away] @ view.T, points @ view.T, self._all)
        return float(twice[over][bare].sum() / 2 * 1e6)


def covered(
    centres: NDArray[np.float64], points: NDArray[np.float64], triangles: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    """Returns whether a triangle that faces the viewer occludes each centre, looking along -z."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    area = cross2(b - a, c - a)
    a, b, c, area = (v[area > 1e-12] for v in (a, b, c, area))
    out = np.zeros(len(centres), bool)
    for i, p in enumerate(centres):
        near = np.flatnonzero((np.abs(a[:, :2] - p[:2]) < REACH_M).all(axis=1))
        u, v, w, size = a[near], b[near], c[near], area[near]
        q, r = cross2(p - u, w - u) / size, cross2(v - u, p - u) / size
        z = u[:, 2] + q * (v[:, 2] - u[:, 2]) + r * (w[:, 2] - u[:, 2])
        out[i] = ((q >= 0) & (r >= 0) & (q + r <= 1) & (z > p[2] + BEFORE_M)).any()
    return out


def cross2(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return out


@pytest.mark.parametrize("tier", ["full", "light"])
def test_no_triangle_turns_inside_out(
    avatar: Avatar, tier: str, recorded: NDArray[np.float32]
) -> None:
    surface = Surface(avatar.meshes if tier == "full" else avatar.light_meshes)
    faces = {name: weights_array(alone(name)) for name in EXPRESSIONS}
    made_up = mixtures(recorded, avatar.gains)[:: 2 if tier == "full" else 1]  # costs more
    faces |= {f"mixture {i}": weights for i, weights in enumerate(made_up)}
    areas = {name: round(surface.inside_out_mm2(weights), 1) for name, weights in faces.items()}
    bad = {name: area for name, area in areas.items() if area > MIN_MM2}
    assert not bad, f"{avatar.name}, {tier}: square millimetres that show their inside: {bad}"


def test_the_files_of_a_head_are_complete(avatar: Avatar) -> None:
    folder = avatar.folder
    assert sum(file.stat().st_size for file in folder.iterdir()) < MAX_BYTES
    said = read_description(folder)
    assert said.title.isascii()
    assert all("\u4e00" <= letter <= "\u9fff" for letter in said.title_zh)
    assert (said.author, said.licence) == ("livecam", "MIT")
    assert {"glasses", "hat", "headphones"} <= set(said.anchors)
    thumbnail = cv2.imread(str(folder / "thumbnail.png"), cv2.IMREAD_UNCHANGED)
    assert thumbnail is not None
    assert thumbnail.shape == (256, 256, 4)
    assert 0.3 < (thumbnail[..., 3] > 128).mean() < 0.95


@pytest.mark.parametrize("name", HEADS)
def test_the_generator_reproduces_the_description(name: str) -> None:
    """A row that was changed after its head was built is found here, at no cost."""
    pytest.importorskip("skimage", reason="the generator's libraries are not installed")
    from livecam.modelling.descriptions import avatar_toml
    from livecam.modelling.species import SPECIES

    assert (ROOT / "avatars" / name / "avatar.toml").read_text("utf-8") == avatar_toml(
        SPECIES[name]
    )


def test_there_are_twelve_heads() -> None:
    assert HEADS == [
        "bear", "bull", "cat", "fox", "frog", "man", "panda", "rabbit", "raccoon", "shiba",
        "tiger", "woman",
    ]  # fmt: skip

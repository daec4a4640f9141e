"""Films whose head pose is known: a photographed face, given depth, moved before a room.

The depth is the tracker's own guess from one photograph, so the head is a little wrong in shape:
turned far, it shows the tracker a pose a few degrees off. Stillness, lag and cost are exact.

The picture is drawn backwards: each pixel's ray is taken back to where the photograph was made
and marched until it meets the face's depth (relief mapping: Policarpo, Oliveira, Comba, I3D 2005),
so that a pixel's place is exact wherever the face is smooth. Noise, darkness, blur by motion,
timing, an occluder and a cut are added as a camera would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.app.picture_quality import study
from livecam.core.face import FACE_OVAL, Face, Matrix4
from livecam.core.frame import Frame, Image
from livecam.core.spaces import (
    compose,
    focal_px,
    matrix_from_quaternion,
    project,
    quaternion_from_vector,
)

Array = NDArray[np.float64]

SIZE = (1280, 720)
DISTANCE_M = 0.48
REACH_M = (0.13, 0.20)  # before and behind the head's middle a ray is marched
MARCH, HALVINGS = 22, 8  # steps of 1.6 cm, then to a twentieth of a millimetre
HEAD_WIDER, HEAD_HIGHER = 1.55, 1.45  # the head with its hair over the face's oval
BACK_M = 0.25  # how quickly the skull falls away behind the face's edge
# Points of a head that are compared, metres in head space: eyes, nose, mouth, chin, temples.
POINTS = np.array(
    (
        (-0.032, 0.026, 0.028), (0.032, 0.026, 0.028), (0.0, -0.005, 0.065), (-0.025, -0.045, 0.04),
        (0.025, -0.045, 0.04), (0.0, -0.085, 0.03), (-0.07, 0.02, -0.01), (0.07, 0.02, -0.01),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a head moves, and what the camera makes of it."""

    name: str
    # seconds float64[n] -> yaw, pitch, roll in degrees and x, y, z in metres, float64[n, 6]
    motion: Callable[[Array], Array]
    fps: float = 30.0
    seconds: float = 6.0
    noise: float = 2.5  # of 255
    brightness: float = 1.0
    exposure: float = 0.3  # of a frame; what moves meanwhile is blurred
    jitter: float = 0.0  # of a frame's length
    occluder: bool = False
    cut_at: float | None = None  # seconds; the head jumps to another place


def _motion(
    yaw: Callable[[Array], Array] | float = 0.0,
    pitch: Callable[[Array], Array] | float = 0.0,
    roll: Callable[[Array], Array] | float = 0.0,
    x: Callable[[Array], Array] | float = 0.0,
    z: Callable[[Array], Array] | float = 0.0,
) -> Callable[[Array], Array]:
    def at(t: Array) -> Array:
        parts = (yaw, pitch, roll, x, 0.0, z)
        return np.stack([p(t) if callable(p) else np.full(len(t), p) for p in parts], axis=1)

    return at


def _sine(amount: float, hz: float) -> Callable[[Array], Array]:
    return lambda t: amount * np.sin(2 * np.pi * hz * t)


WANDER = _motion(_sine(6, 0.31), _sine(4, 0.23), _sine(3, 0.17), _sine(0.02, 0.13))

SCENARIOS = (
    Scenario("still", _motion(3.0, 2.0, 1.0)),
    Scenario("dim", _motion(3.0, 2.0, 1.0), noise=7.0, brightness=0.35),
    Scenario("wander", WANDER),
    Scenario("yaw", _motion(yaw=_sine(35, 0.2)), exposure=0.5),
    Scenario("nod", _motion(pitch=_sine(15, 0.4)), exposure=0.5),
    Scenario("roll", _motion(roll=_sine(25, 0.25)), exposure=0.5),
    Scenario("shake", _motion(yaw=_sine(16, 0.6)), exposure=0.5),  # 60 degrees a second
    Scenario("slide", _motion(x=_sine(0.1, 0.65)), exposure=0.5),  # 400 px a second
    Scenario("approach", _motion(z=_sine(0.12, 0.2))),
    Scenario("uneven", WANDER, fps=20.0, jitter=0.6),
    Scenario("occluded", WANDER, occluder=True),
    Scenario("cut", WANDER, cut_at=3.0),
)


@dataclass(frozen=True)
class Photograph:
    """A face with depth: the picture, and how far each of its pixels is."""

    image: Image  # uint8[h, w, 4]
    coverage: NDArray[np.float32]  # float32[h, w], 1 on the head
    depth_m: NDArray[np.float32]  # float32[h, w], along the line of sight's z
    camera_from_head: Matrix4
    size: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", (self.image.shape[1], self.image.shape[0]))


def photograph(image: Image, face: Face) -> Photograph:
    """Gives a portrait its depth, from the landmarks that were tracked in it.

    The landmarks' own depth is in units of the picture's width, zero at the head's middle.
    """
    height, width = image.shape[:2]
    points = face.landmarks[:468].astype(np.float64)
    focal = focal_px(height)
    away_m = -float(face.camera_from_head[2, 3])
    at = points[:, :2] * (width, height)
    # Depth grows away from the camera; at weak perspective its unit is the picture's width.
    relief_m = points[:, 2] * width * away_m / focal
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    middle = at.mean(axis=0)
    half = (np.ptp(at, axis=0) / 2) * (HEAD_WIDER, HEAD_HIGHER)
    middle = middle - (0, 0.12 * half[1])
    far = np.hypot((x - middle[0]) / half[0], (y - middle[1]) / half[1])
    # Behind the face's edge, which is not everywhere as deep, the skull goes on, ever rounder.
    oval = np.array(FACE_OVAL)
    turns = np.arctan2(*(at[oval] - middle).T[::-1])
    order = np.argsort(turns)
    here = np.arctan2(y - middle[1], x - middle[0])
    edge_m = np.interp(here, turns[order], relief_m[oval][order], period=2 * np.pi)
    edge_m = cv2.GaussianBlur(edge_m, (0, 0), np.ptp(at[:, 0]) / 12)
    round_m = edge_m + BACK_M * np.clip(far - 0.65, 0, 1) ** 2
    relief = _spread(at, relief_m, round_m)
    coverage = np.clip((1.0 - far) * 12, 0, 1)
    depth = (away_m + relief).astype(np.float32)
    return Photograph(image, coverage.astype(np.float32), depth, face.camera_from_head)


def _spread(at: Array, values: Array, beyond: Array) -> Array:
    """Values known at points, smooth in between, going over into `beyond` outside."""
    height, width = beyond.shape
    columns = np.clip(np.rint(at[:, 0]).astype(int), 0, width - 1)
    rows = np.clip(np.rint(at[:, 1]).astype(int), 0, height - 1)
    weight = np.zeros((height, width))
    np.add.at(weight, (rows, columns), 1.0)
    unit = np.ptp(at[:, 0]) / 60
    out = beyond.copy()
    # What is missing at the points is spread, ever more finely.
    for sigma in (10.0, 7.0, 5.0, 4.0, 3.0, 3.0, 2.5, 2.5):
        missing = np.zeros((height, width))
        np.add.at(missing, (rows, columns), values - out[rows, columns])
        many = cv2.GaussianBlur(weight, (0, 0), sigma * unit)
        some = cv2.GaussianBlur(missing, (0, 0), sigma * unit)
        enough = many * 2 * np.pi * (sigma * unit) ** 2
        out += some / np.maximum(many, 1e-12) * enough / (enough + 1.0)
    return np.asarray(cv2.GaussianBlur(out, (0, 0), unit), np.float64)


class Renderer:
    """Draws the photographed head at any pose into a room; returns linear-free sRGB floats."""

    def __init__(self, photo: Photograph, size: tuple[int, int] = SIZE) -> None:
        self._photo = photo
        self.size = size
        width, height = size
        self._room = study(width, height)[..., :3].astype(np.float32)
        focal = focal_px(height)
        y, x = np.mgrid[0:height, 0:width].astype(np.float64)
        self._rays = np.stack(
            ((x + 0.5 - width / 2) / focal, (height / 2 - y - 0.5) / focal, -np.ones_like(x)), -1
        )

    def draw(self, camera_from_head: Matrix4) -> NDArray[np.float32]:
        """The picture float32[h, w, 3] of a head at that pose."""
        photo = self._photo
        box = self._box(camera_from_head)
        if box is None:
            return self._room.copy()
        y0, y1, x0, x1 = box
        back = photo.camera_from_head @ np.linalg.inv(camera_from_head)
        ways = (self._rays[y0:y1, x0:x1] @ back[:3, :3].T).astype(np.float32)
        start = back[:3, 3].astype(np.float32)
        focal = np.float32(focal_px(photo.size[1]))

        def behind(far: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
            """How far behind the face's surface a ray is, and where in the photograph."""
            depth = -(start[2] + ways[..., 2] * far)
            u = photo.size[0] / 2 - 0.5 + focal * (start[0] + ways[..., 0] * far) / depth
            v = photo.size[1] / 2 - 0.5 - focal * (start[1] + ways[..., 1] * far) / depth
            surface = cv2.remap(
                photo.depth_m, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            return depth - surface, u, v

        near = np.float32(-camera_from_head[2, 3] - REACH_M[0])
        first = np.full(ways.shape[:2], near + np.float32(sum(REACH_M)), np.float32)
        before, hit = behind(np.full_like(first, near))[0], np.zeros(first.shape, bool)
        last = np.full_like(first, near)
        low, high = last.copy(), first.copy()
        for far in near + np.linspace(0, sum(REACH_M), MARCH)[1:].astype(np.float32):
            now = behind(np.full_like(first, far))[0]
            crossed = ~hit & (now >= 0) & (before < 0)
            low[crossed], high[crossed] = last[crossed], far
            hit |= crossed
            before, last = now, np.full_like(first, far)
        for _ in range(HALVINGS):
            middle = np.float32(0.5) * (low + high)
            deep = behind(middle)[0] >= 0
            high, low = np.where(deep, middle, high), np.where(deep, low, middle)
        _, u, v = behind(np.float32(0.5) * (low + high))
        colours = cv2.remap(photo.image, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[
            ..., :3
        ]
        cover = cv2.remap(photo.coverage, u, v, cv2.INTER_LINEAR, borderValue=0)
        cover = np.where(hit, cover, 0)[..., None]
        out = self._room.copy()
        part = out[y0:y1, x0:x1]
        part += (colours.astype(np.float32) - part) * cover
        return out

    def _box(self, camera_from_head: Matrix4) -> tuple[int, int, int, int] | None:
        """The rows and columns that the head may touch."""
        width, height = self.size
        middle = project(camera_from_head, np.array(((0.0, 0.02, 0.0),)), width, height)[0]
        reach = 0.24 * focal_px(height) / max(-float(camera_from_head[2, 3]), 0.1)
        x0, x1 = max(int(middle[0] - reach), 0), min(int(middle[0] + reach), width)
        y0, y1 = max(int(middle[1] - reach), 0), min(int(middle[1] + reach), height)
        return (y0, y1, x0, x1) if x1 > x0 and y1 > y0 else None


@dataclass(frozen=True, slots=True)
class TrueFrame:
    """A picture and where its head really is."""

    frame: Frame
    camera_from_head: Matrix4
    occluded: bool


def poses(scenario: Scenario, times: Array) -> list[Matrix4]:
    """The true poses at those seconds."""
    rows = scenario.motion(times)
    out = []
    for t, (yaw, pitch, roll, x, y, z) in zip(times, rows, strict=True):
        cut = scenario.cut_at is not None and t >= scenario.cut_at
        place = np.array((x + (0.12 if cut else 0.0), y, z - DISTANCE_M))
        turn = (
            quaternion_from_vector(np.radians((0.0, yaw + (12 if cut else 0), 0.0))),
            quaternion_from_vector(np.radians((pitch, 0.0, 0.0))),
            quaternion_from_vector(np.radians((0.0, 0.0, roll))),
        )
        matrix = compose(place, np.array((1.0, 0, 0, 0)))
        for q in turn:
            matrix[:3, :3] = matrix[:3, :3] @ matrix_from_quaternion(q)
        out.append(matrix)
    return out


def film(scenario: Scenario, renderer: Renderer, seed: int = 0) -> Iterator[TrueFrame]:
    """The scenario's pictures, in order, with true times; the same for the same seed."""
    random = np.random.default_rng(seed)
    count = round(scenario.seconds * scenario.fps)
    times = np.arange(count) / scenario.fps
    times = times + scenario.jitter / scenario.fps * random.uniform(0, 1, count)
    width, height = renderer.size
    for index, t in enumerate(times):
        (middle,) = poses(scenario, np.array((t,)))
        # Light falls in while the shutter is open, half before and half after its moment.
        shutter = scenario.exposure / scenario.fps
        looks = _looks(scenario, renderer, t, shutter)
        moments = t + shutter * ((np.arange(looks) + 0.5) / looks - 0.5)
        picture = np.mean([renderer.draw(p) for p in poses(scenario, moments)], axis=0)
        occluded = scenario.occluder and 1.0 < t % 3.0 < 1.8
        if occluded:
            x = int(width * (0.2 + 0.6 * ((t % 3.0) - 1.0) / 0.8))
            picture[:, x - 45 : x + 45] = (96, 70, 60)
        picture = picture * scenario.brightness
        picture += scenario.noise * random.standard_normal(picture.shape, np.float32)
        image = np.full((height, width, 4), 255, np.uint8)
        image[..., :3] = np.rint(np.clip(picture, 0, 255))
        yield TrueFrame(Frame(image, index, float(t)), middle, occluded)


def _looks(scenario: Scenario, renderer: Renderer, t: float, shutter: float) -> int:
    """How many moments a picture is the mean of: one for every three pixels of motion."""
    ends = poses(scenario, np.array((t - shutter / 2, t + shutter / 2)))
    one, two = (project(p, POINTS, *renderer.size) for p in ends)
    moved = float(np.linalg.norm(one - two, axis=1).max())
    return int(np.clip(round(moved / 3), 1, 4)) if moved < 60 else 1


def shortened(scenario: Scenario, seconds: float) -> Scenario:
    """The same, at most so long."""
    return replace(scenario, seconds=min(seconds, scenario.seconds))

"""Makes the sample clip: a portrait that moves like a person in front of a webcam.

The portrait (public domain) is cut out, put in front of a made-up room, and its head turned,
shifted and brought nearer by a smooth depth map; it blinks and hums. Every motion repeats after
ten seconds, so the clip loops. It is deterministic: each run makes the same frames.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.config.assets import asset_path
from livecam.config.paths import user_cache_folder
from livecam.core.curves import smoothstep
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.frame import Frame, Image
from livecam.media.images import read_image
from livecam.media.sound import write_sound
from livecam.media.streams import plan_streams
from livecam.media.writer import VideoWriter

log = logging.getLogger(__name__)

Field = NDArray[np.float32]
Points = NDArray[np.float32]

VERSION = 3  # part of the file's name: a better clip replaces an old one
SECONDS = 10
FPS = 30
SIZE = (1280, 720)
RATE_HZ = 48_000

# All of these are pixels of the portrait, which is always the same file.
TEXTURE_SCALE = 3  # the portrait is enlarged once, so that the warp finds smooth pixels
VIEW_SCALE = 2.1  # frame pixels per portrait pixel, at rest
VIEW_CENTRE = (222.0, 133.0)  # leaves room above the head, for ears
NECK = np.array((222.0, 186.0), np.float32)
HEAD_CENTRE, HEAD_RADII = (226.0, 96.0), (78.0, 92.0)
NOSE, NOSE_HEIGHT, NOSE_RADIUS = (221.0, 127.0), 15.0, 11.0
HEAD_DEPTH = 74.0
CAMERA_DISTANCE = 620.0
EYES = ((203.5, 101.0), (246.5, 103.0))  # centres of the openings
EYE_HALF_WIDTH, EYE_HALF_HEIGHT = 11.0, 4.2
MOUTH, MOUTH_HALF_WIDTH = (223.0, 151.5), 14.0  # where the upper teeth end
MAX_MOUTH_OPENING = 9.0

# The outline of head and suit, clockwise from the lower left.
OUTLINE = (
    (12, 420), (18, 390), (25, 345), (40, 308), (42, 290), (52, 265), (62, 250), (80, 235),
    (100, 220), (112, 208), (116, 200), (113, 190), (120, 180), (130, 166), (144, 155), (160, 149),
    (183, 148), (181, 133), (174, 127), (170, 119), (160, 107), (155, 94), (153, 76), (156, 60),
    (167, 48), (186, 38), (192, 28), (207, 19), (232, 16), (252, 19), (270, 27), (286, 42),
    (296, 62), (301, 86), (298, 105), (289, 121), (279, 130), (275, 136), (268, 135), (264, 150),
    (259, 164), (254, 172), (270, 182), (286, 200), (299, 221), (305, 240), (320, 244), (336, 258),
    (346, 275), (353, 292), (357, 312), (363, 335), (370, 352), (372, 420),
)  # fmt: skip
UNCERTAIN_PX = 5  # either side of the outline


@dataclass(frozen=True, slots=True)
class PortraitPose:
    """Pose of the person at one time; angles in radians, lengths in portrait pixels."""

    yaw: float
    pitch: float
    roll: float
    shift: tuple[float, float]
    nearness: float  # 1 at rest
    lids: float  # 0 open .. 1 shut
    mouth: float  # 0 as in the portrait .. 1 widest


def sample_clip_path() -> Path:
    """Returns the path of the sample clip, which need not be there."""
    return user_cache_folder() / f"sample-{VERSION}.mp4"


def sample_clip() -> Path:
    """Returns the path of the sample clip, made now if it is not there yet."""
    path = sample_clip_path()
    if not path.is_file():
        log.info("making the sample clip, once")
        path.parent.mkdir(parents=True, exist_ok=True)
        make_sample_clip(path)
    return path


def make_sample_clip(
    path: Path, seconds: float = SECONDS, progress: Callable[[int, int], None] | None = None
) -> None:
    """Writes the clip, or its beginning; `progress` gets the frames done and in all.

    Raises:
        AssetError: the portrait is missing.
        SinkError: the file cannot be written.
    """
    puppet = Puppet(read_portrait())
    frames = round(seconds * FPS)
    with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
        sound = Path(folder, "sound.m4a")
        write_sound(sound, tune()[: round(seconds * RATE_HZ)], RATE_HZ)
        with (
            end_signals() as signals,
            signals.held(),
            VideoWriter(path, *SIZE, FPS, streams=plan_streams(sound, path)) as writer,
        ):
            for index in range(frames):
                checkpoint()
                image = puppet.image(pose_at(index / FPS), index)
                writer.write(Frame(image, index, index / FPS))
                if progress is not None:
                    progress(index + 1, frames)


def read_portrait() -> Image:
    """Reads the portrait, uint8[512, 512, 3], RGB."""
    path = asset_path("portrait")
    return read_image(path)[..., :3]


def pose_at(t: float) -> PortraitPose:
    """Computes the pose at a time; every term repeats after SECONDS."""

    def wave(turns: int, phase: float) -> float:
        return float(np.sin(2 * np.pi * turns * t / SECONDS + phase))

    return PortraitPose(
        yaw=np.deg2rad(13.0 * wave(1, 0.0) + 3.5 * wave(3, 1.0) + 0.5 * wave(9, 2.0)),
        pitch=np.deg2rad(4.0 * wave(2, 0.6) + 1.5 * wave(5, 0.2) + 0.4 * wave(11, 1.0)),
        roll=np.deg2rad(5.0 * wave(1, 1.4) + 2.0 * wave(4, 0.3)),
        shift=(11.0 * wave(1, -0.5) + 2.0 * wave(3, 0.9), 2.5 * wave(2, 2.0) + 0.8 * wave(7, 0)),
        nearness=1.0 + 0.075 * wave(1, 2.6) + 0.02 * wave(3, 0.0),
        lids=max(_blink(t, at) for at in BLINKS_S),
        mouth=float(loudness(np.array([t]))[0]),
    )


BLINKS_S = (1.3, 4.1, 6.9, 7.25, 9.2)
BLINK_S = 0.24


def _blink(t: float, at: float) -> float:
    """Computes the closure of the lids in a blink: closes fast, opens more slowly."""
    x = (t - at) / BLINK_S
    if not 0 < x < 1:
        return 0.0
    return float(min(1.0, np.sin(np.pi * x**0.7) * 1.25))


# --- sound --------------------------------------------------------------------------------------

# A hummed phrase: start (s), length (s), pitch (Hz).
NOTES = (
    (0.4, 0.42, 220.0), (0.9, 0.42, 246.9), (1.4, 0.8, 277.2), (2.6, 0.42, 246.9),
    (3.1, 0.42, 220.0), (3.6, 0.9, 185.0), (5.2, 0.42, 220.0), (5.7, 0.42, 277.2),
    (6.2, 0.8, 329.6), (7.5, 0.42, 277.2), (8.0, 0.42, 246.9), (8.5, 0.9, 220.0),
)  # fmt: skip
FORMANTS = ((700.0, 130.0, 1.0), (1150.0, 150.0, 0.5), (2600.0, 250.0, 0.2))  # an open vowel
HARMONICS = 24


def loudness(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Computes the loudness of the voice at those times, 0..1; it also opens the mouth."""
    out = np.zeros_like(t)
    for start, length, _ in NOTES:
        x = np.clip((t - start) / length, 0, 1)
        out = np.maximum(out, np.sin(np.pi * x**0.6) ** 1.5)
    return out


def tune() -> NDArray[np.float32]:
    """Synthesises the whole phrase, float32[SECONDS * RATE_HZ]."""
    t = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    voice = np.zeros_like(t)
    for start, length, pitch in NOTES:
        span = slice(round(start * RATE_HZ), round((start + length) * RATE_HZ))
        within = t[span] - start
        vibrato = 0.004 * pitch * np.sin(2 * np.pi * 5.5 * within) * np.minimum(within / 0.3, 1)
        phase = 2 * np.pi * np.cumsum(pitch + vibrato) / RATE_HZ
        for k in range(1, HARMONICS + 1):
            voice[span] += _formant_gain(k * pitch) / k**0.5 * np.sin(k * phase)
    voice *= loudness(t)
    return np.asarray(0.3 * voice / np.abs(voice).max(), np.float32)


def _formant_gain(hz: float) -> float:
    return float(sum(gain / (1 + ((hz - at) / width) ** 2) for at, width, gain in FORMANTS))


# --- image --------------------------------------------------------------------------------------


class Puppet:
    """The cut-out portrait in front of the room, ready to be moved."""

    def __init__(self, portrait: Image) -> None:
        self._texture = _cut_out(portrait)
        self._room = _room()
        self._grain = _grain()
        step = 8  # the warp is smooth: every eighth pixel is enough, the rest is interpolated
        width, height = SIZE
        xs = np.arange(0, width, step) + (step - 1) / 2
        ys = np.arange(0, height, step) + (step - 1) / 2
        self._targets = np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)

    def image(self, pose: PortraitPose, index: int) -> Image:
        """Draws one pose, uint8[720, 1280, 4]; `index` chooses the camera's noise."""
        return self.in_the_room([self.person(pose)], index)

    def person(self, pose: PortraitPose) -> Field:
        """Draws one pose alone, float32[720, 1280, 4], RGBA of 0..255, premultiplied."""
        texture = self._texture.copy()
        for eye in EYES:
            _shut(texture, eye, pose.lids)
        _open_mouth(texture, pose.mouth * MAX_MOUTH_OPENING)
        where = (self._sources(pose) + 0.5) * TEXTURE_SCALE - 0.5
        return _sampled(texture, cv2.resize(where, SIZE, interpolation=cv2.INTER_LINEAR))

    def in_the_room(self, people: Sequence[Field], index: int) -> Image:
        """Draws people over the room, one before the other, with the camera's noise."""
        image = self._room.copy()
        for person in people:
            image *= 1 - person[..., 3:] / np.float32(255)
            image += person[..., :3]
        image += np.roll(self._grain, (index * 97, index * 211), axis=(0, 1))
        out = np.full((*image.shape[:2], 4), 255, np.uint8)
        np.clip(image + 0.5, 0, 255, out=image)
        out[..., :3] = image
        return out

    def _sources(self, pose: PortraitPose) -> Points:
        """Finds, for each point of the frame's coarse grid, the portrait point visible there."""
        targets = (self._targets - np.array(SIZE, np.float32) / 2) / np.float32(VIEW_SCALE)
        targets += np.array(VIEW_CENTRE, np.float32)
        points: Any = targets.copy()
        for _ in range(5):  # fixed point: the displacement changes slowly from place to place
            points += targets - _moved(points, pose)
        return np.asarray(points, np.float32)


def _sampled(texture: Image, where: Any) -> Field:
    """Samples the texture at float32[..., 2] positions; transparent outside."""
    return np.asarray(
        cv2.remap(texture, where[..., 0], where[..., 1], cv2.INTER_LINEAR), np.float32
    )


def _moved(points: Points, pose: PortraitPose) -> Points:
    """Moves portrait points float32[..., 2]: the head turns, the body follows a little."""
    relative = points - NECK
    head = _turned(relative, _depth(points), pose.yaw, pose.pitch, pose.roll)
    body = _turned(relative, np.float32(0), 0.0, 0.0, 0.22 * pose.roll)
    share = _head_share(points)[..., None]
    shift = np.array(pose.shift, np.float32)
    moved = share * (head + shift) + (1 - share) * (body + 0.45 * shift)
    return np.asarray(NECK + moved * np.float32(pose.nearness), np.float32)


def _turned(
    points: Points, depth: Field | np.float32, yaw: float, pitch: float, roll: float
) -> Points:
    """Rotates points in space, relative to the neck, and projects them in perspective."""
    x, y = points[..., 0], points[..., 1]
    x, z = x * np.cos(yaw) + depth * np.sin(yaw), depth * np.cos(yaw) - x * np.sin(yaw)
    y, z = y * np.cos(pitch) - z * np.sin(pitch), z * np.cos(pitch) + y * np.sin(pitch)
    scale = CAMERA_DISTANCE / (CAMERA_DISTANCE - z + depth)  # at rest everything stays in place
    x, y = x * scale, y * scale
    return np.stack(
        (x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)), axis=-1
    )


def _from_head(points: Points) -> Field:
    """Computes the distance from the head's centre, 1 on its outline."""
    scaled = (points - np.array(HEAD_CENTRE, np.float32)) / np.array(HEAD_RADII, np.float32)
    return np.asarray(np.hypot(scaled[..., 0], scaled[..., 1]), np.float32)


def _head_share(points: Points) -> Field:
    """Falls smoothly from 1 on the head to 0 on the shoulders."""
    return np.asarray(1 - smoothstep(1.0, 1.75, _from_head(points)), np.float32)


def _depth(points: Points) -> Field:
    """Computes the distance of portrait points in front of the neck's plane."""
    bowl = HEAD_DEPTH * np.maximum(0, 1 - _from_head(points) ** 2)
    to_nose = ((points - np.array(NOSE, np.float32)) ** 2).sum(axis=-1)
    return np.asarray(bowl + NOSE_HEIGHT * np.exp(-to_nose / NOSE_RADIUS**2), np.float32)


def _shut(texture: Image, eye: tuple[float, float], amount: float) -> None:
    """Draws the skin above an eye down over it."""
    if amount <= 0:
        return
    x0, y0 = eye[0] - 18, eye[1] - 17
    part, x, y = _part(texture, x0, y0, 36, 32)
    across = np.maximum(0, 1 - ((x - eye[0]) / (EYE_HALF_WIDTH + 3)) ** 2)
    upper, lower = eye[1] - EYE_HALF_HEIGHT * across, eye[1] + EYE_HALF_HEIGHT * across
    brow = eye[1] - 12.0
    lid = upper + amount * (lower - upper)
    skin = brow + (y - brow) * (upper - brow) / np.maximum(lid - brow, 1e-3)
    below = upper + (y - lid) * (lower - upper) / np.maximum(lower - lid, 0.2)
    source = np.where(y < brow, y, np.where(y < lid, skin, np.where(y < lower, below, y)))
    part[:] = _resampled(part, x - x0, source - y0)


def _open_mouth(texture: Image, opening: float) -> None:
    """Lowers lip and chin, and shows the dark of the mouth below the teeth."""
    if opening <= 0.05:
        return
    x0, y0 = MOUTH[0] - 48, MOUTH[1] - 10
    part, x, y = _part(texture, x0, y0, 96, 62)
    across = np.maximum(0, 1 - ((x - MOUTH[0]) / MOUTH_HALF_WIDTH) ** 2)
    gap = opening * across**0.7
    split = MOUTH[1] - 3.5 * (1 - across)  # the teeth end in a curve, corners higher
    jaw = opening * np.exp(-(((x - MOUTH[0]) / 30) ** 2))
    faded = np.clip((y0 + 60 - y) / 42, 0, 1)  # skin under the chin takes up the slack
    down = np.where(y > split, gap, 0)
    down = np.maximum(down, jaw * smoothstep(0, 10, y - split)) * faded
    source = np.where(y - split < gap, np.minimum(y, split), y - down)
    moved = _resampled(part, x - x0, source - y0)
    inside = smoothstep(-0.4, 0.6, y - split) * (1 - smoothstep(-0.8, 0.4, y - split - gap))
    inside = (inside * np.clip(gap / 1.2, 0, 1))[..., None]
    dark = np.array((70, 26, 28, 255), np.float32)
    part[:] = np.rint(moved * (1 - inside) + dark * inside)


def _part(
    texture: Image, x0: float, y0: float, width: float, height: float
) -> tuple[Image, Field, Field]:
    """Returns a view of the texture, and the portrait coordinates of its pixels."""
    left, top = round(x0 * TEXTURE_SCALE), round(y0 * TEXTURE_SCALE)
    w, h = round(width * TEXTURE_SCALE), round(height * TEXTURE_SCALE)
    x, y = np.meshgrid(
        (np.arange(left, left + w) + 0.5) / TEXTURE_SCALE,
        (np.arange(top, top + h) + 0.5) / TEXTURE_SCALE,
    )
    view = texture[top : top + h, left : left + w]
    return view, x.astype(np.float32), y.astype(np.float32)


def _resampled(part: Image, x: Any, y: Any) -> Image:
    """Samples the part at positions in portrait pixels from its corner."""
    map_x = np.asarray(x * TEXTURE_SCALE - 0.5, np.float32)
    map_y = np.asarray(y * TEXTURE_SCALE - 0.5, np.float32)
    return np.asarray(
        cv2.remap(part.copy(), map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _cut_out(portrait: Image) -> Image:
    """Cuts head and suit out of their background: RGBA, premultiplied, enlarged."""
    size = (portrait.shape[1] * TEXTURE_SCALE, portrait.shape[0] * TEXTURE_SCALE)
    large = cv2.resize(portrait, size, interpolation=cv2.INTER_CUBIC)
    guide = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY)
    rough = cv2.resize(_matte(portrait), size, interpolation=cv2.INTER_LINEAR)
    fine = cv2.ximgproc.guidedFilter(guide, rough, 4 * TEXTURE_SCALE, 2e-4 * 255**2)
    # Inside the true edge: a rim of the old background would remain.
    alpha = np.clip((fine - 0.4) / 0.55, 0, 1)[..., None]
    out = np.empty((*alpha.shape[:2], 4), np.uint8)
    out[..., :3] = np.rint(large * alpha)
    out[..., 3:] = np.rint(255 * alpha)
    return out


def _matte(portrait: Image) -> Field:
    """Computes float32[h, w], 1 on the person: the outline is known, colours decide near it."""
    inside = np.zeros(portrait.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.array(OUTLINE, np.int32)], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * UNCERTAIN_PX + 1,) * 2)
    sure, possible = cv2.erode(inside, kernel), cv2.dilate(inside, kernel)
    mask = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    mask[possible == 1] = cv2.GC_PR_BGD
    mask[inside == 1] = cv2.GC_PR_FGD
    mask[sure == 1] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    image, models = np.ascontiguousarray(portrait), np.zeros((2, 1, 65))
    whole = (0, 0, *image.shape[1::-1])  # not used, as the mask says where
    cv2.grabCut(image, mask, whole, models[0], models[1], 4, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(person, (0, 0), 0.7), np.float32)


def _room() -> Field:
    """Draws a wall, a window, a shelf and a lamp, out of focus: float32[720, 1280, 3]."""
    width, height = SIZE
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    room = np.empty((height, width, 3), np.float32)
    room[:] = (176, 168, 160)
    room *= (1.08 - 0.22 * x - 0.18 * y)[..., None]
    _box(room, (0.03, 0.04, 0.20, 0.62), (226, 234, 240))  # window
    _box(room, (0.112, 0.04, 0.118, 0.62), (150, 144, 138))
    _box(room, (0.03, 0.32, 0.20, 0.335), (150, 144, 138))
    # One shelf of books: the detector takes two for a face (score 0.5), and its landmarks would
    # be computed in vain in every frame.
    _box(room, (0.74, 0.44, 0.98, 0.46), (110, 84, 64))
    _books(room, 0.75, 0.44)
    _box(room, (0.0, 0.86, 1.0, 1.0), (120, 104, 92))  # a sideboard
    blurred = np.asarray(cv2.GaussianBlur(room, (0, 0), 13), np.float32)
    glow = np.exp(-(((x - 0.66) / 0.10) ** 2 + ((y - 0.30) / 0.16) ** 2))
    blurred += (glow[..., None] * (34, 26, 12)).astype(np.float32)
    return np.clip(blurred, 0, 255)


def _books(room: Field, left: float, bottom: float) -> None:
    colors = (
        (96, 60, 52), (58, 74, 92), (150, 132, 96), (74, 92, 70), (128, 72, 54), (190, 182, 168),
        (66, 60, 82), (112, 100, 60),
    )  # fmt: skip
    for number, color in enumerate(colors):
        x0 = left + 0.026 * ((number + round(bottom * 40)) % len(colors))
        tall = 0.10 + 0.035 * ((number * 5 + round(bottom * 100)) % 4) / 3
        _box(room, (x0, bottom - tall, x0 + 0.022, bottom), color)


def _box(room: Field, sides: tuple[float, float, float, float], color: tuple[int, ...]) -> None:
    """Paints a rectangle given in shares of the image: left, top, right, bottom."""
    width, height = SIZE
    left, top, right, bottom = sides
    room[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ] = color


def _grain() -> Field:
    """Draws a webcam's noise, a little coarser than a pixel: float32[720, 1280, 1]."""
    white = np.random.default_rng(7).standard_normal((SIZE[1], SIZE[0])).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(white, (0, 0), 0.7))
    return np.asarray(noise / noise.std() * 1.3, np.float32)[..., None]

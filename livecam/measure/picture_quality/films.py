"""Synthetic films with a known background, and still films with fresh noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, Image, Rect
from livecam.vision.morphology import disc


@dataclass(frozen=True, slots=True)
class CutOut:
    """A person without a background: uint8[h, w, 4], straight alpha."""

    image: Image


def cut_out(image: Image, person: NDArray[np.uint8]) -> CutOut:
    """Cuts a person out of an image uint8[h, w, 4] by a mask uint8[h, w].

    The mask is eroded a little, so that no background is left at the edge.
    """
    reach = max(1, round(0.006 * max(image.shape[:2])))
    inner = cv2.erode((person > 150).astype(np.uint8) * np.uint8(255), disc(reach))
    out = image.copy()
    out[..., 3] = cv2.GaussianBlur(inner, (0, 0), 1.0)
    return CutOut(out)


@dataclass(frozen=True, slots=True)
class MovingCutOut:
    """A film of a cut-out that moves sideways and back before a known background.

    Each call starts it again; the noise of a frame depends on its index alone.
    """

    person: CutOut
    background: Image  # uint8[h, w, 4]
    frames: int = 240
    fps: float = 30.0
    amplitude_px: float = 120.0  # to either side
    period_s: float = 4.0
    noise: float = 2.0  # standard deviation, levels
    top_px: int = 0  # offset of the person's bottom edge below that of the background

    def __call__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            yield Frame(self._image(index), index, index / self.fps)

    def _image(self, index: int) -> Image:
        height, width = self.background.shape[:2]
        person = self.person.image
        turn = 2 * np.pi * index / self.fps / self.period_s
        x = (width - person.shape[1]) / 2 + self.amplitude_px * np.sin(turn)
        move = np.array(((1, 0, x), (0, 1, height - person.shape[0] + self.top_px)), np.float32)
        straight = cv2.warpAffine(
            person, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        alpha = cv2.warpAffine(person[..., 3], move, (width, height), flags=cv2.INTER_LINEAR)
        share = (alpha.astype(np.float32) / 255)[..., None]
        mixed = self.background[..., :3] * (1 - share) + straight[..., :3] * share
        return noisy(mixed.astype(np.float32), self.noise, index)


@dataclass(frozen=True, slots=True)
class StillFilm:
    """A film of one image repeated with fresh noise."""

    image: Image  # uint8[h, w, 4]
    frames: int = 120
    fps: float = 30.0
    noise: float = 2.0

    def __call__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            image = noisy(self.image[..., :3].astype(np.float32), self.noise, index)
            yield Frame(image, index, index / self.fps)


def noisy(colours: NDArray[np.float32], deviation: float, seed: int) -> Image:
    """Returns colours float32[h, w, 3] as an image uint8[h, w, 4] with white noise."""
    noise = np.random.default_rng(seed).standard_normal(colours.shape, np.float32) * deviation
    out = np.full((*colours.shape[:2], 4), 255, np.uint8)
    out[..., :3] = np.rint(np.clip(colours + noise, 0, 255))
    return out


def synthetic_room(width: int, height: int, seed: int = 5) -> Image:
    """Returns a room, uint8[h, w, 4]: a wall lit by a lamp, a shelf of books, a window."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wall = np.empty((height, width, 3), np.float32)
    light = np.exp(-(((x / width - 0.3) / 0.5) ** 2 + ((y / height - 0.2) / 0.6) ** 2))
    wall[:] = (150, 140, 125)
    wall += light[..., None] * np.array((70, 60, 40), np.float32)
    for sigma, strength in ((1.5, 5), (6, 6), (25, 10)):
        grain = cv2.GaussianBlur(random.normal(0, 1, (height, width)), (0, 0), sigma)
        wall += (grain / grain.std() * strength)[..., None].astype(np.float32)
    room = np.ascontiguousarray(np.clip(wall, 0, 255).astype(np.uint8))
    _books(room, random)
    glass = Rect(round(0.72 * width), round(0.08 * height), round(0.95 * width), height // 2)
    sky = np.linspace(235, 170, glass.height)[:, None, None] * np.array((0.85, 0.95, 1.0))
    room[glass.slices] = np.clip(sky, 0, 255).astype(np.uint8)
    cv2.rectangle(room, (glass.x0, glass.y0), (glass.x1, glass.y1), (90, 70, 55), 5)
    cv2.line(room, (glass.x0, height // 4), (glass.x1, height // 4), (90, 70, 55), 3)
    soft = cv2.GaussianBlur(room, (0, 0), 0.8)
    return np.dstack((soft, np.full((height, width), 255, np.uint8)))


def _books(room: NDArray[np.uint8], random: np.random.Generator) -> None:
    height, width = room.shape[:2]
    thick = max(3, width // 70)
    for shelf in (0.32, 0.62, 0.92):
        bottom = round(shelf * height)
        x = round(0.04 * width)
        while x < 0.62 * width:
            wide = int(random.integers(thick // 2 + 1, 2 * thick))
            tall = int(random.integers(round(0.12 * height), round(0.22 * height)))
            colour = tuple(int(c) for c in random.integers(30, 210, 3))
            cv2.rectangle(room, (x, bottom - tall), (x + wide - 2, bottom), colour, -1)
            x += wide
        cv2.rectangle(
            room, (0, bottom), (round(0.66 * width), bottom + thick // 2), (95, 65, 40), -1
        )

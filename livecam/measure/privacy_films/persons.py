"""Variations of the photographed head: other persons, and what they wear on the face."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.face import FACE_OVAL
from livecam.core.frame import Image
from livecam.measure.truth.head import FACE_POINTS, PortraitHead, Surface

Wear = Literal["", "mask", "sunglasses"]

# Landmarks of MediaPipe's mesh.
NOSE_BRIDGE, CHIN = 5, 152
LEFT_CHEEK, RIGHT_CHEEK = 454, 234
EYE_CORNERS = ((33, 133), (362, 263))
UNDER_NOSE = 2
# From the right ear over the nose to the left ear, then along the jaw.
MASK_OUTLINE = (
    234, 227, 116, 117, 118, 101, 5, 330, 347, 346, 345, 447, 454, 323, 361, 288, 397, 365, 379,
    378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93,
)  # fmt: skip
MASK_COLOUR, GLASS_COLOUR = (176, 206, 220), (18, 18, 22)
BEARD_COLOUR = (52, 38, 30)


@dataclass(frozen=True, slots=True)
class PersonVariant:
    """A person made from the portrait."""

    mirrored: bool = False
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of red, green and blue of the head
    gamma: float = 1.0  # above 1: darker
    clothes: tuple[float, float, float] = (1.0, 1.0, 1.0)
    wide: float = 1.0
    tall: float = 1.0
    bearded: bool = False


VARIANTS = (
    PersonVariant(),
    PersonVariant(True, (0.84, 0.73, 0.64), 1.0, (0.6, 0.75, 1.3), 1.05, 0.97, bearded=True),
    PersonVariant(False, (1.04, 0.95, 0.86), 0.85, (1.25, 0.7, 0.6), 0.93, 1.05),
    PersonVariant(True, (0.66, 0.55, 0.48), 0.95, (1.2, 1.2, 0.9), 1.0, 1.03),
    PersonVariant(True, (1.0, 0.9, 0.92), 0.75, (0.7, 1.1, 0.75), 1.08, 1.02),
)


@dataclass(frozen=True, slots=True)
class Person:
    """The surfaces of one person, and those that show where their bare face is."""

    variant: PersonVariant
    head: PortraitHead
    texture: Image
    face_map: Image  # texture: white where bare face is, else black
    body: Surface
    black: Image = field(repr=False)  # textures of what occludes
    body_map: Surface = field(repr=False)

    def surface(self, blink: float, jaw: float, texture: Image) -> Surface:
        """Returns the head with one of the textures of its shape."""
        whole = self.head.surface((blink, blink), jaw)
        return replace(whole, points=_shaped(whole.points, self.variant), texture=texture)


class Wardrobe:
    """Makes the persons from the portrait; each once."""

    def __init__(self, head: PortraitHead) -> None:
        self._head = head
        self._persons: dict[tuple[int, Wear], Person] = {}

    def person(self, variant: int, wear: Wear = "") -> Person:
        found = self._persons.get((variant, wear))
        if found is None:
            found = self._persons[variant, wear] = self._made(VARIANTS[variant], wear)
        return found

    def _made(self, variant: PersonVariant, wear: Wear) -> Person:
        whole = self._head.surface()
        points = whole.uv[:FACE_POINTS] * whole.texture.shape[0]
        texture = _tinted(whole.texture, variant.gains, variant.gamma)
        if variant.bearded:
            _draw_beard(texture, points)
        face_map = np.zeros_like(texture)
        face_map[..., 3] = 255
        cv2.fillPoly(face_map, [_pixels(points[list(FACE_OVAL)])], (255, 255, 255, 255))
        _dress(texture, face_map, points, wear)
        black = np.zeros((2, 2, 4), np.uint8)
        black[..., 3] = 255
        body = self._head.body
        dressed = replace(
            body,
            points=_shaped(body.points, variant),
            texture=_tinted(body.texture, variant.clothes, 1.0),
        )
        silhouette = body.texture.copy()
        silhouette[..., :3] = 0
        return Person(
            variant, self._head, texture, face_map, dressed, black,
            replace(dressed, texture=silhouette),
        )  # fmt: skip

    @cached_property
    def face_size_m(self) -> tuple[float, float]:
        """Width and height of the bare face."""
        width, height = np.ptp(self._head.landmarks, axis=0)[:2]
        return float(width), float(height)


def _shaped(points: NDArray[np.float64], variant: PersonVariant) -> NDArray[np.float64]:
    scale = np.array((-variant.wide if variant.mirrored else variant.wide, variant.tall, 1.0))
    shaped: NDArray[np.float64] = points * scale
    return shaped


def _tinted(texture: Image, gains: tuple[float, float, float], gamma: float) -> Image:
    levels = (np.arange(256) / 255) ** gamma * 255
    out = texture.copy()
    for channel, gain in enumerate(gains):
        table = np.clip(levels * gain, 0, 255).astype(np.uint8)
        out[..., channel] = table[texture[..., channel]]
    return out


def _draw_beard(texture: Image, points: NDArray[np.float32]) -> None:
    """Darkens jaw and chin around the mouth."""
    height, width = texture.shape[:2]
    jaw = points[list(MASK_OUTLINE[12:])]
    middle = points[UNDER_NOSE]
    weight = np.zeros((height, width), np.float32)
    cv2.fillPoly(weight, [_pixels(np.vstack((jaw, middle)))], 1.0)
    lips = points[[61, 37, 0, 267, 291, 314, 17, 84]]
    cv2.fillPoly(weight, [_pixels(lips)], 0.0)
    noise = np.random.default_rng(2).normal(0, 0.35, (height, width)).astype(np.float32)
    weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), 5))
    weight = np.clip(weight * (0.45 + cv2.GaussianBlur(noise, (0, 0), 1.2)), 0, 0.9)[..., None]
    mixed = texture[..., :3] * (1 - weight) + np.array(BEARD_COLOUR) * weight
    texture[..., :3] = mixed.astype(np.uint8)


def _dress(texture: Image, face_map: Image, points: NDArray[np.float32], wear: Wear) -> None:
    """Draws a mask or sunglasses; what they hide is no bare face."""
    if wear == "mask":
        outline = _pixels(points[list(MASK_OUTLINE)])
        cv2.fillPoly(texture, [outline], (*MASK_COLOUR, 255), cv2.LINE_AA)
        for share in (0.3, 0.5, 0.7):  # its folds
            ends = [
                points[side] + share * (points[jaw] - points[side])
                for side, jaw in ((116, 172), (345, 397))
            ]
            start, end = (tuple(_pixels(each[None])[0].tolist()) for each in ends)
            cv2.line(texture, start, end, (140, 172, 188, 255), 3, cv2.LINE_AA)
        cv2.fillPoly(face_map, [outline], (0, 0, 0, 255))
    elif wear == "sunglasses":
        for image, colour in ((texture, GLASS_COLOUR), (face_map, (0, 0, 0))):
            _draw_glasses(image, points, (*colour, 255))


def _draw_glasses(
    image: Image, points: NDArray[np.float32], colour: tuple[int, int, int, int]
) -> None:
    centres = []
    for inner, outer in EYE_CORNERS:
        centre = (points[inner] + points[outer]) / 2
        half = float(np.linalg.norm(points[inner] - points[outer])) * 0.85
        axes = (round(half), round(0.75 * half))
        x, y = (round(float(v)) for v in centre)
        cv2.ellipse(image, (x, y + axes[1] // 5), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
        centres.append((x, y))
    cv2.line(image, centres[0], centres[1], colour, 7, cv2.LINE_AA)
    for centre, side in zip(centres, (RIGHT_CHEEK, LEFT_CHEEK), strict=True):
        x, y = (round(float(v)) for v in points[side])
        cv2.line(image, centre, (x, y - 12), colour, 8, cv2.LINE_AA)


def _pixels(points: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(points).astype(np.int32)

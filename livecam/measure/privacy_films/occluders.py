"""Boards, hands and hats that pass before a face, drawn into an image and a map of faces."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Image
from livecam.core.spaces import Matrix4, project
from livecam.measure.privacy_films.scenes import Board, RaisedHand

SKIN = (192, 146, 122)
FINGERS = ((-0.42, -0.95), (-0.15, -1.12), (0.14, -1.1), (0.4, -0.92))  # tips, in palm widths
HAT_COLOUR = (62, 46, 40)
BRIM_M, CROWN_M, HAT_Y_M, HAT_TOP_M = 0.145, 0.115, 0.075, 0.19


def draw_occluder(image: Image, faces: Image, occluder: Board | RaisedHand, at: float) -> None:
    """Draws it over an image uint8[h, w, 3]; removes what it hides from the map of faces."""
    height, width = faces.shape
    covered = np.zeros((height, width), np.uint8)
    if isinstance(occluder, Board):
        _draw_board(image, covered, occluder, at)
    else:
        _draw_hand(image, covered, occluder, at)
    faces[covered > 0] = 0


def _draw_board(image: Image, covered: Image, board: Board, at: float) -> None:
    height, width = covered.shape
    x0, y0 = round(board.left(at) * width), round(board.top(at) * height)
    x1, y1 = x0 + round(board.width * width), y0 + round(board.height * height)
    cv2.rectangle(covered, (x0, y0), (x1, y1), 255, -1)
    wood = _wood(x1 - x0 + 1, y1 - y0 + 1)
    rows, columns = np.nonzero(covered)
    image[rows, columns] = wood[rows - y0, columns - x0]


def _wood(width: int, height: int) -> Image:
    random = np.random.default_rng(9)
    rings = cv2.GaussianBlur(random.normal(0, 1, (height, width)), (0, 0), 1.2, sigmaY=25)
    grain = (rings / rings.std() * 9)[..., None] + random.normal(0, 2, (height, width, 1))
    return np.asarray(np.clip(np.array((150, 112, 78)) + grain, 0, 255).astype(np.uint8))


def _draw_hand(image: Image, covered: Image, hand: RaisedHand, at: float) -> None:
    height, width = covered.shape
    palm = hand.size * width
    centre = np.array((hand.x(at) * width, hand.y(at) * height))
    wrist = centre + np.array((0, 1.5 * palm))
    parts = [(centre, (0.5 * palm, 0.6 * palm)), (wrist, (0.3 * palm, palm))]
    for image_of in (image, covered):
        colour = SKIN if image_of is image else (255, 255, 255)
        for middle, radii in parts:
            _ellipse(image_of, middle, radii, colour)
        for x, y in FINGERS:
            root, tip = centre + np.array((0.75 * x, -0.3)) * palm, centre + np.array((x, y)) * palm
            _finger(image_of, root, tip, 0.2 * palm, colour)
    for x, y in FINGERS:  # seams between the fingers
        tip, root = centre + np.array((x + 0.13, y)) * palm, centre + np.array((x, -0.4)) * palm
        _finger(image, root, tip, 0.03 * palm, (150, 104, 84))


def _ellipse(
    image: Image,
    centre: NDArray[np.float64],
    radii: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    x, y = (round(16 * float(v)) for v in centre)
    axes = (round(16 * radii[0]), round(16 * radii[1]))
    cv2.ellipse(image, (x, y), axes, 0, 0, 360, colour, -1, cv2.LINE_8, 4)


def _finger(
    image: Image,
    root: NDArray[np.float64],
    tip: NDArray[np.float64],
    width: float,
    colour: tuple[int, int, int],
) -> None:
    ends = [tuple(round(float(v)) for v in end) for end in (root, tip)]
    cv2.line(image, ends[0], ends[1], colour, max(1, round(width)), cv2.LINE_8)


def draw_hat(image: Image, faces: Image, head: Matrix4) -> None:
    """Draws a hat on a head over an image uint8[h, w, 3] and the map of faces."""
    height, width = faces.shape
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack((np.cos(angles), 0 * angles, np.sin(angles)), axis=1)
    brim = ring * (BRIM_M, 0, BRIM_M * 1.05) + (0, HAT_Y_M, -0.02)
    base = ring * (CROWN_M, 0, CROWN_M * 1.05) + (0, HAT_Y_M + 0.01, -0.02)
    top = ring * (0.8 * CROWN_M, 0, 0.8 * CROWN_M) + (0, HAT_TOP_M, -0.03)
    for points, shade in ((brim, 0.8), (np.vstack((base, top)), 1.0)):
        pixels = np.rint(project(head, points, width, height)).astype(np.int32)
        outline = cv2.convexHull(pixels)
        colour = tuple(round(shade * channel) for channel in HAT_COLOUR)
        cv2.fillConvexPoly(image, outline, colour, cv2.LINE_AA)
        cv2.fillConvexPoly(faces, outline, 0)

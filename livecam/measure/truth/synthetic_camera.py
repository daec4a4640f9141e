"""Renders scenarios as a webcam records them: the head of a portrait before a synthetic room."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.frame import Frame, Image
from livecam.core.spaces import project
from livecam.measure.picture_quality.films import synthetic_room
from livecam.measure.truth.head import PortraitHead
from livecam.measure.truth.scenarios import Array, HeadMotion, Scenario
from livecam.measure.truth.surface_renderer import SurfaceRenderer, backdrop
from livecam.render.context import Graphics

SIZE = (1280, 720)
ROOM_SEEDS = (5, 11)
SUBFRAME_PX, MAX_SUBFRAMES = 1.5, 8  # motion blur is the mean of subframes at most so far apart

# A hand that passes before the face; seconds, then metres in the plane of the face.
OCCLUDED_EVERY_S, OCCLUDED_FOR_S = 2.5, 0.8
HAND_M, HAND_PATH_M = (0.045, 0.075), 0.26
HAND_COLOUR = (186, 138, 116)
FINGERS = 4

NOISES = 4  # noise images, used in turn at random offsets, as making one takes long
GRAIN_PX = 0.5  # sigma; neighbouring pixels are correlated, as after demosaicking


class SyntheticCamera(Closing):
    """Renders films of the head of a portrait. Thread of the context."""

    def __init__(
        self, graphics: Graphics, head: PortraitHead, size: tuple[int, int] = SIZE
    ) -> None:
        self.size = size
        self._head = head
        self._renderer = SurfaceRenderer(graphics, *size)
        self._rooms = [backdrop(_room(size, seed), *size) for seed in ROOM_SEEDS]
        self._noises = _noises(size)

    def close(self) -> None:
        self._renderer.close()

    def film(self, scenario: Scenario, times: Array, seed: int = 0) -> Iterator[Frame]:
        """Yields the frames at those times; the same for the same seed."""
        random = np.random.default_rng((seed, 1, zlib.crc32(scenario.name.encode())))
        for index, at in enumerate(times):
            light = self._exposed(scenario, float(at))
            image = self._sensed(light, scenario, random)
            yield Frame(image, index, float(at))

    def draw(self, motion: HeadMotion, room: int = 0) -> NDArray[np.uint8]:
        """Returns an image of the first time without blur or noise, uint8[h, w, 3]."""
        left, right = motion.blinks[0]
        surface = self._head.surface((float(left), float(right)), float(motion.jaw[0]))
        poses = motion.bodies[0], motion.heads[0]
        return self._renderer.draw(self._rooms[room], self._head.body, surface, poses)

    def _exposed(self, scenario: Scenario, at: float) -> NDArray[np.float32]:
        """Returns the mean of the subframes of an exposure, scaled by the brightness."""
        count = self._subframes(scenario, at)
        times = at + scenario.camera.exposure_s * ((np.arange(count) + 0.5) / count - 0.5)
        room = int(scenario.rooms(np.array((at,)))[0])
        light = np.zeros((self.size[1], self.size[0], 3), np.float32)
        for time in times:
            image = self.draw(scenario.at(np.array((time,))), room)
            if scenario.occluded:
                image = self._with_hand(image, float(time))
            cv2.accumulate(image, light)
        light *= np.float32(scenario.camera.brightness / count)
        return light

    def _subframes(self, scenario: Scenario, at: float) -> int:
        half_s = scenario.camera.exposure_s / 2
        heads = scenario.at(np.array((at - half_s, at + half_s))).heads
        start, end = (project(head, self._head.landmarks, *self.size) for head in heads)
        moved_px = float(np.linalg.norm(end - start, axis=1).max())
        return int(np.clip(np.ceil(moved_px / SUBFRAME_PX), 1, MAX_SUBFRAMES))

    def _with_hand(self, image: NDArray[np.uint8], at: float) -> NDArray[np.uint8]:
        """Draws a hand that goes from the left to the right of the image."""
        part = (at % OCCLUDED_EVERY_S) / OCCLUDED_FOR_S
        if part > 1:
            return image
        head = np.eye(4)
        head[2, 3] = -0.4
        x = HAND_PATH_M * (2 * part - 1)
        centres = np.array([(x + dx, -0.02 + dy, 0) for dx, dy in _hand()])
        out = image.copy()
        scale = float(np.ptp(project(head, np.array(((0.0, 0, 0), (1.0, 0, 0))), *self.size)[:, 0]))
        for (u, v), (width, height) in zip(
            project(head, centres, *self.size), _HAND_RADII, strict=True
        ):
            centre, radii = np.rint(((16 * u, 16 * v), (16 * scale * width, 16 * scale * height)))
            cv2.ellipse(
                out, centre.astype(int).tolist(), radii.astype(int).tolist(), 0, 0, 360,
                HAND_COLOUR, -1, cv2.LINE_AA, 4,
            )  # fmt: skip
        return out

    def _sensed(
        self, light: NDArray[np.float32], scenario: Scenario, random: np.random.Generator
    ) -> Image:
        camera = scenario.camera
        if camera.blur_px:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), camera.blur_px), np.float32)
        if camera.noise:
            noise = self._noises[int(random.integers(NOISES))]
            height, width = light.shape[:2]
            y, x = (int(n) for n in random.integers(0, NOISE_MARGIN_PX, 2))
            part = noise[y : y + height, x : x + width]
            light = np.asarray(cv2.scaleAdd(part, camera.noise, light), np.float32)
        image = np.rint(np.clip(light, 0, 255, out=light), out=light).astype(np.uint8)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)


def _hand() -> list[tuple[float, float]]:
    """Returns the centres of a palm, an arm and the fingers, metres."""
    fingers = [(0.021 * (n - (FINGERS - 1) / 2), HAND_M[1] + 0.02) for n in range(FINGERS)]
    return [(0.0, 0.0), (0.0, -0.16), *fingers]


_HAND_RADII = [HAND_M, (0.033, 0.14), *[(0.0095, 0.05)] * FINGERS]
NOISE_MARGIN_PX = 64


def _room(size: tuple[int, int], seed: int) -> Image:
    return np.ascontiguousarray(synthetic_room(*size, seed)[..., :3])


def _noises(size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Returns noise of deviation 1, float32[h, w, 3], a little larger than an image."""
    random = np.random.default_rng(3)
    shape = (size[1] + NOISE_MARGIN_PX, size[0] + NOISE_MARGIN_PX, 3)
    white = [random.standard_normal(shape, np.float32) for _ in range(NOISES)]
    soft = [np.asarray(cv2.GaussianBlur(noise, (0, 0), GRAIN_PX)) for noise in white]
    return [np.asarray(noise / noise.std(), np.float32) for noise in soft]

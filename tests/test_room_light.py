"""The light on a head follows the light on the face, and nothing that flashes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.compose.room_light import LUMA, LightEstimator, brightness
from livecam.config.assets import asset_path
from livecam.core.frame import Frame
from livecam.core.spaces import (
    decompose,
    matrix_from_quaternion,
    multiply,
    quaternion_from_vector,
)
from livecam.core.srgb import srgb_from_linear
from livecam.render.light import STUDIO, mixed
from livecam.segmentation.base import grid_of
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip

WIDTH, HEIGHT = 320, 240
SKIN = np.array((0.62, 0.40, 0.30))  # albedo, linear
WALL = np.array((0.45, 0.45, 0.45))
FPS = 30
WHITE = np.ones(3)
NEUTRAL = 0.8  # irradiance in good light
WARM, COLD = np.array((1.35, 0.97, 0.60)), np.array((0.80, 1.0, 1.30))
LEFT, RIGHT, ABOVE = (-0.80, 0.15, 0.58), (0.80, 0.15, 0.58), (0.05, 0.74, 0.67)
UPPER_LEFT, UPPER_RIGHT, FRONT = (-0.55, 0.5, 0.67), (0.5, 0.55, 0.67), (0.0, 0.1, 1.0)


class Sitter:
    """A real face's mesh that is painted under any light, without a texture."""

    def __init__(self, portrait):
        with FaceLandmarker(Path(asset_path("face-landmarker")), mode="image") as tracker:
            (face,) = tracker.track(Frame(np.array(portrait), 0, 0.0)).faces
        turn = matrix_from_quaternion(decompose(face.camera_from_head)[1])
        points = face.landmarks[:468].astype(np.float64) * (1, -1, -1)
        self.points = (points - points.mean(axis=0)) @ turn
        self.points *= 0.55 * HEIGHT / np.ptp(self.points[:, 1])
        plane = cv2.Subdiv2D((-HEIGHT, -HEIGHT, 2 * HEIGHT, 2 * HEIGHT))
        plane.insert(self.points[:, :2].astype(np.float32))
        corners = plane.getTriangleList().reshape(-1, 3, 2)
        corners = corners[(np.abs(corners) < HEIGHT / 2).all(axis=(1, 2))]
        apart = np.abs(corners[:, :, None] - self.points[:, :2]).sum(axis=-1)
        self.triangles = apart.argmin(axis=-1)

    def picture(self, towards=FRONT, color=WHITE, key=0.7, even=0.35, yaw=0.0, pitch=0.0, room=1.0):
        """An image, its landmarks in pixels, the rotation."""
        towards = np.array(towards) / np.linalg.norm(towards)
        turn = matrix_from_quaternion(
            multiply(
                quaternion_from_vector(np.array((0, np.radians(yaw), 0))),
                quaternion_from_vector(np.array((np.radians(pitch), 0, 0))),
            )
        )
        points = self.points @ turn.T
        image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        image[..., :3] = encoded(WALL * color * NEUTRAL * room)
        flat = points[:, :2] * (1, -1) + (WIDTH / 2, HEIGHT / 2)
        a, b, c = (points[self.triangles[:, i]] for i in range(3))
        normals = np.cross(b - a, c - a)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        normals *= np.sign(normals @ turn[:, 2])[:, None]
        irradiance = even + key * np.maximum(0, normals @ towards)
        for i in np.argsort((a + b + c)[:, 2]):
            if normals[i, 2] > 0:
                paint = encoded(SKIN * color * irradiance[i]).tolist()
                corners = np.rint(flat[self.triangles[i]] * 16).astype(np.int32)
                cv2.fillConvexPoly(image, corners, (*paint, 255), cv2.LINE_8, 4)
        landmarks = np.zeros((478, 3), np.float32)
        landmarks[:468, :2] = flat
        landmarks[468:] = landmarks[1]
        return image, landmarks, turn


def encoded(linear):
    return np.rint(255 * srgb_from_linear(np.clip(linear, 0, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def sitter(portrait):
    asset_or_skip("face-landmarker")
    return Sitter(portrait)


def light_of(picture, at=0.0, light=None, person=None, strength=1.0):
    light = light or LightEstimator()
    return light.update(*picture, person, at, strength)


def angle_deg(a, b):
    a, b = (np.array(v) / np.linalg.norm(v) for v in (a, b))
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def level(light):
    """Computes the brightness of a head under a light."""
    return light.exposure * brightness(light)


def warmth(light):
    return light.key[0] / light.key[2]


@pytest.mark.parametrize("color", [WHITE, WARM, COLD], ids=["white", "warm", "cold"])
@pytest.mark.parametrize("yaw", [-25, 0, 25])
@pytest.mark.parametrize(
    "towards", [LEFT, RIGHT, ABOVE, UPPER_LEFT, UPPER_RIGHT, FRONT],
    ids=["left", "right", "above", "upper left", "upper right", "front"],
)  # fmt: skip
def test_the_key_light_has_the_direction_of_the_lamp(sitter, towards, yaw, color):
    light = light_of(sitter.picture(towards, color, yaw=yaw))
    assert angle_deg(light.key_direction, towards) < 25


def test_a_nod_does_not_change_the_direction_of_the_key(sitter):
    up, down = (light_of(sitter.picture(UPPER_LEFT, pitch=p)).key_direction for p in (-12, 12))
    assert angle_deg(up, down) < 15


def test_in_good_even_light_the_head_is_about_as_bright_as_in_the_studio(sitter):
    light = light_of(sitter.picture(UPPER_LEFT, key=0.75, even=0.35))
    assert level(light) == pytest.approx(level(STUDIO), rel=0.15)


def test_a_darker_room_makes_a_darker_head(sitter):
    bright = light_of(sitter.picture(UPPER_LEFT))
    dim = light_of(sitter.picture(UPPER_LEFT, key=0.23, even=0.12, room=0.33))
    assert 0.35 < level(dim) / level(bright) < 0.75


def test_the_head_takes_the_colour_temperature_of_the_light(sitter):
    warm, white, cold = (light_of(sitter.picture(FRONT, c)) for c in (WARM, WHITE, COLD))
    assert warmth(warm) > 1.15 * warmth(white)
    assert warmth(white) > 1.08 * warmth(cold)


def test_a_green_room_does_not_turn_the_key_green(sitter):
    green = np.array(light_of(sitter.picture(FRONT, np.array((0.8, 1.25, 0.8)))).key)
    white = np.array(light_of(sitter.picture(FRONT)).key)
    assert (green[1] / green[[0, 2]].mean()) / (white[1] / white[[0, 2]].mean()) < 1.15


def test_fill_and_rim_of_the_studio_stay_in_bad_light(sitter):
    light = light_of(sitter.picture(LEFT, key=0.2, even=0.01, room=0.05))
    for mine, studio in ((light.fill, STUDIO.fill), (light.rim, STUDIO.rim)):
        assert 0.3 < np.array(mine) @ LUMA / (np.array(studio) @ LUMA) < 1.0


def test_strength_zero_is_exactly_the_studio_light(sitter):
    assert light_of(sitter.picture(LEFT), strength=0.0) == STUDIO
    half = light_of(sitter.picture(LEFT, WARM), strength=0.5)
    full = light_of(sitter.picture(LEFT, WARM))
    assert half == mixed(STUDIO, full, 0.5)


def follow(pictures, light, begins):
    """The lights estimated for frames by their number."""
    return [light_of(p, begins + i / FPS, light) for i, p in enumerate(pictures)]


def test_a_lamp_that_is_switched_is_followed_within_a_second(sitter):
    before, after = sitter.picture(LEFT), sitter.picture(RIGHT, WARM, key=0.4, even=0.15, room=0.5)
    light = LightEstimator()
    first = follow([before] * 30, light, 0.0)[-1]
    during = follow([after] * 31, light, 1.0)
    goal = follow([after] * 30, light, 2.1)[-1]
    for of in (level, warmth, lambda it: it.key_direction[0]):
        moved = (of(during[-1]) - of(first)) / (of(goal) - of(first))
        assert 0.8 < moved < 1.15
    steps = np.abs(np.diff([level(it) for it in during])) / level(first)
    assert steps.max() < 0.06  # no jump


@pytest.mark.parametrize("flashes_hz", [1.0, 1.5, 2.0, 8.0, 11.0, 15.0])
def test_a_flickering_screen_does_not_make_the_head_flicker(sitter, flashes_hz):
    calm = sitter.picture(FRONT, key=0.5, even=0.3)
    lit = sitter.picture(FRONT, np.array((0.95, 1.0, 1.2)), key=0.65, even=0.34, room=1.1)
    light = LightEstimator()
    times = np.arange(0, 5, 1 / FPS)
    flashing = [lit if np.sin(2 * np.pi * flashes_hz * t + 0.3) > 0 else calm for t in times]
    levels = np.array([level(it) for it in follow(flashing, light, 0.0)])[60:]
    swing = (
        level(follow([lit] * 45, light, 5.0)[-1]) / level(follow([calm] * 45, light, 6.5)[-1]) - 1
    )
    assert swing > 0.08  # without smoothing it would flicker
    assert np.ptp(levels) / levels.mean() < 0.2 * swing
    assert np.abs(np.diff(levels)).max() / levels.mean() < 0.004  # a step of 8 bits


def test_after_a_cut_the_new_frame_counts_at_once(sitter):
    light = LightEstimator()
    follow([sitter.picture(LEFT)] * 10, light, 5.0)
    other = sitter.picture(RIGHT, COLD)
    assert light_of(other, 1.0, light) == light_of(other, 1.0)


def test_the_same_time_again_changes_nothing(sitter):
    light = LightEstimator()
    first = light_of(sitter.picture(LEFT), 1.0, light)
    assert light_of(sitter.picture(RIGHT), 1.0, light) == first


def test_a_face_outside_the_image_keeps_its_light(sitter):
    light = LightEstimator()
    image, landmarks, turn = sitter.picture(LEFT)
    first = follow([(image, landmarks, turn)] * 30, light, 0.0)[-1]
    away = (image, landmarks + np.float32(2 * WIDTH), turn)
    last = follow([away] * 30, light, 1.0)[-1]
    assert angle_deg(first.key_direction, last.key_direction) < 3
    assert level(last) == pytest.approx(level(first), rel=0.1)


def test_dark_hair_over_the_forehead_is_no_shadow(sitter):
    image, landmarks, turn = sitter.picture(FRONT)
    bare = light_of((image, landmarks, turn)).key_direction
    hairy = image.copy()
    hairy[: HEIGHT // 2 - 40, WIDTH // 2 :, :3] = 8
    assert angle_deg(bare, light_of((hairy, landmarks, turn)).key_direction) < 15


def test_the_person_mask_keeps_clothes_out_of_the_sky(sitter):
    image, landmarks, turn = sitter.picture(FRONT)
    image[60:, :60, :3] = (230, 60, 20)
    columns, rows = grid_of(WIDTH, HEIGHT)
    person = np.zeros((rows, columns), np.uint8)
    person[60:, :60] = 255
    clean = light_of(sitter.picture(FRONT)).sky
    assert np.allclose(light_of((image, landmarks, turn), person=person).sky, clean, rtol=0.1)
    assert not np.allclose(light_of((image, landmarks, turn)).sky, clean, rtol=0.1)

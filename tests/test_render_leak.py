"""No part of the face is visible behind the raccoon, however the head is turned."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from livecam.avatar.library import load_avatar
from livecam.avatar.rig import Rig
from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import AvatarSettings, RenderSettings
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState
from livecam.core.frame import Frame
from livecam.core.spaces import multiply, project, quaternion_from_vector
from livecam.render.context import open_graphics

SIZE = (256, 192)
POSES = [(0, 0), (-20, 0), (20, 0), (-40, 0), (40, 0), (0, -20), (0, 20), (25, 15), (-25, -15)]
EXPRESSIONS_SHOWN = {
    "neutral": {},
    "laugh": {"jawOpen": 1.0, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
}
MAGENTA, GREEN = (255, 0, 255), (0, 255, 0)


def face_points():
    """The rim of MediaPipe's canonical face and the tip of its nose, metres in head space."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x, y = 0.0766 * np.sin(angle), -0.0057 + 0.0883 * np.cos(angle)
    z = 0.036 * np.cos(angle) ** 2 - 0.0244 * np.sin(angle) ** 2
    return np.concatenate((np.stack((x, y, z), 1), [(0.0, -0.0113, 0.0748)]))


def worn(yaw, pitch, weights):
    """A face half a metre away, turned about the vertical after nodding."""
    y, x = (np.radians(a) for a in (yaw, pitch))
    turn = quaternion_from_vector(np.array((0.0, y, 0.0)))
    nod = quaternion_from_vector(np.array((x, 0.0, 0.0)))
    values = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in weights.items():
        values[INDEX[name]] = weight
    pose = FacePose(np.array((0.01, 0.0, -0.4)), multiply(turn, nod))
    return FaceState(pose, values, width_ratio=1.08, at=0.0)


def picture(face, color):
    """A grey room with one colour where the face is; also the mask of the face."""
    points = project(face.pose.matrix, face_points() * face.width_ratio, *SIZE)
    outline = cv2.convexHull(points.astype(np.float32)).astype(np.int32)
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.fillConvexPoly(mask, outline, 1)
    image = np.full((SIZE[1], SIZE[0], 4), 128, np.uint8)
    image[mask > 0, :3] = color
    image[..., 3] = 255
    return Frame(image, 0, 0.0), mask > 0


@pytest.fixture(scope="module")
def raccoon():
    return load_avatar("raccoon")


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        yield opened


@pytest.fixture(scope="module")
def light(graphics, raccoon):
    made = HeadCompositor(graphics, raccoon, RenderSettings(tier="light"), SIZE)
    yield made
    made.close()


def pixels_that_show(compositor, avatar, face, wearer=None):
    """Counts the visible pixels of the face, and all of its pixels."""
    state = Rig(avatar, AvatarSettings()).state(wearer or face, *SIZE)
    drawn = []
    for color in (MAGENTA, GREEN):
        frame, mask = picture(face, color)
        drawn.append(compositor.compose(frame, [state]).image[mask].astype(int))
    # The same head over opposite colours: every difference is the face showing through.
    difference = np.abs(drawn[0] - drawn[1]).max(axis=1)
    return int((difference > 1).sum()), int(mask.sum())


@pytest.mark.parametrize("expression", EXPRESSIONS_SHOWN)
@pytest.mark.parametrize(("yaw", "pitch"), POSES)
def test_nothing_of_a_magenta_face_remains_in_the_light_tier(
    yaw, pitch, expression, light, raccoon
):
    face = worn(yaw, pitch, EXPRESSIONS_SHOWN[expression])
    shown, of = pixels_that_show(light, raccoon, face)
    assert of > 3000
    assert shown == 0


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (-30, 5), (20, -15)])
def test_a_held_head_that_sways_still_covers_the_face(yaw, pitch, light, raccoon):
    face, rig = worn(yaw, pitch, {"jawOpen": 0.5}), Rig(raccoon, AvatarSettings())
    states = [rig.state(face, *SIZE)] + [rig.idle(0.25) for _ in range(40)]
    for state in states[::4]:
        drawn = []
        for color in (MAGENTA, GREEN):
            frame, mask = picture(face, color)
            drawn.append(light.compose(frame, [state]).image[mask].astype(int))
        assert np.abs(drawn[0] - drawn[1]).max() <= 1
    assert not np.array_equal(states[0].camera_from_head, states[-1].camera_from_head)


@pytest.mark.parametrize("samples", [0, 4])
def test_nothing_of_a_magenta_face_remains_in_the_full_tier(samples, graphics, raccoon):
    settings = RenderSettings(tier="full", shells=2, samples=samples)
    compositor = HeadCompositor(graphics, raccoon, settings, SIZE)
    for yaw, pitch in POSES[:7:2]:
        face = worn(yaw, pitch, EXPRESSIONS_SHOWN["laugh"])
        shown, of = pixels_that_show(compositor, raccoon, face)
        assert of > 3000
        assert shown == 0
    compositor.close()


def test_the_measurement_finds_a_face_beside_the_avatar(light, raccoon):
    face = worn(0, 0, {})
    aside = replace(face, pose=replace(face.pose, translation=np.array((0.09, 0.0, -0.4))))
    shown, _ = pixels_that_show(light, raccoon, face, wearer=aside)
    assert shown > 50

"""The raccoon is rendered as before: images of llvmpipe against reviewed golden images.

`python -m tests.golden_update` renews them; the difference of a failure lies beside the test's
other output.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import RenderSettings
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.frame import Frame
from livecam.core.spaces import compose, multiply, quaternion_from_vector
from livecam.render.context import open_graphics

GOLDEN = Path(__file__).parent / "golden"
SIZE = (240, 232)
SHARE_OF_PIXELS = 0.004  # may differ by more than LEVELS: edges fall on another pixel
LEVELS = 16
MEAN_LEVELS = 0.6  # shading as a whole: less is invisible

LAUGH = {
    "jawOpen": 0.75, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 0.6,
    "cheekSquintRight": 0.6, "browInnerUp": 0.4,
}  # fmt: skip
SMILE = {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
SURPRISE = {"jawOpen": 0.6, "browInnerUp": 1.0, "eyeWideLeft": 1.0, "eyeWideRight": 1.0}

# name: tier, yaw, pitch, roll in degrees, expression
CASES = {
    "light_neutral": ("light", 0, 0, 0, {}),
    "light_smile_turned": ("light", 30, 0, 0, SMILE),
    "light_laugh_up": ("light", -12, -15, 5, LAUGH),
    "light_blink_down": ("light", -25, 15, -8, BLINK),
    "full_neutral": ("full", 0, 0, 0, {}),
    "full_laugh_turned": ("full", -20, 5, 4, LAUGH),
    "full_surprise": ("full", 15, -5, 0, SURPRISE),
}


def background():
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] / np.array(SIZE[::-1])[:, None, None]
    image = np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)
    image[..., :3] = np.stack((150 - 50 * y + 30 * x, 142 - 45 * y, 136 - 40 * y - 20 * x), -1)
    return image


def posed(avatar, yaw, pitch, roll, weights):
    """The head turns about the neck, the ruff a third as far."""

    def placed(share):
        turn = np.array((1.0, 0.0, 0.0, 0.0))
        for axis, angle in ((1, yaw), (0, pitch), (2, roll)):
            vector = np.zeros(3)
            vector[axis] = np.radians(angle * share)
            turn = multiply(turn, quaternion_from_vector(vector))
        matrix = compose(np.zeros(3), turn)
        pivot = np.array(avatar.fit.neck_pivot)
        matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot + (0, 0.032, -0.33)
        return matrix

    morphs = np.zeros(len(EXPRESSIONS), np.float32)
    for name, weight in weights.items():
        morphs[INDEX[name]] = weight
    return AvatarState(placed(1.0), placed(1 / 3), morphs)


def draw(graphics, avatar, name):
    tier, yaw, pitch, roll, weights = CASES[name]
    settings = RenderSettings(tier=tier, shells=8)
    compositor = HeadCompositor(graphics, avatar, settings, SIZE)
    try:
        state = posed(avatar, yaw, pitch, roll, weights)
        return compositor.compose(Frame(background(), 0, 0.0), [state]).image
    finally:
        compositor.close()


@pytest.fixture(scope="module")
def graphics():
    with open_graphics() as opened:
        if "llvmpipe" not in opened.renderer:
            pytest.skip(f"golden pictures are drawn by llvmpipe, this is {opened.renderer}")
        yield opened


@pytest.fixture(scope="module")
def raccoon():
    return load_avatar("raccoon")


@pytest.mark.parametrize("name", CASES)
def test_the_raccoon_matches_its_golden_images(name, graphics, raccoon, tmp_path):
    wanted = cv2.cvtColor(cv2.imread(str(GOLDEN / f"{name}.png")), cv2.COLOR_BGR2RGB).astype(int)
    drawn = draw(graphics, raccoon, name)[..., :3].astype(int)
    difference = np.abs(drawn - wanted)
    share = float((difference.max(axis=-1) > LEVELS).mean())
    mean = float(difference.mean())
    if share > SHARE_OF_PIXELS or mean > MEAN_LEVELS:
        strip = np.hstack((wanted, drawn, np.minimum(difference * 8, 255))).astype(np.uint8)
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
        pytest.fail(f"{share:.2%} of pixels differ, mean {mean:.2f} levels: see {path}")

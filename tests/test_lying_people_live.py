"""People who lie or hang before the camera, through the pipeline of `livecam run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from livecam.config.settings import Settings
from livecam.core.frame import Frame, Image
from livecam.core.spaces import euler_deg
from livecam.measure.privacy_films.playback import ALIGNMENTS, play_live
from livecam.pipeline.pipeline import Published
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics, open_graphics
from tests.test_convert import room
from tests.test_lying_people import rolled

WIDE, FPS = (560, 320), 25.0
SIDE, LYING_AT = 320, 230  # of the square in which the person lies, and its left edge
FACE = np.array((155.0, 125.0))  # the middle of the face in the upright square
PATCH_PX, SAME, MANY = 22, 6, 0.5  # half a patch of the face; of 255; share of its pixels
EMPTY, LYING, SPEED_PX = 8, 20, 30  # frames, and pixels a frame


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


def scene(portrait: Image, degrees: float, x: int, *, upright: bool = False) -> Image:
    """A room with a person turned clockwise, whose square begins at x, beside an upright one."""
    near, image = portrait[:SIDE, 70 : 70 + SIDE], room(*WIDE, 3)
    if upright:
        image[40:240, 10:210] = cv2.resize(near, (200, 200))
    image[:, x : x + SIDE] = rolled(near, degrees)[:, : WIDE[0] - x]
    return image


def face_at(degrees: float, x: int) -> tuple[int, int]:
    """Returns where the middle of the face of the turned person is."""
    turn = np.radians(degrees)
    matrix = np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    return tuple(np.rint(matrix @ (FACE - SIDE / 2) + SIDE / 2 + (x, 0)).astype(int).tolist())


def played(images: Sequence[Image], graphics: Graphics) -> list[Published]:
    frames = [Frame(image, index, index / FPS) for index, image in enumerate(images)]
    return [
        live.published[alignment]
        for live in play_live(frames, FPS, Settings(), graphics)
        for alignment in ALIGNMENTS
    ]


def is_bare(published: Published, source: Image, face: tuple[int, int]) -> bool:
    """Returns whether the middle of the face is shown as the camera saw it."""
    x, y = face
    place = np.s_[y - PATCH_PX : y + PATCH_PX, max(0, x - PATCH_PX) : x + PATCH_PX, :3]
    if source[place].size == 0:
        return False  # it is still beside the frame
    away = cv2.absdiff(source[place], published.frame.image[place]).max(axis=2)
    return bool((away < SAME).mean() > MANY)


@pytest.mark.parametrize("degrees", [45, 90, 135, 180, 270])
def test_who_appears_lying_or_hanging_is_never_bare(portrait, graphics, degrees):
    lying, empty = (scene(portrait, degrees, x) for x in (LYING_AT, WIDE[0]))
    images = [*[empty] * EMPTY, *[lying] * LYING]
    face = face_at(degrees, LYING_AT)
    for published in played(images, graphics):
        assert published.state is not Shown.PASSTHROUGH
        assert not is_bare(published, images[published.frame.index], face)


@pytest.mark.parametrize("degrees", [45, 90])
def test_the_head_of_who_lies_is_upright_to_them_as_far_as_the_tracker_finds_them(
    portrait, graphics, degrees
):
    lying, empty = (scene(portrait, degrees, x) for x in (LYING_AT, WIDE[0]))
    out = played([*[empty] * EMPTY, *[lying] * LYING], graphics)
    worn = [published for published in out if published.state is Shown.AVATAR]
    assert len(worn) > LYING / 2
    for published in worn:
        assert published.face is not None
        roll = -float(euler_deg(published.face.pose.rotation)[2])
        assert roll == pytest.approx(degrees, abs=20)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_who_comes_in_lying_beside_a_wearer_is_blurred_from_the_edge_on(
    portrait, graphics, degrees
):
    places = [WIDE[0]] * EMPTY + list(range(WIDE[0], LYING_AT, -SPEED_PX)) + [LYING_AT] * 6
    images = [scene(portrait, degrees, x, upright=True) for x in places]
    out = played(images, graphics)
    assert out[-1].state is Shown.AVATAR
    for published in out:
        index = published.frame.index
        assert not is_bare(published, images[index], face_at(degrees, places[index]))

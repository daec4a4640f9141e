"""What is new in a frame is covered until witnesses searched it: stamps, regions, the memory."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livecam.core.face import Face
from livecam.core.frame import Frame, Image, Rect
from livecam.core.observation import Observation
from livecam.people.association import face_box
from livecam.people.changes import (
    COLUMNS,
    SEARCHES,
    ChangeMemory,
    new_regions,
    person_zones,
    stamp_of,
)
from livecam.people.tracker import PeopleTracker
from tests.heads import face_at

SIZE = (640, 360)
ME = face_at(np.array((-0.12, 0, 0, 0, 0, 0.0)), depth_m=0.8)
CELL = SIZE[0] / COLUMNS


def wall(seed: int = 3) -> Image:
    """A wall with soft spots, so that motion of the camera can be measured."""
    random = np.random.default_rng(seed)
    spots = cv2.GaussianBlur(random.uniform(-1, 1, (SIZE[1] + 80, SIZE[0] + 80)), (0, 0), 14)
    out = np.full((*spots.shape, 4), 255, np.uint8)
    out[..., :3] = np.clip(120 + 55 * spots[..., None] / np.abs(spots).max(), 0, 255)
    return out


def view(room: Image, x: int = 0, y: int = 0) -> Image:
    """What a camera sees that turned by that many pixels."""
    return room[40 + y : 40 + y + SIZE[1], 40 + x : 40 + x + SIZE[0]].copy()


def with_block(image: Image, x: int, y: int, width: int, height: int) -> Image:
    out = image.copy()
    out[max(y, 0) : y + height, max(x, 0) : x + width, :3] = (205, 160, 130)
    return out


class Camera:
    """Frames with one visible face, or with those that are given."""

    def __init__(self) -> None:
        self.people, self.memory = PeopleTracker(), ChangeMemory()
        self.now = 0.0

    def sees(self, image: Image, *faces: Face) -> Observation:
        self.now += 1 / 12
        return self.people.update(Observation(Frame(image, 0, self.now), faces or (ME,)))

    def searches(self, image: Image, *faces: Face, hidden: bool = False) -> None:
        self.scene = self.memory.searched(stamp_of(image), self.sees(image, *faces), hidden)

    def new(self, image: Image, *faces: Face) -> tuple[Rect, ...]:
        return new_regions(stamp_of(image), self.scene, self.sees(image, *faces))


@pytest.fixture
def camera() -> Camera:
    opened = Camera()
    opened.searches(view(wall()))
    return opened


def holds(region: Rect, x: float, y: float) -> bool:
    """Whether a point is in the ellipse of a region, inside its soft edge."""
    across = (x - (region.x0 + region.x1) / 2) / (region.width / 2)
    down = (y - (region.y0 + region.y1) / 2) / (region.height / 2)
    return bool(np.hypot(across, down) < 0.88)


def test_cells_are_square_and_average_the_picture():
    stamp = stamp_of(view(wall()))
    assert stamp.shape == (36, 64, 3)
    flat = np.full((720, 1280, 4), 255, np.uint8)
    flat[..., :3] = (10, 20, 30)
    assert (stamp_of(flat) == (10, 20, 30)).all()
    assert stamp_of(flat[:1, :1]).shape == (1, 1, 3)
    assert stamp_of(flat[:, :100]).shape == (461, 64, 3)


def test_nothing_is_new_in_a_room_that_stays(camera: Camera):
    random = np.random.default_rng(1)
    for _ in range(20):
        noise = random.normal(0, 6, (SIZE[1], SIZE[0], 1))
        image = view(wall())
        image[..., :3] = np.clip(image[..., :3] + noise, 0, 255)
        assert camera.new(image) == ()


def test_who_enters_is_new_until_several_searches_after_the_last_change(camera: Camera):
    inside = with_block(view(wall()), 560, 100, 200, 300)
    (region,) = camera.new(inside)
    assert all(holds(region, x, y) for x, y in ((565, 105), (639, 105), (565, 355), (600, 200)))
    camera.searches(inside)
    for _ in range(SEARCHES - 1):
        assert camera.new(inside)
        camera.searches(inside)
    assert camera.new(inside)
    camera.searches(inside)
    assert camera.new(inside) == ()


def test_exposure_alone_makes_nothing_new(camera: Camera):
    for gain in (0.8, 0.9, 1.15, 1.3):
        image = view(wall())
        image[..., :3] = np.clip(image[..., :3] * gain, 0, 255)
        assert camera.new(image) == ()


def test_a_camera_that_moves_makes_nothing_new_but_who_enters_is(camera: Camera):
    for x, y in ((3, 0), (-6, 4), (8, -8), (12, 5)):
        assert camera.new(view(wall(), x, y)) == ()
    moved = with_block(view(wall(), 6, 3), 480, 60, 140, 300)
    assert any(holds(region, 550, 150) for region in camera.new(moved))


def test_another_room_makes_nothing_new(camera: Camera):
    other = 255 - view(wall(9))[..., ::-1]
    other[..., 3] = 255
    assert camera.new(np.ascontiguousarray(other)) == ()


def test_a_frame_of_another_shape_is_not_compared(camera: Camera):
    observed = camera.sees(view(wall())[:200])
    assert new_regions(stamp_of(observed.frame.image), camera.scene, observed) == ()
    assert new_regions(stamp_of(observed.frame.image), None, observed) == ()


def arm(image: Image, x: int = 395, width: int = 60) -> Image:
    """Something beside the visible person, connected to their body."""
    return with_block(image, x, 170, width, 40)


def test_an_arm_of_a_visible_person_is_not_new(camera: Camera):
    zone = person_zones(camera.sees(view(wall())), camera.scene.stamp, False)
    row = zone[round(190 / CELL)]
    edge = round((np.flatnonzero(row).max() + 1) * CELL)
    assert camera.new(arm(view(wall()), edge - 20)) == ()
    assert camera.new(arm(view(wall()), edge + 60))  # apart from the person
    assert camera.new(arm(view(wall()), edge - 20, 640 - edge + 20))  # at the edge of the frame
    assert camera.new(with_block(view(wall()), edge - 20, 5, 200, 300))  # larger than an arm


def test_beside_a_visible_person_all_is_new_while_somebody_may_be_behind_them(camera: Camera):
    edge = 400
    assert camera.new(arm(view(wall()), edge - 60, 60)) == ()
    camera.searches(view(wall()), hidden=True)
    assert camera.new(arm(view(wall()), edge - 60, 60))


def test_beside_a_missing_face_all_is_new():
    camera = Camera()
    other = face_at(np.array((0.2, 0, 0, 0, 0, 0.0)), depth_m=1.0)
    camera.searches(view(wall()), ME, other)
    camera.searches(view(wall()), ME)
    assert camera.new(arm(view(wall()), 340, 60), ME)


def test_what_changes_all_the_time_without_a_head_is_not_new(camera: Camera):
    pictures = [with_block(view(wall()), 540, 60, 60, 60), view(wall())]
    seen = []
    for i in range(48):
        image = pictures[i // 2 % 2]
        seen.append(bool(camera.new(image)))
        camera.searches(image)
    assert any(seen[:12])
    assert not any(seen[-12:])
    assert camera.new(with_block(pictures[0], 600, 200, 60, 160))  # elsewhere it is


def test_a_person_who_moves_leaves_nothing_new_behind():
    camera = Camera()
    room = view(wall())
    camera.searches(with_block(room, *body(ME)))
    aside = face_at(np.array((-0.06, 0, 0, 0, 0, 0.0)), depth_m=0.8)
    assert camera.new(with_block(room, *body(aside)), aside) == ()


def body(face: Face) -> tuple[int, int, int, int]:
    x, y, width = face_box(face, *SIZE)
    return int(x - 1.1 * width), int(y - 0.8 * width), int(2.2 * width), SIZE[1]

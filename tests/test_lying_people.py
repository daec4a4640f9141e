"""Films of people who lie, hang or stand on their head, through `livecam convert`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.config.settings import Settings
from livecam.convert.build import Surveyor, plan_film
from livecam.convert.plan import others_at
from livecam.convert.turns import (
    back,
    turned,
    turned_box,
    turned_face,
    turned_points,
    turned_rect,
    turned_size,
)
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import project, quaternion_from_vector
from tests.films import encoded, frames_of
from tests.test_convert_shapes import WIDE, Result, converted, person

COUNT = 8
QUARTERS = [90, 180, 270]
SQUARE = (320, 320)


def rolled(image: Image, degrees: float) -> Image:
    """Turns an image clockwise; by other than quarter turns inside its size, before its colour."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, -int(degrees) // 90))
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.9)
    size = (width, height)
    return np.asarray(cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def near(portrait: Image, size: tuple[int, int], shift: float) -> Image:
    """The person of the portrait, as near as before a camera on a desk."""
    return person(portrait[:320, 70:390], size, shift)


def up_deg(line) -> float:
    """Returns where the top of the head points, clockwise from up."""
    matrix = line["camera_from_head"]
    return float(np.degrees(np.arctan2(matrix[1], matrix[5])))


def blink(result: Result) -> float:
    weights = [line["weights"] for line in result.lines]
    return max(each[name] for each in weights for name in ("eyeBlinkLeft", "eyeBlinkRight"))


def rolls(portrait: Image, roll: float, size: tuple[int, int] = SQUARE) -> list[Image]:
    return [rolled(near(portrait, size, shift), roll) for shift in range(COUNT)]


def film(folder: Path, images: list[Image], capsys: pytest.CaptureFixture[str]) -> Result:
    folder.mkdir()
    return converted(encoded(folder / "film.mp4", images), capsys)


@pytest.fixture
def upright(portrait, tmp_path, capsys) -> Result:
    return film(tmp_path / "upright", rolls(portrait, 0, WIDE), capsys)


@pytest.mark.parametrize("degrees", QUARTERS)
def test_an_avatar_is_upright_to_a_person_who_lies_or_hangs(
    portrait, tmp_path, capsys, upright, degrees
):
    result = film(tmp_path / "lying", rolls(portrait, degrees, WIDE), capsys)
    assert set(result.states) == {"avatar"}
    for line, control in zip(result.lines, upright.lines, strict=True):
        assert abs((up_deg(line) - up_deg(control) - degrees + 180) % 360 - 180) < 10
        box = Rect(*control["head_box"])
        assert line["head_box"] == pytest.approx(_as_list(turned_rect(box, WIDE, degrees)), abs=4)
    assert blink(result) == pytest.approx(blink(upright), abs=0.15)
    # Head, ruff, neck and cloth are those of the upright film.
    for frame, control in zip(frames_of(result.output), frames_of(upright.output), strict=True):
        image = rolled(frame.image, -degrees)
        assert image.shape == control.image.shape
        assert np.abs(image.astype(float) - control.image).mean() < 4


def _as_list(rect: Rect) -> list[int]:
    return [rect.x0, rect.y0, rect.x1, rect.y1]


@pytest.mark.parametrize("degrees", [-120, -60, 60, 120])
def test_heads_at_any_roll_are_upright_to_the_person(portrait, tmp_path, capsys, degrees):
    control, result = (
        film(tmp_path / str(roll), rolls(portrait, roll), capsys) for roll in (0, degrees)
    )
    assert set(result.states) == {"avatar"}
    for line, upright in zip(result.lines, control.lines, strict=True):
        assert abs((up_deg(line) - up_deg(upright) - degrees + 180) % 360 - 180) < 10
    assert blink(result) == pytest.approx(blink(control), abs=0.2)


@pytest.mark.parametrize("roll", [-35, 0, 35])
def test_upright_people_are_never_turned(portrait, tmp_path, roll):
    images = rolls(portrait, roll)
    found = Surveyor(Settings()).survey(encoded(tmp_path / "film.mp4", images))
    assert [shot.turn for shot in found.shots] == [0]


def test_an_upright_person_beside_one_who_hangs_stays_covered(portrait, tmp_path):
    images = []
    for shift in range(COUNT):
        image = np.full((320, 560, 3), 100, np.uint8)
        image[:, :320] = rolled(near(portrait, SQUARE, shift), 180)
        image[60:260, 350:550] = cv2.resize(portrait[..., :3], (200, 200))
        images.append(image)
    size = (560, 320)
    found = Surveyor(Settings()).survey(encoded(tmp_path / "film.mp4", images))
    (plan,) = plan_film(found, Settings(), strict=False)
    assert plan.turn == 180
    face = turned_box(np.array((450.0, 155.0, 60.0)), size, plan.turn)
    for index in plan.frames:
        assert any(
            rect.x0 < face[0] < rect.x1 and rect.y0 < face[1] < rect.y1
            for rect in others_at(plan, index, found.times)
        )


@pytest.mark.parametrize("degrees", [0, *QUARTERS])
def test_what_was_found_is_turned_with_the_frame(degrees):
    size, random = (64, 48), np.random.default_rng(degrees)
    image = random.integers(0, 255, (48, 64, 4)).astype(np.uint8)
    frame = Frame(image, 3, 0.12)
    after = turned(frame, degrees)
    assert after.size == turned_size(size, degrees)
    assert (after.index, after.captured_at) == (3, 0.12)
    assert np.array_equal(turned(after, back(degrees)).image, image)
    x, y = turned_points(np.array(((10.5, 20.5),)), size, degrees)[0]
    assert np.array_equal(after.image[int(y), int(x)], image[20, 10])

    pose = FacePose(np.array((0.1, 0.05, -0.6)), quaternion_from_vector(np.array((0.2, 0.4, 0.1))))
    points = random.uniform(0, 40, (478, 2)).astype(np.float32)
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    face = FaceState(pose, weights, 1.1, 0.0, None, points[:36], points)
    moved = turned_face(face, size, degrees)
    assert moved.landmarks_px == pytest.approx(turned_points(points, size, degrees), abs=1e-4)
    centre = np.zeros((1, 3))
    before = project(face.pose.matrix, centre, *size)
    assert project(moved.pose.matrix, centre, *after.size) == pytest.approx(
        turned_points(before, size, degrees)
    )
    again = turned_face(moved, after.size, back(degrees))
    assert again.pose.matrix == pytest.approx(pose.matrix)


def test_only_the_shot_in_which_a_person_hangs_is_turned(portrait, tmp_path, capsys):
    hanging = [255 - each for each in rolls(np.asarray(255 - portrait), 180)]  # another wall
    images = [*rolls(portrait, 0), *hanging]
    result = film(tmp_path / "cut", images, capsys)
    assert set(result.states) == {"avatar"}
    for line in result.lines:
        assert abs(abs(up_deg(line)) - (180 if line["frame"] >= COUNT else 0)) < 10


def test_the_person_of_an_upside_down_photo_wears_an_upright_avatar(portrait, tmp_path):
    image = rolled(near(portrait, WIDE, 0), 180)
    source = tmp_path / "photo.png"
    cv2.imwrite(str(source), image[..., ::-1])
    found = Surveyor(Settings()).survey(source)
    assert [(shot.turn, len(shot.tracks)) for shot in found.shots] == [(180, 1)]


def test_a_turn_that_finds_fewer_faces_is_given_up(portrait, tmp_path, monkeypatch):
    path = encoded(tmp_path / "film.mp4", rolls(portrait, 0, WIDE))
    before = Surveyor(Settings()).survey(path)
    monkeypatch.setattr("livecam.convert.turned_shots.turn_of", lambda frames, found: 180)
    after = Surveyor(Settings()).survey(path)
    assert [shot.turn for shot in after.shots] == [0]
    assert after.size_at(0) == WIDE
    for shot, kept in zip(before.shots, after.shots, strict=True):
        assert [len(track.samples) for track in kept.tracks] == [COUNT]
        assert kept.tracks[0].box(3) == pytest.approx(shot.tracks[0].box(3))
        assert {index: len(found) for index, found in kept.heads.items()} == {
            index: len(found) for index, found in shot.heads.items()
        }

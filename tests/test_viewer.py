"""The avatar viewer: poses, the sheet, the turntable, and their commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.base import Avatar
from livecam.avatar.library import load_avatar
from livecam.cli.main import execute
from livecam.core.errors import SinkError, UsageError
from livecam.core.face import EXPRESSIONS
from livecam.core.spaces import project
from livecam.render.context import Graphics, open_graphics
from livecam.viewer.avatar_viewer import AvatarViewer, ViewerPose, state_in_pose, viewport_of
from livecam.viewer.sheet import COLUMNS, POSES, ROWS, sheet, write_sheets
from livecam.viewer.turntable import TURN_S, checked_size, pose_at, show

AVATARS = Path(__file__).resolve().parents[1] / "avatars"


@pytest.fixture(scope="module")
def raccoon() -> Avatar:
    return load_avatar(AVATARS / "raccoon")


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


def test_a_sheet_shows_sixteen_different_faces(graphics: Graphics, raccoon: Avatar) -> None:
    image = sheet(graphics, raccoon, "light")
    assert image.shape == (1440, 1920, 4)
    height, width = 1440 // ROWS, 1920 // COLUMNS
    cells = image.reshape(ROWS, height, COLUMNS, width, 4).swapaxes(1, 2).reshape(16, -1)
    cells = cells.astype(np.int16)
    for i in range(16):
        for j in range(i):
            assert np.abs(cells[i] - cells[j]).mean() > 0.2, (POSES[i].name, POSES[j].name)


def test_poses_name_expressions_that_exist() -> None:
    assert len(POSES) == COLUMNS * ROWS
    assert len({pose.name for pose in POSES}) == len(POSES)
    for pose in POSES:
        assert set(pose.weights) <= set(EXPRESSIONS)
        assert all(0 < weight <= 1 for weight in pose.weights.values())


@pytest.mark.parametrize(
    ("pose", "direction"),
    [
        (ViewerPose("left", yaw_deg=30), (1, 0)),
        (ViewerPose("down", pitch_deg=30), (0, 1)),
        (ViewerPose("right", yaw_deg=-30), (-1, 0)),
    ],
)
def test_the_nose_follows_the_pose(
    raccoon: Avatar, pose: ViewerPose, direction: tuple[int, int]
) -> None:
    viewport = viewport_of(raccoon, (300, 300))
    nose = np.array([[0.0, -0.02, 0.12]])
    rest, moved = (
        project(state_in_pose(raccoon, p, viewport.centre).camera_from_head, nose, *viewport.frame)
        for p in (ViewerPose("rest"), pose)
    )
    (moved,) = moved - rest
    assert moved @ direction > 20
    assert abs(moved @ direction[::-1]) < abs(moved @ direction)


@pytest.mark.parametrize("size", [(300, 300), (480, 360), (200, 500)])
def test_the_whole_head_is_in_the_image(
    graphics: Graphics, raccoon: Avatar, size: tuple[int, int]
) -> None:
    with AvatarViewer(graphics, raccoon, size, "light") as viewer:
        image = viewer.draw(ViewerPose("rest"))
    assert image.shape == (size[1], size[0], 4)
    state = state_in_pose(raccoon, ViewerPose("rest"), viewport_of(raccoon, size).centre)
    viewport = viewport_of(raccoon, size)
    head = np.concatenate([m.positions[m.head_weight > 0.5] for m in raccoon.light_meshes])
    pixels = project(state.camera_from_head, head.astype(np.float64), *viewport.frame)
    pixels -= (viewport.crop.x0, viewport.crop.y0)
    assert pixels.min() > 0
    assert (pixels.max(axis=0) < size).all()


def test_a_turn_ends_at_its_first_pose() -> None:
    assert pose_at(0).yaw_deg == 0
    assert pose_at(TURN_S / 4).yaw_deg == pytest.approx(90)
    assert pose_at(TURN_S).yaw_deg == pytest.approx(0)


def test_a_turntable_is_written_as_png_files(tmp_path: Path) -> None:
    show(str(AVATARS / "raccoon"), png=tmp_path, seconds=0.1, size="96x64")
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["00000001.png", "00000002.png", "00000003.png"]
    first = cv2.imread(str(files[0]))
    assert first is not None
    assert first.shape == (64, 96, 3)


@pytest.mark.parametrize("text", ["", "wide", "640", "0x480", "99999x480", "-4x4"])
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no size"):
        checked_size(text)


def test_a_sheet_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written"):
        list(write_sheets(str(AVATARS / "raccoon"), tmp_path / "file" / "x.png", "light"))


def test_without_a_display_the_turntable_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("livecam.viewer.turntable.display_available", lambda: False)
    assert execute(["avatars", "show", "raccoon"]) == UsageError.exit_code
    assert "--png" in capsys.readouterr().err


def test_an_unknown_tier_is_reported_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["avatars", "sheet", "raccoon", "--tier", "lihgt"]) == UsageError.exit_code
    assert 'did you mean "light"' in capsys.readouterr().err


def test_a_sheet_with_a_wrong_name_is_refused_before_it_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livecam.viewer.sheet.open_graphics", lambda: pytest.fail("it is drawn"))
    with pytest.raises(SinkError, match="no picture ends in"):
        next(write_sheets("fox", tmp_path / "fox.word", "light"))

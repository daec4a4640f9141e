"""Single frames as PNG and JPEG files: written as a whole, and over nothing by accident."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.media.images import write_image

IMAGE = np.full((4, 6, 4), 200, np.uint8)


def test_an_image_replaces_a_file_only_when_it_is_told_to(tmp_path: Path):
    path = write_image(tmp_path / "a.png", IMAGE)
    with pytest.raises(SinkError, match="exists already"):
        write_image(path, IMAGE)
    assert write_image(path, IMAGE, force=True) == path
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_an_image_does_not_follow_a_link(tmp_path: Path):
    (tmp_path / "a.png").symlink_to(tmp_path / "precious")
    with pytest.raises(SinkError, match="exists already"):
        write_image(tmp_path / "a.png", IMAGE)
    write_image(tmp_path / "a.png", IMAGE, force=True)
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("failing", ["write", "commit"])
def test_an_image_that_cannot_be_completed_leaves_nothing(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    target = (
        "livecam.core.hidden_file.HiddenFile." + {"write": "opened", "commit": "commit"}[failing]
    )
    monkeypatch.setattr(target, fail)
    with pytest.raises(SinkError, match="No space left on device"):
        write_image(tmp_path / "a.png", IMAGE)
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_written_with_its_alpha_or_opaque(tmp_path: Path):
    write_image(tmp_path / "a.png", IMAGE, alpha=True)
    write_image(tmp_path / "b.png", IMAGE)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED), IMAGE)
    assert cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED).shape == (4, 6, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG"])
def test_a_jpeg_has_nearly_the_colours(tmp_path: Path, name: str):
    write_image(tmp_path / name, IMAGE)
    assert abs(cv2.imread(str(tmp_path / name)).astype(int) - 200).max() <= 2


@pytest.mark.parametrize("name", ["a", "a.gif", ".png"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str):
    with pytest.raises(SinkError, match=r"neither \.png nor \.jpg"):
        write_image(tmp_path / name, IMAGE)
    assert list(tmp_path.iterdir()) == []

"""Numbered pictures in a folder."""

import cv2
import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence

INFO = OutputInfo(32, 24, 30.0)


def picture(seed: int) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (24, 32, 4), np.uint8)
    image[..., 3] = 255
    return Frame(image, seed, seed / 30)


def written(sink: PngSequence, *seeds: int) -> None:
    sink.open(INFO)
    for seed in seeds:
        sink.send(picture(seed))
    sink.close()


def test_frames_survive_bit_for_bit(tmp_path):
    written(PngSequence(tmp_path / "new" / "folder"), 1, 2)
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["00000001.png", "00000002.png"]
    read = cv2.imread(str(tmp_path / "new" / "folder" / "00000002.png"), cv2.IMREAD_UNCHANGED)
    assert (cv2.cvtColor(read, cv2.COLOR_BGR2RGBA) == picture(2).image).all()


def test_a_second_run_goes_on_counting_and_overwrites_nothing(tmp_path):
    written(PngSequence(tmp_path), 1)
    first = (tmp_path / "00000001.png").read_bytes()
    (tmp_path / "holiday.png").touch()
    written(PngSequence(tmp_path), 2)
    assert (tmp_path / "00000001.png").read_bytes() == first
    assert (tmp_path / "00000002.png").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="no pictures can be written"):
        PngSequence(tmp_path / "file").open(INFO)


def test_a_folder_that_vanishes_is_a_sink_error_and_leaves_nothing(tmp_path):
    sink = PngSequence(tmp_path / "folder")
    sink.open(INFO)
    (tmp_path / "folder").rmdir()
    with pytest.raises(SinkError, match="cannot be written"):
        sink.send(picture(1))
    sink.close()
    assert list(tmp_path.iterdir()) == []

"""Images too small to show a face: trackers find none, and sources are refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.config.assets import asset_path
from livecam.config.settings import Settings, SourceSettings
from livecam.convert.converter import convert_files
from livecam.core.errors import SourceError, TrackingError
from livecam.core.frame import MIN_SIDE_PX, Frame, Image
from livecam.live.run import run
from livecam.media.writer import VideoWriter
from livecam.tracking.face_detector import FaceDetector
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.drafts import DRAFT

TINY = ((1, 1), (2, 2), (3, 3), (1000, 1), (1, 1000), (MIN_SIDE_PX - 1, 480))
SMALL = ((MIN_SIDE_PX, MIN_SIDE_PX), (MIN_SIDE_PX, 1000), (1000, MIN_SIDE_PX))


def scaled(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("mode", ["video", "image"])
def test_a_tracker_finds_no_face_in_a_tiny_frame_and_goes_on(portrait: Image, mode):
    with FaceLandmarker(asset_path("face-landmarker"), mode=mode) as tracker:
        sizes = [*TINY, *SMALL, *TINY]
        for i, size in enumerate(sizes):
            assert tracker.track(Frame(scaled(portrait, size), i, i / 30)).faces == ()
        found = [tracker.track(Frame(portrait, i, 1 + i / 30)).faces for i in range(3)]
        assert len(found[-1]) == 1


@pytest.mark.parametrize("size", TINY + SMALL)
def test_a_detector_finds_no_face_in_a_tiny_frame(portrait: Image, size: tuple[int, int]):
    with FaceDetector(asset_path("face-landmarker")) as detector:
        assert detector.detect(Frame(scaled(portrait, size), 0, 0.0)) == ()


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (640, 15)])
def test_a_run_refuses_a_tiny_source(tmp_path: Path, size: tuple[int, int]):
    path = tmp_path / "tiny.png"
    cv2.imwrite(str(path), np.zeros((size[1], size[0], 3), np.uint8))
    settings = Settings.model_validate(
        {
            "source": SourceSettings(source=str(path)),
            "sinks": {"virtual_camera": False, "preview": False, "also_to": ("null",)},
        }
    )
    with pytest.raises(SourceError, match=f"{size[0]}x{size[1]} pixels: too small") as caught:
        run(settings, seconds=5)
    assert str(MIN_SIDE_PX) in caught.value.hint


def test_a_conversion_refuses_a_tiny_film(tmp_path: Path):
    source = tmp_path / "tiny.mp4"
    with VideoWriter(source, 8, 8, 25) as writer:
        for i in range(3):
            writer.write(Frame(np.full((8, 8, 4), 255, np.uint8), i, i / 25))
    (outcome,) = convert_files([source], tmp_path / "out.mp4", DRAFT).outcomes
    assert "8x8 pixels: too small" in outcome.error
    assert not (tmp_path / "out.mp4").exists()


def test_a_task_whose_graph_failed_is_closed_without_an_error(monkeypatch):
    monkeypatch.setattr("livecam.core.frame.MIN_SIDE_PX", 0)  # so that MediaPipe fails
    with FaceLandmarker(asset_path("face-landmarker")) as tracker:
        task = tracker._landmarker
        frames = [Frame(np.zeros((1, 1, 4), np.uint8), i, i / 30) for i in range(12)]
        with pytest.raises(TrackingError):
            list(map(tracker.track, frames))
    assert not task._handle  # nothing is left for the garbage collector

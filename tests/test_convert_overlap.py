"""A conversion whose steps overlap gives the same bytes as one in a single thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livecam.config.settings import FilmSettings, PictureSettings, Settings
from livecam.convert import convert_files
from livecam.convert.film_segmentation import FilmSegmentation
from livecam.core import overlap
from livecam.core.errors import LivecamError, SinkError, TrackingError
from livecam.core.frame import Image
from livecam.media.writer import VideoWriter
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.drafts import DRAFT
from tests.sequential import EagerExecutor, LazyExecutor
from tests.test_convert import film, room, scene, with_portrait

SIZE = (320, 240)
LYING = range(30, 50)


def pictures(portrait: Image) -> list[Image]:
    """A face, an empty room, and one that lies on its side."""
    upright = [scene(index, portrait) for index in range(14, LYING.start)]
    image = with_portrait(room(*SIZE[::-1], seed=5), portrait, 10, 20, 0.5)
    lying = [np.ascontiguousarray(np.rot90(np.roll(image, n, axis=1))) for n in LYING]
    return upright + lying


@pytest.mark.parametrize(
    "settings",
    [
        DRAFT,
        Settings(film=FilmSettings(quality="draft"), picture=PictureSettings(background="blur")),
        Settings(film=FilmSettings(quality="good")),
    ],
    ids=["draft", "background", "good"],
)
def test_overlapped_steps_give_the_bytes_of_sequential_ones(
    portrait: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    images = pictures(portrait)
    source = film(tmp_path / "film.mp4", images if settings is DRAFT else images[::4], uneven=True)
    films = []
    for executor in (ThreadPoolExecutor, EagerExecutor, LazyExecutor):
        monkeypatch.setattr(overlap, "ThreadPoolExecutor", executor)
        output = tmp_path / f"{executor.__name__}.mp4"
        assert convert_files([source], output, settings).is_complete
        films.append(output.read_bytes())
    assert films[0] == films[1] == films[2]


@pytest.mark.parametrize(
    ("step", "method", "error"),
    [
        (FaceLandmarker, "track", TrackingError("the tracker broke")),
        (FilmSegmentation, "segment", TrackingError("the network broke")),
        (VideoWriter, "write", SinkError("the disk broke")),
    ],
    ids=["tracked", "prepared", "written"],
)
def test_a_failure_on_any_thread_is_told_once_and_leaves_nothing(
    portrait: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: type,
    method: str,
    error: LivecamError,
) -> None:
    source = film(tmp_path / "film.mp4", [scene(index, portrait) for index in range(10)])
    works, calls = getattr(step, method), []

    def fails_late(self: Any, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 5:
            raise error
        return works(self, *arguments)

    monkeypatch.setattr(step, method, fails_late)
    before = threading.enumerate()
    done = convert_files([source], tmp_path / "out", DRAFT)
    assert [outcome.error for outcome in done.outcomes] == [error.message]
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == [
        f"film.mp4: {error.message}"
    ]
    assert list((tmp_path / "out").iterdir()) == []
    assert threading.enumerate() == before

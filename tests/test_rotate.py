"""Sources and films that are turned: `--rotate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livecam.config.loader import load_settings
from livecam.config.settings import Settings, SourceSettings
from livecam.core.errors import ConfigError
from livecam.core.frame import Image
from livecam.core.timing import ManualClock
from livecam.pipeline import build
from livecam.pipeline.build import segmenter_factory
from livecam.sources.choose import open_source
from tests.films import encoded, frames_of
from tests.test_convert_shapes import COUNT, WIDE, converted, person


def marked() -> Image:
    image = np.zeros((48, 64, 4), np.uint8)
    image[:16, :16] = 255  # the left upper corner
    image[..., 3] = 255
    return image


FIRST, LAST = slice(0, 16), slice(-16, None)
CORNERS = {0: (FIRST, FIRST), 90: (FIRST, LAST), 180: (LAST, LAST), 270: (LAST, FIRST)}


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_films_and_cameras_are_turned_clockwise(tmp_path: Path, degrees: int):
    path = encoded(tmp_path / "film.mp4", [marked()] * 2)
    size = (48, 64) if degrees % 180 else (64, 48)
    camera = open_source(SourceSettings(source=str(path), rotate=degrees), ManualClock())
    info = camera.open()
    assert (info.width, info.height) == size
    for frame in (camera.read(), frames_of(path, rotate=degrees)[0]):
        assert frame.size == size
        assert frame.image[CORNERS[degrees]][..., 0].mean() > 240
        assert frame.image.flags.c_contiguous
    camera.close()


def test_the_background_of_a_turned_camera_has_a_name_of_its_own(monkeypatch):
    made: list[str | None] = []
    monkeypatch.setattr(build, "Segmenter", lambda *_, camera, **__: made.append(camera))
    for degrees in ("0", "180"):
        settings = Settings(source=SourceSettings(rotate=degrees))
        segmenter_factory(settings, hurried=True, camera="BRIO")()
    assert made[0] == "BRIO" != made[1]


def test_only_quarter_turns_are_taken():
    for given in ("90", 90):
        assert load_settings(None, {"rotate": given}).settings.source.rotate == "90"
    with pytest.raises(ConfigError, match="0, 90, 180 or 270"):
        load_settings(None, {"rotate": "45"})


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_film_that_lies_is_turned_and_its_head_is_upright(portrait, tmp_path, capsys, degrees):
    lying = [np.rot90(person(portrait, WIDE, i), degrees // 90) for i in range(COUNT)]
    source = encoded(tmp_path / "film.mp4", lying)
    result = converted(source, capsys, "--rotate", str(degrees))
    assert set(result.states) == {"avatar"}
    assert {frame.size for frame in frames_of(result.output)} == {WIDE}
    for line in result.lines:  # the second axis of the head points up
        assert line["camera_from_head"][5] > 0.8

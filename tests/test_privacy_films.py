"""The films of known faces are what they claim, and the meter counts what shows in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.compose.covers import blur_whole, curtain
from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError
from livecam.core.frame import Image
from livecam.measure.privacy_films.bench import MODES, PrivacyBench
from livecam.measure.privacy_films.catalogue import FILMS, films_named, first_of_each_kind
from livecam.measure.privacy_films.meter import PLAIN, SLIGHT, all_found, measure
from livecam.measure.privacy_films.persons import Wardrobe
from livecam.measure.privacy_films.playback import PlannedFilm, play_converted
from livecam.measure.privacy_films.rendering import FilmRenderer, TrueFrame
from livecam.measure.privacy_films.report import as_json, table_row, totals
from livecam.measure.privacy_films.scenes import PrivacyFilm
from livecam.measure.truth.bench import portrait_head
from livecam.pipeline.states import Shown
from livecam.render.context import Graphics, open_graphics
from livecam.tracking.face_landmarker import FaceLandmarker


@pytest.fixture(scope="module")
def graphics() -> Iterator[Graphics]:
    with open_graphics() as opened:
        yield opened


@pytest.fixture(scope="module")
def wardrobe(portrait) -> Wardrobe:
    return Wardrobe(portrait_head())


@pytest.fixture(scope="module")
def bench(graphics, wardrobe) -> Iterator[PrivacyBench]:
    opened = PrivacyBench(graphics, wardrobe)
    yield opened
    opened.close()


def beginning(name: str, frames: int) -> PrivacyFilm:
    (film,) = films_named((name,))
    return replace(film, seconds=frames / film.fps)


@pytest.fixture(scope="module")
def two(bench, tmp_path_factory) -> TrueFrame:
    """Two persons as they are read from a file."""
    path = tmp_path_factory.mktemp("films") / "two.mp4"
    return bench.recorded(beginning("two-still", 3), path)[-1]


def bare(truth: TrueFrame, image: Image, state: Shown = Shown.AVATAR) -> float:
    return measure(truth, replace(truth.frame, image=image), state, True, None).bare


def test_there_are_enough_films_of_different_names():
    assert len({film.name for film in FILMS}) == len(FILMS) >= 40
    assert all(2 <= film.seconds <= 6 and 15 <= film.fps <= 30 for film in FILMS)
    assert len(first_of_each_kind(FILMS)) == len({film.kind for film in FILMS})
    with pytest.raises(ConfigError, match="mirror"):
        films_named(["mirorr"])


def test_a_film_is_the_same_each_time(graphics, wardrobe):
    film = beginning("mirror", 2)
    with FilmRenderer(graphics, wardrobe, film.size) as renderer:
        first, second = (list(renderer.film(film)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.frame.image, b.frame.image)
        assert np.array_equal(a.labels, b.labels)


def test_faces_are_where_a_tracker_finds_them(graphics, wardrobe, two):
    with FaceLandmarker(asset_path("face-landmarker"), mode="image") as tracker:
        faces = tracker.track(two.frame).faces
    assert len(faces) == len(two.faces) == 2
    assert all_found(two, faces)
    assert not all_found(two, faces[:1])


def test_a_poster_is_no_living_face(graphics, wardrobe):
    film = beginning("poster", 1)
    with FilmRenderer(graphics, wardrobe, film.size) as renderer:
        (truth,) = renderer.film(film)
    assert [face.is_poster for face in truth.faces] == [False, True]
    image = truth.frame.image.copy()
    image[truth.labels == truth.faces[0].label, :3] = 0
    assert bare(truth, image) < SLIGHT


@pytest.mark.parametrize("wear", ["mask", "sunglasses", "hat", "hand"])
def test_what_hides_a_face_is_not_the_face(graphics, wardrobe, wear: str):
    (film,) = films_named((wear,))
    uncovered = replace(film, occluders=(), actors=(replace(film.actors[0], wear="", hat=False),))
    areas = []
    with FilmRenderer(graphics, wardrobe, film.size) as renderer:
        for each in (film, uncovered):
            truth = list(renderer.film(replace(each, seconds=1.6)))[-1]
            areas.append(truth.faces[0].visible_px)
    assert areas[0] < 0.95 * areas[1]


def test_a_bare_frame_is_counted(two):
    assert bare(two, two.frame.image) > 0.99


@pytest.mark.parametrize("cover", ["curtain", "blur", "paint"])
def test_a_covered_frame_is_not(two, cover: str):
    if cover == "paint":
        image = two.frame.image.copy()
        image[two.labels > 0, :3] = (90, 80, 70)
    else:
        image = curtain(*two.frame.size) if cover == "curtain" else blur_whole(two.frame.image)
    assert bare(two, image) < SLIGHT


def test_one_bare_face_of_two_is_counted_by_its_share(two):
    image = two.frame.image.copy()
    image[two.labels == two.faces[0].label, :3] = 0
    assert bare(two, image) > 0.95
    rows = np.nonzero(two.labels == two.faces[1].label)[0]
    image[: int(np.median(rows))] = 0
    assert bare(two, image) == pytest.approx(0.5, abs=0.05)


def test_a_shadow_on_a_face_does_not_hide_it(two):
    image = two.frame.image.copy()
    image[..., :3] = (image[..., :3] * 0.7).astype(np.uint8)
    assert bare(two, image) > PLAIN


def test_needless_cover_and_blur_are_counted(two):
    def result(image: Image, state: Shown, needs_none: bool = True):
        return measure(two, replace(two.frame, image=image), state, needs_none, None)

    image = two.frame.image
    assert result(image, Shown.CURTAIN).needless
    assert not result(image, Shown.CURTAIN, needs_none=False).needless
    assert not result(image, Shown.AVATAR).needless
    assert result(image, Shown.AVATAR).blurred == 0
    blurred = image.copy()
    blurred[-120:] = cv2.GaussianBlur(image, (0, 0), 12)[-120:]
    assert result(blurred, Shown.AVATAR).blurred > 0.01


def test_films_are_played_in_every_mode(bench):
    result = bench.measure(beginning("two-still", 8))
    assert set(result.modes) == set(MODES)
    for mode in result.modes.values():
        assert len(mode.frames) == result.frames == 8
        assert Shown.AVATAR in {frame.state for frame in mode.frames}
    assert "two-still" in table_row(result)
    assert "1 films, 8 frames" in totals([result])
    assert as_json([result])[0]["modes"]["convert"]["states"]


@pytest.mark.parametrize(
    "name",
    ["yaw-90", "nod", "hand", "small-passes", "enters-left-fast", "two-other-upside-down"],
)
def test_a_converted_film_shows_no_face(bench, graphics, tmp_path: Path, name: str):
    (film,) = films_named((name,))
    path = tmp_path / "film.mp4"
    truths = bench.recorded(film, path)
    settings = Settings()
    planned = PlannedFilm.of(path, settings)
    frames = [truth.frame for truth in truths]
    played = play_converted(frames, planned, settings, graphics)
    shares = {
        out.frame.index: bare(truth, out.frame.image, out.stats.state)
        for truth, out in zip(truths, played, strict=True)
    }
    assert {index: share for index, share in shares.items() if share > SLIGHT} == {}


def test_an_empty_film_is_neither_bare_nor_reported(bench, tmp_path: Path):
    result = bench.measure(beginning("nobody", 4))
    assert not result.is_bare
    assert result.reported is None

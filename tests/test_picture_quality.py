"""The measures of the picture say the right number where the right number is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import pytest

from livecam.avatar.base import AvatarState
from livecam.avatar.library import load_avatar
from livecam.compose.base import Layers
from livecam.compose.person_parts import PersonParts
from livecam.config.assets import asset_path
from livecam.config.settings import Settings
from livecam.core.errors import GraphicsError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame, Image, Rect
from livecam.measure.picture_quality.films import (
    CutOut,
    MovingCutOut,
    StillFilm,
    cut_out,
    synthetic_room,
)
from livecam.measure.picture_quality.meters import (
    ClothMeter,
    FillMeter,
    FlickerMeter,
    HairMeter,
    LeakMeter,
    SpillMeter,
)
from livecam.measure.picture_quality.metrics import psnr, seam_ratio
from livecam.measure.picture_quality.playback import (
    CompositionInput,
    LiveSegmentation,
    OfflineSegmentation,
    composition_inputs,
)
from livecam.measure.picture_quality.redraw import CompositorRedrawer, balanced_noise
from livecam.render.context import open_graphics
from livecam.segmentation.base import Plate, Segmentation, cell_of, grid_of
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.segmenter import Segmenter
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.faces import SIZE, face
from tests.fetched import asset_or_skip

WIDTH, HEIGHT = SIZE
HAIR = (slice(20, 60), slice(60, 100))  # over and beside the face of `inputs`
NOTHING = Rect(0, 0, 0, 0)
FILLED = (slice(30, 70), slice(100, 140))


def random_image(seed: int = 1) -> Image:
    image = np.random.default_rng(seed).integers(30, 220, (HEIGHT, WIDTH, 4), np.uint8)
    image[..., 3] = 255
    return image


def inputs(
    image: Image, index: int = 0, segmentation: Segmentation | None = None
) -> CompositionInput:
    detected = face()
    place = np.eye(4)
    place[2, 3] = -0.6
    state = AvatarState(place, place, np.zeros(len(EXPRESSIONS), np.float32))
    return CompositionInput(Frame(image, index, index / 30), state, segmentation, detected)


def segmentation(plate: Plate | None = None) -> Segmentation:
    columns, rows = grid_of(*SIZE)
    person = np.zeros((rows, columns), np.uint8)
    return Segmentation(
        0.0, SIZE, cell_of(*SIZE), person, None, face().points_px(*SIZE), plate=plate
    )


def parts(remove: np.ndarray) -> PersonParts:
    nothing = np.zeros_like(remove)
    return PersonParts(
        unit_px=30.0, chin=(80, 80), person=nothing, remove=remove,
        hair_on_body=nothing, body=nothing, skin=nothing, covered=nothing,
            throat=nothing, face=np.zeros((478, 2), np.float32),
        at_seam=np.full_like(remove, 255),
    )  # fmt: skip


@dataclass
class Pane:
    """A redrawer that paints everything grey but transmits a share of the background."""

    transmission: np.ndarray  # float[h, w], 0..1
    coverage: np.ndarray | None = None
    made: np.ndarray | None = None
    parted: PersonParts | None = None
    drawn: Rect = NOTHING

    def draw(self, inputs: CompositionInput) -> Image:
        return self.redraw(inputs, inputs.frame.image)

    def redraw(self, inputs: CompositionInput, source: Image) -> Image:
        share = self.transmission[..., None]
        picture = np.rint(source * share + 120.0 * (1 - share)).astype(np.uint8)
        picture[..., 3] = 255
        nothing, made, filled = np.zeros((3, *source.shape[:2]), np.uint8)
        self.layers = Layers(
            source, picture, inputs.segmentation, (inputs.state,),
            nothing if self.coverage is None else self.coverage,
            made if self.made is None else self.made,
            filled, NOTHING, parts=self.parted,
        )  # fmt: skip
        return picture


class Hair:
    """A network that finds hair where there is some."""

    def segment(self, image: Image, rect: Rect) -> np.ndarray:
        found = np.zeros((HEIGHT, WIDTH), np.uint8)
        found[HAIR] = 255
        return found


def found(pane: Pane) -> dict[str, float]:
    at = inputs(random_image())
    picture = pane.draw(at)
    measurement = HairMeter(cast("HairNetwork", Hair())).measure(at, picture, pane)
    assert measurement is not None
    return dict(measurement.values)


def shut(value: float = 0.0) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), value)


def test_noise_and_its_inverse_have_the_same_mean_in_every_block():
    noise = balanced_noise(HEIGHT, WIDTH)
    blocks = noise.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
    assert np.ptp(blocks) == 0
    assert set(np.unique(noise)) == {0, 255}


def test_hair_that_is_painted_over_is_not_visible():
    assert found(Pane(shut())) == {"differs %": 0, "seen %": 0, "weight %": 0}


def test_uncovered_hair_is_fully_visible():
    assert found(Pane(shut(1.0))) == {"differs %": 100, "seen %": 100, "weight %": 100}


def test_a_tenth_of_contribution_differs_but_is_not_counted_as_visible():
    through = shut()
    through[HAIR[0], 60:70] = 0.1
    values = found(Pane(through))
    assert values["differs %"] == pytest.approx(25)
    assert values["seen %"] == 0
    assert values["weight %"] == pytest.approx(2.5, abs=0.1)


def test_hair_behind_the_head_does_not_count():
    coverage = np.zeros((HEIGHT, WIDTH), np.uint8)
    coverage[:, 60:80] = 255
    assert found(Pane(shut(1.0), coverage))["seen %"] == pytest.approx(50)


class Everywhere:
    """A network that finds a person everywhere."""

    def segment(self, image: Image, rect: Rect) -> np.ndarray:
        return np.full((HEIGHT, WIDTH), 255, np.uint8)


def test_cloth_that_became_background_is_counted_as_lost():
    pane, at = Pane(shut(1.0)), inputs(random_image())
    picture = pane.draw(at)
    meter = ClothMeter(cast("PersonNetwork", Everywhere()), cast("HairNetwork", Hair()))
    pane.layers.filled[110:, :40] = 255  # below the chin, a quarter of the width
    measurement = meter.measure(at, picture, pane)
    assert measurement is not None
    assert measurement.marked is not None
    assert measurement.marked.sum() == 10 * 40
    pane.layers.coverage[100:] = 255  # all of it is behind the head
    measurement = meter.measure(at, picture, pane)
    assert measurement is not None
    assert measurement.values["lost %"] == 0


def test_a_covered_face_does_not_leak_and_a_hole_does():
    whole, holed = shut(), shut()
    holed[50:70, 70:90] = 1
    for through, leaks in ((whole, False), (holed, True)):
        at, pane = inputs(random_image()), Pane(through)
        measurement = LeakMeter().measure(at, pane.draw(at), pane)
        assert measurement is not None
        assert (measurement.values["leak %"] > 0) is leaks


def test_one_changed_pixel_outside_of_everything_is_spill():
    source = random_image()
    made = np.zeros((HEIGHT, WIDTH), np.uint8)
    made[FILLED] = 255
    pane = Pane(shut(1.0), made=made, parted=parts(np.zeros((HEIGHT, WIDTH), np.uint8)))
    pane.drawn = Rect(0, 0, WIDTH, 90)
    at = inputs(source, segmentation=segmentation())
    picture = pane.draw(at)
    picture[FILLED] = 0  # may mean_change
    picture[5, 5, 0] ^= 1  # inside the drawn rectangle, but in no mask
    picture[100, 5, 1] ^= 1  # outside of that as well
    measurement = SpillMeter().measure(at, picture, pane)
    assert measurement is not None
    assert measurement.values == {"spill px": 2, "outside drawn px": 1}


def test_filling_with_the_truth_is_perfect_and_an_error_has_its_decibels():
    truth = synthetic_room(WIDTH, HEIGHT)
    remove = np.zeros((HEIGHT, WIDTH), np.uint8)
    remove[FILLED] = 255
    plate = Plate(truth[..., :3], np.full((HEIGHT, WIDTH), 255, np.uint8))
    pane = Pane(shut(1.0), parted=parts(remove))
    at = inputs(truth, segmentation=segmentation(plate=plate))
    meter = FillMeter(truth)
    good = meter.measure(at, pane.draw(at), pane)
    assert good is not None
    assert good.values["PSNR dB"] == 99
    assert good.values["known %"] == 100
    assert good.values["seam"] == pytest.approx(1)
    off = pane.draw(at).astype(np.int32)
    off[FILLED] += np.where(off[FILLED] < 128, 10, -10)
    bad = meter.measure(at, off.astype(np.uint8), pane)
    assert bad is not None
    assert bad.values["PSNR dB"] == pytest.approx(20 * np.log10(255 / 10), abs=0.1)


def test_a_brighter_patch_has_a_seam_and_a_soft_edge_has_less():
    truth = np.full((HEIGHT, WIDTH, 4), 100, np.uint8)
    fill = np.zeros((HEIGHT, WIDTH), np.uint8)
    fill[FILLED] = 255
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    steps = []
    for sigma in (0.1, 6.0):
        alpha = cv2.GaussianBlur(fill, (0, 0), sigma)[..., None] / 255
        picture = (truth + 30 * alpha).astype(np.uint8)
        steps.append(seam_ratio(picture, truth, fill, everywhere))
    hard, soft = (step or 0.0 for step in steps)
    assert hard > 2 * soft > 2


def test_psnr_is_computed_only_inside_its_mask():
    truth, picture = random_image(1), random_image(1)
    picture[0] = 0
    where = np.ones((HEIGHT, WIDTH), bool)
    where[0] = False
    assert psnr(picture, truth, where) == 99


def test_a_composite_with_twice_the_cameras_noise_has_flicker_two():
    made = np.zeros((HEIGHT, WIDTH), np.uint8)
    made[40:80, 60:100] = 255
    random, meter, pane = np.random.default_rng(3), FlickerMeter(), Pane(shut(1.0), made=made)
    for index in range(2):
        noise = random.normal(0, 3, (HEIGHT, WIDTH, 1))
        source = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        source[..., :3] = np.rint(120 + noise)
        at = inputs(source, index, segmentation())
        pane.draw(at)
        picture = source.copy()
        picture[..., :3] = np.rint(120 + noise * np.where(made, 2, 1)[..., None])
        measurement = meter.measure(at, picture, pane)
    assert measurement is not None
    assert measurement.values["composite"] == pytest.approx(2, rel=0.1)


class SlowReader:
    """A segmenter with the frame's number as the strength of the person mask."""

    def __init__(self) -> None:
        self.segmented: list[int] = []

    def segment(self, frame: Frame, landmarks: np.ndarray | None) -> Segmentation:
        self.segmented.append(frame.index)
        columns, rows = grid_of(*SIZE)
        person = np.full((rows, columns), frame.index, np.uint8)
        return Segmentation(
            frame.captured_at, SIZE, cell_of(*SIZE), person, None, face().points_px(*SIZE)
        )


def test_live_segmentations_come_ten_times_a_second_with_three_frames_of_latency():
    reader = SlowReader()
    segmentations = LiveSegmentation(cast("Segmenter", reader), rate_hz=10)
    points, image = face().points_px(*SIZE), random_image()
    numbers: list[int | None] = []
    for index in range(9):
        segmentation = segmentations.segment(Frame(image, index, index / 30), face(), points)
        numbers.append(None if segmentation is None else int(segmentation.person[0, 0]))
    assert reader.segmented == [0, 3, 6]
    assert numbers == [None, None, None, 0, 0, 0, 3, 3, 3]


def test_a_moving_cut_out_uncovers_the_true_background():
    person = np.zeros((60, 30, 4), np.uint8)
    person[..., 0], person[..., 3] = 250, 255
    background = synthetic_room(WIDTH, HEIGHT)
    pictures = list(
        MovingCutOut(CutOut(person), background, 60, period_s=2.0, amplitude_px=60, noise=0)()
    )
    middle = np.median([p.image[70:, 75:85, 0] for p in pictures], axis=0)
    assert np.abs(middle - background[70:, 75:85, 0]).max() == 0  # uncovered in the end
    assert (pictures[0].image[70:, 75:85, 0] == 250).all()
    assert (pictures[15].image[70:, 75:85, 0] != 250).any()  # he went aside


def test_every_iteration_of_a_film_has_the_same_noise():
    film = StillFilm(random_image(), frames=2)
    first, again = ([frame.image for frame in film()] for _ in range(2))
    assert (np.array(first) == np.array(again)).all()
    assert (first[0] != first[1]).any()


@pytest.fixture(scope="module")
def redrawers() -> Iterator[tuple[CompositorRedrawer, CompositorRedrawer]]:
    try:
        with open_graphics() as graphics:
            worn = (graphics, load_avatar("raccoon"), Settings())
            with CompositorRedrawer(*worn) as one, CompositorRedrawer(*worn) as two:
                yield one, two
    except GraphicsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def redrawer(redrawers: tuple[CompositorRedrawer, CompositorRedrawer]) -> CompositorRedrawer:
    return redrawers[0]


@pytest.fixture(scope="module")
def reader() -> Segmenter:
    return Segmenter(asset_or_skip("person"), asset_or_skip("person-wide"), None, hurried=False)


@pytest.fixture(scope="module")
def walk(portrait: Image, reader: Segmenter) -> MovingCutOut:
    """The portrait's person walks through a made-up room."""
    part = portrait[:400, 20:420]
    small = np.asarray(cv2.resize(part, (240, 240), interpolation=cv2.INTER_AREA), np.uint8)
    network = PersonNetwork(asset_path("person"))
    found = network.segment(small, Rect(0, 0, 240, 240))
    person = np.asarray(cv2.resize(found, (240, 240)), np.uint8)
    return MovingCutOut(
        cut_out(small, person), synthetic_room(400, 240), 24, 12.0, amplitude_px=80, period_s=2.0
    )


@pytest.fixture(scope="module")
def walked(walk: MovingCutOut, reader: Segmenter) -> Sequence[CompositionInput]:
    """The inputs of the composites of the film, as in `convert`."""
    with FaceLandmarker(asset_path("face-landmarker")) as tracker:
        source, settings = OfflineSegmentation(reader, walk), Settings()
        return list(composition_inputs(walk, load_avatar("raccoon"), settings, tracker, source))


def test_a_frame_drawn_again_is_the_same_and_changes_no_state(
    walked: Sequence[CompositionInput], redrawers: tuple[CompositorRedrawer, CompositorRedrawer]
):
    one, other = redrawers
    for at in walked[:4]:
        picture = one.draw(at)
        assert (picture == other.draw(at)).all()
        one.redraw(at, 255 - at.frame.image)
        assert (one.redraw(at, at.frame.image) == picture).all()


def test_the_fill_behind_a_person_who_walked_is_the_true_background(
    walk: MovingCutOut, walked: Sequence[CompositionInput], redrawer: CompositorRedrawer
):
    meter = FillMeter(walk.background)
    measurement = None
    for at in walked[-2:]:
        measurement = meter.measure(at, redrawer.draw(at), redrawer)
    assert measurement is not None
    assert measurement.values["known %"] > 90
    assert measurement.values["PSNR dB"] > 30


def test_the_compositor_has_no_spill_and_hides_the_face(
    walked: Sequence[CompositionInput], redrawer: CompositorRedrawer
):
    for at in walked[-3:]:
        picture = redrawer.draw(at)
        spill = SpillMeter().measure(at, picture, redrawer)
        leak = LeakMeter().measure(at, picture, redrawer)
        assert spill is not None
        assert spill.values == {"spill px": 0, "outside drawn px": 0}
        assert leak is not None
        assert leak.values["leak %"] == 0

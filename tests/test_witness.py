"""Witnesses of heads: the decoding with hand-made tensors, the detectors with a real portrait."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from livecam.core.errors import TrackingError
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.box_decoding import (
    DecodedBoxes,
    Letterbox,
    anchor_centres,
    decode,
    intersection_over_union,
    suppressed,
)
from livecam.segmentation.witness import (
    FACE_ANCHORS,
    FACE_STRIDES,
    HEAD_AT,
    HEAD_WIDTH,
    MIN_EXPECTED_SCORE,
    MIN_FACE_SCORE,
    MIN_POSE_SCORE,
    POSE_ANCHORS,
    POSE_STRIDES,
    HeadWitness,
    WitnessDetector,
    heads_of_bodies,
    square_tiles,
)
from tests.fetched import asset_or_skip

FACE_CENTRE, FACE_WIDTH = (224, 118), 98  # of the portrait, pixels


@pytest.fixture(scope="module")
def detector() -> Iterator[WitnessDetector]:
    paths = asset_or_skip("face-full-range"), asset_or_skip("person-pose")
    with WitnessDetector(*paths) as opened:
        yield opened


def boxes(*rows: tuple[float, float, float, float]) -> DecodedBoxes:
    """Square boxes: centre x, y, side, score."""
    table = np.array(rows).reshape(-1, 4)
    sizes, points = np.repeat(table[:, 2:3], 2, axis=1), table[:, None, :2]
    return DecodedBoxes(table[:, :2], sizes, points, table[:, 3])


def of_kind(found: tuple[HeadWitness, ...], kind: str) -> list[HeadWitness]:
    return [witness for witness in found if witness.kind == kind]


# --- decoding


def test_anchors_fill_the_input_row_by_row():
    anchors = anchor_centres(192, FACE_STRIDES, FACE_ANCHORS)
    assert anchors.shape == (2304, 2)
    assert anchors[:2].tolist() == [[2, 2], [6, 2]]
    assert anchors[48].tolist() == [2, 6]


def test_layers_of_one_stride_share_their_cells():
    anchors = anchor_centres(224, POSE_STRIDES, POSE_ANCHORS)
    assert anchors.shape == (2254, 2)
    assert anchors[:3].tolist() == [[4, 4], [4, 4], [12, 4]]
    assert (anchors[-294:-288] == 16).all()
    assert anchors[-288].tolist() == [48, 16]


def test_a_row_is_decoded_relative_to_its_anchor():
    rows, logits = np.zeros((3, 8), np.float32), np.full(3, -9, np.float32)
    rows[1], logits[1] = (3, -4, 20, 30, 5, 6, -7, -8), 2
    anchors = np.array(((0, 0), (100, 50), (0, 0)), np.float32)
    found = decode(rows, logits, anchors, 0.5)
    assert found.centres.tolist() == [[103, 46]]
    assert found.sizes.tolist() == [[20, 30]]
    assert found.points.tolist() == [[[105, 56], [93, 42]]]
    assert found.scores == pytest.approx([1 / (1 + np.exp(-2))])


def test_the_best_score_comes_first_and_low_ones_are_left_out():
    rows, logits = np.zeros((4, 4), np.float32), np.array((1, -1, 3, 0.1), np.float32)
    anchors = np.array(((0, 0), (1, 0), (2, 0), (3, 0)), np.float32)
    assert decode(rows, logits, anchors, 0.5).centres[:, 0].tolist() == [2, 0, 3]
    assert decode(rows, logits, anchors, 0.999).scores.size == 0


def test_overlapping_boxes_become_their_mean_by_score():
    merged = suppressed(boxes((100, 100, 40, 0.9), (104, 100, 40, 0.3), (200, 100, 40, 0.6)))
    assert merged.centres.tolist() == [[101, 100], [200, 100]]
    assert merged.scores.tolist() == [0.9, 0.6]


def test_boxes_of_no_size_are_kept_apart():
    assert len(suppressed(boxes((1, 1, 0, 0.9), (9, 9, 0, 0.8))).scores) == 2


def test_without_detections_nothing_is_suppressed():
    assert suppressed(boxes()).scores.size == 0


def test_the_overlap_is_the_shared_area_over_the_whole():
    pair = boxes((0, 0, 2, 1), (1, 0, 2, 1))
    overlap = intersection_over_union(pair.centres, pair.sizes)
    assert overlap == pytest.approx(np.array(((1, 1 / 3), (1 / 3, 1))))


def test_a_head_stands_on_the_shoulders_along_the_body():
    points = np.zeros((1, 4, 2))
    points[0, 2], points[0, 3] = (100, 200), (100, 100)
    heads = heads_of_bodies(DecodedBoxes(np.zeros((1, 2)), np.ones((1, 2)), points, np.ones(1)))
    assert heads.centres.tolist() == [[100, 200 - 100 * HEAD_AT]]
    assert heads.sizes[0, 0] == pytest.approx(100 * HEAD_WIDTH)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (500, 500), (1000, 300)])
def test_square_tiles_cover_the_frame(size: tuple[int, int]):
    covered = np.zeros(size[::-1], bool)
    for tile in square_tiles(*size):
        assert tile.width == tile.height == min(size)
        assert tile == tile.clipped(*size)
        covered[tile.slices] = True
    assert covered.all()
    assert len(square_tiles(*size)) == -(-max(size) // min(size))


def test_a_weak_witness_is_not_certain():
    box = np.array((10.0, 10.0, 5.0))
    assert HeadWitness(box, MIN_FACE_SCORE, "face").is_certain
    assert HeadWitness(box, MIN_POSE_SCORE, "pose").is_certain
    assert not HeadWitness(box, MIN_EXPECTED_SCORE, "face").is_certain


@pytest.mark.parametrize("rect", [Rect(0, 0, 640, 360), Rect(0, 0, 90, 160), Rect(1, 1, 640, 360)])
def test_a_letterbox_keeps_shape_and_returns_places(rect: Rect):
    image = np.zeros((360, 640, 4), np.uint8)
    x, y = rect.x0 + rect.width * 3 // 4, rect.y0 + rect.height // 2
    cv2.circle(image, (x, y), 8, (255, 255, 255, 255), -1)
    letterbox = Letterbox(192)
    square = letterbox.scaled(image, rect)[..., 0].astype(float)
    at = [float((grid * square).sum() / square.sum()) + 0.5 for grid in np.mgrid[:192, :192][::-1]]
    back = letterbox.original(boxes((*at, 10, 1)), rect)
    assert back.centres[0] == pytest.approx((x + 0.5, y + 0.5), abs=1)
    assert back.sizes[0] == pytest.approx(10 * max(rect.width, rect.height) / 192, rel=0.02)


def test_bars_of_an_earlier_shape_do_not_stay():
    letterbox = Letterbox(64)
    letterbox.scaled(np.full((64, 64, 4), 255, np.uint8), Rect(0, 0, 64, 64))
    square = letterbox.scaled(np.full((32, 64, 4), 255, np.uint8), Rect(0, 0, 64, 32))
    assert not square[:16].any()
    assert not square[48:].any()


# --- the detectors


def test_both_witnesses_agree_about_the_portrait(detector: WitnessDetector, portrait: Image):
    found = detector.detect(Frame(portrait, 0, 0.0))
    for kind in ("face", "pose"):
        (witness,) = of_kind(found, kind)
        assert witness.box[:2] == pytest.approx(FACE_CENTRE, abs=0.25 * FACE_WIDTH)
        assert witness.box[2] == pytest.approx(FACE_WIDTH, rel=0.25)
        assert 0.5 < witness.score <= 1


def test_a_small_face_is_found_in_a_part_of_the_frame(detector: WitnessDetector, portrait: Image):
    image = np.full((720, 1280, 4), 120, np.uint8)
    image[400:464, 900:964] = cv2.resize(portrait, (64, 64), interpolation=cv2.INTER_AREA)
    frame = Frame(image, 0, 0.0)
    assert not [w for w in detector.detect_faces(frame) if w.box[2] < 24]
    part = Rect(860, 340, 1020, 500)
    (witness,) = detector.detect_faces(frame, part)
    expected = 900 + FACE_CENTRE[0] / 8, 400 + FACE_CENTRE[1] / 8
    assert witness.box[:2] == pytest.approx(expected, abs=4)
    assert witness.box[2] == pytest.approx(FACE_WIDTH / 8, rel=0.3)
    assert detector.detect_faces(frame, Rect(-80, -80, 160, 160)) == ()


def test_outside_of_the_frame_there_is_no_witness(detector: WitnessDetector, portrait: Image):
    assert detector.detect(Frame(portrait, 0, 0.0), Rect(600, 20, 900, 400)) == ()


def test_an_empty_picture_has_no_witness(detector: WitnessDetector):
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 4), np.uint8)
    for image in (np.full((360, 640, 4), 120, np.uint8), noise):
        assert detector.detect(Frame(image, 0, 0.0)) == ()


def test_a_file_that_is_no_network_is_explained(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"no network")
    with pytest.raises(TrackingError, match="cannot be used"):
        WitnessDetector(tmp_path / "model.tflite", tmp_path / "model.tflite")

"""Hands in front of the face: detected, tracked, shown - and never the face beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.compose.base import Layers
from livecam.compose.hands import HandsInFront, blend_hand
from livecam.config.assets import asset_path
from livecam.core.errors import AssetError, TrackingError
from livecam.core.frame import Frame, Image, Rect
from livecam.segmentation.base import Hand, Segmentation
from livecam.segmentation.hand_detector import (
    ACTIVE_INTERVAL_S,
    IDLE_INTERVAL_S,
    HandDetection,
    HandDetector,
    steady_crop,
)
from livecam.segmentation.hand_mask import LIPS, mouth_occlusion
from livecam.segmentation.hand_shape import PALM, draw_hand, hand_size
from livecam.segmentation.hand_tracker import HandTracker, track_hand
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.hand_landmarker import HandLandmarker, HandResult
from tests.fetched import asset_or_skip

Points = NDArray[np.float32]

FPS = 30
LATENCY_FRAMES = 3  # frames until a detection arrives
ALONE = 30  # frames without a hand, at first
# An open hand, fingers up: the wrist, then thumb, index, middle, ring and little finger.
OPEN_HAND = np.array(
    (
        (0, 0),
        (-22, -14), (-40, -32), (-54, -48), (-66, -60),
        (-26, -92), (-33, -126), (-37, -147), (-40, -166),
        (-4, -97), (-5, -136), (-5, -160), (-5, -181),
        (17, -92), (23, -128), (26, -151), (29, -171),
        (36, -80), (48, -106), (55, -122), (62, -138),
    ),
    np.float32,
)  # fmt: skip
PALM_PX = 112.0  # size of the hand drawn over the face, which is 182 px wide


def hand_at(x: float, y: float) -> Points:
    """The open hand with its wrist there."""
    return (OPEN_HAND * (PALM_PX / hand_size(OPEN_HAND)) + (x, y)).astype(np.float32)


LIKE_THE_FACE, DARKER = (196, 152, 136), (150, 96, 76)


def skin(colour: tuple[int, int, int], seed: int = 3) -> Image:
    """A patch of skin with creases, uint8[256, 256, 3]."""
    noise = np.random.default_rng(seed).normal(0, 1, (256, 256)).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (1.2, 5))
    shade = 6 * fine / fine.std() + 7 * coarse / coarse.std()
    return np.clip(np.array(colour) + shade[..., None], 0, 255).astype(np.uint8)


def with_hand(
    image: Image, points: Points, colour: tuple[int, int, int] = DARKER
) -> tuple[Image, NDArray[np.float32]]:
    """The image with a drawn hand, and the hand's share of each pixel, exactly known."""
    height, width = image.shape[:2]
    finer = 4
    large = draw_hand(points * finer, width * finer, height * finer, 1.0)
    share = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    x, y = points[0].tolist()
    place = np.array(((1, 0, x - 128), (0, 1, y - 220)), np.float32)  # the skin moves along
    texture = cv2.warpAffine(skin(colour), place, (width, height), borderMode=cv2.BORDER_REFLECT)
    out = image.copy()
    mixed = image[..., :3] * (1 - share[..., None]) + texture * share[..., None]
    out[..., :3] = np.rint(mixed)
    return out, share.astype(np.float32)


@pytest.fixture(scope="module")
def bust(portrait: Image) -> Image:
    """The portrait's head as large as a webcam shows one: uint8[512, 512, 4]."""
    part = np.ascontiguousarray(portrait[:256, 97:353])
    image = np.asarray(cv2.resize(part, (512, 512), interpolation=cv2.INTER_CUBIC), np.uint8)
    image.setflags(write=False)
    return image


@pytest.fixture(scope="module")
def face(bust: Image) -> Points:
    """Its landmarks, float32[478, 2] pixels."""
    model = asset_or_skip("face-landmarker")
    with FaceLandmarker(model, mode="image") as tracker:
        (found,) = tracker.track(Frame(bust, 0, 0.0)).faces
    return (found.landmarks[:, :2] * np.float32(bust.shape[1::-1])).astype(np.float32)


@pytest.fixture(scope="module")
def hand_model() -> Path:
    """The fetched model, or the copy among the private test material."""
    try:
        return asset_path("hand-landmarker")
    except AssetError as error:
        copy = Path(__file__).parents[2] / "shared" / "models" / "hand_landmarker.task"
        if not copy.is_file():
            pytest.skip(f"{error} ({error.hint})")
        return copy


def layers_of(source: Image, face: Points, hands: tuple[Hand, ...], at: float) -> Layers:
    """As after a head was drawn over everything in one colour."""
    height, width = source.shape[:2]
    drawn_head = np.full_like(source, (40, 160, 60, 255))
    made = np.full((height, width), 255, np.uint8)
    grid = np.zeros((1, 1), np.uint8)
    segmentation = Segmentation(at, (width, height), 2, grid, None, face, hands=hands)
    rect = Rect(0, 0, width, height)
    return Layers(source, drawn_head, segmentation, (), made.copy(), made, made.copy(), rect)


def oval(face: Points) -> NDArray[np.bool_]:
    mask = np.zeros((512, 512), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(face).astype(np.int32)), (1,))
    return mask > 0


Step = tuple[NDArray[np.float32], NDArray[np.float32], Layers]


def sweep(
    bust: Image,
    face: Points,
    path: Callable[[float], tuple[float, float]],
    frames: int = 36,
    landmark_noise: float = 0.0,
    colour: tuple[int, int, int] = DARKER,
) -> Iterator[Step]:
    """A hand that comes after a second, detections with latency, and the result of the stage.

    Each step: the hand's share of every pixel, how much of it was shown, the layers.
    `landmark_noise` is the standard deviation of the detected landmarks, in pixels.
    """
    stage, detections = HandsInFront(), {}
    wrong = np.random.default_rng(5).normal(0, landmark_noise, (21, 2)).astype(np.float32)
    for i in range(ALONE + frames):
        at = i / FPS
        source, share = bust, np.zeros((512, 512), np.float32)
        if i >= ALONE:
            points = hand_at(*path((i - ALONE) / FPS))
            source, share = with_hand(bust, points, colour)
            if i % 3 == 0:
                detections[i + LATENCY_FRAMES] = HandDetection(points + wrong, 0.95, source, at)
        due = [detections[k] for k in detections if k <= i]
        layers = layers_of(source, face, (due[-1],) if due else (), at)
        stage.apply(layers)
        if i >= ALONE:
            yield share, (255 - layers.synthetic) / np.float32(255), layers


@pytest.mark.parametrize("speed", [0, 150, 400])
@pytest.mark.parametrize(
    ("landmark_noise", "colour"), [(0, DARKER), (3, DARKER), (2, LIKE_THE_FACE)]
)
def test_the_hand_is_visible_and_the_face_is_not(
    bust: Image, face: Points, speed: float, landmark_noise: float, colour: tuple[int, int, int]
) -> None:
    """At rest or fast, with the latency and landmark noise of detections."""
    inside, recalls = oval(face), []
    x, y = face.mean(axis=0).tolist()
    start = x - min(speed, 250) * 0.45
    for i, (share, shown, _) in enumerate(
        sweep(bust, face, lambda t: (start + speed * t, y + 110), 36, landmark_noise, colour)
    ):
        assert not (inside & (share == 0) & (shown > 0.02)).any(), f"frame {i}"
        hand = inside & (share > 0.5)
        if i > 2 * LATENCY_FRAMES + 1 and hand.sum() > 200:
            recalls.append(float(shown[hand].mean()))
    assert recalls
    min_recall = 0.1 if colour is LIKE_THE_FACE else 0.5 if speed < 400 else 0.35
    assert np.mean(recalls) > min_recall


def test_the_hand_has_camera_pixels_and_all_others_keep_their_bytes(
    bust: Image, face: Points
) -> None:
    x, y = face.mean(axis=0).tolist()
    *_, (_, shown, layers) = sweep(bust, face, lambda t: (x, y + 110), frames=15)
    whole, nothing = shown == 1, shown == 0
    assert whole.sum() > 500
    np.testing.assert_array_equal(layers.image[whole], layers.source[whole])
    assert (layers.image[nothing] == (40, 160, 60, 255)).all()
    assert (layers.image[..., 3] == 255).all()
    between = ~whole & ~nothing
    assert 0 < between.sum() < whole.sum()


def test_the_edge_is_mixed_in_linear_light() -> None:
    source = np.full((8, 8, 4), 255, np.uint8)
    layers = layers_of(source, np.zeros((478, 2), np.float32), (), 0.0)
    layers.image[...] = (0, 0, 0, 255)
    layers.synthetic[:, :4] = 0
    mask = np.full((8, 8), 128, np.uint8)
    blend_hand(layers, Rect(0, 0, 8, 8), mask)
    assert (layers.image[:, 4:, :3] == 188).all()  # half of the light
    assert (layers.synthetic[:, 4:] == 127).all()
    assert (layers.image[:, :4, :3] == 0).all()  # nothing was made up there
    assert (mask == 128).all()


def test_without_a_hand_nothing_changes(bust: Image, face: Points) -> None:
    stage = HandsInFront()
    for i in range(40):
        layers = layers_of(bust, face, (), i / FPS)
        before = layers.image.copy()
        stage.apply(layers)
        assert (layers.synthetic == 255).all()
        np.testing.assert_array_equal(layers.image, before)
    layers.segmentation = None
    stage.apply(layers)
    np.testing.assert_array_equal(layers.image, before)


def test_a_false_positive_shows_nothing(bust: Image, face: Points) -> None:
    """The network may take a bare face for a hand."""
    stage = HandsInFront()
    x, y = face.mean(axis=0).tolist()
    false = hand_at(x, y + 110)
    for i in range(ALONE + 20):
        at = i / FPS
        hands = (HandDetection(false, 0.9, bust, at),) if i >= ALONE else ()
        layers = layers_of(bust, face, hands, at)
        stage.apply(layers)
        assert (layers.synthetic[oval(face)] == 255).all()


@pytest.mark.parametrize("late", [1, 5, 8])
def test_a_hand_shows_at_any_latency_of_detections(bust: Image, late: int) -> None:
    """Also where the time of a detection lies between two frames that were shown."""
    tracker, detections, hands = HandTracker(), {}, ()
    for i in range(40):
        points = hand_at(200 + 3 * i, 400)
        source, _ = with_hand(bust, points)
        if i % 3 == 0:
            detections[i + late] = HandDetection(points, 0.9, source, i / FPS)
        hands = (detections[i],) if i in detections else hands
        if i % 2 == 0:
            tracked = tracker.track(hands, source, i / FPS)
    (hand,) = tracked
    assert hand.points == pytest.approx(hand_at(200 + 3 * 38, 400), abs=2)


def test_a_hand_without_a_face_reference_is_not_shown(bust: Image, face: Points) -> None:
    """There is no reference of the face behind it."""
    stage = HandsInFront()
    x, y = face.mean(axis=0).tolist()
    points = hand_at(x, y + 110)
    source, _ = with_hand(bust, points)
    for i in range(20):
        hands = (Hand(points, 1.0),) if i < 10 else (HandDetection(points, 0.9, source, i / FPS),)
        layers = layers_of(source, face, hands, i / FPS)
        stage.apply(layers)
        assert (layers.synthetic[oval(face)] == 255).all()


def test_a_hand_of_half_a_second_ago_is_not_shown(bust: Image, face: Points) -> None:
    """It may have left the place, and the face would be visible there."""
    stage = HandsInFront()
    for i in range(ALONE):
        stage.apply(layers_of(bust, face, (), i / FPS))
    points = hand_at(256, 420)
    source, _ = with_hand(bust, points)
    for computed_s_ago, is_visible in ((0.4, True), (0.6, False)):
        at = (ALONE + 1) / FPS
        layers = layers_of(source, face, (Hand(points, 1.0),), at)
        assert layers.segmentation is not None
        layers.segmentation = replace(layers.segmentation, computed_at=at - computed_s_ago)
        before = layers.image.copy()
        stage.apply(layers)
        assert (layers.image != before).any() == is_visible


@pytest.mark.parametrize("speed", [0, 150, 400])
def test_landmarks_are_tracked_within_two_pixels(bust: Image, speed: float) -> None:
    """From frame to frame, and over those that passed during the detection."""
    tracker, latest, worst = HandTracker(), (), 0.0
    for i in range(30):
        points = hand_at(120 + speed * i / FPS, 380 - 20 * np.sin(i / 9))
        source, _ = with_hand(bust, points)
        if i == 0:
            late = [HandDetection(points, 0.9, source, 0.0)]
        if i % 3 == 0:
            late.append(HandDetection(points, 0.9, source, i / FPS))
        if i >= LATENCY_FRAMES:
            latest = (next(h for h in reversed(late) if h.at <= (i - LATENCY_FRAMES) / FPS + 1e-9),)
        tracked = tracker.track(latest, source, i / FPS)
        if i >= 2 * LATENCY_FRAMES:
            (hand,) = tracked
            worst = max(worst, float(np.abs(hand.points - points).max()))
    assert worst < 2


def test_a_hand_is_lost_without_a_consensus_motion(bust: Image) -> None:
    points = hand_at(250, 400)
    there, _ = with_hand(bust, points)
    assert track_hand(points, there, bust) is None  # gone
    noise = np.random.default_rng(0).integers(0, 255, bust.shape, np.uint8)
    assert track_hand(points, there, noise) is None
    assert track_hand(points, there, bust[:256].copy()) is None  # another size
    assert track_hand(points, there, there) is points


def test_a_hand_that_two_detections_place_differently_is_not_shown(bust: Image) -> None:
    points = hand_at(250, 400)
    source, _ = with_hand(bust, points)
    tracker = HandTracker()
    for i in range(9):
        off = np.float32(40 * (i % 2))
        hands = (HandDetection(points + off, 0.9, source, i / FPS),)
        assert tracker.track(hands, source, i / FPS) == ()


def test_a_hand_of_the_current_frame_needs_no_tracking(bust: Image) -> None:
    hand = Hand(hand_at(250, 400), 1.0)
    assert HandTracker().track((hand,), bust, 0.0) == (hand,)


def test_mouth_occlusion_is_the_share_of_the_lips_under_a_hand(face: Points) -> None:
    lips = face[list(LIPS)]
    middle, width = lips.mean(axis=0), float(np.ptp(lips[:, 0]))

    def block(left: float) -> Hand:
        """A hand like a wall, from so far right of the middle of the mouth, in its widths."""
        corners = np.array(((left, -3), (left + 6, -3), (left + 6, 3), (left, 3))) * width
        points = np.tile((corners + middle).mean(axis=0), (21, 1))
        points[list(PALM)] = np.resize(corners + middle, (len(PALM), 2))
        return Hand(points.astype(np.float32), 1.0)

    assert mouth_occlusion(face, ()) == 0.0
    assert mouth_occlusion(face, (block(-3),)) == 1.0
    shares = [mouth_occlusion(face, (block(left),)) for left in (0.0, 0.3, 3.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.35
    assert shares[-1] == 0.0


class FakeLandmarker:
    """Returns the hand that a test sets, and counts its calls."""

    def __init__(self) -> None:
        self.points: NDArray[np.float32] | None = None  # of the crop
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, image: Image) -> tuple[HandResult, ...]:
        self.shapes.append(image.shape)
        return () if self.points is None else (HandResult(self.points, 0.9),)


def runs(
    detector: HandDetector,
    landmarker: FakeLandmarker,
    face: Points,
    start_s: float,
    length_s: float,
) -> int:
    """Counts the runs of the network while frames came 30 times a second."""
    before = len(landmarker.shapes)
    for i in range(round(length_s * FPS)):
        at = start_s + i / FPS
        detector.detect(Frame(np.zeros((720, 1280, 4), np.uint8), i, at), face, at)
    return len(landmarker.shapes) - before


@pytest.fixture
def small_face() -> Points:
    grid = np.random.default_rng(0).uniform(0, 1, (478, 2))
    return (grid * (120, 160) + (580, 200)).astype(np.float32)


def test_detection_is_rare_without_a_hand_and_frequent_beside_one(small_face: Points) -> None:
    landmarker = FakeLandmarker()
    detector = HandDetector(landmarker)
    assert runs(detector, landmarker, small_face, 0, 3) == pytest.approx(3 / IDLE_INTERVAL_S, abs=1)
    landmarker.points = np.full((21, 2), 0.5, np.float32)
    runs(detector, landmarker, small_face, 3, 0.5)
    assert runs(detector, landmarker, small_face, 3.5, 3) == pytest.approx(
        3 / ACTIVE_INTERVAL_S, abs=1
    )
    landmarker.points = None
    runs(detector, landmarker, small_face, 6.5, 2)
    assert runs(detector, landmarker, small_face, 8.5, 3) == pytest.approx(
        3 / IDLE_INTERVAL_S, abs=1
    )
    assert all(max(shape[:2]) <= 384 for shape in landmarker.shapes)


def test_a_detection_lies_in_the_frame_and_survives_one_miss(small_face: Points) -> None:
    landmarker = FakeLandmarker()
    detector = HandDetector(landmarker)
    landmarker.points = np.full((21, 2), 0.5, np.float32)
    frame = Frame(np.zeros((720, 1280, 4), np.uint8), 0, 5.0)
    (hand,) = detector.detect(frame, small_face, 5.0)
    assert isinstance(hand, HandDetection)
    middle = (small_face.min(axis=0) + small_face.max(axis=0)) / 2
    assert hand.points[0] == pytest.approx(middle, abs=30)  # the crop is cut at the top
    assert hand.image is frame.image
    assert hand.at == 5.0
    landmarker.points = None
    assert detector.detect(frame, small_face, 5.1) == (hand,)
    assert detector.detect(frame, small_face, 5.2) == ()


def test_a_hand_far_from_the_head_does_not_count(small_face: Points) -> None:
    landmarker = FakeLandmarker()
    landmarker.points = np.full((21, 2), (0.5, 0.99), np.float32)
    frame = Frame(np.zeros((720, 1280, 4), np.uint8), 0, 0.0)
    assert HandDetector(landmarker).detect(frame, small_face, 0.0) == ()


def test_the_crop_stays_while_the_head_hardly_moves(small_face: Points) -> None:
    first = steady_crop(Rect(0, 0, 0, 0), small_face, 1280, 720)
    assert steady_crop(first, small_face + np.float32(15), 1280, 720) == first
    assert steady_crop(first, small_face + np.float32(90), 1280, 720) != first


def test_falling_time_resets_the_detector(small_face: Points) -> None:
    landmarker = FakeLandmarker()
    detector = HandDetector(landmarker)
    frame = Frame(np.zeros((720, 1280, 4), np.uint8), 0, 0.0)
    detector.detect(frame, small_face, 100.0)
    detector.detect(frame, small_face, 0.0)
    assert len(landmarker.shapes) == 2


def test_the_model_finds_both_hands_of_a_person(hand_model: Path, shared: Path) -> None:
    film = cv2.VideoCapture(str(shared / "clips" / "lp_s20.mp4"))
    _, bgr = film.read()
    film.release()
    picture = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA)
    with HandLandmarker(hand_model) as landmarker:
        hands = landmarker.detect(picture)
    with HandLandmarker(hand_model) as landmarker:
        flipped = landmarker.detect(picture[:, ::-1])  # a view: MediaPipe ignores strides
    assert len(hands) == len(flipped) == 2
    for hand in (*hands, *flipped):
        assert hand.points.shape == (21, 2)
        assert hand.points.dtype == np.float32
        assert ((hand.points > 0) & (hand.points < 1)).all()
        assert hand.score > 0.5


def test_the_model_finds_no_hand_on_a_portrait_without(hand_model: Path, portrait: Image) -> None:
    with HandLandmarker(hand_model) as landmarker:
        assert landmarker.detect(portrait[:260]) == ()
        landmarker.close()
        with pytest.raises(TrackingError, match="closed"):
            landmarker.detect(portrait)


def test_a_broken_hand_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hand.task"
    path.write_bytes(b"this is no model")
    with pytest.raises(TrackingError, match=r"hand\.task") as caught:
        HandLandmarker(path)
    assert "livecam assets" in caught.value.hint

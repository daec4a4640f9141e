"""The face landmarker on a real face."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.errors import TrackingError
from livecam.core.face import EXPRESSIONS, INDEX, Face
from livecam.core.frame import Frame, Image, PixelFormat, Rect
from livecam.core.spaces import decompose, euler_deg, project
from livecam.tracking.base import ScriptedTracker
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.mediapipe_tasks import landmarks_in_image, mp
from livecam.tracking.search import MAX_STEPS, search_windows
from tests.fetched import asset_or_skip


@pytest.fixture(scope="session")
def model() -> Path:
    return asset_or_skip("face-landmarker")


@pytest.fixture
def tracker(model: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(model, mode="image") as tracker:
        yield tracker


def pair_of(portrait: Image) -> Image:
    """Two faces side by side, cut so that each is large enough for the detector."""
    bust = portrait[:300, 75:375]
    return np.concatenate((bust, bust), axis=1)


def only_face(tracker: FaceLandmarker, image: Image, at: float = 0.0) -> Face:
    (face,) = tracker.track(Frame(image, 0, at)).faces
    return face


def test_a_face_comes_as_arrays_in_our_units(tracker: FaceLandmarker, portrait: Image) -> None:
    frame = Frame(portrait, 3, 1.5)
    observation = tracker.track(frame)
    assert observation.frame is frame
    (face,) = observation.faces
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    assert face.weights.shape == (52,)
    assert face.weights.dtype == np.float32
    assert 0 <= face.weights.min() <= face.weights.max() <= 1
    assert face.weights[INDEX["tongueOut"]] == 0
    assert face.camera_from_head.dtype == np.float64


def test_the_astronaut_smiles_with_open_eyes(tracker: FaceLandmarker, portrait: Image) -> None:
    """The order of the weights is the one of EXPRESSIONS."""
    weights = only_face(tracker, portrait).weights
    assert weights[INDEX["mouthSmileLeft"]] > 0.8
    assert weights[INDEX["mouthSmileRight"]] > 0.8
    assert weights[INDEX["eyeBlinkLeft"]] < 0.2
    assert weights[INDEX["jawOpen"]] < 0.2


def test_the_pose_is_metric_and_lies_on_the_face(tracker: FaceLandmarker, portrait: Image) -> None:
    face = only_face(tracker, portrait)
    translation, rotation = decompose(face.camera_from_head)
    assert -1.0 < translation[2] < -0.5  # metres, in front of a camera that looks down -z
    assert np.linalg.det(face.camera_from_head[:3, :3]) == pytest.approx(1, abs=1e-3)
    assert abs(euler_deg(rotation)[0]) < 10
    # The tip of the nose in MediaPipe's canonical face, in metres.
    nose = project(face.camera_from_head, np.array(((0.0, -0.011, 0.075),)), 512, 512)[0]
    assert nose == pytest.approx(face.landmarks[1, :2] * 512, abs=12)


def test_a_non_contiguous_view_gives_the_same_result_as_its_copy(
    tracker: FaceLandmarker, portrait: Image
) -> None:
    """MediaPipe ignores strides: given a view, it would read other pixels."""
    view = portrait[:, ::-1]
    assert not view.flags.c_contiguous
    from_view = only_face(tracker, view)
    from_copy = only_face(tracker, view.copy())
    np.testing.assert_array_equal(from_view.landmarks, from_copy.landmarks)
    upright = only_face(tracker, portrait)
    assert from_view.landmarks[1, 0] == pytest.approx(1 - upright.landmarks[1, 0], abs=0.01)


def test_timestamps_may_repeat_and_fall(model: Path, portrait: Image) -> None:
    """MediaPipe itself refuses equal and falling timestamps."""
    with FaceLandmarker(model) as tracker:
        for at in (5.0, 5.0, 5.0002, 5.033, 0.0, 0.033, 1e6):
            face = only_face(tracker, portrait, at)
            assert face.landmarks[1, 0] == pytest.approx(0.44, abs=0.03)


def test_tracking_a_face_does_not_lag(model: Path, portrait: Image) -> None:
    """In video mode, results are as raw as those of each frame alone."""
    shifted = [np.ascontiguousarray(np.roll(portrait, 8 * i, axis=1)) for i in range(8)]
    with FaceLandmarker(model) as tracker, FaceLandmarker(model, mode="image") as detector:
        for i, image in enumerate(shifted):
            tracked = only_face(tracker, image, i / 30).landmarks
            detected = only_face(detector, image).landmarks
        # The face moved 8 px in the last frame; inner smoothing lags 2.3 px here.
        lag_px = float(np.mean(detected[:, 0] - tracked[:, 0]) * 512)
    assert abs(lag_px) < 0.8


def test_a_frame_without_a_face_has_none(tracker: FaceLandmarker) -> None:
    grey = np.full((120, 160, 4), 128, np.uint8)
    assert tracker.track(Frame(grey, 0, 0.0)).faces == ()


def test_a_frame_of_one_pixel_has_no_face(tracker: FaceLandmarker) -> None:
    assert tracker.track(Frame(np.zeros((1, 1, 4), np.uint8), 0, 0.0)).faces == ()


def small(portrait: Image, x: int, y: int, face_px: int) -> Image:
    """The portrait in a 720p image, with a face of that position and width."""
    scale = face_px / 91
    move = np.array(((scale, 0, x - 225 * scale), (0, scale, y - 125 * scale)))
    grey = (120, 120, 120, 255)
    image = cv2.warpAffine(portrait, move, (1280, 720), flags=cv2.INTER_AREA, borderValue=grey)
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize(("x", "y", "face_px"), [(640, 300, 100), (300, 250, 80), (1000, 400, 60)])
def test_a_face_too_small_for_the_detector_is_found_within_a_second(
    model: Path, portrait: Image, x: int, y: int, face_px: int
) -> None:
    image = small(portrait, x, y, face_px)
    with FaceLandmarker(model, mode="image") as detector:
        assert detector.track(Frame(image, 0, 0.0)).faces == ()
    with FaceLandmarker(model) as tracker:
        faces = [tracker.track(Frame(image, i, i / 30)).faces for i in range(30)]
    assert len(faces[-1]) == 1
    box = faces[-1][0].box(1280, 720)
    assert ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) == pytest.approx((x, y), abs=6)
    found = [bool(each) for each in faces]
    assert found == sorted(found)  # once found it stays


def test_search_windows_cover_the_frame() -> None:
    """Each small face lies wholly inside some window."""
    rects = [w.rect(1280, 720) for w, _ in zip(search_windows(), range(24), strict=False)]
    for x in range(0, 1280 - 100, 20):
        for y in range(0, 720 - 120, 20):
            assert any(
                r.x0 <= x and r.y0 <= y and r.x1 >= x + 100 and r.y1 >= y + 120 for r in rects
            )


def test_search_windows_grow_to_the_whole_frame() -> None:
    window, steps = next(search_windows()), 0
    while window.zoom > 1:
        enlarged = window.enlarged(0.3, 0.8, 0.1)
        assert 1 <= enlarged.zoom < window.zoom
        window, steps = enlarged, steps + 1
    assert window.rect(1280, 720) == Rect(0, 0, 1280, 720)
    assert steps < MAX_STEPS


def test_two_faces_are_detected_as_two(tracker: FaceLandmarker, portrait: Image) -> None:
    positions = sorted(
        f.landmarks[1, 0] for f in tracker.track(Frame(pair_of(portrait), 0, 0.0)).faces
    )
    assert positions == pytest.approx((0.25, 0.75), abs=0.03)


def test_max_faces_limits_the_result(model: Path, portrait: Image) -> None:
    with FaceLandmarker(model, max_faces=1) as tracker:
        assert len(tracker.track(Frame(pair_of(portrait), 0, 0.0)).faces) == 1


def test_other_threads_keep_running_while_a_frame_is_tracked(model: Path, portrait: Image) -> None:
    """Counted, not timed: while a call holds the GIL no other thread counts."""
    counted, stop = [0], threading.Event()
    inside: list[int] = []

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    with FaceLandmarker(model) as tracker:
        detect = tracker._detect

        def watched(image: object, at: float) -> object:
            before = counted[0]
            result = detect(image, at)
            inside.append(counted[0] - before)
            return result

        tracker._detect = watched
        thread = threading.Thread(target=count, daemon=True)
        thread.start()
        try:
            for i in range(10):
                tracker.track(Frame(portrait, i, i / 30))
        finally:
            stop.set()
            thread.join(5)
    assert sorted(inside)[len(inside) // 2] > 100  # a busy machine may starve some of them


def test_a_closed_tracker_raises(model: Path, portrait: Image) -> None:
    """MediaPipe itself would report no face, and the real face would stay uncovered."""
    tracker = FaceLandmarker(model)
    tracker.close()
    tracker.close()
    with pytest.raises(TrackingError, match="closed"):
        tracker.track(Frame(portrait, 0, 0.0))


def test_a_frame_of_another_format_is_refused(tracker: FaceLandmarker) -> None:
    planes = np.zeros((96, 64), np.uint8)
    with pytest.raises(TrackingError, match="RGBA"):
        tracker.track(Frame(planes, 0, 0.0, PixelFormat.I420))


def test_a_failure_inside_becomes_a_tracking_error(
    model: Path, portrait: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaceLandmarker(model) as tracker:

        def broken(*_: object) -> None:
            raise RuntimeError("Graph has errors:\nmore")

        monkeypatch.setattr("livecam.tracking.face_landmarker.landmarks_for_video", broken)
        with pytest.raises(TrackingError, match=r"Graph has errors:$"):
            tracker.track(Frame(portrait, 0, 0.0))


def test_our_arrays_equal_the_results_of_the_library(
    tracker: FaceLandmarker, portrait: Image
) -> None:
    image = mp.Image(image_format=mp.ImageFormat.SRGBA, data=pair_of(portrait))
    theirs = tracker._landmarker.detect(image)
    ours = landmarks_in_image(tracker._landmarker, image)
    assert len(ours) == len(theirs.face_landmarks) == 2
    for face, points, categories, matrix in zip(
        ours,
        theirs.face_landmarks,
        theirs.face_blendshapes,
        theirs.facial_transformation_matrixes,
        strict=True,
    ):
        assert np.array_equal(face.landmarks, np.float32([(p.x, p.y, p.z) for p in points]))
        assert np.array_equal(face.scores, np.float32([c.score for c in categories]))
        assert face.names == [c.category_name for c in categories]
        assert np.array_equal(face.matrix, matrix)


@pytest.mark.parametrize("content", [None, b"", b"this is no model"])
def test_a_missing_or_broken_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "face.task"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrackingError, match=r"face\.task") as caught:
        FaceLandmarker(path)
    assert "livecam assets" in caught.value.hint


def test_a_scripted_tracker_returns_the_faces_of_its_script() -> None:
    frame = Frame(np.zeros((4, 4, 4), np.uint8), 0, 0.0)
    face = Face(np.zeros((478, 3), np.float32), np.zeros(len(EXPRESSIONS), np.float32), np.eye(4))
    assert ScriptedTracker(lambda _: (face,)).track(frame).faces == (face,)


def test_the_face_model_is_imported_without_unused_libraries_and_leaves_no_trace() -> None:
    code = (
        "import sys, livecam.tracking.face_landmarker\n"
        "assert not {'matplotlib', 'sounddevice'} & {name.split('.')[0] for name in sys.modules}\n"
        "import matplotlib.pyplot, sounddevice\n"
        "assert matplotlib.pyplot.figure\n"
        "assert sounddevice.InputStream\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

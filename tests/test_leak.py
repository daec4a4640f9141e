"""The measurement of leaks has neither false alarms nor misses; and the compositor never leaks."""

from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.avatar.library import load_avatar
from livecam.avatar.rig import Rig
from livecam.config.settings import AvatarSettings, Settings
from livecam.convert.quality import film_compositors
from livecam.core.face import Face, FacePose, FaceState
from livecam.core.frame import Frame, Image
from livecam.core.spaces import decompose
from livecam.core.timing import StageTimer
from livecam.measure.leak import oval_mask, uncovered_pixels, visible
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.pipeline.build import compositor_factory
from livecam.render.context import open_graphics
from livecam.tracking.face_landmarker import FaceLandmarker
from tests.fetched import asset_or_skip

MAGENTA = (255, 0, 255)


@pytest.fixture(scope="module")
def real(portrait: Image) -> tuple[Frame, Face]:
    """The portrait as a frame, and its face."""
    image = np.full((480, 640, 4), 120, np.uint8)
    matrix = np.array(((1.0, 0, 60), (0, 1.0, 40)))
    cv2.warpAffine(portrait, matrix, (640, 480), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    image[..., 3] = 255
    model = asset_or_skip("face-landmarker")
    frame = Frame(image, 0, 0.0)
    with FaceLandmarker(model, mode="image") as landmarker:
        (face,) = landmarker.track(frame).faces
    return frame, face


@pytest.fixture(scope="module")
def oval(real: tuple[Frame, Face]) -> np.ndarray:
    frame, face = real
    return oval_mask(face, *frame.size)


def share(source: Frame, output: Image, oval: np.ndarray) -> float:
    certain, _ = visible(source.image, output, oval)
    return float(certain[oval].mean())


def encoded(image: Image, folder: Path) -> Image:
    """The picture after an encoder had it."""
    path = folder / "encoded.mp4"
    with VideoWriter(path, image.shape[1], image.shape[0], 25, effort="live") as writer:
        writer.write(Frame(image, 0, 0.0))
    with VideoReader(path) as reader:
        return next(iter(reader)).image


def covered(source: Frame, oval: np.ndarray, paint: Image) -> Image:
    image = source.image.copy()
    image[oval, :3] = paint[oval][:, :3]
    return image


def fur(seed: int = 3) -> Image:
    noise = np.random.default_rng(seed).normal(0, 1, (480, 640)).astype(np.float32)
    grey = (95 + 110 * cv2.GaussianBlur(noise, (0, 0), 1.2)).clip(0, 255).astype(np.uint8)
    return np.dstack((grey, grey, grey, np.full_like(grey, 255)))


def test_a_face_that_was_only_encoded_again_is_visible_as_a_whole(
    real: tuple[Frame, Face], oval: np.ndarray, tmp_path: Path
):
    assert share(real[0], encoded(real[0].image, tmp_path), oval) > 0.99


def test_a_covered_face_is_not_visible(real: tuple[Frame, Face], oval: np.ndarray, tmp_path: Path):
    output = encoded(covered(real[0], oval, fur()), tmp_path)
    assert share(real[0], output, oval) < 0.002


@pytest.mark.parametrize("cover", ["mean", "blurred"])
def test_a_cover_in_the_colours_of_the_face_is_not_the_face(
    real: tuple[Frame, Face], oval: np.ndarray, tmp_path: Path, cover: str
):
    source = real[0].image
    paint = np.empty_like(source)
    paint[:] = source[oval].mean(axis=0)
    if cover == "blurred":
        paint = np.asarray(cv2.GaussianBlur(source, (0, 0), 25), np.uint8)
    output = encoded(covered(real[0], oval, paint), tmp_path)
    assert share(real[0], output, oval) < 0.02


def test_a_rim_of_five_pixels_is_found(real: tuple[Frame, Face], oval: np.ndarray, tmp_path: Path):
    inner = cv2.erode(oval.astype(np.uint8), np.ones((11, 11), np.uint8)) > 0
    bare = float((oval & ~inner).sum() / oval.sum())
    output = encoded(covered(real[0], inner, fur()), tmp_path)
    assert share(real[0], output, oval) == pytest.approx(bare, rel=0.25)


def test_a_shadow_does_not_hide_a_face(real: tuple[Frame, Face], oval: np.ndarray, tmp_path: Path):
    dark = (real[0].image * 0.6).astype(np.uint8)
    assert share(real[0], encoded(covered(real[0], oval, dark), tmp_path), oval) > 0.15


def test_a_small_contribution_of_the_background_is_found(
    real: tuple[Frame, Face], oval: np.ndarray
):
    part = np.zeros(oval.shape, bool)
    part[:, 300:] = True

    def draw(frame: Frame) -> Frame:
        image = fur()
        mixed = frame.image * 0.06 + image * 0.94
        image[part] = mixed[part].astype(np.uint8)
        return replace(frame, image=image)

    shows = uncovered_pixels(draw, real[0], oval)
    assert np.array_equal(shows, oval & part)


@pytest.mark.parametrize("quality", ["draft", "good", "best"])
@pytest.mark.parametrize("jaw_open", [0.0, 1.0])
def test_no_pixel_of_a_magenta_face_is_left(
    real: tuple[Frame, Face], oval: np.ndarray, jaw_open: float, quality: str
):
    frame, face = real
    weights = face.weights.copy()
    weights[25:26] = jaw_open
    state = FaceState(FacePose(*decompose(face.camera_from_head)), weights, 1.09, 0.0, face)
    magenta = frame.image.copy()
    magenta[oval, :3] = MAGENTA
    settings = Settings.model_validate({"film": {"quality": quality}})
    avatar = load_avatar("raccoon")
    rig = Rig(avatar, AvatarSettings())
    with open_graphics() as graphics:
        make_compositor = film_compositors(settings, graphics, StageTimer())
        compositor = make_compositor(avatar, *frame.size)

        def draw(painted: Frame) -> Frame:
            return compositor.compose(painted, (rig.state(state, *frame.size),))

        drawn = draw(replace(frame, image=magenta)).image.astype(int)
        assert not uncovered_pixels(draw, frame, oval).any()
        compositor.close()
    red, green, blue = drawn[..., 0], drawn[..., 1], drawn[..., 2]
    assert not ((np.minimum(red, blue) - green > 40) & oval).any()


def test_a_head_with_a_hole_shows_paint_and_no_face(real: tuple[Frame, Face], oval: np.ndarray):
    """The avatar is moved aside, so that nothing but the paint below it is over the face."""
    frame, face = real
    pose = FacePose(*decompose(face.camera_from_head))
    state = FaceState(pose, face.weights, 1.09, 0.0, face)
    avatar = load_avatar("raccoon")
    aside = Rig(avatar, AvatarSettings()).state(state, *frame.size)
    matrix = aside.camera_from_head.copy()
    matrix[0, 3] += 0.3
    with open_graphics() as graphics:
        compositor = compositor_factory(Settings(), graphics, StageTimer())(avatar, *frame.size)
        shown = replace(aside, camera_from_head=matrix, camera_from_body=matrix)
        assert not uncovered_pixels(lambda f: compositor.compose(f, (shown,)), frame, oval).any()
        bare = replace(shown, face_px=None)
        assert (
            uncovered_pixels(lambda f: compositor.compose(f, (bare,)), frame, oval)[oval].mean()
            > 0.5
        )
        compositor.close()


def test_the_script_compares_finished_films(
    portrait: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], repository: Path,
):  # fmt: skip
    source, output, stats = (tmp_path / name for name in ("in.mp4", "same.mp4", "stats.jsonl"))
    for path in (source, output):
        with VideoWriter(path, 512, 512, 25) as writer:
            for index in range(2):
                writer.write(Frame(portrait, index, index / 25))
    stats.write_text('{"frame":0,"state":"avatar"}\n{"frame":1,"state":"curtain"}\n')
    script = repository / "scripts" / "measure_leak.py"
    monkeypatch.setattr(sys, "argv", [str(script), str(source), str(output), str(stats)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 1
    assert "1 frames measured, 1 leak, at most 100.00%" in capsys.readouterr().out

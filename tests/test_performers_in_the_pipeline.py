"""Takes through the whole of it: on a blank card, into a film of their own, over another film."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.config.settings import Settings
from livecam.convert import convert_files
from livecam.core.errors import ConfigError, LivecamError, SinkError, UsageError
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState
from livecam.core.frame import Image
from livecam.core.spaces import Vector3, compose, project, quaternion_from_vector
from livecam.core.timing import ManualClock
from livecam.live.motion import listeners, performers
from livecam.media.reader import VideoReader
from livecam.motion.take import Take, TakeWriter, read_take
from livecam.pipeline.build import needs_segmentation, segmenter_factory
from livecam.takes.film import MARGIN, render_take, shift_into_image
from tests.test_convert import film, scene

FPS = 25
GREEN = (0, 177, 64)
SMALL = "320x180"


def talking(i: int) -> FaceState:
    """Shakes the head and opens and shuts the mouth."""
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    weights[INDEX["jawOpen"]] = abs(i % 20 - 10) / 10
    turn = quaternion_from_vector(np.array((0.0, 0.3 * np.sin(i / 5), 0.0)))
    return FaceState(FacePose(np.array((0.0, 0.0, -0.5)), turn), weights, 1.09, i / FPS)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """One second; without a face in the last 0.4."""
    path = tmp_path / "take.jsonl"
    writer = TakeWriter(path)
    for i in range(FPS):
        writer.observe(talking(i) if i < 15 else None, i / FPS)
    writer.close()
    return path


def films(path: Path) -> list[Image]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def green_share(image: Image) -> float:
    return float((np.abs(image[..., :3].astype(int) - GREEN).max(axis=2) < 12).mean())


def test_a_take_is_rendered_as_a_film(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "fox.mp4"
    count = render_take(
        read_take(take), out, avatar="fox", background="#00b140", size=SMALL, fps=25.0
    )
    images = films(out)
    assert len(images) == count == 25
    assert images[0].shape[:2] == (180, 320)
    assert 0.3 < green_share(images[5]) < 0.95  # a head before the green
    assert green_share(images[5][:20, :20]) == 1
    red, green, _ = images[5][60:90, 140:180, :3].mean(axis=(0, 1))
    assert red > green + 20  # a fox
    assert green_share(images[-1]) > 0.99  # there was no face
    assert float(cv2.absdiff(images[3], images[10]).mean()) > 1  # it moves
    with pytest.raises(SinkError, match="is there already"):
        render_take(read_take(take), out)


@pytest.mark.parametrize("whole", [True, False])
def test_ears_of_a_head_close_to_the_camera_are_not_cut_off(tmp_path: Path, whole: bool) -> None:
    writer = TakeWriter(tmp_path / "near.jsonl")
    for i in range(10):
        near = FacePose(np.array((0.02, 0.03, -0.3)), talking(i).pose.rotation)
        writer.observe(replace(talking(i), pose=near), i / FPS)
    writer.close()
    take = read_take(tmp_path / "near.jsonl")
    out = tmp_path / "out"
    render_take(take, out, avatar="rabbit", background="alpha", size=SMALL, fps=5.0, whole=whole)
    alphas = [cv2.imread(str(p), cv2.IMREAD_UNCHANGED)[..., 3] for p in sorted(out.iterdir())]
    assert any(alpha[0].any() for alpha in alphas) is not whole
    for alpha in alphas if whole else []:
        assert alpha.any()
        assert not alpha[:, :2].any()
        assert not alpha[:, -2:].any()
        rows = np.flatnonzero(alpha.any(axis=1))
        assert rows[-1] - rows[0] > 0.8 * len(alpha)  # but it steps back no farther than needed


def test_a_still_head_shifted_into_the_image_stays_still(tmp_path: Path) -> None:
    """The posture that the rig estimates does not depend on the place in the image."""
    writer = TakeWriter(tmp_path / "near.jsonl")
    above = FacePose(np.array((0.0, 0.12, -0.28)), quaternion_from_vector(np.array((0.35, 0, 0))))
    for i in range(20 * 5):
        still = np.zeros(len(EXPRESSIONS), np.float32)
        writer.observe(FaceState(above, still, 1.09, i / 5), i / 5)
    writer.close()
    out, take = tmp_path / "out", read_take(tmp_path / "near.jsonl")
    render_take(take, out, avatar="frog", background="alpha", size=SMALL, fps=0.2)
    alphas = [cv2.imread(str(p), cv2.IMREAD_UNCHANGED)[..., 3] for p in sorted(out.iterdir())]
    rows = [np.flatnonzero(alpha.any(axis=1)) for alpha in alphas]
    assert len(rows) == 4
    assert max(r[0] for r in rows) - min(r[0] for r in rows) <= 1
    first = alphas[0].astype(int)
    assert max(float(np.abs(alpha - first).mean()) for alpha in alphas) < 1.5


def test_png_files_of_two_takes_do_not_mix(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render_take(read_take(take), out, size=SMALL, fps=5.0)
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(SinkError, match="is there already"):
        render_take(read_take(take), out, size=SMALL, fps=2.0)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    (out / "notes.txt").write_text("mine")
    assert render_take(read_take(take), out, size=SMALL, fps=2.0, force=True) == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "00000001.png", "00000002.png", "notes.txt",
    ]  # fmt: skip


def test_heads_are_shifted_into_the_image_by_the_smallest_offset() -> None:
    box = np.array([(x, y, z) for x in (-0.1, 0.1) for y in (-0.12, 0.2) for z in (-0.1, 0.1)])

    def moved(*places: tuple[float, float, float]) -> tuple[Vector3, NDArray[np.float64]]:
        heads = np.array([compose(np.array(at), np.array((1.0, 0, 0, 0))) for at in places])
        shift = shift_into_image(heads, box, 1280, 720)
        heads[:, :3, 3] += shift
        return shift, np.concatenate([project(head, box, 1280, 720) for head in heads])

    shift, points_px = moved((0, 0, -0.8), (0.1, 0, -0.9))
    assert shift == pytest.approx((0, 0, 0), abs=0)
    shift, points_px = moved((-0.9, 0, -0.8))  # half out of the picture
    assert shift[1:] == pytest.approx((0, 0), abs=1e-3)
    assert points_px[:, 0].min() == pytest.approx(MARGIN * 1280, abs=2)
    shift, points_px = moved((0, 0.1, -0.25), (0.05, 0, -0.3))  # much too near
    assert shift[2] < -0.1
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    assert (low >= np.array((1280, 720)) * MARGIN - 2).all()
    assert (high <= np.array((1280, 720)) * (1 - MARGIN) + 2).all()
    assert high[1] - low[1] > 0.85 * 720


def test_png_files_of_a_take_have_straight_alpha(take: Path, tmp_path: Path) -> None:
    render_take(read_take(take), tmp_path / "out", background="alpha", size=SMALL, fps=2.0)
    pictures = [cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in sorted(tmp_path.glob("out/*"))]
    alphas = [picture[..., 3] for picture in pictures]
    assert len(alphas) == 2
    assert alphas[0][90, 160] == 255
    assert alphas[0][:20, :20].max() == 0
    assert ((alphas[0] > 0) & (alphas[0] < 255)).any()  # soft edges


def test_a_take_that_cannot_be_rendered_leaves_no_file(take: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(SinkError, match="cannot carry alpha"):
        render_take(read_take(take), tmp_path / "a.mp4", background="alpha", size=SMALL)
    with pytest.raises(UsageError, match="is no size"):
        render_take(read_take(take), tmp_path / "a.mp4", size="huge")
    assert set(tmp_path.iterdir()) == before


def test_hands_are_segmented_when_sound_moves_the_mouth(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Though no hand is shown, as in the preset for slow machines."""
    bare = {
        "remove_head": False, "neck": False, "hands": False, "light": 0.0, "camera_match": 0.0,
    }  # fmt: skip
    settings = Settings.model_validate({"picture": bare, "sound": {"mouth": "both"}})
    assert not needs_segmentation(Settings.model_validate({"picture": bare}))
    assert needs_segmentation(settings)
    asked: list[str] = []

    def here(name: str) -> Path | None:
        asked.append(name)
        return None

    monkeypatch.setattr("livecam.pipeline.build._optional_path", here)
    assert segmenter_factory(settings, hurried=True) is not None
    assert "hand-landmarker" in asked
    assert "only of a face that is lost" in caplog.text


def test_a_blank_card_needs_neither_camera_nor_model(take: Path, tmp_path: Path) -> None:
    """The real command, in a place without assets, from take to picture to take."""
    again, folder = tmp_path / "again.jsonl", tmp_path / "png"
    words = [
        "run", "--source", "blank", "--motion", str(take), "--seconds", "1.2",
        "--width", "320", "--height", "180", "--no-virtual-camera", "--no-preview",
        "--background", "#00b140", "--png", str(folder), "--record-motion", str(again),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "livecam", *words],
        env=os.environ | {"LIVECAM_ASSETS": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pictures = [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]
    shares = [green_share(picture) for picture in pictures]
    assert min(shares) < 0.9
    recorded = read_take(again)
    jaw = recorded.weights[recorded.visible, INDEX["jawOpen"]]
    assert jaw[0] == pytest.approx(1.0, abs=0.01)
    assert jaw.min() < 0.3
    assert recorded.translations[recorded.visible][:, 2] == pytest.approx(-0.5, abs=1e-4)


def test_a_blank_card_is_not_tracked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVECAM_ASSETS", str(tmp_path))
    blank = Settings.model_validate({"source": {"source": "blank"}})
    assert segmenter_factory(blank, hurried=True) is None


def test_opened_performers_are_closed_when_the_next_one_fails(take: Path, tmp_path: Path) -> None:
    with socket(AF_INET, SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    motion = {"motion": str(take), "performer": "openseeface", "listen_port": port}
    wrong = {"mouth": "sound", "microphone": "no such microphone"}
    settings = Settings.model_validate({"motion": motion, "sound": wrong})
    with pytest.raises(LivecamError), ExitStack() as stack:
        performers(settings, ManualClock(), stack)  # no such microphone, or no PortAudio
    with socket(AF_INET, SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))
    record = {"record_motion": str(tmp_path / "r.jsonl"), "send_vmc": "no:such:address"}
    settings = Settings.model_validate({"motion": record})
    with pytest.raises(ConfigError), ExitStack() as stack:
        listeners(settings, stack)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, portrait: Image) -> Path:
    """Ten pictures of a real face, 40 ms apart."""
    path = tmp_path_factory.mktemp("films") / "face.mp4"
    return film(path, [scene(i, portrait) for i in range(10)])


def converted(clip: Path, out: Path, **motion: object) -> tuple[bool, list[dict[str, Any]]]:
    plain = {
        "remove_head": False, "neck": False, "hands": False, "light": 0, "camera_match": 0,
    }  # fmt: skip
    draft = {"quality": "draft"}
    settings = Settings.model_validate({"motion": motion, "picture": plain, "film": draft})
    stats = out.with_suffix(".stats")
    done = convert_files([clip], out, settings, stats=stats)
    lines = stats.read_text().splitlines() if stats.exists() else []
    return done.is_complete, [json.loads(line) for line in lines]


def test_a_take_moves_the_face_in_a_film_and_leaves_the_head_in_its_place(
    clip: Path, take: Path, tmp_path: Path
) -> None:
    own, performed = tmp_path / "own.jsonl", tmp_path / "performed.jsonl"
    complete, plain = converted(clip, tmp_path / "own.mp4", record_motion=str(own))
    assert complete
    complete, moved = converted(
        clip, tmp_path / "performed.mp4", motion=str(take), record_motion=str(performed)
    )
    assert complete
    source: Take = read_take(take)
    first = moved[0]["captured_at"]
    for before, after in zip(plain, moved, strict=True):
        assert after["state"] == "avatar"
        assert after["camera_from_head"] == before["camera_from_head"]
        shown = source.at(after["captured_at"] - first)
        assert shown is not None
        said = np.array([after["weights"][name] for name in EXPRESSIONS])
        assert said == pytest.approx(shown.weights, abs=1e-4)
    a, b = read_take(own), read_take(performed)
    assert a.visible.all()
    assert a.translations == pytest.approx(b.translations)
    assert b.weights[:, INDEX["jawOpen"]] == pytest.approx(
        [talking(i).weights[INDEX["jawOpen"]] for i in range(10)], abs=1e-3
    )
    pictures = zip(films(tmp_path / "own.mp4"), films(tmp_path / "performed.mp4"), strict=True)
    assert max(float(cv2.absdiff(x, y).mean()) for x, y in pictures) > 0.5


def test_a_film_that_cannot_be_converted_leaves_no_take(take: Path, tmp_path: Path) -> None:
    broken, new = tmp_path / "broken.mp4", tmp_path / "new.jsonl"
    broken.write_bytes(b"no film")
    complete, _ = converted(broken, tmp_path / "out.mp4", record_motion=str(new))
    assert not complete
    assert not new.exists()
    text = take.read_text()
    complete, _ = converted(broken, tmp_path / "out.mp4", record_motion=str(take))
    assert not complete
    assert take.read_text() == text  # an older take is never touched


def test_one_take_holds_one_film(clip: Path, tmp_path: Path) -> None:
    settings = Settings.model_validate({"motion": {"record_motion": str(tmp_path / "x.jsonl")}})
    with pytest.raises(UsageError, match="cannot hold 2 films"):
        convert_files([clip, clip], tmp_path / "out", settings)

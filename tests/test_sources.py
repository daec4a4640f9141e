from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.frame import Frame
from livecam.core.timing import ManualClock
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.sources import choose, devices
from livecam.sources.base import Source, TestPattern
from livecam.sources.devices import Camera, find_camera, linux_cameras, named_cameras, stable_path
from livecam.sources.four_people import PLACES, make_four_people_clip
from livecam.sources.image import ImageFile
from livecam.sources.sample_clip import (
    FPS,
    SECONDS,
    Puppet,
    loudness,
    make_sample_clip,
    pose_at,
    tune,
)
from livecam.sources.video import VideoFile
from livecam.sources.webcam import Webcam

Clip = Callable[..., Path]
BRIO = Camera(0, "Logitech BRIO", "/dev/video0", "uvcvideo")
BUILT_IN = Camera(2, "Integrated Camera: Front", "/dev/video2", "uvcvideo")
LOOPBACK = Camera(4, "Virtual Camera", "/dev/video4", "v4l2 loopback", virtual=True)


def read_all(source: Source, count: int = 1000) -> list[Frame]:
    """Opens, reads up to that many frames, closes."""
    source.open()
    try:
        frames = []
        while len(frames) < count and (frame := source.read()) is not None:
            frames.append(frame)
        return frames
    finally:
        source.close()


def times(frames: list[Frame]) -> list[float]:
    return [frame.captured_at for frame in frames]


# --- video --------------------------------------------------------------------------------------


def test_a_live_video_keeps_the_pace_of_its_file(clip: Clip):
    clock = ManualClock(100.0)
    frames = read_all(VideoFile(clock, clip(frames=10, fps=25), loop=False))
    assert_allclose(times(frames), 100 + np.arange(10) / 25, atol=1e-4)
    assert clock.now() == pytest.approx(100 + 9 / 25, abs=1e-4)


def test_a_live_video_starts_again_at_its_end_one_period_later(clip: Clip):
    frames = read_all(VideoFile(ManualClock(), clip(frames=5, fps=25)), count=12)
    assert_allclose(times(frames), np.arange(12) / 25, atol=1e-4)
    assert [frame.index for frame in frames] == list(range(12))
    assert_array_equal(frames[6].image, frames[1].image)


def test_a_video_that_is_not_looped_ends(clip: Clip):
    source = VideoFile(ManualClock(), clip(frames=3), loop=False)
    source.open()
    assert [source.read() is None for _ in range(4)] == [False, False, False, True]
    source.close()


def test_a_long_pause_in_a_file_is_bridged_with_its_last_frame(tmp_path):
    path = tmp_path / "pause.mp4"
    with VideoWriter(path, 64, 48, 25, time_base=Fraction(1, 1000)) as writer:
        for index, at in enumerate((0.0, 3.0)):
            writer.write(Frame(np.full((48, 64, 4), 60 + 100 * index, np.uint8), index, at))
    clock = ManualClock()
    source = VideoFile(clock, path, loop=False)
    source.open()
    frames, waits = [], []
    for _ in range(5):
        before = clock.now()
        frames.append(source.read())
        waits.append(clock.now() - before)
    source.close()
    assert max(waits) <= 1.0
    assert frames[4].captured_at == pytest.approx(3.0)
    assert [int(frame.image[9, 9, 0]) > 100 for frame in frames] == [False] * 4 + [True]


def test_lag_does_not_accumulate_after_a_pause_in_reading(clip: Clip):
    clock = ManualClock()
    source = VideoFile(clock, clip(frames=10, fps=25))
    source.open()
    for _ in range(3):
        source.read()
    clock.advance(5.0)
    overdue = [source.read() for _ in range(4)]
    source.close()
    assert all(frame.captured_at <= clock.now() for frame in overdue)
    assert clock.now() - overdue[-1].captured_at < 0.01
    assert all(b.captured_at > a.captured_at for a, b in pairwise(overdue))


def test_a_video_reports_its_size_and_rate(clip: Clip):
    source = VideoFile(ManualClock(), clip("talk.mp4", width=96, height=64, fps=25))
    info = source.open()
    source.close()
    assert (info.name, info.width, info.height) == ("video talk.mp4", 96, 64)
    assert info.fps == pytest.approx(25)


# --- pictures -----------------------------------------------------------------------------------


def picture(tmp_path: Path, name: str) -> Path:
    """A red picture with a blue upper half, 40x30."""
    image = np.zeros((30, 40, 3), np.uint8)
    image[:15], image[15:] = (255, 0, 0), (0, 0, 255)
    path = tmp_path / name
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "c.webp", "头像 ü.png"])
def test_images_are_repeated_at_a_constant_rate(tmp_path, name):
    clock = ManualClock(7.0)
    frames = read_all(ImageFile(clock, picture(tmp_path, name), fps=10), count=3)
    assert_allclose(times(frames), (7.0, 7.1, 7.2), atol=1e-9)
    assert frames[0].image.shape == (30, 40, 4)
    assert_allclose(frames[0].image[3, 20].astype(int), (0, 0, 255, 255), atol=3)
    assert_allclose(frames[0].image[26, 20].astype(int), (255, 0, 0, 255), atol=3)


def test_a_photograph_is_turned_as_its_exif_orientation_says(tmp_path):
    path = picture(tmp_path, "phone.jpg")
    jpeg = path.read_bytes()
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # orientation 6: turn right
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    body = b"Exif\0\0" + tiff
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:])
    image = read_all(ImageFile(ManualClock(), path), count=1)[0].image
    assert image.shape == (40, 30, 4)
    assert image[20, 26, 2] > 200, "the upper half is now on the right"


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_that_is_no_image_is_explained(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"broken\.png") as caught:
        ImageFile(ManualClock(), path).open()
    assert caught.value.hint


# --- the samples --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def puppet(portrait) -> Puppet:
    return Puppet(portrait[..., :3])


def test_the_sample_is_deterministic(puppet: Puppet, portrait):
    pose = pose_at(2.0)
    again = Puppet(portrait[..., :3]).image(pose, 60)
    assert_array_equal(puppet.image(pose, 60), again)


def test_the_sample_loops_seamlessly(puppet: Puppet):
    def at(frame: int) -> np.ndarray:
        return puppet.image(pose_at(frame / FPS), 0)[..., :3].astype(float)

    last = SECONDS * FPS - 1
    seam, ordinary = np.abs(at(last) - at(0)).mean(), np.abs(at(1) - at(0)).mean()
    assert seam < 2 * ordinary + 0.1


def test_the_sample_shows_a_person_in_a_whole_room(puppet: Puppet):
    quiet = pose_at(0.0)
    image = puppet.image(quiet, 0)
    assert image.shape == (720, 1280, 4)
    assert (image[..., 3] == 255).all()
    assert image[..., :3].min(axis=2).mean() > 40, "no black holes where the cut-out ends"
    skin = image[300:330, 640:680, :3].reshape(-1, 3).mean(axis=0)
    assert skin[0] > skin[1] > skin[2]


def test_the_person_in_the_sample_blinks_and_opens_the_mouth(puppet: Puppet):
    open_eyes = pose_at(0.0)
    still = puppet.image(open_eyes, 0).astype(int)
    shut = puppet.image(replace(open_eyes, lids=1.0), 0).astype(int)
    loud = puppet.image(replace(open_eyes, mouth=1.0), 0).astype(int)
    blink_rows = np.flatnonzero(np.abs(still - shut).sum(axis=(1, 2)))
    mouth_rows = np.flatnonzero(np.abs(still - loud).sum(axis=(1, 2)))
    assert blink_rows.max() < mouth_rows.min(), "the eyes are above the mouth"
    assert np.ptp(blink_rows) < 120
    assert np.ptp(mouth_rows) < 200


def test_the_tune_is_loud_when_the_mouth_is_open():
    sound = tune().reshape(-1, 480)  # 10 ms each
    level = np.sqrt((sound.astype(float) ** 2).mean(axis=1))
    mouth = loudness((np.arange(len(level)) + 0.5) / 100)
    assert np.corrcoef(level, mouth)[0, 1] > 0.8
    assert np.abs(tune()).max() <= 0.5
    assert level[0] == level[-1] == 0, "it starts and ends in silence, so that it loops"


def test_the_sample_clip_is_a_720p_video_with_sound(puppet: Puppet, tmp_path):
    path = tmp_path / "sample.mp4"
    reported: list[tuple[int, int]] = []
    make_sample_clip(
        path, seconds=0.2, progress=lambda done, frames: reported.append((done, frames))
    )
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height, reader.info.rate) == (1280, 720, 30)
        assert sum(1 for _ in reader) == 6
    with av.open(str(path)) as container:
        assert [track.codec_context.name for track in container.streams.audio] == ["aac"]
    assert reported[-1] == (6, 6)


def test_four_people_stand_side_by_side(puppet: Puppet, tmp_path):
    path = tmp_path / "four.mp4"
    make_four_people_clip(path, seconds=0.1)
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height, reader.info.rate) == (1280, 720, 30)
        frames = list(reader)
    assert len(frames) == 3
    room = puppet.in_the_room([], 0)
    changed = np.abs(frames[0].image.astype(int) - room).max(axis=-1) > 40
    for place in PLACES:
        middle = 640 + place
        assert (
            changed[380:480, middle - 40 : middle + 40].mean() > 0.7
        )  # a face, as pale as the wall
    assert changed[:150].mean() < 0.05  # the wall above them


# --- which cameras there are --------------------------------------------------------------------


def capability(driver: str, card: str, whole: int, node: int) -> bytes:
    return struct.pack(
        "=16s32s32sIII12x", driver.encode(), card.encode(), b"usb-1", 0x60100, whole, node
    )


@pytest.mark.parametrize(
    ("whole", "node", "captures"),
    [
        (0x84A00001, 0x04200001, True),  # a UVC camera's picture node
        (0x84A00001, 0x04A00000, False),  # its metadata node
        (0x85200003, 0x05200002, False),  # v4l2loopback, exclusive_caps, without a writer
        (0x85200003, 0x05200001, True),  # v4l2loopback, fed
        (0x04000001, 0, True),  # an old driver without per-node capabilities
        (0x84001000, 0x04001000, True),  # multi-planar
    ],
)
def test_only_nodes_that_capture_video_count(whole, node, captures):
    answer = capability("uvcvideo", "Cam", whole, node)
    assert devices.parse_capability(answer) == ("uvcvideo", "Cam", captures)


def test_cameras_are_listed_by_number_with_their_names(tmp_path, monkeypatch):
    answers = {
        "video0": ("uvcvideo", "C920", True),
        "video1": ("uvcvideo", "C920", False),
        "video2": PermissionError(13, "Permission denied"),
        "video3": OSError(25, "Inappropriate ioctl"),
        "video10": ("v4l2 loopback", "OBS", True),
    }
    for name in answers:
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(f"{name} camera\n")

    def query(node: Path) -> object:
        answer = answers[node.name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(devices, "_query", query)
    found = linux_cameras(tmp_path, Path("/dev"))
    assert [(c.index, c.name, c.virtual, c.forbidden) for c in found] == [
        (0, "video0 camera", False, False),
        (2, "video2 camera", False, True),
        (10, "video10 camera", True, False),
    ]
    assert found[2].path == "/dev/video10"


def test_a_machine_without_cameras_has_none(tmp_path):
    assert linux_cameras(tmp_path / "nowhere", tmp_path) == []


def test_a_node_that_is_no_device_is_left_out(tmp_path):
    (tmp_path / "sys" / "video0").mkdir(parents=True)
    (tmp_path / "video0").write_text("a file")
    assert linux_cameras(tmp_path / "sys", tmp_path) == []


def test_cameras_of_other_systems_are_numbered_in_their_order():
    cameras = named_cameras(["FaceTime HD Camera", "OBS Virtual Camera"])
    assert [(c.index, c.virtual) for c in cameras] == [(0, False), (1, True)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("0", BRIO), ("2", BUILT_IN), ("/dev/video2", BUILT_IN), ("brio", BRIO), ("front", BUILT_IN)],
)
def test_a_camera_is_found_by_number_path_or_name(spec, expected):
    assert find_camera(spec, [BRIO, BUILT_IN]) is expected


def test_an_unknown_camera_is_answered_with_the_list():
    with pytest.raises(SourceError, match=r'no camera matches "7".*Logitech BRIO.*Integrated'):
        find_camera("7", [BRIO, BUILT_IN])
    with pytest.raises(SourceError, match="no camera was found"):
        find_camera("7", [])


def test_a_name_that_fits_two_cameras_is_refused():
    twin = Camera(6, "Logitech BRIO", "/dev/video6")
    with pytest.raises(SourceError, match="fits several"):
        find_camera("brio", [BRIO, twin])


def test_a_camera_keeps_its_path_when_it_comes_back(tmp_path):
    node, links = tmp_path / "video0", tmp_path / "by-id"
    node.touch()
    links.mkdir()
    (links / "usb-Logitech-video-index0").symlink_to(node)
    camera = Camera(0, "BRIO", str(node))
    assert stable_path(camera, links) == str(links / "usb-Logitech-video-index0")
    assert stable_path(camera, tmp_path / "missing") == str(node)
    assert find_camera(stable_path(camera, links), [camera]) is camera


# --- webcams ------------------------------------------------------------------------------------


class FakeCapture:
    """Stands in for cv2.VideoCapture; `bad` pictures are damaged, after `lasts` it is gone."""

    def __init__(self, opened=True, size=(64, 48), lasts=100, bad=(), stamp=None) -> None:
        self.opened, self.size, self.lasts, self.bad, self.stamp = opened, size, lasts, bad, stamp
        self.taken = 0
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opened

    def grab(self) -> bool:
        self.taken += 1
        return self.taken <= self.lasts

    def retrieve(self):
        if self.taken in self.bad:
            return False, None
        return True, np.full((self.size[1], self.size[0], 3), (10, 20, 200), np.uint8)  # BGR

    def get(self, property: int) -> float:
        if property == cv2.CAP_PROP_POS_MSEC and self.stamp is not None:
            return self.stamp() * 1000
        code = float(cv2.VideoWriter.fourcc(*"MJPG"))
        return {cv2.CAP_PROP_FOURCC: code, cv2.CAP_PROP_FPS: 24.0}.get(property, 0.0)

    def release(self) -> None:
        self.released = True


def webcam(capture: FakeCapture, camera=BRIO, clock=None, others=(BUILT_IN,), **options) -> Webcam:
    return Webcam(
        clock or ManualClock(50.0),
        str(camera.index),
        64,
        48,
        30.0,
        cameras=lambda: [camera, *others],
        open_capture=lambda *asked: capture,
        **options,
    )


def test_a_webcam_gives_opaque_rgba():
    frame = read_all(webcam(FakeCapture()), count=1)[0]
    assert frame.image.shape == (48, 64, 4)
    assert frame.image.flags.c_contiguous
    assert tuple(frame.image[5, 5]) == (200, 20, 10, 255)


def test_a_webcam_reports_what_it_granted():
    capture = FakeCapture(size=(32, 24))
    source = webcam(capture)
    info = source.open()
    source.close()
    assert (info.name, info.width, info.height) == ('camera "Logitech BRIO"', 32, 24)
    assert info.fps == 24
    assert capture.released


def test_the_drivers_time_is_used_when_it_is_of_our_clock():
    clock = ManualClock(50.0)
    source = webcam(FakeCapture(stamp=lambda: clock.now() - 0.012), clock=clock)
    assert times(read_all(source, count=1)) == [pytest.approx(49.988)]


@pytest.mark.parametrize("offset", [-1_700_000_000.0, 3.0, -2.0])
def test_the_drivers_time_is_ignored_when_it_is_of_another_clock(offset):
    clock = ManualClock(50.0)
    source = webcam(FakeCapture(stamp=lambda: clock.now() + offset), clock=clock)
    assert times(read_all(source, count=1)) == [50.0]


def test_times_of_a_webcam_never_fall():
    stamps = iter((49.9, 49.8, 49.95))
    frames = read_all(webcam(FakeCapture(stamp=lambda: next(stamps))), count=3)
    assert times(frames) == pytest.approx([49.9, 49.9, 49.95])


def test_one_undecodable_frame_is_skipped():
    assert len(read_all(webcam(FakeCapture(bad=(3, 4))), count=10)) == 10


def test_a_webcam_without_decodable_frames_is_reported():
    source = webcam(FakeCapture(bad=range(2, 100)))
    source.open()
    with pytest.raises(SourceError, match="cannot be decoded"):
        source.read()
    source.close()


def test_an_unplugged_webcam_is_reported_and_can_be_opened_again():
    source = webcam(FakeCapture(lasts=3))
    source.open()
    source.read()
    source.read()
    with pytest.raises(SourceError, match="gives no pictures any more"):
        source.read()
    source.close()
    assert len(read_all(webcam(FakeCapture()), count=2)) == 2


def test_a_webcam_that_changes_its_size_is_reopened():
    capture = FakeCapture()
    source = webcam(capture)
    source.open()
    capture.size = (32, 24)
    with pytest.raises(SourceError, match="32x24"):
        source.read()
    source.close()


def test_a_busy_webcam_is_named_and_others_are_listed(monkeypatch):
    monkeypatch.setattr("livecam.sources.webcam._is_busy", lambda camera: True)
    with pytest.raises(SourceError, match=r"in use by another program.*Integrated Camera"):
        webcam(FakeCapture(opened=False)).open()


def test_a_webcam_that_does_not_open_is_explained():
    with pytest.raises(SourceError, match=r"cannot be opened.*Integrated Camera") as caught:
        webcam(FakeCapture(opened=False)).open()
    assert caught.value.hint


def test_a_forbidden_webcam_says_how_to_be_allowed():
    hidden = Camera(0, "BRIO", "/dev/video0", forbidden=True)
    with pytest.raises(SourceError, match="may not be opened") as caught:
        webcam(FakeCapture(), hidden).open()
    assert "usermod" in caught.value.hint


@pytest.mark.parametrize("refused", ["/dev/video4", "Virtual Camera"])
def test_our_own_virtual_camera_is_refused(refused):
    with pytest.raises(SourceError, match=r"livecam publishes to.*Integrated Camera"):
        webcam(FakeCapture(), LOOPBACK, refuse=(refused,)).open()


def test_another_virtual_camera_may_be_read():
    assert len(read_all(webcam(FakeCapture(), LOOPBACK, refuse=("/dev/video9",)), count=1)) == 1


# --- choosing -----------------------------------------------------------------------------------


def made(spec: str, **settings: object) -> Source:
    return choose.open_source(SourceSettings(source=spec, **settings), ManualClock())


@pytest.mark.parametrize(
    ("cameras", "expected"),
    [
        ([], "sample"),
        ([LOOPBACK], "sample"),
        ([LOOPBACK, BUILT_IN, BRIO], "/dev/video2"),
        ([Camera(1, "FaceTime HD Camera", "")], "1"),
    ],
)
def test_auto_is_the_first_real_camera_else_the_sample(cameras, expected):
    assert choose.decide("auto", (), lambda: cameras) == expected


def test_auto_never_takes_the_device_that_we_publish_to():
    assert choose.decide("auto", ("/dev/video0",), lambda: [BRIO]) == "sample"


def test_auto_is_decided_once_so_an_unplugged_camera_is_waited_for():
    plugged_in = [BRIO]
    settings = SourceSettings(source="auto")
    make = choose.source_maker(settings, ManualClock(), cameras=lambda: plugged_in)
    plugged_in.clear()
    assert isinstance(make(), Webcam)


def test_names_files_and_cameras_are_distinguished(clip: Clip, tmp_path):
    assert isinstance(made("pattern"), TestPattern)
    assert isinstance(made(str(clip())), VideoFile)
    assert isinstance(made(str(picture(tmp_path, "a.PNG".lower()))), ImageFile)
    assert isinstance(made("0"), Webcam)
    assert isinstance(made("/dev/video3"), Webcam)
    assert isinstance(made("Logitech BRIO v2.0"), Webcam)


def test_the_pattern_has_the_size_and_rate_that_were_asked_for():
    info = made("pattern", width=320, height=240, fps=15.0).open()
    assert (info.width, info.height, info.fps) == (320, 240, 15.0)


@pytest.mark.parametrize("spec", ["missing.mp4", "clips/talk", "face.jpg"])
def test_a_file_that_is_not_there_is_named(spec):
    with pytest.raises(SourceError, match="there is no file"):
        made(spec)


def test_a_folder_is_no_source(tmp_path):
    with pytest.raises(SourceError, match="is a folder"):
        made(str(tmp_path))


def test_an_unknown_source_is_answered_with_the_list():
    with pytest.raises(SourceError, match=r'no camera matches "zoom9".*camera') as caught:
        made("zoom9").open()
    assert "--source sample" in caught.value.hint

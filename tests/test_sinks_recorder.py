"""Recordings keep time, keep their colours, and survive what happens to disks."""

import os

import av
import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.media.color import I420Converter
from livecam.sinks.base import OutputInfo
from livecam.sinks.recorder import MAX_GAP_S, Recorder, free_name

INFO = OutputInfo(64, 48, 30.0)
CONVERTER = I420Converter(64, 48)


def gray(level: int, at: float) -> Frame:
    """A frame with its number as its brightness."""
    image = np.full((48, 64, 4), level, np.uint8)
    image[..., 3] = 255
    return Frame(CONVERTER.convert(image), level, at, PixelFormat.I420)


def recorded(path, frames, info=INFO, force=False):
    """The path of a recording of these frames."""
    recorder = Recorder(path, force)
    recorder.open(info)
    for frame in frames:
        recorder.send(frame)
    recorder.close()
    return recorder.path


def levels(path) -> list[int]:
    """The brightness of each picture in a file, and a check that they come at a constant rate."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        frames = list(file.decode(stream))
        times = [frame.pts * stream.time_base for frame in frames]
    # Matroska counts milliseconds.
    assert [float(t) for t in times] == pytest.approx([n / 30 for n in range(len(times))], abs=6e-4)
    return [int(frame.to_ndarray(format="gray").mean().round()) for frame in frames]


def near(found: list[int], wanted: list[int]) -> bool:
    return len(found) == len(wanted) and bool((np.abs(np.subtract(found, wanted)) <= 3).all())


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_frames_at_the_nominal_rate_are_recorded_once_each(tmp_path, name):
    wanted = [20 + 10 * n for n in range(20)]
    path = recorded(tmp_path / name, [gray(v, 5 + n / 30) for n, v in enumerate(wanted)])
    assert path.name == name
    assert near(levels(path), wanted)
    assert os.listdir(tmp_path) == [name]


def test_missing_frames_are_filled_with_the_last_one(tmp_path):
    path = recorded(tmp_path / "a.mkv", [gray(50, 0.0), gray(100, 1 / 30), gray(200, 5 / 30)])
    assert near(levels(path), [50, 100, 100, 100, 100, 200])


def test_of_a_camera_twice_as_fast_every_second_frame_is_dropped(tmp_path):
    frames = [gray(20 + 5 * n, n / 60) for n in range(20)]
    found = levels(recorded(tmp_path / "a.mkv", frames))
    assert len(found) in (10, 11)
    assert found == sorted(found)


def test_jitter_does_not_lengthen_the_recording(tmp_path):
    noise = np.random.default_rng(1).uniform(-0.012, 0.012, 90)
    noise[0] = noise[-1] = 0
    frames = [gray(100, n / 30 + float(noise[n])) for n in range(90)]
    assert len(levels(recorded(tmp_path / "a.mkv", frames))) == 90


def test_a_late_frame_never_moves_time_back(tmp_path):
    frames = [gray(50, 0.0), gray(100, 10 / 30), gray(150, 4 / 30), gray(200, 11 / 30)]
    assert near(levels(recorded(tmp_path / "a.mkv", frames)), [50] * 10 + [100, 200])


def test_a_held_frame_is_recorded_while_it_is_held(tmp_path):
    held = gray(80, 1 / 30)
    frames = [gray(50, 0.0), *[held] * 60]
    shown = levels(recorded(tmp_path / "a.mkv", frames))
    assert 40 <= len(shown) <= 61
    moving_on = [*frames, gray(200, 61 / 30)]
    shown = levels(recorded(tmp_path / "b.mkv", moving_on))
    assert near(shown, [50, *[80] * 60, 200])


def test_a_machine_that_slept_costs_ten_seconds_and_not_hours(tmp_path):
    frames = [gray(50, 0.0), gray(100, 3600.0), gray(150, 3600 + 1 / 30)]
    longest = round(MAX_GAP_S * 30)
    assert near(levels(recorded(tmp_path / "a.mkv", frames)), [50] * longest + [100, 150])


def test_a_clock_that_jumps_back_far_goes_on_from_there(tmp_path):
    frames = [gray(50, 500.0), gray(100, 3.0), gray(150, 3 + 1 / 30)]
    assert near(levels(recorded(tmp_path / "a.mkv", frames)), [50, 100, 150])


def test_the_file_is_tagged_and_coloured_as_bt709_limited(tmp_path):
    info = OutputInfo(128, 64, 30.0)
    image = np.full((64, 128, 4), 255, np.uint8)
    image[:, :64, :3], image[:, 64:, :3] = (200, 30, 40), (20, 180, 60)
    planes = I420Converter(128, 64).convert(image)
    frames = [Frame(planes, n, n / 30, PixelFormat.I420) for n in range(3)]
    with av.open(str(recorded(tmp_path / "a.mp4", frames, info))) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 30
        frame = next(file.decode(stream))
    assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited (ITU-T H.273)
    assert (frame.color_primaries, frame.color_trc) == (1, 1)
    # BT.709 by hand: Y = 16 + 219 * (0.2126 R + 0.7152 G + 0.0722 B) / 255
    luma = frame.to_ndarray(format="yuv420p")[:64]
    assert luma[32, 32] == pytest.approx(16 + 219 / 255 * (42.52 + 21.46 + 2.89), abs=2)
    assert luma[32, 96] == pytest.approx(16 + 219 / 255 * (4.25 + 128.74 + 4.33), abs=2)


def test_an_existing_file_is_kept_and_the_new_one_numbered(tmp_path):
    (tmp_path / "a.mp4").write_text("precious")
    (tmp_path / "a-2.mp4").write_text("precious")
    path = recorded(tmp_path / "a.mp4", [gray(50, 0.0)])
    assert path == tmp_path / "a-3.mp4"
    assert (tmp_path / "a.mp4").read_text() == "precious"


def test_force_overwrites(tmp_path):
    (tmp_path / "a.mp4").write_text("old")
    path = recorded(tmp_path / "a.mp4", [gray(50, 0.0)], force=True)
    assert path == tmp_path / "a.mp4"
    assert near(levels(path), [50])


def test_there_is_no_file_before_close_nor_without_a_frame(tmp_path):
    recorder = Recorder(tmp_path / "new" / "a.mp4")
    recorder.open(INFO)
    recorder.send(gray(50, 0.0))
    assert not (tmp_path / "new" / "a.mp4").exists()
    recorder.close()
    assert (tmp_path / "new" / "a.mp4").exists()
    recorded(tmp_path / "empty.mp4", [])
    assert sorted(os.listdir(tmp_path)) == ["new"]


def fill_the_disk(recorder) -> None:
    noise = np.random.default_rng(0)
    for n in range(1000):
        planes = noise.integers(16, 236, (360, 320), np.uint8)
        recorder.send(Frame(planes, n, n / 30, PixelFormat.I420))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_full_disk_is_an_error_and_the_recording_until_then_plays(tmp_path, name):
    resource = pytest.importorskip("resource", reason="files can be limited on Unix only")
    info = OutputInfo(320, 240, 30.0)
    recorder = Recorder(tmp_path / name)
    recorder.open(info)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limits[1]))
    try:
        with pytest.raises(SinkError, match="the disk is full"):
            fill_the_disk(recorder)
        with pytest.raises(SinkError, match="the disk is full"):
            recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == [name]
    decoded = 0
    with av.open(str(tmp_path / name)) as file:
        try:
            for _ in file.decode(video=0):
                decoded += 1
        except av.error.InvalidDataError:
            pass  # the picture on which the disk was full
    assert decoded >= 60


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_may_not_be_written_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SinkError):
        Recorder(tmp_path / "a.mp4").open(INFO)


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    recorder = Recorder(tmp_path / "file" / "a.mp4")
    with pytest.raises(SinkError, match="cannot be made"):
        recorder.open(INFO)
    recorder.close()


def test_an_unknown_kind_of_file_is_an_error_that_names_known_ones(tmp_path):
    with pytest.raises(SinkError) as error:
        Recorder(tmp_path / "a.word").open(INFO)
    assert ".mp4 or .mkv" in error.value.hint
    assert os.listdir(tmp_path) == []


def test_free_names_count_up(tmp_path):
    assert free_name(tmp_path / "a.mkv").name == "a.mkv"
    (tmp_path / "a.mkv").touch()
    assert free_name(tmp_path / "a.mkv").name == "a-2.mkv"


def test_two_recordings_under_one_name_are_both_kept(tmp_path):
    recorders = [Recorder(tmp_path / "a.mkv") for _ in range(2)]
    for level, recorder in enumerate(recorders, start=1):
        recorder.open(INFO)
        recorder.send(gray(60 * level, 0.0))
    for recorder in recorders:
        recorder.close()
    assert sorted(os.listdir(tmp_path)) == ["a-2.mkv", "a.mkv"]
    assert near(levels(recorders[0].path), [60])
    assert near(levels(recorders[1].path), [120])


def test_a_recording_that_cannot_get_its_name_is_kept_under_its_hidden_one(tmp_path):
    recorder = Recorder(tmp_path / "a.mp4", force=True)
    recorder.open(INFO)
    recorder.send(gray(100, 0.0))
    hidden = recorder.unfinished
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(SinkError) as raised:
        recorder.close()
    assert str(hidden) in raised.value.hint
    assert near(levels(hidden), [100])

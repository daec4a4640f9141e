from __future__ import annotations

import itertools
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.testing import assert_allclose

from livecam.core.errors import SinkError, SourceError
from livecam.core.frame import Frame, Image, PixelFormat
from livecam.media.color import I420Converter
from livecam.media.reader import VideoReader
from livecam.media.streams import plan_streams
from livecam.media.writer import VideoWriter
from tests.i420 import rgba_from_i420

BT709 = np.array((0.2126, 0.7152, 0.0722))
BT2020_FROM_BT709 = np.array(  # ITU-R BT.2087, table 1
    ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))
)
SKIN = (200, 120, 90)
WHITE_NITS = 203  # reference white of HDR, ITU-R BT.2408
Clip = Callable[..., Path]


def flat(color: Sequence[int], width: int = 64, height: int = 48) -> Image:
    image = np.full((height, width, 4), 255, np.uint8)
    image[..., :3] = color
    return image


def frames_of(path: Path) -> list[Frame]:
    with VideoReader(path) as reader:
        return list(reader)


def write(path: Path, images: Sequence[Image], **options: object) -> Path:
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, 25, **options) as writer:
        for index, image in enumerate(images):
            writer.write(Frame(image, index, index / 25))
    return path


def write_stored(path: Path, frame: VideoFrame, codec: str = "libx264", **tags: int) -> Path:
    """A file of five equal frames, stored exactly as given and tagged as given."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        stream.codec_context.options = {"crf": "1"} if codec == "libx264" else {}
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for pts in range(5):
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def yuv(levels: Sequence[float], dtype: type, format: str, size: int = 64) -> VideoFrame:
    """A flat 4:2:0 picture of those three levels."""
    planes = np.empty((size * 3 // 2, size), dtype)
    planes[:size], planes[size : size * 5 // 4], planes[size * 5 // 4 :] = np.round(levels)
    return VideoFrame.from_ndarray(planes, format)


def packets_of(path: Path, **streams: int) -> list[tuple[bytes, Fraction]]:
    with av.open(path) as container:
        return [(bytes(p), p.pts * p.time_base) for p in container.demux(**streams) if p.size]


def with_tone(path: Path, video: Path, codec: str = "aac", seconds: float = 0.5) -> Path:
    """The same pictures and a tone of that codec."""
    rate = 48_000
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    with av.open(video) as source, av.open(path, "w") as target:
        pictures = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream(codec, rate=rate, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                target.mux(packet)
        samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        samples.sample_rate = rate
        converter = av.AudioResampler(sound.codec_context.format, "mono", rate, frame_size=1024)
        for frame in [*converter.resample(samples), *converter.resample(None)]:
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    return path


# --- colour -------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255), SKIN])
def test_i420_has_the_levels_that_bt709_limited_range_defines(color):
    red, green, blue = np.array(color) / 255
    y = float(BT709 @ (red, green, blue))
    expected = 16 + 219 * y, 128 + 224 * (blue - y) / 1.8556, 128 + 224 * (red - y) / 1.5748
    planes = I420Converter(64, 48).convert(flat(color))
    measured = planes[24, 30], planes[52, 10], planes[64, 10]
    assert_allclose(np.array(measured, float), expected, atol=0.6)


def test_i420_chroma_is_the_mean_of_all_four_pixels():
    image = flat((0, 0, 0))
    image[::2, ::2, 0] = 255
    v = I420Converter(64, 48).convert(image)[60:].ravel()
    assert_allclose(v, 128 + 112 / 4, atol=1)


def test_i420_turns_back_into_the_same_colours():
    back = rgba_from_i420(I420Converter(64, 48).convert(flat(SKIN)))
    assert back.shape == (48, 64, 4)
    assert_allclose(back[..., :3].astype(int), np.broadcast_to(SKIN, (48, 64, 3)), atol=3)


def test_i420_is_written_to_the_buffer_that_was_given():
    out = np.zeros((72, 64), np.uint8)
    assert I420Converter(64, 48).convert(flat(SKIN), out) is out
    assert out.min() > 0


def test_i420_refuses_odd_sizes_and_other_shapes():
    with pytest.raises(ValueError, match="even"):
        I420Converter(63, 48)
    with pytest.raises(ValueError, match="expected"):
        I420Converter(64, 48).convert(flat(SKIN, 66))


@pytest.mark.parametrize("range_", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 5], ids=["bt709", "bt601"])
def test_matrix_and_range_of_a_file_are_honoured(tmp_path, matrix, range_):
    weights = BT709 if matrix == 1 else np.array((0.299, 0.587, 0.114))
    red, green, blue = np.array(SKIN) / 255
    y = float(weights @ (red, green, blue))
    u, v = (blue - y) / (2 - 2 * weights[2]), (red - y) / (2 - 2 * weights[0])
    if range_ == 1:
        levels = 16 + 219 * y, 128 + 224 * u, 128 + 224 * v
    else:
        levels = 255 * y, 128 + 255 * u, 128 + 255 * v
    stored = yuv(levels, np.uint8, "yuv420p")
    path = write_stored(tmp_path / "tagged.mp4", stored, colorspace=matrix, color_range=range_)
    assert_allclose(frames_of(path)[2].image[32, 32, :3].astype(int), SKIN, atol=4)


@pytest.mark.parametrize("transfer", [ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67], ids=["pq", "hlg"])
def test_hdr_becomes_sdr_with_the_right_colours(tmp_path, transfer):
    path = write_stored(
        tmp_path / "hdr.mp4",
        yuv(hdr_levels(SKIN, transfer), np.uint16, "yuv420p10le"),
        color_range=1,
        colorspace=9,
        color_primaries=ColorPrimaries.BT2020,
        color_trc=transfer,
    )
    with VideoReader(path) as reader:
        red, green, blue = (int(c) for c in next(iter(reader)).image[32, 32, :3])
    # Decoded without tone-mapping, PQ skin is (125, 108, 94): grey and dark.
    assert (red, green, blue) == pytest.approx(SKIN, abs=24)
    assert red > green + 50 > blue + 70


def hdr_levels(color: Sequence[int], transfer: ColorTrc) -> tuple[float, float, float]:
    """10-bit levels of an sRGB colour, white at the reference white of HDR."""
    srgb = np.array(color) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    wide = BT2020_FROM_BT709 @ linear
    if transfer == ColorTrc.SMPTE2084:
        power = (wide * WHITE_NITS / 10_000) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        luminance = wide @ (0.2627, 0.6780, 0.0593)
        scene = wide * 0.265 * luminance ** (1 / 1.2 - 1)  # undo the display's gamma of 1.2
        log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        coded = np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)
    y = float(coded @ (0.2627, 0.6780, 0.0593))
    return (
        64 + 876 * y,
        512 + 896 * (coded[2] - y) / 1.8814,
        512 + 896 * (coded[0] - y) / 1.4746,
    )


def test_ten_bit_video_is_read(tmp_path):
    path = write_stored(tmp_path / "deep.mp4", yuv((504, 512, 512), np.uint16, "yuv420p10le"))
    assert_allclose(frames_of(path)[0].image[32, 32].astype(int), (128, 128, 128, 255), atol=2)


def test_transparent_video_is_read_as_opaque(tmp_path):
    transparent = VideoFrame.from_ndarray(flat(SKIN), "rgba").reformat(format="yuva420p")
    path = write_stored(tmp_path / "alpha.mov", transparent.reformat(format="argb"), "qtrle")
    image = frames_of(path)[0].image
    assert (image[..., 3] == 255).all()


# --- reading ------------------------------------------------------------------------------------


def test_frames_are_opaque_contiguous_and_read_only(clip: Clip):
    for frame in frames_of(clip()):
        assert frame.image.shape == (64, 96, 4)
        assert frame.image.flags.c_contiguous
        assert not frame.image.flags.writeable
        assert (frame.image[..., 3] == 255).all()


def test_the_metadata_of_a_file_is_read(clip: Clip):
    with VideoReader(clip(frames=10, fps=25)) as reader:
        info = reader.info
    assert (info.width, info.height, info.frames) == (96, 64, 10)
    assert info.rate == 25


def test_every_frame_comes_once_and_in_order(clip: Clip):
    frames = frames_of(clip(frames=10))
    assert [frame.index for frame in frames] == list(range(10))
    assert [round(frame.captured_at * 25) for frame in frames] == list(range(10))
    brightness = [int(frame.image[60, 2, 0]) for frame in frames]
    assert_allclose(brightness, [60 + 5 * i for i in range(10)], atol=4)


def test_variable_frame_rate_is_kept(tmp_path):
    times = [0.0, 0.04, 0.05, 0.3, 0.31, 1.0]
    path = tmp_path / "uneven.mp4"
    with VideoWriter(path, 64, 48, 25, time_base=Fraction(1, 90_000)) as writer:
        for index, at in enumerate(times):
            writer.write(Frame(flat(SKIN), index, at))
    assert_allclose([frame.captured_at for frame in frames_of(path)], times, atol=1e-9)


def test_equal_and_falling_times_are_made_to_rise(tmp_path):
    path = tmp_path / "stutter.nut"
    with av.open(path, "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for dts, pts in enumerate((0, 1, 1, 3, 2, 5)):
            frame = VideoFrame.from_ndarray(flat(SKIN)[..., :3].copy(), "rgb24")
            for packet in stream.encode(frame):
                packet.dts, packet.pts = dts - 10, pts
                container.mux(packet)
    times = [frame.captured_at for frame in frames_of(path)]
    assert len(times) == 6
    assert all(late > early for early, late in itertools.pairwise(times))


@pytest.mark.parametrize(("width", "height"), [(63, 47), (64, 47), (63, 48), (1, 1)])
def test_odd_sides_get_one_more_row_or_column_of_the_same_colours(tmp_path, width, height):
    image = flat(SKIN, width, height)
    image[:20, :30, :3] = (20, 40, 200)
    path = write(tmp_path / "odd.mp4", [image] * 3)
    back = frames_of(path)[1].image
    assert back.shape == (height + height % 2, width + width % 2, 4)
    assert back.flags.c_contiguous
    assert_allclose(back[:height, :width].astype(int), image, atol=20)
    assert_allclose(back[-1].astype(int), back[height - 1].astype(int), atol=8)
    assert_allclose(back[:, -1].astype(int), back[:, width - 1].astype(int), atol=8)
    with av.open(path) as container:  # what telephones and QuickTime play
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.profile) == ("yuv420p", "High")


def test_odd_frames_of_a_live_recording_are_made_even_too(tmp_path):
    path = write(tmp_path / "odd.mp4", [flat(SKIN, 63, 47)] * 3, effort="live")
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert container.streams.video[0].codec_context.width == 64


CORNERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 230))


def corners(image: Image) -> list[int]:
    """Returns which of CORNERS is top left, top right, bottom left, bottom right."""
    h, w = image.shape[:2]
    colors = (
        image[y, x, :3].astype(int) for y in (h // 4, h * 3 // 4) for x in (w // 4, w * 3 // 4)
    )
    return [int(np.abs(np.array(CORNERS) - color).sum(axis=1).argmin()) for color in colors]


@pytest.mark.parametrize(
    ("degrees", "flipped", "expected"),
    [
        (0, False, [0, 1, 2, 3]),
        (90, False, [1, 3, 0, 2]),  # counter-clockwise
        (180, False, [3, 2, 1, 0]),
        (270, False, [2, 0, 3, 1]),
        (0, True, [1, 0, 3, 2]),  # as front cameras of telephones write it
    ],
)
def test_frames_are_rotated_upright(tmp_path, degrees, flipped, expected):
    image = flat(CORNERS[0], 64, 48)
    image[:24, 32:, :3], image[24:, :32, :3], image[24:, 32:, :3] = CORNERS[1:]
    stored = write(tmp_path / "stored.mp4", [image] * 2)
    path = tmp_path / "turned.mp4"
    with av.open(stored) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(degrees, hflip=flipped)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with VideoReader(path) as reader:
        frame = next(iter(reader))
        assert frame.size == (reader.info.width, reader.info.height)
    assert frame.size == ((48, 64) if degrees in (90, 270) else (64, 48))
    assert corners(frame.image) == expected
    assert frame.image.flags.c_contiguous


def test_damaged_packets_lose_only_their_own_frames(clip: Clip, tmp_path):
    path = tmp_path / "damaged.mkv"
    with av.open(clip(frames=38)) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            wrong = av.Packet(b"\0\0\0\x08" + b"\xff" * 8) if number in (11, 12) else packet
            wrong.pts, wrong.dts, wrong.time_base = packet.pts, packet.dts, packet.time_base
            wrong.stream = stream
            target.mux(wrong)
    with VideoReader(path) as reader:
        frames = list(reader)
        assert reader.skipped >= 1
    assert 28 <= len(frames) < 38
    assert frames[-1].captured_at == pytest.approx(37 / 25, abs=0.01)


def test_the_frames_of_a_truncated_file_are_read(clip: Clip, tmp_path):
    whole = clip("whole.mkv", frames=38).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert 5 < len(frames_of(path)) < 38


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", b"", "is empty"),
        ("letter.mp4", b"Dear reader, this is no video. " * 50, "not a video"),
        ("noise.mp4", bytes(np.random.default_rng(1).integers(0, 256, 9000, np.uint8)), "not a"),
    ],
)
def test_a_file_that_is_no_video_is_named_and_explained(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        VideoReader(path)
    assert name in caught.value.message
    assert caught.value.hint


def test_a_recording_without_its_index_is_explained(clip: Clip, tmp_path):
    whole = clip(frames=30).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[:600])
    with pytest.raises(SourceError) as caught:
        VideoReader(path)
    assert caught.value.hint


def test_missing_files_and_folders_are_explained(tmp_path):
    with pytest.raises(SourceError, match="there is no file"):
        VideoReader(tmp_path / "nowhere.mp4")
    with pytest.raises(SourceError, match="folder"):
        VideoReader(tmp_path)


def test_a_file_with_sound_only_is_explained(clip: Clip, tmp_path):
    both = with_tone(tmp_path / "both.mp4", clip())
    path = tmp_path / "sound.m4a"
    with av.open(both) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with pytest.raises(SourceError, match="no pictures"):
        VideoReader(path)


def test_a_playlist_cannot_open_network_addresses(tmp_path):
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        VideoReader(path)


def test_names_with_colons_and_other_scripts_are_read(clip: Clip):
    path = clip("会议: 录像.mp4", frames=2)
    assert len(frames_of(path)) == 2


# --- writing ------------------------------------------------------------------------------------


def test_a_recording_is_h264_tagged_bt709_limited(clip: Clip):
    with av.open(clip()) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert context.color_range == 1


def test_i420_frames_are_written_as_they_are(tmp_path):
    i420 = I420Converter(64, 48).convert(flat(SKIN))
    path = tmp_path / "i420.mp4"
    with VideoWriter(path, 64, 48, 30) as writer:
        for index in range(3):
            writer.write(Frame(i420, index, index / 30, PixelFormat.I420))
    assert_allclose(frames_of(path)[1].image[20, 20, :3].astype(int), SKIN, atol=4)


def test_a_constant_rate_ignores_the_times_of_the_frames(tmp_path):
    path = tmp_path / "steady.mp4"
    with VideoWriter(path, 64, 48, 30) as writer:
        for index in range(6):
            writer.write(Frame(flat(SKIN), index, 1000 + index**2))
    frames = frames_of(path)
    assert_allclose([frame.captured_at for frame in frames], np.arange(6) / 30, atol=1e-4)


def test_times_read_from_a_file_are_written_to_the_tick(clip: Clip, tmp_path):
    source = clip(frames=12, fps=Fraction(30_000, 1001))
    path = tmp_path / "again.mp4"
    with VideoReader(source) as reader:
        info = reader.info
        with VideoWriter(path, 96, 64, info.rate, time_base=info.time_base) as writer:
            for frame in reader:
                writer.write(frame)
    assert [f.captured_at for f in frames_of(path)] == [f.captured_at for f in frames_of(source)]
    with VideoReader(path) as reader:
        assert reader.info.rate == info.rate
        assert reader.info.time_base == info.time_base
        assert reader.info.frames == info.frames


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_is_copied_bit_for_bit(clip: Clip, tmp_path, suffix):
    source = with_tone(tmp_path / "tone.mp4", clip())
    path = tmp_path / f"copy{suffix}"
    with VideoWriter(path, 96, 64, 25, streams=plan_streams(source, path)) as writer:
        for frame in frames_of(source):
            writer.write(frame)
    assert writer.carried.sound == "copied"
    before, after = packets_of(source, audio=0), packets_of(path, audio=0)
    assert [data for data, _ in after] == [data for data, _ in before]
    delay = {round(float(b[1] - a[1]), 2) for a, b in zip(before, after, strict=True)}
    assert len(delay) == 1  # Matroska starts at 0, so everything may move, together
    moved = float(packets_of(path, video=0)[0][1] - packets_of(source, video=0)[0][1])
    assert moved == pytest.approx(delay.pop(), abs=0.011)


def test_sound_that_the_container_cannot_hold_is_encoded_again(clip: Clip, tmp_path):
    source = with_tone(tmp_path / "tone.mkv", clip(), codec="wavpack")
    path = tmp_path / "copy.mp4"
    with VideoWriter(path, 96, 64, 25, streams=plan_streams(source, path)) as writer:
        for frame in frames_of(source):
            writer.write(frame)
    assert writer.carried.sound == "encoded again as AAC"
    with av.open(path) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        heard = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    assert len(heard) / 48_000 == pytest.approx(0.5, abs=0.1)
    spectrum = np.abs(np.fft.rfft(heard[4800:14400]))
    assert np.argmax(spectrum) * 48_000 / 9600 == pytest.approx(440, abs=6)


def test_a_source_without_sound_gives_a_file_without_sound(clip: Clip, tmp_path):
    source = clip()
    path = tmp_path / "silent.mp4"
    with VideoWriter(path, 96, 64, 25, streams=plan_streams(source, path)) as writer:
        writer.write(frames_of(source)[0])
    assert writer.carried.sound == "none"
    with av.open(str(path)) as container:
        assert not container.streams.audio


def test_the_file_has_no_name_before_it_is_complete(tmp_path):
    path = tmp_path / "out.mp4"
    writer = VideoWriter(path, 64, 48, 25)
    writer.write(Frame(flat(SKIN), 0, 0.0))
    assert not path.exists()
    writer.close()
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_an_aborted_recording_leaves_no_file_and_keeps_the_old_one(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"older")
    writer = VideoWriter(path, 64, 48, 25)
    writer.write(Frame(flat(SKIN), 0, 0.0))
    writer.abort()
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_bytes() == b"older"


def test_a_recording_without_frames_leaves_no_file(tmp_path):
    VideoWriter(tmp_path / "out.mp4", 64, 48, 25).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("nowhere/out.mp4", "no folder"), ("out.xyz", "cannot be written"), ("out.webm", "webm")],
)
def test_a_file_that_cannot_be_written_is_explained(tmp_path, name, words):
    with pytest.raises(SinkError, match=words) as caught:
        VideoWriter(tmp_path / name, 64, 48, 25)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_size_are_refused(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 25) as writer:
        writer.write(Frame(flat(SKIN), 0, 0.0))
        with pytest.raises(SinkError, match="66x48"):
            writer.write(Frame(flat(SKIN, 66), 1, 0.04))


FULL_DISK = """
import sys, numpy as np
from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.media.writer import VideoWriter
noise = np.random.default_rng(0).integers(0, 256, (240, 320, 4), np.uint8)
try:
    with VideoWriter(sys.argv[1], 320, 240, 25) as writer:
        for index in range(60):
            writer.write(Frame(np.roll(noise, index * 7), index, index / 25))
except SinkError as error:
    print(error.message, "|", error.hint)
"""


def test_a_full_disk_is_reported_and_leaves_nothing_behind(tmp_path):
    def only_100_kb() -> None:  # the kernel then fails writes just as on a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "out.mp4")],
        capture_output=True,
        text=True,
        preexec_fn=only_100_kb,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "disk is full" in done.stdout
    assert list(tmp_path.iterdir()) == []

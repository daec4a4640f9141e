"""Films and PNG files with alpha return it unchanged."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.core.frame import Frame, PixelFormat
from livecam.media.reader import VideoReader
from livecam.media.streams import plan_streams
from livecam.media.writer import VideoWriter
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence
from livecam.sinks.recorder import Recorder

WIDTH, HEIGHT = 128, 96
COLOR = (210, 120, 40)


def head(n=0):
    """A soft disc that moves; where alpha is 0 there is no colour either."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = np.clip((30 - np.hypot(x - 50 - 3 * n, y - 48)) / 4 + 0.5, 0, 1)
    image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    image[..., 3] = (255 * alpha).round()
    image[image[..., 3] > 0, :3] = COLOR
    return image


def written(path, **options):
    with VideoWriter(path, WIDTH, HEIGHT, 25, alpha=True, **options) as writer:
        for n in range(6):
            writer.write(Frame(head(n), n, n / 25))
    return path


def read(path):
    """The pictures with their alpha, uint8[h, w, 4] each."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        if path.suffix == ".webm":  # FFmpeg's own VP9 decoder leaves alpha out
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [
                f for packet in container.demux(stream) if packet for f in decoder.decode(packet)
            ]
        else:
            frames = list(container.decode(stream))
        return [frame.to_ndarray(format="rgba") for frame in frames]


def tone(path, codec, container_format=None):
    """Six pictures with a tone of that codec."""
    rate = 48_000
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate // 4) / rate)
    with av.open(path, "w", format=container_format) as target:
        pictures = target.add_stream("mpeg4", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = target.add_stream(codec, rate=rate, layout="mono")
        for _ in range(6):
            target.mux(pictures.encode(av.VideoFrame(WIDTH, HEIGHT, "yuv420p")))
        target.mux(pictures.encode(None))
        samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        samples.sample_rate = rate
        converter = av.AudioResampler(sound.codec_context.format, "mono", rate, frame_size=960)
        for frame in [*converter.resample(samples), *converter.resample(None)]:
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "effort", "codec", "mean", "max_error"),
    [
        ("head.webm", "good", "vp9", 0.5, 40),
        ("head.webm", "live", "vp9", 0.8, 50),
        ("head.mov", "good", "prores", 0.1, 2),
        ("head.mov", "live", "qtrle", 0.0, 0),
    ],
)
def test_alpha_survives_writing_and_reading(tmp_path, name, effort, codec, mean, max_error):
    path = written(tmp_path / name, effort=effort)
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.name == codec
    pictures = read(path)
    assert len(pictures) == 6
    for n, picture in enumerate(pictures):
        off = np.abs(picture[..., 3].astype(int) - head(n)[..., 3])
        assert off.mean() <= mean
        assert off.max() <= max_error


@pytest.mark.parametrize("name", ["head.webm", "head.mov"])
def test_colours_at_the_edge_are_not_mixed_with_black(tmp_path, name):
    for n, picture in enumerate(read(written(tmp_path / name))):
        opaque = head(n)[..., 3] > 0
        assert np.abs(picture[opaque][:, :3].astype(int) - COLOR).max() <= 16


def test_the_reader_returns_opaque_frames(tmp_path):
    with VideoReader(written(tmp_path / "head.mov")) as reader:
        assert all((frame.image[..., 3] == 255).all() for frame in reader)


@pytest.mark.parametrize("name", ["head.mp4", "head.mkv", "head"])
def test_a_container_without_alpha_is_refused_before_the_file_is_made(tmp_path, name):
    with pytest.raises(SinkError, match="cannot carry alpha") as caught:
        VideoWriter(tmp_path / name, WIDTH, HEIGHT, 25, alpha=True)
    assert ".mov" in caught.value.hint
    assert ".webm" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_frames_without_alpha_are_refused_by_a_writer_with_alpha(tmp_path):
    planes = Frame(np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8), 0, 0.0, PixelFormat.I420)
    with (
        pytest.raises(SinkError, match="without alpha"),
        VideoWriter(tmp_path / "a.mov", WIDTH, HEIGHT, 25, alpha=True) as writer,
    ):
        writer.write(planes)


@pytest.mark.parametrize("size", [(33, 27), (64, 27)])
@pytest.mark.parametrize("name", ["odd.webm", "odd.mov"])
def test_odd_sizes_are_kept(tmp_path, name, size):
    width, height = size
    image = np.full((height, width, 4), 200, np.uint8)
    with VideoWriter(tmp_path / name, width, height, 25, alpha=True) as writer:
        for n in range(3):
            writer.write(Frame(image, n, n / 25))
    picture = read(tmp_path / name)[0]
    assert picture.shape == image.shape
    assert np.abs(picture.astype(int) - 200).max() <= 6


@pytest.mark.parametrize(
    ("source", "codec", "target", "outcome", "stored"),
    [
        ("in.mkv", "libopus", "out.webm", "copied", "opus"),
        ("in.mp4", "aac", "out.webm", "encoded again as Opus", "opus"),
        ("in.mp4", "aac", "out.mov", "copied", "aac"),
    ],
)
def test_sound_is_copied_beside_alpha(tmp_path, source, codec, target, outcome, stored):
    path = tmp_path / target
    sound = tone(tmp_path / source, codec)
    streams = plan_streams(sound, path)
    with VideoWriter(path, WIDTH, HEIGHT, Fraction(25), streams=streams, alpha=True) as writer:
        for n in range(6):
            writer.write(Frame(head(n), n, n / 25))
    assert writer.carried.sound == outcome
    with av.open(path) as container:
        assert container.streams.audio[0].codec_context.name == stored
        heard = np.concatenate([f.to_ndarray().ravel() for f in container.decode(audio=0)])
    assert 0.2 * 48_000 < heard.size < 0.35 * 48_000
    assert np.abs(heard).max() > 0.2


def test_png_files_keep_alpha_bit_for_bit(tmp_path):
    sink = PngSequence(tmp_path, alpha=True)
    sink.open(OutputInfo(WIDTH, HEIGHT, 25))
    sink.send(Frame(head(), 0, 0.0))
    sink.close()
    stored = cv2.imread(str(tmp_path / "00000001.png"), cv2.IMREAD_UNCHANGED)
    assert (cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA) == head()).all()


def test_a_recording_keeps_alpha(tmp_path):
    recorder = Recorder(tmp_path / "head.mov", alpha=True)
    assert recorder.format is PixelFormat.RGBA
    recorder.open(OutputInfo(WIDTH, HEIGHT, 25))
    for n in range(4):
        recorder.send(Frame(head(n), n, n / 25))
    recorder.close()
    assert [(p == head(n)).all() for n, p in enumerate(read(tmp_path / "head.mov"))] == [True] * 4

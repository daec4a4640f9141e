"""Images and videos from outside: sizes are refused before decoding, damage is one sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from livecam.cli.terminal import ImageProtocol, image_with_text
from livecam.compose.background import background_stage
from livecam.compose.effects.stickers import load_sticker
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError, DeviceError, GraphicsError, SinkError, SourceError
from livecam.core.frame import MAX_SIDE_PX, check_size
from livecam.core.image_header import read_image_header
from livecam.core.timing import ManualClock
from livecam.media.images import read_image
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter
from livecam.pipeline.build import output_info
from livecam.render.targets import ImageTarget
from livecam.sources.base import SourceInfo
from livecam.sources.image import ImageFile

SUFFIXES = (".png", ".jpg", ".webp", ".bmp", ".tiff")
NOISE = np.random.default_rng(1).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def encoded(suffix: str, image: np.ndarray = NOISE) -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, before_data: bytes = b"") -> bytes:
    """A file with the header of a PNG of that size, and hardly any pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + head + before_data + data + chunk(b"IEND", b"")


def open_source(path: Path) -> None:
    ImageFile(ManualClock(), path).open()


def open_sticker(path: Path) -> None:
    (path.parent / "sticker.toml").write_text(
        f'title = "x"\n[[part]]\npicture = "{path.name}"\nanchor = [1]\nsize = 1', "utf-8"
    )
    load_sticker(str(path.parent))


READERS: dict[str, Callable[[Path], Any]] = {
    "source": open_source,
    "background": lambda path: background_stage(str(path)),
    "sticker": open_sticker,
}


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the image was decoded")

    monkeypatch.setattr(cv2, "imdecode", refuse)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(37, 53, 3), (1, 200, 3), (300, 2, 3), (16, 16)])
def test_the_header_tells_the_size(suffix: str, shape: tuple[int, ...]):
    image = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    header = read_image_header(encoded(suffix, image))
    assert header is not None
    assert (header.height, header.width) == shape[:2]
    assert header.complete
    assert not header.animated


def test_the_header_of_a_lossless_or_extended_webp_tells_the_size():
    for image in (NOISE, np.dstack((NOISE, NOISE[..., 0]))):
        done, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])
        assert done
        header = read_image_header(data.tobytes())
        assert header is not None
        assert (header.width, header.height) == (53, 37)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_headers_are_no_error_of_the_reader(suffix: str):
    data, random = encoded(suffix), np.random.default_rng(3)
    for size in range(0, 64, 3):
        read_image_header(data[:size])
    for _ in range(300):
        damaged = bytearray(data)
        for at in random.integers(4, min(len(data), 400), 3):
            damaged[at] = random.integers(256)
        read_image_header(bytes(damaged))


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("size", [(30000, 30000), (16385, 10), (10, 40000), (9000, 9000), (0, 5)])
def test_too_large_a_picture_is_refused_by_its_header(
    reader: str, size: tuple[int, int], tmp_path: Path
):
    path = tmp_path / "huge.png"
    path.write_bytes(png(*size))
    with pytest.raises((SourceError, ConfigError), match=rf"huge\.png.*{size[0]}x{size[1]}") as it:
        READERS[reader](path)
    assert it.value.hint


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".tiff"])
def test_other_kinds_are_refused_by_their_headers_too(suffix: str, tmp_path: Path):
    data = bytearray(encoded(suffix))
    big, little = struct.pack(">H", 53), struct.pack("<H", 53)
    at = data.find(big if suffix == ".jpg" else little)
    data[at : at + 2] = b"\xff\xff" if suffix in (".jpg", ".tiff") else b"\xff\x3f"
    if suffix == ".bmp":
        data[at : at + 4] = struct.pack("<i", 1 << 30)
    if suffix == ".webp":  # a canvas of 24 bits
        canvas = bytes(4) + b"\xff\xff\x01" * 2
        data[4:] = struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    path = tmp_path / f"huge{suffix}"
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="is too large"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("reader", ["source", "background"])
def test_a_picture_that_was_cut_short_says_so(suffix: str, reader: str, tmp_path: Path):
    path = tmp_path / f"half{suffix}"
    data = encoded(suffix)
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises((SourceError, ConfigError), match=r"half\..* is cut short"):
        READERS[reader](path)


@pytest.mark.parametrize("suffix", [".bmp", ".tiff"])
def test_other_kinds_cut_short_are_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"half{suffix}"
    data = encoded(suffix)
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SourceError):
        read_image(path)


def test_an_animated_picture_says_so(tmp_path: Path):
    path = tmp_path / "moving.png"
    path.write_bytes(png(8, 8, chunk(b"acTL", struct.pack(">II", 2, 0))))
    with pytest.raises(SourceError, match="is an animated PNG") as caught:
        read_image(path)
    assert "video" in caught.value.hint
    canvas = struct.pack("<B3x", 2) + (7).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    path.with_suffix(".webp").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(SourceError, match="is an animated WebP"):
        read_image(path.with_suffix(".webp"))


def test_a_jpeg_of_thousands_of_scans_is_refused(tmp_path: Path):
    data = encoded(".jpg")
    at = data.index(b"\xff\xda")
    (tmp_path / "slow.jpg").write_bytes(data[:at] + b"\xff\xda\0\x02" * 5000 + data[at:])
    with pytest.raises(SourceError, match="5001 scans"):
        read_image(tmp_path / "slow.jpg")


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize(
    "data", [b"", b"P6 30000 30000 255\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"GIF89a", b"\xff\xd8\xff"]
)
def test_what_cannot_be_measured_is_not_decoded(data: bytes, tmp_path: Path):
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(SourceError, match="is not a picture that can be read"):
        read_image(tmp_path / "x.png")


def test_damaged_pictures_are_one_sentence(tmp_path: Path):
    random = np.random.default_rng(4)
    for number in range(60):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        data = bytearray(encoded(suffix))
        for at in random.integers(0, len(data), 6):
            data[at] = random.integers(256)
        path = tmp_path / f"x{suffix}"
        path.write_bytes(bytes(data))
        with suppress(SourceError):  # nothing else is raised
            assert read_image(path).shape[2] == 4


def test_a_broken_thumbnail_is_left_out(tmp_path: Path):
    path = tmp_path / "thumbnail.png"
    for data in (png(30000, 30000), b"text", encoded(".png", NOISE[..., 0])):
        path.write_bytes(data)
        assert "one" in image_with_text(path, ["one"], ImageProtocol.BLOCKS)


def test_a_video_that_is_too_wide_is_refused_before_a_frame_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 33000, 16, "yuv420p"
        image = np.zeros((16, 33000, 3), np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    monkeypatch.setattr(VideoReader, "_decode", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(SourceError, match=r"wide\.mkv is too large: 33000x16 pixels") as caught:
        VideoReader(path)
    assert str(MAX_SIDE_PX) in caught.value.hint


def test_a_picture_by_the_name_of_a_video_is_refused_too(tmp_path: Path):
    path = tmp_path / "huge.mkv"
    path.write_bytes(png(30000, 30000))
    with pytest.raises(SourceError, match="is too large: 30000x30000 pixels"):
        VideoReader(path)


def test_every_source_and_every_video_written_has_a_size_that_can_be_drawn(tmp_path: Path):
    with pytest.raises(SourceError, match="camera is too large"):
        SourceInfo("camera", 16385, 720, 30.0)
    with pytest.raises(SourceError, match="camera is too large: 8192x8192"):
        SourceInfo("camera", 8192, 8192, 30.0)
    with pytest.raises(SinkError, match=r"out\.mp4 is too large"):
        VideoWriter(tmp_path / "out.mp4", 16386, 720, 25)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size", "refused"),
    [((16384, 4096), False), ((8192, 8192), False), ((16385, 1), True), ((8193, 8193), True)],
)
def test_the_limits_of_a_size(size: tuple[int, int], refused: bool):
    if refused:
        with pytest.raises(DeviceError, match="is too large"):
            check_size("it", *size)
    else:
        check_size("it", *size)


@pytest.mark.parametrize(("width", "height"), [(2000, 16), (16, 2000)])
def test_a_published_size_that_follows_from_the_source_is_limited_too(width: int, height: int):
    wanted = {"out_height": 1080} if width > height else {"out_width": 1920}
    settings = Settings.model_validate({"output": wanted})
    with pytest.raises(ConfigError, match="the published picture is too large"):
        output_info(settings, SourceInfo("film", width, height, 30.0))


def test_a_size_beyond_the_graphics_card_is_named_before_it_is_allocated():
    ctx: Any = SimpleNamespace(info={"GL_MAX_TEXTURE_SIZE": 4096})
    with pytest.raises(GraphicsError, match="5000x100") as caught:
        ImageTarget(ctx, (5000, 100))
    assert "4096" in caught.value.hint

"""Films whose shape, fields, clock or length are not what a reader would like."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.reformatter import ColorTrc
from numpy.testing import assert_allclose

from livecam.core.frame import Frame, Image
from livecam.core.timing import ManualClock
from livecam.media.reader import VideoReader
from livecam.media.shape import Shape
from livecam.media.writer import VideoWriter
from livecam.sources.video import VideoFile
from tests.films import RATE, disc, encoded, frames_of, joined, roundness

PERIOD = 5  # steps after which `pan` is the same
INTERLACED = {"x264-params": "bff=1:crf=4:keyint=10"}


def grey(index: int, width: int = 64, height: int = 48) -> Image:
    return np.full((height, width, 4), 20 + 8 * index, np.uint8)


def level(frame: Frame) -> int:
    """The index of a grey frame."""
    return round((float(frame.image[..., :3].mean()) - 20) / 8)


# --- shape --------------------------------------------------------------------------------------


def test_a_change_of_size_inside_a_file_stretches_nothing(tmp_path: Path):
    upright = encoded(tmp_path / "a.ts", [disc(96, 160)] * 6)
    across = encoded(tmp_path / "b.ts", [disc(160, 96)] * 6, starts=6)
    frames = frames_of(joined(tmp_path / "film.ts", [upright, across]))
    assert [frame.size for frame in frames] == [(96, 160)] * 6 + [(160, 96)] * 6
    assert_allclose([roundness(frame.image) for frame in frames], 1, atol=0.05)
    assert_allclose([frame.captured_at for frame in frames], np.arange(12) / RATE, atol=1e-6)


def test_a_change_of_format_and_range_inside_a_file_keeps_the_colours(tmp_path: Path):
    color = np.empty((96, 96, 4), np.uint8)
    color[:] = (200, 120, 90, 255)
    parts = [
        encoded(tmp_path / "a.ts", [color] * 4),
        encoded(tmp_path / "b.ts", [color] * 4, starts=4, full_range=True),
        encoded(tmp_path / "c.ts", [color] * 4, starts=8, format="yuv444p"),
    ]
    frames = frames_of(joined(tmp_path / "film.ts", parts))
    assert len(frames) == 12
    for frame in frames:
        assert_allclose(frame.image[48, 48, :3].astype(int), color[0, 0, :3], atol=4)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(64, 45), Fraction(8, 9)])
def test_pixels_that_are_not_square_become_square(tmp_path: Path, suffix: str, aspect: Fraction):
    path = encoded(tmp_path / f"film{suffix}", [disc(120, 144, float(aspect))] * 3, aspect=aspect)
    for frame in frames_of(path):
        assert roundness(frame.image) == pytest.approx(1, abs=0.05)
        assert frame.width >= 120
        assert frame.height >= 144
        assert frame.width % 2 == frame.height % 2 == 0


def test_the_pixel_aspect_may_change_inside_a_file(tmp_path: Path):
    wide = encoded(tmp_path / "a.ts", [disc(96, 96, 1.5)] * 12, aspect=Fraction(3, 2))
    square = encoded(tmp_path / "b.ts", [disc(96, 96)] * 12, starts=12)
    frames = frames_of(joined(tmp_path / "film.ts", [wide, square]))
    assert [frame.size for frame in frames] == [(144, 96)] * 12 + [(96, 96)] * 12
    assert_allclose([roundness(frame.image) for frame in frames], 1, atol=0.05)


def test_impossible_and_unnoticeable_pixel_aspects_are_ignored():
    for aspect in (Fraction(1, 65535), Fraction(9), Fraction(1001, 1000)):
        assert Shape(640, 480, aspect, ((1, 0), (0, 1))).size == (640, 480)


def test_a_source_file_may_change_its_size_live_and_says_so_once(tmp_path: Path, caplog):
    parts = [
        encoded(tmp_path / f"{index}.ts", [disc(*size)] * 4, starts=4 * index)
        for index, size in enumerate([(96, 160), (160, 96), (96, 160)])
    ]
    source = VideoFile(ManualClock(), joined(tmp_path / "film.ts", parts))
    source.open()
    sizes = [source.read().size for _ in range(24)]
    source.close()
    assert sizes == ([(96, 160)] * 4 + [(160, 96)] * 4 + [(96, 160)] * 4) * 2
    assert caplog.text.count("changes its size") == 1


@pytest.mark.parametrize("transfer", [ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67])
def test_it_is_said_once_that_hdr_becomes_sdr(tmp_path: Path, caplog, transfer: ColorTrc):
    path = encoded(tmp_path / "film.mp4", [grey(5)] * 3, transfer=int(transfer))
    source = VideoFile(ManualClock(), path)
    with caplog.at_level("INFO"):
        source.open()
        for _ in range(8):  # it starts again
            source.read()
        source.close()
    assert caplog.text.count("is HDR; it becomes SDR") == 1


# --- fields -------------------------------------------------------------------------------------


def pan(step: int) -> Image:
    """Stripes that move by eight pixels a step, a fifth of their period."""
    across = (np.arange(160) + 8 * step) // 20 % 2
    return np.repeat(np.uint8(40 + 170 * across)[None, :, None], 96, 0).repeat(4, 2)


def woven(index: int) -> Image:
    """Two fields of different times, the lower one first."""
    image = pan(2 * index + 1)
    image[1::2] = pan(2 * index)[1::2]
    return image


def combs(image: Image) -> float:
    """How far rows differ from those above and below."""
    rows = image[8:-8, 16:-16, 1].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_interlaced_films_have_no_combs_and_keep_their_times(tmp_path: Path):
    path = encoded(tmp_path / "film.mp4", [woven(i) for i in range(12)], options=INTERLACED)
    frames = frames_of(path)
    assert combs(woven(3)) > 20
    assert max(combs(frame.image) for frame in frames) < 4
    assert_allclose([frame.captured_at for frame in frames], np.arange(12) / RATE, atol=1e-6)
    for index, frame in enumerate(frames[1:-1], 1):  # each shows its own time
        apart = [np.abs(frame.image.astype(int) - pan(k)).mean() for k in range(PERIOD)]
        assert int(np.argmin(apart)) == 2 * index % PERIOD


def test_progressive_parts_of_an_interlaced_film_pass_unchanged(tmp_path: Path):
    calm = [pan(i) for i in range(6)]
    parts = [
        encoded(tmp_path / "a.ts", calm),
        encoded(tmp_path / "b.ts", [woven(i) for i in range(6)], options=INTERLACED, starts=6),
        encoded(tmp_path / "c.ts", calm, starts=12),
    ]
    frames = frames_of(joined(tmp_path / "film.ts", parts))
    alone = frames_of(parts[0])
    assert len(frames) == 18
    assert max(combs(frame.image) for frame in frames) < 4
    for part in (frames[:6], frames[12:]):
        assert all((a.image == b.image).all() for a, b in zip(part, alone, strict=True))
    assert_allclose([frame.captured_at for frame in frames], np.arange(18) / RATE, atol=1e-6)


def test_a_single_interlaced_frame_is_not_lost(tmp_path: Path):
    path = encoded(tmp_path / "film.mp4", [woven(0)], options=INTERLACED)
    assert len(frames_of(path)) == 1


# --- clocks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("film.mp4", {}),
        ("film.mov", {}),
        ("fragments.mp4", {"movflags": "frag_keyframe+delay_moov"}),
        ("film.mkv", {"avoid_negative_ts": "disabled"}),
    ],
)
def test_what_was_cut_away_at_the_beginning_is_not_read(tmp_path: Path, name: str, options):
    path = encoded(tmp_path / name, [grey(i) for i in range(20)], starts=-5, container=options)
    with VideoReader(path) as reader:
        frames = list(reader)
        assert reader.missing == 0
        assert reader.end_s == pytest.approx(15 / RATE, abs=1e-3)
    assert [level(frame) for frame in frames] == list(range(5, 20))
    assert_allclose([frame.captured_at for frame in frames], np.arange(15) / RATE, atol=1e-3)


@pytest.mark.parametrize("starts", [25 * 40_000, 3, -50])
def test_times_are_counted_from_the_first_frame(tmp_path: Path, starts: int):
    path = encoded(
        tmp_path / "film.ts", [grey(i) for i in range(8)], starts=starts,
        container={"avoid_negative_ts": "disabled"},
    )  # fmt: skip
    with VideoReader(path) as reader:
        frames = list(reader)
        assert reader.info.origin == Fraction(starts, RATE)
    assert_allclose([frame.captured_at for frame in frames], np.arange(8) / RATE, atol=1e-6)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_the_last_frame_keeps_its_duration(tmp_path: Path, suffix: str):
    gif = {"codec": "gif", "format": "rgb8", "options": {}}
    path = encoded(
        tmp_path / f"film{suffix}", [grey(i) for i in range(8)], last=50,
        ticks=[0, 1, 2, 5, 6, 7, 8, 9], **gif if suffix == ".gif" else {"options": {"bf": "0"}},
    )  # fmt: skip
    with VideoReader(path) as reader:
        last = list(reader)[-1]
        assert reader.end_s == pytest.approx(last.captured_at + 2, abs=2e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_duration_of_the_last_frame_is_written(tmp_path: Path, suffix: str):
    path = tmp_path / f"film{suffix}"
    with VideoWriter(path, 64, 48, RATE, time_base=Fraction(1, 12800)) as writer:
        for index, at in enumerate([0, 0.04, 0.08, 0.3, 0.34, 0.38, 0.42]):
            writer.write(Frame(grey(index), index, at), 2.0 if index == 6 else 0.04)
    with VideoReader(path) as reader:
        assert len(list(reader)) == 7
        assert reader.end_s == pytest.approx(2.42, abs=2e-3)


def test_a_live_film_starts_again_when_its_last_frame_is_over(tmp_path: Path):
    path = encoded(tmp_path / "film.mp4", [grey(i) for i in range(4)], options={"bf": "0"}, last=15)
    source = VideoFile(ManualClock(), path)
    source.open()
    times = [source.read().captured_at for _ in range(8)]
    source.close()
    assert times[4] - times[3] == pytest.approx(15 / RATE, abs=1e-3)


# --- length -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "libx264"), (".avi", "mpeg4"), (".mkv", "libx264")]
)
def test_a_film_that_was_cut_short_counts_what_is_missing(tmp_path: Path, suffix: str, codec: str):
    noise = np.random.default_rng(3).integers(0, 255, (60, 48, 64, 4), np.uint8)
    path = encoded(
        tmp_path / f"film{suffix}", list(noise), codec=codec, options={"bf": "0", "g": "10"},
        container={"movflags": "faststart"} if suffix == ".mp4" else None,
    )  # fmt: skip
    with VideoReader(path) as whole:
        assert sum(1 for _ in whole) == 60
        assert whole.missing == 0
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with VideoReader(path) as half:
        count = sum(1 for _ in half)
        assert half.missing + count == pytest.approx(60, abs=1)
        assert 20 < count < 40
        assert half.end_s == pytest.approx(count / RATE, abs=1 / RATE)


def test_an_avi_file_with_pauses_misses_nothing(tmp_path: Path):
    path = encoded(
        tmp_path / "film.avi", [grey(i) for i in range(6)], codec="mpeg4", options={"bf": "0"},
        ticks=[0, 1, 2, 10, 11, 30],
    )  # fmt: skip
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader) == 6
        assert reader.missing == 0


# --- names of others ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi"])
def test_a_title_in_another_encoding_costs_nothing(tmp_path: Path, suffix: str):
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = encoded(
        tmp_path / f"film{suffix}", [grey(i) for i in range(4)], codec=codec,
        options={}, metadata={"title": "直播录像"}, encoding="gbk",
    )  # fmt: skip
    assert "直播录像".encode("gbk") in path.read_bytes()
    assert len(frames_of(path)) == 4

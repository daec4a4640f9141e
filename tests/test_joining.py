"""Pictures that were encoded in pieces are joined into the film that one encoder would write."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.media.encodings import Effort
from livecam.media.joining import PictureTimes, join_pictures, piece_suffix
from livecam.media.reader import VideoReader
from livecam.media.results import RESULT_TAGS, is_result
from livecam.media.streams import plan_streams
from livecam.media.writer import VideoWriter
from tests.test_convert import beep, differs

SIZE, COUNT = (160, 96), 61
BASE, RATE = Fraction(1, 90_000), Fraction(25)
ENDS = (0, 17, 20, 44, COUNT)  # one piece is shorter than the encoder looks ahead
MOST = 4.0  # mean difference of two encodings, of 255


def ticks() -> list[int]:
    """Uneven times."""
    steps = np.random.default_rng(4).integers(2000, 5000, COUNT)
    return [0, *np.cumsum(steps).tolist()][:COUNT]


def picture(index: int) -> Frame:
    small = np.random.default_rng(1).integers(0, 255, (6, 8, 4)).astype(np.uint8)
    image = cv2.resize(np.roll(small, index // 4, axis=1), SIZE, interpolation=cv2.INTER_CUBIC)
    image[:, index : index + 8, :3] = 255
    return Frame(image, index, float(ticks()[index] * BASE))


def opaque(frame: Frame) -> Frame:
    frame.image[..., 3] = 255
    return frame


def durations() -> list[int]:
    return [*(b - a for a, b in pairwise(ticks())), 3600]


def written(
    path: Path,
    frames: range,
    alpha: bool,
    sound: Path | None = None,
    effort: Effort = "good",
) -> Path:
    streams = None if sound is None else plan_streams(sound, path)
    begins_s = picture(frames.start).captured_at
    with VideoWriter(
        path,
        *SIZE,
        RATE,
        time_base=BASE,
        alpha=alpha,
        streams=streams,
        tags=RESULT_TAGS,
        effort=effort,
    ) as writer:
        for index in frames:
            frame = picture(index) if alpha else opaque(picture(index))
            moved = Frame(frame.image, index, frame.captured_at - begins_s)
            writer.write(moved, float(durations()[index] * BASE))
    return path


def packets(path: Path, kind: str) -> list[tuple[int | None, int | None, bytes]]:
    with av.open(str(path)) as film:
        return [(p.pts, p.dts, bytes(p)) for p in demuxed(film, kind)]


def demuxed(film: Any, kind: str) -> Iterator[Any]:
    stream = next(stream for stream in film.streams if stream.type == kind)
    return (packet for packet in film.demux(stream) if packet.size)


def about(path: Path) -> dict[str, object]:
    with av.open(str(path)) as film:
        video = film.streams.video[0]
        context = video.codec_context
        return {
            "tags": dict(film.metadata),
            "stream": {k: v for k, v in video.metadata.items() if k != "encoder"},
            "duration": (film.duration, video.duration),
            "rate": (video.average_rate, video.time_base),
            "colours": (context.colorspace, context.color_range, context.color_primaries),
            "format": (context.name, context.pix_fmt, context.codec_tag, video.disposition),
        }


@pytest.mark.parametrize(
    ("suffix", "alpha", "effort"),
    [(".mp4", False, "good"), (".m4v", False, "good"), (".mov", False, "good"),
     (".mkv", False, "good"), (".webm", True, "good"), (".mov", True, "good"),
     (".mp4", False, "draft"), (".mp4", False, "best"), (".webm", True, "draft"),
     (".webm", True, "best")],
)  # fmt: skip
def test_joined_pieces_are_the_film_that_was_written_in_one(
    suffix: str, alpha: bool, effort: Effort, tmp_path: Path
):
    sound = beep(tmp_path / "beep.m4a", 2.4)
    whole = written(tmp_path / f"whole{suffix}", range(COUNT), alpha, sound, effort)
    pieces = [
        written(
            tmp_path / f"{a}{piece_suffix(whole, alpha=alpha)}", range(a, b), alpha, effort=effort
        )
        for a, b in pairwise(ENDS)
    ]
    joined = tmp_path / f"joined{suffix}"
    times = PictureTimes(ticks(), durations(), BASE, RATE)
    streams = join_pictures(
        pieces, joined, SIZE, times, plan_streams(sound, joined), RESULT_TAGS, alpha=alpha,
        effort=effort,
    )  # fmt: skip
    assert streams.sound.startswith(("copied", "encoded"))
    assert is_result(joined)
    assert about(joined) == about(whole)
    assert packets(joined, "audio") == packets(whole, "audio")
    for shown, decoded in zip(*(packets(path, "video") for path in (joined, whole)), strict=True):
        assert shown[1] == decoded[1]
    assert sorted(p[0] for p in packets(joined, "video")) == sorted(
        p[0] for p in packets(whole, "video")
    )
    with VideoReader(joined) as one, VideoReader(whole) as other:
        for a, b in zip(one, other, strict=True):
            assert a.captured_at == b.captured_at
            assert differs(a.image, b.image) < MOST
        assert (one.end_s, one.missing) == (other.end_s, 0)
    if suffix == ".webm":  # the reader drops alpha; it is a stream of its own beside the colours
        with av.open(str(joined)) as film:
            assert all(p.has_sidedata("matroska_block_additional") for p in demuxed(film, "video"))


def test_pieces_that_do_not_fit_together_are_refused_and_leave_no_film(tmp_path: Path):
    pieces = [written(tmp_path / f"{a}.nut", range(a, b), False) for a, b in pairwise(ENDS)]
    joined, times = tmp_path / "joined.mp4", PictureTimes(ticks(), durations(), BASE, RATE)
    streams = plan_streams(pieces[0], joined)
    with pytest.raises(SinkError, match="do not fit together"):
        join_pictures(pieces[:-1], joined, SIZE, times, streams, {})
    other = tmp_path / "other.nut"
    with VideoWriter(other, 64, 64, RATE) as writer:
        for index in range(ENDS[-1] - ENDS[-2]):
            writer.write(Frame(np.full((64, 64, 4), 255, np.uint8), index, index / 25))
    with pytest.raises(SinkError, match="do not fit together"):
        join_pictures([*pieces[:-1], other], joined, SIZE, times, streams, {})
    assert not [path for path in tmp_path.iterdir() if "joined" in path.name]


@pytest.mark.parametrize(
    ("suffix", "effort"), [(".mp4", "good"), (".mkv", "good"), (".mp4", "draft"), (".mp4", "best")]
)
def test_the_same_pictures_become_the_same_bytes(suffix: str, effort: Effort, tmp_path: Path):
    sound = beep(tmp_path / "beep.m4a", 1.0)
    one, two = (written(tmp_path / f"{n}{suffix}", range(20), False, sound, effort) for n in "ab")
    assert one.read_bytes() == two.read_bytes()

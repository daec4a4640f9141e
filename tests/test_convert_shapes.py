"""Films whose shape changes, or that lie on their side, through `livecam convert`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livecam.cli.main import execute
from livecam.core.frame import Image
from livecam.media.reader import VideoReader
from tests.drafts import CONVERT
from tests.films import RATE, encoded, frames_of, joined

TALL, WIDE = (240, 432), (432, 240)
COUNT = 12  # frames of each part


def person(portrait: Image, size: tuple[int, int], shift: float = 0.0) -> Image:
    """A person in the middle, as large as fits, before a wall with some texture."""
    width, height = size
    wall = np.random.default_rng(width).integers(90, 110, (height // 8, width // 8, 3))
    image = cv2.resize(wall.astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
    scale = 0.9 * min(size) / max(portrait.shape[:2])
    small = cv2.resize(portrait[..., :3], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rows, columns = small.shape[:2]
    x, y = (width - columns) // 2 + round(shift), (height - rows) // 2
    image[y : y + rows, x : x + columns] = small
    return image


@dataclass(frozen=True)
class Result:
    source: Path
    output: Path
    lines: list[dict[str, Any]]
    words: str

    @property
    def states(self) -> list[str]:
        return [line["state"] for line in self.lines]


def converted(source: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Result:
    output, stats = source.with_name("out.mp4"), source.with_name("stats.jsonl")
    code = execute([*CONVERT, str(source), str(output), "--stats", str(stats), *options])
    assert code == 0
    lines = [json.loads(line) for line in stats.read_text().splitlines()]
    return Result(source, output, lines, capsys.readouterr().out)


@pytest.mark.parametrize("sizes", [(TALL, WIDE), (WIDE, TALL, TALL)])
def test_a_face_is_covered_in_every_shape_of_a_film(portrait, tmp_path, capsys, caplog, sizes):
    parts = [
        encoded(
            tmp_path / f"{k}.ts",
            [person(portrait, size, i) for i in range(COUNT)],
            starts=k * COUNT,
        )
        for k, size in enumerate(sizes)
    ]
    result = converted(joined(tmp_path / "film.ts", parts), capsys)
    assert set(result.states) == {"avatar"}
    frames = frames_of(result.output)
    assert len(frames) == COUNT * len(sizes)
    assert {frame.size for frame in frames} == {TALL}
    assert [frame.captured_at for frame in frames] == pytest.approx(
        np.arange(len(frames)) / RATE, abs=1e-3
    )
    for frame in frames:
        size = sizes[frame.index // COUNT]
        assert bars(frame.image) == (0 if size == TALL else pytest.approx(2 * 149, abs=4))
    assert "fitted into 240x432 with bars" in result.words
    assert caplog.text.count("changes its size") == 1


def bars(image: Image) -> int:
    """Returns how many rows are black."""
    return int((image[..., :3].max(axis=(1, 2)) < 24).sum())


def test_squeezed_pixels_give_the_same_head_as_square_ones(portrait, tmp_path, capsys):
    images = [person(portrait, WIDE, i) for i in range(COUNT)]
    squeezed = [cv2.resize(each, (324, 240), interpolation=cv2.INTER_AREA) for each in images]
    boxes = []
    for name, film, aspect in (("a", images, None), ("b", squeezed, Fraction(4, 3))):
        folder = tmp_path / name
        folder.mkdir()
        result = converted(encoded(folder / "film.mp4", film, aspect=aspect), capsys)
        assert {frame.size for frame in frames_of(result.output)} == {WIDE}
        boxes.append([line["head_box"] for line in result.lines])
    assert np.abs(np.subtract(*boxes)).max() < 8


def test_a_film_that_was_cut_short_is_told(portrait, tmp_path, capsys, caplog):
    images = [person(portrait, WIDE, i) for i in range(40)]
    source = encoded(tmp_path / "film.mp4", images, container={"movflags": "faststart"})
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    result = converted(source, capsys)
    read = len(result.lines)
    assert f"film.mp4: {read} of 40 pictures could be read" in result.words
    assert f"{read} of 40 pictures could be read" in caplog.text


def test_a_film_with_a_foreign_title_keeps_its_length(portrait, tmp_path, capsys):
    images = [person(portrait, WIDE, i) for i in range(COUNT)]
    source = encoded(
        tmp_path / "film.mp4", images, last=25, metadata={"title": "直播"}, encoding="gbk"
    )
    result = converted(source, capsys)
    assert set(result.states) == {"avatar"}
    with VideoReader(result.output) as reader:
        assert len(list(reader)) == COUNT
        assert reader.end_s == pytest.approx((COUNT - 1 + 25) / RATE, abs=1e-3)

"""The line of statistics that every published frame leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from livecam.core.errors import SinkError
from livecam.core.face import EXPRESSIONS, FacePose, FaceState
from livecam.core.frame import Rect
from livecam.pipeline.states import Shown
from livecam.pipeline.stats import StatsLine, StatsWriter

KEYS = {
    "frame": int,
    "captured_at": float,
    "published_at": float,
    "state": str,
    "tracked": bool,
    "camera_from_head": list,
    "weights": dict,
    "head_box": list,
    "stage_ms": dict,
    "missed": dict,
    "rung": int,
}


FULL = Path("/dev/full")


def _face() -> FaceState:
    pose = FacePose(np.array((0.1, 0.2, -0.5)), np.array((1.0, 0, 0, 0)))
    return FaceState(pose, np.full(52, 0.25, np.float32), 1.1, 3.0)


def test_a_line_has_exactly_the_documented_keys_and_types(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    line = StatsLine(
        7, 3.0, 3.04, Shown.AVATAR, True, _face(), Rect(1, 2, 30, 40), {"track": 4.2}, {"frames": 1}
    )
    with StatsWriter(path) as writer:
        writer.write(line)
        writer.write(StatsLine(8, 3.1, 3.2, Shown.CURTAIN, False, None, None))
    with_face, without = (json.loads(text) for text in path.read_text().splitlines())
    assert {key: type(value) for key, value in with_face.items()} == KEYS
    assert list(with_face["weights"]) == list(EXPRESSIONS)
    matrix = np.array(with_face["camera_from_head"]).reshape(4, 4)
    assert matrix[:3, 3] == pytest.approx((0.1, 0.2, -0.5))
    assert with_face["head_box"] == [1, 2, 30, 40]
    assert set(without) == set(KEYS)
    assert without["camera_from_head"] is without["weights"] is without["head_box"] is None


def test_statistics_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "stats.jsonl"
    for _ in range(2):
        with StatsWriter(path) as writer:
            writer.write(StatsLine(0, 0.0, 0.0, Shown.BLUR, False, None, None))
    assert len(path.read_text().splitlines()) == 2


def test_a_folder_that_does_not_exist_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot write statistics"):
        StatsWriter(tmp_path / "nowhere" / "stats.jsonl")


@pytest.mark.parametrize(
    "content",
    [b"\0\0\0\x18ftypisom" + bytes(900), b"x" * 99_999, b'{"a": 1}\n', b"[" * 50_000, b"\n"],
    ids=["film", "long", "other", "deep", "blank"],
)
def test_nothing_is_added_to_a_file_that_holds_no_statistics(tmp_path: Path, content: bytes):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(SinkError, match="no statistics") as caught:
        StatsWriter(path)
    assert caught.value.hint
    assert path.read_bytes() == content


def test_an_empty_file_may_become_statistics(tmp_path: Path):
    path = tmp_path / "stats.jsonl"
    path.touch()
    StatsWriter(path).close()


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_statistics_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = StatsLine(0, 0.0, 0.0, Shown.AVATAR, True, _face(), None)
    with caplog.at_level("WARNING"), StatsWriter(FULL) as writer:
        for _ in range(50):  # more than a file's buffer holds
            writer.write(line)
    assert [record.getMessage() for record in caplog.records] == [
        "the statistics in /dev/full end here: No space left on device"
    ]

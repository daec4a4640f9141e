"""Writes one JSON line per published frame.

frame             int: number of the published frame, from 0
captured_at       float: when the frame was taken, monotonic seconds (convert: media seconds)
published_at      float: when it was handed to the sinks, same clock (convert: the same value)
state             str: avatar, hold, blur, curtain or passthrough
tracked           bool: this frame has a new tracking result of its own
camera_from_head  16 floats: the published pose, row-major, metres; null without a face
weights           52 floats by ARKit name, steadied, before the avatar's gains; null likewise
head_box          4 ints: x0, y0, x1, y1 of what was drawn, pixels of the camera's frame; or null
stage_ms          object: wall milliseconds of each stage, its newest value
missed            object: values replaced before they were taken, per mailbox, since the start
rung              int: how much less is done for a frame, 0 nothing (convert: always 0)
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

from livecam.core.closing import Closing
from livecam.core.errors import SinkError, reason_of
from livecam.core.face import EXPRESSIONS, FaceState
from livecam.core.frame import Rect
from livecam.pipeline.states import Shown

log = logging.getLogger(__name__)

LONGEST_LINE = 1 << 16  # bytes; a line has about 2000


@dataclass(frozen=True, slots=True)
class StatsLine:
    """The statistics of one published frame."""

    frame: int
    captured_at: float
    published_at: float
    state: Shown
    tracked: bool
    face: FaceState | None
    head_box: Rect | None
    stage_ms: dict[str, float] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    rung: int = 0

    def to_json(self) -> str:
        face, box = self.face, self.head_box
        return json.dumps(
            {
                "frame": self.frame,
                "captured_at": round(self.captured_at, 6),
                "published_at": round(self.published_at, 6),
                "state": self.state.value,
                "tracked": self.tracked,
                "camera_from_head": None
                if face is None
                else [round(float(v), 8) for v in face.pose.matrix.ravel()],
                "weights": None
                if face is None
                else {
                    n: round(float(w), 5) for n, w in zip(EXPRESSIONS, face.weights, strict=True)
                },
                "head_box": None if box is None or box.empty else [box.x0, box.y0, box.x1, box.y1],
                "stage_ms": self.stage_ms,
                "missed": self.missed,
                "rung": self.rung,
            },
            separators=(",", ":"),
        )


def check_stats(path: Path) -> None:
    """Refuses a file that cannot be statistics: a film would be ruined by lines at its end.

    Raises:
        SinkError: it holds something else, or cannot be read.
    """
    try:
        if not path.is_file():  # a device or a pipe holds nothing yet
            return
        with path.open("rb") as file:
            first = file.readline(LONGEST_LINE)
    except OSError as error:
        raise _unusable(path, error) from error
    if first and not _is_line(first):
        raise SinkError(
            "{path} holds no statistics: nothing is added to it",
            hint="name another file",
            path=path,
        )


def _is_line(text: bytes) -> bool:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(line, dict) and "frame" in line


def _unusable(path: Path, error: OSError) -> SinkError:
    return SinkError(
        "cannot write statistics to {path}: {reason}",
        hint="name a file in a folder that exists and may be written",
        path=path,
        reason=reason_of(error),
    )


class StatsWriter(Closing):
    """Appends lines to a file. Used from one thread.

    A disk that fills up ends the statistics with one warning, and nothing else.

    Raises:
        SinkError: on opening, when the file cannot be written, or is no file of such lines.
    """

    def __init__(self, path: Path) -> None:
        check_stats(path)
        self._path = path
        self._broken = False
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise _unusable(path, error) from error

    def write(self, line: StatsLine) -> None:
        if self._broken:
            return
        try:
            self._file.write(line.to_json() + "\n")
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        try:
            self._file.close()  # writes what is still waiting
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if not self._broken:
            log.warning("the statistics in %s end here: %s", self._path, reason_of(error))
        self._broken = True

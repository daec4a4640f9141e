"""When and where the witnesses search, with a detector that is told what it finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from livecam.core.frame import Frame, Rect
from livecam.core.observation import HeadEvidence, Observation
from livecam.live.witness_search import (
    BUSY_HZ,
    CALM_HZ,
    FIRST_SEARCHES,
    MAX_HIDDEN_S,
    START_S,
    WitnessSearch,
)
from livecam.people.account import HEAD_MEMORY_S, unexplained
from livecam.people.tracker import PeopleTracker
from livecam.segmentation.witness import HeadWitness, WitnessDetector, square_tiles
from tests.heads import face_at

SIZE = (640, 360)
FPS = 30
ME = face_at(np.array((-0.12, 0, 0, 0, 0, 0.0)), depth_m=0.8)


@dataclass
class ToldDetector:
    """Finds the heads it was told of, small ones in parts alone, and notes where it searched."""

    faces: list[HeadWitness] = field(default_factory=list)
    small: list[HeadWitness] = field(default_factory=list)
    bodies: list[HeadWitness] = field(default_factory=list)
    parts: list[Rect | None] = field(default_factory=list)
    poses: int = 0
    closed: bool = False

    def detect_faces(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        self.parts.append(part)
        if part is None:
            return tuple(self.faces)
        return tuple(h for h in (*self.faces, *self.small) if lies_in(part, h))

    def detect_poses(self, frame: Frame, part: Rect | None = None) -> tuple[HeadWitness, ...]:
        self.poses += 1
        return tuple(self.bodies)

    def close(self) -> None:
        self.closed = True


def lies_in(part: Rect, head: HeadWitness) -> bool:
    x, y, _ = head.box
    return bool(part.x0 <= x < part.x1 and part.y0 <= y < part.y1)


def head(x: float, y: float, width: float, score: float = 0.9) -> HeadWitness:
    return HeadWitness(np.array((x, y, width)), score, "face")


class Room:
    """A camera before a plain wall, one visible face, and a search of every frame that is due."""

    def __init__(self) -> None:
        self.detector = ToldDetector()
        self.search = WitnessSearch(cast(WitnessDetector, self.detector))
        self.people = PeopleTracker()
        self.frames = 0
        self.evidence: HeadEvidence | None = None
        self.block: tuple[int, int] | None = None  # left and right of somebody who is there

    def frame(self) -> HeadEvidence | None:
        image = np.full((SIZE[1], SIZE[0], 4), 150, np.uint8)
        if self.block is not None:
            image[60:, self.block[0] : self.block[1], :3] = (60, 90, 200)
        taken = Observation(Frame(image, self.frames, self.frames / FPS), (ME,))
        self.observation = self.people.update(taken, self.evidence)
        self.frames += 1
        found = self.search.search_when_due(self.observation, None)
        self.evidence = found or self.evidence
        return found

    def runs(self, seconds: float) -> int:
        """Returns how often it searched."""
        before = self.search._searches
        for _ in range(round(seconds * FPS)):
            self.frame()
        return self.search._searches - before

    def unexplained(self) -> int:
        return len(unexplained(self.observation.tracks, self.evidence))


@pytest.fixture
def room() -> Iterator[Room]:
    with_search = Room()
    yield with_search
    with_search.search.close()
    assert with_search.detector.closed


def test_the_first_frames_are_searched_thoroughly_before_there_is_evidence(room: Room):
    found = [room.frame() for _ in range(FIRST_SEARCHES)]
    assert [evidence is not None for evidence in found] == [False] * (FIRST_SEARCHES - 1) + [True]
    assert room.detector.poses == FIRST_SEARCHES
    assert room.detector.parts == [None, *square_tiles(*SIZE)] * FIRST_SEARCHES


def test_while_nothing_is_new_searches_are_few_and_parts_take_turns(room: Room):
    room.runs(START_S + 0.5)
    room.detector.parts.clear()
    room.detector.poses = 0
    assert room.runs(4.0) == pytest.approx(4 * CALM_HZ, abs=1)
    tiles = [part for part in room.detector.parts if part is not None]
    assert set(tiles) == set(square_tiles(*SIZE))
    assert len(tiles) == pytest.approx(2 * CALM_HZ, abs=1)
    assert room.detector.poses == pytest.approx(2 * CALM_HZ, abs=1)


def test_who_enters_is_searched_at_once_and_often(room: Room):
    room.runs(START_S + 0.5)
    while room.search._searched_at < (room.frames - 1) / FPS:
        room.frame()
    room.detector.parts.clear()
    room.block = (560, 640)
    searches = sum(room.frame() is not None for _ in range(1 + FPS // 10))
    assert searches >= 1
    assert room.detector.parts[0] is None
    part = room.detector.parts[1]
    assert part is not None
    assert part.x0 > 200
    assert part.x1 == SIZE[0]
    searches = 0
    for i in range(FPS):
        room.block = (560 - 4 * i, 640)
        searches += room.frame() is not None
    assert 2 * CALM_HZ < searches <= BUSY_HZ
    room.runs(1.0)
    assert room.runs(2.0) == pytest.approx(2 * CALM_HZ, abs=1)


def test_a_weak_head_counts_where_something_is_new(room: Room):
    room.detector.faces = [head(590, 100, 40, 0.35)]
    room.runs(START_S + 1.5)
    assert room.unexplained() == 0
    room.block = (560, 640)
    room.runs(0.3)
    assert room.unexplained() == 1
    room.runs(3.0)
    assert room.unexplained() == 1  # where one was found, weak scores are enough


def test_a_weak_head_counts_at_the_start_for_a_moment(room: Room):
    room.detector.faces = [head(590, 100, 40, 0.35)]
    room.runs(0.2)
    assert room.unexplained() == 1
    room.runs(START_S + HEAD_MEMORY_S + 1)
    assert room.unexplained() == 0


def test_a_small_head_that_only_parts_show_stays(room: Room):
    room.detector.small = [head(590, 100, 12)]
    for _ in range(FIRST_SEARCHES):
        room.frame()
    for _ in range(6 * FPS):
        room.frame()
        assert room.unexplained() == 1
    room.detector.small = []
    room.runs(HEAD_MEMORY_S + 0.5)
    assert room.unexplained() == 0


def test_after_a_head_vanished_inside_the_frame_somebody_is_hidden_for_a_while(room: Room):
    room.detector.faces = [head(590, 100, 40)]
    room.runs(1.0)
    assert room.evidence is not None
    assert room.evidence.scene is not None
    assert not room.evidence.scene.is_someone_hidden
    room.detector.faces = []
    room.runs(HEAD_MEMORY_S + 0.5)
    assert room.evidence.scene.is_someone_hidden
    room.runs(MAX_HIDDEN_S)
    assert not room.evidence.scene.is_someone_hidden


def test_when_time_goes_back_the_search_starts_anew(room: Room):
    room.detector.faces = [head(590, 100, 40)]
    room.runs(1.0)
    room.frames, room.detector.faces = 0, []
    assert [room.frame() is not None for _ in range(FIRST_SEARCHES)][-1]
    assert room.unexplained() == 0

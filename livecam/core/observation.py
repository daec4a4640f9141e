"""Observations: a frame, its detected faces, and the tracks that these belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from livecam.core.face import Face, Weights
from livecam.core.frame import Frame

FaceBox: TypeAlias = NDArray[np.float64]  # float64[3]: centre x, y and width of a face, pixels
Appearance: TypeAlias = NDArray[np.float32]  # float32[6, 6, 3]: colours of a face, 0..1
Stamp: TypeAlias = NDArray[np.uint8]  # uint8[rows, columns, 3]: a frame in few cells
Cells: TypeAlias = NDArray[np.bool_]  # bool[rows, columns]: some of those cells

VELOCITY_S = 0.1  # time constant of the measured velocity
COAST_S = 0.2  # time constant with which a face that is not visible slows down
APPEARANCE_S = 1.0  # time constant of the appearance
GATE, GATE_PER_S = 0.6, 8.0  # how far a face may have moved, in face widths
MAX_GATE_S = 0.25  # waiting longer makes nothing more likely
MAX_GAP_S = 0.1  # one frame without a detection says no more than that it was missing so long
MIN_STATIONARY_S = 10.0  # a face without any motion for so long is stationary


@dataclass(frozen=True, slots=True, eq=False)
class TrackMotion:
    """The kinematic state of a track, with which association compares detections."""

    box: FaceBox  # where it was detected last
    velocity: NDArray[np.float64]  # float64[2], pixels a second
    detected_at: float  # time of the last detection, seconds
    appearance: Appearance | None = None

    def predicted(self, now: float) -> FaceBox:
        """Predicts the box: a face that is not visible goes on a little and slows down."""
        coast_s = COAST_S * (1 - math.exp(-max(now - self.detected_at, 0.0) / COAST_S))
        out = self.box.copy()
        out[:2] += self.velocity * coast_s
        return out

    def gate(self, now: float) -> float:
        """Returns how far from the predicted box it may be, in face widths."""
        return GATE + GATE_PER_S * min(max(now - self.detected_at, 0.0), MAX_GATE_S)

    def updated(self, box: FaceBox, appearance: Appearance | None, now: float) -> TrackMotion:
        """Returns the state after a detection."""
        dt = now - self.detected_at
        velocity = self.velocity
        if dt > 0:
            measured = (box[:2] - self.box[:2]) / dt
            if math.hypot(*measured) > GATE_PER_S * box[2]:
                measured[:] = 0  # detected somewhere else: no head moves like that
            velocity = velocity + (measured - velocity) * (1 - math.exp(-dt / VELOCITY_S))
        return TrackMotion(box, velocity, now, self._appearance_after(appearance, dt))

    def _appearance_after(self, measured: Appearance | None, dt: float) -> Appearance | None:
        if measured is None or self.appearance is None:
            return self.appearance if measured is None else measured
        share = np.float32(1 - math.exp(-dt / APPEARANCE_S))
        return self.appearance + (measured - self.appearance) * share

    def resized(self, scale: FaceBox) -> TrackMotion:
        """Returns the state in frames of another size; `scale` is of x, y and the face's width."""
        return replace(self, box=self.box * scale, velocity=self.velocity * scale[:2])

    def without_appearance(self) -> TrackMotion:
        """Returns the state after the light changed."""
        return replace(self, appearance=None)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face that is followed through frames, as known at the newest of them."""

    id: int
    face: Face | None  # its detection in the newest frame; None while it is not visible
    motion: TrackMotion
    started_at: float
    first_box: FaceBox
    first_weights: Weights
    recent_box: FaceBox  # smoothed
    has_moved: bool = False  # changed its place or its expression
    missed: int = 0  # frames since the last detection
    absences: float = 0.0  # results of the witnesses since then without a trace of it, weighted
    has_worn: bool = False  # had a slot at some time
    is_gone: bool = False  # it certainly left its place; set while it is missing
    doubtful_until: float = -math.inf  # the landmarks may be wrong; seconds

    @property
    def box(self) -> FaceBox:
        """Its last detected box."""
        return self.motion.box

    @property
    def may_be_there(self) -> bool:
        """Whether it is missing, and nothing shows that it left."""
        return self.face is None and not self.is_gone

    def resized(self, scale: FaceBox) -> Track:
        """Returns the track in frames of another size; `scale` is of x, y and the face's width."""
        return replace(
            self,
            motion=self.motion.resized(scale),
            first_box=self.first_box * scale,
            recent_box=self.recent_box * scale,
        )

    def missing_s(self, now: float) -> float:
        """Returns how long it was searched in vain: a stall of the tracker is no absence."""
        return min(now - self.motion.detected_at, self.missed * MAX_GAP_S)

    @property
    def is_stationary(self) -> bool:
        """Returns whether it was followed for long without any motion, like a poster."""
        return not self.has_moved and self.motion.detected_at - self.started_at >= MIN_STATIONARY_S


@dataclass(frozen=True, slots=True, eq=False)
class SearchedScene:
    """The frame that witnesses searched last, in few cells."""

    stamp: Stamp
    unsearched: Cells  # changed a short while ago: a head may still be found there
    restless: Cells  # change all the time without a head, like a screen or a curtain
    zones: Cells  # of the persons who were visible
    is_someone_hidden: bool = False  # a head vanished inside the frame a while ago


@dataclass(frozen=True, slots=True, eq=False)
class HeadEvidence:
    """The heads that other detectors than the tracker (witnesses) found in an earlier frame."""

    at: float  # time of that frame, seconds
    size: tuple[int, int]  # of that frame, pixels
    boxes: tuple[FaceBox, ...]  # heads, also without a visible face
    weak: tuple[FaceBox, ...] = ()  # heads with scores that count only where one is expected
    person: NDArray[np.uint8] | None = None  # uint8[rows, columns] over the frame, 255: a person
    scene: SearchedScene | None = None
    visible: tuple[tuple[int, FaceBox], ...] = ()  # id and box of the tracks visible in that frame

    def resized(self, size: tuple[int, int]) -> HeadEvidence:
        """Returns the evidence in pixels of frames of another size."""
        if size == self.size:
            return self
        scale = box_scale(self.size, size)
        boxes, weak = (tuple(box * scale for box in each) for each in (self.boxes, self.weak))
        visible = tuple((track_id, box * scale) for track_id, box in self.visible)
        return replace(self, size=size, boxes=boxes, weak=weak, visible=visible)


def box_scale(before: tuple[int, int], after: tuple[int, int]) -> FaceBox:
    """Returns the factors of a face box between two sizes of one camera's frames."""
    x, y = after[0] / before[0], after[1] / before[1]
    return np.array((x, y, math.sqrt(x * y)))


@dataclass(frozen=True, slots=True)
class Observation:
    """The measurement of one frame, and that frame, so that head and neck stay together.

    After association every face that was not detected twice belongs to a track.
    """

    frame: Frame
    faces: tuple[Face, ...]
    tracks: tuple[Track, ...] = ()  # all that are known, visible or not
    slots: tuple[int | None, ...] = ()  # the id of the track in each slot
    unexplained: tuple[FaceBox, ...] = ()  # heads that witnesses found beside all visible tracks
    scene: SearchedScene | None = None  # what witnesses searched last
    is_searched: bool = False  # witnesses searched this shot at least once
    is_followed: bool = False  # its faces were followed from an earlier frame by optical flow

    @property
    def wearers(self) -> tuple[Track | None, ...]:
        """The track in each slot."""
        by_id = {track.id: track for track in self.tracks}
        return tuple(None if track_id is None else by_id.get(track_id) for track_id in self.slots)

    @property
    def bystanders(self) -> tuple[Track, ...]:
        """The tracks without a slot, visible or not."""
        return tuple(track for track in self.tracks if track.id not in self.slots)

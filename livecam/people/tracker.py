"""Tracking by detection: associates faces with tracks, frame after frame, and assigns slots.

This is the one place that decides identity. The result travels with the observation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from livecam.core.face import EXPRESSIONS, Face
from livecam.core.frame import Frame
from livecam.core.observation import (
    MAX_GAP_S,
    Appearance,
    FaceBox,
    HeadEvidence,
    Observation,
    Track,
    TrackMotion,
    box_scale,
)
from livecam.people.account import is_gone, unexplained, with_evidence
from livecam.people.association import (
    appearance_of,
    associate,
    distance,
    distinct,
    face_box,
    growth,
)
from livecam.people.cuts import CutDetector
from livecam.people.slots import PATIENCE_S, SlotAssignment, SlotOrder

MEMORY_S = 20.0  # how long a track is kept that is gone, or missing without witnesses
KEEP_SLOT_S = 5.0  # how long a missing track keeps a slot that no other track wants
MAX_SLOTS = 4

# After a cut a face so near its old place is the same: only the light changed.
UNCUT_DISTANCE, UNCUT_GROWTH = 0.25, 0.15

# A face is not stationary once it moved or changed its expression. The tracker's noise on a still
# portrait stays below a third of this; gaze is left out, because it is the noisiest.
MOVED, MOVED_S = 0.12, 0.3  # of a face's width, or of its growth; time constant of the box
EXPRESSION_CHANGE = 0.35
# No head rolls so fast: on eight clips the fastest does 190 degrees a second, 8 in one step.
MIN_ROLL_JUMP_RAD, MAX_ROLL_RAD_PER_S = math.radians(12), math.radians(250)
DOUBT_S = 0.6
EYE_RIGHT, EYE_LEFT = 33, 263  # MediaPipe's landmarks: the outer corners
_EXPRESSIVE = np.array([not name.startswith("eyeLook") for name in EXPRESSIONS])


class PeopleTracker:
    """Associates the faces of each observation with tracks. One thread; no clock of its own.

    Observations come in the order of their frames; when time falls (a looped file) everything
    starts anew. The arguments are those of `SlotAssignment`.
    """

    def __init__(
        self, slots: int = 1, by: SlotOrder = "order", keep_s: float = KEEP_SLOT_S
    ) -> None:
        self._slots = SlotAssignment(slots, by, keep_s)
        self._cuts = CutDetector()
        self._last_id = 0
        self._now = -np.inf
        self._evidence_at = -np.inf  # time of the last evidence that was counted
        self._shot_at = -np.inf  # time of the last cut
        self._tracks: list[Track] = []
        self._size = (0, 0)  # of the last frame

    def set_keep_s(self, keep_s: float) -> None:
        """Sets how long a slot is kept for a missing face; any thread may call it."""
        self._slots.keep_s = keep_s

    def reset(self) -> None:
        """Drops all tracks; their ids are not used again."""
        self._tracks = []
        self._shot_at = -np.inf
        self._evidence_at = -np.inf
        self._cuts.reset()
        self._slots.reset()

    def update(self, observation: Observation, evidence: HeadEvidence | None = None) -> Observation:
        """Returns the observation of the next frame with its tracks and slots.

        `evidence` is the newest that other detectors found, in this or an earlier frame.
        """
        frame, faces = observation.frame, observation.faces
        now = frame.captured_at
        if now < self._now:
            self.reset()
        self._now = now
        self._fit_to(frame.size)
        boxes = [face_box(face, *frame.size) for face in faces]
        if self._cuts.is_cut(frame):
            self._shot_at = now
            self._keep_only_the_unmoved(boxes)
        evidence = self._of_this_shot(evidence, frame)
        appearances = [appearance_of(frame, box) for box in boxes]
        self._associate(faces, boxes, appearances, now)
        self._take_evidence(evidence, frame)
        self._tracks = [t for t in self._tracks if _is_remembered(t, evidence, now)]
        self._slots.assign(self._tracks, now, frame.width)
        self._tracks = [
            replace(t, has_worn=t.has_worn or t.id in self._slots.slots) for t in self._tracks
        ]
        return replace(
            observation,
            tracks=tuple(self._tracks),
            slots=self._slots.slots,
            unexplained=unexplained(self._tracks, evidence),
            scene=None if evidence is None else evidence.scene,
            is_searched=evidence is not None,
        )

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Scales the tracks when the camera changes its size; that is no cut."""
        before, self._size = self._size, size
        if size != before and self._tracks:
            scale = box_scale(before, size)
            self._tracks = [track.resized(scale) for track in self._tracks]
        if size != before:
            self._cuts.reset()

    def _of_this_shot(self, evidence: HeadEvidence | None, frame: Frame) -> HeadEvidence | None:
        """Returns the evidence in pixels of a frame; None when it is of the shot before."""
        if evidence is None or evidence.at < self._shot_at:
            return None
        return evidence.resized(frame.size)

    def _take_evidence(self, evidence: HeadEvidence | None, frame: Frame) -> None:
        now = frame.captured_at
        tracks = with_evidence(self._tracks, evidence, self._evidence_at, now)
        self._tracks = [replace(t, is_gone=is_gone(t, now, frame.size)) for t in tracks]
        if evidence is not None:
            self._evidence_at = max(self._evidence_at, evidence.at)

    def _associate(
        self,
        faces: Sequence[Face],
        boxes: Sequence[FaceBox],
        appearances: Sequence[Appearance | None],
        now: float,
    ) -> None:
        tracks = self._tracks
        matches = dict(
            associate(
                [track.motion for track in tracks],
                [track.face is not None for track in tracks],
                boxes,
                appearances,
                now,
            )
        )
        self._tracks = [
            _missed(track)
            if (i := matches.get(k)) is None
            else self._detected(track, faces[i], boxes[i], appearances[i], now)
            for k, track in enumerate(tracks)
        ]
        if not matches and len(faces) == 1:
            self._release_the_only_one(now)
        for i in distinct(boxes, set(matches.values())):
            self._tracks.append(self._started(faces[i], boxes[i], appearances[i], now))

    def _started(
        self, face: Face, box: FaceBox, appearance: Appearance | None, now: float
    ) -> Track:
        self._last_id += 1
        motion = TrackMotion(box, np.zeros(2), now, appearance)
        return Track(self._last_id, face, motion, now, box, face.weights, box)

    def _detected(
        self,
        track: Track,
        face: Face,
        box: FaceBox,
        appearance: Appearance | None,
        now: float,
    ) -> Track:
        """Returns the track after a detection."""
        dt, recent = now - track.motion.detected_at, track.recent_box
        if dt > 0:
            recent = recent + (box - recent) * (1 - math.exp(-dt / MOVED_S))
        return replace(
            track,
            face=face,
            motion=track.motion.updated(box, appearance, now),
            recent_box=recent,
            has_moved=track.has_moved or _has_moved(track, face, recent),
            missed=0,
            absences=0,
            is_gone=False,
            doubtful_until=_doubtful_until(track, face, self._size, now),
        )

    def _release_the_only_one(self, now: float) -> None:
        """Frees the slot if the one known face is lost and one face appears elsewhere.

        It is probably the same person, and takes the slot as a new track. The old track is kept
        without a slot, so that its place is still covered: it may be another person.
        """
        recent = [track for track in self._tracks if track.missing_s(now) <= PATIENCE_S]
        if len(recent) == 1:
            self._slots.release(recent[0])

    def _keep_only_the_unmoved(self, boxes: Sequence[FaceBox]) -> None:
        """Keeps the tracks of faces that did not move: there the light changed, it was no cut.

        Then those that are missing may still be there.
        """
        unmoved = [
            any(
                distance(box, track.box) < UNCUT_DISTANCE and growth(box, track.box) < UNCUT_GROWTH
                for box in boxes
            )
            for track in self._tracks
        ]
        self._tracks = [
            replace(track, motion=track.motion.without_appearance())
            for track, same in zip(self._tracks, unmoved, strict=True)
            if same or (track.face is None and any(unmoved))
        ]
        self._slots.retain(self._tracks)


def primary_track(observation: Observation) -> Track | None:
    """Returns the wearer to segment: in the first slot, even while missing, else a visible one.

    Only one person is segmented.
    """
    now = observation.frame.captured_at
    wearers = [track for track in observation.wearers if track is not None]
    first = observation.wearers[0] if observation.slots else None
    if first is not None and first.missing_s(now) <= PATIENCE_S:
        return first
    return next((track for track in wearers if track.face is not None), first)


def primary_face(observation: Observation) -> Face | None:
    """Returns the face of the primary wearer, when it is visible."""
    track = primary_track(observation)
    return None if track is None else track.face


def _is_remembered(track: Track, evidence: HeadEvidence | None, now: float) -> bool:
    """Returns whether a track is kept: a missing one is, while witnesses may still find it."""
    recent = now - track.motion.detected_at <= MEMORY_S
    return recent or (evidence is not None and not track.is_gone)


def missing_bystanders(observation: Observation) -> list[Track]:
    """Returns missing faces without a slot that may still be there."""
    return [track for track in observation.bystanders if track.may_be_there]


def _missed(track: Track) -> Track:
    return replace(track, face=None, missed=track.missed + 1)


def _doubtful_until(track: Track, face: Face, size: tuple[int, int], now: float) -> float:
    """Returns until when the landmarks of a new detection may be wrong.

    They are where the face seems to roll faster than a head can: a face that lies on its side
    gets landmarks of any roll.
    """
    dt = now - track.motion.detected_at
    if track.face is None or not 0 < dt <= MAX_GAP_S:
        return track.doubtful_until
    turn = _roll_rad(face, size) - _roll_rad(track.face, size)
    turn = abs(math.remainder(turn, math.tau))
    is_jump = turn > MIN_ROLL_JUMP_RAD and turn > MAX_ROLL_RAD_PER_S * dt
    return now + DOUBT_S if is_jump else track.doubtful_until


def _roll_rad(face: Face, size: tuple[int, int]) -> float:
    across = (face.landmarks[EYE_LEFT, :2] - face.landmarks[EYE_RIGHT, :2]) * size
    return math.atan2(across[1], across[0])


def _has_moved(track: Track, face: Face, recent: FaceBox) -> bool:
    moved = float(np.abs(recent - track.first_box).max()) / track.first_box[2]
    change = np.abs(face.weights - track.first_weights)[_EXPRESSIVE].max()
    return bool(moved > MOVED or change > EXPRESSION_CHANGE)

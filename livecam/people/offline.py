"""Tracking by detection over a recording: the same association, without a memory that ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from livecam.core.observation import Appearance, FaceBox, TrackMotion
from livecam.people.association import associate, distinct


@dataclass(frozen=True, slots=True)
class FrameDetections:
    """The faces that were found in one frame."""

    index: int  # of the frame
    time: float  # seconds
    boxes: Sequence[FaceBox]
    appearances: Sequence[Appearance | None]


def link(frames: Iterable[FrameDetections]) -> list[list[tuple[int, int]]]:
    """Links detections to tracks, each as pairs of (frame index, number in that frame).

    Frames come in order; those without detections may be left out. Second finds of one face
    belong to no track.
    """
    motions: list[TrackMotion] = []
    tracks: list[list[tuple[int, int]]] = []
    for frame in frames:
        visible = [track[-1][0] == frame.index - 1 for track in tracks]
        pairs = associate(motions, visible, frame.boxes, frame.appearances, frame.time)
        for k, i in pairs:
            motions[k] = motions[k].updated(frame.boxes[i], frame.appearances[i], frame.time)
            tracks[k].append((frame.index, i))
        for i in distinct(frame.boxes, {i for _, i in pairs}):
            box = frame.boxes[i]
            motions.append(TrackMotion(box, np.zeros(2), frame.time, frame.appearances[i]))
            tracks.append([(frame.index, i)])
    return tracks

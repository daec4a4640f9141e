"""The second pass over shots in which a face is missing from some frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livecam.convert.frames import frames_at
from livecam.convert.head_search import HeadSearch
from livecam.convert.person_search import PersonSearch, views
from livecam.convert.propagation import GapFiller, ReducedFrame
from livecam.convert.retry_detector import RetryDetector, plausible
from livecam.convert.tracks import (
    MAX_OUTLIER_S,
    MAX_RATE,
    MAX_STEPS,
    FaceSample,
    FaceTrack,
    Shot,
    change,
    link_samples,
)
from livecam.convert.turns import turned
from livecam.core.frame import Frame
from livecam.media.reader import VideoInfo

# A face detected in fewer frames of its shot may be a false positive: when there is
# no other in the shot it is hidden rather than worn.
MIN_DETECTIONS = 3
MIN_CONFIRMED = 0.5  # share of a new track that witnesses must confirm; else it is hidden, not worn
CROP_SEARCH_S = 2.0  # so long after a detection its surroundings are searched in crops
SMALLER_S = 0.25  # how often small faces, and all views, are searched in a shot without any
MIN_VIEWED = 0.3  # share of the searches of all views that must see a person, in the dark say
FOLLOW_S = 0.5  # how long one that was found is searched where it was


def search_again(info: VideoInfo, detector: RetryDetector, searches: list[GapSearch]) -> None:
    """Shows the shots of a film to their searches; the tracks of the shots grow."""
    by_frame = {index: search for search in searches for index in search.shot.frames}
    with frames_at(info, by_frame) as frames:
        for frame in frames:
            search = by_frame[frame.index]
            search.search(turned(frame, search.shot.turn), detector)
    for search in searches:
        search.finish()


@dataclass(slots=True)
class GapSearch:
    """The second search of one shot; it is given all frames of the shot in order."""

    shot: Shot
    times: NDArray[np.float64]
    heads: HeadSearch | None = None
    persons: PersonSearch | None = None
    missing: set[int] = field(init=False)
    mains: list[FaceTrack] = field(init=False)
    gap: GapFiller = field(init=False)
    unassigned: list[FaceSample] = field(init=False, default_factory=list)
    confirmed: set[FaceSample] = field(init=False, default_factory=set)
    suspects: list[NDArray[np.float64]] = field(init=False, default_factory=list)
    in_a_row: int = field(init=False, default=0)
    with_person: int = field(init=False, default=0)  # frames in a row
    viewed: int = field(init=False, default=0)  # searches of all views
    in_views: int = field(init=False, default=0)  # those that saw a person

    def __post_init__(self) -> None:
        self.mains = self.shot.mains
        self.gap = GapFiller(self.times)
        known = {sample.index for track in self.mains for sample in track.samples}
        self.missing = set(self.shot.frames) - known

    def search(self, frame: Frame, detector: RetryDetector) -> None:
        if self.heads is not None and frame.index in self.missing:
            self.heads.search(frame)
        if not self.mains:
            self._search_for_any(frame, detector)
            return
        track = self._present(frame.index) or self._found(frame, detector)
        reduced = ReducedFrame.of(frame.index, frame.image)
        if track is None:
            self.gap.absent(reduced)
        else:
            self.gap.present(track, reduced, frame.size)

    def finish(self) -> None:
        self.gap.finish()
        minimum = min(MIN_DETECTIONS, len(self.shot.frames))
        found = link_samples(self.unassigned, self.times)
        for track in found:
            if len(track.samples) < minimum:
                continue
            if self._is_confirmed(track):
                self.shot.tracks.append(track)
            else:
                self.shot.add_heads({sample.index: [sample.box] for sample in track.samples})
        if not self.shot.tracks and found:
            self.shot.suspected = True

    def _is_confirmed(self, track: FaceTrack) -> bool:
        """Returns whether witnesses confirmed enough of what was found at low thresholds."""
        return len(self.confirmed.intersection(track.samples)) >= MIN_CONFIRMED * len(track.samples)

    def _confirm(self, frame: Frame, found: Iterable[FaceSample]) -> None:
        self.confirmed |= {
            sample for sample in found if self.heads is None or self.heads.confirms(frame, sample)
        }

    def _present(self, index: int) -> FaceTrack | None:
        """Returns the track that has the face in that frame."""
        if index in self.missing:
            return None
        return next(track for track in self.mains if track.nearest(index).index == index)

    def _found(self, frame: Frame, detector: RetryDetector) -> FaceTrack | None:
        """Searches the frame; the track that has the face there now."""
        found = detector.anywhere(frame)
        self._confirm(frame, found)
        for track in self.mains:
            expected = track.box(frame.index)
            near = [sample for sample in found if plausible(sample, expected)]
            detected = near[0] if near else self._closer(frame, track, detector)
            if detected is None or not self._credible(detected, track):
                continue
            if detected not in found:
                found.append(detected)
                self._confirm(frame, [detected])
            if detected in self.confirmed:
                track.add(detected)
                return track
        self.unassigned += [sample for sample in found if not self._known(sample)]
        return None

    def _credible(self, detected: FaceSample, track: FaceTrack) -> bool:
        """Returns whether a head moves fast enough for that pose, given its nearest detection.

        Soon after an outlier the same image would give the same outlier.
        """
        nearest = track.nearest(detected.index)
        away_s = abs(float(self.times[nearest.index] - self.times[detected.index]))
        return change(nearest, detected) < MAX_RATE * (
            1.0 if away_s <= MAX_OUTLIER_S else MAX_STEPS
        )

    def _search_for_any(self, frame: Frame, detector: RetryDetector) -> None:
        found = detector.anywhere(frame) or self._smaller(frame, detector)
        self._confirm(frame, found)
        self.unassigned += found
        if not found:
            self._suspect(detector.boxes(frame))
            self._look_for_person(frame)

    def _look_for_person(self, frame: Frame) -> None:
        """Suspects a face where a person is seen, and a witness scores weakly at least.

        Only a shot in which nothing else was found would pass.
        """
        if self.heads is None or self.persons is None or self.shot.suspected or self.unassigned:
            return
        found = self.heads.found[frame.index]
        seen = bool(found) and self.persons.sees_person(frame)
        self.with_person = self.with_person + 1 if seen else 0
        if self._is_due(frame.index) and not any(head.is_certain for head in found):
            self.viewed += 1
            self.in_views += seen or self._sees_in_a_view(frame, self.heads, self.persons)
        counted = self.in_views if self.in_views >= MIN_VIEWED * self.viewed else 0
        if max(self.with_person, counted) >= min(MIN_DETECTIONS, len(self.shot.frames)):
            self.shot.suspected = True

    @staticmethod
    def _sees_in_a_view(frame: Frame, heads: HeadSearch, persons: PersonSearch) -> bool:
        return any(persons.confirms(view, heads.seen(view)) for view in views(frame))

    def _smaller(self, frame: Frame, detector: RetryDetector) -> list[FaceSample]:
        """Follows a small face that was found, else searches one a few times a second."""
        if self.unassigned:
            last = self.unassigned[-1]
            if self.times[frame.index] - self.times[last.index] < FOLLOW_S:
                again = detector.near(frame, last.box, last.roll_rad)
                return [again] if again is not None else []
        return detector.smaller(frame) if self._is_due(frame.index) else []

    def _is_due(self, index: int) -> bool:
        """Whether a shot without any face is searched thoroughly in that frame."""
        length_s = self.times[self.shot.frames[-1]] - self.times[self.shot.frames[0]]
        every = max(1, round(len(self.shot.frames) * min(SMALLER_S / max(length_s, 1e-9), 0.1)))
        return bool((index - self.shot.frames.start) % every == 0)

    def _closer(self, frame: Frame, track: FaceTrack, detector: RetryDetector) -> FaceSample | None:
        nearest = track.nearest(frame.index)
        if abs(self.times[nearest.index] - self.times[frame.index]) > CROP_SEARCH_S:
            return None
        return detector.near(frame, track.box(frame.index), nearest.roll_rad)

    def _known(self, sample: FaceSample) -> bool:
        """Returns whether another track passes there at that time."""
        return any(
            track.first <= sample.index <= track.last and plausible(sample, track.box(sample.index))
            for track in self.shot.tracks
        )

    def _suspect(self, boxes: list[NDArray[np.float64]]) -> None:
        """Accepts boxes without landmarks when they stay about the same for several frames."""
        stays = any(
            np.hypot(*(box - before)[:2]) < max(box[2], before[2])
            for box in boxes
            for before in self.suspects
        )
        self.in_a_row = (self.in_a_row + 1 if stays else 1) if boxes else 0
        self.suspects = boxes
        if self.in_a_row >= min(MIN_DETECTIONS, len(self.shot.frames)):
            self.shot.suspected = True

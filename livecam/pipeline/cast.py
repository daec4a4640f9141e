"""The wearers of avatars: each slot has a smoother and an avatar driver of its own.

The track in each slot is assigned in `people/` and arrives with the observation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.compose.covers import face_region, region_at
from livecam.config.settings import BLANK, NO_AVATAR, Settings
from livecam.core.face import FaceState
from livecam.core.frame import Frame, Rect
from livecam.core.observation import FaceBox, Observation, Track
from livecam.core.timing import StageTimer
from livecam.filtering.smoother import Smoother
from livecam.motion.base import Performer, state_from_performances
from livecam.people.account import is_at_place
from livecam.people.changes import new_regions, stamp_of
from livecam.people.tracker import missing_bystanders, primary_track
from livecam.pipeline.driver import AvatarDriver
from livecam.pipeline.follow import corrected, followed
from livecam.pipeline.states import Shown

# How far a face may move while it is not visible, in its widths.
STRAY_AT_ONCE, STRAY_PER_S, MAX_STRAY = 0.15, 0.6, 0.6
MAX_OTHERS_AGE_S = 0.05  # of an observation, while others than the wearers are in the frame
WITNESS_MARGIN = 0.3  # of a head that a witness found, in face widths


class Wearer:
    """The person in one slot: their steadied face and their avatar. One thread."""

    def __init__(self, driver: AvatarDriver, smoother: Smoother) -> None:
        self.driver = driver
        self.track: Track | None = None  # None: the slot is free
        self.face: FaceState | None = None  # in the newest observation; None while not visible
        self._smoother = smoother

    def adopt(self, settings: Settings) -> None:
        """Changes to other settings; where the head is and how it rests stays known."""
        self._smoother.adopt(settings.smoothing)
        self.driver.adopt(settings.avatar)

    def update(self, track: Track | None, frame: Frame, is_followed: bool = False) -> bool:
        """Takes the track in this slot, and its face when that is visible.

        A face that was followed is no new measurement where there was one before: it corrects
        where that predicts it. Returns whether it was one.
        """
        if self.track is not None and (track is None or track.id != self.track.id):
            self.leave()
        self.track, self.face = track, None
        predicted = None
        if track is not None and track.face is not None:
            predicted = self._smoother.predict(frame.captured_at) if is_followed else None
            state = (
                self._smoother.update(track.face, frame)
                if predicted is None
                else corrected(predicted, track.face.points_px(*frame.size), frame.size)
            )
            self.face = replace(state, track_id=track.id)
        return self.face is not None and predicted is None

    def leave(self) -> None:
        """Resets the slot: its person has left."""
        self.track = self.face = None
        self._smoother.reset()
        self.driver.reset()

    def followed(self, tracked: Frame, newest: Frame) -> FaceState | None:
        """Follows the face into the newest frame; `tracked` is the one it was measured in.

        None where it is not found again.
        """
        measured, predicted = self._smoother.state, self._smoother.predict(newest.captured_at)
        if measured is not None and predicted is not None and predicted is not measured:
            predicted = followed(measured, predicted, tracked, newest)
        if predicted is None or self.track is None:
            return None
        return replace(predicted, track_id=self.track.id)

    def held(self, dt: float, frame: Frame) -> AvatarState | None:
        """Moves the avatar to where its wearer is expected, dt seconds later; None without one."""
        if self.track is None:
            return None
        drift = (self.track.motion.predicted(frame.captured_at) - self.track.box)[:2]
        return self.driver.drift(dt, drift, frame.size)


@dataclass(frozen=True, slots=True)
class Presence:
    """The wearers in the newest observation, visible and missing."""

    visible: tuple[Wearer, ...]
    missing: tuple[Wearer, ...]  # tracked, but not visible
    primary: int | None  # track id of the primary wearer


@dataclass(frozen=True, slots=True)
class DrivenCast:
    """The avatars of all wearers on one frame."""

    frame: Frame
    wearers: tuple[Wearer, ...]
    faces: tuple[FaceState, ...]  # of the visible wearers
    avatars: tuple[AvatarState, ...]  # of the visible wearers, then of the held ones
    blurred: tuple[Rect, ...]  # where faces without an avatar are, or may be


class Cast:
    """All wearers, and the bystanders beside them. One thread."""

    def __init__(
        self,
        settings: Settings,
        avatars: Sequence[Avatar],
        slots: int,
        timer: StageTimer,
        profile: Profile | None = None,
        performers: Sequence[Performer] = (),
    ) -> None:
        self._blur_bystanders = settings.privacy.others == "blur"
        self._cover_held = settings.avatar.avatar != NO_AVATAR
        self._unfilmed = settings.source.source == BLANK  # frames that show no person
        self._timer = timer
        self._performers = performers
        self._observation: Observation | None = None
        self._measured: Frame | None = None  # in which the faces were measured
        # A profile is one person's, and performers move one face: the first one's.
        self._wearers = [
            Wearer(
                AvatarDriver(
                    slot,
                    avatars[slot % len(avatars)],
                    settings.avatar,
                    None if slot else profile,
                    () if slot else performers,
                ),
                Smoother(settings.smoothing),
            )
            for slot in range(slots)
        ]

    def update(self, observation: Observation, now: float) -> Presence:
        """Takes the next observation.

        Raises:
            ValueError: it was not associated for as many slots as there are wearers, so that its
                bystanders are not known.
        """
        if len(observation.slots) != len(self._wearers):
            raise ValueError(f"{len(observation.slots)} slots for {len(self._wearers)} wearers")
        self._observation = observation
        with self._timer.stage("smooth"):
            measured = [
                wearer.update(track, observation.frame, observation.is_followed)
                for wearer, track in zip(self._wearers, observation.wearers, strict=True)
            ]
        if any(measured) or not observation.is_followed:
            self._measured = observation.frame
        visible = tuple(wearer for wearer in self._wearers if wearer.face is not None)
        if not visible and self._unfilmed:
            visible = self._performed_alone(now)
        missing = tuple(w for w in self._wearers if w.face is None and w.track is not None)
        primary = primary_track(observation)
        return Presence(visible, missing, None if primary is None else primary.id)

    def drive(
        self,
        presence: Presence,
        missing: Sequence[Shown | None],
        now: float,
        dt: float,
        newest: Frame | None = None,
        not_before: float = -1.0,
    ) -> DrivenCast | None:
        """Drives the avatar of every wearer, dt seconds after they were last drawn.

        `missing` says of each missing wearer whether the avatar is held; else it vanishes. With
        a `newest` frame the faces are followed into it, all of them or none: a head that is only
        predicted there would bare the face. None when they are not found there and their own
        frame is older than `not_before`.
        """
        assert self._observation is not None
        frame = self._observation.frame
        if newest is not None:
            if self._follow(presence.visible, newest):
                frame = newest
            elif frame.captured_at < not_before:
                return None
        held = self._held(presence.missing, missing)
        faces = [w.driver.performed(w.face, now) for w in presence.visible if w.face is not None]
        with self._timer.stage("rig"):
            avatars = [
                wearer.driver.drive(face, frame, dt)
                for wearer, face in zip(presence.visible, faces, strict=True)
            ]
            avatars += [s for w in held if (s := w.held(dt, frame)) is not None]
        wearers = (*presence.visible, *held)
        return DrivenCast(frame, wearers, tuple(faces), tuple(avatars), self._blurred(frame, held))

    def refollow(
        self, wearers: Sequence[Wearer], newest: Frame, now: float, dt: float
    ) -> DrivenCast | None:
        """Follows the wearers of the last frame into a newer one that has no observation.

        Returns None when they are not found there, when another wearer has become visible, or when
        others are in the frame and may have moved out of their blur.
        """
        visible = tuple(wearer for wearer in self._wearers if wearer.face is not None)
        held = tuple(wearer for wearer in wearers if wearer.face is None)
        observation = self._observation
        if not visible or not set(visible) <= set(wearers) or observation is None:
            return None
        age_s = newest.captured_at - observation.frame.captured_at
        if age_s > MAX_OTHERS_AGE_S and (observation.bystanders or observation.unexplained):
            return None
        presence = Presence(visible, held, None)
        return self.drive(presence, (Shown.HOLD,) * len(held), now, dt, newest, math.inf)

    def idle(
        self, wearers: Sequence[Wearer], frame: Frame, dt: float
    ) -> tuple[AvatarState, ...] | None:
        """Moves every held avatar, dt seconds later; None when one of them stands still."""
        with self._timer.stage("rig"):
            states = [wearer.driver.idle(dt, frame.height) for wearer in wearers]
        moved = tuple(state for state in states if state is not None)
        return moved if moved and len(moved) == len(states) else None

    def vanish(self) -> None:
        """Removes all avatars; they come back where they are measured."""
        for wearer in self._wearers:
            wearer.driver.vanish()

    def adopt(self, settings: Settings) -> None:
        """Changes to other settings, from the next frame on."""
        self._blur_bystanders = settings.privacy.others == "blur"
        self._cover_held = settings.avatar.avatar != NO_AVATAR
        for wearer in self._wearers:
            wearer.adopt(settings)

    def change_avatars(self, before: Sequence[Avatar], avatars: Sequence[Avatar]) -> None:
        """Gives the slots whose avatar changes the new one."""
        for slot, wearer in enumerate(self._wearers):
            avatar = avatars[slot % len(avatars)]
            if avatar is not before[slot % len(before)]:
                wearer.driver.change_avatar(avatar)

    def reset(self) -> None:
        """Resets all slots."""
        self._observation = self._measured = None
        for wearer in self._wearers:
            wearer.leave()

    def bystander_regions(self, frame: Frame) -> tuple[Rect, ...]:
        """Returns where faces without a slot are, or may be; none where the settings show them.

        A head that only witnesses found may be that of a missing wearer, and so may the place of
        a track that lost its slot: then they are among these whatever the settings say.
        """
        observation = self._observation
        if observation is None:
            return ()
        lost = [t for t in observation.wearers if t is not None and t.face is None]
        heads = tuple(
            head_region(box)
            for box in observation.unexplained
            if self._cover_held or not any(is_at_place(box, t, frame.captured_at) for t in lost)
        )
        missing = missing_bystanders(observation)
        if not self._blur_bystanders:
            missing = [track for track in missing if track.has_worn]
            if not (lost or missing) or not self._cover_held:
                return ()
        new = new_regions(stamp_of(frame.image), observation.scene, observation)
        strays = (stray_region(track, frame.captured_at) for track in missing)
        faces = (
            bystander_region(track, frame)
            for track in observation.bystanders
            if self._blur_bystanders and track.face is not None
        )
        return (*faces, *strays, *heads, *new)

    def _follow(self, visible: Sequence[Wearer], newest: Frame) -> bool:
        """Follows all wearers into the newest frame; False, and none is moved, if one is lost."""
        measured = self._measured
        if measured is None:
            return False
        with self._timer.stage("follow"):
            faces = [w.followed(measured, newest) for w in visible]
        if any(face is None for face in faces):
            return False
        for wearer, face in zip(visible, faces, strict=True):
            wearer.face = face
        return True

    def _held(
        self, missing: Sequence[Wearer], states: Sequence[Shown | None]
    ) -> tuple[Wearer, ...]:
        held = []
        for wearer, state in zip(missing, states, strict=True):
            if state is Shown.HOLD:
                held.append(wearer)
            else:
                wearer.driver.vanish()
        return tuple(held)

    def _performed_alone(self, now: float) -> tuple[Wearer, ...]:
        """Returns the first wearer if no person is filmed and a performer places the head."""
        first = self._wearers[0]
        performances = [p for each in self._performers if (p := each.at(now)) is not None]
        first.face = state_from_performances(performances)
        return () if first.face is None else (first,)

    def _blurred(self, frame: Frame, held: Sequence[Wearer]) -> tuple[Rect, ...]:
        """Returns all that is blurred: bystanders, and wearers who may be beside their avatar."""
        strays: list[Rect] = []
        if self._cover_held:
            now = frame.captured_at
            held_tracks = [wearer.track for wearer in held if wearer.track is not None]
            strays = [stray_region(track, now) for track in held_tracks]
            strays += [
                face_region(wearer.track.face.box(*frame.size))
                for wearer in self._wearers
                if wearer.track is not None
                and wearer.track.face is not None
                and now < wearer.track.doubtful_until
            ]
        return (*self.bystander_regions(frame), *strays)


def bystander_region(track: Track, frame: Frame) -> Rect:
    """Returns the region of a visible face in a frame that may be newer than its detection."""
    assert track.face is not None
    region = face_region(track.face.box(*frame.size))
    x, y = (track.motion.predicted(frame.captured_at) - track.box)[:2]
    moved = Rect(
        int(region.x0 + x), int(region.y0 + y), int(region.x1 + x) + 1, int(region.y1 + y) + 1
    )
    return region.union(moved) if (x or y) else region


def head_region(box: FaceBox) -> Rect:
    """Returns the region of a head that a witness found; its box is rough and out of date."""
    x, y, size = (float(v) for v in box)
    return region_at(x, y, size).grown(round(WITNESS_MARGIN * size))


def stray_region(track: Track, at: float) -> Rect:
    """Returns the region in which a missing head may be, larger the longer it is missing."""
    x, y, size = (float(v) for v in track.motion.predicted(at))
    missing_s = max(at - track.motion.detected_at, 0.0)
    strayed = min(STRAY_AT_ONCE + STRAY_PER_S * missing_s, MAX_STRAY)
    return region_at(x, y, size).grown(round(strayed * size))

"""The people who wear avatars in the line: each has a head, a movement and a way back of their own.

Whose seat it is, `people/people.py` says; here everyone is steadied, dressed, and held on their
place while they are out of sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livecam.avatar.accessories import avatar_from_settings, with_accessories
from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.avatar.library import load_avatar
from livecam.avatar.rig import Rig
from livecam.avatar.secondary_motion import RETURN_S
from livecam.compose.covers import face_region, region_at
from livecam.config.settings import AvatarSettings, Settings
from livecam.core.face import FaceState, Matrix4, Observation, Vector3
from livecam.core.frame import Frame, Rect
from livecam.core.spaces import (
    focal_px,
    matrix_from_quaternion,
    quaternion_from_matrix,
    quaternion_from_vector,
    rotation_vector,
)
from livecam.filtering.smoother import Smoother
from livecam.people.people import People, Somebody
from livecam.pipeline.follow import followed

MOST_PEOPLE = 4
SEAT_S = 5.0  # a seat nobody else wants is kept at least so long

# What is farther is no glide but a jump: under way the head would bare the face, or look silly.
HALF_HEAD_M = 0.08
MOST_GROWTH, MOST_TURN_RAD = 0.25, float(np.radians(60))

STRAYS_PER_S, MOST_STRAYED = 0.6, 0.6  # an unseen face may go so far, in widths


def cast_of(settings: AvatarSettings) -> tuple[Avatar, ...]:
    """The avatars of all people whom the settings ask for; names beyond the list begin again.

    Raises:
        AssetError: nobody knows an avatar or what it wears, or their files are broken.
        ConfigError: two accessories sit in the same place.
    """
    if not settings.avatars:
        return (avatar_from_settings(settings),) * people_in(settings)
    made = {
        name: with_accessories(load_avatar(name), settings.accessories)
        for name in dict.fromkeys(settings.avatars)
    }
    names = settings.avatars
    return tuple(made[names[i % len(names)]] for i in range(people_in(settings)))


def people_in(settings: AvatarSettings) -> int:
    """How many people wear an avatar: as many as are asked for, or named."""
    return min(max(settings.people, len(settings.avatars)), MOST_PEOPLE)


class Wearer:
    """One seat: whoever sits there wears its avatar. One thread."""

    def __init__(
        self, who: int, avatar: Avatar, settings: Settings, profile: Profile | None = None
    ) -> None:
        self.who = who
        self.face: FaceState | None = None  # in the newest observation; None while unseen
        self.somebody: Somebody | None = None
        self._settings = settings
        self._profile = profile
        self._smoother = Smoother(settings.smoothing)
        self._way_back = WayBack()
        self._away_px = np.zeros(2)  # how far the held head has gone on
        self._shown: AvatarState | None = None
        self.wear(avatar)

    def wear(self, avatar: Avatar) -> None:
        """Changes the head."""
        self._rig = Rig(avatar, self._settings.avatar, self._profile)

    def see(self, somebody: Somebody | None, frame: Frame) -> None:
        """Takes in who sits here, and their face when it is in the picture."""
        if somebody is not self.somebody:
            if self.somebody is not None:
                self.leave()
            self.somebody = somebody
        self.face = None
        if somebody is not None and somebody.face is not None:
            self.face = self._smoother.follow(somebody.face, frame)

    def leave(self) -> None:
        """Forgets whoever sat here."""
        self.somebody = self.face = self._shown = None
        self._smoother.reset()
        self._rig.reset()
        self._way_back.reset()

    def moved_on(self, tracked: Frame, newest: Frame) -> FaceState | None:
        """The face as it is in the newest picture; `tracked` is the one that it was seen in.

        None where it is not found again.
        """
        seen, predicted = self._smoother.state, self._smoother.at(newest.captured_at)
        if seen is None or predicted is None or predicted is seen:
            return predicted
        return followed(seen, predicted, tracked, newest)

    def dressed(self, face: FaceState, frame: Frame, dt: float) -> AvatarState:
        """The avatar on that face, dt seconds after it was last shown."""
        state = self._rig.state(face, frame.width, frame.height, frame.image)
        state = self._way_back.step(state, self._shown, dt)
        self._away_px = np.zeros(2)
        self._shown = replace(state, slot=self.who)
        return self._shown

    def idle(self, dt: float, frame: Frame) -> AvatarState | None:
        """The held avatar dt seconds later; None when there is nothing to move."""
        self._way_back.pause()
        state = self._rig.idle(dt)
        if state is None:
            return None
        state = shifted(self._way_back.eased(state), self._away_px, frame.height)
        self._shown = replace(state, slot=self.who)
        return self._shown

    def held(self, dt: float, frame: Frame, at: float) -> AvatarState | None:
        """As `idle`, going on as its wearer last did; the last state when nothing moves.

        None when there was none.
        """
        if self.somebody is None:
            return None
        before = self._away_px
        self._away_px = (self.somebody.predicted(at) - self.somebody.place)[:2]
        if self.idle(dt, frame) is None and self._shown is not None:
            self._shown = shifted(self._shown, self._away_px - before, frame.height)
        return self._shown

    def vanish(self) -> None:
        """The avatar is not shown any more: it comes back where it is measured."""
        self._shown = None
        self._way_back.reset()

    def unseen_s(self, at: float) -> float:
        """How long the one who sits here was looked for in vain."""
        return 0.0 if self.somebody is None else self.somebody.unseen_s(at)


class Cast:
    """Everybody who wears an avatar, and who does not. One thread."""

    def __init__(
        self,
        settings: Settings,
        avatars: Sequence[Avatar],
        keep_s: float,
        profile: Profile | None = None,
    ) -> None:
        count = people_in(settings.avatar)
        # A profile is one person's: the first one's.
        self.wearers = [
            Wearer(who, avatars[who % len(avatars)], settings, None if who else profile)
            for who in range(count)
        ]
        self._people = People(count, settings.avatar.people_by, max(SEAT_S, keep_s))

    def see(self, observation: Observation) -> None:
        """Takes in the next picture."""
        self._people.update(observation)
        for wearer, somebody in zip(self.wearers, self._people.seats, strict=True):
            wearer.see(somebody, observation.frame)

    @property
    def seen(self) -> list[Wearer]:
        """Who is in the newest picture."""
        return [wearer for wearer in self.wearers if wearer.face is not None]

    @property
    def unseen(self) -> list[Wearer]:
        """Who has a seat, but is not in the newest picture."""
        return [w for w in self.wearers if w.face is None and w.somebody is not None]

    def other_regions(self, frame: Frame) -> list[Rect]:
        """Where faces that wear nothing are, or may still be."""
        size = frame.size
        regions = [face_region(face.box(*size)) for face in self._people.others]
        return regions + [stray_region(s, frame.captured_at) for s in self._people.lingering]

    def reset(self) -> None:
        """Forgets everybody."""
        self._people.reset()
        for wearer in self.wearers:
            wearer.leave()


def stray_region(somebody: Somebody, at: float) -> Rect:
    """Where the head of somebody unseen may be, larger the longer they are."""
    place = somebody.predicted(at)
    strayed = min(STRAYS_PER_S * max(at - somebody.seen_at, 0.0), MOST_STRAYED)
    x, y, size = (float(v) for v in place)
    return region_at(x, y, size).grown(round(strayed * size))


def shifted(state: AvatarState, by_px: NDArray[np.float64], height: int) -> AvatarState:
    """The avatar moved within a picture of that height."""
    if not by_px.any():
        return state
    metres = -float(state.camera_from_head[2, 3]) / focal_px(height)
    way = np.array((by_px[0] * metres, -by_px[1] * metres, 0.0))
    face_px = None if state.face_px is None else (state.face_px + by_px).astype(np.float32)
    return replace(state.translated(way), face_px=face_px)


class WayBack:
    """Eases a held head back to where it is measured; what moves meanwhile is not delayed."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._was_held = False
        self._since_s = RETURN_S
        self._head = self._body = _NOWHERE

    def pause(self) -> None:
        """Nobody is seen: a way that was begun stops where it is."""
        self._was_held = True

    def step(self, state: AvatarState, shown: AvatarState | None, dt: float) -> AvatarState:
        """The state to show, dt seconds after `shown`."""
        if self._was_held and shown is not None:
            self._head = Offset.between(shown.camera_from_head, state.camera_from_head)
            self._body = Offset.between(shown.camera_from_body, state.camera_from_body)
            near = is_near(shown.camera_from_head, state.camera_from_head, self._head)
            self._since_s = 0.0 if near else RETURN_S
        self._was_held = False
        self._since_s = min(self._since_s + max(dt, 0.0), RETURN_S)
        return self.eased(state)

    def eased(self, state: AvatarState) -> AvatarState:
        """The state as far off as it still is."""
        done = self._since_s / RETURN_S
        left = 1 - done * done * (3 - 2 * done)
        if left <= 0:
            return state
        return replace(
            state,
            camera_from_head=self._head.applied(state.camera_from_head, left),
            camera_from_body=self._body.applied(state.camera_from_body, left),
        )


@dataclass(frozen=True, slots=True)
class Offset:
    """What parts one placing of an avatar from another."""

    way: Vector3  # metres, in camera space
    turn: Vector3  # rotation vector, in camera space
    growth: float  # logarithm

    @classmethod
    def between(cls, one: Matrix4, other: Matrix4) -> Offset:
        """From `other` to `one`."""
        sizes = [float(np.cbrt(np.linalg.det(m[:3, :3]))) for m in (one, other)]
        turn = (one[:3, :3] / sizes[0]) @ (other[:3, :3] / sizes[1]).T
        return cls(
            one[:3, 3] - other[:3, 3],
            rotation_vector(quaternion_from_matrix(turn)),
            float(np.log(sizes[0] / sizes[1])),
        )

    def applied(self, matrix: Matrix4, share: float) -> Matrix4:
        """A placing that is off by a share of this."""
        out = matrix.copy()
        turn = matrix_from_quaternion(quaternion_from_vector(self.turn * share))
        out[:3, :3] = np.exp(self.growth * share) * turn @ matrix[:3, :3]
        out[:3, 3] += self.way * share
        return out


_NOWHERE = Offset(np.zeros(3), np.zeros(3), 0.0)


def is_near(shown: Matrix4, measured: Matrix4, offset: Offset) -> bool:
    """Whether a head may glide from one place to the other and hide the face all the way."""
    depth = max(-float(measured[2, 3]), 1e-3)
    across = shown[:2, 3] / max(-float(shown[2, 3]), 1e-3) - measured[:2, 3] / depth
    larger = abs(float(np.log(max(-float(shown[2, 3]), 1e-3) / depth)))
    return (
        float(np.hypot(*across)) * depth < HALF_HEAD_M
        and larger < MOST_GROWTH
        and float(np.linalg.norm(offset.turn)) < MOST_TURN_RAD
    )

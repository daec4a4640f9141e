"""The line as a function: tracking results in, pictures that may be published out.

No threads and no devices: `livecam run` calls it from its main loop, tests with a clock set
by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livecam.audio.mouth import MouthBlender
from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.compose import covers
from livecam.compose.base import Compositor
from livecam.compose.framing import Framing
from livecam.config.settings import BLANK, NO_AVATAR, Settings
from livecam.core.commands import Command
from livecam.core.face import FaceState, Observation, Performance
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.motion.base import Performer, state_from_performances, with_performances
from livecam.pipeline.cast import Cast, Wearer, stray_region
from livecam.pipeline.privacy import LEFT_S, PrivacyGuard
from livecam.pipeline.stats import Shown
from livecam.segmentation.base import Segmentation
from livecam.segmentation.hand_mask import mouth_occlusion
from livecam.segmentation.warp import warped
from livecam.sinks.base import OutputInfo

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1  # pauses before a broken compositor is made anew
LONGEST_RETRY_S = 5.0

LONGEST_SCENE_S = 0.5  # what was seen longer ago is not carried to a picture

# The newest of what was seen besides the face; any moment, any size, or nothing.
Scenes = Callable[[], Segmentation | None]


def nothing_seen() -> Segmentation | None:
    """For a line without anybody who looks."""
    return None


# Makes a compositor for pictures of a width and height; raises GraphicsError.
CompositorFactory = Callable[[Avatar, int, int], Compositor]


@dataclass(frozen=True, slots=True)
class Published:
    """A picture that may leave the machine, and what it shows."""

    picture: Frame  # RGBA, the published size
    state: Shown
    tracked: bool  # it carries a tracking result of its own
    face: FaceState | None
    box: Rect | None  # what was drawn, in pixels of the camera's picture
    planes: Image | None = None  # `picture` as I420, where the GPU made that too


@dataclass(frozen=True, slots=True)
class _Covered:
    """A camera picture whose faces are all hidden, and who is behind the avatars."""

    picture: Frame
    beneath: Frame  # the same without the avatar: never to be published
    scene: Segmentation | None  # what was seen in it
    worn: tuple[Wearer, ...]
    faces: tuple[FaceState, ...]  # of those who were seen, the first one's first
    box: Rect
    planes: Image | None


class Line:
    """Smooths, rigs, draws, guards and frames; one call, one published picture.

    Used from the thread that owns the GL context. Whatever fails in here is answered with the
    held avatar or the curtain, never with the picture it failed on.

    `avatars` are everybody's, where several people wear one; else all wear `avatar`.
    """

    def __init__(
        self,
        settings: Settings,
        avatar: Avatar,
        make_compositor: CompositorFactory,
        output: OutputInfo,
        timer: StageTimer | None = None,
        scenes: Scenes = nothing_seen,
        performers: Sequence[Performer] = (),
        avatars: Sequence[Avatar] = (),
        profile: Profile | None = None,
        mouth: MouthBlender | None = None,
    ) -> None:
        self.settings = settings
        self._mouth = mouth
        self._scenes = scenes
        self._performers = performers
        self._nobody_there = settings.source.source == BLANK  # a picture that hides nobody
        self.output = output
        self.timer = timer or StageTimer()
        self.guard = PrivacyGuard(settings.privacy)
        self.frozen = False
        self.wants_planes = False  # somebody will publish I420
        self.last_error: Exception | None = None
        self._avatars = tuple(avatars) or (avatar,)
        self._bare = settings.avatar.avatar == NO_AVATAR  # the user shows their own face
        self._make_compositor = make_compositor
        self._compositor: Compositor | None = None
        self._compositor_size = (0, 0)
        self._retry_at, self._retry_pause_s = 0.0, FIRST_RETRY_S
        keep_s = max(settings.privacy.hold_s, LEFT_S)
        self._cast = Cast(settings, self._avatars, keep_s, profile)
        self._framing = Framing(
            output.width, output.height, settings.output.framing, settings.output.mirror
        )
        self._covered: _Covered | None = None
        self._tracked: Frame | None = None  # the picture of the last observation
        self._drawn_at = 0.0
        self._last: Published | None = None

    @property
    def tier(self) -> str:
        """How the head is drawn; empty before the first one."""
        return "" if self._compositor is None else self._compositor.tier

    def command(self, command: Command) -> None:
        """Obeys the wishes that concern the picture; others are left to the app."""
        if command is Command.MIRROR:
            self._framing.mirror = not self._framing.mirror
        elif command is Command.FREEZE:
            self.frozen = not self.frozen
        elif command is Command.PANIC:
            self.guard.panic = not self.guard.panic

    def wear(self, avatar: Avatar) -> None:
        """Changes the head of the first, or of all who wear the same; the next picture shows it."""
        before, self._bare = self._avatars[0], False
        self._avatars = tuple(avatar if each is before else each for each in self._avatars)
        for wearer in self._cast.wearers:
            if self._avatars[wearer.who % len(self._avatars)] is avatar:
                wearer.wear(avatar)
        self._drop_compositor()

    def source_lost(self) -> None:
        """The camera is gone: curtain until a face is covered again."""
        self.guard.source_lost()
        self._covered = None
        self._cast.reset()

    def show(
        self, observation: Observation | None, now: float, newest: Frame | None = None
    ) -> Published:
        """The next picture to publish.

        Args:
            observation: a new tracking result, or None when none came in time.
            now: seconds of the run's clock.
            newest: the newest camera picture, for `alignment = "newest"`; it may be younger
                than the one that was tracked.
        """
        published = self._decide(observation, now, newest)
        if self.frozen and self._last is not None and not self.guard.panic:
            last = self._last
            state = Shown.HOLD if last.state is Shown.AVATAR else last.state
            return replace(last, state=state, tracked=False)
        self._last = published
        return published

    def farewell(self, now: float) -> Published:
        """The last picture of a run: the curtain, so that nobody keeps a frozen head."""
        return self._publish_cover(Shown.CURTAIN, now, None)

    def close(self) -> None:
        self._drop_compositor()

    def _decide(
        self, observation: Observation | None, now: float, newest: Frame | None
    ) -> Published:
        picture = observation.frame if observation is not None else newest
        try:
            if observation is not None:
                return self._show_observation(observation, now, newest)
            return self._show_without(now, newest)
        except Exception as error:
            self._report(error, now)
            return self._publish_state(self.guard.failed(now), now, picture)

    def _show_observation(
        self, observation: Observation, now: float, newest: Frame | None
    ) -> Published:
        with self.timer.stage("smooth"):
            self._cast.see(observation)
        frame, seen = observation.frame, self._cast.seen
        self._tracked = frame
        if not seen and self._nobody_there:
            seen = self._performed_alone(now)
        if not seen:
            self.guard.unseen(now)
            return self._publish_held(self.guard.lost(now), now, frame)
        held, cover = self._unseen(frame.captured_at)
        if cover is not None:
            self.guard.unseen(now)
            return self._publish_state(Shown.CURTAIN if self.guard.panic else cover, now, frame)
        if self.settings.smoothing.alignment == "newest" and newest is not None:
            last = self._covered
            if self._moved_on(seen, newest):
                frame = newest
            elif last is not None and frame.captured_at < last.picture.captured_at:
                return self._show_without(now, None)  # what was shown is newer, and covered
        self._covered = self._cover(frame, seen, held, now)
        self.guard.covered(now)
        state = Shown.CURTAIN if self.guard.panic else Shown.AVATAR
        return self._publish_state(state, now, observation.frame, tracked=state is Shown.AVATAR)

    def _performed_alone(self, now: float) -> list[Wearer]:
        """The first one, where nobody is filmed but a performer tells where they are."""
        first = self._cast.wearers[0]
        first.face = state_from_performances(self._performances(now))
        return [] if first.face is None else [first]

    def _unseen(self, at: float) -> tuple[list[Wearer], Shown | None]:
        """Who is out of sight and held on their place, and what covers all if they may not be."""
        held = []
        for wearer in self._cast.unseen:
            state = self.guard.missing(wearer.unseen_s(at))
            if state is Shown.HOLD:
                held.append(wearer)
            elif state is not None:
                return [], state
            else:
                wearer.vanish()
        return held, None

    def _show_without(self, now: float, newest: Frame | None) -> Published:
        before = Shown.CURTAIN if self._last is None else self._last.state
        if self._bare and before is Shown.PASSTHROUGH:
            before = Shown.AVATAR  # as far as holding is concerned
        state = self.guard.repeat(now, before)
        moves_on = (
            state is Shown.AVATAR
            and self.settings.smoothing.alignment == "newest"
            and newest is not None
            and self._covered is not None
            and newest.captured_at > self._covered.picture.captured_at
        )
        worn = () if self._covered is None else self._covered.worn
        seen = [wearer for wearer in worn if wearer.face is not None]
        if moves_on and newest is not None and seen and self._moved_on(seen, newest):
            held = [wearer for wearer in worn if wearer.face is None]
            self._covered = self._cover(newest, seen, held, now)
        return self._publish_held(state, now, newest)

    def _publish_held(self, state: Shown, now: float, frame: Frame | None) -> Published:
        """As `_publish_state`; held avatars stay alive on the picture that they cover."""
        covered = self._covered
        if state is Shown.HOLD and covered is not None:
            with self.timer.stage("rig"):
                dt = now - self._drawn_at
                idle = [wearer.idle(dt, covered.beneath) for wearer in covered.worn]
            avatars = [avatar for avatar in idle if avatar is not None]
            avatars = self._spoken(avatars, 1.0, now)
            if avatars and len(avatars) == len(idle):
                self._covered = self._drawn(
                    covered.beneath, avatars, covered.worn, covered.faces, covered.scene, now
                )
        elif state is not Shown.AVATAR:
            for wearer in self._cast.wearers:
                wearer.vanish()
        return self._publish_state(state, now, frame)

    def _moved_on(self, seen: Sequence[Wearer], newest: Frame) -> bool:
        """Follows everybody into the newest picture; all of them, or nobody is moved.

        A head that is only guessed there would bare the face.
        """
        assert self._tracked is not None
        with self.timer.stage("follow"):
            faces = [wearer.moved_on(self._tracked, newest) for wearer in seen]
        if any(face is None for face in faces):
            return False
        for wearer, face in zip(seen, faces, strict=True):
            wearer.face = face
        return True

    def _cover(
        self, frame: Frame, seen: Sequence[Wearer], held: Sequence[Wearer], now: float
    ) -> _Covered:
        """Everybody's avatar on a picture; who is held stands on a patch of blur."""
        dt = now - self._drawn_at
        faces = [self._face_of(wearer, now) for wearer in seen]
        with self.timer.stage("rig"):
            avatars = [
                wearer.dressed(face, frame, dt) for wearer, face in zip(seen, faces, strict=True)
            ]
            avatars += [
                state
                for wearer in held
                if (state := wearer.held(dt, frame, frame.captured_at)) is not None
            ]
        scene, whose = self._scene_of(faces, frame)
        avatars = self._spoken(avatars, _mouth_unsure(seen, scene, whose), now)
        avatars.insert(0, avatars.pop(whose))  # the stages look at the first one's face
        frame = self._blurred(frame, held)
        return self._drawn(frame, avatars, (*seen, *held), tuple(faces), scene, now)

    def _spoken(self, avatars: list[AvatarState], unsure: float, now: float) -> list[AvatarState]:
        """The first one's mouth follows the sound where the camera is unsure about it."""
        mouth = self._mouth
        if mouth is None:
            return avatars
        return [
            state if state.slot else replace(state, morphs=mouth.blended(state.morphs, unsure, now))
            for state in avatars
        ]

    def _face_of(self, wearer: Wearer, now: float) -> FaceState:
        """The face of somebody seen; the first one's does what performers tell."""
        assert wearer.face is not None
        if wearer.who > 0:
            return wearer.face
        return with_performances(wearer.face, self._performances(now))

    def _performances(self, now: float) -> list[Performance]:
        return [p for each in self._performers if (p := each.at(now)) is not None]

    def _scene_of(
        self, faces: Sequence[FaceState], frame: Frame
    ) -> tuple[Segmentation | None, int]:
        """The newest scene, carried to this picture, and whose face it was seen with.

        None when there is none that fits.
        """
        scene = self._scenes()
        if scene is None or scene.size != frame.size:
            return None, 0
        if abs(frame.captured_at - scene.at) > LONGEST_SCENE_S:
            return None, 0
        landmarks = [face.points_px(*frame.size) for face in faces]
        whose = 0 if len(faces) == 1 else _nearest(scene.landmarks_px, landmarks)
        points = None if whose is None else landmarks[whose]
        if whose is None or points is None:
            return None, 0
        with self.timer.stage("carry"):
            return warped(scene, points, frame.captured_at), whose

    def _drawn(
        self,
        beneath: Frame,
        avatars: Sequence[AvatarState],
        worn: tuple[Wearer, ...],
        faces: tuple[FaceState, ...],
        scene: Segmentation | None,
        now: float,
    ) -> _Covered:
        compositor = self._compositor_for(beneath, now)
        with self.timer.stage("compose"):
            picture = compositor.compose(beneath, () if self._bare else avatars, scene)
            planes = compositor.planes() if self.wants_planes else None
        self.last_error, self._retry_pause_s, self._drawn_at = None, FIRST_RETRY_S, now
        return _Covered(picture, beneath, scene, worn, faces, compositor.drawn, planes)

    def _blurred(self, frame: Frame, held: Sequence[Wearer] = ()) -> Frame:
        """The picture without the faces that wear nothing, and without those that may be near
        the place on which somebody is held."""
        regions: list[Rect] = []
        if self.settings.privacy.others == "blur":
            regions += self._cast.other_regions(frame)
        if not self._bare:
            at = frame.captured_at
            regions += [stray_region(w.somebody, at) for w in held if w.somebody is not None]
        if not regions:
            return frame
        with self.timer.stage("blur others"):
            image = frame.image.copy()
            for region in regions:
                covers.blur_region(image, region)
        return Frame(image, frame.index, frame.captured_at)

    def _publish_state(
        self, state: Shown, now: float, frame: Frame | None, tracked: bool = False
    ) -> Published:
        if state in (Shown.AVATAR, Shown.HOLD):
            if self._covered is None:
                return self._publish_cover(Shown.CURTAIN, now, frame)
            covered = self._covered
            picture = self._framed(covered.picture, covered.faces)
            planes = covered.planes if picture is covered.picture else None
            if self._bare and state is Shown.AVATAR:
                state = Shown.PASSTHROUGH
            return Published(picture, state, tracked, covered.faces[0], covered.box, planes)
        return self._publish_cover(state, now, frame)

    def _publish_cover(self, state: Shown, now: float, frame: Frame | None) -> Published:
        if frame is None or state is Shown.CURTAIN:
            index = 0 if frame is None else frame.index
            taken = now if frame is None else frame.captured_at
            card = Frame(covers.curtain(self.output.width, self.output.height), index, taken)
            return Published(card, Shown.CURTAIN, False, None, None)
        if state is Shown.PASSTHROUGH:
            image: Image = self._blurred(frame).image
        else:
            image = covers.blur_whole(frame.image)
        picture = self._framed(Frame(image, frame.index, frame.captured_at), ())
        return Published(picture, state, False, None, None)

    def _framed(self, frame: Frame, faces: Sequence[FaceState]) -> Frame:
        with self.timer.stage("frame"):
            if not faces:
                return self._framing.apply(frame)
            heads = np.array([face.pose.translation for face in faces])
            x, y = project(np.eye(4), heads, frame.width, frame.height).mean(axis=0)
            return self._framing.apply(frame, (float(x), float(y)))

    def _compositor_for(self, frame: Frame, now: float) -> Compositor:
        if self._compositor is not None and self._compositor_size == frame.size:
            return self._compositor
        if now < self._retry_at and self.last_error is not None:
            raise self.last_error  # resting before the next try
        self._drop_compositor()
        self._compositor = self._make_compositor(self._avatars[0], frame.width, frame.height)
        if len(self._avatars) > 1:
            self._compositor.set_avatars(self._avatars)
        self._compositor_size = frame.size
        return self._compositor

    def _drop_compositor(self) -> None:
        if self._compositor is not None:
            try:
                self._compositor.close()
            except Exception as error:
                log.warning("renderer did not close cleanly: %s", error)
            self._compositor = None

    def _report(self, error: Exception, now: float) -> None:
        if self.last_error is None or str(error) != str(self.last_error):
            log.warning("picture covered: %s", error, exc_info=True)
        if error is not self.last_error:
            self._retry_at = now + self._retry_pause_s
            self._retry_pause_s = min(self._retry_pause_s * 2, LONGEST_RETRY_S)
        self.last_error = error
        self._drop_compositor()


def _mouth_unsure(seen: Sequence[Wearer], scene: Segmentation | None, whose: int) -> float:
    """How little the camera knows of the first one's mouth, 0..1."""
    first = next((i for i, wearer in enumerate(seen) if wearer.who == 0), None)
    if first is None:
        return 1.0
    return (
        mouth_occlusion(scene.landmarks_px, scene.hands)
        if scene is not None and whose == first
        else 0.0
    )


def _nearest(
    face: NDArray[np.float32], landmarks: Sequence[NDArray[np.float32] | None]
) -> int | None:
    """Which landmarks lie where a face was a moment ago; None when all are elsewhere."""
    middle, width = face.mean(axis=0), float(np.ptp(face[:, 0]))
    away = [
        np.inf if points is None else float(np.hypot(*(points.mean(axis=0) - middle)))
        for points in landmarks
    ]
    nearest = int(np.argmin(away))
    return nearest if away[nearest] < width else None

"""The line as a function: tracking results in, pictures that may be published out.

No threads and no devices: `livecam run` calls it from its main loop, tests with a clock set
by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from livecam.app.privacy import PrivacyGuard
from livecam.app.stats import Shown
from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.rig import Rig
from livecam.compose import covers
from livecam.compose.base import Compositor
from livecam.compose.framing import Framing
from livecam.config.settings import BLANK, NO_AVATAR, Settings
from livecam.core.commands import Command
from livecam.core.face import Face, FaceState, Observation, Performance
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.filtering.smoother import Smoother
from livecam.motion.base import Performer, performed, performed_alone
from livecam.segmentation.base import Scene
from livecam.segmentation.carry import carried
from livecam.sinks.base import OutputInfo

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.1  # pauses before a broken compositor is made anew
LONGEST_RETRY_S = 5.0

LONGEST_SCENE_S = 0.5  # what was seen longer ago is not carried to a picture

# The newest of what was seen besides the face; any moment, any size, or nothing.
Scenes = Callable[[], Scene | None]


def nothing_seen() -> Scene | None:
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
    """A camera picture whose faces are all hidden, and the face behind the avatar."""

    picture: Frame
    beneath: Frame  # the same without the avatar: never to be published
    scene: Scene | None  # what was seen in it
    face: FaceState
    others: tuple[Face, ...]
    box: Rect
    planes: Image | None


class Line:
    """Smooths, rigs, draws, guards and frames; one call, one published picture.

    Used from the thread that owns the GL context. Whatever fails in here is answered with the
    held avatar or the curtain, never with the picture it failed on.
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
    ) -> None:
        self.settings = settings
        self._scenes = scenes
        self._performers = performers
        self._nobody_there = settings.source.source == BLANK  # a picture that hides nobody
        self.output = output
        self.timer = timer or StageTimer()
        self.guard = PrivacyGuard(settings.privacy)
        self.frozen = False
        self.wants_planes = False  # somebody will publish I420
        self.last_error: Exception | None = None
        self._avatar = avatar
        self._bare = settings.avatar.avatar == NO_AVATAR  # the user shows their own face
        self._make_compositor = make_compositor
        self._compositor: Compositor | None = None
        self._compositor_size = (0, 0)
        self._retry_at, self._retry_pause_s = 0.0, FIRST_RETRY_S
        self._smoother = Smoother(settings.smoothing)
        self._rig = Rig(avatar, settings.avatar)
        self._framing = Framing(
            output.width, output.height, settings.output.framing, settings.output.mirror
        )
        self._covered: _Covered | None = None
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
        """Changes the head; the next picture shows it."""
        self._avatar, self._bare = avatar, False
        self._rig = Rig(avatar, self.settings.avatar)
        self._drop_compositor()

    def source_lost(self) -> None:
        """The camera is gone: curtain until a face is covered again."""
        self.guard.source_lost()
        self._covered = None
        self._smoother.reset()

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
            faces = self._smoother.update(observation)
        frame, face = observation.frame, faces.primary
        if face is None and self._nobody_there:
            face = performed_alone(self._performances(now))
        if face is None:
            self.guard.unseen(now)
            return self._publish_held(self.guard.lost(now), now, observation.frame)
        if self.settings.smoothing.alignment == "newest" and newest is not None:
            frame, face = self._moved_on(newest, face)
        self._covered = self._cover(frame, face, faces.others, now)
        self.guard.covered(now)
        state = Shown.CURTAIN if self.guard.panic else Shown.AVATAR
        return self._publish_state(state, now, frame, tracked=state is Shown.AVATAR)

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
        if moves_on and newest is not None and self._covered is not None:
            frame, face = self._moved_on(newest, self._covered.face)
            self._covered = self._cover(frame, face, self._covered.others, now)
        return self._publish_held(state, now, newest)

    def _publish_held(self, state: Shown, now: float, frame: Frame | None) -> Published:
        """As `_publish_state`; a held avatar stays alive on the picture that it covers."""
        covered = self._covered
        if state is Shown.HOLD and covered is not None:
            with self.timer.stage("rig"):
                avatar = self._rig.idle(now - self._drawn_at)
            if avatar is not None:
                self._covered = self._drawn(
                    covered.beneath, avatar, covered.face, covered.others, covered.scene, now
                )
        return self._publish_state(state, now, frame)

    def _moved_on(self, newest: Frame, face: FaceState) -> tuple[Frame, FaceState]:
        """The newest picture, and the pose predicted to its moment."""
        predicted = self._smoother.at(newest.captured_at)
        return newest, predicted if predicted is not None else face

    def _cover(
        self, frame: Frame, face: FaceState, others: tuple[Face, ...], now: float
    ) -> _Covered:
        face = performed(face, self._performances(now))
        with self.timer.stage("rig"):
            avatar = self._rig.state(face, frame.width, frame.height, frame.image)
        scene = self._scene_of(face, frame)
        if others and self.settings.privacy.others == "blur":
            frame = self._blur_others(frame, others)
        return self._drawn(frame, avatar, face, others, scene, now)

    def _performances(self, now: float) -> list[Performance]:
        return [p for each in self._performers if (p := each.at(now)) is not None]

    def _scene_of(self, face: FaceState, frame: Frame) -> Scene | None:
        """The newest scene, carried to this picture; None when there is none that fits."""
        scene, points = self._scenes(), face.points_px(*frame.size)
        if scene is None or points is None or scene.size != frame.size:
            return None
        if abs(frame.captured_at - scene.at) > LONGEST_SCENE_S:
            return None
        with self.timer.stage("carry"):
            return carried(scene, points, frame.captured_at)

    def _drawn(
        self,
        beneath: Frame,
        avatar: AvatarState,
        face: FaceState,
        others: tuple[Face, ...],
        scene: Scene | None,
        now: float,
    ) -> _Covered:
        compositor = self._compositor_for(beneath, now)
        with self.timer.stage("compose"):
            picture = compositor.compose(beneath, () if self._bare else (avatar,), scene)
            planes = compositor.planes() if self.wants_planes else None
        self.last_error, self._retry_pause_s, self._drawn_at = None, FIRST_RETRY_S, now
        return _Covered(picture, beneath, scene, face, others, compositor.drawn, planes)

    def _blur_others(self, frame: Frame, others: tuple[Face, ...]) -> Frame:
        with self.timer.stage("blur others"):
            image = frame.image.copy()
            for other in others:
                box = other.box(frame.width, frame.height)
                covers.blur_region(image, covers.face_region(box))
        return Frame(image, frame.index, frame.captured_at)

    def _publish_state(
        self, state: Shown, now: float, frame: Frame | None, tracked: bool = False
    ) -> Published:
        if state in (Shown.AVATAR, Shown.HOLD):
            if self._covered is None:
                return self._publish_cover(Shown.CURTAIN, now, frame)
            covered = self._covered
            picture = self._framed(covered.picture, covered.face)
            planes = covered.planes if picture is covered.picture else None
            if self._bare and state is Shown.AVATAR:
                state = Shown.PASSTHROUGH
            return Published(picture, state, tracked, covered.face, covered.box, planes)
        return self._publish_cover(state, now, frame)

    def _publish_cover(self, state: Shown, now: float, frame: Frame | None) -> Published:
        if frame is None or state is Shown.CURTAIN:
            index = 0 if frame is None else frame.index
            taken = now if frame is None else frame.captured_at
            card = Frame(covers.curtain(self.output.width, self.output.height), index, taken)
            return Published(card, Shown.CURTAIN, False, None, None)
        image: Image = frame.image if state is Shown.PASSTHROUGH else covers.blur_whole(frame.image)
        picture = self._framed(Frame(image, frame.index, frame.captured_at), None)
        return Published(picture, state, False, None, None)

    def _framed(self, frame: Frame, face: FaceState | None) -> Frame:
        with self.timer.stage("frame"):
            if face is None:
                return self._framing.apply(frame)
            head = face.pose.translation[None]
            x, y = project(np.eye(4), head, frame.width, frame.height)[0]
            return self._framing.apply(frame, (float(x), float(y)))

    def _compositor_for(self, frame: Frame, now: float) -> Compositor:
        if self._compositor is not None and self._compositor_size == frame.size:
            return self._compositor
        if now < self._retry_at and self.last_error is not None:
            raise self.last_error  # resting before the next try
        self._drop_compositor()
        self._compositor = self._make_compositor(self._avatar, frame.width, frame.height)
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

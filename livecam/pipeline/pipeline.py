"""The pipeline as a function: observations in, frames that may be published out.

No threads and no devices: `livecam run` calls it from its main loop, tests with a clock set
by hand.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from livecam.audio.mouth import MouthBlender
from livecam.avatar.base import Avatar, AvatarState, Profile
from livecam.compose.framing import Framing
from livecam.config.settings import NO_AVATAR, OnLost, Settings
from livecam.core.commands import Command
from livecam.core.face import FaceState
from livecam.core.frame import Frame, Image, Rect
from livecam.core.observation import Observation
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.motion.base import Performer
from livecam.pipeline.build import slots_of
from livecam.pipeline.cast import Cast, DrivenCast, Wearer
from livecam.pipeline.change import Change, Remake, change_to
from livecam.pipeline.composition import (
    Composite,
    Composition,
    CompositorFactory,
    with_blurred,
)
from livecam.pipeline.pairing import SegmentationPairing, Segmentations, never, no_segmentation
from livecam.pipeline.privacy import Missing, PrivacyGuard
from livecam.pipeline.publication import publish
from livecam.pipeline.states import Shown
from livecam.segmentation.base import Segmentation
from livecam.segmentation.hand_mask import mouth_occlusion
from livecam.sinks.base import OutputInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A frame that may leave the machine, and what it shows."""

    frame: Frame  # RGBA, the published size
    state: Shown
    tracked: bool  # it has a tracking result of its own
    face: FaceState | None  # of the primary wearer
    box: Rect | None  # what was drawn, in pixels of the camera's frame
    planes: Image | None = None  # `frame` as I420, where the GPU made that too


@dataclass(frozen=True, slots=True)
class _Covered:
    """The newest composite, and what it was made from."""

    composite: Composite
    segmentation: Segmentation | None
    wearers: tuple[Wearer, ...]  # empty: their avatars have moved on, it cannot be drawn again
    faces: tuple[FaceState, ...]  # of the visible wearers
    primary: int | None  # track id


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of the pipeline besides the camera; none by default."""

    segmentations: Segmentations = no_segmentation
    is_segmented: Callable[[], bool] = never  # whether segmentations come at all
    performers: Sequence[Performer] = ()
    profile: Profile | None = None
    mouth: MouthBlender | None = None


class Pipeline:
    """Smooths, drives, composes, guards and frames; one call, one published frame.

    Used from the thread that owns the GL context. A failure is answered with the held avatar or
    the curtain, never with the frame it happened on. `avatars` holds one for each slot, counted
    round.
    """

    def __init__(
        self,
        settings: Settings,
        avatars: Sequence[Avatar],
        make_compositor: CompositorFactory,
        output: OutputInfo,
        timer: StageTimer | None = None,
        inputs: Inputs | None = None,
        remake: Remake | None = None,
    ) -> None:
        inputs = inputs or Inputs()
        self.settings = settings  # those of the last frame
        self._wanted = settings  # those of the next one
        self._wanted_avatars = tuple(avatars)
        self._remake = remake
        self._changing = threading.Lock()  # guards _wanted, and the order of _changes
        self._changes: deque[Change] = deque()
        self.output = output
        self.timer = timer or StageTimer()
        self.guard = PrivacyGuard(settings.privacy)
        self.frozen = False
        bare = settings.avatar.avatar == NO_AVATAR  # the user shows their own face
        self.composition = Composition(make_compositor, self._wanted_avatars, self.timer, bare=bare)
        self._mouth = inputs.mouth
        self._pairing = SegmentationPairing(inputs.segmentations, self.timer, inputs.is_segmented)
        self._cast = Cast(
            settings, avatars, slots_of(settings.avatar), self.timer,
            inputs.profile, inputs.performers,
        )  # fmt: skip
        self._framing = Framing(
            output.width, output.height, settings.output.framing, settings.output.mirror
        )
        self._covered: _Covered | None = None
        self._faceless: Frame | None = None  # the newest that was searched, if it has no face
        self._drawn_at = 0.0
        self._last: Published | None = None

    @property
    def wanted(self) -> Settings:
        """The settings of the next frame."""
        return self._wanted

    def apply(self, settings: Settings) -> None:
        """Changes the settings, from the next frame on; any thread may call it.

        Files are read on the calling thread, and nothing changes when one is broken.

        Raises:
            AssetError: an avatar or accessory does not exist, or its files are broken.
            ConfigError: a setting cannot change while livecam runs, or names a background, sticker
                or look that does not exist.
        """
        with self._changing:
            tier = self.composition.tier
            change = change_to(settings, self._wanted, self._wanted_avatars, tier, self._remake)
            self._wanted, self._wanted_avatars = settings, change.avatars
            self._changes.append(change)

    def command(self, command: Command) -> None:
        """Obeys the commands that concern the frame; others are left to the caller."""
        if command is Command.FREEZE:
            self.frozen = not self.frozen
        elif command is Command.PANIC:
            self.guard.panic = not self.guard.panic

    def source_lost(self) -> None:
        """Draws the curtain until a face is covered again: the camera is gone."""
        self.guard.source_lost()
        self._covered = self._faceless = None
        self._cast.reset()

    def show(
        self, observation: Observation | None, now: float, newest: Frame | None = None
    ) -> Published:
        """Returns the next frame to publish.

        Args:
            observation: a new tracking result with its tracks, or None when none came in time.
            now: seconds of the run's clock.
            newest: the newest camera frame, for `alignment = "newest"`; it may be younger than
                the one that was tracked.
        """
        while self._changes:
            self._adopt(self._changes.popleft(), now)
        published = self._guarded(observation, now, newest)
        if self.frozen and self._last is not None and not self.guard.panic:
            last = self._last
            state = Shown.HOLD if last.state is Shown.AVATAR else last.state
            return replace(last, state=state, tracked=False)
        self._last = published
        return published

    def final_frame(self, now: float) -> Published:
        """Returns the last frame of a run: the curtain, so that no frozen head stays."""
        return self._publish(Shown.CURTAIN, now, None)

    def close(self) -> None:
        self.composition.close()
        while self._changes:
            self._changes.popleft().stages.close()

    def _adopt(self, change: Change, now: float) -> None:
        """Changes to settings that are ready. What cannot be drawn is made anew, or covered."""
        self.settings = settings = change.settings
        self.guard.settings = settings.privacy
        self._framing.mode, self._framing.mirror = settings.output.framing, settings.output.mirror
        self._cast.adopt(settings)
        before = self.composition.avatars
        self._cast.change_avatars(before, change.avatars)
        try:
            self.composition.adopt(settings, change.stages, change.make_compositor)
            if change.avatars is not before:
                self.composition.change_avatars(change.avatars)
        except Exception as error:
            self.composition.failed(error, now)

    def _guarded(
        self, observation: Observation | None, now: float, newest: Frame | None
    ) -> Published:
        frame = newest if observation is None else observation.frame
        try:
            if observation is None:
                return self._repeat(now, newest)
            return self._show(observation, now, newest)
        except Exception as error:
            self.composition.failed(error, now)
            if self._covered is not None:
                # The avatars may be where the face is in the frame that failed: over the frame of
                # the last composite they would bare it.
                self._covered = replace(self._covered, wearers=())
            return self._publish(self.guard.failed(now), now, frame)

    def _show(self, observation: Observation, now: float, newest: Frame | None) -> Published:
        frame = observation.frame
        self.timer.begin_frame(frame.index)
        presence = self._cast.update(observation, now)
        missing = [
            Missing(w.track.missing_s(frame.captured_at), w.track.is_gone)
            for w in presence.missing
            if w.track is not None
        ]
        visible = [w.track.id for w in presence.visible if w.track is not None]
        may_wait = self._state_before is not Shown.PASSTHROUGH  # bare frames would go on
        is_ready = self._pairing.is_ready(frame, visible, may_wait)
        decision = self.guard.observed(now, bool(presence.visible), missing)
        self._faceless = None if presence.visible else frame
        if not presence.visible:
            return self._hold(decision.shown, now, frame)
        if decision.shown is not Shown.AVATAR:
            return self._publish(decision.shown, now, frame)
        if not is_ready:
            return self._hold(self.guard.waiting(now, self._state_before), now, frame)
        last = -1.0 if self._covered is None else self._covered.composite.frame.captured_at
        driven = self._cast.drive(
            presence, decision.missing, now, now - self._drawn_at,
            newest if self._shows_newest else None, last,
        )  # fmt: skip
        if driven is None:
            return self._repeat(now, None)  # what was shown is newer, and covered
        self._compose(driven, presence.primary, now)
        shown = self.guard.covered(now)
        return self._publish(shown, now, frame, tracked=shown is Shown.AVATAR)

    def _repeat(self, now: float, newest: Frame | None) -> Published:
        """Returns a frame without an observation of its own."""
        before = self._state_before
        if self.composition.bare and before is Shown.PASSTHROUGH:
            before = Shown.AVATAR  # as far as holding is concerned
        state = self.guard.repeat(now, before)
        covered = self._covered
        if (
            state is Shown.AVATAR
            and self._shows_newest
            and newest is not None
            and covered is not None
            and newest.captured_at > covered.composite.frame.captured_at
        ):
            dt = now - self._drawn_at
            driven = self._cast.refollow(covered.wearers, newest, now, dt)
            if driven is not None:
                self._compose(driven, covered.primary, now)
        # A newer frame may have a face that nobody has looked for yet.
        return self._hold(state, now, self._faceless if state is Shown.PASSTHROUGH else newest)

    def _hold(self, state: Shown, now: float, frame: Frame | None) -> Published:
        """Publishes a state; held avatars move a little over the frame that they cover."""
        covered = self._covered
        if state is Shown.HOLD and covered is not None:
            background = covered.composite.background
            avatars = self._cast.idle(covered.wearers, background, now - self._drawn_at)
            if avatars is not None:
                self._draw(background, self._with_sound(avatars, 1.0, now), covered, now)
        elif state is not Shown.AVATAR:
            self._cast.vanish()
        return self._publish(state, now, frame)

    def _compose(self, driven: DrivenCast, primary: int | None, now: float) -> None:
        segmentation = self._pairing.pair(driven.frame, driven.faces)
        unsure = _mouth_uncertainty(driven, segmentation)
        avatars = self._with_sound(driven.avatars, unsure, now)
        frame = with_blurred(driven.frame, driven.blurred, self.timer)
        composite = self.composition.compose(frame, avatars, segmentation, now)
        self._drawn_at = now
        self._covered = _Covered(composite, segmentation, driven.wearers, driven.faces, primary)

    def _draw(
        self, background: Frame, avatars: Sequence[AvatarState], before: _Covered, now: float
    ) -> None:
        """Draws the last frame again with its avatars moved."""
        composite = self.composition.compose(background, avatars, before.segmentation, now)
        self._drawn_at = now
        self._covered = replace(before, composite=composite)

    def _with_sound(
        self, avatars: Sequence[AvatarState], unsure: float, now: float
    ) -> Sequence[AvatarState]:
        """Moves the first slot's mouth by sound, where the camera is uncertain about it."""
        mouth = self._mouth
        if mouth is None:
            return avatars
        return [
            state if state.slot else replace(state, morphs=mouth.blended(state.morphs, unsure, now))
            for state in avatars
        ]

    def _publish(
        self, shown: Shown, now: float, frame: Frame | None, tracked: bool = False
    ) -> Published:
        if shown is Shown.PASSTHROUGH and frame is not None:
            frame = with_blurred(frame, self._cast.bystander_regions(frame), self.timer)
        covered = self._covered
        out = publish(
            shown, frame, None if covered is None else covered.composite,
            allow_bare=self._allow_bare, card=(self.output.width, self.output.height), now=now,
        )  # fmt: skip
        if out.composite is None or covered is None:
            framed = out.frame if out.shown is Shown.CURTAIN else self._framed(out.frame, ())
            return Published(framed, out.shown, False, None, None)
        framed = self._framed(out.frame, covered.faces)
        planes = out.composite.planes if framed is out.frame else None
        face = next((f for f in covered.faces if f.track_id == covered.primary), None)
        return Published(framed, out.shown, tracked, face, out.composite.box, planes)

    def _framed(self, frame: Frame, faces: Sequence[FaceState]) -> Frame:
        with self.timer.stage("frame"):
            if not faces or not self._framing.follows(frame.size):
                return self._framing.apply(frame)
            heads = np.array([face.pose.translation for face in faces])
            x, y = project(np.eye(4), heads, frame.width, frame.height).mean(axis=0)
            return self._framing.apply(frame, (float(x), float(y)))

    @property
    def _state_before(self) -> Shown:
        return Shown.CURTAIN if self._last is None else self._last.state

    @property
    def _shows_newest(self) -> bool:
        return self.settings.smoothing.alignment == "newest"

    @property
    def _allow_bare(self) -> bool:
        """The user asked for frames without an avatar."""
        return self.composition.bare or self.settings.privacy.on_lost is OnLost.PASSTHROUGH


def _mouth_uncertainty(driven: DrivenCast, segmentation: Segmentation | None) -> float:
    """Estimates how uncertain the camera is about the first slot's mouth, 0..1."""
    for state in driven.avatars[: len(driven.faces)]:
        if state.slot == 0:
            if segmentation is None or segmentation.track_id != state.track_id:
                return 0.0
            if not segmentation.is_recent:
                return 0.0
            return mouth_occlusion(segmentation.landmarks_px, segmentation.hands)
    return 1.0

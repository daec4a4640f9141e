"""Runs the compositing stages in order: below the head, its light and blur, above the head."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.background import background_stage
from livecam.compose.base import BackgroundStage, Detail, Layers, ReadyStages, Stage, primary_of
from livecam.compose.body import BodyAlignment
from livecam.compose.camera_blur import SHARP, CameraBlur, camera_blur
from livecam.compose.camera_model import CameraEstimator
from livecam.compose.effects import face_stages, look_stages, over_stages
from livecam.compose.grain import Grain
from livecam.compose.grid import downsampled
from livecam.compose.hands import HandsInFront
from livecam.compose.head_removal import HeadRemoval
from livecam.compose.neck import NeckTint
from livecam.compose.person_parts import (
    AvatarProjection,
    PersonParts,
    split_person,
    warp_parts,
    wearer_mask,
)
from livecam.compose.room_light import LightEstimator
from livecam.config.settings import EffectSettings, PictureSettings
from livecam.core.frame import Frame, Rect
from livecam.core.timing import StageTimer, is_due
from livecam.render.light import STUDIO, Light
from livecam.segmentation.base import Segmentation

NOTHING = Rect(0, 0, 0, 0)
Masks = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]  # uint8[h, w] each


def ready_stages(
    picture: PictureSettings | None,
    effects: EffectSettings | None,
    background_in_use: str = "keep",
    *,
    blocking: bool = False,
) -> ReadyStages:
    """Makes the stages that read files; any thread may call it.

    Raises:
        ConfigError: the settings name a background, sticker or look that does not exist.
    """
    effects = effects or EffectSettings()
    below, above = face_stages(effects), [*over_stages(effects), *look_stages(effects)]
    background = None
    if picture is not None and picture.background != background_in_use:
        background = background_stage(picture.background, blocking=blocking)
    return ReadyStages(picture, effects, background, tuple(below), tuple(above))


class CompositingStages:
    """Runs the stages that the settings enable, and times each.

    One thread takes the frames through `begin`, `before` and `light`; another may take those that
    are through to `blur` and `after`, in the same order.

    Without settings there are none: the head is drawn in studio light over the camera image.
    With `blocking`, for conversions, a video background waits for its decoder.

    Raises:
        ConfigError: the settings name a background, sticker or look that does not exist.
    """

    def __init__(
        self,
        avatar: Avatar,
        picture: PictureSettings | None = None,
        effects: EffectSettings | None = None,
        timer: StageTimer | None = None,
        blocking: bool = False,
    ) -> None:
        self.light_period_s = Detail().light_period_s
        self._background: BackgroundStage | None = None
        self._has_effects = False
        self._timer = timer or StageTimer()
        self._picture: PictureSettings | None = None
        self._avatars: tuple[Avatar, ...] = (avatar,)
        self._projections = [AvatarProjection(avatar)]
        self._before: list[Stage] = []
        self._after: list[Stage] = []
        self._body = BodyAlignment()
        self._light_estimator = LightEstimator()
        self._camera = CameraEstimator()
        self._grain: Grain | None = None
        self._at: float | None = None
        self._light: Light = STUDIO
        self._parts: PersonParts | None = None
        self._parts_of: tuple[int, int | None] = (0, None)  # slot and track id of their wearer
        self._parts_at = 0.0  # when their segmentation was computed
        self._lit_at = -np.inf
        self._is_cut = False  # since the last frame
        # The masks of finished frames, and the bounds of what was written there.
        self._used_masks = deque[tuple[Masks, Rect]]()
        self.adopt(ready_stages(picture, effects, blocking=blocking))

    def adopt(self, ready: ReadyStages) -> None:
        """Changes to other settings; stages that stay enabled keep their state."""
        background = self._changed_background(ready)
        kept = {stage.name: stage for stage in (*self._before, *self._after)}
        picture, before, after = ready.picture, list(ready.below), list[Stage]()
        self._grain = None
        if picture is not None:
            if picture.remove_head:
                before.append(kept.get(HeadRemoval.name) or HeadRemoval())
            if picture.neck:
                before.append(kept.get(NeckTint.name) or self._neck_tint())
            if picture.hands:
                after.append(kept.get(HandsInFront.name) or HandsInFront())
            if picture.camera_match > 0:
                self._grain = self._grain_of(picture.camera_match, kept.get(Grain.name))
                after.append(self._grain)
            if background is not None:
                after.append(background)
            if picture.light == 0:
                self._light = STUDIO
        self._background, self._picture = background, picture
        self._has_effects = bool(ready.below or ready.above)
        self._before, self._after = before, [*after, *ready.above]
        self._lit_at = -np.inf

    def _changed_background(self, ready: ReadyStages) -> BackgroundStage | None:
        """Returns the background of new settings, and closes one that is in use no longer."""
        wanted = "keep" if ready.picture is None else ready.picture.background
        in_use = "keep" if self._picture is None else self._picture.background
        if wanted == in_use:
            ready.close()  # it was made for a change that came too late
            return self._background
        self.close()
        return ready.background

    def _neck_tint(self) -> NeckTint:
        tint = NeckTint(self._avatars[0])
        tint.set_avatars(self._avatars)
        return tint

    @staticmethod
    def _grain_of(strength: float, kept: Stage | None) -> Grain:
        grain = kept if isinstance(kept, Grain) else Grain()
        grain.strength = strength
        return grain

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        """Sets the head of each slot; a state's `slot` is its index, modulo their number.

        Head removal, neck tint, hands and light apply to one person: `Layers.primary`.
        """
        self._avatars = tuple(avatars)
        self._projections = [AvatarProjection(avatar) for avatar in avatars]
        for stage in self._before:
            if isinstance(stage, NeckTint):
                stage.set_avatars(avatars)

    @property
    def needs_coverage(self) -> bool:
        """Whether a stage reads the coverage of the heads."""
        return bool(self._after)

    @property
    def draws_after_head(self) -> bool:
        """Whether stages change the image after the head was drawn."""
        return bool(self._after)

    def begin(
        self, frame: Frame, avatars: Sequence[AvatarState], segmentation: Segmentation | None
    ) -> Layers:
        """Makes the layers of a frame; with a segmentation the person is split into parts."""
        if self._at is not None and frame.captured_at < self._at:
            self._reset()
        self._at = frame.captured_at
        coverage, synthetic, filled = self._empty_masks(*frame.image.shape[:2])
        layers = Layers(
            source=frame.image,
            image=frame.image.copy(),
            segmentation=segmentation,
            avatars=avatars,
            primary=primary_of(avatars, segmentation),
            coverage=coverage,
            synthetic=synthetic,
            filled=filled,
            head_rect=NOTHING,
            index=frame.index,
        )
        if self._picture is not None:
            self._split_person(layers)
        if self._grain is not None:
            with self._timer.stage("camera"):
                layers.camera = self._camera.update(frame.image, segmentation, frame.captured_at)
        layers.is_cut, self._is_cut = self._is_cut, False
        return layers

    def _reset(self) -> None:
        """Drops the state of earlier frames: time went back."""
        self._reset_person()
        self._light_estimator.reset()
        self._camera.reset()

    def _split_person(self, layers: Layers) -> None:
        """Adds the parts of the person, where the frame has a segmentation and an avatar."""
        segmentation, state = layers.segmentation, layers.primary
        height, width = layers.source.shape[:2]
        if segmentation is None or state is None or segmentation.size != (width, height):
            return
        with self._timer.stage("figure"):
            placed = self._update_parts(layers, segmentation, state)
            layers.avatars = [placed if each is state else each for each in layers.avatars]
            layers.primary = placed

    def _update_parts(
        self, layers: Layers, segmentation: Segmentation, state: AvatarState
    ) -> AvatarState:
        """Splits the person for a new segmentation, and warps the parts for a warped one.

        Returns the state with its body over the person's.
        """
        projection = self._projections[state.slot % len(self._projections)]
        wearer = (state.slot, segmentation.track_id)
        if wearer != self._parts_of:
            self._reset_person()
            self._parts_of = wearer
        computed_at = segmentation.computed_at
        computed_at = segmentation.at if computed_at is None else computed_at
        if self._parts is not None and computed_at == self._parts_at:
            layers.parts = warp_parts(self._parts, segmentation)
            return self._body.aligned(state)
        grid = downsampled(layers.source, segmentation.cell, segmentation.person.shape)
        layers.coarse_source = grid[..., :3].copy()
        person = wearer_mask(segmentation)
        placed = self._body.update(state, segmentation, person, projection)
        lean = self._body.lean
        parts = split_person(segmentation, layers.coarse_source, person, placed, projection, lean)
        layers.parts = self._parts = parts
        self._parts_at = computed_at
        return placed

    def _reset_person(self) -> None:
        """Drops the state of one person: the segmentation is now that of another."""
        self._body.reset()
        self._parts = None
        self._is_cut = True

    def _empty_masks(self, height: int, width: int) -> Masks:
        """Returns three empty masks; the memory of a finished frame is used again."""
        while self._used_masks:
            masks, written = self._used_masks.popleft()
            if masks[0].shape == (height, width):
                for mask in masks:
                    mask[written.slices] = 0
                return masks
        empty = np.zeros((3, height, width), np.uint8)
        return empty[0], empty[1], empty[2]

    def before(self, layers: Layers) -> None:
        """Runs the stages below the head."""
        self._run(self._before, layers)

    def light(self, layers: Layers) -> Light:
        """Returns the light that falls on the head."""
        segmentation, picture = layers.segmentation, self._picture
        if picture is None or picture.light == 0 or segmentation is None or layers.primary is None:
            return self._light
        known = segmentation.at >= self._lit_at
        if known and not is_due(self.light_period_s, self._lit_at, segmentation.at):
            return self._light
        self._lit_at = segmentation.at
        with self._timer.stage("light"):
            turn = layers.primary.camera_from_head[:3, :3]
            self._light = self._light_estimator.update(
                layers.source,
                segmentation.landmarks_px,
                turn,
                segmentation.person,
                segmentation.at,
                picture.light,
            )
        return self._light

    def blur(self, layers: Layers, state: AvatarState) -> CameraBlur:
        """Returns the blur that a rendered head needs to match the camera."""
        if self._grain is None:
            return SHARP
        return camera_blur(layers.camera, state.velocity_px, self._grain.strength)

    def after(self, layers: Layers) -> Rect:
        """Runs the stages above the head; returns the rectangle that stages may have changed.

        The masks of the layers are used again in a later frame.
        """
        cv2.max(layers.synthetic, layers.coverage, dst=layers.synthetic)
        x, y, width, height = cv2.boundingRect(layers.synthetic)
        changed = Rect(x, y, x + width, y + height)
        if self._grain is not None:
            self._grain.frame_number, self._grain.model = layers.index + 1, layers.camera
        self._run(self._after, layers)
        if self._background is not None or self._has_effects:  # these do not mark what they change
            changed = Rect(0, 0, layers.image.shape[1], layers.image.shape[0])
        self._used_masks.append(((layers.coverage, layers.synthetic, layers.filled), changed))
        return changed

    def close(self) -> None:
        """Stops the decoder of a video background."""
        if self._background is not None:
            self._background.close()

    def _run(self, stages: Sequence[Stage], layers: Layers) -> None:
        for stage in stages:
            if layers.is_cut:
                stage.reset()
            with self._timer.stage(stage.name):
                stage.apply(layers)

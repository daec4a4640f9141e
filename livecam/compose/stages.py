"""All stages of a picture in their order: what comes before the head, the light and softness of
the head, and what comes after."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.background import Background, background_stage
from livecam.compose.base import Layers, Stage, primary_of
from livecam.compose.body import BodyFollower
from livecam.compose.camera_match import CameraMatch, Grain, Softness, softness_of
from livecam.compose.effects import face_stages, look_stages, over_stages
from livecam.compose.figure import Figure, Silhouette, carried_figure, figure_of, wearer
from livecam.compose.hands import HandsInFront
from livecam.compose.head_removal import HeadRemoval, on_grid
from livecam.compose.neck import NeckTint
from livecam.compose.room_light import RoomLight
from livecam.config.settings import EffectSettings, PictureSettings
from livecam.core.frame import Frame, Rect
from livecam.core.timing import StageTimer
from livecam.render.light import STUDIO, Light
from livecam.segmentation.base import Segmentation

NOTHING = Rect(0, 0, 0, 0)
LIGHT_REST_S = 0.06  # between two looks at the light: it changes slowly


class PictureStages:
    """Runs the stages that the settings ask for, and measures each. One thread.

    Without settings there are none: the head is drawn in studio light over the bare picture.
    `patient` is for conversions: what is not ready yet is waited for.

    Raises:
        ConfigError: the settings name a background, sticker or look that does not exist.
    """

    def __init__(
        self,
        avatar: Avatar,
        picture: PictureSettings | None = None,
        effects: EffectSettings | None = None,
        timer: StageTimer | None = None,
        patient: bool = False,
    ) -> None:
        self._background: Stage | None = None
        self._tells_nothing = False  # effects do not say where they were
        self._timer = timer or StageTimer()
        self._picture = picture
        self._silhouettes = [Silhouette(avatar)]
        self._before: list[Stage] = []
        self._after: list[Stage] = []
        self._body = BodyFollower()
        self._room_light = RoomLight()
        self._camera = CameraMatch()
        self._grain: Grain | None = None
        if picture is not None:
            if picture.remove_head:
                self._before.append(HeadRemoval())
            if picture.neck:
                self._before.append(NeckTint(avatar))
            if picture.hands:
                self._after.append(HandsInFront())
            if picture.camera_match > 0:
                self._grain = Grain(strength=picture.camera_match)
                self._after.append(self._grain)
            self._background = background_stage(picture.background, patient=patient)
            if self._background is not None:
                self._after.append(self._background)
        if effects is not None:
            first = face_stages(effects)
            last = [*over_stages(effects), *look_stages(effects)]
            self._tells_nothing = bool(first or last)
            self._before[:0] = first
            self._after += last
        self._at: float | None = None
        self._light: Light = STUDIO
        self._figure: Figure | None = None
        self._figure_of = 0  # whose it is
        self._figure_seen_at = 0.0
        self._lit_at = -np.inf
        self._made: Rect | None = NOTHING  # all that the masks held when a picture was finished
        self._masks = np.zeros((3, 0, 0), np.uint8)

    def wear(self, avatars: Sequence[Avatar]) -> None:
        """Says whose heads there are; each state's `slot` is its place among them, counted round.

        Head removal, neck, hands and light apply to one person: `Layers.primary`.
        """
        self._silhouettes = [Silhouette(avatar) for avatar in avatars]
        for stage in self._before:
            if isinstance(stage, NeckTint):
                stage.wear(avatars)

    @property
    def needs_coverage(self) -> bool:
        """Somebody asks where the head was drawn."""
        return bool(self._after)

    @property
    def work_after(self) -> bool:
        """The head is not the last thing that is laid over the picture."""
        return bool(self._after)

    def begin(
        self, frame: Frame, avatars: Sequence[AvatarState], scene: Segmentation | None
    ) -> Layers:
        """The layers of a picture, with the person in it parted where a scene tells."""
        if self._at is not None and frame.captured_at < self._at:
            for stage in (*self._before, *self._after):
                stage.reset()
            self._body.reset()
            self._figure = None
            self._room_light.reset()
            self._camera.reset()
        self._at = frame.captured_at
        height, width = frame.image.shape[:2]
        coverage, made, filled = self._cleared(height, width)
        layers = Layers(
            source=frame.image,
            image=frame.image.copy(),
            scene=scene,
            avatars=avatars,
            primary=primary_of(avatars, scene),
            coverage=coverage,
            made=made,
            filled=filled,
            head=NOTHING,
        )
        if scene is not None and scene.size == frame.size and avatars and self._picture:
            with self._timer.stage("figure"):
                self._part(layers, scene)
        if self._grain is not None:
            with self._timer.stage("camera"):
                self._grain.picture = frame.index + 1
                self._grain.character = self._camera.see(frame.image, scene, frame.captured_at)
        return layers

    def _part(self, layers: Layers, scene: Segmentation) -> None:
        """Parts the person, anew for every look at them; between two the parts are carried."""
        state = layers.primary
        assert state is not None  # asked by the caller
        silhouette = self._silhouettes[state.slot % len(self._silhouettes)]
        seen_at = scene.at if scene.computed_at is None else scene.computed_at
        other = state.slot != self._figure_of
        if other:  # what was learned of somebody's body says nothing about another's
            self._body.reset()
            for stage in (*self._before, *self._after):
                stage.reset()
            self._figure_of = state.slot
        if other or self._figure is None or seen_at != self._figure_seen_at:
            layers.small = on_grid(layers.source, scene.cell, scene.person.shape)[..., :3].copy()
            person = wearer(scene)
            resting = self._body.follow(state, scene, person, silhouette)
            self._figure = figure_of(scene, layers.small, person, resting, silhouette)
            self._figure_seen_at, layers.figure = seen_at, self._figure
        else:
            resting = self._body.stay(state)
            layers.figure = carried_figure(self._figure, scene)
        layers.avatars = [resting if each is state else each for each in layers.avatars]
        layers.primary = resting

    def _cleared(self, height: int, width: int) -> NDArray[np.uint8]:
        """Three empty masks uint8[3, h, w]; those of the last picture are used again."""
        if self._masks.shape[1:] != (height, width):
            self._masks = np.zeros((3, height, width), np.uint8)
        elif self._made is None:  # the last picture was not finished
            self._masks[:] = 0
        else:
            self._masks[(slice(None), *self._made.slices)] = 0
        self._made = None
        return self._masks

    def before(self, layers: Layers) -> None:
        """What happens to the picture below the head."""
        self._run(self._before, layers)

    def light(self, layers: Layers) -> Light:
        """What falls on the head."""
        scene, picture = layers.scene, self._picture
        if picture is None or picture.light == 0 or scene is None or layers.primary is None:
            return self._light
        if 0 <= scene.at - self._lit_at < LIGHT_REST_S:
            return self._light
        self._lit_at = scene.at
        with self._timer.stage("light"):
            turn = layers.primary.camera_from_head[:3, :3]
            self._light = self._room_light.see(
                layers.source, scene.landmarks_px, turn, scene.person, scene.at, picture.light
            )
        return self._light

    def softness(self, state: AvatarState) -> Softness:
        """What a drawn head lacks of the camera's softness."""
        if self._grain is None:
            return Softness()
        return softness_of(self._camera.character, state.velocity_px, self._grain.strength)

    def after(self, layers: Layers) -> None:
        """What happens over the head."""
        cv2.max(layers.made, layers.coverage, dst=layers.made)
        x, y, width, height = cv2.boundingRect(layers.made)
        made = Rect(x, y, x + width, y + height)
        self._run(self._after, layers)
        if not self._tells_nothing:  # stickers write there too
            self._made = made

    def changed(self, layers: Layers) -> Rect:
        """The pixels that stages may have changed."""
        if self._background is not None or self._tells_nothing:
            return Rect(0, 0, layers.image.shape[1], layers.image.shape[0])
        return NOTHING if self._made is None else self._made

    def close(self) -> None:
        """Ends what a background needs: the decoding of its film."""
        if isinstance(self._background, Background):
            self._background.close()

    def _run(self, stages: Sequence[Stage], layers: Layers) -> None:
        for stage in stages:
            with self._timer.stage(stage.name):
                stage.apply(layers)

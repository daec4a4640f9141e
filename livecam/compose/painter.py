"""Blends rendered heads over an image, on the CPU or on the GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.camera_blur import SHARP, CameraBlur, apply_blur
from livecam.compose.gpu_shadow import (
    DARK_UNIT,
    HEAD_UNIT,
    GpuShadow,
    HeadFromRegion,
    head_from_region,
)
from livecam.compose.shadow import (
    CAST,
    CONTACT,
    FADE_IN,
    ShadowCatcher,
    ShadowGeometry,
    cast_shadow,
)
from livecam.compose.soften import soften
from livecam.config.settings import RenderSettings
from livecam.core.frame import Image, Rect
from livecam.core.spaces import project
from livecam.core.timing import StageTimer
from livecam.kernels.pixels import blend
from livecam.render.context import Graphics
from livecam.render.head import FullHead, HeadRenderer, HeadView, LightHead
from livecam.render.i420 import GpuI420
from livecam.render.light import Light
from livecam.render.shaders import Program
from livecam.render.targets import ImageTarget

NOTHING = Rect(0, 0, 0, 0)
CATCHER_UNIT = 2


class Painter(Protocol):
    """Blends heads over one image at a time: `begin`, any number of `add`, `finish`.

    `begin` takes the image, which is the painter's until `finish` returns it, and its capture
    time; `add` returns the rectangle that changed. All on the thread of the context.

    The shadow falls on `catcher` alone if given; the alpha of the head is added to
    `coverage` uint8[h, w]; the head is blurred like the camera image. `light` falls on all heads,
    and `scale` is that of their drawing.
    `set_avatars` sets the heads, and each state's `slot` is its index, modulo their number; equal
    ones are prepared unique.
    """

    light: Light
    scale: float

    def set_avatars(self, avatars: Sequence[Avatar]) -> None: ...

    def begin(self, image: Image, at_s: float = 0.0) -> None: ...

    def add(
        self,
        state: AvatarState,
        shadow: float,
        catcher: ShadowCatcher | None = None,
        coverage: NDArray[np.uint8] | None = None,
        blur: CameraBlur = SHARP,
    ) -> Rect: ...

    def finish(self) -> Image: ...

    def planes(self) -> Image | None: ...

    def release(self) -> None: ...


class _HeadSettings:
    """Light and scale of all heads of a painter."""

    _heads: Sequence[HeadRenderer]

    @property
    def light(self) -> Light:
        return self._heads[0].light

    @light.setter
    def light(self, light: Light) -> None:
        for head in self._heads:
            head.light = light

    @property
    def scale(self) -> float:
        return self._heads[0].scale

    @scale.setter
    def scale(self, scale: float) -> None:
        for head in self._heads:
            head.scale = scale


class LightPainter(_HeadSettings):
    """Reads heads back as pixels and blends them on the CPU."""

    def __init__(self, graphics: Graphics, avatar: Avatar, timer: StageTimer) -> None:
        self._graphics = graphics
        self._heads: tuple[LightHead, ...] = (LightHead(graphics, avatar),)
        self._coverage = np.zeros((0, 0), np.uint8)
        self._timer = timer

    @property
    def programs(self) -> list[Program]:
        """All shader programs, for tests."""
        return [program for head in unique(self._heads) for program in head.programs]

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        self._heads = heads_of(avatars, self._heads, lambda a: LightHead(self._graphics, a))

    def begin(self, image: Image, at_s: float = 0.0) -> None:
        self._image = image
        with self._timer.stage("room"):
            for head in unique(self._heads):
                head.environment.update(image, at_s)

    def add(
        self,
        state: AvatarState,
        shadow: float,
        catcher: ShadowCatcher | None = None,
        coverage: NDArray[np.uint8] | None = None,
        blur: CameraBlur = SHARP,
    ) -> Rect:
        image, head = self._image, head_of(self._heads, state)
        height, width = image.shape[:2]
        view = head.view(state, width, height)
        if view is None:
            return NOTHING
        pixels = head.draw(view, self._timer)
        with self._timer.stage("soften"):
            soft = soften(pixels, view.rect.width, view.rect.height)
            soft = apply_blur(soft, blur)
        with self._timer.stage("shadow"):
            geometry = shadow_geometry(head, view, width, height)
            shaded = cast_shadow(image, soft[..., 3], view.rect, geometry, shadow, catcher)
        with self._timer.stage("blend"):
            if coverage is None:
                coverage = self._unread_coverage(height, width)
            blend(image, soft, coverage, view.rect.x0, view.rect.y0)
        return view.rect.union(shaded)

    def _unread_coverage(self, height: int, width: int) -> NDArray[np.uint8]:
        """Returns memory for a coverage that nobody reads."""
        if self._coverage.shape != (height, width):
            self._coverage = np.zeros((height, width), np.uint8)
        return self._coverage

    def finish(self) -> Image:
        return self._image

    def planes(self) -> None:
        return None

    def release(self) -> None:
        for head in unique(self._heads):
            head.release()


class FullPainter(_HeadSettings):
    """Blends heads on the GPU and reads only the changed rectangle back."""

    def __init__(
        self, graphics: Graphics, avatar: Avatar, settings: RenderSettings, timer: StageTimer
    ) -> None:
        self._ctx, self._calls = graphics.ctx, graphics.calls
        self._make: Callable[[Avatar], FullHead] = lambda worn: FullHead(
            graphics, worn, settings.shells, settings.samples
        )
        self._heads: tuple[FullHead, ...] = (self._make(avatar),)
        self._shadow = GpuShadow(self._ctx)
        self._blend = Program(self._ctx, "quad.vert", "blend.frag")
        self._blend_quad = self._ctx.vertex_array(self._blend.gl, [])
        self._target: ImageTarget | None = None
        self._i420: GpuI420 | None = None
        self._catcher: moderngl.Texture | None = None
        self._timer = timer

    @property
    def programs(self) -> list[Program]:
        """All shader programs, for tests."""
        heads = (program for head in unique(self._heads) for program in head.programs)
        return [*heads, *self._shadow.programs, self._blend]

    def set_avatars(self, avatars: Sequence[Avatar]) -> None:
        self._heads = heads_of(avatars, self._heads, self._make)

    def begin(self, image: Image, at_s: float = 0.0) -> None:
        size = (image.shape[1], image.shape[0])
        if self._target is None or self._target.size != size:
            if self._target is not None:
                self._target.release()
            self._target = ImageTarget(self._ctx, size)
        self._image = image
        self._touched = NOTHING
        self._target.upload(image)
        with self._timer.stage("room"):
            for head in unique(self._heads):
                head.environment.update(image, at_s)

    def add(
        self,
        state: AvatarState,
        shadow: float,
        catcher: ShadowCatcher | None = None,
        coverage: NDArray[np.uint8] | None = None,
        blur: CameraBlur = SHARP,
    ) -> Rect:
        assert self._target is not None  # begin() made it
        width, height = self._target.size
        head = head_of(self._heads, state)
        view = head.view(state, width, height)
        if view is None:
            return NOTHING
        texture = head.draw(view, self._timer)
        geometry = shadow_geometry(head, view, width, height)
        region = view.rect.union(geometry.region(view.rect, width, height))
        with self._timer.stage("shadow"):
            mapping = head_from_region(view, texture, region)
            dark = self._shadow.render(texture, mapping, geometry, region)
        with self._timer.stage("blend"):
            self._blend_head(texture, dark, mapping, geometry, region, shadow, catcher, blur)
            if coverage is not None:
                self._calls.finish()
                _read_coverage(texture, view, coverage)
        self._touched = self._touched.union(region)
        return region

    def _blend_head(
        self,
        texture: moderngl.Texture,
        dark: moderngl.Texture,
        mapping: HeadFromRegion,
        geometry: ShadowGeometry,
        region: Rect,
        shadow: float,
        catcher: ShadowCatcher | None,
        blur: CameraBlur,
    ) -> None:
        assert self._target is not None
        mask = self._catcher_texture(catcher)
        cell = 1 if catcher is None else catcher.cell
        across = (mask.width * cell, mask.height * cell) if catcher is not None else (1, 1)
        begins = (geometry.neck_y_px - region.y0) / region.height
        whole = begins + max(1e-3, FADE_IN * geometry.unit_px / region.height)
        self._blend.set(
            **mapping.uniforms(),
            dark=DARK_UNIT,
            texel=tuple(mapping.per_pixel.tolist()),
            blur=blur.blur_px,
            streak=blur.streak_px,
            strength=(shadow * CAST.strength, shadow * CONTACT.strength),
            fade=(begins, whole),
            catcher=CATCHER_UNIT,
            catcher_from_region=(
                region.width / across[0],
                region.height / across[1],
                region.x0 / across[0],
                region.y0 / across[1],
            ),
        )
        self._target.begin(region)
        texture.use(HEAD_UNIT)
        dark.use(DARK_UNIT)
        mask.use(CATCHER_UNIT)
        self._blend_quad.render(moderngl.TRIANGLES, vertices=3)
        self._target.end()

    def _catcher_texture(self, catcher: ShadowCatcher | None) -> moderngl.Texture:
        """Returns the mask of the catcher as a texture; one white texel without one."""
        mask = np.full((1, 1), 255, np.uint8) if catcher is None else catcher.mask
        size = (mask.shape[1], mask.shape[0])
        if self._catcher is None or self._catcher.size != size:
            if self._catcher is not None:
                self._catcher.release()
            self._catcher = self._ctx.texture(size, 1, alignment=1)
            self._catcher.repeat_x = self._catcher.repeat_y = False
        self._catcher.write(np.ascontiguousarray(mask).tobytes(), alignment=1)
        return self._catcher

    def finish(self) -> Image:
        if not self._touched.empty and self._target is not None:
            with self._timer.stage("read"):
                self._calls.finish()
                self._image[self._touched.slices] = self._target.read(self._touched)
        return self._image

    def planes(self) -> Image | None:
        assert self._target is not None  # begin() made it
        width, height = self._target.size
        if width % 2 or height % 2:
            return None
        if self._i420 is None or self._i420.size != self._target.size:
            if self._i420 is not None:
                self._i420.release()
            self._i420 = GpuI420(self._ctx, width, height)
        with self._timer.stage("planes"):
            return self._i420.convert(self._target.texture)

    def release(self) -> None:
        for head in unique(self._heads):
            head.release()
        self._shadow.release()
        self._blend_quad.release()
        self._blend.release()
        for made in (self._target, self._i420, self._catcher):
            if made is not None:
                made.release()


Head = TypeVar("Head", bound=HeadRenderer)


def unique(heads: Iterable[Head]) -> list[Head]:
    """Returns each head once, even if several slots wear it."""
    return list({id(head): head for head in heads}.values())


def head_of(heads: Sequence[Head], state: AvatarState) -> Head:
    """Returns the head of a state's slot."""
    return heads[state.slot % len(heads)]


def heads_of(
    avatars: Sequence[Avatar], made: Sequence[Head], make: Callable[[Avatar], Head]
) -> tuple[Head, ...]:
    """Makes a head for each avatar, reusing existing ones; the others are released."""
    known = {id(head.avatar): head for head in made}
    for avatar in avatars:
        if id(avatar) not in known:
            known[id(avatar)] = make(avatar)
    heads = tuple(known[id(avatar)] for avatar in avatars)
    for head in unique(made):
        if not any(head is kept for kept in heads):
            head.release()
    return heads


def _read_coverage(texture: moderngl.Texture, view: HeadView, coverage: NDArray[np.uint8]) -> None:
    """Reads the coverage of a rendered head back and adds it to that of the image."""
    halves = np.frombuffer(texture.read(), np.float16).reshape(texture.height, texture.width, 4)
    drawn = halves[: view.size[1], : view.size[0], 3].astype(np.float32)
    size = (view.rect.width, view.rect.height)
    alpha = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    part = coverage[view.rect.slices]
    cv2.max(part, np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8), dst=part)


def shadow_geometry(head: HeadRenderer, view: HeadView, width: int, height: int) -> ShadowGeometry:
    """Computes where the shadow of a head falls in an image of that size."""
    fit = head.avatar.fit
    neck = np.array([fit.neck_pivot, fit.neck_pivot], np.float64)
    neck[1, 1] += fit.skull_half_width
    pixels = project(view.state.camera_from_body, neck, width, height)
    key = head.light.key_direction
    return ShadowGeometry(
        unit_px=float(np.clip(np.hypot(*(pixels[1] - pixels[0])), 1, height)),
        neck_y_px=float(np.clip(pixels[0, 1], -1e6, 1e6)),
        towards_key=(key[0], -key[1]),
    )

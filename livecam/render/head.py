"""Renders the head of an avatar, in one of two tiers.

light   for software renderers: lit per vertex, no multisampling, 8-bit sRGB pixels that are
        read back and blended on the CPU
full    for a GPU: lit per fragment, multisampled, shadow map, fur shells; the head stays on
        the GPU as linear, premultiplied half floats

Only the head's bounding rectangle in the image is drawn. Everything is used and released on the
thread of the context.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import MAX_BONES, Avatar, AvatarState, Mesh
from livecam.core.face import INDEX, Weights
from livecam.core.frame import Rect
from livecam.core.spaces import Matrix4, focal_px
from livecam.core.timing import StageTimer
from livecam.render.bounds import HeadBounds
from livecam.render.context import Graphics
from livecam.render.environment import EnvironmentMap
from livecam.render.fins import GpuFins
from livecam.render.light import STUDIO, Light
from livecam.render.matrices import clip_from_camera_in, shadow_from_camera
from livecam.render.mesh import (
    DenseMorphs,
    GpuMesh,
    MergedMesh,
    Morpher,
    ShadingGroup,
    dense_morphs,
    merge,
)
from livecam.render.noise import combed_texture, noise_texture
from livecam.render.shaders import Program, Value, packed
from livecam.render.targets import EncodedTarget, MultisampledTarget, ShadowMap

FRAGMENTS = {
    ShadingGroup.MATTE: "matte.frag",
    ShadingGroup.EYE: "eye.frag",
    ShadingGroup.SKIN: "skin.frag",
    ShadingGroup.WHISKER: "whisker.frag",
}  # the others are gloss.frag
# Groups with triangles small enough for vertex lighting in the light tier.
VERTEX_LIT = {
    ShadingGroup.MATTE: "matte_lit.frag",
    ShadingGroup.HAIR: "matte_lit.frag",
    ShadingGroup.SKIN: "lit.frag",
    ShadingGroup.WHISKER: "lit.frag",
}
# The groups that make up the surface of the head; with the ruff, into which mouths lead.
OUTER = (ShadingGroup.MATTE, ShadingGroup.SKIN)
LIGHT_STRANDS = 32.0  # repeats of the noise in a metre: coarser than real fur, for few pixels
FULL_STRANDS = 44.0
LIGHT_TARGET_PIXELS = 110_000  # a smaller head is supersampled up to this size
FULL_TARGET_PIXELS = 2_000_000
MAX_LIGHT_PIXELS = 300_000  # a larger one is drawn smaller and enlarged: it costs too much
MAX_FULL_PIXELS = 6_000_000
MAX_SUPERSAMPLING = 2.0
SUPERSAMPLING_STEPS = 8  # per factor of 1
MIN_FUR_M = 0.0003  # no shells where fur is shorter

WIND, MAX_WIND = 40.0, 0.7  # bend over fur length: per metre of motion in a frame; at most
COVERAGE_SWITCHES = (0x809E, 0x809F)  # SAMPLE_ALPHA_TO_COVERAGE, SAMPLE_ALPHA_TO_ONE
BLEND_SWITCH = 0x0BE2

NOISE_UNIT, SHADOW_UNIT, ENVIRONMENT_UNIT, COMBED_UNIT = 0, 1, 2, 3

# By expression: how far it opens the mouth and lets light in.
OPENING = {"jawOpen": 1.6, "mouthFunnel": 0.3, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2}


@dataclass(frozen=True, slots=True)
class HeadView:
    """The view of one head in one frame: its rectangle and the uniforms of its programs."""

    state: AvatarState
    rect: Rect  # in the image, pixels
    points: NDArray[np.float64]  # float64[k, 3], extreme points of the head in camera space
    size: tuple[int, int]  # width and height of the render; `rect` times the supersampling
    uniforms: dict[str, Value]


@dataclass(frozen=True, slots=True)
class HeadGeometry:
    """What is computed once of the meshes of an avatar, without the GPU."""

    merged: MergedMesh
    bounds: HeadBounds
    morphs: DenseMorphs


# The newest ones with the meshes they are of: another thread may make one beforehand.
_geometries: deque[tuple[Sequence[Mesh], HeadGeometry]] = deque(
    maxlen=8
)  # guarded by _geometries_lock
_geometries_lock = threading.Lock()


def head_geometry(avatar: Avatar, meshes: Sequence[Mesh]) -> HeadGeometry:
    """Returns the shape of an avatar's meshes; any thread may call it."""
    with _geometries_lock:
        for known, shape in _geometries:
            if known is meshes:
                return shape
    merged = merge(meshes, avatar.bones)
    merged = replace(merged, fur=merged.fur * np.float32(avatar.fur.length))
    shape = HeadGeometry(merged, HeadBounds(merged), dense_morphs(merged))
    with _geometries_lock:
        _geometries.append((meshes, shape))
    return shape


def prepare_head(avatar: Avatar, tier: str) -> None:
    """Computes beforehand what the renderer of a tier needs; any thread may call it."""
    head_geometry(avatar, avatar.meshes if tier == "full" else avatar.light_meshes)


class HeadRenderer:
    """The part that both tiers share: mesh, morphs, bounds, light."""

    target_pixels = LIGHT_TARGET_PIXELS
    max_pixels = MAX_LIGHT_PIXELS
    strands = LIGHT_STRANDS
    noise_filtered = False  # costs a software renderer eight texture reads instead of one

    def __init__(
        self, graphics: Graphics, avatar: Avatar, meshes: Sequence[Mesh], light: Light
    ) -> None:
        self.ctx = graphics.ctx
        self._calls = graphics.calls
        self.avatar = avatar
        self.light = light
        self.scale = 1.0  # of what is drawn, where the machine is too slow for all
        self.environment = EnvironmentMap(self.ctx)
        shape = head_geometry(avatar, meshes)
        self.merged, self.bounds = shape.merged, shape.bounds
        self.mesh = GpuMesh(self.ctx, self.merged)
        self.morpher = Morpher(self.merged, shape.morphs)
        self._noise = noise_texture(self.ctx, self.noise_filtered)
        self.programs: list[Program] = []
        self._arrays: list[moderngl.VertexArray] = []
        self._bones = np.tile(np.eye(4, dtype=np.float32), (MAX_BONES + 1, 1, 1))
        self._buffers: list[moderngl.Buffer] = []

    def view(self, state: AvatarState, width: int, height: int) -> HeadView | None:
        """Computes the view of the head in an image of that size; None when it is outside."""
        points = self.bounds.camera_points(state)
        rect = self.bounds.rectangle(points, width, height)
        if rect.empty:
            return None
        scale = self.supersampling(rect.width * rect.height)
        clip_from_camera = clip_from_camera_in(rect, width, height, points)
        pixel_m = max(0.0, -float(state.camera_from_head[2, 3])) / focal_px(height)
        return HeadView(
            state,
            rect,
            points,
            (max(1, round(rect.width * scale)), max(1, round(rect.height * scale))),
            {
                **self._uniforms(clip_from_camera, state),
                "pixel_m": pixel_m / scale,
                "wind": wind_bend(state.velocity_px, pixel_m),
            },
        )

    def supersampling(self, pixels: int) -> float:
        """Returns the scale at which a head that covers so many pixels is drawn.

        In steps: a scale that changes with every frame makes fine hair shimmer.
        """
        scale = float(np.clip(np.sqrt(self.target_pixels / pixels), 1.0, MAX_SUPERSAMPLING))
        scale *= min(1.0, float(np.sqrt(self.max_pixels / pixels))) * self.scale
        return max(1, int(scale * SUPERSAMPLING_STEPS)) / SUPERSAMPLING_STEPS

    def morph(self, view: HeadView) -> None:
        """Applies the morph weights and uploads the vertices that changed."""
        first, last = self.morpher.apply(view.state.morphs)
        self.mesh.write(self.morpher.vertices, first, last)

    def array(self, program: Program, indices: moderngl.Buffer) -> moderngl.VertexArray:
        """Makes a vertex array of the mesh for a program; both are released with the renderer."""
        self.programs.append(program)
        self._arrays.append(self.mesh.vertex_array(program.gl, indices))
        return self._arrays[-1]

    def add_groups(self, program: Callable[[ShadingGroup], Program]) -> None:
        """Makes the vertex array of each shading group, with its program."""
        arrays = {
            group: self.array(program(group), self.mesh.indices[group])
            for group in self.merged.triangles
        }
        self._glass = arrays.pop(ShadingGroup.GLASS, None)
        self._outer = [arrays.pop(group) for group in OUTER if group in arrays]
        self._opaque = list(arrays.values())

    def render_opaque(self) -> None:
        """Draws the opaque groups."""
        for group in (*self._outer, *self._opaque):
            self._calls.render(group)

    def render_glass(self) -> None:
        """Draws the glass, blended over everything else."""
        if self._glass is None:
            return
        self.ctx.enable_direct(BLEND_SWITCH)
        self.ctx.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self._calls.render(self._glass)
        self.ctx.disable_direct(BLEND_SWITCH)

    def indices(self, triangles: NDArray[np.uint32]) -> moderngl.Buffer:
        """Uploads triangles uint32[m, 3]; the buffer is released with the renderer."""
        # A buffer may not be empty; one degenerate triangle draws nothing.
        some = triangles if len(triangles) else np.zeros((1, 3), np.uint32)
        self._buffers.append(self.ctx.buffer(some.astype(np.uint32).tobytes()))
        return self._buffers[-1]

    def prepare(self, **values: Value) -> None:
        """Sets the uniforms of all programs, the textures, and the state of the context."""
        written = {name: packed(value) for name, value in values.items()}
        for program in self.programs:
            program.set(**{k: v for k, v in written.items() if k in program.declared})
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self.ctx.depth_func = "<"
        self.ctx.cull_face = "back"
        self.ctx.front_face = "cw"  # rows run downwards
        self._noise.use(NOISE_UNIT)
        self.environment.texture.use(ENVIRONMENT_UNIT)

    def _uniforms(self, clip_from_camera: Matrix4, state: AvatarState) -> dict[str, Value]:
        head = state.camera_from_head
        center = head[:3, :3] @ self.bounds.center + head[:3, 3]
        scale = float(np.cbrt(abs(np.linalg.det(head[:3, :3]))))
        eyes = self.avatar.eyes
        return {
            **self.light.uniforms(),
            "clip_from_camera": clip_from_camera,
            "camera_from_head": head,
            "camera_from_body": state.camera_from_body,
            "bones": self._bone_matrices(state),
            "head_ball": (*center.tolist(), self.avatar.fit.skull_half_width * scale),
            "iris_inner": eyes.iris_inner,
            "iris_outer": eyes.iris_outer,
            "iris": (float(np.sin(eyes.iris_angle_rad)), eyes.pupil * state.pupil),
            "noise": NOISE_UNIT,
            "environment": ENVIRONMENT_UNIT,
            "mouth_open": mouth_open(state.morphs),
            "strand_density": self.strands * self.avatar.fur.strands,
        }

    def _bone_matrices(self, state: AvatarState) -> bytes:
        """Returns float32[MAX_BONES + 1, 4, 4], column-major; the first is the identity."""
        if state.bones is not None:
            count = len(state.bones)
            self._bones[1 : count + 1] = state.bones.transpose(0, 2, 1)
        return self._bones.tobytes()

    def release(self) -> None:
        for array in self._arrays:
            array.release()
        for program in self.programs:
            program.release()
        for buffer in self._buffers:
            buffer.release()
        self.mesh.release()
        self.environment.release()
        self._noise.release()


class LightHead(HeadRenderer):
    """The light tier."""

    def __init__(self, graphics: Graphics, avatar: Avatar, light: Light = STUDIO) -> None:
        super().__init__(graphics, avatar, avatar.light_meshes, light)
        self._target = EncodedTarget(self.ctx)
        self._combed = combed_texture(self.ctx)
        self.add_groups(lambda group: light_program(self.ctx, group))
        self.programs.append(Program(self.ctx, "fins.vert", "fins.frag", {"ENCODED": 1}))
        self._fins = GpuFins(self.ctx, self.merged, self.programs[-1])

    def draw(self, view: HeadView, timer: StageTimer) -> NDArray[np.uint8]:
        """Renders premultiplied sRGB pixels uint8[h, w, 4]; valid until the next call."""
        with timer.stage("morph"):
            self.morph(view)
        with timer.stage("fins"):
            self._fins.update(self.morpher.vertices, view.state)
        with timer.stage("draw"):
            self.prepare(**view.uniforms, combed_noise=COMBED_UNIT)
            self._combed.use(COMBED_UNIT)
            self._target.begin(*view.size)
            self.render_opaque()
            self.ctx.disable(moderngl.CULL_FACE)
            self._fins.render(self._calls)
            self.ctx.enable(moderngl.CULL_FACE)
            self.render_glass()
        with timer.stage("read"):
            self._calls.finish()
            return self._target.read()

    def render_opaque(self) -> None:
        """Draws the opaque groups; the outer ones from both sides: cheaper than a lining."""
        self.ctx.disable(moderngl.CULL_FACE)
        for group in self._outer:
            self._calls.render(group)
        self.ctx.enable(moderngl.CULL_FACE)
        for group in self._opaque:
            self._calls.render(group)

    def release(self) -> None:
        super().release()
        self._fins.release()
        self._combed.release()
        self._target.release()


class FullHead(HeadRenderer):
    """The full tier."""

    target_pixels = FULL_TARGET_PIXELS
    max_pixels = MAX_FULL_PIXELS
    strands = FULL_STRANDS
    noise_filtered = True

    def __init__(
        self,
        graphics: Graphics,
        avatar: Avatar,
        shells: int,
        samples: int,
        light: Light = STUDIO,
    ) -> None:
        super().__init__(graphics, avatar, avatar.meshes, light)
        self._shells = shells
        self._target = MultisampledTarget(self.ctx, samples)
        self._shadow_map = ShadowMap(self.ctx)
        lining = Program(self.ctx, "lining.vert", "lining.frag")
        self._lining = self.array(lining, self.indices(outer_triangles(self.merged)))
        everything = self.indices(self.merged.all_triangles)
        self._caster = self.array(Program(self.ctx, "depth.vert", "depth.frag"), everything)
        self.add_groups(lambda group: full_program(self.ctx, group))
        self._fur = self.array(
            shell_program(self.ctx, self._target.multisampled),
            self.indices(furry_triangles(self.merged)),
        )

    def draw(self, view: HeadView, timer: StageTimer) -> moderngl.Texture:
        """Renders linear, premultiplied half floats into the first `view.size` of a texture."""
        with timer.stage("morph"):
            self.morph(view)
        with timer.stage("draw"):
            self.prepare(
                **view.uniforms,
                shadow_from_camera=shadow_from_camera(view.points, self.light.key_direction),
                shadow_map=SHADOW_UNIT,
                shells=float(max(1, self._shells)),
                bare=float(self._shells == 0),
            )
            self._shadow_map.begin()
            self._calls.render(self._caster)
            self._target.begin(*view.size)
            self._shadow_map.texture.use(SHADOW_UNIT)
            self.render_opaque()
            self.render_lining()
            if self._shells:
                self._render_fur()
            self.render_glass()
            return self._target.resolve()

    def render_lining(self) -> None:
        """Draws the inside of the surface; last, because nearly all of it is occluded."""
        self.ctx.cull_face = "front"
        self._calls.render(self._lining)
        self.ctx.cull_face = "back"

    def _render_fur(self) -> None:
        # Alpha to coverage: the stored samples are opaque. Without multisampling alpha would be
        # stored as it is, and the image would show through.
        switches = COVERAGE_SWITCHES if self._target.multisampled else ()
        for switch in switches:
            self.ctx.enable_direct(switch)
        self._calls.render(self._fur, instances=self._shells)
        for switch in switches:
            self.ctx.disable_direct(switch)

    def release(self) -> None:
        super().release()
        self._target.release()
        self._shadow_map.release()


def light_program(ctx: moderngl.Context, group: ShadingGroup) -> Program:
    """Compiles the program of a shading group in the light tier."""
    if group in VERTEX_LIT:
        defines = {"ENCODED": 1, "VERTEX_LIT": 1, **group_defines(group)}
        return Program(ctx, "head.vert", VERTEX_LIT[group], defines)
    defines = {"ENCODED": 1, **group_defines(group)}
    return Program(ctx, "head.vert", FRAGMENTS.get(group, "gloss.frag"), defines)


def full_program(ctx: moderngl.Context, group: ShadingGroup) -> Program:
    """Compiles the program of a shading group in the full tier."""
    return Program(
        ctx,
        "head.vert",
        FRAGMENTS.get(group, "gloss.frag"),
        {"SHADOW_MAP": 1, **group_defines(group)},
    )


def group_defines(group: ShadingGroup) -> dict[str, int]:
    """Returns the macros of a group: its name, and THIN for what is thinner than a pixel."""
    return {group.name: 1, **({"THIN": 1} if group is ShadingGroup.WHISKER else {})}


def shell_program(ctx: moderngl.Context, multisampled: bool) -> Program:
    """Compiles the program of the fur shells."""
    return Program(ctx, "shells.vert", "shells.frag", {"COVERAGE": 1} if multisampled else {})


def wind_bend(velocity_px: tuple[float, float], pixel_m: float) -> tuple[float, float, float]:
    """Computes how far motion bends the fur, in camera space, over the length of the fur."""
    x, y = (-WIND * pixel_m * v for v in velocity_px)
    limit = min(1.0, MAX_WIND / max(1e-9, float(np.hypot(x, y))))
    return x * limit, -y * limit, 0.0


def mouth_open(weights: Weights) -> float:
    """Computes how much light enters the mouth, 0..1."""
    return min(1.0, sum(share * float(weights[INDEX[name]]) for name, share in OPENING.items()))


def outer_triangles(mesh: MergedMesh) -> NDArray[np.uint32]:
    """Returns the triangles of fur, cloth and skin, uint32[m, 3]."""
    none = np.zeros((0, 3), np.uint32)
    return np.concatenate([mesh.triangles.get(c, none) for c in OUTER])


def furry_triangles(mesh: MergedMesh) -> NDArray[np.uint32]:
    """Returns the triangles that bear fur, uint32[m, 3]."""
    matte = mesh.triangles.get(ShadingGroup.MATTE, np.zeros((0, 3), np.uint32))
    furry = mesh.fur[matte].max(axis=1, initial=0.0) > MIN_FUR_M
    return np.asarray(matte[furry])

"""Draw an avatar's head, light tier: lit at its vertices, only its own rectangle."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.core.frame import Rect
from livecam.core.timing import StageTimer
from livecam.render.bounds import HeadBounds, clip_from_camera_in
from livecam.render.context import Graphics
from livecam.render.light import STUDIO, Light
from livecam.render.mesh import Coat, GpuMesh, Morpher, merge
from livecam.render.noise import noise_texture
from livecam.render.shaders import Program, Value
from livecam.render.targets import EncodedTarget

FRAGMENTS = {
    Coat.MATTE: "matte.frag",
    Coat.EYE: "eye.frag",
    Coat.GLOSS: "gloss.frag",
    Coat.WHISKER: "whisker.frag",
}
LIGHT_STRAND_DENSITY = 24.0  # repeats of the noise in a metre: coarser than real, for few pixels
PIXEL_BUDGET = 220_000  # a small head is drawn larger and shrunk, as far as this goes
MOST_SUPERSAMPLING = 2.0


@dataclass(frozen=True, slots=True)
class DrawnHead:
    """A head as pixels: premultiplied sRGB with coverage, ready to blend."""

    rect: Rect  # where in the picture
    pixels: NDArray[np.uint8]  # uint8[rows, columns, 4], larger than `rect` when supersampled


class LightHeadRenderer:
    """Draws one avatar on software OpenGL; used and released on the thread of the context."""

    def __init__(self, graphics: Graphics, avatar: Avatar, light: Light = STUDIO) -> None:
        ctx = self._ctx = graphics.ctx
        mesh = merge(avatar.light_meshes)
        self.bounds = HeadBounds(mesh)
        self._morpher = Morpher(mesh)
        self._mesh = GpuMesh(ctx, mesh)
        self._target = EncodedTarget(ctx)
        self._noise = noise_texture(ctx)
        self._avatar = avatar
        self.light = light
        self.programs = {coat: light_program(ctx, coat) for coat in mesh.triangles}
        self._arrays = {
            coat: self._mesh.vertex_array(program.gl, self._mesh.indices[coat])
            for coat, program in self.programs.items()
        }

    def draw(
        self, state: AvatarState, width: int, height: int, timer: StageTimer
    ) -> DrawnHead | None:
        """Draws for a picture of that size; None when nothing of the head is inside it."""
        points = self.bounds.camera_points(state)
        rect = self.bounds.rectangle(points, width, height)
        if rect.empty:
            return None
        with timer.stage("morph"):
            first, last = self._morpher.apply(state.morphs)
            self._mesh.write(self._morpher.vertices, first, last)
        with timer.stage("draw"):
            finer = supersampling(rect)
            self._target.begin(round(rect.width * finer), round(rect.height * finer))
            clip_from_camera = clip_from_camera_in(rect, width, height, points)
            self._set_uniforms(clip_from_camera, state)
            self._render()
        with timer.stage("read"):
            pixels = self._target.read()
        return DrawnHead(rect, pixels)

    def _set_uniforms(self, clip_from_camera: NDArray[np.float64], state: AvatarState) -> None:
        values = frame_uniforms(self._avatar, self.bounds, self.light, clip_from_camera, state)
        values["strand_density"] = LIGHT_STRAND_DENSITY
        for program in self.programs.values():
            program.set(**{k: v for k, v in values.items() if k in program.declared})

    def _render(self) -> None:
        ctx = self._ctx
        ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        ctx.front_face = "cw"  # rows run downwards
        self._noise.use(0)
        for array in self._arrays.values():
            array.render()

    def release(self) -> None:
        for array in self._arrays.values():
            array.release()
        for program in self.programs.values():
            program.release()
        self._mesh.release()
        self._target.release()
        self._noise.release()


def light_program(ctx: moderngl.Context, coat: Coat) -> Program:
    """The program that draws a coat in the light tier."""
    if coat is Coat.MATTE:
        return Program(ctx, "head.vert", "matte_lit.frag", {"ENCODED": 1, "VERTEX_LIT": 1})
    return Program(ctx, "head.vert", FRAGMENTS[coat], {"ENCODED": 1})


def supersampling(rect: Rect) -> float:
    """How much larger than in the picture a head is drawn."""
    return float(
        np.clip(np.sqrt(PIXEL_BUDGET / (rect.width * rect.height)), 1.0, MOST_SUPERSAMPLING)
    )


def frame_uniforms(
    avatar: Avatar,
    bounds: HeadBounds,
    light: Light,
    clip_from_camera: NDArray[np.float64],
    state: AvatarState,
) -> dict[str, Value]:
    """What every program of both tiers may ask for."""
    head = state.camera_from_head
    center = head[:3, :3] @ bounds.center + head[:3, 3]
    radius = avatar.fit.skull_half_width * float(np.cbrt(abs(np.linalg.det(head[:3, :3]))))
    eyes = avatar.eyes
    return {
        **light.uniforms(),
        "clip_from_camera": clip_from_camera,
        "camera_from_head": head,
        "camera_from_body": state.camera_from_body,
        "head_ball": (*center.tolist(), radius),
        "iris_inner": eyes.iris_inner,
        "iris_outer": eyes.iris_outer,
        "iris": (float(np.sin(eyes.iris_angle_rad)), eyes.pupil),
        "noise": 0,
    }

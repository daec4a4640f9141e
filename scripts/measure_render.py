"""Measures how long a head takes to draw and blend, in either tier; needs no face model.

    python scripts/measure_render.py [--size 1280x720] [--tier light|full] [--share 0.33]
                                     [--frames 60] [--png FILE]

`share` is the head's height over the picture's. Prints the renderer and, per stage, the median
and 95th percentile of wall milliseconds, then the CPU time of the whole process per frame.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cv2
import numpy as np

from livecam.app.bench import percentile, stage_table
from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.library import load_avatar
from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import RenderSettings
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.frame import Frame
from livecam.core.spaces import focal_px, matrix_from_quaternion, quaternion_from_vector
from livecam.core.timing import StageTimer
from livecam.render.context import open_graphics

HEAD_M = 0.25  # from chin to crown


def state(avatar: Avatar, height: int, share: float, step: int) -> AvatarState:
    """A head of that share of the picture's height, turning and talking."""
    turn = np.array((0.1 * np.sin(step / 9), 0.5 * np.sin(step / 13), 0.1 * np.sin(step / 17)))
    head = np.eye(4)
    head[:3, :3] = matrix_from_quaternion(quaternion_from_vector(turn)) * avatar.fit.scale
    head[2, 3] = -focal_px(height) * HEAD_M * avatar.fit.scale / (share * height)
    body = head.copy()
    body[:3, :3] = np.eye(3) * avatar.fit.scale
    morphs = np.zeros(len(EXPRESSIONS), np.float32)
    for i, name in enumerate(("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp")):
        morphs[INDEX[name]] = 0.5 + 0.5 * np.sin(step / 5 + i)
    return AvatarState(head, body, morphs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--tier", default="light", choices=("light", "full"))
    parser.add_argument("--share", type=float, default=1 / 3)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--shells", type=int, default=20)
    parser.add_argument("--avatar", default="raccoon")
    parser.add_argument("--png", type=Path)
    given = parser.parse_args()
    width, height = (int(side) for side in given.size.split("x"))
    avatar, timer = load_avatar(given.avatar), StageTimer(window=10_000)
    settings = RenderSettings(tier=given.tier, shells=given.shells)
    image = np.full((height, width, 4), (140, 130, 120, 255), np.uint8)
    with open_graphics() as graphics:
        compositor = HeadCompositor(graphics, avatar, settings, (width, height), timer)
        for step in range(5):
            compositor.compose(Frame(image, step, 0.0), (state(avatar, height, given.share, step),))
        timer.clear()
        walls, cpu = [], time.process_time()
        for step in range(given.frames):
            begun = time.perf_counter()
            out = compositor.compose(
                Frame(image, step, 0.0), (state(avatar, height, given.share, step),)
            )
            walls.append(1e3 * (time.perf_counter() - begun))
        cpu_ms = 1e3 * (time.process_time() - cpu) / given.frames
        print(f"{graphics.renderer}: {compositor.tier}, {width}x{height}, head {given.share:.2f}")
        compositor.close()
    for name, row in stage_table(timer).items():
        print(f"  {name:8} {row['wall_median']:8.2f} {row['wall_p95']:8.2f} ms")
    print(f"  frame    {statistics.median(walls):8.2f} {percentile(walls, 95):8.2f} ms")
    print(f"  CPU      {cpu_ms:8.2f} ms a frame, all threads")
    if given.png:
        cv2.imwrite(str(given.png), cv2.cvtColor(out.image, cv2.COLOR_RGBA2BGR))


if __name__ == "__main__":
    main()

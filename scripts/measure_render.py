#!/usr/bin/env python3
"""Measures how long heads take to draw and blend, in either tier; needs no face model.

    python scripts/measure_render.py [--size 1280x720] [--tier light|full] [--share 0.33]
                                     [--frames 60] [--avatar NAME|all] [--png FILE]

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

from livecam.avatar.base import Avatar, AvatarState
from livecam.avatar.library import list_avatars, load_avatar
from livecam.compose.compositor import HeadCompositor
from livecam.config.settings import RenderSettings
from livecam.core.face import EXPRESSIONS, INDEX
from livecam.core.frame import Frame
from livecam.core.spaces import focal_px, matrix_from_quaternion, quaternion_from_vector
from livecam.core.timing import StageTimer
from livecam.measure.bench_tables import percentile, stage_table
from livecam.render.context import Graphics, open_graphics

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
    parser.add_argument("--avatar", default="raccoon", help="its name, or all")
    parser.add_argument("--png", type=Path)
    given = parser.parse_args()
    names = list_avatars() if given.avatar == "all" else (given.avatar,)
    with open_graphics() as graphics:
        for name in names:
            measure(graphics, load_avatar(name), given)


def measure(graphics: Graphics, avatar: Avatar, given: argparse.Namespace) -> None:
    """Draws and prints one head's times."""
    width, height = (int(side) for side in given.size.split("x"))
    timer = StageTimer(window=10_000)
    settings = RenderSettings(tier=given.tier, shells=given.shells)
    image = np.full((height, width, 4), (140, 130, 120, 255), np.uint8)
    compositor = HeadCompositor(graphics, avatar, settings, (width, height), timer)
    walls, cpus = [], []
    for step in range(-5, given.frames):
        if step == 0:
            timer.clear()
        begun, cpu = time.perf_counter(), time.process_time()
        posed = state(avatar, height, given.share, step)
        out = compositor.compose(Frame(image, step, step / 30), (posed,))
        if step >= 0:
            walls.append(1e3 * (time.perf_counter() - begun))
            cpus.append(1e3 * (time.process_time() - cpu))
    compositor.close()
    print(f"{avatar.name}: {graphics.renderer}, {compositor.tier}, {given.size}, {given.share:.2f}")
    for name, row in stage_table(timer).items():
        print(f"  {name:8} {row['wall_median']:8.2f} {row['wall_p95']:8.2f} ms")
    print(f"  frame    {statistics.median(walls):8.2f} {percentile(walls, 95):8.2f} ms")
    print(f"  CPU      {statistics.median(cpus):8.2f} {percentile(cpus, 95):8.2f} ms, all threads")
    if given.png:
        path = given.png.with_stem(f"{given.png.stem}-{avatar.name}")
        cv2.imwrite(str(path), cv2.cvtColor(out.image, cv2.COLOR_RGBA2BGR))


if __name__ == "__main__":
    main()

"""Turntables: one head turns and changes its expression, in a window or as numbered images."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from livecam.avatar.accessories import with_accessories
from livecam.avatar.base import Avatar
from livecam.avatar.library import load_avatar
from livecam.core.commands import Command
from livecam.core.errors import UsageError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame
from livecam.core.places import check_place
from livecam.render.context import Graphics, WindowRequest, open_graphics
from livecam.sinks.base import OutputInfo
from livecam.sinks.png import PngSequence
from livecam.sinks.preview import Preview, PreviewStatus, display_available
from livecam.viewer.avatar_viewer import AnyTier, AvatarViewer, ViewerPose
from livecam.viewer.sheet import POSES, checked_tier

FPS = 30.0
TURN_S = 8.0  # one turn
EXPRESSION_S, TRANSITION_S = 2.0, 0.5  # a transition is a part of its expression
SIZE = "720x720"
MIN_SIDE, MAX_SIDE = 64, 4096  # pixels


def show(
    name: str,
    *,
    png: Path | None = None,
    seconds: float | None = None,
    size: str = SIZE,
    tier: str = "auto",
    wear: Sequence[str] = (),
) -> None:
    """Turns an avatar in a window until it is closed, or once into a folder of images.

    Raises:
        AssetError: there is no such avatar or accessory.
        GraphicsError: it cannot be drawn.
        SinkError: an image cannot be written.
        UsageError: the size or the tier is wrong, or there is no display.
    """
    width, height = checked_size(size)
    chosen = checked_tier(tier)
    avatar = with_accessories(load_avatar(name), wear)
    if png is not None:
        check_place(png / "a picture")
        with open_graphics() as graphics:
            _write(graphics, avatar, (width, height), chosen, png, seconds or TURN_S)
        return
    if not display_available():
        raise UsageError("there is no display to show it on", "write pictures: --png FOLDER")
    window = WindowRequest(f"livecam - {avatar.title}", width, height)
    with open_graphics(window) as graphics:
        _play(graphics, avatar, (width, height), chosen, seconds)


def checked_size(text: str) -> tuple[int, int]:
    """Returns width and height of a text `WIDTHxHEIGHT`, made even.

    Raises:
        UsageError: it is no size, or too small or large to draw.
    """
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    sides = tuple(int(side) for side in found.groups()) if found else ()
    if len(sides) != 2 or min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
        raise UsageError(
            '"{value}" is no size',
            "write e.g. {size}; sides from {min_side} to {max_side}",
            value=text, size=SIZE, min_side=MIN_SIDE, max_side=MAX_SIDE,
        )  # fmt: skip
    return sides[0] + sides[0] % 2, sides[1] + sides[1] % 2


def pose_at(t: float) -> ViewerPose:
    """Returns the pose after t seconds: starts in front, turns to the head's left."""
    return replace(
        ViewerPose("turning", expression_at(t), yaw_deg=360 * t / TURN_S % 360),
        body_turn=(1.0, 1.0, 1.0),
    )


def expression_at(t: float) -> dict[str, float]:
    """Returns the weights after t seconds: the sheet's expressions, blended into each other."""
    number, within = divmod(t, EXPRESSION_S)
    share = float(np.clip((within - EXPRESSION_S + TRANSITION_S) / TRANSITION_S, 0.0, 1.0))
    share *= share * (3 - 2 * share)
    before, after = (POSES[(int(number) + k) % len(POSES)].weights for k in (0, 1))
    return {
        name: before.get(name, 0.0) * (1 - share) + after.get(name, 0.0) * share
        for name in EXPRESSIONS
        if name in before or name in after
    }


def _write(
    graphics: Graphics,
    avatar: Avatar,
    size: tuple[int, int],
    tier: AnyTier,
    folder: Path,
    seconds: float,
) -> None:
    sink = PngSequence(folder)
    sink.open(OutputInfo(*size, FPS))
    with AvatarViewer(graphics, avatar, size, tier) as viewer:
        for index in range(max(1, round(seconds * FPS))):
            image = viewer.draw(pose_at(index / FPS), after_s=1 / FPS)
            sink.send(Frame(image, index, index / FPS))
    sink.close()


def _play(
    graphics: Graphics, avatar: Avatar, size: tuple[int, int], tier: AnyTier, seconds: float | None
) -> None:
    preview = Preview(graphics)
    preview.open(OutputInfo(*size, FPS))
    preview.status = PreviewStatus(state=avatar.title)
    start = before = time.perf_counter()
    with AvatarViewer(graphics, avatar, size, tier) as viewer:
        while Command.QUIT not in preview.poll():
            now = time.perf_counter()
            if seconds is not None and now - start >= seconds:
                break
            image = viewer.draw(pose_at(now - start), after_s=now - before)
            preview.send(Frame(image, 0, now - start))
            before = now
            time.sleep(max(0.0, 1 / FPS - (time.perf_counter() - now)))
    preview.close()

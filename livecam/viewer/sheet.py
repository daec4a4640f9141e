"""Contact sheets: one head in sixteen poses and expressions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast, get_args

import cv2
import numpy as np

from livecam.avatar.accessories import with_accessories
from livecam.avatar.base import Avatar
from livecam.avatar.library import list_avatars, load_avatar
from livecam.core.errors import AssetError, SinkError, UsageError, reason_of
from livecam.core.frame import Image
from livecam.core.hidden_file import replaced_file
from livecam.core.places import check_place
from livecam.core.registry import check_name
from livecam.render.context import Graphics, open_graphics
from livecam.viewer.avatar_viewer import AnyTier, AvatarViewer, ViewerPose

log = logging.getLogger(__name__)

ALL = "all"

COLUMNS, ROWS = 4, 4
CELL = (480, 360)


def both(**weights: float) -> dict[str, float]:
    """Returns each weight for the left and the right side."""
    return {name + side: w for name, w in weights.items() for side in ("Left", "Right")}


SMILE = both(mouthSmile=0.9, cheekSquint=0.5, eyeSquint=0.2, mouthDimple=0.3)
LAUGH = both(mouthSmile=1.0, cheekSquint=0.8, eyeSquint=0.4, mouthUpperUp=0.4)

POSES: tuple[ViewerPose, ...] = (
    ViewerPose("neutral"),
    ViewerPose("three quarters", yaw_deg=35),
    ViewerPose("profile", yaw_deg=-78),
    ViewerPose("smile", SMILE),
    ViewerPose("laugh", {**LAUGH, "jawOpen": 0.75, "browInnerUp": 0.2}, pitch_deg=-6, roll_deg=4),
    ViewerPose("eyes shut", both(eyeBlink=1.0)),
    ViewerPose("wink left", {**SMILE, "eyeBlinkLeft": 1.0, "cheekSquintLeft": 1.0}, yaw_deg=12),
    ViewerPose("half shut", both(eyeBlink=0.5), yaw_deg=-18),
    ViewerPose(
        "surprise",
        {**both(eyeWide=1.0, browOuterUp=1.0), "browInnerUp": 1.0, "jawOpen": 0.7,
         "mouthFunnel": 0.5},
    ),
    ViewerPose(
        "anger",
        {**both(browDown=1.0, noseSneer=0.6, eyeSquint=0.5, mouthFrown=0.6, mouthPress=0.5),
         "jawForward": 0.4},
        pitch_deg=8,
    ),
    ViewerPose(
        "disgust",
        {**both(noseSneer=1.0, browDown=0.5, eyeSquint=0.7, mouthUpperUp=0.7, mouthFrown=0.4),
         "mouthShrugLower": 0.3},
        yaw_deg=-15, roll_deg=-5,
    ),
    ViewerPose(
        "sad",
        {**both(mouthFrown=1.0, eyeSquint=0.2, eyeLookDown=0.4), "browInnerUp": 1.0,
         "mouthShrugLower": 0.6},
        pitch_deg=10,
    ),
    ViewerPose("O", {"mouthPucker": 0.5, "mouthFunnel": 0.9, "jawOpen": 0.35}),
    ViewerPose("cheeks puffed", {"cheekPuff": 1.0, "mouthPucker": 0.3}, yaw_deg=15),
    ViewerPose("tongue", {**SMILE, "tongueOut": 1.0, "jawOpen": 0.5}, roll_deg=-8),
    ViewerPose(
        "look aside",
        {"eyeLookOutLeft": 0.9, "eyeLookInRight": 0.9, "mouthLeft": 0.4, "browOuterUpLeft": 0.6},
        yaw_deg=-12,
    ),
)  # fmt: skip


def sheet(graphics: Graphics, avatar: Avatar, tier: AnyTier = "full") -> Image:
    """Returns all poses side by side, uint8[1440, 1920, 4]. Thread of the context.

    Raises:
        GraphicsError: the driver cannot draw the head.
    """
    width, height = CELL
    out = np.empty((ROWS * height, COLUMNS * width, 4), np.uint8)
    with AvatarViewer(graphics, avatar, CELL, tier) as viewer:
        for index, pose in enumerate(POSES):
            y, x = index // COLUMNS * height, index % COLUMNS * width
            out[y : y + height, x : x + width] = viewer.draw(pose)
    return out


def write_sheets(
    name: str, out: Path | None, tier: str, wear: Sequence[str] = ()
) -> Iterator[Path]:
    """Draws the sheet of an avatar, or of all of them; yields the file of each.

    Raises:
        AssetError: there is no such avatar or accessory; of all avatars, a broken one is left out.
        GraphicsError: it cannot be drawn.
        SinkError: it cannot be written.
    """
    chosen = checked_tier(tier)
    with ExitStack() as stack:
        graphics: Graphics | None = None
        for avatar in _avatars(name, wear):
            path = Path(f"{avatar.name}-sheet.png")
            if out is not None:
                path = out / path if name == ALL else out
            _check_image_file(path)
            # Opened once there is something to draw, and somewhere to write it.
            graphics = graphics or stack.enter_context(open_graphics())
            write_image(path, sheet(graphics, avatar, chosen))
            yield path


def _avatars(name: str, wear: Sequence[str]) -> Iterator[Avatar]:
    """Yields the avatar of that name, or all that can be loaded."""
    if name != ALL:
        yield with_accessories(load_avatar(name), wear)
        return
    for each in list_avatars():
        try:
            avatar = load_avatar(each)
        except AssetError as error:
            log.warning("%s is left out, it is broken: %s", each, error)
            continue
        yield with_accessories(avatar, wear)


def checked_tier(word: str) -> AnyTier:
    """Returns a word as a tier.

    Raises:
        UsageError: there is no such tier.
    """
    check_name("tier", word, get_args(AnyTier), UsageError)
    return cast("AnyTier", word)


def write_image(path: Path, image: Image) -> None:
    """Writes an RGBA image as PNG or JPEG, by the suffix of the name.

    Raises:
        SinkError: it cannot be written.
    """
    _check_image_file(path)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGBA2BGR)
    data = cv2.imencode(path.suffix or ".png", bgr)[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(path) as file:
            file.write(data.tobytes())
    except OSError as error:
        raise SinkError(
            "{path} cannot be written: {reason}", path=path, reason=reason_of(error)
        ) from error


def _check_image_file(path: Path) -> None:
    """Refuses a name that no image can be written under."""
    if path.suffix and not cv2.haveImageWriter(path.name):
        raise SinkError('no picture ends in "{suffix}"', "end the name in .png", suffix=path.suffix)
    check_place(path)

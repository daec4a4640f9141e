#!/usr/bin/env python3
"""Makes the pictures of docs/heads.md and the README's row of heads, from real renders.

.venv/bin/python scripts/make_gallery.py [docs/heads] [NAME ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from livecam.avatar.accessories import with_accessories
from livecam.avatar.base import Avatar
from livecam.avatar.library import list_avatars, load_avatar
from livecam.core.frame import Image
from livecam.render.context import Graphics, open_graphics
from livecam.viewer.avatar_viewer import AvatarViewer, ViewerPose
from livecam.viewer.sheet import POSES

CELL = 300
SHOWN = ("neutral", "laugh", "wink left", "surprise", "anger", "three quarters")
HERO = ViewerPose("hero", {**POSES[3].weights}, yaw_deg=-16, pitch_deg=2, roll_deg=3)
# Something to wear for some, in the picture of all.
WORN = {
    "fox": ("glasses",),
    "bear": ("beanie",),
    "rabbit": ("headphones",),
    "frog": ("top-hat",),
    "cat": ("party-hat",),
    "tiger": ("sunglasses",),
}
COLUMNS = 4
MAX_BYTES = 120_000
QUALITIES = (92, 88, 84, 80, 75, 70, 60)


def strip(graphics: Graphics, avatar: Avatar) -> Image:
    """One head in six expressions, side by side."""
    poses = {pose.name: pose for pose in POSES}
    with AvatarViewer(graphics, avatar, (CELL, CELL), "full") as viewer:
        return np.hstack([viewer.draw(poses[name]) for name in SHOWN])


def together(graphics: Graphics) -> Image:
    """All heads in one picture, some of them dressed."""
    cells = []
    for name in list_avatars():
        avatar = with_accessories(load_avatar(name), WORN.get(name, ()))
        with AvatarViewer(graphics, avatar, (CELL, CELL), "full") as viewer:
            cells.append(viewer.draw(HERO))
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    return np.vstack([row for row in rows if row.shape == rows[0].shape])


def save(path: Path, image: Image) -> None:
    """As good a JPEG as fits the limit."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGBA2BGR)
    for quality in QUALITIES:
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if len(data) < MAX_BYTES:
            break
    path.write_bytes(data.tobytes())
    print(path, f"{len(data) // 1024} KiB, quality {quality}")


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with open_graphics() as graphics:
        for name in names or list_avatars():
            save(folder / f"{name}.jpg", strip(graphics, load_avatar(name)))
        if not names:
            save(folder / "all.jpg", together(graphics))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/heads"), sys.argv[2:])

"""A face clip as a webcam sends it, and what livecam makes of it on the host."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, Rect
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter

WIDTH, HEIGHT, RATE = 640, 480, 10
SECONDS = 4
ROOM = 0.65  # of the webcam's height, at most, is taken by the clip


@dataclass(frozen=True, slots=True)
class Feed:
    """Frames that the fake webcam shows over and over."""

    folder: Path
    raw: Path  # YUYV pictures one after the other, BT.601 limited, as webcams send
    source: NDArray[Any]  # uint8[n, h, w, 3], RGB: what a camera reader decodes
    expected: NDArray[Any]  # uint8[n, h, w, 3], RGB: the same with the avatar
    boxes: tuple[Rect, ...]  # where each was changed

    @classmethod
    def made_from(cls, clip: Path, folder: Path) -> Feed:
        folder.mkdir(parents=True, exist_ok=True)
        yuyv = np.stack([_yuyv(image) for image in _pictures(clip)])
        raw = folder / "webcam.yuyv"
        raw.write_bytes(yuyv.tobytes())
        source = np.stack([cv2.cvtColor(y, cv2.COLOR_YUV2RGB_YUYV) for y in yuyv])
        expected, boxes = _converted(source, folder)
        return cls(folder, raw, source, expected, boxes)


def _pictures(clip: Path) -> list[NDArray[Any]]:
    """RGB pictures of the webcam's size and rate, from the clip's beginning."""
    pictures: list[NDArray[Any]] = []
    with VideoReader(clip) as reader:
        for frame in reader:
            if len(pictures) == SECONDS * RATE:
                break
            if frame.captured_at * RATE >= len(pictures) - 1e-6:
                pictures.append(_seated(frame.image[..., :3]))
    return pictures


def _seated(image: NDArray[Any]) -> NDArray[Any]:
    """The picture at the bottom of the webcam's, its edges drawn out: room around the head."""
    height, width = image.shape[:2]
    scale = min(WIDTH / width, ROOM * HEIGHT / height)
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    left, top = (WIDTH - size[0]) // 2, HEIGHT - size[1]
    right = WIDTH - size[0] - left
    return cv2.copyMakeBorder(small, top, 0, left, right, cv2.BORDER_REPLICATE)


def _yuyv(image: NDArray[Any]) -> NDArray[Any]:
    return cv2.cvtColor(image, cv2.COLOR_RGB2YUV_YUYV)


def _converted(source: NDArray[Any], folder: Path) -> tuple[NDArray[Any], tuple[Rect, ...]]:
    film, result, stats = (folder / name for name in ("in.mkv", "out.mkv", "stats.jsonl"))
    stats.unlink(missing_ok=True)
    opaque = np.full((*source.shape[1:3], 4), 255, np.uint8)
    with VideoWriter(film, WIDTH, HEIGHT, RATE) as writer:
        for index, image in enumerate(source):
            opaque[..., :3] = image
            writer.write(Frame(opaque, index, index / RATE))
    command = [sys.executable, "-m", "livecam", "convert", str(film), str(result)]
    subprocess.run([*command, "--force", "--stats", str(stats)], check=True)
    with VideoReader(result) as reader:
        expected = np.stack([frame.image[..., :3] for frame in reader])
    boxes = [json.loads(line)["head_box"] for line in stats.read_text().splitlines()]
    if len(expected) != len(source) or None in boxes:
        raise SystemExit("the clip must show a face in every picture: choose another with --clip")
    return expected, tuple(Rect(*box) for box in boxes)

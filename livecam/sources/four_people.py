"""Makes the clip of four people: the person of the sample clip four times, side by side.

Each is a quarter of the clip ahead of the one before, so that no two move alike. The clip loops as
the sample does.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from livecam.config.paths import user_cache_folder
from livecam.core.end_signals import checkpoint, end_signals
from livecam.core.frame import Frame
from livecam.media.writer import VideoWriter
from livecam.sources.sample_clip import (
    FPS,
    SECONDS,
    SIZE,
    VERSION,
    Field,
    Puppet,
    pose_at,
    read_portrait,
)

log = logging.getLogger(__name__)

SCALE = 0.8  # of the people: half of it is too small for the face detector
PLACES = (-480, 480, -160, 160)  # pixels from the middle, from the back to the front


def four_people_clip() -> Path:
    """Returns the path of the clip, made now if it is not there yet."""
    path = user_cache_folder() / f"sample-{VERSION}-four.mp4"
    if not path.is_file():
        log.info("making the clip of four people, once")
        path.parent.mkdir(parents=True, exist_ok=True)
        make_four_people_clip(path)
    return path


def make_four_people_clip(path: Path, seconds: float = SECONDS) -> None:
    """Writes the clip, or its beginning.

    Raises:
        AssetError: the portrait is missing.
        SinkError: the file cannot be written.
    """
    puppet = Puppet(read_portrait())
    with end_signals() as signals, signals.held(), VideoWriter(path, *SIZE, FPS) as writer:
        for index in range(round(seconds * FPS)):
            checkpoint()
            people = [_person(puppet, number, index / FPS) for number in range(len(PLACES))]
            writer.write(Frame(puppet.in_the_room(people, index), index, index / FPS))


def _person(puppet: Puppet, number: int, t: float) -> Field:
    """Draws one of them at a time, as `Puppet.person` does; the picture cuts all at its edge."""
    person = puppet.person(pose_at(t + SECONDS * number / len(PLACES)))
    width, height = SIZE
    x, y = PLACES[number] + (1 - SCALE) * width / 2, (1 - SCALE) * height
    place = np.array(((SCALE, 0, x), (0, SCALE, y)))
    return np.asarray(cv2.warpAffine(person, place, SIZE), np.float32)

"""What lies behind the people of a film: each shot is looked through before it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.convert.plan import Scene as Shot
from livecam.core.closing import Closing
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.media.reader import VideoReader
from livecam.pipeline.stats import Shown
from livecam.segmentation.base import Plate, Segmentation
from livecam.segmentation.segmenter import Segmenter

MOST_LOOKS = 150  # at one shot: more teach the plate nothing
QUALITY = 97  # of the plates that wait for their shot, as JPEG


class Backdrop(Closing):
    """Reads the scenes of a film whose backgrounds it already knows. One thread."""

    def __init__(self, make_reader: Callable[[], Segmenter]) -> None:
        self._reader = make_reader()
        self._plates: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def learn(self, path: Path, shots: Sequence[Shot]) -> None:
        """Looks through the shots in which a head will be drawn.

        Raises:
            SourceError: the film cannot be read.
            TrackingError: a network failed.
        """
        todo = [shot for shot in shots if shot.state is Shown.AVATAR]
        if not todo:
            return
        with VideoReader(path) as film:
            for frame in film:
                while todo and frame.index >= todo[0].frames.stop:
                    self._keep(todo.pop(0))
                if not todo:
                    return
                shot = todo[0].frames
                step = max(1, len(shot) // MOST_LOOKS)
                if frame.index in shot and (frame.index - shot.start) % step == 0:
                    self._reader.learn_plate(frame)
        for shot_left in todo:
            self._keep(shot_left)

    def enter(self, shot: Shot) -> None:
        """The next frames are of this shot."""
        self._reader.reset()
        kept = self._plates.pop(shot.frames.start, None)
        if kept is not None:
            image = np.asarray(cv2.imdecode(kept[0], cv2.IMREAD_COLOR), np.uint8)
            known = np.asarray(cv2.imdecode(kept[1], cv2.IMREAD_GRAYSCALE), np.uint8)
            self._reader.set_plate(Plate(np.ascontiguousarray(image[..., ::-1]), known))
        else:
            self._reader.set_plate(None)

    def read(self, frame: Frame, face: FaceState) -> Segmentation | None:
        """What is in a frame, with the face that wears the avatar."""
        return self._reader.segment(frame, face.points_px(*frame.size))

    def close(self) -> None:
        self._reader.close()

    def _keep(self, shot: Shot) -> None:
        plate = self._reader.plate()
        if plate is not None:
            bgr = cv2.cvtColor(plate.image, cv2.COLOR_RGB2BGR)
            _, image = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
            _, known = cv2.imencode(".png", plate.known)
            self._plates[shot.frames.start] = np.asarray(image), np.asarray(known)
        self._reader.reset()

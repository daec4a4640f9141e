"""Segments the frames of a film; the background of each shot is learned before it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.config.settings import Settings
from livecam.convert.frames import frames_at
from livecam.convert.plan import ShotPlan
from livecam.convert.turns import turned
from livecam.core.closing import Closing
from livecam.core.face import FaceState
from livecam.core.frame import Frame
from livecam.media.reader import VideoInfo
from livecam.pipeline.build import segmenter_factory
from livecam.pipeline.states import Shown
from livecam.segmentation.base import Plate, Segmentation
from livecam.segmentation.segmenter import Segmenter

MAX_FRAMES = 150  # of one shot: more teach the plate nothing
QUALITY = 97  # of the plates that wait for their shot, as JPEG


# The clean plates of a film, by the first frame of their shot: the image as JPEG, and what of it
# is known as PNG.
Plates = dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]]


class OpenSegmentation(Protocol):
    """Opens the segmentation of a film of which these plates are known, for use with `with`."""

    def __call__(
        self, plates: Plates | None = None
    ) -> AbstractContextManager[FilmSegmentation | None]: ...


def segmentation_opener(settings: Settings) -> OpenSegmentation:
    """Returns what opens the segmentation of a film; it is None when no stage needs one.

    Raises:
        AssetError: a model is missing.
    """
    make = segmenter_factory(settings, hurried=False)
    return lambda plates=None: nullcontext() if make is None else FilmSegmentation(make, plates)


class FilmSegmentation(Closing):
    """Segments a film over clean plates learned from its shots. One thread at a time."""

    def __init__(
        self, make_segmenter: Callable[[], Segmenter], plates: Plates | None = None
    ) -> None:
        self._segmenter = make_segmenter()
        self.plates: Plates = {} if plates is None else plates

    def learn(self, info: VideoInfo, plans: Sequence[ShotPlan]) -> None:
        """Learns the plates of the shots in which a head will be drawn.

        Raises:
            SourceError: the film cannot be read.
            TrackingError: a network failed.
        """
        by_frame = {
            index: plan
            for plan in plans
            if plan.state is Shown.AVATAR
            for index in plan.frames[:: max(1, len(plan.frames) // MAX_FRAMES)]
        }
        with frames_at(info, by_frame) as frames:
            for plan, of_shot in groupby(frames, key=lambda frame: by_frame[frame.index]):
                self._segmenter.learn_plate(turned(frame, plan.turn) for frame in of_shot)
                self._keep(plan)

    def enter(self, plan: ShotPlan) -> None:
        """Enters a shot, to which the next frames belong."""
        self._segmenter.reset()
        kept = self.plates.get(plan.frames.start)
        if kept is None:
            self._segmenter.set_plate(None)
            return
        image = np.asarray(cv2.imdecode(kept[0], cv2.IMREAD_COLOR), np.uint8)
        known = np.asarray(cv2.imdecode(kept[1], cv2.IMREAD_GRAYSCALE), np.uint8)
        self._segmenter.set_plate(Plate(np.ascontiguousarray(image[..., ::-1]), known))

    def segment(self, frame: Frame, face: FaceState) -> Segmentation | None:
        """Segments a frame, turned as its shot, around the face of one wearer."""
        return self._segmenter.segment(frame, face.points_px(*frame.size), face.track_id)

    def close(self) -> None:
        self._segmenter.close()

    def _keep(self, plan: ShotPlan) -> None:
        plate = self._segmenter.plate()
        if plate is not None:
            bgr = cv2.cvtColor(plate.image, cv2.COLOR_RGB2BGR)
            _, image = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
            _, known = cv2.imencode(".png", plate.known)
            self.plates[plan.frames.start] = np.asarray(image), np.asarray(known)
        self._segmenter.reset()

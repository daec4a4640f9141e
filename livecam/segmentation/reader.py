"""Reads a picture: where are the person, the hair, the hands, and what lies behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.frame import Frame, Rect
from livecam.segmentation.base import Hand, Mask, Plate, Scene, cell_of, grid_of
from livecam.segmentation.carry import carried
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.plate import CleanPlate

log = logging.getLogger(__name__)

WIDE = 1.35  # width over height from which the network for wide pictures sees more
LEARN_EVERY = 3  # looks, while live: a background changes slowly
# Between two looks for hair while live, as it costs ten times as much as the person: hair that
# hangs below the chin swings, short hair goes along with the head.
LONG_HAIR_REST_S, SHORT_HAIR_REST_S = 0.25, 0.5
LONG_HAIR = 0.15  # the share of it below the chin
CHIN = 152  # MediaPipe's landmark
SURE = 24  # of 255: what may be person
BUSY_MARGIN = 0.10  # of the face's width round a person, kept out of the plate
GAP_S = 0.5  # after that long nothing of an earlier look is true

# Finds hands near a face: the frame, its landmarks in pixels, and the moment.
LookForHands = Callable[[Frame, NDArray[np.float32], float], tuple[Hand, ...]]


class SceneReader:
    """Runs the networks and learns the clean plate. One thread.

    `hurried` looks for hair less often: for live pictures. Whatever of the models is missing is
    left out, only the person model is needed.

    Raises:
        TrackingError: a network cannot be used.
    """

    def __init__(
        self,
        person: Path,
        person_wide: Path,
        hair: Path | None,
        look_for_hands: LookForHands | None = None,
        hurried: bool = True,
        camera: str | None = None,
    ) -> None:
        self._paths = {False: person, True: person_wide}
        self._person: dict[bool, PersonNetwork] = {}
        self._hair = HairNetwork(hair) if hair is not None else None
        self._hands = look_for_hands
        self._hurried = hurried
        self._looks = -1
        self._rest_s = LONG_HAIR_REST_S if hurried else 0.0
        self._camera = camera
        self._plate: CleanPlate | None = None
        self._given: Plate | None = None
        self._hair_seen: Scene | None = None

    def reset(self) -> None:
        """A cut: nothing of before is true."""
        self._hair_seen = None
        if self._plate is not None:
            self._plate.forget()

    def learn(self, frame: Frame) -> None:
        """Takes in the background alone."""
        self._learn(frame, self._person_in(frame), self._hair_alone(frame), None)

    def read(self, frame: Frame, landmarks: NDArray[np.float32] | None) -> Scene | None:
        """What is in a picture, with the face (float32[478, 2] pixels) that wears the avatar.

        Without a face the answer is None, and only the plate learns.
        """
        person = self._person_in(frame)
        hair = None if landmarks is None else self._hair_in(frame, landmarks)
        self._learn(frame, person, hair, landmarks)
        if landmarks is None:
            return None
        hands = () if self._hands is None else self._hands(frame, landmarks, frame.captured_at)
        return Scene(
            at=frame.captured_at,
            size=frame.size,
            cell=cell_of(*frame.size),
            person=person,
            hair=hair,
            face=landmarks,
            hands=hands,
            plate=self._given or (None if self._plate is None else self._plate.plate()),
        )

    def give(self, plate: Plate | None) -> None:
        """A plate that is known already: `convert` looks through a film first."""
        self._given = plate

    def plate(self) -> Plate | None:
        """What was learned so far."""
        return None if self._plate is None else self._plate.plate()

    def take_plate(self) -> None:
        """Learns the background anew from here."""
        if self._plate is not None:
            self._plate.forget()

    def close(self) -> None:
        """Keeps the plate for the next start, when there is a camera to remember it by."""
        if self._plate is not None and self._camera is not None:
            self._plate.save(self._camera)

    def _person_in(self, frame: Frame) -> Mask:
        wide = frame.width >= WIDE * frame.height
        if wide not in self._person:
            self._person[wide] = PersonNetwork(self._paths[wide])
        found = self._person[wide].segment(frame.image, Rect(0, 0, *frame.size))
        return _on_grid(found, *frame.size)

    def _hair_in(self, frame: Frame, face: NDArray[np.float32]) -> Mask | None:
        if self._hair is None:
            return None
        seen = self._hair_seen
        age_s = np.inf if seen is None else frame.captured_at - seen.at
        if seen is not None and seen.size == frame.size and 0 <= age_s < self._rest_s:
            return carried(seen, face, frame.captured_at).hair
        hair = self._hair_alone(frame)
        assert hair is not None  # there is a network
        if self._hurried:
            long = hangs(hair, face[CHIN, 1] / cell_of(*frame.size))
            self._rest_s = LONG_HAIR_REST_S if long else SHORT_HAIR_REST_S
        self._hair_seen = Scene(
            frame.captured_at, frame.size, cell_of(*frame.size), hair, hair, face
        )
        return hair

    def _hair_alone(self, frame: Frame) -> Mask | None:
        if self._hair is None:
            return None
        return _on_grid(self._hair.segment(frame.image, Rect(0, 0, *frame.size)), *frame.size)

    def _learn(
        self,
        frame: Frame,
        person: Mask,
        hair: Mask | None,
        face: NDArray[np.float32] | None,
    ) -> None:
        if self._given is not None:
            return
        self._looks += 1
        if self._hurried and self._looks % LEARN_EVERY and self._plate is not None:
            return
        if self._plate is None or self._plate.size != frame.size:
            self._plate = CleanPlate(*frame.size)
            if self._camera is not None:
                self._plate.load(self._camera)
        self._plate.see(frame.image, busy(person, hair, face, cell_of(*frame.size)))


def hangs(hair: Mask, chin: float) -> bool:
    """Whether hair on the grid hangs below a chin, given in rows of the grid."""
    below = hair[max(round(chin), 0) :]
    return float(below.sum(dtype=np.int64)) > LONG_HAIR * max(float(hair.sum(dtype=np.int64)), 1.0)


def busy(person: Mask, hair: Mask | None, face: NDArray[np.float32] | None, cell: int) -> Mask:
    """Where somebody may be, on the grid: 0 or 255, with a margin."""
    some = person if hair is None else cv2.max(person, hair)
    some = np.where(some > SURE, np.uint8(255), np.uint8(0))
    width = 4 * cell if face is None else float(np.ptp(face[:, 0]))
    reach = max(2, round(BUSY_MARGIN * width / cell))
    return np.asarray(cv2.dilate(some, disc(reach)), np.uint8)


def disc(radius: int) -> NDArray[np.uint8]:
    """A round structuring element of so many cells."""
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _on_grid(mask: Mask, width: int, height: int) -> Mask:
    """A mask over the whole picture, on the grid."""
    cell, (columns, rows) = cell_of(width, height), grid_of(width, height)
    # The last cells may reach over the picture.
    sx, sy = mask.shape[1] * cell / width, mask.shape[0] * cell / height
    grid = np.array(((sx, 0, sx / 2 - 0.5), (0, sy, sy / 2 - 0.5)), np.float32)
    return np.asarray(
        cv2.warpAffine(
            mask,
            grid,
            (columns, rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )

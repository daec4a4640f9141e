"""Segments a frame: masks of person and hair, hands, and the clean plate behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.frame import Frame, Image, Rect
from livecam.core.observation import FaceBox
from livecam.core.overlap import ahead
from livecam.segmentation.base import Hand, Mask, PersonMask, Plate, Segmentation, cell_of, grid_of
from livecam.segmentation.hand_detector import HandDetector
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.plate import CleanPlate
from livecam.segmentation.warp import CHIN, warped
from livecam.vision.morphology import disc

log = logging.getLogger(__name__)

WIDE_ASPECT = 1.35  # width over height from which the landscape network resolves more
PLATE_INTERVAL = 3  # segmented frames per plate update while live: a background changes slowly
# Seconds between two runs of the hair network while live, as it costs ten times as much as the
# person network: hair that hangs below the chin swings, short hair moves with the head.
LONG_HAIR_INTERVAL_S, SHORT_HAIR_INTERVAL_S = 0.25, 0.5
LONG_HAIR = 0.15  # share of the hair below the chin
# The surroundings of a head that are not learned as background, in widths of its face.
HEAD_BESIDE, HEAD_ABOVE, HEAD_BELOW = 1.0, 1.2, 1.1
MIN_BRIGHTNESS, DARK_STEP = 20.0, 16  # mean of green, of 255; pixels between those that count
MIN_PERSON = 24  # of 255: from here on a cell may be person
OCCUPIED_MARGIN = 0.10  # of the face's width around a person, kept out of the plate


class Segmenter(Closing):
    """Runs the segmentation networks and learns the clean plate. One thread at a time.

    `hurried` runs the hair network and updates the plate less often: for live video. Only the
    person model is required; a stage whose model is missing is left out. The detector of hands is
    opened here and closed with the segmenter.

    Raises:
        TrackingError: a network cannot be used.
    """

    def __init__(
        self,
        person: Path,
        person_wide: Path,
        hair: Path | None,
        open_hands: Callable[[], HandDetector] | None = None,
        hurried: bool = True,
        camera: str | None = None,
    ) -> None:
        self._paths = {False: person, True: person_wide}
        self._person: dict[bool, PersonNetwork] = {}
        self._hair = HairNetwork(hair) if hair is not None else None
        self._hurried = hurried
        self._updates = -1
        self._hair_interval_s = LONG_HAIR_INTERVAL_S if hurried else 0.0
        self._camera = camera
        self._plate: CleanPlate | None = None
        self._fixed_plate: Plate | None = None
        self._last_hair: Segmentation | None = None
        self._size = (0, 0)  # of the last frame
        self._track_id: int | None = None  # of the last face
        self.newest_person: PersonMask | None = None  # replaced as a whole: any thread may read it
        # Opened last: no failure of this constructor leaves it open.
        self._hands = None if open_hands is None else open_hands()

    def reset(self) -> None:
        """Drops hair and plate, as at a cut."""
        self._last_hair = None
        self.reset_plate()

    def learn_plate(self, frames: Iterable[Frame]) -> None:
        """Learns the clean plate alone from some frames, over which another thread iterates."""
        with (
            ahead((frame, self._person_mask(frame)) for frame in frames) as with_person,
            ahead((*each, self._hair_mask(each[0])) for each in with_person) as masked,
        ):
            for frame, person, hair in masked:
                self._fit_to(frame.size)
                self._update_plate(frame, person, hair, None, ())

    def segment(
        self,
        frame: Frame,
        landmarks_px: NDArray[np.float32] | None,
        track_id: int | None = None,
        heads: Sequence[FaceBox] | None = (),
    ) -> Segmentation | None:
        """Segments a frame around the face (float32[478, 2] pixels) of a track.

        Without a face the result is None, and only the plate is updated. What lies at the
        `heads`, all that are known in the frame, is not learned as background; None: they are
        not known, and nothing is learned.
        """
        self._fit_to(frame.size)
        if landmarks_px is not None:
            self._turn_to(track_id)
        person = self._person_mask(frame)
        hair = None if landmarks_px is None else self._recent_hair(frame, landmarks_px)
        if heads is not None:
            self._update_plate(frame, person, hair, landmarks_px, heads)
        if landmarks_px is None:
            return None
        hands: tuple[Hand, ...] = ()
        if self._hands is not None:
            hands = self._hands.detect(frame, landmarks_px, frame.captured_at)
        return Segmentation(
            at=frame.captured_at,
            size=frame.size,
            cell=cell_of(*frame.size),
            person=person,
            hair=hair,
            landmarks_px=landmarks_px,
            hands=hands,
            plate=self._plate_of(frame),
            track_id=track_id,
        )

    def set_plate(self, plate: Plate | None) -> None:
        """Sets a plate learned elsewhere, as `convert` does for each shot; None: learns one."""
        self._fixed_plate = plate

    def plate(self) -> Plate | None:
        """The clean plate learned so far."""
        return None if self._plate is None else self._plate.plate()

    def reset_plate(self) -> None:
        """Drops the clean plate; it is learned anew."""
        if self._plate is not None:
            self._plate.reset()

    def close(self) -> None:
        """Releases the networks, and saves the plate if the camera has a name to file it under."""
        hands, self._hands = self._hands, None
        if hands is not None:
            hands.close()
        self._hair = None
        self._person.clear()
        self._save_plate()

    def _fit_to(self, size: tuple[int, int]) -> None:
        """Starts anew for frames of another size: hands, hair and plate lie in the old ones."""
        if size == self._size:
            return
        self._size = size
        self._save_plate()
        self._plate = self._last_hair = None
        if self._hands is not None:
            self._hands.reset()

    def _turn_to(self, track_id: int | None) -> None:
        """Drops what belongs to another face; after a cut the plate is compared at once."""
        if track_id == self._track_id:
            return
        self._track_id = track_id
        self._last_hair, self._updates = None, -1
        if self._hands is not None:
            self._hands.reset()

    def _save_plate(self) -> None:
        if self._plate is not None and self._camera is not None:
            self._plate.save(self._camera)

    def _plate_of(self, frame: Frame) -> Plate | None:
        """Returns the plate if it is one of frames of that size."""
        plate = self._fixed_plate or self.plate()
        fits = plate is not None and plate.known.shape == frame.image.shape[:2]
        return plate if fits else None

    def _person_mask(self, frame: Frame) -> Mask:
        wide = frame.width >= WIDE_ASPECT * frame.height
        if wide not in self._person:
            self._person[wide] = PersonNetwork(self._paths[wide])
        mask = self._person[wide].segment(frame.image, Rect(0, 0, *frame.size))
        on_grid = _on_grid(mask, *frame.size)
        self.newest_person = PersonMask(frame.captured_at, frame.size, on_grid)
        return on_grid

    def _recent_hair(self, frame: Frame, landmarks_px: NDArray[np.float32]) -> Mask | None:
        """Returns the hair mask: the last one warped while it is recent, else a new one."""
        if self._hair is None:
            return None
        last = self._last_hair
        age_s = np.inf if last is None else frame.captured_at - last.at
        if last is not None and last.size == frame.size and 0 <= age_s < self._hair_interval_s:
            return warped(last, landmarks_px, frame.captured_at).hair
        hair = self._hair_mask(frame)
        assert hair is not None  # there is a network
        cell = cell_of(*frame.size)
        if self._hurried:
            long = is_long_hair(hair, landmarks_px[CHIN, 1] / cell)
            self._hair_interval_s = LONG_HAIR_INTERVAL_S if long else SHORT_HAIR_INTERVAL_S
        self._last_hair = Segmentation(
            frame.captured_at, frame.size, cell, hair, hair, landmarks_px
        )
        return hair

    def _hair_mask(self, frame: Frame) -> Mask | None:
        if self._hair is None:
            return None
        return _on_grid(self._hair.segment(frame.image, Rect(0, 0, *frame.size)), *frame.size)

    def _update_plate(
        self,
        frame: Frame,
        person: Mask,
        hair: Mask | None,
        landmarks_px: NDArray[np.float32] | None,
        heads: Sequence[FaceBox],
    ) -> None:
        if self._fixed_plate is not None or is_dark(frame.image):
            return
        self._updates += 1
        if self._hurried and self._updates % PLATE_INTERVAL and self._plate is not None:
            return
        if self._plate is None:
            self._plate = CleanPlate(*frame.size)
            if self._camera is not None:
                self._plate.load(self._camera)
        occupied = occupied_cells(person, hair, landmarks_px, cell_of(*frame.size))
        mark_heads(occupied, heads, cell_of(*frame.size))
        self._plate.update(frame.image, occupied)


def is_dark(image: Image) -> bool:
    """Returns whether an image uint8[h, w, 4] is too dark to tell persons from background."""
    return float(image[::DARK_STEP, ::DARK_STEP, 1].mean()) < MIN_BRIGHTNESS


def mark_heads(occupied: Mask, heads: Sequence[FaceBox], cell: int) -> None:
    """Marks the cells of heads in place: the person network may have missed them."""
    for x, y, width in heads:
        low = np.array((x - HEAD_BESIDE * width, y - HEAD_ABOVE * width)) / cell
        high = np.array((x + HEAD_BESIDE * width, y + HEAD_BELOW * width)) / cell
        (left, top), (right, bottom) = np.floor(low).astype(int), np.ceil(high).astype(int)
        occupied[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 255


def is_long_hair(hair: Mask, chin: float) -> bool:
    """Returns whether hair on the grid hangs below a chin, given in rows of the grid."""
    below = hair[max(round(chin), 0) :]
    return float(below.sum(dtype=np.int64)) > LONG_HAIR * max(float(hair.sum(dtype=np.int64)), 1.0)


def occupied_cells(
    person: Mask, hair: Mask | None, landmarks_px: NDArray[np.float32] | None, cell: int
) -> Mask:
    """Cells of the grid that may show a person: 0 or 255, dilated by a margin."""
    either = person if hair is None else cv2.max(person, hair)
    foreground = np.where(either > MIN_PERSON, np.uint8(255), np.uint8(0))
    width = 4 * cell if landmarks_px is None else float(np.ptp(landmarks_px[:, 0]))
    radius = max(2, round(OCCUPIED_MARGIN * width / cell))
    return np.asarray(cv2.dilate(foreground, disc(radius)), np.uint8)


def _on_grid(mask: Mask, width: int, height: int) -> Mask:
    """Resamples a mask over the whole frame to the grid."""
    cell, (columns, rows) = cell_of(width, height), grid_of(width, height)
    # The last cells may extend beyond the frame.
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

"""Renders a film, and a map of the visible faces of each frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.closing import Closing
from livecam.core.frame import Frame, Image, Rect
from livecam.core.spaces import Matrix4, focal_px, unproject
from livecam.measure.picture_quality.films import noisy, synthetic_room
from livecam.measure.privacy_films.occluders import draw_hat, draw_occluder
from livecam.measure.privacy_films.persons import Person, Wardrobe
from livecam.measure.privacy_films.scenes import Actor, Panel, PrivacyFilm
from livecam.measure.truth.head import NECK_JOINT, Surface
from livecam.measure.truth.scenarios import rotations
from livecam.measure.truth.surface_renderer import SurfaceRenderer, backdrop
from livecam.render.context import Graphics

BLINK_EVERY_S, BLINK_S = 1.7, 0.2
FRAME_OF_PANEL = (34, 30, 28)
POSTER_LIGHT = 0.92  # paper and screens are a little duller than faces


@dataclass(frozen=True, slots=True)
class TrueFace:
    """A face of one frame that is not hidden altogether."""

    label: int  # in the map of the frame
    is_poster: bool
    whole_px: float  # area of the whole face from the front at that distance
    visible_px: int


@dataclass(frozen=True, slots=True)
class TrueFrame:
    """A frame and where its real faces are visible."""

    frame: Frame
    labels: Image  # uint8[h, w]: 0, or the label of the face
    faces: tuple[TrueFace, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An actor at one time."""

    actor: Actor
    person: Person
    body: Matrix4
    head: Matrix4
    distance_m: float
    blink: float
    jaw: float
    label: int
    is_poster: bool = False

    def surface(self, texture: Image) -> Surface:
        return self.person.surface(self.blink, self.jaw, texture)


class FilmRenderer(Closing):
    """Renders films of one size. Thread of the context."""

    def __init__(self, graphics: Graphics, wardrobe: Wardrobe, size: tuple[int, int]) -> None:
        self.size = size
        self._wardrobe = wardrobe
        self._renderer = SurfaceRenderer(graphics, *size)
        self._rooms: dict[int, Surface] = {}
        self._black = backdrop(np.zeros((2, 2, 3), np.uint8), *size)
        self._white = backdrop(np.full((2, 2, 3), 255, np.uint8), *size)

    def close(self) -> None:
        self._renderer.close()

    def film(self, film: PrivacyFilm) -> Iterator[TrueFrame]:
        """Yields the frames; the same in every run."""
        seed = zlib.crc32(film.name.encode())
        for index in range(film.frames):
            at = index / film.fps
            image, labels, placed = self._drawn(film, at)
            light = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5), np.float32)
            image = noisy(light * np.float32(film.brightness), film.noise, seed + index)
            image, labels = _shifted(image, labels, film, at)
            faces = tuple(face for each in placed if (face := self._face(each, labels)) is not None)
            yield TrueFrame(Frame(image, index, at), labels, faces)

    def _drawn(self, film: PrivacyFilm, at: float) -> tuple[Image, Image, list[_Placed]]:
        room = self._room(film.room + (100 if at >= film.cut_s else 0))
        present = [actor for actor in film.actors if actor.from_s <= at < actor.to_s]
        placed = [self._placed(actor, at, i + 1) for i, actor in enumerate(present)]
        placed.sort(key=lambda each: -each.distance_m)
        image, labels = self._drawn_people(room, placed)
        if film.panels:
            cover = self._silhouettes(placed)
        for number, panel in enumerate(film.panels):
            inside = self._placed(
                panel.actor, 0.0 if panel.is_poster else at, len(film.actors) + number + 1,
                panel.is_poster,
            )  # fmt: skip
            self._hang(image, labels, panel, inside, cover)
            placed.append(inside)
        for each in placed:
            if each.actor.hat:
                draw_hat(image, labels, each.head)
        for occluder in film.occluders:
            draw_occluder(image, labels, occluder, at)
        return image, labels, placed

    def _drawn_people(self, room: Surface, placed: Sequence[_Placed]) -> tuple[Image, Image]:
        all_placed = [
            (each.person.body, each.surface(each.person.texture), (each.body, each.head))
            for each in placed
        ]
        image = self._renderer.draw_several(room, all_placed).copy()
        labels = np.zeros(image.shape[:2], np.uint8)
        for each in placed:
            maps = [
                (
                    other.person.body_map,
                    other.surface(other.person.face_map if other is each else other.person.black),
                    (other.body, other.head),
                )
                for other in placed
            ]
            labels[self._renderer.draw_several(self._black, maps)[..., 0] > 127] = each.label
        return image, labels

    def _silhouettes(self, placed: Sequence[_Placed]) -> NDArray[np.float32]:
        """Returns the share of people in each pixel, float32[h, w, 1]."""
        dark = [
            (each.person.body_map, each.surface(each.person.black), (each.body, each.head))
            for each in placed
        ]
        room = self._renderer.draw_several(self._white, dark)[..., :1].astype(np.float32)
        return np.asarray(1 - room / 255, np.float32)

    def _hang(
        self,
        image: Image,
        labels: Image,
        panel: Panel,
        inside: _Placed,
        cover: NDArray[np.float32],
    ) -> None:
        """Draws a panel behind the people."""
        width, height = self.size
        left, top, right, bottom = panel.box
        box = Rect(
            round(left * width), round(top * height), round(right * width), round(bottom * height)
        )
        behind = self._room(77) if panel.colour is None else self._plain(panel.colour)
        picture, found = self._drawn_people(behind, [inside])
        framed = box.grown(max(2, width // 160)).clipped(width, height)
        content = np.empty_like(image)
        content[:] = FRAME_OF_PANEL
        content[box.slices] = picture[box.slices] * POSTER_LIGHT
        hidden = cover[framed.slices]
        mixed = content[framed.slices] * (1 - hidden) + image[framed.slices] * hidden
        image[framed.slices] = np.rint(mixed)
        free = np.zeros(labels.shape, bool)
        free[box.slices] = cover[box.slices][..., 0] < 0.5
        labels[free & (found > 0)] = inside.label

    def _placed(self, actor: Actor, at: float, label: int, is_poster: bool = False) -> _Placed:
        width, height = self.size
        focal = focal_px(height)
        face_m, _ = self._wardrobe.face_size_m
        distance = face_m * focal / (actor.size(at) * width)
        pixel = np.array(((actor.x(at) * width, actor.y(at) * height),))
        (place,) = unproject(pixel, np.array((distance,)), width, height)
        body, turn = np.eye(4), np.eye(4)
        body[:3, :3] = rotations(np.array(((0.0, 0.0, actor.tilt(at)),)))[0]
        body[:3, 3] = place
        angles = np.array(((actor.yaw(at), actor.pitch(at), actor.roll(at)),))
        turn[:3, :3] = rotations(angles)[0]
        turn[:3, 3] = NECK_JOINT - turn[:3, :3] @ NECK_JOINT
        person = self._wardrobe.person(actor.variant, actor.wear)
        blink = _blink(at + 0.37 * label) if actor.blinks and not is_poster else 0.0
        return _Placed(
            actor, person, body, body @ turn, distance, blink, actor.jaw(at), label, is_poster
        )

    def _face(self, placed: _Placed, labels: Image) -> TrueFace | None:
        visible = int(np.count_nonzero(labels == placed.label))
        if not visible:
            return None
        scale = focal_px(self.size[1]) / placed.distance_m
        width, height = (side * scale for side in self._wardrobe.face_size_m)
        whole = np.pi / 4 * width * height
        return TrueFace(placed.label, placed.is_poster, whole, visible)

    def _room(self, seed: int) -> Surface:
        if seed not in self._rooms:
            room = np.ascontiguousarray(synthetic_room(*self.size, seed)[..., :3])
            self._rooms[seed] = backdrop(room, *self.size)
        return self._rooms[seed]

    def _plain(self, colour: tuple[int, int, int]) -> Surface:
        key = -1 - (colour[0] << 16 | colour[1] << 8 | colour[2])
        if key not in self._rooms:
            self._rooms[key] = backdrop(np.full((2, 2, 3), colour, np.uint8), *self.size)
        return self._rooms[key]


def _blink(t: float) -> float:
    since = t % BLINK_EVERY_S
    return float(np.sin(np.pi * min(since / BLINK_S, 1.0)))


def _shifted(image: Image, labels: Image, film: PrivacyFilm, at: float) -> tuple[Image, Image]:
    """Moves a frame as a bump of the camera does."""
    x, y = (curve(at) * film.size[0] for curve in film.shift)
    if not x and not y:
        return image, labels
    move = np.array(((1, 0, x), (0, 1, y)))
    moved = cv2.warpAffine(image, move, film.size, borderMode=cv2.BORDER_REPLICATE)
    map_moved = cv2.warpAffine(labels, move, film.size, flags=cv2.INTER_NEAREST)
    return np.asarray(moved, np.uint8), np.asarray(map_moved, np.uint8)

"""Measures how well a head sits in its picture: what of the real hair and face still shows, what
changed that should not have, how true the filled background is, and whether anything boils.

A film is played once through the usual parts, as `live` or `convert` would; meters look at each
finished picture and say numbers. What shows through is asked of the compositor itself: it draws
the same scene over noise and over the opposite noise, and where the two pictures differ, what
lies behind can be seen.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.avatar.base import Avatar, AvatarState
from livecam.compose.base import Layers
from livecam.compose.compositor import HeadCompositor, underpaint_rect
from livecam.compose.covers import paint_out
from livecam.compose.grid import upsampled
from livecam.compose.person_parts import CHIN
from livecam.compose.stages import CompositingStages
from livecam.config.settings import Settings
from livecam.core.closing import Closing
from livecam.core.face import Face, FaceState
from livecam.core.frame import Frame, Image, Rect
from livecam.core.timing import StageTimer
from livecam.filtering.smoother import Smoother
from livecam.measure.leak import oval_of, see_through
from livecam.people.tracker import PeopleTracker, primary_track
from livecam.pipeline.cast import Wearer
from livecam.pipeline.composition import Composite, Composition
from livecam.pipeline.driver import AvatarDriver
from livecam.render.context import Graphics
from livecam.render.light import STUDIO, Light
from livecam.segmentation.base import Segmentation
from livecam.segmentation.networks import HairNetwork, PersonNetwork
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.warp import warped
from livecam.tracking.base import Tracker
from livecam.vision.morphology import disc

Mask = NDArray[np.bool_]  # bool[h, w]
Grey = NDArray[np.uint8]  # uint8[h, w]
Points = NDArray[np.float32]  # float32[478, 2], pixels
Film = Callable[[], Iterable[Frame]]  # begins anew with every call
Mode = Literal["live", "convert"]

LATE_S = 0.1  # from a look to its result, while live
SOON_S = 1e-3  # times of pictures are rounded
HALF = 128
SHOWS = 5  # levels of 255: less cannot be told from rounding
SEEN = 0.2  # of what lies behind: the eye finds a strand that shows so much
HAIR_NEAR = 0.5  # face widths round the face: hair that begins farther off is somebody else's
KNOWN_MARGIN_PX = 8  # nearer to its edge, what is known fades into a guess
SEAM_PX = 2  # a seam is a step between two pixels so far on either side of a border


# --- a film, played as `livecam run` or `livecam convert` would


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture and all that its composite is made of."""

    frame: Frame
    state: AvatarState
    scene: Segmentation | None
    face: FaceState
    seen: Face  # as the tracker saw it, not steadied


class LiveLooks:
    """Reads scenes as a live line gets them: now and then, late, and carried on. One thread."""

    def __init__(self, reader: Segmenter, looks_per_s: float, late_s: float = LATE_S) -> None:
        self._reader = reader
        self._every_s = 1 / looks_per_s
        self._late_s = late_s
        self._next_at = -np.inf
        self._due: deque[tuple[float, Segmentation]] = deque()
        self._newest: Segmentation | None = None

    def look(self, frame: Frame, face: Face | None, points: Points | None) -> Segmentation | None:
        now = frame.captured_at + SOON_S
        if now >= self._next_at:
            self._next_at = now + self._every_s - SOON_S
            seen = self._reader.segment(
                frame, None if face is None else face.points_px(*frame.size)
            )
            if seen is not None:
                self._due.append((frame.captured_at + self._late_s, seen))
        while self._due and self._due[0][0] <= now:
            self._newest = self._due.popleft()[1]
        if self._newest is None or points is None:
            return None
        return warped(self._newest, points, frame.captured_at)


class FilmLooks:
    """Reads the scene of every picture, over a background that was learned before. One thread."""

    def __init__(self, reader: Segmenter, film: Film) -> None:
        for frame in film():
            reader.learn_plate(frame)
        plate = reader.plate()
        reader.reset()
        reader.set_plate(plate)
        self._reader = reader

    def look(self, frame: Frame, face: Face | None, points: Points | None) -> Segmentation | None:
        return None if points is None else self._reader.segment(frame, points)


class Looks(Protocol):
    """Says what is in a picture, given the face in it as seen and as steadied."""

    def look(
        self, frame: Frame, face: Face | None, points: Points | None
    ) -> Segmentation | None: ...


def moments(
    film: Film, avatar: Avatar, settings: Settings, tracker: Tracker, looks: Looks
) -> Iterator[Moment]:
    """Every picture of a film in which somebody wears the avatar.

    Raises:
        TrackingError: a network failed.
    """
    people = PeopleTracker()
    wearer = Wearer(AvatarDriver(0, avatar, settings.avatar), Smoother(settings.smoothing))
    for frame in film():
        track = primary_track(people.update(tracker.track(frame)))
        wearer.update(track, frame)
        seen, face = None if track is None else track.face, wearer.face
        points = None if face is None else face.points_px(*frame.size)
        scene = looks.look(frame, seen, points)
        if face is None or seen is None:
            continue
        state = wearer.driver.drive(face, frame)
        yield Moment(frame, state, scene, face, seen)


class Easel(Protocol):
    """Draws moments in their order, and shows what it did for the last one."""

    @property
    def layers(self) -> Layers: ...

    @property
    def drawn(self) -> Rect: ...

    def draw(self, moment: Moment) -> Image:
        """The finished picture."""
        ...

    def again(self, moment: Moment, image: Image) -> Image:
        """The last moment with another image in its place, all else being the same: the memory
        of earlier pictures, the light, the grain. It leaves no trace."""
        ...


class WatchedCompositor(Closing):
    """The usual compositor on an easel. On the thread that owns the GL context."""

    def __init__(self, graphics: Graphics, avatar: Avatar, settings: Settings) -> None:
        timer = StageTimer()
        self._stages = _Watched(avatar, settings.picture, settings.effects, timer)

        def make(avatar: Avatar, width: int, height: int) -> HeadCompositor:
            return HeadCompositor(
                graphics, avatar, settings.render, (width, height), timer, self._stages
            )

        self._composition = Composition(make, (avatar,), timer)
        self._before: dict[str, object] = {}  # what the stages knew before the last moment
        self.drawn = Rect(0, 0, 0, 0)

    @property
    def layers(self) -> Layers:
        return self._stages.layers

    def draw(self, moment: Moment) -> Image:
        self._before = self._stages.memory()
        composite = self._composed(moment, moment.frame)
        self.drawn = composite.box
        return composite.frame.image

    def again(self, moment: Moment, image: Image) -> Image:
        stages, layers = self._stages, self._stages.layers
        now, stages.given_light = stages.memory(), stages.seen_light
        stages.remember(self._before)
        picture = self._composed(moment, replace(moment.frame, image=image)).frame.image
        stages.remember(now)
        stages.layers, stages.given_light = layers, None
        return picture

    def close(self) -> None:
        self._composition.close()

    def _composed(self, moment: Moment, frame: Frame) -> Composite:
        return self._composition.compose(frame, (moment.state,), moment.scene)


class _Watched(CompositingStages):
    """The usual stages; their layers can be looked at and their memory be turned back."""

    layers: Layers
    seen_light: Light = STUDIO
    given_light: Light | None = None
    _own = ("layers", "seen_light", "given_light")

    @property
    def needs_coverage(self) -> bool:
        return True

    def begin(
        self, frame: Frame, avatars: Sequence[AvatarState], scene: Segmentation | None
    ) -> Layers:
        self.layers = super().begin(frame, avatars, scene)
        return self.layers

    def light(self, layers: Layers) -> Light:
        seen = super().light(layers)
        if self.given_light is not None:
            return self.given_light
        self.seen_light = seen
        return seen

    def memory(self) -> dict[str, object]:
        """All that is remembered of earlier pictures, as a copy."""
        parts = {name: part for name, part in vars(self).items() if name not in self._own}
        fixed = (self._timer, self._projections, self._picture)
        return copy.deepcopy(parts, {id(part): part for part in fixed})

    def remember(self, memory: dict[str, object]) -> None:
        """Takes a memory in; the one given stays as it is."""
        fixed = (self._timer, self._projections, self._picture)
        vars(self).update(copy.deepcopy(memory, {id(part): part for part in fixed}))


# --- meters


@dataclass(frozen=True, slots=True)
class Finding:
    """What a meter says about one picture."""

    values: Mapping[str, float]
    marked: Mask | None = None  # where it is wrong


class Meter(Protocol):
    """Looks at every picture of a film in order; None where it has nothing to say."""

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None: ...


class HairMeter:
    """Real hair that still shows beside the head, in percent of all real hair.

    `differs` counts pixels in which it shows at all, `seen` those in which at least `SEEN` of it
    shows, `weight` adds up how much.
    """

    def __init__(self, network: HairNetwork) -> None:
        self._network = network

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        hair = hair_of(moment, self._network)
        area = float(hair.sum())
        if not area:
            return None
        shown = shows_through(easel, moment, hair)
        shown[easel.layers.coverage >= HALF] = 0
        seen = shown > SEEN * 255
        values = {
            "differs %": 100 * float((shown > SHOWS).sum()) / area,
            "seen %": 100 * float(seen.sum()) / area,
            "weight %": 100 * float(shown.sum(dtype=np.float64)) / 255 / area,
        }
        return Finding(values, seen)


class LeakMeter:
    """The face that still shows, in percent of its oval."""

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        oval = oval_of(moment.seen, *moment.frame.size)
        if not oval.any():
            return None

        def draw(painted: Frame) -> Frame:
            return replace(painted, image=easel.again(moment, painted.image))

        shows = see_through(draw, moment.frame, oval)
        return Finding({"leak %": 100 * float(shows[oval].mean())}, shows)


class ClothMeter:
    """Clothes that became background, in percent of those that could be seen beside the head.

    What is person, no hair and lies below the chin counts as clothes; edges are left out.
    """

    def __init__(self, person: PersonNetwork, hair: HairNetwork) -> None:
        self._person, self._hair = person, hair

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        cloth = self._cloth(moment) & (easel.layers.coverage < SHOWS)
        area = float(cloth.sum())
        if not area:
            return None
        lost = cloth & (easel.layers.filled > SEEN * 255)
        return Finding({"lost %": 100 * float(lost.sum()) / area}, lost)

    def _cloth(self, moment: Moment) -> Mask:
        frame = moment.frame
        whole, reach = Rect(0, 0, *frame.size), max(2, max(frame.size) // 100)
        person, hair = (
            np.asarray(cv2.resize(network.segment(frame.image, whole), frame.size), np.uint8)
            for network in (self._person, self._hair)
        )
        cloth: Mask = (cv2.erode(person, disc(reach)) > 200) & (cv2.dilate(hair, disc(reach)) < 60)
        chin = float(moment.seen.points_px(*frame.size)[CHIN, 1])
        cloth[: max(0, round(chin))] = False
        return cloth


class SpillMeter:
    """Pixels that changed and should not have: outside of all that was made, drawn or shaded."""

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        changed = (picture != moment.frame.image).any(axis=2)
        spilled = changed & ~allowed(moment, easel.layers)
        outside = changed.copy()
        outside[easel.drawn.clipped(*moment.frame.size).slices] = False
        values = {"spill px": float(spilled.sum()), "outside drawn px": float(outside.sum())}
        return Finding(values, spilled | outside)


class FillMeter:
    """How true the filled background is, in decibels against a plate that is known.

    `seam` is the step across the border of what was filled, over the step that is there in truth;
    `known %` the share of the filling that the learned plate knows.
    """

    def __init__(self, truth: Image) -> None:
        self._truth = truth

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        layers, scene = easel.layers, moment.scene
        if layers.parts is None or scene is None:
            return None
        whole = Rect(0, 0, *moment.frame.size)
        fill = upsampled(layers.parts.remove, scene.cell, whole)
        # Where the head's edge is soft, the picture is not the filling's alone.
        head = cv2.dilate(layers.coverage, disc(2)) > 0
        filled = (fill > HALF) & ~head
        if not filled.any():
            return None
        values = {"PSNR dB": psnr(picture, self._truth, filled)}
        known = _known_of(scene, filled)
        values["known %"] = 100 * float(known[filled].mean())
        for name, part in (("PSNR known", filled & known), ("PSNR guessed", filled & ~known)):
            if part.sum() > 50:
                values[name] = psnr(picture, self._truth, part)
        seam = seam_of(picture, self._truth, fill, ~head & ~_body_of(layers, scene, whole))
        if seam is not None:
            values["seam"] = seam
        return Finding(values, filled & (_error(picture, self._truth) > 30))


class FlickerMeter:
    """How much the composite changes from picture to picture, over what the source's own
    background does: its noise."""

    def __init__(self) -> None:
        self._before: tuple[Image, Image] | None = None

    def see(self, moment: Moment, picture: Image, easel: Easel) -> Finding | None:
        before, self._before = self._before, (moment.frame.image, picture)
        layers, scene = easel.layers, moment.scene
        if before is None or scene is None:
            return None
        head, made = layers.coverage >= HALF, layers.synthetic >= HALF
        person = upsampled(scene.person, scene.cell, Rect(0, 0, *moment.frame.size))
        still = (cv2.dilate(np.maximum(person, layers.synthetic), disc(8)) < 20) & ~head
        noise = change(before[0], moment.frame.image, still)
        if noise is None or noise < 1e-3:
            return None
        parts = {"composite": head | made, "head": head, "fill": (layers.filled >= HALF) & ~head}
        changes = {n: change(before[1], picture, mask) for n, mask in parts.items()}
        return Finding({n: c / noise for n, c in changes.items() if c is not None})


# --- what the meters measure with


def shows_through(easel: Easel, moment: Moment, where: Mask) -> Grey:
    """How much of what lies there shows in the finished picture, 0..255; 0 elsewhere."""
    noise = balanced_noise(*where.shape)
    pictures = []
    for paint in (noise, 255 - noise):
        image = moment.frame.image.copy()
        image[where, :3] = paint[where]
        pictures.append(easel.again(moment, image)[..., :3])
    difference = cv2.absdiff(*pictures).max(axis=2)
    return np.asarray(np.where(where, difference, 0), np.uint8)


@lru_cache(maxsize=2)
def balanced_noise(height: int, width: int) -> NDArray[np.uint8]:
    """uint8[h, w, 3], 0 or 255, read-only: each block of 2 x 2 holds two of each.

    Its mean over anything larger is grey, as is its opposite's: whatever looks at colours of
    whole regions finds the same in both.
    """
    blocks = np.random.default_rng(0).random(((height + 1) // 2, (width + 1) // 2, 3, 4))
    bright = blocks.argsort(axis=-1) < 2
    rows, columns = bright.shape[:2]
    pixels = bright.reshape(rows, columns, 3, 2, 2).transpose(0, 3, 1, 4, 2)
    noise = np.where(pixels, np.uint8(255), np.uint8(0)).reshape(2 * rows, 2 * columns, 3)
    noise = np.ascontiguousarray(noise[:height, :width])
    noise.flags.writeable = False
    return noise


def hair_of(moment: Moment, network: HairNetwork) -> Mask:
    """The real hair of the one who wears the avatar."""
    frame = moment.frame
    found = network.segment(frame.image, Rect(0, 0, *frame.size))
    hair = cv2.resize(found, frame.size, interpolation=cv2.INTER_LINEAR) >= HALF
    oval = oval_of(moment.seen, *frame.size).astype(np.uint8)
    box = cv2.boundingRect(oval)
    reach = max(1, round(HAIR_NEAR * box[2]))
    near = np.zeros(hair.shape, bool)
    near[Rect(box[0], box[1], box[0] + box[2], box[1] + box[3]).grown(reach).clipped(
        *frame.size
    ).slices] = True  # fmt: skip
    count, labels = cv2.connectedComponents(hair.astype(np.uint8))
    mine = np.bincount(labels[near & hair], minlength=count) > 0
    mine[0] = False
    own: Mask = mine[labels]
    return own


def allowed(moment: Moment, layers: Layers) -> Mask:
    """Where a picture may change: head, painted face, filling, neck, and the body in shadow."""
    may: Mask = (layers.coverage > 0) | (layers.synthetic > 0)
    if moment.state.face_px is not None:
        painted = np.zeros((*may.shape, 4), np.uint8)
        paint_out(painted, moment.state.face_px, (1, 1, 1))
        may |= painted[..., 0] > 0
    whole = Rect(0, 0, *moment.frame.size)
    if layers.parts is not None and layers.segmentation is not None:
        may |= _body_of(layers, layers.segmentation, whole)
    else:  # nobody knows the body: all below the face may be shaded
        outline = moment.state.face_px
        top = 0 if outline is None else underpaint_rect(outline).y0
        may[max(0, top) :] = True
    return may


def _body_of(layers: Layers, scene: Segmentation, whole: Rect) -> Mask:
    """Cells of the body, and those beside them that its shadow's coarser grid reaches."""
    assert layers.parts is not None  # asked by the callers
    reached = np.asarray(cv2.dilate(layers.parts.body, disc(3)), np.uint8)
    body: Mask = upsampled(reached, scene.cell, whole) > 0
    return body


def _known_of(scene: Segmentation, filled: Mask) -> Mask:
    """Where the plate is known, and far enough from where it is not to be laid in alone."""
    if scene.plate is None:
        return np.zeros_like(filled)
    known: Mask = cv2.erode(scene.plate.known, disc(KNOWN_MARGIN_PX)) > 0
    return known


def psnr(picture: Image, truth: Image, where: Mask) -> float:
    """Peak signal over noise in decibels, all colours together; at most 99."""
    error = picture[where, :3].astype(np.float64) - truth[where, :3]
    mean = float((error * error).mean())
    return min(99.0, 10 * float(np.log10(255**2 / max(mean, 1e-9))))


def _error(picture: Image, truth: Image) -> Grey:
    return np.asarray(cv2.absdiff(picture[..., :3], truth[..., :3]).max(axis=2), np.uint8)


def seam_of(picture: Image, truth: Image, fill: Grey, background: Mask) -> float | None:
    """The mean step of luma across the border of `fill`, over the true one.

    Only where both sides of the border are background; None where that is hardly anywhere.
    """
    soft = cv2.GaussianBlur(fill.astype(np.float32), (0, 0), 2)
    along = np.dstack((cv2.Sobel(soft, -1, 1, 0), cv2.Sobel(soft, -1, 0, 1)))
    inside = (fill >= HALF).astype(np.uint8)
    border = (inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)
    rows, columns = np.nonzero(border & (np.hypot(along[..., 0], along[..., 1]) > 1))
    normal = along[rows, columns] / np.linalg.norm(along[rows, columns], axis=1, keepdims=True)
    sides = []
    for way in (SEAM_PX, -SEAM_PX):
        x = np.rint(columns + way * normal[:, 0]).astype(np.int64)
        y = np.rint(rows + way * normal[:, 1]).astype(np.int64)
        sides.append((np.clip(y, 0, fill.shape[0] - 1), np.clip(x, 0, fill.shape[1] - 1)))
    good = background[sides[0]] & background[sides[1]]
    if good.sum() < 50:
        return None
    steps = [float(np.abs(luma[sides[0]] - luma[sides[1]])[good].mean()) for luma in (
        _calm_luma(picture), _calm_luma(truth)
    )]  # fmt: skip
    return steps[0] / max(steps[1], 0.5)


def _calm_luma(image: Image) -> NDArray[np.float32]:
    """float32[h, w] without the camera's noise."""
    grey = cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.2), np.float32)


def change(before: Image, after: Image, where: Mask) -> float | None:
    """The mean absolute difference there, in levels; None where there is nothing."""
    if where.sum() < 50:
        return None
    difference = cv2.absdiff(before[..., :3], after[..., :3])
    return float(difference[where].mean())


# --- films whose truth is known


@dataclass(frozen=True, slots=True)
class CutOut:
    """A person without a background: uint8[h, w, 4], straight alpha."""

    image: Image


def cut_out(image: Image, person: Grey) -> CutOut:
    """The person of a picture uint8[h, w, 4]; `person` uint8[h, w] says where.

    A little is taken off the edge: the old background must not come along.
    """
    reach = max(1, round(0.006 * max(image.shape[:2])))
    inner = cv2.erode((person > 150).astype(np.uint8) * np.uint8(255), disc(reach))
    out = image.copy()
    out[..., 3] = cv2.GaussianBlur(inner, (0, 0), 1.0)
    return CutOut(out)


@dataclass(frozen=True, slots=True)
class Wander:
    """A film of a cut-out that moves sideways and back before a known background.

    Calling it begins it anew; the noise of a picture depends on its number alone.
    """

    person: CutOut
    background: Image  # uint8[h, w, 4]
    frames: int = 240
    fps: float = 30.0
    way_px: float = 120.0  # to either side
    period_s: float = 4.0
    noise: float = 2.0  # standard deviation, levels
    top_px: int = 0  # of the person's picture above that of the background

    def __call__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            yield Frame(self._image(index), index, index / self.fps)

    def _image(self, index: int) -> Image:
        height, width = self.background.shape[:2]
        person = self.person.image
        turn = 2 * np.pi * index / self.fps / self.period_s
        x = (width - person.shape[1]) / 2 + self.way_px * np.sin(turn)
        move = np.array(((1, 0, x), (0, 1, height - person.shape[0] + self.top_px)), np.float32)
        straight = cv2.warpAffine(
            person, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        alpha = cv2.warpAffine(person[..., 3], move, (width, height), flags=cv2.INTER_LINEAR)
        share = (alpha.astype(np.float32) / 255)[..., None]
        mixed = self.background[..., :3] * (1 - share) + straight[..., :3] * share
        return noisy(mixed.astype(np.float32), self.noise, index)


@dataclass(frozen=True, slots=True)
class Still:
    """A film of one picture repeated, with fresh noise."""

    image: Image  # uint8[h, w, 4]
    frames: int = 120
    fps: float = 30.0
    noise: float = 2.0

    def __call__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            image = noisy(self.image[..., :3].astype(np.float32), self.noise, index)
            yield Frame(image, index, index / self.fps)


def noisy(colours: NDArray[np.float32], deviation: float, seed: int) -> Image:
    """uint8[h, w, 4] of colours float32[h, w, 3], with a camera's noise."""
    noise = np.random.default_rng(seed).standard_normal(colours.shape, np.float32) * deviation
    out = np.full((*colours.shape[:2], 4), 255, np.uint8)
    out[..., :3] = np.rint(np.clip(colours + noise, 0, 255))
    return out


def study(width: int, height: int, seed: int = 5) -> Image:
    """A made-up room, uint8[h, w, 4]: a wall with a lamp's light, a shelf of books, a window."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wall = np.empty((height, width, 3), np.float32)
    light = np.exp(-(((x / width - 0.3) / 0.5) ** 2 + ((y / height - 0.2) / 0.6) ** 2))
    wall[:] = (150, 140, 125)
    wall += light[..., None] * np.array((70, 60, 40), np.float32)
    for sigma, strength in ((1.5, 5), (6, 6), (25, 10)):
        grain = cv2.GaussianBlur(random.normal(0, 1, (height, width)), (0, 0), sigma)
        wall += (grain / grain.std() * strength)[..., None].astype(np.float32)
    room = np.ascontiguousarray(np.clip(wall, 0, 255).astype(np.uint8))
    _books(room, random)
    glass = Rect(round(0.72 * width), round(0.08 * height), round(0.95 * width), height // 2)
    sky = np.linspace(235, 170, glass.height)[:, None, None] * np.array((0.85, 0.95, 1.0))
    room[glass.slices] = np.clip(sky, 0, 255).astype(np.uint8)
    cv2.rectangle(room, (glass.x0, glass.y0), (glass.x1, glass.y1), (90, 70, 55), 5)
    cv2.line(room, (glass.x0, height // 4), (glass.x1, height // 4), (90, 70, 55), 3)
    soft = cv2.GaussianBlur(room, (0, 0), 0.8)
    return np.dstack((soft, np.full((height, width), 255, np.uint8)))


def _books(room: NDArray[np.uint8], random: np.random.Generator) -> None:
    height, width = room.shape[:2]
    thick = max(3, width // 70)
    for shelf in (0.32, 0.62, 0.92):
        bottom = round(shelf * height)
        x = round(0.04 * width)
        while x < 0.62 * width:
            wide = int(random.integers(thick // 2 + 1, 2 * thick))
            tall = int(random.integers(round(0.12 * height), round(0.22 * height)))
            colour = tuple(int(c) for c in random.integers(30, 210, 3))
            cv2.rectangle(room, (x, bottom - tall), (x + wide - 2, bottom), colour, -1)
            x += wide
        cv2.rectangle(
            room, (0, bottom), (round(0.66 * width), bottom + thick // 2), (95, 65, 40), -1
        )


# --- many findings


@dataclass(slots=True)
class Row:
    """One number over a whole film."""

    values: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def add(self, value: float, frame: int) -> None:
        self.values.append(value)
        self.frames.append(frame)

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    def worst(self, low: bool) -> tuple[float, int]:
        """The lowest or the highest value and its frame."""
        at = int(np.argmin(self.values) if low else np.argmax(self.values))
        return self.values[at], self.frames[at]

"""Draws stickers on the face: they follow it, turn with it, and fade when it turns away.

A sticker is a folder with `sticker.toml` and its images:

    title = "Cat"
    title_zh = "小猫"

    [[part]]
    picture = "ear.png"       # RGBA, straight
    anchor = [10]             # landmarks of MediaPipe's face; their mean
    size = 1.2                # width in eye distances (one is about 6.3 cm)
    offset = [-0.7, -0.6, 0]  # from there to the image's centre: right, down, out of the face
    side = -20                # degrees by which it faces to the side; turned away, it fades
    lean = 10                 # degrees it is turned clockwise
    bend = 1.3                # radius of the upright cylinder it is bent around; 0 is flat
    mirror = true             # flipped left to right
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from livecam.compose.base import Layers
from livecam.compose.effects import geometry
from livecam.compose.effects.geometry import FaceAxes
from livecam.config.description import read_description_file
from livecam.config.paths import shipped_folder
from livecam.config.settings import EffectSettings
from livecam.core.errors import ConfigError, SourceError
from livecam.core.frame import Image, Rect
from livecam.core.language import to_translate, tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import shown
from livecam.media.images import read_image_with_alpha
from livecam.vision.transforms import Points2

DESCRIPTION = "sticker.toml"
VIEW_DISTANCE = 10.0  # of the camera, eye distances: for the perspective of flat images
HIDDEN_AT, OPAQUE_AT = 0.10, 0.34  # cosine between a part and the camera
MIN_WIDTH_PX = 2.0  # narrower parts are not drawn
MAX_SIDE_PX = 2048
RIM = 0.04  # of a bent part's radius: it fades out where it turns out of sight

EyeDistances = Annotated[float, Field(ge=-100, le=100)]
Landmark = Annotated[int, Field(ge=0, lt=geometry.LANDMARKS)]


class PartDescription(BaseModel):
    """A `[[part]]` of a sticker.toml; the keys are described at the top of the module."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str
    anchor: Annotated[tuple[Landmark, ...], Field(min_length=1)]
    size: Annotated[float, Field(gt=0, le=10)]
    offset: tuple[EyeDistances, EyeDistances, EyeDistances] = (0.0, 0.0, 0.0)
    side: Annotated[float, Field(ge=-180, le=180)] = 0.0
    lean: Annotated[float, Field(ge=-360, le=360)] = 0.0
    bend: Annotated[float, Field(ge=0, le=100)] = 0.0
    mirror: bool = False


class StickerDescription(BaseModel):
    """A whole sticker.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    title_zh: str = ""
    part: Annotated[tuple[PartDescription, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class StickerPart:
    """One image of a sticker, loaded."""

    description: PartDescription
    mipmaps: tuple[Image, ...]  # uint8[h, w, 4], premultiplied; each half as large as the last

    @property
    def axes(self) -> NDArray[np.float64]:
        """The image's right, down and out as columns, in the face's axes: float64[3, 3]."""
        side, lean = np.deg2rad((self.description.side, self.description.lean))
        right = np.array((np.cos(side), 0.0, -np.sin(side)))
        out = np.array((np.sin(side), 0.0, np.cos(side)))
        down = np.array((0.0, 1.0, 0.0))
        leaning = np.cos(lean) * right + np.sin(lean) * down
        return np.stack((leaning, np.cross(out, leaning), out), axis=1)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in eye distances."""
        height, width = self.mipmaps[0].shape[:2]
        return self.description.size, self.description.size * height / width


@dataclass(frozen=True, slots=True)
class Sticker:
    """A folder of images for a face."""

    title: str
    title_zh: str
    parts: tuple[StickerPart, ...]


class Stickers:
    """The stage that draws stickers; used on one thread, stateless.

    They follow the real face, and so fit an avatar too, as it follows the same face. Detected
    hands stay in front.

    Raises:
        ConfigError: a sticker is unknown or broken.
    """

    name = "stickers"

    def __init__(self, settings: EffectSettings) -> None:
        self._stickers = tuple(load_sticker(name) for name in settings.stickers)

    @staticmethod
    def wanted(settings: EffectSettings) -> bool:
        return bool(settings.stickers)

    def apply(self, layers: Layers) -> None:
        points = geometry.face_points(layers)
        if points is None:
            return
        axes = geometry.face_axes(points)
        for sticker in self._stickers:
            for part in sticker.parts:
                _draw(layers, part, points, axes)

    def reset(self) -> None:
        pass


def sticker_folder() -> Path:
    """Returns the folder of the built-in stickers."""
    return shipped_folder("presets") / "stickers"


def list_stickers() -> tuple[str, ...]:
    """Lists the names of the built-in stickers, sorted."""
    return tuple(sorted(path.parent.name for path in sticker_folder().glob(f"*/{DESCRIPTION}")))


def load_sticker(name: str) -> Sticker:
    """Loads the built-in sticker of that name, or the one in that folder.

    Raises:
        ConfigError: there is none, or its files are broken.
    """
    known = list_stickers()
    folder = sticker_folder() / name if name in known else Path(name).expanduser()
    if not (folder / DESCRIPTION).is_file():
        raise ConfigError(
            'no sticker is called "{name}"{guess}',
            hint="there are: {names}; or give a folder with {description}",
            name=name, guess=did_you_mean(name, known), names=", ".join(known) or tr("none"),
            description=DESCRIPTION,
        )  # fmt: skip
    described = read_description_file(
        folder / DESCRIPTION,
        StickerDescription,
        ConfigError,
        to_translate("check its rights"),
        PartDescription.model_fields,
    )
    parts = tuple(_part(folder, each) for each in described.part)
    return Sticker(described.title, described.title_zh, parts)


def _part(folder: Path, description: PartDescription) -> StickerPart:
    path = folder / description.picture
    if path.parent != folder:
        raise ConfigError(
            '{path}: picture "{picture}" lies elsewhere',
            hint="put the picture beside the description",
            path=folder / DESCRIPTION,
            picture=shown(description.picture),
        )
    texture = _texture(path)
    if description.mirror:
        texture = np.asarray(cv2.flip(texture, 1), np.uint8)
    mipmaps = [texture]
    while min(mipmaps[-1].shape[:2]) >= 16:
        height, width = mipmaps[-1].shape[:2]
        half = cv2.resize(mipmaps[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        mipmaps.append(np.asarray(half, np.uint8))
    return StickerPart(description, tuple(mipmaps))


def _texture(path: Path) -> Image:
    """Reads a PNG as premultiplied RGBA, with a clear border pixel for soft edges."""
    try:
        found = read_image_with_alpha(path, MAX_SIDE_PX)
    except SourceError as error:
        raise ConfigError(error.message, error.hint) from error
    if found is None:
        raise ConfigError(
            "{path} is no RGBA picture", hint="save it as a PNG with transparency", path=path
        )
    image = found.astype(np.uint16)
    image[..., :3] = (image[..., :3] * image[..., 3:] + 127) // 255
    return np.pad(image.astype(np.uint8), ((1, 1), (1, 1), (0, 0)))


def _draw(layers: Layers, part: StickerPart, points: Points2, axes: FaceAxes) -> None:
    opacity = _opacity(part, axes)
    width_px = part.size[0] * axes.unit_px
    if opacity <= 0 or width_px < MIN_WIDTH_PX:
        return
    anchor = points[list(part.description.anchor)].mean(axis=0).astype(np.float64)
    texture = _mipmap(part, width_px)
    drawn = (
        _cylindrical(part, texture, anchor, axes, layers.image)
        if part.description.bend
        else _planar(part, texture, anchor, axes, layers.image)
    )
    if drawn is not None:
        _blend(layers, *drawn, opacity, axes.unit_px)


def _opacity(part: StickerPart, axes: FaceAxes) -> float:
    """Rises from 0 for a part that faces away from the camera to 1 for one that faces it."""
    toward = float(axes.turn[2] @ part.axes[:, 2])
    share = float(np.clip((toward - HIDDEN_AT) / (OPAQUE_AT - HIDDEN_AT), 0, 1))
    return share * share * (3 - 2 * share)


def _mipmap(part: StickerPart, width_px: float) -> Image:
    """Returns the smallest mipmap that is not enlarged."""
    wide = [each for each in part.mipmaps if each.shape[1] >= width_px]
    return wide[-1] if wide else part.mipmaps[0]


def _project(
    places: NDArray[np.float64], anchor: NDArray[np.float64], axes: FaceAxes
) -> NDArray[np.float64]:
    """Projects float64[k, 3] around the anchor, eye distances in the face's axes, to pixels."""
    turned = places @ axes.turn.T
    scale = 1 / (1 - turned[:, 2:] / VIEW_DISTANCE)
    return np.asarray(anchor + axes.unit_px * turned[:, :2] * scale)


def _planar(
    part: StickerPart, texture: Image, anchor: NDArray[np.float64], axes: FaceAxes, image: Image
) -> tuple[Rect, Image] | None:
    """Renders a flat part: its rectangle and premultiplied pixels."""
    right_down, (width, height) = part.axes[:, :2], part.size
    corners = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1))) * (width / 2, height / 2)
    places = np.array(part.description.offset) + corners @ right_down.T
    quad = _project(places, anchor, axes).astype(np.float32)
    region = geometry.box_around(quad, 1, image.shape[1], image.shape[0])
    if region.empty:
        return None
    rows, columns = texture.shape[:2]
    edges = np.array(((0, 0), (columns, 0), (columns, rows), (0, rows)), np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(edges, quad - np.array((region.x0, region.y0), np.float32))
    drawn = cv2.warpPerspective(texture, matrix, (region.width, region.height))
    return region, np.asarray(drawn, np.uint8)


def _cylindrical(
    part: StickerPart, texture: Image, anchor: NDArray[np.float64], axes: FaceAxes, image: Image
) -> tuple[Rect, Image] | None:
    """Renders a part on an upright cylinder, in orthographic projection.

    A point at angle t and height y of a cylinder of radius r is (r sin t, y, r (cos t - 1));
    its projection is solved for t, then for y.
    """
    radius, (width, height) = part.description.bend, part.size
    base = _project(np.array(part.description.offset)[None], anchor, axes)[0]
    around, down, out = axes.turn[:2].T
    region = _cylinder_rect(part, base, axes, image)
    if region.empty:
        return None
    x = ((np.arange(region.x0, region.x1) - base[0]) / axes.unit_px).astype(np.float32)
    y = ((np.arange(region.y0, region.y1) - base[1]) / axes.unit_px).astype(np.float32)[:, None]
    across = np.array((down[1], -down[0]))
    a, b = around @ across, out @ across
    length = float(np.hypot(a, b))
    sine = (x * np.float32(across[0]) + y * np.float32(across[1])) / radius + np.float32(b)
    sine *= np.float32(1 / length)
    rim = np.clip((1 - np.abs(sine)) / RIM, 0, 1)
    angle = np.arcsin(np.clip(sine, -1, 1)) - np.float32(np.arctan2(b, a))
    right, back = radius * np.sin(angle), radius * (np.cos(angle) - 1)
    upright = (x - right * around[0] - back * out[0]) * down[0]
    upright += (y - right * around[1] - back * out[1]) * down[1]
    upright /= down @ down
    rows, columns = texture.shape[:2]
    map_x = ((angle * radius / width + 0.5) * columns - 0.5).astype(np.float32)
    map_y = ((upright / height + 0.5) * rows - 0.5).astype(np.float32)
    drawn = cv2.remap(texture, map_x, map_y, cv2.INTER_LINEAR)
    cv2.multiply(drawn, cv2.merge([rim.astype(np.float32)] * 4), drawn, dtype=cv2.CV_8U)
    return region, np.asarray(drawn, np.uint8)


def _cylinder_rect(
    part: StickerPart, base: NDArray[np.float64], axes: FaceAxes, image: Image
) -> Rect:
    radius, (width, height) = part.description.bend, part.size
    angle = np.linspace(-1, 1, 17) * min(width / 2 / radius, np.pi)
    ring = np.stack((radius * np.sin(angle), angle * 0, radius * (np.cos(angle) - 1)), axis=1)
    half = np.array((0, height / 2, 0))
    both = np.concatenate((ring - half, ring + half))
    placed = base + axes.unit_px * (both @ axes.turn[:2].T)
    return geometry.box_around(placed.astype(np.float32), 2, image.shape[1], image.shape[0])


def _blend(layers: Layers, region: Rect, drawn: Image, opacity: float, unit_px: float) -> None:
    """Blends premultiplied pixels as encoded sRGB, for which the stickers were painted."""
    mask: NDArray[np.uint8] | None = None
    if layers.segmentation is not None and layers.segmentation.hands:
        mask = np.full(drawn.shape[:2], 255, np.uint8)
        geometry.hide_hands(mask, layers, (region.x0, region.y0), 1, unit_px)
    if opacity < 1:
        mask = np.full(drawn.shape[:2], 255, np.uint8) if mask is None else mask
        mask = np.asarray(cv2.convertScaleAbs(mask, alpha=opacity), np.uint8)
    if mask is not None:
        drawn = np.asarray(cv2.multiply(drawn, cv2.merge([mask] * 4), scale=1 / 255), np.uint8)
    alpha = cv2.extractChannel(drawn, 3)
    left = cv2.merge([cv2.bitwise_not(alpha)] * 4)
    part = layers.image[region.slices]
    part[...] = cv2.add(cv2.multiply(part, left, scale=1 / 255), drawn)
    synthetic = layers.synthetic[region.slices]
    np.maximum(synthetic, alpha, out=synthetic)

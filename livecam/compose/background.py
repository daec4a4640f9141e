"""Replaces the background of person and head, or leaves the head alone with alpha.

Colours are blended as encoded sRGB: the matte was fitted to them, so the old background is
removed by the same model.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.compose.background_sources import (
    BackgroundSource,
    CoarseImage,
    DefocusedRoom,
    LoopedVideo,
    SolidColour,
    StillImage,
)
from livecam.compose.base import BackgroundStage, Layers
from livecam.compose.matte import Matte
from livecam.config.settings import BACKGROUNDS
from livecam.core.errors import ConfigError, SourceError
from livecam.core.frame import Image
from livecam.core.language import to_translate, tr
from livecam.core.registry import did_you_mean
from livecam.media.images import read_image
from livecam.segmentation.base import Mask

Colors = NDArray[np.float32]  # float32[n, 4], 0..255; the fourth is unused

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
HINT = to_translate("keep, blur, alpha, a colour such as #00b140, or the name of a picture or film")
WRAP_PX = 5  # window of the light wrap
UPSAMPLING = 2  # of the coarse colours before pixels are looked up
NONE = np.array([[0]], np.float64)


def background_stage(setting: str, *, blocking: bool = False) -> BackgroundStage | None:
    """Makes the stage of a setting; None for "keep".

    With `blocking`, for conversions, a video background waits for its decoder.

    Raises:
        ConfigError: there is no such colour, image or video.
    """
    wanted = setting.strip()
    if wanted == "keep":
        return None
    if wanted == "alpha":
        return HeadAlone()
    return Background(_source_of(wanted, blocking))


class Background:
    """The stage that composites the foreground over another background.

    The foreground is the person without the filled background, and the rendered heads. Without a
    recent segmentation it is the heads alone: the room must not be visible. Pixels of full
    foreground keep their bytes. One thread; `close` stops the decoder of a video.
    """

    name = "background"

    def __init__(self, source: BackgroundSource) -> None:
        self._source = source
        self._matte = Matte()

    def apply(self, layers: Layers) -> None:
        foreground = self._foreground(layers)
        at = layers.segmentation.at if layers.segmentation is not None else None
        coarse = CoarseImage.of(layers.image, foreground, at)
        background = self._source.image(coarse)
        replace_background(layers.image, foreground, coarse, background, self._source.wrap)

    def reset(self) -> None:
        self._matte.reset()

    def close(self) -> None:
        self._source.close()

    def _foreground(self, layers: Layers) -> Mask:
        """Computes the mask of the foreground, uint8[h, w]."""
        segmentation = layers.segmentation
        height, width = layers.image.shape[:2]
        if segmentation is None or segmentation.size != (width, height):
            return layers.coverage
        if not segmentation.is_recent:  # the person may have left these places
            return layers.coverage
        person = self._matte.refine(segmentation.person, segmentation.cell, layers.source)
        # Subtracted, not masked: the edge of removed hair is half filled and half person.
        person = np.asarray(cv2.subtract(person, layers.filled, dst=person), np.uint8)
        return np.asarray(cv2.max(person, layers.coverage, dst=person), np.uint8)


class HeadAlone:
    """The stage that leaves the heads alone: straight (not premultiplied) sRGB with alpha.

    Alpha is the coverage of the heads. Where it is 0 the colour is 0 too, so that the room is not
    hidden in the file. Hands in front of a head are holes in it.
    """

    name = "background"

    def apply(self, layers: Layers) -> None:
        image, coverage = layers.image, layers.coverage
        coarse = CoarseImage.of(image, coverage, None)
        edge = np.flatnonzero((coverage - np.uint8(1)) < 254)  # uint8 wraps: 1..254
        if len(edge):
            own = _unmixed(image, coarse, edge, _parts(coverage, edge))
            _pixels(image)[edge] = _rounded(own)
        pixels = _pixels(image)
        np.multiply(pixels, (coverage != 0).reshape(-1), out=pixels)
        cv2.insertChannel(coverage, image, 3)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def flattened(image: Image) -> Image:
    """Composites an image with alpha over black: for sinks without alpha."""
    alpha = cv2.extractChannel(image, 3)
    factor = cv2.merge((alpha, alpha, alpha, np.full_like(alpha, 255)))
    flat = np.asarray(cv2.multiply(image, factor, scale=1 / 255), np.uint8)
    flat[..., 3] = 255
    return flat


def replace_background(
    image: Image, foreground: Mask, coarse: CoarseImage, background: Image, wrap: float
) -> None:
    """Composites the foreground of an image over a background, in place; all at full size."""
    cv2.copyTo(background, cv2.inRange(foreground, NONE, NONE), image)
    # Light wrap reaches a few pixels further in than the edge.
    soft = foreground if not wrap else cv2.blur(foreground, (WRAP_PX, WRAP_PX))
    edge = np.flatnonzero((foreground != 0) & (soft != 255))
    if not len(edge):
        return
    alpha = _parts(foreground, edge)
    new = _bytes(_pixels_of(background, edge)).astype(np.float32)
    mixed = _unmixed(image, coarse, edge, alpha)
    if wrap:
        around = np.float32(wrap) * (1 - _parts(np.asarray(soft, np.uint8), edge))
        mixed += np.maximum(new - mixed, 0) * around
    mixed -= new
    mixed *= alpha
    mixed += new
    _pixels(image)[edge] = _rounded(mixed)


def _unmixed(image: Image, coarse: CoarseImage, edge: NDArray[np.intp], alpha: Colors) -> Colors:
    """Estimates the colours of the foreground at the edge, without the old background.

    Forte, "Approximate Fast Foreground Colour Estimation" (2021), equation (7): the means of
    foreground and background nearby, corrected by what they leave unexplained.
    """
    foreground, background = _local_colours(coarse, edge)
    residual = _bytes(_pixels(image)[edge]).astype(np.float32)
    residual -= background
    residual -= alpha * (foreground - background)
    residual *= alpha
    foreground += residual
    return np.clip(foreground, 0, 255, out=foreground)


def _parts(mask: Mask, edge: NDArray[np.intp]) -> Colors:
    """Returns a mask at those pixels, 0..1, four times each: numpy is slow to broadcast by four."""
    parts = mask.reshape(-1)[edge].astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.merge((parts,) * 4), np.float32).reshape(-1, 4)


def _local_colours(coarse: CoarseImage, edge: NDArray[np.intp]) -> tuple[Colors, Colors]:
    """Looks up the mean colours of foreground and background around those pixels."""
    rows, columns = (side * UPSAMPLING for side in coarse.image.shape[:2])
    at = _cells(coarse.size, coarse.span // UPSAMPLING, columns)[edge]
    foreground, background = (
        _bytes(_pixels(np.asarray(cv2.resize(colors, (columns, rows)), np.uint8))[at])
        for colors in (coarse.foreground_colours(), coarse.background_colours())
    )
    return foreground.astype(np.float32), background.astype(np.float32)


@lru_cache(maxsize=2)
def _cells(size: tuple[int, int], cell: int, columns: int) -> NDArray[np.intp]:
    """Returns the index of the cell of each pixel, intp[h * w]."""
    y, x = (np.arange(side) // cell for side in size[::-1])
    return (y[:, None] * columns + x).reshape(-1)


def _pixels(image: Image) -> NDArray[np.uint32]:
    """Views a contiguous image as uint32[h * w]: gathering whole pixels is four times as fast."""
    return image.view(np.uint32).reshape(-1)


def _pixels_of(image: Image, at: NDArray[np.intp]) -> NDArray[np.uint32]:
    """Returns whole pixels at flat positions of an image whose rows may be padded."""
    if image.flags.c_contiguous:
        return _pixels(image)[at]
    y, x = np.divmod(at, image.shape[1])
    return np.ascontiguousarray(image[y, x]).view(np.uint32)[:, 0]


def _bytes(pixels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Views whole pixels as uint8[n, 4]."""
    return np.asarray(pixels.view(np.uint8).reshape(-1, 4), np.uint8)


def _rounded(colors: Colors) -> NDArray[np.uint32]:
    """Rounds colours 0..255 to opaque whole pixels."""
    colors += np.float32(0.5)
    whole = colors.astype(np.uint8)
    whole[:, 3] = 255
    return np.asarray(whole.view(np.uint32).reshape(-1), np.uint32)


def _source_of(wanted: str, blocking: bool) -> BackgroundSource:
    if wanted == "blur":
        return DefocusedRoom()
    if wanted.startswith("#"):
        return SolidColour(_color(wanted))
    path = Path(wanted).expanduser()
    if not path.exists():
        raise _unknown(wanted)
    try:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return StillImage(read_image(path))
        return LoopedVideo(path, blocking=blocking)
    except SourceError as error:
        raise ConfigError(tr("background: {error}", error=error.message), error.hint) from error


def _color(text: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ConfigError(
            "background: {value} is no colour",
            hint="six digits 0-9 a-f for red, green and blue, such as #00b140",
            value=text,
        )
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _unknown(wanted: str) -> ConfigError:
    if re.fullmatch(r"[0-9a-fA-F]{6}", wanted):
        return ConfigError(
            'background: "{wanted}" is no file', hint="the colour is #{wanted}", wanted=wanted
        )
    if "." in wanted or "/" in wanted:
        return ConfigError(
            "background: there is no file {wanted}", hint="check the name", wanted=wanted
        )
    guess = did_you_mean(wanted.lower(), BACKGROUNDS)
    return ConfigError(
        'background: "{wanted}" is not known{guess}', hint=HINT, wanted=wanted, guess=guess
    )

"""Reads photos as films of one frame, and writes them; the home of Pillow.

Photos are turned upright by their EXIF orientation, and converted to sRGB by their ICC profile:
OpenCV knows no profiles, and the colours of an avatar are sRGB. Of their metadata only the time
at which they were taken is kept: the rest tells the place, the camera and the owner.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps
from PIL.ExifTags import IFD, Base

from livecam.core.errors import SinkError, SourceError, reason_of
from livecam.core.frame import Frame, Image
from livecam.core.hidden_file import HiddenFile
from livecam.core.language import tr
from livecam.media.images import KINDS, read_image_bytes
from livecam.media.reader import VideoInfo, VideoReader
from livecam.media.shape import rotated

log = logging.getLogger(__name__)

STILLS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")  # that can be read
WRITABLE_STILLS = (".jpg", ".jpeg", ".png", ".webp")
WRITABLE_ALPHA_STILLS = (".png", ".webp")
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
READ_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
SOFTWARE = "livecam convert"  # in the EXIF data of what is written here
QUALITY = 95  # of JPEG and WebP, 0 to 100
SHOWN_S = Fraction(1, 25)  # that a photo is shown, as a film
SRGB = ImageCms.createProfile("sRGB")
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class StillInfo(VideoInfo):
    """The metadata of a photo."""

    taken: str = ""  # when, as EXIF has it

    def open(self) -> StillReader:
        return StillReader(self.path, rotate=self.rotate)


class StillReader(VideoReader):
    """Reads a photo as a film of one frame.

    Args:
        path: a JPEG, PNG, WebP, BMP or TIFF file.
        rotate: degrees by which it is turned clockwise: 0, 90, 180 or 270.

    Raises:
        SourceError: on opening, when it holds no still image of an allowed size.
    """

    info: StillInfo

    def __init__(self, path: Path | str, *, rotate: int = 0) -> None:
        self.path = Path(path)
        self.skipped = self.given = 0
        data = read_image_bytes(self.path)
        try:
            # Pillow tells broken files by errors of many kinds.
            upright, taken = _decoded(self.path, data)
        except Exception as error:
            raise SourceError(
                "{path} is not a picture that can be read",
                hint="it may be damaged; {kinds}",
                path=self.path,
                kinds=tr(KINDS),
            ) from error
        self._image_read: Image | None = np.ascontiguousarray(rotated(upright, rotate))
        self._image_read.flags.writeable = False
        height, width = self._image_read.shape[:2]
        self.info = StillInfo(
            self.path, width, height, 1 / SHOWN_S, SHOWN_S, 1, rotate=rotate, taken=taken
        )

    def frames_from(self, first: int) -> Iterator[Frame]:
        if self._image_read is not None:
            self.given = 1
            if first <= 0:
                yield Frame(self._image_read, 0, 0.0)
        self._image_read = None

    @property
    def end_s(self) -> float:
        return float(SHOWN_S)

    @property
    def missing(self) -> int:
        return 0

    def close(self) -> None:
        self._image_read = None


class StillWriter:
    """Writes a photo: the one frame that it is given. Used with `with`.

    The file appears under its own name at the end of the block, or not at all.

    Args:
        path: ends in one of WRITABLE_STILLS; a file of that name is replaced.
        taken: when the photo was taken, as EXIF has it.
        alpha: keep the straight alpha of the frame, in PNG and WebP.

    Raises:
        SinkError: the file cannot be written; also at the end of the block.
    """

    def __init__(self, path: Path, *, taken: str = "", alpha: bool = False) -> None:
        self.path = path
        self.frames = 0
        self.stored_size = (0, 0)  # of the frame
        self.carried = None  # nothing is written beside it
        self._taken = taken
        self._alpha = alpha
        self._frame: Frame | None = None
        try:
            self._file = HiddenFile(path)
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, frame: Frame, duration_s: float = 0.0) -> None:
        self._frame = frame
        self.stored_size = frame.size
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None and self._frame is not None:
                with self._file.opened() as stream:
                    stream.write(encoded(self._frame.image, self.path, self._alpha, self._taken))
                self._file.commit()
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._file.discard()

    def _unwritable(self, error: OSError) -> SinkError:
        return SinkError(
            "{path} cannot be written: {reason}",
            hint="choose a folder that exists and may be written",
            path=self.path,
            reason=reason_of(error),
        )


def is_still(path: Path) -> bool:
    """Returns whether a name is that of a photo."""
    return path.suffix.lower() in STILLS


def open_pictures(path: Path, *, rotate: int = 0) -> VideoReader:
    """Opens a film, or a photo as one.

    Raises:
        SourceError: as `VideoReader` and `StillReader`.
    """
    return (StillReader if is_still(path) else VideoReader)(path, rotate=rotate)


def encoded(image: Image, path: Path, alpha: bool, taken: str = "") -> bytes:
    """Encodes an RGBA image in the format that the suffix of a name chooses."""
    picture = Pillow.fromarray(image if alpha else np.ascontiguousarray(image[..., :3]))
    exif = Pillow.Exif()
    exif[Base.Software] = SOFTWARE
    if taken:
        exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = taken
    out = io.BytesIO()
    # subsampling 0 keeps the resolution of colours; PNG takes neither.
    picture.save(
        out, FORMATS[path.suffix.lower()], quality=QUALITY, subsampling=0, exif=exif.tobytes()
    )
    return out.getvalue()


def software_of(path: Path) -> str:
    """Returns the program that a photo names in its EXIF data; "" where there is none."""
    with Pillow.open(path, formats=READ_FORMATS) as picture:
        return str(picture.getexif().get(Base.Software, "")).strip("\0 ")


def _decoded(path: Path, data: bytes) -> tuple[Image, str]:
    """Returns the upright image in sRGB, opaque, and when it was taken."""
    with Pillow.open(io.BytesIO(data), formats=READ_FORMATS) as picture:
        taken = str(picture.getexif().get_ifd(IFD.Exif).get(Base.DateTimeOriginal, ""))
        profile = picture.info.get("icc_profile")
        upright = _opaque(ImageOps.exif_transpose(picture))
        rgb = _in_srgb(path, upright, profile) if profile else upright.convert("RGB")
    return np.asarray(rgb.convert("RGBA"), np.uint8), taken


def _opaque(picture: Pillow.Image) -> Pillow.Image:
    """Returns a picture without alpha and palette: what is transparent becomes white."""
    if picture.mode.startswith("I;16"):  # which `convert` would clip at 255
        return Pillow.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture.convert("RGB") if picture.mode == "P" else picture
    over = picture.convert("RGBA")
    white = Pillow.new("RGBA", over.size, WHITE)
    return Pillow.alpha_composite(white, over).convert("RGB")


def _in_srgb(path: Path, picture: Pillow.Image, profile: bytes) -> Pillow.Image:
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, found, SRGB, outputMode="RGB")
        assert converted is not None
        return converted
    log.warning("%s has a colour profile that does not fit it; it is read as sRGB", path.name)
    return picture.convert("RGB")

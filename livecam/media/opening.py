"""Opens media files for reading."""

from __future__ import annotations

import os
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from livecam.core.errors import SourceError
from livecam.core.frame import MAX_PIXELS, check_size
from livecam.core.image_header import read_image_header

HEADER_BYTES = 1 << 16  # of a file, looked at for the header of an image

# A playlist or reference file could name network addresses: only local files are opened.
LOCAL_ONLY = {"protocol_whitelist": "file"}
# Titles in GBK or Latin-1 are no UTF-8; their bytes are kept, as in `os.fsdecode`.
METADATA_ERRORS = "surrogateescape"


def open_input(path: Path) -> InputContainer:
    """Opens a local media file.

    Raises:
        OSError: the file cannot be read; `av.FFmpegError` where it is not understood.
    """
    # "file:" keeps a name with a colon in it from being read as a protocol.
    return av.open(
        f"file:{os.fspath(path)}",
        "r",
        container_options=LOCAL_ONLY,
        metadata_errors=METADATA_ERRORS,
    )


def open_film(path: Path) -> InputContainer:
    """Opens a video file.

    Raises:
        SourceError: it is missing, forbidden, empty or no video.
    """
    try:
        if path.is_dir():
            raise SourceError(
                "{path} is a folder, not a video", hint="name one file in it", path=path
            )
        if path.stat().st_size == 0:
            raise SourceError(
                "{path} is empty", hint="it was not recorded or copied completely", path=path
            )
        _check_image(path)
        return open_input(path)
    except FileNotFoundError as error:
        raise SourceError("there is no file {path}", hint="check the name", path=path) from error
    except PermissionError as error:
        raise SourceError(
            "{path} may not be read", hint="check who may read the file", path=path
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise SourceError(
            "{path} is not a video that can be read ({reason})",
            hint="it may be damaged, cut short, or no video at all; try to play it",
            path=path,
            reason=error.strerror or error,
        ) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Returns the first video stream, which refuses frames that are too large.

    Cover art does not count.

    Raises:
        SourceError: there is none, or it is too large.
    """
    for stream in container.streams.video:
        cover = bool(stream.disposition & Disposition.attached_pic)
        if not cover and stream.codec_context is not None:
            _limit_size(stream, path)
            return stream
    raise SourceError("there are no pictures in {path}", hint="it may hold sound only", path=path)


def _check_image(path: Path) -> None:
    """Refuses an image that is too large; FFmpeg would only say that its data is invalid."""
    with path.open("rb") as file:
        header = read_image_header(file.read(HEADER_BYTES))
    if header is not None:
        check_size(str(path), header.width, header.height)


def _limit_size(stream: VideoStream, path: Path) -> None:
    """Refuses frames that are too large before the first one is decoded."""
    codec = stream.codec_context
    if codec.width and codec.height:  # a raw stream tells its size only with its first frame
        check_size(str(path), codec.width, codec.height)
    codec.options = {"max_pixels": str(MAX_PIXELS)}

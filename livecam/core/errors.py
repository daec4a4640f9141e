"""Every error that livecam raises on purpose.

LivecamError            exit code 1
├── UsageError          2   wrong arguments
├── ConfigError         2   wrong settings, preset or user file
├── DeviceError         3   a camera, microphone, virtual camera or file that cannot be used
│   ├── SourceError         frames cannot be read
│   └── SinkError           frames cannot be published
│       └── FullDiskError       there is no room for them
├── GraphicsError       4   no usable OpenGL
│   └── ShaderError         a shader does not compile; names file and line
├── AssetError          5   a model, avatar or sample is missing or broken
├── TrackingError       1   the tracker cannot start or broke
└── ControlError        6   no running livecam can be reached, or it does not answer
"""

from __future__ import annotations

import errno

from livecam.core.language import to_translate, tr


class LivecamError(Exception):
    """A message of one clear sentence for the user, and a hint that says what to do about it.

    Args:
        message, hint: in English; with values, templates of `str.format`. They are translated.
        values: by the names in the braces of message and hint.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", **values: object) -> None:
        self.message = tr(message, **values)
        self.hint = tr(hint, **values)
        super().__init__(self.message)


class UsageError(LivecamError):
    """The arguments do not fit together."""

    exit_code = 2


class ConfigError(LivecamError):
    """A setting, preset or user file is wrong."""

    exit_code = 2


class DeviceError(LivecamError):
    """A device or file cannot be used."""

    exit_code = 3


class SourceError(DeviceError):
    """Frames cannot be read."""


class SinkError(DeviceError):
    """Frames cannot be published."""


class FullDiskError(SinkError):
    """The disk has no room for a file."""


class GraphicsError(LivecamError):
    """OpenGL is missing, too old, or failed."""

    exit_code = 4


class ShaderError(GraphicsError):
    """A shader does not compile or link; the message names file and line."""


class AssetError(LivecamError):
    """A model, avatar or sample file is missing or broken."""

    exit_code = 5


class TrackingError(LivecamError):
    """The face tracker cannot start, or broke."""


class ControlError(LivecamError):
    """No running livecam can be reached, or it does not answer."""

    exit_code = 6


_CAUSES = {
    errno.ENOSPC: to_translate("free some space"),
    errno.EDQUOT: to_translate("free some space"),
    errno.EROFS: to_translate("choose another folder: this disk may only be read"),
    errno.ENOENT: to_translate("check the name"),
    errno.ENAMETOOLONG: to_translate("choose a shorter name"),
}


# What the C library says; only the reasons that people meet.
_REASONS = (
    to_translate("No such file or directory"), to_translate("Permission denied"),
    to_translate("Operation not permitted"), to_translate("Is a directory"),
    to_translate("Not a directory"), to_translate("File exists"),
    to_translate("No space left on device"), to_translate("Disk quota exceeded"),
    to_translate("Read-only file system"), to_translate("File name too long"),
    to_translate("Input/output error"), to_translate("Device or resource busy"),
    to_translate("No such device"), to_translate("Too many open files"),
    to_translate("Connection refused"), to_translate("Address already in use"),
    to_translate("Cannot assign requested address"), to_translate("Network is unreachable"),
)  # fmt: skip


def reason_of(error: OSError) -> str:
    """Returns why the system refused, without the name of the file."""
    return tr(error.strerror or str(error))


def file_error(
    error: OSError, kind: type[DeviceError] = DeviceError, name: object = None
) -> DeviceError:
    """Returns what a file system refused as one sentence, with a hint that fits the cause.

    Args:
        error: what the system raised.
        kind: the class of the result.
        name: that of the file, where the system tells a hidden one.
    """
    reason = reason_of(error).lower()
    name = name or error.filename2 or error.filename or tr("a file")
    hint = _CAUSES.get(
        error.errno or 0, to_translate("choose another place, or check its permissions")
    )
    message = to_translate("{name} cannot be used: {reason}")
    return kind(message, hint, name=name, reason=reason)

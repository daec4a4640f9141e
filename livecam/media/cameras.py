"""Names of the cameras of Windows and macOS, in the order in which they are numbered."""

from __future__ import annotations

import av
from av.device import enumerate_input_devices


def camera_names(system: str) -> list[str]:
    """Lists names by index as DirectShow ("dshow") or AVFoundation ("avfoundation") gives them."""
    try:
        found = enumerate_input_devices(system)
    except (av.FFmpegError, ValueError):  # this build or platform has no such system
        return []
    return [device.description or device.name for device in found if "video" in device.media_types]

"""Chooses the source that a setting names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from livecam.config.settings import SourceSettings
from livecam.core.errors import SourceError
from livecam.core.timing import Clock
from livecam.sources.base import SOURCES, Source
from livecam.sources.devices import CAMERA_HINT, Camera, list_cameras, stable_path
from livecam.sources.rotated import Rotated

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
# Sources that are chosen by the kind of file or device, not by their registered names.
BY_KIND = ("webcam", "video", "image")
VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts", ".flv", ".wmv", ".gif")


def source_maker(
    settings: SourceSettings,
    clock: Clock,
    refuse: Sequence[str] = (),
    cameras: Callable[[], list[Camera]] = list_cameras,
) -> Callable[[], Source]:
    """Makes the same source at every call: "auto" is decided once.

    So a camera that was unplugged is waited for and not replaced by the sample.
    """
    decided = decide(settings.source, refuse, cameras)
    built_in_clip(decided)  # made now, which may take a minute: a source must open quickly
    settings = settings.model_copy(update={"source": decided})

    def make() -> Source:
        source = SOURCES.create(registered_name(decided), settings, clock, refuse)
        degrees = int(settings.rotate)
        return Rotated(source, degrees) if degrees else source

    return make


def built_in_clip(name: str) -> Path | None:
    """Returns the clip that a source plays, made now if it is not there yet; None for others."""
    if name == "sample":
        from livecam.sources.sample_clip import sample_clip

        return sample_clip()
    if name == "sample-four":
        from livecam.sources.four_people import four_people_clip

        return four_people_clip()
    return None


def open_source(settings: SourceSettings, clock: Clock, refuse: Sequence[str] = ()) -> Source:
    """Makes the source that the settings name, not opened yet.

    `refuse` names devices that must not be read, by path or name: our own virtual camera.

    Raises:
        SourceError: no source fits; the message lists what there is.
    """
    return source_maker(settings, clock, refuse)()


def decide(
    spec: str, refuse: Sequence[str] = (), cameras: Callable[[], list[Camera]] = list_cameras
) -> str:
    """Replaces "auto" by the stable path of the first camera, or by "sample"."""
    if spec != "auto":
        return spec
    from livecam.sources.webcam import is_refused

    for camera in cameras():
        if not camera.virtual and not is_refused(camera, refuse):
            return stable_path(camera) if camera.path else str(camera.index)
    return "sample"


def registered_name(spec: str) -> str:
    """Returns the row of `SOURCES` for a name, a file or a camera.

    Raises:
        SourceError: it names a folder, or a file that does not exist.
    """
    if spec in SOURCES and spec not in BY_KIND:
        return spec
    path = Path(spec).expanduser()
    if path.is_file():
        return "image" if path.suffix.lower() in IMAGE_SUFFIXES else "video"
    if path.is_dir():
        raise SourceError(
            "{spec} is a folder, and a source is one file", hint=CAMERA_HINT, spec=spec
        )
    if _is_file_name(spec):
        raise SourceError("there is no file {path}", hint=CAMERA_HINT, path=spec)
    return "webcam"


def _is_file_name(spec: str) -> bool:
    if spec.startswith("/dev/"):
        return False
    return (
        "/" in spec or "\\" in spec or Path(spec).suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES
    )

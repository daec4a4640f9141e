"""`livecam doctor`: tests every part of the program on this machine, and names remedies."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from livecam.config.settings import Settings
from livecam.core.errors import AssetError, LivecamError, SinkError, SourceError, reason_of
from livecam.core.language import title_of, to_translate, tr
from livecam.core.system_libraries import missing_library

log = logging.getLogger(__name__)

TRACKER_PACKAGE, TRACKER_VERSION = "mediapipe", "0.10.32"
COMPILER_PACKAGE = "numba"  # the only one without which everything works, if slowly
# Each of them writes the same `cv2` folder as opencv-contrib-python.
OPENCV_RIVALS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python-headless")
# The modules that load shared libraries, so that being installed is not enough.
LOADED = ("cv2", "av", "moderngl", "glfw", "ai_edge_litert.interpreter")
MAIN_MODEL = "face-landmarker"
ENCODED_FRAMES = 10
SAMPLE_FRAMES = 100
SLOWEST = 5  # stages that are named; `livecam bench` prints all
MIN_RATE_SHARE = 0.9  # of the asked rate; less is visible
DEFAULT_SIZE = (1280, 720)


class Status(str, Enum):
    """Result of a check."""

    OK = to_translate("ok")
    WARN = to_translate("warn")  # something is missing that is not needed
    FAIL = to_translate("fail")  # nothing works without it


@dataclass(frozen=True, slots=True)
class Check:
    """Findings about one part."""

    status: Status
    found: str  # for people
    remedy: str = ""  # empty when nothing is wrong
    facts: dict[str, Any] = field(default_factory=dict)  # for programs
    name: str = ""  # in English; `tr` translates it


Examine = Callable[[Settings], Check]


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, and a verdict on them together."""

    checks: tuple[Check, ...]

    @property
    def works(self) -> bool:
        return all(check.status is not Status.FAIL for check in self.checks)

    @property
    def verdict(self) -> str:
        """One line: source, sink and speed."""
        failed = [check.name for check in self.checks if check.status is Status.FAIL]
        if failed:
            names = ", ".join(map(tr, failed))
            return tr("livecam does not work here yet; mend first: {names}", names=names)
        speed = self._facts("speed")
        verdict = (
            to_translate("livecam works, but slowly: {source} -> {sink}, {speed}")
            if speed.get("slow")
            else to_translate("livecam works: {source} -> {sink}, {speed}")
        )
        source = self._fact("cameras", "first") or tr("the built-in sample")
        return tr(verdict, source=source, sink=self._sink, speed=_speed_in_words(speed))

    @property
    def _sink(self) -> str:
        device = self._fact("virtual camera", "device")
        return str(device or tr(self._fact("display", "way_out") or to_translate("a recording")))

    def as_dict(self) -> dict[str, Any]:
        """Returns the report for JSON."""
        return {"works": self.works, "verdict": self.verdict, "checks": [*map(asdict, self.checks)]}

    def _facts(self, name: str) -> dict[str, Any]:
        return next((check.facts for check in self.checks if check.name == name), {})

    def _fact(self, name: str, fact: str) -> Any:
        return self._facts(name).get(fact)


def examine_all(
    settings: Settings,
    each: Callable[[Check], None] | None = None,
    examinations: Mapping[str, Examine] | None = None,
) -> Report:
    """Runs every check, some ten seconds in all; `each` is called as soon as one is done."""
    done = []
    for name, examine in (EXAMINATIONS if examinations is None else examinations).items():
        check = replace(_tried(examine, settings), name=name)
        done.append(check)
        log.debug("%s %s: %s", check.status.value, name, check.found)
        if each is not None:
            each(check)
    return Report(tuple(done))


def _tried(examine: Examine, settings: Settings) -> Check:
    try:
        return examine(settings)
    except LivecamError as error:
        log.debug("%s", error, exc_info=True)
        return _fail(error.message, error.hint)
    except Exception as error:  # the other checks still run
        log.debug("%s", error, exc_info=True)
        if missing := missing_library(error):
            return _fail(missing.message, missing.hint)
        remedy = tr("install livecam again, or report it")
        return _fail(f"{type(error).__name__}: {error}", remedy)


def _ok(found: str, **facts: Any) -> Check:
    return Check(Status.OK, found, facts=facts)


def _warn(found: str, remedy: str, **facts: Any) -> Check:
    return Check(Status.WARN, found, remedy, facts)


def _fail(found: str, remedy: str, **facts: Any) -> Check:
    return Check(Status.FAIL, found, remedy, facts)


def _python(settings: Settings) -> Check:
    system = f"{platform.system()} {platform.machine()}"
    return _ok(tr("{version} on {system}", version=platform.python_version(), system=system))


def _log_file(settings: Settings) -> Check:
    from livecam.core.log_file import current_log_file

    file = current_log_file()
    if file is None:
        return _ok(tr("none is written"))
    if file.failure is not None:
        return _warn(
            tr("{path} is not written: {reason}", path=file.path, reason=reason_of(file.failure)),
            tr("name another one with --log-file"),
        )
    return _ok(str(file.path), path=str(file.path))


def _packages(settings: Settings) -> Check:
    versions = {package: _version(package) for package in _required_packages()}
    missing = [p for p, version in versions.items() if version is None and p != COMPILER_PACKAGE]
    rivals = [package for package in OPENCV_RIVALS if _version(package) is not None]
    tracker = versions.get(TRACKER_PACKAGE)
    if missing:
        found = tr("missing: {names}", names=", ".join(missing))
        return _fail(found, tr("install livecam again"), **versions)
    if rivals:
        return _warn(
            tr("{package} and opencv-contrib-python overwrite each other", package=rivals[0]),
            f"pip uninstall {rivals[0]}; pip install --force-reinstall opencv-contrib-python",
            **versions,
        )
    if tracker != TRACKER_VERSION:
        found = tr(
            "{package} {version}; some versions report their use to their maker",
            package=TRACKER_PACKAGE, version=tracker,
        )  # fmt: skip
        return _warn(found, f"pip install {TRACKER_PACKAGE}=={TRACKER_VERSION}", **versions)
    if versions.get(COMPILER_PACKAGE, "") is None:
        found = tr("without {package} every picture takes longer", package=COMPILER_PACKAGE)
        return _warn(found, f"pip install {COMPILER_PACKAGE}", **versions)
    for module in LOADED:
        importlib.import_module(module)
    found = tr(
        "all {count}, {tracker}, {opencv}", count=len(versions),
        tracker=f"{TRACKER_PACKAGE} {tracker}",
        opencv=f"OpenCV {versions['opencv-contrib-python']}",
    )  # fmt: skip
    return _ok(found, **versions)


def _required_packages() -> list[str]:
    lines = importlib.metadata.requires("livecam") or []
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _graphics(settings: Settings) -> Check:
    from livecam.render.context import open_graphics

    with open_graphics() as graphics:
        renderer, version, software = graphics.renderer, graphics.version, graphics.software
    text = (
        to_translate("{renderer} in software, OpenGL {version}")
        if software
        else to_translate("{renderer} on a graphics card, OpenGL {version}")
    )
    found = tr(text, renderer=renderer, version=version)
    return _ok(found, renderer=renderer, version=version, software=software)


def _models(settings: Settings) -> Check:
    from livecam.config.assets import State, list_assets, verify

    states = {asset: verify(asset.name) for asset in list_assets()}
    facts = {
        asset.name: {"state": state.value, "sha256": asset.sha256}
        for asset, state in states.items()
    }
    wrong = {asset: state for asset, state in states.items() if state is not State.OK}
    if not wrong:
        return _ok(tr("all {count} are here, sha256 as expected", count=len(states)), **facts)
    tell = _fail if MAIN_MODEL in (asset.name for asset in wrong) else _warn
    found = ", ".join(
        tr("{name} is {state}", name=asset.name, state=tr(state.value))
        for asset, state in wrong.items()
    )
    if len(wrong) == 1:
        found = tr("{found} ({what})", found=found, what=tr(next(iter(wrong)).what))
    return tell(found, "livecam assets fetch", **facts)


def _avatar(settings: Settings) -> Check:
    from livecam.avatar.accessories import avatar_from_settings

    avatar = avatar_from_settings(settings.avatar)
    full, light = (
        sum(len(mesh.positions) for mesh in meshes)
        for meshes in (avatar.meshes, avatar.light_meshes)
    )
    found = tr(
        "{title}: {full} vertices, light {light}", title=title_of(avatar), full=full, light=light
    )
    return _ok(found, name=avatar.name, vertices=full, light_vertices=light)


def _cameras(settings: Settings) -> Check:
    from livecam.sources.devices import list_cameras

    cameras = [camera for camera in list_cameras() if not camera.virtual]
    usable = [camera for camera in cameras if not camera.forbidden]
    if usable:
        return _try_camera(usable[0].path or str(usable[0].index), settings)
    if cameras:
        remedy = tr("sudo usermod -aG video $USER, then log in again")
        return _warn(tr("not allowed to open {camera}", camera=cameras[0]), remedy)
    return _warn(tr("none; the built-in sample takes its place"), tr("plug in a camera"))


def _try_camera(spec: str, settings: Settings) -> Check:
    from livecam.core.timing import SystemClock
    from livecam.sources.choose import open_source

    asked = settings.source.model_copy(update={"source": spec})
    try:
        source = open_source(asked, SystemClock())
        try:
            info = source.open()
            frame = source.read()
        finally:
            source.close()
    except SourceError as error:
        return _warn(error.message, error.hint)
    if frame is None:
        found = tr("{camera} gives no picture", camera=info.name)
        return _warn(found, tr("unplug it and plug it in again"))
    found = tr(
        "{camera} {width}x{height} at {fps:.0f} fps",
        camera=info.name, width=info.width, height=info.height, fps=info.fps,
    )  # fmt: skip
    return _ok(found, first=info.name, width=info.width, height=info.height, fps=info.fps)


def _microphone(settings: Settings) -> Check:
    """Checks the list alone: no microphone is opened."""
    from livecam.audio.microphone import find_microphone, list_microphones

    wanted = settings.sound.mouth != "camera"
    try:
        name = find_microphone(settings.sound.microphone, list_microphones()).name
    except LivecamError as error:
        if wanted:
            return _fail(error.message, error.hint)
        found = tr("none, and none is needed: the camera moves the mouth")
        return _ok(found, reason=error.message)
    return _ok(name, name=name)


def _virtual_camera(settings: Settings) -> Check:
    from livecam.sinks.virtual_camera import INSTALL_HINT, available

    device = available(settings.sinks.device)
    if device is None:
        remedy = INSTALL_HINT.get(sys.platform, to_translate("this system has no virtual cameras"))
        return _warn(tr("there is none that is free"), tr(remedy))
    if device.startswith("/dev/"):
        return _read_back(device, settings)
    return _ok(tr("{device}; it cannot be read back here", device=device), device=device)


def _read_back(device: str, settings: Settings) -> Check:
    from livecam.core.timing import SystemClock
    from livecam.measure.echo import DeviceReader, measure_echo
    from livecam.sinks.base import OutputInfo
    from livecam.sinks.virtual_camera import VirtualCamera

    asked = settings.output
    width, height = asked.out_width or DEFAULT_SIZE[0], asked.out_height or DEFAULT_SIZE[1]
    info = OutputInfo(width, height, asked.out_fps or settings.source.fps)
    sink = VirtualCamera(device)
    try:
        echo = measure_echo(sink, lambda: DeviceReader(device), info, SystemClock())
    except SinkError as error:
        return _warn(error.message, error.hint)
    if not echo.received:
        return _warn(
            tr("{device} takes pictures, but gives none back", device=device),
            tr("close the programs that use it, and load v4l2loopback again"),
            device=device,
        )
    found = tr(
        "{device}: other programs get a picture {ms:.0f} ms after it was sent",
        device=device, ms=echo.latency_ms,
    )  # fmt: skip
    return _ok(found, device=device, sent=echo.sent, seen=echo.received, delay_ms=echo.latency_ms)


def _encoder(settings: Settings) -> Check:
    import numpy as np

    from livecam.core.frame import Frame
    from livecam.media.reader import VideoReader
    from livecam.media.writer import VideoWriter

    with tempfile.TemporaryDirectory(prefix="livecam-") as folder:
        path = Path(folder) / "doctor.mp4"
        with VideoWriter(path, 320, 240, 30) as writer:
            encoder = writer.encoder
            for index in range(ENCODED_FRAMES):
                image = np.full((240, 320, 4), 20 * index, np.uint8)
                writer.write(Frame(image, index, index / 30))
        with VideoReader(path) as reader:
            read = sum(1 for _ in reader)
    if encoder != "libx264" or read != ENCODED_FRAMES:
        found = tr(
            "{encoder} wrote {written} pictures, {read} came back",
            encoder=encoder, written=ENCODED_FRAMES, read=read,
        )  # fmt: skip
        return _warn(found, "pip install --force-reinstall av", encoder=encoder)
    found = tr("{encoder}: {count} pictures written and read", encoder=encoder, count=read)
    return _ok(found, encoder=encoder)


def _display(settings: Settings) -> Check:
    from livecam.sinks.preview import display_available

    if display_available():
        return _ok(tr("a preview window can be shown"), way_out=to_translate("a window"))
    found = tr("none, so there is no preview window")
    return _warn(found, tr("log in to a desktop, or do without"))


def _speed(settings: Settings) -> Check:
    """Plays the sample as a live camera through the whole pipeline."""
    from livecam.measure.bench import bench
    from livecam.sources.sample_clip import sample_clip

    asked = settings.source.fps
    try:
        sample_clip()  # made on first use, which takes longer than a source may take to open
        seconds = SAMPLE_FRAMES / asked
        result = bench(settings, seconds=seconds, source="sample", with_floor=False)
    except (AssetError, SourceError) as error:  # a camera may still work
        return _warn(tr("not measured: {reason}", reason=error.message), error.hint)
    facts = {
        "fps": result["fps"],
        "slow": result["fps"] < MIN_RATE_SHARE * asked,
        "tier": result["tier"],
        "quality": settings.live.quality,
        "size": result["size"],
        "delay_ms": result["delay_ms"]["median"],
        "cpu_ms_per_frame": result["cpu_ms_per_frame"],
        "stages": result["stages"],
    }
    medians = {name: times["wall_median"] for name, times in result["stages"].items()}
    slowest = sorted(medians, key=lambda name: -medians[name])[:SLOWEST]
    stages = ", ".join(f"{name} {medians[name]:.1f}" for name in slowest)
    found = tr(
        "{speed}; quality {quality}; slowest, ms: {stages}",
        speed=_speed_in_words(facts), quality=facts["quality"], stages=stages,
    )  # fmt: skip
    if facts["slow"]:
        return _warn(found, "livecam run --preset low-power", **facts)
    return _ok(found, **facts)


def _speed_in_words(facts: dict[str, Any]) -> str:
    if "fps" not in facts:
        return tr("speed unknown")
    width, height = facts["size"]
    return tr(
        "{fps:.0f} fps at {width}x{height} with the {tier} head, {ms:.0f} ms late",
        fps=facts["fps"], width=width, height=height, tier=facts["tier"], ms=facts["delay_ms"],
    )  # fmt: skip


EXAMINATIONS: dict[str, Examine] = {
    to_translate("python"): _python,
    to_translate("log file"): _log_file,
    to_translate("packages"): _packages,
    to_translate("graphics"): _graphics,
    to_translate("models"): _models,
    to_translate("avatar"): _avatar,
    to_translate("cameras"): _cameras,
    to_translate("microphone"): _microphone,
    to_translate("virtual camera"): _virtual_camera,
    to_translate("encoder"): _encoder,
    to_translate("display"): _display,
    to_translate("speed"): _speed,
}

"""Builds the parts of the pipeline from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from livecam.avatar.accessories import avatar_from_settings, with_accessories
from livecam.avatar.base import Avatar
from livecam.avatar.library import load_avatar
from livecam.compose.background import background_stage
from livecam.compose.base import Compositor
from livecam.compose.compositor import HeadCompositor
from livecam.compose.effects import look_stages, over_stages
from livecam.compose.stages import CompositingStages
from livecam.config.assets import asset, asset_path, find_asset
from livecam.config.settings import BLANK, NO_AVATAR, AvatarSettings, PictureSettings, Settings
from livecam.core.errors import ConfigError
from livecam.core.frame import check_size
from livecam.core.language import current_language, tr
from livecam.core.timing import StageTimer
from livecam.filtering.base import FILTERS
from livecam.people.tracker import KEEP_SLOT_S, MAX_SLOTS, PeopleTracker
from livecam.pipeline.composition import CompositorFactory
from livecam.render.context import Graphics
from livecam.segmentation.hand_detector import HandDetector
from livecam.segmentation.segmenter import Segmenter
from livecam.segmentation.witness import MIN_EXPECTED_SCORE, WitnessDetector
from livecam.sinks.base import OutputInfo
from livecam.sinks.choose import check_sinks
from livecam.sources.base import SourceInfo
from livecam.tracking.base import TRACKERS, ScriptedTracker, Tracker
from livecam.tracking.hand_landmarker import HandLandmarker

log = logging.getLogger(__name__)


def slots_of(settings: AvatarSettings) -> int:
    """Returns how many people wear an avatar: as many as are asked for, or named."""
    return min(max(settings.people, len(settings.avatars)), MAX_SLOTS)


def avatars_of(settings: AvatarSettings) -> tuple[Avatar, ...]:
    """Loads the avatar of each slot; the list of names begins again if there are more slots.

    Raises:
        AssetError: an avatar or accessory does not exist, or its files are broken.
        ConfigError: two accessories sit in the same place.
    """
    if not settings.avatars:
        return (avatar_from_settings(settings),) * slots_of(settings)
    made = {
        name: with_accessories(load_avatar(name), settings.accessories)
        for name in dict.fromkeys(settings.avatars)
    }
    names = settings.avatars
    return tuple(made[names[i % len(names)]] for i in range(slots_of(settings)))


def people_tracker(settings: Settings) -> PeopleTracker:
    """Makes the people tracker of the settings."""
    avatar = settings.avatar
    return PeopleTracker(slots_of(avatar), avatar.people_by, keep_slot_s(settings))


def keep_slot_s(settings: Settings) -> float:
    """Returns how long a missing wearer keeps their slot, in seconds."""
    return max(KEEP_SLOT_S, settings.privacy.hold_s)


def tracker_factory(settings: Settings) -> Callable[[], Tracker]:
    """Makes the tracker on the thread that calls it.

    Raises:
        AssetError: a model of it is missing; at once, not on that thread.
        ConfigError: there is no such tracker; likewise.
    """
    if settings.source.source == BLANK:
        return lambda: ScriptedTracker(lambda frame: ())  # no one is filmed
    tracking = settings.tracking
    for name in TRACKERS.get(tracking.tracker).assets:
        asset_path(name)
    return lambda: TRACKERS.create(tracking.tracker, tracking)


def needs_segmentation(settings: Settings) -> bool:
    """Returns whether any stage asks for more than the face."""
    picture, effects = settings.picture, settings.effects
    return (
        picture.remove_head
        or picture.neck
        or wants_hands(settings)
        or picture.light > 0
        or picture.camera_match > 0
        or picture.background != "keep"
        or effects != type(effects)()
    )


def wants_hands(settings: Settings) -> bool:
    """Returns whether hands are to be shown, or hide the mouth that the sound then moves."""
    return settings.picture.hands or settings.sound.mouth == "both"


def segmenter_factory(
    settings: Settings, *, hurried: bool, camera: str | None = None
) -> Callable[[], Segmenter] | None:
    """Makes the segmenter on the thread that calls it; None when no stage needs one.

    Raises:
        AssetError: a model is missing; at once, not on that thread.
    """
    if not needs_segmentation(settings) or settings.source.source == BLANK:
        return None
    person, wide = asset_path("person"), asset_path("person-wide")
    hair = _optional_path("hair")
    hands = _optional_path("hand-landmarker") if wants_hands(settings) else None
    if settings.sound.mouth == "both" and hands is None:
        log.warning("the hand model is not here: sound moves the mouth only of a face that is lost")

    turned = settings.source.rotate
    if camera is not None and turned != "0":  # it shows another background
        camera = f"{camera}, turned {turned}"

    def make() -> Segmenter:
        return Segmenter(
            person,
            wide,
            hair,
            None if hands is None else partial(hand_detector, hands),
            hurried=hurried,
            camera=camera if settings.picture.keep_plate else None,
        )

    return make


def _optional_path(name: str) -> Path | None:
    """Returns the file of an optional asset, or None."""
    path = find_asset(name)
    if path is None:
        log.debug("%s is not here: %s", name, asset(name).what)
    return path


def witness_factory(settings: Settings) -> Callable[[], WitnessDetector] | None:
    """Makes the witnesses on the thread that calls it; None for a source without people.

    They also return the weak scores that count where a head is expected.
    Without their models nothing but the tracker knows of people: a warning says so.
    """
    if settings.source.source == BLANK:
        return None
    face, pose = _optional_path("face-full-range"), _optional_path("person-pose")
    if face is None or pose is None:
        log.warning("the models that find people without a visible face are not here")
        return None
    return partial(WitnessDetector, face, pose, MIN_EXPECTED_SCORE, MIN_EXPECTED_SCORE)


def check_names(settings: Settings) -> None:
    """Refuses unknown trackers, filters and sinks before anything is opened.

    Raises:
        ConfigError: the settings name something that does not exist.
    """
    TRACKERS.check(settings.tracking.tracker)
    FILTERS.check(settings.smoothing.filter)
    check_sinks(settings.sinks)


def check_picture_files(settings: Settings) -> None:
    """Reads background, stickers and look, so that a broken one ends a run before it begins.

    Compositors read them again; a look is cached.

    Raises:
        ConfigError: one of them does not exist, or cannot be read.
    """
    # A look of strength 0 is read too: its strength may change while livecam runs.
    effects = settings.effects.model_copy(update={"lut_strength": 1.0})
    for make in (over_stages, look_stages):
        make(effects)
    background = background_stage(settings.picture.background)
    if background is not None:
        background.close()


def filmed_picture(settings: Settings) -> PictureSettings:
    """Returns how heads are composited: a source without a camera has no softness to match."""
    if settings.source.source == BLANK:
        return settings.picture.model_copy(update={"camera_match": 0.0})
    return settings.picture


def compositor_factory(
    settings: Settings,
    graphics: Graphics,
    timer: StageTimer,
    blocking: bool = False,
    *,
    hurried: bool = True,
) -> CompositorFactory:
    """Makes compositors for frames of a width and height, all in one context.

    Unless `hurried`, the tier "auto" is the full one wherever it works.
    """
    picture = filmed_picture(settings)
    announced: set[tuple[str, str]] = set()

    def make(avatar: Avatar, width: int, height: int) -> Compositor:
        stages = CompositingStages(avatar, picture, settings.effects, timer, blocking)
        size = (width, height)
        try:
            compositor = HeadCompositor(
                graphics, avatar, settings.render, size, timer, stages, hurried=hurried
            )
        except Exception as error:
            stages.close()
            graphics.release_unfinished(error)
            raise
        is_shown = settings.avatar.avatar != NO_AVATAR
        if is_shown and (avatar.title, compositor.tier) not in announced:
            announced.add((avatar.title, compositor.tier))
            title = avatar.title_zh if current_language() == "zh" else avatar.title
            log.info("%s is drawn in the %s tier by %s", title, compositor.tier, graphics.renderer)
        return compositor

    return make


def output_info(settings: Settings, source: SourceInfo) -> OutputInfo:
    """Returns the published size and rate: as asked, else as the source; sides are made even.

    Raises:
        ConfigError: the size is too large, or a side has no pixels.
    """
    asked = settings.output
    width, height = asked.out_width, asked.out_height
    if not width and not height:
        width, height = source.width, source.height
    elif not width:
        width = round(source.width * height / source.height)
    elif not height:
        height = round(source.height * width / source.width)
    width, height = width + width % 2, height + height % 2  # 4:2:0, and Chrome on Linux, want that
    check_size(tr("the published picture"), width, height, error=ConfigError)
    return OutputInfo(width, height, asked.out_fps or source.fps)


def hand_detector(model: Path) -> HandDetector:
    """Opens a detector of hands near a face; the caller uses it on one thread at a time."""
    landmarker = HandLandmarker(model)
    return HandDetector(landmarker.detect, landmarker.close)

"""Declares every setting once: flags, TOML keys, variables and docs/settings.md follow."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from livecam.core.language import to_translate


def setting(
    default: Any,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    live: bool = False,
    flag: str = "",
) -> Any:
    """Declares one setting with its help, range and unit.

    `live` settings may change while livecam runs, the others are read at the start. `flag`
    names the command-line option when the field's own name would be unclear alone.
    """
    return Field(
        default,
        description=help,
        ge=low,
        le=high,
        json_schema_extra={"unit": unit, "live": live, "flag": flag},
    )


def _split(value: object) -> object:
    """Splits the names of a variable or a flag at commas; a file has a list already."""
    if isinstance(value, str):
        return tuple(name for part in value.split(",") if (name := part.strip()))
    return value


def _background(value: object) -> object:
    """Returns a background whose name, other than a path, is in lower case."""
    if isinstance(value, str) and value.strip().lower() in BACKGROUNDS:
        return value.strip().lower()
    return value


def _color(value: object) -> object:
    """Refuses a text that is no colour; the words of the error say what is wanted."""
    if isinstance(value, str) and not re.fullmatch(r"#?[0-9a-fA-F]{6}", value.strip()):
        raise ValueError(to_translate("a colour such as #b3263f"))
    return value


def _as_text(value: object) -> object:
    """Accepts a number for a choice that is written with digits."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


BACKGROUNDS = ("keep", "blur", "alpha")  # others are colours and files
BackgroundName: TypeAlias = Annotated[str, BeforeValidator(_background)]
Degrees: TypeAlias = Annotated[Literal["0", "90", "180", "270"], BeforeValidator(_as_text)]
Color: TypeAlias = Annotated[str, BeforeValidator(_color)]
NameList: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_split)]


class OnLost(str, Enum):
    """The output while the face is lost, once the avatar was held for `hold_s`."""

    HOLD = "hold"  # hold the avatar, then draw the curtain
    CURTAIN = "curtain"
    BLUR = "blur"
    PASSTHROUGH = "passthrough"


class Group(BaseModel):
    """Frozen, and refuses keys it does not know."""

    # `source = 0` in a file means camera 0.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class SourceSettings(Group):
    """The source of frames."""

    source: str = setting(
        "auto",
        help="auto, sample, sample-four, pattern, blank, a camera (number, part of its name, "
        "/dev/videoN), or a file",
        flag="source",
    )
    width: int = setting(1280, low=64, high=7680, unit="px", help="width requested from the camera")
    height: int = setting(
        720, low=64, high=4320, unit="px", help="height requested from the camera"
    )
    fps: float = setting(30.0, low=1, high=120, help="frame rate requested from the camera")
    loop: bool = setting(True, help="start a video file again when it ends")
    rotate: Degrees = setting(
        "0", help="turn the picture clockwise, for a camera that hangs or stands on its side"
    )


class TrackingSettings(Group):
    """Detection and tracking of faces."""

    tracker: str = setting("mediapipe", help="the tracking back-end")
    max_faces: int = setting(4, low=1, high=8, help="how many faces are tracked at most")
    detection_confidence: float = setting(
        0.5, low=0.05, high=1, help="lowest confidence of the detector in a new face"
    )
    presence_confidence: float = setting(
        0.5, low=0.05, high=1, help="lowest confidence of the tracker that a face is still there"
    )


class SmoothingSettings(Group):
    """How pose and expression are filtered."""

    filter: str = setting(
        "imm",
        help="imm: still at rest and without lag in motion; one-euro: as still, but lags; "
        "kalman: a single motion model",
    )
    smoothing: float = setting(
        0.5, low=0, high=1, live=True, help="0 follows every twitch, 1 is calm"
    )
    alignment: Literal["aligned", "newest"] = setting(
        "aligned",
        help="aligned: head drawn on the frame it was measured from; newest: on the newest "
        "frame, where the face is measured again (lower latency)",
    )


BLANK = "blank"  # a source without a camera: a plain card, for a face that a performer moves
SAMPLES = ("sample", "sample-four")  # built-in clips: they show others than the user
NO_AVATAR = "none"  # the real face is shown, because the user chose that


class AvatarSettings(Group):
    """Which head, and how it sits."""

    avatar: str = setting(
        "raccoon", help="name of a built-in head, a folder, or none (effects alone)", live=True
    )
    accessories: NameList = setting(
        (), live=True, help="what the head wears, e.g. glasses,headphones; see `livecam avatars`"
    )
    people: int = setting(1, low=1, high=4, help="how many people wear an avatar")
    avatars: NameList = setting(
        (), live=True, help="an avatar for each of them, e.g. raccoon,fox; empty: all wear the same"
    )
    people_by: Literal["order", "place"] = setting(
        "order",
        help="how avatars are assigned: in the order in which people appear, or by position from "
        "left to right",
    )
    scale: float = setting(1.0, low=0.8, high=1.6, live=True, help="size over the fitted size")
    profile: str = setting(
        "default",
        help="the calibration profile to use, by name; `livecam calibrate` makes it",
    )
    learn: bool = setting(
        True,
        help="go on calibrating while livecam runs; its numbers stay on this machine",
    )
    expression: float = setting(1.0, low=0, high=2, live=True, help="strength of the expressions")
    life: float = setting(
        1.0,
        low=0,
        high=1,
        live=True,
        help="swinging ears, breath, small eye movements, idle motion of a held head; 0: none",
    )


class MotionSettings(Group):
    """Other sources of facial motion, and its receivers."""

    performer: str = setting(
        "camera",
        help="what moves the face: camera, vmc, ifacialmocap or openseeface; the head stays over "
        "the real one in the camera frame",
    )
    motion: str = setting("", help="play this recorded take (.jsonl)")
    listen: str = setting(
        "127.0.0.1", help="the address to listen on; by default reachable from this machine alone"
    )
    listen_port: int = setting(
        0, low=0, high=65535, help="0: the performer's standard port (39539, 49983, 11573)"
    )
    phone: str = setting("", help="address of the phone that runs iFacialMocap, to greet it")
    send_vmc: str = setting(
        "", help="also send the motion of the face as VMC to this address, e.g. 127.0.0.1:39539"
    )
    record_motion: str = setting(
        "", help="also record the motion of the face into this take (.jsonl)"
    )


class SoundSettings(Group):
    """The mouth from the microphone."""

    mouth: Literal["camera", "sound", "both"] = setting(
        "camera",
        help="what moves the mouth: the camera, the sound of the microphone, or both: the sound "
        "where a hand hides the mouth or the face is lost",
    )
    microphone: str = setting("", help="its number or part of its name; empty: the default one")


class RenderSettings(Group):
    """How the head is drawn."""

    tier: Literal["auto", "light", "full"] = setting(
        "auto", help="auto measures; light is for software renderers, full has fur and shadows"
    )
    shells: int = setting(20, low=0, high=48, help="layers of fur in the full tier")
    samples: int = setting(4, low=0, high=8, help="multisampling in the full tier")
    shadow: float = setting(0.5, low=0, high=1, live=True, help="shadow of the head on the body")


class PictureSettings(Group):
    """How the head is composited into the image."""

    remove_head: bool = setting(
        True, live=True, help="real hair, ears and headphones beside the head become background"
    )
    neck: bool = setting(
        True, live=True, help="bare skin between head and clothes takes the colour of the head"
    )
    hands: bool = setting(True, live=True, help="hands in front of the head stay in front")
    light: float = setting(
        1.0, low=0, high=1, live=True, help="how far the light on the head follows the room"
    )
    camera_match: float = setting(
        1.0,
        low=0,
        high=1,
        live=True,
        help="how far the head takes the noise, softness and motion blur of the camera",
    )
    background: BackgroundName = setting(
        "keep",
        live=True,
        help="keep, blur, alpha (the head alone), a colour such as #00b140, an image or a video",
    )
    keep_plate: bool = setting(
        True, help="keep the clean plate of this camera for the next start, on this machine only"
    )
    looks_per_s: float = setting(
        12.0, low=1, high=60, unit="1/s", help="how often person, hair and hands are segmented"
    )

    @property
    def is_alpha(self) -> bool:
        """Whether the head alone is published, before a transparent background."""
        return self.background == "alpha"


class EffectSettings(Group):
    """Changes to the real face and the image, with or without a head over it."""

    big_eyes: float = setting(0.0, low=0, high=1, live=True, help="larger eyes")
    thin_face: float = setting(0.0, low=0, high=1, live=True, help="slimmer cheeks and jaw")
    chin: float = setting(0.0, low=-1, high=1, live=True, help="longer or shorter chin")
    small_nose: float = setting(0.0, low=0, high=1, live=True, help="narrower nose")
    smooth_skin: float = setting(0.0, low=0, high=1, live=True, help="smoother skin; edges stay")
    lips: float = setting(0.0, low=0, high=1, live=True, help="tint of the lips")
    lip_color: Color = setting("#b3263f", live=True, help="colour of that tint")
    blush: float = setting(0.0, low=0, high=1, live=True, help="blush on the cheeks")
    stickers: NameList = setting(
        (), live=True, help="images that follow the face: built-in names or folders"
    )
    lut: str = setting("", live=True, help="colour table: a built-in name or a .cube file")
    lut_strength: float = setting(
        1.0, low=0, high=1, live=True, help="strength of that colour table"
    )


class PrivacySettings(Group):
    """What is published when the avatar cannot cover the face."""

    on_lost: OnLost = setting(
        OnLost.HOLD, live=True, help="when the face is lost: hold, curtain, blur or passthrough"
    )
    hold_s: float = setting(
        1.5, low=0, high=60, unit="s", live=True, help="how long the avatar is held"
    )
    others: Literal["blur", "show"] = setting(
        "blur", live=True, help="faces without an avatar: blur or show"
    )


LiveQuality: TypeAlias = Literal["auto", "low", "high"]


class LiveSettings(Group):
    """How a live run holds its rate."""

    quality: LiveQuality = setting(
        "auto",
        live=True,
        flag="live-quality",
        help="auto does less for each picture while this machine cannot hold the rate; low and "
        "high stay at the least and at all; what is covered is the same",
    )


class FilmSettings(Group):
    """How `livecam convert` makes films and photos."""

    quality: Literal["draft", "good", "best"] = setting(
        "good",
        help="how well heads are drawn; without a GPU, good takes 3 to 9 times as long as draft, "
        "best 5 to 18 times",
    )


class OutputSettings(Group):
    """Size, rate and shape of the published image."""

    out_width: int = setting(0, low=0, high=7680, unit="px", help="0: as the camera")
    out_height: int = setting(0, low=0, high=4320, unit="px", help="0: as the camera")
    out_fps: float = setting(0.0, low=0, high=120, help="0: as the camera")
    framing: Literal["fit", "fill", "follow"] = setting(
        "fill",
        live=True,
        help="when shapes differ: fit (bars), fill (cut), follow (cut, around the face)",
    )
    mirror: bool = setting(False, live=True, help="publish a mirror image")


class SinkSettings(Group):
    """Where frames are published to."""

    virtual_camera: bool = setting(True, help="publish to the virtual camera when there is one")
    device: str = setting("", help="virtual camera to use, e.g. /dev/video2; empty: the first")
    matrix: Literal["auto", "bt601", "bt709"] = setting(
        "auto",
        help="colour matrix of the virtual camera: auto is bt601 on Linux, as browsers read any "
        "webcam there; OBS on Linux wants bt709",
    )
    preview: bool = setting(True, help="show a window when there is a display")
    record: str = setting("", help="also record to this file (.mp4 or .mkv)")
    png: str = setting("", help="also write numbered PNG files into this folder")
    also_to: NameList = setting(
        (), help="also publish to these sinks by name; null discards, for measuring"
    )


class ControlSettings(Group):
    """Control of a running livecam by other programs of the same user."""

    enabled: bool = setting(
        True, flag="control", help="let `livecam ctl` of this user control the run"
    )


class Settings(Group):
    """The whole configuration: one frozen value, replaced as a whole when something changes."""

    source: SourceSettings = SourceSettings()
    tracking: TrackingSettings = TrackingSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    avatar: AvatarSettings = AvatarSettings()
    motion: MotionSettings = MotionSettings()
    sound: SoundSettings = SoundSettings()
    render: RenderSettings = RenderSettings()
    picture: PictureSettings = PictureSettings()
    effects: EffectSettings = EffectSettings()
    privacy: PrivacySettings = PrivacySettings()
    live: LiveSettings = LiveSettings()
    film: FilmSettings = FilmSettings()
    output: OutputSettings = OutputSettings()
    sinks: SinkSettings = SinkSettings()
    control: ControlSettings = ControlSettings()

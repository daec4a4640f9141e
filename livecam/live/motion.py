"""Builds the performers and listeners that the settings ask for."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from livecam.avatar.base import Profile
from livecam.avatar.expression import ExpressionGains
from livecam.config.settings import BLANK, AvatarSettings, Settings
from livecam.core.errors import ConfigError
from livecam.core.face import FaceState, Weights
from livecam.core.timing import Clock
from livecam.motion.base import PERFORMERS, Listener, Performer
from livecam.motion.take import TakeWriter, players, read_take

if TYPE_CHECKING:
    from livecam.audio.mouth import MouthBlender

CAMERA = "camera"  # no performer: the face moves as it is tracked


def check_motion(settings: Settings) -> None:
    """Refuses unknown performers, and a blank card without a performer.

    Raises:
        ConfigError: the settings name something that does not exist.
    """
    motion = settings.motion
    if motion.performer != CAMERA:
        PERFORMERS.check(motion.performer)
    if settings.source.source == BLANK and motion.performer == CAMERA and not motion.motion:
        raise ConfigError(
            "a blank card shows nobody: something must move the face",
            hint="add --motion TAKE.jsonl, or --performer vmc",
        )


def performers(settings: Settings, clock: Clock, stack: ExitStack) -> list[Performer]:
    """Opens the performers, in order: each overrides the ones before.

    Raises:
        ConfigError: a take cannot be read.
        DeviceError: an address cannot be listened on, or there is no microphone.
    """
    motion = settings.motion
    out: list[Performer] = []

    def add(*more: Performer) -> None:
        for each in more:
            stack.callback(each.close)  # also when the next one cannot be opened
            out.append(each)

    if motion.motion:
        add(*players(read_take(Path(motion.motion).expanduser())))
    if motion.performer != CAMERA:
        add(PERFORMERS.create(motion.performer, motion, clock))
    if settings.sound.mouth == "sound":
        from livecam.audio.mouth import MicrophonePerformer

        add(MicrophonePerformer(settings.sound.microphone, clock))
    return out


def mouth_blender(settings: Settings, clock: Clock, stack: ExitStack) -> MouthBlender | None:
    """Blends in the mouth from sound where the camera cannot measure it; None unless asked for.

    Raises:
        ConfigError: no such microphone.
        DeviceError: there is no microphone.
    """
    if settings.sound.mouth != "both":
        return None
    from livecam.audio.mouth import MicrophonePerformer, MouthBlender

    sound = MicrophonePerformer(settings.sound.microphone, clock)
    mouth = MouthBlender(sound, settings.avatar.expression)
    stack.callback(mouth.close)
    return mouth


def listeners(
    settings: Settings, stack: ExitStack, profile: Profile | None = None
) -> list[Listener]:
    """Opens the listeners that receive the published face, measured as that profile says.

    Raises:
        SinkError: a take cannot be written.
        ConfigError: an address is none.
    """
    motion = settings.motion
    out: list[Listener] = []
    if motion.record_motion:
        out.append(take_writer := TakeWriter(Path(motion.record_motion).expanduser()))
        stack.callback(take_writer.close)
    if motion.send_vmc:
        from livecam.protocols.vmc import VmcSender

        out.append(sender := VmcSender(motion.send_vmc, Amplified(settings.avatar, profile)))
        stack.callback(sender.close)
    return out


class Amplified:
    """Turns published faces into the expressions that a head shows, as the rig does. One thread.

    Raw weights are weak on other programs' avatars, too; those add gains of their own.
    """

    def __init__(self, settings: AvatarSettings, profile: Profile | None = None) -> None:
        self._gains = ExpressionGains({}, settings.expression, profile)
        self._at: float | None = None

    def __call__(self, face: FaceState) -> Weights:
        dt = 0.0 if self._at is None else min(max(face.at - self._at, 0.0), 1.0)
        self._at = face.at
        return self._gains.morphs(face.weights, dt, face.arkit_mask)

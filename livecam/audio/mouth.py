"""The mouth that a microphone hears: alone, or where the camera is unsure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from livecam.audio.hearing import Ear, Samples
from livecam.audio.microphone import (
    LATENCIES_S,
    Microphone,
    MicrophoneStream,
    find_microphone,
    list_microphones,
)
from livecam.audio.visemes import TOLD, Visemes
from livecam.audio.voice import Voice
from livecam.core.closing import Closing
from livecam.core.errors import DeviceError
from livecam.core.face import Performance, Weights
from livecam.core.mailbox import Mailbox
from livecam.core.timing import Clock
from livecam.core.worker import Worker
from livecam.motion.base import Performer

STALE_S = 0.3  # no sound for so long: the device is gone, and the mouth is the camera's again
FADES_S = 0.08, 0.25  # since the last sound: the mouth shuts before it is handed over

BLEND_S = 0.1  # from the camera's mouth to the sound's
SURE, UNSURE = 0.35, 0.65  # below and above: the camera's mouth alone, the sound's alone


class SoundMouth:
    """The mouth that makes a sound; needs no device. Fed by one thread, asked by any.

    The samples are mono, -1..1, at `rate_hz`; they need not come in blocks of one length.
    """

    def __init__(self, rate_hz: float = 16000) -> None:
        self.rate_hz = rate_hz
        self._ear = Ear(rate_hz)
        self._voice = Voice()
        self._visemes = Visemes()
        self._newest: Performance | None = None  # frozen, and replaced as a whole

    def feed(self, samples: Samples, at: float) -> None:
        """Hears samples of which the last was taken at that moment."""
        hop_s = self._ear.hop_s
        for heard in self._ear.hear(samples):
            self._visemes.say(self._voice.find(heard, hop_s), hop_s)
        self._newest = Performance(self._visemes.weights, TOLD, None, at)

    def at(self, now: float) -> Performance | None:
        newest = self._newest
        if newest is None or now - newest.at > STALE_S:
            return None
        begins, ends = FADES_S
        left = min(max((ends - (now - newest.at)) / (ends - begins), 0.0), 1.0)
        return newest if left == 1.0 else replace(newest, weights=newest.weights * np.float32(left))


class Sounding(Protocol):
    """An open microphone."""

    rate_hz: float

    def close(self) -> None: ...


OpenMicrophone = Callable[
    [Microphone, Callable[[Samples], None], Callable[[], None], float], Sounding
]


class MouthFromSound(Closing):
    """A performer that listens to a microphone. Any thread may ask.

    `microphone` is its number or a part of its name, empty the usual one. When it is unplugged,
    that is logged once, and it is looked for again and again.

    Raises:
        ConfigError: no such microphone.
        DeviceError: there is no microphone, or no PortAudio.
    """

    def __init__(
        self,
        microphone: str,
        clock: Clock,
        open_microphone: OpenMicrophone = MicrophoneStream,
        microphones: Callable[[bool], list[Microphone]] = list_microphones,
    ) -> None:
        found = find_microphone(microphone, microphones(False))
        self.name = found.name
        self._listening = _Listening(microphone, found, clock, open_microphone, microphones)
        self._worker = Worker("microphone", self._listening)
        self._worker.start()

    @property
    def missed(self) -> int:
        """Blocks of sound that came faster than they were heard."""
        return self._listening.missed

    def at(self, now: float) -> Performance | None:
        return self._listening.mouth.at(now)

    def close(self) -> None:
        self._worker.request_stop()
        self._listening.request_stop()
        self._worker.join()


class _Listening:
    """Hears one microphone after another that answers to one name: a worker's task.

    The thread of PortAudio only copies a block into a mailbox.
    """

    WAITS_S = 0.4  # for a block; ten milliseconds is usual
    WAKES_S = 2.4  # for the first one; PulseAudio may sleep for two seconds before it wakes
    DEPTH = 32  # blocks; a third of a second

    def __init__(
        self,
        wanted: str,
        found: Microphone,
        clock: Clock,
        open_microphone: OpenMicrophone,
        microphones: Callable[[bool], list[Microphone]],
    ) -> None:
        self.mouth = SoundMouth()
        self.missed = 0
        self._wanted = wanted
        self._found: Microphone | None = found
        self._clock = clock
        self._open = open_microphone
        self._microphones = microphones
        self._blocks = _mailbox()
        self._silent = 0  # openings after which no sound came
        self._stopping = threading.Event()
        self._stream: Sounding | None = None

    def start(self) -> None:
        blocks = self._blocks = _mailbox()
        clock = self._clock
        microphone = self._found or find_microphone(self._wanted, self._microphones(True))
        self._found = None  # the next time it may have another number
        self._stream = self._open(
            microphone,
            lambda block: blocks.put((block, clock.now())),
            blocks.close,
            LATENCIES_S[self._silent % len(LATENCIES_S)],
        )
        if self._stream.rate_hz != self.mouth.rate_hz:
            self.mouth = SoundMouth(self._stream.rate_hz)
        self._wait_for_sound()

    def _wait_for_sound(self) -> None:
        for _ in range(round(self.WAKES_S / self.WAITS_S)):
            if self._heard() or self._stopping.is_set():
                return
        self._silent += 1
        raise _no_sound()

    def step(self) -> bool:
        if not self._heard() and not self._stopping.is_set():
            raise _no_sound()
        return True

    def _heard(self) -> bool:
        """Hears the next block; False when none came."""
        block = self._blocks.take(self.WAITS_S)
        if block is not None:
            self.mouth.feed(*block)
        return block is not None

    def request_stop(self) -> None:
        """Waits for no more sound; from any thread."""
        self._stopping.set()
        self._blocks.close()

    def stop(self) -> None:
        stream, self._stream = self._stream, None
        self.missed += self._blocks.missed
        if stream is not None:
            stream.close()


def _no_sound() -> DeviceError:
    return DeviceError("the microphone gives no sound", hint="is it plugged in?")


def _mailbox() -> Mailbox[tuple[Samples, float]]:
    return Mailbox("sound", _Listening.DEPTH)


class MouthWhereUnsure:
    """Moves the mouth by sound where the camera is unsure about it, else by the camera.

    One thread. `mixed` is asked once for every picture. The weights on both sides must be on
    one scale, ARKit's: so it belongs behind the gains of the avatar's expression, and has its
    `strength`.
    """

    def __init__(self, sound: Performer, strength: float = 1.0) -> None:
        self._sound = sound
        self._strength = np.float32(strength)
        self._newest: Performance | None = None
        self._way = 0.0  # 0 camera .. 1 sound; moves steadily
        self._asked_at: float | None = None

    @property
    def share(self) -> float:
        """How much of the mouth is the sound's, 0..1."""
        return self._way * self._way * (3 - 2 * self._way)

    def mixed(self, weights: Weights, unsure: float, now: float) -> Weights:
        """The camera's weights, float32[52], with the sound's mouth as far as it is needed.

        `unsure` is 0..1: how little the camera knows of the mouth; in between, nothing changes
        hands. A change takes BLEND_S. While there is no sound the mouth is the camera's.
        """
        performance = self._sound.at(now)
        if performance is not None:
            self._newest = performance
        self._go(unsure, performance is not None, now)
        if self._newest is None or self._way == 0.0:
            return weights
        mask = self._newest.mask
        out = weights.copy()
        heard = self._newest.weights[mask] * self._strength
        out[mask] += (heard - out[mask]) * np.float32(self.share)
        return out

    def _go(self, unsure: float, sounding: bool, now: float) -> None:
        dt = 0.0 if self._asked_at is None else max(0.0, now - self._asked_at)
        self._asked_at = now
        if unsure <= SURE or not sounding:
            self._way = max(0.0, self._way - dt / BLEND_S)
        elif unsure >= UNSURE:
            self._way = min(1.0, self._way + dt / BLEND_S)

    def close(self) -> None:
        self._sound.close()

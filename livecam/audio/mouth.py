"""Lip sync: the mouth moved by sound, alone or where the camera is uncertain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from livecam.audio.features import FeatureExtractor, Samples
from livecam.audio.microphone import (
    LATENCIES_S,
    Microphone,
    MicrophoneStream,
    find_microphone,
    list_microphones,
)
from livecam.audio.visemes import MOUTH_MASK, VisemeBlender
from livecam.audio.voice_activity import SpeechDetector
from livecam.core.closing import Closing
from livecam.core.errors import DeviceError
from livecam.core.face import Performance, Weights
from livecam.core.mailbox import Mailbox
from livecam.core.timing import Clock
from livecam.core.worker import Worker
from livecam.motion.base import Performer

STALE_S = 0.3  # without sound for so long the device is gone, and the camera moves the mouth
FADES_S = 0.08, 0.25  # since the last sound: the mouth closes before the camera takes over

BLEND_S = 0.1  # from the camera's weights to the sound's
CAMERA_BELOW, SOUND_ABOVE = 0.35, 0.65  # of the uncertainty; nothing changes in between


class LipSync:
    """Turns sound into weights of the mouth; needs no device. Fed by one thread, read by any.

    The samples are mono, -1..1, at `rate_hz`; they need not come in blocks of one length.
    """

    def __init__(self, rate_hz: float = 16000) -> None:
        self.rate_hz = rate_hz
        self._extractor = FeatureExtractor(rate_hz)
        self._detector = SpeechDetector()
        self._visemes = VisemeBlender()
        self._newest: Performance | None = None  # frozen, and replaced as a whole

    def feed(self, samples: Samples, at: float) -> None:
        """Processes samples, of which the last was recorded at that time."""
        hop_s = self._extractor.hop_s
        for features in self._extractor.extract(samples):
            self._visemes.update(self._detector.detect(features, hop_s), hop_s)
        self._newest = Performance(self._visemes.weights, MOUTH_MASK, None, at)

    def at(self, now: float) -> Performance | None:
        newest = self._newest
        if newest is None or now - newest.at > STALE_S:
            return None
        begins, ends = FADES_S
        left = min(max((ends - (now - newest.at)) / (ends - begins), 0.0), 1.0)
        return newest if left == 1.0 else replace(newest, weights=newest.weights * np.float32(left))


class OpenedMicrophone(Protocol):
    """An open microphone."""

    rate_hz: float

    def close(self) -> None: ...


OpenMicrophone = Callable[
    [Microphone, Callable[[Samples], None], Callable[[], None], float], OpenedMicrophone
]


class MicrophonePerformer(Closing):
    """A performer that moves the mouth by the sound of a microphone. Any thread may call it.

    `microphone` is its number or a part of its name, empty the default one. When it is unplugged,
    that is logged once, and it is searched again and again.

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
        self._capture = _CaptureTask(microphone, found, clock, open_microphone, microphones)
        self._worker = Worker("microphone", self._capture)
        self._worker.start()

    def at(self, now: float) -> Performance | None:
        return self._capture.mouth.at(now)

    def close(self) -> None:
        self._worker.request_stop()
        self._capture.request_stop()
        self._worker.join()


class _CaptureTask:
    """A worker's task: records from a microphone and processes its blocks.

    PortAudio's thread only copies a block into a mailbox.
    """

    BLOCK_TIMEOUT_S = 0.4  # ten milliseconds is normal
    FIRST_BLOCK_TIMEOUT_S = 2.4  # PulseAudio may be suspended for two seconds
    DEPTH = 32  # blocks; a third of a second

    def __init__(
        self,
        wanted: str,
        found: Microphone,
        clock: Clock,
        open_microphone: OpenMicrophone,
        microphones: Callable[[bool], list[Microphone]],
    ) -> None:
        self.mouth = LipSync()
        self._wanted = wanted
        self._found: Microphone | None = found
        self._clock = clock
        self._open = open_microphone
        self._microphones = microphones
        self._blocks = _mailbox()
        self._silent = 0  # openings after which no sound came
        self._stopping = threading.Event()
        self._stream: OpenedMicrophone | None = None

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
            self.mouth = LipSync(self._stream.rate_hz)
        self._wait_for_sound()

    def _wait_for_sound(self) -> None:
        for _ in range(round(self.FIRST_BLOCK_TIMEOUT_S / self.BLOCK_TIMEOUT_S)):
            if self._take_block() or self._stopping.is_set():
                return
        self._silent += 1
        raise _no_sound()

    def step(self) -> bool:
        if not self._take_block() and not self._stopping.is_set():
            raise _no_sound()
        return True

    def _take_block(self) -> bool:
        """Processes the next block; False when none came in time."""
        block = self._blocks.take(self.BLOCK_TIMEOUT_S)
        if block is not None:
            self.mouth.feed(*block)
        return block is not None

    def request_stop(self) -> None:
        """Ends the waiting for sound; from any thread."""
        self._stopping.set()
        self._blocks.close()

    def stop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def _no_sound() -> DeviceError:
    return DeviceError("the microphone gives no sound", hint="is it plugged in?")


def _mailbox() -> Mailbox[tuple[Samples, float]]:
    return Mailbox("sound", _CaptureTask.DEPTH)


class MouthBlender:
    """Blends the mouth of the sound over that of the camera where the camera is uncertain.

    One thread. `blended` is called once for every frame. Both weights must be on ARKit's scale:
    so it is applied after the gains of the avatar's expression, and has its `strength`.
    """

    def __init__(self, sound: Performer, strength: float = 1.0) -> None:
        self._sound = sound
        self._strength = np.float32(strength)
        self._newest: Performance | None = None
        self._fade = 0.0  # 0 camera .. 1 sound; changes linearly
        self._last_at: float | None = None

    @property
    def share(self) -> float:
        """The share of the sound, 0..1."""
        return self._fade * self._fade * (3 - 2 * self._fade)

    def blended(self, weights: Weights, uncertainty: float, now: float) -> Weights:
        """Returns the camera's weights, float32[52], with the mouth of the sound blended over them.

        `uncertainty` of the camera about the mouth is 0..1. A change takes BLEND_S. Without sound
        the weights of the camera remain.
        """
        performance = self._sound.at(now)
        if performance is not None:
            self._newest = performance
        self._step(uncertainty, performance is not None, now)
        if self._newest is None or self._fade == 0.0:
            return weights
        mask = self._newest.mask
        out = weights.copy()
        spoken = self._newest.weights[mask] * self._strength
        out[mask] += (spoken - out[mask]) * np.float32(self.share)
        return out

    def _step(self, uncertainty: float, has_sound: bool, now: float) -> None:
        dt = 0.0 if self._last_at is None else max(0.0, now - self._last_at)
        self._last_at = now
        if uncertainty <= CAMERA_BELOW or not has_sound:
            self._fade = max(0.0, self._fade - dt / BLEND_S)
        elif uncertainty >= SOUND_ABOVE:
            self._fade = min(1.0, self._fade + dt / BLEND_S)

    def close(self) -> None:
        self._sound.close()

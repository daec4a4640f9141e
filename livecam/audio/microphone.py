"""Microphones: listing, choosing and recording. The one home of sounddevice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.audio.features import Samples
from livecam.core.closing import Closing
from livecam.core.errors import ConfigError, DeviceError
from livecam.core.library_log import unfiltered_c_stderr
from livecam.core.registry import did_you_mean

RATE_HZ = 16000  # what is wanted; speech has little beyond 8 kHz
BLOCK_S = 0.01
# Three blocks. With two, ALSA's plugin for PulseAudio stalled at times (measured); a device that
# gives no sound with the first is tried with the next.
LATENCIES_S = 0.03, 0.04, 0.10
# Without it PulseAudio may buffer up to two seconds for programs that record through ALSA.
PULSE_LATENCY = "PULSE_LATENCY_MSEC", "10"
PREFERRED_HOST = "WASAPI"  # on Windows; the older ones buffer a tenth of a second


@dataclass(frozen=True, slots=True)
class Microphone:
    """An input device of the sound system."""

    index: int
    name: str
    channels: int = 1
    rate_hz: float = RATE_HZ  # its own
    usual: bool = False  # the default of the system

    def __str__(self) -> str:
        return f'{self.index} "{self.name}"'


def list_microphones(rescan: bool = False) -> list[Microphone]:
    """Lists every microphone, by number.

    `rescan` also finds those that were plugged in since; no stream may be open then.

    Raises:
        DeviceError: PortAudio is missing or failed.
    """
    sounddevice = portaudio()
    try:
        if rescan:
            # PortAudio lists devices only when it is initialised; there is no public call for that
            # (github.com/spatialaudio/python-sounddevice/issues/125).
            with unfiltered_c_stderr():
                sounddevice._terminate()
                sounddevice._initialize()
        devices, hosts = sounddevice.query_devices(), sounddevice.query_hostapis()
        usual = sounddevice.default.device[0]
    except sounddevice.PortAudioError as err:
        raise DeviceError(
            "the sound system fails: {reason}", reason=portaudio_message(err)
        ) from err
    return microphones_among(devices, hosts, usual)


def microphones_among(
    devices: Sequence[dict[str, Any]], hosts: Sequence[dict[str, Any]], usual: int = -1
) -> list[Microphone]:
    """Lists the microphones of one host API: most systems list each device under several."""
    if not hosts:
        return []
    preferred = [host for host in hosts if PREFERRED_HOST in host["name"]]
    own = [host for host in hosts if usual in host["devices"]]
    chosen = next(iter(preferred + own), hosts[0])
    if usual not in chosen["devices"]:
        usual = chosen["default_input_device"]
    found = ((index, devices[index]) for index in sorted(chosen["devices"]))
    return [
        Microphone(
            index,
            str(device["name"]),
            int(device["max_input_channels"]),
            float(device["default_samplerate"]),
            index == usual,
        )
        for index, device in found
        if device["max_input_channels"] > 0
    ]


def find_microphone(spec: str, microphones: Sequence[Microphone]) -> Microphone:
    """Finds the microphone with that number or part of a name; for an empty text the default one.

    Raises:
        ConfigError: none fits, or several do.
        DeviceError: there is no microphone at all.
    """
    if not microphones:
        raise DeviceError(
            "no microphone was found", hint="plug one in, or move the mouth by camera"
        )
    if not spec:
        return next((each for each in microphones if each.usual), microphones[0])
    if spec.isdecimal():
        fitting = [each for each in microphones if each.index == int(spec)]
    else:
        fitting = [each for each in microphones if spec.lower() in each.name.lower()]
        exact = [each for each in fitting if spec.lower() == each.name.lower()]
        fitting = exact or fitting
    if not fitting:
        raise ConfigError(
            'no microphone matches "{spec}"{guess}',
            hint="there is: {names}",
            spec=spec, guess=did_you_mean(spec, [each.name for each in microphones]),
            names="; ".join(map(str, microphones)),
        )  # fmt: skip
    if len(fitting) > 1:
        raise ConfigError(
            '"{spec}" fits several microphones: {fitting}',
            hint="pass the number or more of the name of one of them",
            spec=spec,
            fitting="; ".join(map(str, fitting)),
        )
    return fitting[0]


class MicrophoneStream(Closing):
    """Records mono sound from a microphone in blocks of about 10 ms.

    `on_block` is called with each block, float32[n], on a thread of PortAudio's and must not wait;
    `on_end` is called there once, when the device gives no more or the stream was closed.
    `rate_hz` is 16 kHz where the device can do that, else its own.

    Raises:
        DeviceError: the microphone cannot be opened.
    """

    def __init__(
        self,
        microphone: Microphone,
        on_block: Callable[[Samples], None],
        on_end: Callable[[], None],
        latency_s: float = LATENCIES_S[0],
    ) -> None:
        self._on_block = on_block
        self._on_end = on_end
        self._wanted_latency_s = latency_s
        self._library = portaudio()
        failed: Exception | None = None
        for rate_hz, channels in stream_formats(microphone):
            try:
                self._stream = self._opened(microphone, rate_hz, channels)
                break
            except (self._library.PortAudioError, ValueError) as err:
                failed = err
        else:
            assert failed is not None
            raise DeviceError(
                'microphone "{microphone}" cannot be opened: {reason}',
                hint="does another program hold it, or is access to it forbidden?",
                microphone=microphone.name,
                reason=portaudio_message(failed),
            ) from failed
        self.rate_hz = float(self._stream.samplerate)
        self.latency_s = float(self._stream.latency)  # as PortAudio says

    def _opened(self, microphone: Microphone, rate_hz: float, channels: int) -> Any:
        stream = self._library.InputStream(
            samplerate=rate_hz,
            blocksize=round(rate_hz * BLOCK_S),
            device=microphone.index,
            channels=channels,
            dtype="float32",
            latency=self._wanted_latency_s,
            callback=self._block,
            finished_callback=self._on_end,
        )
        try:
            stream.start()
        except self._library.PortAudioError:
            stream.close()
            raise
        return stream

    def _block(self, sound: NDArray[np.float32], count: int, time: object, status: object) -> None:
        # PortAudio reuses the array as soon as this returns.
        self._on_block(sound[:, 0].copy() if sound.shape[1] == 1 else sound.mean(axis=1))

    def close(self) -> None:
        self._stream.close()  # ignores the errors of a device that is gone


def stream_formats(microphone: Microphone) -> list[tuple[float, int]]:
    """Rates and channel counts to try, in order: some devices support only their own."""
    channels = min(microphone.channels, 2)
    formats = [(float(RATE_HZ), 1), (microphone.rate_hz, 1), (microphone.rate_hz, channels)]
    return list(dict.fromkeys(formats))


def portaudio() -> ModuleType:
    """Returns the library sounddevice, which initialises PortAudio when it is first imported.

    Raises:
        DeviceError: PortAudio is missing or cannot be initialised.
    """
    os.environ.setdefault(*PULSE_LATENCY)
    try:
        # It silences file descriptor 2 while PortAudio looks for sound systems that are not there.
        with unfiltered_c_stderr():
            import sounddevice
    except Exception as err:  # OSError without the library; its own when it cannot be initialised
        raise DeviceError(
            "sound needs PortAudio, which cannot be used: {reason}",
            hint="Debian and Ubuntu: sudo apt-get install libportaudio2; "
            "elsewhere reinstall the Python package sounddevice",
            reason=portaudio_message(err),
        ) from err
    library: ModuleType = sounddevice
    return library


def portaudio_message(error: Exception) -> str:
    """Returns the message of an error of PortAudio's, on one line."""
    words = str(error.args[0] if error.args else error).strip()
    return words.partition("\n")[0] or type(error).__name__

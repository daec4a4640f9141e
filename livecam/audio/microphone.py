"""Microphones: which there are, which one is meant, and its sound. The one home of sounddevice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.audio.hearing import Samples
from livecam.core.closing import Closing
from livecam.core.errors import ConfigError, DeviceError
from livecam.core.registry import did_you_mean

RATE_HZ = 16000  # what is wanted; speech has little beyond 8 kHz
BLOCK_S = 0.01
# Three blocks. With two, ALSA's way to PulseAudio stood still at times (measured); what does not
# sound with the first is tried with the next.
LATENCIES_S = 0.03, 0.04, 0.10
# Without it PulseAudio may keep sound back for two seconds from those who come through ALSA.
PULSE_LATENCY = "PULSE_LATENCY_MSEC", "10"
PREFERRED_HOST = "WASAPI"  # on Windows; the older ones keep sound back for a tenth of a second


@dataclass(frozen=True, slots=True)
class Microphone:
    """A device that gives sound."""

    index: int
    name: str
    channels: int = 1
    rate_hz: float = RATE_HZ  # its own
    usual: bool = False  # what the system takes when nobody chooses

    def __str__(self) -> str:
        return f'{self.index} "{self.name}"'


def list_microphones(anew: bool = False) -> list[Microphone]:
    """Every microphone, by number.

    `anew` looks for those that were plugged in since; no stream may be open then.

    Raises:
        DeviceError: PortAudio is missing or failed.
    """
    sounddevice = portaudio()
    try:
        if anew:
            # PortAudio lists devices only when it begins; there is no public way to say so
            # (github.com/spatialaudio/python-sounddevice/issues/125).
            sounddevice._terminate()
            sounddevice._initialize()
        devices, hosts = sounddevice.query_devices(), sounddevice.query_hostapis()
        usual = sounddevice.default.device[0]
    except sounddevice.PortAudioError as err:
        raise DeviceError(f"the sound system fails: {reason(err)}") from err
    return microphones_among(devices, hosts, usual)


def microphones_among(
    devices: Sequence[dict[str, Any]], hosts: Sequence[dict[str, Any]], usual: int = -1
) -> list[Microphone]:
    """The microphones of one way to the hardware: most systems know each in several ways."""
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
    """The microphone with that number or part of a name; the usual one for an empty word.

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
        near = did_you_mean(spec, [each.name for each in microphones])
        there = "; ".join(map(str, microphones))
        raise ConfigError(f'no microphone matches "{spec}"{near}', hint=f"there is: {there}")
    if len(fitting) > 1:
        raise ConfigError(
            f'"{spec}" fits several microphones: {"; ".join(map(str, fitting))}',
            hint="pass the number or more of the name of one of them",
        )
    return fitting[0]


class MicrophoneStream(Closing):
    """The sound of an open microphone, mono, in blocks of about 10 ms.

    `hear` is called with each block, float32[n], on a thread of PortAudio's and must not wait;
    `ended` is called there once, when the device gives no more or the stream was closed.
    `rate_hz` is 16 kHz where the device can do that, else its own.

    Raises:
        DeviceError: the microphone cannot be opened.
    """

    def __init__(
        self,
        microphone: Microphone,
        hear: Callable[[Samples], None],
        ended: Callable[[], None],
        latency_s: float = LATENCIES_S[0],
    ) -> None:
        self._hear = hear
        self._ended = ended
        self._wanted_latency_s = latency_s
        self._library = portaudio()
        failed: Exception | None = None
        for rate_hz, channels in ways_to_open(microphone):
            try:
                self._stream = self._opened(microphone, rate_hz, channels)
                break
            except (self._library.PortAudioError, ValueError) as err:
                failed = err
        else:
            assert failed is not None
            raise DeviceError(
                f'microphone "{microphone.name}" cannot be opened: {reason(failed)}',
                hint="does another program hold it, or is access to it forbidden?",
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
            finished_callback=self._ended,
        )
        try:
            stream.start()
        except self._library.PortAudioError:
            stream.close()
            raise
        return stream

    def _block(self, sound: NDArray[np.float32], count: int, time: object, status: object) -> None:
        # The array is PortAudio's again as soon as this returns.
        self._hear(sound[:, 0].copy() if sound.shape[1] == 1 else sound.mean(axis=1))

    def close(self) -> None:
        self._stream.close()  # ignores the errors of a device that is gone


def ways_to_open(microphone: Microphone) -> list[tuple[float, int]]:
    """Rates and channels to try, in order: some devices do only what they say of themselves."""
    channels = min(microphone.channels, 2)
    ways = [(float(RATE_HZ), 1), (microphone.rate_hz, 1), (microphone.rate_hz, channels)]
    return list(dict.fromkeys(ways))


def portaudio() -> ModuleType:
    """The library sounddevice, which begins to look for devices when it is first imported.

    Raises:
        DeviceError: PortAudio is missing or does not begin.
    """
    os.environ.setdefault(*PULSE_LATENCY)
    try:
        import sounddevice
    except Exception as err:  # OSError without the library; its own when it does not begin
        raise DeviceError(
            f"sound needs PortAudio, which cannot be used: {reason(err)}",
            hint="Debian and Ubuntu: sudo apt-get install libportaudio2; "
            "elsewhere reinstall the Python package sounddevice",
        ) from err
    library: ModuleType = sounddevice
    return library


def reason(error: Exception) -> str:
    """PortAudio's words for an error, on one line."""
    words = str(error.args[0] if error.args else error).strip()
    return words.partition("\n")[0] or type(error).__name__

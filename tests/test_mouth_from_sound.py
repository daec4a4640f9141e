"""The mouth from sound: a voice opens it as its vowels do, everything else leaves it shut."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from livecam.audio import microphone as microphones
from livecam.audio.features import FeatureExtractor, Samples, formants
from livecam.audio.microphone import (
    LATENCIES_S,
    Microphone,
    MicrophoneStream,
    find_microphone,
    list_microphones,
    microphones_among,
)
from livecam.audio.mouth import BLEND_S, STALE_S, LipSync, MicrophonePerformer, MouthBlender
from livecam.avatar.base import Avatar, AvatarState
from livecam.config.settings import Settings
from livecam.core.errors import ConfigError, DeviceError
from livecam.core.face import EXPRESSIONS, INDEX, Face, Performance, Weights
from livecam.core.observation import Observation
from livecam.core.timing import ManualClock, SystemClock
from livecam.people.tracker import primary_face
from livecam.pipeline.pipeline import Inputs
from livecam.pipeline.states import Shown
from livecam.segmentation.base import Hand, Segmentation, cell_of, grid_of
from livecam.segmentation.hand_mask import LIPS
from livecam.sinks.base import OutputInfo
from tests.faces import SIZE, face
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import Covering, Stage, avatar

approx = pytest.approx
RATE = 16000
VOICES = ("m3", "f2")  # a man's and a woman's
Say = Callable[..., Samples]


@pytest.fixture(scope="session")
def say(tmp_path_factory: pytest.TempPathFactory) -> Say:
    """Speaks phonemes with espeak-ng: float32[n] at 16 kHz that begin with the sound."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")
    folder = tmp_path_factory.mktemp("voice")
    known: dict[tuple[str, str], Samples] = {}

    def speak(text: str, voice: str = "m3", language: str = "de") -> Samples:
        if (text, voice) not in known:
            path = folder / f"{len(known)}.wav"
            command = [program, "-v", f"{language}+{voice}", "-s", "90", "-w", str(path), text]
            subprocess.run(command, check=True)
            known[text, voice] = trimmed(read(path))
        return known[text, voice]

    return speak


def read(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        return resampled(sound, file.getframerate(), RATE)


def resampled(sound: NDArray[np.floating], rate: float, wanted: float) -> Samples:
    at = np.arange(int(len(sound) * wanted / rate)) * rate / wanted
    return np.interp(at, np.arange(len(sound)), sound).astype(np.float32)


def trimmed(sound: Samples) -> Samples:
    """From the first to the last audible sample."""
    audible = np.nonzero(np.abs(sound) > 0.01)[0]
    return sound[audible[0] : audible[-1] + 1]


def at_level(sound: NDArray[np.floating], level_db: float) -> Samples:
    rms = np.sqrt(np.mean(np.square(sound)))
    return (sound / rms * 10 ** (level_db / 20)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def mouths(sound: Samples, rate: int = RATE, mouth: LipSync | None = None) -> Weights:
    """The mouth after each 10 ms of the sound, float32[n, 52]."""
    mouth = mouth or LipSync(rate)
    block = rate // 100
    out = []
    for end in range(block, len(sound) + 1, block):
        mouth.feed(sound[end - block : end], end / rate)
        performance = mouth.at(end / rate)
        assert performance is not None
        out.append(performance.weights)
    return np.array(out)


def steady(sound: Samples) -> dict[str, float]:
    """The mouth in the middle of a sound that begins after half a second of silence."""
    shown = mouths(np.concatenate((silence(0.5), sound)))[62:85].mean(axis=0)
    return dict(zip(EXPRESSIONS, shown.tolist(), strict=True))


JAW = INDEX["jawOpen"]


def wide(shown: dict[str, float]) -> float:
    return shown["mouthStretchLeft"] + shown["mouthSmileLeft"]


def rounded(shown: dict[str, float]) -> float:
    return shown["mouthFunnel"] + shown["mouthPucker"]


@pytest.mark.parametrize("voice", VOICES)
def test_an_ah_opens_the_mouth_widest_of_all_vowels(say: Say, voice: str):
    jaws = {vowel: steady(say(f"[[{vowel}::]]", voice))["jawOpen"] for vowel in "aeiou"}
    assert jaws["a"] > 0.5
    assert all(jaws[vowel] < 0.75 * jaws["a"] for vowel in "eiou")
    assert jaws["i"] < jaws["e"]
    assert jaws["u"] < jaws["o"]


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("vowel", ["e", "i"])
def test_bright_vowels_make_it_wide(say: Say, voice: str, vowel: str):
    shown = steady(say(f"[[{vowel}::]]", voice))
    assert wide(shown) > 0.3
    assert rounded(shown) < 0.1


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("vowel", ["o", "u"])
def test_dark_vowels_make_it_round(say: Say, voice: str, vowel: str):
    shown = steady(say(f"[[{vowel}::]]", voice))
    assert rounded(shown) > 0.6
    assert wide(shown) < 0.1


def test_an_oh_is_a_funnel_and_an_oo_a_pucker(say: Say):
    oh, oo = steady(say("[[o::]]")), steady(say("[[u::]]"))
    assert oh["mouthFunnel"] > 2 * oh["mouthPucker"]
    assert oo["mouthPucker"] > 2 * oo["mouthFunnel"]


@pytest.mark.parametrize("voice", VOICES)
def test_an_m_between_vowels_shuts_the_lips(say: Say, voice: str):
    shown = mouths(say("[[am::'am:a]]", voice))
    assert shown[2:10, JAW].max() > 0.5
    humming = shown[14:26]
    assert humming[:, JAW].min() < 0.05
    assert humming[:, INDEX["mouthPressLeft"]].max() > 0.25


@pytest.mark.parametrize("voice", VOICES)
def test_an_s_shows_the_teeth_and_hardly_moves_the_jaw(say: Say, voice: str):
    shown = steady(say("[[s::s::]]", voice))
    assert 0.02 < shown["jawOpen"] < 0.1
    assert shown["mouthLowerDownLeft"] > 0.2
    assert shown["mouthStretchLeft"] > rounded(shown)


def test_a_sh_is_rounder_than_an_s(say: Say):
    assert rounded(steady(say("[[S::S::]]"))) > rounded(steady(say("[[s::s::]]"))) + 0.3


def test_the_mouth_is_shut_in_silence_and_after_the_last_sound(say: Say):
    assert not mouths(silence(0.5)).any()
    word = say("[[a::]]")
    shown = mouths(np.concatenate((word, silence(0.6))))
    end = len(word) * 100 // RATE
    assert shown[:end, JAW].max() > 0.5
    assert shown[end + 25 :].max() < 0.05


# What a voice is not -------------------------------------------------------------------------


def noise(kind: str, seconds: float = 3.0) -> NDArray[np.float64]:
    """White, or falling with frequency as that of a fan behind a grille."""
    count = round(seconds * RATE)
    white = np.random.default_rng(1).standard_normal(count)
    if kind == "white":
        return white
    hz = np.fft.rfftfreq(count, 1 / RATE)
    return np.fft.irfft(np.fft.rfft(white) / (1 + (hz / 400) ** 2), count)


def hum(hz: float, harmonics: int, seconds: float = 3.0) -> NDArray[np.float64]:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sum([np.sin(2 * np.pi * hz * k * t + k) / k for k in range(1, harmonics)], axis=0)


def knocks(hz: float | None, decay_s: float, peak: float = 0.3) -> Samples:
    """Something struck five times a second: noise, or a ringing, that dies away."""
    random = np.random.default_rng(2)
    out = 1e-4 * random.standard_normal(3 * RATE)
    count = round(8 * decay_s * RATE)
    t = np.arange(count) / RATE
    for start in (np.arange(0.3, 2.8, 0.173) * RATE).astype(int):
        ring = random.standard_normal(count) if hz is None else np.sin(2 * np.pi * hz * t)
        out[start : start + count] += peak * ring * np.exp(-t / decay_s)
    return out.astype(np.float32)


@pytest.mark.parametrize("level_db", [-45, -30])
@pytest.mark.parametrize("kind", ["white", "fan"])
def test_noise_does_not_open_the_mouth(kind: str, level_db: float):
    assert mouths(at_level(noise(kind), level_db)).max() < 0.05


@pytest.mark.parametrize(("hz", "harmonics"), [(50, 6), (60, 40), (100, 20)])
def test_a_hum_of_the_mains_does_not_open_the_mouth(hz: float, harmonics: int):
    assert mouths(at_level(hum(hz, harmonics), -45)).max() < 0.05


def test_a_loud_steady_tone_is_soon_rejected():
    shown = mouths(at_level(hum(180, 20, seconds=4), -25))
    assert shown[300:, JAW].max() < 0.05


@pytest.mark.parametrize(
    ("hz", "decay_s"), [(None, 0.001), (None, 0.003), (None, 0.008), (2500, 0.004), (800, 0.005)]
)
def test_clicks_of_a_keyboard_do_not_open_the_mouth(hz: float | None, decay_s: float):
    assert mouths(knocks(hz, decay_s)).max() < 0.05


def test_a_voice_is_detected_in_white_noise(say: Say):
    word = np.concatenate((silence(0.5), at_level(say("[[la:lo:le:]]"), -20)))
    noisy = word + at_level(noise("white"), -45)[: len(word)]
    clean_jaw, noisy_jaw = mouths(word)[:, JAW], mouths(noisy)[:, JAW]
    assert np.corrcoef(clean_jaw, noisy_jaw)[0, 1] > 0.95


# Loudness, latency, cost -----------------------------------------------------------------------


def test_speaking_softly_moves_the_mouth_as_much(say: Say):
    words = say("She sells sea shells, and the lazy dog jumps over all of them.", language="en")
    loud, soft = (mouths(at_level(words, level_db))[:, JAW] for level_db in (-12, -30))
    assert soft.mean() == approx(loud.mean(), rel=0.2)
    assert np.percentile(soft, 95) == approx(np.percentile(loud, 95), rel=0.1)


def latency_s(sound: Samples, lead: int) -> float:
    """From the onset, `lead` samples after the beginning, to half of the jaw's final opening."""
    jaw = mouths(np.concatenate((np.zeros(lead, np.float32), sound)))[:, JAW]
    onset_s = lead / RATE
    began = round(onset_s * 100)
    final = float(np.median(jaw[began + 10 : began + 25]))
    assert final > 0.1
    return (int(np.argmax(jaw > final / 2)) + 1) / 100 - onset_s


@pytest.mark.parametrize("voice", VOICES)
def test_the_jaw_is_half_open_within_60_ms_of_the_sound(say: Say, voice: str):
    """However the blocks of 10 ms lie; the wait for a whole block is in it."""
    vowels = [say(f"[[{vowel}::]]", voice) for vowel in "aeiou"]
    latencies = [latency_s(sound, 8000 + shift) for sound in vowels for shift in range(0, 160, 53)]
    assert max(latencies) < 0.06


def test_blocks_of_any_length_give_the_same_weights(say: Say):
    word = say("[[a::]]")
    word = word[: len(word) // 160 * 160]
    mouth = LipSync(RATE)
    for start in range(0, len(word), 37):
        mouth.feed(word[start : start + 37], start / RATE)
    performance = mouth.at(len(word) / RATE)
    assert performance is not None
    assert performance.weights == approx(mouths(word)[-1], abs=1e-6)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_other_sample_rates_give_the_same_weights(say: Say, rate: int):
    word = say("[[a::]]")[: RATE // 3]
    one, other = mouths(word)[20], mouths(resampled(word, RATE, rate), rate)[20]
    assert other == approx(one, abs=0.05)


@pytest.mark.parametrize(("voice", "f1_hz", "f2_hz"), [("m3", 300, 2140), ("f2", 355, 2450)])
def test_formants_are_those_that_the_synthesiser_makes(
    say: Say, voice: str, f1_hz: float, f2_hz: float
):
    heard = list(FeatureExtractor(RATE).extract(say("[[i::]]", voice)[: RATE // 4]))
    found = formants(heard[15].spectrum)
    assert found == approx((f1_hz, f2_hz), rel=0.08)


# Camera or sound -----------------------------------------------------------------------------


def test_only_weights_of_mouth_and_jaw_are_set(say: Say):
    mouth = LipSync(RATE)
    mouth.feed(say("[[a::]]")[:3200], 1.0)
    performance = mouth.at(1.0)
    assert performance is not None
    assert {EXPRESSIONS[i].rstrip("LR")[:5] for i in np.nonzero(performance.mask)[0]} <= {
        "mouth",
        "jawOp",
        "jawFo",
        "jawLe",
        "jawRi",
    }
    assert not performance.mask[INDEX["eyeBlinkLeft"]]
    assert performance.pose is None
    assert performance.is_arkit_scale


def test_without_sound_the_mouth_shuts_and_the_camera_takes_over(say: Say):
    mouth = LipSync(RATE)
    assert mouth.at(0.0) is None
    mouth.feed(say("[[a::]]")[:3200], 1.0)
    open_, shut = mouth.at(1.0), mouth.at(1.0 + STALE_S - 0.01)
    assert open_ is not None
    assert open_.weights[JAW] > 0.5
    assert shut is not None
    assert shut.weights.max() == 0.0
    assert mouth.at(1.0 + STALE_S + 0.01) is None


class FixedPerformer:
    """A performer that tells what a test wants."""

    def __init__(self, jaw: float | None) -> None:
        self.jaw = jaw
        self.closed = False

    def at(self, now: float) -> Performance | None:
        if self.jaw is None:
            return None
        weights, performance = np.zeros((2, len(EXPRESSIONS)), np.float32)
        weights[JAW], performance[JAW] = self.jaw, 1
        return Performance(weights, performance.astype(bool), None, now)

    def close(self) -> None:
        self.closed = True


def jaws(
    mouth: MouthBlender, camera: float, unsure: float, began: float, times: int = 30
) -> list[float]:
    weights = np.full(len(EXPRESSIONS), camera, np.float32)
    return [float(mouth.blended(weights, unsure, began + k / 100)[JAW]) for k in range(times)]


def test_where_the_camera_is_certain_its_weights_are_used():
    mouth = MouthBlender(FixedPerformer(0.9))
    weights = np.full(len(EXPRESSIONS), 0.2, np.float32)
    assert mouth.blended(weights, 0.0, 1.0) is weights


def test_where_the_camera_is_uncertain_the_sound_is_blended_in():
    mouth = MouthBlender(FixedPerformer(0.8))
    jaws(mouth, 0.2, 0.0, 0.0)
    shown = jaws(mouth, 0.2, 1.0, 1.0, 30)
    assert shown[-1] == approx(0.8)
    shown = jaws(mouth, 0.2, 0.0, 2.0 - 0.71, 30)
    there = np.array(jaws(mouth, 0.2, 1.0, 1.59, 30))
    assert shown[-1] == approx(0.2)
    assert np.abs(np.diff(there)).max() < 0.1
    assert there[round(BLEND_S * 100) + 1] == approx(0.8)


def test_without_sound_the_weights_of_an_uncertain_camera_are_used():
    sound = FixedPerformer(0.8)
    mouth = MouthBlender(sound)
    jaws(mouth, 0.2, 1.0, 0.0)
    assert mouth.share == 1.0
    sound.jaw = None
    shown = jaws(mouth, 0.2, 1.0, 0.3)
    assert shown[-1] == approx(0.2)
    assert np.abs(np.diff(shown)).max() < 0.1


def test_weights_that_sound_does_not_set_stay_the_cameras():
    mouth = MouthBlender(FixedPerformer(0.8))
    weights = np.full(len(EXPRESSIONS), 0.2, np.float32)
    for k in range(20):
        mixed = mouth.blended(weights, 1.0, k / 100)
    assert mixed[INDEX["eyeBlinkLeft"]] == approx(0.2)
    assert weights[JAW] == approx(0.2)


def test_the_mouth_by_sound_has_the_strength_of_the_expressions():
    mouth = MouthBlender(FixedPerformer(0.8), strength=0.5)
    assert jaws(mouth, 0.2, 1.0, 0.0)[-1] == approx(0.4)


# Microphones ---------------------------------------------------------------------------------

DESK, HEADSET = Microphone(2, "Desk microphone", usual=True), Microphone(5, "USB headset")


@pytest.mark.parametrize(
    ("spec", "index"), [("", 2), ("5", 5), ("headset", 5), ("DESK", 2), ("usb headset", 5)]
)
def test_a_microphone_is_found_by_number_or_part_of_its_name(spec: str, index: int):
    assert find_microphone(spec, [DESK, HEADSET]).index == index


def test_a_misspelt_microphone_gets_a_suggestion():
    with pytest.raises(ConfigError, match='did you mean "USB headset"') as raised:
        find_microphone("USB hedset", [DESK, HEADSET])
    assert "Desk microphone" in raised.value.hint


def test_a_word_that_fits_two_microphones_is_refused():
    with pytest.raises(ConfigError, match="fits several"):
        find_microphone("e", [DESK, HEADSET])


def test_a_machine_without_a_microphone_says_so():
    with pytest.raises(DeviceError, match="no microphone was found") as raised:
        find_microphone("", [])
    assert raised.value.hint


def test_a_microphone_listed_by_several_host_apis_is_listed_once():
    devices = [
        {"name": name, "max_input_channels": channels, "default_samplerate": 48000.0}
        for name, channels in [("Mic", 1), ("Mic", 2), ("Speakers", 0), ("Mic", 2)]
    ]
    hosts = [
        {"name": "MME", "devices": [0], "default_input_device": 0},
        {"name": "Windows WASAPI", "devices": [2, 3], "default_input_device": 3},
    ]
    assert microphones_among(devices, hosts, usual=0) == [Microphone(3, "Mic", 2, 48000.0, True)]


def test_without_portaudio_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="PortAudio") as raised:
        list_microphones()
    assert "libportaudio2" in raised.value.hint


class FakePortAudio:
    """A library with a device that supports only its own rate, and only stereo."""

    class PortAudioError(Exception):
        pass

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.tried: list[tuple[float, int]] = []

    def InputStream(self, **asked: object) -> SimpleNamespace:  # noqa: N802 - sounddevice's name
        wanted = asked["samplerate"], asked["channels"]
        self.tried.append(wanted)
        if wanted != (self.rate_hz, 2):
            raise self.PortAudioError("Invalid sample rate", -9997)
        self.callback = asked["callback"]
        return SimpleNamespace(
            start=lambda: None, close=lambda: None, samplerate=self.rate_hz, latency=0.03
        )


def test_a_device_that_cannot_do_16_khz_is_opened_at_its_own_rate(monkeypatch: pytest.MonkeyPatch):
    library = FakePortAudio(44100.0)
    monkeypatch.setattr(microphones, "portaudio", lambda: library)
    heard: list[Samples] = []
    stereo = Microphone(0, "USB", 2, 44100.0)
    with MicrophoneStream(stereo, heard.append, lambda: None) as stream:
        library.callback(np.array([[0.2, 0.4]], np.float32), 1, None, None)
    assert stream.rate_hz == 44100.0
    assert heard[0] == approx([0.3])


def test_a_device_that_cannot_be_opened_gives_the_reason(monkeypatch: pytest.MonkeyPatch):
    library = FakePortAudio(8000.0)
    monkeypatch.setattr(microphones, "portaudio", lambda: library)
    with pytest.raises(DeviceError, match=r'"USB" cannot be opened: Invalid sample rate'):
        MicrophoneStream(Microphone(0, "USB", 2, 44100.0), lambda _: None, lambda: None)
    assert len(library.tried) == 3


class FakeStream:
    """A microphone that a test speaks into and unplugs."""

    opened: list[FakeStream]
    rate_hz = float(RATE)

    def __init__(
        self,
        microphone: Microphone,
        on_block: Callable[[Samples], None],
        on_end: Callable[[], None],
        latency_s: float,
    ) -> None:
        self.microphone, self.hear, self.unplug = microphone, on_block, on_end
        self.latency_s = latency_s
        self.closed = False
        FakeStream.opened.append(self)
        on_block(silence(0.01))

    def close(self) -> None:
        self.closed = True


def wait_until(true: Callable[[], object], at_most_s: float = 3.0) -> None:
    end = time.monotonic() + at_most_s
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def test_an_unplugged_microphone_is_logged_once_and_found_again(
    say: Say, caplog: pytest.LogCaptureFixture
):
    FakeStream.opened = []
    clock = ManualClock(10.0)
    asked: list[bool] = []
    plugged = [HEADSET]

    def listed(anew: bool) -> list[Microphone]:
        asked.append(anew)
        return [DESK, *plugged]

    with MicrophonePerformer("headset", clock, FakeStream, listed) as mouth:
        wait_until(lambda: FakeStream.opened)
        FakeStream.opened[0].hear(say("[[a::]]")[:3200])
        wait_until(
            lambda: (performance := mouth.at(10.0)) is not None and performance.weights[JAW] > 0.5
        )
        plugged.clear()
        FakeStream.opened[0].unplug()
        wait_until(lambda: asked.count(True) > 1)  # it was searched twice
        assert FakeStream.opened[0].closed
        clock.advance(STALE_S + 0.1)
        assert mouth.at(clock.now()) is None
        plugged.append(Microphone(7, "USB headset"))
        wait_until(lambda: len(FakeStream.opened) > 1)
        wait_until(lambda: mouth.at(clock.now()) is not None)
    assert FakeStream.opened[1].microphone.index == 7
    assert FakeStream.opened[1].closed
    said = [record.getMessage() for record in caplog.records]
    assert sum("gives no sound" in line for line in said) == 1


def test_closing_a_microphone_waits_for_no_sound():
    FakeStream.opened = []
    with MicrophonePerformer("", SystemClock(), FakeStream, lambda anew: [DESK]):
        wait_until(lambda: FakeStream.opened)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0  # the first sound may be waited for 2.4 s
    assert FakeStream.opened[0].latency_s == LATENCIES_S[0]


def test_a_microphone_that_is_not_there_at_the_start_is_an_error():
    with pytest.raises(ConfigError):
        MicrophonePerformer("nosuch", SystemClock(), FakeStream, lambda anew: [DESK])


LISTEN = """
import time
from livecam.audio.mouth import MicrophonePerformer
from livecam.core.face import INDEX
from livecam.core.timing import SystemClock
widest, end = 0.0, time.monotonic() + 5
with MicrophonePerformer("", SystemClock()) as mouth:
    while widest < 0.5 and time.monotonic() < end:
        told = mouth.at(time.monotonic())
        widest = max(widest, 0.0 if told is None else float(told.weights[INDEX["jawOpen"]]))
        time.sleep(0.005)
print("widest", widest)
"""


def test_a_real_sound_system_opens_the_mouth(say: Say, shared: Path, tmp_path: Path):
    script = shared / "guest" / "audio_fake_mic.sh"
    if not script.is_file() or shutil.which("pulseaudio") is None or not _alsa_speaks_pulse():
        pytest.skip("needs apt packages pulseaudio pulseaudio-utils libasound2-plugins")
    path = tmp_path / "ah.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        sound = np.concatenate((say("[[a::]]"), silence(0.3)))
        file.writeframes((sound * 32767).astype(np.int16).tobytes())
    command = ["bash", str(script), str(path), "--", sys.executable, "-c", LISTEN]
    env = {**os.environ, "AUDIO_TIMEOUT": "15"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=30)
    assert "widest" in done.stdout, done.stderr
    assert float(done.stdout.split()[-1]) > 0.5


def _alsa_speaks_pulse() -> bool:
    return any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))


# In the line ---------------------------------------------------------------------------------


class Speaking(Stage):
    """A pipeline with the mouth from sound where it is hidden, and hands that a test moves."""

    def __init__(self, sound: FixedPerformer, **people: object) -> None:
        super().__init__()
        self.hands: tuple[Hand, ...] = ()
        self.segmented, self.track_id = face(), 1
        settings = Settings.model_validate({"avatar": people})
        self.pipeline = TrackedPipeline(
            settings, (avatar(),), self._make, OutputInfo(*SIZE, 30.0),
            Inputs(segmentations=self.segmentation, mouth=MouthBlender(sound)),
        )  # fmt: skip

    def _make(self, avatar: Avatar, width: int, height: int) -> Covering:
        self.compositors.append(Covering())
        return self.compositors[-1]

    @property
    def drawn(self) -> list[AvatarState]:
        return self.compositors[-1].shown

    def segmentation(self) -> Segmentation:
        cell = cell_of(*SIZE)
        columns, rows = grid_of(*SIZE)
        person = np.zeros((rows, columns), np.uint8)
        points = self.segmented.points_px(*SIZE)
        return Segmentation(
            self.now, SIZE, cell, person, None, points, self.hands, track_id=self.track_id
        )

    def jaw_after(self, times: int, *faces: Face) -> list[float]:
        for _ in range(times):
            self.observe(*faces)
        return [float(state.morphs[JAW]) for state in self.drawn[-times:]]


def hand_over_the_mouth(at: Face, aside_px: float = 0.0) -> Hand:
    points = at.points_px(*SIZE)[list(LIPS)]
    around = np.linspace(0, 2 * np.pi, 21, endpoint=False)
    ring = np.stack((np.cos(around), np.sin(around)), 1) * 1.2 * np.ptp(points, axis=0).max()
    return Hand((points.mean(axis=0) + ring + (aside_px, 0.0)).astype(np.float32), 1.0)


def test_a_hand_before_the_mouth_blends_to_the_sound_and_back():
    stage = Speaking(FixedPerformer(0.9))
    assert max(stage.jaw_after(10, face())) < 0.1
    stage.hands = (hand_over_the_mouth(face()),)
    hidden = stage.jaw_after(10, face())
    assert hidden[-1] == approx(0.9, abs=0.01)
    assert np.abs(np.diff([0.0, *hidden])).max() < 0.5  # no jump
    stage.hands = (hand_over_the_mouth(face(), aside_px=60.0),)
    assert stage.jaw_after(10, face())[-1] < 0.1


def test_the_mouth_of_a_held_avatar_moves_by_sound():
    stage = Speaking(FixedPerformer(0.9))
    stage.jaw_after(5, face())
    held = stage.jaw_after(8)
    assert stage.pipeline.show(None, stage.now).state is Shown.HOLD
    assert held[-1] == approx(0.9, abs=0.01)
    assert stage.jaw_after(10, face())[-1] < 0.1


@pytest.mark.parametrize("hidden", [0, 1])
def test_with_two_people_the_sound_moves_the_mouth_of_the_first_slot(hidden: int):
    """The right one is larger: without a place of its own it would be the first."""
    left, right = face(center=(0.28, 0.5), size=0.3), face(center=(0.72, 0.5), size=0.4)
    stage = Speaking(FixedPerformer(0.9), people=2, people_by="place")
    stage.observe(left, right)
    observation = stage.pipeline.people.update(Observation(stage.picture(), (left, right)))
    assert primary_face(observation) is left
    stage.segmented = (left, right)[hidden]
    stage.track_id = observation.slots[hidden]
    stage.hands = (hand_over_the_mouth(stage.segmented),)
    for _ in range(10):
        stage.observe(left, right)
    (jaw,) = [float(s.morphs[JAW]) for s in stage.drawn[-2:] if s.slot == 0]
    assert jaw == approx(0.0 if hidden else 0.9, abs=0.05)


def test_with_a_silent_microphone_a_hidden_mouth_keeps_the_cameras_weights():
    stage = Speaking(FixedPerformer(None))
    stage.hands = (hand_over_the_mouth(face()),)
    assert stage.jaw_after(10, face(jawOpen=0.5))[-1] > 0.3

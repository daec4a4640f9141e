"""Sound, subtitles, chapters and tags on their way from one film into another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.testing import assert_allclose

from livecam.core.errors import SinkError
from livecam.core.frame import Frame
from livecam.media import stream_writer
from livecam.media.reader import VideoReader
from livecam.media.streams import FilmStreams, plan_streams
from livecam.media.tags import readable
from livecam.media.trial import tried
from livecam.media.writer import VideoWriter
from tests.sound_films import SIZE, Sound, Text, click_times, heard, write_film

GREY = np.full((SIZE[1], SIZE[0], 4), 128, np.uint8)
AAC, OPUS = "encoded again as AAC", "encoded again as Opus"
# The codecs of pictures that these containers hold; the others hold H.264.
PICTURES = {".wmv": "wmv2", ".webm": "libvpx", ".avi": "mpeg4"}


def rewritten(source: Path, target: Path, origin: float = 0.0) -> FilmStreams:
    """Writes new pictures and the old sound, as `convert` does; returns what became of it."""

    def make(streams: FilmStreams) -> VideoWriter:
        alpha = target.suffix == ".webm"
        return VideoWriter(target, *SIZE, 25, streams=streams, alpha=alpha)

    plan = plan_streams(source, target, Fraction(origin).limit_denominator(1000))
    with make(tried(plan, target, SIZE, make)) as writer:
        for index in range(25):
            writer.write(Frame(GREY, index, index / 25))
    assert writer.carried is not None
    return writer.carried


def film(path: Path, *sounds: Sound, begins_s: float = 0.0) -> Path:
    return write_film(path, sounds, begins_s=begins_s, codec=PICTURES.get(path.suffix, "libx264"))


def codecs(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [track.codec_context.codec.canonical_name for track in container.streams.audio]


def pictures_begin(path: Path) -> float:
    with av.open(str(path)) as container:
        pictures = container.streams.video[0]
        return float((pictures.start_time or 0) * (pictures.time_base or 0))


# --- what players take --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "sound", "target", "outcome", "stored"),
    [
        ("in.mkv", Sound("aac"), "out.mp4", "copied", "aac"),
        ("in.mp4", Sound("aac"), "out.mkv", "copied", "aac"),
        ("in.ts", Sound("aac"), "out.mp4", "copied", "aac"),
        ("in.ts", Sound("aac"), "out.mkv", "copied", "aac"),
        ("in.mkv", Sound("libmp3lame"), "out.m4v", "copied", "mp3"),
        ("in.mkv", Sound("ac3", "5.1"), "out.mp4", "copied", "ac3"),
        ("in.mkv", Sound("eac3"), "out.mov", "copied", "eac3"),
        ("in.mov", Sound("alac"), "out.mp4", "copied", "alac"),
        ("in.webm", Sound("vorbis"), "out.mp4", AAC, "aac"),
        ("in.webm", Sound("vorbis"), "out.mov", AAC, "aac"),
        ("in.webm", Sound("vorbis"), "out.mkv", "copied", "vorbis"),
        ("in.webm", Sound("vorbis"), "out.webm", "copied", "vorbis"),
        ("in.webm", Sound("libopus"), "out.mp4", AAC, "aac"),
        ("in.webm", Sound("libopus"), "out.mkv", "copied", "opus"),
        ("in.mkv", Sound("flac"), "out.mp4", AAC, "aac"),
        ("in.mkv", Sound("flac"), "out.mkv", "copied", "flac"),
        ("in.mkv", Sound("flac"), "out.webm", OPUS, "opus"),
        ("in.avi", Sound("pcm_s16le"), "out.mp4", AAC, "aac"),
        ("in.avi", Sound("pcm_s16le"), "out.mov", "copied", "pcm_s16le"),
        ("in.avi", Sound("pcm_s16le"), "out.mkv", "copied", "pcm_s16le"),
        ("in.mov", Sound("pcm_s24le", "5.1"), "out.mp4", AAC, "aac"),
        ("in.avi", Sound("pcm_u8", "mono"), "out.mp4", AAC, "aac"),
        ("in.avi", Sound("pcm_u8", "mono"), "out.mov", AAC, "aac"),
        ("in.avi", Sound("pcm_alaw", "mono", 8000), "out.mp4", AAC, "aac"),
        ("in.avi", Sound("adpcm_ms", "stereo", 22050), "out.mp4", AAC, "aac"),
        ("in.avi", Sound("mp2"), "out.mp4", AAC, "aac"),
        ("in.wmv", Sound("wmav2", "stereo", 44100), "out.mp4", AAC, "aac"),
        ("in.wmv", Sound("wmav2", "mono", 44100), "out.webm", OPUS, "opus"),
        ("in.mkv", Sound("pcm_s16le", "stereo", 37800), "out.mp4", AAC, "aac"),
    ],
    ids=lambda value: value.codec if isinstance(value, Sound) else None,
)
def test_what_players_take_is_copied_and_the_rest_is_encoded(
    tmp_path: Path, source: str, sound: Sound, target: str, outcome: str, stored: str
):
    before, after = film(tmp_path / source, sound), tmp_path / target
    origin = pictures_begin(before)  # a transport stream does not begin at 0
    streams = rewritten(before, after, origin)
    assert (streams.sound, codecs(after)) == (outcome, [stored])
    assert pictures_begin(after) == 0
    expected = [t for at in click_times(heard(before)) if 0.05 < (t := at - origin) < 0.85]
    assert len(expected) >= 7
    found = click_times(heard(after))[-len(expected) - 1 :]
    for at in expected:
        assert min(abs(at - each) for each in found) < 0.004, (at, found)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_loudspeakers_that_a_file_does_not_name_are_the_usual_ones(
    tmp_path: Path, layout: str, suffix: str
):
    before, after = film(tmp_path / "in.avi", Sound("pcm_s16le", layout)), tmp_path / f"o{suffix}"
    unnamed(before)
    with av.open(str(before)) as container:
        assert container.streams.audio[0].layout.name.endswith("channels")
    rewritten(before, after)
    with av.open(str(after)) as container:
        found = container.streams.audio[0].layout
        assert found.nb_channels == len(av.AudioLayout(layout).channels)
        if suffix != ".mkv":  # which has no place for their names
            assert found.name == layout
    assert len(click_times(heard(after))) >= 9


def unnamed(path: Path) -> None:
    """Clears the mask of loudspeakers in the header of a sound track (WAVEFORMATEXTENSIBLE)."""
    data = bytearray(path.read_bytes())
    at = data.find(b"strf", data.find(b"auds"))
    if data[at + 8 : at + 10] == b"\xfe\xff":
        data[at + 28 : at + 32] = bytes(4)
    path.write_bytes(data)


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["flac", "aac", "libopus", "pcm_s16le"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_is_moved_with_the_pictures_and_what_was_before_is_cut_away(
    tmp_path: Path, codec: str, suffix: str
):
    """The film begins at 0.25 s of the source's clock, amid the sound."""
    before = film(tmp_path / "in.mkv", Sound(codec), begins_s=0.24)
    after = tmp_path / f"out{suffix}"
    streams = rewritten(before, after, origin=0.25)
    assert pictures_begin(after) == 0
    samples = heard(after)
    expected = np.arange(0.3, 0.95, 0.1) - 0.25
    found = [at for at in click_times(samples) if at > 0.02]
    assert_allclose(found[: len(expected)], expected, atol=0.004)
    assert len(samples) / 48_000 == pytest.approx(0.75, abs=0.05)
    if "encoded" in streams.sound:  # to the sample: the click at 0.2 s ended at 0.22
        assert np.abs(samples[: round(0.04 * 48_000)]).max() < 0.1


def test_of_copied_sound_nothing_before_the_film_is_stored_but_what_the_decoder_needs(
    tmp_path: Path,
):
    before = film(tmp_path / "in.mp4", Sound("aac", ends_s=3.0))
    for suffix, packets in ((".mp4", 4), (".mkv", 0)):  # the last one reaches across the start
        after = tmp_path / f"out{suffix}"
        rewritten(before, after, origin=2.0)
        with av.open(str(after)) as container:
            stored = [p for p in container.demux(audio=0) if p.size]
            early = [p for p in stored if (p.pts or 0) * p.time_base < Fraction(-1, 1000)]
        assert len(early) <= packets
        assert 44 <= len(stored) <= 52  # of a second


@pytest.mark.parametrize("codec", ["flac", "aac"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_begins_late_and_ends_early_keeps_its_place(
    tmp_path: Path, codec: str, suffix: str
):
    before = film(tmp_path / "in.mkv", Sound(codec, begins_s=0.35, ends_s=0.75))
    after = tmp_path / f"out{suffix}"
    rewritten(before, after)
    assert pictures_begin(after) == 0
    samples = heard(after)
    assert_allclose(click_times(samples), [0.4, 0.5, 0.6, 0.7], atol=0.004)
    assert len(samples) / 48_000 == pytest.approx(0.75, abs=0.05)


def test_a_gap_in_the_sound_is_silence_and_the_rest_keeps_its_place(tmp_path: Path):
    whole = film(tmp_path / "whole.mkv", Sound("pcm_s16le"))
    before = tmp_path / "gap.mkv"
    with av.open(str(whole)) as source, av.open(str(before), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            at = (packet.pts or 0) * packet.time_base
            if packet.size and not (packet.stream.type == "audio" and 0.25 < at < 0.55):
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    rewritten(before, tmp_path / "out.mp4")
    samples = heard(tmp_path / "out.mp4")
    assert_allclose(click_times(samples)[-4:], [0.6, 0.7, 0.8, 0.9], atol=0.004)
    assert np.abs(samples[round(0.32 * 48_000) : round(0.52 * 48_000)]).max() < 0.05


def test_a_clock_of_sound_that_is_set_back_costs_nothing(tmp_path: Path):
    whole = film(tmp_path / "whole.mkv", Sound("pcm_s16le"))
    before = tmp_path / "back.nut"
    with av.open(str(whole)) as source, av.open(str(before), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    streams_ = rewritten(before, tmp_path / "out.mp4")
    assert streams_.sound == AAC
    assert len(click_times(heard(tmp_path / "out.mp4"))) >= 9


# --- names, languages and flags -----------------------------------------------------------------

TRACKS = (
    Sound(tags={"language": "chi", "title": "国语"}),
    Sound(tags={"language": "eng", "title": "Commentary"}, disposition=Disposition.default),
    Sound(tags={"language": "fra"}),
)
TEXTS = (
    Text(tags={"language": "eng"}),
    Text(tags={"language": "chi", "title": "简体"}, disposition=Disposition.forced),
)
CHAPTERS = ((0, 400, "第一章"), (400, 1000, "two"))
TAGS = {
    "title": "假日 Holiday",
    "date": "2024-05-01",
    "creation_time": "2024-05-01T10:00:00.000000Z",
    "comment": "private",
    "location": "+31.2304+121.4737/",
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("origin", [0.0, 0.2])
def test_every_track_keeps_its_language_title_and_flags(tmp_path: Path, suffix: str, origin: float):
    before, after = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_film(before, TRACKS, TEXTS, tags=TAGS, chapters=CHAPTERS, begins_s=origin)
    streams = rewritten(before, after, origin)
    assert streams.sound == "copied"
    with av.open(str(after)) as container:
        sounds, texts = container.streams.audio, container.streams.subtitles
        assert [each.language for each in sounds] == ["chi", "eng", "fra"]
        assert [each.metadata.get("title", each.metadata.get("name")) for each in sounds] == [
            "国语", "Commentary", None,
        ]  # fmt: skip
        assert [bool(each.disposition & Disposition.default) for each in sounds] == [0, 1, 0]
        assert [each.language for each in texts] == ["eng", "chi"]
        if suffix != ".mov":  # which has no such flag
            assert [bool(each.disposition & Disposition.forced) for each in texts] == [0, 1]
        assert {key.lower(): value for key, value in container.metadata.items()}.items() >= {
            key: TAGS[key] for key in ("title", "date", "creation_time")
        }.items()
        for private in ("private", "+31.23"):
            assert private.encode() not in after.read_bytes()
        found = [
            (float(each["start"] * each["time_base"]), each["metadata"]["title"])
            for each in container.chapters()
        ]
        assert found == [(0, "第一章"), (pytest.approx(0.4 - origin), "two")]
        shown = [
            (float(p.pts * p.time_base), float((p.duration or 0) * p.time_base))
            for p in container.demux(texts[0])
            if p.size > 2  # MP4 fills gaps with empty texts
        ]
    expected = [(0.2 - origin, 0.2), (0.6 - origin, 0.2)]
    assert_allclose(np.array(shown), np.array(expected), atol=0.002)


@pytest.mark.parametrize(
    ("codec", "target", "outcome", "stored"),
    [
        ("srt", "out.mp4", "encoded again as mov_text", "mov_text"),
        ("ass", "out.mov", "encoded again as mov_text", "mov_text"),
        ("webvtt", "out.mp4", "encoded again as mov_text", "mov_text"),
        ("srt", "out.mkv", "copied", "subrip"),
        ("ass", "out.mkv", "copied", "ass"),
        ("srt", "out.webm", "encoded again as webvtt", "webvtt"),
    ],
)
def test_subtitles_are_copied_or_become_the_text_of_the_container(
    tmp_path: Path, codec: str, target: str, outcome: str, stored: str
):
    before, after = tmp_path / "in.mkv", tmp_path / target
    write_film(before, [Sound()], [Text(codec)])
    plan = rewritten(before, after).streams[-1]
    assert (plan.type, plan.outcome) == ("subtitle", outcome)
    with av.open(str(after)) as container:
        track = container.streams.subtitles[0]
        assert track.codec_context.codec.canonical_name == stored
        words = [bytes(p).decode("utf-8", "replace") for p in container.demux(track) if p.size > 2]
    assert len(words) == 2
    assert all("你好" in each for each in words)


def test_text_of_mp4_becomes_that_of_matroska(tmp_path: Path):
    before, after = tmp_path / "in.mp4", tmp_path / "out.mkv"
    write_film(before, [Sound()], [Text("mov_text")], chapters=CHAPTERS)
    streams = rewritten(before, after)
    assert [each.type for each in streams.streams] == ["audio", "subtitle"]  # no chapter track
    with av.open(str(after)) as container:
        assert container.streams.subtitles[0].codec_context.codec.canonical_name == "subrip"


def test_what_a_container_cannot_hold_and_what_may_tell_more_is_left_out_and_named(tmp_path: Path):
    before = tmp_path / "in.mkv"
    write_film(before, [Sound()], [Text("dvd_subtitle", at_ms=())], fonts=["kai.ttf"])
    with_cover(before, cover := tmp_path / "cover.mkv")
    streams = rewritten(cover, tmp_path / "out.mp4")
    words = [str(each) for each in streams.streams]
    assert words[0] == "sound 1 (aac): copied"
    assert "subtitles 1 (dvd_subtitle): left out (this container cannot hold it)" in words
    assert any("cover" in w or "may show the face" in w for w in words), words
    kept = rewritten(cover, tmp_path / "out.mkv")
    assert any(each.type == "attachment" and each.outcome == "copied" for each in kept.streams)


def with_cover(source: Path, target: Path) -> None:
    """Adds a picture of the film, as downloads have it."""
    with av.open(str(source)) as film_, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in film_.streams}
        out.add_attachment("cover.jpg", "image/jpeg", JPEG)
        for packet in film_.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov"])
@pytest.mark.parametrize("encoding", ["gb18030", "cp1252", "big5"])
def test_a_title_in_another_encoding_never_costs_the_film(
    tmp_path: Path, suffix: str, encoding: str
):
    title = "Pelé's café" if encoding == "cp1252" else "春節聚會"
    source = tmp_path / f"in{suffix}"
    write_film(
        source, [Sound(tags={"title": title})], tags={"title": title},
        chapters=[(0, 500, title)], metadata_encoding=encoding,
        codec=PICTURES.get(suffix, "libx264"),
    )  # fmt: skip
    for target in (tmp_path / "out.mp4", tmp_path / "out.mkv"):
        assert rewritten(source, target).sound == "copied"
        with av.open(str(target)) as container:  # as strict as PyAV is
            read = container.metadata.get("title", "")
        if encoding != "big5":  # which is read as GB 18030: other characters, but text
            assert read == title


def test_bytes_that_are_no_text_at_all_are_left_out():
    assert readable("\udc81\udcff") == ""
    assert readable("a\x07b\x1b[31m") == "ab[31m"


# --- trouble ------------------------------------------------------------------------------------


def test_sound_that_cannot_be_decoded_is_left_out_and_the_film_is_written(tmp_path: Path):
    whole = film(tmp_path / "whole.mkv", Sound("flac"), Sound("flac"))
    before = tmp_path / "bad.mkv"
    with av.open(str(whole)) as source, av.open(str(before), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if not packet.size:
                continue
            index = packet.stream.index
            if index == 1:
                bad = av.Packet(b"\x00" * 64)
                bad.pts, bad.dts, bad.time_base = packet.pts, packet.dts, packet.time_base
                packet = bad
            packet.stream = streams[index]
            target.mux(packet)
    streams_ = rewritten(before, tmp_path / "out.mp4")
    assert [each.outcome for each in streams_.streams] == ["left out (it cannot be decoded)", AAC]
    assert streams_.sound == f"left out (it cannot be decoded), {AAC}"
    assert len(click_times(heard(tmp_path / "out.mp4"))) >= 9


def test_sound_of_a_codec_that_nobody_knows_is_left_out(tmp_path: Path):
    known = film(tmp_path / "known.mkv", Sound("flac", tags={"language": "eng"}), Sound())
    before = tmp_path / "unknown.mkv"
    before.write_bytes(known.read_bytes().replace(b"A_FLAC", b"A_FLAX"))
    with VideoReader(before) as reader:
        assert sum(1 for _ in reader) == 25
    streams = rewritten(before, tmp_path / "out.mkv")
    assert [str(each) for each in streams.streams] == [
        "sound 1 (?, eng): left out (it cannot be decoded)",
        "sound 2 (aac): copied",
    ]


def test_sound_that_cannot_be_copied_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise av.error.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr(stream_writer, "copied_sound", refuse)
    before = film(tmp_path / "in.mkv", Sound())
    assert rewritten(before, tmp_path / "out.mp4").sound == AAC


def test_sound_that_fails_in_the_middle_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = film(tmp_path / "in.mkv", Sound(ends_s=1.0), Sound())
    taken = stream_writer.CopiedSound.take
    calls: list[int] = []

    def fails_late(self, packet):
        calls.append(1)
        if len(calls) == 150:  # the trial has taken about 96
            raise av.error.ArgumentError(22, "Invalid argument")
        return taken(self, packet)

    monkeypatch.setattr(stream_writer.CopiedSound, "take", fails_late)
    streams = rewritten(before, tmp_path / "out.mp4")
    assert len(calls) > 150
    assert sorted(each.outcome for each in streams.streams) == [
        "copied", "copied (its end is missing)",
    ]  # fmt: skip
    assert max(len(click_times(heard(tmp_path / "out.mp4", track))) for track in (0, 1)) >= 9


def test_a_trial_leaves_nothing_and_names_what_is_wrong_with_the_place(tmp_path: Path):
    before = film(tmp_path / "in.mkv", Sound())
    with pytest.raises(SinkError, match="no folder") as caught:
        rewritten(before, tmp_path / "nowhere" / "out.mp4")
    assert caught.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["in.mkv"]

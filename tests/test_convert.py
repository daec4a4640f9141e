"""Films through the whole conversion: a real face, a gap, a cut, a shot without a face, sound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from livecam.cli.command_log import TerminalFormatter
from livecam.cli.main import execute
from livecam.compose.base import PreparedFrame
from livecam.compose.compositor import HeadCompositor
from livecam.convert import convert_files
from livecam.convert.build import Surveyor
from livecam.core.errors import GraphicsError, LivecamError, UsageError, file_error
from livecam.core.frame import Frame, Image
from livecam.media.reader import VideoReader
from livecam.media.streams import plan_streams
from livecam.media.writer import VideoWriter
from tests.drafts import CONVERT, DRAFT
from tests.sound_films import Sound, Text, write_film

SIZE = (320, 240)
TICKS = Fraction(1, 1000)
FIRST, EMPTY, LAST = range(24), range(24, 34), range(34, 46)  # three shots
GAP = range(10, 15)  # something passes before the face


def room(width: int, height: int, seed: int) -> Image:
    """A background with large soft shapes, in colours of its own."""
    noise = np.random.default_rng(seed).integers(40, 200, (5, 6, 3)).astype(np.uint8)
    image = np.full((height, width, 4), 255, np.uint8)
    image[..., :3] = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return image


def with_portrait(image: Image, portrait: Image, x: float, y: float, scale: float) -> Image:
    """The portrait with its top left corner there."""
    place = np.array(((scale, 0, x), (0, scale, y)))
    height, width = image.shape[:2]
    out = cv2.warpAffine(
        portrait, place, (width, height), dst=image.copy(), borderMode=cv2.BORDER_TRANSPARENT,
        flags=cv2.INTER_AREA,
    )  # fmt: skip
    return np.asarray(out, np.uint8)


def scene(index: int, portrait: Image, width: int = SIZE[0], height: int = SIZE[1]) -> Image:
    if index in EMPTY:
        return room(width, height, seed=2)
    if index in LAST:
        return with_portrait(room(width, height, 3), portrait, 0, -20, 0.7)
    image = with_portrait(room(width, height, 1), portrait, 20 + 1.5 * index, 6, 0.6)
    if index in GAP:
        image[20:200, 20:300, :3] = room(280, 180, seed=9)[..., :3]
    return image


def beep(path: Path, seconds: float) -> Path:
    """A sound file of one track."""
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=44100)
        wave = np.sin(np.arange(int(44100 * seconds)) * 0.06).astype(np.float32)[None] / 4
        for start in range(0, wave.shape[1], 1024):
            piece = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(wave[:, start : start + 1024]), "fltp", "mono"
            )
            piece.sample_rate, piece.pts = 44100, start
            container.mux(track.encode(piece))
        container.mux(track.encode(None))
    return path


def film(
    path: Path,
    images: Iterator[Image] | list[Image],
    sound: Path | None = None,
    uneven: bool = False,
) -> Path:
    """Writes pictures 40 ms apart, or 27 to 53 ms."""
    pictures = list(images)
    height, width = pictures[0].shape[:2]
    steps = np.random.default_rng(4).integers(27, 54, len(pictures)) if uneven else [40]
    ticks = np.cumsum(np.resize(steps, len(pictures)))
    ticks -= ticks[0]
    streams = plan_streams(sound, path) if sound else None
    with VideoWriter(path, width, height, 25, time_base=TICKS, streams=streams) as writer:
        for index, (image, tick) in enumerate(zip(pictures, ticks, strict=True)):
            writer.write(Frame(image, index, float(tick * TICKS)))
    return path


def times(path: Path) -> list[float]:
    with VideoReader(path) as reader:
        return [frame.captured_at for frame in reader]


def pictures(path: Path) -> list[Image]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        return [(p.pts, bytes(p)) for p in container.demux(track) if p.size]


def differs(a: Image, b: Image) -> float:
    return float(cv2.absdiff(a, b)[..., :3].mean())


@dataclass(frozen=True)
class Converted:
    source: Path
    output: Path
    lines: list[dict[str, Any]]
    words: str


@pytest.fixture(scope="module")
def converted(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """One film of three shots, with uneven times and sound, converted once for all tests."""
    folder = tmp_path_factory.mktemp("convert")
    sound = beep(folder / "beep.m4a", 1.9)
    images = [scene(index, portrait) for index in range(LAST.stop)]
    source = film(folder / "film.mp4", images, sound, uneven=True)
    output, stats, words = folder / "out.mp4", folder / "stats.jsonl", folder / "words.txt"
    with words.open("w") as file:
        stdout, sys.stdout = sys.stdout, file
        try:
            code = execute([*CONVERT, str(source), str(output), "--stats", str(stats)])
        finally:
            sys.stdout = stdout
    assert code == 0
    lines = [json.loads(line) for line in stats.read_text().splitlines()]
    return Converted(source, output, lines, words.read_text())


def test_every_frame_keeps_its_place_in_time_and_its_size(converted: Converted):
    assert times(converted.output) == pytest.approx(times(converted.source), abs=1e-6)
    with VideoReader(converted.output) as reader:
        assert (reader.info.width, reader.info.height) == SIZE
    assert [line["frame"] for line in converted.lines] == list(range(LAST.stop))


def test_sound_is_copied_bit_for_bit(converted: Converted):
    assert packets(converted.output) == packets(converted.source)


def test_a_gap_in_a_shot_is_bridged_with_the_head_in_place(converted: Converted):
    lines = [converted.lines[i] for i in FIRST]
    assert {line["state"] for line in lines} == {"avatar"}
    assert [line["tracked"] for line in lines] == [i not in GAP for i in FIRST]
    across = np.array([line["camera_from_head"][3] for line in lines])
    steps = np.diff(across)
    assert steps.min() > 0.3 * np.median(steps)
    assert steps.max() < 3 * np.median(steps)


def test_a_shot_without_a_face_passes_through_and_is_named(converted: Converted):
    assert {converted.lines[i]["state"] for i in EMPTY} == {"passthrough"}
    assert {converted.lines[i]["camera_from_head"] for i in EMPTY} == {None}
    before, after = pictures(converted.source), pictures(converted.output)
    assert max(differs(before[i], after[i]) for i in EMPTY) < 3
    assert "no face found, passed through: 0:01.0-0:01.4" in converted.words


def test_the_face_after_a_cut_is_covered_from_its_first_frame(converted: Converted):
    assert {converted.lines[i]["state"] for i in LAST} == {"avatar"}
    before, after = pictures(converted.source), pictures(converted.output)
    for index in LAST:
        x0, y0, x1, y1 = converted.lines[index]["head_box"]
        inside = (slice(y0, y1), slice(x0, x1))
        assert differs(before[index][inside], after[index][inside]) > 15


def test_strict_hides_a_shot_without_a_face(portrait: Image, tmp_path: Path):
    source = film(tmp_path / "empty.mp4", [room(*SIZE, seed=2) for _ in range(5)])
    stats = tmp_path / "stats.jsonl"
    output = tmp_path / "out.mp4"
    assert convert_files([source], output, DRAFT, strict=True, stats=stats).is_complete
    assert {json.loads(line)["state"] for line in stats.read_text().splitlines()} == {"curtain"}
    assert differs(pictures(source)[2], pictures(output)[2]) > 15


def test_odd_sides_are_made_even_as_players_want_and_it_is_said(portrait: Image, tmp_path: Path):
    source = tmp_path / "odd.webm"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height = 321, 241
        for index in range(4):
            image = np.ascontiguousarray(scene(index, portrait, 321, 241)[..., :3])
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    done = convert_files([source], tmp_path / "out.mp4", DRAFT)
    assert done.is_complete
    assert "written as 322x242" in done.outcomes[0].notes[0]
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height) == (322, 242)
        assert (context.pix_fmt, context.profile) == ("yuv420p", "High")


def test_the_report_tells_of_every_track(portrait: Image, tmp_path: Path):
    chinese = Sound(tags={"language": "chi"}, disposition=Disposition.default)
    other = Sound("flac", tags={"language": "eng", "title": "Jane's"})
    source = write_film(tmp_path / "film.mkv", [chinese, other], [Text()])
    outcome = convert_files([source], tmp_path / "out.mp4", DRAFT).outcomes[0]
    assert not outcome.error
    assert outcome.sound == "copied, encoded again as AAC"
    assert outcome.streams == [
        "sound 1 (aac, chi): copied",
        "sound 2 (flac, eng, Jane's): encoded again as AAC",
        "subtitles 1 (subrip): encoded again as mov_text",
    ]
    assert outcome.seconds == pytest.approx(1.0, abs=0.05)
    assert outcome.took_s > 0


def test_only_the_largest_face_wears_the_avatar_the_other_is_blurred(
    portrait: Image, tmp_path: Path
):
    def two(index: int) -> Image:
        image = with_portrait(room(400, 240, 1), portrait, -40 + index, 0, 0.6)
        return with_portrait(image, portrait, 150, 10, 0.5)

    source = film(tmp_path / "two.mp4", [two(i) for i in range(6)])
    stats = tmp_path / "stats.jsonl"
    assert convert_files([source], tmp_path / "out.mp4", DRAFT, stats=stats).is_complete
    line = json.loads(stats.read_text().splitlines()[3])
    assert line["head_box"][0] < 200
    before, after = pictures(source)[3], pictures(tmp_path / "out.mp4")[3]
    face = (slice(35, 105), slice(230, 285))
    edges = [cv2.Laplacian(image[face][..., 1], cv2.CV_32F).std() for image in (before, after)]
    assert edges[1] < edges[0] / 4


def test_a_face_too_small_for_the_detector_is_found_in_crops(portrait: Image, tmp_path: Path):
    wide = [with_portrait(room(640, 240, 1), portrait, 340 + i, 60, 0.34) for i in range(8)]
    source = film(tmp_path / "wide.mp4", wide)
    stats = tmp_path / "stats.jsonl"
    assert convert_files([source], tmp_path / "out.mp4", DRAFT, stats=stats).is_complete
    lines = [json.loads(line) for line in stats.read_text().splitlines()]
    assert {line["state"] for line in lines} == {"avatar"}
    assert all(line["tracked"] for line in lines)
    x0, y0, x1, y1 = lines[4]["head_box"]
    assert x0 < 415 < x1
    assert y0 < 98 < y1


def test_an_existing_file_is_only_replaced_with_force(
    portrait: Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = film(tmp_path / "film.mp4", [scene(i, portrait) for i in range(3)])
    output = tmp_path / "out.mp4"
    assert convert_files([source], output, DRAFT).is_complete
    before = output.read_bytes()
    assert not convert_files([source], output, DRAFT).is_complete
    assert output.read_bytes() == before
    assert "--force" in caplog.records[-1].getMessage()
    output.write_bytes(b"precious")
    assert not convert_files([source], output, DRAFT, force=True).is_complete
    assert output.read_bytes() == b"precious"
    output.write_bytes(before)
    assert convert_files([source], output, DRAFT, force=True).is_complete
    assert len(pictures(output)) == 3


def test_an_unsupported_suffix_is_refused_before_conversion(
    portrait: Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = film(tmp_path / "in.mp4", [scene(i, portrait) for i in range(2)])
    assert not convert_files([source], tmp_path / "out.webm", DRAFT).is_complete
    assert ".mkv" in caplog.records[0].getMessage()


def test_a_folder_that_cannot_be_made_is_one_clear_error(
    portrait: Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = film(tmp_path / "film.mp4", [scene(i, portrait) for i in range(3)])
    assert not convert_files([source], source / "in-a-file" / "out.mp4", DRAFT).is_complete
    (record,) = caplog.records
    assert f"{source} is no folder" in record.getMessage()
    assert (
        TerminalFormatter(debug=False).format(record) == record.getMessage()
    )  # the traceback is in the file


def test_the_output_never_replaces_its_source(portrait: Image, tmp_path: Path):
    source = film(tmp_path / "film.mp4", [scene(i, portrait) for i in range(3)])
    before = source.read_bytes()
    assert not convert_files([source], source, DRAFT, force=True).is_complete
    (tmp_path / "alias.mp4").symlink_to(source)
    assert not convert_files([source], tmp_path / "alias.mp4", DRAFT, force=True).is_complete
    assert source.read_bytes() == before


def test_a_bad_film_does_not_stop_the_others(
    portrait: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "a_broken.mp4").write_bytes(b"this is no film")
    (folder / "notes.txt").write_text("not a film either")
    film(folder / "b_good.mp4", [scene(i, portrait) for i in range(3)])
    output = tmp_path / "out"
    assert execute([*CONVERT, str(folder), str(output)]) == 1
    assert [path.name for path in output.iterdir()] == ["b_good-livecam.mp4"]
    table = capsys.readouterr().out
    assert "a_broken.mp4" in table
    assert "b_good.mp4" in table
    assert "notes.txt" not in table


def test_films_of_the_same_name_get_different_outputs(portrait: Image, tmp_path: Path):
    sources = [tmp_path / "film.mp4", tmp_path / "film.mkv"]
    for source in sources:
        film(source, [scene(i, portrait) for i in range(2)])
    assert convert_files(sources, tmp_path / "out", DRAFT).is_complete
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["film-livecam.mp4", "film-mkv-livecam.mp4"]


def test_several_films_need_a_folder(tmp_path: Path):
    (tmp_path / "out.mp4").write_bytes(b"a file")
    with pytest.raises(UsageError, match="is a file"):
        convert_files([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out.mp4", DRAFT)


def test_a_crash_in_the_middle_leaves_no_file_behind(
    portrait: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = film(tmp_path / "film.mp4", [scene(i, portrait) for i in range(6)])
    draw = HeadCompositor.draw

    def fails_late(self: HeadCompositor, prepared: PreparedFrame) -> Frame:
        if prepared.frame.index == 4:
            raise GraphicsError("the driver gave up")
        return draw(self, prepared)

    monkeypatch.setattr(HeadCompositor, "draw", fails_late)
    output = tmp_path / "out"
    assert not convert_files([source], output, DRAFT).is_complete
    assert list(output.iterdir()) == []


def test_ctrl_c_leaves_no_file_behind(portrait: Image, tmp_path: Path):
    source = film(tmp_path / "film.mp4", [scene(i % 9, portrait) for i in range(70)])
    output = tmp_path / "out"
    output.mkdir()
    program = "import sys; from livecam.cli.main import main; sys.exit(main())"
    running = subprocess.Popen(
        [sys.executable, "-c", program, *CONVERT, str(source), str(output)],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(output.iterdir()) and running.poll() is None and time.monotonic() < deadline:
        try:
            running.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    assert list(output.iterdir()), "it was over before it could be stopped"
    running.send_signal(signal.SIGINT)
    words, _ = running.communicate(timeout=30)
    assert running.returncode == 130, words
    assert list(output.iterdir()) == []
    assert "Traceback" not in words


def _never(*_: object) -> None:
    raise AssertionError("the film was surveyed")


@pytest.mark.parametrize(
    ("output", "words", "hint"),
    [
        ("名" * 83 + ".mp4", "", ""),
        ("名" * 84 + ".mp4", "too long", "shorter"),
        ("film.mp4", "never overwritten", "another name"),
        ("out.avi", "no film that can be written", ".mp4"),
        ("film.mp4/out.mp4", "", "choose"),
    ],
)
def test_what_can_be_refused_is_refused_before_the_first_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, words: str, hint: str
):
    source = write_film(tmp_path / "film.mp4", [Sound()])
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(Surveyor, "survey", _never)
    try:
        error = convert_files([source], tmp_path / output, DRAFT, force=True).outcomes[0].error
    except LivecamError as refused:
        error = f"{refused.message}; {refused.hint}"
    except OSError as refused:
        error = str(file_error(refused)) + file_error(refused).hint
    if hint:
        assert words in error
        assert hint in error
    else:
        assert "surveyed" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_disk_that_is_clearly_too_small_is_refused_before_the_first_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = write_film(tmp_path / "film.mp4", [Sound()])
    monkeypatch.setattr(Surveyor, "survey", _never)
    monkeypatch.setattr(
        "livecam.core.places.shutil.disk_usage", lambda _: type("Usage", (), {"free": 20})()
    )
    error = convert_files([source], tmp_path / "out.mp4", DRAFT).outcomes[0].error
    assert "MB left" in error
    assert "free some space" in error


@pytest.mark.parametrize("name", ["film.mp4", "out.mp4", "link.mp4"])
@pytest.mark.parametrize("option", ["--stats", "--record-motion"])
def test_statistics_and_takes_never_go_into_a_film(tmp_path: Path, name: str, option: str):
    source = write_film(tmp_path / "film.mp4", [Sound()])
    (tmp_path / "link.mp4").symlink_to(source)
    content = source.read_bytes()
    output = tmp_path / "out.mp4"
    assert execute(["convert", str(source), str(output), option, str(tmp_path / name)]) == 3
    assert source.read_bytes() == content
    assert not output.exists()

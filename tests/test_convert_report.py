"""The report of a conversion, of real films and photos with a real face."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.cli.main import execute
from livecam.convert import convert_files
from livecam.convert.frame_kinds import FilmPart, FrameKind, clock, frame_kinds
from livecam.convert.jobs import ConversionJob
from livecam.convert.outcome import Conversion, Outcome
from livecam.convert.plan import ShotPlan
from livecam.convert.report import ConversionReport, check_report, write_report
from livecam.convert.report_film import bar
from livecam.convert.spans import WearerSpan
from livecam.convert.thumbnails import FilmRecord, chosen_frames, pictures_each
from livecam.core.errors import SinkError
from livecam.core.frame import Image
from livecam.core.language import set_language
from livecam.media.images import CHECKS, jpeg_thumbnail
from livecam.pipeline.states import Shown
from tests.drafts import CONVERT, DRAFT
from tests.test_convert import EMPTY, FIRST, GAP, LAST, differs, film, pictures, scene

HOSTILE = '<img src=x onerror="alert(1)">&.mp4' if os.name != "nt" else "a & b's.mp4"
VOID = ("meta", "link", "img", "hr", "br")


@dataclass
class Parsed(HTMLParser):
    """What a page holds; the elements must be closed in their order."""

    text: str
    lang: str = ""
    words: list[str] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)  # of the parts of the bars
    tags: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.feed(self.text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        if tag == "html":
            self.lang = found["lang"]
        if tag == "img":
            self.images.append(found)
        if tag == "rect":
            self.kinds.append(int(found["class"].removeprefix("k")))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def title(self) -> str:
        return re.search("<title>(.*?)</title>", self.text).group(1)  # type: ignore[union-attr]


def decoded(element: dict[str, str]) -> Image:
    kind, _, data = element["src"].partition(",")
    assert kind == "data:image/jpeg;base64"
    bgr = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), np.uint8)


@pytest.fixture(scope="module")
def folder(portrait: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of three shots under a hostile name, a photo, and what is no film."""
    folder = tmp_path_factory.mktemp("report") / "in"
    folder.mkdir()
    made = film(folder / "film.mp4", [scene(i, portrait) for i in range(LAST.stop)])
    made.rename(folder / HOSTILE)
    cv2.imwrite(str(folder / "me.jpg"), cv2.cvtColor(portrait, cv2.COLOR_RGBA2BGR))
    (folder / "broken.mp4").write_bytes(b"no film")
    return folder


@pytest.fixture(scope="module")
def both(folder: Path) -> Path:
    """The report of all three, with the real faces."""
    report = folder.parent / "both.html"
    arguments = [*CONVERT, str(folder), str(folder.parent / "out"), "--report", str(report)]
    assert execute([*arguments, "--report-pictures", "both", "--language", "en"]) == 1
    return report


@pytest.fixture
def english() -> Iterator[None]:
    yield
    set_language("en")


def test_the_page_loads_nothing_and_runs_nothing(both: Path):
    text = both.read_text("utf-8")
    page = Parsed(text)
    assert "script" not in page.tags
    without_data = re.sub(r"data:image/jpeg;base64,[\w+/=]+", "data:", text)
    assert not re.search(r"https?:|url\(|@import|//", without_data)
    local = ("data:", "#film-")
    assert all(address.startswith(local) for address in page.addresses)
    assert "default-src 'none'" in text


def test_the_page_fits_telephones_and_dark_screens(both: Path):
    text = both.read_text("utf-8")
    assert "width=device-width" in text
    assert "prefers-color-scheme: dark" in text
    assert (Parsed(text).lang, Parsed(text).title) == ("en", "Converted films and photos")


def test_names_of_others_are_text(both: Path):
    page = Parsed(both.read_text("utf-8"))
    assert HOSTILE in page.words
    assert all(image["src"].startswith("data:") for image in page.images)


def test_no_folder_is_named(both: Path, folder: Path):
    assert str(folder) not in both.read_text("utf-8")
    assert "broken.mp4 is not a video that can be read" in " ".join(
        Parsed(both.read_text("utf-8")).words
    )


def test_only_the_owner_may_read_it(both: Path):
    if os.name == "posix":
        assert both.stat().st_mode & 0o777 == 0o600


def test_the_pictures_are_those_of_the_film_before_and_after(both: Path, folder: Path):
    images = Parsed(both.read_text("utf-8")).images
    source = pictures(folder / HOSTILE)
    result = pictures(next((folder.parent / "out").glob("*-livecam.mp4")))
    first = [each for each in images if " 0:00.0 " in each["alt"]]
    before, after = (decoded(each) for each in first)
    assert (first[0]["alt"], first[1]["alt"]) == (
        "before 0:00.0 avatar, face measured",
        "after 0:00.0 avatar, face measured",
    )
    at = 1  # the first of twelve evenly chosen moments of 1.84 seconds
    assert differs(before, source[at]) < 6 < differs(before, result[at])
    assert differs(after, result[at]) < 6


def test_the_bar_shows_each_shot_and_the_gap(both: Path):
    page = Parsed(both.read_text("utf-8"))
    whole = page.kinds[-5:]
    avatar, held, passed = FrameKind.AVATAR, FrameKind.HELD, FrameKind.PASSED
    assert whole == [avatar, held, avatar, passed, avatar]
    words = " ".join(page.words)
    assert "a face may show: look" in words
    assert f"passed through: {clock(EMPTY.start / 25)}-" in words
    measured = 1 - len(GAP) / (len(FIRST) + len(LAST))
    assert f"{measured:.1%} of the frames with an avatar" in words


def test_a_photo_is_one_pair(both: Path):
    text = both.read_text("utf-8")
    photo = text[text.index('id="film-3"') :]
    images = re.findall(r'<img src="[^"]+" width="(\d+)"', photo)
    assert images == ["512", "512"]
    assert "<svg" not in photo


def test_by_default_no_picture_is_from_the_source_and_words_are_translated(
    folder: Path, tmp_path: Path, english: None
):
    set_language("zh")
    report = tmp_path / "new folder" / "report.html"
    source = folder / "me.jpg"
    assert convert_files([source], tmp_path / "me.png", DRAFT, report=report).is_complete
    page = Parsed(report.read_text("utf-8"))
    assert (page.lang, page.title) == ("zh-Hans", "报告：me.jpg")
    assert [each["alt"].split()[0] for each in page.images] == ["转换后"]
    real = cv2.cvtColor(cv2.imread(str(source)), cv2.COLOR_BGR2RGBA)
    assert differs(decoded(page.images[0]), np.asarray(real, np.uint8)) > 6
    assert not re.search("[a-z]{4} [a-z]", " ".join(page.words).replace("livecam", ""))


def test_a_report_replaces_reports_alone_and_only_with_force(tmp_path: Path):
    path = tmp_path / "a.html"
    write_report(ConversionReport(path), Conversion((), ()))
    check_report(ConversionReport(path), [], force=True)
    with pytest.raises(SinkError, match="exists"):
        check_report(ConversionReport(path), [])
    path.write_text("<html>my own page</html>")
    with pytest.raises(SinkError, match="is no report of livecam"):
        check_report(ConversionReport(path), [], force=True)
    assert path.read_text() == "<html>my own page</html>"


@pytest.mark.parametrize("name", ["film.mp4", "report", "in.html/report.html"])
def test_a_report_that_cannot_be_is_refused_before_the_first_film(name: str, tmp_path: Path):
    (tmp_path / "in.html").write_bytes(b"film")
    with pytest.raises(SinkError):
        convert_files([tmp_path / "in.html"], tmp_path / "out.mp4", DRAFT, report=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["in.html"]


def test_a_report_is_none_of_the_other_files(tmp_path: Path):
    source, stats = tmp_path / "in.html", tmp_path / "stats.html"
    source.write_bytes(b"film")
    for report in (source, stats):
        with pytest.raises(SinkError, match="read or written for something else"):
            convert_files(
                [source], tmp_path / "out.mp4", DRAFT, stats=stats, report=report, force=True
            )


def test_a_report_that_cannot_be_written_costs_no_film(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("livecam.convert.converter.write_report", full)
    done = convert_files(
        [folder / "me.jpg"], tmp_path / "me.jpg", DRAFT, report=tmp_path / "r.html"
    )
    assert [outcome.error for outcome in done.outcomes] == [""]
    assert (tmp_path / "me.jpg").exists()
    assert not done.is_complete


def test_an_unknown_choice_of_pictures_is_refused(capsys: pytest.CaptureFixture[str]):
    assert execute(["convert", "a.mp4", "b.mp4", "--report-pictures", "before"]) == 2
    assert "after, both" in capsys.readouterr().err


def test_films_that_were_left_are_named(tmp_path: Path, folder: Path):
    jobs = [ConversionJob(Path(name), tmp_path / name) for name in ("<1>.mp4", "<2>.mp4")]
    report = ConversionReport(tmp_path / "r.html")
    write_report(report, Conversion((Outcome(jobs[0], error="bad"),), (jobs[1],)))
    words = " ".join(Parsed(report.path.read_text("utf-8")).words)
    assert "Stopped; not converted: <2>.mp4" in words


def test_what_is_transparent_shows_a_checkerboard_and_nothing_of_the_room():
    image = np.full((64, 64, 4), (250, 0, 0, 0), np.uint8)
    data, width, height = jpeg_thumbnail(image, 32)
    small = decoded({"src": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"})
    assert (width, height) == (32, 32)
    assert small[2:6, 2:6, :3].mean() == pytest.approx(CHECKS[0], abs=4)
    assert small[2:6, 10:14, :3].mean() == pytest.approx(CHECKS[1], abs=4)
    assert np.ptp(small[..., :3].astype(int), axis=2).max() < 12


def test_many_films_get_fewer_pictures_each():
    assert [pictures_each(films) for films in (1, 50, 100, 10_000)] == [12, 12, 6, 4]


def test_a_frame_is_of_the_kind_that_is_the_most_worth_a_look():
    sure, followed, guess = np.array(((1, 1, 0, 0, 0), (1, 0, 1, 0, 0), (0, 0, 0, 0, 1)), bool)
    spans = (
        WearerSpan(range(5), (), sure, guess),
        WearerSpan(range(2), (), followed[:2], guess[:2], 1),
    )
    plans = [
        ShotPlan(range(5), Shown.AVATAR, spans),
        ShotPlan(range(5, 6), Shown.BLUR),
        ShotPlan(range(6, 7), Shown.CURTAIN),
        ShotPlan(range(7, 9), Shown.PASSTHROUGH),
    ]
    assert frame_kinds(9, plans).tolist() == [0, 1, 1, 1, 2, 4, 3, 5, 5]
    assert set(frame_kinds(5, plans[:1], bare=True)) == {FrameKind.PASSED}


def test_what_is_rare_is_among_the_pictures():
    kinds = [(FrameKind.AVATAR, range(100)), (FrameKind.BLURRED, range(100, 101)),
             (FrameKind.AVATAR, range(101, 1000))]  # fmt: skip
    parts = [FilmPart(kind, each, each.start / 25, each.stop / 25) for kind, each in kinds]
    chosen = chosen_frames(np.arange(1000) / 25, 40.0, parts, 12)
    assert 100 in chosen
    assert len(chosen) == 13


def test_a_short_part_is_seen_in_the_bar_of_a_long_film():
    kinds = [(FrameKind.AVATAR, range(50_000)), (FrameKind.PASSED, range(50_000, 50_001)),
             (FrameKind.AVATAR, range(50_001, 90_000))]  # fmt: skip
    parts = [FilmPart(kind, each, each.start / 25, each.stop / 25) for kind, each in kinds]
    drawn = Parsed(bar(FilmRecord((64, 48), parts, frozenset()))).kinds
    assert drawn == [FrameKind.AVATAR, FrameKind.PASSED, FrameKind.AVATAR]


def test_times_are_rounded_as_a_whole():
    assert [clock(seconds) for seconds in (0, 59.96, 61.25)] == ["0:00.0", "1:00.0", "1:01.2"]

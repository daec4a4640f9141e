"""Photos: read upright and in sRGB, converted into photos, and what of their metadata is kept."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.ExifTags import GPS, IFD, Base

from livecam.convert import convert_files
from livecam.convert.jobs import jobs_for
from livecam.core.errors import SinkError, SourceError, UsageError
from livecam.core.frame import Frame, Image
from livecam.media.results import is_result
from livecam.media.stills import WRITABLE_STILLS, StillReader, StillWriter
from tests.drafts import DRAFT

TAKEN = "2026:05:01 12:00:00"
CORNERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 230))


def corners(width: int = 60, height: int = 40) -> Image:
    """Four colours: red at the top left, then green, blue, white in the order of reading."""
    image = np.full((height, width, 4), 255, np.uint8)
    for index, color in enumerate(CORNERS):
        row, column = divmod(index, 2)
        y, x = row * height // 2, column * width // 2
        image[y : y + height // 2, x : x + width // 2, :3] = color
    return image


def swapped_profile() -> bytes:
    """An ICC profile whose red and blue primaries are exchanged."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"____"), (b"bXYZ", b"rXYZ"), (b"____", b"bXYZ")):
        srgb = srgb.replace(old, new, 1)
    return srgb


def save(path: Path, image: Image, mode: str = "RGB", **options: object) -> Path:
    Pillow.fromarray(image).convert(mode).save(path, quality=95, subsampling=0, **options)
    return path


def with_exif(orientation: int) -> bytes:
    exif = Pillow.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "A camera"
    exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = TAKEN
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    return exif.tobytes()


def read(path: Path, rotate: int = 0) -> Image:
    with StillReader(path, rotate=rotate) as reader:
        (frame,) = reader
        assert frame.size == (reader.info.width, reader.info.height)
        return frame.image


def close(found: Image, wanted: Image, within: int = 8) -> bool:
    same = found.shape == wanted.shape
    return same and bool(np.abs(found.astype(int) - wanted).mean() < within)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize(("orientation", "turns", "mirrored"), [(1, 0, 0), (3, 2, 0), (6, 1, 0),
                                                                (8, 3, 0), (2, 0, 1)])  # fmt: skip
def test_the_orientation_of_exif_is_applied(
    tmp_path: Path, name: str, orientation: int, turns: int, mirrored: int
):
    stored = np.ascontiguousarray(np.rot90(corners()[:, :: -1 if mirrored else 1], turns))
    path = save(tmp_path / name, stored, exif=with_exif(orientation))
    assert close(read(path), corners())


def test_a_photo_can_be_turned_besides(tmp_path: Path):
    path = save(tmp_path / "a.png", corners())
    for degrees in (0, 90, 180, 270):
        assert close(read(path, degrees), np.rot90(corners(), -degrees // 90))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_colours_are_converted_from_their_profile(tmp_path: Path, name: str):
    path = save(tmp_path / name, corners(), icc_profile=swapped_profile())
    assert close(read(path), corners()[..., [2, 1, 0, 3]])


def test_a_profile_that_does_not_fit_costs_no_photo(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = save(tmp_path / "a.jpg", corners(), icc_profile=b"no profile" * 20)
    assert close(read(path), corners())
    assert "a.jpg has a colour profile that does not fit" in caplog.text


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "L"), ("a.png", "P"), ("a.png", "1"), ("a.png", "LA"), ("a.jpg", "CMYK"),
     ("a.png", "I;16")],
)  # fmt: skip
def test_pictures_of_other_modes_are_read(tmp_path: Path, name: str, mode: str):
    if mode == "I;16":
        grey = np.full((40, 60), 0x8000, np.uint16)
        Pillow.fromarray(grey).save(tmp_path / name)
        assert set(read(tmp_path / name)[..., 0].ravel()) == {0x80}
        return
    image = read(save(tmp_path / name, corners(), mode))
    assert image.shape == (40, 60, 4)
    assert (image[..., 3] == 255).all()


def test_what_is_transparent_becomes_white(tmp_path: Path):
    image = corners()
    image[:20, :, 3] = 0
    save(tmp_path / "a.png", image, "RGBA")
    assert (read(tmp_path / "a.png")[:20] == 255).all()


@pytest.mark.parametrize(
    "data", [b"", b"no photo", b"\xff\xd8\xff\xe0\0\x10JFIF", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
)
def test_a_broken_photo_is_one_clear_sentence(tmp_path: Path, data: bytes):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(SourceError):
        StillReader(tmp_path / "a.jpg")


@pytest.mark.parametrize("cut", [200, 700])
def test_a_photo_that_is_cut_short_is_refused(tmp_path: Path, cut: int):
    whole = save(tmp_path / "a.jpg", corners(200, 200)).read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[:cut])
    with pytest.raises(SourceError):
        StillReader(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", WRITABLE_STILLS)
def test_a_photo_is_written_with_its_time_and_our_tag_alone(tmp_path: Path, suffix: str):
    path = tmp_path / f"a{suffix}"
    with StillWriter(path, taken=TAKEN) as writer:
        assert not path.exists()
        writer.write(Frame(corners(61, 41), 0, 0.0))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert is_result(path)
    assert close(read(path), corners(61, 41))
    with Pillow.open(path) as picture:
        exif = picture.getexif()
        assert exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] == TAKEN
        assert Base.Make not in exif
    assert not is_result(save(tmp_path / f"b{suffix}", corners()))


def test_a_photo_that_is_interrupted_leaves_nothing(tmp_path: Path):
    def interrupted() -> None:
        with StillWriter(tmp_path / "a.png") as writer:
            writer.write(Frame(corners(), 0, 0.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone_is_a_clear_error(tmp_path: Path):
    with pytest.raises(SinkError):
        StillWriter(tmp_path / "gone" / "a.png")


def test_alpha_is_kept_in_png_and_webp(tmp_path: Path):
    image = corners()
    image[:20, :, 3] = 0
    for name in ("a.png", "a.webp"):
        with StillWriter(tmp_path / name, alpha=True) as writer:
            writer.write(Frame(image, 0, 0.0))
        with Pillow.open(tmp_path / name) as picture:
            assert np.array_equal(np.asarray(picture)[..., 3], image[..., 3])


# The whole conversion


def portrait_photo(path: Path, portrait: Image, orientation: int = 1) -> Path:
    room = np.full((600, 700, 4), 255, np.uint8)
    room[..., :3] = np.linspace(60, 180, 700).astype(np.uint8)[None, :, None]
    room[80:592, 90:602] = portrait
    turns = {1: 0, 6: 1}[orientation]
    stored = np.ascontiguousarray(np.rot90(room, turns))
    return save(path, stored, exif=with_exif(orientation))


def test_photos_of_a_folder_become_photos_with_a_head(portrait: Image, tmp_path: Path):
    folder = tmp_path / "photos"
    folder.mkdir()
    names = ["a.jpg", "b.png", "c.webp", "d.tif"]
    sources = [portrait_photo(folder / name, portrait, 6) for name in names]
    shutil.copy(sources[0], folder / "old-livecam.jpg")  # a result is not converted again
    done = convert_files([folder], tmp_path / "out", DRAFT)
    assert done.is_complete
    assert [each.faces for each in done.outcomes] == [1, 1, 1, 1]
    results = ["a-livecam.jpg", "b-livecam.png", "c-livecam.webp", "d-livecam.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == results
    for source, name in zip(sources, results, strict=True):
        before, after = read(source), read(tmp_path / "out" / name)
        assert after.shape == before.shape == (600, 700, 4)
        change = np.abs(before.astype(int) - after)[..., :3].mean(axis=2)
        assert change[150:230, 270:350].mean() > 40, "the face shows"
        assert change[:, :60].mean() < 4
        with Pillow.open(tmp_path / "out" / name) as picture:
            assert picture.getexif().get(Base.Orientation, 1) == 1
            assert not picture.getexif().get_ifd(IFD.GPSInfo)


def test_a_photo_without_a_face_passes_and_is_covered_with_strict(tmp_path: Path):
    source = save(tmp_path / "a.png", corners(300, 200))
    done = convert_files([source], tmp_path / "b.png", DRAFT)
    assert done.is_complete
    assert done.outcomes[0].uncovered
    assert close(read(tmp_path / "b.png"), corners(300, 200))
    assert convert_files([source], tmp_path / "c.png", DRAFT, strict=True).is_complete
    assert not close(read(tmp_path / "c.png"), corners(300, 200))


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("a.jpg", "b.mp4", "no photo that can be written; one of .jpg"),
        ("a.mp4", "b.jpg", "no film that can be written"),
        ("a.heic", "b.jpg", "save it as JPEG or PNG first"),
    ],
)
def test_photos_become_photos_and_films_become_films(
    source: str, output: str, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / source).write_bytes(b"x")
    assert not convert_files([tmp_path / source], tmp_path / output, DRAFT).is_complete
    assert says in caplog.text


def test_several_photos_need_a_folder(tmp_path: Path):
    with pytest.raises(UsageError, match="is the name of one file"):
        jobs_for([tmp_path / "a.jpg", tmp_path / "b.jpg"], tmp_path / "c.png")


def test_made_up_names_keep_the_kind_of_the_photo_unless_alpha_needs_another(tmp_path: Path):
    sources = [tmp_path / name for name in ("a.JPG", "b.webp", "c.bmp", "d.mp4")]
    names = {alpha: [job.output.name for job in jobs_for(sources, tmp_path, alpha=alpha)]
             for alpha in (False, True)}  # fmt: skip
    assert names[False] == [
        "a-livecam.JPG", "b-livecam.webp", "c-livecam.png", "d-livecam.mp4",
    ]  # fmt: skip
    assert names[True] == [
        "a-livecam.png", "b-livecam.webp", "c-livecam.png", "d-livecam.mov",
    ]  # fmt: skip


def test_the_profile_of_a_test_is_one():
    assert ImageCms.ImageCmsProfile(io.BytesIO(swapped_profile())).profile is not None

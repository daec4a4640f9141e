"""Text files from outside: whatever they hold, the answer is one sentence with file and place."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.errors import ConfigError
from livecam.core.text_files import (
    MAX_JSON_BYTES,
    MAX_TOML_BYTES,
    read_json,
    read_json_lines,
    read_toml,
)
from livecam.motion import take
from tests.mutated_files import KINDS, answer, mutated

MUTATIONS_OF_EACH = 26  # of eight kinds; scripts/trial_files.py tries thousands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("livecam.calibration.profile.user_data_folder", lambda: tmp_path / "user")
    cv2.imwrite(str(tmp_path / "dot.png"), np.full((8, 8, 4), 255, np.uint8))
    return tmp_path


@pytest.mark.parametrize("name", KINDS)
def test_valid_files_are_read(name: str, folder: Path):
    kind = KINDS[name]
    path = folder / kind.name
    path.write_text(kind.text, "utf-8")
    kind.read(path)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_one_clear_sentence_and_soon(name: str, folder: Path):
    kind, random_ = KINDS[name], random.Random(name)
    path = folder / kind.name
    for number in range(MUTATIONS_OF_EACH):
        path.write_bytes(mutated(kind.text, random_))
        assert answer(kind, path) == "", f"mutation {number}"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xff\xfe[\0", b"[" * 50_000, b"\x1f\x8b\x08"])
def test_another_file_is_refused_by_every_reader(name: str, data: bytes, folder: Path):
    kind = KINDS[name]
    path = folder / kind.name
    path.write_bytes(data)
    assert answer(kind, path) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
@pytest.mark.parametrize("name", ["preset", "avatar.toml", "item.toml", "take", "look"])
def test_a_pipe_is_not_waited_for(name: str, folder: Path):
    kind = KINDS[name]
    os.mkfifo(folder / kind.name)
    with pytest.raises(kind.error, match="is no file"):
        kind.read(folder / kind.name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = 1\nb = nan", 'line 2: "b" is nan'),
        ("[x]\ny = [1.0, 1e400]", 'line 2: "x.y.1" is inf'),
        ("[[x]]\ny = 1\n[[x]]\ny = -inf", 'line 4: "x.1.y" is -inf'),
        ("a = " + "9" * 4000, 'line 1: "a" is a number of too many digits'),
        ("a = " + "9" * 5000, "line 1 has more than 4096 characters"),
        ("a = 0x" + "f" * 3000, 'line 1: "a" is a number of too many digits'),
        ("a = 1\nb = " + "[" * 500, "line 2: it is nested more than 32 deep"),
        ("a = 1\nb = " + "[" * 40 + "]" * 40, "line 2: it is nested more than 32 deep"),
        ("a = 1\na = 2", r"line 2"),
        ("a = 1\n\0", "line 2 holds a NUL byte"),
        ("a = 1\n# " + "x" * 5000, "line 2 has more than 4096 characters"),
        (".".join("a" * 100) + " = 1", "line 1 has more than 64 dots"),
        ("#" * 100 + "\n" * MAX_TOML_BYTES, "too large: more than 256 KiB"),
    ],
)
def test_what_is_wrong_with_toml_is_said_with_its_place(tmp_path: Path, text: str, says: str):
    path = tmp_path / "x.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=rf"x\.toml.*{says}") as caught:
        read_toml(path)
    assert caught.value.hint


def test_a_byte_order_mark_is_no_error(tmp_path: Path):
    (tmp_path / "x.toml").write_text("a = 1", "utf-8-sig")
    assert read_toml(tmp_path / "x.toml").tables == {"a": 1}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_is_read_as_its_byte_order_mark_says(tmp_path: Path, encoding: str, newline: str):
    mark = "" if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff"
    text = newline.join((mark + "# 我的", 'a = "头像"', "b = 1"))
    (tmp_path / "x.toml").write_bytes(text.encode(encoding))
    assert read_toml(tmp_path / "x.toml").tables == {"a": "头像", "b": 1}
    (tmp_path / "x.json").write_bytes(f'{mark}{{"a": "头像"}}{newline}'.encode(encoding))
    assert read_json(tmp_path / "x.json") == {"a": "头像"}
    lines = newline.join((mark + '{"a": "头像"}', "{}", ""))
    (tmp_path / "x.jsonl").write_bytes(lines.encode(encoding))
    found = list(read_json_lines(tmp_path / "x.jsonl", 100, 10))
    assert found == [(1, {"a": "头像"}), (2, {})]


def test_comments_in_another_encoding_do_no_harm(tmp_path: Path):
    text = "# 摄像头\na = 'C:\\视频' # ok\nb = 1 # 誠\n"  # the last character ends in a backslash
    first, second, third = text.splitlines()
    data = b"\n".join((first.encode("gbk"), second.encode(), third.encode("gb18030")))
    (tmp_path / "x.toml").write_bytes(data)
    assert read_toml(tmp_path / "x.toml").tables == {"a": "C:\\视频", "b": 1}


@pytest.mark.parametrize(
    "line",
    ['a = "视频"', 'a = "誠"', "视频 = 1", "[视频]", 'a = ["x", "视频"] # 视频', "a = 1 # 1\n视"],
)
def test_values_in_another_encoding_are_refused(tmp_path: Path, line: str):
    (tmp_path / "x.toml").write_bytes(f"# 摄像头\nb = 2\n{line}".encode("gbk"))
    number = 3 + line.count("\n")
    with pytest.raises(ConfigError, match=rf"line {number} is not UTF-8") as caught:
        read_toml(tmp_path / "x.toml")
    assert caught.value.hint == "save it as UTF-8"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (r'"C:\Users\me\out.mp4"', "line 2 is not valid TOML: Invalid hex value"),
        (r'"D:\Videos\out.mp4"', "line 2 is not valid TOML"),
        ('"D:\\"', "line 2 is not valid TOML"),
        (r'"C:\temp\out.mp4"', "line 2 is not valid TOML"),
        (r'"C:\temp\new.mp4"', 'line 2: "a" holds a control character'),
        (r'["x", "C:\new"]', 'line 2: "a.1" holds a control character'),
    ],
)
def test_backslashes_of_windows_paths_are_told_apart(tmp_path: Path, value: str, says: str):
    (tmp_path / "x.toml").write_text(f"b = 1\na = {value}\n", "utf-8")
    with pytest.raises(ConfigError, match=rf"x\.toml, {says}") as caught:
        read_toml(tmp_path / "x.toml")
    assert "write / or use single quotes" in caught.value.hint


def test_texts_of_several_lines_may_hold_breaks(tmp_path: Path):
    (tmp_path / "x.toml").write_text('a = """\\\n  one\ntwo"""', "utf-8")
    assert read_toml(tmp_path / "x.toml").tables == {"a": "one\ntwo"}


def test_another_encoding_is_named(tmp_path: Path):
    (tmp_path / "x.toml").write_bytes('a = 1\nb = "é"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"line 2 is not UTF-8 \(byte 0xe9\)"):
        read_toml(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": {"b": 1e400}}', '"a.b" is inf'),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        ('{"a": 1, "a": 2}', 'the key "a" stands twice'),
        ("[" * 100_000, "nested more than 32 deep"),
        ("[" * 40 + "]" * 40, "nested more than 32 deep"),
        ('{\n"a" 1}', "line 2"),
        (" " * (MAX_JSON_BYTES + 1), "too large"),
    ],
)
def test_what_is_wrong_with_json_is_said(tmp_path: Path, text: str, says: str):
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=rf"x\.json.*{says}"):
        read_json(path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("skull_top = 0.0971", "skull_top = 0", 'line 18: the key "fit.skull_top"'),
        ("skull_top = 0.0971", "skull_top = nan", 'line 18: "fit.skull_top" is nan'),
        ("scale = 1.15", "scale = inf", 'line 20: "fit.scale" is inf'),
        ("scale = 1.15", "scale = -1", 'line 20: the key "fit.scale"'),
        ("[0.9486, 0.9782", "[0.0, 0.9782", 'line 25: the key "anchors.hat.size.0"'),
        ("stiffness_hz = 5.0", "stiffness_hz = 0", 'line 32: the key "bones.0.stiffness_hz"'),
        ("strands = 1.0", "strands = 0", 'line 12: the key "fur.strands"'),
        ("browInnerUp = [4.0", "browInnerUp = [4e9", 'line 36: the key "bones.0.turns'),
    ],
)
def test_an_avatar_of_impossible_size_is_refused(folder: Path, old: str, new: str, says: str):
    kind = KINDS["avatar.toml"]
    path = folder / kind.name
    path.write_text(kind.text.replace(old, new, 1), "utf-8")
    with pytest.raises(kind.error, match=rf"avatar\.toml, {says}"):
        kind.read(path)


def test_a_take_of_too_many_frames_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(take, "MAX_FRAMES", 4)
    path = folder / "take.jsonl"
    path.write_text(KINDS["take"].text, "utf-8")
    with pytest.raises(ConfigError, match="more than 4 lines"):
        take.read_take(path)


def test_a_look_of_256_points_is_refused_by_its_first_lines(folder: Path):
    path = folder / "look.cube"
    path.write_text("LUT_3D_SIZE 256\n" + "0 0 0\n" * 1000, "utf-8")
    with pytest.raises(ConfigError, match=r"line 1: LUT_3D_SIZE 256 is not in 2\.\.129"):
        KINDS["look"].read(path)

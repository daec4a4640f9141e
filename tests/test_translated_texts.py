"""Texts that are translated where values, files or origins come into them.

The translations here are our own: those of the program may change their words.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.avatar.library import find_avatar, read_description
from livecam.config import assets
from livecam.config.assets import Asset, fetch_asset
from livecam.config.fields import setting_fields
from livecam.config.loader import effective, load_settings, with_value
from livecam.config.settings import Settings
from livecam.config.template import HEAD, init_user_file, settings_lines
from livecam.config.wheels import Wheel
from livecam.core.errors import AssetError, ConfigError, SourceError
from livecam.core.fault_log import FaultLog
from livecam.core.language import title_of
from livecam.core.text_files import read_bytes
from livecam.doctor import Check, Report, Status
from tests.user_folders import empty_user_folders

Translate = Callable[[dict[str, str]], None]


@pytest.fixture
def translate(monkeypatch: pytest.MonkeyPatch) -> Translate:
    """Sets a language in which these texts alone are translated."""

    def set_texts(texts: dict[str, str]) -> None:
        monkeypatch.setattr("livecam.core.language._language", "zh")
        monkeypatch.setattr("livecam.core.language._translations", texts)

    return set_texts


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    empty_user_folders(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.usefixtures("user_folder")
def test_the_users_file_is_written_in_the_language(translate: Translate):
    texts = {field.help: f"帮助 {field.key}" for field in setting_fields()}
    translate(texts | {HEAD: "# 设置\n\n", "{help} ({limits})": "{help}（{limits}）"})
    path = init_user_file("zoom-720p30", {"fps": 25.0})
    lines = path.read_text("utf-8").splitlines()
    assert lines[:3] == ["# 设置", "", 'preset = "zoom-720p30"']
    assert "# 帮助 source.fps（1..120）" in lines
    loaded = load_settings(environ={}, user_file=path)
    assert (loaded.preset, loaded.settings.source.fps) == ("zoom-720p30", 25.0)
    assert all(
        origin != f"file {path}" or field.name == "fps" for field, _, origin in effective(loaded)
    )


def test_origins_are_words_for_people_and_stay_english_for_programs(translate: Translate):
    translate({"default": "默认", "preset {name}": "预设 {name}", "file {name}": "文件 {name}"})
    loaded = load_settings("zoom-720p30", {"fps": 25.0}, {}, Path("none"))
    ends = {line.rpartition("# ")[2] for line, _ in settings_lines(loaded) if " = " in line}
    assert {"默认", "预设 zoom-720p30", "--fps"} <= ends
    assert {"default", "preset zoom-720p30", "--fps"} == set(loaded.origins.values())


def test_a_wrong_value_is_refused_in_whole_sentences(translate: Translate):
    translate(
        {
            "{place} must be {wanted}, not {value}{guess}": "{place} 应为：{wanted}，不是 {value}",
            "a whole number from {low} to {high}": "{low} 到 {high} 的整数",
        }
    )
    with pytest.raises(ConfigError) as caught:
        with_value(Settings(), "width", "12")
    assert caught.value.message == "source.width 应为：64 到 7680 px 的整数，不是 12"


def test_every_setting_says_what_it_must_be():
    for field in setting_fields():
        if field.kind is not str or field.choices:
            with pytest.raises(ConfigError) as caught:
                load_settings(flags={field.option: object()}, environ={}, user_file=Path("none"))
            assert caught.value.message.startswith(f"{field.flag} must be "), field.key
            assert caught.value.hint == f"{field.flag[2:]}: {field.help}"


def test_a_title_is_that_of_the_language(translate: Translate):
    fox = read_description(find_avatar("fox"))
    assert title_of(fox) == "Red fox"
    translate({})
    assert title_of(fox) == "赤狐"


def test_the_verdict_of_the_doctor_is_one_sentence(translate: Translate):
    translate(
        {
            "livecam does not work here yet; mend first: {names}": "先解决：{names}",
            "virtual camera": "虚拟摄像头",
            "livecam works: {source} -> {sink}, {speed}": "能用：{source} -> {sink}，{speed}",
            "a window": "窗口",
            "speed unknown": "速度未知",
        }
    )
    display = Check(Status.OK, "", facts={"way_out": "a window"}, name="display")
    camera = Check(Status.OK, "", facts={"first": "BRIO"}, name="cameras")
    failed = Check(Status.FAIL, "", name="virtual camera")
    assert Report((display, camera)).verdict == "能用：BRIO -> 窗口，速度未知"
    assert Report((failed,)).verdict == "先解决：虚拟摄像头"
    assert Report((failed,)).as_dict()["checks"][0]["name"] == "virtual camera"


def test_a_missing_network_is_seen_in_any_language(
    translate: Translate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    translate({"the package index cannot be reached": "连接不上软件包源"})
    place = Wheel("none", "1.0", "model.task")
    model = Asset("model", "a model", "model.task", 1, "0" * 64, "MIT", (place,))
    monkeypatch.setattr(assets, "_known", lambda: {"model": model})
    monkeypatch.setattr(assets, "asset_folder", lambda: tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    said: list[str] = []
    with pytest.raises(AssetError, match="there is no network"):
        fetch_asset("model", said.append)
    assert "连接不上软件包源" in said[-1]


def test_braces_in_a_hint_of_the_caller_are_no_places(tmp_path: Path):
    with pytest.raises(SourceError) as caught:
        read_bytes(tmp_path / "{none}", 1, SourceError, "replace {x}")
    assert caught.value.hint == "replace {x}"
    assert "{none}" in caught.value.message


def test_what_the_system_refused_is_translated(translate: Translate, tmp_path: Path):
    translate({"No such file or directory": "没有这个文件"})
    with pytest.raises(SourceError, match="没有这个文件"):
        read_bytes(tmp_path / "none", 1, SourceError)


def test_a_fault_log_translates_its_name(translate: Translate, caplog: pytest.LogCaptureFixture):
    translate({"drawing": "绘制"})
    FaultLog(logging.getLogger("test"), "drawing").failed(SourceError("x"))
    assert caplog.messages == ["绘制: x"]

"""The presets that come with livecam."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecam.avatar.accessories import accessory_folder, read_item
from livecam.config.loader import load_settings
from livecam.config.paths import shipped_folder
from livecam.config.presets import METADATA, list_presets, preset_chain, read_preset
from livecam.config.settings import Settings

SIZES = {
    "zoom-720p30": (1280, 720, 30),
    "obs-1080p30": (1920, 1080, 30),
    "obs-720p60": (1280, 720, 60),
    "douyin-vertical": (1080, 1920, 30),
    "douyin-landscape": (1920, 1080, 30),
    "record-1080p": (1920, 1080, 30),
    "low-power": (640, 360, 20),
    "streamer": (1920, 1080, 30),
    "party": (1280, 720, 30),
    "beauty": (1280, 720, 30),
    "fresh-makeup": (1280, 720, 30),
    "fun-stickers": (1280, 720, 30),
    "film-look": (1280, 720, 30),
}
SHIPPED = sorted(path.stem for path in shipped_folder("presets").glob("*.toml"))


def settings(name: str) -> Settings:
    return load_settings(name, {}, {}, Path("no-such-file.toml")).settings


def test_the_built_in_presets_are_listed():
    assert set(SHIPPED) == set(SIZES)
    assert set(SHIPPED) <= set(list_presets())


@pytest.mark.parametrize("name", SHIPPED)
def test_it_publishes_the_size_and_rate_that_it_promises(name: str):
    output = settings(name).output
    assert (output.out_width, output.out_height, output.out_fps) == SIZES[name]


@pytest.mark.parametrize("name", SHIPPED)
def test_it_asks_the_camera_for_no_less_than_it_publishes(name: str):
    chosen = settings(name)
    assert chosen.source.fps >= chosen.output.out_fps
    assert chosen.source.width * chosen.source.height >= (
        chosen.output.out_width * chosen.output.out_height
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_described_in_english_and_chinese(name: str):
    words = read_preset(name).file.metadata
    assert all(words.get(word) for word in METADATA)
    assert all(words[word].isascii() != word.endswith("_zh") for word in METADATA)


@pytest.mark.parametrize("name", SHIPPED)
def test_inherited_presets_exist(name: str):
    assert preset_chain(name)[-1].name == name


def test_avatars_and_accessories_of_presets_exist_and_fit_together():
    worn = {name: settings(name).avatar.accessories for name in SHIPPED}
    assert sum(map(bool, worn.values())) >= 2
    for names in filter(None, worn.values()):
        kinds = [read_item(accessory_folder(name)).kind for name in names]
        assert len(set(kinds)) == len(kinds)


def test_none_of_them_weakens_privacy():
    for name in SHIPPED:
        assert settings(name).privacy == Settings().privacy

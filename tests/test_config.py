"""Settings: where they come from, which origin wins, and how wrong ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecam.config import presets
from livecam.config.fields import SettingField, find_field, setting_fields
from livecam.config.loader import Loaded, effective, load_settings, with_value
from livecam.config.settings import OnLost, PictureSettings, Settings
from livecam.core.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of presets that is searched before the built-in one."""
    shipped = presets.preset_folders()[-1]
    monkeypatch.setattr(presets, "preset_folders", lambda: (tmp_path, shipped))
    return tmp_path


def load(
    preset: str | None = None,
    file: str | None = None,
    environ: dict[str, str] | None = None,
    folder: Path | None = None,
    **flags: object,
) -> Loaded:
    path = Path("no-such-file.toml")
    if file is not None:
        assert folder is not None
        path = folder / "livecam.toml"
        path.write_text(file, "utf-8")
    return load_settings(preset, flags, environ or {}, path)


def refusal(**arguments: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(**arguments)
    assert caught.value.hint
    return caught.value


def test_without_any_origin_every_setting_has_its_default():
    loaded = load()
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_later_origins_win_and_are_named(folder: Path):
    (folder / "mine.toml").write_text("[source]\nwidth = 1\nheight = 400\nfps = 10\nloop = false\n")
    loaded = load(
        preset="mine",
        file="[source]\nwidth = 2\nfps = 20\nheight = 300\n",
        folder=folder,
        environ={"LIVECAM_WIDTH": "3", "LIVECAM_FPS": "25"},
        width="640",
    )
    source = loaded.settings.source
    assert (source.width, source.fps, source.height, source.loop) == (640, 25, 300, False)
    origins = loaded.origins
    assert origins["source.width"] == "--width"
    assert origins["source.fps"] == "LIVECAM_FPS"
    assert origins["source.height"] == f"file {folder / 'livecam.toml'}"
    assert origins["source.loop"] == "preset mine"
    assert origins["source.source"] == "default"


def test_a_flag_that_was_not_given_changes_nothing():
    assert load(width=None, mirror=None).settings == Settings()


def test_every_setting_can_be_set_by_its_environment_variable():
    values = {field: another_value(field) for field in setting_fields()}
    loaded = load(environ={field.variable: in_a_variable(value) for field, value in values.items()})
    assert {field.key: value for field, value, _ in effective(loaded)} == {
        field.key: value for field, value in values.items()
    }
    assert loaded.origins == {field.key: field.variable for field in setting_fields()}


def in_a_variable(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def another_value(field: SettingField) -> object:
    if field.choices:
        return next(choice for choice in field.choices if choice != field.default)
    if field.kind is bool:
        return not field.default
    if field.kind is str:
        return "#123456" if str(field.default).startswith("#") else "something"
    if field.kind is tuple:
        return ("something", "else")
    assert field.high is not None
    return field.kind(field.high)


def test_flags_and_variables_are_unique():
    fields = setting_fields()
    assert len({field.flag for field in fields}) == len(fields)
    assert len({field.variable for field in fields}) == len(fields)


def test_every_setting_is_described_and_every_number_has_a_range():
    for field in setting_fields():
        assert field.help, field.key
        if field.kind in (int, float):
            assert field.low is not None, field.key
            assert field.high is not None, field.key


def test_the_environment_names_a_choice():
    loaded = load(environ={"LIVECAM_ON_LOST": "blur"})
    assert loaded.settings.privacy.on_lost is OnLost.BLUR


def test_a_number_in_a_file_may_stand_for_camera_number_zero(folder: Path):
    assert load(file="[source]\nsource = 0\n", folder=folder).settings.source.source == "0"


@pytest.mark.parametrize(
    ("origin", "names"),
    [
        ({"file": '[avatar]\naccessories = ["glasses", "hat"]\n'}, ("glasses", "hat")),
        ({"file": '[avatar]\naccessories = "glasses"\n'}, ("glasses",)),
        ({"environ": {"LIVECAM_ACCESSORIES": "glasses, hat,"}}, ("glasses", "hat")),
        ({"accessories": "glasses,hat"}, ("glasses", "hat")),
        ({"environ": {"LIVECAM_ACCESSORIES": "hat"}, "accessories": ""}, ()),
    ],
)
def test_a_list_is_written_with_commas_or_as_a_list(folder: Path, origin: dict, names: tuple):
    assert load(folder=folder, **origin).settings.avatar.accessories == names


def test_a_list_of_anything_but_names_is_refused(folder: Path):
    error = refusal(file="[avatar]\naccessories = 3\n", folder=folder)
    assert "avatar.accessories must be a list of names, not 3" in error.message


def test_the_users_file_may_name_a_preset(folder: Path):
    loaded = load(file='preset = "low-power"\n', folder=folder)
    assert loaded.preset == "low-power"
    assert loaded.settings.render.tier == "light"


def test_the_preset_flag_overrides_the_environment():
    loaded = load(preset="low-power", environ={"LIVECAM_PRESET": "obs-720p60"})
    assert loaded.preset == "low-power"


def test_a_preset_may_be_a_file(tmp_path: Path):
    path = tmp_path / "own.toml"
    path.write_text('inherit = "low-power"\n[output]\nmirror = true\n')
    loaded = load(preset=str(path))
    assert loaded.settings.output.mirror
    assert loaded.settings.render.tier == "light"


def test_an_unknown_preset_suggests_the_nearest_one():
    error = refusal(preset="low-powr")
    assert error.message == 'no preset is called "low-powr" - did you mean "low-power"?'
    assert "obs-720p60" in error.hint


def test_presets_that_inherit_in_a_circle_are_shown_as_the_circle(folder: Path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "b")):
        (folder / f"{name}.toml").write_text(f'inherit = "{parent}"\n')
    assert "b -> c -> b" in refusal(preset="a").message


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[privcy]\n", 1, 'no group is called "privcy" - did you mean "privacy"?'),
        (
            "[source]\nwidth = 640\n\n[privacy]\n# quick\non_lots = 1\n",
            6,
            'no setting in [privacy] is called "on_lots" - did you mean "on_lost"?',
        ),
        ("\nmirror = true\n", 2, '"mirror" stands outside its group'),
        ('prest = "x"\n', 1, 'no key is called "prest" - did you mean "preset"?'),
        ("preset = 3\n", 1, '"preset" must be text'),
        (
            '[privacy]\nhold_s = 1\non_lost = "blurr"\n',
            3,
            "privacy.on_lost must be hold, curtain, blur or passthrough, "
            'not "blurr" - did you mean "blur"?',
        ),
        ("[source]\nfps = 500\n", 2, "source.fps must be a number from 1 to 120, not 500"),
        ("[output]\nmirror = 7\n", 2, "output.mirror must be true or false, not 7"),
    ],
)
def test_an_error_in_a_file_names_its_line(folder: Path, text: str, line: int, what: str):
    error = refusal(file=text, folder=folder)
    assert error.message == f"{folder / 'livecam.toml'}, line {line}: {what}"


def test_a_toml_syntax_error_names_its_line(folder: Path):
    message = refusal(file="[source]\nwidth = = 3\n", folder=folder).message
    assert str(folder / "livecam.toml") in message
    assert "line 2" in message


def test_an_error_in_an_inherited_preset_names_that_preset(folder: Path):
    (folder / "base.toml").write_text("[source]\nwidth = 1\n")
    (folder / "child.toml").write_text('inherit = "base"\n')
    assert str(folder / "base.toml") in refusal(preset="child").message


def test_a_misspelt_variable_is_refused():
    message = refusal(environ={"LIVECAM_ON_LOTS": "curtain"}).message
    assert 'LIVECAM_ON_LOTS is no setting - did you mean "LIVECAM_ON_LOST"?' in message


def test_other_environment_variables_are_ignored():
    assert load(environ={"LIVECAM_ASSETS": "/models", "PATH": "x"}).settings == Settings()


def test_a_wrong_value_is_reported_with_the_name_of_its_origin():
    assert refusal(environ={"LIVECAM_WIDTH": "wide"}).message == (
        "LIVECAM_WIDTH must be a whole number from 64 to 7680 px, not wide"
    )
    assert refusal(out_fps="fast").message.startswith("--out-fps must be a number from 0 to 120")


@pytest.mark.parametrize(
    ("given", "meant"),
    [(" Alpha ", "alpha"), ("BLUR", "blur"), ("Keep", "keep"), ("#00B140", "#00B140"),
     ("Room.PNG", "Room.PNG")],
)  # fmt: skip
def test_the_names_of_backgrounds_may_be_written_in_any_case(given: str, meant: str):
    assert PictureSettings(background=given).background == meant


@pytest.mark.parametrize("name", ["effects.big_eyes", "effects.big-eyes", "big-eyes", "--big-eyes"])
def test_a_setting_is_found_by_its_key_and_its_flag(name: str):
    assert find_field(name).key == "effects.big_eyes"


def test_every_setting_is_found_by_its_key_and_its_flag():
    for field in setting_fields():
        assert find_field(field.key) is find_field(field.flag) is field


@pytest.mark.parametrize("name", ["", "effects", "effects.", "lpis", "--", "x" * 10_000, "\x1b"])
def test_an_unknown_setting_is_named_in_one_line(name: str):
    with pytest.raises(ConfigError) as caught:
        with_value(Settings(), name, "1")
    assert caught.value.message.startswith("no setting is called ")
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("lips", "0.5", 0.5),
        ("chin", "-0.5", -0.5),
        ("hands", "off", False),
        ("people", "2", 2),
        ("on_lost", "blur", OnLost.BLUR),
        ("stickers", "a, b", ("a", "b")),
        ("lut", "", ""),
    ],
)
def test_one_value_changes_and_the_others_stay(name: str, text: str, value: object):
    before = Settings(picture=PictureSettings(light=0.25))
    after, field = with_value(before, name, text), find_field(name)
    assert getattr(getattr(after, field.group), field.name) == value
    assert after.picture.light == 0.25


def test_a_wrong_value_is_refused_by_the_key():
    with pytest.raises(ConfigError) as caught:
        with_value(Settings(), "--lips", "red")
    assert caught.value.message == "effects.lips must be a number from 0 to 1, not red"


def test_a_colour_is_asked_for_in_words_wherever_it_is_given():
    with pytest.raises(ConfigError) as flag:
        load_settings(flags={"lip_color": "rot"}, environ={}, user_file=Path("none"))
    with pytest.raises(ConfigError) as live:
        with_value(Settings(), "lip-color", "rot")
    assert "--lip-color must be a colour such as #b3263f" in flag.value.message
    assert "effects.lip_color must be a colour such as #b3263f" in live.value.message

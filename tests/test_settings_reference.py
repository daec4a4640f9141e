"""docs/settings.md says what livecam/config/settings.py declares."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from livecam.config.fields import setting_fields
from livecam.config.loader import load_settings


def test_the_reference_is_up_to_date(repository: Path):
    script = runpy.run_path(str(repository / "scripts" / "make_settings_reference.py"))
    written = (repository / "docs" / "settings.md").read_text("utf-8")
    assert written == script["reference"](), "run scripts/make_settings_reference.py"


def test_the_reference_names_every_setting_with_its_range_and_variable(repository: Path):
    rows = (repository / "docs" / "settings.md").read_text("utf-8").splitlines()
    for field in setting_fields():
        (row,) = [row for row in rows if f"`{field.variable}`" in row and row.startswith("|")]
        assert row.startswith(f"| `{field.name}` |")
        assert f"`{field.flag}`" in row
        assert all(part in row for part in field.choices or [field.range_text])


def test_the_example_is_a_valid_settings_file(repository: Path, tmp_path: Path):
    text = (repository / "docs" / "settings.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example
    path = tmp_path / "livecam.toml"
    path.write_text(example[1], "utf-8")
    loaded = load_settings(None, {}, {}, path)
    assert loaded.preset == "zoom-720p30"
    assert loaded.settings.avatar.avatar == "fox"

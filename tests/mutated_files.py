"""Files of every kind that people pass on, damaged at random; what their readers answer."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from livecam.avatar.accessories import read_item
from livecam.avatar.library import read_description
from livecam.calibration.profile import load_profile, profile_path
from livecam.compose.effects.cube_file import read_cube
from livecam.compose.effects.stickers import load_sticker
from livecam.config.loader import load_settings
from livecam.core.errors import AssetError, ConfigError, LivecamError
from livecam.core.face import EXPRESSIONS
from livecam.motion.take import read_take

SETTINGS = """preset = "beauty"
[source]
source = "sample"
fps = 30.0
width = 640

[avatar]
avatar = "fox"
accessories = ["glasses", "beanie"]
scale = 1.1
[sinks]
virtual_camera = false
"""
AVATAR = """title = "Mine"
title_zh = "我的"
author = "me"
licence = "MIT"
neck = "ruff"
[eyes]
iris_inner = [0.42, 0.16, 0.035]
iris_outer = [0.075, 0.024, 0.008]
iris_angle_rad = 0.8552
pupil = 0.5
[fur]
strands = 1.0
length = 1.0
[fit]
eye_line = [0.0, 0.01, 0.0562]
neck_pivot = [0.0, -0.0651, -0.0158]
skull_half_width = 0.0977
skull_top = 0.0971
chin_drop = 0.1412
scale = 1.15
[gains]
jawOpen = 1.2
[anchors.hat]
at = [0.0, 0.1066, -0.0097]
size = [0.9486, 0.9782, 1.0078]
pitch_deg = 0.0
[[bones]]
name = "earLeft"
parent = "head"
pivot = [0.063, 0.0651, -0.0126]
tip = [0.084, 0.105, -0.0147]
stiffness_hz = 5.0
damping = 0.35
most_deg = 20.0
[bones.turns]
browInnerUp = [4.0, 0.0, 6.0]
"""
ITEM = """title = "Beanie"
title_zh = "毛线帽"
author = "me"
licence = "MIT"
kind = "hat"
[press]
centre = [0.0, -0.0914, 0.0]
radii = [0.104, 0.0987, 0.0966]
floor = -0.0483
slope = 0.24
reach = 0.1575
"""
STICKER = """title = "Dot"
title_zh = "点"
[[part]]
picture = "dot.png"
anchor = [10, 4]
size = 1.2
offset = [-0.7, -0.6, 0]
side = -20
bend = 1.3
mirror = true
"""
CUBE = 'TITLE "Same"\nLUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n' + "\n".join(
    f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1)
)
TAKE = "\n".join(
    json.dumps(line)
    for line in (
        {"livecam_take": 1, "weights": EXPRESSIONS, "meant": False},
        *(
            {"t": i / 30, "at": [0.0, 0.1, -0.6], "q": [1, 0, 0, 0], "w": [0.25] * 52, "width": 1.1}
            for i in range(5)
        ),
        {"t": 0.2},
    )
)
PROFILE = json.dumps(
    {
        "format": 1,
        "rest": {"jawOpen": 0.1},
        "utmost": {"jawOpen": 0.8},
        "quiet": {},
        "known_s": 2.5,
    },
    indent=1,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: a valid one, how it is read, and the error for a broken one."""

    text: str
    name: str
    read: Callable[[Path], object]
    error: type[LivecamError] = ConfigError


KINDS = {
    "preset": Kind(
        SETTINGS.partition("\n")[2],
        "own.toml",
        lambda path: load_settings(str(path), {}, {}, Path("no-such-file.toml")),
    ),
    "livecam.toml": Kind(SETTINGS, "livecam.toml", lambda path: load_settings(None, {}, {}, path)),
    "avatar.toml": Kind(
        AVATAR, "avatar.toml", lambda path: read_description(path.parent), AssetError
    ),
    "item.toml": Kind(ITEM, "item.toml", lambda path: read_item(path.parent), AssetError),
    "sticker.toml": Kind(STICKER, "sticker.toml", lambda path: load_sticker(str(path.parent))),
    "take": Kind(TAKE, "take.jsonl", read_take),
    "look": Kind(CUBE, "look.cube", read_cube),
    "profile": Kind(PROFILE, "trial.json", lambda path: _read_profile(path)),
}

HOSTILE_NUMBERS = (
    "nan", "inf", "-inf", "NaN", "Infinity", "1e400", "-1e400", "1e39", "0", "-0.0", "-1",
    "9" * 5000, "0x" + "f" * 5000, "1e-400", "9223372036854775808", "1_000", "0.5.5", "--1",
    "true", '""', "[]", "{}", "null", "1979-05-27T07:32:00Z", "1979-05-27T07:32:00+99:99",
)  # fmt: skip
HOSTILE_TEXTS = (
    "[" * 100_000, "{" * 5000, "[" * 40 + "]" * 40, '{"a":' * 3000, "x = " + "[" * 3000, "\0",
    "\ufeff", "\u202e", "\x1b[31m", '"' * 3, "'" * 3, "\\u0000", "a" * 5000,
    ".".join("a" * 3000) + " = 1", "[" + ".".join("ab" * 1500) + "]", "x = {" + "a={" * 500,
    "[source]", "[[part]]", "[[bones]]", "[fit]", "a = 1\na = 2", "\r", "=", "#",
    "LUT_3D_SIZE 256", "LUT_3D_SIZE 99999999999999999999", "LUT_1D_SIZE 4", "DOMAIN_MAX 0 0 0",
    '{"t": 0.1, "t": 0.2}', '{"livecam_take": 1}', " " * 4000 + "x", "\n" * 20_000,
)  # fmt: skip
LIMIT_S = 5.0


def mutated(text: str, random_: random.Random) -> bytes:
    """Damages a text at one to four places; seldom its encoding or its length, too."""
    for _ in range(random_.randint(1, 4)):
        text = random_.choice(_CHANGES)(text, random_)
    data = bytearray(text.encode(random_.choice(["utf-8"] * 12 + ["utf-16", "latin-1"]), "replace"))
    for _ in range(random_.choice([0] * 6 + [1, 3])):
        if data:
            data[random_.randrange(len(data))] = random_.randrange(256)
    if random_.random() < 0.02:
        data *= 1 + (6 << 20) // (len(data) + 1)
    return bytes(data)


def answer(kind: Kind, path: Path) -> str:
    """Reads a file; returns what is wrong with the answer, empty when nothing is."""
    began = time.monotonic()
    try:
        kind.read(path)
    except LivecamError as error:
        complaint = _complaint(error, kind, path.parent)
    except Exception as error:  # what a user would see as a traceback
        complaint = f"{type(error).__name__}: {str(error)[:200]}"
    else:
        complaint = ""
    took_s = time.monotonic() - began
    return complaint or ("" if took_s < LIMIT_S else f"took {took_s:.1f} s")


def _complaint(error: LivecamError, kind: Kind, folder: Path) -> str:
    if type(error) is not kind.error:
        return f"{type(error).__name__} instead of {kind.error.__name__}: {error}"
    named = str(folder) in error.message  # also for a picture that a sticker names
    if not named and not error.message.startswith(_ABOUT_OTHER_FILES):
        return f"the file is not named: {error}"
    if not error.hint:
        return f"there is no hint: {error}"
    words = error.message + error.hint
    if len(error.message) > 600 or not all(c.isprintable() for c in words):
        return f"not one sentence that a terminal can show: {error.message[:700]!r}"
    return ""


# A file may name a preset that is not there.
_ABOUT_OTHER_FILES = ("no preset is called", "presets inherit in a circle")


def _read_profile(path: Path) -> object:
    target = profile_path(path.stem)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
    return load_profile(path.stem)


def _number(text: str, random_: random.Random) -> str:
    places = list(re.finditer(r"-?\d+\.?\d*", text))
    if not places:
        return text
    place = random_.choice(places)
    return text[: place.start()] + random_.choice(HOSTILE_NUMBERS) + text[place.end() :]


def _insertion(text: str, random_: random.Random) -> str:
    at = random_.randint(0, len(text))
    return text[:at] + random_.choice(HOSTILE_TEXTS) + text[at:]


def _new_line(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(random_.randint(0, len(lines)), random_.choice(HOSTILE_TEXTS))
    return "\n".join(lines)


def _line_gone(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    del lines[random_.randrange(len(lines))]
    return "\n".join(lines)


def _line_twice(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(random_.randint(0, len(lines)), random_.choice(lines))
    return "\n".join(lines)


def _cut(text: str, random_: random.Random) -> str:
    return text[: random_.randint(0, len(text))]


def _character(text: str, random_: random.Random) -> str:
    at = random_.randint(0, len(text))
    return text[:at] + chr(random_.choice((random_.randrange(128), 0x6211))) + text[at + 1 :]


_CHANGES = (_number, _number, _insertion, _new_line, _line_gone, _line_twice, _cut, _character)

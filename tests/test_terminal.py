"""Pictures in a terminal: which protocol is chosen, and what is sent."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.cli.terminal import (
    COLUMNS,
    ROWS,
    ImageProtocol,
    best_protocol,
    blocks,
    image_codes,
    image_with_text,
    sixel,
)

RED, BLUE, NOTHING = (255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("environ", "attributes", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "", ImageProtocol.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "", ImageProtocol.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "", ImageProtocol.ITERM),
        ({"TERM": "foot"}, "\x1b[?62;4;22c", ImageProtocol.SIXEL),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "\x1b[?64;14c", ImageProtocol.BLOCKS),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "", None),
        ({"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "", None),
        ({"TERM": "dumb"}, "\x1b[?4c", None),
        ({}, "", None),
    ],
)
def test_the_best_protocol_of_a_terminal_is_chosen(
    environ: dict[str, str], attributes: str, protocol: ImageProtocol | None
) -> None:
    assert best_protocol(environ, lambda: attributes) is protocol


def test_half_blocks_show_both_pixels_and_skip_transparent_ones() -> None:
    image = np.array([[RED, RED, NOTHING, NOTHING], [BLUE, NOTHING, BLUE, NOTHING]], np.uint8)
    assert blocks(image) == (
        "\x1b[38;2;255;0;0;48;2;0;0;255m▀"
        "\x1b[38;2;255;0;0;49m▀"
        "\x1b[38;2;0;0;255;49m▄"
        "\x1b[0m \x1b[0m"
    )


def test_sixels_decode_to_the_image() -> None:
    image = np.zeros((8, 9, 4), np.uint8)
    image[:5, :7] = RED
    image[5:, 4:] = BLUE
    np.testing.assert_array_equal(from_sixels(sixel(image)), image)


def from_sixels(text: str) -> np.ndarray:
    """Decodes sixels as a terminal does; as much of them as we write."""
    head = re.match(r'\x1bP0;1q"1;1;(\d+);(\d+)', text)
    assert head
    width, height = int(head[1]), int(head[2])
    out = np.zeros((-(-height // 6) * 6, width, 4), np.uint8)
    colors: dict[int, tuple[int, ...]] = {}
    x = y = color = 0
    token = r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([?-~])|(\$)|(-)"
    for found in re.finditer(token, text[head.end() : -2]):
        new, red, green, blue, chosen, count, repeated, single, back, down = found.groups()
        if new:
            parts = (round(int(v) * 2.55) for v in (red, green, blue))
            colors[int(new)] = (*parts, 255)
        elif chosen:
            color = int(chosen)
        elif back:
            x = 0
        elif down:
            x, y = 0, y + 6
        else:
            bits = ord(repeated or single) - 63
            run = int(count or 1)
            for row in (k for k in range(6) if bits >> k & 1):
                out[y + row, x : x + run] = colors[color]
            x += run
    return out[:height]


def test_kitty_gets_the_whole_file_in_pieces(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 60, 4), np.uint8)
    png = cv2.imencode(".png", noise)[1].tobytes()
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", image_codes(png, ImageProtocol.KITTY))
    assert base64.b64decode("".join(data for _, data in pieces)) == png
    assert all(len(data) <= 4096 for _, data in pieces)
    more = [re.search(r"m=(\d)", keys) for keys, _ in pieces]
    assert [m and m[1] for m in more] == ["1"] * (len(pieces) - 1) + ["0"]


@pytest.mark.parametrize("protocol", list(ImageProtocol))
def test_text_is_printed_beside_an_image_and_without_one(
    tmp_path: Path, protocol: ImageProtocol
) -> None:
    picture = tmp_path / "thumbnail.png"
    without = image_with_text(picture, ["one", "two"], protocol)
    cv2.imwrite(str(picture), np.full((16, 16, 4), 200, np.uint8))
    text = image_with_text(picture, ["one", "two"], protocol)
    assert text.endswith(without[without.index("\x1b8") :])
    assert f"\x1b[{COLUMNS + 2}Cone\n\x1b[{COLUMNS + 2}Ctwo\n" in text
    assert text.count("\n") == 2 * ROWS + (ROWS - 1 if protocol is ImageProtocol.BLOCKS else 0)


def test_a_list_in_a_terminal_shows_thumbnails_and_elsewhere_a_table() -> None:
    command = [sys.executable, "-m", "livecam", "avatars"]
    plain = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert b"\x1b" not in plain
    pty = pytest.importorskip("pty", reason="there are no such terminals here")
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLORTERM": "truecolor"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environ) as process:
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 65536):
                output += piece
        except OSError:  # the other end is closed
            pass
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert "▀".encode() in output
    assert b"raccoon" in output

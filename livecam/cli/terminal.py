"""Shows thumbnails in a terminal, by the best protocol that it supports.

kitty   https://sw.kovidgoyal.net/kitty/graphics-protocol
iTerm2  https://iterm2.com/documentation-images.html
sixel   DEC's graphics; announced in the device attributes of a terminal (CSI c)
blocks  two pixels in a character, in 24-bit colour
"""

from __future__ import annotations

import base64
import os
import re
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.core.errors import SourceError
from livecam.core.frame import Image
from livecam.media.images import read_image_bytes

COLUMNS, ROWS = 12, 6  # of a thumbnail: characters are about twice as tall as wide
CELL_PX = (8, 16)  # assumed size of a character
ANSWER_S = 0.2  # after this, a terminal will not answer
MAX_CHUNK = 4096  # bytes of base64 in one kitty command
SIXEL_LEVELS = 6  # of each colour: 216 in all, as terminals have 256 registers
OPAQUE = 128
ESC = "\x1b"
MAX_SIDE_PX = 2048  # of a thumbnail; ours have 256
_TO_RGBA = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}


class ImageProtocol(Enum):
    """The protocols by which terminals show images."""

    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"
    BLOCKS = "blocks"


def best_protocol(
    environ: Mapping[str, str], attributes: Callable[[], str] = lambda: ""
) -> ImageProtocol | None:
    """Returns the best protocol by the terminal's variables and its answer to `CSI c`, or None."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    inside = "TMUX" in environ or term.startswith(("screen", "tmux"))  # swallows images
    if not inside:
        if "KITTY_WINDOW_ID" in environ or "kitty" in term or "ghostty" in (term + program).lower():
            return ImageProtocol.KITTY
        if program in ("iTerm.app", "WezTerm"):
            return ImageProtocol.ITERM
    if term not in ("", "dumb"):
        found = re.search(r"\x1b\[\?([\d;]*)c", attributes())
        if found and "4" in found[1].split(";"):
            return ImageProtocol.SIXEL
    if environ.get("COLORTERM") in ("truecolor", "24bit") and "NO_COLOR" not in environ:
        return ImageProtocol.BLOCKS
    return None


def protocol_of_stdout() -> ImageProtocol | None:
    """Returns the protocol of our own terminal; None when the output goes elsewhere."""
    return best_protocol(os.environ, ask_attributes) if sys.stdout.isatty() else None


def ask_attributes() -> str:
    """Returns the terminal's answer to `CSI c`; empty when it gives none, and on Windows."""
    try:
        import termios
        import tty
    except ImportError:
        return ""
    if not sys.stdin.isatty():
        return ""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    answer = b""
    try:
        tty.setcbreak(handle, termios.TCSANOW)
        os.write(sys.stdout.fileno(), b"\x1b[c")
        ends = time.monotonic() + ANSWER_S
        while not answer.endswith(b"c") and (left := ends - time.monotonic()) > 0:
            if select.select([handle], [], [], left)[0]:
                answer += os.read(handle, 64)
    except OSError:
        return ""
    finally:
        termios.tcsetattr(handle, termios.TCSANOW, before)
    return answer.decode("ascii", "replace")


def image_with_text(image: Path, lines: Sequence[str], protocol: ImageProtocol) -> str:
    """Returns what prints a PNG with lines of text to its right; without a file, a gap."""
    try:
        png = read_image_bytes(image, MAX_SIDE_PX)
    except SourceError:
        png = b""
    rows = max(ROWS, len(lines))
    # Room is made first: an image that scrolls the terminal takes the cursor along.
    start = "\n" * rows + f"{ESC}[{rows}A"
    text = "".join(f"{ESC}[{COLUMNS + 2}C{line}\n" for line in lines) + "\n" * (rows - len(lines))
    return f"{start}{ESC}7{image_codes(png, protocol) if png else ''}{ESC}8{text}"


def image_codes(png: bytes, protocol: ImageProtocol) -> str:
    """Returns what shows a PNG at the cursor, `COLUMNS` wide and `ROWS` tall."""
    if protocol is ImageProtocol.KITTY:
        return _kitty(png)
    if protocol is ImageProtocol.ITERM:
        data = base64.b64encode(png).decode()
        return f"{ESC}]1337;File=inline=1;width={COLUMNS};height={ROWS}:{data}\a"
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint8:
        return ""
    channels = image.shape[2] if image.ndim == 3 else 1
    rgba = cv2.cvtColor(image, _TO_RGBA[channels])
    if protocol is ImageProtocol.SIXEL:
        return sixel(_sized(rgba, COLUMNS * CELL_PX[0], ROWS * CELL_PX[1]))
    return blocks(_sized(rgba, COLUMNS, 2 * ROWS))


def _sized(image: NDArray[Any], width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _kitty(png: bytes) -> str:
    data = base64.b64encode(png).decode()
    pieces = [data[i : i + MAX_CHUNK] for i in range(0, len(data), MAX_CHUNK)]
    keys = [f"a=T,f=100,q=2,c={COLUMNS},r={ROWS},m=1", *["m=1"] * (len(pieces) - 1)]
    keys[-1] = keys[-1].replace("m=1", "m=0")
    return "".join(f"{ESC}_G{k};{piece}{ESC}\\" for k, piece in zip(keys, pieces, strict=True))


def blocks(image: Image) -> str:
    """Returns half blocks: the upper pixel is the foreground, the lower one the background."""
    lines = []
    for upper, lower in zip(image[::2], image[1::2], strict=True):
        lines.append("".join(_block(a, b) for a, b in zip(upper, lower, strict=True)))
    return f"{ESC}[0m\r\n".join(lines) + f"{ESC}[0m"


def _block(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    opaque = [pixel[3] >= OPAQUE for pixel in (upper, lower)]
    if not any(opaque):
        return f"{ESC}[0m "
    first, second = (upper, lower) if opaque[0] else (lower, upper)
    ground = "48;2;{};{};{}".format(*second[:3]) if all(opaque) else "49"
    return f"{ESC}[38;2;{first[0]};{first[1]};{first[2]};{ground}m{'▀' if opaque[0] else '▄'}"


def sixel(image: Image) -> str:
    """Returns an image as sixels in 216 colours; transparent pixels keep the background."""
    height, width = image.shape[:2]
    levels = np.rint(image[..., :3].astype(np.float64) / 255 * (SIXEL_LEVELS - 1)).astype(int)
    number = (levels @ (SIXEL_LEVELS**2, SIXEL_LEVELS, 1)).astype(np.int64)
    number[image[..., 3] < OPAQUE] = -1
    number = np.pad(number, ((0, -height % 6), (0, 0)), constant_values=-1)
    out = [f'{ESC}P0;1q"1;1;{width};{height}']
    for color in np.unique(number[number >= 0]):
        parts = np.unravel_index(color, (SIXEL_LEVELS,) * 3)
        red, green, blue = (round(100 * int(part) / (SIXEL_LEVELS - 1)) for part in parts)
        out.append(f"#{color};2;{red};{green};{blue}")
    bits = 1 << np.arange(6)[:, None]
    for band in number.reshape(-1, 6, width):
        for color in np.unique(band[band >= 0]):
            sixels = ((band == color) * bits).sum(axis=0) + 63
            out.append(f"#{color}" + _run_lengths(sixels) + "$")
        out.append("-")
    return "".join(out) + f"{ESC}\\"


def _run_lengths(sixels: NDArray[np.int64]) -> str:
    ends = np.flatnonzero(np.diff(sixels)) + 1
    runs = np.split(sixels, ends)
    return "".join(
        f"!{len(run)}{chr(run[0])}" if len(run) > 3 else chr(run[0]) * len(run) for run in runs
    )

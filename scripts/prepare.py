#!/usr/bin/env python3
"""Fetches the assets, makes the sample clip and compiles the kernels.

Prints where the files lie, one path a line.
"""

import sys

from livecam.config.assets import fetch_assets
from livecam.config.language import choose_language
from livecam.core.errors import LivecamError
from livecam.core.language import set_language, tr
from livecam.core.library_log import filter_library_log
from livecam.kernels.loading import load_kernels
from livecam.sources.sample_clip import make_sample_clip, sample_clip_path


def say(words: str) -> None:
    print(f"livecam: {words}", file=sys.stderr, flush=True)


def say_progress(done: int, frames: int) -> None:
    if done % 100 == 0:
        say(tr("making the sample clip: {done} of {frames} frames", done=done, frames=frames))


def main() -> int:
    try:
        set_language(choose_language())
        for path in fetch_assets(say).values():
            print(path)
        clip = sample_clip_path()
        if not clip.is_file():
            clip.parent.mkdir(parents=True, exist_ok=True)
            make_sample_clip(clip, progress=say_progress)
        print(clip)
        load_kernels()
    except LivecamError as error:
        say(f"{error.message}\n   {tr('hint: {hint}', hint=error.hint)}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    filter_library_log()
    sys.exit(main())

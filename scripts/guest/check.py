"""Boots the guest, lets it collect pictures, and judges them: runs on the host."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import judge
import numpy as np
from feed import HEIGHT, RATE, WIDTH, Feed

from livecam.config.assets import asset_path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
LIMIT_S = 900


def main() -> int:
    arguments = _arguments()
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.png"):
        old.unlink()
    feed = Feed.made_from(arguments.clip or _sample(), out / "feed")
    _boot(arguments, out, feed)
    verdict = judge.Verdict()
    for line in _notes(out):
        verdict.add(line["name"], line["good"], line["detail"])
    if arguments.only != "head":
        judge.bars(verdict, out)
    if arguments.only != "bars":
        judge.heads(verdict, out, feed)
    print(f"{verdict.passed} passed, {verdict.failed} failed; pictures in {out}")
    return 1 if verdict.failed or not verdict.passed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guest_check", description=__doc__)
    parser.add_argument("guest", type=Path, help="folder with run.sh")
    parser.add_argument("cache", type=Path, nargs="?", help="folder with the guest's image")
    parser.add_argument("--clip", type=Path, help="a face on video; the sample when left out")
    parser.add_argument("--out", type=Path, default=PROJECT / "out" / "guest_check")
    parser.add_argument("--only", choices=("bars", "head"))
    arguments = parser.parse_args()
    if not (arguments.guest / "run.sh").is_file():
        parser.error(f"{arguments.guest} is not the folder of a guest: it holds no run.sh")
    for path in (arguments.cache, arguments.clip):
        if path is not None and not path.exists():
            parser.error(f"there is no {path}")
    return arguments


def _sample() -> Path:
    from livecam.sources.sample_clip import sample_clip

    return sample_clip()


def _boot(arguments: argparse.Namespace, out: Path, feed: Feed) -> None:
    assets = asset_path("face-landmarker").parent
    python = PROJECT / ".venv" / "bin" / "python"
    # Shares appear in the guest at the same paths, so that the host's environment works there.
    shares = {PROJECT, Path(sys.base_prefix), assets, feed.folder} - {Path("/usr")}
    command: list[object] = [arguments.guest / "run.sh", "--out", out, "--mem", "4G"]
    command += ["--timeout", LIMIT_S]
    if arguments.cache is not None:
        command += ["--cache", arguments.cache]
    for share in sorted(shares):
        command += ["--ro", share]
    command += ["--", "env", f"LIVECAM_ASSETS={assets}", "PYTHONDONTWRITEBYTECODE=1"]
    command += [python, HERE / "inside.py", feed.raw, WIDTH, HEIGHT, RATE, arguments.only or "all"]
    (out / "notes.jsonl").unlink(missing_ok=True)
    subprocess.run([str(word) for word in command], check=False, timeout=LIMIT_S + 200)


def _notes(out: Path) -> list[dict[str, Any]]:
    """Returns the checks that ran in the guest."""
    path = out / "notes.jsonl"
    if not path.exists():
        return [{"name": "the guest ran", "good": False, "detail": f"no {path.name}"}]
    return [json.loads(line) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    cv2.setNumThreads(1)
    np.set_printoptions(precision=1, suppress=True)
    sys.exit(main())

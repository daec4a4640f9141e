#!/usr/bin/env python3
"""Ends real commands with signals in any number and order, and checks what they leave.

    python scripts/trial_signals.py --trials 200 --seed 1

Each trial runs one command in a folder of its own, waits for a random moment and sends one to four
of SIGINT, SIGTERM and SIGHUP, closes the terminal, or kills with SIGKILL. A calm end has no
traceback and leaves a complete recording, a readable take, whole lines of statistics and no hidden
file; a conversion or rendering is complete or not there. After SIGKILL the next run names what is
left.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from livecam.core.errors import LivecamError
from livecam.core.face import EXPRESSIONS
from livecam.core.frame import Frame
from livecam.core.hidden_file import NEWBORN_S, leftovers
from livecam.media.reader import VideoReader
from livecam.media.writer import VideoWriter

LIMIT_S = 90.0  # of one command, on a busy machine
CALM = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDINGS = ("signals", "burst", "start", "terminal", "kill")
COMMANDS = ("run", "convert", "render")
FRAMES = 40  # of the film that is converted
TAKE_S = 4.0  # of the take that is rendered


@dataclass
class Trial:
    """One command, how it was ended and what was wrong afterwards."""

    command: str
    ending: str
    sent: list[str] = field(default_factory=list)
    code: int | None = None
    output: str = ""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = f"{self.command} {self.ending} {' '.join(self.sent)} -> {self.code}"
        return f"{how}: {'; '.join(self.faults)}" if self.faults else how


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", choices=COMMANDS, help="this one alone")
    parser.add_argument("--ending", choices=ENDINGS, help="this one alone")
    asked = parser.parse_args()
    commands = (asked.command,) if asked.command else COMMANDS
    endings = (asked.ending,) if asked.ending else ENDINGS
    done = run_trials(asked.trials, asked.seed, commands, endings)
    counts = Counter((t.command, t.ending, bool(t.faults)) for t in done)
    for (command, ending, faulty), count in sorted(counts.items()):
        print(f"{command:8} {ending:9} {'FAULTY' if faulty else 'good':7} {count}")
    tracebacks = sum("Traceback" in t.output for t in done)
    faulty = sum(bool(t.faults) for t in done)
    print(f"{len(done)} trials, {faulty} with faults, {tracebacks} with a traceback")
    return 1 if faulty else 0


def run_trials(
    count: int, seed: int, commands: tuple[str, ...] = COMMANDS, endings: tuple[str, ...] = ENDINGS
) -> list[Trial]:
    """Runs trials of all commands and endings in turn, `run` three times as often."""
    chance = random.Random(seed)
    weighted = [c for c in commands for _ in range(3 if c == "run" else 1)]
    done = []
    with tempfile.TemporaryDirectory(prefix="livecam-trial-") as name:
        make_material(material := Path(name))
        for number in range(count):
            ending = endings[number % len(endings)]
            command = weighted[number // len(endings) % len(weighted)]
            trial = Trial(command, ending)
            folder = material / f"{number:04d}"
            folder.mkdir()
            _perform(trial, folder, material, chance)
            print(number, trial, flush=True)
            if trial.faults:
                print(trial.output, flush=True)
            done.append(trial)
    return done


def make_material(folder: Path) -> None:
    """Writes the film that is converted and the take that is rendered."""
    with VideoWriter(folder / "film.mp4", 320, 240, 25) as writer:
        for index in range(FRAMES):
            writer.write(_frame(index))
    head = {"livecam_take": 1, "weights": EXPRESSIONS, "meant": False, "space": ""}
    pose = {"at": [0, 0, -0.6], "q": [1, 0, 0, 0], "w": [0.1] * len(EXPRESSIONS), "width": 1}
    frames = [{"t": round(n / 30, 4)} | pose for n in range(int(TAKE_S * 30))]
    (folder / "take.jsonl").write_text("\n".join(map(json.dumps, [head, *frames])), "utf-8")


def _frame(index: int) -> Frame:
    image = np.full((240, 320, 4), 255, np.uint8)
    image[..., :3] = 60 + 4 * index
    return Frame(image, index, index / 25)


def _words(command: str, folder: Path, material: Path, seconds: float = 20) -> list[str]:
    if command == "run":
        return [
            "run", "--source", "pattern", "--avatar", "none", "--no-learn", "--no-virtual-camera",
            "--no-preview", "--record", str(folder / "out.mp4"), "--png", str(folder / "png"),
            "--record-motion", str(folder / "take.jsonl"), "--stats", str(folder / "stats.jsonl"),
            "--width", "320", "--height", "240", "--seconds", str(seconds),
        ]  # fmt: skip
    if command == "convert":
        output = folder / "out.mp4"
        return ["convert", "--avatar", "none", str(material / "film.mp4"), str(output)]
    return [
        "motion", "render", "--size", "320x180", str(material / "take.jsonl"),
        str(folder / "out.mp4"),
    ]  # fmt: skip


def _perform(trial: Trial, folder: Path, material: Path, chance: random.Random) -> None:
    words = [sys.executable, "-m", "livecam", *_words(trial.command, folder, material)]
    log = folder.with_suffix(".log")
    terminal, theirs = pty.openpty() if trial.ending == "terminal" else (None, None)
    with log.open("wb") as file:
        output = file.fileno() if theirs is None else theirs
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if theirs is None else theirs,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=None if theirs is None else _take_terminal,
        )
    if theirs is not None:
        os.close(theirs)
    began = _wait_to_begin(trial, process, folder, chance)
    _send(trial, process, terminal, chance)
    try:
        trial.code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        trial.faults.append(f"did not end within {LIMIT_S:.0f} s")
        process.kill()
        process.wait()
    trial.output = log.read_text("utf-8", "replace")
    if trial.ending == "kill":
        _check_killed(trial, folder, material)
    else:
        _check_calm(trial, folder, began)


def _take_terminal() -> None:
    """Makes standard input the controlling terminal of the new session."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _wait_to_begin(
    trial: Trial, process: subprocess.Popen[bytes], folder: Path, chance: random.Random
) -> bool:
    """Waits until the file is being written, and a little longer; for "start" a random time."""
    if trial.ending == "start":
        time.sleep(chance.uniform(0.1, 2.0))
        return False
    deadline = time.monotonic() + LIMIT_S
    seen: Counter[Path] = Counter()
    # `convert` first tries whether it can write, and removes that file: the one that stays counts.
    times = 5 if trial.command == "convert" else 1
    while max(seen.values(), default=0) < times and process.poll() is None:
        if time.monotonic() > deadline:
            trial.faults.append("never began")
            return False
        seen.update(folder.glob(".out*"))
        time.sleep(0.01)
    time.sleep(chance.uniform(0.0, 1.0 if trial.command == "run" else 0.3))
    return True


def _send(
    trial: Trial, process: subprocess.Popen[bytes], terminal: int | None, chance: random.Random
) -> None:
    if terminal is not None:
        os.close(terminal)
        trial.sent = ["closed"]
        return
    count = 1 if trial.ending == "kill" else 4 if trial.ending == "burst" else chance.randint(1, 4)
    longest_s = 0.01 if trial.ending == "burst" else 0.3
    for number in range(count):
        if number:
            time.sleep(chance.uniform(0, longest_s))
        chosen = signal.SIGKILL if trial.ending == "kill" else chance.choice(CALM)
        if process.poll() is None:
            process.send_signal(chosen)
            trial.sent.append(chosen.name)


def _check_calm(trial: Trial, folder: Path, began: bool) -> None:
    if "Traceback" in trial.output:
        trial.faults.append("a traceback")
    if trial.code not in (0, 130):
        trial.faults.append(f"exit code {trial.code}")
    out = folder / "out.mp4"
    hidden = [str(path.name) for path in folder.rglob(".*")]
    if hidden:
        trial.faults.append(f"left {', '.join(hidden)}")
    if out.exists():
        _check_video(trial, out)
    elif trial.command == "run" and (began or trial.code == 0):
        trial.faults.append("the recording is lost")
    for name in ("take.jsonl", "stats.jsonl"):
        _check_lines(trial, folder / name)


def _check_video(trial: Trial, path: Path) -> None:
    try:
        with VideoReader(path) as film:
            frames = sum(1 for _ in film)
    except LivecamError as error:
        trial.faults.append(f"{path.name}: {error}")
        return
    if frames == 0:
        trial.faults.append(f"{path.name} has no frame")
    published = re.search(r"out\.mp4: (\d+) pictures", trial.output)
    if published is not None and frames < int(published[1]) // 2:
        trial.faults.append(f"{path.name} has {frames} of {published[1]} frames")


def _check_lines(trial: Trial, path: Path) -> None:
    if not path.exists():
        return
    try:
        for line in path.read_text("utf-8").splitlines():
            json.loads(line)
    except ValueError as error:
        trial.faults.append(f"{path.name}: {error}")


def _check_killed(trial: Trial, folder: Path, material: Path) -> None:
    """Runs the command again: it must name what is left, and leave it there."""
    time.sleep(NEWBORN_S)  # an empty file that is younger is not a leftover yet
    left = leftovers(folder)
    if not left and not (folder / "out.mp4").exists() and trial.command == "run":
        trial.faults.append("nothing is left")
    words = _words(trial.command, folder, material, seconds=0.2)
    if trial.command == "run":
        (folder / "take.jsonl").unlink(missing_ok=True)
    elif (folder / "out.mp4").exists():  # it was over before it was killed
        return
    again = subprocess.run(
        [sys.executable, "-m", "livecam", *words], capture_output=True, text=True, timeout=LIMIT_S
    )
    trial.output += again.stderr
    if "Traceback" in again.stderr or again.returncode:
        trial.faults.append(f"the next run ended with {again.returncode}")
    for path in left:
        if str(path) not in again.stderr:
            trial.faults.append(f"{path.name} was not reported")
        if not path.exists():
            trial.faults.append(f"{path.name} was deleted")


if __name__ == "__main__":
    sys.exit(main())

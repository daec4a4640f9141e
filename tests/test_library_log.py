"""What the libraries log from C++ is hidden, and nothing else: not our words, not those of a crash.

C++ writes to the streams of its process, so each test looks at another process.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livecam.core.library_log import LIBRARY_LINES
from tests.fetched import asset_or_skip

REPOSITORY = Path(__file__).parents[1]
LIBRARY_LINE = re.compile("|".join(LIBRARY_LINES))
NOISE = "W0000 00:00:1795373034.2 11461 graph.cc:1] noise\n"
PREPARED = """
import ctypes, os, signal, subprocess, sys, time
from livecam.core.library_log import filter_library_log
libc = ctypes.CDLL(None)
def c_says(words):
    libc.fputs(words.encode(), ctypes.c_void_p.in_dll(libc, "stderr"))
filter_library_log()
"""
EVERY_NETWORK = """
import sys
from pathlib import Path
from livecam.config.assets import asset_path
from livecam.core.frame import Frame
from livecam.media.images import read_image
from livecam.segmentation.networks import DetectorNetwork, HairNetwork, PersonNetwork
from livecam.tracking.face_detector import FaceDetector
from livecam.tracking.face_landmarker import FaceLandmarker
from livecam.tracking.hand_landmarker import HandLandmarker
image = read_image(asset_path("portrait"))
with FaceLandmarker(asset_path("face-landmarker")) as faces:
    assert faces.track(Frame(image, 0, 0.0)).faces
with HandLandmarker(asset_path("hand-landmarker")) as hands:
    hands.detect(image)
FaceDetector(asset_path("face-landmarker")).close()
PersonNetwork(asset_path("person-wide"))
DetectorNetwork(asset_path("person-pose"))
print("done", file=sys.stderr)
"""


def process(program: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        **options,
    )


def lines_of(program: str) -> list[str]:
    """The lines on stderr, sorted: those of C and those of Python go two ways."""
    return sorted(process(PREPARED + program, check=True).stderr.splitlines())


def test_the_log_lines_of_all_networks_are_known_and_hidden() -> None:
    for model in ("face-landmarker", "hand-landmarker", "portrait", "person-wide", "person-pose"):
        asset_or_skip(model)
    bare = process(EVERY_NETWORK, check=True).stderr.splitlines()
    assert len(bare) > 5
    assert [line for line in bare if not LIBRARY_LINE.match(line)] == ["done"]
    assert lines_of(EVERY_NETWORK) == ["done"]


def test_all_other_lines_appear() -> None:
    assert lines_of(f"""
c_says({NOISE!r})
c_says("a word of C\\n")
os.write(2, {NOISE.replace("noise", "ours")!r}.encode())
print("a word of Python", file=sys.stderr)
subprocess.run(["sh", "-c", "echo a word of a child >&2"], check=True)
c_says("F0000 00:00:1795373034.2 1 check.cc:1] fatal\\n")
c_says("no end of line, \\xe9")
""") == [
        "F0000 00:00:1795373034.2 1 check.cc:1] fatal",
        NOISE.strip().replace("noise", "ours"),
        "a word of C",
        "a word of Python",
        "a word of a child",
        "no end of line, é",
    ]


def test_what_silences_the_descriptor_itself_still_can() -> None:
    assert lines_of("""
from livecam.core.library_log import unfiltered_c_stderr
before = os.dup(2)
with unfiltered_c_stderr():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    c_says("ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\\n")
    os.dup2(before, 2)
c_says("W0000 00:00:1795373034.2 11461 graph.cc:1] noise\\n")
c_says("still filtered\\n")
""") == ["still filtered"]


def test_the_search_for_sound_systems_is_silent() -> None:
    program = "from livecam.audio.microphone import list_microphones as l; l(); l(rescan=True)"
    assert lines_of(program + "\nimport livecam.tracking.mediapipe_tasks") == []


def test_the_last_words_of_a_crash_appear() -> None:
    done = process(
        PREPARED + "import faulthandler\n"
        "faulthandler.enable()\n"
        "libc.__assert_fail(b'1 == 2', b'net.cc', 7, b'invoke')\n"
    )
    assert done.returncode == -signal.SIGABRT
    assert "net.cc:7: invoke: Assertion `1 == 2' failed." in done.stderr
    assert "Current thread 0x" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_the_process_group_leaves_the_filter(number: signal.Signals) -> None:
    done = process(
        PREPARED + f"signal.signal({int(number)}, lambda *_: None)\n"
        f"os.killpg(0, {int(number)})\n"
        f"c_says({NOISE!r})\n"
        "c_says('still there\\n')\n",
        start_new_session=True,
    )
    assert done.stderr == "still there\n"


def test_nothing_happens_without_a_standard_error_or_without_sed() -> None:
    for program in ("import os\nos.close(2)\n", "import os\nos.environ['PATH'] = '/nowhere'\n"):
        again = f"import sys\n{program}sys.stderr = open(os.dup(1), 'w')\n"
        done = process(again + PREPARED + "print('done')", check=True)
        assert done.stdout == "done\n"


def test_a_closed_standard_error_stays_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m livecam --version 2>&-', sys.executable],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.stdout.startswith("livecam ")

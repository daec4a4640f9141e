"""A display for tests that open a window."""

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from livecam.render.context import on_linux


@contextmanager
def private_display() -> Iterator[str]:
    """An X server without a screen, in front of everything else that may be there.

    The test is skipped where none can be started.
    """
    if not on_linux():
        pytest.skip("Xvfb is a Linux program")
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        ready, _, _ = select.select([read], [], [], 20)
        number = os.read(read, 16).decode().strip() if ready else ""
        if not number:
            pytest.skip("Xvfb did not start")
        with pytest.MonkeyPatch.context() as patch:
            import glfw

            patch.setenv("DISPLAY", f":{number}")
            patch.delenv("WAYLAND_DISPLAY", raising=False)
            glfw.terminate()  # drop another test's display
            yield f":{number}"
            glfw.terminate()
    finally:
        os.close(read)
        server.terminate()
        server.wait(10)

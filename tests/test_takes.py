"""Takes: recorded as published, played on any head, exported for others."""

import csv
import json
import shutil
import struct

import cv2
import numpy as np
import pytest

from livecam.avatar.base import Material
from livecam.avatar.gltf.container import glb_bytes, read_glb
from livecam.avatar.library import find_avatar, load_avatar
from livecam.calibration.profile import save_profile
from livecam.calibration.ranges import WeightRanges
from livecam.config.settings import MotionSettings, Settings, SourceSettings
from livecam.core.commands import Command
from livecam.core.errors import AssetError, ConfigError, SinkError, UsageError
from livecam.core.face import EXPRESSIONS, INDEX, FacePose, FaceState, Performance
from livecam.core.observation import Observation
from livecam.core.spaces import quaternion_from_vector
from livecam.core.timing import StageTimer, SystemClock
from livecam.live import run as live_run
from livecam.live.governor import Governor
from livecam.live.loop import LiveLoop
from livecam.live.motion import check_motion
from livecam.live.workers import CaptureWorker, TrackingWorker
from livecam.motion.base import Performer, state_from_performances
from livecam.motion.take import (
    LOOP_FADE_S,
    TakePlayer,
    TakeWriter,
    looped,
    players,
    read_take,
    summary,
)
from livecam.people.tracker import PeopleTracker
from livecam.pipeline.pipeline import Inputs, Pipeline
from livecam.pipeline.states import Shown
from livecam.sinks.base import OutputInfo
from livecam.sources.base import TestPattern
from livecam.takes.export import export_take
from livecam.tracking.base import ScriptedTracker
from tests.faces import SIZE, face, frame
from tests.pipelines import TrackedPipeline
from tests.test_pipeline import PaintingCompositor, avatar

FPS = 30


def performed_by(performer: Performer, settings: Settings) -> TrackedPipeline:
    """A pipeline with a performer."""
    info = OutputInfo(*SIZE, 30.0)
    inputs = Inputs(performers=[performer])
    return TrackedPipeline(settings, (avatar(),), lambda *_: PaintingCompositor(), info, inputs)


def state(i: int) -> FaceState:
    weights = np.zeros(len(EXPRESSIONS), np.float32)
    weights[INDEX["jawOpen"]] = (i % 30) / 30
    turn = quaternion_from_vector(np.array((0.0, 0.4 * np.sin(i / 10), 0.0)))
    pose = FacePose(np.array((0.001 * i, 0.02, -0.6)), turn)
    return FaceState(pose, weights, 1.1, 100 + i / FPS)


@pytest.fixture
def recorded(tmp_path):
    """Two seconds; frames 20 to 29 have no face."""
    path = tmp_path / "take.jsonl"
    writer = TakeWriter(path)
    for i in range(60):
        unseen = 20 <= i < 30
        writer.observe(None if unseen else state(i), 100 + i / FPS)
    writer.close()
    return path


def test_a_take_without_a_frame_leaves_no_file(tmp_path):
    TakeWriter(tmp_path / "take.jsonl").close()
    assert list(tmp_path.iterdir()) == []


def test_a_take_survives_writing_and_reading(recorded):
    take = read_take(recorded)
    assert len(take.times) == 60
    assert take.times == pytest.approx(np.arange(60) / FPS, abs=1e-4)
    assert list(np.flatnonzero(~take.visible)) == list(range(20, 30))
    for i in (0, 10, 45):
        assert take.weights[i] == pytest.approx(state(i).weights, abs=1e-4)
        assert take.translations[i] == pytest.approx(state(i).pose.translation, abs=1e-5)
        assert take.rotations[i] == pytest.approx(state(i).pose.rotation, abs=1e-5)
    assert summary(take)["seen"] == pytest.approx(50 / 60, abs=1e-3)


def test_a_take_contains_no_image_and_no_landmark(recorded):
    lines = [json.loads(line) for line in recorded.read_text().splitlines()]
    assert set().union(*lines[1:]) == {"t", "at", "q", "w", "width"}


def test_the_same_frame_twice_is_recorded_once(tmp_path):
    writer = TakeWriter(tmp_path / "take.jsonl")
    for _ in range(3):
        writer.observe(state(5), 200.0)
    writer.close()
    assert len(read_take(tmp_path / "take.jsonl").times) == 1


def test_a_take_is_interpolated_between_its_frames(recorded):
    take = read_take(recorded)
    shown = take.at(10.5 / FPS)
    assert shown is not None
    assert shown.pose.translation[0] == pytest.approx(0.0105, abs=1e-5)
    assert shown.weights[INDEX["jawOpen"]] == pytest.approx(10.5 / 30, abs=1e-3)
    assert take.at(25 / FPS) is None


def test_a_player_starts_at_its_first_call_and_loops_without_a_jump(recorded):
    take = read_take(recorded)
    player = TakePlayer(take)
    first = player.at(1000.0)
    assert first is not None
    assert first.weights == pytest.approx(take.weights[0], abs=1e-4)
    times = np.arange(0, 3 * take.seconds, 1 / 240)
    places = [shown.pose.translation[0] for t in times if (shown := looped(take, t))]
    fastest = 0.059 / LOOP_FADE_S * 1.5  # the whole distance, eased, within the fade
    assert np.abs(np.diff(places)).max() < fastest / 240 * 1.2 + 0.012  # the gap of ten frames


def test_a_truncated_last_line_is_ignored_and_earlier_damage_is_refused(recorded):
    text = recorded.read_text()
    recorded.write_text(text[:-40])
    assert len(read_take(recorded).times) == 59
    lines = text.splitlines()
    lines[7] = lines[7][:30]
    recorded.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="line 8"):
        read_take(recorded)


@pytest.mark.parametrize(
    "damage",
    [
        {"t": 0.0}, {"w": [0.5] * 51}, {"w": [1e999] * 52}, {"w": {"a": 1}}, {"q": [0, 0, 0, 0]},
        {"at": [0, 0, 1e9]}, {"at": "x"}, {"width": -1}, {"width": None}, {"t": "soon"},
    ],
)  # fmt: skip
def test_implausible_numbers_are_refused_with_their_line(recorded, damage):
    lines = recorded.read_text().splitlines()
    lines[5] = json.dumps(json.loads(lines[5]) | damage)
    recorded.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="line 6"):
        read_take(recorded)


def test_a_frame_without_a_face_needs_a_time_too(recorded):
    lines = recorded.read_text().splitlines()
    lines[25] = '{"t": NaN}'
    recorded.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="line 26"):
        read_take(recorded)


def test_weights_on_arkits_scale_pass_unchanged_and_others_are_amplified(tmp_path):
    """Recorded through the line, with a mouth that another performer tells."""
    mouth = np.array([name.startswith(("mouth", "jaw")) for name in EXPRESSIONS])

    class Mouth:
        def at(self, now):
            return Performance(np.full(len(EXPRESSIONS), 0.3, np.float32), mouth, None, now)

        def close(self):
            pass

    pipeline = performed_by(Mouth(), Settings())
    writer = TakeWriter(tmp_path / "take.jsonl")
    for i in range(10):
        detected = face(center=(0.4, 0.5), browInnerUp=0.2)
        shown = pipeline.show(Observation(frame(i, i / 30), (detected,)), i / 30 + 0.02)
        writer.observe(shown.face, i / 30 + 0.03)
    writer.close()
    take = read_take(tmp_path / "take.jsonl")
    assert (take.arkit_mask == mouth).all()
    performances = [performance for each in players(take) if (performance := each.at(7.0))]
    again = state_from_performances(performances)
    assert again is not None
    assert again.arkit_mask is not None
    assert list(again.arkit_mask) == list(mouth)
    assert again.weights == pytest.approx(take.weights[0], abs=1e-5)
    assert again.weights[INDEX["jawOpen"]] == pytest.approx(0.3, abs=1e-4)
    assert again.weights[INDEX["browInnerUp"]] == pytest.approx(0.2, abs=0.02)


def test_a_returning_face_is_recorded_from_its_first_frame(tmp_path):
    """Pictures show what was 50 ms before; those without a face do not tell it."""
    writer = TakeWriter(tmp_path / "take.jsonl")
    for i in range(30):
        writer.observe(None if 10 <= i < 20 else state(i), state(i).at + 0.05)
    writer.close()
    take = read_take(tmp_path / "take.jsonl")
    assert take.times == pytest.approx(np.arange(30) / FPS, abs=1e-4)


@pytest.mark.parametrize("text", ["", "{}", "hello", '{"livecam_take": 99}', "\x00\xff"])
def test_another_file_is_no_take(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError):
        read_take(path)


def test_a_take_is_never_overwritten(recorded):
    with pytest.raises(SinkError, match="is there already"):
        TakeWriter(recorded)


def test_a_run_without_its_avatar_leaves_no_take(tmp_path):
    """The next run, with the right name, would find that the take is there already."""
    path = tmp_path / "take.jsonl"
    settings = Settings.model_validate(
        {
            "source": {"source": "pattern"},
            "avatar": {"avatar": "no-such-head"},
            "motion": {"record_motion": str(path)},
            "sinks": {"virtual_camera": False, "preview": False},
        }
    )
    with pytest.raises(AssetError):
        live_run.run(settings)
    assert not path.exists()


def test_a_take_moves_the_face_and_the_head_keeps_its_tracked_pose(recorded):
    settings = Settings(motion=MotionSettings(motion=str(recorded)))
    player = TakePlayer(read_take(recorded))
    pipeline = performed_by(player, settings)
    for i in range(15):
        detected = face(center=(0.4, 0.5))
        published = pipeline.show(Observation(frame(i, i / 30), (detected,)), i / 30)
    assert published.state is Shown.AVATAR
    assert published.face is not None
    assert published.face.weights[INDEX["jawOpen"]] == pytest.approx(14 / 30, abs=0.02)
    assert published.face.pose.translation == pytest.approx(
        detected.camera_from_head[:3, 3], abs=0.01
    )


def test_on_a_blank_card_the_take_places_the_head(recorded):
    settings = Settings(
        source=SourceSettings(source="blank"), motion=MotionSettings(motion=str(recorded))
    )
    player = TakePlayer(read_take(recorded))
    pipeline = performed_by(player, settings)
    published = pipeline.show(Observation(frame(0, 0.0), ()), 5.0)
    assert published.state is Shown.AVATAR
    assert published.face is not None
    assert published.face.pose.translation == pytest.approx((0.0, 0.02, -0.6), abs=1e-4)


def test_a_take_does_not_replace_a_lost_face_of_the_camera(recorded):
    player = TakePlayer(read_take(recorded))
    pipeline = performed_by(player, Settings())
    assert pipeline.show(Observation(frame(0, 0.0), ()), 0.0).state is Shown.CURTAIN


def test_a_blank_card_without_a_performer_is_refused():
    with pytest.raises(ConfigError, match="shows nobody"):
        check_motion(Settings(source=SourceSettings(source="blank")))
    with pytest.raises(ConfigError, match='did you mean "vmc"'):
        check_motion(Settings(motion=MotionSettings(performer="vnc")))


def test_a_listener_that_fails_is_dropped():
    class Deaf:
        asked = 0

        def observe(self, face, now):
            self.asked += 1
            raise SinkError("the disk is full")

        def close(self):
            pass

    class Hearing:
        heard: list[FaceState | None]

        def __init__(self):
            self.heard = []

        def observe(self, face, now):
            self.heard.append(face)

        def close(self):
            pass

    deaf, hearing, count = Deaf(), Hearing(), 0

    def watch(published):
        nonlocal count
        count += published.state is Shown.AVATAR
        return (Command.QUIT,) if count > 10 else ()

    clock, timer = SystemClock(), StageTimer()
    capture = CaptureWorker(lambda: TestPattern(clock, *SIZE, 100.0), timer)
    tracking = TrackingWorker(
        lambda: ScriptedTracker(lambda f: (face(),)),
        PeopleTracker(),
        capture.frames,
        Governor("high"),
        clock,
        timer,
    )
    pipeline = Pipeline(
        Settings(), (avatar(),), lambda *_: PaintingCompositor(), OutputInfo(*SIZE, 100.0)
    )
    live = LiveLoop(pipeline, capture, tracking, [], clock, timer, None, watch, [deaf, hearing])
    for worker in (capture.worker, tracking.worker):
        worker.start()
    try:
        live.loop(20.0)
    finally:
        for worker in (capture.worker, tracking.worker):
            worker.request_stop()
            worker.join()
    assert deaf.asked == 1
    assert sum(face is not None for face in hearing.heard) >= 10
    assert hearing.heard[-1] is None  # the curtain at the end shows no face


def test_a_table_has_a_row_for_every_frame(recorded, tmp_path):
    export_take(read_take(recorded), tmp_path / "o.csv", "raccoon")
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert float(rows[10]["jawOpen"]) == pytest.approx(10 / 30, abs=1e-4)
    assert float(rows[10]["yaw_deg"]) == pytest.approx(np.degrees(0.4 * np.sin(1)), abs=0.01)
    assert rows[25]["seen"] == "0"
    assert rows[25]["jawOpen"] == ""


def glb(path):
    """An independent reading: the document and a function from accessor to array."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    size_of_binary, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert kind == b"BIN\0"
    assert 28 + size + size_of_binary == len(data)
    assert document["buffers"][0]["byteLength"] == size_of_binary
    binary = data[28 + size :]

    def floats(index):
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        assert accessor["componentType"] == 5126
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= size_of_binary
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        count = accessor["count"] * width
        assert view["byteLength"] == 4 * count
        out = np.frombuffer(binary, "<f4", count, view["byteOffset"])
        return out.reshape(-1, width) if width > 1 else out

    return document, floats


def shape_key(path, name):
    """Returns the displacement of a morph target of the fur in each frame."""
    document, floats = glb(path)
    node = next(i for i, each in enumerate(document["nodes"]) if each.get("name") == "fur")
    names = document["meshes"][document["nodes"][node]["mesh"]]["extras"]["targetNames"]
    (animation,) = document["animations"]
    (track,) = (
        animation["samplers"][channel["sampler"]]["output"]
        for channel in animation["channels"]
        if channel["target"] == {"node": node, "path": "weights"}
    )
    return floats(track).reshape(-1, len(names))[:, names.index(name)]


def test_the_animation_has_valid_gltf_channels(recorded, tmp_path):
    export_take(read_take(recorded), tmp_path / "o.glb", "fox")
    document, floats = glb(tmp_path / "o.glb")
    (animation,) = document["animations"]
    samplers = animation["samplers"]
    animated = set()
    for channel in animation["channels"]:
        sampler = samplers[channel["sampler"]]
        node, target = channel["target"]["node"], channel["target"]["path"]
        assert (node, target) not in animated
        animated.add((node, target))
        time, values = floats(sampler["input"]), floats(sampler["output"])
        assert (np.diff(time) > 0).all()
        bounds = document["accessors"][sampler["input"]]
        assert bounds["min"] == [time[0]]
        assert bounds["max"] == [pytest.approx(time[-1])]
        if target == "weights":
            mesh = document["meshes"][document["nodes"][node]["mesh"]]
            targets = len(mesh["primitives"][0]["targets"])
            assert len(values) == len(time) * targets
            names = mesh["extras"]["targetNames"]
            jaw = values.reshape(-1, targets)[:, names.index("jawOpen")]
            assert jaw[15] > jaw[5] > jaw[1]
        elif target == "rotation":
            assert np.linalg.norm(values, axis=1) == pytest.approx(np.ones(60), abs=1e-5)
            assert values[10] == pytest.approx(
                np.roll(state(10).pose.rotation, -1), abs=1e-4
            ) or values[10] == pytest.approx(-np.roll(state(10).pose.rotation, -1), abs=1e-4)
    names = {(document["nodes"][n].get("name"), target) for n, target in animated}
    assert {("head", "rotation"), ("body", "translation"), ("fur", "weights")} <= names


@pytest.mark.parametrize("name", ["fox", "woman"])
def test_the_eyes_of_an_animated_head_have_a_texture(recorded, tmp_path, name):
    """Other programs do not have the shader that paints them here."""
    export_take(read_take(recorded), tmp_path / "o.glb", name)
    document, floats = glb(tmp_path / "o.glb")
    head = load_avatar(name)
    parameters = head.eyes
    (eyes,) = (mesh for mesh in document["meshes"] if mesh["name"] == "eyes")
    (primitive,) = eyes["primitives"]
    material = document["materials"][primitive["material"]]
    texture = document["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    view = document["bufferViews"][document["images"][texture["source"]]["bufferView"]]
    data = (tmp_path / "o.glb").read_bytes()
    png = data[len(data) - document["buffers"][0]["byteLength"] :][view["byteOffset"] :]
    picture = cv2.imdecode(np.frombuffer(png[: view["byteLength"]], np.uint8), cv2.IMREAD_COLOR)
    picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    uv = floats(primitive["attributes"]["TEXCOORD_0"])
    assert len(uv) == document["accessors"][primitive["attributes"]["POSITION"]]["count"]
    assert uv.min() >= 0
    assert uv.max() <= 1
    (eye,) = (mesh for mesh in head.meshes if mesh.material is Material.EYE)
    # Inside of the triangles, not only at their corners.
    shares = np.random.default_rng(2).dirichlet((1, 1, 1), size=(len(eye.indices), 4))
    uv = (shares @ uv[eye.indices]).reshape(-1, 2)
    ball = (shares @ eye.comb[eye.indices]).reshape(-1, 3)
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    at = np.minimum((uv * picture.shape[1::-1]).astype(int), picture.shape[0] - 1)
    colors = picture[at[:, 1], at[:, 0]].astype(int)
    angle = np.arccos(np.clip(ball[:, 2], -1, 1))
    assert colors[angle < 0.3 * parameters.iris_angle_rad].max() < 40  # the pupil
    iris = colors[np.abs(angle / parameters.iris_angle_rad - 0.72) < 0.15]
    order = np.argsort(parameters.iris_inner)
    assert len(iris) > 20
    assert (np.argsort(iris.mean(axis=0)) == order).all()
    assert colors[angle > 1.3 * parameters.iris_angle_rad].min() > 180  # the white


def test_an_animated_head_has_its_resting_level_removed_from_the_beginning(tmp_path):
    """As the film of a take does: a brow that always rests low is no frown."""
    writer = TakeWriter(tmp_path / "o.jsonl")
    for i in range(30 * 30):
        weights = np.zeros(len(EXPRESSIONS), np.float32)
        weights[INDEX["browDownLeft"]] = 0.3
        frontal = FacePose(np.array((0, 0, -0.6)), np.array((1.0, 0, 0, 0)))
        writer.observe(FaceState(frontal, weights, 1.0, i / 30), i / 30)
    writer.close()
    export_take(read_take(tmp_path / "o.jsonl"), tmp_path / "o.glb", "fox")
    assert shape_key(tmp_path / "o.glb", "browDownLeft").max() < 0.05


def test_a_take_is_exported_with_the_profile_of_its_wearer(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr("livecam.calibration.profile.user_data_folder", lambda: tmp_path)
    utmost = np.full(52, np.nan)
    utmost[INDEX["jawOpen"]] = 0.3  # as far as this one is measured to open
    save_profile("narrow", WeightRanges(np.zeros(52), utmost))

    def jaw(name):
        export_take(read_take(recorded), tmp_path / "o.glb", "fox", profile=name, force=True)
        return shape_key(tmp_path / "o.glb", "jawOpen")

    plain, known = jaw(""), jaw("narrow")
    assert known[5] > 1.3 * plain[5]
    with pytest.raises(ConfigError, match="no profile"):
        jaw("nobody")


def test_a_head_without_joints_is_refused_for_animation(recorded, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(find_avatar("fox"), folder)
    document, binary = read_glb(folder / "head.glb")
    for node in document["nodes"]:
        if "mesh" not in node:
            node.pop("name", None)
    (folder / "head.glb").write_bytes(glb_bytes(document, binary))
    description = (folder / "avatar.toml").read_text()
    (folder / "avatar.toml").write_text(description.split("[[bones]]")[0])
    (folder / "head.light.glb").unlink()
    with pytest.raises(AssetError, match="has no joints"):
        export_take(read_take(recorded), tmp_path / "o.glb", str(folder))
    assert not (tmp_path / "o.glb").exists()


def test_an_export_is_neither_overwritten_nor_of_an_unknown_kind(recorded, tmp_path):
    take = read_take(recorded)
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(SinkError, match="is there already"):
        export_take(take, tmp_path / "o.csv", "fox")
    assert (tmp_path / "o.csv").read_text() == "mine"
    with pytest.raises(UsageError):
        export_take(take, tmp_path / "o.fbx", "fox")

"""The command line: parse, call, print.

Nothing heavy is imported before a command is chosen, so that `livecam --help` is quick; the
options made from the settings are built only for the command that is being parsed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from livecam.cli.options import command, fallback, first_word
from livecam.cli.printing import (
    coloured,
    note,
    print_check,
    print_error,
    print_json,
    print_outcomes,
    print_pairs,
    print_settings,
    print_table,
)

if TYPE_CHECKING:
    from livecam.avatar.accessories import AccessoryDescription
    from livecam.avatar.library import AvatarDescription
    from livecam.config.fields import SettingField

Preset = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="start from a preset, or a .toml")
]
Stats = Annotated[
    Path | None,
    typer.Option("--stats", metavar="FILE", help="append one JSON line per published frame"),
]
WhoseFace = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="of the one in the take: see `calibrate`")
]
Wear = Annotated[
    str, typer.Option("--wear", metavar="NAME,...", help="accessories: see `livecam avatars`")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]

COMMANDS = (
    "run", "convert", "calibrate", "motion", "doctor", "devices", "avatars", "presets", "bench",
    "config", "assets",
)  # fmt: skip
CANCELLED = 130  # what shells say after Ctrl-C


def main() -> NoReturn:
    """Runs `livecam` with the arguments of the process, and ends the process."""
    code = execute(sys.argv[1:])
    if any(thread.daemon for thread in threading.enumerate()):
        # A thread that sits in a foreign library, loading a model, would crash Python's own end.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def execute(words: Sequence[str]) -> int:
    """Runs `livecam` with these arguments; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old code page knows no Chinese titles
    try:
        code = _run(list(words))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = CANCELLED
    except BrokenPipeError:
        # The reader of our output went away; without this, Python complains while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    return code


def _run(words: list[str]) -> int:
    try:
        code = build_app(first_word(words))(words, prog_name="livecam", standalone_mode=False)
        return int(code or 0)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if "--debug" in words:
            import traceback

            traceback.print_exc()
        return _report(error, first_word(words))


def _report(error: Exception, wanted: str) -> int:
    """Tells what went wrong in one sentence and one hint; returns the exit code."""
    from livecam.core.errors import LivecamError

    if isinstance(error, LivecamError):
        message, hint, code = error.message, error.hint, error.exit_code
    elif isinstance(error, typer.TyperException):
        message, code = _usage_error(error), error.exit_code
        known = wanted if wanted in COMMANDS else ""
        hint = f"see `livecam {known} --help`".replace("  ", " ")
    else:
        message = f"something went wrong inside: {type(error).__name__}: {error}"
        hint, code = "run the same with --debug to see where", 1
    print_error(message, hint)
    return code


def _usage_error(error: typer.TyperException) -> str:
    message = error.format_message().rstrip(".").replace("  ", " ")
    return message[:1].lower() + message[1:]


def build_app(wanted: str = "") -> typer.Typer:
    """The whole command line; options from the settings only for the command `wanted`."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # help through Rich takes 0.25 s longer
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_top)
    command(app, "run", _every if wanted == "run" else None)(_run_live)
    command(app, "convert", _of_films if wanted == "convert" else None)(_convert)
    command(app, "calibrate", _of_calibration if wanted == "calibrate" else None)(_calibrate)
    app.add_typer(_motion_app(), name="motion")
    command(app, "doctor")(_doctor)
    command(app, "devices")(_devices)
    app.add_typer(_avatars_app(), name="avatars")
    command(app, "presets")(_presets)
    app.add_typer(_assets_app(), name="assets")
    command(app, "bench", _every if wanted == "bench" else None)(_bench)
    command(app, "config", _every if wanted == "config" else None)(_config)
    return app


def _every(field: SettingField) -> bool:
    return True


def _of_films(field: SettingField) -> bool:
    """What `convert` heeds: a film brings its own size, rate and timing, and loses no face."""
    if field.name in ("keep_plate", "looks_per_s"):  # a film's background is learned each time
        return False
    if field.name in ("learn", "profile"):  # who is in a film is somebody else
        return False
    groups = ("tracking", "avatar", "render", "picture", "effects")
    return field.group in groups or field.name in ("others", "motion", "record_motion")


def _of_calibration(field: SettingField) -> bool:
    return field.group in ("source", "tracking") or field.name == "profile"


def _show_version(wanted: bool) -> None:
    if wanted:
        from livecam import __version__

        print(f"livecam {__version__}")
        raise typer.Exit


def _top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """A virtual camera that puts a lit 3-D avatar head over your own."""
    _help_without_command(context)


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _run_live(
    flags: dict[str, object],
    preset: Preset = None,
    stats: Stats = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", min=0, help="stop after so long")
    ] = None,
) -> int:
    """Turn the camera into your avatar, live."""
    from livecam.config.loader import load_settings

    settings = load_settings(preset, flags).settings  # a typo is told before anything loads
    from livecam.live.run import run

    return run(settings, stats=stats, seconds=seconds)


def _convert(
    flags: dict[str, object],
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="IN... OUT", help="videos or folders, then the file or folder"),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="the folder to write into, instead of OUT"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace files that exist")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="cover shots without a face, instead of passing them")
    ] = False,
    preset: Preset = None,
    stats: Stats = None,
) -> int:
    """Put the avatar into video files."""
    from livecam.config.loader import load_settings
    from livecam.core.errors import UsageError

    inputs, output = (paths, out) if out else (paths[:-1], paths[-1])
    if not inputs:
        raise UsageError("convert needs a file to read and one to write", "livecam convert IN OUT")
    settings = load_settings(preset, flags).settings
    from livecam.cli.progress import film_bars
    from livecam.convert import convert_files

    with film_bars() as bars:
        done = convert_files(
            inputs, output, settings, force=force, strict=strict, stats=stats, progress=bars
        )
    print_outcomes(done.outcomes)
    if done.left:
        note(f"stopped; {len(done.left)} of {len(done.left) + len(done.outcomes)} not converted")
        return CANCELLED
    return 0 if done.is_complete else 1


def _calibrate(
    flags: dict[str, object],
    preset: Preset = None,
    show: Annotated[
        bool, typer.Option("--show", help="print what is kept of your face instead")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="delete all that is kept of your face instead")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print --show as JSON")] = False,
) -> int:
    """Learn in ten seconds how your face is measured."""
    from livecam.config.loader import load_settings
    from livecam.core.errors import UsageError

    if show and forget:
        raise UsageError("--show and --forget exclude each other", "look first, then forget")
    settings = load_settings(preset, flags).settings
    name = settings.avatar.profile
    if forget:
        return _forget(name)
    if show:
        return _show_kept(name, json)
    from livecam.calibration.guided import calibrate

    print(calibrate(settings, name, note))
    return 0


def _show_kept(name: str, json: bool) -> int:
    from livecam.calibration.guided import shown
    from livecam.calibration.profile import kept_files

    print_table(shown(name), json, f'nothing is kept of "{name}"')
    for path in kept_files(name):
        note(str(path))
    return 0


def _forget(name: str) -> int:
    """Tells each file that is no more."""
    from livecam.calibration.profile import forget_profile

    for path in (paths := forget_profile(name)):
        print(path)
    if not paths:
        note(f'nothing was kept of "{name}"')
    return 0


def _motion_app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, help="Recorded takes: look at one, film or export it.")
    app.callback(invoke_without_command=True)(_help_without_command)
    command(app, "show")(_motion_show)
    command(app, "render")(_motion_render)
    command(app, "export")(_motion_export)
    return app


def _motion_show(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    json: Json = False,
) -> int:
    """Tell what is in a take."""
    from livecam.motion.take import read_take, summary

    told = summary(read_take(take))
    if json:
        print_json(told)
    else:
        print_pairs(told)
    return 0


def _motion_render(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="a film, or a folder for numbered pictures")
    ],
    avatar: Annotated[
        str, typer.Option("--avatar", metavar="NAME", help="a head or its folder")
    ] = "raccoon",
    wear: Wear = "",
    background: Annotated[
        str,
        typer.Option(
            "--background",
            metavar="TEXT",
            help="keep (a plain card), alpha (into a .mov, .webm or folder), a colour such as "
            "#00b140, a picture or a film",
        ),
    ] = "keep",
    size: Annotated[
        str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="of the picture")
    ] = "1280x720",
    fps: Annotated[float, typer.Option("--fps", metavar="N", min=1, max=120)] = 30.0,
    tier: Annotated[
        str, typer.Option("--tier", metavar="light|full|auto", help="how it is drawn")
    ] = "auto",
    whole: Annotated[
        bool,
        typer.Option(
            "--whole/--as-filmed",
            help="move a head whose ears would be cut off into the picture, or leave it where the "
            "take saw it",
        ),
    ] = True,
    profile: WhoseFace = "",
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
) -> int:
    """Draw a take on a head, without a camera, into a film or numbered pictures."""
    from livecam.cli.progress import frame_bar
    from livecam.motion.take import read_take
    from livecam.takes.film import render

    with frame_bar("drawing") as bar:
        render(
            read_take(take), out, avatar=avatar, wear=_names(wear), background=background,
            size=size, fps=fps, tier=tier, whole=whole, profile=profile, force=force, progress=bar,
        )  # fmt: skip
    print(out)
    return 0


def _motion_export(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="a recorded .jsonl")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="a .glb (opens in Blender) or a .csv")],
    avatar: Annotated[
        str, typer.Option("--avatar", metavar="NAME", help="the head that moves in the .glb")
    ] = "raccoon",
    profile: WhoseFace = "",
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
) -> int:
    """Write a take as an animated glTF head, or as a table."""
    from livecam.motion.take import read_take
    from livecam.takes.export import export

    export(read_take(take), out, avatar, profile=profile, force=force)
    print(out)
    return 0


def _doctor(json: Json = False) -> int:
    """Check what works here, and how to mend the rest."""
    from livecam.config.loader import load_settings
    from livecam.doctor import examine_all

    report = examine_all(load_settings().settings, each=None if json else print_check)
    if json:
        print_json(report.as_dict())
    else:
        print(f"\n{report.verdict}")
    return 0 if report.works else 1


def _devices(
    json: Json = False,
    microphones: Annotated[
        bool, typer.Option("--microphones", help="list the microphones instead")
    ] = False,
) -> int:
    """List the cameras that can be used, or the microphones."""
    from livecam.sources.devices import list_cameras

    if microphones:
        from livecam.audio.microphone import list_microphones

        print_table([asdict(each) for each in list_microphones()], json, "no microphone was found")
        return 0
    print_table([asdict(camera) for camera in list_cameras()], json, "no camera was found")
    return 0


def _avatars_app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, help="Heads: list them, look at one.")
    fallback(app)(_avatars)
    command(app, "list")(_avatars_list)
    command(app, "sheet")(_avatars_sheet)
    command(app, "show")(_avatars_show)
    return app


def _avatars(context: typer.Context, json: Json = False) -> int:
    """Heads: list them (also without a command), look at one."""
    return _avatars_list(json) if context.invoked_subcommand is None else 0


def _avatars_list(json: Json = False) -> int:
    """List heads and what they can wear, with pictures where the terminal can show them."""
    from livecam.avatar.accessories import accessory_folder, list_accessories, read_item
    from livecam.avatar.library import find_avatar, list_avatars, read_description

    rows: list[dict[str, Any]] = []
    for name in list_avatars():
        folder = find_avatar(name)
        rows.append(_wearable("head", folder, read_description(folder)))
    for name in list_accessories():
        folder = accessory_folder(name)
        item = read_item(folder)
        rows.append(_wearable(item.kind, folder, item))
    if json or not _print_thumbnails(rows):
        print_table(rows, json, "no avatar was found")
    return 0


def _wearable(
    kind: str, folder: Path, said: AvatarDescription | AccessoryDescription
) -> dict[str, Any]:
    words = said.model_dump(include={"title", "title_zh", "author", "licence"})
    files = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    return {"name": folder.name, "kind": kind, **words, "bytes": files}


def _print_thumbnails(rows: list[dict[str, Any]]) -> bool:
    """Avatars as pictures with words beside them; False where the terminal has no means."""
    from livecam.avatar.accessories import accessory_folder
    from livecam.avatar.library import find_avatar
    from livecam.cli.terminal import beside, means_of_stdout

    means = means_of_stdout()
    if means is None:
        return False
    for row in rows:
        find = find_avatar if row["kind"] == "head" else accessory_folder
        words = [
            "",
            coloured(row["name"], typer.colors.GREEN),
            f"{row['title']}  {row['title_zh']}",
            f"{row['kind']} by {row['author']}, {row['licence']}",
            f"{row['bytes'] / 1e6:.1f} MB",
        ]
        print(beside(find(row["name"]) / "thumbnail.png", words, means))
    return True


def _avatars_sheet(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a head or its folder; all: each")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.png", help="default: NAME-sheet.png; all: a folder"),
    ] = None,
    tier: Annotated[
        str, typer.Option("--tier", metavar="light|full|auto", help="how it is drawn")
    ] = "full",
    wear: Wear = "",
) -> int:
    """Draw a head in sixteen poses and expressions, 1920x1440."""
    from livecam.viewer.sheet import write_sheets

    for path in write_sheets(name, out, tier, _names(wear)):
        print(path)
    return 0


def _avatars_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a head or its folder")],
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FOLDER", help="write pictures instead, 30 for a second"),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", min=0, help="stop after so long; one turn takes 8"),
    ] = None,
    size: Annotated[
        str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="of the picture")
    ] = "720x720",
    tier: Annotated[
        str, typer.Option("--tier", metavar="light|full|auto", help="how it is drawn")
    ] = "auto",
    wear: Wear = "",
) -> int:
    """Turn a head in a window, its face at play; Q closes it."""
    from livecam.viewer.turntable import show

    show(name, png=png, seconds=seconds, size=size, tier=tier, wear=_names(wear))
    if png is not None:
        print(png)
    return 0


def _names(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _presets(json: Json = False) -> int:
    """List the presets, for --preset."""
    from livecam.config.presets import list_presets, read_preset

    rows = [{"name": name, **read_preset(name).file.words} for name in list_presets()]
    if not json:  # one language fits a line
        rows = [{key: row.get(key, "") for key in ("name", "title", "description")} for row in rows]
    print_table(rows, json, "no preset was found")
    return 0


def _bench(
    flags: dict[str, object],
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]", help="line: all of it; tracking: pose errors on films of known truth"
        ),
    ] = "line",
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="N", min=1, help="how long to measure")
    ] = 20.0,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME,...", help="of tracking; empty: all")
    ] = "",
    preset: Preset = None,
    json: Json = False,
) -> int:
    """Measure rate, delay and CPU time of the whole line, or how well faces are tracked."""
    from livecam.config.loader import load_settings
    from livecam.core.errors import UsageError

    settings = load_settings(preset, flags).settings
    if what == "tracking":
        from livecam.measure.truth.bench import bench_tracking

        rows = bench_tracking(settings, seconds=seconds, scenarios=_names(scenario), say=note)
        print_table(rows, json, "nothing was measured")
        return 0
    if what != "line":
        raise UsageError(f"{what!r} cannot be measured", "livecam bench, or livecam bench tracking")
    from livecam.measure.bench import bench

    result = bench(settings, seconds=seconds)
    if json:
        print_json(result)
        return 0
    stages = result.pop("stages")
    print_pairs(result)
    print_table([{"stage": name, **times} for name, times in stages.items()], False, "")
    return 0


def _config(flags: dict[str, object], preset: Preset = None, json: Json = False) -> int:
    """Print the settings in effect and where they come from.

    The output can be saved as a settings file of your own."""
    from livecam.config.loader import load_settings, user_file_path

    loaded = load_settings(preset, flags)
    if json:
        print_json(
            {
                "user_file": str(user_file_path()),
                "preset": loaded.preset,
                "settings": loaded.settings.model_dump(mode="json"),
                "origins": loaded.origins,
            }
        )
        return 0
    print_settings(loaded)
    note(f"your own settings belong into {user_file_path()}")
    return 0


def _assets_app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, help="Models and samples: list, fetch, verify.")
    app.callback(invoke_without_command=True)(_help_without_command)
    command(app, "list")(_assets_list)
    command(app, "fetch")(_assets_fetch)
    command(app, "verify")(_assets_verify)
    return app


def _assets_list(json: Json = False) -> int:
    """List what is fetched, from where, and whether it is here."""
    from livecam.config.assets import list_assets, verify

    rows: list[dict[str, Any]] = [
        {
            "name": asset.name,
            "state": verify(asset.name).value,
            "what": asset.what,
            "licence": asset.licence,
            "bytes": asset.size,
            "file": asset.file,
        }
        for asset in list_assets()
    ]
    if json:
        for row, asset in zip(rows, list_assets(), strict=True):
            row |= {"sha256": asset.sha256, "places": [str(place) for place in asset.places]}
    print_table(rows, json, "there are no assets")
    return 0


def _assets_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="which ones; default: all")
    ] = None,
    json: Json = False,
) -> int:
    """Fetch what is missing and check it against its hash."""
    from livecam.config.assets import fetch_asset, fetch_assets

    paths = {name: fetch_asset(name, say=note) for name in names} if names else fetch_assets(note)
    rows = [{"name": name, "path": str(path)} for name, path in paths.items()]
    print_table(rows, json, "")
    return 0


def _assets_verify(json: Json = False) -> int:
    """Check every asset against its hash; exit code 5 when one is missing or broken."""
    from livecam.config.assets import complete, list_assets, verify
    from livecam.core.errors import AssetError

    rows = [{"name": asset.name, "state": verify(asset.name).value} for asset in list_assets()]
    print_table(rows, json, "")
    return 0 if all(complete(asset.name) for asset in list_assets()) else AssetError.exit_code

"""The table of the results, and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from livecam.measure.privacy_films.bench import MODES, FilmResult, ModeResult
from livecam.measure.privacy_films.meter import PLAIN, SLIGHT

NAME_WIDTH = 26
HEADER = (
    f"{'':{NAME_WIDTH}} {'':8} {'':6} {'':5}  "
    "per cent of the frames in which over 1 / over 10 % of a living face shows   "
    "needless cover       needless   bare and\n"
    f"{'film':{NAME_WIDTH}} {'kind':8} {'frames':>6} {'found':>5}  "
    + "".join(f"{mode:>14} " for mode in MODES)
    + f"{'':13}{'al. / new. / conv.':<20} blur %     reported %"
)


def table_row(result: FilmResult) -> str:
    """Returns the line of one film."""
    bare = "".join(
        f"{100 * result.modes[mode].share_over(SLIGHT):6.0f} /"
        f"{100 * result.modes[mode].share_over(PLAIN):4.0f}   "
        for mode in MODES
    )
    needless = " /".join(f"{100 * result.modes[mode].needless:4.0f}" for mode in MODES[:3])
    blurred = max(mode.blurred for mode in result.modes.values())
    reported = "-" if result.reported is None else f"{100 * result.reported:.0f}"
    return (
        f"{result.name:{NAME_WIDTH}} {result.kind:8} {result.frames:6} "
        f"{100 * result.found:5.0f}  {bare}{'':14}{needless:<20}{100 * blurred:6.1f}     {reported}"
    )


def totals(results: Sequence[FilmResult]) -> str:
    """Returns the lines below the table."""
    lines = [f"{len(results)} films, {sum(result.frames for result in results)} frames"]
    for mode in MODES:
        films = sum(result.modes[mode].share_over(SLIGHT) > 0 for result in results)
        slight = _share(results, mode, lambda played: played.share_over(SLIGHT))
        plain = _share(results, mode, lambda played: played.share_over(PLAIN))
        needless = _share(results, mode, lambda played: played.needless)
        lines.append(
            f"{mode:8} a face shows in {films} films, in {100 * slight:.2f} % of the frames, "
            f"over a tenth of it in {100 * plain:.2f} %; needless cover {100 * needless:.2f} %"
        )
    bare = [result.frames * result.modes["convert"].share_over(SLIGHT) for result in results]
    known = [(each.reported or 0) * count for each, count in zip(results, bare, strict=True)]
    lines.append(f"convert  reports {sum(known):.0f} of its {sum(bare):.0f} bare frames")
    return "\n".join(lines)


def _share(
    results: Sequence[FilmResult], mode: str, of_film: Callable[[ModeResult], float]
) -> float:
    """Returns a share of the frames of all films, by that of each film."""
    frames = sum(result.frames for result in results)
    return sum(result.frames * of_film(result.modes[mode]) for result in results) / max(frames, 1)


def as_json(results: Sequence[FilmResult]) -> list[dict[str, Any]]:
    """Returns plain values: one object for each film."""
    return [
        {
            "film": result.name,
            "kind": result.kind,
            "frames": result.frames,
            "found": result.found,
            "reported": result.reported,
            "modes": {
                name: {
                    "over_1_percent": mode.share_over(SLIGHT),
                    "over_10_percent": mode.share_over(PLAIN),
                    "needless_cover": mode.needless,
                    "needless_blur": mode.blurred,
                    "bare": [round(frame.bare, 4) for frame in mode.frames],
                    "states": [frame.state.value for frame in mode.frames],
                }
                for name, mode in result.modes.items()
            },
        }
        for result in results
    ]

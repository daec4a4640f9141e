"""Lists the items of a batch: from films and folders, or from a plan file (TOML or CSV).

A row of a plan names `input` and, as far as it differs from the others, `output`, `preset`,
`strict`, `pass-unsure` and settings by the names of their flags. Relative paths start in the
folder of the plan, those of outputs in the folder for all outputs where there is one.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livecam.batch.item import Item
from livecam.config.fields import film_fields
from livecam.config.loader import load_settings
from livecam.config.settings import Settings
from livecam.convert.jobs import MARK, PICTURES, free_output_name, writable
from livecam.core.errors import ConfigError, UsageError
from livecam.core.language import tr
from livecam.core.registry import did_you_mean
from livecam.core.text_files import line_of, read_text, read_toml, shown
from livecam.storage.place import Place, place_of

PLANS = (".toml", ".csv")
ROWS = "items"  # the array of tables in TOML
MAX_CSV_BYTES = 16 << 20
MAX_ROWS = 100_000
INPUT, OUTPUT, PRESET = "input", "output", "preset"
SWITCHES = ("strict", "pass_unsure")
OWN = (INPUT, OUTPUT, PRESET, *SWITCHES)
NOT_IN_BATCH = "record_motion"  # one take cannot hold many films


@dataclass(frozen=True, slots=True)
class Row:
    """What a plan, or the command line, says of one input or of all."""

    values: dict[str, Any]  # by the names of flags, with underscores
    origin: str = ""  # "PATH, line N"


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The rows of a batch, and what holds for all of them."""

    rows: tuple[Row, ...]
    folder: Place  # where relative paths start
    common: Row = field(default_factory=lambda: Row({}))


def read_plan(path: Path) -> BatchPlan:
    """Reads a plan file.

    Raises:
        ConfigError: it cannot be read, or names something that is not there; says where.
    """
    plan = _read_csv(path) if path.suffix.lower() == ".csv" else _read_toml(path)
    if not plan.rows:
        raise ConfigError(
            "{path} lists nothing to convert",
            hint='each input is a row with "input" (CSV), or an [[items]] (TOML)',
            path=path,
        )
    if len(plan.rows) > MAX_ROWS:
        raise ConfigError(
            "{path} lists more than {count} inputs",
            hint="split it",
            path=path,
            count=MAX_ROWS,
        )
    return plan


def plan_of(inputs: Sequence[str]) -> BatchPlan:
    """Returns a plan of films, photos and folders that are converted alike."""
    return BatchPlan(tuple(Row({INPUT: each}) for each in inputs), place_of("."))


def items_of(
    plan: BatchPlan, output: str | None, given: Mapping[str, object], preset: str | None = None
) -> list[Item]:
    """Lists the items of a plan.

    What a row says wins over what is `given` for all (by the names of flags), and that over what
    the plan says of all.

    Args:
        plan: rows of inputs; a folder becomes all films and photos in it.
        output: the folder for results whose row names none; None for that of the plan.
        given: settings, and the switches of `convert`, from the command line.
        preset: for rows that name none.

    Raises:
        UsageError: an output is missing, an input too, or two rows have one output.
        ConfigError: a value is wrong; says where.
    """
    listing = _Listing(plan, output, given, preset)
    items = [item for row in plan.rows for item in listing.items(row)]
    if not items:
        raise UsageError(
            "no film was found in {places}",
            hint="livecam reads {kinds}",
            places=", ".join(shown(row.values[INPUT]) for row in plan.rows[:3]),
            kinds=", ".join(PICTURES),
        )
    _check_outputs(items)
    return items


class _Listing:
    """Makes items of rows; settings that several share are read once."""

    def __init__(
        self, plan: BatchPlan, output: str | None, given: Mapping[str, object], preset: str | None
    ) -> None:
        self._plan = plan
        self._given = dict(given)
        self._preset = preset
        self._taken: dict[Place, set[str]] = {}  # names of outputs that were made up, by folder
        self._known: dict[str, Settings] = {}
        named = plan.common.values.get(OUTPUT)
        self._folder: Place | None = None
        if output is not None:
            self._folder = place_of(output)
        elif named:
            self._folder = plan.folder.joined(str(named))

    def items(self, row: Row) -> Iterator[Item]:
        """Yields the items of one row: one, or all films and photos of a folder."""
        values = {**self._plan.common.values, **self._given, **row.values}
        settings = self._settings(values, row.origin)
        source = self._plan.folder.joined(str(row.values[INPUT]))
        strict, pass_unsure = (self._switch(values, name, row.origin) for name in SWITCHES)
        if strict and pass_unsure:
            raise UsageError("--strict and --pass-unsure exclude each other", "choose one of them")
        is_folder = source.is_folder()
        for each in _films_in(source) if is_folder else [source]:
            output = self._output(row, each, settings, in_folder=is_folder)
            yield Item(each, output, settings, strict, pass_unsure, row.origin)

    def _settings(self, values: Mapping[str, Any], origin: str) -> Settings:
        flags = {name: value for name, value in values.items() if name not in OWN}
        preset = values.get(PRESET) or self._preset
        key = repr((preset, sorted(flags.items(), key=str)))
        if key not in self._known:
            try:
                self._known[key] = load_settings(preset, flags).settings
            except ConfigError as error:
                if not origin:
                    raise
                words = tr("{place}: {message}", place=origin, message=error.message)
                raise ConfigError(words, error.hint) from error
        return self._known[key]

    def _output(self, row: Row, source: Place, settings: Settings, *, in_folder: bool) -> Place:
        """Returns the output that a row names; a name is made up where it names a folder or none.

        A name without a known ending is that of a folder.
        """
        alpha = settings.picture.is_alpha
        named = str(row.values.get(OUTPUT) or "")
        base = self._folder or self._plan.folder
        if (
            named
            and not in_folder
            and Path(named).suffix.lower() in writable(Path(source.name), alpha=alpha)
        ):
            return base.joined(named)
        folder = base.joined(named) if named else self._folder
        if folder is None:
            raise UsageError(
                "no place is named for the result of {film}",
                hint="name a folder: livecam batch IN... --out FOLDER",
                film=source.name,
            )
        taken = self._taken.setdefault(folder, set())
        return folder.child(free_output_name(Path(source.name), taken, alpha=alpha))

    @staticmethod
    def _switch(values: Mapping[str, Any], name: str, origin: str) -> bool:
        value = str(values.get(name, "") or "false").strip().lower()
        if value in ("true", "yes", "1"):
            return True
        if value in ("false", "no", "0"):
            return False
        raise ConfigError(
            "{place}: {name} must be true or false, not {value}",
            hint="write true, or leave it out",
            place=origin, name=name.replace("_", "-"), value=shown(value),
        )  # fmt: skip


def _films_in(folder: Place) -> list[Place]:
    """Lists the films and photos of a folder, without results and hidden files."""
    return [
        folder.child(name)
        for name in sorted(folder.names())
        if Path(name).suffix.lower() in PICTURES
        and not Path(name).stem.endswith(MARK)
        and not name.startswith(".")
    ]


def _check_outputs(items: Sequence[Item]) -> None:
    """Refuses outputs that would replace one another, or an input."""
    sources = {_folded(item.source) for item in items}
    outputs: dict[str, Item] = {}
    for item in items:
        key = _folded(item.output)
        if key in sources:
            raise UsageError(
                "{path} is to be read; it is never overwritten",
                hint="choose another name",
                path=item.output,
            )
        if key in outputs:
            raise UsageError(
                "{first} and {second} have the same output, {path}",
                hint="give each its own",
                first=_named(outputs[key]), second=_named(item), path=item.output,
            )  # fmt: skip
        outputs[key] = item


def _named(item: Item) -> str:
    return item.origin or item.name


def _folded(place: Place) -> str:
    """Returns an address without what many disks do not distinguish."""
    return unicodedata.normalize("NFC", place.address).casefold()


def _read_toml(path: Path) -> BatchPlan:
    file = read_toml(path)
    tables = dict(file.tables)
    listed = tables.pop(ROWS, [])
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise ConfigError(
            "{place}: [[items]] is to be a list of tables",
            hint='write [[items]] above each input = "..."',
            place=file.place(ROWS),
        )
    rows = tuple(
        Row(_checked(row, lambda key, n=n: file.place(ROWS, n, key)), file.place(ROWS, n))
        for n, row in enumerate(listed)
    )
    common = Row(_checked(tables, file.place, is_row=False), str(path))
    return BatchPlan(rows, place_of(str(path.parent)), common)


def _read_csv(path: Path) -> BatchPlan:
    lines = read_text(path, MAX_CSV_BYTES).splitlines()
    above = next((n for n, line in enumerate(lines) if line.strip(" ,;\t")), len(lines))
    lines = lines[above:]
    head = lines[0] if lines else ""
    # The list separator of the system that wrote it; in half of Europe it is a semicolon.
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        for cells in reader:
            place = line_of(path, above + reader.line_num)
            if cells.get(None):  # where DictReader puts the rest
                raise ConfigError(
                    "{place} has more cells than the first line has names",
                    hint="put text with {delimiter} in it between double quotes",
                    place=place, delimiter=shown(delimiter),
                )  # fmt: skip
            given = {k.strip(): v.strip() for k, v in cells.items() if v and v.strip()}
            if given:
                rows.append(Row(_checked(given, lambda key, place=place: place), place))
    except csv.Error as error:
        raise ConfigError(
            "{place} is not valid CSV: {problem}",
            hint="mend that line of the file",
            place=line_of(path, above + reader.line_num), problem=error,
        ) from error  # fmt: skip
    return BatchPlan(tuple(rows), place_of(str(path.parent)))


def _checked(values: Mapping[str, Any], place: Any, *, is_row: bool = True) -> dict[str, Any]:
    """Returns values by the names of flags, with underscores; refuses unknown names."""
    found: dict[str, Any] = {}
    known = [field.option for field in film_fields() if field.name != NOT_IN_BATCH]
    for key, value in values.items():
        name = str(key).removeprefix("--").replace("-", "_").lower()
        if name not in (*known, *OWN) or (name == INPUT and not is_row):
            raise ConfigError(
                '{place}: nothing is called "{name}"{guess}',
                hint="input, output, preset, strict, pass-unsure, or a setting of `convert`",
                place=place(key), name=shown(key), guess=did_you_mean(name, [*known, *OWN]),
            )  # fmt: skip
        found[name] = value
    if is_row and not found.get(INPUT):
        raise ConfigError(
            '{place}: "input" is missing',
            hint="name the film or photo to convert",
            place=place(INPUT),
        )
    return found

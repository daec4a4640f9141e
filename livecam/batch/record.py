"""What a batch remembers of each result, beside it: what it was made from, and its report.

One JSON file for each output, in the folder `.livecam` beside it: it travels with the results,
needs no lock, and works on disks and object stores alike.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecam.convert.frame_kinds import FilmPart, FrameKind
from livecam.convert.jobs import ConversionJob
from livecam.convert.outcome import Outcome
from livecam.convert.thumbnails import FilmRecord, Thumbnail
from livecam.core.errors import SourceError
from livecam.core.text_files import parse_json
from livecam.storage.place import Place

FOLDER = ".livecam"
FORMAT = 1
JOB, RECORD = "job", "record"  # fields of an outcome that are written in another way


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What was converted into one output, or is about to be; `outcome` is None until it is done."""

    settings_sha256: str
    source_sha256: str = ""
    source_version: str = ""  # changes when the source does
    output_version: str = ""  # changes when the output does
    outcome: Outcome | None = None
    cpu_s: float = 0.0

    def write(self, output: Place) -> None:
        """Writes the record of an output, as a whole.

        Raises:
            SinkError: it cannot be written.
        """
        fields = dataclasses.asdict(dataclasses.replace(self, outcome=None))
        fields["outcome"] = None if self.outcome is None else _of_outcome(self.outcome)
        text = json.dumps({"format": FORMAT, **fields}, ensure_ascii=False)
        record_place(output).write_bytes(text.encode(), owner_only=True)


def record_place(output: Place) -> Place:
    """Returns where the record of an output is."""
    return output.parent.child(FOLDER).child(f"{output.name}.json")


def read_record(output: Place) -> ItemRecord | None:
    """Reads the record of an output; None where there is none that can be read."""
    try:
        found = parse_json(record_place(output).read_bytes().decode())
        return _record(found, output)
    except (SourceError, ValueError, TypeError, LookupError, AttributeError):
        return None


def _record(found: dict[str, Any], output: Place) -> ItemRecord | None:
    if found.pop("format") != FORMAT:
        return None
    outcome = found.pop("outcome")
    return ItemRecord(**found, outcome=None if outcome is None else _to_outcome(outcome, output))


def _of_outcome(outcome: Outcome) -> dict[str, Any]:
    """Returns an outcome as JSON knows it; of the files the name of the source alone."""
    plain = dataclasses.replace(outcome, record=None)
    fields = {each.name: getattr(plain, each.name) for each in dataclasses.fields(plain)}
    del fields[JOB], fields[RECORD]
    fields["source"] = outcome.job.source.name
    fields[RECORD] = None if outcome.record is None else _of_film(outcome.record)
    return fields


def _to_outcome(fields: dict[str, Any], output: Place) -> Outcome:
    job = ConversionJob(Path(fields.pop("source")), Path(output.name))
    record = fields.pop(RECORD)
    return Outcome(job, **fields, record=None if record is None else _to_film(record))


def _of_film(film: FilmRecord) -> dict[str, Any]:
    return {
        "size": film.size,
        "parts": [
            (each.kind, each.frames.start, each.frames.stop, each.start_s, each.end_s)
            for each in film.parts
        ],
        "pictures": film.pictures,
        "tier": film.tier,
        "quality": film.quality,
        "thumbnails": [
            (each.at_s, each.kind, each.width, each.height, _text(each.after), _text(each.before))
            for each in film.thumbnails
        ],
    }


def _to_film(fields: dict[str, Any]) -> FilmRecord:
    parts = [
        FilmPart(FrameKind(kind), range(start, stop), start_s, end_s)
        for kind, start, stop, start_s, end_s in fields["parts"]
    ]
    thumbnails = [
        Thumbnail(at_s, FrameKind(kind), width, height, _bytes(after), _bytes(before))
        for at_s, kind, width, height, after, before in fields["thumbnails"]
    ]
    width, height = fields["size"]
    return FilmRecord(
        (width, height), parts, frozenset(), fields["pictures"], tier=fields["tier"],
        quality=fields.get("quality", ""), thumbnails=thumbnails,
    )  # fmt: skip


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)

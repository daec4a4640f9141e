"""Reads text files that others wrote: TOML, JSON and JSON lines.

Files come from anywhere: size, length of lines, depth and numbers are limited, so that a damaged
or hostile one costs little time and memory, and gives an error that names the file and the place.

Text is UTF-8, or what its byte order mark says. The comments of TOML may be in any encoding that
keeps ASCII, such as GBK: nothing depends on them.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecam.core.errors import ConfigError, LivecamError, reason_of
from livecam.core.language import to_translate, tr
from livecam.core.printable import printable

MAX_TOML_BYTES = 256 << 10  # ours have at most 4 KiB
MAX_JSON_BYTES = 1 << 20
MAX_LINE_LENGTH = 4096  # characters of TOML
MAX_DEPTH = 32  # of tables and arrays in one another
MAX_KEY_PARTS = 64  # dots in a line; tomllib takes quadratic time for keys of many parts
MAX_INTEGER = 2**63  # TOML 1.0 requires 64 bits, and no setting needs more
MAX_SHOWN = 60  # characters of a foreign value in a message

UTF8 = "utf-8-sig"
BYTE_ORDER_MARKS = (  # the longer ones first: that of UTF-16 begins one of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_UTF8 = re.compile("[\udc80-\udcff]")  # a byte as "surrogateescape" keeps it
CONTROL = re.compile("[\b\t\n\f\r]")  # what TOML makes of \b, \t, \n, \f and \r
PLACE_IN_TOML = re.compile(r"(?P<problem>.*) \(at line (?P<line>\d+), column \d+\)", re.DOTALL)
BACKSLASH_HINT = to_translate("a \\ begins a special character: write / or use single quotes")

Key = str | int  # the name of a key, or the index in an array


@dataclass(frozen=True, slots=True)
class TomlFile:
    """The content of a TOML file, and where its keys stand."""

    path: Path
    tables: dict[str, Any]
    line_numbers: dict[tuple[Key, ...], int]  # from 1, as far as they are found

    def place(self, *key: Key) -> str:
        """Returns "PATH, line N" of a key, or of the table in which it is missing."""
        number = self.line_number(key)
        return line_of(self.path, number) if number else str(self.path)

    def line_number(self, key: tuple[Key, ...]) -> int:
        """Returns the line of a key, or of the table that holds it; 0 if neither is found."""
        ends = (key[:end] for end in range(len(key), 0, -1))
        return next((self.line_numbers[end] for end in ends if end in self.line_numbers), 0)


def line_of(path: Path, number: int) -> str:
    """Returns "PATH, line N" for a message."""
    return tr("{path}, line {number}", path=path, number=number)


def read_bytes(
    path: Path, max_bytes: int, error: type[LivecamError] = ConfigError, hint: str = ""
) -> bytes:
    """Reads a whole file, up to a size.

    Raises:
        error: it cannot be read, is no regular file, or is larger.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            raise error(tr("{path} is no file", path=path), hint or "give the path of a file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as err:  # ValueError: a name with a NUL byte
        raise _unreadable(path, err, error, hint) from err
    if len(data) > max_bytes:
        raise error(
            tr("{path} is too large: more than {size}", path=path, size=_size(max_bytes)),
            hint or "is it the right file?",
        )
    return data


def read_text(
    path: Path, max_bytes: int, error: type[LivecamError] = ConfigError, hint: str = ""
) -> str:
    """Reads a text file: UTF-8, or the encoding of its byte order mark.

    Raises:
        error: it cannot be read, is larger, is in another encoding, or holds a NUL byte.
    """
    return _text(path, read_bytes(path, max_bytes, error, hint), error)


def encoding_of(data: bytes) -> str:
    """Returns the encoding of a text by its first four bytes, which may be a byte order mark."""
    return next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), UTF8)


def read_toml(
    path: Path,
    error: type[LivecamError] = ConfigError,
    hint: str = to_translate("check the path and its rights"),
) -> TomlFile:
    """Reads a TOML file; all its numbers are finite. `hint` is for a file that cannot be read.

    Raises:
        error: it cannot be read, is not TOML, or goes beyond a limit; says where.
    """
    data = read_bytes(path, MAX_TOML_BYTES, error, hint)
    text = _text(path, data, error, any_comments=True)
    lines = tuple(text.splitlines())
    _check_lines(path, lines, error)
    try:
        tables = tomllib.loads(text + "\n")  # else it says "at end of document"
    except RecursionError as err:
        raise _too_deep(path, lines, error) from err
    except ValueError as err:
        raise _no_toml(path, lines, err, error) from err
    file = TomlFile(path, tables, _line_numbers(lines))
    for key, value in _leaves(tables):
        if value is _DEEP:
            raise _too_deep(path, lines, error)
        if not finite(value):
            raise error(
                '{place}: "{key}" is {value}', hint="write a finite number of usual size",
                place=file.place(*key), key=dotted(key), value=shown(value),
            )  # fmt: skip
        if isinstance(value, str) and CONTROL.search(value) and _is_escaped(file, lines, key):
            raise error(
                '{place}: "{key}" holds a control character', hint=BACKSLASH_HINT,
                place=file.place(*key), key=dotted(key),
            )  # fmt: skip
    if NOT_UTF8.search(text) and any(map(NOT_UTF8.search, _texts(tables))):
        raise _not_utf8(path, lines, error)
    return file


def read_json(path: Path, error: type[LivecamError] = ConfigError, hint: str = "") -> Any:
    """Reads a JSON file; all its numbers are finite, and no key stands twice in an object.

    Raises:
        error: it cannot be read, is not JSON, or goes beyond a limit; says where.
    """
    text = read_text(path, MAX_JSON_BYTES, error, hint)
    try:
        document = parse_json(text)
    except ValueError as err:
        words = tr("{path} cannot be read: it is not JSON: {error}", path=path, error=err)
        raise error(words, hint) from err
    return document


def parse_json(text: str) -> Any:
    """Parses JSON text.

    Raises:
        ValueError: it is not JSON, is nested too deeply, has a key twice in an object, or a
            number that is not finite or has too many digits.
    """
    document = parse_json_line(text)
    for key, value in _leaves(document):
        if value is _DEEP:
            raise ValueError(_nested_too_deeply())
        if not finite(value):
            raise ValueError(tr('"{key}" is {value}', key=dotted(key), value=shown(value)))
    return document


def parse_json_line(text: str) -> Any:
    """Parses JSON text like `parse_json`, except that 1e999 is infinity and depth is unlimited.

    For lines of many numbers, which their reader checks as an array.

    Raises:
        ValueError: as `parse_json`.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as err:
        raise ValueError(_nested_too_deeply()) from err


def read_json_lines(
    path: Path,
    max_line_length: int,
    max_lines: int,
    error: type[LivecamError] = ConfigError,
    hint: str = "",
) -> Iterator[tuple[int, Any]]:
    """Yields the number of each line, from 1, and its content; None where it is not JSON.

    Only one line is in memory at a time.

    Raises:
        error: it cannot be read, has too many lines, or one that is too long.
    """
    try:
        if path.exists() and not path.is_file():
            raise error(tr("{path} is no file", path=path), hint or "give the path of a file")
        with path.open("rb") as file:
            encoding = encoding_of(file.read(4))
        # What is in another encoding is replaced, and is not JSON outside of a string.
        with path.open(encoding=encoding, errors="replace", newline="\n") as text:
            number = 0
            while line := text.readline(max_line_length + 1):
                number += 1
                if number > max_lines:
                    words = tr("{path} has more than {count} lines", path=path, count=max_lines)
                    raise error(words, hint)
                if len(line) > max_line_length:
                    raise error(tr("{place} is too long", place=line_of(path, number)), hint)
                yield number, _json_or_none(line)
    except (OSError, ValueError) as err:
        raise _unreadable(path, err, error, hint) from err


def finite(value: object) -> bool:
    """Returns whether a value is no number, or a finite one of at most 64 bits."""
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -MAX_INTEGER <= value < MAX_INTEGER


def shown(value: object) -> str:
    """Returns a foreign value for a message: one line, not longer than MAX_SHOWN."""
    if isinstance(value, int) and not finite(value):  # may have more digits than Python prints
        return tr("a number of too many digits")
    text = value if isinstance(value, str) else str(value)
    text = printable(text[:MAX_SHOWN])
    return text + "..." if len(text) == MAX_SHOWN else text


def dotted(key: Iterable[Key]) -> str:
    """Returns the key of a value as in a message: "bones.0.pivot"."""
    return shown(".".join(str(part) for part in key))


_DEEP = object()  # stands for what is nested too deeply


def _names(dotted_key: str) -> tuple[Key, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted_key.split("."))


def _line_numbers(lines: tuple[str, ...]) -> dict[tuple[Key, ...], int]:
    """Returns the first line of each key and table, where they are spelt plainly.

    tomllib gives no positions.
    """
    numbers: dict[tuple[Key, ...], int] = {}
    table: tuple[Key, ...] = ()
    arrays: dict[tuple[Key, ...], int] = {}  # the newest index of each array of tables
    for number, line in enumerate(lines, 1):
        text = line.strip()
        name, assigned, _ = text.partition("=")
        if text.startswith("["):
            here = table = _table_of(text, arrays)
        elif assigned and not text.startswith("#"):
            here = (*table, *_names(name))
        else:
            continue
        for end in range(1, len(here) + 1):
            numbers.setdefault(here[:end], number)
    return numbers


def _table_of(header: str, arrays: dict[tuple[Key, ...], int]) -> tuple[Key, ...]:
    """Returns the table that a line begins; counts those of arrays."""
    table = _names(header.lstrip("[").partition("]")[0])
    if header.startswith("[["):
        arrays[table] = arrays.get(table, -1) + 1
    for end in range(1, len(table) + 1):  # [bones.turns] belongs to the newest of [[bones]]
        if table[:end] in arrays:
            return (*table[:end], arrays[table[:end]], *table[end:])
    return table


def _leaves(
    document: object, key: tuple[Key, ...] = (), depth: int = MAX_DEPTH
) -> Iterator[tuple[tuple[Key, ...], object]]:
    """Yields all values that hold no others, each with its key; _DEEP beyond the depth."""
    if not isinstance(document, dict | list):
        yield key, document
        return
    if not depth:
        yield key, _DEEP
        return
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for part, value in pairs:
        yield from _leaves(value, (*key, part), depth - 1)


def _check_lines(path: Path, lines: tuple[str, ...], error: type[LivecamError]) -> None:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_LENGTH:
            raise error(
                "{place} has more than {count} characters",
                hint="write a long list in several lines",
                place=line_of(path, number), count=MAX_LINE_LENGTH,
            )  # fmt: skip
        if line.count(".") > MAX_KEY_PARTS:
            raise error(
                "{place} has more than {count} dots", hint="write a long list in several lines",
                place=line_of(path, number), count=MAX_KEY_PARTS,
            )  # fmt: skip


def _too_deep(path: Path, lines: tuple[str, ...], error: type[LivecamError]) -> LivecamError:
    depth, line = 0, 0
    for number, text in enumerate(lines, 1):
        depth += sum(text.count(c) for c in "[{") - sum(text.count(c) for c in "]}")
        if max(text.count("["), text.count("{"), depth) > MAX_DEPTH:
            line = number
            break
    return error(
        "{place}: {problem}", hint="is it the right file?",
        place=line_of(path, line) if line else path, problem=_nested_too_deeply(),
    )  # fmt: skip


def _nested_too_deeply() -> str:
    return tr("it is nested more than {depth} deep", depth=MAX_DEPTH)


def _text(path: Path, data: bytes, error: type[LivecamError], *, any_comments: bool = False) -> str:
    """Decodes a text; with `any_comments`, bytes that are not UTF-8 are kept as surrogates."""
    encoding = encoding_of(data)
    lenient = any_comments and encoding == UTF8
    try:
        text = data.decode(encoding, "surrogateescape" if lenient else "strict")
    except UnicodeDecodeError as err:
        before = data[: err.start].decode(encoding, "replace")
        raise error(
            "{place} is not {encoding} (byte {byte:#04x})", hint="save it as UTF-8",
            place=line_of(path, before.count("\n") + 1), byte=data[err.start],
            encoding=encoding.removesuffix("-sig").upper(),
        ) from err  # fmt: skip
    if "\0" in text:
        raise error(
            "{place} holds a NUL byte", hint="it must be text; save it as UTF-8",
            place=line_of(path, text[: text.index("\0")].count("\n") + 1),
        )  # fmt: skip
    return text


def _no_toml(
    path: Path, lines: tuple[str, ...], err: ValueError, error: type[LivecamError]
) -> LivecamError:
    """Returns the error for a text that is no TOML."""
    if any(_is_foreign(line) for line in lines):  # the second byte of a character may be a \\
        return _not_utf8(path, lines, error)
    found = PLACE_IN_TOML.fullmatch(str(err))
    number = int(found["line"]) if found else 0
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return error(
        "{place} is not valid TOML: {problem}",
        hint=BACKSLASH_HINT if "\\" in line else "mend that line of the file",
        place=line_of(path, number) if number else path,
        problem=found["problem"] if found else err,
    )


def _not_utf8(path: Path, lines: tuple[str, ...], error: type[LivecamError]) -> LivecamError:
    """Returns the error for a value or key in another encoding: it might be read as a wrong one."""
    foreign = [(n, line) for n, line in enumerate(lines, 1) if NOT_UTF8.search(line)]
    number, line = next(((n, line) for n, line in foreign if _is_foreign(line)), foreign[0])
    found = NOT_UTF8.search(line)
    assert found is not None
    return error(
        "{place} is not {encoding} (byte {byte:#04x})", hint="save it as UTF-8",
        place=line_of(path, number), byte=ord(found[0]) - 0xDC00, encoding="UTF-8",
    )  # fmt: skip


def _is_foreign(line: str) -> bool:
    """Returns whether a line of TOML is not UTF-8 before its comment."""
    return NOT_UTF8.search(line.partition("#")[0]) is not None


def _is_escaped(file: TomlFile, lines: tuple[str, ...], key: tuple[Key, ...]) -> bool:
    """Returns whether the text of a key is written in one line with backslashes in it."""
    number = file.line_number(key)
    line = lines[number - 1] if number else ""
    return "\\" in line and '"""' not in line


def _texts(document: object) -> Iterator[str]:
    """Yields all keys and texts of a document that is not too deep."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for part in (*document, *(document.values() if isinstance(document, dict) else ())):
            yield from _texts(part)


def _json_or_none(line: str) -> Any:
    try:
        return parse_json_line(line)
    except ValueError:
        return None


def _unreadable(
    path: Path, err: OSError | ValueError, error: type[LivecamError], hint: str
) -> LivecamError:
    reason = reason_of(err) if isinstance(err, OSError) else err
    # The hint comes from the caller: braces in it are no places for values.
    words = tr("{path} cannot be read: {reason}", path=shown_path(path), reason=reason)
    return error(words, hint)


def shown_path(path: Path) -> str:
    """Returns a path for a message, also one that no file can have."""
    return printable(str(path))


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >> 20 else f"{count >> 10} KiB"


def _whole(digits: str) -> int:
    if len(digits) > len(str(MAX_INTEGER)):
        raise ValueError(tr("a number of too many digits"))
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in pairs:
        if name in out:
            raise ValueError(tr('the key "{name}" stands twice', name=shown(name)))
        out[name] = value
    return out


def _constant(name: str) -> float:
    raise ValueError(tr("{name} is no number of JSON", name=name))


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_constant)

"""Decodes OSC packets into messages.

Open Sound Control 1.0 (https://opensoundcontrol.stanford.edu/spec-1_0.html): big-endian, and
all in multiples of four bytes. Packets are written with python-osc. They are read here, since
python-osc 1.10 loops forever on a bundle whose element has a negative size, recurses as deep as a
packet asks for, and logs what it does not know.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from livecam.protocols.udp import MalformedError

MAX_DEPTH = 4  # bundles in bundles
BUNDLE = b"#bundle\0"
_TIMED = len(BUNDLE) + 8  # a bundle's time follows; it is ignored
FIRST_MESSAGE = _TIMED + 4  # of a bundle, after its size
_NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d"}
_SIZES = {"t": 8, "r": 4, "c": 4, "m": 4}  # of arguments that are not needed here
_CONSTANTS = {"T": True, "F": False, "N": None, "I": None}

Argument = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Message:
    """An address and its arguments; arguments of types that are not needed here are None."""

    address: str
    arguments: tuple[Argument, ...]


def messages_in(packet: bytes, depth: int = 0) -> list[Message]:
    """Decodes the messages of a packet in order, whatever their bundles' times.

    Raises MalformedError.
    """
    if not packet.startswith(BUNDLE):
        return [_message(packet)]
    if depth == MAX_DEPTH or len(packet) < _TIMED:
        raise MalformedError("bundles too deep, or cut off")
    found: list[Message] = []
    at = _TIMED
    while at < len(packet):
        size = int(_number(packet, at, ">i"))
        if size <= 0 or size % 4 or at + 4 + size > len(packet):
            raise MalformedError("an element of a bundle has an impossible size")
        found += messages_in(packet[at + 4 : at + 4 + size], depth + 1)
        at += 4 + size
    return found


def label(packet: bytes, at: int) -> bytes:
    """Returns the address, the types and a leading name of the message there, undecoded."""
    types = _next_text(packet, at)
    end = _next_text(packet, types)
    if packet[types : types + 2] == b",s":
        end = _next_text(packet, end)
    return packet[at:end]


def _next_text(packet: bytes, at: int) -> int:
    """Returns where the text that begins there is over, padding included."""
    end = packet.find(b"\0", at)
    return len(packet) if end < 0 else end + 4 - end % 4


def _message(packet: bytes) -> Message:
    if not packet.startswith(b"/"):
        raise MalformedError("neither a message nor a bundle")
    address, at = _text(packet, 0)
    if at == len(packet):
        return Message(address, ())  # old senders leave the types out when there are none
    types, at = _text(packet, at)
    if not types.startswith(","):
        raise MalformedError("a message without types")
    arguments: list[Argument] = []
    for kind in types[1:]:
        if kind in _NUMBERS:
            arguments.append(_number(packet, at, _NUMBERS[kind]))
            at += struct.calcsize(_NUMBERS[kind])
        elif kind in ("s", "S"):
            text, at = _text(packet, at)
            arguments.append(text)
        elif kind in _CONSTANTS:
            arguments.append(_CONSTANTS[kind])
        elif kind == "b" or kind in _SIZES:
            at += _SIZES[kind] if kind != "b" else _blob_size(packet, at)
            arguments.append(None)
        elif kind not in "[]":
            raise MalformedError(f"type {kind!r} does not exist")
    if at > len(packet):
        raise MalformedError("a message is cut off")
    return Message(address, tuple(arguments))


def _number(packet: bytes, at: int, form: str) -> int | float:
    try:
        value: int | float = struct.unpack_from(form, packet, at)[0]
    except struct.error as err:
        raise MalformedError("a number is cut off") from err
    return value


def _blob_size(packet: bytes, at: int) -> int:
    size = int(_number(packet, at, ">i"))
    if size < 0:
        raise MalformedError("a blob has a negative size")
    return 4 + size + -size % 4


def _text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.find(b"\0", at)
    after = end + 4 - end % 4
    if end < 0 or after > len(packet):
        raise MalformedError("a text is cut off")
    try:
        return packet[at:end].decode("utf-8"), after
    except UnicodeDecodeError as err:
        raise MalformedError("a text is not UTF-8") from err

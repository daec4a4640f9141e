"""Messages of the control channel: one JSON object on one line, each way.

A client sends requests, one after the other, and gets one reply to each:

    {"version": 1, "command": "avatar", "arguments": ["fox"]}
    {"version": 1, "ok": true, "result": {"avatar": "fox"}}
    {"version": 1, "ok": false, "error": "no avatar is called ...", "hint": "...", "exit_code": 5}

Unknown keys are ignored, so that a later livecam may add some.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livecam.core.errors import ControlError, LivecamError, UsageError
from livecam.core.language import tr
from livecam.core.text_files import parse_json, shown

VERSION = 1
MAX_REQUEST_BYTES = 64 << 10  # a path of 4096 bytes, all of them escaped, takes 24 KiB
MAX_REPLY_BYTES = 1 << 20
MAX_ARGUMENTS = 8


@dataclass(frozen=True, slots=True)
class Request:
    """A command and its arguments, as the words of a command line."""

    command: str
    arguments: tuple[str, ...] = ()
    token: str = ""  # of the endpoint, where anyone on this machine could connect


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a request, or the error that it ended with."""

    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""  # empty: it was obeyed
    hint: str = ""
    exit_code: int = 0

    @classmethod
    def of_error(cls, error: BaseException) -> Reply:
        """Makes the reply to a request that failed."""
        if isinstance(error, LivecamError):
            return cls({}, error.message, error.hint, error.exit_code)
        fault = f"{type(error).__name__}: {error}"
        what = tr("something went wrong inside: {error}", error=fault)
        return cls({}, what, tr("the log of that livecam says more"), LivecamError.exit_code)


def encoded_request(request: Request) -> bytes:
    """Encodes a request as one line."""
    content = {"command": request.command, "arguments": list(request.arguments)}
    return _line(content | ({"token": request.token} if request.token else {}))


def encoded_reply(reply: Reply) -> bytes:
    """Encodes a reply as one line."""
    if not reply.error:
        return _line({"ok": True, "result": dict(reply.result)})
    words = {"error": reply.error, "hint": reply.hint, "exit_code": reply.exit_code}
    return _line({"ok": False} | words)


def decoded_request(line: bytes) -> Request:
    """Decodes a line that a client sent.

    Raises:
        UsageError: it is no request; nothing in it is trusted.
    """
    content = _object(line, UsageError)
    command, words = content.get("command"), content.get("arguments", [])
    token = content.get("token", "")
    if not isinstance(command, str) or not isinstance(token, str) or not _are_words(words):
        raise UsageError(
            "a request needs a command and a list of words",
            hint='for example {"version": 1, "command": "avatar", "arguments": ["fox"]}',
        )
    return Request(command, tuple(words), token)


def decoded_reply(line: bytes) -> Reply:
    """Decodes a line that a running livecam sent.

    Raises:
        ControlError: it is no reply.
    """
    content = _object(line, ControlError)
    result, code = content.get("result", {}), content.get("exit_code", 1)
    words = [content.get(name, "") for name in ("error", "hint")]
    if not isinstance(result, dict) or type(code) is not int or not _are_words(words):
        raise ControlError("the reply of the running livecam cannot be read")
    if content.get("ok") is True:
        return Reply(result)
    reason = words[0] or tr("the running livecam refused, and gave no reason")
    return Reply({}, reason, words[1], code)


def _line(content: dict[str, Any]) -> bytes:
    # ASCII alone: also what is not valid UTF-8 in the name of a file comes through.
    return json.dumps({"version": VERSION} | content, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes, error: type[LivecamError]) -> dict[str, Any]:
    try:
        content = parse_json(line.decode("utf-8"))
    except ValueError as err:  # also UnicodeDecodeError
        raise error(
            "a message of the control channel is not JSON", hint="send one object on each line"
        ) from err
    if not isinstance(content, dict):
        raise error("a message of the control channel is no object", hint="send {...} on each line")
    version = content.get("version")
    if version != VERSION or type(version) is not int:
        raise error(
            "a message of the control channel has the version {version}, not {ours}",
            hint="use the same version of livecam on both ends",
            version=shown(version), ours=VERSION,
        )  # fmt: skip
    return content


def _are_words(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_ARGUMENTS
        and all(isinstance(word, str) for word in value)
    )

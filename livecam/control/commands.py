"""The commands of the control channel: checks the words of a request and calls the target."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from livecam.control.base import ControlTarget, Result
from livecam.control.protocol import Reply, Request
from livecam.control.server import PendingRequest
from livecam.core.errors import LivecamError, UsageError
from livecam.core.language import tr
from livecam.core.registry import check_name
from livecam.core.text_files import shown

log = logging.getLogger(__name__)

Outcome: TypeAlias = Result | Future[Result]
FORCE = "force"  # the last word of a snapshot that may replace a file


@dataclass(frozen=True, slots=True)
class ControlCommand:
    """A command: the names of its arguments, and what it does."""

    call: Callable[..., Outcome]
    arguments: tuple[str, ...] = ()
    optional: int = 0  # how many of the last arguments may be missing


def obey(pending: PendingRequest, target: ControlTarget) -> None:
    """Executes a request; it is answered at once, or when its future has a result."""
    try:
        outcome = execute(pending.request, target)
    except Exception as error:
        pending.answer(_refusal(error))
        return
    if isinstance(outcome, Future):
        outcome.add_done_callback(partial(_answer, pending))
    else:
        pending.answer(Reply(outcome))


def execute(request: Request, target: ControlTarget) -> Outcome:
    """Executes a request.

    Raises:
        UsageError: there is no such command, or its words are wrong.
        LivecamError: it was not obeyed.
    """
    check_name("command", shown(request.command), COMMANDS, UsageError)
    command = COMMANDS[request.command]
    words = request.arguments
    if not len(command.arguments) - command.optional <= len(words) <= len(command.arguments):
        raise UsageError(
            "{command} takes {wanted}, not {count} words",
            hint="see `livecam ctl {command} --help`",
            command=request.command, wanted=_wanted(command), count=len(words),
        )  # fmt: skip
    return command.call(target, *words)


def _wanted(command: ControlCommand) -> str:
    return " ".join(map(tr, command.arguments)) or tr("no argument")


def _answer(pending: PendingRequest, done: Future[Result]) -> None:
    if done.cancelled():  # the run ends: the server says so
        return
    error = done.exception()
    pending.answer(Reply(done.result()) if error is None else _refusal(error))


def _refusal(error: BaseException) -> Reply:
    if not isinstance(error, LivecamError):
        log.error("a control command failed", exc_info=error)
    return Reply.of_error(error)


def _curtain(target: ControlTarget, word: str) -> Outcome:
    return target.set_curtain(_is_first(word, "curtain", "on", "off"))


def _freeze(target: ControlTarget, word: str) -> Outcome:
    return target.set_frozen(_is_first(word, "freeze", "on", "off"))


def _record(target: ControlTarget, word: str) -> Outcome:
    if _is_first(word, "record", "start", "stop"):
        return target.start_recording()
    return target.stop_recording()


def _snapshot(target: ControlTarget, file: str, force: str = "") -> Outcome:
    if force not in ("", FORCE):
        raise UsageError(
            'a snapshot may have the word "{word}", not "{given}"', word=FORCE, given=shown(force)
        )
    path = Path(file)
    if not path.is_absolute() or "\0" in file:
        raise UsageError(
            'a snapshot needs the whole path of its file, not "{file}"',
            hint="`livecam ctl snapshot` completes it",
            file=shown(file),
        )
    return target.snapshot(path, bool(force))


def _is_first(word: str, command: str, first: str, second: str) -> bool:
    if word not in (first, second):
        raise UsageError(
            '{command} must be {first} or {second}, not "{word}"',
            hint="for example `livecam ctl {command} {first}`",
            command=command, first=first, second=second, word=shown(word),
        )  # fmt: skip
    return word == first


COMMANDS: dict[str, ControlCommand] = {
    "panic": ControlCommand(lambda target: target.set_curtain(True)),
    "curtain": ControlCommand(_curtain, ("on|off",)),
    "freeze": ControlCommand(_freeze, ("on|off",)),
    "mirror": ControlCommand(lambda target: target.mirror()),
    "avatar": ControlCommand(lambda target, name: target.change_avatar(name), ("NAME",)),
    "next-avatar": ControlCommand(lambda target: target.next_avatar()),
    "learn-background": ControlCommand(lambda target: target.learn_background()),
    "set": ControlCommand(
        lambda target, key, text: target.change_setting(key, text), ("KEY", "VALUE")
    ),
    "get": ControlCommand(lambda target, key: target.get_setting(key), ("KEY",)),
    "record": ControlCommand(_record, ("start|stop",)),
    "snapshot": ControlCommand(_snapshot, ("FILE", FORCE), optional=1),
    "status": ControlCommand(lambda target: target.status()),
    "quit": ControlCommand(lambda target: target.quit()),
}

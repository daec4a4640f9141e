"""Small batches for tests: films with the portrait, and what `livecam batch` says of them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from livecam.batch.item import Item
from livecam.batch.plan import items_of, plan_of
from livecam.batch.run import BatchOutcome, run_batch
from livecam.batch.work import ItemState, Orders
from livecam.core.frame import Image
from tests.films import encoded
from tests.test_convert import room, with_portrait

FRAMES = 5
SIZE = (160, 120)
FLAGS = {"tier": "light", "avatar": "raccoon"}


def small_film(path: Path, portrait: Image, number: int = 0, frames: int = FRAMES) -> Path:
    """A film of a face in a room of its own."""
    images = [
        with_portrait(room(*SIZE, seed=number), portrait, 20 + 1.5 * i + number % 9, 4, 0.23)
        for i in range(frames)
    ]
    return encoded(path, [np.ascontiguousarray(image[..., :3]) for image in images])


def small_films(folder: Path, portrait: Image, count: int) -> list[Path]:
    """So many films, "a00.mp4" and so on, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    return [small_film(folder / f"a{n:02}.mp4", portrait, n) for n in range(count)]


def items(folder: Path, output: Path, **flags: object) -> list[Item]:
    """The items of all films in a folder."""
    return items_of(plan_of([str(folder)]), str(output), {**FLAGS, **flags})


def ran(
    wanted: list[Item], *, force: bool = False, again: bool = False
) -> tuple[BatchOutcome, list[ItemState]]:
    """Runs a batch in this process; the outcome, and the state of each item."""
    done = run_batch(wanted, Orders(force=force, again=again))
    return done, [done.results[n].state for n in sorted(done.results)]


@dataclass(frozen=True)
class DeadlyItem(Item):
    """An item that ends the process of every worker that begins it."""

    home: int = field(default_factory=os.getpid)

    @property
    def settings_sha256(self) -> str:
        if os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return "deadly"

"""Whose face it is: one person is followed through pictures with several."""

from __future__ import annotations

from livecam.core.face import Face, Observation
from livecam.people.people import People


class FaceChoice:
    """Decides which of the faces in a picture is the one that wears the avatar.

    The largest at first; then the same person for as long as they are there. A face that was
    already known as somebody else's never takes over while the first is merely out of sight
    for a moment.
    """

    def __init__(self) -> None:
        self._people = People()
        self.reset()

    def reset(self) -> None:
        self.changed = False  # the last choice is not the person of the one before
        self._name: int | None = None
        self._people.reset()

    def choose(self, observation: Observation) -> Face | None:
        self._people.update(observation)
        chosen = self._people.seats[0]
        if chosen is None or chosen.face is None:
            self.changed = False
            return None
        self.changed = chosen.name != self._name
        self._name = chosen.name
        return chosen.face

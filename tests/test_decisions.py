"""The decisions in docs/decisions: numbers, dates, status, links both ways, and the index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "decisions"
INDEX = FOLDER / "README.md"
HEADING = re.compile(r'^## <a id="d(\d{3})"></a>D(\d{3}): (.+)$', re.MULTILINE)
FACTS = re.compile(r"\n\nDate: (\d{4}-\d\d-\d\d) · Status: (.+)\n\n")
LINK = re.compile(r"\[D(\d{3})\]\(([^)#]*)#d(\d{3})\)")
OPPOSITES = {"superseded by": "Supersedes", "Amended by": "Amends"}


@dataclass(frozen=True)
class Decision:
    number: str
    title: str
    file: Path
    date: str
    status: str  # "accepted · Amends [D006](#d006)"

    @property
    def index_row(self) -> str:
        superseded = re.match(r"superseded by \[(D\d{3})\]", self.status)
        status = f"superseded by {superseded[1]}" if superseded else "accepted"
        link = f"[D{self.number}]({self.file.name}#d{self.number})"
        return f"| {link} | {self.title} | {self.file.stem} | {self.date} | {status} |"

    def numbers_after(self, words: str) -> set[str]:
        """The decisions that the status names after `words`."""
        _, _, rest = self.status.partition(words)
        return set(re.findall(r"\[D(\d{3})\]", rest.partition("·")[0]))


def decisions_in(file: Path) -> list[Decision]:
    text = file.read_text("utf-8")
    found = []
    for heading in HEADING.finditer(text):
        facts = FACTS.match(text, heading.end())
        assert facts, f"{file.name}: D{heading[2]} has no line with date and status below it"
        found.append(Decision(heading[2], heading[3], file, facts[1], facts[2]))
    return found


FILES = sorted(set(FOLDER.glob("*.md")) - {INDEX})
DECISIONS = sorted(
    (decision for file in FILES for decision in decisions_in(file)),
    key=lambda decision: decision.number,
)
BY_NUMBER = {decision.number: decision for decision in DECISIONS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_heading_is_a_decision(file: Path):
    text = file.read_text("utf-8")
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == len(decisions_in(file)) > 0
    assert all(anchor == number for anchor, number, _ in HEADING.findall(text))


def test_numbers_are_unique_and_without_gaps():
    numbers = [int(decision.number) for decision in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


def test_dates_are_dates_and_never_fall():
    dates = [date.fromisoformat(decision.date) for decision in DECISIONS]
    assert dates == sorted(dates)


def test_a_status_is_accepted_or_superseded():
    first = r"accepted|superseded by \[D\d{3}\]\(\S+\)"
    others = r"( · (Amends|Amended by|Supersedes) \[.+\))*"
    for decision in DECISIONS:
        assert re.fullmatch(f"({first}){others}", decision.status), decision


@pytest.mark.parametrize(("forwards", "backwards"), OPPOSITES.items())
def test_what_replaces_or_changes_a_decision_is_linked_both_ways(forwards: str, backwards: str):
    later = {(d.number, n) for d in DECISIONS for n in d.numbers_after(forwards)}
    earlier = {(n, d.number) for d in DECISIONS for n in d.numbers_after(backwards)}
    assert later == earlier
    assert all(old < new for old, new in later)


@pytest.mark.parametrize("file", [INDEX, *FILES], ids=lambda file: file.stem)
def test_a_link_to_a_decision_leads_there(file: Path):
    text = re.sub(r"```.*?```", "", file.read_text("utf-8"), flags=re.DOTALL)
    for shown, name, number in LINK.findall(re.sub(r"`[^`\n]+`", "", text)):
        assert shown == number
        assert BY_NUMBER[number].file == (FOLDER / name if name else file)


def test_the_index_lists_every_decision():
    rows = re.findall(r"^\| \[D\d.+$", INDEX.read_text("utf-8"), re.MULTILINE)
    assert rows == [decision.index_row for decision in DECISIONS]

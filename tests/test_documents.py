"""The documents: links, files and names of the code that they mention exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from livecam import __version__

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for folder in (REPOSITORY, REPOSITORY / "docs")
    for path in folder.glob("*.md" if folder == REPOSITORY else "**/*.md")
)
LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FILE_NAME = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|toml|sh|jpg|png|glsl|lock))`")
# Where a path in a document may start.
ROOTS = ("", "livecam", "scripts", "docs", "avatars")
# Of a folder that the user makes.
NOT_IN_THE_REPOSITORY = {"out/livecam-demo.mp4", ".bash_completions/livecam.sh"}


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def prose(document: Path) -> str:
    """The document without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", document.read_text("utf-8"), flags=re.M | re.S)


@cache
def anchors(document: Path) -> set[str]:
    """Returns the targets of `#...`: headings as GitHub makes anchors of them, and explicit ids."""
    text = prose(document)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return set(re.findall(r'<a id="([^"]+)">', text)) | {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    text = re.sub(r"<[^>]+>|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_have_existing_targets(document: Path):
    broken = []
    for target in LINK.findall(re.sub(r"`[^`\n]+`", "``", prose(document))):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_files_that_a_document_names_exist(document: Path):
    names = set(FILE_NAME.findall(prose(document))) - NOT_IN_THE_REPOSITORY
    places = [document.parent, *(REPOSITORY / root for root in ROOTS)]
    assert not [name for name in names if not any((place / name).exists() for place in places)]


def test_names_of_the_code_in_the_glossary_exist():
    text = (REPOSITORY / "docs" / "glossary.md").read_text("utf-8")
    cells = [row.split(" | ")[2] for row in text.splitlines() if row.count(" | ") == 3]
    names = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert len(names) > 50
    package = [path.read_text("utf-8") for path in (REPOSITORY / "livecam").rglob("*.py")]
    known = set(re.findall(r"\w+", "\n".join(package)))
    assert not names - known


def test_the_changelog_has_a_heading_for_every_version():
    text = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    newest, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert newest == "[Unreleased]"
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", each) for each in released]
    assert all(versions)
    assert versions[0] is not None
    assert versions[0][1] == __version__
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

r"""A file was committed with the markers of a merge conflict in it.

Git writes both sides of a conflict into the file, between lines of seven `<`, `=` and `>` (git-merge(1), "How
conflicts are presented"). JSON and YAML are unreadable with them, and in a card both sides are shown to the reader.

Wrong when: the text explains merge conflicts; markers inside a fenced block of a page do not count.

Fix: keep one side, delete the three marker lines and commit the file again.

Bad:
    adapter_config.json: "{" -> "<<<<<<< HEAD\n{\n=======\n{\n>>>>>>> other\n"

Good:
    # a rule of seven signs alone is a heading
    README.md: + "\nA heading\n=======\n"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.git_attributes import GitAttributes
from auditor.artifacts.model_card import ModelCard
from auditor.errors import CannotRead
from auditor.model import Blob, FileKind, Location, Problem, Severity
from auditor.runs import Contents

SEVERITY = Severity.ERROR

SIZE_LIMIT = 4 * 1024 * 1024
"""Largest file searched, in bytes."""
_FENCED = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)", re.MULTILINE | re.DOTALL)
_WORDS = "holds the markers of a merge conflict"


def check(contents: Contents) -> Iterator[Problem]:
    """What no reader could take, YAML, cards and .gitattributes."""
    files = contents.snapshot.files
    broken = [item.path for item in contents.unread if item.state == "unreadable"]
    yaml = [path for path in files if path.endswith((".yaml", ".yml"))]
    for path in dict.fromkeys(path for path in (*broken, *yaml) if path in files):
        if _has_conflict(_text(files[path])):
            yield _problem(path)
    for folder in contents.folders.values():
        for card in folder.all(ModelCard):
            # front-matter-unusable tells of markers above and inside the front matter.
            told = any("merge conflict" in problem for problem in card.problems)
            if "<<<<<<<" in card.body and not told and _has_conflict(_FENCED.sub("", card.body)):
                yield _problem(card.path, Severity.WARNING)
        for attributes in folder.all(GitAttributes):
            if any(rule.pattern.startswith("<<<<<<<") for rule in attributes.rules):
                yield _problem(attributes.path, Severity.WARNING)


def _problem(path: str, severity: Severity | None = None) -> Problem:
    return Problem(
        f"{path} {_WORDS}", Location(path), expected="one side", observed="both", severity=severity
    )


def _has_conflict(text: str) -> bool:
    """The three marker lines in their order."""
    left = ["<<<<<<<", "=======", ">>>>>>>"]
    if left[0] not in text:
        return False
    for line in text.splitlines():
        if line[:7] == left[0] and line[7:8] in ("", " "):
            left.pop(0)
            if not left:
                return True
    return False


def _text(blob: Blob) -> str:
    if blob.kind is not FileKind.FILE or blob.absent or (blob.size or 0) > SIZE_LIMIT:
        return ""
    try:
        return blob.read(SIZE_LIMIT).decode("utf-8", "replace")
    except CannotRead:
        return ""

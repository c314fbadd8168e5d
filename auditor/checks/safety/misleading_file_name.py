r"""A file name looks like another one, or hides characters.

Reviewers read names and programs compare bytes: PEFT asks for the file called `adapter_config.json` (peft
0.21.2, utils/constants.py, `CONFIG_NAME`). Letters that look alike are those of Unicode Technical Standard
39. A Cyrillic letter in `adapter_config.json`, another case, or an invisible character makes a file that
the one sees and the other does not; names that differ only in case are one file on Windows and macOS, and
which one wins depends on the checkout.

Wrong when: a name is meant to mix alphabets.

Fix: rename the file to the name that programs look for, or delete it.

Bad:
    # a Cyrillic letter
    "ad\u0430pter_config.json": = copy of adapter_config.json

Good:
    # a name in one alphabet
    "docs/\u043f\u0440\u0438\u0432\u0435\u0442.md": = "hello"
"""

import re
import unicodedata
from collections.abc import Iterator

from auditor.artifacts._readers import readers_of
from auditor.model import Location, Problem, Severity, Skip, Snapshot, name_of

SEVERITY = Severity.WARNING

_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""General categories (Unicode 15, chapter 4.5) of control, format and separator characters, which show nothing."""
_JOINERS = frozenset("\u200c\u200d")
"""Needed by some scripts and by emoji, so a name may hold them."""
_LIKE_LATIN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH", "MATHEMATICAL")
"""Alphabets with letters that look like Latin ones (Unicode Technical Standard 39)."""

_WORD = re.compile(r"[^\W\d_]+")


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """Every path by itself, then all of them without their case."""
    if not snapshot.files:
        yield Skip("the repository holds no file")
    by_folded: dict[str, list[str]] = {}
    for path in snapshot.files:
        by_folded.setdefault(_folded(path), []).append(path)
        says = _odd(path)
        if says is not None:
            yield Problem(f"the name {says}", Location(path), observed=ascii(path))
    for paths in by_folded.values():
        if len(paths) > 1:
            yield Problem(
                f"{len(paths)} paths differ only in case: {', '.join(paths[:3])}",
                Location(paths[0]),
                expected="paths that every file system keeps apart",
            )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def _odd(path: str) -> str | None:
    hidden = next((c for c in path if unicodedata.category(c) in _HIDDEN and c not in _JOINERS), None)
    if hidden is not None:
        return f"holds the invisible character U+{ord(hidden):04X}"
    for word in _WORD.findall(name_of(path)):
        alphabets = [unicodedata.name(letter, "").split(" ")[0] for letter in word]
        strange = next((alphabet for alphabet in alphabets if alphabet in _LIKE_LATIN), None)
        if strange is not None and "LATIN" in alphabets:
            return f"mixes Latin letters with {strange.capitalize()} ones that look alike"
    folded = _folded(path)
    if folded != path and not readers_of(path) and readers_of(folded):
        return f"is {name_of(folded)!r} but for its case, and no program reads it under this name"
    return None

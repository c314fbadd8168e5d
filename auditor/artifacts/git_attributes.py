""".gitattributes: which files git-lfs is told to keep, by git's own rules of matching."""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

SIZE_LIMIT = 100 * 1024 * 1024
"""Git ignores a larger .gitattributes (attr.c, ATTR_MAX_FILE_SIZE)."""
LINE_LIMIT = 2048
"""Git ignores a longer line (attr.c, ATTR_MAX_LINE_LENGTH)."""
RULE_LIMIT = 10_000
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "space": " \t\n\r\f\v",
    "upper": "A-Z",
}
"""``git lfs track`` writes a blank in a name as [[:space:]]."""
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.\-]*")
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"\s*(.*)$')


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: ``attributes`` map a name to its value, True (set), False (``-name``) or None (``!name``)."""

    pattern: str
    attributes: Mapping[str, str | bool | None]
    line: int

    @property
    def is_lfs(self) -> bool:
        """Whether the line asks for ``filter=lfs``."""
        return self.attributes.get("filter") == "lfs"


@dataclass(frozen=True, slots=True)
class GitAttributes(Artifact):
    """One .gitattributes; its patterns speak of paths below its own folder."""

    patterns: ClassVar[tuple[str, ...]] = (".gitattributes",)
    path: str
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file; bytes that are no UTF-8 are kept as replacement characters. Raises CannotRead."""
        data = blob.read(SIZE_LIMIT)
        if b"\0" in data:
            raise CannotRead("is a binary file, not a list of patterns")
        lines = data.decode("utf-8-sig", errors="replace").split("\n")
        rules = tuple(_rules(lines))
        if len(rules) > RULE_LIMIT:
            raise CannotRead(f"holds {len(rules)} rules, more than {RULE_LIMIT}")
        return cls(blob.path, rules)

    @property
    def lfs_patterns(self) -> tuple[str, ...]:
        """The patterns that ask for git-lfs, in file order."""
        return tuple(rule.pattern for rule in self.rules if rule.is_lfs)

    def deciding(self, path: str) -> Rule | None:
        """The line that decides about ``filter`` for a path of the repository: the last one that matches."""
        inside = path[len(self.folder) + 1 :] if self.folder else path
        if self.folder and not path.startswith(self.folder + "/"):
            return None
        speaking = (rule for rule in reversed(self.rules) if "filter" in rule.attributes)
        return next((rule for rule in speaking if pattern_matches(rule.pattern, inside)), None)

    def facts(self) -> Mapping[str, Fact]:
        """The LFS patterns as a set, and every other rule by its pattern."""
        found = {"lfs_patterns": Fact(frozenset(self.lfs_patterns))}
        return found | {rule.pattern: Fact(dict(rule.attributes)) for rule in self.rules if not rule.is_lfs}


def pattern_matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path relative to the .gitattributes file (git-scm.com/docs/gitignore).

    A pattern without a slash matches the file's name anywhere; ``**`` as a whole part matches any folders; a
    pattern that ends in a slash names a folder and never matches a file.
    """
    if not pattern or pattern.endswith("/"):
        return False
    if "/" not in pattern:
        return _part(pattern).fullmatch(path.rpartition("/")[2]) is not None
    pattern = pattern.removeprefix("/")
    # Git compares the part before the first special character as it is and matches only what remains, so that
    # the ** of `a**/b` begins a part (dir.c, match_pathname).
    plain = len(re.split(r"[*?\[\\]", pattern, maxsplit=1)[0])
    if not path.startswith(pattern[:plain]):
        return False
    return _parts_match(tuple(pattern[plain:].split("/")), tuple(path[plain:].split("/")))


def _parts_match(patterns: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Match part by part; ``reached[i]`` says that the patterns so far can have eaten i parts."""
    reached = [True] + [False] * len(parts)
    for number, pattern in enumerate(patterns):
        if len(pattern) > 1 and not pattern.strip("*"):
            first = reached.index(True) if True in reached else len(reached)
            # A trailing ** matches everything inside, so at least one part.
            first += number == len(patterns) - 1
            reached = [index >= first for index in range(len(reached))]
            continue
        test = _part(pattern)
        reached = [False] + [
            was and test.fullmatch(part) is not None for was, part in zip(reached[:-1], parts, strict=True)
        ]
    return reached[-1]


@lru_cache(maxsize=4096)
def _part(pattern: str) -> re.Pattern[str]:
    """One part of a pattern; fnmatch builds expressions that do not backtrack (Python 3.9 and newer)."""
    named = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match[0]), pattern)
    escaped = re.sub(r"\\(.)", lambda match: f"[{match[1]}]" if match[1] in "*?[" else match[1], named)
    return re.compile(fnmatch.translate(escaped.replace("[^", "[!")))


def _rules(lines: list[str]) -> Iterator[Rule]:
    for number, line in enumerate(lines, start=1):
        text = line.strip(" \t\r\n")
        # Negative patterns are forbidden in .gitattributes, and [attr] defines a macro.
        if not text or len(text) > LINE_LIMIT or text.startswith(("#", "!", "[attr]")):
            continue
        quoted = _QUOTED.match(text)
        if quoted:
            pattern, rest = re.sub(r"\\(.)", r"\1", quoted.group(1)), quoted.group(2)
        else:
            pattern, _, rest = text.replace("\t", " ").partition(" ")
        attributes = dict(_attributes(rest))
        # Git drops the whole line when one name in it is invalid (attr.c, attr_name_valid).
        if all(_NAME.fullmatch(name) for name in attributes):
            yield Rule(pattern, attributes, number)


def _attributes(text: str) -> Iterator[tuple[str, str | bool | None]]:
    for word in text.split():
        name, equals, value = word.partition("=")
        if equals:
            yield name, value
        elif word.startswith("-"):
            yield word[1:], False
        elif word.startswith("!"):
            yield word[1:], None
        else:
            yield word, True
            if word == "binary":
                yield from (("diff", False), ("merge", False), ("text", False))

"""Runs the examples in the docstrings of rules: lines that edit a repository of the fixtures.

``repository: seed`` · ``compared with: tiny main, unrelated`` · ``base: tiny`` · ``stored: git`` say where the example
plays (the honest tiny run unless said); every other line is ``PATH: edit``, PATH being a name or a glob:

    PATH: /json/pointer = JSON  |  /json/pointer removed  |  "old" -> "new"  |  + "text"  |  = "whole text"
    PATH: = copy of OTHER  |  removed  |  unfetched  |  cut to N bytes  |  .attribute = JSON
    PATH: tensor GLOB = 0 | = NaN | * 2 | rows 4 | removed | as float16
    PATH: tag at STEP = VALUE  |  pickle calling module.name
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from auditor.model import Blob, Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders import example_edits as edits
from tests.builders.repositories import TINY_BASE, contents

BRANCHES = {"tiny": "candidate", "seed": "caost-test-2"}
_CONTEXT = ("repository", "compared with", "base", "stored")
_LINE = re.compile(r"(?P<path>(?:[^:\\]|\\.)+): (?P<edit>.+)", re.DOTALL)


@dataclass
class Example:
    """A repository being edited: readable files, pointers without content, and how the rule is to be run."""

    files: dict[str, bytes]
    absent: dict[str, Blob]
    name: str
    more: dict[str, object] = field(default_factory=dict)
    stored: str = "lfs"

    def snapshot(self) -> Snapshot:
        """The edited repository."""
        from tests.checks.expecting import as_git

        blobs = dict(memory_snapshot(self.name, self.files).files)
        blobs.update({path: blob for path, blob in self.absent.items() if path not in self.files})
        # Two sides of a comparison are commits; only their being known matters.
        commit = "c" * 40 if "compared_with" in self.more else None
        made = Snapshot(self.name, dict(sorted(blobs.items())), commit, kind="memory")
        return as_git(made) if self.stored == "git" else made

    def matching(self, pattern: str) -> list[str]:
        """The paths an edit speaks of: those a glob matches, else the name itself, there or not."""
        if pattern == "events":
            pattern = "*events.out.tfevents.*"
        known = [*self.files, *self.absent]
        found = [path for path in known if path == pattern] or fnmatch.filter(known, pattern)
        return found or [pattern]


def read(text: str) -> Example:
    """Carry out an example's lines. Raises ValueError naming a line that means nothing."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    example = _start(lines)
    for line in lines:
        keyword, _, value = line.partition(": ")
        if keyword in _CONTEXT:
            _context(example, keyword, value.strip())
        else:
            _edit(example, line)
    return example


def _start(lines: list[str]) -> Example:
    fixture = "tiny"
    if lines and lines[0].startswith("repository: "):
        fixture = lines[0].partition(": ")[2].strip()
    branch = BRANCHES[fixture]
    read_, absent = contents(fixture, branch)
    return Example(dict(read_), dict(absent), branch)


def _context(example: Example, keyword: str, value: str) -> None:
    if keyword == "base":
        example.more["base"] = {"tiny": TINY_BASE}[value]
    elif keyword == "stored":
        example.stored = value
    elif keyword == "compared with":
        where, _, histories = value.partition(", ")
        fixture, branch = where.split()
        before, absent = contents(fixture, branch)
        blobs = {**memory_snapshot(branch, dict(before)).files, **absent}
        example.more["compared_with"] = Snapshot(branch, blobs, "b" * 40, kind="memory")
        example.more["related"] = histories != "unrelated"


def _edit(example: Example, line: str) -> None:
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError(f"no example line: {line!r}")
    pattern, edit = match["path"], match["edit"]
    for path in example.matching(pattern):
        if edit == "removed":
            _remove(example, path)
        elif edit == "unfetched":
            data = example.files.pop(path)
            example.absent[path] = edits.unfetched(path, data)
        else:
            source = edit.removeprefix("= copy of ")
            data = example.files[source] if edit.startswith("= copy of ") else _made(example, path, edit)
            example.files[path] = data


def _remove(example: Example, path: str) -> None:
    gone = [p for p in (*example.files, *example.absent) if p == path or p.startswith(path.rstrip("/") + "/")]
    if not gone:
        raise ValueError(f"nothing to remove at {path}")
    for item in gone:
        example.files.pop(item, None)
        example.absent.pop(item, None)


Maker = Callable[[bytes, "re.Match[str]"], bytes]
_FORMS: tuple[tuple[str, Maker], ...] = (
    (
        r"(?P<pointer>/\S*) = (?P<value>.+)",
        lambda d, m: edits.json_set(d, m["pointer"], json.loads(m["value"])),
    ),
    (r"(?P<pointer>/\S*) removed", lambda d, m: edits.json_set(d, m["pointer"], edits.GONE)),
    (
        r'(?P<old>".*") -> (?P<new>".*")',
        lambda d, m: edits.replaced(d, json.loads(m["old"]), json.loads(m["new"])),
    ),
    (r'\+ (?P<text>".*")', lambda d, m: d + json.loads(m["text"]).encode()),
    (r'= (?P<text>".*")', lambda _, m: json.loads(m["text"]).encode()),
    (r"cut to (?P<size>\d+) bytes", lambda d, m: d[: int(m["size"])]),
    (r"\.(?P<name>[\w/]+) = (?P<value>.+)", lambda d, m: edits.pickled(d, m["name"], json.loads(m["value"]))),
    (r"tensor (?P<glob>\S+) (?P<change>.+)", lambda d, m: edits.tensors(d, m["glob"], m["change"])),
    (r"pickle calling (?P<name>[\w.]+)", lambda _, m: edits.calling(m["name"])),
    (
        r"(?P<tag>\S+) at (?P<step>\d+) = (?P<value>\S+)",
        lambda d, m: edits.scalar(d, m["tag"], int(m["step"]), float(m["value"])),
    ),
)


def _made(example: Example, path: str, edit: str) -> bytes:
    data = example.files.get(path, b"")
    for form, make in _FORMS:
        match = re.fullmatch(form, edit, re.DOTALL)
        if match is not None:
            return make(data, match)
    raise ValueError(f"no such edit: {edit!r} (of {path})")


def parts(text: str) -> Iterator[str]:
    """An example's lines without remarks: empty when it edits nothing."""
    return (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))

"""Runs the examples in the docstrings of rules: lines that edit a repository of the fixtures.

``repository: seed`` · ``compared with: tiny main, unrelated`` · ``base: tiny`` (with one more file: ``base: tiny,
chat_template.jinja = "text"``) · ``stored: git`` · ``rerun: checkpoint-9/optimizer.pt diverged`` say where the example
plays (the honest tiny run unless said); every other line is ``PATH: edit``, PATH being a name, a glob, ``events`` for
the event file, or a JSON string:

    PATH: /json/pointer = JSON  |  /json/*/pointer = JSON  |  /json/pointer removed
    PATH: "old" -> "new"  |  + "text"  |  = "whole text"     {a Hugging Face token} in a text stands for a made-up one
    PATH: = copy of OTHER  |  removed  |  name "old" -> "new"  |  unfetched  |  unfetched, N bytes  |  submodule
    PATH: cut to N bytes  |  byte N changed  |  N zero bytes
    PATH: tensor GLOB = 0 | = NaN | * 2 | rows 4 | of shape 8x256 | renamed "old" -> "new" | removed | as float16
    PATH: .attribute = JSON     a pickled training_args.bin or state
    PATH: arguments of class trl.trainer.sft_config.SFTConfig
    PATH: object of another content
    PATH: optimizer with 28 parameters, step 18, exp_avg_sq 0.5  |  scaler with scale 65536
    PATH: generators with 6 numbers drawn on the CPU, offset 0 on the GPU
    PATH: tag at STEP = VALUE  |  tag at STEP removed  |  argument KEY = JSON  |  model KEY = JSON  |  no scalars
    PATH: begun once  |  begun 3 times  |  steps 9 to 18 written 500 s earlier
    PATH: pickle calling module.name  |  pickle naming module.name  |  bare pickle
    PATH: archive with "entry", "entry"  |  archive with compressed
    PATH: array of numbers  |  array of objects calling module.name     a NumPy file
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from auditor.model import Blob, FileKind, Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders import example_edits as edits
from tests.builders import example_events as events
from tests.builders import example_files as made
from tests.builders import generators
from tests.builders.numpy_files import make_npy
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE, contents

BRANCHES = {"tiny": "candidate", "seed": "caost-test-2"}
_CONTEXT = ("repository", "compared with", "base", "stored", "rerun")
_LINE = re.compile(r'(?P<path>"(?:[^"\\]|\\.)+"|[^":]+): (?P<edit>.+)', re.DOTALL)


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
        found = Snapshot(self.name, dict(sorted(blobs.items())), commit, kind="memory")
        return as_git(found) if self.stored == "git" else found

    def matching(self, pattern: str) -> list[str]:
        """The paths an edit speaks of: those a glob matches, else the name itself, there or not."""
        if pattern == "events":
            pattern = "*events.out.tfevents.*"
        elif pattern.startswith('"'):
            return [json.loads(pattern)]
        known = [*self.files, *self.absent]
        found = [path for path in known if path == pattern] or fnmatch.filter(known, pattern)
        return found or [pattern]


def read(text: str) -> Example:
    """Carry out an example's lines. Raises ValueError naming a line that means nothing."""
    lines = list(lines_of(text))
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
        name, _, more = value.partition(", ")
        example.more["base"] = made.base({"tiny": TINY_BASE}[name], more)
    elif keyword == "stored":
        example.stored = value
    elif keyword == "rerun":
        example.more["rerun"] = made.rerun(value)
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
    for path in example.matching(match["path"]):
        if not _filed(example, path, match["edit"]):
            example.files[path] = _made(example, path, match["edit"])


def _filed(example: Example, path: str, edit: str) -> bool:
    """Edits of where a file is and whether, not of what it holds."""
    pointer = re.fullmatch(r"unfetched(?:, (\d+) bytes)?", edit)
    renamed = re.fullmatch(r'name (?P<old>".*") -> (?P<new>".*")', edit)
    if edit == "removed":
        _remove(example, path)
    elif edit == "object of another content":
        example.absent[path] = made.damaged(path, example.files.pop(path))
    elif pointer:
        size = int(pointer[1]) if pointer[1] else None
        data = example.files.pop(path) if size is None else example.files.pop(path, b"")
        example.absent[path] = edits.unfetched(path, data, size)
    elif edit == "submodule":
        example.files.pop(path, None)
        example.absent[path] = edits.unfetched(path, b"", None).replaced(kind=FileKind.SUBMODULE, lfs=None)
    elif renamed:
        other = edits.replaced(path.encode(), json.loads(renamed["old"]), json.loads(renamed["new"])).decode()
        _rename(example, path, other)
    elif edit.startswith("= copy of "):
        (source,) = example.matching(edit.removeprefix("= copy of "))
        example.files[path] = example.files[source]
    else:
        return False
    return True


def _rename(example: Example, path: str, other: str) -> None:
    if path in example.files:
        example.files[other] = example.files.pop(path)
    else:
        example.absent[other] = example.absent.pop(path).replaced(path=other)


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
    (r'\+ (?P<text>".*")', lambda d, m: d + made.filled(json.loads(m["text"]))),
    (r'= (?P<text>".*")', lambda _, m: made.filled(json.loads(m["text"]))),
    (r"cut to (?P<size>\d+) bytes", lambda d, m: d[: int(m["size"])]),
    (r"byte (?P<at>\d+) changed", lambda d, m: edits.flipped(d, int(m["at"]))),
    (r"(?P<size>\d+) zero bytes", lambda _, m: bytes(int(m["size"]))),
    (
        r"\.(?P<name>[\w./]+) = (?P<value>.+)",
        lambda d, m: edits.pickled(d, m["name"], json.loads(m["value"])),
    ),
    (r"tensor (?P<glob>\S+) (?P<change>.+)", lambda d, m: edits.tensors(d, m["glob"], m["change"])),
    (r"optimizer with (?P<words>.+)", lambda _, m: made.optimized(m["words"])),
    (r"generators with (?P<words>.+)", lambda _, m: generators.drawn(m["words"])),
    (r"scaler with scale (?P<scale>\S+)", lambda _, m: made.scaled(float(m["scale"]))),
    (r"pickle calling (?P<name>[\w.]+)", lambda _, m: made.calling(m["name"])),
    (r"pickle naming (?P<name>[\w.]+)", lambda _, m: made.naming(m["name"])),
    (r"bare pickle", lambda _, __: made.bare()),
    (r"array of numbers", lambda _, __: make_npy()),
    (r"array of objects calling (?P<name>[\w.]+)", lambda _, m: make_npy(calling=m["name"])),
    (r"arguments of class (?P<name>[\w.]+)", lambda _, m: make_training_args({"seed": 42}, cls=m["name"])),
    (r"archive with (?P<entries>.+)", lambda _, m: made.archived(m["entries"])),
    (
        r"(?P<tag>\S+) at (?P<step>\d+) = (?P<value>\S+)",
        lambda d, m: events.valued(d, m["tag"], int(m["step"]), float(m["value"])),
    ),
    (
        r"(?P<tag>\S+) at (?P<step>\d+) removed",
        lambda d, m: events.without(d, m["tag"], int(m["step"])),
    ),
    (
        r"argument (?P<key>\w+) = (?P<value>.+)",
        lambda d, m: events.argued(d, m["key"], json.loads(m["value"])),
    ),
    (
        r"model (?P<key>\w+) = (?P<value>.+)",
        lambda d, m: events.argued(d, m["key"], json.loads(m["value"]), "model_config/text_summary"),
    ),
    (r"no scalars", lambda d, _: events.without_scalars(d)),
    (r"begun (?:once|(?P<times>\d+) times)", lambda d, m: events.begun(d, int(m["times"] or 1))),
    (
        r"steps (?P<first>\d+) to (?P<last>\d+) written (?P<seconds>\d+) s earlier",
        lambda d, m: events.moved(d, int(m["first"]), int(m["last"]), float(m["seconds"])),
    ),
)


def _made(example: Example, path: str, edit: str) -> bytes:
    data = example.files.get(path, b"")
    for form, make in _FORMS:
        match = re.fullmatch(form, edit, re.DOTALL)
        if match is not None:
            return make(data, match)
    raise ValueError(f"no such edit: {edit!r} (of {path})")


def lines_of(text: str) -> Iterator[str]:
    """An example's lines without remarks."""
    return (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def context_of(text: str) -> str:
    """The lines that say which repository an example edits, not how it is looked at."""
    return "\n".join(line for line in lines_of(text) if line.partition(": ")[0] in _CONTEXT[:-1])


def edits_of(text: str) -> Iterator[str]:
    """The other lines: what makes the difference."""
    return (line for line in lines_of(text) if line.partition(": ")[0] not in _CONTEXT[:-1])

"""Fields of JSON files, of a card's front matter and of .gitattributes."""

import json
from collections.abc import Iterator

import yaml

from tests.mutation.values import Mutation, edits

TOKENIZER_LEAVES = 40
"""Fields of tokenizer.json that are tried: every n-th of some thousand vocabulary entries and merges."""


def of_json(path: str, data: bytes) -> Iterator[Mutation]:
    """Every leaf of a JSON file, at its pointer."""
    for at, how, made in edits(json.loads(data)):
        pointer = "/" + "/".join(map(str, at))
        yield Mutation(path, pointer, how, lambda made=made: dumped(made()))  # type: ignore[misc]


def of_tokenizer(path: str, data: bytes) -> Iterator[Mutation]:
    """A few leaves all over a tokenizer.json."""
    found = list(of_json(path, data))
    yield from found[:: max(1, len(found) // TOKENIZER_LEAVES)]


def dumped(document: object) -> bytes:
    """JSON as the libraries write it."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def of_card(path: str, data: bytes) -> Iterator[Mutation]:
    """Every field of the front matter, and every number of the text."""
    _, head, body = data.decode().split("---\n", 2)
    for at, how, made in edits(yaml.safe_load(head)):
        text = f"---\n{yaml.safe_dump(made(), sort_keys=False)}---\n{body}"
        yield Mutation(path, "/" + "/".join(map(str, at)), how, text.encode().__bytes__)
    lines = body.split("\n")
    for number, line in enumerate(lines):
        for old, new in (*_TABLE, *_PROSE):
            if old in line:
                changed = [*lines[:number], line.replace(old, new), *lines[number + 1 :]]
                text = f"---\n{head}---\n" + "\n".join(changed)
                yield Mutation(path, f"text: {old}", "changed", text.encode().__bytes__)


_TABLE = (
    ("r 8", "r 16"),
    ("alpha 16", "alpha 32"),
    ("dropout 0.05", "dropout 0.1"),
    ("4-bit NF4", "8-bit"),
    ("| 0.002,", "| 0.003,"),
    ("linear", "cosine"),
    ("warm-up 0.1", "warm-up 0.2"),
    ("1 x 2 sequences", "4 x 2 sequences"),
    ("| epochs | 1 |", "| epochs | 2 |"),
    ("| seed | 42 |", "| seed | 43 |"),
)
"""Rows of the fixture's table of settings."""
_PROSE = (
    ("adapter for tiny-labs/tiny-gemma3", "adapter for tiny-labs/tiny-llama"),
    ("logged at step 18 is 5.9337", "logged at step 18 is 4.9337"),
    ("logged at step 9 is 6.2309", "logged at step 9 is 5.2309"),
    ("PEFT 0.21.2", "PEFT 0.13.2"),
)


def of_attributes(path: str, data: bytes) -> Iterator[Mutation]:
    """Every line of .gitattributes dropped, and turned off."""
    lines = data.decode().splitlines(keepends=True)
    for number, line in enumerate(lines):
        pattern = line.split()[0]
        without = "".join([*lines[:number], *lines[number + 1 :]])
        unset = "".join([*lines[:number], f"{pattern} -filter -text\n", *lines[number + 1 :]])
        yield Mutation(path, pattern, "removed", without.encode().__bytes__)
        yield Mutation(path, pattern, "changed", unset.encode().__bytes__)

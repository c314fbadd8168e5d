"""Fields of JSON files, of a card's front matter and of .gitattributes."""

import json
from collections.abc import Callable, Iterator
from functools import partial

import yaml

from tests.mutation.values import Mutation, edits, pointer

TOKENIZER_LEAVES = 40
"""Fields of tokenizer.json that are tried: every n-th of some thousand vocabulary entries and merges."""


def of_json(path: str, data: bytes) -> Iterator[Mutation]:
    """Every leaf of a JSON file, at its pointer."""
    for at, how, made in edits(json.loads(data)):
        yield Mutation(path, pointer(at), how, partial(_dumped, made))


def of_tokenizer(path: str, data: bytes) -> Iterator[Mutation]:
    """A few leaves all over a tokenizer.json."""
    found = list(of_json(path, data))
    yield from found[:: max(1, len(found) // TOKENIZER_LEAVES)]


def _dumped(made: Callable[[], object]) -> bytes:
    return (json.dumps(made(), indent=2, ensure_ascii=False) + "\n").encode()


def of_card(path: str, data: bytes) -> Iterator[Mutation]:
    """Every field of the front matter; the text below it is prose."""
    _, head, body = data.decode().split("---\n", 2)
    for at, how, made in edits(yaml.safe_load(head)):
        yield Mutation(path, pointer(at), how, partial(_fronted, made, body))


def _fronted(made: Callable[[], object], body: str) -> bytes:
    return f"---\n{yaml.safe_dump(made(), sort_keys=False)}---\n{body}".encode()


def of_attributes(path: str, data: bytes) -> Iterator[Mutation]:
    """Every line of .gitattributes dropped, and turned off."""
    lines = data.decode().splitlines(keepends=True)
    for number, line in enumerate(lines):
        pattern = line.split()[0]
        for how, other in (("removed", ""), ("changed", f"{pattern} -filter -text\n")):
            text = "".join([*lines[:number], other, *lines[number + 1 :]])
            yield Mutation(path, pattern, how, partial(text.encode, "utf-8"))

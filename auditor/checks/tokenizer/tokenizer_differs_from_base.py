"""The adapter's vocabulary gives other ids than its base model's.

An adapter works on the base's embeddings, whose rows are the ids of the base's tokenizer (torch 2.13.0,
nn/modules/sparse.py, `Embedding`). A piece with another id is read as another word, in training and in use. Pieces
that have each other's ids are an error: another release of a model adds pieces and renames some, and does not exchange
them. The blocks for truncation and padding, which the last call left in the file, and the ways of splitting text, which
releases write differently, are not compared.

Wrong when: the base given with --base is another release of the model than the one trained on.

Fix: train and publish with the base's own tokenizer; add tokens only behind its last id.

Bad:
    base: tiny
    tokenizer.json: /model/vocab/a = 447

Good:
    base: tiny
    tokenizer.json: /truncation = {"max_length": 64, "stride": 0}
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.checks._wording import counted, shown
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import BaseFolder, Run

SEVERITY = Severity.WARNING


def check(run: Run, base: BaseFolder) -> Iterator[Problem | Skip]:
    """Equal digests end the matter; else every piece of the base must keep its id."""
    mine, theirs = run.one(TokenizerJson), base.one(TokenizerJson)
    if mine is None or theirs is None:
        yield Skip("no tokenizer.json is beside the adapter, or none beside the base")
        return
    if mine.digest == theirs.digest:
        return
    try:
        own, known = ids(mine.document()), ids(theirs.document())
    except CannotRead as error:
        yield Skip(f"a tokenizer.json {error.reason}")
        return
    if own is None or known is None:
        yield Skip("the vocabulary is of a kind that has no ids")
        return
    moved = [text for text, number in known.items() if own.get(text) != number]
    if moved:
        first = moved[0]
        yield Problem(
            f"{counted(len(moved), 'piece', 'pieces')} of the base's {len(known):,} have another id or none, first "
            f"{shown(first)}",
            mine.at(),
            expected=f"{shown(first)} as {known[first]}",
            observed=f"{shown(first)} as {own[first]}" if first in own else "no such piece",
            evidence=tuple(_otherwise(run, mine)),
            severity=Severity.ERROR if _is_exchanged(own, known) else None,
        )


def _is_exchanged(own: Mapping[str, int], known: Mapping[str, int]) -> bool:
    """Whether the base's pieces have each other's ids: another release has other pieces, or more of them."""
    return own.keys() == known.keys() and set(own.values()) == set(known.values())


def _otherwise(run: Run, mine: TokenizerJson) -> Iterator[str]:
    """The last checkpoint's copy where it is another one."""
    last = run.last.one(TokenizerJson) if run.last else None
    if last is not None and last.digest != mine.digest:
        yield f"{last.path} is another one"


def ids(document: Mapping[str, object]) -> dict[str, int] | None:
    """Every piece with its id: a mapping (BPE, WordPiece, WordLevel) or a list (Unigram), and the added tokens."""
    model = document.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    found: dict[str, int] = {}
    if isinstance(vocabulary, dict):
        found = {str(text): number for text, number in vocabulary.items() if isinstance(number, int)}
    elif isinstance(vocabulary, list):
        pieces = (item[0] if isinstance(item, list) and item else None for item in vocabulary)
        found = {text: number for number, text in enumerate(pieces) if isinstance(text, str)}
    else:
        return None
    added = document.get("added_tokens")
    for token in added if isinstance(added, list) else ():
        if (
            isinstance(token, dict)
            and isinstance(token.get("content"), str)
            and isinstance(token.get("id"), int)
        ):
            found[token["content"]] = token["id"]
    return found

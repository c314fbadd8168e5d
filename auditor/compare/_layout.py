"""What is equal in two files whose bytes differ: the JSON, the lines, or every number of every tensor."""

from collections.abc import Sequence

from auditor.artifacts._base import Artifact, parse_json
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._same_bytes import same_tensor
from auditor.errors import CannotRead
from auditor.model import Blob

_LIMIT = 40 * 1024 * 1024
"""Bytes of a text that is compared; the largest tokenizer.json known has 33 MB (Gemma 3)."""
_BOM = b"\xef\xbb\xbf"


def equal_but_for_layout(one: Blob, two: Blob, pairs: Sequence[tuple[Artifact, Artifact]]) -> str | None:
    """A sentence that says what the files have in common, or None when it is nothing that was looked at."""
    for mine, theirs in pairs:
        if isinstance(mine, AdapterWeights) and isinstance(theirs, AdapterWeights):
            return _same_numbers(mine, theirs)
    if one.size is None or two.size is None or max(one.size, two.size) > _LIMIT:
        return None
    try:
        mine_bytes, theirs_bytes = one.read(_LIMIT), two.read(_LIMIT)
    except CannotRead:
        return None
    if _lines(mine_bytes) == _lines(theirs_bytes):
        return "the same text with other ends of lines"
    same = one.path.endswith(".json") and _same_json(mine_bytes, theirs_bytes)
    return "the same JSON in another layout" if same else None


def _lines(data: bytes) -> bytes:
    """Without a byte order mark and with one kind of line end, those at the end of the text left out."""
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n").rstrip(b"\r\n") if b"\0" not in data else data


def _same_json(one: bytes, two: bytes) -> bool:
    """Whether both are one JSON value; the order of keys does not count, the kind of a number does."""
    import json

    try:
        first, second = (json.dumps(parse_json(data), sort_keys=True) for data in (one, two))
    except (CannotRead, RecursionError, ValueError):
        return False
    return first == second


def _same_numbers(one: AdapterWeights, two: AdapterWeights) -> str | None:
    """Bit by bit and tensor by tensor, up to the first that differs."""
    if one.tensors.keys() != two.tensors.keys():
        return None
    try:
        if not all(same_tensor(one, two, name) for name in one.tensors):
            return None
    except CannotRead:
        return None
    return "every number is equal; the files are laid out in another way"

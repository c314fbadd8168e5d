"""In which parts two tokenizer.json differ, whatever their layout."""

from collections.abc import Mapping

from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.errors import CannotRead

_OF_A_CALL = frozenset({"truncation", "padding"})
"""The settings of the last call before the tokenizer was saved (transformers 5.23.0, tokenization_utils_tokenizers.py,
`set_truncation_and_padding`), which differ from checkpoint to checkpoint where an evaluation lies between them."""


def differing_parts(one: TokenizerJson, other: TokenizerJson) -> tuple[str, ...] | None:
    """The parts that differ, such as ``model.vocab``; none where layout alone does, None where one cannot be read."""
    if one.digest == other.digest:
        return ()
    try:
        mine, theirs = _parts(one), _parts(other)
    except CannotRead:
        return None
    return tuple(key for key in sorted(mine.keys() | theirs.keys()) if mine.get(key) != theirs.get(key))


def _parts(file: TokenizerJson) -> Mapping[str, object]:
    """The values by key, those of the model by keys of their own. Raises CannotRead."""
    document = file.document()
    parts = {key: value for key, value in document.items() if key not in _OF_A_CALL and key != "model"}
    model = document.get("model")
    inner = model if isinstance(model, dict) else {"": model}
    return {**parts, **{f"model.{key}": _plain(key, value) for key, value in inner.items()}}


def _plain(key: str, value: object) -> object:
    """Merges as pairs: older releases of tokenizers wrote each as one text with a space between."""
    if key != "merges" or not isinstance(value, list):
        return value
    return [item.split(" ", 1) if isinstance(item, str) else item for item in value]

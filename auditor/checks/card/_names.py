"""When two names cannot be one base model."""

import re
from enum import Enum

from auditor.checks._base_names import is_machine_path, model_name
from auditor.checks._references import sizes

_NEUTRAL = frozenset(
    {
        *(
            "meta",
            "unsloth",
            "bnb",
            "4bit",
            "8bit",
            "gptq",
            "awq",
            "gguf",
            "exl2",
            "int4",
            "int8",
            "fp16",
            "bf16",
            "fp8",
        ),
        *(
            "hf",
            "mlx",
            "quantized",
            "sharded",
            "dynamic",
            "qat",
            "w4a16",
            "w8a8",
            "nf4",
            "q4",
            "q8",
            "gs128",
            "bit",
        ),
        *("q4_0", "unquantized"),
    }
)
"""Parts of a name that tell how weights are stored or who copied them, not which model they are."""
_TUNED = frozenset({"it", "instruct", "chat"})
_UNTUNED = frozenset({"pt", "base"})


class Relation(Enum):
    """What two names say: one model, two models, perhaps two, or nothing that can be compared."""

    SAME = "same"
    OTHER = "other"
    UNCLEAR = "unclear"
    SILENT = "silent"


def relation(one: str, other: str) -> Relation:
    """Compare by the last segment, part by part, so that copies and quantized siblings are the same model.

    A folder's name need not be its model's: it counts only when it states a size, as ``gemma-3-4b-it`` does.
    """
    mine, theirs = _parts(one), _parts(other)
    if mine == theirs or model_name(one) == model_name(other):
        return Relation.SAME
    if not (_is_telling(one) and _is_telling(other)):
        return Relation.SILENT
    only_mine, only_theirs = mine - theirs, theirs - mine
    if only_mine and only_theirs:
        return Relation.OTHER
    extra = only_mine | only_theirs
    if extra <= _UNTUNED:
        return Relation.SAME
    return Relation.OTHER if extra <= _TUNED else Relation.UNCLEAR


def _parts(name: str) -> frozenset[str]:
    return frozenset(part for part in re.split(r"[-_ ]+", model_name(name)) if part and part not in _NEUTRAL)


def _is_telling(name: str) -> bool:
    if sizes(model_name(name)):
        return True
    return not is_machine_path(name) and name.strip("/").count("/") == 1 and "://" not in name

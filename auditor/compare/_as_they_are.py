"""Tensors compared as numbers under their own names, where no effective update is known: other methods than LoRA."""

import math
from collections.abc import Mapping, Sequence

from auditor.artifacts._safetensors import shown
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._factors import NotComparableError
from auditor.compare._update import Measured
from auditor.compare.tensors import sums_of_tensor
from auditor.errors import CannotRead

BYTE_LIMIT = 8 * 1024**3
"""Most bytes of one side that are compared number by number: some minutes of one core."""
_INERT = frozenset(
    {
        *(
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "peft_version",
            "inference_mode",
            "task_type",
        ),
        *(
            "lora_dropout",
            "module_dropout",
            "rank_dropout",
            "vera_dropout",
            "boft_dropout",
            "encoder_dropout",
        ),
        *("vblora_dropout", "randlora_dropout", "init_weights", "init_lora_weights", "init_ia3_weights"),
        *("prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs"),
        *("total_step", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight"),
    }
)
"""Settings that act while training only, or tell where the adapter comes from."""


def measured_tensors(
    base: Sequence[AdapterWeights], head: Sequence[AdapterWeights]
) -> Mapping[str, Measured]:
    """Squared norms of each tensor on both sides and of the difference, over the files of either side.

    A tensor of one side only is compared with nothing, which is zero. Raises NotComparableError.
    """
    one = {name: item for item in base for name in item.tensors}
    two = {name: item for item in head for name in item.tensors}
    if max(_bytes(base), _bytes(head)) > BYTE_LIMIT:
        raise NotComparableError(
            f"the files have more than {BYTE_LIMIT // 1024**3} GB, too much to compare here"
        )
    for name in {**one, **two}:
        shapes = [side[name].tensors[name].shape for side in (one, two) if name in side]
        if len(set(shapes)) > 1:
            raise NotComparableError(
                f"tensor {shown(name)} is {list(shapes[0])} on one side and {list(shapes[1])} on the other"
            )
    return {name: _measure(name, one.get(name), two.get(name)) for name in {**one, **two}}


def settings_that_differ(base: Mapping[str, object], head: Mapping[str, object]) -> tuple[str, ...]:
    """Keys of two adapter_config.json that decide what the tensors do and hold different values."""
    keys = [key for key in {**base, **head} if key not in _INERT]
    return tuple(key for key in keys if _plain(base.get(key)) != _plain(head.get(key)))


def _plain(value: object) -> object:
    if isinstance(value, list):
        return frozenset(str(item) for item in value) or None
    return value if value not in ({}, False, "") else None


def _bytes(files: Sequence[AdapterWeights]) -> int:
    return sum(item.size for item in files)


def _measure(name: str, one: AdapterWeights | None, two: AdapterWeights | None) -> Measured:
    side = one or two
    if side is None:
        return Measured(0.0, 0.0, 0.0, same=True)
    try:
        total = sums_of_tensor(one or side, two or side, name)
    except CannotRead as error:
        raise NotComparableError(f"a weight file {error.reason}") from error
    if one is None or two is None:
        found = Measured(total.aa if one else 0.0, total.aa if two else 0.0, total.aa)
    else:
        found = Measured(total.aa, total.bb, total.dd, not total.differing)
    if sum(total.nan) + sum(total.inf):
        raise NotComparableError(f"tensor {shown(name)} holds NaN or infinite values")
    if not math.isfinite(found.base + found.head + found.gap):
        raise NotComparableError(f"tensor {shown(name)} holds numbers too large for their squares")
    return found

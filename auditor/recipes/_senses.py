"""What platforms' values mean to the trainer: the translations that more than one platform needs."""

from collections.abc import Callable, Iterator, Mapping

from auditor.recipes._base import Stated
from auditor.recipes._types import number_in
from auditor.recipes._vocabulary import Leaves, Sense

ALL_LINEAR = "all"
"""Every linear layer by the platform's own search, which need not find the same as PEFT's ``all-linear``."""
SCHEDULES = frozenset(
    {
        *("linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"),
        *("inverse_sqrt", "reduce_lr_on_plateau", "cosine_with_min_lr", "warmup_stable_decay"),
    }
)
"""transformers 4.51.3, trainer_utils.py, SchedulerType: names that every platform hands over as they are."""
ADAPTERS = frozenset(
    {"lora", "qlora", "dora", "rslora", "adalora", "ia3", "oft", "vera", "lokr", "loha", "boft"}
)
"""Kinds of fine-tuning that leave an adapter behind."""


def names(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """Names of modules: a list, or one text with commas; "all" for every linear layer as the platform finds them."""
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    found = [str(item).strip() for item in items if str(item).strip()]
    if not found:
        return ()
    return (ALL_LINEAR,) if {"all", "all-linear", "all_linear"} & set(found) else (found,)


def switched(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """A strategy or target: YAML reads the word ``no`` as false."""
    return ("no",) if value is False else (value,) if isinstance(value, str) else ()


def positive(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """A number above zero; zero and -1 ask for nothing, or for what the platform thinks best."""
    number = number_in(value, "number") if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
        return ()
    return (number,)


def truth(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """A boolean; words such as ``unsloth`` or ``offload`` name a way of doing it."""
    return (value,) if isinstance(value, bool) else ()


def plain_schedule(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """A schedule of transformers; a platform's own is handed over under another name."""
    return (value,) if isinstance(value, str) and value in SCHEDULES else ()


def bits(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """4 and 8 are int4 and int8; 0 is none."""
    known = {"4": "int4", "8": "int8", "0": "no"}.get(str(value))
    return () if known is None else (known,)


def when(condition: Callable[[Mapping[str, object]], bool], sense: Sense | None = None) -> Sense:
    """A sense that holds under a condition on the whole configuration, such as "an adapter is trained"."""

    def conditional(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
        if not condition(raw):
            return ()
        return sense(value, raw) if sense else (value,)

    return conditional


def precision(leaves: Leaves, fp16: str = "fp16", bf16: str = "bf16") -> Iterator[tuple[str, Stated]]:
    """mixed_precision from two booleans; one of them alone, and false, leaves it open."""
    half, brain = leaves.get(fp16), leaves.get(bf16)
    if brain is not None and brain.value is True:
        yield "mixed_precision", says(brain, "bf16")
    elif half is not None and half.value is True:
        yield "mixed_precision", says(half, "fp16")
    elif half is not None and brain is not None and half.value is False and brain.value is False:
        yield "mixed_precision", says(half, "no")


def loaded_bits(
    leaves: Leaves, four: str = "load_in_4bit", eight: str = "load_in_8bit"
) -> Iterator[tuple[str, Stated]]:
    """quantization from two booleans."""
    low, high = leaves.get(four), leaves.get(eight)
    if low is not None and low.value is True:
        yield "quantization", says(low, "int4")
    elif high is not None and high.value is True:
        yield "quantization", says(high, "int8")
    elif low is not None and high is not None and low.value is False and high.value is False:
        yield "quantization", says(low, "no")


def trains_adapter(stated: Stated | None) -> Iterator[tuple[str, Stated]]:
    """peft from the kind of fine-tuning that is declared."""
    if stated is not None and isinstance(stated.value, str):
        yield "peft", says(stated, stated.value.lower() in ADAPTERS)


def says(stated: Stated, meaning: object) -> Stated:
    """The same statement with this meaning."""
    return Stated(stated.value, stated.member, stated.key, translated=(meaning,))

"""What total_flos divides by: the parameters a Trainer counts, for a base model with a LoRA adapter around
it.

``PreTrainedModel.num_parameters(exclude_embeddings=True)`` counts every parameter but the ``weight`` of
each nn.Embedding: text, vision tower and projector, the LoRA matrices and trained copies too, a 4-bit weight as
the elements it stands for, a tied output head not at all (transformers 4.51.3 and 5.23.0, modeling_utils.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from auditor.architectures._parts import Module
from auditor.architectures._structure import Structure, towers
from auditor.architectures._wrapping import candidates, saved_copies, undecidable, wrapped
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig

RELATIVE_ERROR = 1e-12
"""Bound on the rounding of a sum of floats that outgrew 53 bits."""
AS_THE_FILES_SAY = "as the files say"
MOST_LABELS = 128
"""Classes of a classifier tried when no file tells their number."""
MOST_ADDED_TOKENS = 512
"""Rows tried that a resized vocabulary may have more than the base's configuration says."""
RANKS = (1, 2, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256, 512)
"""Ranks tried when the recorded one does not close."""


@dataclass(frozen=True, slots=True)
class FlosLedger:
    """What total_flos proves: tokens over all steps, padding included, and the parameters it was divided
    by.

    ``parameters`` is the whole factor N, ``lora_parameters`` the adapter's share of it; ``exact`` is False
    when the sum outgrew what a float holds exactly and was compared within 1e-12.
    """

    tokens: int
    parameters: int
    lora_parameters: int
    tokens_per_step: Fraction
    exact: bool


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of base and adapter; ``claim`` is what it departs from, None for what the files say.

    ``main_input`` is the model input whose elements the Trainer counts as tokens.
    """

    words: str
    base_parameters: int
    lora_parameters: int
    towers: Mapping[str, int]
    claim: str | None = None
    main_input: str = "input_ids"

    @property
    def parameters(self) -> int:
        """N, the factor of total_flos."""
        return self.base_parameters + self.lora_parameters

    @property
    def modules(self) -> str:
        """``401 modules (238 text, 162 vision, 1 head)``."""
        parts = ", ".join(f"{number} {tower}" for tower, number in self.towers.items())
        total = sum(self.towers.values())
        return f"{total} module{'' if total == 1 else 's'} ({parts})"


# Adapters whose parameters a name in the base does not give.
_COPIES = (
    ("target_parameters", "wraps bare parameters (target_parameters)"),
    ("trainable_token_indices", "trains single embedding rows (trainable_token_indices)"),
    ("layer_replication", "repeats layers (layer_replication)"),
)
_HEADS_OF_TASKS = frozenset({"classifier", "score"})
"""Names that PEFT adds to modules_to_save for classifiers, whether the model has them or not (peft 0.21.2)."""


def tokens_in(total_flos: int, parameters: int) -> tuple[int, bool] | None:
    """(tokens, exact) when total_flos is 6 x parameters x a whole number, else None.

    Trainer adds ``float(6 * input_ids.numel() * N)`` per micro-batch. Every addend is a multiple of the
    lowest set bit of 6N, so the sum is exact below 2**53 times that bit; above, rounding stays below 1e-12.
    """
    unit = 6 * parameters
    if total_flos <= 0 or unit <= 0:
        return None
    tokens, rest = divmod(total_flos, unit)
    if total_flos < 2**53 * (unit & -unit):
        return (tokens, True) if rest == 0 else None
    nearest = tokens + (1 if 2 * rest > unit else 0)
    gap = abs(total_flos - nearest * unit)
    # Above 1e10 tokens the tolerance would let every hundredth wrong model pass.
    if nearest < 10**10 and gap <= RELATIVE_ERROR * total_flos:
        return nearest, False
    return None


def readings(
    base: BaseConfig, config: AdapterConfig, labels: int | None = None
) -> tuple[Hypothesis, ...] | str:
    """What the files say, once for each count that the releases' module names give; or why not."""
    found = countable(base, config, labels)
    if isinstance(found, str):
        return found
    counts = {
        h.parameters: h
        for structure in found
        if (modules := _usable(structure, config))
        and (h := _hypothesis(structure, config, modules, AS_THE_FILES_SAY, None))
    }
    return tuple(counts.values()) or _why_nothing(config)


def alternatives(base: BaseConfig, config: AdapterConfig) -> Iterator[Hypothesis]:
    """Readings that depart from the files in one thing: rank, output head, vision tower, added tokens, labels."""
    found = countable(base, config)
    for structure in () if isinstance(found, str) else found:
        modules = _usable(structure, config)
        if not modules:
            continue
        if not config.rank_pattern:
            for rank in RANKS:
                if rank != config.r:
                    other = replace(config, r=rank, keys=config.keys | {"r"})
                    yield _hypothesis(structure, other, modules, f"r = {rank}", "r")
        for words, changed in _other_targets(structure, modules):
            yield _hypothesis(structure, config, changed, words, "target_modules")
        yield from _with_more_tokens(structure, config, modules)
    yield from _with_other_labels(base, config)


def _with_other_labels(base: BaseConfig, config: AdapterConfig) -> Iterator[Hypothesis]:
    """A classifier of another number of classes, which an adapter's files state only with its weights."""
    one, two = readings(base, config, 1), readings(base, config, 2)
    if isinstance(one, str) or isinstance(two, str):
        return
    for first, second in zip(one, two, strict=False):
        each = second.base_parameters - first.base_parameters
        for labels in range(1, MOST_LABELS + 1) if each > 0 else ():
            more = first.base_parameters + (labels - 1) * each
            yield replace(first, words=f"with {labels} labels", base_parameters=more)


def wrapped_in(
    base: BaseConfig, config: AdapterConfig, labels: int | None = None
) -> tuple[tuple[Structure, tuple[Module, ...]], ...]:
    """Each structure of the base with the modules the adapter wraps there; none that wraps nothing."""
    found = countable(base, config, labels)
    if isinstance(found, str):
        return ()
    pairs = ((structure, _usable(structure, config)) for structure in found)
    return tuple(pair for pair in pairs if pair[1])


def countable(
    base: BaseConfig, config: AdapterConfig, labels: int | None = None
) -> tuple[Structure, ...] | str:
    """The base's structures in which the adapter can be counted; or why not, as a sentence."""
    if config.peft_type != "LORA":
        return f"the adapter's peft_type is {config.peft_type}, and only LORA is counted here"
    copies = next((words for key, words in _COPIES if config.raw.get(key)), None)
    if copies is not None:
        return f"the adapter {copies}, which is not counted here"
    found = candidates(base, config, labels)
    if isinstance(found, str):
        return found
    reasons = [_uncountable(structure, config) for structure in found]
    kept = tuple(s for s, reason in zip(found, reasons, strict=True) if reason is None)
    return kept or reasons[0] or ""


def _uncountable(structure: Structure, config: AdapterConfig) -> str | None:
    hidden = next((module.name for module in structure.modules if module.kind == "opaque"), None)
    if hidden is not None:
        return f"the parameters of {hidden} are not known"
    reason = undecidable(structure, config)
    if reason is not None:
        return reason
    kinds = {module.kind for module in wrapped(structure, config)}
    if "convolution" in kinds:
        return "the adapter wraps a convolution, which is not counted here"
    if "embedding" in kinds and config.use_dora:
        return "the adapter applies DoRA to an embedding, which is not counted here"
    unknown = set(config.modules_to_save) - _HEADS_OF_TASKS - _components(structure)
    if unknown:
        return (
            f"the adapter trains a whole copy of {min(unknown)} (modules_to_save), which is not counted here"
        )
    return None


def _components(structure: Structure) -> frozenset[str]:
    """Every part of a module's path, and every path: what an entry of modules_to_save may name."""
    return frozenset(part for module in structure.modules for part in (*module.name.split("."), module.name))


def _why_nothing(config: AdapterConfig) -> str:
    if config.rank_of("") is None:
        return "adapter_config.json holds no usable rank"
    return "target_modules names no linear module of the base"


def _usable(structure: Structure, config: AdapterConfig) -> tuple[Module, ...]:
    """The wrapped modules, none unless every one has a rank."""
    modules = wrapped(structure, config)
    ranks = [config.rank_of(module.name) for module in modules]
    return () if any(rank is None or rank < 1 for rank in ranks) else modules


def _hypothesis(
    structure: Structure,
    config: AdapterConfig,
    modules: tuple[Module, ...],
    words: str,
    claim: str | None,
) -> Hypothesis:
    added = sum(added_elements(module, config) for module in modules)
    copies = sum(copied_elements(module) for module in saved_copies(structure, config))
    counted = structure.non_embedding + copies
    return Hypothesis(words, counted, added, dict(towers(modules)), claim, structure.main_input)


def copied_elements(module: Module) -> int:
    """A trained copy beside the original (peft 0.21.2, utils/other.py); an embedding does not count."""
    if module.kind == "embedding":
        return 0
    bias = module.out_features if module.bias else 0
    return module.in_features * module.out_features + bias if module.is_linear else module.elements


def added_elements(module: Module, config: AdapterConfig) -> int:
    """LoRA's elements on one module: A and B, DoRA's magnitude, the bias of B (peft 0.21.2, tuners/lora)."""
    extra = int(config.use_dora) + int(config.raw.get("lora_bias") is True)
    return module.lora_parameters(config.rank_of(module.name) or 0) + extra * module.out_features


def _with_more_tokens(
    structure: Structure, config: AdapterConfig, modules: tuple[Module, ...]
) -> Iterator[Hypothesis]:
    """The vocabulary resized for new tokens, which no file of an adapter states; embeddings do not count."""
    head = structure.head
    if head is None:
        return
    copies = sum(module is head for module in saved_copies(structure, config))
    a_row = head.in_features * (copies + (structure.tied is False))
    a_row_of_lora = sum(_a_row(module, head, config) for module in modules)
    if not a_row + a_row_of_lora:
        return
    plain = _hypothesis(structure, config, modules, "", None)
    for rows in range(1, MOST_ADDED_TOKENS + 1):
        yield replace(
            plain,
            words=f"with {rows} row{'s' if rows > 1 else ''} added to the output head",
            base_parameters=plain.base_parameters + rows * a_row,
            lora_parameters=plain.lora_parameters + rows * a_row_of_lora,
        )


def _a_row(module: Module, head: Module, config: AdapterConfig) -> int:
    """LoRA elements that one token more adds on a module."""
    if module is head:
        return added_elements(replace(module, out_features=module.out_features + 1), config) - added_elements(
            module, config
        )
    of_vocabulary = module.kind == "embedding" and module.in_features == head.out_features
    return config.rank_of(module.name) or 0 if of_vocabulary else 0


def _other_targets(
    structure: Structure, modules: tuple[Module, ...]
) -> Iterator[tuple[str, tuple[Module, ...]]]:
    head = tuple(m for m in modules if m.tower == "head")
    vision = tuple(m for m in modules if m.tower == "vision")
    if head and len(modules) > 1:
        yield "without the output head", tuple(m for m in modules if m.tower != "head")
    if vision and len(modules) > len(vision):
        yield "without the vision tower", tuple(m for m in modules if m.tower != "vision")
    if not head and structure.head is not None:
        yield "with the output head", (*modules, structure.head)

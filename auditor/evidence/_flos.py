"""What total_flos divides by: the parameters a Trainer counts, for a base model with a LoRA adapter around
it.

``PreTrainedModel.num_parameters(exclude_embeddings=True)`` counts every parameter but the ``weight`` of
each nn.Embedding: text, vision tower and projector, the LoRA matrices too, a 4-bit weight as the elements
it stands for, a tied output head not at all (transformers 4.51.3 and 5.23.0, modeling_utils.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.architecture import LinearModule, linear_modules, parameter_counts
from auditor.artifacts.base_config import BaseConfig

RELATIVE_ERROR = 1e-12
"""Bound on the rounding of a sum of floats that outgrew 53 bits."""
AS_THE_FILES_SAY = "as the files say"
MOST_ADDED_TOKENS = 512
"""Rows tried that a resized vocabulary may have more than the base's configuration says."""
MOST_LOOKUPS = 500_000
"""Entries of rank_pattern times modules, above which the look-ups would take too long."""
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
    """One reading of base and adapter; ``claim`` is what it departs from, None for what the files say."""

    words: str
    base_parameters: int
    lora_parameters: int
    towers: Mapping[str, int]
    claim: str | None = None

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


@dataclass(frozen=True, slots=True)
class Naming:
    """How releases of transformers name a multimodal model's parts; prefixes of full module names."""

    text: str
    vision: str
    head: str


# gemma3 of transformers 4.50 to 4.51; from 4.52; 5.23, whose SigLIP tower has no inner vision_model.
_NAMINGS = (
    Naming("language_model.model", "vision_tower.vision_model", "language_model.lm_head"),
    Naming("model.language_model", "model.vision_tower.vision_model", "lm_head"),
    Naming("model.language_model", "model.vision_tower", "lm_head"),
)
_PLAIN = (Naming("model", "", "lm_head"),)
_COPIES = (
    ("modules_to_save", "trains whole copies of modules (modules_to_save)"),
    ("target_parameters", "wraps bare parameters (target_parameters)"),
    ("trainable_token_indices", "trains single embedding rows (trainable_token_indices)"),
    ("layer_replication", "repeats layers (layer_replication)"),
)


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


def readings(base: BaseConfig, config: AdapterConfig) -> tuple[Hypothesis, ...] | str:
    """What the files say, once for each count that the releases' module names give; or why not."""
    reason = uncountable(base, config)
    if reason is not None:
        return reason
    found = {h.parameters: h for h in (_reading(base, config, naming) for naming in _namings(base)) if h}
    return tuple(found.values()) or _why_nothing(config)


def alternatives(base: BaseConfig, config: AdapterConfig) -> Iterator[Hypothesis]:
    """Readings that depart from the files in one thing: rank, output head, vision tower, added tokens."""
    for naming in _namings(base):
        wrapped = _wrapped(base, config, naming)
        if wrapped is None:
            continue
        if not config.rank_pattern:
            for rank in RANKS:
                if rank != config.r:
                    other = replace(config, r=rank, keys=config.keys | {"r"})
                    yield _hypothesis(base, other, wrapped, f"r = {rank}", "r")
        for words, modules in _other_targets(base, wrapped, naming):
            yield _hypothesis(base, config, modules, words, "target_modules")
        yield from _with_more_tokens(base, config, wrapped)


def wrapped_modules(base: BaseConfig, config: AdapterConfig) -> tuple[LinearModule, ...]:
    """The linear modules the adapter wraps, under the first release's names that its targets match."""
    found = (_wrapped(base, config, naming) for naming in _namings(base))
    return next((modules for modules in found if modules), ())


def uncountable(base: BaseConfig, config: AdapterConfig) -> str | None:
    """Why the parameters cannot be counted, as a predicate about adapter or base; None when they can."""
    if config.peft_type != "LORA":
        return f"the adapter's peft_type is {config.peft_type}, and only LORA is counted here"
    copies = next((words for key, words in _COPIES if config.raw.get(key)), None)
    if copies is not None:
        return f"the adapter {copies}, which is not counted here"
    if parameter_counts(base) is None:
        return f"the parameters of a {base.model_type or 'unknown'} model are not counted here"
    return _unmatchable(base, config)


def _unmatchable(base: BaseConfig, config: AdapterConfig) -> str | None:
    """Why it cannot be told which modules are wrapped, or how."""
    if len(config.rank_pattern) * len(linear_modules(base) or ()) > MOST_LOOKUPS:
        return "rank_pattern has too many entries to follow"
    if isinstance(config.target_modules, str) and config.pattern_problem is not None:
        return f"the expression in target_modules {config.pattern_problem}"
    if any(config.targets(name) is not False for name in _others(base)):
        return "the adapter wraps an embedding or a convolution, which is not counted here"
    return None


def _why_nothing(config: AdapterConfig) -> str:
    if config.rank_of("") is None:
        return "adapter_config.json holds no usable rank"
    return "target_modules names no linear module of the base"


def _namings(base: BaseConfig) -> tuple[Naming, ...]:
    return _NAMINGS if base.is_multimodal else _PLAIN


def _others(base: BaseConfig) -> Iterator[str]:
    """Modules PEFT could wrap besides linear ones: embeddings and the patch convolution."""
    for naming in _namings(base):
        yield f"{naming.text}.embed_tokens"
        if naming.vision:
            yield f"{naming.vision}.embeddings.patch_embedding"
            yield f"{naming.vision}.embeddings.position_embedding"


def _named(module: LinearModule, naming: Naming) -> LinearModule:
    """The module under the name another release gives it."""
    if module.tower == "head":
        return replace(module, name=naming.head)
    parts = module.name.partition(".layers.")
    if module.tower == "text":
        return replace(module, name=f"{naming.text}.layers.{parts[2]}")
    tail = module.name.partition(".vision_model.")[2]
    return replace(module, name=f"{naming.vision}.{tail}")


def _wrapped(base: BaseConfig, config: AdapterConfig, naming: Naming) -> tuple[LinearModule, ...] | None:
    named = (_named(module, naming) for module in linear_modules(base) or ())
    wrapped = tuple(module for module in named if config.targets(module.name))
    ranks = [config.rank_of(module.name) for module in wrapped]
    if not wrapped or any(rank is None or rank < 1 for rank in ranks):
        return None
    return wrapped


def _reading(base: BaseConfig, config: AdapterConfig, naming: Naming) -> Hypothesis | None:
    wrapped = _wrapped(base, config, naming)
    return None if wrapped is None else _hypothesis(base, config, wrapped, AS_THE_FILES_SAY, None)


def _hypothesis(
    base: BaseConfig, config: AdapterConfig, wrapped: tuple[LinearModule, ...], words: str, claim: str | None
) -> Hypothesis:
    counts = parameter_counts(base)
    towers: dict[str, int] = {}
    for module in wrapped:
        towers[module.tower] = towers.get(module.tower, 0) + 1
    added = sum(_added(module, config) for module in wrapped)
    return Hypothesis(words, counts.non_embedding if counts else 0, added, towers, claim)


def _added(module: LinearModule, config: AdapterConfig) -> int:
    """LoRA's elements on one module: A and B, DoRA's magnitude, the bias of B (peft 0.21.2, tuners/lora)."""
    extra = int(config.use_dora) + int(config.raw.get("lora_bias") is True)
    return module.lora_parameters(config.rank_of(module.name) or 0) + extra * module.out_features


def _with_more_tokens(
    base: BaseConfig, config: AdapterConfig, wrapped: tuple[LinearModule, ...]
) -> Iterator[Hypothesis]:
    """The vocabulary resized for new tokens, which no file of an adapter states; embeddings do not count."""
    plain = _hypothesis(base, config, wrapped, "", None)
    head = next((module for module in wrapped if module.tower == "head"), None)
    a_row = base.text.hidden_size if base.text and base.tie_word_embeddings is False else 0
    a_row_of_lora = 0
    if head is not None:
        wider = replace(head, out_features=head.out_features + 1)
        a_row_of_lora = _added(wider, config) - _added(head, config)
    if not a_row + a_row_of_lora:
        return
    for rows in range(1, MOST_ADDED_TOKENS + 1):
        yield replace(
            plain,
            words=f"with {rows} row{'s' if rows > 1 else ''} added to the output head",
            base_parameters=plain.base_parameters + rows * a_row,
            lora_parameters=plain.lora_parameters + rows * a_row_of_lora,
        )


def _other_targets(
    base: BaseConfig, wrapped: tuple[LinearModule, ...], naming: Naming
) -> Iterator[tuple[str, tuple[LinearModule, ...]]]:
    head = tuple(m for m in wrapped if m.tower == "head")
    vision = tuple(m for m in wrapped if m.tower == "vision")
    if head and len(wrapped) > 1:
        yield "without the output head", tuple(m for m in wrapped if m.tower != "head")
    if vision and len(wrapped) > len(vision):
        yield "without the vision tower", tuple(m for m in wrapped if m.tower != "vision")
    if not head:
        linears = linear_modules(base) or ()
        yield "with the output head", (*wrapped, *(_named(m, naming) for m in linears if m.tower == "head"))

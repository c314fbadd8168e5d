"""LoRA is applied to lm_head or the embeddings although the base model ties the two.

With tied weights both are one matrix. PEFT then saves a copy of the whole frozen matrix with the
adapter (peft 0.13.2, utils/save_and_load.py, `save_embedding_layers="auto"`), and merging writes the
update into the shared matrix, so that the embeddings move too (tuners/tuners_utils.py warns). The usual
cause is `all-linear` in peft 0.14 or older with transformers 4.51 or older: PEFT compares the full name
`language_model.lm_head` with the short name `lm_head` and keeps it.

Wrong when: the adapter is never merged and the size of the file does not matter; or the base was untied
before training.

Fix: list the modules without lm_head, or exclude it with `exclude_modules` (peft 0.14 or newer).

Bad:
    base: tiny
    adapter_config.json: /target_modules = ["q_proj", "lm_head"]

Good:
    base: tiny
    adapter_config.json: /target_modules = ["q_proj", "lm_head"]
    adapter_config.json: /exclude_modules = ["lm_head"]
"""

from collections.abc import Iterator

from auditor.architectures._wrapping import candidates
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING

_TIED_ENDS = (
    *("lm_head", "language_model.lm_head", "embed_out", "proj_out"),
    *("model.embed_tokens", "language_model.model.embed_tokens", "model.language_model.embed_tokens"),
    *("transformer.wte", "transformer.word_embeddings", "gpt_neox.embed_in", "shared"),
    *("model.decoder.embed_tokens",),
)
"""Where transformers keeps the two ends of a tied pair, in the spellings of its releases."""


def check(config: AdapterConfig, base: BaseConfig | None) -> Iterator[Problem]:
    """Silent when the base is known to keep two matrices, or PEFT was asked to keep them tied."""
    if config.peft_type != "LORA" or config.raw.get("ensure_weight_tying") is True:
        return
    tied = base.tie_word_embeddings if base else None
    ends = _ends(config, base) if base and tied else _TIED_ENDS
    hit = sorted({name.rpartition(".")[2] for name in ends if config.targets(name)})
    if tied is False or not hit:
        return
    names = " and ".join(f"`{name}`" for name in hit)
    if tied:
        says = f"`target_modules` includes {names}, and the base model ties lm_head to its embeddings"
        evidence: tuple[str, ...] = (
            f"`tie_word_embeddings` is true for the base ({base.path if base else ''})",
        )
    else:
        says = f"`target_modules` includes {names}; whether the base model ties them is not known"
        evidence = ()
    yield Problem(
        says,
        config.at("/target_modules"),
        expected="linear layers inside the blocks only",
        observed=", ".join(hit),
        evidence=evidence,
        severity=None if tied else Severity.NOTE,
    )


def _ends(config: AdapterConfig, base: BaseConfig) -> tuple[str, ...]:
    """The head and the embedding of its vocabulary, by each release; none for a class that has no head to tie."""
    found = candidates(base, config)
    if isinstance(found, str):
        return _TIED_ENDS
    return tuple(
        module.name
        for structure in found
        if (head := structure.head) is not None
        for module in structure.modules
        if module is head or (module.kind == "embedding" and module.in_features == head.out_features)
    )

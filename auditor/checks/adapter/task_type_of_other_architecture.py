"""`task_type` speaks of an encoder-decoder, and the base model is a decoder alone, or the other way round.

PEFT wraps the model by `task_type` (peft 0.21.2, mapping_func.py): SEQ_2_SEQ_LM gives PeftModelForSeq2SeqLM, whose
`forward` and `generate` pass decoder inputs on, and AutoPeftModel loads the base with AutoModelForSeq2SeqLM, which
knows no decoder-only class. The adapter's tensors are right; the class around them is not.

Wrong when: the base is an encoder-decoder whose modules are named like those of Llama, such as T5Gemma.

Fix: set `task_type` to CAUSAL_LM for a decoder, to SEQ_2_SEQ_LM for an encoder-decoder.

Bad:
    adapter_config.json: /task_type = "SEQ_2_SEQ_LM"

Good:
    adapter_config.json: /task_type = "CAUSAL_LM"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_GATED = frozenset({"gate_proj", "up_proj", "down_proj"})
"""Modules of Llama's feed-forward block; of the encoder-decoders in transformers only T5Gemma has them."""
_BOTH = (
    "t5",
    "bart",
    "pegasus",
    "marian",
    "m2m",
    "nllb",
    "led",
    "whisper",
    "prophetnet",
    "ul2",
    "moonshine",
    "dia",
)
"""Parts of names of encoder-decoders (transformers 5.23.0, models/auto/modeling_auto.py)."""
_OTHER_STACKS = re.compile(r"vision|visual|qformer|audio")
"""Encoders of images and sound, which decoders of text may have in front (BLIP-2: an OPT ``decoder`` behind them)."""
_WORDS = {True: "encoder-decoder", False: "decoder alone"}


def check(
    config: AdapterConfig, weights: AdapterWeights | None, base: BaseConfig | None
) -> Iterator[Problem | Skip]:
    """The tensors' names first, then the base's own configuration, then the targets."""
    if config.task_type not in ("SEQ_2_SEQ_LM", "CAUSAL_LM") or not config.is_peft:
        return
    both, told = _is_both(config, weights, base)
    if both is None:
        yield Skip("whether the base model is an encoder-decoder is not known")
    elif both != (config.task_type == "SEQ_2_SEQ_LM"):
        yield Problem(
            f"`task_type` is {config.task_type}, and the base model is "
            f"{'an' if both else 'a'} {_WORDS[both]}",
            config.at("/task_type"),
            expected="SEQ_2_SEQ_LM" if both else "CAUSAL_LM",
            observed=config.task_type,
            evidence=(told,),
        )


def _is_both(
    config: AdapterConfig, weights: AdapterWeights | None, base: BaseConfig | None
) -> tuple[bool | None, str]:
    """Whether the base has an encoder and a decoder, and what tells; None when nothing does."""
    modules = [m for m in (weights.pairs() if weights is not None else ()) if not _OTHER_STACKS.search(m)]
    stacks = {stack for stack in ("encoder", "decoder") if any(stack in m.split(".") for m in modules)}
    if len(stacks) == 2 and weights is not None:
        return True, f"{weights.path} holds modules of an encoder and of a decoder"
    if base is not None and isinstance(base.raw.get("is_encoder_decoder"), bool):
        return bool(base.raw["is_encoder_decoder"]), f"`is_encoder_decoder` of {base.path}"
    names = f"{config.base_model_name_or_path} {config.base_model_class} {base.model_type if base else ''}".lower()
    targets = config.target_modules if isinstance(config.target_modules, frozenset) else frozenset()
    gated = {name.rpartition(".")[2] for name in targets} & _GATED
    gated |= {part for module in modules for part in module.split(".")} & _GATED
    if gated and not stacks and not any(word in names for word in _BOTH):
        return (
            False,
            f"the adapter is on {', '.join(sorted(gated))}, which only decoders of Llama's kind have",
        )
    return None, ""

"""The adapter was trained on a model class of another family than the base model's configuration declares.

PEFT writes the class it wrapped into `auto_mapping` (peft 0.13.2, peft_model.py). Another family has
other modules, so the adapter does not belong to this base. Heads may differ (LlamaForCausalLM,
LlamaForSequenceClassification): only the family is compared, by the class's name and by the module of
transformers it comes from (`transformers.models.<model_type>`); a part of a composite model counts as the model.

Wrong when: the base was converted to another architecture with the same weights.

Fix: give the base that was trained on, or publish the adapter with the base it belongs to.

Bad:
    base: tiny
    adapter_config.json: /auto_mapping = {"base_model_class": "LlamaForCausalLM"}
    adapter_config.json: /auto_mapping/parent_library = "transformers.models.llama.modeling_llama"

Good:
    base: tiny
    # the same family with another head
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForCausalLM"}
    adapter_config.json: /auto_mapping/parent_library = "transformers.models.gemma3.modeling_gemma3"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

_FAMILY = re.compile(
    r"([A-Z][A-Za-z0-9_]*?)(?:Text|Vision|Audio|Encoder|Decoder|MT)?(?:Model|For[A-Z].*|LMHeadModel|PreTrainedModel)$"
)

_RENAMED = {"LLaMA": "Llama", "MixFormerSequential": "Phi", "RW": "Falcon", "T5With": "T5"}
"""Classes that older checkpoints name, by what transformers loads them as today."""


def check(config: AdapterConfig, base: BaseConfig) -> Iterator[Problem | Skip]:
    """Only a base that is at hand is believed, and only classes of transformers are compared."""
    if config.base_model_class is None:
        yield Skip("adapter_config.json does not name the class of the base model")
    elif base.known is not None:
        yield Skip("the base model's own configuration is not at hand (give --base DIR)")
    elif base.auto_map or not (config.parent_library or "").startswith("transformers."):
        yield Skip("the model class comes from outside transformers")
    else:
        trained = _family(config.base_model_class)
        declared = {_family(name) for name in base.architectures}
        if (
            trained
            and declared
            and None not in declared
            and trained not in declared
            and not _is_part(config, base)
        ):
            yield Problem(
                f"the adapter was trained on a {config.base_model_class}, and the base model declares "
                f"{', '.join(base.architectures)}",
                config.at("/auto_mapping/base_model_class"),
                expected=", ".join(base.architectures),
                observed=config.base_model_class,
            )


def _is_part(config: AdapterConfig, base: BaseConfig) -> bool:
    """Whether the class's module in transformers is that of the base's type, or of a model inside it."""
    module = (config.parent_library or "").split(".")[2:3]
    nested = (base.raw.get(key) for key in ("text_config", "vision_config", "audio_config"))
    inner = [part.get("model_type") for part in nested if isinstance(part, dict)]
    types = [
        kind.replace("-", "_") for kind in (base.model_type, base.text_type, *inner) if isinstance(kind, str)
    ]
    return bool(module and module[0]) and any(f"{kind}_".startswith(f"{module[0]}_") for kind in types)


def _family(name: str) -> str | None:
    """``Gemma3`` of Gemma3ForConditionalGeneration and Gemma3TextModel; None for other kinds of names."""
    match = _FAMILY.fullmatch(name) if len(name) <= 200 else None
    if match is None or name.startswith("Peft"):
        return None
    return _RENAMED.get(match.group(1), match.group(1))

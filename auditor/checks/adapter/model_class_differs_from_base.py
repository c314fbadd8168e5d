"""The adapter was trained on a model class of another family than the base model's configuration declares.

PEFT writes the class it wrapped into `auto_mapping` (peft 0.13.2, peft_model.py). Another family has
other modules, so the adapter does not belong to this base. Heads may differ (LlamaForCausalLM,
LlamaForSequenceClassification): only the family is compared.

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
        if trained and declared and None not in declared and trained not in declared:
            yield Problem(
                f"the adapter was trained on a {config.base_model_class}, and the base model declares "
                f"{', '.join(base.architectures)}",
                config.at("/auto_mapping/base_model_class"),
                expected=", ".join(base.architectures),
                observed=config.base_model_class,
            )


def _family(name: str) -> str | None:
    """``Gemma3`` of Gemma3ForConditionalGeneration and Gemma3TextModel; None for other kinds of names."""
    match = _FAMILY.fullmatch(name) if len(name) <= 200 else None
    return match.group(1) if match and not name.startswith("Peft") else None

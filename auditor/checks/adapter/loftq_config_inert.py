"""A LoftQ configuration is present and has no effect, because `init_lora_weights` does not ask for it.

PEFT runs LoftQ's initialisation only for `init_lora_weights` "loftq" (peft 0.13.2,
tuners/lora/layer.py; the field's default is an empty object). Whoever set it meant the adapter to start
from the quantisation error, and it did not. The entry is also no sign that the base was quantised:
LoftQ wants an unquantised base.

Wrong when: the adapter was saved with `path_initial_model_for_weight_conversion`, which sets
`init_lora_weights` back to true.

Fix: set `init_lora_weights="loftq"`, or leave `loftq_config` out; quantise with BitsAndBytesConfig.

Bad:
    adapter_config.json: /loftq_config = {"loftq_bits": 4, "loftq_iter": 1}

Good:
    adapter_config.json: /loftq_config = {"loftq_bits": 4, "loftq_iter": 1}
    adapter_config.json: /init_lora_weights = "loftq"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(config: AdapterConfig) -> Iterator[Problem]:
    """An empty object is the default and says nothing."""
    if config.peft_type != "LORA" or not config.loftq_config or config.init_lora_weights == "loftq":
        return
    given = ", ".join(f"{key} {value}" for key, value in sorted(config.loftq_config.items()))
    yield Problem(
        f"`loftq_config` ({given}) had no effect, because `init_lora_weights` is "
        f"{_word(config.init_lora_weights)}",
        config.at("/loftq_config"),
        expected='`init_lora_weights` "loftq", or an empty `loftq_config`',
        observed=f"`init_lora_weights` {_word(config.init_lora_weights)}",
    )


def _word(value: bool | str | None) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'

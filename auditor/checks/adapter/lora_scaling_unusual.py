"""The factor by which the LoRA update is multiplied is far outside what is used in practice.

The update is B A times alpha/r, or alpha/sqrt(r) with rsLoRA (peft 0.21.2, tuners/lora/layer.py).
Public adapters have factors from 0.25 to 4; 64 and more is usually a mistake in `lora_alpha` or in `r`.

Wrong when: the learning rate was chosen for that factor.

Fix: check `lora_alpha` and `r` against the recipe that was meant.

Bad:
    # 512 / 8 = 64
    adapter_config.json: /lora_alpha = 512

Good:
    # 32 / 8 = 4
    adapter_config.json: /lora_alpha = 32
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE

LIMIT = 64.0
"""Factor from which the finding is made."""


def check(config: AdapterConfig) -> Iterator[Problem]:
    """The factor of a module that no pattern names."""
    if config.peft_type != "LORA":
        return
    factor = config.scaling_of("")
    if factor >= LIMIT:
        root = "sqrt(r)" if config.use_rslora else "r"
        yield Problem(
            f"the update is multiplied by {factor:g} (`lora_alpha` {config.alpha_of(''):g} / {root}, "
            f"r {config.rank_of('')})",
            config.at("/lora_alpha"),
            expected=f"below {LIMIT:g}",
            observed=f"{factor:g}",
        )

r"""The PEFT release that wrote the adapter is months older than the model class it wraps.

Gemma 3 came to transformers with 4.50 in March 2025; PEFT 0.13.2 is from October 2024 and 0.14.0 from
December. The pair works, because explicit targets need no default table (peft 0.21.2, utils/constants.py,
has `gemma3_text`), but PEFT was never tested with this class, and `all-linear` takes lm_head along (peft
0.13.2, tuners/tuners_utils.py).

Wrong when: PEFT was patched by the platform.

Fix: none is needed for loading; use a PEFT that is as new as the model class for the next training.

Bad:
    repository: seed
    # its keys and its card are of PEFT 0.13.2

Good:
    # PEFT 0.21.2
    adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
    checkpoint-*/adapter_config.json: /auto_mapping = {"base_model_class": "Gemma3ForConditionalGeneration"}
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._versions import proven
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE

_LAST_OLDER = {"Gemma3ForConditionalGeneration": "0.14.0", "Gemma3ForCausalLM": "0.14.0"}
"""Model class -> newest PEFT that is more than three months older than its first transformers release."""


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Only a proven upper bound of the PEFT release counts."""
    config, written = run.one(AdapterConfig), proven(ledger, "peft_version")
    name = config.base_model_class if config else None
    if config is None or name not in _LAST_OLDER or written is None or written.high is None:
        yield Skip("the model class or the newest possible PEFT release is not known")
        return
    if written.at_most(_LAST_OLDER[name]):
        yield Problem(
            f"PEFT {written} is more than three months older than {name}",
            config.at(),
            expected="PEFT 0.15.0 or newer",
            observed=f"PEFT {written}",
        )
